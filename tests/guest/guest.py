# Runs Doppel for a test and drives it: serial line, QMP, screen text, keys.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
"""Guest tests: a Machine is one run of the emulator; wait_* calls have bounded waits and
raise Failure with what was seen instead."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

EMULATOR = os.environ.get('DOPPEL', 'build/doppel')
# -accel for all machines that do not ask for one themselves; none: the default.
ACCEL = os.environ.get('DOPPEL_ACCEL')
# Everything is slower on a loaded machine or with sanitizers.
SCALE = float(os.environ.get('GUEST_TIMEOUT_SCALE', '1'))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def accel_args(args):
    """The -accel option that is to stand before args."""
    return ['-accel', ACCEL] if ACCEL and '-accel' not in args else []


def need(path, package):
    """The first file that matches the glob, or Skip naming the package that has it."""
    import glob
    found = sorted(glob.glob(path))
    if not found:
        raise Skip(f'{path} is missing; package {package} has it')
    return found[-1]


def tool(name, package):
    path = shutil.which(name) or shutil.which(name, path='/usr/sbin:/sbin')
    if not path:
        raise Skip(f'{name} is missing; package {package} has it')
    return path


def accept(listener, process, seconds=30):
    """The emulator's connection to a listening socket; Failure if it ends instead."""
    deadline = time.monotonic() + seconds * SCALE
    listener.settimeout(0.2)
    while True:
        try:
            return listener.accept()[0]
        except TimeoutError as err:
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failure('the emulator did not connect') from err


class Machine:
    """One run: serial port on a socket pair of pipes, QMP on a unix socket."""

    def __init__(self, *args, emulator=None):
        self.dir = tempfile.mkdtemp(prefix='doppel-guest-')
        self.serial = b''
        self.events = []
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.dir + '/qmp')
        listener.listen(1)
        command = [emulator or EMULATOR, '-display', 'none', '-serial', 'stdio', '-monitor', 'none',
                   '-chardev', f'socket,path={self.dir}/qmp,id=qmp',
                   '-mon', 'chardev=qmp,mode=control', '-nic', 'none', *accel_args(args), *args]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=open(self.dir + '/stderr', 'wb'))
        os.set_blocking(self.process.stdout.fileno(), False)
        try:
            self.qmp_socket = accept(listener, self.process)
        except Failure as failure:
            raise Failure(f'{failure}: {self.stderr()}') from failure
        self.qmp_socket.settimeout(60)
        self.qmp_file = self.qmp_socket.makefile('rw')
        self.receive()
        self.qmp('qmp_capabilities')

    def stderr(self):
        with open(self.dir + '/stderr', encoding='utf-8', errors='replace') as f:
            return f.read()

    # --- QMP ---------------------------------------------------------------

    def receive(self):
        line = self.qmp_file.readline()
        if not line:
            raise Failure('QMP closed: ' + self.stderr())
        return json.loads(line)

    def qmp(self, command, **arguments):
        arguments = {key.replace('_', '-'): value for key, value in arguments.items()}
        self.qmp_file.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n')
        self.qmp_file.flush()
        while True:
            reply = self.receive()
            if 'event' in reply:
                self.events.append(reply['event'])
            elif 'error' in reply:
                raise Failure(f'{command}: {reply["error"]["desc"]}')
            else:
                return reply['return']

    KEYS = {' ': 'spc', '\n': 'ret', '-': 'minus', '=': 'equal', '.': 'dot', '/': 'slash',
            ',': 'comma', ';': 'semicolon', "'": 'apostrophe', '\\': 'backslash'}
    SHIFTED = {'(': '9', ')': '0', ':': 'semicolon', '_': 'minus', '"': 'apostrophe', '+': 'equal',
               '*': '8', '$': '4', '|': 'backslash', '>': 'dot', '<': 'comma'}

    def type(self, text):
        for char in text:
            if char in self.SHIFTED:
                keys = ['shift', self.SHIFTED[char]]
            elif char.isupper():
                keys = ['shift', char.lower()]
            else:
                keys = [self.KEYS.get(char, char)]
            self.qmp('send-key', keys=[{'type': 'qcode', 'data': key} for key in keys],
                     hold_time=20)
            time.sleep(0.06)

    def screen(self):
        return self.qmp('x-screen-text')['text'] or ''

    def wait_screen(self, pattern, seconds=60):
        return self.wait(self.screen, pattern, seconds, 'screen')

    # --- serial ---------------------------------------------------------------

    def read_serial(self):
        try:
            self.serial += self.process.stdout.read() or b''
        except BlockingIOError:
            pass
        return self.serial.decode('latin1')

    def wait_serial(self, pattern, seconds=60):
        return self.wait(self.read_serial, pattern, seconds, 'serial line')

    def send(self, text):
        """Sends text on the serial line and forgets what came before."""
        self.read_serial()
        self.serial = b''
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def wait(self, read, pattern, seconds, what):
        deadline = time.monotonic() + seconds * SCALE
        while True:
            text = read()
            match = re.search(pattern, text)
            if match:
                return match
            if self.process.poll() is not None:
                raise Failure(f'ended with {self.process.returncode} before {what} showed '
                              f'{pattern!r}:\n{text[-2000:]}\n{self.stderr()}')
            if time.monotonic() > deadline:
                raise Failure(f'{what} did not show {pattern!r}:\n{text[-2000:]}')
            time.sleep(0.1)

    # --- end --------------------------------------------------------------------

    def wait_end(self, seconds=60):
        try:
            return self.process.wait(seconds * SCALE)
        except subprocess.TimeoutExpired as err:
            raise Failure('did not end:\n' + self.read_serial()[-2000:]) from err

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def run(command, **kwargs):
    """A host tool that must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          **kwargs)
    if done.returncode:
        raise Failure(f'{command[0]}: {done.stdout.decode(errors="replace")[-1000:]}')
    return done.stdout.decode(errors='replace')


def main(tests):
    """Runs the functions and prints TAP."""
    import sys
    import traceback
    wanted = sys.argv[1:]
    tests = [t for t in tests if not wanted or t.__name__ in wanted]
    print(f'1..{len(tests)}', flush=True)
    failed = 0
    for number, test in enumerate(tests, 1):
        name = test.__name__
        try:
            test()
            print(f'ok {number} {name}', flush=True)
        except Skip as why:
            print(f'ok {number} {name} # SKIP {why}', flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print('#', line)
            print(f'not ok {number} {name}', flush=True)
    sys.exit(failed > 0)
