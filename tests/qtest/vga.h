/*
 * Register and picture helpers for tests of VGA adapters.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_QTEST_VGA_H
#define TESTS_QTEST_VGA_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "tests/lib/tmp.h"
#include "tests/qtest/libqtest.h"

enum { WINDOW = 0xa0000, TEXT = 0xb8000 };
enum { LFB = 0xe0000000, MMIO = 0xe1000000 };
enum { VBE_ID, VBE_XRES, VBE_YRES, VBE_BPP, VBE_ENABLE, VBE_BANK, VBE_VIRT_WIDTH, VBE_VIRT_HEIGHT,
       VBE_X_OFFSET, VBE_Y_OFFSET, VBE_MEMORY };
enum { VBE_ENABLED = 1, VBE_GETCAPS = 2, VBE_LFB = 0x40, VBE_NO_CLEAR = 0x80 };

static inline void config_write(QTest *qts, unsigned reg, uint32_t val)
{
    qtest_outl(qts, 0xcf8, 0x80000000u | 2 << 11 | reg);
    qtest_outl(qts, 0xcfc, val);
}

static inline uint32_t config_read(QTest *qts, unsigned reg)
{
    qtest_outl(qts, 0xcf8, 0x80000000u | 2 << 11 | reg);
    return qtest_inl(qts, 0xcfc);
}

/* Ports and memory of the adapter answer; -nodefaults leaves slot 2 to it. */
static inline QTest *start_with(const char *args)
{
    QTest *qts = qtest_start("-machine pc -nodefaults %s", args);

    config_write(qts, 0x10, LFB);
    config_write(qts, 0x18, MMIO);
    config_write(qts, 0x04, 0x03);
    qtest_outb(qts, 0x3c2, 0x67); /* color addresses, RAM enabled, 28 MHz */
    return qts;
}

static inline QTest *start(void)
{
    return start_with("-vga std");
}

static inline void seq(QTest *qts, uint8_t index, uint8_t val)
{
    qtest_outw(qts, 0x3c4, val << 8 | index);
}

static inline void gc(QTest *qts, uint8_t index, uint8_t val)
{
    qtest_outw(qts, 0x3ce, val << 8 | index);
}

static inline void crtc(QTest *qts, uint8_t index, uint8_t val)
{
    qtest_outw(qts, 0x3d4, val << 8 | index);
}

static inline void attr(QTest *qts, uint8_t index, uint8_t val)
{
    qtest_inb(qts, 0x3da);
    qtest_outb(qts, 0x3c0, index);
    qtest_outb(qts, 0x3c0, val);
}

static inline void color(QTest *qts, uint8_t index, uint8_t r, uint8_t g, uint8_t b)
{
    qtest_outb(qts, 0x3c8, index);
    qtest_outb(qts, 0x3c9, r);
    qtest_outb(qts, 0x3c9, g);
    qtest_outb(qts, 0x3c9, b);
}

static inline void video_on(QTest *qts)
{
    qtest_inb(qts, 0x3da);
    qtest_outb(qts, 0x3c0, 0x20);
}

static inline void vbe(QTest *qts, uint16_t index, uint16_t val)
{
    qtest_outw(qts, 0x1ce, index);
    qtest_outw(qts, 0x1cf, val);
}

static inline uint16_t vbe_read(QTest *qts, uint16_t index)
{
    qtest_outw(qts, 0x1ce, index);
    return qtest_inw(qts, 0x1cf);
}

/* --- screen dumps --------------------------------------------------------------------- */

typedef struct Picture {
    int width, height;
    char *data;
    const uint8_t *pixels;
} Picture;

static inline Picture dump(QTest *qts)
{
    const char *path;

    close(tmp_file(&path));
    json_object *reply = qtest_qmp(qts, "{\"execute\": \"screendump\", \"arguments\": "
                                   "{\"filename\": \"%s\"}}", path);
    Picture p;
    gsize size;
    int header = 0;

    g_assert_true(json_object_object_get_ex(reply, "return", NULL));
    json_object_put(reply);
    g_assert_true(g_file_get_contents(path, &p.data, &size, NULL));
    g_assert_cmpint(sscanf(p.data, "P6\n%d %d\n255%n", &p.width, &p.height, &header), ==, 2);
    header++; /* one white space; more would be pixels */
    g_assert_cmpuint(size, ==, header + p.width * p.height * 3);
    p.pixels = (const uint8_t *)p.data + header;
    unlink(path);
    return p;
}

static inline uint32_t pixel(const Picture *p, int x, int y)
{
    const uint8_t *rgb = p->pixels + (y * p->width + x) * 3;
    return rgb[0] << 16 | rgb[1] << 8 | rgb[2];
}

static inline void free_picture(Picture *p)
{
    g_free(p->data);
}

/* Planar access at A0000, all planes on. */
static inline QTest *start_planar(void)
{
    QTest *qts = start();

    seq(qts, 4, 0x06);
    seq(qts, 2, 0x0f);
    gc(qts, 0, 0x00);
    gc(qts, 1, 0x00);
    gc(qts, 3, 0x00);
    gc(qts, 5, 0x00);
    gc(qts, 6, 0x05);
    gc(qts, 7, 0x0f);
    gc(qts, 8, 0xff);
    return qts;
}

static inline uint32_t read_planes(QTest *qts, uint32_t offset)
{
    uint32_t planes = 0;

    gc(qts, 5, 0x00);
    for (int p = 0; p < 4; p++) {
        gc(qts, 4, p);
        planes |= (uint32_t)qtest_readb(qts, WINDOW + offset) << p * 8;
    }
    return planes;
}

static inline void fill_planes(QTest *qts, uint32_t offset, uint32_t planes)
{
    for (int p = 0; p < 4; p++) {
        seq(qts, 2, 1 << p);
        qtest_writeb(qts, WINDOW + offset, planes >> p * 8);
    }
    seq(qts, 2, 0x0f);
}

/* Mode 3: 80x25 text, as a BIOS sets it. */
static inline void set_text_mode(QTest *qts)
{
    static const uint8_t crtc_values[] = {
        0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00,
        0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
    };

    crtc(qts, 0x11, 0x00);
    for (size_t i = 0; i < sizeof(crtc_values); i++) {
        crtc(qts, i, crtc_values[i]);
    }
    seq(qts, 1, 0x00);
    seq(qts, 2, 0x03);
    seq(qts, 3, 0x00);
    seq(qts, 4, 0x02);
    gc(qts, 5, 0x10);
    gc(qts, 6, 0x0e);
    gc(qts, 8, 0xff);
    for (int i = 0; i < 16; i++) {
        attr(qts, i, i);
        color(qts, i, i & 4 ? 0x3f : 0, i & 2 ? 0x3f : 0, i & 1 ? 0x3f : 0);
    }
    attr(qts, 0x10, 0x0c);
    attr(qts, 0x12, 0x0f);
    attr(qts, 0x13, 0x08); /* nine dots: 8 does not pan */
    attr(qts, 0x14, 0x00);
    video_on(qts);
}

/* A glyph's row pattern, loaded into plane 2 as a BIOS does. */
static inline void load_glyph(QTest *qts, uint8_t c, uint8_t pattern)
{
    seq(qts, 2, 0x04);
    seq(qts, 4, 0x06);
    gc(qts, 5, 0x00);
    gc(qts, 6, 0x04);
    for (int row = 0; row < 16; row++) {
        qtest_writeb(qts, WINDOW + c * 32 + row, pattern);
    }
    seq(qts, 2, 0x03);
    seq(qts, 4, 0x02);
    gc(qts, 5, 0x10);
    gc(qts, 6, 0x0e);
}

static inline void set_vbe_mode(QTest *qts, int width, int height, int bpp, int flags)
{
    vbe(qts, VBE_ENABLE, 0);
    vbe(qts, VBE_XRES, width);
    vbe(qts, VBE_YRES, height);
    vbe(qts, VBE_BPP, bpp);
    vbe(qts, VBE_ENABLE, VBE_ENABLED | VBE_LFB | flags);
    video_on(qts);
}

#endif
