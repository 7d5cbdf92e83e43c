#!/usr/bin/env python3
# Screens without a front end: waiting for them, and screen dumps.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import tempfile

from ui import Failure, Machine, boot_sector, check, expected_picture, main, picture_of_file


def ready(machine, **wanted):
    """Why X_SCREEN_READY came."""
    machine.qmp('x-wait-screen', id='w', **wanted)
    event = machine.session.event('X_SCREEN_READY')
    check(event['data']['id'] == 'w', event)
    return event['data']['reason']


def refused(machine, says, command, **arguments):
    try:
        machine.qmp(command, **arguments)
    except Failure as err:
        check(says in str(err), err)
    else:
        raise Failure(f'{command} {arguments} was accepted')


def wait_for_text():
    with Machine(*boot_sector('text.bin')) as machine:
        check(ready(machine, text='Doppel shows t.xt', timeout=600000) == 'text', 'text')
        check(ready(machine, text='nothing of the kind', timeout=50) == 'timeout', 'timeout')
        # The cursor goes on blinking.
        check(ready(machine, stable=700, timeout=600000) == 'stable', 'stable')
        refused(machine, '(', 'x-wait-screen', id='x', text='(')


def wait_for_picture():
    """In a graphics mode no text matches, and a picture that stands still is stable."""
    with tempfile.TemporaryDirectory() as work, Machine(*boot_sector('picture.bin')) as machine:
        machine.wait_serial('D')
        check(ready(machine, stable=500, text='x', timeout=600000) == 'stable', 'stable')
        check(machine.screen() == '', machine.screen())
        machine.qmp('human-monitor-command', command_line=f'screendump {work}/a.png -f png')
        check(picture_of_file(work + '/a.png') == expected_picture(1024, 768), 'picture')


def dumps_of_devices():
    with tempfile.TemporaryDirectory() as work, \
            Machine('-nodefaults', '-vga', 'none', '-device', 'VGA,id=v', '-device',
                    'isa-debug-exit,id=d') as machine:
        machine.qmp('screendump', filename=work + '/a', device='v')
        picture = picture_of_file(work + '/a')
        check(picture.width >= 640, picture.width)
        refused(machine, "'x' not found", 'screendump', filename=work + '/b', device='x')
        refused(machine, "'d' has no screen", 'screendump', filename=work + '/b', device='d')
        refused(machine, 'head', 'screendump', filename=work + '/b', device='v', head=1)
        refused(machine, '/nonexistent/x', 'screendump', filename='/nonexistent/x')
    with Machine('-nodefaults', '-vga', 'none') as machine:
        refused(machine, 'no console', 'screendump', filename='/dev/null')


main([wait_for_text, wait_for_picture, dumps_of_devices])
