#!/bin/sh
# Makes a disk image with a Debian 12 userland: GRUB, the generic kernel, systemd, a login prompt on
# the first serial port (root, without a password), and compilers, languages and stress-ng.
#
#   make-debian-image.sh OUTPUT
#
# Takes a few minutes; does nothing if OUTPUT is newer than this script.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
set -eu
. "$(dirname "$0")/image.sh"

output=$1
packages='systemd-sysv,udev,dbus,linux-image-amd64,login,procps,kmod,e2fsprogs,gcc,libc6-dev,
          python3,perl,sqlite3,stress-ng'
grub=/usr/lib/grub/i386-pc
sectors_before=2048
mib=1600

image_begin

cat > "$work/grub.cfg" <<'CFG'
serial --unit=0 --speed=115200
terminal_output serial
set timeout=0
menuentry "Debian" {
    linux /vmlinuz root=/dev/sda1 rw console=ttyS0 quiet panic=-1
    initrd /initrd.img
}
CFG

cat > "$work/settings" <<'SETTINGS'
sed -i 's/^root:[^:]*:/root::/' "$root/etc/shadow"
echo doppel > "$root/etc/hostname"
echo '/dev/sda1 / ext4 defaults 0 1' > "$root/etc/fstab"
mkdir -p "$root/boot/grub"
cp "$work/grub.cfg" "$root/boot/grub/grub.cfg"
SETTINGS
image_root "$packages" $mib

# The disk: boot sector, GRUB in the gap behind it, one partition.
grub-mkimage -d $grub -O i386-pc -p '(hd0,msdos1)/boot/grub' -o "$work/core" \
    biosdisk part_msdos ext2 normal linux serial terminal
truncate -s $((mib * 1024 * 1024 + sectors_before * 512)) "$work/disk"
echo "start=$sectors_before, type=83, bootable" | /sbin/sfdisk -q --label dos "$work/disk"
dd if=$grub/boot.img of="$work/disk" bs=440 count=1 conv=notrunc status=none
dd if="$work/core" of="$work/disk" bs=512 seek=1 conv=notrunc status=none
dd if="$work/part" of="$work/disk" bs=1M seek=$((sectors_before / 2048)) conv=notrunc,sparse \
    status=none
image_finish "$work/disk"
