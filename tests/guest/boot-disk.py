#!/usr/bin/env python3
# An MBR disk: SeaBIOS, GRUB, Debian's generic kernel with its modules, an ext4
# root on an IDE disk. Files survive a reboot, and e2fsck finds the file system clean.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import re
import shutil
import tempfile
from disk_image import PART_START, SECTOR, make_disk
from guest import Failure, Machine, run, tool, main

ROOT_INIT = '''#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
echo ROOT-$(stat -f -c %T /)
exec setsid cttyhack sh
'''


def wait_for_shell(machine):
    machine.wait_serial(r'ROOT-ext2/ext3', 180)
    machine.wait_serial(r'/ # ', 30)


def command(machine, text, expected, seconds=60):
    machine.send(text + '; echo STATUS-$?\n')
    machine.wait_serial(r'STATUS-\d+\r?\n', seconds)
    if not re.search(expected, machine.read_serial()):
        raise Failure(f'{text!r} printed {machine.read_serial()!r}')


def debian_on_ide_disk():
    with tempfile.TemporaryDirectory() as work:
        disk = make_disk(work, ROOT_INIT, 1)
        with Machine('-m', '512', '-hda', disk) as machine:
            machine.wait_serial(r'Booting .Debian.|Linux version', 90)
            wait_for_shell(machine)
            command(machine, 'dmesg | grep "ata1:"', r'PATA max (MW|U)DMA.* bmdma')
            command(machine, 'cat /sys/class/ata_device/dev1.0/xfer_mode', r'XFER_(MW|U)_?DMA')
            command(machine, 'dd if=/dev/urandom of=/data bs=64k count=64 && cp /data /copy && sync',
                    r'STATUS-0')
            command(machine, 'md5sum /data > /sum && cat /sum', r'[0-9a-f]{32}')
            checksum = re.search(r'[0-9a-f]{32}', machine.read_serial()).group(0)
            machine.send('umount -a; mount -o remount,ro /; sync; reboot -f\n')
            wait_for_shell(machine)
            command(machine, 'md5sum /data', checksum)
            command(machine, 'cmp /data /copy', r'STATUS-0')
            machine.send('umount -a; mount -o remount,ro /; sync; poweroff -f\n')
            if machine.wait_end(60) != 0:
                raise Failure('poweroff did not end with status 0')
        with open(disk, 'rb') as f, open(work + '/after', 'wb') as part:
            f.seek(PART_START * SECTOR)
            shutil.copyfileobj(f, part)
        run([tool('e2fsck', 'e2fsprogs'), '-f', '-n', work + '/after'])


main([debian_on_ide_disk])
