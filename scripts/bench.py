#!/usr/bin/env python3
# The main job's speed against Debian's qemu-system-x86_64: boot of the cloud
# kernel under SeaBIOS to the first command of init, both under -accel tcg with one
# CPU and -cpu max, interleaved, medians of processor time and wall time.
#
#   bench.py DOPPEL [ROUNDS]
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import glob
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def boot(emulator, kernel, initrd):
    """Seconds of (processor, wall) from start to power-off."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(
        [emulator, '-accel', 'tcg', '-cpu', 'max', '-m', '512', '-nodefaults', '-display', 'none',
         '-serial', 'stdio', '-no-reboot', '-kernel', kernel, '-initrd', initrd,
         '-append', 'console=ttyS0 quiet panic=-1'],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=600, check=True)
    wall = time.monotonic() - start
    if b'SHELL-REACHED' not in done.stdout:
        sys.exit(f'{emulator} did not reach the shell:\n{done.stdout[-1000:].decode()}')
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def main():
    doppel = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    kernel = sorted(glob.glob('/boot/vmlinuz-*cloud-amd64'))[-1]
    emulators = {'doppel': doppel, 'qemu': 'qemu-system-x86_64'}
    times = {name: [] for name in emulators}
    with tempfile.NamedTemporaryFile(suffix='.cpio') as initrd:
        subprocess.run([TOP + '/scripts/make-initramfs.sh', initrd.name,
                        'echo SHELL-REACHED'], check=True)
        for _ in range(rounds):
            for name, path in emulators.items():
                times[name].append(boot(path, kernel, initrd.name))
    print(f'{"boot to the shell":20} {"CPU s":>8} {"wall s":>8}   (median of {rounds})')
    medians = {}
    for name, values in times.items():
        medians[name] = [statistics.median(column) for column in zip(*values)]
        print(f'{name:20} {medians[name][0]:8.2f} {medians[name][1]:8.2f}')
    ratio = [d / q for d, q in zip(medians['doppel'], medians['qemu'])]
    print(f'{"doppel / qemu":20} {ratio[0]:8.2f} {ratio[1]:8.2f}')


main()
