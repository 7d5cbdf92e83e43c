# The places a workload runs: the bare host and emulators.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
"""Each place has run(name, count) -> Result. An emulator is started once; its processor time is
read on the host before a workload's name is sent on the serial line and after its end is seen, so
the guest's own clocks do not matter."""
import dataclasses
import hashlib
import json
import os
import re
import resource
import select
import shlex
import socket
import subprocess
import tempfile
import time

import workloads


class Failed(Exception):
    pass


@dataclasses.dataclass
class Result:
    cpu: float   # seconds of processor time, user and system
    wall: float  # seconds
    output: str  # MD5 of what the workload printed


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def process_cpu(pid):
    """Seconds that all threads of another process have run (its CPU clock; see clock_getcpuclockid)."""
    return time.clock_gettime(~pid << 3 | 2)


class Native:
    """The host itself, in the tree's bench folder."""
    name = 'native'
    peak = 0
    jit = None

    def __init__(self, folder):
        self.folder = folder

    def run(self, name, count, timeout):
        before, start = children_cpu(), time.monotonic()
        with open(self.folder + '/out', 'wb') as out:
            done = subprocess.run(['dash', 'run/' + name, str(count)], cwd=self.folder, stdout=out,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=timeout,
                                  env={'PATH': workloads.PATH, 'HOME': '/root', 'LC_ALL': 'C'},
                                  check=False)
        wall = time.monotonic() - start
        cpu = children_cpu() - before
        with open(self.folder + '/out', 'rb') as out:
            text = out.read()
        if done.returncode:
            raise Failed(f'ended with {done.returncode}: {text[-200:].decode(errors="replace")}')
        return Result(cpu, wall, hashlib.md5(text).hexdigest())

    def close(self):
        pass


class Guest:
    """One emulator with the benchmark's initramfs, started on first use and again after a failure."""

    def __init__(self, name, command, options):
        self.name = name
        self.command = command
        self.options = options
        self.process = None
        self.peak = 0
        self.jit = None

    def start(self):
        self.text = b''
        self.dir = tempfile.TemporaryDirectory(prefix='doppel-bench-')
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.dir.name + '/qmp')
        listener.listen(1)
        self.process = subprocess.Popen(
            [*self.command, '-serial', 'stdio', '-chardev', f'socket,path={self.dir.name}/qmp,id=qmp',
             '-mon', 'chardev=qmp,mode=control'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        listener.settimeout(20)
        try:
            self.qmp = listener.accept()[0].makefile('rw')
        except TimeoutError as err:
            self.stop()
            raise Failed('did not start') from err
        listener.close()
        self.qmp.readline()
        self.qmp_command('qmp_capabilities')
        self.wait_for(rb'@ready\r?\n', self.options.boot_timeout)

    def qmp_command(self, name, **arguments):
        """The reply's "return", or None if the emulator does not know the command."""
        self.qmp.write(json.dumps({'execute': name, 'arguments': arguments}) + '\n')
        self.qmp.flush()
        while True:
            reply = json.loads(self.qmp.readline())
            if 'event' not in reply:
                return reply.get('return')

    def wait_for(self, pattern, timeout):
        deadline = time.monotonic() + timeout
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return found
            ready = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 65536) if ready[0] else b''
            if not data:
                seen = self.text[-300:].decode(errors='replace')
                self.stop()
                raise Failed(f'{"ended" if ready[0] else f"nothing in {timeout} s"}; last: {seen!r}')
            self.text += data

    def run(self, name, count, timeout):
        if not self.process:
            self.start()
        pid = self.process.pid
        before, start = process_cpu(pid), time.monotonic()
        self.process.stdin.write(f'{name} {count}\n'.encode())
        self.process.stdin.flush()
        status = self.wait_for(rb'@end \S+ (\d+)\r?\n', timeout).group(1)
        result = Result(process_cpu(pid) - before, time.monotonic() - start, '')
        result.output = self.wait_for(rb'@sum (\w{32})', timeout).group(1).decode()
        if status != b'0':
            raise Failed(f'ended with {status.decode()} in the guest')
        return result

    def close(self):
        """Ends it and keeps its peak of memory and what it tells about its translations."""
        if self.process:
            with open(f'/proc/{self.process.pid}/status', encoding='ascii') as f:
                self.peak = int(re.search(r'VmHWM:\s+(\d+)', f.read()).group(1)) >> 10
            self.jit = self.qmp_command('human-monitor-command', **{'command-line': 'info jit'})
            self.stop()

    def stop(self):
        self.process.kill()
        self.process.communicate()
        self.process = None
        self.dir.cleanup()


class Boot:
    """An emulator that is started for each run and ends itself; run's name says what it boots."""

    def __init__(self, name, commands):
        self.name = name
        self.commands = commands  # by name of the workload
        self.peak = 0
        self.jit = None

    def run(self, name, _count, timeout):
        before, start = children_cpu(), time.monotonic()
        done = subprocess.run([*self.commands[name], '-serial', 'stdio'], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, timeout=timeout, check=False)
        wall = time.monotonic() - start
        if done.returncode or b'REACHED-INIT' not in done.stdout:
            raise Failed(f'ended with {done.returncode}: {done.stdout[-200:].decode(errors="replace")}')
        return Result(children_cpu() - before, wall, '')

    def close(self):
        pass


def emulator_command(emulator, extra, options, *more, smp=1):
    """The command line that is common to all emulators: EXTRA is the user's, MORE the workload's."""
    extra = shlex.split(extra)
    accel = [] if '-accel' in extra else ['-accel', 'tcg']
    return [emulator, *accel, '-cpu', 'max', '-m', str(options.memory), '-smp', str(smp), '-nodefaults',
            '-display', 'none', '-no-reboot', *extra, *more]


def kernel_options(kernel, initrd):
    return ['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 quiet panic=-1']
