/*
 * PCI bus of the pc machine: which functions it has, and how configuration
 * registers common to all of them behave (PCI Local Bus Specification 3.0, chapter 6).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <linux/pci_regs.h>
#include "tests/qtest/pci-config.h"

enum { HOST = QPCI_DEVFN(0, 0), ISA = QPCI_DEVFN(1, 0), IDE = QPCI_DEVFN(1, 1),
       PM = QPCI_DEVFN(1, 3), VGA = QPCI_DEVFN(2, 0), NOBODY = QPCI_DEVFN(0x1f, 0) };

static void test_layout(void)
{
    static const struct { int devfn; uint32_t id; uint32_t class_revision; } functions[] = {
        { HOST, 0x12378086, 0x06000002 }, /* 82441FX */
        { ISA, 0x70008086, 0x06010000 },  /* 82371SB */
        { IDE, 0x70108086, 0x01018000 },
        { PM, 0x71138086, 0x06800003 },   /* 82371AB */
        { VGA, 0x11111234, 0x03000002 },
    };
    QTest *qts = qtest_start("-machine pc -nodefaults -vga std");
    for (unsigned i = 0; i < G_N_ELEMENTS(functions); i++) {
        int devfn = functions[i].devfn;
        g_assert_cmphex(qpci_readl(qts, devfn, PCI_VENDOR_ID), ==, functions[i].id);
        g_assert_cmphex(qpci_readl(qts, devfn, PCI_CLASS_REVISION), ==,
                        functions[i].class_revision);
        /* Firmware tells a virtual PC by these. */
        g_assert_cmphex(qpci_readl(qts, devfn, PCI_SUBSYSTEM_VENDOR_ID), ==, 0x11001af4);
        g_assert_cmphex(qpci_readb(qts, devfn, PCI_HEADER_TYPE), ==, devfn == ISA ? 0x80 : 0);
    }
    g_assert_cmphex(qpci_readl(qts, NOBODY, PCI_VENDOR_ID), ==, 0xffffffff);
    g_assert_cmphex(qpci_readl(qts, QPCI_DEVFN(1, 7), PCI_VENDOR_ID), ==, 0xffffffff);
    qtest_quit(qts);
}

static void test_access_sizes(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    g_assert_cmphex(qpci_readw(qts, PM, PCI_VENDOR_ID), ==, 0x8086);
    g_assert_cmphex(qpci_readw(qts, PM, PCI_DEVICE_ID), ==, 0x7113);
    g_assert_cmphex(qpci_readb(qts, PM, PCI_DEVICE_ID), ==, 0x13);
    g_assert_cmphex(qpci_readb(qts, PM, PCI_DEVICE_ID + 1), ==, 0x71);
    qpci_writel(qts, PM, PCI_CACHE_LINE_SIZE & ~3, 0);
    qpci_writeb(qts, PM, PCI_INTERRUPT_LINE, 0x5a);
    g_assert_cmphex(qpci_readb(qts, PM, PCI_INTERRUPT_LINE), ==, 0x5a);
    g_assert_cmphex(qpci_readb(qts, PM, PCI_INTERRUPT_PIN), ==, 1);
    /* A byte written to port 0xcf8 does not change CONFIG_ADDRESS. */
    qpci_select(qts, PM, 0);
    qtest_outb(qts, 0xcf8, 0x40);
    g_assert_cmphex(qtest_inl(qts, 0xcf8), ==, 0x80000000u | PM << 8);
    /* Without the enable bit, CONFIG_DATA is nothing. */
    qtest_outl(qts, 0xcf8, PM << 8);
    g_assert_cmphex(qtest_inl(qts, 0xcfc), ==, 0xffffffff);
    qtest_quit(qts);
}

static void test_read_only(void)
{
    static const int fixed[] = { PCI_VENDOR_ID, PCI_CLASS_REVISION, PCI_SUBSYSTEM_VENDOR_ID };
    QTest *qts = qtest_start("-machine pc -nodefaults");
    for (unsigned i = 0; i < G_N_ELEMENTS(fixed); i++) {
        uint32_t before = qpci_readl(qts, PM, fixed[i]);
        qpci_writel(qts, PM, fixed[i], ~before);
        g_assert_cmphex(qpci_readl(qts, PM, fixed[i]), ==, before);
    }
    qtest_quit(qts);
}

/* The bus master registers of the IDE function: 16 bytes of I/O space. */
static void test_bar(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    g_assert_cmphex(qpci_readl(qts, IDE, PCI_BASE_ADDRESS_4), ==, 1);
    qpci_writel(qts, IDE, PCI_BASE_ADDRESS_4, 0xffffffff);
    g_assert_cmphex(qpci_readl(qts, IDE, PCI_BASE_ADDRESS_4), ==, 0xfffffff1);
    qpci_writel(qts, IDE, PCI_BASE_ADDRESS_4, 0xc001);
    g_assert_cmphex(qpci_readl(qts, IDE, PCI_BASE_ADDRESS_4), ==, 0xc001);
    g_assert_cmphex(qtest_inb(qts, 0xc000), ==, 0xff); /* decoding is off */
    qpci_writew(qts, IDE, PCI_COMMAND, PCI_COMMAND_IO);
    g_assert_cmphex(qtest_inb(qts, 0xc000), ==, 0);
    qpci_writel(qts, IDE, PCI_BASE_ADDRESS_4, 0xd001);
    g_assert_cmphex(qtest_inb(qts, 0xc000), ==, 0xff);
    g_assert_cmphex(qtest_inb(qts, 0xd000), ==, 0);
    qpci_writew(qts, IDE, PCI_COMMAND, 0);
    g_assert_cmphex(qtest_inb(qts, 0xd000), ==, 0xff);
    qtest_quit(qts);
}

/* What a base address register is and how large, by the usual way: all ones, and what sticks. */
static void test_sizing(void)
{
    static const struct { int devfn, reg; uint32_t sizing; } bars[] = {
        { IDE, PCI_BASE_ADDRESS_4, 0xfffffff1 },  /* 16 ports */
        { VGA, PCI_BASE_ADDRESS_0, 0xff000008 },  /* 16 MiB, prefetchable */
        { VGA, PCI_BASE_ADDRESS_2, 0xfffff000 },  /* 4 KiB */
        { VGA, PCI_ROM_ADDRESS, 0xffff0001 },     /* 64 KiB and the enable bit */
    };
    static const int functions[] = { HOST, ISA, IDE, PM, VGA };
    QTest *qts = qtest_start("-machine pc -nodefaults -vga std");

    for (size_t f = 0; f < G_N_ELEMENTS(functions); f++) {
        for (int reg = PCI_BASE_ADDRESS_0; reg <= PCI_ROM_ADDRESS; reg += 4) {
            uint32_t expected = 0;
            if (reg > PCI_BASE_ADDRESS_5 && reg < PCI_ROM_ADDRESS) {
                continue;
            }
            for (size_t i = 0; i < G_N_ELEMENTS(bars); i++) {
                if (bars[i].devfn == functions[f] && bars[i].reg == reg) {
                    expected = bars[i].sizing;
                }
            }
            qpci_writel(qts, functions[f], reg, 0xffffffff);
            g_assert_cmphex(qpci_readl(qts, functions[f], reg), ==, expected);
        }
    }
    qtest_quit(qts);
}

/* A memory base address: written by bytes, decoded by the command register, moved. */
static void test_memory_bar(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -vga std");

    qpci_writew(qts, VGA, PCI_BASE_ADDRESS_0 + 2, 0xe123); /* below its size nothing sticks */
    g_assert_cmphex(qpci_readl(qts, VGA, PCI_BASE_ADDRESS_0), ==, 0xe1000008);
    qpci_writew(qts, VGA, PCI_COMMAND, PCI_COMMAND_MEMORY);
    qtest_writel(qts, 0xe1000100, 0x12345678);
    qpci_writeb(qts, VGA, PCI_BASE_ADDRESS_0 + 3, 0xe2);
    g_assert_cmphex(qtest_readl(qts, 0xe2000100), ==, 0x12345678);
    qtest_writel(qts, 0xe1000100, 0); /* nobody is there now */
    g_assert_cmphex(qtest_readl(qts, 0xe2000100), ==, 0x12345678);
    qpci_writew(qts, VGA, PCI_COMMAND, 0);
    qtest_writel(qts, 0xe2000100, 0);
    qpci_writew(qts, VGA, PCI_COMMAND, PCI_COMMAND_MEMORY);
    g_assert_cmphex(qtest_readl(qts, 0xe2000100), ==, 0x12345678);
    qtest_quit(qts);
}

/* The expansion ROM answers when both its own enable bit and the command register let it. */
static void test_rom_bar(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -vga std");

    qpci_writel(qts, VGA, PCI_ROM_ADDRESS, 0xe8000000);
    qpci_writew(qts, VGA, PCI_COMMAND, PCI_COMMAND_MEMORY);
    g_assert_cmphex(qtest_readw(qts, 0xe8000000), !=, 0xaa55);
    qpci_writel(qts, VGA, PCI_ROM_ADDRESS, 0xe8000000 | PCI_ROM_ADDRESS_ENABLE);
    g_assert_cmphex(qtest_readw(qts, 0xe8000000), ==, 0xaa55);
    qtest_writew(qts, 0xe8000000, 0);
    g_assert_cmphex(qtest_readw(qts, 0xe8000000), ==, 0xaa55);
    qpci_writew(qts, VGA, PCI_COMMAND, 0);
    g_assert_cmphex(qtest_readw(qts, 0xe8000000), !=, 0xaa55);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pci/layout", test_layout);
    g_test_add_func("/pci/access-sizes", test_access_sizes);
    g_test_add_func("/pci/read-only", test_read_only);
    g_test_add_func("/pci/bar", test_bar);
    g_test_add_func("/pci/sizing", test_sizing);
    g_test_add_func("/pci/memory-bar", test_memory_bar);
    g_test_add_func("/pci/rom-bar", test_rom_bar);
    return g_test_run();
}
