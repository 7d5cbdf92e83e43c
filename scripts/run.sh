#!/bin/sh
# Boots Debian's cloud kernel with a busybox initramfs to a shell: in a window if there is a
# desktop, else on this terminal.
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
display='-nographic'
console=ttyS0
if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    echo "no window, because \$DISPLAY is not set: the guest is on this terminal" >&2
elif ! "$doppel" -display help | grep -q '^sdl '; then
    echo "no window, because it was built without SDL2: the guest is on this terminal" >&2
else
    display='-display sdl'
    console=tty0
fi
# shellcheck disable=SC2086 # two words
"$doppel" -m 512 $display -nic none -no-reboot \
    -kernel "$kernel" -initrd "$initrd" -append "console=$console quiet panic=-1" "$@"
