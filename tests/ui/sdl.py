#!/usr/bin/env python3
# The SDL window on an X server without a screen: what it shows, what it hears.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import subprocess
import tempfile

from ui import (BARS, SCALE, Desktop, Machine, TOP, boot_sector, check, expected_picture, keys, main,
                need, tool, wait_for)

FONT = '/usr/share/seabios/vgabios-stdvga.bin'


def sdl(*args):
    return Machine('-display', 'sdl', *args)


def vga_font():
    """The 8x16 font of Debian's VGA BIOS."""
    with open(need(FONT, 'seabios'), 'rb') as f:
        rom = f.read()
    face = bytes([0, 0, 0x7e, 0x81, 0xa5, 0x81, 0x81, 0xbd, 0x99, 0x81, 0x81, 0x7e, 0, 0, 0, 0])
    at = rom.index(bytes(16) + face)
    return rom[at:at + 4096]


def has_size(picture, width, height):
    check((picture.width, picture.height) == (width, height), picture.width, 'x', picture.height)


def has_text(picture, text, column, row, colors):
    """Nine dots a character, the ninth blank: VGA text mode 3."""
    font = vga_font()
    has_size(picture, 720, 400)
    for i, char in enumerate(text):
        for line in range(16):
            bits = font[ord(char) * 16 + line] << 1
            for dot in range(9):
                x, y = (column + i) * 9 + dot, row * 16 + line
                wanted = colors[bits >> (8 - dot) & 1]
                check(picture.pixel(x, y) == wanted, f'{char!r} at {x},{y}:',
                      hex(picture.pixel(x, y)), 'not', hex(wanted))
    return True


def text_mode():
    with Desktop() as desktop, sdl(*boot_sector('text.bin')) as machine:
        machine.wait_serial('D')
        desktop.wait_shot(lambda p: has_text(p, 'Doppel shows text', 10, 5, (0x0000aa, 0xffff55)),
                          'the text')
        check('Doppel shows text' in machine.screen(), 'x-screen-text:', machine.screen())


def graphics_and_keys():
    """A picture pixel by pixel; another mode; what XTEST types and clicks arrives."""
    with Desktop() as desktop, sdl(*boot_sector('picture.bin'), '-name', 'painter') as machine:
        machine.wait_serial('D')
        wanted = expected_picture(1024, 768)
        desktop.wait_shot(lambda p: p == wanted, 'the picture')
        check(desktop.title() == 'Doppel (painter)', desktop.title())
        desktop.do('windowfocus', '--sync', desktop.window())
        machine.serial = b''
        desktop.do('key', 'a')
        machine.wait_serial(keys('1E', '9E'))  # set 1: make and break of A
        desktop.do('keydown', 'Right')
        machine.wait_serial('KE0K4D')
        desktop.do('keyup', 'Right')
        machine.wait_serial('KE0KCD')
        machine.serial = b''
        desktop.do('key', 'm')
        machine.wait_serial('D')
        smaller = expected_picture(800, 600)
        desktop.wait_shot(lambda p: p == smaller, 'the smaller picture')
        change_modes(desktop, machine)
        pointer(desktop, machine)
        machine.qmp('stop')
        wait_for(lambda: desktop.title() == 'Doppel (painter) [Stopped]', 'the title')


def change_modes(desktop, machine):
    """The window follows modes that change faster than the desktop answers; it ends as it was."""
    machine.serial = b''
    for _ in range(10):
        machine.qmp('send-key', keys=[{'type': 'qcode', 'data': 'n'}], hold_time=1)
        machine.qmp('send-key', keys=[{'type': 'qcode', 'data': 'm'}], hold_time=1)
    machine.wait_serial('(?s)(D.*){20}')
    smaller = expected_picture(800, 600)
    desktop.wait_shot(lambda p: p == smaller, 'the picture after many')


def pointer(desktop, machine):
    window = desktop.window()
    desktop.do('mousemove', '--window', window, 400, 300, 'click', 1)
    wait_for(lambda: 'Ctrl-Alt-G' in desktop.title(), 'a grab')
    machine.serial = b''
    desktop.do('mousemove_relative', '--', 7, -3)
    machine.wait_serial('M08M07M03')  # right by 7, up by 3
    desktop.do('click', 3)
    machine.wait_serial('M0AM00M00M08M00M00')
    desktop.do('key', 'ctrl+alt+g')
    wait_for(lambda: 'Ctrl-Alt-G' not in desktop.title(), 'release of the grab')


def fills_screen(picture):
    """1024x768 became 1280x960 with 32 lines above and below."""
    has_size(picture, 1280, 1024)
    for i, color in enumerate(BARS):
        check(picture.pixel(i * 160 + 80, 200) == color, 'bar', i, hex(color))
        check(picture.pixel(i * 160 + 80, 10) == 0, 'above bar', i)
        check(picture.pixel(i * 160 + 80, 1010) == 0, 'below bar', i)
    return True


def full_screen():
    """Scaled without distortion, black at the edges; and back."""
    with Desktop(1280, 1024) as desktop, sdl(*boot_sector('picture.bin')) as machine:
        machine.wait_serial('D')
        wanted = expected_picture(1024, 768)
        desktop.wait_shot(lambda p: p == wanted, 'the picture')
        desktop.do('windowfocus', '--sync', desktop.window(), 'key', 'ctrl+alt+f')
        desktop.wait_shot(fills_screen, 'the full screen')
        desktop.do('key', 'ctrl+alt+f')
        desktop.wait_shot(lambda p: p == wanted, 'the window again')


def has_prompt(picture):
    """A text console has eight dots a character; "(" begins the prompt in line 1."""
    font, blank, letter = vga_font(), 0, 0xaaaaaa
    for line in range(16):
        bits = font[ord('(') * 16 + line]
        for dot in range(8):
            check(picture.pixel(dot, 16 + line) == (letter if bits >> (7 - dot) & 1 else blank),
                  'the prompt', dot, line)
    return True


def consoles():
    """Ctrl-Alt-2 is the monitor, Ctrl-Alt-3 a serial line; closing the window ends the program."""
    with Desktop() as desktop, sdl(*boot_sector('text.bin'), '-serial', 'vc', '-monitor',
                                   'vc') as machine:
        machine.wait_serial('D')
        desktop.do('windowfocus', '--sync', desktop.window(), 'key', 'ctrl+alt+2')
        wait_for(lambda: 'monitor' in desktop.title(), 'the monitor')
        desktop.do('type', 'info version')
        desktop.do('key', 'Return')
        wait_for(lambda: '7.2' in machine.qmp('x-screen-text', console=1)['text'],
                 "the monitor's answer")
        desktop.wait_shot(has_prompt, 'the prompt')
        desktop.do('key', 'ctrl+alt+3')
        wait_for(lambda: 'serial1' in desktop.title(), 'the serial line')
        desktop.do('key', 'ctrl+alt+1')
        wait_for(lambda: desktop.title() == 'Doppel', 'the screen')
        desktop.do('key', 'x')
        machine.wait_serial(keys('2D', 'AD'))
        desktop.do('key', 'alt+F4')
        check(machine.wait_end() == 0, 'the end')


def has_menu(picture):
    """Whether there are letters on the background, and a bar."""
    return len({picture.pixel(x, y) for x in range(0, 800, 3) for y in range(0, 600, 3)}) > 2


def grub_menu():
    """GRUB's graphical terminal in the color that its configuration asks for."""
    mkrescue = tool('grub-mkrescue', 'grub-common')
    need('/usr/lib/grub/i386-pc/gfxterm.mod', 'grub-pc-bin')
    font = need('/usr/share/grub/unicode.pf2', 'grub-common')
    with tempfile.TemporaryDirectory() as work:
        os.makedirs(work + '/iso/boot/grub')
        with open(work + '/iso/boot/grub/grub.cfg', 'w', encoding='ascii') as f:
            f.write('set gfxmode=800x600x32\ninsmod all_video\ninsmod gfxterm\nloadfont unicode\n'
                    'terminal_output gfxterm\nbackground_color "#405060"\nset timeout=-1\n'
                    'menuentry "first" { halt }\nmenuentry "second" { halt }\n')
        subprocess.run(['cp', font, work + '/iso/boot/grub'], check=True)
        subprocess.run([mkrescue, '-o', work + '/grub.iso', '--fonts=unicode', work + '/iso'],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with Desktop() as desktop, sdl('-cdrom', work + '/grub.iso', '-boot', 'd') as _:
            desktop.wait_shot(lambda p: (p.width, p.height) == (800, 600) and
                              p.pixel(2, 2) == 0x405060 and has_menu(p), "GRUB's menu")


LINUX = '''
printf '\\033[44m\\033[2J\\033[H' > /dev/tty0
printf '\\033[?25l' > /dev/tty0
cat /sys/class/graphics/fb0/virtual_size /sys/class/graphics/fb0/bits_per_pixel > /dev/ttyS0
i=0
while [ $i -lt 64 ]; do printf '\\370\\000\\370\\000'; i=$((i+1)); done > /stripe
i=0
while [ $i -lt 32 ]; do cat /stripe /stripe /stripe /stripe; i=$((i+1)); done > /dev/fb0
echo READY > /dev/ttyS0
read line < /dev/tty0
echo "TYPED $line" > /dev/ttyS0
'''


def rgb565(value):
    """A pixel of 5:6:5 bits, each spread over eight."""
    red, green, blue = value >> 11, value >> 5 & 63, value & 31
    return (red << 3 | red >> 2) << 16 | (green << 2 | green >> 4) << 8 | blue << 3 | blue >> 2


def has_stripe(picture):
    """What LINUX draws: the console's background, and above it the lines in the frame buffer."""
    has_size(picture, 1024, 768)
    blue, stripe = rgb565(0xaa >> 3), rgb565(0x00f8)  # ANSI blue; bytes F8 00
    for x, y in ((1000, 700), (10, 40), (1020, 40), (500, 760)):
        check(picture.pixel(x, y) == blue, x, y, hex(picture.pixel(x, y)))
    for x in range(0, 1024, 50):
        check(picture.pixel(x, 5) == stripe, x, 5, hex(picture.pixel(x, 5)))
    return True


def linux_console():
    """The VESA frame buffer console at 1024x768, 16 bits: its background, what is written to the
    frame buffer, and a line typed in the window."""
    kernel = need('/boot/vmlinuz-*[0-9]-amd64', 'linux-image-amd64')
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([TOP + '/scripts/make-initramfs.sh', work + '/initrd', LINUX], check=True)
        with Desktop() as desktop, sdl('-m', '256', '-vga', 'std', '-kernel', kernel, '-initrd',
                                       work + '/initrd', '-append', 'vga=791 quiet console=tty0',
                                       '-no-reboot') as machine:
            machine.wait_serial('1024,768\\s+16\\s+READY', 120)
            desktop.wait_shot(has_stripe, 'a blue console with a stripe')
            desktop.do('windowfocus', '--sync', desktop.window(), 'type', 'window')
            desktop.do('key', 'Return')
            machine.wait_serial('TYPED window')


def no_desktop():
    """Without a display -display sdl is one line that says so."""
    done = subprocess.run([os.environ['DOPPEL'], '-display', 'sdl'], stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, check=False, timeout=60 * SCALE)
    lines = done.stderr.decode().strip().split('\n')
    check(done.returncode == 1 and len(lines) == 1 and '$DISPLAY' in lines[0], lines)


main([text_mode, graphics_and_keys, full_screen, consoles, grub_menu, linux_console,
      no_desktop])
