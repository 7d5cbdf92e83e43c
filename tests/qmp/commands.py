#!/usr/bin/env python3
# Every command of the schema is called, and its reply is checked against the schema that the
# emulator itself publishes; where Debian's QEMU 7.2 is installed, replies have its keys.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import re
import shutil
import socket
import subprocess
from qmp import Emulator, Schema, Skip, check, main

GENERIC, NO_DEVICE = 'GenericError', 'DeviceNotFound'
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def image(emu_dir, name, size=1 << 20):
    path = os.path.join(emu_dir, name)
    with open(path, 'wb') as f:
        f.truncate(size)
    return path


def machine(*args, **kwargs):
    return Emulator('-machine', 'pc', '-accel', 'qtest', '-nodefaults', '-vga', 'std',
                    '-drive', 'if=ide,index=2,media=cdrom,id=cd', *args, **kwargs)


# --- the walk ----------------------------------------------------------------------------------

def key(name):
    return {'type': 'qcode', 'data': name}


# How to call each command so that it succeeds, in this order: (command, arguments). A
# function gets the emulator and returns the arguments.
WALK = [
    ('query-version', {}), ('query-commands', {}), ('query-qmp-schema', {}),
    ('query-status', {}), ('stop', {}), ('cont', {}), ('system_reset', {}),
    ('system_powerdown', {}), ('inject-nmi', {}),
    ('set-action', {'reboot': 'reset', 'shutdown': 'poweroff', 'panic': 'none',
                    'watchdog': 'none'}),
    ('watchdog-set-action', {'action': 'reset'}),
    ('query-name', {}), ('query-uuid', {}), ('query-kvm', {}), ('query-target', {}),
    ('query-machines', {}), ('query-current-machine', {}), ('query-command-line-options', {}),
    ('query-command-line-options', {'option': 'smp'}),
    ('query-cpu-definitions', {}), ('query-cpus-fast', {}), ('query-hotpluggable-cpus', {}),
    ('object-add', {'qom-type': 'memory-backend-ram', 'id': 'spare', 'size': 1 << 20}),
    ('query-memory-size-summary', {}), ('query-memdev', {}), ('object-del', {'id': 'spare'}), ('query-pci', {}),
    ('memsave', lambda e: {'val': 0, 'size': 100, 'filename': e.file('memsave')}),
    ('pmemsave', lambda e: {'val': 0xfffffff0, 'size': 16, 'filename': e.file('pmemsave')}),
    ('query-dump', {}),
    ('dump-guest-memory', lambda e: {'paging': False, 'protocol': 'file:' + e.file('core')}),
    ('query-dump', {}), ('query-dump-guest-memory-capability', {}),
    ('qom-list', {'path': '/machine'}), ('qom-get', {'path': '/machine', 'property': 'type'}),
    ('qom-set', {'path': '/machine', 'property': 'graphics', 'value': True}),
    ('qom-list-types', {}), ('qom-list-types', {'implements': 'device', 'abstract': True}),
    ('device-list-properties', {'typename': 'isa-serial'}),
    ('qom-list-properties', {'typename': 'isa-serial'}),
    ('query-block', {}), ('query-blockstats', {}), ('query-blockstats', {'query-nodes': True}),
    ('blockdev-add', lambda e: {'driver': 'raw', 'node-name': 'medium', 'read-only': True,
                                'file': {'driver': 'file',
                                         'filename': image(e.dir, 'medium')}}),
    ('query-named-block-nodes', {}),
    ('blockdev-open-tray', {'device': 'cd'}), ('blockdev-remove-medium', lambda e: {
        'id': [b for b in e.qmp.call('query-block') if b['device'] == 'cd'][0]['qdev']}),
    ('blockdev-insert-medium', lambda e: {
        'id': [b for b in e.qmp.call('query-block') if b['device'] == 'cd'][0]['qdev'],
        'node-name': 'medium'}),
    ('blockdev-close-tray', {'device': 'cd'}), ('query-block', {}),
    ('blockdev-change-medium', lambda e: {'device': 'cd', 'format': 'raw',
                                          'filename': image(e.dir, 'other')}),
    ('query-block', {}), ('eject', {'device': 'cd'}), ('blockdev-del', {'node-name': 'medium'}),
    ('query-chardev', {}), ('query-chardev-backends', {}),
    ('chardev-add', {'id': 'ring', 'backend': {'type': 'ringbuf', 'data': {}}}),
    ('chardev-send-break', {'id': 'ring'}),
    ('ringbuf-write', {'device': 'ring', 'data': 'text'}),
    ('ringbuf-read', {'device': 'ring', 'size': 10}), ('chardev-remove', {'id': 'ring'}),
    ('chardev-add', {'id': 'pty', 'backend': {'type': 'pty', 'data': {}}}),
    ('query-yank', {}), ('yank', {'instances': []}),
    ('query-mice', {}), ('query-display-options', {}),
    ('screendump', lambda e: {'filename': e.file('screen')}), ('x-screen-text', {}),
    ('screendump', lambda e: {'filename': e.file('screen'), 'format': 'png'}),
    ('x-wait-screen', {'id': 'w', 'timeout': 0}),
    ('query-vnc', {}), ('query-vnc-servers', {}),
    ('send-key', {'keys': [key('ctrl'), key('a')], 'hold-time': 1}),
    ('input-send-event', {'events': [
        {'type': 'key', 'data': {'key': {'type': 'number', 'data': 30}, 'down': True}},
        {'type': 'btn', 'data': {'button': 'left', 'down': True}},
        {'type': 'rel', 'data': {'axis': 'x', 'value': 3}},
        {'type': 'abs', 'data': {'axis': 'y', 'value': 3}}]}),
    ('trace-event-get-state', {'name': 'qmp_*'}),
    ('trace-event-set-state', {'name': 'qmp_reply', 'enable': False}),
    ('human-monitor-command', {'command-line': 'info status'}),
    ('quit', {}),
]
# Those that other tests call: they need a descriptor, another state of the session or of the
# machine, or a device.
ELSEWHERE = {'qmp_capabilities', 'x-exit-preconfig', 'getfd', 'closefd', 'add_client',
             'device_add', 'device_del', 'set_password', 'expire_password', 'change-vnc-password'}


def every_command():
    with machine() as emu:
        qmp = emu.qmp
        infos = qmp.call('query-qmp-schema')
        schema = Schema(infos)
        offered = {c['name'] for c in qmp.call('query-commands')}
        check(offered == set(schema.commands), offered ^ set(schema.commands))
        walked = {name for name, _ in WALK}
        check(walked | ELSEWHERE == offered, 'not walked:', offered - walked - ELSEWHERE,
              'not there:', (walked | ELSEWHERE) - offered)
        schema.check('[SchemaInfo]', infos, 'query-qmp-schema')
        for command, arguments in WALK:
            arguments = arguments(emu) if callable(arguments) else arguments
            schema.check(schema.commands[command]['arg-type'], arguments, command)
            reply = qmp.execute(command, arguments)
            check('return' in reply, command, reply)
            schema.check_reply(command, reply['return'])
        for event in qmp.events:
            schema.check_event(event)
        check(emu.wait_end() == 0, emu.process.returncode, emu.stderr())
        check('schema' not in emu.stderr(), emu.stderr())


def schema_is_closed():
    """Every type that the schema names is in it, and each of its types is used."""
    with Emulator('-machine', 'none', '-accel', 'qtest') as emu:
        infos = emu.qmp.call('query-qmp-schema')
        names = {i['name'] for i in infos}
        used = set()
        for info in infos:
            check(len([i for i in infos if i['name'] == info['name'] and
                       i['meta-type'] == info['meta-type']]) == 1, info['name'], 'twice')
            used |= {info.get(k) for k in ('arg-type', 'ret-type', 'element-type')}
            used |= {m['type'] for m in info.get('members', []) if 'type' in m}
            used |= {v['type'] for v in info.get('variants', [])}
        used.discard(None)
        check(used <= names, used - names)
        types = {i['name'] for i in infos if i['meta-type'] not in ('command', 'event')}
        check(types <= used, types - used)


def reference_page():
    """docs/qmp-reference.md is what the schema makes today."""
    script, source = TOP + '/scripts/gen-qapi.py', TOP + '/qapi/doppel.qapi'
    out = '/dev/stdout'
    text = subprocess.run(['python3', script, '--reference', source, out], check=True,
                          stdout=subprocess.PIPE).stdout.decode()
    with open(TOP + '/docs/qmp-reference.md', encoding='utf-8') as page:
        check(page.read() == text, 'run ninja -C build qmp-reference')


# --- as in QEMU --------------------------------------------------------------------------------

def shape(value):
    """What a client sees of a value's form: its keys and types, of an array those of all."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items()}
    if isinstance(value, list):
        merged = {}
        for element in value:
            form = shape(element)
            merged.update(form if isinstance(form, dict) else {'': form})
        return [merged]
    return 'number' if isinstance(value, (int, float)) and not isinstance(value, bool) \
        else type(value).__name__


def differences(ours, theirs, where):
    if type(ours) is not type(theirs):
        return [f'{where}: {ours} here, {theirs} there']
    if isinstance(ours, list):
        return differences(ours[0], theirs[0], where + '[]') if ours[0] and theirs[0] else []
    if not isinstance(ours, dict):
        return [] if ours == theirs else [f'{where}: {ours} here, {theirs} there']
    found = [f'{where}.{k}: only {"here" if k in ours else "there"}'
             for k in ours.keys() ^ theirs.keys()]
    for k in ours.keys() & theirs.keys():
        found += differences(ours[k], theirs[k], f'{where}.{k}')
    return found


COMPARED = [
    ('query-version', {}), ('query-status', {}), ('query-name', {}), ('query-uuid', {}),
    ('query-kvm', {}), ('query-target', {}), ('query-machines', {}),
    ('query-current-machine', {}), ('query-cpu-definitions', {}), ('query-cpus-fast', {}),
    ('query-hotpluggable-cpus', {}), ('query-memory-size-summary', {}), ('query-memdev', {}),
    ('query-pci', {}), ('query-dump', {}), ('query-dump-guest-memory-capability', {}),
    ('qom-list', {'path': '/machine'}), ('qom-list-types', {'implements': 'isa-device'}),
    ('query-block', {}), ('query-blockstats', {}), ('query-named-block-nodes', {}),
    ('query-chardev', {}), ('query-chardev-backends', {}), ('query-mice', {}),
    ('query-yank', {}), ('query-command-line-options', {'option': 'name'}),
    ('query-display-options', {}), ('query-commands', {}),
]
# What is optional in the protocol and absent on one side for a reason.
KNOWN = {
    'query-cpu-definitions[].alias-of',             # no model is an alias
    'query-command-line-options[].parameters[].help',
    'query-blockstats[].parent.driver-specific',    # counters of the file driver
    'query-machines[].is-default',                  # same for both, see machines_and_types
}


def keys_as_in_qemu():
    qemu = shutil.which('qemu-system-x86_64')
    if not qemu:
        raise Skip('qemu-system-x86_64 is missing; package qemu-system-x86 has it')
    replies = []
    for binary in (None, qemu):
        with Emulator('-machine', 'pc', '-accel', 'tcg', '-S', '-nodefaults', '-vga', 'std', '-name',
                      'x', '-drive', 'if=ide,index=2,media=cdrom,id=cd',
                      '-blockdev', 'driver=null-co,node-name=n,read-zeroes=on,size=1048576',
                      '-device', 'ide-hd,drive=n,id=disk', binary=binary) as emu:
            if binary and not emu.qmp.greeting['QMP']['version']['qemu']['major'] == 7:
                raise Skip('QEMU 7 is the yardstick')
            replies.append([emu.qmp.call(command, **arguments) for command, arguments in COMPARED])
    found = []
    for (command, _), ours, theirs in zip(COMPARED, *replies):
        found += differences(shape(ours), shape(theirs), command)
    found = [f for f in found if f.split(':')[0] not in KNOWN]
    check(not found, '; '.join(found))


def errors_as_in_qemu():
    """The same mistakes have the same class and text."""
    qemu = shutil.which('qemu-system-x86_64')
    if not qemu:
        raise Skip('qemu-system-x86_64 is missing; package qemu-system-x86 has it')
    mistakes = [
        ('nosuch', {}), ('stop', {'x': 1}), ('qom-list', {}), ('qom-list', {'path': 1}),
        ('qom-list', {'path': '/nosuch'}), ('qom-get', {'path': '/machine', 'property': 'x'}),
        ('qom-set', {'path': '/machine', 'property': 'type', 'value': 1}),
        ('device-list-properties', {'typename': 'nosuch'}),
        ('device-list-properties', {'typename': 'device'}),
        ('qom-list-properties', {'typename': 'nosuch'}),
        ('send-key', {'keys': [{'type': 'qcode', 'data': 'x', 'y': 1}]}),
        ('send-key', {'keys': [{'type': 'qcode', 'data': 'nokey'}]}),
        ('eject', {}), ('eject', {'id': 'x'}), ('eject', {'device': 'x', 'id': 'x'}),
        ('blockdev-del', {'node-name': 'x'}), ('blockdev-add', {'driver': 'null-co'}),
        ('blockdev-remove-medium', {'id': 'x'}),
        ('device_add', {}), ('device_del', {'id': 'x'}), ('getfd', {'fdname': 'x'}),
        ('device_add', {'driver': 'isa-serial'}), ('closefd', {'fdname': 'x'}),
        ('add_client', {'protocol': 'x', 'fdname': 'y'}), ('chardev-remove', {'id': 'x'}),
        ('ringbuf-read', {'device': 'x', 'size': 1}), ('x-exit-preconfig', {}),
        ('memsave', {'val': 0, 'size': 1, 'filename': '/x', 'cpu-index': 9}),
        ('query-command-line-options', {'option': 'nosuch'}), ('qmp_capabilities', {}),
    ]
    answers = []
    for binary in (None, qemu):
        with Emulator('-machine', 'pc', '-accel', 'tcg', '-S', '-nodefaults', '-vga', 'none',
                      binary=binary) as emu:
            answers.append([emu.qmp.execute(*mistake).get('error') for mistake in mistakes])
    for mistake, ours, theirs in zip(mistakes, *answers):
        check(ours == theirs, mistake, ours, theirs)


# --- the object model ----------------------------------------------------------------------------

def walk_tree(qmp, path, seen):
    for prop in qmp.call('qom-list', path=path):
        reply = qmp.execute('qom-get', {'path': path, 'property': prop['name']})
        seen.append(f'{path}.{prop["name"]}')
        if 'error' in reply:
            check('not readable' in reply['error']['desc'], path, prop, reply)
        if prop['type'].startswith('child<'):
            child = path.rstrip('/') + '/' + prop['name']
            check(reply['return'] == child, reply, child)
            walk_tree(qmp, child, seen)


def every_property_answers():
    for name in ('pc', 'none'):
        with Emulator('-machine', name, '-accel', 'qtest') as emu:
            seen = []
            walk_tree(emu.qmp, '/', seen)
            check(any(s.startswith('/machine/unattached') for s in seen), seen[:10])
            check(len(seen) > (200 if name == 'pc' else 10), len(seen))
            check(emu.qmp.call('query-status')['running'])


def every_type_introspected():
    """Looking at types changes nothing and crashes nothing."""
    with machine() as emu:
        qmp = emu.qmp
        before = []
        walk_tree(qmp, '/', before)
        mtree = qmp.call('human-monitor-command', command_line='info mtree')
        types = qmp.call('qom-list-types', abstract=True)
        names = {t['name'] for t in types}
        for info in types:
            check(info.get('parent', info['name']) in names or 'parent' not in info, info)
            properties = qmp.execute('qom-list-properties', {'typename': info['name']})
            reply = qmp.execute('device-list-properties', {'typename': info['name']})
            if 'return' in reply:
                check('abstract' not in info, info)
                own = {p['name'] for p in reply['return']}
                check(own < {p['name'] for p in properties['return']}, info)
            text = subprocess.run([os.environ.get('DOPPEL', 'build/doppel'), '-device',
                                   info['name'] + ',help'], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, check=False)
            check(text.returncode in (0, 1), info, text)
        after = []
        walk_tree(qmp, '/', after)
        check(before == after, set(before) ^ set(after))
        check(qmp.call('qom-list-types', abstract=True) == types)
        check(qmp.call('human-monitor-command', command_line='info mtree') == mtree)


def machines_and_types():
    """What query-machines and qom-list-types name can be had."""
    with Emulator('-machine', 'none', '-accel', 'qtest') as emu:
        machines = emu.qmp.call('query-machines')
        types = {t['name']: t for t in emu.qmp.call('qom-list-types')}
        devices = {t['name'] for t in emu.qmp.call('qom-list-types', implements='device')}
        models = emu.qmp.call('query-cpu-definitions')
    check(len([m for m in machines if m.get('is-default')]) == 1, machines)
    for info in machines:
        check(info['name'] + '-machine' in types, info)
        for name in (info['name'], info.get('alias')):
            if name:
                with Emulator('-machine', name, '-accel', 'qtest') as emu:
                    check(emu.qmp.call('qom-get', path='/machine', property='type') ==
                          info['name'] + '-machine')
        check(info.get('default-cpu-type', 'max-x86_64-cpu') in types, info)
    for model in models:
        check(model['typename'] in devices, model)
    check({'isa-serial', 'ide-hd', 'ide-cd', 'VGA', 'isa-debug-exit'} <= devices, devices)


# --- what commands do ------------------------------------------------------------------------------

def media():
    with machine() as emu:
        qmp = emu.qmp
        drive = lambda: [b for b in qmp.call('query-block') if b['device'] == 'cd'][0]
        check(drive()['removable'] and 'inserted' not in drive() and not drive()['tray_open'])
        qdev = drive()['qdev']
        first, second = image(emu.dir, 'first'), image(emu.dir, 'second', 2 << 20)
        check('Tray of device' in qmp.fails('blockdev-remove-medium', GENERIC, id=qdev))
        qmp.call('blockdev-open-tray', id=qdev)
        moved = qmp.event('DEVICE_TRAY_MOVED')['data']
        check(moved == {'device': 'cd', 'id': qdev, 'tray-open': True}, moved)
        check(drive()['tray_open'])
        qmp.call('blockdev-open-tray', id=qdev)
        qmp.call('blockdev-add', driver='raw', node_name='n', read_only=True,
                 file={'driver': 'file', 'filename': first})
        check('Duplicate' in qmp.fails('blockdev-add', GENERIC, driver='null-co', node_name='n'))
        check('not found' in qmp.fails('blockdev-insert-medium', GENERIC, id=qdev, node_name='x'))
        qmp.call('blockdev-insert-medium', id=qdev, node_name='n')
        check('in use' in qmp.fails('blockdev-insert-medium', GENERIC, id=qdev, node_name='n'))
        check('busy' in qmp.fails('blockdev-del', GENERIC, node_name='n'))
        qmp.call('blockdev-close-tray', id=qdev)
        check(drive()['inserted']['node-name'] == 'n' and not drive()['tray_open'], drive())
        check(drive()['inserted']['image']['virtual-size'] == 1 << 20)
        qmp.call('blockdev-change-medium', id=qdev, filename=second, format='raw')
        check(drive()['inserted']['image']['virtual-size'] == 2 << 20, drive())
        qmp.call('blockdev-del', node_name='n')
        qmp.call('eject', device='cd')
        check('inserted' not in drive() and drive()['tray_open'])
        check('nosuch' in qmp.fails('blockdev-change-medium', GENERIC, device='cd',
                                    filename='/nosuch'))


def core_file():
    readelf = shutil.which('readelf')
    if not readelf:
        raise Skip('readelf is missing; package binutils has it')
    with Emulator('-machine', 'pc', '-S', '-m', '16', '-nodefaults') as emu:
        qmp, core = emu.qmp, emu.file('core')
        qmp.call('dump-guest-memory', paging=False, protocol='file:' + core, detach=True)
        done = qmp.event('DUMP_COMPLETED')['data']['result']
        check(done['status'] == 'completed' and done['completed'] == done['total'] ==
              os.path.getsize(core), done)
        text = subprocess.run([readelf, '-hln', core], stdout=subprocess.PIPE, check=True,
                              stderr=subprocess.STDOUT, text=True).stdout
        check('CORE (Core file)' in text and 'X86-64' in text and 'NT_PRSTATUS' in text, text)
        check('Warning' not in text and 'Error' not in text, text)
        check(re.search(r'LOAD +0x\w+ 0x0+fffc0000 0x0+fffc0000\s+0x0+40000 ', text), text)
        # The bytes of the firmware's reset vector are where the headers say.
        offset = int(re.search(r'LOAD +(0x\w+) 0x0+fffc0000', text)[1], 16) + 0x3fff0
        qmp.call('pmemsave', val=0xfffffff0, size=16, filename=emu.file('vector'))
        with open(core, 'rb') as f, open(emu.file('vector'), 'rb') as g:
            f.seek(offset)
            vector = g.read()
            check(f.read(16) == vector and vector[0] == 0xea, vector)
        qmp.call('dump-guest-memory', paging=False, protocol='file:' + core, begin=0x1000, length=64)
        check(os.path.getsize(core) < 1000, os.path.getsize(core))
        qmp.fails('dump-guest-memory', GENERIC, paging=True, protocol='file:' + core)
        qmp.fails('dump-guest-memory', GENERIC, paging=False, protocol='nosuch')
        qmp.fails('dump-guest-memory', GENERIC, paging=False, protocol='file:/nosuch/core')
        qmp.fails('dump-guest-memory', GENERIC, paging=False, protocol='fd:nosuch')
        gdb = shutil.which('gdb')
        if gdb:
            qmp.call('dump-guest-memory', paging=False, protocol='file:' + core)
            text = subprocess.run([gdb, '-nx', '-batch', '-ex', 'info registers rip cs', '-ex',
                                   'x/2xb 0xfffffff0', '-c', core], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True, check=False).stdout
            check(re.search(r'rip +0xfff0 ', text) and re.search(r'cs +0xf000 ', text) and
                  '0xea' in text, text)


def objects():
    with Emulator('-machine', 'pc,memory-backend=mem', '-accel', 'qtest', '--preconfig') as emu:
        qmp = emu.qmp
        add = lambda **more: qmp.fails('object-add', GENERIC, qom_type='memory-backend-ram', **more)
        check("'qom-type' does not accept" in qmp.fails('object-add', GENERIC, qom_type='VGA', id='v'))
        check("'size' is missing" in add(id='x'))
        check("doesn't take value '0'" in add(id='x', size=0))
        qmp.call('object-add', qom_type='memory-backend-ram', id='mem', size=64 << 20, prealloc=True)
        check('duplicate' in add(id='mem', size=1))
        qmp.call('x-exit-preconfig')
        check(qmp.call('query-memory-size-summary')['base-memory'] == 64 << 20)
        check([(m['id'], m['size']) for m in qmp.call('query-memdev')] == [('mem', 64 << 20)])
        check('in use' in qmp.fails('object-del', GENERIC, id='mem'))
        check('not found' in qmp.fails('object-del', GENERIC, id='x'))
        check('cannot change' in qmp.fails('qom-set', GENERIC, path='/objects/mem', property='size',
                                           value=1))
        check(qmp.call('qom-get', path='/machine', property='memory-backend') == '/objects/mem')
    with Emulator('-object', 'memory-backend-ram,id=m,size=32M', '-machine',
                  'pc,memory-backend=m', '-accel', 'qtest') as emu:
        check(emu.qmp.call('query-memory-size-summary')['base-memory'] == 32 << 20)


def ring_buffers():
    with Emulator('-machine', 'none', '-accel', 'qtest', '-chardev', 'ringbuf,id=r,size=16',
                  '-chardev', 'null,id=n') as emu:
        qmp = emu.qmp
        check(qmp.call('ringbuf-read', device='r', size=10) == '')
        check('not a ringbuf' in qmp.fails('ringbuf-read', GENERIC, device='n', size=1))
        check('greater than zero' in qmp.fails('ringbuf-read', GENERIC, device='r', size=0))
        qmp.fails('ringbuf-write', GENERIC, device='nosuch', data='')


def chardevs():
    with Emulator('-machine', 'none', '-accel', 'qtest') as emu:
        qmp = emu.qmp
        names = lambda: {c['label']: c['filename'] for c in qmp.call('query-chardev')}
        made = [
            ('null', {}), ('file', {'out': emu.file('out'), 'append': True}), ('ringbuf', {'size': 64}),
            ('vc', {'cols': 80}), ('udp', {'remote': {'type': 'inet', 'data': {
                'host': '127.0.0.1', 'port': '9'}}}),
            ('socket', {'addr': {'type': 'unix', 'data': {'path': emu.file('s')}}}),
            ('socket', {'addr': {'type': 'inet', 'data': {'host': '127.0.0.1', 'port': '0'}}}),
        ]
        for i, (kind, data) in enumerate(made):
            check(qmp.call('chardev-add', id=f'c{i}', backend={'type': kind, 'data': data}) == {})
            check(f'c{i}' in names(), kind)
            check('already exists' in qmp.fails('chardev-add', GENERIC, id=f'c{i}',
                                                backend={'type': 'null', 'data': {}}))
        check('busy' in qmp.fails('chardev-remove', GENERIC, id='qmp0'))
        client = socket.socket(socket.AF_UNIX)
        client.connect(emu.file('s'))
        client.close()
        for i in range(len(made)):
            qmp.call('chardev-remove', id=f'c{i}')
        check(not [n for n in names() if re.fullmatch(r'c\d', n)], names())
        pty = qmp.call('chardev-add', id='p', backend={'type': 'pty', 'data': {}})['pty']
        check(os.path.exists(pty), pty)


def trace_events():
    with Emulator('-machine', 'none', '-accel', 'qtest') as emu:
        qmp = emu.qmp
        state = lambda: qmp.call('trace-event-get-state', name='qmp_execute')
        check(state() == [{'name': 'qmp_execute', 'state': 'disabled', 'vcpu': False}], state())
        qmp.call('trace-event-set-state', name='qmp_e*', enable=True)
        check(state()[0]['state'] == 'enabled')
        qmp.call('trace-event-set-state', name='qmp_execute', enable=False)
        check('qmp_execute query' not in emu.stderr() and
              'qmp_execute trace-event-get-state' in emu.stderr(), emu.stderr())
        check('nosuch' in qmp.fails('trace-event-get-state', GENERIC, name='nosuch'))
        check(qmp.call('trace-event-get-state', name='nosuch*') == [])
        qmp.fails('trace-event-set-state', GENERIC, name='nosuch', enable=True)


main([every_command, schema_is_closed, reference_page, keys_as_in_qemu, errors_as_in_qemu,
      every_property_answers, every_type_introspected, machines_and_types, media, core_file,
      objects, ring_buffers, chardevs, trace_events])
