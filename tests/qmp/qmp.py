# A QMP client in plain Python, and the emulator that it drives.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
"""Session: one QMP connection over a unix socket. Emulator: a process that has connected to
one. Replies come back whole ({"return": ...} or {"error": ...}); events are collected."""
import array
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback

DOPPEL = os.environ.get('DOPPEL', 'build/doppel')
TIMEOUT = 120


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def check(condition, *what):
    if not condition:
        raise Failure(' '.join(str(w) for w in what))


class Session:
    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(TIMEOUT)
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
            raise Failure(f'{command}: {reply["error"]}')
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


class Emulator:
    """One run, with as many QMP sessions as asked for."""

    def __init__(self, *args, binary=None, sessions=1, negotiate=True):
        self.dir = tempfile.mkdtemp(prefix='doppel-qmp-')
        listeners, options = [], []
        for i in range(sessions):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(f'{self.dir}/qmp{i}')
            listener.listen(1)
            listener.settimeout(TIMEOUT)
            listeners.append(listener)
            options += ['-chardev', f'socket,id=qmp{i},path={self.dir}/qmp{i}',
                        '-mon', f'chardev=qmp{i},mode=control']
        self.stderr_file = open(self.dir + '/stderr', 'w+', encoding='utf-8')
        self.process = subprocess.Popen([binary or DOPPEL, '-display', 'none', *options, *args],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.stderr_file)
        self.sessions = []
        for listener in listeners:
            sock, _ = listener.accept()
            self.sessions.append(Session(sock))
        self.qmp = self.sessions[0]
        if negotiate:
            for session in self.sessions:
                session.call('qmp_capabilities')

    def stderr(self):
        self.stderr_file.seek(0)
        return self.stderr_file.read()

    def wait(self):
        return self.process.wait(TIMEOUT)

    def path(self, name):
        return os.path.join(self.dir, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for session in self.sessions:
            session.sock.close()
        self.stderr_file.close()
        shutil.rmtree(self.dir, ignore_errors=True)


# --- the schema, as a client learns it -----------------------------------------------------

class Schema:
    """query-qmp-schema, and the check of values against it."""

    def __init__(self, infos):
        self.types = {i['name']: i for i in infos if i['meta-type'] not in ('command', 'event')}
        self.commands = {i['name']: i for i in infos if i['meta-type'] == 'command'}
        self.events = {i['name']: i for i in infos if i['meta-type'] == 'event'}

    def members(self, info, value):
        """The members that an object of this type has, with those of its variant."""
        members = {m['name']: m for m in info['members']}
        if 'tag' in info:
            for variant in info['variants']:
                if variant['case'] == value.get(info['tag']):
                    members.update(self.members(self.types[variant['type']], value))
        return members

    def check(self, name, value, where):
        info = self.types[name]
        getattr(self, 'check_' + info['meta-type'])(info, value, where)

    def check_builtin(self, info, value, where):
        kinds = {'string': str, 'int': int, 'number': (int, float), 'boolean': bool,
                 'null': type(None), 'value': object}
        kind = info['json-type']
        check(isinstance(value, kinds[kind]) and
              (kind in ('boolean', 'value') or not isinstance(value, bool)),
              where, 'is', repr(value), 'but should be', kind)

    def check_enum(self, info, value, where):
        check(value in [m['name'] for m in info['members']], where, 'is', repr(value),
              'which', info['name'], 'has not')

    def check_array(self, info, value, where):
        check(isinstance(value, list), where, 'is no array')
        for i, element in enumerate(value):
            self.check(info['element-type'], element, f'{where}[{i}]')

    def check_object(self, info, value, where):
        check(isinstance(value, dict), where, 'is no object')
        members = self.members(info, value)
        for key, member in value.items():
            check(key in members, where, 'has', key, 'which', info['name'], 'has not')
            self.check(members[key]['type'], member, f'{where}.{key}')
        for key, member in members.items():
            check(key in value or 'default' in member, where, 'lacks', key)

    def check_alternate(self, info, value, where):
        for member in info['members']:
            try:
                self.check(member['type'], value, where)
                return
            except Failure:
                pass
        raise Failure(f'{where} is none of the types of {info["name"]}')

    def check_reply(self, command, value):
        self.check(self.commands[command]['ret-type'], value, command)

    def check_event(self, event):
        name = event['event']
        check(name in self.events, name, 'is no event of the schema')
        self.check(self.events[name]['arg-type'], event.get('data', {}), name)


def main(tests):
    """Runs the functions and prints TAP."""
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
