# What the scripts that make disk images with a Debian 12 share; they source it, with $output set.
# Needs Debian's mirror of this machine, and no root where user namespaces are allowed.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later

# Ends the script if $output is newer than it. Else makes the folder $work, which goes when the
# script ends.
image_begin() {
    if [ -e "$output" ] && [ "$output" -nt "$0" ]; then
        exit 0
    fi
    work=$(mktemp -d "$output-XXXXXX")
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work"
}

# image_root PACKAGES MIB: makes the ext4 file system $work/part of MIB, with PACKAGES (between commas,
# without what they recommend). Before that, what is in the file $work/settings is done where the new
# root is $root, with its owners visible.
image_root() {
    cat > "$work/finish" <<'FINISH'
set -eu
root=$1
work=$2
. "$work/settings"
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/*
truncate -s "$3M" "$work/part"
mkdir "$work/plain" # the root without what is mounted in it
mount --bind "$root" "$work/plain"
/sbin/mke2fs -q -t ext4 -d "$work/plain" "$work/part"
umount "$work/plain"
FINISH
    mmdebstrap --variant=minbase --include="$(echo $1 | tr -d ' ')" \
        --aptopt='APT::Install-Recommends "false"' \
        --customize-hook="sh $work/finish \"\$1\" $work $2" bookworm /dev/null
}

# image_finish DISK: DISK becomes $output.
image_finish() {
    qemu-img convert -O qcow2 "$1" "$work/image"
    mv "$work/image" "$output"
}
