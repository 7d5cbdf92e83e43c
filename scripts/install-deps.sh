#!/bin/sh
# Installs what Doppel needs from Debian's packages: what builds it, what it
# runs (firmware), and what its tests run against. Does nothing for packages
# that are there already. The README and .ci/run both call this.
#
#   scripts/install-deps.sh          everything that make check needs
#   scripts/install-deps.sh bench    what `make bench` needs, too
#   scripts/install-deps.sh long     what `make check-long` needs, too
#   scripts/install-deps.sh run      only what `make run` needs
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
set -eu

build='gcc meson ninja-build pkg-config python3 libglib2.0-dev libpixman-1-dev liburcu-dev
       libjson-c-dev zlib1g-dev libzydis-dev libsdl2-dev libvncserver-dev libncurses-dev libpng-dev'
run='seabios linux-image-cloud-amd64 busybox-static cpio'
check='clang gdb libclang-rt-14-dev gcc-multilib nasm qemu-system-x86 qemu-utils linux-image-amd64
       debian-installer-12-netboot-i386 grub-pc-bin grub-common xorriso bochs mtools dosfstools e2fsprogs
       fdisk kmod memtest86+ python3-pexpect acpica-tools xvfb openbox xdotool imagemagick openssl python3-pyte tigervnc-viewer
       gvncviewer'
bench='tcc xz-utils bzip2 mawk dash perl-base sqlite3'
long='mmdebstrap'

case "${1:-all}" in
run) wanted="$build $run" ;;
all) wanted="$build $run $check" ;;
bench) wanted="$build $run $check $bench" ;;
long) wanted="$build $run $check $long" ;;
*) echo "usage: $0 [run|all|bench|long]" >&2; exit 1 ;;
esac

missing=
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "installing:$missing"
if [ "$(id -u)" -eq 0 ]; then sudo=; else sudo=sudo; fi
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$sudo apt-get install -y -qq --no-install-recommends $missing
