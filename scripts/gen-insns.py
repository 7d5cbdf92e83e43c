#!/usr/bin/env python3
#
# Turns target/i386/decode/insns.tab into C: the mnemonic names, the public row
# table (row.h) and the decoder's lookup tables (tables.h).
#
#   gen-insns.py insns.tab row.h mnemonics.h insns.c
#
# The table's notation is described at its top. Every row constrains some of
# DIMENSIONS; for each opcode the rows become a decision tree over them.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later

import re
import sys

CONDITIONS = ['O', 'NO', 'B', 'NB', 'Z', 'NZ', 'BE', 'NBE',
              'S', 'NS', 'P', 'NP', 'L', 'NL', 'LE', 'NLE']
CONDITION_FLAGS = ['T-----', '-----T', '--T---', '--T--T',
                   '-T----', '----T-', 'TT----', 'TTT---']

# What a decision can look at, in the order the decoder learns it, and how many values it has.
DIMENSIONS = {'mode64': 2, 'pfx': 4, 'w': 2, 'l': 2, 'mod3': 2, 'reg': 8, 'rm': 8, 'rexb': 2}
NODE_TABLE = {2: 'x86_nodes2', 4: 'x86_nodes4', 8: 'x86_nodes8'}
PREFIXES = {'NP': {0}, '66': {1}, 'F3': {2}, 'F2': {3}, 'NFx': {0, 1}}

MAPS = ['1', '0F', '0F38', '0F3A', 'V0F', 'V0F38', 'V0F3A']

FIXED = {  # operand name: place, register, size
    'AL': ('FIXED_GPR', 0, '1'), 'CL': ('FIXED_GPR', 1, '1'), 'AX': ('FIXED_GPR', 0, '2'),
    'DX': ('FIXED_GPR', 2, '2'), 'rAX': ('FIXED_GPR', 0, 'v'), 'eAX': ('FIXED_GPR', 0, 'z'),
    'ES': ('FIXED_SEG', 0, '2'), 'CS': ('FIXED_SEG', 1, '2'), 'SS': ('FIXED_SEG', 2, '2'),
    'DS': ('FIXED_SEG', 3, '2'), 'FS': ('FIXED_SEG', 4, '2'), 'GS': ('FIXED_SEG', 5, '2'),
    'ST0': ('FIXED_ST', 0, '10'), 'STi': ('ST_RM', 0, '10'), 'XMM0': ('FIXED_XMM', 0, '16'),
    '1': ('IMM_ONE', 0, '1'),
}
IMMEDIATES = {'Ib': 'IMM8', 'Ibs': 'IMM8S', 'Iw': 'IMM16', 'Iz': 'IMMZ', 'Iv': 'IMMV',
              'Jb': 'REL8', 'Jz': 'RELZ', 'Ap': 'FAR'}
PLACES = {'E': 'GPR_RM_MEM', 'R': 'GPR_RM', 'M': 'MEM', 'G': 'GPR_REG', 'Z': 'GPR_OPCODE',
          'B': 'GPR_VVVV', 'V': 'XMM_REG', 'W': 'XMM_RM_MEM', 'U': 'XMM_RM', 'H': 'XMM_VVVV',
          'L': 'XMM_IMM', 'P': 'MMX_REG', 'Q': 'MMX_RM_MEM', 'N': 'MMX_RM', 'S': 'SEG_REG',
          'C': 'CR_REG', 'D': 'DR_REG', 'O': 'MOFFS', 'X': 'STR_SI', 'Y': 'STR_DI',
          'K': 'VSIB'}
SIZES = {'': '0', 'b': '1', 'w': '2', 'd': '4', 'q': '8', 'dq': '16', 'qq': '32', 't': '10',
         'v': 'v', 'z': 'z', 'y': 'y', 'n': 'n', 'x': 'x', 'ps': 'x', 'pd': 'x', 'xh': 'xh',
         'xq': 'xq', 'xo': 'xo', 'ss': '4', 'sd': '8', 'p': 'p', 's': 's', 'a': 'a'}

LEGALITY = {'lock': 'LOCK', 'no64': 'NO64', 'only64': 'ONLY64', 'cpl0': 'CPL0',
            'cpl0ud': 'CPL0_UD', 'prot': 'PROTECTED', 'branch': 'BRANCH', 'end': 'END',
            'aligned': 'ALIGNED',
            'rep': 'REP', 'io': 'IO', 'iopl': 'IOPL', 'undef': 'UNDEF', 'xm': 'SIMD_EXCP',
            'nowait': 'FP_NOWAIT', 'sse': 'SSE', 'mmx': 'MMX'}
OTHER_ATTRIBUTES = {'unaligned', 'd64', 'nofpu', 'modany', 'rexb0'}
SSE_FEATURES = {'SSE', 'SSE2', 'SSE3', 'SSSE3', 'SSE41', 'SSE42', 'SSE4A', 'AES', 'PCLMUL', 'SHA'}
FLAG_ORDER = ['OF', 'SF', 'ZF', 'AF', 'PF', 'CF']


class TableError(Exception):
    pass


class Operand:
    """One operand of a row: access mark, place, sizes as register and as memory."""

    def __init__(self, text):
        self.access = {'=': 2, '*': 3}.get(text[0], 1)
        name = text.lstrip('=*')
        self.reg = 0
        self.size_mem = '0'
        if name in FIXED:
            self.place, self.reg, self.size_reg = FIXED[name]
        elif name in IMMEDIATES:
            self.place = IMMEDIATES[name]
            self.size_reg = {'Ib': '1', 'Ibs': 'v', 'Iw': '2', 'Iz': 'v', 'Iv': 'v'}.get(name, 'v')
        elif '/' in name:
            self.from_pair(name)
        else:
            self.place, self.size_reg = self.place_and_size(name)
            self.size_mem = self.size_reg
        self.letter = '' if name in FIXED else name[0]

    @staticmethod
    def place_and_size(name):
        if name[0] not in PLACES:
            raise TableError(f"operand '{name}': unknown place '{name[0]}'")
        if name[0] == 'K':  # element size, then index vector size
            size = name[1]
            return 'VSIB' + SIZES[name[2:]], SIZES[size]
        if name[1:] not in SIZES:
            raise TableError(f"operand '{name}': unknown size '{name[1:]}'")
        return PLACES[name[0]], SIZES[name[1:]]

    def from_pair(self, name):
        """Rv/Mw: a register of one size or memory of another."""
        reg, mem = name.split('/')
        place, self.size_reg = self.place_and_size(reg)
        mem_place, self.size_mem = self.place_and_size(mem)
        if mem_place != 'MEM' or not place.endswith('_RM'):
            raise TableError(f"operand '{name}': expected a register/memory pair such as Rv/Mw")
        self.place = place + '_MEM'

    def spec(self):
        def size(code):
            return code if code.isdigit() else 'X86_SIZE_' + code.upper()
        return (f"{{ X86_AT_{self.place}, {self.reg}, {size(self.size_reg)}, "
                f"{size(self.size_mem)} }}")


class Row:
    def __init__(self, encoding, instruction, attributes, flags, features):
        self.encoding = encoding
        self.constraints = {}
        self.vex = None
        self.modrm = False
        self.opcodes = []
        self.parse_encoding(encoding.split())
        name, _, operands = instruction.partition(' ')
        self.name = name
        self.operand_text = re.sub('[=*]', '', operands.strip())
        self.operands = [Operand(o) for o in operands.strip().split(',') if o]
        if len(self.operands) > 4:
            raise TableError('more than four operands')
        self.parse_attributes(attributes.split(), features)
        self.constrain_mod()
        self.parse_flags(flags)
        self.legality = self.find_legality()

    # -- encoding column

    def parse_encoding(self, tokens):
        if tokens and tokens[0].startswith('VEX.'):
            self.parse_vex(tokens.pop(0))
        else:
            if tokens[0] in PREFIXES and len(tokens) > 1:
                self.constraints['pfx'] = PREFIXES[tokens.pop(0)]
            if tokens[0] == 'REX.W':
                tokens.pop(0)
                self.constraints['w'] = {1}
            self.map = self.take_map(tokens)
        if not tokens:
            raise TableError('no opcode')
        self.parse_opcode(tokens.pop(0))
        if tokens:
            self.parse_modrm(tokens.pop(0))
        if tokens:
            raise TableError(f"'{tokens[0]}' after the ModRM part")

    @staticmethod
    def take_map(tokens):
        if tokens[0] != '0F' or len(tokens) == 1:
            return '1'
        tokens.pop(0)
        if tokens[0] in ('38', '3A') and len(tokens) > 1:
            return '0F' + tokens.pop(0)
        return '0F'

    def parse_vex(self, token):
        parts = token.split('.')
        if len(parts) != 5 or parts[3] not in ('0F', '0F38', '0F3A'):
            raise TableError(f"'{token}': expected VEX.L.pp.map.W")
        _, length, pp, opmap, w = parts
        if length not in ('128', '256', 'LIG', 'VL') or pp not in ('NP', '66', 'F3', 'F2') \
                or w not in ('W0', 'W1', 'WIG', 'W*'):
            raise TableError(f"'{token}': bad L, pp or W")
        self.vex = length
        self.map = 'V' + opmap
        self.constraints['pfx'] = PREFIXES[pp]
        if length in ('128', '256'):
            self.constraints['l'] = {int(length == '256')}
        if w in ('W0', 'W1'):
            self.constraints['w'] = {int(w[1])}

    def parse_opcode(self, token):
        match = re.fullmatch(r'([0-9A-F]{2})(\+r)?', token)
        if not match:
            raise TableError(f"'{token}' is not an opcode")
        first = int(match[1], 16)
        self.opcodes = list(range(first, first + 8)) if match[2] else [first]

    def parse_modrm(self, token):
        self.modrm = True
        if token == '/r':
            return
        if re.fullmatch('/[0-7]', token):
            self.constraints['reg'] = {int(token[1])}
            return
        match = re.fullmatch(r'([0-9A-F]{2})(\+i)?', token)
        if not match or int(match[1], 16) < 0xC0:
            raise TableError(f"'{token}' is not /r, /digit or a ModRM byte from C0 to FF")
        byte = int(match[1], 16)
        self.constraints['mod3'] = {1}
        self.constraints['reg'] = {byte >> 3 & 7}
        if not match[2]:
            self.constraints['rm'] = {byte & 7}

    # -- attributes column

    def parse_attributes(self, words, features):
        self.attributes = {w for w in words if w.islower() or not w.isupper() and w[0].islower()}
        names = [w for w in words if w not in self.attributes]
        for word in self.attributes:
            if word not in LEGALITY and word not in OTHER_ATTRIBUTES:
                raise TableError(f"unknown attribute '{word}'")
        if len(names) > 1:
            raise TableError('more than one feature: ' + ' '.join(names))
        self.feature = names[0] if names else 'NONE'
        for name in self.feature.split('/'):
            if name not in features:
                raise TableError(f"unknown feature '{name}' (row.h lists them)")
        if 'no64' in self.attributes:
            self.constraints['mode64'] = {0}
        if 'only64' in self.attributes:
            self.constraints['mode64'] = {1}
        if 'rexb0' in self.attributes:
            self.constraints['rexb'] = {0}

    def constrain_mod(self):
        """Operands that must be a register or must be memory decide ModRM.mod."""
        if 'modany' in self.attributes:
            return
        for op in self.operands:
            only = {'MEM': 0, 'GPR_RM': 1, 'XMM_RM': 1, 'MMX_RM': 1, 'ST_RM': 1}.get(op.place)
            if op.place.startswith('VSIB'):
                only = 0
            if only is not None:
                if self.constraints.get('mod3', {only}) != {only}:
                    raise TableError('operands contradict each other or the ModRM byte')
                self.constraints['mod3'] = {only}

    # -- flags column

    def parse_flags(self, text):
        text = text or '------'
        if not re.fullmatch('[-MTBU01mu]{6}', text):
            raise TableError(f"flags '{text}': expected six of - M T B U 0 1 m u (O S Z A P C)")
        def having(letters):
            return ' | '.join('X86_F_' + f for f, c in zip(FLAG_ORDER, text) if c in letters) or '0'
        self.flags = [having('TBmu'), having('MBm01'), having('Uu')]

    # -- what follows from the rest

    def uses(self, letters):
        return any(op.letter and op.letter in letters for op in self.operands)

    def find_legality(self):
        bits = {LEGALITY[a] for a in self.attributes if a in LEGALITY}
        vector = self.uses('VWUHLK')
        if self.feature == 'X87' and 'nofpu' not in self.attributes:
            bits.add('FP')
        if self.uses('PQN'):
            bits.add('MMX')
        if self.vex:
            bits.add('PROTECTED' if self.feature.startswith('BMI') else 'AVX')
        elif self.feature in SSE_FEATURES and vector:
            bits.add('SSE')
            if self.has_dq_memory() and 'unaligned' not in self.attributes:
                bits.add('ALIGNED')
        return bits

    def has_dq_memory(self):
        return any((op.place in ('XMM_RM_MEM', 'MEM')) and op.size_mem in ('16', 'x')
                   for op in self.operands)

    def decode_flags(self):
        flags = [f for f, on in (
            ('MODRM', self.modrm),
            ('MODANY', 'modany' in self.attributes),
            ('D64', 'd64' in self.attributes),
            ('LOCK', 'lock' in self.attributes),
            ('BYTE', self.is_byte()),
            ('MANDATORY66', self.constraints.get('pfx') == {1}),
            ('VVVV', any(op.place.endswith('VVVV') for op in self.operands)),
            ('GATHER', any(op.place.startswith('VSIB') for op in self.operands)),
        ) if on]
        return ' | '.join('X86_DF_' + f for f in flags) or '0'

    def is_byte(self):
        """All general-register, memory and accumulator operands are bytes."""
        sized = [op for op in self.operands if op.letter in set('EGRMZOXY') or
                 op.place == 'FIXED_GPR' and op.size_reg in ('1', 'v', 'z')]
        sized = [op for op in sized if not (op.place == 'FIXED_GPR' and op.reg == 1)]
        return bool(sized) and all(op.size_reg == '1' for op in sized)

    def constrained(self):
        return set(self.constraints)


def read_features(path):
    text = open(path, encoding='ascii').read()
    block = re.search(r'#define X86_FEATURES\(X\)(.*?)\n\n', text, re.S)
    return set(re.findall(r'X\((\w+)\)', block[1]))


def expand(columns):
    """Yields the concrete rows of one table line: conditions, feature A/B by length."""
    encoding, instruction, attributes, flags = columns
    if '+cc' in encoding:
        base = int(re.search(r'([0-9A-F]{2})\+cc', encoding)[1], 16)
        for i, cond in enumerate(CONDITIONS):
            yield (re.sub(r'[0-9A-F]{2}\+cc', f'{base + i:02X}', encoding),
                   instruction.replace('{cc}', cond), attributes,
                   CONDITION_FLAGS[i // 2] if flags == 'cc' else flags)
        return
    match = re.search(r'(\w+)/(\w+)', attributes)
    if match:
        if '.VL.' not in encoding:
            raise TableError(f"feature '{match[0]}' needs VEX.VL")
        for length, feature in (('128', match[1]), ('256', match[2])):
            yield (encoding.replace('.VL.', f'.{length}.'), instruction,
                   attributes.replace(match[0], feature), flags)
        return
    yield columns


def read_table(path, features):
    rows = []
    for number, line in enumerate(open(path, encoding='ascii'), 1):
        line = line.strip()
        if not line or line.startswith('#'):
            continue
        columns = [c.strip() for c in line.split('|')]
        try:
            if not 2 <= len(columns) <= 4:
                raise TableError('expected encoding | instruction | attributes | flags')
            columns += [''] * (4 - len(columns))
            for row in (Row(*c, features) for c in expand(columns)):
                row.line = number
                rows.append(row)
        except TableError as error:
            sys.exit(f'{path}:{number}: {error}\n    {line}')
    return rows


class Trees:
    """Decision trees of all opcodes; equal nodes are shared."""

    def __init__(self, path, rows):
        self.path = path
        self.rows = rows
        self.nodes = {2: [], 4: [], 8: []}
        self.known = {}

    def build(self, candidates, dims):
        if not candidates:
            return '0'
        dims = [d for d in dims if any(d in self.rows[r].constraints for r in candidates)]
        if not dims:
            return f'X86_NODE(ROW, {self.choose(candidates)})'
        dim, rest = dims[0], dims[1:]
        children = tuple(
            self.build([r for r in candidates
                        if value in self.rows[r].constraints.get(dim, {value})], rest)
            for value in range(DIMENSIONS[dim]))
        if len(set(children)) == 1:
            return children[0]
        key = (dim, children)
        if key not in self.known:
            table = self.nodes[DIMENSIONS[dim]]
            self.known[key] = f'X86_NODE({dim.upper()}, {len(table)})'
            table.append(children)
        return self.known[key]

    def choose(self, candidates):
        best = max(candidates, key=lambda r: len(self.rows[r].constraints))
        for other in candidates:
            if other != best and not \
                    self.rows[other].constrained() < self.rows[best].constrained():
                a, b = self.rows[other], self.rows[best]
                sys.exit(f'{self.path}:{b.line}: "{b.encoding}" ({b.name}) overlaps '
                         f'"{a.encoding}" ({a.name}, line {a.line})')
        return best


def write_mnemonics(path, names):
    with open(path, 'w', encoding='ascii') as out:
        out.write('/* Generated from insns.tab by scripts/gen-insns.py. */\n'
                  '#ifndef TARGET_I386_DECODE_MNEMONICS_H\n'
                  '#define TARGET_I386_DECODE_MNEMONICS_H\n\n'
                  'enum {\n    X86_MN_NONE,\n')
        for name in names:
            out.write(f'    X86_MN_{name},\n')
        out.write('    X86_MN_COUNT\n};\n\n#endif\n')


def write_rows(out, rows):
    out.write('const X86Row x86_rows[] = {\n')
    for row in rows:
        legality = ' | '.join('X86_ROW_' + b for b in sorted(row.legality)) or '0'
        access = ', '.join(str(op.access) for op in row.operands) or '0'
        out.write(f'    {{ "{row.name.lower()}", "{row.operand_text}", "{row.encoding}",\n'
                  f'      X86_MN_{row.name}, X86_FEAT_{row.feature}, {legality},\n'
                  f'      {", ".join(row.flags)}, {{ {access} }} }},\n')
    out.write('};\nconst unsigned x86_row_count = sizeof(x86_rows) / sizeof(x86_rows[0]);\n\n')


def write_decode_rows(out, rows):
    specs = {'{ X86_AT_NONE, 0, 0, 0 }': 0}
    out.write('const X86DecodeRow x86_decode_rows[] = {\n')
    for row in rows:
        index = [specs.setdefault(op.spec(), len(specs)) for op in row.operands]
        index += [0] * (4 - len(index))
        out.write(f'    {{ {row.decode_flags()}, {{ {", ".join(map(str, index))} }} }},\n')
    out.write('};\n\nconst X86OperandSpec x86_operand_specs[] = {\n')
    for spec in specs:
        out.write(f'    {spec},\n')
    out.write('};\n\n')


def write_trees(out, path, rows):
    trees = Trees(path, rows)
    roots = []
    for opmap in MAPS:
        in_map = [i for i, r in enumerate(rows) if r.map == opmap]
        roots.append([trees.build([i for i in in_map if opcode in rows[i].opcodes],
                                  list(DIMENSIONS)) for opcode in range(256)])
    for width, nodes in trees.nodes.items():
        out.write(f'const uint16_t {NODE_TABLE[width]}[][{width}] = {{\n')
        for children in nodes:
            out.write(f'    {{ {", ".join(children)} }},\n')
        out.write('};\n\n')
    out.write(f'const uint16_t x86_opcode_maps[{len(MAPS)}][256] = {{\n')
    for root in roots:
        out.write('    {\n')
        for i in range(0, 256, 4):
            out.write('        ' + ', '.join(root[i:i + 4]) + ',\n')
        out.write('    },\n')
    out.write('};\n')


def main():
    if len(sys.argv) != 5:
        sys.exit('usage: gen-insns.py insns.tab row.h mnemonics.h insns.c')
    table, row_h, mnemonics_h, insns_c = sys.argv[1:]
    rows = read_table(table, read_features(row_h))
    names = list(dict.fromkeys(row.name for row in rows))
    write_mnemonics(mnemonics_h, names)
    with open(insns_c, 'w', encoding='ascii') as out:
        out.write('/* Generated from insns.tab by scripts/gen-insns.py. */\n'
                  '#include "target/i386/decode/row.h"\n'
                  '#include "target/i386/decode/tables.h"\n\n')
        out.write('const char *const x86_mnemonic_names[] = {\n    "none",\n')
        for name in names:
            out.write(f'    "{name.lower()}",\n')
        out.write('};\n\n')
        write_rows(out, rows)
        write_decode_rows(out, rows)
        write_trees(out, table, rows)


main()
