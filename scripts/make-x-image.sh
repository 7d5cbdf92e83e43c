#!/bin/sh
# Makes a disk image with Debian 12's X.org server and its vesa, fbdev and modesetting drivers, for
# tests/guest/x-org.py: an ext4 file system without a partition table, whose /x-init starts the server.
#
#   make-x-image.sh OUTPUT
#
# Beside it OUTPUT.vmlinuz and OUTPUT.initrd. Takes a few minutes; does nothing if OUTPUT is newer than
# this script.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
set -eu
. "$(dirname "$0")/image.sh"

output=$1
packages='linux-image-amd64,kmod,xserver-xorg-core,xserver-xorg-video-vesa,xserver-xorg-video-fbdev,
          xserver-xorg-input-evdev,x11-xserver-utils,xbitmaps'
mib=1400

image_begin

# DRIVER is replaced. Fixed devices, since nothing runs that would announce them; no acceleration,
# so that a pointer goes as far as its mouse.
cat > "$work/xorg.conf" <<'CONF'
Section "ServerFlags"
    Option "AutoAddDevices" "false"
EndSection
Section "ServerLayout"
    Identifier "all"
    Screen "screen"
    InputDevice "mouse" "CorePointer"
    InputDevice "keyboard" "CoreKeyboard"
EndSection
Section "InputDevice"
    Identifier "mouse"
    Driver "evdev"
    Option "Device" "/dev/input/mouse-event"
    Option "AccelerationProfile" "-1"
EndSection
Section "InputDevice"
    Identifier "keyboard"
    Driver "evdev"
    Option "Device" "/dev/input/keyboard-event"
EndSection
Section "Device"
    Identifier "card"
    Driver "DRIVER"
EndSection
Section "Screen"
    Identifier "screen"
    Device "card"
EndSection
CONF

# The kernel's command line says x.driver=NAME, x.modules=A,B and x.depth=BITS.
cat > "$work/x-init" <<'INIT'
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
exec > /dev/ttyS0 2>&1 < /dev/null
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mountpoint -q /dev || mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
for word in $(cat /proc/cmdline); do
    case $word in
    x.driver=*) driver=${word#*=} ;;
    x.modules=*) modules=$(echo "${word#*=}" | tr , ' ') ;;
    x.depth=*) depth=${word#*=} ;;
    esac
done
for module in psmouse evdev $modules; do
    modprobe "$module"
done
# The event devices, once the drivers have found them.
tries=0
while [ ! -e /dev/input/mouse-event ] || [ ! -e /dev/input/keyboard-event ]; do
    for event in /sys/class/input/event*; do
        name=$(cat "$event/device/name" 2> /dev/null)
        case $name in
        *Mouse*) ln -sf "${event##*/}" /dev/input/mouse-event ;;
        *eyboard*) ln -sf "${event##*/}" /dev/input/keyboard-event ;;
        esac
    done
    tries=$((tries + 1))
    [ $tries -lt 60 ] || break
    sleep 1
done
sed "s/DRIVER/$driver/" /etc/X11/xorg.conf.in > /tmp/xorg.conf
Xorg :0 -depth "$depth" -config /tmp/xorg.conf -logfile /tmp/x.log -nolisten tcp -noreset -s 0 -dpms vt1 &
export DISPLAY=:0
tries=0
until xset s off s noblank -dpms 2> /dev/null; do
    tries=$((tries + 1))
    if [ $tries -gt 120 ]; then
        cat /tmp/x.log
        echo X-FAILED
        break
    fi
    sleep 1
done
xsetroot -cursor_name left_ptr
grep -E 'Driver|chipset|Virtual size|framebuffer' /tmp/x.log | head -5
echo X-READY
while read -r line; do
    sh -c "$line"
    echo "STATUS-$?"
done < /dev/ttyS0
INIT
chmod +x "$work/x-init"

cat > "$work/settings" <<'SETTINGS'
mkdir -p "$root/etc/X11"
cp "$work/xorg.conf" "$root/etc/X11/xorg.conf.in"
cp "$work/x-init" "$root/x-init"
mv "$root"/boot/vmlinuz-* "$work/vmlinuz"
mv "$root"/boot/initrd.img-* "$work/initrd"
rm -rf "$root"/boot/*
SETTINGS
image_root "$packages" $mib

mv "$work/vmlinuz" "$output.vmlinuz"
mv "$work/initrd" "$output.initrd"
image_finish "$work/part"
