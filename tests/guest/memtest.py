#!/usr/bin/env python3
# memtest86+ completes a pass over 32 MiB without an error, 64-bit and 32-bit.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import re
from guest import Failure, Machine, need, main


class Terminal:
    """Just enough of a VT100 to read memtest's serial screen."""

    def __init__(self):
        self.rows = [[' '] * 80 for _ in range(25)]
        self.row = self.column = self.done = 0

    def feed(self, text):
        token = re.compile(r'\x1b\[(\d*)(?:;(\d*))?([A-Za-z])|\x1b[^\[]|([^\x1b])', re.S)
        while (match := token.match(text, self.done)):
            self.done = match.end()
            if match.group(3) == 'H':
                self.row = min(int(match.group(1) or 1), 25) - 1
                self.column = min(int(match.group(2) or 1), 80) - 1
            elif match.group(4) and match.group(4) not in '\r\n':
                self.rows[self.row][self.column] = match.group(4)
                self.column = min(self.column + 1, 79)

    def text(self):
        return '\n'.join(''.join(row).rstrip() for row in self.rows)


def one_pass(binary):
    kernel = need(binary, 'memtest86+')
    terminal = Terminal()
    with Machine('-m', '32', '-kernel', kernel, '-append', 'console=ttyS0') as machine:
        def screen():
            terminal.feed(machine.read_serial())
            return terminal.text()
        seen = machine.wait(screen, r'Pass: +[1-9]|Errors: +[1-9]', 300, 'memtest')
        if 'Errors' in seen.group(0) or not re.search(r'Errors: +0', screen()):
            raise Failure(screen())


def memtest_64bit():
    one_pass('/boot/memtest86+x64.bin')


def memtest_32bit():
    one_pass('/boot/memtest86+ia32.bin')


main([memtest_64bit, memtest_32bit])
