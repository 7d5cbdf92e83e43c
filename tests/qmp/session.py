#!/usr/bin/env python3
# A whole session as a program would have it: start paused, add a device, continue, type, read
# the screen, take the device away, power down. Plus what the guest makes monitors hear.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import tempfile
import time
from qmp import Emulator, Failure, Schema, check, main

BOOT_WAIT = 120

# A boot sector for the BIOS: shows "ready>", echoes keys, and at the power button enters
# soft off (PIIX4: PMSTS at 0x600, PMCNTRL at 0x604, where SeaBIOS puts them).
ECHO = bytes.fromhex(
    '31c08ed8'      # xor ax, ax; mov ds, ax
    'be427c'        # mov si, 0x7c42
    'ac'            # next: lodsb
    '84c0'          # test al, al
    '7406'          # jz loop
    'b40e' 'cd10'   # mov ah, 0x0e; int 0x10
    'ebf5'          # jmp next
    '90'
    'ba0006' 'ed'   # loop: mov dx, 0x600; in ax, dx
    'f6c401'        # test ah, 1: the power button's status
    '7510'          # jnz off
    'b401' 'cd16'   # mov ah, 1; int 0x16: is there a key?
    '74f1'          # jz loop
    'b400' 'cd16'   # mov ah, 0; int 0x16
    'b40e' 'cd10'   # mov ah, 0x0e; int 0x10
    'ebe7'          # jmp loop
    'ba0406'        # off: mov dx, 0x604
    'b80020' 'ef'   # mov ax, 0x2000; out dx, ax: SLP_EN
    'f4' 'ebfd')    # hlt; jmp to it


def boot_sector(path):
    code = ECHO.ljust(0x42, b'\x90') + b'ready>\0'
    with open(path, 'wb') as f:
        f.write(code.ljust(510, b'\0') + b'\x55\xaa')
        f.truncate(1 << 20)


def wait_screen(qmp, text):
    deadline = time.monotonic() + BOOT_WAIT
    while time.monotonic() < deadline:
        screen = qmp.call('x-screen-text')['text'] or ''
        if text in screen:
            return screen
        time.sleep(0.05)
    raise Failure(f'the screen did not show {text!r}: {screen}')


def boot(*args):
    with tempfile.NamedTemporaryFile() as disk:
        boot_sector(disk.name)
        return Emulator('-machine', 'pc', '-accel', os.environ.get('DOPPEL_ACCEL', 'tcg'), '-m', '16',
                        '-nodefaults', '-vga', 'std', '-S',
                        '-drive', f'file={disk.name},format=raw', *args)


def find(qmp, device_id):
    return [d for bus in qmp.call('query-pci') for d in bus['devices']
            if d['qdev_id'] == device_id]


def whole_session():
    with boot() as emu:
        qmp = emu.qmp
        schema = Schema(qmp.call('query-qmp-schema'))
        check(qmp.call('query-status') == {'status': 'prelaunch', 'singlestep': False,
                                           'running': False})
        check('hotplugging' in qmp.fails('device_add', 'GenericError', driver='VGA'))
        qmp.call('device_add', driver='edu', id='extra', addr='7')
        check('Duplicate' in qmp.fails('device_add', 'GenericError', driver='edu', id='extra'))
        check('nosuch' in qmp.fails('device_add', 'GenericError', driver='edu', nosuch=1))
        check(find(qmp, 'extra')[0]['regions'][0]['address'] == -1)
        qmp.call('cont')
        qmp.event('RESUME')
        wait_screen(qmp, 'ready>')
        check(find(qmp, 'extra')[0]['regions'][0]['address'] > 0, 'the firmware did not find it')
        for name in ('h', 'e', 'l', 'l', 'o', 'spc', '4', '2'):
            qmp.call('send-key', keys=[{'type': 'qcode', 'data': name}], hold_time=20)
        screen = wait_screen(qmp, 'ready>hello 42')
        qmp.call('screendump', filename=emu.file('screen.ppm'))
        with open(emu.file('screen.ppm'), 'rb') as f:
            check(f.read(11).startswith(b'P6\n720 400'), 'screendump', screen)
        qmp.call('stop')
        check(qmp.event('STOP') and qmp.call('query-status')['status'] == 'paused')
        qmp.call('cont')
        qmp.call('device_del', id='extra')
        gone = qmp.event('DEVICE_DELETED')
        check(gone['data'] == {'device': 'extra', 'path': '/machine/peripheral/extra'}, gone)
        check(not find(qmp, 'extra'))
        qmp.fails('device_del', 'DeviceNotFound', id='extra')
        qmp.call('system_powerdown')
        schema.check_event(qmp.event('POWERDOWN'))
        end = qmp.event('SHUTDOWN')
        schema.check_event(end)
        check(end['data'] == {'guest': True, 'reason': 'guest-shutdown'}, end)
        check(0 <= time.time() - end['timestamp']['seconds'] < 3600, end)
        check(emu.wait_end() == 0)


def shutdown_and_reset_again():
    """-no-shutdown: the machine stays, and only a reset makes it run again."""
    with boot('-no-shutdown') as emu:
        qmp = emu.qmp
        qmp.call('cont')
        wait_screen(qmp, 'ready>')
        qmp.call('system_powerdown')
        check(qmp.event('SHUTDOWN')['data']['guest'])
        qmp.event('STOP')
        check(qmp.call('query-status')['status'] == 'shutdown')
        check('Resetting' in qmp.fails('cont', 'GenericError'))
        qmp.call('system_reset')
        check(qmp.event('RESET')['data'] == {'guest': False, 'reason': 'host-qmp-system-reset'})
        qmp.call('cont')
        qmp.event('RESUME')
        wait_screen(qmp, 'ready>')
        qmp.call('quit')
        check(qmp.event('SHUTDOWN')['data'] == {'guest': False, 'reason': 'host-qmp-quit'})
        check(emu.wait_end() == 0)


if __name__ == "__main__":
    main([whole_session, shutdown_and_reset_again])
