#!/usr/bin/env python3
# `info registers`, QMP's query-cpus-fast and gdb tell the same under an accelerator as under tcg, at
# the same point of the same boot: SeaBIOS, a boot sector into long mode, HLT.
#
#   agree.py [ACCEL]...
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'gdb'), os.path.join(HERE, '..', 'guest')]
from gdb import Debugged, Remote  # noqa: E402
from guest import ACCEL, SCALE, Failure, case, main, run, tool  # noqa: E402

SECONDS = 120
R14 = 0x66778899aabbccdd            # the last but one that the boot sector sets


def hmp(machine, line):
    return machine.qmp('human-monitor-command', command_line=line)


def wait_halt(machine):
    deadline = time.monotonic() + SECONDS * SCALE
    while True:
        text = hmp(machine, 'info registers')
        if f'R14={R14:016x}' in text and 'HLT=1' in text:
            return text
        if time.monotonic() > deadline:
            raise Failure('the guest did not come to its end:\n' + text + machine.stderr())
        time.sleep(0.2)


def observe(accel):
    """What each of the three says."""
    with tempfile.TemporaryDirectory() as work:
        image = work + '/disk'
        run([tool('nasm', 'nasm'), '-f', 'bin', '-o', image, HERE + '/agree.asm'])
        with Debugged('-accel', accel, '-nodefaults', '-vga', 'none', '-m', '32', '-drive',
                      f'file={image},format=raw,snapshot=on', '-cpu', 'qemu64') as machine:
            registers = wait_halt(machine)
            cpus = machine.qmp('query-cpus-fast')
            machine.qmp('stop')
            gdb = Remote(machine.path)
            gdb.ask('qSupported:multiprocess+')
            packet = gdb.ask('g')
            flat = hmp(machine, 'info mem') + hmp(machine, 'info tlb')
    for cpu in cpus:
        del cpu['thread-id']
    return {'info registers': registers, 'query-cpus-fast': cpus, 'gdb': packet,
            'info mem and tlb': flat}


def compare(accel, right):
    ours = observe(accel)
    for name, value in right.items():
        if ours[name] == value:
            continue
        if isinstance(value, str) and '\n' in value:
            pairs = zip(ours[name].splitlines(), value.splitlines())
            raise Failure(name + ':\n' + '\n'.join(f'{a}\n  tcg has\n{b}' for a, b in pairs if a != b))
        raise Failure(f'{name}:\n{ours[name]}\n  tcg has\n{value}')


def agree(accel, right):
    right.update(right or observe('tcg'))
    compare(accel, right)


right_ones = {}
main([case(f'{accel}: registers as under tcg', agree, accel, right_ones)
      for accel in sys.argv[1:] or [ACCEL or 'tcg,engine=interp']], wanted=())
