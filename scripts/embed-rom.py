#!/usr/bin/env python3
# Turns an assembled option ROM into a C source: pads it, sets the PnP header's
# and the ROM's checksums (each structure's bytes must add up to 0).
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import struct
import sys


def set_checksum(image, start, length, at):
    image[at] = 0
    image[at] = -sum(image[start:start + length]) & 0xff


def main():
    source, output, symbol = sys.argv[1:4]
    plain = sys.argv[4:] == ['plain'] # no option ROM: no header
    with open(source, 'rb') as f:
        image = bytearray(f.read())
    if not plain:
        if len(image) % 512 or image[2] * 512 != len(image):
            sys.exit(f'{source}: {len(image)} bytes do not agree with the header')
        (pnp,) = struct.unpack_from('<H', image, 0x1a)
        set_checksum(image, pnp, 32, pnp + 9)
        set_checksum(image, 0, len(image), len(image) - 1)
    rows = [', '.join(f'0x{b:02x}' for b in image[i:i + 12]) for i in range(0, len(image), 12)]
    header = '#include <stddef.h>\n#include <stdint.h>' if plain else '#include "hw/i386/roms.h"'
    with open(output, 'w') as f:
        f.write(f'/* Generated from {symbol}.S by embed-rom.py. */\n{header}\n\n'
                f'const uint8_t rom_{symbol}[] = {{\n    ' + ',\n    '.join(rows) + '\n};\n'
                f'const size_t rom_{symbol}_size = sizeof(rom_{symbol});\n')


main()
