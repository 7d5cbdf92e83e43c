#!/usr/bin/env python3
# The QMP protocol itself: greeting, negotiation, ids, recovery from malformed input,
# out-of-band execution, several monitors, descriptors over the socket, --preconfig.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import json
import os
import socket
import tempfile
from qmp import Emulator, Failure, check, main

NONE = ('-machine', 'none', '-accel', 'qtest')
GENERIC, NOT_FOUND = 'GenericError', 'CommandNotFound'


def greeting_and_negotiation():
    with Emulator(*NONE, negotiate=False) as emu:
        qmp = emu.qmp
        check(set(qmp.greeting) == {'QMP'}, qmp.greeting)
        check(set(qmp.greeting['QMP']) == {'version', 'capabilities'}, qmp.greeting)
        check(qmp.greeting['QMP']['capabilities'] == ['oob'], qmp.greeting)
        check(set(qmp.greeting['QMP']['version']) == {'qemu', 'package'}, qmp.greeting)
        check(set(qmp.greeting['QMP']['version']['qemu']) == {'major', 'minor', 'micro'},
              qmp.greeting)
        qmp.fails('query-status', NOT_FOUND)
        qmp.fails('nosuch', NOT_FOUND)
        qmp.fails('qmp_capabilities', GENERIC, enable=['nosuch'])
        qmp.fails('qmp_capabilities', GENERIC, enable='oob')
        check(qmp.call('qmp_capabilities') == {})
        qmp.fails('qmp_capabilities', NOT_FOUND)
        check(qmp.call('query-status')['status'] == 'running')


def ids():
    with Emulator(*NONE) as emu:
        for value in (1, 'a', None, [1, [2]], {'a': {'b': None}}, 1.5, True, 2**64 - 1, -2**63,
                      'é\u20ac\U0001f600\0\x7f"\\'):
            for command in ('query-status', 'nosuch'):
                reply = emu.qmp.raw(json.dumps({'execute': command, 'id': value}))
                check('id' in reply and reply['id'] == value, value, reply)
        check('id' not in emu.qmp.raw('{"execute": "query-status"}'))


# Texts that are no command, with a word of the answer.
MALFORMED = [
    ('1', 'must be a JSON object'), ('-0.5e3', 'must be a JSON object'),
    ('"x"', 'must be a JSON object'), ('[]', 'must be a JSON object'),
    ('[{"execute": "stop"}]', 'must be a JSON object'), ('null', 'must be a JSON object'),
    ('true', 'must be a JSON object'), ("'x'", 'must be a JSON object'),
    ('{}', "lacks member 'execute'"), ('{"id": 1}', "lacks member 'execute'"),
    ('{"arguments": {}}', "lacks member 'execute'"),
    ('{"execute": 1}', 'must be a string'), ('{"execute": null}', 'must be a string'),
    ('{"execute": {}}', 'must be a string'), ('{"execute": ["stop"]}', 'must be a string'),
    ('{"execute": true}', 'must be a string'),
    ('{"execute": "query-status", "x": 1}', "'x' is unexpected"),
    ('{"Execute": "query-status"}', "'Execute' is unexpected"),
    ('{"execute": "query-status", "arguments": 1}', 'must be an object'),
    ('{"execute": "query-status", "arguments": null}', 'must be an object'),
    ('{"execute": "query-status", "arguments": []}', 'must be an object'),
    ('{"execute": "query-status", "arguments": "x"}', 'must be an object'),
    ('{"execute": "query-status", "arguments": {"x": 1}}', "'x' is unexpected"),
    ('{"execute": "query-status", "execute": "stop"}', 'duplicate key'),
    ('{"exec-oob": "query-yank"}', "'exec-oob' is unexpected"),
    ('{"execute": ""}', 'has not been found'),
    ('{"execute": "QUERY-STATUS"}', 'has not been found'),
    ('{"execute": "query-status\\u0000"}', 'has not been found'),
    ('{"execute": "query_status"}', 'has not been found'),
    ('{"execute" "stop"}', 'missing :'), ('{"execute": "stop" "id": 1}', 'separator in dict'),
    ('{"execute": "stop",}', 'expecting value'), ('{,}', 'expecting value'),
    ('{"execute":}', 'expecting value'), ('{1: 2}', 'key is not a string'),
    ('{true: 2}', 'key is not a string'), ('{{}: 2}', 'key is not a string'),
    ('[1 2]', 'separator in list'), ('[1,]', 'expecting value'), ('[,1]', 'expecting value'),
    ('}', 'expecting value'), (']', 'expecting value'), (':', 'expecting value'),
    (',', 'expecting value'), ('[}]', 'expecting value'),
    ('foo', "invalid keyword 'foo'"), ('nan', "invalid keyword 'nan'"),
    ('[nul]', "invalid keyword 'nul'"), ('{"execute": stop}', "invalid keyword 'stop'"),
    ('01', "stray '01'"), ('1.x', "stray '1.x'"), ('-x', "stray '-x'"), ('1e+x', "stray '1e+x'"),
    ('1ex', "stray '1ex'"), ('%', "stray '%'"), ('&&', "stray '&'"), ('A', "stray 'A'"),
    ('1e999', 'too large'), ('-1e999', 'too large'),
    ('"\\x"', 'invalid escape'), ('"\\u12g4"', 'not a valid Unicode'),
    ('"\\ud800"', 'not a valid Unicode'), ('"\\ud800\\u0041"', 'not a valid Unicode'),
    ('"\\udc00"', 'not a valid Unicode'), ('"a\tb"', 'stray'), ('"never closed', 'stray'),
    (b'"\xff"', 'stray'), (b'"\xc0\xaf"', 'stray'), (b'"\xed\xa0\x80"', 'stray'),
    (b'"\xe2\x82"', 'stray'), (b'\x00', 'stray'), (b'\x80', 'stray'),
    ('[' * 1025, 'nesting depth'), ('{"a":' * 1025, 'nesting depth'),
]


def resynchronise(qmp, text):
    """A client's way back to a known state: a lexical error, a newline, a command with an id."""
    qmp.send(b'\xff\n{"execute": "query-status", "id": "sync"}\n')
    for _ in range(100):
        reply = qmp.reply()
        if reply.get('id') == 'sync':
            check('return' in reply, repr(text)[:60], reply)
            return
        check('error' in reply, repr(text)[:60], reply)
    raise Failure(f'no way back after {text!r}')


def malformed_input():
    check(len(MALFORMED) >= 50)
    with Emulator(*NONE) as emu:
        for text, says in MALFORMED:
            reply = emu.qmp.raw(text)
            check('error' in reply and set(reply['error']) == {'class', 'desc'}, repr(text), reply)
            check(says in reply['error']['desc'], repr(text)[:80], reply)
            resynchronise(emu.qmp, text)
        check(emu.stderr() == '', emu.stderr())


# Arguments that a command does not take, with a word of the answer.
WRONG_ARGUMENTS = [
    ('qom-list', {}, "'path' is missing"), ('qom-list', {'path': 1}, "'path', expected: string"),
    ('qom-list', {'path': None}, 'expected: string'),
    ('qom-list', {'path': ['/']}, 'expected: string'),
    ('qom-list', {'path': '/', 'x': 1}, "'x' is unexpected"),
    ('qom-list-types', {'abstract': 1}, 'expected: boolean'),
    ('qom-list-types', {'abstract': 'on'}, 'expected: boolean'),
    ('pmemsave', {'val': 0.5, 'size': 1, 'filename': '/x'}, "'val', expected: integer"),
    ('pmemsave', {'val': 2**63, 'size': 1, 'filename': '/x'}, "'val', expected: integer"),
    ('pmemsave', {'val': '0', 'size': 1, 'filename': '/x'}, "'val', expected: integer"),
    ('pmemsave', {'val': 0, 'size': -1, 'filename': '/x'}, "'size'"),
    ('set-action', {'reboot': 'nosuch'}, "'reboot' does not accept value 'nosuch'"),
    ('send-key', {'keys': 5}, "'keys', expected: array"),
    ('send-key', {'keys': {}}, "'keys', expected: array"),
    ('send-key', {'keys': [5]}, "'keys[0]', expected: object"),
    ('send-key', {'keys': [{}]}, "'keys[0].type' is missing"),
    ('send-key', {'keys': [{'type': 'qcode'}]}, "'keys[0].data' is missing"),
    ('send-key', {'keys': [{'type': 'x', 'data': 'a'}]}, "does not accept value 'x'"),
    ('send-key', {'keys': [{'type': 'qcode', 'data': 'nokey'}]}, "does not accept value 'nokey'"),
    ('send-key', {'keys': [{'type': 'number', 'data': 'a'}]}, "'keys[0].data', expected: integer"),
    ('send-key', {'keys': [{'type': 'qcode', 'data': 'a', 'y': 1}]}, "'keys[0].y' is unexpected"),
    ('send-key', {'keys': [{'type': 'qcode', 'data': 'a'}] * 17}, '17 keys'),
    ('input-send-event', {'events': [{'type': 'key', 'data': {'down': True}}]},
     "'events[0].data.key' is missing"),
    ('input-send-event', {'events': [{'type': 'btn', 'data': {'button': 'x', 'down': True}}]},
     "does not accept value 'x'"),
    ('blockdev-add', {'driver': 'nosuch', 'node-name': 'n'}, "does not accept value 'nosuch'"),
    ('blockdev-add', {'driver': 'raw', 'node-name': 'n'}, "'file' is missing"),
    ('blockdev-add', {'driver': 'raw', 'node-name': 'n', 'file': 1}, 'expected: BlockdevRef'),
    ('blockdev-add', {'driver': 'raw', 'node-name': 'n', 'file': {'driver': 'file'}},
     "'file.filename' is missing"),
    ('blockdev-add', {'driver': 'null-co'}, "'node-name' must be specified"),
    ('chardev-add', {'id': 'c', 'backend': {'type': 'null'}}, "'backend.data' is missing"),
    ('chardev-add', {'id': 'c', 'backend': {'type': 'udp', 'data': {}}}, 'remote'),
    ('screendump', {'filename': '/x', 'format': 'jpg'}, "does not accept value 'jpg'"),
]


def wrong_arguments():
    with Emulator(*NONE) as emu:
        for command, arguments, says in WRONG_ARGUMENTS:
            reply = emu.qmp.execute(command, arguments)
            check('error' in reply and reply['error']['class'] == GENERIC and
                  says in reply['error']['desc'], command, arguments, reply)


def many_at_once():
    """Requests sent in one packet, split at every byte, are answered in order."""
    with Emulator(*NONE) as emu:
        texts = [json.dumps({'execute': 'query-status', 'id': i}) for i in range(100)]
        emu.qmp.send('\r\n \t'.join(texts) + '\n')
        check([emu.qmp.reply()['id'] for _ in texts] == list(range(100)))
        text = json.dumps({'execute': 'qom-list', 'arguments': {'path': '/'}, 'id': 'é'},
                          ensure_ascii=False).encode()
        for i in range(1, len(text)):
            emu.qmp.send(text[:i])
            emu.qmp.send(text[i:])
            check(emu.qmp.reply()['id'] == 'é', i)


def out_of_band():
    with Emulator(*NONE, negotiate=False) as emu:
        qmp = emu.qmp
        qmp.execute('qmp_capabilities', {'enable': ['oob']})
        check(qmp.execute('query-yank', oob=True)['return'][0]['type'] == 'chardev')
        check('does not support OOB' in qmp.execute('query-status', oob=True)['error']['desc'])
        check(qmp.execute('nosuch', oob=True)['error']['class'] == NOT_FOUND)
        check('clashes' in qmp.raw('{"execute": "query-yank", "exec-oob": "query-yank"}')
              ['error']['desc'])
        # It overtakes what waits in the queue.
        texts = [json.dumps({'execute': 'query-qmp-schema', 'id': i}) for i in range(4)]
        qmp.send('\n'.join(texts) + '\n{"exec-oob": "query-yank", "id": "oob"}\n')
        order = [qmp.reply()['id'] for _ in range(5)]
        check(order[0] == 'oob' and order[1:] == [0, 1, 2, 3], order)


def sessions_are_separate():
    with Emulator('-machine', 'none', '-S', sessions=3, negotiate=False) as emu:
        one, two, three = emu.sessions
        one.execute('qmp_capabilities', {'enable': ['oob']})
        two.execute('qmp_capabilities')
        three.fails('query-status', NOT_FOUND)
        check('error' in two.execute('query-yank', oob=True))
        check('return' in one.execute('query-yank', oob=True))
        one.call('cont')
        check(two.event('RESUME'))
        check(one.event('RESUME'))
        check(set(one.events + two.events) == set(), one.events)
        two.raw('"broken')
        check(one.call('query-status')['running'])
        three.execute('qmp_capabilities')
        check(three.events == [], 'events from before the negotiation', three.events)


def reconnection_starts_anew():
    with tempfile.TemporaryDirectory() as work, \
            Emulator(*NONE, '-qmp', f'unix:{work}/again,server=on,wait=off'):
        for _ in range(2):
            client = socket.socket(socket.AF_UNIX)
            client.connect(work + '/again')
            lines = client.makefile('rw', encoding='utf-8')
            check('QMP' in json.loads(lines.readline()))
            lines.write('{"execute": "query-name"}\n{"execute": "qmp_capabilities"}\n{"exec')
            lines.flush()
            check('error' in json.loads(lines.readline()), 'a new session knows the old one')
            check('return' in json.loads(lines.readline()))
            lines.close()
            client.close()


def descriptors():
    with Emulator(*NONE) as emu:
        qmp = emu.qmp
        check('SCM_RIGHTS' in qmp.fails('getfd', GENERIC, fdname='f'))
        check('not found' in qmp.fails('closefd', GENERIC, fdname='f'))
        read_end, write_end = os.pipe()
        qmp.call('getfd', fds=[write_end], fdname='f')
        qmp.call('closefd', fdname='f')
        os.close(write_end)
        check(os.read(read_end, 1) == b'', 'closefd has not closed it')
        os.close(read_end)
        fd = os.open('/dev/null', os.O_RDWR)
        reply = qmp.execute('getfd', {'fdname': '1f'}, fds=[fd])
        check('digit' in reply['error']['desc'], reply)
        # A descriptor that nobody named does not stay.
        qmp.execute('query-status', fds=[fd, fd])
        qmp.call('getfd', fdname='late')
        os.close(fd)


def add_client():
    with Emulator(*NONE) as emu:
        qmp = emu.qmp
        qmp.call('chardev-add', id='more', backend={'type': 'socket', 'data': {
            'addr': {'type': 'unix', 'data': {'path': emu.file('server')}}}})
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        qmp.call('getfd', fds=[theirs.fileno()], fdname='peer')
        check('not been found' in qmp.fails('add_client', GENERIC, protocol='more', fdname='x'))
        qmp.call('add_client', protocol='more', fdname='peer')
        theirs.close()
        connected = {c['label']: c['filename'] for c in qmp.call('query-chardev')}['more']
        check(not connected.startswith('disconnected'), connected)
        qmp.call('yank', instances=[{'type': 'chardev', 'id': 'more'}])
        ours.settimeout(60)
        check(ours.recv(1) == b'', 'yank has not broken it')
        qmp.fails('yank', 'DeviceNotFound', instances=[{'type': 'chardev', 'id': 'nosuch'}])


def preconfig():
    with Emulator('-machine', 'pc', '-accel', 'qtest', '--preconfig') as emu:
        qmp = emu.qmp
        check(qmp.call('query-status') == {'status': 'prelaunch', 'singlestep': False,
                                           'running': False})
        check('permitted only after' in qmp.fails('query-pci', GENERIC))
        check(qmp.call('query-hotpluggable-cpus')[0].get('qom-path') is None)
        qmp.call('x-exit-preconfig')
        check(qmp.call('query-pci')[0]['devices'])
        check('permitted only before' in qmp.fails('x-exit-preconfig', GENERIC))
    with Emulator(*NONE, '--preconfig') as emu:
        emu.qmp.call('quit')
        check(emu.wait_end() == 0, emu.process.returncode, emu.stderr())


def pretty():
    with tempfile.TemporaryDirectory() as work, \
            Emulator(*NONE, '-chardev', f'file,id=f,path={work}/out', '-mon',
                     'chardev=f,mode=control,pretty=on') as emu:
        emu.qmp.call('quit')
        check(emu.wait_end() == 0)
        with open(work + '/out', encoding='utf-8') as out:
            text = out.read()
        check(text.startswith('{\n    "QMP": {\n        "version"'), text)


main([greeting_and_negotiation, ids, malformed_input, wrong_arguments, many_at_once, out_of_band,
      sessions_are_separate, reconnection_starts_anew, descriptors, add_client, preconfig, pretty])
