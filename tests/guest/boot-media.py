#!/usr/bin/env python3
# GRUB from a CD and from a floppy, its prompt in VGA text memory, commands typed
# on the PS/2 keyboard.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import tempfile
from guest import Machine, need, run, tool, main

MODULES = '/usr/lib/grub/i386-pc'


def type_at_grub(machine):
    machine.wait_screen(r'grub> *', 90)
    machine.type('echo hello-from-keyboard\n')
    machine.wait_screen(r'\nhello-from-keyboard', 30)
    machine.type('ls\n')
    machine.wait_screen(r'\((cd|fd0|hd0)', 30)


def grub_on_cd():
    mkrescue = tool('grub-mkrescue', 'grub-common')
    tool('xorriso', 'xorriso')
    need(MODULES + '/normal.mod', 'grub-pc-bin')
    with tempfile.TemporaryDirectory() as work:
        os.makedirs(work + '/iso/boot/grub')
        image = work + '/grub.iso'
        # No grub.cfg: GRUB goes to its prompt.
        run([mkrescue, '-d', MODULES, '-o', image, work + '/iso', '--locales=', '--themes=',
             '--fonts='])
        with Machine('-cdrom', image, '-boot', 'd') as machine:
            type_at_grub(machine)


def make_grub_floppy(path):
    mkimage = tool('grub-mkimage', 'grub-common')
    need(MODULES + '/boot.img', 'grub-pc-bin')
    core = path + '.core'
    run([mkimage, '-d', MODULES, '-O', 'i386-pc', '-p', '(fd0)/boot', '-o', core, 'biosdisk',
         'fat', 'normal', 'echo', 'ls', 'minicmd', 'halt'])
    with open(MODULES + '/boot.img', 'rb') as f:
        boot = bytearray(f.read())
    with open(core, 'rb') as f:
        rest = f.read()
    # boot.img loads the core's first sector from sector 1 by default; the core's first sector
    # carries the block list of the rest, written by grub-mkimage for sector 2 onwards.
    image = bytearray(1440 * 1024)
    image[:512] = boot[:512]
    image[512:512 + len(rest)] = rest
    with open(path, 'wb') as f:
        f.write(image)


def grub_on_floppy():
    with tempfile.TemporaryDirectory() as work:
        make_grub_floppy(work + '/floppy.img')
        with Machine('-fda', work + '/floppy.img', '-boot', 'a') as machine:
            type_at_grub(machine)


main([grub_on_cd, grub_on_floppy])
