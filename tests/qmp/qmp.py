# The emulator with QMP monitors, and the schema that it offers.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
# pylint: disable=wrong-import-position,unused-import
import emulator  # noqa: E402
from tap import Failure, Skip, check, main  # noqa: E402,F401


class Emulator(emulator.Emulator):
    """One run, with as many QMP sessions as asked for."""

    def __init__(self, *args, binary=None, sessions=1, negotiate=True):
        super().__init__()
        names = [f'qmp{i}' for i in range(sessions)]
        options = [option for name in names for option in emulator.qmp_options(self, name)]
        sockets = self.start([*options, *args], names, binary)
        self.sessions = [emulator.Qmp(sock) for sock in sockets]
        self.qmp = self.sessions[0]
        if negotiate:
            for session in self.sessions:
                session.call('qmp_capabilities')

    def stop(self):
        super().stop()
        for session in self.sessions:
            session.sock.close()


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
