#!/bin/bash
# Builds every fuzz target with libFuzzer and sanitizers and runs each for a
# while, starting from the kept corpus tests/fuzz/corpus/TARGET (if there is one).
#
#   fuzz.sh [SECONDS [TARGET...]]     for each target (default: 60, all)
#
# The seed is fixed, so that two runs begin alike. What a target finds is left in build-fuzz/. Ends with "N passed, N failed, N skipped".
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
set -u
cd "$(dirname "$0")/.." || exit 1

seconds=${1:-60}
[ $# -gt 0 ] && shift
targets=("$@")
build=build-fuzz
if [ ! -f $build/build.ninja ]; then
    CC=clang meson setup $build -Dlibfuzzer=true -Db_lundef=false \
        -Db_sanitize=address,undefined >/dev/null || exit 1
fi
[ ${#targets[@]} -gt 0 ] ||
    mapfile -t targets < <(ninja -C $build -t targets all |
                           sed -n 's|^tests/fuzz/\(fuzz_[a-z_0-9]*\): .*|\1|p')
ninja -C $build "${targets[@]/#/tests/fuzz/}" || exit 1

export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
passed=0
failed=0
for target in "${targets[@]}"; do
    corpus=$build/corpus-$target
    mkdir -p "$corpus"
    kept=tests/fuzz/corpus/$target
    [ -d "$kept" ] || kept=
    if $build/tests/fuzz/"$target" -seed=1 -max_total_time="$seconds" -rss_limit_mb=4096 -timeout=20 \
        -artifact_prefix=$build/ "$corpus" $kept > $build/"$target".log 2>&1; then
        passed=$((passed + 1))
        grep -h '^Done' $build/"$target".log | sed "s/^/$target: /"
    else
        failed=$((failed + 1))
        echo "$target found:"
        tail -30 $build/"$target".log
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
