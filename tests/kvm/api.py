#!/usr/bin/env python3
# What an accelerator must do right, asked by a guest without an operating system: guest.asm.
#
#   api.py [--groups NAME,NAME...] [ACCEL]...      default: tcg
#
# Each run of the guest is one set of cases, named after the accelerator and the group.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import argparse
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'monitor'), os.path.join(HERE, '..', 'guest')]
from monitor import SCALE, Failure, Monitored, Skip, expect, run, tool  # noqa: E402
import guest  # noqa: E402

GO = 0x500
PULSE = 0x514
EXIT_STATUS = 0x21
SECONDS = 90
ONES = 0xffffffff
# In the order of the guest's bits, with what it must say. SDM: the CPU; 82441FX, 82371AB: the
# chipset; the edu device's page for its registers.
GROUPS = {
    'real': {'outsb': [1], 'insb': [int.from_bytes(b'QEMU', 'little')], 'int': [0x3333],
             'divide': [0xde]},
    'timer': {'ticks': [5]},
    'pci': {'mmio read': [0x010000ed], 'mmio write': [~0x12345678 & ONES],
            'mmio or': [~(~0x12345678 | 0xffff) & ONES], 'mmio movs': [0x010000ed, 0x12340000],
            'mmio moved': [0x010000ed], 'mmio left': [ONES], 'ram read': [0xcafe0001],
            'ram moved': [0xcafe0001], 'ram left': [ONES], 'ram off': [ONES],
            'ram back': [0xcafe0001]},
    'pam': {'pam rw': [0x11223344], 'pam ro': [0x11223344], 'pam wo': [0x99aabbcc],
            'rom write': [0], 'rom copy': [0], 'rom shadow': [0xddeeff00]},
    'apic': {'apic id': [0], 'apic timer': [1], 'apic periodic': [3], 'msi': [3],
             'intx ioapic': [1], 'intx pic': [1]},
    'two cpus': {'ap id': [0x01000000], 'added': [2 * 20000], 'ipi': [3], 'moves under cpu 1': [0],
                 'cpu 1 missed': [0]},
    'smi': {'smi': [2, 0x5b, 0x11112222, 0x33334444], 'smi fs': [0x010000ed]},
    'nmi': {'nmi': [1]},
    'paused': {},
    'display': {},
    'protected mode': {
        'p32 cr0': [0x80000001], 'p32 alias': [0x51617181], 'p32 mmio': [0x010000ed],
        'p32 fault': [0, 0x800600], 'p32 mapped': [0x51617181], 'p32 read-only': [3, 0x0badf00d],
        'p32 ud': [0x101], 'p32 int': [0x2345], 'p32 x87': [2], 'p32 sse': [2 * 0x2345],
        'p32 outsb': [1]},
    'long mode': {
        'l64 efer': [0x501], 'l64 wide': [0x12345678], 'l64 upper half': [0x51617181],
        'l64 fault': [0, 0x800600], 'l64 mapped': [0x51617181], 'l64 canonical': [0],
        'l64 cmpxchg16b': [7, 8], 'l64 sse': [0x42], 'l64 mmio': [0x56789abc, 0x1234],
        'l64 user': [0x4b, 0x96], 'l64 hlt in user': [0, 0x4b]},
    'reset': {'reset': [2]},
}
# Paravirtual KVM lets an instruction emulator run a guest's kernel: no paging without long mode, no
# FPU, no SMM.
PARAVIRTUAL_LACKS = {'smi', 'protected mode', 'long mode'}


def build_rom(folder, groups):
    path = os.path.join(folder, 'guest.rom')
    run([tool('nasm', 'nasm'), '-f', 'bin', '-i', HERE + '/', '-o', path, HERE + '/guest.asm'])
    mask = sum(1 << list(GROUPS).index(name) for name in groups)
    with open(path, 'r+b') as f:
        f.seek(4)
        f.write(mask.to_bytes(4, 'little'))
    return path


def read_ppm(path):
    """Width, and the pixels of a binary PPM."""
    with open(path, 'rb') as f:
        data = f.read()
    kind, width, height, _ = data.split(maxsplit=4)[:4]
    expect(kind, b'P6', 'format of the picture')
    size = int(width) * int(height) * 3
    return int(width), data[-size:]


class Guest(Monitored):
    """One run. answers: what the guest said, by name; seen: what the test program saw."""

    def __init__(self, accel, groups):
        self.work = tempfile.TemporaryDirectory()
        self.debug = self.work.name + '/debug'
        self.answers, self.seen, self.done = {}, {}, 0
        self.missed = {name for name, what in GROUPS.items() if not what} # what it did not ask for
        super().__init__(
            '-accel', accel, '-nodefaults', '-m', '64', '-smp', '2', '-vga', 'none', '-device',
            'VGA,addr=4', '-device', 'edu,addr=5', '-chardev', f'file,path={self.debug},id=debug',
            '-device', 'isa-debugcon,iobase=0xe9,chardev=debug', '-device',
            'isa-debug-exit,iobase=0xf4,iosize=1', '-bios', build_rom(self.work.name, groups), '-S')
        self.hmp('cont')

    def lines(self):
        """The complete lines that are new."""
        with open(self.debug, encoding='latin1') as f:
            lines = f.read().split('\n')[:-1]
        new, self.done = lines[self.done:], len(lines)
        return new

    def go_on(self):
        self.write(GO, b'\1\0\0\0')

    def pulse(self):
        return int.from_bytes(self.read(PULSE, 4), 'little')

    # --- what the guest asks for -----------------------------------------------------------------

    def on_nmi(self):
        self.hmp('nmi')

    def on_pause(self):
        """A machine that stands does not count, one that goes on does."""
        for _ in range(3):
            self.hmp('stop')
            before = self.pulse()
            after = [self.pulse() for _ in range(20)]
            self.seen.setdefault('standing', []).append(after == [before] * 20)
            self.hmp('cont')
            self.wait_for(lambda: self.pulse() != before, 'counting after cont')
        self.go_on()

    def picture(self):
        path = self.work.name + '/picture'
        self.hmp(f'screendump {path}')
        return read_ppm(path)

    def on_screen(self):
        width, pixels = self.picture()
        self.seen['screen'] = width, pixels[:3], len(set(pixels[0::3]))
        self.go_on()

    def on_rows(self):
        width, pixels = self.picture()
        self.seen['rows'] = [pixels[width * 3 * row:][:3] for row in (99, 100, 119, 120)]
        self.go_on()

    # --- running -----------------------------------------------------------------------------------

    def take(self, line):
        if line.startswith('?'):
            getattr(self, 'on_' + line[1:])()
            self.missed.discard({'?pause': 'paused', '?rows': 'display'}.get(line))
        else:
            name, _, values = line.partition('=')
            self.answers[name] = [int(value, 16) for value in values.split()]

    def run(self):
        deadline = time.monotonic() + SECONDS * SCALE
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                state = ''.join(self.hmp('info ' + what)
                                for what in ('status', 'registers', 'pic', 'lapic', 'irq'))
                raise Failure(f'the guest hangs; its last answer: {list(self.answers)[-1:]}\n'
                              f'{state}{self.stderr()}')
            for line in self.lines():
                self.take(line)
            time.sleep(0.01)
        for line in self.lines():
            self.take(line)
        expect(self.process.returncode, EXIT_STATUS, 'exit status: ' + self.stderr())


class Outcome:
    """What is known of one accelerator; the guest is run when first asked for."""

    def __init__(self, accel, groups):
        self.accel, self.groups, self.failure, self.guest = accel, groups, None, None

    def get(self):
        if not self.guest and not self.failure:
            try:
                with Guest(self.accel, self.groups) as self.guest:
                    self.guest.run()
            except Exception as failure:  # pylint: disable=broad-except
                self.failure = failure
        return self.guest

    def raise_failure(self):
        failure, self.failure = self.failure, Skip('not reached')
        raise failure


def check_seen(guest_run, group):
    seen = guest_run.seen
    if group == 'paused':
        expect(seen.get('standing'), [True] * 3, 'counter while the machine was paused')
    elif group == 'display':
        expect(seen.get('screen'), (640, b'\x20\x40\x60', 1), 'first picture')
        blue, red = b'\x20\x40\x60', b'\xe0\x10\x80'
        expect(seen.get('rows'), [blue, red, red, blue], 'rows 99, 100, 119, 120 of the second')


def check(outcome, group):
    found = outcome.get()
    if not found:
        outcome.raise_failure()
    answers = {name: found.answers.get(name) for name in GROUPS[group]}
    reached = None not in answers.values() and group not in found.missed
    if outcome.failure and (not reached or group == outcome.groups[-1]):
        outcome.raise_failure()
    show = {name: value and [hex(v) for v in value] for name, value in answers.items()}
    right = {name: [hex(v) for v in value] for name, value in GROUPS[group].items()}
    expect(show, right, 'answers')
    check_seen(found, group)


def cases(accels, groups):
    for accel in accels:
        outcome = Outcome(accel, groups)
        for group in groups:
            yield guest.case(f'{accel}: {group}', check, outcome, group)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--groups', default=','.join(GROUPS))
    parser.add_argument('accels', nargs='*', default=['tcg'])
    options = parser.parse_args()
    guest.main(list(cases(options.accels, options.groups.split(','))), wanted=())


if __name__ == '__main__':
    main()
