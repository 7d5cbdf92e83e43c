/*
 * EDID: see edid.h. Offsets and fields are those of the standard's base block.
 *
 *       0  header                  35  established and standard timings
 *       8  vendor and product      54  four descriptors of 18 bytes
 *      20  basic parameters       126  extensions
 *      25  color characteristics  127  checksum
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/display/edid.h"
#include <string.h>

enum {
    EDID_VENDOR = 8, EDID_BASIC = 20, EDID_COLOR = 25, EDID_ESTABLISHED = 35, EDID_STANDARD = 38,
    EDID_STANDARD_END = 54, EDID_DESCRIPTORS = 54, EDID_DESCRIPTOR_SIZE = 18, EDID_CHECKSUM = 127,
};
enum { DESCRIPTOR_RANGE = 0xfd, DESCRIPTOR_NAME = 0xfc, DESCRIPTOR_DUMMY = 0x10 };
enum { REFRESH_HZ = 60, DPI = 100 };

/* Blanking as wide as analogue monitors want it. */
typedef struct Blanking {
    unsigned total, front, sync;
} Blanking;

static unsigned millimetres(unsigned pixels)
{
    return pixels * 254 / (DPI * 10);
}

/* A detailed timing: low bytes, then nibbles of high bits. */
static void put_timing(uint8_t *d, unsigned width, unsigned height)
{
    Blanking h = { width * 35 / 100, width * 25 / 100, width * 3 / 100 };
    Blanking v = { height * 35 / 1000 + 2, height * 5 / 1000 + 1, height * 5 / 1000 + 1 };
    unsigned clock = REFRESH_HZ * (width + h.total) * (height + v.total) / 10000;
    unsigned mm_x = millimetres(width), mm_y = millimetres(height);

    d[0] = clock;
    d[1] = clock >> 8;
    d[2] = width;
    d[3] = h.total;
    d[4] = (width >> 8) << 4 | h.total >> 8;
    d[5] = height;
    d[6] = v.total;
    d[7] = (height >> 8) << 4 | v.total >> 8;
    d[8] = h.front;
    d[9] = h.sync;
    d[10] = (v.front & 15) << 4 | (v.sync & 15);
    d[11] = (h.front >> 8 & 3) << 6 | (h.sync >> 8 & 3) << 4 | (v.front >> 4 & 3) << 2 |
            (v.sync >> 4 & 3);
    d[12] = mm_x;
    d[13] = mm_y;
    d[14] = (mm_x >> 8) << 4 | mm_y >> 8;
    d[17] = 0x18; /* digital, separate sync */
}

static uint8_t *descriptor(uint8_t *edid, int n, uint8_t tag)
{
    uint8_t *d = edid + EDID_DESCRIPTORS + n * EDID_DESCRIPTOR_SIZE;
    d[3] = tag;
    return d;
}

static void put_descriptors(uint8_t *edid, unsigned width, unsigned height)
{
    /* 50 to 125 Hz, 30 to 160 kHz, up to 2550 MHz, no formula */
    static const uint8_t range[] = { 50, 125, 30, 160, 255, 0x01, 0x0a,
                                     ' ', ' ', ' ', ' ', ' ', ' ' };
    uint8_t *d;

    put_timing(edid + EDID_DESCRIPTORS, width, height);
    d = descriptor(edid, 1, DESCRIPTOR_RANGE);
    memcpy(d + 5, range, sizeof(range));
    d = descriptor(edid, 2, DESCRIPTOR_NAME);
    memcpy(d + 5, "QEMU Monitor\n", 13);
    descriptor(edid, 3, DESCRIPTOR_DUMMY);
}

void edid_generate(uint8_t edid[EDID_SIZE], unsigned width, unsigned height)
{
    static const uint8_t header[8] = { 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00 };
    /* "RHT" in five-bit letters, product 0x1234, no serial number, week 42 of 2014, version 1.4 */
    static const uint8_t vendor[12] = { 0x49, 0x14, 0x34, 0x12, 0, 0, 0, 0, 42, 24, 1, 4 };
    /* sRGB primaries and white point, ten bits each */
    static const uint8_t color[10] = { 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54 };
    /* 640x480, 800x600 and 1024x768 at 60 Hz */
    static const uint8_t established[3] = { 0x21, 0x08, 0x00 };
    uint8_t sum = 0;

    memset(edid, 0, EDID_SIZE);
    memcpy(edid, header, sizeof(header));
    memcpy(edid + EDID_VENDOR, vendor, sizeof(vendor));
    edid[EDID_BASIC] = 0xa5;      /* digital, 8 bits a color, DisplayPort */
    edid[EDID_BASIC + 1] = millimetres(width) / 10;
    edid[EDID_BASIC + 2] = millimetres(height) / 10;
    edid[EDID_BASIC + 3] = 120;   /* gamma 2.2 */
    edid[EDID_BASIC + 4] = 0x06;  /* sRGB; the first timing is preferred */
    memcpy(edid + EDID_COLOR, color, sizeof(color));
    memcpy(edid + EDID_ESTABLISHED, established, sizeof(established));
    memset(edid + EDID_STANDARD, 0x01, EDID_STANDARD_END - EDID_STANDARD);
    put_descriptors(edid, width, height);
    for (int i = 0; i < EDID_CHECKSUM; i++) {
        sum += edid[i];
    }
    edid[EDID_CHECKSUM] = -sum;
}
