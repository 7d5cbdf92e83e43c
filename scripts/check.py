#!/usr/bin/env python3
# Runs every test of a build folder and ends with "N passed, N failed, N skipped",
# counting test cases (TAP lines) where a test program has them.
#
#   check.py BUILD [meson test arguments]
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import glob
import json
import os
import re
import subprocess
import sys

DIAGNOSTIC_LINES = 100


def show_diagnostics(text):
    """Prints what a program said about its failed cases; Meson shows only its stderr."""
    notes = re.findall(r'^(?:#|not ok).*', text, re.M)
    print('\n'.join(notes[-DIAGNOSTIC_LINES:]))


def count_tap(text, counts):
    """Adds the cases of one program's TAP output; returns whether there were any."""
    cases = re.findall(r'^(not ok|ok) [^\n]*', text, re.M)
    lines = re.findall(r'^(?:not ok|ok)[^\n]*', text, re.M)
    for status, line in zip(cases, lines):
        if re.search(r'# *SKIP', line, re.I):
            counts['skipped'] += 1
            print('SKIP:', line)
        elif status == 'ok':
            counts['passed'] += 1
        else:
            counts['failed'] += 1
            print('FAIL:', line)
    return bool(cases)


def main():
    build, *extra = sys.argv[1:]
    run = subprocess.run(['meson', 'test', '-C', build, '--print-errorlogs',
                          '--num-processes', str(os.cpu_count()), *extra])
    counts = {'passed': 0, 'failed': 0, 'skipped': 0}
    logs = glob.glob(os.path.join(build, 'meson-logs', 'testlog*.json'))  # a --setup has its own
    with open(max(logs, key=os.path.getmtime), encoding='utf-8') as log:
        for line in log:
            test = json.loads(line)
            failed_before = counts['failed']
            has_cases = count_tap(test.get('stdout', ''), counts)
            if counts['failed'] > failed_before:
                show_diagnostics(test['stdout'])
            if test['result'] in ('OK', 'EXPECTEDFAIL'):
                counts['passed'] += not has_cases
            elif test['result'] == 'SKIP':
                counts['skipped'] += not has_cases
                print('SKIP:', test['name'])
            elif counts['failed'] == failed_before:
                counts['failed'] += 1  # crashed, timed out, or failed without saying where
                print('FAIL:', test['name'], test['result'])
    print('{passed} passed, {failed} failed, {skipped} skipped'.format(**counts))
    return 1 if run.returncode or counts['failed'] else 0


sys.exit(main())
