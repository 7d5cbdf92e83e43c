#!/usr/bin/env python3
# The main job: `make run`'s boot of Debian's cloud kernel to a shell on the
# terminal, driven as a person would; and a multiboot kernel, a 32-bit kernel.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import subprocess
import sys
import tempfile
from guest import EMULATOR, SCALE, TOP, Failure, Machine, need, run, tool, main

DI_I386 = '/usr/lib/debian-installer/images/12/i386/text/debian-installer/i386'


def spawn_run():
    """scripts/run.sh on a pseudo-terminal."""
    sys.path.append('/usr/lib/python3/dist-packages')
    import pexpect
    need('/boot/vmlinuz-*cloud-amd64', 'linux-image-cloud-amd64')
    terminal_only = {name: value for name, value in os.environ.items()
                     if name not in ('DISPLAY', 'WAYLAND_DISPLAY')}
    child = pexpect.spawn(TOP + '/scripts/run.sh', [os.path.abspath(EMULATOR)],
                          timeout=120 * SCALE, env=terminal_only)
    child.expect('/ # ')
    return child


def wait_status(child):
    import pexpect
    child.expect(pexpect.EOF)
    child.close()
    if child.exitstatus != 0:
        raise Failure(f'status {child.exitstatus}, signal {child.signalstatus}')


def shell_on_the_terminal():
    child = spawn_run()
    child.send('echo typed-$((6*7))\r')
    child.expect('typed-42')
    child.send('poweroff\r')
    wait_status(child)


def ctrl_a_x():
    child = spawn_run()
    child.send('\x01x')
    wait_status(child)


def sigterm():
    kernel = need('/boot/vmlinuz-*cloud-amd64', 'linux-image-cloud-amd64')
    with Machine('-m', '256', '-kernel', kernel, '-append', 'console=ttyS0') as machine:
        machine.wait_serial('Linux version')
        machine.process.terminate()
        if machine.wait_end(20) != 0:
            raise Failure(f'status {machine.process.returncode}')


def two_cpus():
    kernel = need('/boot/vmlinuz-*cloud-amd64', 'linux-image-cloud-amd64')
    with tempfile.TemporaryDirectory() as work:
        run([TOP + '/scripts/make-initramfs.sh', work + '/initrd', 'echo CPUS-$(nproc)'])
        with Machine('-m', '256', '-smp', '2', '-kernel', kernel, '-initrd', work + '/initrd',
                     '-append', 'console=ttyS0 quiet') as machine:
            machine.wait_serial('CPUS-2', 120)
            if machine.wait_end(30) != 0:
                raise Failure(f'status {machine.process.returncode}')


def kernel_i386():
    kernel = need(DI_I386 + '/linux', 'debian-installer-12-netboot-i386')
    initrd = need(DI_I386 + '/initrd.gz', 'debian-installer-12-netboot-i386')
    with Machine('-m', '512', '-kernel', kernel, '-initrd', initrd, '-append',
                 'console=ttyS0 panic=-1 init=/bin/sh rdinit=/bin/sh -- -c "uname -m; exec sh"') \
            as machine:
        machine.wait_serial(r'\ni[56]86\r?\n', 200)


MULTIBOOT_SOURCE = r'''
        .set MAGIC, 0x1badb002
        .set FLAGS, 3
        .section .text
        .align 4
        .long MAGIC, FLAGS, -(MAGIC + FLAGS)
        .globl _start
_start: cmp $0x2badb002, %eax
        jne fail
        mov 44(%ebx), %ecx      # length of the memory map
        test %ecx, %ecx
        jz fail
        cmpl $1, 20(%ebx)       # one module
        jne fail
        mov 24(%ebx), %esi
        mov (%esi), %esi        # its first byte
        cmpb $'M', (%esi)
        jne fail
        mov 16(%ebx), %esi      # the command line
1:      lodsb
        test %al, %al
        jz good
        mov $0x3f8, %dx
        out %al, %dx
        jmp 1b
good:   mov $0x20, %al
        jmp end
fail:   mov $0x21, %al
end:    mov $0xf4, %dx
        out %al, %dx
        hlt
'''


def multiboot_kernel():
    with tempfile.TemporaryDirectory() as work:
        with open(work + '/kernel.s', 'w', encoding='utf-8') as f:
            f.write(MULTIBOOT_SOURCE)
        with open(work + '/module', 'w', encoding='utf-8') as f:
            f.write('Module')
        run([tool('as', 'binutils'), '--32', '-o', work + '/kernel.o', work + '/kernel.s'])
        run([tool('ld', 'binutils'), '-m', 'elf_i386', '-N', '-Ttext', '0x100000', '-o',
             work + '/kernel', work + '/kernel.o'])
        done = subprocess.run(
            [EMULATOR, '-display', 'none', '-nodefaults', '-serial', 'stdio', '-kernel',
             work + '/kernel', '-append', 'some arguments', '-initrd', work + '/module',
             '-device', 'isa-debug-exit,iobase=0xf4'],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60 * SCALE, check=False)
        if done.returncode != (0x20 << 1 | 1) or b'some arguments' not in done.stdout:
            raise Failure(f'status {done.returncode}, serial {done.stdout!r}')


main([shell_on_the_terminal, ctrl_a_x, sigterm, multiboot_kernel, two_cpus, kernel_i386])
