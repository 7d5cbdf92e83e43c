# Screen dumps and what is compared with them.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
"""A Picture is rows of RGB bytes: a screen dump, or a PNG file of 8-bit RGB."""
import struct
import zlib


class Picture:
    def __init__(self, width, height, rows):
        self.width, self.height, self.rows = width, height, rows

    def pixel(self, x, y):
        return int.from_bytes(self.rows[y][x * 3:x * 3 + 3], 'big')

    def shows(self, other, left, top):
        """Whether another picture is in this one, pixel by pixel, at a place."""
        if left < 0 or left + other.width > self.width or top + other.height > self.height:
            return False
        return all(self.rows[top + y][left * 3:(left + other.width) * 3] == other.rows[y]
                   for y in range(other.height))

    def in_16_bits(self):
        """As a screen of 5, 6 and 5 bits shows it: the lower bits are lost, the highest value is
        full intensity."""
        def table(bits):
            upper = [value >> 8 - bits for value in range(256)]
            return bytes((value << 8 - bits | value >> 2 * bits - 8) & 0xff for value in upper)

        def convert(row):
            line = bytearray(row)
            for channel, bits in enumerate((5, 6, 5)):
                line[channel::3] = row[channel::3].translate(table(bits))
            return bytes(line)
        return Picture(self.width, self.height, [convert(row) for row in self.rows])

    def boxes_unlike(self, like, distance=48):
        """Rectangles [left, top, right, bottom] of pixels that like(x, y) gives another color for;
        pixels nearer than distance to each other share one."""
        boxes = []
        for y, row in enumerate(self.rows):
            expected = like(y)
            if row == expected:
                continue
            for x in range(self.width):
                if row[x * 3:x * 3 + 3] != expected[x * 3:x * 3 + 3]:
                    _add(boxes, x, y, distance)
        return boxes


def _add(boxes, x, y, distance):
    for box in boxes:
        if box[0] - distance < x < box[2] + distance and box[1] - distance < y < box[3] + distance:
            box[:] = [min(box[0], x), min(box[1], y), max(box[2], x + 1), max(box[3], y + 1)]
            return
    boxes.append([x, y, x + 1, y + 1])


def read_ppm(path):
    with open(path, 'rb') as f:
        _, size, _, pixels = f.read().split(b'\n', 3)
    width, height = map(int, size.split())
    return Picture(width, height, [pixels[y * width * 3:(y + 1) * width * 3] for y in range(height)])


def dump(machine):
    path = machine.file('screen.ppm')
    machine.qmp('screendump', filename=path)
    return read_ppm(path)


def _paeth(left, up, corner):
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))


def _unfilter(kind, line, before):
    for i, byte in enumerate(line):
        left = line[i - 3] if i >= 3 else 0
        corner = before[i - 3] if i >= 3 else 0
        predicted = (0, left, before[i], (left + before[i]) // 2, _paeth(left, before[i], corner))
        line[i] = (byte + predicted[kind]) & 0xff


def read_png(data):
    """8-bit RGB, not interlaced (PNG specification, 9 "Filtering")."""
    at, packed, width, height = 8, b'', 0, 0
    while at < len(data):
        size, kind = struct.unpack('>I4s', data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if kind == b'IHDR':
            width, height = struct.unpack('>II', body[:8])
            assert body[8:13] == b'\x08\x02\0\0\0'
        elif kind == b'IDAT':
            packed += body
        at += 12 + size
    raw, rows, before = zlib.decompress(packed), [], bytes(width * 3)
    for y in range(height):
        at = y * (width * 3 + 1)
        line = bytearray(raw[at + 1:at + 1 + width * 3])
        _unfilter(raw[at], line, before)
        rows.append(bytes(line))
        before = line
    return Picture(width, height, rows)
