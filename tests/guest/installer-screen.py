#!/usr/bin/env python3
# Debian's graphical installer boots to its first screen, on the standard VGA and on the Cirrus: its
# banner is there pixel by pixel, and its pointer goes where the mouse is moved. Not part of make
# check: it takes minutes.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import subprocess
import time
from guest import SCALE, Failure, Machine, main, need
from picture import dump, read_png

IMAGES = '/usr/lib/debian-installer/images/12/i386/gtk/debian-installer/i386/'
PACKAGE = 'debian-installer-12-netboot-i386'
BANNER = 'usr/share/graphics/logo_debian.png'
MEMORY = '768'
BOOT_SECONDS = 400
LARGEST_POINTER = 40
COLORS_OF_TEXT = 12


def banner():
    """The picture that the installer is told to show, from its own initramfs."""
    files = subprocess.run(f"zcat '{need(IMAGES + 'initrd.gz', PACKAGE)}' | cpio -i --quiet --to-stdout "
                           f'{BANNER}', shell=True, capture_output=True, check=True)
    return read_png(files.stdout)


def wait_picture(machine, condition, seconds, what):
    deadline = time.monotonic() + seconds * SCALE
    while True:
        picture = dump(machine)
        if condition(picture):
            return picture
        if machine.process.poll() is not None or time.monotonic() > deadline:
            raise Failure(f'{what} did not appear; the screen has {picture.width} times '
                          f'{picture.height} pixels and the text {machine.screen()[-500:]!r}')
        time.sleep(1)


def has_list(picture, top):
    """The list of languages: more colors than the empty page, from its smooth letters."""
    return len({picture.pixel(x, y) for y in range(top, picture.height, 3)
                for x in range(0, picture.width, 2)}) > COLORS_OF_TEXT


def first_screen(machine, logo):
    wait_picture(machine, lambda p: p.shows(logo, (p.width - logo.width) // 2, 0), BOOT_SECONDS,
                 "the installer's banner")
    return wait_picture(machine, lambda p: has_list(p, logo.height), BOOT_SECONDS,
                        'the list of languages')


def move(machine, dx, dy):
    machine.qmp('input-send-event', events=[
        {'type': 'rel', 'data': {'axis': 'x', 'value': dx}},
        {'type': 'rel', 'data': {'axis': 'y', 'value': dy}}])


def changes(before, after):
    """Where two pictures differ, the uppermost first."""
    return sorted(after.boxes_unlike(lambda y: before.rows[y]), key=lambda box: box[1])


def is_pointer(box):
    return box[2] - box[0] <= LARGEST_POINTER and box[3] - box[1] <= LARGEST_POINTER


def pointer_follows(machine):
    """Away from the middle of the screen, where it begins, down and to the left."""
    before = wait_still(machine)
    middle = before.width // 2, before.height // 2
    for _ in range(20):
        move(machine, -10, 8)
        time.sleep(0.05)
    after = wait_picture(machine, lambda p: len(changes(before, p)) == 2, 60, 'a moved pointer')
    old, new = changes(before, wait_still(machine))
    if not (is_pointer(old) and is_pointer(new)):
        raise Failure(f'more than a pointer changed: {old} {new}')
    if abs(old[0] - middle[0]) > LARGEST_POINTER or abs(old[1] - middle[1]) > LARGEST_POINTER:
        raise Failure(f'the pointer left {old}, which is not the middle of the screen')
    if new[0] > old[0] - 50 or new[1] < old[1] + 40:
        raise Failure(f'the pointer went from {old} to {new}')
    return after


def wait_still(machine):
    """The picture once it has been the same for some looks."""
    same, last = 0, dump(machine)
    deadline = time.monotonic() + 120 * SCALE
    while same < 4:
        time.sleep(1)
        picture = dump(machine)
        same = same + 1 if picture.rows == last.rows else 0
        last = picture
        if time.monotonic() > deadline:
            raise Failure('the picture does not come to rest')
    return last


def boot(vga, logo):
    with Machine('-vga', vga, '-m', MEMORY, '-accel', 'tcg', '-kernel',
                 need(IMAGES + 'linux', PACKAGE), '-initrd', need(IMAGES + 'initrd.gz', PACKAGE),
                 '-append', 'vga=788 --- quiet') as machine:
        first_screen(machine, logo)
        pointer_follows(machine)


def std():
    boot('std', banner())


def cirrus():
    boot('cirrus', banner().in_16_bits()) # what Linux's driver sets


main([std, cirrus])
