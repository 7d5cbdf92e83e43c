#!/usr/bin/env python3
# What -cpu hv-*= and tsc-frequency= give a guest, or refuse by name: hyperv.asm.
#
#   hyperv.py ACCEL...
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'guest'))
from guest import EMULATOR, SCALE, Failure, Machine, Skip, case, main, run, tool  # noqa: E402

# TLFS, section 2.4 and appendix B: by enlightenment, the bits of leaf 0x40000003's EAX and EDX and
# of 0x40000004's EAX.
ALL = {'relaxed': (0, 0, 1 << 5), 'vapic': (1 << 4, 0, 1 << 3), 'time': (1 << 1 | 1 << 9, 0, 0),
       'crash': (0, 1 << 10, 0), 'reset': (1 << 7, 0, 0), 'vpindex': (1 << 6, 0, 0),
       'runtime': (1 << 0, 0, 0), 'synic': (1 << 2, 0, 0), 'stimer': (1 << 3, 0, 0),
       'frequencies': (1 << 11, 1 << 8, 0), 'tlbflush': (0, 0, 1 << 2 | 1 << 11),
       'ipi': (0, 0, 1 << 10 | 1 << 11)}
OF_THE_KERNELS_APIC = {'vapic', 'synic', 'stimer', 'ipi'}
HYPERCALL_MSRS = 1 << 5
SPINLOCKS = 8191
TIMER_EXPIRED = 0x80000010          # HvMessageTypeTimerExpired
TICKS_PER_SECOND = 10_000_000       # of the reference time


def text(*words):
    return b''.join(word.to_bytes(4, 'little') for word in words).decode('latin1').rstrip('\0')


def wide(words):
    """Pairs of words, the lower one first, as numbers of 64 bits."""
    return [low | high << 32 for low, high in zip(words[::2], words[1::2])]


def expect(value, right, what):
    if value != right:
        raise Failure(f'{what}: {value!r}, expected {right!r}')


def warnings(accel, options):
    """What a machine that is not started says about its CPU; the exit status."""
    done = subprocess.run([EMULATOR, '-accel', accel, '-cpu', 'max,' + options, '-S', '-nodefaults',
                           '-display', 'none', '-vga', 'none', '-monitor', 'stdio'], input='quit\n',
                          text=True, capture_output=True, timeout=30 * SCALE, check=False)
    return done.stderr, done.returncode


def need_hyperv(accel):
    said, _ = warnings(accel, 'hv-time')
    if 'hv-time' in said:
        raise Skip('this KVM has no Hyper-V enlightenments')


def ask_guest(accel):
    """The guest's answers; a reset and a panic come with their events."""
    with tempfile.TemporaryDirectory() as work:
        run([tool('nasm', 'nasm'), '-f', 'bin', '-o', work + '/rom', HERE + '/hyperv.asm'])
        flags = ','.join(f'hv-{name}' for name in ALL)
        with Machine('-accel', accel, '-nodefaults', '-vga', 'none', '-m', '16', '-bios', work + '/rom',
                     '-cpu', f'max,{flags},hv-spinlocks={SPINLOCKS}', '-chardev',
                     f'file,path={work}/debug,id=debug', '-device',
                     'isa-debugcon,iobase=0xe9,chardev=debug') as machine:
            try:
                machine.wait_end(60)
            except Failure as failure:
                raise Failure(str(failure) + open(work + '/debug', encoding='latin1').read() + machine.qmp(
                    'human-monitor-command', command_line='info registers')) from failure
            lines = open(work + '/debug', encoding='latin1').read().splitlines()
            machine.session.event('RESET')
            machine.session.event('GUEST_PANICKED')
    answers = {}
    for line in lines:
        name, _, words = line.partition('=')
        answers[name] = [int(word, 16) for word in words.split()]
    return answers


def check_leaves(answers):
    expect(text(*answers['signature'][1:]), 'Microsoft Hv', 'signature')
    expect(text(answers['interface'][0]), 'Hv#1', 'interface')
    expect(text(*answers['kvm'][1:]), 'KVMKVMKVM', 'KVM\'s own signature')
    bits = [0, 0, 0]
    for given in ALL.values():
        bits = [one | other for one, other in zip(bits, given)]
    seen = answers['features'][0], answers['features'][3], answers['advice'][0]
    expect(seen, (bits[0] | HYPERCALL_MSRS, bits[1], bits[2]), 'privileges, features, advice')
    expect(answers['advice'][1], SPINLOCKS, 'spinlocks')


def check_time(answers):
    """The counter's pace and the page's factors, by reads of the counter between two of the TSC."""
    hz = wide(answers['tsc hz'])[0]
    expect(wide(answers['apic hz'])[0], 10**9, 'the APIC\'s clock, which is KVM\'s')
    before, after = wide(answers['times']), wide(answers['later times'])
    least = (after[0] - before[2]) * TICKS_PER_SECOND / hz
    most = (after[2] - before[0]) * TICKS_PER_SECOND / hz
    if not least * 0.99 - 2 <= after[1] - before[1] <= most * 1.01 + 2:
        raise Failure(f'{after[1] - before[1]} ticks of the counter in {least} to {most} of the TSC')
    sequence, _, *factors = answers['page']
    scale, offset = wide(factors)
    if not sequence or not scale:
        raise Failure(f'the page of the reference time is not in use: {answers["page"]}')
    first, last = ((tsc * scale >> 64) + offset & 2**64 - 1 for tsc in (after[0], after[2]))
    if not first - 20 <= after[1] <= last + 20:
        raise Failure(f'the counter has {after[1]}, the page says {first} to {last}')


def enlightenments(accel):
    need_hyperv(accel)
    answers = ask_guest(accel)
    check_leaves(answers)
    check_time(answers)
    expect(wide(answers['vp index']), [0], 'index of the first CPU')
    if not wide(answers['runtime'])[0]:
        raise Failure('the CPU has run for no time')
    call = answers['calls'][0].to_bytes(4, 'little')
    if call not in (b'\x0f\x01\xd9\xc3', b'\x0f\x01\xc1\xc3'): # VMMCALL or VMCALL; RET
        raise Failure(f'code of calls: {call.hex()}')
    expect(answers['tpr'], [0x30, 0], 'TPR')
    expect((answers['ticks'], answers['message']), ([1], [TIMER_EXPIRED]), 'synthetic timer')
    expect(answers['reset'], [1], 'reset')
    expect(wide(answers['crash control']), [1 << 63], 'what can be told of crashes')
    expect(answers['crash parameter'], [0x12345678, 0], 'crash parameter')


def not_without_the_kernels_apic(accel):
    need_hyperv(accel)
    said, status = warnings(accel, ','.join(f'hv-{name}' for name in ALL))
    named = set(re.findall(r'hv-(\w+)', said))
    expect((named, status), (OF_THE_KERNELS_APIC, 0), 'left out: ' + said)


def not_alone(accel):
    """What builds on others is refused without them."""
    need_hyperv(accel)
    for name, *others in [('stimer', 'synic', 'time'), ('synic', 'vpindex'), ('ipi', 'vpindex'),
                          ('tlbflush', 'vpindex')]:
        said, status = warnings(accel, f'hv-{name}')
        if status != 1 or any(f'hv-{word}' not in said for word in (name, *others)):
            raise Failure(f'hv-{name} alone: status {status}, {said!r}')


def no_hyperv(accel):
    """Each is left out by its name where KVM has none; no guest sees Hyper-V's signature."""
    said, status = warnings(accel, ','.join(f'hv-{name}' for name in ALL) + ',hv-spinlocks=100')
    if 'hv-time' not in said:
        raise Skip('this KVM has Hyper-V enlightenments')
    expect((set(re.findall(r'hv-(\w+)', said)), status), ({*ALL, 'spinlocks'}, 0), said)


def tsc_frequency(accel):
    """The host's own, or one that is refused with the host's in the message: this CPU cannot scale."""
    said, status = warnings(accel, 'tsc-frequency=1234567000')
    if status == 0:
        raise Skip('this host\'s CPU scales its TSC')
    found = re.search(r'tsc-frequency=1234567000: .* cannot scale its TSC; it has (\d+) Hz', said)
    if status != 1 or not found:
        raise Failure(f'status {status}, {said!r}')
    expect(warnings(accel, 'tsc-frequency=' + found[1]), ('', 0), 'the host\'s own')


def tests_of(accel):
    ours = 'kernel-irqchip=off' in accel
    return [*([not_without_the_kernels_apic] if ours else [enlightenments, not_alone]), no_hyperv,
            tsc_frequency]


main([case(f'{accel}: {test.__name__}', test, accel) for accel in sys.argv[1:] or ['kvm']
      for test in tests_of(accel)], wanted=())
