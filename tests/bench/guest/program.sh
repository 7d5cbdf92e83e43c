# The shell workload: loops, arithmetic, functions, case, expansions; no other program.
#
#   program.sh N
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later

digits() { # the sum of the digits of $1
    rest=$1
    sum=0
    while [ "$rest" -gt 0 ]; do
        sum=$((sum + rest % 10))
        rest=$((rest / 10))
    done
}

round=0
total=0
while [ "$round" -lt "$1" ]; do
    for number in 1 22 333 4444 55555 666666; do
        digits $((number + round))
        total=$((total + sum))
        case $number$round in
        *7) total=$((total + 1)) ;;
        *[13579]) name=odd-$number ;;
        *) name=even-$number ;;
        esac
        [ "${name#odd-}" = "$name" ] && total=$((total + ${#name}))
    done
    round=$((round + 1))
done
echo "$total"
