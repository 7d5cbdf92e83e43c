#!/usr/bin/env python3
# The qtest protocol as a client written for QEMU 7.2 uses it: listens on two unix sockets, starts
# the emulator with QEMU's own arguments, and goes through every command on both machines.
#
#   QTEST_BINARY=EMULATOR client.py        prints TAP
#
# Expectations are QEMU 7.2's replies, observed on Debian's qemu-system-x86_64 where that can run
# the command (it has no qtest accelerator, so not for the clock).
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import base64
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile

NS_PER_SECOND = 10**9
TIMEOUT = 60


class Client:
    """One emulator and its two connections."""

    def __init__(self, args, accel='qtest'):
        self.dir = tempfile.TemporaryDirectory(prefix='qtest-client-')
        self.irqs = []
        qtest, qmp = self.path('qtest'), self.path('qmp')
        listeners = [self.listen(qtest), self.listen(qmp)]
        self.log_path = self.path('log')
        command = (f'{os.environ["QTEST_BINARY"]} -qtest unix:{qtest} -qtest-log {self.log_path} '
                   f'-chardev socket,path={qmp},id=char0 -mon chardev=char0,mode=control '
                   f'-display none {args} -accel {accel}')
        self.process = subprocess.Popen(shlex.split(command), stdin=subprocess.DEVNULL,
                                        stdout=sys.stderr)
        self.qtest, self.qmp_file = [self.accept(listener) for listener in listeners]
        self.greeting = json.loads(self.qmp_file.readline())
        self.expect_equal(self.qmp('qmp_capabilities'), {'return': {}})

    def path(self, name):
        return os.path.join(self.dir.name, name)

    @staticmethod
    def listen(path):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.settimeout(TIMEOUT)
        listener.bind(path)
        listener.listen(1)
        return listener

    @staticmethod
    def accept(listener):
        connection, _ = listener.accept()
        connection.settimeout(TIMEOUT)
        listener.close()
        return connection.makefile('rw', encoding='ascii', newline='\n')

    @staticmethod
    def expect_equal(got, expected):
        if got != expected:
            raise AssertionError(f'got {got!r}, expected {expected!r}')

    def qmp(self, command, **arguments):
        self.qmp_file.write(json.dumps({'execute': command, 'arguments': arguments}))
        self.qmp_file.flush()
        while True:
            reply = json.loads(self.qmp_file.readline())
            if 'event' not in reply:
                return reply

    def send(self, line):
        """Sends a line and returns the reply; IRQ lines before it go to self.irqs."""
        self.qtest.write(line + '\n')
        self.qtest.flush()
        self.irqs = []
        while True:
            reply = self.qtest.readline().rstrip('\n')
            if not reply.startswith('IRQ '):
                return reply
            self.irqs.append(reply)

    def expect(self, line, expected):
        reply = self.send(line)
        if reply != expected:
            raise AssertionError(f'{line}: got {reply!r}, expected {expected!r}')

    def expect_irqs(self, line, expected, irqs):
        self.expect(line, expected)
        if self.irqs != irqs:
            raise AssertionError(f'{line}: got {self.irqs}, expected {irqs}')

    def quit(self):
        self.expect_equal(self.qmp('quit'), {'return': {}})
        self.finish()

    def finish(self):
        self.expect_equal(self.process.wait(TIMEOUT), 0)
        self.close()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.qtest.close()
        self.qmp_file.close()
        self.dir.cleanup()


# --- what both machines do ---------------------------------------------------------------

def test_start(c):
    c.expect_equal(c.greeting['QMP']['capabilities'], ['oob'])
    c.expect_equal(c.qmp('query-status')['return'],
                   {'status': 'running', 'running': True, 'singlestep': False})
    c.expect('endianness', 'OK little')
    c.expect('clock_step 0', 'OK 0')


def test_unknown(c):
    for line, word in [('bogus', 'bogus'), ('INB 0x70', 'INB'), (' inb 0x70', ''), ('', ''),
                       ('readz 0', 'readz'), ('inb\t0x70', 'inb\t0x70')]:
        c.expect(line, f"FAIL Unknown command '{word}'")
    c.expect('endianness', 'OK little')


def test_too_few_arguments(c):
    """QEMU ends with an assertion; Doppel answers, and goes on."""
    for line in ['outb', 'outb 0x70', 'inb', 'readb', 'writeq 0', 'read 0', 'write 0 1',
                 'memset 0 1', 'b64read 0', 'b64write 0 1', 'clock_set', 'irq_intercept_in',
                 'set_irq_in ioapic unnamed-gpio-in 1']:
        if not c.send(line).startswith('FAIL '):
            raise AssertionError(line)
    c.expect('endianness', 'OK little')


def test_numbers(c):
    """Hexadecimal, decimal and octal, as strtoull() reads them with base 0."""
    c.expect('writeb 0x1000 0x7f', 'OK')
    c.expect('readb 4096', 'OK 0x000000000000007f')
    c.expect('writeb 010000 255', 'OK')
    c.expect('readb 0X1000', 'OK 0x00000000000000ff')


def test_memory_values(c):
    c.expect('writeq 0x1000 0x8877665544332211', 'OK')
    c.expect('readb 0x1000', 'OK 0x0000000000000011')
    c.expect('readw 0x1001', 'OK 0x0000000000003322')
    c.expect('readl 0x1003', 'OK 0x0000000077665544')
    c.expect('readq 0x1000', 'OK 0x8877665544332211')
    for size, suffix, text in [(1, 'b', 'ef'), (2, 'w', 'cdef'), (4, 'l', '89abcdef')]:
        c.expect('writeq 0x2000 0', 'OK')
        c.expect(f'write{suffix} 0x2002 0x0123456789abcdef', 'OK')
        c.expect('read 0x2000 8', 'OK 0x0000' + bytes.fromhex(text)[::-1].hex() + '00' * (6 - size))


def test_memory_buffers(c):
    c.expect('write 0x1000 4 0x01020304', 'OK')
    c.expect('read 0x1000 4', 'OK 0x01020304')
    c.expect('readl 0x1000', 'OK 0x0000000004030201')
    c.expect('memset 0x1000 8 0xa5', 'OK')
    c.expect('write 0x1002 4 0x0102', 'OK')  # short data: the rest is zero
    c.expect('read 0x1000 8', 'OK 0xa5a501020000a5a5')
    c.expect('memset 0x1000 0x10000 0xee', 'OK')
    c.expect('read 0x10ff8 8', 'OK 0x' + 'ee' * 8)
    big = bytes(i * 7 & 0xff for i in range(100000))
    c.expect(f'write 0x20000 {len(big)} 0x{big.hex()}', 'OK')
    c.expect(f'read 0x20000 {len(big)}', 'OK 0x' + big.hex())


def test_base64(c):
    for size in [1, 2, 3, 4, 57, 4096]:
        data = bytes(i * 31 + size & 0xff for i in range(size))
        text = base64.b64encode(data).decode()
        c.expect(f'b64write 0x3000 {size} {text}', 'OK')
        c.expect(f'read 0x3000 {size}', 'OK 0x' + data.hex())
        c.expect(f'b64read 0x3000 {size}', 'OK ' + text)
    c.expect('memset 0x3000 8 0x11', 'OK')
    c.expect('b64write 0x3000 4 AQI=', 'OK')  # short data: the rest is zero
    c.expect('b64read 0x3000 8', 'OK ' + base64.b64encode(b'\1\2\0\0' + b'\x11' * 4).decode())


def test_absent_port(c):
    c.expect('outb 0x2345 0x12', 'OK')
    c.expect('inb 0x2345', 'OK 0x00ff')
    c.expect('inw 0x2344', 'OK 0xffff')
    c.expect('inl 0x2344', 'OK 0xffffffff')


def test_clock(c):
    c.expect('clock_step 100', 'OK 100')
    c.expect('clock_set 1000', 'OK 1000')
    c.expect('clock_step 0x10', 'OK 1016')


def test_unknown_device(c):
    for line in ['irq_intercept_in nothing', 'irq_intercept_out /machine/nothing',
                 'set_irq_in nothing unnamed-gpio-in 0 1', 'irq_intercept_in /machine']:
        c.expect(line, 'FAIL Unknown device')


def test_log(c):
    """Opened, each line received and sent with its time in seconds."""
    c.expect('endianness', 'OK little')
    c.expect('bogus 1 2', "FAIL Unknown command 'bogus'")
    with open(c.log_path, encoding='ascii') as file:
        lines = file.read().splitlines()
    stamps = [re.fullmatch(r'\[([IRS]) \+?(\d+\.\d{6})\] (.*)', line) for line in lines]
    if not all(stamps) or float(stamps[0].group(2)) > 0.001:
        raise AssertionError(lines)
    c.expect_equal([stamp.group(1, 3) for stamp in stamps],
                   [('I', 'OPENED'), ('R', 'endianness'), ('S', 'OK little'), ('R', 'bogus 1 2'),
                    ('S', "FAIL Unknown command 'bogus'")])


def test_sigterm(c):
    c.process.send_signal(signal.SIGTERM)
    c.finish()


# --- the pc machine ---------------------------------------------------------------------------

def test_ports(c):
    c.expect('outb 0x70 0x0e', 'OK')
    c.expect('outb 0x71 0xa5', 'OK')
    c.expect('inb 0x71', 'OK 0x00a5')
    c.expect('inw 0x70', 'OK 0xa5ff')  # the index is write only
    c.expect('outl 0xcf8 0x80000000', 'OK')
    c.expect('inl 0xcfc', 'OK 0x12378086')
    c.expect('inw 0xcfe', 'OK 0x1237')
    c.expect('outw 0x510 0', 'OK')  # fw_cfg
    c.expect('inb 0x511', f'OK 0x{ord("Q"):04x}')


def start_rate_generator(c, count):
    """Counter 0 of the 8254 in mode 2."""
    for port, value in [(0x43, 0x34), (0x40, count & 0xff), (0x40, count >> 8)]:
        c.expect(f'outb {port} {value}', 'OK')


def start_periodic_rtc(c, rate):
    for register, value in [(0x0a, 0x20 | rate), (0x0b, 0x42)]:
        c.expect(f'outb 0x70 {register}', 'OK')
        c.expect(f'outb 0x71 {value}', 'OK')


def test_clock_to_deadline(c):
    """Without an argument the clock goes to the next timer, and no further."""
    start_rate_generator(c, 11932)  # 1193182 Hz / 11932: 10.0 ms
    before = 0
    for _ in range(10):
        reply = c.send('clock_step')
        now = int(reply.split()[1])
        if not reply.startswith('OK ') or not before < now < before + NS_PER_SECOND:
            raise AssertionError(reply)
        before = now
    c.expect('clock_set 2000000000', 'OK 2000000000')


def test_clock_order(c):
    """One step over timers of three devices: they run in the order of their deadlines."""
    c.expect('irq_intercept_in ioapic', 'OK')
    start_periodic_rtc(c, 6)  # 1024 Hz
    start_rate_generator(c, 1193)  # 1000.15 Hz
    c.expect('clock_step 100000000', 'OK 100000000')
    raised = [int(line.split()[2]) for line in c.irqs if line.startswith('IRQ raise')]
    timer, rtc = raised.count(0), raised.count(8)
    if rtc != 1 or not 99 <= timer <= 100:
        raise AssertionError(f'{timer} interrupts of the 8254, {rtc} of the RTC')
    # The RTC's first interrupt (its flag is never read) falls among the first two of the 8254.
    if raised.index(8) > 2:
        raise AssertionError(raised)


def test_intercept_in(c):
    c.expect('irq_intercept_in ioapic', 'OK')
    c.expect('irq_intercept_in ioapic', 'OK')
    c.expect('irq_intercept_in fw_cfg', 'FAIL IRQ intercept already enabled')
    c.expect_irqs('outb 0x3f9 0x02', 'OK', ['IRQ raise 4'])  # 16550: transmitter empty
    c.expect_irqs('inb 0x3fa', 'OK 0x0002', ['IRQ lower 4'])
    c.expect_irqs('inb 0x3fa', 'OK 0x0001', [])


def test_set_irq_in(c):
    c.expect('irq_intercept_in ioapic', 'OK')
    c.expect_irqs('set_irq_in ioapic unnamed-gpio-in 11 1', 'OK', ['IRQ raise 11'])
    c.expect_irqs('set_irq_in ioapic unnamed-gpio-in 11 1', 'OK', [])
    c.expect_irqs('set_irq_in ioapic unnamed-gpio-in 11 0', 'OK', ['IRQ lower 11'])


def find_type(c, wanted):
    """The path of the one device of a type."""
    for entry in c.qmp('qom-list', path='/machine/unattached')['return']:
        if entry['type'] == f'child<{wanted}>':
            return '/machine/unattached/' + entry['name']
    raise AssertionError(f'no {wanted} below /machine/unattached')


def test_intercept_out(c):
    """Counter 0's output in mode 0: low when the mode is set, high at the terminal count."""
    c.expect('irq_intercept_out ' + find_type(c, 'isa-pit'), 'OK')
    c.expect('outb 0x43 0x30', 'OK')
    c.expect('outb 0x40 0xe8', 'OK')
    c.expect('outb 0x40 0x03', 'OK')  # 1000 cycles: 838 us
    c.expect_irqs('clock_step 800000', 'OK 800000', [])
    c.expect_irqs('clock_step 100000', 'OK 900000', ['IRQ raise 0'])
    c.expect_irqs('outb 0x43 0x30', 'OK', ['IRQ lower 0'])


# --- beside a CPU --------------------------------------------------------------------------------

def test_beside_tcg(c):
    c.expect('writeq 0x90000 0x0123456789abcdef', 'OK')
    c.expect('readq 0x90000', 'OK 0x0123456789abcdef')
    c.expect('outb 0x70 0x0e', 'OK')
    for line in ['clock_step', 'clock_step 1', 'clock_set 1']:
        c.expect(line, f"FAIL Unknown command '{line.split()[0]}'")
    c.expect_equal(c.qmp('query-status')['return'],
                   {'status': 'prelaunch', 'running': False, 'singlestep': False})


COMMON = [test_start, test_unknown, test_too_few_arguments, test_numbers, test_memory_values,
          test_memory_buffers, test_base64, test_absent_port, test_clock, test_unknown_device,
          test_log, test_sigterm]
PC = [test_ports, test_clock_to_deadline, test_clock_order, test_intercept_in, test_set_irq_in,
      test_intercept_out]
MACHINES = {
    'pc': '-machine pc -nodefaults -serial null',
    'none': '-machine none -m 16',
}


def cases():
    for machine, args in MACHINES.items():
        for test in COMMON + (PC if machine == 'pc' else []):
            yield f'{machine}/{test.__name__[5:]}', test, args, 'qtest'
    yield 'tcg/beside_tcg', test_beside_tcg, '-machine pc -nodefaults -S', 'tcg'


def run(test, args, accel):
    """None, or what went wrong."""
    client = Client(args, accel)
    try:
        test(client)
        if client.process.returncode is None:
            client.quit()
        return None
    except (AssertionError, OSError, KeyError, subprocess.TimeoutExpired) as error:
        client.close()
        return f'{type(error).__name__}: {error}'


def main():
    failed = 0
    everything = list(cases())
    print(f'1..{len(everything)}')
    for number, (name, test, args, accel) in enumerate(everything, 1):
        problem = run(test, args, accel)
        failed += problem is not None
        print(f'{"not ok" if problem else "ok"} {number} /client/{name}')
        if problem:
            print('# ' + problem)
        sys.stdout.flush()
    return 1 if failed else 0


sys.exit(main())
