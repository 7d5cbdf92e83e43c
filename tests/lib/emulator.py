# One run of the emulator for a test, and the QMP client.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
"""Emulator: a process with a temporary folder, which connects to unix sockets there. Qmp: a QMP
connection. Replies come back whole ({"return": ...} or {"error": ...}) or as what they return;
events are collected."""
import array
import json
import os
import socket
import subprocess
import tempfile
import time

from tap import SCALE, Failure, check

EMULATOR = os.environ.get('DOPPEL', 'build/doppel')
# -accel for all machines that do not ask for one themselves; none: the default.
ACCEL = os.environ.get('DOPPEL_ACCEL')
ANSWER = 60  # seconds that the emulator has for an answer


def accel_args(args):
    """The -accel option that is to stand before args."""
    return ['-accel', ACCEL] if ACCEL and '-accel' not in args else []


class Emulator:
    """One run, as a context. A subclass calls start() when it knows the options."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix='doppel-test-', ignore_cleanup_errors=True)
        self.dir = self.folder.name
        self.process = None

    def file(self, name):
        """The path of a file that is gone after the run."""
        return os.path.join(self.dir, name)

    def start(self, options, sockets, binary=None, **streams):
        """Runs it, without a window; it must connect to the named sockets. Returns those, in
        order; streams are for Popen, which by default gives no input and drops the output."""
        listeners = [self.listen(name) for name in sockets]
        streams = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.DEVNULL, **streams}
        with open(self.file('stderr'), 'wb') as stderr:
            self.process = subprocess.Popen([binary or EMULATOR, '-display', 'none', *options],
                                            stderr=stderr, **streams)
        return [self.accept(listener) for listener in listeners]

    def listen(self, name):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.file(name))
        listener.listen(1)
        return listener

    def accept(self, listener, seconds=30):
        """The emulator's connection to a listening socket; Failure if it ends instead."""
        deadline = time.monotonic() + seconds * SCALE
        listener.settimeout(0.2)
        while True:
            try:
                connection = listener.accept()[0]
                break
            except TimeoutError as err:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    why = f'the emulator did not connect: {self.stderr()}'
                    self.stop()
                    raise Failure(why) from err
        listener.close()
        connection.settimeout(ANSWER * SCALE)
        return connection

    def stderr(self):
        with open(self.file('stderr'), encoding='utf-8', errors='replace') as f:
            return f.read()

    def wait_end(self, seconds=60):
        """Its exit status."""
        try:
            return self.process.wait(seconds * SCALE)
        except subprocess.TimeoutExpired as err:
            raise Failure('the emulator did not end') from err

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def qmp_options(emulator, name):
    """The options for a QMP monitor on the socket of that name."""
    return ['-chardev', f'socket,id={name},path={emulator.file(name)}',
            '-mon', f'chardev={name},mode=control']


class Qmp:
    def __init__(self, sock):
        self.sock = sock
        self.buffer = b''
        self.events = []
        self.greeting = self.message()
        self.serial = 0

    def message(self):
        """The next object on the wire."""
        while b'\n' not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise Failure('the connection ended')
            self.buffer += data
        line, self.buffer = self.buffer.split(b'\n', 1)
        return json.loads(line)

    def reply(self):
        while True:
            message = self.message()
            if 'event' not in message:
                return message
            self.events.append(message)

    def send(self, data, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
        self.sock.sendmsg([data if isinstance(data, bytes) else data.encode()], rights)

    def raw(self, data):
        """The reply to a text that ends with a newline."""
        self.send(data + (b'\n' if isinstance(data, bytes) else '\n'))
        return self.reply()

    def execute(self, command, arguments=None, fds=(), oob=False):
        request = {'exec-oob' if oob else 'execute': command}
        if arguments is not None:
            request['arguments'] = arguments
        self.serial += 1
        request['id'] = self.serial
        self.send(json.dumps(request) + '\n', fds)
        while True:
            reply = self.reply()
            if reply.get('id') == request['id']:
                return reply
            raise Failure(f'{command}: reply {reply} has another id')

    def call(self, command, fds=(), **arguments):
        """The value of "return"; underscores in the names of arguments stand for dashes."""
        arguments = {key.replace('_', '-'): value for key, value in arguments.items()}
        reply = self.execute(command, arguments or None, fds)
        if 'error' in reply:
            raise Failure(f'{command}: {reply["error"]["desc"]}')
        return reply['return']

    def fails(self, command, error_class, **arguments):
        arguments = {key.replace('_', '-'): value for key, value in arguments.items()}
        reply = self.execute(command, arguments or None)
        check(reply.get('error', {}).get('class') == error_class, command, arguments, reply)
        return reply['error']['desc']

    def event(self, name):
        """Waits for an event; it and those before it are forgotten."""
        while True:
            for i, event in enumerate(self.events):
                if event['event'] == name:
                    del self.events[:i + 1]
                    return event
            message = self.message()
            check('event' in message, 'waiting for', name, 'got', message)
            self.events.append(message)
