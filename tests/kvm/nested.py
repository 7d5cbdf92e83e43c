#!/usr/bin/env python3
# Runs a command where KVM is complete: in a small Linux guest of Debian's QEMU, whose TCG emulates
# a CPU with AMD's SVM; or of Bochs (slow), which emulates Intel's VMX and debug registers as well.
# See docs/kvm-tests.md.
#
#   nested.py [--outer qemu|bochs] [--file FILE[:DEST]]... [--env NAME=VALUE]... [--limit SECONDS]
#             COMMAND [ARGUMENT]...
#
# The command's output is ours and so is its status; 77: this host cannot do it (one line says
# what is missing), 124: time limit, 125: the guest ended without a result.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
"""What goes into the guest is an Initramfs; run() boots it."""
import argparse
import glob
import lzma
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time

BIG_PROGRAM = 4 << 20
STATUS_SKIP, STATUS_LIMIT, STATUS_NO_RESULT = 77, 124, 125
# Debian's cloud kernel boots fastest; the generic one has the same modules.
KERNELS = ['/boot/vmlinuz-*-cloud-amd64', '/boot/vmlinuz-*-amd64']
APPEND = ('console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on cryptomgr.notests '
          'no_timer_check tsc=reliable')
PYTHON_LEFT_OUT = {'site-packages', 'test', 'idlelib', 'lib2to3', 'ensurepip', 'tkinter', 'turtledemo', 'distutils',
                   'unittest', 'pydoc_data', 'venv', 'sqlite3', 'xmlrpc', 'wsgiref', 'curses', 'dbm',
                   'asyncio', 'multiprocessing', 'dist-packages'}

# kvm.ko keeps the TSC rate that it finds when it is loaded. Before the kernel has refined its own
# measurement, a second after its start, guests would get TSCs that are caught up all the time.
INIT = r'''#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev
mkdir -p /dev/shm /dev/pts /run /tmp /var/tmp; mount -t tmpfs none /dev/shm
mount -t devpts none /dev/pts
ifconfig lo 127.0.0.1
stty -F /dev/ttyS1 raw -echo
n=0
while [ $n -lt 300 ] && ! dmesg | grep -qE 'Refined TSC|TSC unstable'; do usleep 20000; n=$((n + 1)); done
for m in @MODULES@; do insmod "$m" || echo "NESTED: insmod $m failed"; done
[ -c /dev/kvm ] || echo "NESTED: no /dev/kvm"
export PATH=/bin:/usr/bin:/sbin:/usr/sbin HOME=/tmp TERM=dumb
echo "NESTED: up $(cut -d' ' -f1 /proc/uptime)"
@COMMAND@
echo "NESTED: rc $? at $(cut -d' ' -f1 /proc/uptime)"
poweroff -f
'''


class Missing(Exception):
    """What this host lacks."""


def need(program, package):
    path = shutil.which(program)
    if not path:
        raise Missing(f'{program} is missing; package {package} has it')
    return os.path.realpath(path)


def find_kernel():
    """The newest kernel image that has its modules; and their folder."""
    for pattern in KERNELS:
        for image in sorted(glob.glob(pattern), reverse=True):
            modules = '/lib/modules/' + os.path.basename(image).partition('-')[2]
            if os.path.isdir(modules + '/kernel/arch/x86/kvm'):
                return image, modules
    raise Missing('no kernel with kvm-amd.ko; package linux-image-cloud-amd64 has it')


def find_qemu():
    """QEMU, if its TCG has SVM."""
    qemu = need('qemu-system-x86_64', 'qemu-system-x86')
    models = subprocess.run([qemu, '-cpu', 'help'], stdout=subprocess.PIPE, text=True, check=False)
    if not re.search(r'\bsvm\b', models.stdout):
        raise Missing(f'{qemu} does not emulate SVM')
    return qemu


def stripped(path):
    """A program without what debuggers want; None: strip cannot."""
    with tempfile.NamedTemporaryFile() as out:
        done = shutil.which('strip') and subprocess.run(['strip', '-o', out.name, path], check=False)
        return out.read() if done and done.returncode == 0 else None


class Initramfs:
    """An archive in cpio's "newc" format (Linux, Documentation/driver-api/early-userspace)."""

    def __init__(self, path):
        self.out = open(path, 'wb')
        self.seen = {''}
        self.modules = []

    def entry(self, name, mode, data=b'', device=(0, 0), mtime=0):
        name = os.path.normpath(name).lstrip('/')
        if name in self.seen:
            return
        self.seen.add(name)
        parent = os.path.dirname(name)
        if parent not in self.seen:
            self.entry(parent, stat.S_IFDIR | 0o755)
        self.write(name, mode, data, device, mtime)

    def write(self, name, mode, data, device, mtime):
        encoded = name.encode() + b'\0'
        fields = [len(self.seen), mode, 0, 0, 1, int(mtime), len(data), 0, 0, *device,
                  len(encoded), 0]
        header = b'070701' + b''.join(b'%08x' % field for field in fields) + encoded
        self.out.write(header + bytes(-len(header) % 4) + data + bytes(-len(data) % 4))

    def text(self, name, content):
        self.entry(name, stat.S_IFREG | 0o755, content.encode())

    def file(self, path, dest=None, leave_out=None):
        """A file with the libraries it needs, or a folder with all that is in it, less the names that have
        leave_out in them."""
        path, dest = os.path.abspath(path), dest or os.path.abspath(path)
        if os.path.isdir(path):
            for name in sorted(os.listdir(path)):
                if not leave_out or leave_out not in name:
                    self.file(os.path.join(path, name), os.path.join(dest, name), leave_out)
            return
        with open(path, 'rb') as f:
            data = f.read()
        if data[:4] == b'\x7fELF' and len(data) > BIG_PROGRAM:
            data = stripped(path) or data
        info = os.stat(path)
        self.entry(dest, stat.S_IFREG | (info.st_mode & 0o777), data, mtime=info.st_mtime)
        if data[:4] == b'\x7fELF':
            self.libraries(path)

    def libraries(self, path):
        found = subprocess.run(['ldd', path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True, check=False)
        for library in re.findall(r'(?:=> |^\t)(/\S+) \(', found.stdout, re.M):
            if library.lstrip('/') not in self.seen:
                self.file(library)

    def python(self):
        """The interpreter, and of its library what a test may need."""
        program, library = os.path.realpath(sys.executable), sysconfig.get_path('stdlib')
        self.file(program)
        self.entry('/bin/python3', stat.S_IFLNK | 0o777, program.encode())
        for name in sorted(os.listdir(library)):
            if name not in PYTHON_LEFT_OUT and not name.startswith('config-'):
                self.file(os.path.join(library, name), leave_out='.opt-')

    def module(self, folder, name):
        """A kernel module, after those it depends on."""
        with open(folder + '/modules.dep', encoding='utf-8') as f:
            line = re.search(rf'^\S*/{name}\.ko\S*:.*$', f.read(), re.M)
        if not line:
            raise Missing(f'{folder} has no {name}.ko')
        first, *others = line[0].replace(':', '').split()
        for path in [*reversed(others), first]:
            self.put_module(os.path.join(folder, path))

    def put_module(self, path):
        with open(path, 'rb') as f:
            data = f.read()
        if path.endswith('.xz'):
            data, path = lzma.decompress(data), path[:-3]
        dest = '/modules/' + os.path.basename(path)
        if dest not in self.modules:
            self.modules.append(dest)
            self.entry(dest, stat.S_IFREG | 0o644, data)

    def finish(self, command, env):
        words = [*(f'{key}={value}' for key, value in env.items()), *command]
        script = 'env ' + ' '.join(shlex.quote(word) for word in words)
        script = f'cd {shlex.quote(os.getcwd())} 2>/dev/null || cd /tmp; {script}'
        # One command for the status, its output on the second serial port.
        init = INIT.replace('@MODULES@', ' '.join(self.modules))
        self.text('init', init.replace('@COMMAND@', f'({script}) </dev/null >/dev/ttyS1 2>&1'))
        for name in ('proc', 'sys', 'tmp'):
            self.entry(name, stat.S_IFDIR | 0o755)
        self.entry('dev/console', stat.S_IFCHR | 0o600, device=(5, 1))
        self.write('TRAILER!!!', 0, b'', (0, 0), 0)
        self.out.close()


def pack(work, modules, module, files, command, env):
    path = os.path.join(work, 'initramfs')
    archive = Initramfs(path)
    archive.file(need('busybox', 'busybox-static'), '/bin/busybox')
    archive.module(modules, module)
    archive.python()
    for item in files:
        archive.file(*item.split(':'))
    archive.finish(command, env)
    return path


def outer_command(qemu, kernel, initramfs, console, memory):
    return [qemu, '-machine', 'pc,graphics=off', '-accel', 'tcg', '-cpu', 'max', '-smp', '1', '-m',
            str(memory), '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
            '-serial', 'file:' + console, '-serial', 'stdio', '-kernel', kernel, '-initrd',
            initramfs, '-append', APPEND]


def boot(command, limit):
    """Passes the guest's output on as it comes; returns whether it ended by itself."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        expired = []
        timer = threading.Timer(limit, lambda: (expired.append(1), process.kill()))
        timer.start()
        for line in process.stdout:
            sys.stdout.write(line.decode(errors='replace').replace('\r', ''))
            sys.stdout.flush()
        process.wait()
        timer.cancel()
    return not expired


def read_if_there(path):
    try:
        with open(path, encoding='utf-8', errors='replace') as f:
            return f.read()
    except FileNotFoundError:
        return ''


def status_of(console, ended):
    text = read_if_there(console)
    status = re.search(r'^NESTED: rc (\d+)', text, re.M)
    if status:
        return int(status[1])
    print('# nested: ' + ('ended without a result' if ended else 'time limit'), file=sys.stderr)
    for line in text.splitlines()[-15:]:
        print('# nested: ' + line, file=sys.stderr)
    return STATUS_NO_RESULT if ended else STATUS_LIMIT


# --- Bochs ------------------------------------------------------------------------------------------

# A CPU with EPT and unrestricted guest; older models are slower and leave real mode to an emulator.
BOCHS_OPTIONS = """\
config_interface: textconfig
display_library: rfb, options="timeout=0"
sound: driver=dummy, waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
speaker: enabled=0
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model=corei7_sandy_bridge_2600k, count=1, ips=50000000, reset_on_triple_fault=0
megs: {memory}
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path="{work}/boot.iso", status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={work}/console
com2: enabled=1, mode=file, dev={work}/output
clock: sync=none
log: {work}/log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
"""


def make_iso(work, kernel, initramfs):
    folder = work + '/iso/boot'
    os.makedirs(folder + '/grub')
    shutil.copy(kernel, folder + '/kernel')
    shutil.move(initramfs, folder + '/initramfs')
    with open(folder + '/grub/grub.cfg', 'w', encoding='utf-8') as f:
        f.write(f'linux /boot/kernel {APPEND}\ninitrd /boot/initramfs\nboot\n')
    subprocess.run([need('grub-mkrescue', 'grub-common'), '-d', '/usr/lib/grub/i386-pc', '-o',
                    work + '/boot.iso', work + '/iso', '--locales=', '--themes=', '--fonts=',
                    '--install-modules=linux normal iso9660 biosdisk'],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def boot_bochs(work, kernel, initramfs, memory, limit):
    """As boot(). Bochs does not end by itself: the console tells."""
    need('xorriso', 'xorriso')
    bochs = need('bochs-bin', 'bochs')
    make_iso(work, kernel, initramfs)
    with open(work + '/rc', 'w', encoding='utf-8') as f:
        f.write(BOCHS_OPTIONS.format(work=work, memory=memory))
    with open(work + '/commands', 'w', encoding='utf-8') as f:
        f.write('c\n')
    deadline, shown = time.monotonic() + limit, 0
    with subprocess.Popen([bochs, '-q', '-f', work + '/rc', '-rc', work + '/commands'], cwd=work,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        done = False
        while not done and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
            done = re.search(r'^NESTED: rc \d+', read_if_there(work + '/console'), re.M)
            output = read_if_there(work + '/output')
            sys.stdout.write(output[shown:].replace('\r', ''))
            sys.stdout.flush()
            shown = len(output)
        process.kill()
    return bool(done) or time.monotonic() < deadline


# --- both -------------------------------------------------------------------------------------------


def run(command, files=(), env=None, limit=120, memory=1024, outer='qemu'):
    """Runs a command in the guest; files: "FILE" or "FILE:DEST". Raises Missing."""
    kernel, modules = find_kernel()
    if outer == 'bochs':
        need('bochs-bin', 'bochs')
    else:
        qemu = find_qemu()
    with tempfile.TemporaryDirectory(prefix='doppel-nested-') as work:
        module = 'kvm-intel' if outer == 'bochs' else 'kvm-amd'
        initramfs = pack(work, modules, module, files, command, env or {})
        console = work + '/console'
        if outer == 'bochs':
            ended = boot_bochs(work, kernel, initramfs, memory, limit)
        else:
            ended = boot(outer_command(qemu, kernel, initramfs, console, memory), limit)
        return status_of(console, ended)


def main():
    parser = argparse.ArgumentParser(description='Runs a command in a guest with /dev/kvm.')
    parser.add_argument('--file', action='append', default=[], metavar='FILE[:DEST]')
    parser.add_argument('--env', action='append', default=[], metavar='NAME=VALUE')
    parser.add_argument('--limit', type=float, default=120, metavar='SECONDS')
    parser.add_argument('--outer', choices=['qemu', 'bochs'], default='qemu')
    parser.add_argument('--memory', type=int, default=1024, metavar='MIB')
    parser.add_argument('command', nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not options.command:
        parser.error('which command?')
    env = dict(item.split('=', 1) for item in options.env)
    try:
        sys.exit(run(options.command, options.file, env, options.limit, options.memory,
                     options.outer))
    except Missing as what:
        print(f'1..0 # SKIP {what}')
        sys.exit(STATUS_SKIP)


if __name__ == '__main__':
    main()
