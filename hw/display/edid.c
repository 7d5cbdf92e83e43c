/*
 * EDID: see edid.h. Offsets and fields are those of the standard's base block.
 *
 *       0  header                  35  established and standard timings
 *       8  vendor and product      54  four descriptors of 18 bytes
 *      20  basic parameters       126  number of extensions
 *      25  color characteristics  127  checksum
 *
 * The extension is CTA-861's: a list of television modes.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/display/edid.h"
#include <string.h>

enum {
    EDID_VENDOR = 8, EDID_BASIC = 20, EDID_COLOR = 25, EDID_ESTABLISHED = 35, EDID_STANDARD = 38,
    EDID_DESCRIPTORS = 54, EDID_DESCRIPTOR_SIZE = 18, EDID_EXTENSIONS = 126, EDID_CHECKSUM = 127,
};
enum { DESCRIPTOR_ESTABLISHED_3 = 0xf7, DESCRIPTOR_RANGE = 0xfd, DESCRIPTOR_NAME = 0xfc };
enum { DEFAULT_XRES = 1280, DEFAULT_YRES = 800, DEFAULT_REFRESH = 75000, DPI = 100 };
enum { SMALLEST = 64, LARGEST = 4095 };

/* Modes other than the preferred one, and the code that lists each. */
typedef enum ModeKind { ESTABLISHED, STANDARD, ESTABLISHED_3, TELEVISION } ModeKind;

static const struct {
    uint16_t width, height;
    ModeKind kind;
    uint8_t byte, code; /* byte and bit of a bit map; bytes of a standard timing; a VIC */
} modes[] = {
    { 640, 480, ESTABLISHED, 0, 0x20 },
    { 800, 600, ESTABLISHED, 0, 0x01 },
    { 1024, 768, ESTABLISHED, 1, 0x08 },
    { 2048, 1152, STANDARD, 0xe1, 0xc0 },
    { 1920, 1080, STANDARD, 0xd1, 0xc0 },
    { 1920, 1200, STANDARD, 0xd1, 0x00 },
    { 1600, 1200, STANDARD, 0xa9, 0x40 },
    { 1680, 1050, STANDARD, 0xb3, 0x00 },
    { 1440, 900, STANDARD, 0x95, 0x00 },
    { 1280, 1024, STANDARD, 0x81, 0x80 },
    { 1280, 960, STANDARD, 0x81, 0x40 },
    { 1280, 768, ESTABLISHED_3, 1, 0x40 },
    { 1360, 768, ESTABLISHED_3, 2, 0x80 },
    { 1400, 1050, ESTABLISHED_3, 2, 0x02 },
    { 1920, 1440, ESTABLISHED_3, 5, 0x20 },
    { 1920, 1080, TELEVISION, 0, 31 },
    { 1920, 1080, TELEVISION, 0, 16 },
    { 3840, 2160, TELEVISION, 0, 96 },
    { 3840, 2160, TELEVISION, 0, 97 },
};

/* Blanking as wide as analogue monitors want it. */
typedef struct Blanking {
    unsigned total, front, sync;
} Blanking;

static unsigned millimetres(unsigned pixels)
{
    return pixels * 254 / (DPI * 10);
}

/* A detailed timing: low bytes, then nibbles of high bits. */
static void put_timing(uint8_t *d, const EDIDSettings *e)
{
    unsigned width = e->xres, height = e->yres;
    Blanking h = { width * 35 / 100, width * 25 / 100, width * 3 / 100 };
    Blanking v = { height * 35 / 1000, MAX(height * 5 / 1000, 1), MAX(height * 5 / 1000, 1) };
    uint64_t clock =
        (uint64_t)e->refresh_rate * (width + h.total) * (height + v.total) / 1000 / 10000;
    unsigned mm_x = millimetres(width), mm_y = millimetres(height);

    clock = MIN(clock, UINT16_MAX); /* units of 10 kHz */
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

static void put_descriptors(uint8_t *edid, const EDIDSettings *e)
{
    /* 50 to 125 Hz, 30 to 160 kHz, up to 2550 MHz, no formula */
    static const uint8_t range[] = { 50, 125, 30, 160, 255, 0x01, 0x0a,
                                     ' ', ' ', ' ', ' ', ' ', ' ' };

    put_timing(edid + EDID_DESCRIPTORS, e);
    descriptor(edid, 1, DESCRIPTOR_ESTABLISHED_3)[5] = 10; /* revision */
    memcpy(descriptor(edid, 2, DESCRIPTOR_RANGE) + 5, range, sizeof(range));
    memcpy(descriptor(edid, 3, DESCRIPTOR_NAME) + 5, "QEMU Monitor\n", 13);
}

/* The modes up to the largest. */
static void put_modes(uint8_t *edid, const EDIDSettings *e)
{
    uint8_t *standard = edid + EDID_STANDARD;
    uint8_t *established_3 = edid + EDID_DESCRIPTORS + EDID_DESCRIPTOR_SIZE + 6;
    uint8_t *block = edid + EDID_BLOCK_SIZE + 4; /* CTA-861 video data: tag and length, codes */

    memset(standard, 0x01, EDID_DESCRIPTORS - EDID_STANDARD);
    *block = 0x40;
    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
        if ((e->xmax && modes[i].width > e->xmax) || (e->ymax && modes[i].height > e->ymax)) {
            continue;
        }
        switch (modes[i].kind) {
        case ESTABLISHED:
            edid[EDID_ESTABLISHED + modes[i].byte] |= modes[i].code;
            break;
        case STANDARD:
            *standard++ = modes[i].byte;
            *standard++ = modes[i].code;
            break;
        case ESTABLISHED_3:
            established_3[modes[i].byte] |= modes[i].code;
            break;
        case TELEVISION:
            block[++*block & 0x1f] = modes[i].code;
            break;
        }
    }
}

static void put_checksum(uint8_t *block)
{
    uint8_t sum = 0;

    for (int i = 0; i < EDID_CHECKSUM; i++) {
        sum += block[i];
    }
    block[EDID_CHECKSUM] = -sum;
}

static void generate(uint8_t edid[EDID_SIZE], const EDIDSettings *e)
{
    static const uint8_t header[8] = { 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00 };
    /* "RHT" in five-bit letters, product 0x1234, no serial number, week 42 of 2014, version 1.4 */
    static const uint8_t vendor[12] = { 0x49, 0x14, 0x34, 0x12, 0, 0, 0, 0, 42, 24, 1, 4 };
    /* sRGB primaries and white point, ten bits each */
    static const uint8_t color[10] = { 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54 };
    uint8_t *cta = edid + EDID_BLOCK_SIZE;

    memset(edid, 0, EDID_SIZE);
    memcpy(edid, header, sizeof(header));
    memcpy(edid + EDID_VENDOR, vendor, sizeof(vendor));
    edid[EDID_BASIC] = 0xa5;      /* digital, 8 bits a color, DisplayPort */
    edid[EDID_BASIC + 1] = millimetres(e->xres) / 10;
    edid[EDID_BASIC + 2] = millimetres(e->yres) / 10;
    edid[EDID_BASIC + 3] = 120;   /* gamma 2.2 */
    edid[EDID_BASIC + 4] = 0x06;  /* sRGB; the first timing is preferred */
    memcpy(edid + EDID_COLOR, color, sizeof(color));
    put_descriptors(edid, e);
    put_modes(edid, e);
    edid[EDID_EXTENSIONS] = 1;
    cta[0] = 0x02; /* CTA-861 */
    cta[1] = 3;    /* revision */
    cta[2] = 4 + 1 + (cta[4] & 0x1f); /* where detailed timings would begin */
    put_checksum(edid);
    put_checksum(cta);
}

static bool check_preferred(const char *device, const char *name, uint32_t value, Error **errp)
{
    if (value < SMALLEST || value > LARGEST) {
        error_setg(errp, "%s: %s=%u is not a size that an EDID can hold; write %d to %d", device,
                   name, value, SMALLEST, LARGEST);
        return false;
    }
    return true;
}

bool edid_generate(uint8_t edid[EDID_SIZE], const EDIDSettings *settings, const char *device,
                   Error **errp)
{
    EDIDSettings e = *settings;

    e.xres = e.xres ? e.xres : DEFAULT_XRES;
    e.yres = e.yres ? e.yres : DEFAULT_YRES;
    e.refresh_rate = e.refresh_rate ? e.refresh_rate : DEFAULT_REFRESH;
    if (!check_preferred(device, "xres", e.xres, errp) ||
        !check_preferred(device, "yres", e.yres, errp)) {
        return false;
    }
    generate(edid, &e);
    return true;
}
