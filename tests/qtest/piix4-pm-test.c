/*
 * PIIX4 power management (82371AB data sheet 290562; ACPI Specification 6.4, 4.8).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <linux/pci_regs.h>
#include "tests/qtest/pci-config.h"

enum {
    PM = QPCI_DEVFN(1, 3),
    REG_PMBA = 0x40,
    REG_DEVACTB = 0x58,
    REG_PMREGMISC = 0x80,
    REG_SMBBA = 0x90,
    REG_SMBHSTCFG = 0xd2,

    BASE = 0x600,
    PM1_STS = BASE + 0,
    PM1_EN = BASE + 2,
    PM1_CNT = BASE + 4,
    PM_TMR = BASE + 8,
    GPE0_STS = 0xafe0,
    GPE0_EN = 0xafe2,
    APMC = 0xb2,
    APMS = 0xb3,
    SMBUS = 0xb100,

    TMR_STS = 1 << 0,
    PWRBTN_STS = 1 << 8,
    SCI_EN = 1 << 0,
    SLP_EN = 1 << 13,
    ACPI_ENABLE = 0xf1,
    ACPI_DISABLE = 0xf0,
    SCI_PIN = 9,
};
#define PM_TIMER_HZ 3579545
#define NS 1000000000LL

static QTest *start(const char *args)
{
    QTest *qts = qtest_start("-machine pc -nodefaults %s", args);
    qpci_writel(qts, PM, REG_PMBA, BASE | 1);
    qpci_writeb(qts, PM, REG_PMREGMISC, 1);
    return qts;
}

static void test_window(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    g_assert_cmphex(qpci_readl(qts, PM, REG_PMBA), ==, 1);
    qpci_writel(qts, PM, REG_PMBA, BASE | 1);
    g_assert_cmphex(qtest_inw(qts, PM1_CNT), ==, 0xffff);
    qpci_writeb(qts, PM, REG_PMREGMISC, 1);
    g_assert_cmphex(qtest_inw(qts, PM1_CNT), ==, 0);
    qpci_writel(qts, PM, REG_PMBA, 0x4001);
    g_assert_cmphex(qtest_inw(qts, PM1_CNT), ==, 0xffff);
    g_assert_cmphex(qtest_inw(qts, 0x4004), ==, 0);
    qpci_writeb(qts, PM, REG_PMREGMISC, 0);
    g_assert_cmphex(qtest_inw(qts, 0x4004), ==, 0xffff);
    qtest_quit(qts);
}

static void test_acpi_enable(void)
{
    QTest *qts = start("");
    qtest_outb(qts, APMS, 0x5a);
    qtest_outb(qts, APMC, ACPI_ENABLE);
    g_assert_cmphex(qtest_inw(qts, PM1_CNT) & SCI_EN, ==, SCI_EN);
    g_assert_cmphex(qtest_inb(qts, APMC), ==, ACPI_ENABLE);
    g_assert_cmphex(qtest_inb(qts, APMS), ==, 0x5a);
    qtest_outb(qts, APMC, ACPI_DISABLE);
    g_assert_cmphex(qtest_inw(qts, PM1_CNT) & SCI_EN, ==, 0);
    qtest_quit(qts);
}

static void test_timer(void)
{
    QTest *qts = start("");
    int64_t now = qtest_clock_step(qts, 0);
    uint32_t before = qtest_inl(qts, PM_TMR);
    g_assert_cmpuint(before, ==, ((__int128)now * PM_TIMER_HZ / NS) & 0xffffff);
    qtest_clock_step(qts, NS);
    g_assert_cmpuint((qtest_inl(qts, PM_TMR) - before) & 0xffffff, ==, PM_TIMER_HZ);
    qtest_outl(qts, PM_TMR, 0); /* read-only */
    g_assert_cmpuint((qtest_inl(qts, PM_TMR) - before) & 0xffffff, ==, PM_TIMER_HZ);
    g_assert_cmphex(qtest_inb(qts, PM_TMR + 3), ==, 0);
    qtest_clock_step(qts, 4 * NS); /* 24 bits: wraps after 4.69 s */
    g_assert_cmpuint((qtest_inl(qts, PM_TMR) - before) & 0xffffff, ==,
                     (5 * PM_TIMER_HZ) & 0xffffff);
    qtest_quit(qts);
}

/* TMR_STS at each change of the timer's top bit: every 2^23 ticks, 2.3435 s. */
static void test_timer_event(void)
{
    QTest *qts = start("");
    qtest_irq_intercept_in(qts, "ioapic");
    qtest_outb(qts, APMC, ACPI_ENABLE);
    int64_t half = (int64_t)(1 << 23) * NS / PM_TIMER_HZ;
    int64_t now = qtest_clock_step(qts, 0);
    g_assert_cmpint(now, <, half);
    qtest_clock_step(qts, half - now - 1000);
    g_assert_cmphex(qtest_inw(qts, PM1_STS) & TMR_STS, ==, 0);
    qtest_clock_step(qts, 2000);
    g_assert_cmphex(qtest_inw(qts, PM1_STS) & TMR_STS, ==, TMR_STS);
    g_assert_false(qtest_get_irq(qts, SCI_PIN)); /* not enabled */
    qtest_outw(qts, PM1_EN, TMR_STS);
    g_assert_true(qtest_get_irq(qts, SCI_PIN));
    qtest_outw(qts, PM1_STS, TMR_STS);
    g_assert_false(qtest_get_irq(qts, SCI_PIN));
    g_assert_cmphex(qtest_inw(qts, PM1_STS) & TMR_STS, ==, 0);
    /* Enabled: the interrupt comes by itself. */
    qtest_clock_step(qts, half - 2000);
    g_assert_false(qtest_get_irq(qts, SCI_PIN));
    qtest_clock_step(qts, 4000);
    g_assert_true(qtest_get_irq(qts, SCI_PIN));
    qtest_outb(qts, APMC, ACPI_DISABLE); /* without SCI_EN there is no SCI */
    g_assert_false(qtest_get_irq(qts, SCI_PIN));
    qtest_quit(qts);
}

static void test_power_button(void)
{
    QTest *qts = start("");
    qtest_irq_intercept_in(qts, "ioapic");
    qtest_outb(qts, APMC, ACPI_ENABLE);
    qtest_outw(qts, PM1_EN, PWRBTN_STS);
    g_assert_cmphex(qtest_inw(qts, PM1_EN), ==, PWRBTN_STS);
    json_object_put(qtest_qmp(qts, "{'execute':'system_powerdown'}"));
    json_object_put(qtest_qmp_event_wait(qts, "POWERDOWN"));
    g_assert_cmphex(qtest_inw(qts, PM1_STS) & PWRBTN_STS, ==, PWRBTN_STS);
    g_assert_true(qtest_get_irq(qts, SCI_PIN));
    qtest_outb(qts, PM1_STS, 0xff); /* the other byte */
    g_assert_true(qtest_get_irq(qts, SCI_PIN));
    qtest_outb(qts, PM1_STS + 1, PWRBTN_STS >> 8);
    g_assert_cmphex(qtest_inw(qts, PM1_STS) & PWRBTN_STS, ==, 0);
    g_assert_false(qtest_get_irq(qts, SCI_PIN));
    qtest_quit(qts);
}

static void test_soft_off(void)
{
    QTest *qts = start("-no-shutdown");
    qtest_outw(qts, PM1_CNT, SLP_EN); /* SLP_TYP 0 is soft off */
    json_object *event = qtest_qmp_event_wait(qts, "SHUTDOWN");
    json_object *data = json_object_object_get(event, "data");
    g_assert_true(json_object_get_boolean(json_object_object_get(data, "guest")));
    g_assert_cmpstr(json_object_get_string(json_object_object_get(data, "reason")), ==,
                    "guest-shutdown");
    json_object_put(event);
    qtest_quit(qts);
}

static void test_gpe(void)
{
    QTest *qts = start("");
    g_assert_cmphex(qtest_inl(qts, GPE0_STS), ==, 0);
    qtest_outb(qts, GPE0_EN, 0xa5);
    g_assert_cmphex(qtest_inb(qts, GPE0_EN), ==, 0xa5);
    g_assert_cmphex(qtest_inb(qts, GPE0_STS), ==, 0);
    qtest_quit(qts);
}

static void test_smbus(void)
{
    enum { STS = SMBUS, CNT = SMBUS + 2, ADD = SMBUS + 4, DAT0 = SMBUS + 5,
           START = 0x40, BYTE = 1 << 2, BUSY = 1, DEV_ERR = 4 };
    QTest *qts = start("");
    g_assert_cmphex(qpci_readl(qts, PM, REG_SMBBA), ==, SMBUS | 1);
    g_assert_cmphex(qpci_readb(qts, PM, REG_SMBHSTCFG), ==, 0x09);
    qtest_outb(qts, ADD, 0x21);
    qtest_outb(qts, DAT0, 0x11);
    g_assert_cmphex(qtest_inb(qts, DAT0), ==, 0x11);
    qtest_outb(qts, CNT, START | BYTE); /* nobody has this address */
    while (qtest_inb(qts, STS) & BUSY) {
    }
    g_assert_cmphex(qtest_inb(qts, STS) & DEV_ERR, ==, DEV_ERR);
    g_assert_cmphex(qtest_inb(qts, CNT), ==, BYTE);
    qtest_outb(qts, STS, DEV_ERR);
    g_assert_cmphex(qtest_inb(qts, STS), ==, 0);
    qtest_quit(qts);
}

/* Which legacy ports the board has, for firmware. */
static void test_port_report(void)
{
    QTest *qts = start("-serial null -parallel null");
    g_assert_cmphex(qpci_readb(qts, PM, 0x5f), ==, 0x90);
    g_assert_cmphex(qpci_readb(qts, PM, 0x67), ==, 0x08);
    qtest_quit(qts);
    qts = start("");
    g_assert_cmphex(qpci_readb(qts, PM, 0x5f), ==, 0x10);
    g_assert_cmphex(qpci_readb(qts, PM, 0x67), ==, 0);
    qtest_quit(qts);
}

static void test_reset(void)
{
    QTest *qts = start("");
    qtest_outw(qts, PM1_EN, PWRBTN_STS);
    qtest_outb(qts, APMC, ACPI_ENABLE);
    qpci_writel(qts, PM, REG_DEVACTB, 0xffffffff);
    qtest_outb(qts, 0xcf9, 0x06);
    json_object_put(qtest_qmp_event_wait(qts, "RESET"));
    g_assert_cmphex(qpci_readl(qts, PM, REG_PMBA), ==, 1);
    g_assert_cmphex(qpci_readb(qts, PM, REG_PMREGMISC), ==, 0);
    g_assert_cmphex(qpci_readb(qts, PM, REG_DEVACTB), ==, 0);
    g_assert_cmphex(qtest_inw(qts, PM1_CNT), ==, 0xffff);
    qpci_writel(qts, PM, REG_PMBA, BASE | 1);
    qpci_writeb(qts, PM, REG_PMREGMISC, 1);
    g_assert_cmphex(qtest_inw(qts, PM1_CNT), ==, 0);
    g_assert_cmphex(qtest_inw(qts, PM1_EN), ==, 0);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/piix4-pm/window", test_window);
    g_test_add_func("/piix4-pm/acpi-enable", test_acpi_enable);
    g_test_add_func("/piix4-pm/timer", test_timer);
    g_test_add_func("/piix4-pm/timer-event", test_timer_event);
    g_test_add_func("/piix4-pm/power-button", test_power_button);
    g_test_add_func("/piix4-pm/soft-off", test_soft_off);
    g_test_add_func("/piix4-pm/gpe", test_gpe);
    g_test_add_func("/piix4-pm/smbus", test_smbus);
    g_test_add_func("/piix4-pm/port-report", test_port_report);
    g_test_add_func("/piix4-pm/reset", test_reset);
    return g_test_run();
}
