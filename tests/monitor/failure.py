#!/usr/bin/env python3
# What is reported when a run cannot go on: triple fault, fatal signals, no progress.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import re
import signal
import subprocess
import tempfile
from monitor import EMULATOR, SCALE, Failure, Monitored, build_rom, expect, expect_match, main


def program(work, letter, *args):
    m = Monitored('-nodefaults', '-m', '16', '-bios', build_rom(work), '-S', *args)
    m.write(0x500, letter)
    return m


def run_to_end(m):
    """Lets the CPU go; returns the exit status and what stood on stderr."""
    m.sockets['mon'].sendall(b'cont\n')
    try:
        status = m.process.wait(60 * SCALE)
    except subprocess.TimeoutExpired as err:
        raise Failure('did not end: ' + m.stderr()) from err
    return status, m.stderr()


def exceptions(text):
    return re.findall(r'^  (\S+) at ', text.partition('Last exceptions')[2].partition('Last')[0],
                      re.M)


def triple_fault():
    """SDM vol. 3, 6.15: the IDT's entries are no gates. #UD; #GP for its entry 6, EXT set; that
    again for entry 13: #DF; #GP for entry 8."""
    with tempfile.TemporaryDirectory() as work, program(work, b't', '-no-reboot') as m:
        status, text = run_to_end(m)
        expect(status, 0, 'status: -no-reboot is no failure')
        expect_match(text, r'^\S+: CPU 0: triple fault$', 'cause')
        expect_match(text, r'^CPU#0\nEAX=00007007 ', 'registers')
        expect_match(text, r'^CR0=60000011 ', 'protected mode')
        expect_match(text, r'^Code: 0f 0b .*\bud2$', 'code')
        expect(exceptions(text), ['#GP(0043)', '#DF(0000)', '#GP(0033)', '#UD'], 'exceptions')


def last_events():
    """The same in a monitor, of a CPU that goes on."""
    with tempfile.TemporaryDirectory() as work, program(work, b'l') as m:
        m.hmp('cont')
        m.wait_for(lambda: 'CX=00001234' in m.hmp('info registers'), 'the loop')
        text = m.hmp('info last-events')
        expect_match(text, r'^running at f000:0000\w{4}, linear 00000000000f\w{4}$', 'place')
        expect_match(text, r'^Last port access: write of 1 bytes at 0x80, value 0x5a$', 'port')
        expect_match(text, r'^Last exceptions \(of 0\), latest first: none$', 'exceptions')


def fatal_signals():
    """Cause, registers, and the end that the signal would have made."""
    for sig, cause in ((signal.SIGSEGV, 'segmentation fault'), (signal.SIGABRT, 'aborted'),
                       (signal.SIGBUS, 'bus error')):
        with tempfile.TemporaryDirectory() as work, program(work, b'r') as m:
            m.hmp('cont')
            m.wait_for(lambda: 'HLT=1' in m.hmp('info registers'), 'HLT')
            m.process.send_signal(sig)
            expect(m.process.wait(60), -sig, 'status')
            text = m.stderr()
            expect_match(text, rf'^doppel: internal error: {cause}.* \(signal {int(sig)}\)', 'cause')
            expect_match(text, r'^EAX=12345678 EBX=cafef00d ', 'registers')
            expect_match(text, r'^Last exceptions ', 'exceptions')


def hang():
    """A loop without output is reported with its place; output and a pause are not a hang."""
    with tempfile.TemporaryDirectory() as work, \
         program(work, b'o', '-hang-timeout', '2', '-serial', 'null') as talks, \
         program(work, b'l', '-hang-timeout', '1') as paused, \
         program(work, b'l', '-hang-timeout', '1,action=report') as goes_on, \
         program(work, b'l', '-hang-timeout', 'seconds=3') as hangs:
        talks.hmp('cont')
        goes_on.hmp('cont')
        status, text = run_to_end(hangs)
        expect(status, 124, 'status')
        expect_match(text, r'^\S+: -hang-timeout: the guest has made no progress for 3 s$', 'cause')
        expect_match(text, r'^EAX=\w+5a EBX=\w+ ECX=00001234 ', 'registers')
        expect_match(text, r'^running at f000:0000\w{4}, ', 'place')
        expect_match(text, r'^Code: (90 eb fd|eb fd)', 'code')
        expect_match(text, r'^Pending: (nothing|INTR); IF=0', 'pending interrupts')
        expect_match(text, r'^Last port access: write of 1 bytes at 0x80, value 0x5a$', 'last I/O')
        expect_match(text, r'^pic0: irr=', 'interrupt controllers')
        goes_on.wait_for(lambda: 'no progress' in goes_on.stderr(), 'the report')
        expect(goes_on.hmp('info status'), 'VM status: running\n', 'action=report')
        for m, what in ((talks, 'a guest that writes'), (paused, 'a paused guest')):
            expect(m.stderr(), '', what)
            expect(m.process.poll(), None, what)


def halted_forever():
    """HLT with interrupts off is a hang too; -no-shutdown keeps the machine for a look at it."""
    with tempfile.TemporaryDirectory() as work, \
         program(work, b'r', '-hang-timeout', '1', '-no-shutdown') as m:
        m.hmp('cont')
        m.wait_for(lambda: 'shutdown' in m.hmp('info status'), 'the stop')
        expect_match(m.stderr(), r'^halted at f000:', 'place')
        expect_match(m.hmp('info registers'), 'HLT=1', 'registers')
        expect_match(m.hmp('x/1i $pc'), ':  eb fd', 'code')


def wrong_timeouts():
    for value, word in (('0', '604800'), ('x', "'x'"), ('999999999', '604800'), ('-1', '-1'),
                        ('1,action=odd', 'action=odd'), ('1,odd=1', "'odd=1'"), ('', '604800')):
        done = subprocess.run([EMULATOR, '-display', 'none', '-hang-timeout', value], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False)
        expect(done.returncode, 1, f'status of {value}')
        expect_match(done.stderr, rf'^\S+: -hang-timeout.*{re.escape(word)}', value)
    done = subprocess.run([EMULATOR, '-display', 'none', '-nodefaults', '-accel', 'qtest',
                           '-hang-timeout', '1'], text=True, stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    expect_match(done.stderr, '-hang-timeout: .*qtest', 'without a CPU')


main([triple_fault, last_events, fatal_signals, hang, halted_forever, wrong_timeouts])
