#!/usr/bin/env python3
# The debugger's stops under an accelerator: the same as tcg's, or refused.
#
#   debug.py [--no-breakpoints WHY] [ACCEL]...      default: tcg
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import argparse
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'gdb'), os.path.join(HERE, '..', 'guest')]
from gdb import Debugged, Remote, expect  # noqa: E402
from guest import Skip, main, run, tool  # noqa: E402

PARAVIRTUAL = os.path.isdir('/sys/module/kvm_pvm')
BASE = 0xf0000                      # of the code segment; not 0, so gdb is not told why it stops
LOOP, STORE, LOAD, MIDDLE = BASE + 0x80, BASE + 0x90, BASE + 0xa0, BASE + 0xb0
TRAP, OWN_INT3, BREAK = BASE + 0x100, BASE + 0x130, BASE + 0x140
NOPS = BASE + 0x84                  # between the first and the second instruction of the loop
REGISTERS = 4
RIP = 0x10                          # gdb's number
STEPS = 50
STOP = 'T05thread:p01.01;'


class Target(Debugged):
    """A machine that stands at the reset vector, and a debugger."""

    def __init__(self, accel):
        self.rom = tempfile.TemporaryDirectory()
        path = self.rom.name + '/rom'
        run([tool('nasm', 'nasm'), '-f', 'bin', '-o', path, HERE + '/debug.asm'])
        super().__init__('-accel', accel, '-S', '-nodefaults', '-vga', 'none', '-m', '16', '-cpu',
                         'qemu64', '-bios', path)
        self.remote = Remote(self.path)
        self.remote.ask('qSupported:multiprocess+;swbreak+;hwbreak+')

    def ask(self, *packets):
        return [self.remote.ask(packet) for packet in packets]

    def number(self, packet):
        return int.from_bytes(bytes.fromhex(self.remote.ask(packet)), 'little')

    def pc(self):
        return self.number(f'p{RIP:x}')

    def step(self):
        """One instruction, all of its repetitions; the registers behind it."""
        before = self.pc()
        for _ in range(20):
            self.remote.ask('vCont;s')
            if self.pc() != before:
                break
        return self.remote.ask('g')

    def counter(self):
        return self.number('m600,2')

    def to_loop(self):
        """Past the start, where the loop has run a few times."""
        expect(self.ask(f'Z1,{LOOP:x},1', 'vCont;c', f'z1,{LOOP:x},1'),
               ['OK', STOP, 'OK'], 'the loop')


def registers_at_each_step(accel):
    with Target(accel) as target:
        seen = [target.step() for _ in range(STEPS)]
        return seen, target.number('m700,8')


def steps(accel):
    """Every register after every step is what the interpreter has."""
    ours, memory = registers_at_each_step(accel)
    theirs, right_memory = registers_at_each_step('tcg,engine=interp')
    for n, (mine, other) in enumerate(zip(ours, theirs)):
        for i in range(0, len(mine), 16):
            expect(mine[i:i + 16], other[i:i + 16], f'step {n + 1}, bytes {i // 2} of registers')
    expect(memory, right_memory, 'memory')
    expect(memory, int.from_bytes(b'twelve b', 'little'), 'what REP MOVSB copied')


def breakpoints(accel):
    with Target(accel) as target:
        target.to_loop()
        count = target.counter()
        expect(target.ask(f'Z1,{STORE:x},1', f'Z0,{LOAD:x},1'), ['OK', 'OK'], 'Z')
        for n in range(1, 4):
            stop = target.ask('vCont;c')
            expect((stop, target.pc()), ([STOP], STORE - BASE), 'hbreak')
            stop = target.ask('vCont;c')
            expect((stop, target.pc()), ([STOP], LOAD - BASE), 'break')
            expect(target.counter(), count + n, 'rounds')
        expect(target.ask('vCont;s', 'vCont;s'), [STOP] * 2, 'steps off it')
        expect(target.pc(), LOAD - BASE + 5, 'place after LOAD and a NOP')


def watchpoints(accel):
    if PARAVIRTUAL and accel.startswith('kvm'):
        raise Skip('the instruction emulator of paravirtual KVM does not look for watchpoints')
    with Target(accel) as target:
        target.to_loop()
        for packet, addr, kind, place in [
                ('Z2', 0x604, 'watch', STORE + 3), ('Z4', 0x604, 'awatch', STORE + 3),
                ('Z4', 0x608, 'awatch', LOAD + 4), ('Z2', 0x600, 'watch', LOOP + 4)]:
            expect(target.ask(f'{packet},{addr:x},2', 'vCont;c'),
                   ['OK', f'{STOP}{kind}:{addr:x};'], packet)
            expect(target.pc(), place - BASE, f'place behind {packet} {addr:#x}')
            expect(target.ask(f'{packet.lower()},{addr:x},2'), ['OK'], 'removal')
        expect(target.ask('Z2,60f,5', 'vCont;c'), ['OK', STOP + 'watch:60f;'],
               'five bytes that are not aligned')
        expect(target.pc(), MIDDLE + 5 - BASE, 'place behind the store in their middle')


def refusals(accel):
    """Four debug registers are not five, none watches reads alone, and there must be memory for an INT3."""
    if accel.startswith('tcg'):
        raise Skip('tcg takes any number of any kind')
    with Target(accel) as target:
        expect(target.ask(*[f'Z1,{LOOP + 16 * n:x},1' for n in range(5)]), ['OK'] * 4 + ['E22'],
               'breakpoints')
        expect(target.ask('Z0,80000000,1', f'Z0,{TRAP:x},1'), ['E22', 'OK'], 'INT3 at a place without memory')
        expect(target.ask(f'z1,{LOOP:x},1', 'Z3,608,2', 'Z2,608,2', 'Z2,60c,2'),
               ['OK', '', 'OK', 'E22'], 'watchpoints')


def full(target):
    """Every debug register is taken, by what is never hit."""
    expect(target.ask(*[f'Z1,{BASE + 0x7000 + n:x},1' for n in range(REGISTERS)]), ['OK'] * REGISTERS,
           'hardware breakpoints')


def many(accel):
    """Breakpoints beyond the debug registers: each is hit in its turn, and nobody sees it in the memory."""
    with Target(accel) as target:
        target.to_loop()
        memory = target.ask(f'm{NOPS:x},c')
        expect(memory, ['90' * 12], 'the loop')
        count = target.counter()
        expect(target.ask(*[f'Z0,{NOPS + n:x},1' for n in range(12)]), ['OK'] * 12, 'breakpoints')
        for n in range(1, 3):
            for place in range(NOPS, NOPS + 12):
                expect((target.ask('vCont;c'), target.pc()), ([STOP], place - BASE), 'stop')
                expect(target.ask(f'm{NOPS:x},c'), memory, 'memory of a machine that stands')
            expect(target.counter(), count + n, 'rounds')
        expect((target.ask('vCont;s'), target.pc()), ([STOP], NOPS + 12 - BASE), 'a step off it')
        expect(target.ask(*[f'z0,{NOPS + n:x},1' for n in range(12)]), ['OK'] * 12, 'removal')
        expect(target.ask(f'Z0,{LOAD:x},1', 'vCont;c'), ['OK', STOP], 'the loop goes on')
        expect(target.pc(), LOAD - BASE, 'place')


def int3_of_the_guest(accel):
    """Beside ours, and under one of ours."""
    with Target(accel) as target:
        target.to_loop()
        full(target)
        expect(target.ask(f'Z0,{LOAD:x},1', f'Z0,{BREAK:x},1', 'M624,1:01'), ['OK'] * 3, 'request')
        expect((target.ask('vCont;c'), target.pc()), ([STOP], LOAD - BASE), 'a breakpoint')
        expect((target.ask('vCont;c'), target.pc()), ([STOP], BREAK - BASE), 'the guest\'s handler')
        sp = target.number('p7')
        expect(target.number(f'm{sp:x},2'), OWN_INT3 + 1 - BASE, 'where it returns to')
        expect(target.ask(f'Z0,{OWN_INT3:x},1', 'M624,1:01'), ['OK'] * 2, 'request')
        for place in (LOAD, OWN_INT3, BREAK, LOAD):
            expect((target.ask('vCont;c'), target.pc()), ([STOP], place - BASE), 'stop')
        expect(target.number('m626,2'), 2, 'runs of the handler')
        expect(target.number('m622,2'), 0, 'traps')


def unrestricted_guest():
    """Whether the CPU itself runs real mode with a base of the code segment that is none of real mode."""
    path = '/sys/module/kvm_intel/parameters/unrestricted_guest'
    if not os.path.exists(path):
        return True
    with open(path, encoding='ascii') as f:
        return f.read().startswith('Y')


def another_address(accel):
    """The firmware's last page is below 1 MiB and below 4 GiB: a breakpoint at one address is not at the other."""
    if accel.startswith('kvm') and not unrestricted_guest():
        raise Skip('KVM emulates the code at the reset vector, and does not tell of an INT3 there')
    with Target(accel) as target:
        full(target)
        expect(target.ask(f'Z0,{BASE + 0xfff0:x},1', f'Z0,{LOOP:x},1'), ['OK'] * 2, 'breakpoints')
        expect((target.ask('vCont;c'), target.pc()), ([STOP], LOOP - BASE), 'stop')


def trap_of_the_guest(accel):
    """A debug exception that the guest makes itself is the guest's."""
    with Target(accel) as target:
        target.to_loop()
        expect(target.ask(f'Z1,{TRAP:x},1', 'M620,1:01', 'vCont;c'), ['OK', 'OK', STOP], 'stop')
        expect(target.pc(), TRAP - BASE, 'the guest\'s handler')


BREAKPOINTS = [breakpoints, watchpoints, refusals, trap_of_the_guest]
MEMORY_BREAKPOINTS = [many, int3_of_the_guest, another_address]


def cases(accels, why_not):
    for accel in accels:
        for test in [steps, *BREAKPOINTS, *MEMORY_BREAKPOINTS]:
            def case(accel=accel, test=test):
                if why_not and test not in (steps, refusals):
                    raise Skip(why_not)
                if PARAVIRTUAL and accel.startswith('kvm') and test in MEMORY_BREAKPOINTS:
                    raise Skip('the instruction emulator of paravirtual KVM does not tell of INT3')
                test(accel)
            case.__name__ = f'{accel}: {test.__name__}'
            yield case


def run_all():
    parser = argparse.ArgumentParser()
    parser.add_argument('--no-breakpoints', metavar='WHY')
    parser.add_argument('accels', nargs='*', default=['tcg'])
    options = parser.parse_args()
    sys.argv[1:] = []
    main(list(cases(options.accels, options.no_breakpoints)))


if __name__ == '__main__':
    run_all()
