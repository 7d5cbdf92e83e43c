/*
 * 82371SB PCI-to-ISA bridge (data sheet 290550): routing registers and reset
 * control. How PIRQ lines reach the interrupt controllers is in tests/unit/test_pci.c, which
 * has a device to pull them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <linux/pci_regs.h>
#include "tests/qtest/pci-config.h"

enum {
    ISA = QPCI_DEVFN(1, 0),
    REG_IORT = 0x4c,
    REG_XBCS = 0x4e,
    REG_PIRQRCA = 0x60,
    REG_TOM = 0x69,
    RCR = 0xcf9,
};

static void test_defaults(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    g_assert_cmphex(qpci_readb(qts, ISA, REG_IORT), ==, 0x4d);
    g_assert_cmphex(qpci_readw(qts, ISA, REG_XBCS), ==, 0x0003);
    g_assert_cmphex(qpci_readl(qts, ISA, REG_PIRQRCA), ==, 0x80808080);
    g_assert_cmphex(qpci_readb(qts, ISA, REG_TOM), ==, 0x02);
    g_assert_cmphex(qpci_readw(qts, ISA, PCI_STATUS), ==, PCI_STATUS_DEVSEL_MEDIUM);
    qtest_quit(qts);
}

static void test_routing_registers(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    qpci_writel(qts, ISA, REG_PIRQRCA, 0x0b0a050b);
    g_assert_cmphex(qpci_readl(qts, ISA, REG_PIRQRCA), ==, 0x0b0a050b);
    qpci_writeb(qts, ISA, REG_PIRQRCA + 2, 0x80);
    g_assert_cmphex(qpci_readl(qts, ISA, REG_PIRQRCA), ==, 0x0b80050b);
    qtest_quit(qts);
}

static void test_reset_control(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    g_assert_cmphex(qtest_inb(qts, RCR), ==, 0);
    qtest_outb(qts, RCR, 0x02);
    g_assert_cmphex(qtest_inb(qts, RCR), ==, 0x02);
    /* Inside CONFIG_ADDRESS, and yet independent of it. */
    qpci_select(qts, ISA, REG_TOM);
    g_assert_cmphex(qtest_inl(qts, 0xcf8), ==, 0x80000000u | ISA << 8 | (REG_TOM & ~3));
    g_assert_cmphex(qtest_inb(qts, RCR), ==, 0x02);

    qpci_writeb(qts, ISA, REG_PIRQRCA, 0x0b);
    qtest_outb(qts, RCR, 0x06);
    json_object_put(qtest_qmp_event_wait(qts, "RESET"));
    g_assert_cmphex(qpci_readb(qts, ISA, REG_PIRQRCA), ==, 0x80);
    g_assert_cmphex(qtest_inb(qts, RCR), ==, 0);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/piix3/defaults", test_defaults);
    g_test_add_func("/piix3/routing-registers", test_routing_registers);
    g_test_add_func("/piix3/reset-control", test_reset_control);
    return g_test_run();
}
