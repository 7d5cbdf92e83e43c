#!/usr/bin/env python3
# From the QMP schema (qapi/doppel.qapi, which describes its own form) to the C tables that
# qapi/qapi.h declares and to the reference page of the documentation.
#
#   gen-qapi.py SCHEMA OUT.c             the tables
#   gen-qapi.py --reference SCHEMA OUT   the page
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import json
import re
import sys

# Name: (kind in C, JSON type as introspection calls it, smallest, largest value).
BUILTINS = {
    'str': ('STRING', 'string'), 'bool': ('BOOL', 'boolean'), 'number': ('NUMBER', 'number'),
    'any': ('ANY', 'value'), 'null': ('NULL', 'null'),
}
INTEGERS = {'int': (-2**63, 2**63 - 1), 'size': (0, 2**64 - 1)}
for bits in (8, 16, 32, 64):
    INTEGERS[f'int{bits}'] = (-2**(bits - 1), 2**(bits - 1) - 1)
    INTEGERS[f'uint{bits}'] = (0, 2**bits - 1)
FLAGS = {'oob', 'preconfig', 'open', 'limited'}


class Definition:
    def __init__(self, kind, name, doc, section):
        self.kind, self.name, self.doc, self.section = kind, name, doc, section
        self.members = []    # (name, optional, type, comment)
        self.values = []     # of an enum
        self.types = []      # of an alternate
        self.tag = None
        self.cases = []      # (value, type, comment)
        self.ret = None
        self.flags = set()
        self.boxed = None


class Schema:
    def __init__(self, path):
        self.path = path
        self.line = 0
        self.sections = []   # (title, [Definition])
        self.types, self.commands, self.events = {}, {}, {}
        self.doc = []
        with open(path, encoding='utf-8') as text:
            self.parse(text)
        self.check()

    def fail(self, why):
        sys.exit(f'{self.path}:{self.line}: {why}')

    def parse(self, text):
        current = None
        for self.line, line in enumerate(text, 1):
            line = line.rstrip()
            if line.startswith('## '):
                self.doc.append(line[3:])
            elif line.startswith('= '):
                self.sections.append((line[2:], []))
            elif line.startswith('#') or not line:
                continue
            elif line.startswith(' '):
                self.body(current, line)
            else:
                current = self.head(line)

    def head(self, line):
        kind, _, rest = line.partition(' ')
        name, *rest = re.split(r'[: ]+', rest.strip())
        new = Definition(kind, name, ' '.join(self.doc), self.sections[-1][0])
        self.doc = []
        tables = {'enum': self.types, 'struct': self.types, 'alternate': self.types,
                  'command': self.commands, 'event': self.events}
        if kind not in tables or name in tables[kind]:
            self.fail(f'{kind} {name}: no such kind, or defined twice')
        tables[kind][name] = new
        self.sections[-1][1].append(new)
        if kind == 'enum':
            new.values = rest
        elif kind == 'alternate':
            new.types = rest
        elif rest and rest[0] == '->':
            new.ret, new.flags = rest[1], set(rest[2:])
        else:
            new.flags = set(rest)
        if new.flags - FLAGS:
            self.fail(f'{kind} {name}: unknown flags {new.flags - FLAGS}')
        return new

    def body(self, current, line):
        text, _, comment = line.partition('# ')
        words = text.split()
        if current.kind == 'enum':
            current.values += words
        elif words[0] == 'by':
            current.tag = words[1]
        elif words[0] == 'boxed':
            current.boxed = words[1]
        else:
            name, type_ = words[0].rstrip(':'), words[1]
            if current.tag:
                current.cases.append((name, type_, comment))
            else:
                current.members.append((name.rstrip('?'), name.endswith('?'), type_, comment))

    def check_type(self, where, name):
        base = name.strip('[]')
        if base not in self.types and base not in BUILTINS and base not in INTEGERS:
            sys.exit(f'{self.path}: {where} names the type {base}, which is not defined')

    def check(self):
        for table in (self.types, self.commands, self.events):
            for d in table.values():
                used = [m[2] for m in d.members] + [c[1] for c in d.cases] + d.types
                for name in used + [n for n in (d.ret, d.boxed) if n]:
                    self.check_type(d.name, name)
                if d.tag:
                    enum = next(m[2] for m in d.members if m[0] == d.tag)
                    if {c[0] for c in d.cases} - set(self.types[enum].values):
                        sys.exit(f'{self.path}: {d.name} has a case that {enum} has not')


# --- introspection -----------------------------------------------------------------------

class Introspection:
    """What query-qmp-schema returns."""

    def __init__(self, schema):
        self.schema = schema
        self.infos = {}
        for command in schema.commands.values():
            info = {'name': command.name, 'meta-type': 'command',
                    'arg-type': self.arguments(command), 'ret-type': self.result(command)}
            if 'oob' in command.flags:
                info['allow-oob'] = True
            self.infos['command ' + command.name] = info
        for event in schema.events.values():
            self.infos['event ' + event.name] = {
                'name': event.name, 'meta-type': 'event', 'arg-type': self.arguments(event)}

    def add(self, name, meta, **rest):
        self.infos[name] = {'name': name, 'meta-type': meta, **rest}

    def arguments(self, d):
        if d.boxed:
            return self.type(d.boxed)
        if not d.members:
            return self.empty()
        name = 'q_obj_' + d.name + '-arg'
        self.add(name, 'object', members=self.members(d))
        return name

    def empty(self):
        self.add('q_empty', 'object', members=[])
        return 'q_empty'

    def result(self, command):
        return self.type(command.ret) if command.ret else self.empty()

    def members(self, d):
        infos = []
        for name, optional, type_, _ in d.members:
            info = {'name': name, 'type': self.type(type_)}
            if optional:
                info['default'] = None
            infos.append(info)
        return infos

    def type(self, name):
        if name in INTEGERS:
            name = 'int'
        if name in self.infos:
            return name
        if name == 'int':
            self.add(name, 'builtin', **{'json-type': 'int'})
        elif name in BUILTINS:
            self.add(name, 'builtin', **{'json-type': BUILTINS[name][1]})
        elif name.startswith('['):
            element = self.type(name[1:-1])
            name = f'[{element}]'
            self.add(name, 'array', **{'element-type': element})
        else:
            self.defined(self.schema.types[name])
        return name

    def defined(self, d):
        if d.kind == 'enum':
            self.add(d.name, 'enum', members=[{'name': v} for v in d.values], values=d.values)
            return
        self.infos[d.name] = {}  # recursive types find it
        if d.kind == 'alternate':
            self.add(d.name, 'alternate', members=[{'type': self.type(t)} for t in d.types])
            return
        rest = {'members': self.members(d)}
        if d.tag:
            types = {value: type_ for value, type_, _ in d.cases}
            enum = next(m[2] for m in d.members if m[0] == d.tag)
            rest.update(tag=d.tag, variants=[
                {'case': v, 'type': self.type(types[v]) if v in types else self.empty()}
                for v in self.schema.types[enum].values])
        self.add(d.name, 'object', **rest)


# --- C tables ------------------------------------------------------------------------------

def c_name(name):
    return 'type_' + re.sub(r'\W', '_', name.replace('[', 'list_').replace(']', ''))


class Tables:
    def __init__(self, schema, out):
        self.schema, self.out = schema, out
        self.done = {}       # type name -> C name, in order of definition
        self.lines = []

    def emit(self, *lines):
        self.lines += lines

    def type(self, name):
        """The C expression for a type; defines what it needs first."""
        if name not in self.done:
            self.done[name] = c_name(name)
            self.define(name)
        return '&' + self.done[name]

    def members(self, c, d):
        rows = [f'    {{ "{name}", {self.type(type_)}, {str(optional).lower()} }},'
                for name, optional, type_, _ in d.members]
        if rows:
            self.emit(f'static const QapiMember {c}_members[] = {{', *rows, '    { NULL }', '};')
        return f'{c}_members' if rows else 'NULL'

    def define(self, name):
        c = self.done[name]
        fields = [f'.name = "{name}"']
        if name in INTEGERS:
            low, high = INTEGERS[name]
            low_text = 'INT64_MIN' if low == -2**63 else str(low)
            fields += ['.kind = QAPI_INT', f'.min = {low_text}', f'.max = UINT64_C({high})']
        elif name in BUILTINS:
            fields.append(f'.kind = QAPI_{BUILTINS[name][0]}')
        elif name.startswith('['):
            fields += ['.kind = QAPI_ARRAY', f'.element = {self.type(name[1:-1])}']
        else:
            fields += self.defined(c, self.schema.types[name])
        self.emit(f'static const QapiType {c} = {{', f'    {", ".join(fields)},', '};')

    def defined(self, c, d):
        if d.kind == 'enum':
            values = ', '.join(f'"{v}"' for v in d.values)
            self.emit(f'static const char *const {c}_values[] = {{', f'    {values}, NULL', '};')
            return ['.kind = QAPI_ENUM', f'.values = {c}_values']
        if d.kind == 'alternate':
            types = ', '.join(self.type(t) for t in d.types)
            self.emit(f'static const QapiType *const {c}_types[] = {{ {types}, NULL }};')
            return ['.kind = QAPI_ALTERNATE', f'.types = {c}_types']
        return self.struct(c, d)

    def struct(self, c, d):
        fields = ['.kind = QAPI_STRUCT', f'.members = {self.members(c, d)}']
        if 'open' in d.flags:
            fields.append('.open = true')
        if d.tag:
            rows = [f'    {{ "{value}", {self.type(type_)} }},' for value, type_, _ in d.cases]
            self.emit(f'static const QapiCase {c}_cases[] = {{', *rows, '    { NULL }', '};')
            fields += [f'.tag = "{d.tag}"', f'.cases = {c}_cases']
        return fields

    def arguments(self, d):
        if d.boxed:
            return self.type(d.boxed)
        c = 'args_' + re.sub(r'\W', '_', d.name)
        fields = self.struct(c, d)
        self.emit(f'static const QapiType {c} = {{', f'    {", ".join(fields)},', '};')
        return '&' + c

    def write(self):
        commands, events = [], []
        for _, d in sorted(self.schema.commands.items()):
            ret = self.type(d.ret) if d.ret else 'NULL'
            flags = ''.join(f', .{flag} = true' for flag in ('oob', 'preconfig') if flag in d.flags)
            commands.append(f'    {{ "{d.name}", {self.arguments(d)}, {ret}{flags} }},')
        for _, d in sorted(self.schema.events.items()):
            limited = ', .limited = true' if 'limited' in d.flags else ''
            events.append(f'    {{ "{d.name}", {self.arguments(d)}{limited} }},')
        unused = set(self.schema.types) - set(self.done)
        if unused:
            sys.exit(f'{self.schema.path}: nothing uses {", ".join(sorted(unused))}')
        infos = [json.dumps(info) for info in Introspection(self.schema).infos.values()]
        text = [f'    {json.dumps(("[" if i == 0 else ", ") + info)}' for i, info in
                enumerate(infos)]
        self.emit('const QapiCommand qapi_commands[] = {', *commands, '    { NULL }', '};',
                  'const QapiEvent qapi_events[] = {', *events, '    { NULL }', '};',
                  'const char qapi_introspection[] =', *text, '    "]";')
        with open(self.out, 'w', encoding='utf-8') as f:
            f.write('/* Made by scripts/gen-qapi.py. */\n#include "qapi/qapi.h"\n\n')
            f.write('\n'.join(f'static const QapiType {c};' for c in self.done.values()) + '\n')
            f.write('\n'.join(self.lines) + '\n')


# --- reference page --------------------------------------------------------------------------

class Reference:
    def __init__(self, schema, out):
        self.schema, self.out, self.lines = schema, out, []

    def member_lines(self, d):
        for name, optional, type_, comment in d.members:
            note = (' (optional)' if optional else '') + (': ' + comment if comment else '')
            self.lines.append(f'- `{name}`: {self.link(type_)}{note}')
        if d.tag:
            for value, type_, comment in d.cases:
                note = ': ' + comment if comment else ''
                self.lines.append(f'- if `{d.tag}` is `{value}`: {self.link(type_)}{note}')

    def link(self, name):
        base = name.strip('[]')
        text = f'[{base}](#{base.lower()})' if base in self.schema.types else f'`{base}`'
        return 'array of ' + text if name.startswith('[') else text

    def definition(self, d):
        self.lines += ['', f'### {d.name}', '']
        if d.doc:
            self.lines += [d.doc, '']
        if d.kind == 'enum':
            self.lines.append('One of ' + ', '.join(f'`{v}`' for v in d.values) + '.')
        elif d.kind == 'alternate':
            self.lines.append('One of ' + ', '.join(self.link(t) for t in d.types) + '.')
        elif d.boxed:
            self.lines.append(f'Arguments: {self.link(d.boxed)}')
        elif d.members:
            heading = {'command': ['Arguments:', ''], 'event': ['Data:', '']}.get(d.kind, [])
            self.lines += heading
            self.member_lines(d)
        notes = {'oob': 'May be executed out of band.',
                 'preconfig': 'Permitted before the machine is built.',
                 'open': 'Takes more arguments: the properties of what it makes.',
                 'limited': 'Sent at most once a second; the latest data wins.'}
        extra = [notes[flag] for flag in sorted(d.flags)]
        if d.ret:
            extra.insert(0, f'Returns {self.link(d.ret)}.')
        if extra:
            self.lines += ['', ' '.join(extra)]

    def write(self):
        self.lines = ['# QMP reference', '', 'Made from `qapi/doppel.qapi` by '
                      '`ninja -C build qmp-reference`; do not edit. How QMP works here is in '
                      '[qmp.md](qmp.md).']
        for title, definitions in self.schema.sections:
            self.lines += ['', f'## {title}']
            for kinds in (('command',), ('event',), ('struct', 'enum', 'alternate')):
                for d in definitions:
                    if d.kind in kinds:
                        self.definition(d)
        text = re.sub(r'\n\n\n+', '\n\n', '\n'.join(self.lines)) + '\n'
        with open(self.out, 'w', encoding='utf-8') as f:
            f.write(text)


def main():
    args = sys.argv[1:]
    reference = args[0] == '--reference'
    source, out = args[1:] if reference else args
    (Reference if reference else Tables)(Schema(source), out).write()


main()
