#!/usr/bin/env python3
# A whole Debian: systemd to a login prompt on the serial line, gcc, Python, Perl, SQLite, stress-ng
# that verifies what it computes, with two CPUs; power off. Not part of make check: it takes minutes.
#
#   boot-debian.py
#
# DEBIAN_IMAGE is the disk (scripts/make-debian-image.sh), STRESS_SECONDS how long stress-ng runs (60).
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import re
from guest import Failure, Machine, Skip, main

IMAGE = os.environ.get('DEBIAN_IMAGE', 'build/debian.qcow2')
STRESS_SECONDS = int(os.environ.get('STRESS_SECONDS', '60'))
STRESSORS = ['cpu', 'vm', 'str', 'context', 'fork']
PROMPT = 'doppel# '

PROGRAM = r'''
#include <math.h>
#include <stdio.h>
int main(void)
{
    double sum = 0;
    for (int i = 1; i <= 100000; i++) {
        sum += 1.0 / ((double)i * i);
    }
    printf("PI-%.4f\n", sqrt(6 * sum));
    return 0;
}
'''


def command(machine, text, expected, seconds=120):
    """Runs a shell command that must succeed and print what the pattern says."""
    machine.send(text + '; echo STATUS-$?\n')
    status = machine.wait_serial(r'STATUS-(\d+)\r?\n', seconds).group(1)
    printed = machine.read_serial()
    if status != '0' or not re.search(expected, printed):
        raise Failure(f'{text!r} ended with {status} and printed {printed[-2000:]!r}')


def log_in(machine):
    machine.wait_serial(r'doppel login: ', 300)
    machine.send('root\n')
    machine.wait_serial(r'# ', 60)
    machine.send(f"stty -echo; PS1='{PROMPT}'\n")
    machine.wait_serial(re.escape(PROMPT), 30)


def compile_and_run(machine):
    machine.send(f"cat > pi.c <<'END'\n{PROGRAM}END\n")
    command(machine, 'gcc -O2 -Wall -o pi pi.c -lm && ./pi', r'PI-3\.1416')


def run_languages(machine):
    command(machine, "python3 -c 'import json, hashlib; "
            'print(json.dumps({"n": 2 ** 100}), hashlib.sha256(b"abc").hexdigest())\'',
            r'1267650600228229401496703205376.*ba7816bf8f01cfea414140de5dae2223')
    command(machine, 'perl -MDigest::MD5=md5_hex -e '
            "'print md5_hex(join q(,), map { $_ * $_ } 1 .. 3)'",
            r'b010bfe2012ff56202d0f158ae8dc0ab')
    command(machine, "sqlite3 t.db 'create table t(i); with recursive n(i) as (select 1 union all "
            'select i + 1 from n where i < 10000) insert into t select i from n; '
            "select sum(i) from t'",
            r'50005000')


def stress(machine):
    each = max(1, STRESS_SECONDS // len(STRESSORS))
    for name in STRESSORS:
        command(machine, f'stress-ng --verify --{name} 2 --timeout {each}s '
                '--vm-bytes 64m --metrics-brief', r'successful run completed', each + 120)


def kernel_complains_of_nothing(machine):
    command(machine, '! dmesg | grep -E "lockup|detected stall|BUG|Oops|Call Trace|segfault"', r'')


def power_off(machine):
    machine.send('systemctl poweroff\n')
    if machine.wait_end(120) != 0:
        raise Failure('power off did not end with status 0')


def debian():
    if not os.path.exists(IMAGE):
        raise Skip(f'{IMAGE} is missing; scripts/make-debian-image.sh makes it')
    with Machine('-m', '1024', '-smp', '2', '-accel', 'tcg', '-cpu', 'max', '-drive',
                 f'file={IMAGE},format=qcow2,if=ide,snapshot=on') as machine:
        log_in(machine)
        command(machine, 'nproc; systemctl is-system-running --wait', r'2\r?\nrunning')
        compile_and_run(machine)
        run_languages(machine)
        stress(machine)
        kernel_complains_of_nothing(machine)
        power_off(machine)


main([debian])
