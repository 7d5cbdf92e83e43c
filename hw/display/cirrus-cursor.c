/*
 * The hardware cursor of a CL-GD5446: see cirrus.h; manual, "Hardware Cursor".
 *
 * Its patterns are in the last 16 KiB of video memory, two planes of a bit for each pixel:
 *
 *     32 by 32   128 bytes of plane 0, 128 bytes of plane 1
 *     64 by 64   for each line 8 bytes of plane 0, 8 bytes of plane 1
 *
 *     plane 1, 0   00 what is below | 01 what is below, inverted | 10 background | 11 foreground
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/display/cirrus.h"

enum { PATTERNS_SIZE = 16 * 1024, PATTERN_UNIT = 256, BACKGROUND = 0, FOREGROUND = 15 };

static bool is_large(const CirrusState *c)
{
    return c->vga.seq[SR_CURSOR] & CURSOR_LARGE;
}

static const uint8_t *pattern(const CirrusState *c)
{
    unsigned n = c->vga.seq[SR_CURSOR_PATTERN] & (is_large(c) ? 0x3c : 0x3f);
    return c->vga.vram_ptr + c->vga.vram_size - PATTERNS_SIZE + n * PATTERN_UNIT;
}

static uint32_t color(const CirrusState *c, unsigned index)
{
    uint32_t rgb = 0;

    for (unsigned i = 0; i < 3; i++) {
        uint8_t v = c->cursor_palette[index * 3 + i] & 0x3f;
        rgb = rgb << 8 | v << 2 | v >> 4;
    }
    return rgb;
}

/* Of the pattern: the guest may change it in place. */
static uint32_t checksum(const uint8_t *p, unsigned size)
{
    uint32_t sum = 2166136261u;

    while (size--) {
        sum = (sum ^ *p++) * 16777619u;
    }
    return sum;
}

void cirrus_cursor(const VGAState *s, VGACursor *cursor)
{
    const CirrusState *c = (const CirrusState *)s;
    bool large = is_large(c);

    if (!(s->seq[SR_CURSOR] & CURSOR_ON) || !cirrus_extended(c)) {
        return;
    }
    cursor->y = c->cursor_y;
    cursor->height = large ? 64 : 32;
    cursor->key[0] = c->cursor_x | large << 16;
    cursor->key[1] = checksum(pattern(c), large ? 1024 : 256);
    cursor->key[2] = color(c, BACKGROUND);
    cursor->key[3] = color(c, FOREGROUND);
}

void cirrus_draw_cursor(const VGAState *s, uint32_t *pixels, int width, int y)
{
    const CirrusState *c = (const CirrusState *)s;
    bool large = is_large(c);
    int line = y - c->cursor_y, size = large ? 64 : 32;
    const uint8_t *plane0 = pattern(c) + line * (large ? 16 : 4);
    const uint8_t *plane1 = plane0 + (large ? 8 : 128);
    uint32_t colors[2] = { color(c, BACKGROUND), color(c, FOREGROUND) };

    for (int i = 0; i < size && c->cursor_x + i < width; i++) {
        unsigned shift = 7 - i % 8, bit0 = plane0[i / 8] >> shift & 1;
        uint32_t *pixel = &pixels[c->cursor_x + i];
        if (plane1[i / 8] >> shift & 1) {
            *pixel = colors[bit0];
        } else if (bit0) {
            *pixel ^= 0xffffff;
        }
    }
}
