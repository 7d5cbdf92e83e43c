#!/bin/sh
# Makes a small initramfs: busybox, an init that gives a shell.
#
#   make-initramfs.sh OUTPUT [COMMAND]
#
# With COMMAND the init runs it and powers off instead of starting a shell. BUSYBOX names
# another busybox (a 32-bit one).
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
set -eu

output=$1
command=${2:-}
busybox=${BUSYBOX:-$(command -v busybox)}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/etc" "$root/root" "$root/mnt"
cp "$busybox" "$root/bin/busybox"
cat > "$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
INIT
if [ -n "$command" ]; then
    printf '%s\npoweroff -f\n' "$command" >> "$root/init"
else
    cat >> "$root/init" <<'INIT'
echo
echo "Welcome to Doppel: Linux $(uname -r) after $(cut -d' ' -f1 /proc/uptime) s."
echo "'poweroff' ends it, and so does Ctrl-A X on a terminal."
# init's children get the console as their controlling terminal; poweroff needs init.
cat > /etc/inittab <<'TAB'
::respawn:-/bin/sh
::ctrlaltdel:/bin/poweroff
TAB
exec init
INIT
fi
chmod +x "$root/init"
(cd "$root" && find . | sort | cpio --quiet -o -H newc) > "$output"
