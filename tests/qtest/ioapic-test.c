/*
 * The I/O APIC: registers, edge and level triggered entries, masks, EOI register, as
 * seen in the first CPU's local APIC.
 *
 * Intel 82093AA data sheet. What several CPUs and the EOI broadcast do is in
 * tests/unit/test_apic.c.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/libqtest.h"

#define IOAPIC UINT64_C(0xfec00000)
#define LAPIC UINT64_C(0xfee00000)

enum {
    IOREGSEL = 0x00, IOWIN = 0x10, EOI_REGISTER = 0x40,
    ID = 0, VERSION = 1, ARBITRATION = 2, ENTRIES = 0x10, PINS = 24,
    MASKED = 1 << 16, LEVEL = 1 << 15, REMOTE_IRR = 1 << 14, LOGICAL = 1 << 11, LOWEST = 1 << 8,
    LAPIC_LDR = 0xd0, LAPIC_SVR = 0xf0, LAPIC_TMR = 0x180, LAPIC_IRR = 0x200,
};

static void wr(QTest *qts, uint8_t index, uint32_t val)
{
    qtest_writel(qts, IOAPIC + IOREGSEL, index);
    qtest_writel(qts, IOAPIC + IOWIN, val);
}

static uint32_t rd(QTest *qts, uint8_t index)
{
    qtest_writel(qts, IOAPIC + IOREGSEL, index);
    return qtest_readl(qts, IOAPIC + IOWIN);
}

static void set_pin(QTest *qts, unsigned pin, int level)
{
    qtest_set_irq_in(qts, "ioapic", "unnamed-gpio-in", pin, level);
}

static bool vector_in(QTest *qts, unsigned reg, uint8_t vector)
{
    return qtest_readl(qts, LAPIC + reg + vector / 32 * 16) >> vector % 32 & 1;
}

static QTest *start(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    qtest_writel(qts, LAPIC + LAPIC_SVR, 0x1ff);
    return qts;
}

static void test_registers(void)
{
    QTest *qts = start();

    g_assert_cmphex(rd(qts, VERSION), ==, (PINS - 1) << 16 | 0x20);
    g_assert_cmphex(rd(qts, ID), ==, 0);
    wr(qts, ID, 0x0f000000);
    g_assert_cmphex(rd(qts, ID), ==, 0x0f000000);
    wr(qts, ID, 0xf5ffffff);
    g_assert_cmphex(rd(qts, ID), ==, 0x05000000); /* four bits */
    wr(qts, VERSION, 0);
    g_assert_cmphex(rd(qts, VERSION), ==, (PINS - 1) << 16 | 0x20);
    for (unsigned pin = 0; pin < PINS; pin++) {
        g_assert_cmphex(rd(qts, ENTRIES + 2 * pin), ==, MASKED);
        wr(qts, ENTRIES + 2 * pin + 1, (0x40u + pin) << 24);
        wr(qts, ENTRIES + 2 * pin, MASKED | 0x30 | pin);
    }
    for (unsigned pin = 0; pin < PINS; pin++) {
        g_assert_cmphex(rd(qts, ENTRIES + 2 * pin), ==, MASKED | 0x30 | pin);
        g_assert_cmphex(rd(qts, ENTRIES + 2 * pin + 1), ==, (0x40u + pin) << 24);
    }
    wr(qts, ENTRIES, 0xffffffff); /* delivery status and remote IRR are read-only */
    g_assert_cmphex(rd(qts, ENTRIES), ==, 0x1afff);
    wr(qts, ENTRIES + 1, 0xffffffff);
    g_assert_cmphex(rd(qts, ENTRIES + 1), ==, 0xff000000);
    g_assert_cmphex(rd(qts, 0x80), ==, 0);
    qtest_quit(qts);
}

static void test_edge(void)
{
    QTest *qts = start();

    wr(qts, ENTRIES + 2 * 5, 0x51);
    set_pin(qts, 5, 1);
    g_assert_true(vector_in(qts, LAPIC_IRR, 0x51));
    g_assert_false(vector_in(qts, LAPIC_TMR, 0x51));
    g_assert_cmphex(rd(qts, ENTRIES + 2 * 5), ==, 0x51);

    set_pin(qts, 6, 1); /* an edge at a masked pin is lost */
    wr(qts, ENTRIES + 2 * 6, 0x52);
    g_assert_false(vector_in(qts, LAPIC_IRR, 0x52));
    set_pin(qts, 6, 0);
    set_pin(qts, 6, 1);
    g_assert_true(vector_in(qts, LAPIC_IRR, 0x52));
    qtest_quit(qts);
}

static void test_level(void)
{
    QTest *qts = start();

    set_pin(qts, 10, 1);
    wr(qts, ENTRIES + 2 * 10, MASKED | LEVEL | 0x61);
    g_assert_false(vector_in(qts, LAPIC_IRR, 0x61));
    wr(qts, ENTRIES + 2 * 10, LEVEL | 0x61); /* a level waits for its unmasking */
    g_assert_true(vector_in(qts, LAPIC_IRR, 0x61));
    g_assert_true(vector_in(qts, LAPIC_TMR, 0x61));
    g_assert_cmphex(rd(qts, ENTRIES + 2 * 10), ==, LEVEL | REMOTE_IRR | 0x61);
    set_pin(qts, 10, 0);
    g_assert_cmphex(rd(qts, ENTRIES + 2 * 10), ==, LEVEL | REMOTE_IRR | 0x61); /* until EOI */
    qtest_writel(qts, IOAPIC + EOI_REGISTER, 0x60);
    g_assert_cmphex(rd(qts, ENTRIES + 2 * 10), ==, LEVEL | REMOTE_IRR | 0x61);
    qtest_writel(qts, IOAPIC + EOI_REGISTER, 0x61);
    g_assert_cmphex(rd(qts, ENTRIES + 2 * 10), ==, LEVEL | 0x61);
    qtest_quit(qts);
}

/* Going to edge mode and back clears remote IRR. */
static void test_remote_irr_by_mode(void)
{
    QTest *qts = start();

    wr(qts, ENTRIES + 2 * 11, LEVEL | 0x62);
    set_pin(qts, 11, 1);
    set_pin(qts, 11, 0);
    wr(qts, ENTRIES + 2 * 11, MASKED | 0x62);
    wr(qts, ENTRIES + 2 * 11, LEVEL | 0x62);
    g_assert_cmphex(rd(qts, ENTRIES + 2 * 11), ==, LEVEL | 0x62);
    qtest_quit(qts);
}

static void test_destinations(void)
{
    QTest *qts = start();

    wr(qts, ENTRIES + 2 * 5 + 1, 9u << 24);
    wr(qts, ENTRIES + 2 * 5, 0x71);
    set_pin(qts, 5, 1);
    g_assert_false(vector_in(qts, LAPIC_IRR, 0x71)); /* nobody has ID 9 */
    qtest_writel(qts, LAPIC + LAPIC_LDR, 8u << 24);
    wr(qts, ENTRIES + 2 * 6 + 1, 9u << 24);
    wr(qts, ENTRIES + 2 * 6, LOGICAL | LOWEST | 0x72);
    set_pin(qts, 6, 1);
    g_assert_true(vector_in(qts, LAPIC_IRR, 0x72));
    wr(qts, ENTRIES + 2 * 7 + 1, 0xffu << 24);
    wr(qts, ENTRIES + 2 * 7, 0x73);
    set_pin(qts, 7, 1);
    g_assert_true(vector_in(qts, LAPIC_IRR, 0x73));
    qtest_quit(qts);
}

/* ISA IRQ 0 comes in at pin 2. */
static void test_isa_timer(void)
{
    QTest *qts = start();

    wr(qts, ENTRIES + 2 * 0, 0x40);
    wr(qts, ENTRIES + 2 * 2, 0x42);
    qtest_outb(qts, 0x43, 0x10);
    qtest_outb(qts, 0x40, 10);
    qtest_clock_step(qts, 100000);
    g_assert_false(vector_in(qts, LAPIC_IRR, 0x40));
    g_assert_true(vector_in(qts, LAPIC_IRR, 0x42));
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ioapic/registers", test_registers);
    g_test_add_func("/ioapic/edge", test_edge);
    g_test_add_func("/ioapic/level", test_level);
    g_test_add_func("/ioapic/remote-irr", test_remote_irr_by_mode);
    g_test_add_func("/ioapic/destinations", test_destinations);
    g_test_add_func("/ioapic/isa-timer", test_isa_timer);
    return g_test_run();
}
