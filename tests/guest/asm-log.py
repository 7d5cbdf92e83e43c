#!/usr/bin/env python3
# What -d in_asm and out_asm write, while SeaBIOS runs: whole blocks, each guest instruction with
# the host code that was made of it.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import re
import time
from guest import SCALE, Failure, Machine, check, main

LINE = re.compile(r'(?P<at>[0-9a-f]{12}):  (?P<bytes>(?:[0-9a-f]{2} )+) *(?P<text>\S.*)')


def log(items, says):
    """The lines that a run with -d writes until one of them has a text."""
    with Machine('-accel', 'tcg', '-nodefaults', '-vga', 'none', '-d', items) as machine:
        deadline = time.monotonic() + 60 * SCALE
        while says not in machine.stderr():
            if time.monotonic() > deadline:
                raise Failure(f'-d {items} does not say {says!r}')
            time.sleep(0.1)
        return machine.stderr().splitlines()


def blocks(lines):
    """[(header, lines)]; the last one, which may be cut, is left out."""
    found = []
    for line in lines:
        if line.startswith('block at '):
            found.append((line, []))
        elif found:
            found[-1][1].append(line)
    return found[:-1]


def listing(lines):
    """(address, bytes) of each line of code; there must be no other lines."""
    matches = [LINE.fullmatch(line) for line in lines]
    check(all(matches), 'no code:', lines)
    check(all(m['text'] != '(bad)' for m in matches), 'no instruction:', lines)
    return [(int(m['at'], 16), bytes.fromhex(m['bytes'])) for m in matches]


def in_one_piece(code):
    return all(at + len(data) == following for (at, data), (following, _)
               in zip(code, code[1:]))


def guest_code():
    """The reset vector of any PC BIOS is a far jump; what is listed is what the header counts."""
    found = blocks(log('in_asm', 'of host code'))
    first = listing(found[0][1])
    check(first[0][0] == 0xfff0 and first[0][1][0] == 0xea, found[0])
    for header, lines in found:
        length = int(re.search(r'(\d+) bytes', header).group(1))
        code = listing(lines)
        check(in_one_piece(code) and sum(len(data) for _, data in code) == length, header, lines)


def host_code():
    """Entry, every guest instruction in order, exits, cold code: all of the block's bytes."""
    translated = blocks(log('out_asm', 'block at 0x00000000000eb'))
    check(translated, 'nothing was translated')
    for header, lines in translated:
        count, length, hot, cold = map(int, re.search(
            r'(\d+) instructions, (\d+) bytes of guest code, (\d+) of host code at \S+, (\d+) cold',
            header).groups())
        guest = listing([line[3:] for line in lines if LINE.fullmatch(line[3:])])
        check(len(guest) == count and in_one_piece(guest), header, guest)
        check(sum(len(data) for _, data in guest) == length, header, guest)
        at_cold = lines.index('-- cold code')
        for size, part in ((hot, lines[:at_cold]), (cold, lines[at_cold:])):
            host = listing([line for line in part if not line.startswith('--')])
            check(in_one_piece(host) and sum(len(data) for _, data in host) == size, header, part)


main([guest_code, host_code])
