#!/usr/bin/env python3
# Boots in lockstep, with the block checker: the interpreter checks all that translated code does,
# the checker how it is made. The emulator ends with status 1 and a report on stderr if one of them
# finds anything.
#
#   lockstep.py firmware_and_decompressor | whole_boot
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import re
import tempfile
from guest import TOP, Failure, Machine, need, run, main

LOCKSTEP = 'tcg,lockstep=on,check=on'
MILLIONS = 20  # of instructions that the short test compares


def cloud_kernel():
    return need('/boot/vmlinuz-*cloud-amd64', 'linux-image-cloud-amd64')


def compared(machine):
    text = machine.qmp('human-monitor-command', command_line='info jit')
    match = re.search(r'lockstep: \d+ runs, (\d+) instructions compared', text)
    if not match:
        raise Failure(f'info jit does not tell of lockstep: {text}')
    return int(match.group(1))


def firmware_and_decompressor():
    """SeaBIOS, the kernel's set-up code and the beginning of its decompression."""
    with Machine('-accel', LOCKSTEP, '-cpu', 'max', '-kernel', cloud_kernel()) as machine:
        machine.wait(lambda: str(compared(machine) // 1000000 >= MILLIONS), 'True', 120,
                     f'{MILLIONS} million instructions compared')


def whole_boot():
    """Debian's cloud kernel to the end of a script of its initramfs, every instruction of it. The
    kernel would find that its timer does not tick, for it counts only a few ticks in time."""
    with tempfile.TemporaryDirectory() as work:
        run([TOP + '/scripts/make-initramfs.sh', work + '/initrd',
             'ls -l /bin | md5sum; seq 100 | awk "{ x += \\$1 / 3 } END { print x }"; '
             'echo LOCKSTEP-DONE; sleep 1000'])
        with Machine('-accel', LOCKSTEP, '-cpu', 'max', '-m', '256',
                     '-kernel', cloud_kernel(), '-initrd', work + '/initrd', '-append',
                     'console=ttyS0 earlyprintk=serial nowatchdog no_timer_check') as machine:
            machine.wait_serial('LOCKSTEP-DONE', 1500)
            print(f'# {compared(machine)} instructions compared')


main([firmware_and_decompressor, whole_boot])
