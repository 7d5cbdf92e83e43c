#!/usr/bin/env python3
# Random boot sectors: whatever a guest executes, the emulator neither crashes
# nor hangs: SIGTERM ends it with status 0.
#
#   random-boot.py [FIRST_SEED COUNT]
#
# A 64 KiB firmware image of ours copies the sector to 0:7c00 and jumps there, with
# segments, stack and the PIC as a BIOS leaves them, so that a run takes milliseconds.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import concurrent.futures
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from guest import EMULATOR, SCALE, Failure, main

COUNT = int(os.environ.get('RANDOM_BOOT_COUNT', '100'))
RUN_SECONDS = 0.15

# cld; push cs; pop ds; mov si,0x1000; xor ax,ax; mov es,ax; mov ss,ax; mov sp,0x7c00;
# mov di,0x7c00; mov cx,256; rep movsw; mov ds,ax; mov dl,0x80; ljmp 0:0x7c00
STUB = bytes.fromhex('fc 0e 1f be0010 31c0 8ec0 8ed0 bc007c bf007c b90001 f3a5 8ed8 b280 ea007c0000')


def random_sector(rng):
    """Half of the sectors are noise, half are instructions that reach further."""
    if rng.random() < 0.5:
        return rng.randbytes(512)
    pieces = [
        b'\x0f\x20\xc0', b'\x0f\x22\xc0', b'\x0f\x01\x16', b'\x0f\x01\x1e',  # CR0, LGDT, LIDT
        b'\xe6', b'\xe4', b'\xef', b'\xed', b'\xee', b'\xec',                # IN, OUT
        b'\xf3\xab', b'\xf3\xa4', b'\xf3\x6f', b'\xf3\x6d',                  # strings
        b'\x0f\x30', b'\x0f\x32', b'\x0f\xa2', b'\xcd', b'\xcf', b'\x9d', b'\xfb', b'\xf4',
        b'\xea', b'\x9a', b'\x66', b'\x67', b'\xf0', b'\x0f\xae', b'\xd9', b'\xdf', b'\x8e\xd8',
        b'\xba\xf8\x0c', b'\xba\xfc\x0c', b'\xba\xf7\x01', b'\xba\xf2\x03', b'\xb0\xfe',
    ]
    out = b''
    while len(out) < 512:
        out += rng.choice(pieces) + rng.randbytes(rng.randrange(4))
    return out[:512]


def firmware(seed):
    image = bytearray(64 * 1024)
    image[0:len(STUB)] = STUB
    image[0x1000:0x1200] = random_sector(random.Random(seed))
    image[0xfff0:0xfff5] = b'\xea\x00\x00\x00\xf0'  # reset vector: ljmp f000:0
    return bytes(image)


def handles_sigterm(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        caught = int(re.search(r'SigCgt:\s+(\w+)', f.read()).group(1), 16)
    return caught >> (signal.SIGTERM - 1) & 1


def wait_for_start(process):
    """On a loaded host it takes a while until the emulator handles signals."""
    deadline = time.monotonic() + 30 * SCALE
    while process.poll() is None and not handles_sigterm(process.pid):
        if time.monotonic() > deadline:
            return
        time.sleep(0.01)


def run_seed(seed):
    with tempfile.NamedTemporaryFile(suffix='.bin') as bios:
        bios.write(firmware(seed))
        bios.flush()
        process = subprocess.Popen([EMULATOR, '-display', 'none', '-m', '16', '-bios', bios.name,
                                    '-serial', 'null', '-monitor', 'none', '-no-shutdown'],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        wait_for_start(process)
        time.sleep(RUN_SECONDS)
        process.terminate()
        try:
            stderr = process.communicate(timeout=30 * SCALE)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return f'seed {seed}: SIGTERM did not end it'
        if process.returncode != 0:
            return f'seed {seed}: status {process.returncode}: {stderr[-500:]!r}'
    return None


def random_boot_sectors():
    first, count = 0, COUNT
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = [text for text in pool.map(run_seed, range(first, first + count)) if text]
    if failures:
        raise Failure('\n'.join(failures[:10]))


if len(sys.argv) == 3:
    COUNT = int(sys.argv[2])
    for one in range(int(sys.argv[1]), int(sys.argv[1]) + COUNT):
        print(one, run_seed(one) or 'ok', flush=True)
else:
    main([random_boot_sectors])
