#!/usr/bin/env python3
# memtest86+ completes a pass over 32 MiB without an error, 64-bit and 32-bit.
#
# Test 10 (bit fade) is taken out: it only waits ten minutes to see whether DRAM
# cells lose their charge. MEMTEST_ALL=1 leaves it in.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import re
from guest import Failure, Machine, need, main


def press(machine, *keys):
    for key in keys:
        machine.qmp('send-key', keys=[{'type': 'qcode', 'data': key}], hold_time=30)


def deselect_bit_fade(machine):
    machine.wait_screen('<F1> Configuration', 60)
    press(machine, 'f1')
    machine.wait_screen('Settings:', 30)
    press(machine, 'f1')
    machine.wait_screen('Remove one test', 30)
    press(machine, 'f2')
    machine.wait_screen('(?i)enter test', 30)
    for key in ('1', '0', 'ret'):
        press(machine, key)
        machine.qmp('query-status')
    machine.wait_screen(r'\*\.\*{8}\.', 30)
    press(machine, 'f10')
    machine.wait_screen('Settings:', 30)
    press(machine, 'f10')


def one_pass(binary):
    kernel = need(binary, 'memtest86+')
    with Machine('-m', '32', '-kernel', kernel) as machine:
        if not os.environ.get('MEMTEST_ALL'):
            deselect_bit_fade(machine)
        seen = machine.wait_screen(r'Pass: +[1-9]|Errors: +[1-9]', 900)
        if 'Errors' in seen.group(0) or not re.search(r'Errors: +0', machine.screen()):
            raise Failure(machine.screen())


def memtest_64bit():
    one_pass('/boot/memtest86+x64.bin')


def memtest_32bit():
    one_pass('/boot/memtest86+ia32.bin')


main([memtest_64bit, memtest_32bit])
