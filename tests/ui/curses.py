#!/usr/bin/env python3
# -display curses on a terminal that pyte emulates.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

from ui import Failure, SCALE, Skip, boot_sector, check, main

try:
    import pyte
except ImportError:
    sys.path.append('/usr/lib/python3/dist-packages')  # Debian's packages
    try:
        import pyte
    except ImportError:
        pyte = None


class Terminal:
    """Doppel on a terminal of its own."""

    def __init__(self, *args, columns=80, rows=25):
        if not pyte:
            raise Skip('pyte is missing; package python3-pyte has it')
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.fd, other = pty.openpty()
        self.resize(columns, rows)
        environment = dict(os.environ, TERM='xterm', LC_ALL='C.UTF-8')
        self.process = subprocess.Popen(
            [os.environ['DOPPEL'], '-display', 'curses', '-nic', 'none', *args], stdin=other,
            stdout=other, stderr=subprocess.DEVNULL, env=environment, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(other)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.fd)

    def resize(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def send(self, text):
        os.write(self.fd, text.encode())

    def feed(self):
        while select.select([self.fd], [], [], 0.05)[0]:
            try:
                self.stream.feed(os.read(self.fd, 65536))
            except OSError:
                return

    def wait(self, condition, what, seconds=30):
        deadline = time.monotonic() + seconds * SCALE
        while True:
            self.feed()
            if condition(self.screen):
                return
            if time.monotonic() > deadline:
                raise Failure(f'no {what}:\n' + '\n'.join(self.screen.display))


def text_colors_keys():
    """Text where the guest put it, in its colors; keys arrive; the console can be switched."""
    with Terminal(*boot_sector('text.bin'), '-serial', 'vc', '-monitor', 'vc') as term:
        term.wait(lambda s: s.display[5][10:27] == 'Doppel shows text', 'text')
        cell = term.screen.buffer[5][10]
        check(cell.fg in ('brown', 'yellow') and cell.bold and cell.bg == 'blue', cell)
        check(term.screen.buffer[6][10].bg in ('black', 'default'), term.screen.buffer[6][10])
        term.send('a')
        term.send('\033OC')  # cursor right, as a terminal in application mode sends it
        term.send('\0333')   # Alt-3: the serial line, where the guest tells of keys
        term.wait(lambda s: 'K1EK9EKE0K4DKE0KCD' in s.display[0], 'keys')
        term.send('\0332')
        term.wait(lambda s: '(qemu)' in '\n'.join(s.display), 'monitor')
        term.send('info version\r')
        term.wait(lambda s: '7.2' in '\n'.join(s.display), 'answer')
        term.send('quit\r')
        term.wait(lambda s: term.process.poll() is not None, 'end')
        check(term.process.returncode == 0, 'the end')


def graphics_and_resize():
    """A graphics mode says so; after a resize it is in the middle again."""
    with Terminal(*boot_sector('picture.bin'), '-serial', 'vc') as term:
        term.wait(lambda s: '1024x768 graphics mode' in s.display[12], 'line')
        term.resize(100, 41)
        term.wait(lambda s: '1024x768 graphics mode' in s.display[20], 'line after the resize')


def no_terminal():
    done = subprocess.run([os.environ['DOPPEL'], '-display', 'curses'], stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, check=False, timeout=60 * SCALE)
    lines = done.stderr.decode().strip().split('\n')
    check(done.returncode == 1 and len(lines) == 1 and 'terminal' in lines[0], lines)


main([text_colors_keys, graphics_and_resize, no_terminal])
