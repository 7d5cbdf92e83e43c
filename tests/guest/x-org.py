#!/usr/bin/env python3
# X.org on its vesa, fbdev and modesetting drivers: what it is told to draw is on the screen, pixel by
# pixel, and the pointer goes exactly as far as the mouse. Not part of make check: it takes minutes, and
# an image that is downloaded.
#
#   x-org.py        X_IMAGE is the disk (scripts/make-x-image.sh)
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import time
from guest import SCALE, Failure, Machine, Skip, main
from picture import Picture, dump

IMAGE = os.environ.get('X_IMAGE', 'build/x-org.qcow2')
# Colors that 5, 6 and 5 bits show unchanged.
SOLID, FOREGROUND, BACKGROUND = 0x103452, 0xff8208, 0x0041c6
TILE = 16
LARGEST_POINTER = 32
START_SECONDS = 300


def tile_bit(x, y):
    """A pattern without any symmetry."""
    return (x * x + 3 * y + x * y) % 7 < 3


def bitmap():
    """The tile as an X bitmap file: the lowest bit is the leftmost."""
    data = [f'0x{sum(tile_bit(x + i, y) << i for i in range(8)):02x}'
            for y in range(TILE) for x in (0, 8)]
    return (f'#define t_width {TILE}\\n#define t_height {TILE}\\n'
            f'static char t_bits[] = {{\\n {",".join(data)} }};\\n')


def color(value):
    return value.to_bytes(3, 'big')


def tiled(width):
    return Picture(width, TILE, [
        b''.join(color(FOREGROUND if tile_bit(x % TILE, y) else BACKGROUND) for x in range(width))
        for y in range(TILE)])


def solid(width):
    return Picture(width, 1, [color(SOLID) * width])


def command(machine, text):
    machine.send(text + '\n')
    status = machine.wait_serial(r'STATUS-(\d+)\r?\n').group(1)
    if status != '0':
        raise Failure(f'{text!r} ended with {status}: {machine.read_serial()[-1000:]}')


def wait_drawn(machine, kind):
    """Until nothing but the pointer differs from what was drawn, lines that repeat; returns where
    that is."""
    deadline = time.monotonic() + 60 * SCALE
    while True:
        picture = dump(machine)
        lines = kind(picture.width)
        boxes = picture.boxes_unlike(lambda y: lines.rows[y % lines.height], LARGEST_POINTER)
        if len(boxes) == 1 and boxes[0][2] - boxes[0][0] <= LARGEST_POINTER and \
                boxes[0][3] - boxes[0][1] <= LARGEST_POINTER:
            return boxes[0]
        if time.monotonic() > deadline:
            raise Failure(f'{picture.width} times {picture.height} pixels: {boxes[:8]} should not '
                          'differ from what was drawn')
        time.sleep(1)


def move(machine, dx, dy):
    machine.qmp('input-send-event', events=[
        {'type': 'rel', 'data': {'axis': 'x', 'value': dx}},
        {'type': 'rel', 'data': {'axis': 'y', 'value': dy}}])


def pointer_moves(machine, dx, dy):
    before = wait_drawn(machine, solid)
    move(machine, dx, dy)
    wanted = [before[0] + dx, before[1] + dy, before[2] + dx, before[3] + dy]
    deadline = time.monotonic() + 60 * SCALE
    while True:
        box = wait_drawn(machine, solid)
        if box == wanted:
            return
        if time.monotonic() > deadline:
            raise Failure(f'the pointer is at {box}, not at {wanted}')


def run(vga, driver, modules='', depth=24, kernel_options='', size=None):
    if not os.path.exists(IMAGE):
        raise Skip(f'{IMAGE} is missing; scripts/make-x-image.sh makes it')
    with Machine('-vga', vga, '-m', '768', '-accel', 'tcg', '-kernel', IMAGE + '.vmlinuz',
                 '-initrd', IMAGE + '.initrd', '-append',
                 f'root=/dev/sda rw quiet init=/x-init x.driver={driver} x.modules={modules} '
                 f'x.depth={depth} {kernel_options}', '-drive',
                 f'file={IMAGE},format=qcow2,if=ide,snapshot=on') as machine:
        started = machine.wait_serial(r'X-(READY|FAILED)', START_SECONDS)
        if started.group(1) == 'FAILED':
            raise Failure('X did not start: ' + machine.read_serial()[-3000:])
        command(machine, f"xsetroot -solid '#{SOLID:06x}'")
        wait_drawn(machine, solid)
        picture = dump(machine)
        if size and (picture.width, picture.height) != size:
            raise Failure(f'the screen has {picture.width} times {picture.height} pixels')
        pointer_moves(machine, 60, -45)
        pointer_moves(machine, -110, 80)
        command(machine, f"printf '{bitmap()}' > /tmp/tile.xbm && xsetroot -bitmap /tmp/tile.xbm "
                f"-fg '#{FOREGROUND:06x}' -bg '#{BACKGROUND:06x}'")
        wait_drawn(machine, tiled)


def vesa():
    run('std', 'vesa')


def fbdev():
    """On the frame buffer that the BIOS has set: the driver wants 32 bits for a pixel."""
    run('std', 'fbdev', kernel_options='vga=0x344', size=(1024, 768))


def modesetting():
    run('std', 'modesetting', 'bochs')


def modesetting_cirrus():
    """With 16 bits: Linux 6.1's driver puts parts of a 24-bit screen in the wrong place, the same ones
    on QEMU."""
    run('cirrus', 'modesetting', 'cirrus', depth=16)


main([vesa, fbdev, modesetting, modesetting_cirrus])
