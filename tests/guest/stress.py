#!/usr/bin/env python3
# Random page-table edits, self-modifying code and timer interrupts; with two CPUs TLB shootdowns and
# cross-modifying code. The image (stress.asm) checks what it sees; its checksum must not depend on
# the engine or on when interrupts came.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import functools
import os
import re
import subprocess
import tempfile
from guest import EMULATOR, SCALE, TOP, Failure, tool, run, main

ROUNDS = int(os.environ.get('STRESS_ROUNDS', '20000'))
SMP_ROUNDS = 200


def assemble(path, cpus, rounds):
    run([tool('nasm', 'nasm'), '-w-number-overflow', '-f', 'bin', '-I', TOP + '/tests/cpu/sys/',
         '-I', TOP + '/tests/guest/', f'-DCPUS={cpus}', f'-DROUNDS={rounds}',
         f'-DSMP_ROUNDS={SMP_ROUNDS}', '-o', path, TOP + '/tests/guest/stress.asm'])


def stress(accel, cpus, rounds):
    """Runs the image to its end and returns its checksum."""
    with tempfile.TemporaryDirectory() as work:
        assemble(work + '/disk', cpus, rounds)
        done = subprocess.run(
            [EMULATOR, '-display', 'none', '-nodefaults', '-m', '32', '-smp', str(cpus), '-accel', accel,
             '-drive', f'file={work}/disk,format=raw,if=ide', '-debugcon', f'file:{work}/text',
             '-device', 'isa-debug-exit,iobase=0xf4'],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=240 * SCALE, check=False)
        with open(work + '/text', encoding='ascii') as f:
            text = f.read()
    if not text.endswith('done\n') or 'FAIL' in text or done.returncode != 1:
        raise Failure(f'{accel}: status {done.returncode}, {text!r}, '
                      f'{done.stderr.decode(errors="replace")[:20000]}')
    return re.search(r'checksum (\w+)', text).group(1)


@functools.cache
def expected(rounds):
    return stress('tcg,engine=interp', 1, rounds)


def compare(accel, cpus, rounds):
    found = stress(accel, cpus, rounds)
    if found != expected(rounds):
        raise Failure(f'{accel}: checksum {found}, the interpreter has {expected(rounds)}')


def translator():
    compare('tcg,check=on', 1, ROUNDS)


def lockstep():
    compare('tcg,check=on,lockstep=on,tb-size=1', 1, ROUNDS // 10)


def small_cache():
    """The code cache is full again and again."""
    compare('tcg,check=on,tb-size=1', 1, ROUNDS)


def two_cpus():
    compare('tcg', 2, ROUNDS // 10)


def two_cpus_interpreted():
    compare('tcg,engine=interp', 2, ROUNDS // 10)


main([translator, lockstep, small_cache, two_cpus, two_cpus_interpreted])
