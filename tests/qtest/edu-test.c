/*
 * The educational device, by its specification (docs/specs/edu of the QEMU project).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <linux/pci_regs.h>
#include "tests/qtest/pci-config.h"

enum { DEVFN = QPCI_DEVFN(5, 0) };
enum { REGS = 0xe0000000, BUFFER = 0x40000 };
enum { ID = 0x00, LIVENESS = 0x04, FACTORIAL = 0x08, STATUS = 0x20, IRQ_STATUS = 0x24,
       IRQ_RAISE = 0x60, IRQ_ACK = 0x64, DMA_SRC = 0x80, DMA_DST = 0x88, DMA_COUNT = 0x90,
       DMA_CMD = 0x98 };
enum { MS = 1000000 };

static QTest *start(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -device edu,addr=5");

    qpci_writel(qts, DEVFN, PCI_BASE_ADDRESS_0, REGS);
    qpci_writew(qts, DEVFN, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    return qts;
}

static uint32_t get(QTest *qts, unsigned reg)
{
    return qtest_readl(qts, REGS + reg);
}

static void set(QTest *qts, unsigned reg, uint32_t val)
{
    qtest_writel(qts, REGS + reg, val);
}

static void test_identity(void)
{
    QTest *qts = start();

    g_assert_cmphex(qpci_readl(qts, DEVFN, PCI_VENDOR_ID), ==, 0x11e81234);
    g_assert_cmphex(qpci_readl(qts, DEVFN, PCI_CLASS_REVISION), ==, 0x00ff0010);
    g_assert_cmphex(qpci_readb(qts, DEVFN, PCI_INTERRUPT_PIN), ==, 1);
    g_assert_cmphex(get(qts, ID), ==, 0x010000ed);
    set(qts, LIVENESS, 0x12345678);
    g_assert_cmphex(get(qts, LIVENESS), ==, ~0x12345678u);
    /* Widths that the specification does not have. */
    g_assert_cmphex(qtest_readb(qts, REGS + ID), ==, 0xff);
    g_assert_cmphex(qtest_readw(qts, REGS + ID), ==, 0xffff);
    g_assert_cmphex(qtest_readq(qts, REGS + ID), ==, UINT64_MAX);
    qtest_writew(qts, REGS + LIVENESS, 0);
    g_assert_cmphex(get(qts, LIVENESS), ==, ~0x12345678u);
    qtest_writeq(qts, REGS + DMA_SRC, UINT64_C(0x123456789));
    g_assert_cmphex(qtest_readq(qts, REGS + DMA_SRC), ==, UINT64_C(0x123456789));
    qtest_quit(qts);
}

static void test_factorial(void)
{
    static const struct { uint32_t n, result; } cases[] = {
        { 0, 1 }, { 1, 1 }, { 5, 120 }, { 12, 479001600 }, { 13, 1932053504 }, { 34, 0 },
        { UINT32_MAX, 0 },
    };
    QTest *qts = start();

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        set(qts, FACTORIAL, cases[i].n);
        while (get(qts, STATUS) & 1) {
            /* computing */
        }
        g_assert_cmpuint(get(qts, FACTORIAL), ==, cases[i].result);
    }
    g_assert_cmphex(get(qts, IRQ_STATUS), ==, 0);
    set(qts, STATUS, 0xffffffff);
    g_assert_cmphex(get(qts, STATUS), ==, 0x80);
    set(qts, FACTORIAL, 4);
    while (get(qts, IRQ_STATUS) == 0) {
        /* computing */
    }
    g_assert_cmphex(get(qts, IRQ_STATUS), ==, 1);
    qtest_quit(qts);
}

/* The status register of the configuration space shows the pin (bit 3). */
static bool pin(QTest *qts)
{
    return qpci_readw(qts, DEVFN, PCI_STATUS) & PCI_STATUS_INTERRUPT;
}

static void test_interrupt(void)
{
    QTest *qts = start();

    g_assert_false(pin(qts));
    set(qts, IRQ_RAISE, 0x30);
    g_assert_true(pin(qts));
    g_assert_cmphex(get(qts, IRQ_STATUS), ==, 0x30);
    set(qts, IRQ_ACK, 0x10);
    g_assert_true(pin(qts));
    set(qts, IRQ_ACK, 0x20);
    g_assert_false(pin(qts));
    qtest_quit(qts);
}

static void test_msi(void)
{
    QTest *qts = start();
    uint8_t cap = qpci_readb(qts, DEVFN, PCI_CAPABILITY_LIST);

    g_assert_cmphex(qpci_readb(qts, DEVFN, cap), ==, PCI_CAP_ID_MSI);
    qpci_writel(qts, DEVFN, cap + PCI_MSI_ADDRESS_LO, 0x2000);
    qpci_writel(qts, DEVFN, cap + PCI_MSI_ADDRESS_HI, 0);
    qpci_writew(qts, DEVFN, cap + PCI_MSI_DATA_64, 0x4321);
    qpci_writew(qts, DEVFN, cap + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE);
    qtest_writel(qts, 0x2000, 0);
    set(qts, IRQ_RAISE, 1);
    g_assert_cmphex(qtest_readl(qts, 0x2000), ==, 0x4321);
    g_assert_false(pin(qts));
    qtest_quit(qts);
}

static void transfer(QTest *qts, uint32_t src, uint32_t dst, uint32_t count, uint32_t cmd)
{
    set(qts, DMA_SRC, src);
    set(qts, DMA_DST, dst);
    set(qts, DMA_COUNT, count);
    set(qts, DMA_CMD, cmd);
    g_assert_cmphex(get(qts, DMA_CMD) & 1, ==, 1);
    set(qts, DMA_COUNT, 1); /* too late */
    qtest_clock_step(qts, 101 * MS);
    g_assert_cmphex(get(qts, DMA_CMD) & 1, ==, 0);
    g_assert_cmphex(get(qts, DMA_COUNT), ==, count);
}

static void test_dma(void)
{
    QTest *qts = start();
    uint8_t there[4096], back[4096];

    for (size_t i = 0; i < sizeof(there); i++) {
        there[i] = i * 7 + i / 256;
    }
    qtest_memwrite(qts, 0x10000, there, sizeof(there));
    transfer(qts, 0x10000, BUFFER, 4096, 1);
    g_assert_cmphex(get(qts, IRQ_STATUS), ==, 0);
    transfer(qts, BUFFER, 0x20000, 4096, 1 | 2 | 4);
    g_assert_cmphex(get(qts, IRQ_STATUS), ==, 0x100);
    qtest_memread(qts, 0x20000, back, sizeof(back));
    g_assert_cmpmem(there, sizeof(there), back, sizeof(back));
    /* Outside the buffer nothing moves. */
    qtest_memset(qts, 0x20000, 0xaa, 16);
    transfer(qts, BUFFER + 4090, 0x20000, 16, 1 | 2);
    transfer(qts, BUFFER - 1, 0x20000, 16, 1 | 2);
    g_assert_cmphex(qtest_readl(qts, 0x20000), ==, 0xaaaaaaaa);
    /* The device drives 28 address bits. */
    transfer(qts, BUFFER, 0x50020000, 16, 1 | 2);
    qtest_memread(qts, 0x20000, back, 16);
    g_assert_cmpmem(there, 16, back, 16);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/edu/identity", test_identity);
    g_test_add_func("/edu/factorial", test_factorial);
    g_test_add_func("/edu/interrupt", test_interrupt);
    g_test_add_func("/edu/msi", test_msi);
    g_test_add_func("/edu/dma", test_dma);
    return g_test_run();
}
