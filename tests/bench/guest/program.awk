# The awk workload: fields, associative arrays, string functions, arithmetic.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
{
    for (i = 1; i <= NF; i++) {
        count[$i]++
        length_sum += length($i) * (i % 7)
        if ($i ~ /^[aeiou].*[st]$/) {
            vowels++
        }
    }
    line = $0
    gsub(/[aeiou]/, "#", line)
    hashes += split(line, parts, "#")
}

END {
    for (word in count) {
        words++
        squares += count[word] * count[word]
    }
    print NR, words, squares, length_sum, vowels, hashes
}
