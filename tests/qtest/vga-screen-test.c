/*
 * What the standard VGA shows, by the IBM PS/2 Hardware Interface Technical
 * Reference ("Video Subsystem"): modes as its BIOS parameter tables have them,
 * and what the CRTC, the attribute controller and the DAC do with them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/vga.h"

typedef struct Mode {
    uint8_t misc, seq[5], crtc[25], gc[9], attr_mode, plane_enable, panning;
} Mode;

#define CRTC_TEXT(h_total, h_display, h_blank, end, sync, sync_end, offset, underline)               \
    { h_total, h_display, h_blank, end, sync, sync_end, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0, 0, 0, \
      0, 0x9c, 0x8e, 0x8f, offset, underline, 0x96, 0xb9, 0xa3, 0xff }
#define CRTC_200(h_total, h_display, h_blank, end, sync, sync_end, scan, offset, underline, mode)    \
    { h_total, h_display, h_blank, end, sync, sync_end, 0xbf, 0x1f, 0x00, scan, 0, 0, 0, 0, 0, 0,    \
      0x9c, 0x8e, 0x8f, offset, underline, 0x96, 0xb9, mode, 0xff }

static const Mode mode_1 = { /* 40x25 text */
    0x67, { 3, 0x08, 0x03, 0, 0x02 }, CRTC_TEXT(0x2d, 0x27, 0x28, 0x90, 0x2b, 0xa0, 0x14, 0x1f),
    { 0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff }, 0x0c, 0x0f, 8,
};
static const Mode mode_3 = { /* 80x25 text */
    0x67, { 3, 0x00, 0x03, 0, 0x02 }, CRTC_TEXT(0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0x28, 0x1f),
    { 0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff }, 0x0c, 0x0f, 8,
};
static const Mode mode_4 = { /* 320x200, 4 colors */
    0x63, { 3, 0x09, 0x03, 0, 0x02 },
    CRTC_200(0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xc1, 0x14, 0x00, 0xa2),
    { 0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff }, 0x01, 0x03, 0,
};
static const Mode mode_6 = { /* 640x200, 2 colors */
    0x63, { 3, 0x01, 0x01, 0, 0x06 },
    CRTC_200(0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xc1, 0x28, 0x00, 0xc2),
    { 0, 0, 0, 0, 0, 0x00, 0x0d, 0, 0xff }, 0x01, 0x01, 0,
};
static const Mode mode_7 = { /* 80x25 monochrome text */
    0x66, { 3, 0x00, 0x03, 0, 0x02 }, CRTC_TEXT(0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0x28, 0x0d),
    { 0, 0, 0, 0, 0, 0x10, 0x0a, 0, 0xff }, 0x0e, 0x0f, 8,
};
static const Mode mode_d = { /* 320x200, 16 colors */
    0x63, { 3, 0x09, 0x0f, 0, 0x06 },
    CRTC_200(0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xc0, 0x14, 0x00, 0xe3),
    { 0, 0, 0, 0, 0, 0x00, 0x05, 0x0f, 0xff }, 0x01, 0x0f, 0,
};
static const Mode mode_f = { /* 640x350, monochrome */
    0xa2, { 3, 0x01, 0x0f, 0, 0x06 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x40, 0, 0, 0, 0, 0, 0, 0x83, 0x85, 0x5d,
      0x28, 0x0f, 0x63, 0xba, 0xe3, 0xff },
    { 0, 0, 0, 0, 0, 0x00, 0x05, 0x05, 0xff }, 0x0b, 0x05, 0,
};
static const Mode mode_12 = { /* 640x480, 16 colors */
    0xe3, { 3, 0x01, 0x0f, 0, 0x06 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c, 0xdf,
      0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff },
    { 0, 0, 0, 0, 0, 0x00, 0x05, 0x0f, 0xff }, 0x01, 0x0f, 0,
};
static const Mode mode_13 = { /* 320x200, 256 colors */
    0x63, { 3, 0x01, 0x0f, 0, 0x0e },
    CRTC_200(0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x41, 0x28, 0x40, 0xa3),
    { 0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff }, 0x41, 0x0f, 0,
};
static const Mode mode_x = { /* 320x240, 256 colors, a plane for every fourth column */
    0xe3, { 3, 0x01, 0x0f, 0, 0x06 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0d, 0x3e, 0, 0x41, 0, 0, 0, 0, 0, 0, 0xea, 0x2c, 0xdf,
      0x28, 0x00, 0xe7, 0x06, 0xe3, 0xff },
    { 0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff }, 0x41, 0x0f, 0,
};

/* The CRTC is at 3B4 in monochrome modes. */
static void crtc_of(QTest *qts, const Mode *m, uint8_t index, uint8_t val)
{
    qtest_outw(qts, m->misc & 1 ? 0x3d4 : 0x3b4, val << 8 | index);
}

static void attr_of(QTest *qts, const Mode *m, uint8_t index, uint8_t val)
{
    qtest_inb(qts, m->misc & 1 ? 0x3da : 0x3ba);
    qtest_outb(qts, 0x3c0, index);
    qtest_outb(qts, 0x3c0, val);
}

static void show(QTest *qts, const Mode *m)
{
    qtest_inb(qts, m->misc & 1 ? 0x3da : 0x3ba);
    qtest_outb(qts, 0x3c0, 0x20);
}

/* The color of DAC index i in six bits, as the data sheet has them, and where they are in a dump. */
static uint32_t six_bits(unsigned i)
{
    return (i & 63) << 16 | ((i * 5 + 3) & 63) << 8 | ((i >> 2) & 63);
}

static uint32_t shown(unsigned i)
{
    return six_bits(i) << 2;
}

static uint32_t color_at(const Picture *p, int x, int y)
{
    return pixel(p, x, y) & 0xfcfcfc;
}

/* Palette registers 0 to 15 choose DAC indices of the same number. */
static void set_mode(QTest *qts, const Mode *m)
{
    qtest_outb(qts, 0x3c2, m->misc);
    for (int i = 0; i < 5; i++) {
        seq(qts, i, m->seq[i]);
    }
    crtc_of(qts, m, 0x11, 0);
    for (int i = 0; i < 25; i++) {
        crtc_of(qts, m, i, m->crtc[i]);
    }
    for (int i = 0; i < 9; i++) {
        gc(qts, i, m->gc[i]);
    }
    for (int i = 0; i < 16; i++) {
        attr_of(qts, m, i, i);
    }
    attr_of(qts, m, 0x10, m->attr_mode);
    attr_of(qts, m, 0x12, m->plane_enable);
    attr_of(qts, m, 0x13, m->panning);
    attr_of(qts, m, 0x14, 0);
    for (int i = 0; i < 256; i++) {
        color(qts, i, six_bits(i) >> 16, six_bits(i) >> 8, six_bits(i));
    }
    show(qts, m);
}

/* Two frames of any mode. */
static void pass_retrace(QTest *qts)
{
    qtest_clock_step(qts, 40 * 1000 * 1000);
}

static void check_size(QTest *qts, int width, int height)
{
    Picture p = dump(qts);

    g_assert_cmpint(p.width, ==, width);
    g_assert_cmpint(p.height, ==, height);
    free_picture(&p);
}

/* The rectangle is of DAC color i. */
static void check_block(QTest *qts, int x, int y, int width, int height, unsigned i)
{
    Picture p = dump(qts);

    for (int row = y; row < y + height; row++) {
        for (int column = x; column < x + width; column++) {
            if (color_at(&p, column, row) != shown(i)) {
                g_error("pixel %d,%d is %06x, not %06x", column, row, color_at(&p, column, row),
                        shown(i));
            }
        }
    }
    free_picture(&p);
}

/* --- sizes and memory layouts --------------------------------------------------------------- */

static void test_sizes(QTest *qts)
{
    static const struct { const Mode *mode; int width, height; } rows[] = {
        { &mode_1, 720, 400 },  { &mode_3, 720, 400 },  { &mode_4, 640, 400 },
        { &mode_6, 640, 400 },  { &mode_7, 720, 400 },  { &mode_d, 640, 400 },
        { &mode_f, 640, 350 },  { &mode_12, 640, 480 }, { &mode_13, 640, 400 },
        { &mode_x, 640, 480 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        set_mode(qts, rows[i].mode);
        check_size(qts, rows[i].width, rows[i].height);
    }
}

/* Even lines from B8000, odd ones from BA000; four pixels a byte, leftmost highest. */
static void test_cga4(QTest *qts)
{
    qtest_writeb(qts, TEXT, 0x1b);            /* 0 1 2 3 */
    qtest_writeb(qts, TEXT + 0x2000, 0xe4);   /* line 1: 3 2 1 0 */
    qtest_writeb(qts, TEXT + 80, 0xc0);       /* line 2: 3 */
    qtest_writeb(qts, TEXT + 0x2000 + 99 * 80 + 79, 0x02); /* the last pixel: 2 */
    for (int i = 0; i < 4; i++) {
        check_block(qts, i * 2, 0, 2, 2, i);
        check_block(qts, i * 2, 2, 2, 2, 3 - i);
    }
    check_block(qts, 0, 4, 2, 2, 3);
    check_block(qts, 2, 4, 638, 2, 0);
    check_block(qts, 638, 398, 2, 2, 2);
    g_assert_cmphex(qtest_readb(qts, TEXT + 0x2000), ==, 0xe4);
}

static void test_cga2(QTest *qts)
{
    qtest_writeb(qts, TEXT, 0xa0);
    qtest_writeb(qts, TEXT + 0x2000, 0x40);
    qtest_writeb(qts, TEXT + 0x2000 + 99 * 80 + 79, 0x01);
    check_block(qts, 0, 0, 1, 2, 1);
    check_block(qts, 1, 0, 1, 2, 0);
    check_block(qts, 2, 0, 1, 2, 1);
    check_block(qts, 0, 2, 1, 2, 0);
    check_block(qts, 1, 2, 1, 2, 1);
    check_block(qts, 639, 398, 1, 2, 1);
}

static void test_mode_13(QTest *qts)
{
    for (int i = 0; i < 8; i++) {
        qtest_writeb(qts, WINDOW + 320 * 7 + i, 0xf0 + i);
    }
    qtest_writeb(qts, WINDOW + 320 * 200 - 1, 0x55);
    for (int i = 0; i < 8; i++) {
        check_block(qts, i * 2, 14, 2, 2, 0xf0 + i);
    }
    check_block(qts, 638, 398, 2, 2, 0x55);
}

static void test_mode_x(QTest *qts)
{
    for (int plane = 0; plane < 4; plane++) {
        seq(qts, 2, 1 << plane);
        qtest_writeb(qts, WINDOW + 80 * 5 + 1, 0x80 + plane); /* pixels 4 to 7 of line 5 */
    }
    seq(qts, 2, 0x0f);
    qtest_writeb(qts, WINDOW + 80 * 239 + 79, 0x33); /* four pixels at once */
    for (int i = 0; i < 4; i++) {
        check_block(qts, 8 + i * 2, 10, 2, 2, 0x80 + i);
    }
    check_block(qts, 632, 478, 8, 2, 0x33);
}

/* 40 columns: dots and lines twice as wide and high. */
static void test_mode_d(QTest *qts)
{
    gc(qts, 8, 0x40); /* the second pixel */
    gc(qts, 5, 0x02);
    qtest_readb(qts, WINDOW + 40 * 3);
    qtest_writeb(qts, WINDOW + 40 * 3, 0x0e);
    check_block(qts, 2, 6, 2, 2, 0x0e);
    check_block(qts, 0, 6, 2, 2, 0);
    check_block(qts, 4, 6, 2, 2, 0);
    check_block(qts, 2, 8, 2, 2, 0);
}

/* Planes 0 and 2; a set pixel of plane 2 alone blinks. */
static void test_mode_f(QTest *qts)
{
    attr_of(qts, &mode_f, 4, 0x18);
    attr_of(qts, &mode_f, 12, 0x00);
    attr_of(qts, &mode_f, 1, 0x08);
    attr_of(qts, &mode_f, 9, 0x08);
    show(qts, &mode_f);
    seq(qts, 2, 0x01);
    qtest_writeb(qts, WINDOW, 0xf0);
    seq(qts, 2, 0x04);
    qtest_writeb(qts, WINDOW, 0x0f);
    check_block(qts, 0, 0, 4, 1, 0x08);
    check_block(qts, 4, 0, 4, 1, 0x18);
    qtest_clock_step(qts, 533 * 1000 * 1000); /* 32 frames at 60 Hz are both phases */
    check_block(qts, 0, 0, 4, 1, 0x08);
    check_block(qts, 4, 0, 4, 1, 0x00);
}

/* --- addresses -------------------------------------------------------------------------------- */

/* Pixels of mode 12h: color i at byte address n. */
static void put_planar(QTest *qts, uint32_t n, uint8_t bits, uint8_t i)
{
    gc(qts, 8, bits);
    gc(qts, 5, 0x02);
    qtest_readb(qts, WINDOW + n);
    qtest_writeb(qts, WINDOW + n, i);
}

static void test_start_address(QTest *qts)
{
    put_planar(qts, 0, 0xff, 3);
    put_planar(qts, 0x1234, 0xff, 9);
    crtc(qts, 0x0c, 0x12);
    crtc(qts, 0x0d, 0x34);
    pass_retrace(qts);
    check_block(qts, 0, 0, 8, 1, 9);
    /* Addresses have 16 bits: after FFFF comes 0. */
    crtc(qts, 0x0c, 0xff);
    crtc(qts, 0x0d, 0xff);
    pass_retrace(qts);
    check_block(qts, 8, 0, 8, 1, 3);
}

/* The address is taken at vertical retrace: not in the middle of a picture. */
static void test_start_latch(QTest *qts)
{
    put_planar(qts, 0, 0xff, 3);
    put_planar(qts, 0x4000, 0xff, 9);
    put_planar(qts, 0x4001, 0xff, 10);
    pass_retrace(qts);
    crtc(qts, 0x0c, 0x40);
    check_block(qts, 0, 0, 8, 1, 3);
    crtc(qts, 0x0d, 0x01);
    check_block(qts, 0, 0, 8, 1, 3);
    pass_retrace(qts);
    check_block(qts, 0, 0, 8, 1, 10);
}

static void test_split_screen(QTest *qts)
{
    put_planar(qts, 0, 0xff, 3);
    put_planar(qts, 0x4000, 0xff, 9);
    put_planar(qts, 0x4000 + 100 * 80, 0xff, 10);
    crtc(qts, 0x0c, 0x40);
    /* Line compare 100 (64h): memory from 0 is shown from line 101 on. */
    crtc(qts, 0x18, 0x64);
    crtc(qts, 0x07, 0x2e);
    crtc(qts, 0x09, 0x00);
    pass_retrace(qts);
    check_block(qts, 0, 0, 8, 1, 9);
    check_block(qts, 0, 100, 8, 1, 10);
    check_block(qts, 0, 101, 8, 1, 3);
    /* All ten bits: line 300 (12Ch). */
    crtc(qts, 0x18, 0x2c);
    crtc(qts, 0x07, 0x3e);
    check_block(qts, 0, 300, 8, 1, 0);
    check_block(qts, 0, 301, 8, 1, 3);
}

static void test_panning(QTest *qts)
{
    put_planar(qts, 0, 0x10, 5);  /* pixel 3 */
    put_planar(qts, 80, 0x80, 6); /* right of the screen's last pixel in line 0 */
    put_planar(qts, 80, 0x01, 7);
    attr(qts, 0x13, 3);
    video_on(qts);
    check_block(qts, 0, 0, 1, 1, 5);
    check_block(qts, 637, 0, 1, 1, 6);
    check_block(qts, 4, 1, 1, 1, 7);
    /* Byte panning moves by whole characters. */
    attr(qts, 0x13, 0);
    video_on(qts);
    crtc(qts, 0x08, 0x20);
    check_block(qts, 632, 0, 1, 1, 6);
    check_block(qts, 639, 0, 1, 1, 7);
}

/* Mode control bit 5: what is below the split does not pan. */
static void test_split_panning(QTest *qts)
{
    put_planar(qts, 0, 0x08, 5); /* pixel 4 */
    crtc(qts, 0x18, 0x63);
    crtc(qts, 0x07, 0x2e);
    crtc(qts, 0x09, 0x00);
    attr(qts, 0x13, 4);
    video_on(qts);
    check_block(qts, 0, 0, 1, 1, 5);
    check_block(qts, 0, 100, 1, 1, 5);
    attr(qts, 0x10, 0x21);
    video_on(qts);
    check_block(qts, 0, 0, 1, 1, 5);
    check_block(qts, 4, 100, 1, 1, 5);
}

/* 256 colors: a pixel is two dots, panning counts dots. */
static void test_panning_256(QTest *qts)
{
    seq(qts, 2, 0x02);
    qtest_writeb(qts, WINDOW, 0x99); /* pixel 1 */
    attr(qts, 0x13, 2);
    video_on(qts);
    check_block(qts, 0, 0, 2, 2, 0x99);
    check_block(qts, 2, 0, 2, 2, 0);
}

/* --- text ------------------------------------------------------------------------------------- */

/* A row of a glyph, of the font at address font in plane 2. */
static void put_glyph(QTest *qts, const Mode *m, uint32_t font, uint8_t c, int row, uint8_t pattern)
{
    seq(qts, 2, 0x04);
    seq(qts, 4, 0x06);
    gc(qts, 5, 0x00);
    gc(qts, 6, 0x04);
    qtest_writeb(qts, WINDOW + font + c * 32 + row, pattern);
    seq(qts, 2, m->seq[2]);
    seq(qts, 4, m->seq[4]);
    gc(qts, 5, m->gc[5]);
    gc(qts, 6, m->gc[6]);
}

static void test_text_40(QTest *qts)
{
    put_glyph(qts, &mode_1, 0, 'A', 3, 0x40);
    qtest_writew(qts, TEXT + 2, 0x1e41);
    check_block(qts, 18, 3, 2, 1, 1);
    check_block(qts, 20, 3, 2, 1, 14); /* the second dot, two pixels wide */
    check_block(qts, 22, 3, 14, 1, 1);
    check_block(qts, 36, 3, 2, 1, 0);
}

/* Eight dots a cell, and rows of eight lines shown twice: 80x25 in 640x400. */
static void test_text_8_dots(QTest *qts)
{
    seq(qts, 1, 0x01);
    crtc(qts, 0x09, 0xc7);
    attr(qts, 0x13, 0);
    video_on(qts);
    put_glyph(qts, &mode_3, 0, 0xc4, 7, 0x01);
    qtest_writew(qts, TEXT + 160, 0x1ec4);
    check_size(qts, 640, 400);
    check_block(qts, 0, 16, 8, 14, 1);
    check_block(qts, 7, 30, 1, 2, 14);
    check_block(qts, 8, 30, 1, 2, 0);
}

/* Character map select: eight fonts of 8 KiB; attribute bit 3 chooses between two. */
static void test_fonts(QTest *qts)
{
    static const uint32_t fonts[8] = { 0x0000, 0x4000, 0x8000, 0xc000,
                                       0x2000, 0x6000, 0xa000, 0xe000 };

    for (int i = 0; i < 8; i++) {
        put_glyph(qts, &mode_3, fonts[i], 'A', 0, 0x80 >> i);
    }
    qtest_writew(qts, TEXT, 0x0741);
    qtest_writew(qts, TEXT + 2, 0x0f41);
    for (int i = 0; i < 8; i++) {
        int other = 7 - i;
        /* map B in bits 4, 1, 0 for bit 3 clear; map A in bits 5, 3, 2 */
        seq(qts, 3, (i & 3) | (i & 4) << 2 | (other & 3) << 2 | (other & 4) << 3);
        check_block(qts, i, 0, 1, 1, 7);
        check_block(qts, 9 + other, 0, 1, 1, 15);
        check_block(qts, other, 0, 1, 1, 0);
    }
}

static void test_blink(QTest *qts)
{
    put_glyph(qts, &mode_3, 0, 'A', 0, 0xff);
    qtest_writew(qts, TEXT, 0x9441);
    check_block(qts, 0, 0, 8, 1, 4); /* bit 7 blinks: background 1 */
    check_block(qts, 0, 1, 9, 1, 1);
    qtest_clock_step(qts, 533 * 1000 * 1000);
    check_block(qts, 0, 0, 9, 16, 1);
    qtest_clock_step(qts, 533 * 1000 * 1000);
    check_block(qts, 0, 0, 8, 1, 4);
    attr(qts, 0x10, 0x04); /* it is intensity of the background */
    video_on(qts);
    check_block(qts, 0, 0, 8, 1, 4);
    check_block(qts, 0, 1, 9, 1, 9);
}

static void test_cursor(QTest *qts)
{
    qtest_writew(qts, TEXT + 10, 0x0c20);
    qtest_writew(qts, TEXT + 12, 0x0e20);
    crtc(qts, 0x0f, 5);
    crtc(qts, 0x0a, 0x02);
    crtc(qts, 0x0b, 0x04);
    check_block(qts, 45, 1, 9, 1, 0);
    check_block(qts, 45, 2, 9, 3, 12); /* nine dots of the foreground */
    check_block(qts, 45, 5, 9, 1, 0);
    crtc(qts, 0x0b, 0x24); /* skewed by one cell */
    check_block(qts, 45, 2, 9, 3, 0);
    check_block(qts, 54, 2, 9, 3, 14);
    crtc(qts, 0x0b, 0x01); /* ends before it starts: none */
    check_block(qts, 45, 0, 18, 16, 0);
    crtc(qts, 0x0b, 0x04);
    crtc(qts, 0x0a, 0x22); /* switched off */
    check_block(qts, 45, 0, 18, 16, 0);
    crtc(qts, 0x0a, 0x02);
    check_block(qts, 45, 2, 9, 3, 12);
    qtest_clock_step(qts, 267 * 1000 * 1000); /* 16 frames at 60 Hz are both phases */
    check_block(qts, 45, 2, 9, 3, 0);
}

/* Smooth scrolling: the first row begins at line 3 of its cells, nine-dot panning. */
static void test_text_scroll(QTest *qts)
{
    for (int row = 0; row < 16; row++) {
        put_glyph(qts, &mode_3, 0, 'A', row, row == 3 ? 0xff : 0x00);
    }
    put_glyph(qts, &mode_3, 0, 'B', 0, 0xff);
    qtest_writew(qts, TEXT, 0x0741);
    qtest_writew(qts, TEXT + 160, 0x0742);
    qtest_writew(qts, TEXT + 160 * 25, 0x0e42);
    crtc(qts, 0x08, 0x03);
    check_block(qts, 0, 0, 8, 1, 7);
    check_block(qts, 0, 1, 8, 12, 0);
    check_block(qts, 0, 13, 8, 1, 7);
    check_block(qts, 0, 397, 8, 1, 14); /* row 25 comes into view */
    attr(qts, 0x13, 2); /* three dots */
    video_on(qts);
    check_block(qts, 0, 0, 5, 1, 7);
    check_block(qts, 5, 0, 4, 1, 0);
}

static void test_text_split(QTest *qts)
{
    put_glyph(qts, &mode_3, 0, 'A', 0, 0xff);
    qtest_writew(qts, TEXT, 0x0741);
    crtc(qts, 0x0d, 0x50); /* start in the second row */
    crtc(qts, 0x18, 0x59); /* line 89, in the middle of a row */
    crtc(qts, 0x07, 0x0f);
    crtc(qts, 0x09, 0x0f);
    pass_retrace(qts);
    check_block(qts, 0, 0, 8, 90, 0);
    check_block(qts, 0, 90, 8, 1, 7);
    check_block(qts, 0, 91, 8, 16, 0);
}

/* Monochrome: registers at 3Bx, memory at B0000, attribute 1 is underlined. */
static void test_mono(QTest *qts)
{
    qtest_writew(qts, 0xb0000, 0x0120);
    qtest_writew(qts, 0xb0002, 0x0720);
    qtest_writew(qts, 0xb0004, 0x0920);
    check_block(qts, 0, 12, 27, 1, 0);
    check_block(qts, 0, 13, 9, 1, 1);
    check_block(qts, 9, 13, 9, 1, 0);
    check_block(qts, 18, 13, 9, 1, 9);
    check_block(qts, 0, 14, 27, 1, 0);
    g_assert_cmphex(qtest_inb(qts, 0x3d4), ==, 0xff);
    qtest_outb(qts, 0x3b4, 0x14);
    g_assert_cmphex(qtest_inb(qts, 0x3b5), ==, 0x0d);
    attr_of(qts, &mode_7, 0x10, 0x0c); /* color: no underline */
    show(qts, &mode_7);
    check_block(qts, 0, 13, 27, 1, 0);
}

/* --- colors ------------------------------------------------------------------------------------- */

static void test_palette(QTest *qts)
{
    put_planar(qts, 0, 0xff, 0x0d);
    attr(qts, 0x0d, 0x2b);
    video_on(qts);
    check_block(qts, 0, 0, 8, 1, 0x2b);
    attr(qts, 0x14, 0x0c); /* color select: bits 7 and 6 */
    video_on(qts);
    check_block(qts, 0, 0, 8, 1, 0xeb);
    attr(qts, 0x10, 0x81); /* bits 5 and 4 as well */
    attr(qts, 0x14, 0x0d);
    video_on(qts);
    check_block(qts, 0, 0, 8, 1, 0xdb);
    attr(qts, 0x10, 0x01);
    attr(qts, 0x14, 0x00);
    attr(qts, 0x12, 0x03); /* only planes 0 and 1: color 1 */
    attr(qts, 0x01, 0x15);
    video_on(qts);
    check_block(qts, 0, 0, 8, 1, 0x15);
    qtest_outb(qts, 0x3c6, 0x0f); /* PEL mask */
    check_block(qts, 0, 0, 8, 1, 0x05);
}

static void test_dac_8_bits(QTest *qts)
{
    Picture p;

    set_vbe_mode(qts, 640, 480, 8, 0x20);
    color(qts, 0, 0x81, 0xfe, 0x03);
    p = dump(qts);
    g_assert_cmphex(pixel(&p, 0, 0), ==, 0x81fe03);
    free_picture(&p);
}

/* The screen is black when the sequencer or the attribute controller switch it off. */
static void test_blank(QTest *qts)
{
    color(qts, 0, 10, 20, 30);
    for (int i = 0; i < 2; i++) {
        Picture p;
        if (i == 0) {
            seq(qts, 1, 0x21);
        } else {
            seq(qts, 1, 0x01);
            qtest_inb(qts, 0x3da);
            qtest_outb(qts, 0x3c0, 0x00);
        }
        p = dump(qts);
        g_assert_cmphex(pixel(&p, 0, 0), ==, 0);
        g_assert_cmphex(pixel(&p, 639, 399), ==, 0);
        free_picture(&p);
        show(qts, &mode_13);
        seq(qts, 1, 0x01);
        p = dump(qts);
        g_assert_cmphex(color_at(&p, 639, 399), ==, 10u << 18 | 20u << 10 | 30u << 2);
        free_picture(&p);
    }
}

/* Begins in its mode, text modes without a cursor; NULL: as after reset. */
static const struct ScreenTest {
    const char *name;
    const Mode *mode;
    void (*run)(QTest *qts);
} tests[] = {
    { "sizes", NULL, test_sizes },
    { "cga4", &mode_4, test_cga4 },
    { "cga2", &mode_6, test_cga2 },
    { "mode-13", &mode_13, test_mode_13 },
    { "mode-x", &mode_x, test_mode_x },
    { "mode-d", &mode_d, test_mode_d },
    { "mode-f", &mode_f, test_mode_f },
    { "start-address", &mode_12, test_start_address },
    { "start-latch", &mode_12, test_start_latch },
    { "split", &mode_12, test_split_screen },
    { "panning", &mode_12, test_panning },
    { "split-panning", &mode_12, test_split_panning },
    { "panning-256", &mode_x, test_panning_256 },
    { "text/40", &mode_1, test_text_40 },
    { "text/8-dots", &mode_3, test_text_8_dots },
    { "text/fonts", &mode_3, test_fonts },
    { "text/blink", &mode_3, test_blink },
    { "text/cursor", &mode_3, test_cursor },
    { "text/scroll", &mode_3, test_text_scroll },
    { "text/split", &mode_3, test_text_split },
    { "text/mono", &mode_7, test_mono },
    { "palette", &mode_12, test_palette },
    { "dac-8-bits", NULL, test_dac_8_bits },
    { "blank", &mode_13, test_blank },
};

static void run_test(const void *data)
{
    const struct ScreenTest *test = data;
    QTest *qts = start();

    if (test->mode) {
        set_mode(qts, test->mode);
        crtc_of(qts, test->mode, 0x0a, 0x20);
    }
    test->run(qts);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/vga-screen/", tests[i].name, NULL);
        g_test_add_data_func(path, &tests[i], run_test);
    }
    return g_test_run();
}
