#!/usr/bin/env python3
# Real guests under the accelerator that DOPPEL_ACCEL names: SeaBIOS to a GRUB prompt, and a Linux
# kernel with two CPUs to a shell. The images are made outside of the nested guest: suite.py.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'guest'))
from guest import Failure, Machine, main, need  # noqa: E402


def grub():
    with Machine('-cdrom', '/boot/grub.iso', '-boot', 'd') as machine:
        machine.wait_screen(r'grub> *', 90)
        machine.type('echo hello-from-keyboard\n')
        machine.wait_screen(r'\nhello-from-keyboard', 30)


def linux_two_cpus():
    kernel = need('/boot/vmlinuz-*', 'linux-image-cloud-amd64')
    with Machine('-m', '256', '-smp', '2', '-kernel', kernel, '-initrd', '/boot/initrd', '-append',
                 'console=ttyS0 quiet') as machine:
        machine.wait_serial('/ # ', 180)
        machine.send('echo cpus-$(nproc) clock-$(cat /sys/devices/system/clocksource/*/'
                     'current_clocksource)\n')
        machine.wait_serial(r'\ncpus-2 clock-kvm-clock', 30)
        machine.send('poweroff -f\n')
        if machine.wait_end(60) != 0:
            raise Failure(f'status {machine.process.returncode}')


main([grub, linux_two_cpus])
