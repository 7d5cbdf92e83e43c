#!/usr/bin/env python3
# What devices make monitors hear, and what panics and watchdogs lead to. Devices are driven by
# qtest, through ports.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import socket
import struct
import tempfile
from qmp import Emulator, Schema, check, main

WATCHDOG, PANIC = 0x443, 0x505
IDE = 0x1f0


class Board:
    """A machine without a running CPU, its QMP and its ports."""

    def __init__(self, *args):
        self.work = tempfile.TemporaryDirectory()
        path = self.work.name + '/qtest'
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        self.emu = Emulator('-machine', 'pc', '-accel', 'qtest', '-nodefaults', '-qtest',
                            'unix:' + path, *args)
        self.qmp = self.emu.qmp
        self.lines = listener.accept()[0].makefile('rw')
        self.schema = Schema(self.qmp.call('query-qmp-schema'))

    def qtest(self, command):
        self.lines.write(command + '\n')
        self.lines.flush()
        while True:
            line = self.lines.readline().split()
            if line[0] != 'IRQ':
                check(line[0] == 'OK', command, line)
                return line[1:]

    def out(self, port, value):
        self.qtest(f'outb {port:#x} {value:#x}')

    def event(self, name):
        """The data of the next event of this name, which is as the schema says."""
        event = self.qmp.event(name)
        self.schema.check_event(event)
        return event.get('data')

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.emu.__exit__(*args)
        self.work.cleanup()


def expire(board):
    board.out(WATCHDOG, 15)
    board.qtest('clock_step 1000000000')


def watchdog():
    for action, follows in (('reset', 'RESET'), ('none', None), ('inject-nmi', None),
                            ('shutdown', 'POWERDOWN'), ('pause', 'STOP'),
                            ('poweroff', 'SHUTDOWN')):
        with Board('-device', 'ib700', '-watchdog-action', 'none') as board:
            if action == 'pause':
                board.qmp.call('set-action', watchdog=action)
            else:
                board.qmp.call('watchdog-set-action', action=action)
            expire(board)
            check(board.event('WATCHDOG') == {'action': action}, action)
            data = board.event(follows) if follows else None
            if action == 'reset':
                check(data == {'guest': True, 'reason': 'guest-reset'}, data)
            elif action == 'pause':
                check(board.qmp.call('query-status')['status'] == 'watchdog')
                board.qmp.call('cont')
                board.event('RESUME')
            elif action == 'poweroff':
                check(board.emu.wait_end() == 0)


def limited():
    """Events come at most once a second; the one that comes late has the latest data."""
    with Board('-rtc', 'base=2020-01-01T00:00:00') as board:
        for second in range(0, 50, 10):
            board.out(0x70, 0)
            board.out(0x71, second // 10 << 4)
        first = board.qmp.event('RTC_CHANGE')
        last = board.qmp.event('RTC_CHANGE')
        board.schema.check_event(last)
        gap = [e['timestamp']['seconds'] + e['timestamp']['microseconds'] / 1e6
               for e in (first, last)]
        check(gap[1] - gap[0] > 0.99, gap)
        check(0 <= first['data']['offset'] <= 1 and 39 <= last['data']['offset'] <= 41, first, last)
        check(first['data']['qom-path'].startswith('/machine/'), first)
        check(not [e for e in board.qmp.events if e['event'] == 'RTC_CHANGE'])


def panic():
    for action, says, state in (('none', 'run', 'running'), ('pause', 'pause', 'guest-panicked'),
                                ('shutdown', 'poweroff', None)):
        with Board('-device', 'pvpanic', '-action', 'panic=' + action) as board:
            board.out(PANIC, 2)
            check(board.event('GUEST_CRASHLOADED') == {'action': 'run'})
            board.out(PANIC, 1)
            check(board.event('GUEST_PANICKED') == {'action': says}, action)
            if state:
                check(board.qmp.call('query-status')['status'] == state, action)
            else:
                check(board.event('SHUTDOWN') == {'guest': True, 'reason': 'guest-panic'})
                check(board.emu.wait_end() == 0)


def broken_qcow2(path):
    """An image of 1 MiB whose first cluster lies at an offset that is none (0x50200)."""
    allocated = 1 << 63
    clusters = [
        b'QFI\xfb' + struct.pack('>IQIIQIIQQIIQ', 2, 0, 0, 16, 1 << 20, 0, 1, 0x30000, 0x10000,
                                 1, 0, 0),
        struct.pack('>Q', 0x20000),               # reference table
        struct.pack('>6H', 1, 1, 1, 1, 1, 1),     # reference block
        struct.pack('>Q', 0x40000 | allocated),   # L1 table
        struct.pack('>Q', 0x50200 | allocated),   # L2 table
        b'',
    ]
    with open(path, 'wb') as f:
        f.write(b''.join(cluster.ljust(1 << 16, b'\0') for cluster in clusters))


def block_error():
    with tempfile.TemporaryDirectory() as work:
        broken_qcow2(work + '/disk')
        with Board('-drive', f'file={work}/disk,format=qcow2,id=broken,if=ide') as board:
            for register, value in ((6, 0xe0), (2, 1), (3, 0), (4, 0), (5, 0), (7, 0x20)):
                board.out(IDE + register, value)
            data = board.event('BLOCK_IO_ERROR')
            node = board.qmp.call('query-block')[0]['inserted']['node-name']
            check(data == {'device': 'broken', 'node-name': node, 'operation': 'read',
                           'action': 'report', 'nospace': False, 'reason': data['reason']}, data)
            stats = board.qmp.call('query-blockstats')[0]['stats']
            check(stats['failed_rd_operations'] == 1 and stats['rd_operations'] == 0, stats)


main([watchdog, limited, panic, block_error])
