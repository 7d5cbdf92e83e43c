# A desktop without a screen (Xvfb with a window manager), pictures, and the guests that draw them.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
"""Shared parts of the tests of Doppel's front ends. Pictures are compared with what the guest
was told to draw; ImageMagick reads files and windows."""
import os
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.append(os.path.join(TOP, 'tests', 'guest'))
# pylint: disable=wrong-import-position,unused-import
from guest import Failure, Machine, SCALE, Skip, check, main, need, run, tool  # noqa: E402,F401

BOOT = os.environ.get('UI_BOOT', '')  # the folder with the boot sectors
for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
    os.environ.pop(name, None)  # who runs the tests has a desktop of their own
BARS = [0xff0000, 0x00ff00, 0x0000ff, 0xffffff, 0xffff00, 0x00ffff, 0xff00ff, 0x123456]


def wait_for(read, what, seconds=30):
    """The first true value that read() returns; it may also say by a Failure why there is none yet."""
    deadline = time.monotonic() + seconds * SCALE
    while True:
        try:
            value, why = read(), 'nothing'
        except Failure as err:
            value, why = None, err
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f'{what}: {why} for {seconds * SCALE:.0f} s')
        time.sleep(0.05)


def keys(*codes):
    """The pattern of scan codes as picture.asm tells them. The keyboard repeats a key that is down for
    long, as on a slow host, which may take its time before it tells of the release."""
    def told(code):
        pattern = ''.join(f'K{code[i:i + 2]}' for i in range(0, len(code), 2))
        return pattern if int(code, 16) & 0x80 else f'(?:{pattern})+'
    return ''.join(map(told, codes))


class Picture:
    """Pixels as numbers 0xrrggbb."""

    def __init__(self, ppm):
        kind, size, depth, self.data = ppm.split(b'\n', 3)
        check(kind == b'P6' and depth == b'255', 'not a picture:', ppm[:40])
        self.width, self.height = map(int, size.split())

    def pixel(self, x, y):
        at = (y * self.width + x) * 3
        return int.from_bytes(self.data[at:at + 3], 'big')

    def row(self, y):
        at = y * self.width * 3
        return self.data[at:at + self.width * 3]

    def __eq__(self, other):
        return (self.width, self.height, self.data) == (other.width, other.height, other.data)


def picture_of_file(path):
    """By ImageMagick, which knows nothing of Doppel."""
    done = subprocess.run([tool('convert', 'imagemagick'), path, '-depth', '8', 'ppm:-'],
                          stdout=subprocess.PIPE, check=True)
    return Picture(done.stdout)


def drawn_pixel(width, height, x, y):
    """What picture.asm draws."""
    if y < height / 2:
        return BARS[x * 8 // width]
    return (x & 255) << 16 | (y & 255) << 8 | 64


def expected_picture(width, height):
    rows = []
    for y in range(height):
        rows.append(b''.join(drawn_pixel(width, height, x, y).to_bytes(3, 'big')
                             for x in range(width)))
    return Picture(b'P6\n%d %d\n255\n' % (width, height) + b''.join(rows))


def boot_sector(name):
    path = os.path.join(BOOT, name)
    if not os.path.exists(path):
        raise Skip('the boot sectors were not built; package nasm has the assembler')
    return ['-drive', f'file={path},format=raw,snapshot=on', '-nodefaults', '-vga', 'std']


class Desktop:
    """Xvfb and a window manager; DISPLAY is set while it runs."""

    def __init__(self, width=1280, height=1024):
        self.width, self.height = width, height
        self.xdotool = tool('xdotool', 'xdotool')
        self.importer = tool('import', 'imagemagick')
        self.manager = None
        read, write = os.pipe()
        self.server = subprocess.Popen(
            [tool('Xvfb', 'xvfb'), '-noreset', '-displayfd', str(write), '-screen', '0',
             f'{width}x{height}x24', '-nolisten', 'tcp'], pass_fds=[write],
            stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as pipe:
            os.environ['DISPLAY'] = ':' + pipe.readline().strip()
        try:
            self.manage()
        except Exception:
            self.close()
            raise

    def manage(self):
        """Starts the window manager, which says so in a property of the root window."""
        self.manager = subprocess.Popen([tool('openbox', 'openbox')], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for(lambda: subprocess.run([self.xdotool, 'get_num_desktops'], check=False,
                                        stderr=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL).returncode == 0,
                 'the window manager')

    def close(self):
        del os.environ['DISPLAY']
        for process in filter(None, (self.manager, self.server)):
            process.terminate()
            process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def do(self, *words):
        return run([self.xdotool, *map(str, words)]).strip()

    def find(self, name='^Doppel'):
        """The id of the window of this name, or ''."""
        done = subprocess.run([self.xdotool, 'search', '--onlyvisible', '--name', name],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return done.stdout.decode().split('\n')[0]

    def window(self):
        return wait_for(self.find, 'a window')

    def title(self):
        return self.do('getwindowname', self.window())

    def shot(self, window=None):
        """The window's picture; Failure if there is none, since its size changes just now."""
        done = subprocess.run([self.importer, '-silent', '-window', window or self.window(),
                               '-depth', '8', 'ppm:-'], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        check(done.returncode == 0 and done.stdout, 'no picture:', done.stderr.decode())
        return Picture(done.stdout)

    def wait_shot(self, shows, what, window=None):
        """Until shows(picture) is true of the window's picture. For a wrong one it is false or raises
        Failure: frames before the one that is waited for may have anything."""
        wait_for(lambda: shows(self.shot(window)), what)
