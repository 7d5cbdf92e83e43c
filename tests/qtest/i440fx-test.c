/*
 * 82441FX host bridge (data sheet 290549): who answers below 1 MiB.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <linux/pci_regs.h>
#include <string.h>
#include "tests/qtest/pci-config.h"

enum {
    HOST = QPCI_DEVFN(0, 0),
    REG_PAM0 = 0x59,
    REG_SMRAM = 0x72,
    PAM_RE = 1,
    PAM_WE = 2,
    SMRAM_DEFAULT = 0x02,
    SMRAM_ENABLE = 0x08,
    SMRAM_LOCK = 0x10,
    SMRAM_OPEN = 0x40,
    RCR = 0xcf9,
};

typedef struct Segment {
    uint32_t base, size;
    uint8_t reg, shift;
} Segment;

/* Table 4 of the data sheet: the nibble that controls each segment. */
static const Segment segments[] = {
    { 0xf0000, 0x10000, 0x59, 4 },
    { 0xc0000, 0x4000, 0x5a, 0 }, { 0xc4000, 0x4000, 0x5a, 4 },
    { 0xc8000, 0x4000, 0x5b, 0 }, { 0xcc000, 0x4000, 0x5b, 4 },
    { 0xd0000, 0x4000, 0x5c, 0 }, { 0xd4000, 0x4000, 0x5c, 4 },
    { 0xd8000, 0x4000, 0x5d, 0 }, { 0xdc000, 0x4000, 0x5d, 4 },
    { 0xe0000, 0x4000, 0x5e, 0 }, { 0xe4000, 0x4000, 0x5e, 4 },
    { 0xe8000, 0x4000, 0x5f, 0 }, { 0xec000, 0x4000, 0x5f, 4 },
};

static void set_mode(QTest *qts, const Segment *seg, uint8_t mode)
{
    uint8_t val = qpci_readb(qts, HOST, seg->reg);
    val = (val & ~(0xf << seg->shift)) | mode << seg->shift;
    qpci_writeb(qts, HOST, seg->reg, val);
    g_assert_cmphex(qpci_readb(qts, HOST, seg->reg), ==, val);
}

static void fill(QTest *qts, const Segment *seg, uint8_t byte)
{
    qtest_memset(qts, seg->base, byte, seg->size);
}

/* Whether the whole segment is that byte. */
static bool holds(QTest *qts, const Segment *seg, uint8_t byte)
{
    g_autofree uint8_t *buf = g_malloc(seg->size);
    qtest_memread(qts, seg->base, buf, seg->size);
    for (uint32_t i = 0; i < seg->size; i++) {
        if (buf[i] != byte) {
            return false;
        }
    }
    return true;
}

static void test_defaults(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    for (int reg = REG_PAM0; reg < REG_PAM0 + 7; reg++) {
        g_assert_cmphex(qpci_readb(qts, HOST, reg), ==, 0);
    }
    g_assert_cmphex(qpci_readb(qts, HOST, REG_SMRAM), ==, SMRAM_DEFAULT);
    g_assert_cmphex(qpci_readb(qts, HOST, PCI_REVISION_ID), ==, 0x02);
    qtest_quit(qts);
}

/* QEMU 7.2 lets qtest write through a read-only segment. */
static void test_pam(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    for (unsigned i = 0; i < G_N_ELEMENTS(segments); i++) {
        const Segment *seg = &segments[i];
        /* PCI: nobody, or a ROM; a write changes neither it nor the RAM below. */
        set_mode(qts, seg, 0);
        fill(qts, seg, 0x11);
        g_assert_false(holds(qts, seg, 0x11));
        set_mode(qts, seg, PAM_RE | PAM_WE);
        g_assert_false(holds(qts, seg, 0x11));
        fill(qts, seg, 0x20 + i);
        g_assert_true(holds(qts, seg, 0x20 + i));
        set_mode(qts, seg, PAM_RE);
        fill(qts, seg, 0x33);
        g_assert_true(holds(qts, seg, 0x20 + i));
    }
    /* Each segment has kept its own; turned off, the RAM is hidden but not lost. */
    for (unsigned i = 0; i < G_N_ELEMENTS(segments); i++) {
        const Segment *seg = &segments[i];
        g_assert_true(holds(qts, seg, 0x20 + i));
        set_mode(qts, seg, 0);
        g_assert_false(holds(qts, seg, 0x20 + i));
        set_mode(qts, seg, PAM_RE | PAM_WE);
        g_assert_true(holds(qts, seg, 0x20 + i));
    }
    qtest_quit(qts);
}

/* Write-only, as firmware shadows itself: reads from the ROM, writes to the RAM behind it. QEMU
 * treats this mode as PCI. */
static void test_pam_write_only(void)
{
    uint8_t rom[256], got[256];
    const Segment *seg = &segments[0];
    QTest *qts = qtest_start("-machine pc -nodefaults");
    uint32_t at = seg->base + seg->size - sizeof(rom); /* around the reset vector */
    qtest_memread(qts, at, rom, sizeof(rom));
    set_mode(qts, seg, PAM_WE);
    qtest_memread(qts, at, got, sizeof(got));
    g_assert_cmpmem(got, sizeof(got), rom, sizeof(rom));
    qtest_memset(qts, at, 0x77, 4);
    qtest_memread(qts, at, got, sizeof(got));
    g_assert_cmpmem(got, sizeof(got), rom, sizeof(rom));
    set_mode(qts, seg, PAM_RE);
    g_assert_cmphex(qtest_readl(qts, at), ==, 0x77777777);
    qtest_quit(qts);
}

static void test_smram(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -vga none");
    g_assert_cmphex(qtest_readl(qts, 0xa0000), ==, 0xffffffff);
    qpci_writeb(qts, HOST, REG_SMRAM, SMRAM_DEFAULT | SMRAM_ENABLE | SMRAM_OPEN);
    qtest_writel(qts, 0xa0000, 0x12345678);
    qtest_writel(qts, 0xbfffc, 0x9abcdef0);
    g_assert_cmphex(qtest_readl(qts, 0xa0000), ==, 0x12345678);
    qpci_writeb(qts, HOST, REG_SMRAM, SMRAM_DEFAULT | SMRAM_ENABLE);
    g_assert_cmphex(qtest_readl(qts, 0xa0000), ==, 0xffffffff);
    qtest_writel(qts, 0xa0000, 0);
    qpci_writeb(qts, HOST, REG_SMRAM, SMRAM_DEFAULT | SMRAM_ENABLE | SMRAM_OPEN);
    g_assert_cmphex(qtest_readl(qts, 0xa0000), ==, 0x12345678);
    g_assert_cmphex(qtest_readl(qts, 0xbfffc), ==, 0x9abcdef0);
    qtest_quit(qts);
}

/* D_LCK closes SMRAM until reset (3.2.21). QEMU's 440FX has no lock. */
static void test_smram_lock(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -vga none");
    qpci_writeb(qts, HOST, REG_SMRAM, SMRAM_DEFAULT | SMRAM_ENABLE | SMRAM_OPEN);
    qpci_writeb(qts, HOST, REG_SMRAM, SMRAM_DEFAULT | SMRAM_ENABLE | SMRAM_OPEN | SMRAM_LOCK);
    g_assert_cmphex(qpci_readb(qts, HOST, REG_SMRAM), ==,
                    SMRAM_DEFAULT | SMRAM_ENABLE | SMRAM_LOCK);
    g_assert_cmphex(qtest_readl(qts, 0xa0000), ==, 0xffffffff);
    qpci_writeb(qts, HOST, REG_SMRAM, SMRAM_DEFAULT | SMRAM_OPEN);
    g_assert_cmphex(qpci_readb(qts, HOST, REG_SMRAM), ==,
                    SMRAM_DEFAULT | SMRAM_ENABLE | SMRAM_LOCK);
    g_assert_cmphex(qtest_readl(qts, 0xa0000), ==, 0xffffffff);
    qtest_quit(qts);
}

static void test_reset(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -vga none");
    set_mode(qts, &segments[1], PAM_RE | PAM_WE);
    qtest_writel(qts, 0xc0000, 0x12345678);
    qpci_writeb(qts, HOST, REG_SMRAM, SMRAM_DEFAULT | SMRAM_ENABLE);
    qtest_outb(qts, RCR, 0x06);
    json_object_put(qtest_qmp_event_wait(qts, "RESET"));
    g_assert_cmphex(qpci_readb(qts, HOST, 0x5a), ==, 0);
    g_assert_cmphex(qpci_readb(qts, HOST, REG_SMRAM), ==, SMRAM_DEFAULT);
    g_assert_cmphex(qtest_readl(qts, 0xc0000), !=, 0x12345678);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i440fx/defaults", test_defaults);
    g_test_add_func("/i440fx/pam", test_pam);
    g_test_add_func("/i440fx/pam/write-only", test_pam_write_only);
    g_test_add_func("/i440fx/smram", test_smram);
    g_test_add_func("/i440fx/smram/lock", test_smram_lock);
    g_test_add_func("/i440fx/reset", test_reset);
    return g_test_run();
}
