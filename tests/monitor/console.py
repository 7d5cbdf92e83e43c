#!/usr/bin/env python3
# The human monitor on a terminal: editing, history, completion, and Ctrl-A C behind a mux.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import pty
import re
import select
import socket
import subprocess
import tempfile
import time
from monitor import EMULATOR, PROMPT, SCALE, Failure, Monitored, expect, expect_match, main, typed

MINIMAL = ['-accel', 'qtest', '-nodefaults', '-display', 'none', '-m', '16']


class Terminal:
    """Doppel on a pseudo terminal."""

    def __init__(self, *args, prompt=True):
        master, slave = pty.openpty()
        self.fd = master
        self.process = subprocess.Popen([EMULATOR, *MINIMAL, *args], stdin=slave, stdout=slave,
                                        stderr=subprocess.PIPE, start_new_session=True)
        os.close(slave)
        self.text = ''
        if prompt:
            self.wait(r'\(qemu\) $')

    def wait(self, pattern):
        """Reads until what came since the last wait matches; returns that."""
        deadline = time.monotonic() + 30 * SCALE
        while not re.search(pattern, self.text):
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise Failure(f'no {pattern!r} in {self.text!r}')
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b''
            if not data:
                raise Failure(f'ended; no {pattern!r} in {self.text!r}')
            # The terminal turns the newline of CR LF into CR LF once more.
            self.text = (self.text + data.decode('latin1')).replace('\r\r\n', '\r\n')
        text, self.text = self.text, ''
        return text

    def send(self, keys):
        os.write(self.fd, keys.encode('latin1'))

    def line(self, keys):
        """Sends keys and Enter; returns the line as the terminal showed it, and the reply."""
        self.send(keys + '\r')
        shown, _, reply = self.wait(r'\n\(qemu\) $').partition('\r\n')
        return typed(shown), reply.replace('\r\n', '\n')[:-len(PROMPT)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        self.process.stderr.close()
        os.close(self.fd)


def editing():
    keys = {
        'info statXX\x08\x7fus': 'info status',              # backspace, both kinds
        'nfo status\x01i': 'info status',                    # Ctrl-A
        'info stts\x02\x02\x1b[Ca\x05': 'info sttas',        # Ctrl-B, right, Ctrl-E
        'info status and more\x17\x17': 'info status ',      # Ctrl-W
        'nothing\x15info status': 'info status',             # Ctrl-U
        'info status!\x1b[D\x0b': 'info status',             # left, Ctrl-K
        'xinfo status\x1b[H\x1b[3~\x1b[F': 'info status',    # Home, Delete, End
        'xinfo status\x1b[1~\x04\x1b[4~': 'info status',     # the other Home, Ctrl-D, End
    }
    with Terminal('-monitor', 'stdio') as t:
        for typing, line in keys.items():
            shown, reply = t.line(typing)
            expect(shown, line, f'line after {typing!r}')
            if line.strip() == 'info status':
                expect(reply, 'VM status: running\n', f'reply to {typing!r}')


def history():
    up, down = '\x1b[A', '\x1b[B'
    with Terminal('-monitor', 'stdio') as t:
        t.line('info uuid')
        t.line('info numa')
        expect(t.line(up)[1], '0 nodes\n', 'one up')
        expect(t.line(up + '\x10')[0], 'info uuid', 'two up')
        expect(t.line(up + up + down)[0], 'info uuid', 'up, up, down')
        expect(t.line('info status' + up + down)[0], 'info status', 'back to what was typed')
        expect(t.line('info history')[1], "0: 'info numa'\n1: 'info uuid'\n2: 'info status'\n"
               "3: 'info history'\n", 'history without repetitions')


def completion():
    with tempfile.TemporaryDirectory() as work, \
         Terminal('-monitor', 'stdio', '-drive', 'if=none,id=drive7,driver=null-co') as t:
        open(f'{work}/snapshot-file', 'wb').close()
        os.mkdir(f'{work}/folder')
        for typing, line in {
                'qu\t': 'quit', 'info stat\t': 'info status ', 'inf\t stat\t': 'info  status ',
                'info drive\t\x15eject dri\t': 'eject drive7 ',
                'device_add isa-ser\t': 'device_add isa-serial ',
                'sendkey ctrl-alt-delet\t': 'sendkey ctrl-alt-delete ',
                f'logfile {work}/snap\t': f'logfile {work}/snapshot-file ',
                f'logfile {work}/fold\t': f'logfile {work}/folder/',
                'trace-event ioapic_wri\t': 'trace-event ioapic_write ',
                'trace-event ioapic_write of\t': 'trace-event ioapic_write off ',
                'help info sta\t': 'help info status ',
                'qom-list /mach\t': 'qom-list /machine ', 'no-such\t': 'no-such',
        }.items():
            t.send(typing)
            t.send('\x05!')
            shown = t.wait('!$')
            if line == 'quit':
                line += ' '
            expect(typed(shown), line + '!', f'{typing!r}')
            t.send('\x15')
            t.wait(r'\x1b\[K$')
        t.send('system_\t')
        listed = t.wait(r'\(qemu\) system_\x1b\[K$')
        expect(listed.split('\r\n')[1].split(), ['system_powerdown', 'system_reset',
                                                 'system_wakeup'], 'list')
        t.send('r\t')
        expect(typed(t.wait('reset $')), 'reset ', 'the only one left')


class Qtest:
    def __init__(self):
        self.work = tempfile.TemporaryDirectory()
        self.path = self.work.name + '/qtest'
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)

    def accept(self):
        self.listener.settimeout(30)
        self.socket = self.listener.accept()[0]
        self.socket.settimeout(30 * SCALE)

    def inb(self, port):
        self.socket.sendall(f'inb {port:#x}\n'.encode())
        return int(self.socket.recv(100).decode().split()[1], 16)

    def outb(self, port, value):
        self.socket.sendall(f'outb {port:#x} {value:#x}\n'.encode())
        expect(self.socket.recv(100), b'OK\n', 'outb')

    def step(self, ns):
        self.socket.sendall(f'clock_step {ns}\n'.encode())
        self.socket.recv(100)


def received(qtest):
    """A byte of the serial port, once it is there."""
    for _ in range(int(300 * SCALE)):
        if qtest.inb(0x3fd) & 1:
            return qtest.inb(0x3f8)
        qtest.step(1000000)
        time.sleep(0.01)
    raise Failure('the serial port received nothing')


def mux():
    """-serial mon:stdio: the serial port has the keyboard until Ctrl-A C."""
    qtest = Qtest()
    with Terminal('-serial', 'mon:stdio', '-qtest', f'unix:{qtest.path}', prompt=False) as t:
        qtest.accept()
        t.send('s')
        expect(received(qtest), ord('s'), 'a key for the serial port')
        qtest.outb(0x3f8, ord('#'))
        qtest.step(1000000)
        expect(t.wait('#$'), '#', 'what the guest writes, and no greeting')
        t.send('\x01c')
        expect_match(t.wait(r'\(qemu\) $'), "type 'help' for more information", 'greeting')
        expect(t.line('info status')[1], 'VM status: running\n', 'info status')
        expect(qtest.inb(0x3fd) & 1, 0, 'nothing for the serial port')
        t.send('info nu')
        t.wait('info nu$')
        t.send('\x01c')
        t.wait('\r\n$')
        t.send('t')
        expect(received(qtest), ord('t'), 'a key for the serial port')
        t.send('\x01c')
        t.wait(r'\(qemu\) info nu')
        expect(t.line('ma')[1], '0 nodes\n', 'the line goes on')
        t.send('\x01\x01')
        t.send('\x01x')
        t.wait('Terminated')
        expect(t.process.wait(30), 0, 'Ctrl-A X')


def nographic():
    """-nographic: the terminal is the serial port and the monitor; with another -serial it is
    the monitor alone."""
    with Terminal('-nographic', '-serial', 'mon:stdio', prompt=False) as t:
        t.send('\x01c')
        t.wait(r'\(qemu\) $')
    done = subprocess.run([EMULATOR, '-accel', 'qtest', '-nographic', '-serial', 'null', '-nic',
                           'none', '-vga', 'none'], input='info chardev\nquit\n', text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    expect_match(done.stdout, r'compat_monitor0: filename=stdio', 'the default monitor')
    expect(done.returncode, 0, 'quit')


def reconnecting():
    """Each new client is greeted and sees nothing of the line that the last one typed."""
    with tempfile.TemporaryDirectory() as work:
        path = work + '/mon'
        process = subprocess.Popen([EMULATOR, *MINIMAL, '-monitor',
                                    f'unix:{path},server=on,wait=off'], stdin=subprocess.DEVNULL)
        try:
            while not os.path.exists(path):
                time.sleep(0.02)
            for _ in range(2):
                client = socket.socket(socket.AF_UNIX)
                client.connect(path)
                client.settimeout(30 * SCALE)
                text = ''
                while not text.endswith(PROMPT):
                    text += client.recv(4096).decode()
                expect_match(text, "type 'help'", 'greeting')
                client.sendall(b'info status\r\n')
                while not text.endswith('running\r\n' + PROMPT):
                    text += client.recv(4096).decode()
                client.sendall(b'half a li')
                client.close()
        finally:
            process.terminate()
            process.wait(20)


def refusals():
    """-monitor and -mon name what is wrong."""
    for args, word in ((['-monitor', 'nonsense'], 'nonsense'),
                       (['-mon', 'chardev=no'], "chardev=no"),
                       (['-chardev', 'null,id=a', '-mon', 'chardev=a,mode=odd'], 'mode=odd'),
                       (['-chardev', 'null,id=a', '-mon', 'a', '-mon', 'a'], "'a' is in use")):
        done = subprocess.run([EMULATOR, *MINIMAL, *args], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                              check=False)
        expect(done.returncode, 1, f'status of {args}')
        expect_match(done.stderr, re.escape(word), f'message of {args}')
    with Monitored('-accel', 'qtest', '-nodefaults', '-monitor', 'none') as m:
        expect(m.hmp('info chardev').count('compat_monitor'), 0, '-monitor none')


main([editing, history, completion, mux, nographic, reconnecting, refusals])
