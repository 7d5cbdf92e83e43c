#!/usr/bin/env python3
# What a user gets for a mistake: one line that names the option, the value and
# what would work, and exit status 1. Nothing else on the terminal.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import subprocess
import tempfile
from guest import EMULATOR, Failure, main

MINIMAL = ['-display', 'none', '-nodefaults']


def doppel(*args, prefix=()):
    return subprocess.run([*prefix, EMULATOR, *args], stdin=subprocess.DEVNULL, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)


def refused(*args, says, prefix=()):
    """The run fails with one line that has every one of the words."""
    done = doppel(*args, prefix=prefix)
    lines = done.stderr.splitlines()
    if done.returncode != 1 or len(lines) != 1 or done.stdout:
        raise Failure(f'{args}: status {done.returncode}, stderr {done.stderr!r}, '
                      f'stdout {done.stdout!r}')
    for word in says:
        if word not in lines[0]:
            raise Failure(f'{args}: {lines[0]!r} does not say {word!r}')


def wrong_option():
    refused('-foo', says=['-foo', '-help'])
    refused('-m', says=['-m', 'argument'])
    refused('-machine', 'nosuch', says=['nosuch', '-machine help'])
    refused('-machine', 'pc,nosuch=on', says=['nosuch'])
    refused('-accel', 'nosuch', says=['nosuch', '-accel help'])
    refused('-cpu', 'nosuch', *MINIMAL, says=['nosuch'])
    refused('-cpu', 'max,+nosuch', *MINIMAL, says=['nosuch'])
    refused('-d', 'nosuch', says=['nosuch', '-d help'])
    refused('-trace', 'nosuch', says=['nosuch', '-trace help'])
    refused('-smp', '0', says=['-smp', '0'])
    refused('-smp', '2,cores=3', says=['-smp', 'cores'])
    refused('-boot', 'order=xyz', says=['-boot', 'xyz'])
    refused('-rtc', 'base=yesterday', says=['-rtc', 'yesterday', 'utc'])
    refused('-vga', 'nosuch', '-display', 'none', says=['-vga', 'nosuch', 'std'])
    refused('-display', 'sdl', says=['-display', 'sdl', '-nographic'])
    refused('-netdev', 'user,id=n', says=['-netdev', 'not implemented'])


def wrong_device():
    refused('-device', 'nosuch', *MINIMAL, says=['nosuch', '-device help'])
    refused('-device', 'isa-serial,nosuch=1', *MINIMAL, says=['nosuch'])
    refused('-device', 'isa-serial,chardev=nosuch', *MINIMAL, says=['nosuch'])
    refused('-device', 'VGA,addr=99', *MINIMAL, says=['addr', '99'])
    refused('-global', 'nonsense', *MINIMAL, says=['-global', 'nonsense'])


def memory_size():
    refused('-m', '0', says=['-m', '0'])
    refused('-m', '100T', *MINIMAL, says=['-m', '107374182400K', '512G'])
    refused('-m', 'lots', says=['-m', 'lots'])
    refused('-m', '9999999999T', says=['-m', 'too large'])


def images():
    with tempfile.TemporaryDirectory() as work:
        empty = work + '/empty'
        full = work + '/full'
        with open(empty, 'wb'), open(full, 'wb') as f:
            f.truncate(1 << 20)
        for option in ('-hda', '-fda', '-cdrom'):
            refused(option, work + '/missing', '-display', 'none', says=['missing'])
            refused(option, work, '-display', 'none', says=[work, 'directory'])
        refused('-hda', empty, '-display', 'none', says=[empty, 'empty'])
        refused('-drive', f'file={full},format=nosuch', '-display', 'none', says=['nosuch'])
        refused('-drive', f'file={full},format=raw,nosuch=1', '-display', 'none', says=['nosuch'])
        refused('-drive', f'file={full},if=nosuch', '-display', 'none', says=['nosuch'])


def memory_backends():
    ram = 'memory-backend-ram,id=m,size='
    refused('-object', 'nosuch,id=m', *MINIMAL, says=['-object', 'nosuch'])
    refused('-object', 'memory-backend-ram,size=1M', *MINIMAL, says=['-object', 'id'])
    refused('-object', ram + '0', *MINIMAL, says=['-object', 'size'])
    refused('-object', ram + '1M,nosuch=1', *MINIMAL, says=['-object', 'nosuch'])
    refused('-machine', 'pc,memory-backend=m', *MINIMAL, says=["'m'", '-object'])
    refused('-object', ram + '64M', '-machine', 'pc,memory-backend=m', '-m', '32', *MINIMAL,
            says=['does not match'])


def kernels():
    with tempfile.TemporaryDirectory() as work:
        text = work + '/text'
        with open(text, 'wb') as f:
            f.write(b'not a kernel\n' * 1000)
        refused('-kernel', text, *MINIMAL, says=[text, 'bzImage', 'multiboot'])
        refused('-kernel', work + '/missing', *MINIMAL, says=['-kernel', 'missing'])
        refused('-kernel', work, *MINIMAL, says=['-kernel', 'directory'])
        refused('-initrd', text, *MINIMAL, says=['-initrd', '-kernel'])


def firmware():
    with tempfile.TemporaryDirectory() as work:
        odd = work + '/odd'
        with open(odd, 'wb') as f:
            f.write(b'x' * 1000)
        refused('-bios', odd, *MINIMAL, says=['-bios', '64 KiB'])
        refused('-bios', 'nosuch', *MINIMAL, says=['-bios', 'nosuch', '-L'])


def host_without_seabios():
    hide = ('for dir in /usr/share/seabios /usr/share/qemu; do '
            '[ ! -d $dir ] || mount -t tmpfs none $dir || exit 99; done; exec "$0" "$@"')
    refused(*MINIMAL, says=['bios-256k.bin', 'seabios', '-bios'],
            prefix=['unshare', '--map-root-user', '--mount', 'sh', '-c', hide])


def help_texts():
    for args in (['-help'], ['-version'], ['-machine', 'help'], ['-accel', 'help'],
                 ['-cpu', 'help'], ['-device', 'help'], ['-device', 'isa-serial,help'],
                 ['-d', 'help'], ['-trace', 'help'], ['-chardev', 'help']):
        done = doppel(*args)
        if done.returncode != 0 or not done.stdout or done.stderr:
            raise Failure(f'{args}: status {done.returncode}, {done.stderr!r}')


def pidfile_and_daemonize():
    with tempfile.TemporaryDirectory() as work:
        path = work + '/pid'
        done = doppel('-machine', 'none', '-display', 'none', '-daemonize', '-pidfile', path)
        if done.returncode != 0:
            raise Failure(f'-daemonize: status {done.returncode}: {done.stderr!r}')
        with open(path, encoding='utf-8') as f:
            pid = int(f.read())
        os.kill(pid, 15)
        for _ in range(100):
            if not os.path.exists(path):
                return
            subprocess.run(['sleep', '0.1'], check=True)
        raise Failure('SIGTERM did not end the daemon')


main([wrong_option, wrong_device, memory_size, memory_backends, images, kernels, firmware, host_without_seabios,
      help_texts, pidfile_and_daemonize])
