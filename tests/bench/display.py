#!/usr/bin/env python3
# What showing a screen costs: frames and dirty rectangles a second while a guest fills a 1024x768
# screen without end, and the share of a core that an idle text screen takes.
#
#   display.py DOPPEL FOLDER [SECONDS]      FOLDER has the boot sectors: BUILD/tests/ui
#
# For each front end; the window is on an X server without a screen (Xvfb). docs/display.md tells
# how to read it.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

WIDTH, HEIGHT = 1024, 768


def cpu_seconds(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def read_exactly(sock, count):
    data = b''
    while len(data) < count:
        data += sock.recv(count - len(data)) or sys.exit('the server closed the connection')
    return data


def vnc_client(path):
    """Takes updates as fast as they come, in raw encoding, until the server ends."""
    sock = socket.socket(socket.AF_UNIX)
    while True:
        try:
            sock.connect(path)
            break
        except OSError:
            time.sleep(0.1)
    try:
        read_exactly(sock, 12)
        sock.sendall(b'RFB 003.008\n')
        read_exactly(sock, 2)
        sock.sendall(b'\x01')
        read_exactly(sock, 4)
        sock.sendall(b'\x01')
        read_exactly(sock, 20)
        read_exactly(sock, struct.unpack('>I', read_exactly(sock, 4))[0])
        sock.sendall(struct.pack('>BxHii', 2, 2, 0, -223))
        while True:
            sock.sendall(struct.pack('>BBHHHH', 3, 1, 0, 0, WIDTH, HEIGHT))
            for _ in range(struct.unpack('>xxH', read_exactly(sock, 4))[0]):
                _, _, width, height, kind = struct.unpack('>HHHHi', read_exactly(sock, 12))
                if kind == 0:
                    read_exactly(sock, width * height * 4)
    except (OSError, SystemExit):
        pass


def run(doppel, guest, display, seconds, work):
    """Of a run's measured part: the share of a core, and a second's frames that the guest drew, full
    screens that were shown, and rectangles."""
    trace = work + '/trace'
    args = [doppel, '-nodefaults', '-vga', 'std', '-serial', f'file:{work}/serial', '-drive',
            f'file={guest},format=raw,snapshot=on', '-trace', f'console_update,file={trace}']
    args += ['-vnc', f'unix:{work}/vnc'] if display == 'vnc' else ['-display', display]
    with open(work + '/serial', 'wb'):
        pass
    process = subprocess.Popen(args, stdin=subprocess.DEVNULL)
    if display == 'vnc':
        threading.Thread(target=vnc_client, args=[work + '/vnc'], daemon=True).start()
    time.sleep(4)  # firmware and mode change
    serial = work + '/serial'
    lines_before, drawn, start = count_lines(trace), os.path.getsize(serial), time.monotonic()
    cpu_before = cpu_seconds(process.pid)
    time.sleep(seconds)
    cpu, elapsed = cpu_seconds(process.pid) - cpu_before, time.monotonic() - start
    drawn = os.path.getsize(serial) - drawn
    process.terminate()
    process.wait()
    rects = read_rects(trace)[lines_before:]
    pixels = sum(width * height for width, height in rects)
    return (cpu / elapsed, drawn / elapsed, pixels / (WIDTH * HEIGHT) / elapsed,
            len(rects) / elapsed)


def read_rects(trace):
    if not os.path.exists(trace):
        return []
    with open(trace, encoding='utf-8') as f:
        return [tuple(map(int, m)) for m in re.findall(r'console_update.* (\d+)x(\d+)$', f.read(),
                                                       re.M)]


def count_lines(trace):
    return len(read_rects(trace))


def main():
    doppel, folder = sys.argv[1:3]
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 10
    read, write = os.pipe()
    server = subprocess.Popen(['Xvfb', '-noreset', '-displayfd', str(write), '-screen', '0', '1280x1024x24'],
                              pass_fds=[write], stderr=subprocess.DEVNULL)
    os.environ['DISPLAY'] = ':' + os.fdopen(read).readline().strip()
    print(f'{"front end":10} {"guest":8} {"drawn/s":>9} {"shown/s":>9} {"rectangles/s":>13} '
          f'{"core":>7}')
    for guest in ('stream', 'idle'):
        for display in ('none', 'sdl', 'vnc'):
            with tempfile.TemporaryDirectory() as work:
                cpu, drawn, shown, rects = run(doppel, f'{folder}/{guest}.bin', display, seconds,
                                               work)
            print(f'{display:10} {guest:8} {drawn:9.1f} {shown:9.1f} {rects:13.1f} {cpu:7.1%}',
                  flush=True)
    server.terminate()
    server.wait()


main()
