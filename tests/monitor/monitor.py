# Starts Doppel with a human monitor and a qtest server, each on a unix socket, and talks to both.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, '..', 'lib'))
# pylint: disable=wrong-import-position,unused-import
from emulator import ACCEL, EMULATOR, Emulator, accel_args  # noqa: E402,F401
from tap import SCALE, Failure, Skip, case, main, run, tool  # noqa: E402,F401

PROMPT = '(qemu) '


def expect(value, expected, what):
    if value != expected:
        raise Failure(f'{what}:\n{value!r}\nexpected\n{expected!r}')


def expect_match(text, pattern, what):
    match = re.search(pattern, text, re.M)
    if not match:
        raise Failure(f'{what}: no {pattern!r} in\n{text}')
    return match


def build_rom(folder):
    """The firmware image of rom.asm."""
    path = os.path.join(folder, 'rom.bin')
    run([tool('nasm', 'nasm'), '-f', 'bin', '-o', path, os.path.join(HERE, 'rom.asm')])
    return path


def typed(text):
    """What a terminal shows of text with the editor's escape sequences, one line."""
    shown, at = [], 0
    for part in re.findall(r'\x1b\[\d*[A-Za-z]|.', text):
        if part.startswith('\x1b'):
            count = int(re.sub(r'\D', '', part) or 1)
            if part[-1] == 'D':
                at -= count
            elif part[-1] == 'K':
                del shown[at:]
        else:
            shown[at:at + 1] = [part]
            at += 1
    return ''.join(shown)


class Monitored(Emulator):
    """One run. hmp('info status') returns the reply's text, with plain newlines."""

    def __init__(self, *args, emulator=None):
        super().__init__()
        names = ['mon', 'qtest']
        options = ['-chardev', f'socket,path={self.file("mon")},id=mon0', '-mon', 'chardev=mon0',
                   '-qtest', f'unix:{self.file("qtest")}', *accel_args(args), *args]
        self.sockets = dict(zip(names, self.start(options, names, emulator)))
        self.greeting = self.read_reply()

    def read_reply(self):
        data = b''
        while not data.endswith(b'\n' + PROMPT.encode()):
            part = self.sockets['mon'].recv(65536)
            if not part:
                raise Failure(f'the monitor closed: {data!r} {self.stderr()}')
            data += part
        return data.decode('latin1').replace('\r\n', '\n')[:-len(PROMPT)]

    def hmp(self, line):
        self.sockets['mon'].sendall(line.encode('latin1') + b'\n')
        reply = self.read_reply()
        echo, _, text = reply.partition('\n')
        expect(typed(echo), line, 'echo')
        return text

    def qtest(self, line):
        self.sockets['qtest'].sendall(line.encode() + b'\n')
        data = b''
        while not data.endswith(b'\n'):
            part = self.sockets['qtest'].recv(65536)
            if not part:
                raise Failure('qtest closed: ' + self.stderr())
            data += part
        reply = data.decode().strip()
        if not reply.startswith('OK'):
            raise Failure(f'qtest {line}: {reply}')
        return reply[3:]

    def write(self, address, data):
        self.qtest(f'write {address:#x} {len(data)} 0x{data.hex()}')

    def read(self, address, size):
        return bytes.fromhex(self.qtest(f'read {address:#x} {size}')[2:])

    def wait_for(self, condition, what, seconds=30):
        deadline = time.monotonic() + seconds * SCALE
        while not condition():
            if time.monotonic() > deadline:
                raise Failure(f'{what} did not happen\n{self.stderr()}')
            time.sleep(0.02)
