#!/usr/bin/env python3
# User code whose translations change (windows.asm): with windows, by the software TLB, interpreted.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import re
import tempfile
from guest import TOP, Failure, Machine, main, run, tool


def assemble(path, cpus, places):
    run([tool('nasm', 'nasm'), '-w-number-overflow', '-f', 'bin', '-I', TOP + '/tests/cpu/sys/',
         '-I', TOP + '/tests/guest/', f'-DCPUS={cpus}', f'-DPLACES={places}', '-o', path,
         TOP + '/tests/guest/windows.asm'])


def check(accel, cpus, places=0):
    """Runs an image to its end; returns what `info jit` says then."""
    with tempfile.TemporaryDirectory() as work:
        assemble(work + '/disk', cpus, places)
        machine = Machine('-display', 'none', '-nodefaults', '-m', '32', '-smp', str(cpus),
                          '-cpu', 'max', '-accel', accel, '-debugcon', f'file:{work}/text',
                          '-drive', f'file={work}/disk,format=raw,if=ide')

        def text():
            with open(work + '/text', encoding='ascii') as f:
                return f.read()
        try:
            machine.wait(text, r'(?m)^done\n|unexpected.*\n', 120, 'debug port')
            info = machine.qmp('human-monitor-command', command_line='info jit')
        finally:
            machine.stop()
            found = text()
    if 'FAIL' in found or not found.endswith('done\n'):
        raise Failure(f'{accel}, {cpus} CPUs:\n{found}')
    return info


def windows(cpus):
    """With windows, which each CPU must really have used: opened, and mapped pages of both sizes."""
    info = check('tcg,windows=always', cpus)
    found = re.findall(r'windows: (\d+) opened, \d+ failed; pages: (\d+) mapped \((\d+) of 2 MiB', info)
    if len(found) != cpus or any(int(n) < 50 for n in [*found[0], *found[-1][:2]]):
        raise Failure('windows were hardly used:\n' + info)


def places_with_windows(cpus):
    """The second CPU is there, but does nothing."""
    info = check('tcg,windows=always', cpus, 1)
    mapped = int(re.search(r'pages: (\d+) mapped', info).group(1))
    if mapped < 10000:
        raise Failure('windows were hardly used:\n' + info)


def always():
    windows(1)


def always_two_cpus():
    windows(2)


def software_tlb():
    check('tcg,windows=off', 1)


def software_tlb_two_cpus():
    check('tcg,windows=off', 2)


def by_and_by():
    """Windows for what runs for long."""
    check('tcg,windows=on', 1)


def interpreted():
    check('tcg,engine=interp', 1)


def places():
    places_with_windows(1)


def places_two_cpus():
    places_with_windows(2)


def places_software_tlb():
    check('tcg,windows=off', 1, 1)


def places_by_and_by():
    check('tcg,windows=on', 1, 1)


def places_interpreted():
    check('tcg,engine=interp', 1, 1)


main([always, always_two_cpus, software_tlb, software_tlb_two_cpus, by_and_by, interpreted,
      places, places_two_cpus, places_software_tlb, places_by_and_by, places_interpreted])
