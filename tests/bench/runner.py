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
    """Seconds that all threads of another process have run: its clock of clock_getcpuclockid()."""
    return time.clock_gettime(~pid << 3 | 2)


def run_process(command, timeout, **options):
    """Runs a process to its end: (exit status, output, Result without the output)."""
    before, start = children_cpu(), time.monotonic()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              timeout=timeout, check=False, **options)
    except subprocess.TimeoutExpired as err:
        raise Failed(f'nothing in {timeout} s') from err
    wall = time.monotonic() - start
    return done.returncode, done.stdout, Result(children_cpu() - before, wall, '')


class Native:
    """The host itself, in the tree's bench folder."""
    name = 'native'
    peak = 0
    jit = None

    def __init__(self, folder):
        self.folder = folder

    def run(self, name, count, timeout):
        # Into a file as in the guest, for a pipe would cost something else.
        status, _, result = run_process(
            ['dash', '-c', f'exec dash run/{name} {count} > out 2>&1'], timeout, cwd=self.folder,
            env={'PATH': workloads.PATH, 'HOME': '/root', 'LC_ALL': 'C'})
        with open(self.folder + '/out', 'rb') as out:
            text = out.read()
        if status:
            raise Failed(f'ended with {status}: {text[-200:].decode(errors="replace")}')
        result.output = hashlib.md5(text).hexdigest()
        return result

    def close(self):
        pass


class Guest:
    """One emulator with the benchmark's initramfs, started on first use and again after a failure,
    but not after two failures to start."""

    def __init__(self, name, command, options):
        self.name = name
        self.command = command
        self.options = options
        self.process = None
        self.failed_starts = 0
        self.peak = 0
        self.jit = None

    def start(self):
        if self.failed_starts == 2:
            raise Failed('did not start twice')
        self.failed_starts += 1
        self.text = b''
        self.dir = tempfile.TemporaryDirectory(prefix='doppel-bench-')
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.dir.name + '/qmp')
        listener.listen(1)
        self.process = subprocess.Popen(
            [*self.command, '-serial', 'stdio', '-mon', 'chardev=qmp,mode=control',
             '-chardev', f'socket,path={self.dir.name}/qmp,id=qmp'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        listener.settimeout(20)
        try:
            self.qmp = listener.accept()[0].makefile('rw')
        except TimeoutError as err:
            self.stop()
            raise Failed('did not connect to QMP') from err
        finally:
            listener.close()
        self.qmp.readline()
        self.qmp_command('qmp_capabilities')
        self.wait_for(rb'@ready\r?\n', self.options.boot_timeout)
        self.failed_starts = 0

    def qmp_command(self, name, **arguments):
        """The reply's "return", or None if the emulator does not know the command."""
        try:
            self.qmp.write(json.dumps({'execute': name, 'arguments': arguments}) + '\n')
            self.qmp.flush()
            while True:
                reply = json.loads(self.qmp.readline())
                if 'event' not in reply:
                    return reply.get('return')
        except (OSError, ValueError):
            return None  # it has ended, which the serial line tells better

    def wait_for(self, pattern, timeout):
        deadline = time.monotonic() + timeout
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return found
            stdout = self.process.stdout
            ready = select.select([stdout], [], [], max(0, deadline - time.monotonic()))[0]
            data = os.read(stdout.fileno(), 65536) if ready else b''
            if not data:
                why = 'the emulator ended' if ready else f'nothing in {timeout} s'
                seen = self.text[-300:].decode(errors='replace')
                self.stop()
                raise Failed(f'{why}; last seen: {seen!r}')
            self.text += data

    def run(self, name, count, timeout):
        if not self.process:
            self.start()
        pid = self.process.pid
        before, start = process_cpu(pid), time.monotonic()
        os.write(self.process.stdin.fileno(), f'{name} {count}\n'.encode())
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
    peak = 0
    jit = None

    def __init__(self, name, commands, options):
        self.name = name
        self.commands = commands  # by name of the workload
        self.options = options

    def run(self, name, _count, _timeout):
        status, text, result = run_process([*self.commands[name], '-serial', 'stdio'],
                                           self.options.boot_timeout)
        if status or b'REACHED-INIT' not in text:
            raise Failed(f'ended with {status}: {text[-200:].decode(errors="replace")}')
        return result

    def close(self):
        pass


def emulator_command(emulator, extra, options, *more, smp=1):
    """The command line that all emulators share: EXTRA is the user's, MORE the workload's."""
    extra = shlex.split(extra)
    accel = [] if '-accel' in extra else ['-accel', 'tcg']
    return [emulator, *accel, '-cpu', 'max', '-m', str(options.memory), '-smp', str(smp),
            '-nodefaults', '-display', 'none', '-no-reboot', *extra, *more]


def kernel_options(kernel, initrd):
    return ['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 quiet panic=-1']
