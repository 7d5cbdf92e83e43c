#!/usr/bin/env python3
# Every mode of the VGA BIOSes: a guest of ours (video-modes.asm) sets it and draws a picture; the
# screen dump must be the picture, pixel by pixel. What it must be is computed here from the
# picture's definition, which video-modes.asm has, and from what the mode is.
#
#   video-modes.py IMAGE [TEST...]
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import sys
from guest import Failure, Machine, main, need

IMAGE = sys.argv.pop(1)
# Every mode in every way; else modes up to 1024x768, and the window for narrow and planar ones.
ALL = os.environ.get('VIDEO_MODES_ALL') == '1'
MAX_WIDTH, MAX_WIDTH_WINDOW = 1024, 640
NO_WINDOW, LINEAR = 0x40, 0x80 # VBE mode attributes
PLANAR = 3                     # VBE memory model


# --- colors -------------------------------------------------------------------

def wide(value, bits):
    """A component of bits to eight: the highest value is full intensity."""
    return value << (8 - bits) | value >> (2 * bits - 8)


def dac(i):
    return bytes(wide(v & 63, 6) for v in (3 * i, 7 * i + 11, i >> 2))


def direct(i, bits):
    """The color of pixel value p(i)."""
    value = i * 0x9e3779b1 & 0xffffffff
    if bits > 16:
        return bytes((value >> 16 & 255, value >> 8 & 255, value & 255))
    value >>= 16
    if bits == 15:
        return bytes((wide(value >> 10 & 31, 5), wide(value >> 5 & 31, 5), wide(value & 31, 5)))
    return bytes((wide(value >> 11, 5), wide(value >> 5 & 63, 6), wide(value & 31, 5)))


# --- pictures -------------------------------------------------------------------

def rows_of(pattern, period, step, width, height, x_zoom=1, y_zoom=1):
    """Rows of width pixels; row y begins step * y pixels later in the pattern."""
    line = b''.join(pattern[i % period] * x_zoom for i in range(width + period))
    unit = 3 * x_zoom
    for y in range(height):
        at = step * y % period * unit
        for _ in range(y_zoom):
            yield line[at:at + width * unit]


def packed(bits, width, height, zoom=1):
    pattern = [dac(i) if bits == 8 else direct(i, bits) for i in range(251)]
    return rows_of(pattern, 251, 5, width, height, zoom, zoom)


def planar(width, height, x_zoom=1, y_zoom=1, planes=15):
    pattern = []
    for q in range(31):
        data = [q * 37 + n * 91 + 11 for n in range(4)]
        for bit in range(7, -1, -1):
            color = sum((data[n] >> bit & 1) << n for n in range(4)) & planes
            pattern.append(dac(color))
    return rows_of(pattern, 31 * 8, 24, width, height, x_zoom, y_zoom)


def cga(bits, foreground, width, height, x_zoom=1, y_zoom=1):
    pattern = []
    for q in range(61):
        for shift in range(8 - bits, -1, -bits):
            value = (q * 37 + 11 & 255) >> shift & ((1 << bits) - 1)
            pattern.append(dac(foreground if bits == 1 and value else value))
    pixels = 8 // bits
    return rows_of(pattern, 61 * pixels, 3 * pixels, width, height, x_zoom, y_zoom)


def glyph_bits(char, line):
    """Nine dots; the ninth is the eighth for line drawing characters."""
    bits = char * 29 + line * 71 + char * line & 255
    return bits << 1 | (bits & 1 if 0xc0 <= char <= 0xdf else 0)


def text(columns, x_zoom=1, mono=False):
    for y in range(400):
        row, line = divmod(y, 16)
        out = []
        for column in range(columns):
            char, attr = 3 * column + 7 * row + 1 & 255, 11 * column + 5 * row & 255
            bits = glyph_bits(char, line)
            if mono and attr & 0x77 == 1 and line == 13:
                bits = 0x1ff
            colors = dac(attr >> 4), dac(attr & 15)
            out += [colors[bits >> dot & 1] * x_zoom for dot in range(8, -1, -1)]
        yield b''.join(out)


# Number: what the IBM reference says of the mode, on a screen of its dots and lines.
BIOS_MODES = {
    0x00: (720, 400, lambda: text(40, 2)),
    0x01: (720, 400, lambda: text(40, 2)),
    0x02: (720, 400, lambda: text(80)),
    0x03: (720, 400, lambda: text(80)),
    0x04: (640, 400, lambda: cga(2, 0, 320, 200, 2, 2)),
    0x05: (640, 400, lambda: cga(2, 0, 320, 200, 2, 2)),
    0x06: (640, 400, lambda: cga(1, 1, 640, 200, 1, 2)),
    0x07: (720, 400, lambda: text(80, mono=True)),
    0x0d: (640, 400, lambda: planar(320, 200, 2, 2)),
    0x0e: (640, 400, lambda: planar(640, 200, 1, 2)),
    0x0f: (640, 350, lambda: planar(640, 350, planes=5)),
    0x10: (640, 350, lambda: planar(640, 350)),
    0x11: (640, 480, lambda: cga(1, 15, 640, 480)),
    0x12: (640, 480, lambda: planar(640, 480)),
    0x13: (640, 400, lambda: packed(8, 320, 200, 2)),
}


# --- comparing ------------------------------------------------------------------

def read_ppm(path):
    with open(path, 'rb') as f:
        magic, size, depth = f.readline(), f.readline(), f.readline()
        if magic != b'P6\n' or depth != b'255\n':
            raise Failure(f'not a PPM file: {magic!r} {depth!r}')
        width, height = map(int, size.split())
        return width, height, f.read()


def compare(what, path, width, height, rows, part):
    """With part the picture is in the screen's upper left corner."""
    got_width, got_height, data = read_ppm(path)
    if (got_width, got_height) != (width, height) and not part:
        raise Failure(f'{what}: the screen is {got_width}x{got_height}, not {width}x{height}')
    for y, row in enumerate(rows):
        got = data[y * got_width * 3:(y * got_width + width) * 3]
        if got != row:
            x = next(x for x in range(width) if got[x * 3:x * 3 + 3] != row[x * 3:x * 3 + 3])
            raise Failure(f'{what}: pixel {x},{y} is {got[x * 3:x * 3 + 3].hex()}, '
                          f'not {row[x * 3:x * 3 + 3].hex()}')
    if y != height - 1:
        raise Failure(f'{what}: {y + 1} lines were expected, of {height}')


class Guest(Machine):
    def __init__(self, *args):
        super().__init__('-nodefaults', '-drive', f'file={IMAGE},format=raw,if=ide,snapshot=on',
                         '-m', '32', *args)
        self.wait_serial('ready')

    def command(self, letter, number=0):
        """The answer's numbers, or None for "no"."""
        self.send(f'{letter}{number:04x}')
        answer = self.wait_serial(r'(ok|no)([0-9a-f ]*)\r\n')
        return [int(n, 16) for n in answer[2].split()] if answer[1] == 'ok' else None

    def check(self, what, width, height, rows, part=False):
        path = self.file('screen.ppm')
        self.qmp('screendump', filename=path)
        compare(what, path, width, height, rows, part)


def wanted(way, width, model):
    if ALL:
        return True
    if way == 'W' and model != PLANAR:
        return width <= MAX_WIDTH_WINDOW
    return width <= MAX_WIDTH


def check_vbe_mode(guest, mode, ways, part):
    """By each way that the mode has and that the test is about."""
    attributes, width, height, bits, model, _ = guest.command('I', mode)
    has = ('V' if attributes & LINEAR else '') + ('' if attributes & NO_WINDOW else 'W')
    mine = [way for way in ways if way in has]
    if not mine:
        raise Failure(f'mode {mode:x} can be drawn by {has}, not by {ways}')
    for way in mine:
        what = f'mode {mode:x} ({way}: {width}x{height}x{bits})'
        if not wanted(way, width, model):
            continue
        if guest.command(way, mode) is None:
            raise Failure(f'{what} was not set')
        rows = planar(width, height) if model == PLANAR else packed(bits, width, height)
        guest.check(what, width, height, rows, part)


def vbe_modes(*args, ways, part=False):
    """Every mode that the adapter's BIOS lists."""
    need('/usr/share/seabios/vgabios-stdvga.bin', 'seabios')
    with Guest(*args) as guest:
        modes = [m for m in guest.command('L') if m >= 0x100]
        if not modes:
            raise Failure('VBE lists no modes')
        for mode in modes:
            check_vbe_mode(guest, mode, ways, part)


def bios_modes(*args):
    with Guest(*args) as guest:
        for mode, (width, height, rows) in BIOS_MODES.items():
            if guest.command('M', mode) is None:
                raise Failure(f'mode {mode:x} was not set')
            guest.check(f'mode {mode:x}', width, height, rows())


def std_vga_bios_modes():
    bios_modes('-vga', 'std')


def std_vga_vbe_modes():
    vbe_modes('-vga', 'std', ways='VW')


def isa_vga_modes():
    bios_modes('-device', 'isa-vga')
    vbe_modes('-device', 'isa-vga', ways='VW')


def cirrus_modes():
    bios_modes('-vga', 'cirrus')
    vbe_modes('-vga', 'cirrus', ways='VW')


# These have no VGA and so no window; their BIOS shows each mode in a corner of a screen of one size.

def bochs_display_modes():
    vbe_modes('-vga', 'none', '-device', 'bochs-display', ways='V', part=True)


def ramfb_modes():
    vbe_modes('-vga', 'none', '-device', 'ramfb', ways='V', part=True)


main([std_vga_bios_modes, std_vga_vbe_modes, isa_vga_modes, cirrus_modes, bochs_display_modes,
      ramfb_modes])
