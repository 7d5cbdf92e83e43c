/*
 * The Cirrus CL-GD5446 by its Technical Reference Manual: registers, memory, pictures, cursor.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/cirrus.h"

/* --- registers -------------------------------------------------------------------------------- */

static void test_identity(void)
{
    QTest *qts = start_cirrus();

    g_assert_cmphex(config_read(qts, 0x00), ==, 0x00b81013);
    g_assert_cmphex(config_read(qts, 0x08) >> 8, ==, 0x030000);
    g_assert_cmphex(crtc_read(qts, 0x27), ==, 0xb8);
    g_assert_cmphex(seq_read(qts, 0x0f), ==, 0x98); /* 4 MiB by its data bus and banks */
    g_assert_cmphex(seq_read(qts, 0x15), ==, 0x04);
    g_assert_cmphex(seq_read(qts, 0x17) & 0x38, ==, 0x20); /* PCI */
    config_write(qts, 0x10, 0xffffffff); /* 32 MiB, 4 KiB */
    config_write(qts, 0x14, 0xffffffff);
    g_assert_cmphex(config_read(qts, 0x10), ==, 0xfe000008);
    g_assert_cmphex(config_read(qts, 0x14), ==, 0xfffff000);
    qtest_quit(qts);
}

static void test_unlock(void)
{
    QTest *qts = start_with("-vga cirrus");

    g_assert_cmphex(seq_read(qts, 6), ==, 0x0f);
    seq(qts, 6, 0x12);
    g_assert_cmphex(seq_read(qts, 6), ==, 0x12);
    seq(qts, 6, 0x00);
    g_assert_cmphex(seq_read(qts, 6), ==, 0x0f);
    seq(qts, 6, 0xfa); /* only bits 4 and 2 to 0 are compared */
    g_assert_cmphex(seq_read(qts, 6), ==, 0x12);
    qtest_quit(qts);
}

/* The bits that read back. */
static void test_masks(void)
{
    static const struct {
        uint8_t index, mask;
    } registers[] = {
        { 0x00, 0xff }, { 0x01, 0xff }, { 0x02, 0x0f }, { 0x05, 0x7f }, { 0x09, 0xff },
        { 0x0a, 0xff }, { 0x0b, 0xff }, { 0x10, 0xff }, { 0x15, 0xff }, { 0x20, 0xff },
        { 0x21, 0x1f }, { 0x23, 0x1f }, { 0x25, 0x1f }, { 0x27, 0x1f }, { 0x28, 0xff },
        { 0x2a, 0x3f }, { 0x2c, 0xff }, { 0x2e, 0x3f }, { 0x2f, 0xff }, { 0x30, 0xff },
        { 0x32, 0xff }, { 0x33, 0xff }, { 0x34, 0xff }, { 0x35, 0xff },
    };
    QTest *qts = start_cirrus();

    for (size_t i = 0; i < G_N_ELEMENTS(registers); i++) {
        gc(qts, registers[i].index, 0xff);
        g_assert_cmphex(gc_read(qts, registers[i].index), ==, registers[i].mask);
        gc(qts, registers[i].index, 0x00);
        g_assert_cmphex(gc_read(qts, registers[i].index), ==, 0x00);
    }
    seq(qts, 0x17, 0xff); /* the bus stays what it is */
    g_assert_cmphex(seq_read(qts, 0x17), ==, 0xe7);
    crtc(qts, 0x27, 0x00);
    g_assert_cmphex(crtc_read(qts, 0x27), ==, 0xb8);
    crtc(qts, 0x1b, 0x5a);
    g_assert_cmphex(crtc_read(qts, 0x1b), ==, 0x5a);
    qtest_quit(qts);
}

/* CR24 and CR26: what the attribute controller's one port is at. */
static void test_attribute_state(void)
{
    QTest *qts = start_cirrus();

    qtest_inb(qts, 0x3da);
    g_assert_cmphex(crtc_read(qts, 0x24) & 0x80, ==, 0x00);
    qtest_outb(qts, 0x3c0, 0x33);
    g_assert_cmphex(crtc_read(qts, 0x24) & 0x80, ==, 0x80);
    g_assert_cmphex(crtc_read(qts, 0x26), ==, 0x33);
    qtest_quit(qts);
}

static void test_hidden_dac(void)
{
    QTest *qts = start_cirrus();

    hidden_dac(qts, 0xe1);
    open_hidden_dac(qts);
    g_assert_cmphex(qtest_inb(qts, 0x3c6), ==, 0xe1);
    qtest_outb(qts, 0x3c6, 0x7f); /* the sequence is over: the pixel mask */
    open_hidden_dac(qts);
    g_assert_cmphex(qtest_inb(qts, 0x3c6), ==, 0xe1);
    qtest_inb(qts, 0x3c6);
    qtest_inb(qts, 0x3c6);
    qtest_outb(qts, 0x3c6, 0xff); /* after two reads */
    open_hidden_dac(qts);
    g_assert_cmphex(qtest_inb(qts, 0x3c6), ==, 0xe1);
    qtest_quit(qts);
}

static void test_pixel_mask(void)
{
    QTest *qts = start_cirrus();

    qtest_outb(qts, 0x3c6, 0x5a);
    g_assert_cmphex(qtest_inb(qts, 0x3c6), ==, 0x5a);
    qtest_quit(qts);
}

/* BAR 1 has the VGA's ports from 3C0 on, and the blitter's registers. */
static void test_mmio(void)
{
    QTest *qts = start_cirrus();

    qtest_writeb(qts, CIRRUS_MMIO + 0x0e, 0x32);
    qtest_writeb(qts, CIRRUS_MMIO + 0x0f, 0x6d);
    g_assert_cmphex(gc_read(qts, 0x32), ==, 0x6d);
    g_assert_cmphex(qtest_readb(qts, BLT_REGS + 0x1a), ==, 0x6d);
    qtest_writel(qts, BLT_REGS + 0x08, 0x01230145);
    g_assert_cmphex(gc_read(qts, 0x20), ==, 0x45);
    g_assert_cmphex(gc_read(qts, 0x21), ==, 0x01);
    g_assert_cmphex(gc_read(qts, 0x22), ==, 0x23);
    g_assert_cmphex(gc_read(qts, 0x23), ==, 0x01);
    qtest_writel(qts, BLT_REGS + 0x04, 0x44332211);
    g_assert_cmphex(gc_read(qts, 0x01), ==, 0x11);
    g_assert_cmphex(gc_read(qts, 0x11), ==, 0x22);
    g_assert_cmphex(gc_read(qts, 0x13), ==, 0x33);
    g_assert_cmphex(gc_read(qts, 0x15), ==, 0x44);
    qtest_quit(qts);
}

/* SR17 puts the blitter's registers at b8000, or over the end of the linear memory. */
static void test_blt_regs_places(void)
{
    QTest *qts = start_cirrus();

    seq(qts, 0x17, 0x04);
    qtest_writeb(qts, 0xb8000 + 0x1a, 0x59);
    g_assert_cmphex(gc_read(qts, 0x32), ==, 0x59);
    g_assert_cmphex(qtest_readb(qts, 0xb8000 + 0x1a), ==, 0x59);
    qtest_writeb(qts, LFB + CIRRUS_MEMORY - 0x100 + 0x1a, 0x77);
    g_assert_cmphex(gc_read(qts, 0x32), ==, 0x59);
    seq(qts, 0x17, 0x44);
    qtest_writeb(qts, LFB + CIRRUS_MEMORY - 0x100 + 0x1a, 0x95);
    g_assert_cmphex(gc_read(qts, 0x32), ==, 0x95);
    qtest_writeb(qts, 0xb8000 + 0x1a, 0x00);
    g_assert_cmphex(gc_read(qts, 0x32), ==, 0x95);
    seq(qts, 0x17, 0x00);
    g_assert_cmphex(qtest_readb(qts, LFB + CIRRUS_MEMORY - 0x100 + 0x1a), ==, 0x77);
    qtest_quit(qts);
}

/* --- memory ----------------------------------------------------------------------------------- */

/* GR9 and GRA count 4 KiB, or 16 KiB with GRB bit 5; GRB bit 0 makes two windows of 32 KiB. */
static void test_banks(void)
{
    QTest *qts = start_cirrus();

    for (uint32_t i = 0; i < 64; i++) {
        qtest_writel(qts, LFB + i * 0x1000 * 5, i);
    }
    gc(qts, 0x09, 5);
    g_assert_cmphex(qtest_readl(qts, WINDOW), ==, 1);
    g_assert_cmphex(qtest_readl(qts, WINDOW + 0xa000), ==, 3);
    gc(qts, 0x0b, 0x20);
    g_assert_cmphex(qtest_readl(qts, WINDOW), ==, 4);
    gc(qts, 0x0b, 0x01);
    gc(qts, 0x0a, 10);
    g_assert_cmphex(qtest_readl(qts, WINDOW), ==, 1);
    g_assert_cmphex(qtest_readl(qts, WINDOW + 0x8000), ==, 2);
    qtest_writel(qts, WINDOW + 0x8000 + 0x5000, 0x12345678);
    g_assert_cmphex(qtest_readl(qts, LFB + 15 * 0x1000), ==, 0x12345678);
    gc(qts, 0x0b, 0x21);
    g_assert_cmphex(qtest_readl(qts, WINDOW + 0x8000), ==, 8);
    qtest_quit(qts);
}

/* Eight pixels for a byte: bits that are 1 in the foreground; in mode 5 the others in the background. */
static void test_write_modes(void)
{
    static const uint8_t mode4[] = { 0xf1, 7, 0xf1, 7, 7, 0xf1, 7, 0xf1 };
    static const uint8_t mode5[] = { 0xf1, 0xb0, 0xf1, 0xb0, 0xb0, 0xf1, 0xb0, 0xf1 };
    static const uint16_t wide5[] = { 0xf2f1, 0xb2b0, 0xf2f1, 0xb2b0, 0xb2b0, 0xf2f1, 0xb2b0, 0xf2f1 };
    QTest *qts = start_cirrus();
    uint8_t got[16];

    qtest_memset(qts, LFB, 7, 64);
    gc(qts, 0x00, 0xb0);
    gc(qts, 0x10, 0xb2);
    gc(qts, 0x01, 0xf1);
    gc(qts, 0x11, 0xf2);
    gc(qts, 0x0b, 0x06); /* a byte stands for eight, extended write modes */
    gc(qts, 0x05, 0x04);
    qtest_writeb(qts, WINDOW + 1, 0xa5);
    gc(qts, 0x05, 0x05);
    qtest_writeb(qts, WINDOW + 2, 0xa5);
    gc(qts, 0x0b, 0x16); /* sixteen-bit pixels */
    qtest_writeb(qts, WINDOW + 2, 0xa5);
    gc(qts, 0x0b, 0x00);
    gc(qts, 0x05, 0x00);
    qtest_memread(qts, LFB + 8, got, 8);
    g_assert_cmpmem(got, 8, mode4, 8);
    qtest_memread(qts, LFB + 16, got, 8);
    g_assert_cmpmem(got, 8, mode5, 8);
    qtest_memread(qts, LFB + 32, got, 16);
    g_assert_cmpmem(got, 16, wide5, 16);
    g_assert_cmphex(qtest_readb(qts, LFB + 24), ==, 7);
    g_assert_cmphex(qtest_readb(qts, LFB + 48), ==, 7);
    qtest_quit(qts);
}

/* --- pictures --------------------------------------------------------------------------------- */

enum { WIDTH = 64, HEIGHT = 48 };

/* CRTC for WIDTH by HEIGHT pixels. */
static void set_mode(QTest *qts, uint8_t mode, uint8_t dac, unsigned pitch)
{
    seq(qts, 7, 0x01 | mode);
    hidden_dac(qts, dac);
    seq(qts, 1, 0x01);
    crtc(qts, 0x11, 0x00);
    crtc(qts, 0x00, 0x20);
    crtc(qts, 0x01, WIDTH / 8 - 1);
    crtc(qts, 0x06, 0x60);
    crtc(qts, 0x07, 0x10);
    crtc(qts, 0x09, 0x40);
    crtc(qts, 0x12, HEIGHT - 1);
    crtc(qts, 0x13, pitch / 8);
    crtc(qts, 0x1b, 0x22 | (pitch / 8 >> 4 & 0x10));
    crtc(qts, 0x17, 0xe3);
    crtc(qts, 0x18, 0xff);
    video_on(qts);
}

/* SR7 and HDR of each depth, and a pixel's bytes with the color they show. */
static const struct {
    const char *name;
    uint8_t mode, dac, bytes;
    struct {
        uint32_t pixel, color;
    } samples[4];
} depths[] = {
    { "8", 0x00, 0x00, 1, { { 1, 0x0000ff }, { 2, 0x00ff00 }, { 4, 0xff0000 }, { 0, 0 } } },
    { "15", 0x06, 0xf0, 2, { { 0x001f, 0x0000ff }, { 0x03e0, 0x00ff00 }, { 0x7c00, 0xff0000 },
                             { 0x7fff, 0xffffff } } },
    { "16", 0x06, 0xe1, 2, { { 0x001f, 0x0000ff }, { 0x07e0, 0x00ff00 }, { 0xf800, 0xff0000 },
                             { 0xffff, 0xffffff } } },
    { "24", 0x04, 0xe5, 3, { { 0x123456, 0x123456 }, { 0xff, 0xff }, { 0xff0000, 0xff0000 },
                             { 0xffffff, 0xffffff } } },
    { "32", 0x08, 0xe5, 4, { { 0xaa123456, 0x123456 }, { 0xff, 0xff }, { 0xff0000, 0xff0000 },
                             { 0xffffffff, 0xffffff } } },
};

static void expect_picture(QTest *qts, unsigned depth, unsigned first)
{
    Picture p = dump(qts);

    g_assert_cmpint(p.width, ==, WIDTH);
    g_assert_cmpint(p.height, ==, HEIGHT);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            unsigned sample = (x + y + first) % 4;
            g_assert_cmphex(pixel(&p, x, y), ==, depths[depth].samples[sample].color);
        }
    }
    free_picture(&p);
}

/* Diagonals of four colors at an address, in lines of some pitch. */
static void draw_picture(QTest *qts, unsigned depth, uint32_t address, unsigned pitch)
{
    unsigned bytes = depths[depth].bytes;
    uint8_t line[WIDTH * 4];

    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            uint32_t val = GUINT32_TO_LE(depths[depth].samples[(x + y) % 4].pixel);
            memcpy(line + x * bytes, &val, bytes);
        }
        qtest_memwrite(qts, LFB + address + y * pitch, line, WIDTH * bytes);
    }
}

static void test_depths(void)
{
    QTest *qts = start_cirrus();

    for (int i = 0; i < 8; i++) {
        color(qts, i, i & 4 ? 0x3f : 0, i & 2 ? 0x3f : 0, i & 1 ? 0x3f : 0);
    }
    for (unsigned depth = 0; depth < G_N_ELEMENTS(depths); depth++) {
        unsigned pitch = WIDTH * depths[depth].bytes + 16;
        set_mode(qts, depths[depth].mode, depths[depth].dac, pitch);
        draw_picture(qts, depth, 0, pitch);
        expect_picture(qts, depth, 0);
    }
    qtest_quit(qts);
}

/* The start address has 20 bits, spread over four registers, and counts 4 bytes. */
static void test_start_address(void)
{
    enum { PITCH = 0x800, START = 0x9a5c4 };
    QTest *qts = start_cirrus();

    set_mode(qts, depths[2].mode, depths[2].dac, PITCH);
    draw_picture(qts, 2, START * 4, PITCH);
    crtc(qts, 0x0c, START >> 8 & 0xff);
    crtc(qts, 0x0d, START & 0xff);
    crtc(qts, 0x1b, 0x32 | (START >> 16 & 1) | (START >> 17 & 3) << 2);
    crtc(qts, 0x1d, (START >> 19 & 1) << 7);
    /* The beam takes a new start with its next frame. */
    qtest_clock_step(qts, INT64_C(100) * 1000000);
    expect_picture(qts, 2, 0);
    crtc(qts, 0x0d, (START & 0xff) + 1); /* two pixels on */
    qtest_clock_step(qts, INT64_C(100) * 1000000);
    Picture p = dump(qts);
    g_assert_cmphex(pixel(&p, 0, 0), ==, depths[2].samples[2].color);
    free_picture(&p);
    qtest_quit(qts);
}

/* What the CPU writes afterwards appears: through the window and the linear frame buffer. */
static void test_updates(void)
{
    QTest *qts = start_cirrus();
    Picture p;

    set_mode(qts, depths[4].mode, depths[4].dac, WIDTH * 4);
    qtest_memset(qts, LFB, 0, WIDTH * HEIGHT * 4);
    p = dump(qts);
    g_assert_cmphex(pixel(&p, 3, 2), ==, 0);
    free_picture(&p);
    qtest_writel(qts, LFB + (2 * WIDTH + 3) * 4, 0x345678);
    qtest_writel(qts, WINDOW + (5 * WIDTH + 6) * 4, 0x9abcde);
    p = dump(qts);
    g_assert_cmphex(pixel(&p, 3, 2), ==, 0x345678);
    g_assert_cmphex(pixel(&p, 6, 5), ==, 0x9abcde);
    free_picture(&p);
    qtest_quit(qts);
}

/* GRE takes the sync signals away: nothing is shown. */
static void test_power(void)
{
    QTest *qts = start_cirrus();
    Picture p;

    set_mode(qts, depths[4].mode, depths[4].dac, WIDTH * 4);
    draw_picture(qts, 4, 0, WIDTH * 4);
    gc(qts, 0x0e, 0x06);
    p = dump(qts);
    g_assert_cmphex(pixel(&p, 0, 0), ==, 0);
    free_picture(&p);
    gc(qts, 0x0e, 0x00);
    expect_picture(qts, 4, 0);
    qtest_quit(qts);
}

/* --- the cursor ------------------------------------------------------------------------------- */

/* Position registers have three bits in their index. */
static void move_cursor(QTest *qts, unsigned x, unsigned y)
{
    seq(qts, 0x10 | (x & 7) << 5, x >> 3);
    seq(qts, 0x11 | (y & 7) << 5, y >> 3);
}

static void set_cursor_colors(QTest *qts, uint8_t attributes)
{
    seq(qts, 0x12, attributes | 0x02); /* 3C9 is the cursor's palette */
    color(qts, 0x00, 0x3f, 0x00, 0x3f); /* background */
    color(qts, 0x0f, 0x3f, 0x3f, 0x00); /* foreground */
    seq(qts, 0x12, attributes);
}

/* The pixel of each pair of planes, below it the screen is 123456. */
static const uint32_t cursor_looks[2][2] = { { 0x123456, 0xff00ff }, { 0xedcba9, 0xffff00 } };

static unsigned plane_bit(unsigned plane, int x, int y)
{
    return plane ? (x ^ y) >> 2 & 1 : (x + 3 * y) >> 1 & 1;
}

static void expect_cursor(QTest *qts, int left, int top, int size)
{
    Picture p = dump(qts);

    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            int cx = x - left, cy = y - top;
            bool inside = cx >= 0 && cy >= 0 && cx < size && cy < size;
            uint32_t want = inside ? cursor_looks[plane_bit(0, cx, cy)][plane_bit(1, cx, cy)]
                                   : 0x123456;
            g_assert_cmphex(pixel(&p, x, y), ==, want);
        }
    }
    free_picture(&p);
}

/* A pattern n of the last 16 KiB. */
static void load_cursor(QTest *qts, unsigned n, int size)
{
    uint8_t bytes[1024] = { 0 };

    for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
            unsigned bit = 0x80 >> x % 8, at = size == 64 ? y * 16 + x / 8 : y * 4 + x / 8;
            bytes[at] |= plane_bit(0, x, y) ? bit : 0;
            bytes[at + (size == 64 ? 8 : 128)] |= plane_bit(1, x, y) ? bit : 0;
        }
    }
    qtest_memwrite(qts, LFB + CIRRUS_MEMORY - 0x4000 + n * 256, bytes, size == 64 ? 1024 : 256);
}

static QTest *start_with_cursor(void)
{
    QTest *qts = start_cirrus();
    uint32_t screen[WIDTH * HEIGHT];

    set_mode(qts, depths[4].mode, depths[4].dac, WIDTH * 4);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        screen[i] = GUINT32_TO_LE(0x123456);
    }
    qtest_memwrite(qts, LFB, screen, sizeof(screen));
    return qts;
}

static void test_small_cursor(void)
{
    QTest *qts = start_with_cursor();

    load_cursor(qts, 5, 32);
    seq(qts, 0x13, 5);
    move_cursor(qts, 10, 13);
    set_cursor_colors(qts, 0x01);
    expect_cursor(qts, 10, 13, 32);
    move_cursor(qts, 45, 30); /* over the edges */
    expect_cursor(qts, 45, 30, 32);
    seq(qts, 0x12, 0x00);
    expect_cursor(qts, 0, 0, 0);
    qtest_quit(qts);
}

static void test_large_cursor(void)
{
    QTest *qts = start_with_cursor();

    load_cursor(qts, 8, 64);
    seq(qts, 0x13, 8);
    move_cursor(qts, 7, 3);
    set_cursor_colors(qts, 0x05);
    expect_cursor(qts, 7, 3, 64);
    seq(qts, 0x13, 11); /* the lower two bits do not count */
    expect_cursor(qts, 7, 3, 64);
    qtest_quit(qts);
}

/* A pattern that changes in place is drawn anew, without a write to a register. */
static void test_changed_cursor(void)
{
    QTest *qts = start_with_cursor();

    move_cursor(qts, 7, 3);
    set_cursor_colors(qts, 0x05);
    expect_cursor(qts, 0, 0, 0);
    load_cursor(qts, 0, 64);
    expect_cursor(qts, 7, 3, 64);
    qtest_quit(qts);
}

/* The ISA card: another identity, and banks and the blitter through what ISA has. */
static void test_isa(void)
{
    enum { ROP_SET = 0x0e };
    static const uint8_t blt[][2] = {
        { 0x20, 7 }, { 0x22, 0 }, { 0x24, 8 }, { 0x26, 8 }, { 0x28, 0x40 }, { 0x29, 0x50 },
        { 0x2a, 0 }, { 0x30, 0 }, { 0x32, ROP_SET }, { 0x31, 2 },
    };
    QTest *qts = qtest_start("-machine pc -nodefaults -device isa-cirrus-vga");

    qtest_outb(qts, 0x3c2, 0x67);
    g_assert_cmphex(crtc_read(qts, 0x27), ==, 0xa0);
    g_assert_cmphex(seq_read(qts, 0x17), ==, 0x38);
    g_assert_cmphex(seq_read(qts, 0x0f), ==, 0x18);
    seq(qts, 6, 0x12);
    seq(qts, 7, 0x01);
    gc(qts, 6, 0x05);
    gc(qts, 0x09, 5);
    qtest_writeq(qts, WINDOW + 0x40, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(blt); i++) {
        gc(qts, blt[i][0], blt[i][1]);
    }
    g_assert_cmphex(qtest_readq(qts, WINDOW + 0x40), ==, UINT64_MAX);
    g_assert_cmphex(qtest_readb(qts, WINDOW + 0x48), ==, 0);
    qtest_quit(qts);
}

static void test_reset(void)
{
    QTest *qts = start_cirrus();

    hidden_dac(qts, 0xe5);
    gc(qts, 0x09, 0x77);
    json_object_put(qtest_qmp(qts, "{\"execute\": \"system_reset\"}"));
    json_object_put(qtest_qmp_event_wait(qts, "RESET"));
    qtest_outb(qts, 0x3c2, 0x67);
    g_assert_cmphex(seq_read(qts, 6), ==, 0x0f);
    g_assert_cmphex(seq_read(qts, 7), ==, 0x00);
    g_assert_cmphex(gc_read(qts, 0x09), ==, 0x00);
    open_hidden_dac(qts);
    g_assert_cmphex(qtest_inb(qts, 0x3c6), ==, 0x00);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cirrus/identity", test_identity);
    g_test_add_func("/cirrus/unlock", test_unlock);
    g_test_add_func("/cirrus/masks", test_masks);
    g_test_add_func("/cirrus/attribute-state", test_attribute_state);
    g_test_add_func("/cirrus/hidden-dac", test_hidden_dac);
    g_test_add_func("/cirrus/pixel-mask", test_pixel_mask);
    g_test_add_func("/cirrus/mmio", test_mmio);
    g_test_add_func("/cirrus/blt-regs-places", test_blt_regs_places);
    g_test_add_func("/cirrus/banks", test_banks);
    g_test_add_func("/cirrus/write-modes", test_write_modes);
    g_test_add_func("/cirrus/depths", test_depths);
    g_test_add_func("/cirrus/start-address", test_start_address);
    g_test_add_func("/cirrus/updates", test_updates);
    g_test_add_func("/cirrus/power", test_power);
    g_test_add_func("/cirrus/cursor/small", test_small_cursor);
    g_test_add_func("/cirrus/cursor/large", test_large_cursor);
    g_test_add_func("/cirrus/cursor/changed", test_changed_cursor);
    g_test_add_func("/cirrus/isa", test_isa);
    g_test_add_func("/cirrus/reset", test_reset);
    return g_test_run();
}
