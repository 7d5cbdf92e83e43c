/*
 * The adapters around the standard VGA: isa-vga, secondary-vga, bochs-display
 * and ramfb; their registers by the specification of QEMU's standard VGA and
 * the Bochs display interface.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/vga.h"

enum { MMIO_PORTS = MMIO + 0x400, MMIO_VBE = MMIO + 0x500, MMIO_EXT = MMIO + 0x600 };

static void mmio_vbe(QTest *qts, int index, uint16_t val)
{
    qtest_writew(qts, MMIO_VBE + index * 2, val);
}

static void mmio_mode(QTest *qts, int width, int height, int bpp)
{
    mmio_vbe(qts, VBE_ENABLE, 0);
    mmio_vbe(qts, VBE_XRES, width);
    mmio_vbe(qts, VBE_YRES, height);
    mmio_vbe(qts, VBE_BPP, bpp);
    mmio_vbe(qts, VBE_ENABLE, VBE_ENABLED | VBE_LFB);
}

/* The screen's size and its pixel 3,2. */
static void check_screen(QTest *qts, int width, int height, uint32_t rgb)
{
    Picture p = dump(qts);

    g_assert_cmpint(p.width, ==, width);
    g_assert_cmpint(p.height, ==, height);
    g_assert_cmphex(pixel(&p, 3, 2), ==, rgb);
    free_picture(&p);
}

/* Display, other; no legacy ports; the screen is blank until the guest switches it on. */
static void test_secondary(void)
{
    QTest *qts = start_with("-vga none -device secondary-vga,addr=2");

    g_assert_cmphex(config_read(qts, 0x00), ==, 0x11111234);
    g_assert_cmphex(config_read(qts, 0x08) >> 8, ==, 0x038000);
    g_assert_cmphex(qtest_inb(qts, 0x3cc), ==, 0xff);
    mmio_mode(qts, 1024, 768, 32);
    qtest_writel(qts, LFB + (2 * 1024 + 3) * 4, 0x123456);
    check_screen(qts, 640, 480, 0);
    qtest_writeb(qts, MMIO_PORTS + 0x02, 0x01);
    qtest_writeb(qts, MMIO_PORTS, 0x20);
    check_screen(qts, 1024, 768, 0x123456);
    qtest_quit(qts);
}

static void test_bochs_display(void)
{
    QTest *qts = start_with("-vga none -device bochs-display,addr=2,xres=1600,yres=1200");
    uint8_t edid[54 + 18];

    g_assert_cmphex(config_read(qts, 0x08) >> 8, ==, 0x038000);
    g_assert_cmphex(qtest_inb(qts, 0x3cc), ==, 0xff);
    g_assert_cmphex(qtest_readw(qts, MMIO_VBE), ==, 0xb0c5);
    g_assert_cmpint(qtest_readw(qts, MMIO_VBE + VBE_MEMORY * 2), ==, 256);
    qtest_memread(qts, MMIO, edid, sizeof(edid));
    g_assert_cmpint(edid[54 + 2] | (edid[54 + 4] >> 4) << 8, ==, 1600);
    g_assert_cmpint(edid[54 + 5] | (edid[54 + 7] >> 4) << 8, ==, 1200);
    mmio_mode(qts, 1280, 1024, 32);
    qtest_writel(qts, LFB + (2 * 1280 + 3) * 4, 0xabcdef);
    check_screen(qts, 1280, 1024, 0xabcdef);
    qtest_quit(qts);
}

/* Offset 0x600: the block's size, and the byte order of the frame buffer. */
static void test_byte_order(void)
{
    QTest *qts = start();

    set_vbe_mode(qts, 640, 480, 32, 0);
    qtest_writel(qts, LFB + (2 * 640 + 3) * 4, 0x11223344);
    g_assert_cmphex(qtest_readl(qts, MMIO_EXT), ==, 8);
    g_assert_cmphex(qtest_readl(qts, MMIO_EXT + 4), ==, 0x1e1e1e1e);
    check_screen(qts, 640, 480, 0x223344);
    qtest_writel(qts, MMIO_EXT + 4, 0xbebebebe);
    g_assert_cmphex(qtest_readl(qts, MMIO_EXT + 4), ==, 0xbebebebe);
    check_screen(qts, 640, 480, 0x332211);
    qtest_writel(qts, MMIO_EXT + 4, 0x12345678); /* neither */
    check_screen(qts, 640, 480, 0x332211);
    qtest_writel(qts, MMIO_EXT + 4, 0x1e1e1e1e);
    check_screen(qts, 640, 480, 0x223344);
    qtest_quit(qts);
}

/* The frame buffer is at E0000000; vgamem_mb is rounded up to a power of two. */
static void test_isa(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -device isa-vga,vgamem_mb=3");

    qtest_outb(qts, 0x3c2, 0x67);
    g_assert_cmpint(vbe_read(qts, VBE_MEMORY), ==, 4 * 16);
    set_vbe_mode(qts, 800, 600, 32, 0);
    qtest_writel(qts, 0xe0000000 + (2 * 800 + 3) * 4, 0x456789);
    check_screen(qts, 800, 600, 0x456789);
    gc(qts, 8, 0xff);
    g_assert_cmphex(qtest_readl(qts, WINDOW + (2 * 800 + 3) * 4), ==, 0x456789);
    qtest_quit(qts);
}

/* 4 bits a pixel: planes behind the banked window, and a start that is not a whole byte. */
static void test_vbe_4_bits(void)
{
    QTest *qts = start_planar();
    Picture p;

    for (int i = 0; i < 16; i++) {
        attr(qts, i, i);
        color(qts, i, i * 4, 0, 63 - i);
    }
    attr(qts, 0x12, 0x0f);
    set_vbe_mode(qts, 800, 600, 4, 0);
    seq(qts, 2, 0x0f);
    gc(qts, 5, 0x02);
    gc(qts, 8, 0x80);
    qtest_readb(qts, WINDOW + 100);
    qtest_writeb(qts, WINDOW + 100, 0x09); /* pixel 0 of line 1 */
    p = dump(qts);
    g_assert_cmpint(p.width, ==, 800);
    g_assert_cmphex(pixel(&p, 0, 1) >> 16, ==, (9 * 4) << 2 | (9 * 4) >> 4);
    free_picture(&p);
    vbe(qts, VBE_VIRT_WIDTH, 1600);
    gc(qts, 8, 0x08);
    qtest_readb(qts, WINDOW + 200 + 1);
    qtest_writeb(qts, WINDOW + 200 + 1, 0x05); /* pixel 12 of line 1 */
    vbe(qts, VBE_X_OFFSET, 11);
    p = dump(qts);
    g_assert_cmphex(pixel(&p, 1, 1) >> 16, ==, (5 * 4) << 2 | (5 * 4) >> 4);
    free_picture(&p);
    qtest_quit(qts);
}

/* Writes the item by DMA: the control word at offset 0, big-endian as all of it. */
static void ramfb_config(QTest *qts, uint16_t key, const uint8_t config[28])
{
    enum { DESCRIPTOR = 0x1000, DATA = 0x1100 };
    uint32_t control = (uint32_t)key << 16 | 0x08 | 0x10;

    qtest_memwrite(qts, DATA, config, 28);
    qtest_writel(qts, DESCRIPTOR, GUINT32_TO_BE(control));
    qtest_writel(qts, DESCRIPTOR + 4, GUINT32_TO_BE(28));
    qtest_writel(qts, DESCRIPTOR + 8, 0);
    qtest_writel(qts, DESCRIPTOR + 12, GUINT32_TO_BE(DATA));
    qtest_outl(qts, 0x518, GUINT32_TO_BE(DESCRIPTOR));
    g_assert_cmphex(qtest_readl(qts, DESCRIPTOR), ==, 0);
}

/* The key of a file, from the directory: count, then size, key, reserved and name of each. */
static uint16_t find_file(QTest *qts, const char *name)
{
    uint8_t bytes[4];
    uint32_t count;

    qtest_outw(qts, 0x510, 0x19);
    for (int i = 0; i < 4; i++) {
        bytes[i] = qtest_inb(qts, 0x511);
    }
    count = (uint32_t)bytes[2] << 8 | bytes[3];
    while (count--) {
        uint8_t entry[64];
        for (size_t i = 0; i < sizeof(entry); i++) {
            entry[i] = qtest_inb(qts, 0x511);
        }
        if (g_str_equal((char *)entry + 8, name)) {
            return entry[4] << 8 | entry[5];
        }
    }
    g_error("fw_cfg has no %s", name);
}

static void test_ramfb(void)
{
    /* XR24, 640x480 at 2 MiB, lines of 4096 bytes */
    uint8_t config[28] = { 0, 0, 0, 0, 0, 0x20, 0, 0, '4', '2', 'R', 'X', 0, 0, 0, 0,
                           0, 0, 2, 0x80, 0, 0, 1, 0xe0, 0, 0, 0x10, 0 };
    QTest *qts = qtest_start("-machine pc -nodefaults -vga none -device ramfb");
    uint16_t key = find_file(qts, "etc/ramfb");

    find_file(qts, "vgaroms/vgabios-ramfb.bin");
    ramfb_config(qts, key, config);
    check_screen(qts, 640, 480, 0);
    qtest_writel(qts, 0x200000 + 2 * 4096 + 3 * 4, 0xff102030);
    check_screen(qts, 640, 480, 0x102030);
    memcpy(config + 8, "61GR", 4); /* RG16 */
    ramfb_config(qts, key, config);
    qtest_writew(qts, 0x200000 + 2 * 4096 + 3 * 2, 0xf81f);
    check_screen(qts, 640, 480, 0xff00ff);
    memcpy(config + 8, "????", 4); /* nothing that it knows */
    ramfb_config(qts, key, config);
    dump(qts);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vga-adapters/secondary", test_secondary);
    g_test_add_func("/vga-adapters/bochs-display", test_bochs_display);
    g_test_add_func("/vga-adapters/byte-order", test_byte_order);
    g_test_add_func("/vga-adapters/isa", test_isa);
    g_test_add_func("/vga-adapters/vbe-4-bits", test_vbe_4_bits);
    g_test_add_func("/vga-adapters/ramfb", test_ramfb);
    return g_test_run();
}
