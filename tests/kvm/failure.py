#!/usr/bin/env python3
# KVM cannot run code that is fetched from a device: the report of it, and a machine that stands.
#
#   failure.py [ACCEL]...
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'monitor')]
from monitor import Monitored, case, expect, expect_match, main  # noqa: E402

SIZE = 0x10000
TO_NOWHERE = b'\xea\0\0\0\xa0'      # at the reset vector: JMP A000:0000, where no VGA is


def failure(accel):
    with tempfile.TemporaryDirectory() as work:
        rom = work + '/rom'
        with open(rom, 'wb') as f:
            f.write(bytes(SIZE - 16) + TO_NOWHERE + bytes(16 - len(TO_NOWHERE)))
        with Monitored('-accel', accel, '-nodefaults', '-vga', 'none', '-m', '16', '-bios', rom) as m:
            m.wait_for(lambda: 'internal-error' in m.hmp('info status'), 'the failure')
            expect_match(m.stderr(), r'CPU 0: KVM internal error 1 \(KVM cannot emulate an instruction\)',
                         'cause')
            expect_match(m.stderr(), r'^CS =a000 000a0000 ', 'registers')
            expect_match(m.hmp('info registers'), r'^CS =a000 000a0000 ', 'registers in the monitor')
            m.hmp('system_reset')
            expect(m.process.poll(), None, 'the emulator goes on')


main([case(f'{accel}: emulation failure', failure, accel) for accel in sys.argv[1:] or ['kvm']], wanted=())
