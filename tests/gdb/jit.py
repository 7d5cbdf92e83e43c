#!/usr/bin/env python3
# gdb on the emulator itself: it knows translated code by name and sees through it, as
# target/i386/translate/gdbjit.c tells it. No option is needed for that.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
# pylint: disable=wrong-import-position
from emulator import EMULATOR  # noqa: E402
from tap import SCALE, check, main, tool  # noqa: E402

# The translator's host faults and threads are its own affair.
QUIET = '''set pagination off
set confirm off
set width 0
handle SIGSEGV SIGBUS SIGFPE SIGILL SIGUSR1 SIGUSR2 nostop noprint pass
'''
# SeaBIOS has 32-bit code, which is translated.
BOARD = ['-accel', 'tcg', '-display', 'none', '-nodefaults', '-vga', 'none']


def gdb(script, options=()):
    """What one run of gdb prints that starts the emulator."""
    with tempfile.NamedTemporaryFile('w', suffix='.gdb') as f:
        f.write(f'{QUIET}{script}\nkill\n')
        f.flush()
        command = [tool('gdb', 'gdb'), '-nx', '-batch', '-x', f.name, '--args', EMULATOR, *BOARD]
        done = subprocess.run([*command, *options], timeout=60 * SCALE, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    return done.stdout


def functions(text):
    """The functions of a backtrace, innermost first."""
    return re.findall(r'^#\d+ +(?:0x[0-9a-f]+ in )?([\w?]+) \(', text, re.M)


def in_order(text, *wanted):
    names = functions(text)
    at = [names.index(name) if name in names else -1 for name in wanted]
    check(-1 not in at and at == sorted(at), 'the backtrace has not', wanted, 'in order:\n', text)


def backtrace_from_c():
    """From a function that translated code calls, out to the thread's first function."""
    in_order(gdb('break jit_interpret\nrun\nbt'),
             'jit_interpret', 'translator_stubs', 'x86_translator_run', 'vcpu_thread')


# From there on, instruction by instruction, until C has returned to translated code.
INTO_A_BLOCK = '''break jit_interpret
run
delete
while (unsigned long)$pc - (unsigned long)&translated_code > 0x4000000
  stepi
end
bt
'''


def backtrace_from_a_block():
    in_order(gdb(INTO_A_BLOCK), 'translated_code', 'x86_translator_run', 'vcpu_thread')


def registered_for_each_cpu():
    text = gdb('break vcpu_thread\nrun\nmaint info jit', ['-smp', '2'])
    check(len(re.findall(r'^0x[0-9a-f]+ ', text, re.M)) == 2, 'not two objects:\n', text)


main([backtrace_from_c, backtrace_from_a_block, registered_for_each_cpu])
