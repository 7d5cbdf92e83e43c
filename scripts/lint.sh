#!/bin/bash
# House rules a machine can check. Ends with "N passed, N failed, N skipped".
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
set -u
cd "$(dirname "$0")/.." || exit 1

passed=0
failed=0
# rule NAME OUTPUT: passes if OUTPUT is empty.
rule() {
    if [ -z "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'lint: %s\n%s\n' "$1" "$2"
    fi
}

mapfile -t sources < <(git ls-files '*.c' '*.h')
rule "lines of at most 110 columns" "$(grep -nE '^.{111,}' "${sources[@]}" | cut -c1-100)"
rule "no tabs, no trailing blanks" "$(grep -nP '\t| +$' "${sources[@]}" | head)"
rule "every file names its licence" \
    "$(git ls-files '*.c' '*.h' '*.py' '*.sh' | xargs grep -L 'SPDX-License-Identifier')"
rule "no disabled code, no loose ends" "$(grep -nE '#if 0|TODO|FIXME' "${sources[@]}")"
rule "no file of code above 1500 lines" \
    "$(wc -l "${sources[@]}" | awk '$2 != "total" && $1 > 1500')"
floor() { # floor DIR PATTERN: files below DIR include nothing that matches PATTERN
    rule "$1 includes only from its floor and below" \
        "$(git grep -nE "#include \"($2)/" -- "$1/*.c" "$1/*.h")"
}
floor util 'qom|memory|block|chardev|net|ui|hw|target|accel|monitor|gdbstub|system'
floor qom 'memory|block|chardev|net|ui|hw|target|accel|monitor|gdbstub|system'
floor memory 'block|chardev|net|ui|hw|target|accel|monitor|gdbstub|system'
floor block 'hw|target|accel|monitor|gdbstub|system'
floor chardev 'hw|target|accel|monitor|gdbstub|system'
floor ui 'hw|target|accel|monitor|gdbstub|system'
floor hw 'target|accel|monitor|gdbstub|system'
floor target 'accel|monitor|gdbstub|system'
floor accel 'monitor|gdbstub|system'
floor monitor 'system'
floor gdbstub 'system'

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
