# Runs Doppel for a test and drives it: serial line, QMP, screen text, keys.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
"""Guest tests: a Machine is one run of the emulator; wait_* calls have bounded waits and
raise Failure with what was seen instead."""
import os
import re
import subprocess
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
# pylint: disable=wrong-import-position,unused-import
from emulator import ACCEL, EMULATOR, Emulator, Qmp, accel_args, qmp_options  # noqa: E402,F401
from tap import SCALE, TOP, Failure, Skip, case, check, main, need, run, tool  # noqa: E402,F401


class Machine(Emulator):
    """One run: serial port on its standard streams, QMP on a unix socket."""

    def __init__(self, *args, emulator=None):
        super().__init__()
        self.serial = b''
        options = ['-serial', 'stdio', '-monitor', 'none', *qmp_options(self, 'qmp'),
                   '-nic', 'none', *accel_args(args), *args]
        self.session = Qmp(self.start(options, ['qmp'], emulator, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)[0])
        os.set_blocking(self.process.stdout.fileno(), False)
        self.qmp('qmp_capabilities')

    def qmp(self, command, **arguments):
        """What a QMP command returns; underscores in the names of arguments stand for dashes."""
        return self.session.call(command, **arguments)

    # --- keys and screen ---------------------------------------------------------

    KEYS = {' ': 'spc', '\n': 'ret', '-': 'minus', '=': 'equal', '.': 'dot', '/': 'slash',
            ',': 'comma', ';': 'semicolon', "'": 'apostrophe', '\\': 'backslash'}
    SHIFTED = {'(': '9', ')': '0', ':': 'semicolon', '_': 'minus', '"': 'apostrophe', '+': 'equal',
               '*': '8', '$': '4', '|': 'backslash', '>': 'dot', '<': 'comma'}

    def press(self, char):
        if char in self.SHIFTED:
            keys = ['shift', self.SHIFTED[char]]
        elif char.isupper():
            keys = ['shift', char.lower()]
        else:
            keys = [self.KEYS.get(char, char)]
        self.qmp('send-key', keys=[{'type': 'qcode', 'data': key} for key in keys], hold_time=20)

    def type(self, line, prompt='> '):
        """Each key once the text screen shows the one before: a BIOS that is busy forgets keys."""
        for i, char in enumerate(line):
            self.wait_screen(re.escape((prompt + line[:i]).rstrip()))
            self.press(char)

    def screen(self):
        return self.qmp('x-screen-text')['text'] or ''

    def wait_screen(self, pattern, seconds=60):
        return self.wait(self.screen, pattern, seconds, 'screen')

    # --- serial ---------------------------------------------------------------

    def read_serial(self):
        try:
            self.serial += self.process.stdout.read() or b''
        except BlockingIOError:
            pass
        return self.serial.decode('latin1')

    def wait_serial(self, pattern, seconds=60):
        return self.wait(self.read_serial, pattern, seconds, 'serial line')

    def send(self, text):
        """Sends text on the serial line and forgets what came before."""
        self.read_serial()
        self.serial = b''
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def wait(self, read, pattern, seconds, what):
        deadline = time.monotonic() + seconds * SCALE
        while True:
            text = read()
            match = re.search(pattern, text)
            if match:
                return match
            if self.process.poll() is not None:
                raise Failure(f'ended with {self.process.returncode} before {what} showed '
                              f'{pattern!r}:\n{text[-2000:]}\n{self.stderr()}')
            if time.monotonic() > deadline:
                raise Failure(f'{what} did not show {pattern!r}:\n{text[-2000:]}')
            time.sleep(0.1)

    # --- end --------------------------------------------------------------------

    def wait_end(self, seconds=60):
        try:
            return super().wait_end(seconds)
        except Failure as err:
            raise Failure('did not end:\n' + self.read_serial()[-2000:]) from err
