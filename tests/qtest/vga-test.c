/*
 * The standard VGA by the IBM PS/2 Hardware Interface Technical Reference
 * ("Video Subsystem") and the Bochs display interface. Pictures are checked
 * in screen dumps.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/vga.h"

/* --- registers ------------------------------------------------------------------------- */

static void test_registers(void)
{
    QTest *qts = start();

    g_assert_cmphex(qtest_inb(qts, 0x3cc), ==, 0x67);
    seq(qts, 2, 0xff);
    g_assert_cmphex(qtest_inb(qts, 0x3c5), ==, 0x0f);
    gc(qts, 6, 0xff);
    g_assert_cmphex(qtest_inb(qts, 0x3cf), ==, 0x0f);
    attr(qts, 3, 0x15);
    qtest_inb(qts, 0x3da);
    qtest_outb(qts, 0x3c0, 3);
    g_assert_cmphex(qtest_inb(qts, 0x3c1), ==, 0x15);
    /* The protect bit locks CRTC 0 to 7, but for line compare's bit 8. */
    crtc(qts, 0x00, 0x5f);
    crtc(qts, 0x07, 0x00);
    crtc(qts, 0x11, 0x80);
    crtc(qts, 0x00, 0x11);
    crtc(qts, 0x07, 0xff);
    qtest_outb(qts, 0x3d4, 0x00);
    g_assert_cmphex(qtest_inb(qts, 0x3d5), ==, 0x5f);
    qtest_outb(qts, 0x3d4, 0x07);
    g_assert_cmphex(qtest_inb(qts, 0x3d5), ==, 0x10);
    /* With the color bit off the CRTC is at 3B4. */
    qtest_outb(qts, 0x3c2, 0x66);
    g_assert_cmphex(qtest_inb(qts, 0x3d5), ==, 0xff);
    g_assert_cmphex(qtest_inb(qts, 0x3b5), ==, 0x10);
    qtest_quit(qts);
}

static void test_dac(void)
{
    QTest *qts = start();

    color(qts, 7, 1, 2, 3);
    g_assert_cmphex(qtest_inb(qts, 0x3c8), ==, 8); /* moves on by itself */
    g_assert_cmphex(qtest_inb(qts, 0x3c7), ==, 0);
    qtest_outb(qts, 0x3c9, 4);
    qtest_outb(qts, 0x3c7, 7);
    g_assert_cmphex(qtest_inb(qts, 0x3c7), ==, 3);
    g_assert_cmphex(qtest_inb(qts, 0x3c9), ==, 1);
    g_assert_cmphex(qtest_inb(qts, 0x3c9), ==, 2);
    g_assert_cmphex(qtest_inb(qts, 0x3c9), ==, 3);
    g_assert_cmphex(qtest_inb(qts, 0x3c9), ==, 0); /* the lone 4 changed nothing */
    qtest_quit(qts);
}

/* 80x25 text: 449 lines of 900 dots at 28.322 MHz; retrace from line 412 for two lines. */
static void test_retrace(void)
{
    const double line_ns = 900 / 0.028322, frame_ns = line_ns * 449;
    QTest *qts = start();
    int64_t now = 0;

    crtc(qts, 0x11, 0x0e);
    crtc(qts, 0x00, 0x5f);
    crtc(qts, 0x01, 0x4f);
    crtc(qts, 0x06, 0xbf);
    crtc(qts, 0x07, 0x1f);
    crtc(qts, 0x10, 0x9c);
    crtc(qts, 0x12, 0x8f);
    static const struct { double line; uint8_t status; } beam[] = {
        { 10.2, 0x00 }, { 10.95, 0x01 }, { 399.2, 0x00 }, { 400.2, 0x01 }, { 411.5, 0x01 },
        { 412.5, 0x09 }, { 413.5, 0x09 }, { 414.5, 0x01 }, { 448.5, 0x01 },
    };
    for (int frame = 0; frame < 2; frame++) {
        for (size_t i = 0; i < G_N_ELEMENTS(beam); i++) {
            int64_t at = frame * frame_ns + beam[i].line * line_ns;
            now = qtest_clock_step(qts, at - now);
            g_assert_cmphex(qtest_inb(qts, 0x3da) & 0x09, ==, beam[i].status);
        }
    }
    qtest_quit(qts);
}

/* --- memory ----------------------------------------------------------------------------- */

static void test_write_mode_0(void)
{
    QTest *qts = start_planar();

    fill_planes(qts, 0, 0x44332211);
    g_assert_cmphex(read_planes(qts, 0), ==, 0x44332211);
    seq(qts, 2, 0x05); /* planes 0 and 2 only */
    qtest_writeb(qts, WINDOW, 0xff);
    g_assert_cmphex(read_planes(qts, 0), ==, 0x44ff22ff);
    seq(qts, 2, 0x0f);
    gc(qts, 3, 0x04); /* rotate right by 4 */
    qtest_writeb(qts, WINDOW, 0x12);
    g_assert_cmphex(read_planes(qts, 0), ==, 0x21212121);
    gc(qts, 3, 0x00);
    gc(qts, 0, 0x0a); /* set/reset on planes 0 and 1: plane 1 set, plane 0 reset */
    gc(qts, 1, 0x03);
    qtest_writeb(qts, WINDOW, 0x5a);
    g_assert_cmphex(read_planes(qts, 0), ==, 0x5a5aff00);
    gc(qts, 1, 0x00);
    gc(qts, 8, 0x0f); /* the other bits come from the latch */
    qtest_readb(qts, WINDOW);
    qtest_writeb(qts, WINDOW, 0x33);
    g_assert_cmphex(read_planes(qts, 0), ==, 0x5353f303);
    qtest_quit(qts);
}

static void test_logical_functions(void)
{
    static const struct { uint8_t function; uint32_t result; } rows[] = {
        { 0x08, 0x44332211 & 0x0f0f0f0f }, { 0x10, 0x44332211 | 0x0f0f0f0f },
        { 0x18, 0x44332211 ^ 0x0f0f0f0f },
    };
    QTest *qts = start_planar();

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        gc(qts, 3, 0x00);
        fill_planes(qts, 5, 0x44332211);
        qtest_readb(qts, WINDOW + 5);
        gc(qts, 3, rows[i].function);
        qtest_writeb(qts, WINDOW + 5, 0x0f);
        g_assert_cmphex(read_planes(qts, 5), ==, rows[i].result);
    }
    qtest_quit(qts);
}

static void test_write_modes_1_to_3(void)
{
    QTest *qts = start_planar();

    fill_planes(qts, 0, 0x44332211);
    qtest_readb(qts, WINDOW);
    gc(qts, 5, 0x01); /* mode 1: the latch as it is */
    qtest_writeb(qts, WINDOW + 1, 0xff);
    g_assert_cmphex(read_planes(qts, 1), ==, 0x44332211);
    gc(qts, 5, 0x02); /* mode 2: a color */
    qtest_writeb(qts, WINDOW + 2, 0x09);
    g_assert_cmphex(read_planes(qts, 2), ==, 0xff0000ff);
    fill_planes(qts, 3, 0x00000000);
    qtest_readb(qts, WINDOW + 3);
    gc(qts, 0, 0x06);
    gc(qts, 5, 0x03); /* mode 3: set/reset where the byte has bits */
    qtest_writeb(qts, WINDOW + 3, 0x3c);
    g_assert_cmphex(read_planes(qts, 3), ==, 0x003c3c00);
    qtest_quit(qts);
}

static void test_read_mode_1(void)
{
    QTest *qts = start_planar();

    fill_planes(qts, 0, 0x0f00f0ff); /* pixels 7..4: 0011, 3..0: 1001 */
    gc(qts, 5, 0x08);
    gc(qts, 2, 0x03);
    g_assert_cmphex(qtest_readb(qts, WINDOW), ==, 0xf0);
    gc(qts, 2, 0x09);
    g_assert_cmphex(qtest_readb(qts, WINDOW), ==, 0x0f);
    gc(qts, 7, 0x01); /* only plane 0 matters */
    g_assert_cmphex(qtest_readb(qts, WINDOW), ==, 0xff);
    qtest_quit(qts);
}

static void test_chain4_and_maps(void)
{
    QTest *qts = start_planar();

    seq(qts, 4, 0x0e);
    for (int i = 0; i < 8; i++) {
        qtest_writeb(qts, WINDOW + i, 0x10 + i);
    }
    g_assert_cmphex(qtest_readl(qts, WINDOW + 4), ==, 0x17161514);
    g_assert_cmphex(qtest_readl(qts, LFB), ==, 0x13121110); /* the same memory */
    seq(qts, 2, 0x02); /* every fourth byte is plane 1 */
    qtest_writel(qts, WINDOW, 0xffffffff);
    g_assert_cmphex(qtest_readl(qts, WINDOW), ==, 0x1312ff10);
    gc(qts, 6, 0x0d); /* B8000 to BFFFF */
    g_assert_cmphex(qtest_readb(qts, WINDOW), ==, 0xff);
    g_assert_cmphex(qtest_readb(qts, TEXT), ==, 0x10);
    qtest_quit(qts);
}

/* --- pictures ----------------------------------------------------------------------------- */

static void test_text_picture(void)
{
    QTest *qts = start();
    Picture p;

    set_text_mode(qts);
    load_glyph(qts, 'A', 0x81);
    load_glyph(qts, 0xc4, 0x01);
    qtest_writew(qts, TEXT, 0x1441);            /* red on blue */
    qtest_writew(qts, TEXT + 2, 0x02c4);        /* a line drawing character, green */
    qtest_writew(qts, TEXT + (80 + 79) * 2, 0x0741);
    crtc(qts, 0x0a, 0x20); /* no cursor */
    p = dump(qts);
    g_assert_cmpint(p.width, ==, 720);
    g_assert_cmpint(p.height, ==, 400);
    g_assert_cmphex(pixel(&p, 0, 0), ==, 0xff0000);
    g_assert_cmphex(pixel(&p, 1, 0), ==, 0x0000ff);
    g_assert_cmphex(pixel(&p, 7, 15), ==, 0xff0000);
    g_assert_cmphex(pixel(&p, 8, 0), ==, 0x0000ff);  /* the ninth dot is background */
    g_assert_cmphex(pixel(&p, 16, 0), ==, 0x00ff00);
    g_assert_cmphex(pixel(&p, 17, 0), ==, 0x00ff00); /* but for C0 to DF */
    g_assert_cmphex(pixel(&p, 711, 16), ==, 0xffffff);
    g_assert_cmphex(pixel(&p, 711, 32), ==, 0x000000);
    g_free(p.data);
    qtest_writew(qts, TEXT + 160, 0x0741);
    crtc(qts, 0x0a, 0x0d); /* a cursor in lines 13 and 14 of this cell */
    crtc(qts, 0x0f, 80);
    p = dump(qts);
    g_assert_cmphex(pixel(&p, 4, 16 + 12), ==, 0x000000);
    g_assert_cmphex(pixel(&p, 4, 16 + 13), ==, 0xffffff);
    g_assert_cmphex(pixel(&p, 4, 16 + 14), ==, 0xffffff);
    g_assert_cmphex(pixel(&p, 4, 16 + 15), ==, 0x000000);
    g_free(p.data);
    qtest_quit(qts);
}

static void test_screen_text(void)
{
    QTest *qts = start();
    json_object *reply, *result, *text;
    const char *shown;

    set_text_mode(qts);
    for (int i = 0; i < 80 * 25; i++) {
        qtest_writew(qts, TEXT + i * 2, 0x0720);
    }
    for (const char *s = "Hello"; *s; s++) {
        qtest_writew(qts, TEXT + (s - "Hello") * 2, 0x0700 | *s);
    }
    qtest_writew(qts, TEXT + 160, 0x07c9);
    reply = qtest_qmp(qts, "{\"execute\": \"x-screen-text\"}");
    g_assert_true(json_object_object_get_ex(reply, "return", &result));
    g_assert_true(json_object_object_get_ex(result, "text", &text));
    shown = json_object_get_string(text);
    g_assert_true(g_str_has_prefix(shown, "Hello\n╔\n\n"));
    json_object_put(reply);
    qtest_quit(qts);
}

/* 16 colors in planes: mode 12h's essentials, 640x480. */
static void test_planar_picture(void)
{
    QTest *qts = start();
    Picture p;

    set_text_mode(qts);
    crtc(qts, 0x11, 0x00);
    crtc(qts, 0x07, 0x3e);
    crtc(qts, 0x09, 0x40);
    crtc(qts, 0x12, 0xdf);
    crtc(qts, 0x17, 0xe3);
    seq(qts, 1, 0x01);
    seq(qts, 2, 0x0f);
    seq(qts, 4, 0x06);
    gc(qts, 5, 0x02);
    gc(qts, 6, 0x05);
    attr(qts, 0x10, 0x01);
    video_on(qts);
    gc(qts, 8, 0x80); /* one pixel */
    qtest_readb(qts, WINDOW);
    qtest_writeb(qts, WINDOW, 0x04);
    gc(qts, 8, 0x01);
    qtest_readb(qts, WINDOW + 80 * 479 + 79);
    qtest_writeb(qts, WINDOW + 80 * 479 + 79, 0x02);
    p = dump(qts);
    g_assert_cmpint(p.width, ==, 640);
    g_assert_cmpint(p.height, ==, 480);
    g_assert_cmphex(pixel(&p, 0, 0), ==, 0xff0000);
    g_assert_cmphex(pixel(&p, 1, 0), ==, 0x000000);
    g_assert_cmphex(pixel(&p, 639, 479), ==, 0x00ff00);
    g_free(p.data);
    qtest_quit(qts);
}

/* --- Bochs display interface ---------------------------------------------------------------- */

static void test_vbe_registers(void)
{
    QTest *qts = start();

    g_assert_cmphex(vbe_read(qts, VBE_ID), ==, 0xb0c5);
    vbe(qts, VBE_ID, 0xb0c2);
    g_assert_cmphex(vbe_read(qts, VBE_ID), ==, 0xb0c2);
    vbe(qts, VBE_ID, 0x1234);
    g_assert_cmphex(vbe_read(qts, VBE_ID), ==, 0xb0c2);
    g_assert_cmpint(vbe_read(qts, VBE_MEMORY), ==, 16 * 16);
    vbe(qts, VBE_ENABLE, VBE_GETCAPS);
    g_assert_cmpint(vbe_read(qts, VBE_BPP), ==, 32);
    g_assert_cmpint(vbe_read(qts, VBE_XRES), >=, 1920);
    set_vbe_mode(qts, 800, 600, 16, 0);
    g_assert_cmpint(vbe_read(qts, VBE_VIRT_WIDTH), ==, 800);
    g_assert_cmpint(vbe_read(qts, VBE_VIRT_HEIGHT), ==, 16 * 1024 * 1024 / 1600);
    g_assert_cmphex(qtest_readw(qts, MMIO + 0x500 + VBE_YRES * 2), ==, 600);
    g_assert_cmphex(qtest_readb(qts, MMIO + 0x40c), ==, 0x67); /* port 3CC */
    qtest_quit(qts);
}

static void test_vbe_pictures(void)
{
    static const struct { int bpp; uint32_t value, shown; } formats[] = {
        { 8, 0x04, 0xff0000 }, { 15, 0x7c00, 0xff0000 }, { 16, 0x07e0, 0x00ff00 },
        { 24, 0x123456, 0x123456 }, { 32, 0xff654321, 0x654321 },
    };
    QTest *qts = start();

    color(qts, 4, 0x3f, 0, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        int bytes = (formats[i].bpp + 7) / 8;
        uint32_t at = (100 * 640 + 10) * bytes;
        Picture p;

        set_vbe_mode(qts, 640, 480, formats[i].bpp, 0);
        g_assert_cmphex(qtest_readl(qts, LFB + at), ==, 0); /* cleared */
        qtest_memwrite(qts, LFB + at, &formats[i].value, bytes);
        p = dump(qts);
        g_assert_cmpint(p.width, ==, 640);
        g_assert_cmpint(p.height, ==, 480);
        g_assert_cmphex(pixel(&p, 10, 100), ==, formats[i].shown);
        g_assert_cmphex(pixel(&p, 11, 100), ==, 0);
        g_free(p.data);
        /* What is drawn later shows in a later dump: dirty tracking. */
        qtest_memwrite(qts, LFB + at + bytes, &formats[i].value, bytes);
        p = dump(qts);
        g_assert_cmphex(pixel(&p, 11, 100), ==, formats[i].shown);
        g_free(p.data);
    }
    qtest_quit(qts);
}

static void test_vbe_panning_and_bank(void)
{
    QTest *qts = start();
    Picture p;

    set_vbe_mode(qts, 640, 480, 32, 0);
    vbe(qts, VBE_VIRT_WIDTH, 1024);
    vbe(qts, VBE_X_OFFSET, 8);
    vbe(qts, VBE_Y_OFFSET, 2);
    qtest_writel(qts, LFB + (2 * 1024 + 8) * 4, 0x00aabbcc);
    p = dump(qts);
    g_assert_cmphex(pixel(&p, 0, 0), ==, 0xaabbcc);
    g_free(p.data);
    gc(qts, 8, 0xff);
    vbe(qts, VBE_BANK, 3);
    qtest_writel(qts, WINDOW + 0x100, 0x11223344);
    g_assert_cmphex(qtest_readl(qts, LFB + 0x30100), ==, 0x11223344);
    vbe(qts, VBE_BANK, 0);
    g_assert_cmphex(qtest_readl(qts, WINDOW + 0x100), ==, 0);
    qtest_quit(qts);
}

static void test_vbe_bad_values(void)
{
    static const uint16_t values[] = { 0, 1, 7, 0x7fff, 0x8000, 0xffff };
    QTest *qts = start();

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        for (size_t j = 0; j < G_N_ELEMENTS(values); j++) {
            Picture p;
            set_vbe_mode(qts, values[i], values[j], 32, 0);
            vbe(qts, VBE_VIRT_WIDTH, values[j]);
            vbe(qts, VBE_X_OFFSET, values[i]);
            vbe(qts, VBE_Y_OFFSET, values[j]);
            p = dump(qts);
            g_assert_cmpint(vbe_read(qts, VBE_VIRT_WIDTH) * 4 * p.height, <=, 16 << 20);
            g_free(p.data);
        }
    }
    qtest_quit(qts);
}

/* E-EDID: header, sum, and the preferred size in the first detailed timing. */
static void test_edid(void)
{
    QTest *qts = start();
    uint8_t edid[128], sum = 0;

    qtest_memread(qts, MMIO, edid, sizeof(edid));
    for (size_t i = 0; i < sizeof(edid); i++) {
        sum += edid[i];
    }
    g_assert_cmpmem(edid, 8, "\0\377\377\377\377\377\377\0", 8);
    g_assert_cmphex(sum, ==, 0);
    g_assert_cmpint(edid[54 + 2] | (edid[54 + 4] >> 4) << 8, ==, 1280);
    g_assert_cmpint(edid[54 + 5] | (edid[54 + 7] >> 4) << 8, ==, 800);
    qtest_quit(qts);
}

static void test_pci(void)
{
    QTest *qts = start();

    g_assert_cmphex(config_read(qts, 0x00), ==, 0x11111234);
    g_assert_cmphex(config_read(qts, 0x08) >> 8, ==, 0x030000);
    config_write(qts, 0x10, 0xffffffff);
    g_assert_cmphex(config_read(qts, 0x10), ==, 0xff000008); /* 16M, prefetchable */
    config_write(qts, 0x18, 0xffffffff);
    g_assert_cmphex(config_read(qts, 0x18), ==, 0xfffff000); /* 4K */
    config_write(qts, 0x30, 0xffffffff);
    g_assert_cmphex(config_read(qts, 0x30), ==, 0xffff0001); /* VGA BIOS, 64K */
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vga/registers", test_registers);
    g_test_add_func("/vga/dac", test_dac);
    g_test_add_func("/vga/retrace", test_retrace);
    g_test_add_func("/vga/memory/write-mode-0", test_write_mode_0);
    g_test_add_func("/vga/memory/logical-functions", test_logical_functions);
    g_test_add_func("/vga/memory/write-modes-1-to-3", test_write_modes_1_to_3);
    g_test_add_func("/vga/memory/read-mode-1", test_read_mode_1);
    g_test_add_func("/vga/memory/chain4-and-maps", test_chain4_and_maps);
    g_test_add_func("/vga/text-picture", test_text_picture);
    g_test_add_func("/vga/screen-text", test_screen_text);
    g_test_add_func("/vga/planar-picture", test_planar_picture);
    g_test_add_func("/vga/vbe/registers", test_vbe_registers);
    g_test_add_func("/vga/vbe/pictures", test_vbe_pictures);
    g_test_add_func("/vga/vbe/panning-and-bank", test_vbe_panning_and_bank);
    g_test_add_func("/vga/vbe/bad-values", test_vbe_bad_values);
    g_test_add_func("/vga/edid", test_edid);
    g_test_add_func("/vga/pci", test_pci);
    return g_test_run();
}
