# Makes an MBR disk that boots by itself: GRUB, Debian's generic kernel with its modules, an ext4 root
# with busybox.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import re
import shutil
from guest import need, run, tool

GRUB_MODULES = '/usr/lib/grub/i386-pc'
SECTOR = 512
PART_START = 2048  # sectors
PART_SECTORS = 120 * 2048
MODULES = ['ata_piix', 'sd_mod', 'ext4', 'crc32c_generic']

GRUB_CFG = '''serial --unit=0 --speed=115200
terminal_output serial console
set timeout=%d
menuentry "Debian" {
    linux /boot/vmlinuz root=/dev/sda1 console=ttyS0 panic=-1
    initrd /boot/initrd
}
'''

INITRAMFS_INIT = '''#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
for module in $(cat /modules); do insmod $module; done
for try in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/sda1 ] && break; sleep 1; done
mount -t ext4 /dev/sda1 /mnt
exec switch_root /mnt /sbin/init
'''


def module_files(release):
    files = []
    for name in MODULES:
        text = run([tool('modprobe', 'kmod'), '--show-depends', '-S', release, name])
        for path in re.findall(r'^insmod (\S+)', text, re.M):
            if path not in files:
                files.append(path)
    return files


def make_busybox_tree(top):
    for folder in ('bin', 'sbin', 'proc', 'sys', 'dev', 'mnt', 'etc', 'boot/grub', 'root', 'tmp'):
        os.makedirs(f'{top}/{folder}')
    shutil.copy(tool('busybox', 'busybox-static'), top + '/bin/busybox')


def write_script(path, text):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    os.chmod(path, 0o755)


def make_initramfs(work, release):
    top = work + '/initramfs'
    make_busybox_tree(top)
    write_script(top + '/init', INITRAMFS_INIT)
    files = module_files(release)
    for path in files:
        shutil.copy(path, top)
    with open(top + '/modules', 'w', encoding='utf-8') as f:
        f.write('\n'.join('/' + os.path.basename(path) for path in files))
    run(['sh', '-c', f'cd {top} && find . | cpio --quiet -o -H newc > {work}/initrd'])


def make_root(work, kernel, init, timeout):
    top = work + '/root'
    make_busybox_tree(top)
    shutil.copy(kernel, top + '/boot/vmlinuz')
    shutil.copy(work + '/initrd', top + '/boot/initrd')
    with open(top + '/boot/grub/grub.cfg', 'w', encoding='utf-8') as f:
        f.write(GRUB_CFG % timeout)
    for applet in ('sh', 'mount', 'stat', 'setsid', 'cttyhack', 'cat', 'sync', 'md5sum', 'dd', 'cmp',
                   'dmesg', 'grep', 'reboot', 'poweroff', 'umount', 'echo', 'mkdir', 'cp', 'ls'):
        os.symlink('busybox', f'{top}/bin/{applet}')
    write_script(top + '/sbin/init', init)
    run([tool('mke2fs', 'e2fsprogs'), '-q', '-t', 'ext4', '-d', top, work + '/part',
         f'{PART_SECTORS // 2}k'])


def make_disk(work, init, timeout):
    """The path of a disk image below work whose /sbin/init is the script; the boot menu waits
    timeout seconds."""
    kernel = need('/boot/vmlinuz-*[0-9]-amd64', 'linux-image-amd64')
    need(GRUB_MODULES + '/boot.img', 'grub-pc-bin')
    release = os.path.basename(kernel)[len('vmlinuz-'):]
    make_initramfs(work, release)
    make_root(work, kernel, init, timeout)
    run([tool('grub-mkimage', 'grub-common'), '-d', GRUB_MODULES, '-O', 'i386-pc',
         '-p', '(hd0,msdos1)/boot/grub', '-o', work + '/core', 'biosdisk', 'part_msdos', 'ext2',
         'normal', 'linux', 'serial', 'terminal'])
    disk = work + '/disk.img'
    with open(disk, 'wb') as f:
        f.truncate((PART_START + PART_SECTORS) * SECTOR)
    run([tool('sfdisk', 'fdisk'), '-q', disk],
        input=f'label: dos\nstart={PART_START}, size={PART_SECTORS}, type=83, bootable\n'.encode())
    with open(disk, 'r+b') as f, open(GRUB_MODULES + '/boot.img', 'rb') as boot, \
            open(work + '/core', 'rb') as core, open(work + '/part', 'rb') as part:
        f.write(boot.read(440))  # the boot code; the partition table stays
        f.seek(SECTOR)
        f.write(core.read())
        f.seek(PART_START * SECTOR)
        shutil.copyfileobj(part, f)
    return disk
