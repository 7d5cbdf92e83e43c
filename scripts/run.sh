#!/bin/sh
# Boots Debian's cloud kernel with a busybox initramfs to a shell.
#
#   run.sh DOPPEL [more options for it]
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
set -eu

doppel=$1
shift
kernel=$(find /boot -name 'vmlinuz-*cloud-amd64' | sort -V | tail -n 1)
if [ -z "$kernel" ]; then
    echo "no cloud kernel in /boot; scripts/install-deps.sh run installs linux-image-cloud-amd64" >&2
    exit 1
fi
initrd=$(mktemp --suffix=.cpio)
trap 'rm -f "$initrd"' EXIT
"$(dirname "$0")/make-initramfs.sh" "$initrd"
"$doppel" -m 512 -nographic -nic none -no-reboot \
    -kernel "$kernel" -initrd "$initrd" -append "console=ttyS0 quiet panic=-1" "$@"
