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
    CERR = 0xf0,
    FPU_IRQ = 13,
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

/* FERR# latches IRQ 13; a write to port F0h ends it (2.5.5). */
static void test_coprocessor_error(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    g_autofree char *piix3 = qtest_find_device(qts, "PIIX3");

    qtest_irq_intercept_in(qts, "ioapic");
    qtest_set_irq_in(qts, piix3, "ferr", 0, 1);
    g_assert_true(qtest_get_irq(qts, FPU_IRQ));
    qtest_set_irq_in(qts, piix3, "ferr", 0, 0);
    g_assert_true(qtest_get_irq(qts, FPU_IRQ)); /* until it is acknowledged */
    qtest_outb(qts, CERR, 0);
    g_assert_false(qtest_get_irq(qts, FPU_IRQ));
    qtest_set_irq_in(qts, piix3, "ferr", 0, 1);
    qtest_outb(qts, CERR, 0xff);
    g_assert_false(qtest_get_irq(qts, FPU_IRQ)); /* FERR# is asserted, but no new edge */
    qtest_set_irq_in(qts, piix3, "ferr", 0, 0);
    qtest_set_irq_in(qts, piix3, "ferr", 0, 1);
    g_assert_true(qtest_get_irq(qts, FPU_IRQ));
    json_object_put(qtest_qmp(qts, "{'execute': 'system_reset'}"));
    json_object_put(qtest_qmp_event_wait(qts, "RESET"));
    qtest_inb(qts, CERR);
    g_assert_false(qtest_get_irq(qts, FPU_IRQ));
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/piix3/defaults", test_defaults);
    g_test_add_func("/piix3/routing-registers", test_routing_registers);
    g_test_add_func("/piix3/reset-control", test_reset_control);
    g_test_add_func("/piix3/coprocessor-error", test_coprocessor_error);
    return g_test_run();
}
