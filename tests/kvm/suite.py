#!/usr/bin/env python3
# The tests of the kvm accelerator, in one run of TAP.
#
#   suite.py host           on this host's /dev/kvm
#   suite.py nested|long    in one nested guest: what must always work, or everything
#   suite.py vmx            in one nested guest of Bochs: VMX, and the debug registers
#   suite.py WHAT REGEX     of it, the programs whose title and command line have a match
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import glob
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading

import nested

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
TOP = os.path.dirname(TESTS)
SCALE = float(os.environ.get('GUEST_TIMEOUT_SCALE', '1'))
IRQCHIPS = ['on', 'split', 'off']
BUILT = os.environ.get('DOPPEL_TESTS', '')     # folder with the test programs that are built
# Of the human monitor's tests, those with a CPU that runs.
HMP = ['run_control', 'gdb_server', 'non_maskable_interrupt', 'page_tables', 'tables_without_end']
# Of the debugger's tests, those without breakpoints.
GDB = ['reset_vector', 'replies', 'framing']
# Of those that an instruction emulator can do, which knows neither INT3, watchpoints nor the x87, one: it
# takes its time. detach_and_reconnect and grub work as well.
GDB_PARAVIRTUAL = [*GDB, 'two_cpus']
# Not those that step over jumps, which Bochs reports at the jump, and not those with two CPUs or an operating
# system, for which it is too slow.
GDB_VMX = ['replies', 'framing', 'breakpoints_in_every_mode', 'all_registers', 'registers_written',
           'watchpoints']
# Not triple_fault: kvm-amd has reset the CPU before it tells.
FAILURES = ['last_events', 'fatal_signals', 'hang', 'halted_forever', 'wrong_timeouts']
INTERRUPT_GROUPS = 'timer,apic,two cpus,smi,nmi,reset'
NO_BREAKPOINTS = 'the TCG below arms no breakpoints at VMRUN'
PYTHON_OF_GDB = ['encodings', 'collections', 'importlib', 're', 'json', 'lib-dynload']
MODULES = '/usr/lib/grub/i386-pc'


class Tap:
    """Merges the TAP of several programs."""

    def __init__(self):
        self.count = self.failed = 0

    def result(self, ok, name):
        self.count += 1
        self.failed += not ok
        print(f'{"" if ok else "not "}ok {self.count} {name}', flush=True)

    def line(self, title, line):
        case = re.match(r'(not )?ok \d+ (?:- )?(.*)', line)
        if case:
            self.result(not case[1], f'{title}: {case[2]}')
        elif re.match(r'1\.\.0 # SKIP', line):
            self.result(True, f'{title} # SKIP {line[12:]}')
        elif line.strip() and not re.match(r'1\.\.\d|TAP version', line):
            print('# ' + line.lstrip('# ').rstrip(), flush=True)
        return bool(case)

    def run(self, title, command, env, limit):
        """One program; without cases of its own it is one case itself."""
        before = self.failed
        with subprocess.Popen(command, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors='replace', start_new_session=True) as process:
            timer = threading.Timer(limit * SCALE, os.killpg, (process.pid, signal.SIGKILL))
            timer.start()
            cases = [self.line(title, line) for line in process.stdout]
            status = process.wait()
            timer.cancel()
        if not any(cases) or (status and self.failed == before):
            self.result(status == 0, f'{title}: status {status} (limit {limit * SCALE:.0f} s)')

    def end(self):
        print(f'1..{self.count}')
        return self.failed > 0


# --- what is run ------------------------------------------------------------------------------------


def script(*path):
    return [sys.executable, os.path.join(TESTS, *path)]


def accels(options=''):
    return [f'kvm{options},kernel-irqchip={chip}' for chip in IRQCHIPS]


def eventfd_steps(options=''):
    if BUILT:
        for accel in accels(options):
            yield accel, [BUILT + '/kvm/test-eventfd', '--tap'], {'DOPPEL_ACCEL': accel}, 60


def device_steps(options='', modes=3):
    """The device tests that need a running CPU."""
    if BUILT:
        for accel in accels(options)[:modes]:
            yield accel, [BUILT + '/qtest/vmmouse-test', '--tap'], {'VMMOUSE_ACCEL': accel}, 60


def other_steps():
    yield 'debug', [*script('kvm', 'debug.py'), '--no-breakpoints', NO_BREAKPOINTS, 'kvm'], {}, 60
    yield 'report', [*script('kvm', 'failure.py'), 'kvm'], {}, 60
    yield 'features', [*script('kvm', 'hyperv.py'), 'kvm', 'kvm,kernel-irqchip=off'], {}, 60
    yield from eventfd_steps()


def quick_steps():
    """All questions to one KVM, those about interrupts to the others, too."""
    default, *others = accels()
    yield 'api', [*script('kvm', 'api.py'), default], {}, 150
    yield 'api', [*script('kvm', 'api.py'), '--groups', INTERRUPT_GROUPS, *others], {}, 150
    yield 'session', script('qmp', 'session.py'), {'DOPPEL_ACCEL': default}, 100
    yield from other_steps()
    yield from device_steps(modes=1)


def long_steps():
    yield 'api', [*script('kvm', 'api.py'), *accels()], {}, 300
    yield from other_steps()
    yield from device_steps()
    for accel in accels():
        env = {'DOPPEL_ACCEL': accel}
        yield accel, script('kvm', 'boot.py'), env, 400
        yield accel, script('kvm', 'agree.py'), env, 200
        yield accel, [*script('monitor', 'failure.py'), *FAILURES], env, 200
        yield accel, [*script('monitor', 'hmp.py'), *HMP], env, 300
        yield accel, script('qmp', 'session.py'), env, 200
        yield accel, [*script('gdb', 'gdb.py'), *GDB], env, 200
        if BUILT:
            yield accel, [BUILT + '/state/test-state-guest', BUILT + '/state/checksum.img',
                          TOP + '/scripts/make-initramfs.sh', '--tap'], env, 400


def vmx_steps():
    yield 'debug', [*script('kvm', 'debug.py'), 'kvm'], {}, 500
    yield 'report', [*script('kvm', 'failure.py'), 'kvm'], {}, 100
    yield 'gdb', [*script('gdb', 'gdb.py'), *GDB_VMX], {'DOPPEL_ACCEL': 'kvm'}, 1500


def host_groups():
    """Of api.py, those that this host's KVM can do."""
    import api
    lacks = api.PARAVIRTUAL_LACKS if os.path.isdir('/sys/module/kvm_pvm') else set()
    return [name for name in api.GROUPS if name not in lacks]


def host_gdb():
    """The debugger's tests: without a name all."""
    return GDB_PARAVIRTUAL if os.path.isdir('/sys/module/kvm_pvm') else []


def host_steps():
    groups = ['--groups', ','.join(host_groups())]
    yield 'refusal', script('kvm', 'refusal.py'), {}, 100
    yield 'api', [*script('kvm', 'api.py'), *groups, *accels(',self-test=off')], {}, 200
    yield 'debug', [*script('kvm', 'debug.py'), 'kvm,self-test=off'], {}, 60
    yield 'report', [*script('kvm', 'failure.py'), 'kvm,self-test=off'], {}, 60
    yield 'agree', [*script('kvm', 'agree.py'), *accels(',self-test=off')], {}, 200
    yield 'features', [*script('kvm', 'hyperv.py'), *accels(',self-test=off')], {}, 60
    yield 'gdb', [*script('gdb', 'gdb.py'), *host_gdb()], {'DOPPEL_ACCEL': 'kvm,self-test=off'}, 300
    yield from eventfd_steps(',self-test=off')
    yield from device_steps(',self-test=off')


STEPS = {'host': host_steps, 'nested': quick_steps, 'long': long_steps,
         'vmx': vmx_steps}


LIMITS = {'nested': 400, 'long': 1500, 'vmx': 2400}


def run_steps(name, only=''):
    tap = Tap()
    for title, command, env, limit in STEPS[name]():
        if re.search(only, ' '.join([title, *command])):
            tap.run(title, command, env, limit)
    return tap.end()


# --- the nested guest ---------------------------------------------------------------------------------


def common_files():
    emulator = os.path.realpath(os.environ.get('DOPPEL', TOP + '/build/doppel'))
    yield f'{emulator}:/bin/doppel'
    yield nested.need('nasm', 'nasm')
    yield '/usr/share/seabios'
    for part in ('tests/lib', 'tests/guest', 'tests/gdb', 'tests/kvm', 'tests/monitor', 'tests/qmp',
                 'scripts'):
        yield os.path.join(TOP, part)
    if BUILT:
        yield BUILT + '/kvm/test-eventfd'
        yield BUILT + '/qtest/vmmouse-test'


def boot_files(work):
    """A GRUB on CD, a kernel and its initramfs."""
    nested.need('grub-mkrescue', 'grub-common')
    nested.need('xorriso', 'xorriso')
    os.makedirs(work + '/iso/boot/grub')
    subprocess.run(['grub-mkrescue', '-d', MODULES, '-o', work + '/grub.iso', work + '/iso',
                    '--locales=', '--themes=', '--fonts=', '--install-modules=normal echo ls'],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    subprocess.run([TOP + '/scripts/make-initramfs.sh', work + '/initrd'], check=True)
    yield work + '/grub.iso:/boot/grub.iso'
    yield work + '/initrd:/boot/initrd'
    kernel, _ = nested.find_kernel()
    yield f'{kernel}:/boot/{os.path.basename(kernel)}'


def state_files():
    if BUILT:
        yield BUILT + '/state/test-state-guest'
        yield BUILT + '/state/checksum.img'


def gdb_files():
    """Debian's gdb, which starts with the Python that it was built with."""
    yield nested.need('gdb', 'gdb')
    yield nested.need('cpio', 'cpio')
    yield MODULES + '/kernel.img'
    for folder in glob.glob('/usr/lib/python3.*'):
        for part in [*glob.glob(folder + '/*.py'), *(folder + '/' + name for name in PYTHON_OF_GDB)]:
            if os.path.exists(part):
                yield part


def run_nested(name, only=''):
    env = {'DOPPEL': '/bin/doppel', 'DOPPEL_TESTS': BUILT, 'BUSYBOX': '/bin/busybox',
           'GUEST_TIMEOUT_SCALE': str(SCALE), 'QTEST_BINARY': '/bin/doppel',
           'GRUB_ISO': '/boot/grub.iso'}
    with tempfile.TemporaryDirectory() as work:
        files = [*common_files(), *(state_files() if name == 'long' else []),
                 *([*boot_files(work), *gdb_files()] if name != 'nested' else [])]
        return nested.run(['python3', HERE + '/suite.py', 'inside', name, only], files, env,
                          limit=LIMITS[name] * SCALE, outer='bochs' if name == 'vmx' else 'qemu')


def why_no_host():
    if not os.path.exists('/dev/kvm'):
        return 'there is no /dev/kvm'
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        return 'no permission for /dev/kvm'
    return None


def main():
    what, *rest = sys.argv[1:]
    if what == 'inside':
        return run_steps(*rest)
    if what == 'host':
        why = why_no_host()
        if why:
            print('1..0 # SKIP ' + why)
            return 0
        return run_steps('host', *rest)
    try:
        return run_nested(what, *rest)
    except nested.Missing as what_is_missing:
        print(f'1..0 # SKIP {what_is_missing}')
        return 0


if __name__ == '__main__':
    sys.exit(main())
