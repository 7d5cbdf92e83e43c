/*
 * The HPET: main counter, one-shot and periodic comparators in 32 and 64 bits,
 * level and edge interrupts, legacy replacement of timer and RTC.
 *
 * IA-PC HPET specification 1.0a, chapter 2.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/pit.h"

#define HPET UINT64_C(0xfed00000)

enum {
    CAPABILITIES = 0x00, CONFIG = 0x10, STATUS = 0x20, COUNTER = 0xf0,
    ENABLE = 1, LEGACY = 2,
    LEVEL = 1 << 1, INT_ENABLE = 1 << 2, PERIODIC = 1 << 3, SET_VALUE = 1 << 6, BITS_32 = 1 << 8,
    ROUTE_2 = 2 << 9,
    TICK_NS = 10,
};

static uint64_t tn(unsigned timer, unsigned reg)
{
    return HPET + 0x100 + 0x20 * timer + reg;
}

static void set_config(QTest *qts, unsigned timer, uint32_t val)
{
    qtest_writel(qts, tn(timer, 0), val);
}

static void set_comparator(QTest *qts, unsigned timer, uint64_t val)
{
    qtest_writeq(qts, tn(timer, 8), val);
}

static QTest *start(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    qtest_irq_intercept_in(qts, "ioapic");
    return qts;
}

static void test_capabilities(void)
{
    QTest *qts = start();

    /* 10 ns in femtoseconds, Intel, legacy routes, 64 bits, three timers, revision 1 */
    g_assert_cmphex(qtest_readq(qts, HPET), ==, UINT64_C(0x009896808086a201));
    g_assert_cmphex(qtest_readl(qts, HPET + 4), ==, 10000000);
    qtest_writeq(qts, HPET, 0);
    g_assert_cmphex(qtest_readl(qts, HPET), ==, 0x8086a201);
    for (unsigned timer = 0; timer < 3; timer++) {
        uint64_t config = qtest_readq(qts, tn(timer, 0));
        g_assert_cmphex(config & 0x30, ==, 0x30); /* periodic and 64 bits */
        g_assert_cmphex(config >> 32, ==, 1 << 2);
        g_assert_cmphex(qtest_readq(qts, tn(timer, 8)), ==, UINT64_MAX);
        set_config(qts, timer, 5 << 9); /* a route that it has not */
        g_assert_cmphex(qtest_readl(qts, tn(timer, 0)) & 0x3e00, ==, 0);
        set_config(qts, timer, ROUTE_2);
        g_assert_cmphex(qtest_readl(qts, tn(timer, 0)) & 0x3e00, ==, ROUTE_2);
    }
    qtest_quit(qts);
}

static void test_counter(void)
{
    QTest *qts = start();

    qtest_clock_step(qts, 1000);
    g_assert_cmphex(qtest_readq(qts, HPET + COUNTER), ==, 0); /* halted */
    qtest_writel(qts, HPET + CONFIG, ENABLE);
    qtest_clock_step(qts, 1234 * TICK_NS);
    g_assert_cmpuint(qtest_readq(qts, HPET + COUNTER), ==, 1234);
    qtest_writel(qts, HPET + CONFIG, 0);
    qtest_clock_step(qts, 1000);
    g_assert_cmpuint(qtest_readq(qts, HPET + COUNTER), ==, 1234);
    qtest_writeq(qts, HPET + COUNTER, UINT64_C(0xfffffffffffffff0));
    qtest_writel(qts, HPET + CONFIG, ENABLE);
    qtest_clock_step(qts, 0x20 * TICK_NS);
    g_assert_cmpuint(qtest_readq(qts, HPET + COUNTER), ==, 0x10);
    qtest_writel(qts, HPET + CONFIG, 0);
    qtest_writel(qts, HPET + COUNTER + 4, 0x1234); /* halves */
    g_assert_cmphex(qtest_readq(qts, HPET + COUNTER), ==, UINT64_C(0x123400000010));
    qtest_quit(qts);
}

static void test_one_shot(void)
{
    QTest *qts = start();

    set_config(qts, 0, INT_ENABLE | ROUTE_2);
    set_comparator(qts, 0, 500);
    qtest_writel(qts, HPET + CONFIG, ENABLE);
    qtest_clock_step(qts, 500 * TICK_NS - 1);
    g_assert_cmpuint(qtest_irq_raised(qts, 2), ==, 0);
    qtest_clock_step(qts, 1);
    g_assert_cmpuint(qtest_irq_raised(qts, 2), ==, 1);
    g_assert_false(qtest_get_irq(qts, 2)); /* an edge */
    g_assert_cmphex(qtest_readl(qts, HPET + STATUS), ==, 0);
    qtest_clock_step(qts, INT64_C(100000000000)); /* in 64 bits it does not come again */
    g_assert_cmpuint(qtest_irq_raised(qts, 2), ==, 1);
    qtest_quit(qts);
}

/* In 32-bit mode the comparator matches again when the counter has wrapped. */
static void test_32_bits(void)
{
    QTest *qts = start();

    set_config(qts, 1, INT_ENABLE | BITS_32 | ROUTE_2);
    set_comparator(qts, 1, UINT64_C(0x500001000));
    g_assert_cmphex(qtest_readq(qts, tn(1, 8)), ==, 0x1000);
    qtest_writel(qts, HPET + CONFIG, ENABLE);
    qtest_clock_step(qts, 0x1000 * TICK_NS);
    g_assert_cmpuint(qtest_irq_raised(qts, 2), ==, 1);
    qtest_clock_step(qts, (INT64_C(1) << 32) * TICK_NS);
    g_assert_cmpuint(qtest_irq_raised(qts, 2), ==, 2);
    qtest_quit(qts);
}

/* Set-value: the first write is the first match, the second the period. */
static void test_periodic(void)
{
    QTest *qts = start();

    set_config(qts, 0, INT_ENABLE | PERIODIC | SET_VALUE | ROUTE_2);
    set_comparator(qts, 0, 300);
    g_assert_cmphex(qtest_readl(qts, tn(0, 0)) & SET_VALUE, ==, 0); /* clears itself */
    set_comparator(qts, 0, 100);
    g_assert_cmpuint(qtest_readq(qts, tn(0, 8)), ==, 300);
    qtest_writel(qts, HPET + CONFIG, ENABLE);
    qtest_clock_step(qts, 299 * TICK_NS);
    g_assert_cmpuint(qtest_irq_raised(qts, 2), ==, 0);
    for (unsigned n = 1; n <= 5; n++) {
        qtest_clock_step(qts, (n == 1 ? 1 : 100) * TICK_NS);
        g_assert_cmpuint(qtest_irq_raised(qts, 2), ==, n);
        g_assert_cmpuint(qtest_readq(qts, tn(0, 8)), ==, 300 + 100 * n);
    }
    qtest_quit(qts);
}

/* Without its enable bit a periodic timer runs on, and an interrupt enabled later is in phase. */
static void test_silent_periodic(void)
{
    QTest *qts = start();

    set_config(qts, 0, PERIODIC | SET_VALUE | ROUTE_2);
    set_comparator(qts, 0, 300);
    set_comparator(qts, 0, 100);
    qtest_writel(qts, HPET + CONFIG, ENABLE);
    qtest_clock_step(qts, 299 * TICK_NS);
    g_assert_cmpuint(qtest_readq(qts, tn(0, 8)), ==, 300);
    qtest_clock_step(qts, TICK_NS);
    g_assert_cmpuint(qtest_readq(qts, tn(0, 8)), ==, 400);
    qtest_clock_step(qts, 1050 * TICK_NS); /* 1350 */
    g_assert_cmpuint(qtest_readq(qts, tn(0, 8)), ==, 1400);
    g_assert_cmpuint(qtest_irq_raised(qts, 2), ==, 0);

    qtest_clock_step(qts, 1000 * TICK_NS); /* 2350, and nobody has looked since */
    set_config(qts, 0, INT_ENABLE | PERIODIC | ROUTE_2);
    qtest_clock_step(qts, 49 * TICK_NS);
    g_assert_cmpuint(qtest_irq_raised(qts, 2), ==, 0);
    qtest_clock_step(qts, TICK_NS);
    g_assert_cmpuint(qtest_irq_raised(qts, 2), ==, 1);
    g_assert_cmpuint(qtest_readq(qts, tn(0, 8)), ==, 2500);

    /* The comparator stands while the counter does, and goes on with it. */
    set_config(qts, 0, PERIODIC | ROUTE_2);
    qtest_clock_step(qts, 230 * TICK_NS); /* 2630 */
    qtest_writel(qts, HPET + CONFIG, 0);
    qtest_clock_step(qts, 1000 * TICK_NS);
    g_assert_cmpuint(qtest_readq(qts, tn(0, 8)), ==, 2700);
    qtest_writeq(qts, HPET + COUNTER, 5000); /* no match is passed by writing */
    g_assert_cmpuint(qtest_readq(qts, tn(0, 8)), ==, 2700);
    qtest_writeq(qts, HPET + COUNTER, 2630);
    qtest_writel(qts, HPET + CONFIG, ENABLE);
    qtest_clock_step(qts, 170 * TICK_NS); /* 2800 */
    g_assert_cmpuint(qtest_readq(qts, tn(0, 8)), ==, 2900);
    g_assert_cmpuint(qtest_irq_raised(qts, 2), ==, 1);
    qtest_quit(qts);
}

/* Over more than one round of a 32-bit counter. */
static void test_silent_32_bits(void)
{
    QTest *qts = start();
    uint64_t ticks = UINT64_C(3) << 32;

    set_config(qts, 1, PERIODIC | SET_VALUE | BITS_32 | ROUTE_2);
    set_comparator(qts, 1, 3000);
    set_comparator(qts, 1, 3000);
    qtest_writel(qts, HPET + CONFIG, ENABLE);
    qtest_clock_step(qts, ticks * TICK_NS);
    g_assert_cmphex(qtest_readq(qts, tn(1, 8)), ==, (ticks / 3000 + 1) * 3000 & UINT32_MAX);
    qtest_quit(qts);
}

static void test_level(void)
{
    QTest *qts = start();

    set_config(qts, 2, INT_ENABLE | LEVEL | ROUTE_2);
    set_comparator(qts, 2, 50);
    qtest_writel(qts, HPET + CONFIG, ENABLE);
    qtest_clock_step(qts, 50 * TICK_NS);
    g_assert_true(qtest_get_irq(qts, 2));
    g_assert_cmphex(qtest_readl(qts, HPET + STATUS), ==, 1 << 2);
    qtest_writel(qts, HPET + STATUS, 1 << 1);
    g_assert_true(qtest_get_irq(qts, 2));
    qtest_writel(qts, HPET + STATUS, 1 << 2);
    g_assert_false(qtest_get_irq(qts, 2));
    g_assert_cmphex(qtest_readl(qts, HPET + STATUS), ==, 0);

    /* Without its enable bit the timer still sets its status. */
    set_config(qts, 2, LEVEL | ROUTE_2);
    set_comparator(qts, 2, 100);
    qtest_clock_step(qts, 50 * TICK_NS);
    g_assert_false(qtest_get_irq(qts, 2));
    g_assert_cmphex(qtest_readl(qts, HPET + STATUS), ==, 1 << 2);
    qtest_quit(qts);
}

/* Legacy replacement: timer 0 has IRQ 0, timer 1 IRQ 8, whatever their routes say. */
static void test_legacy_replacement(void)
{
    QTest *qts = start();

    pit_set_mode(qts, 0, PIT_WORD, 2);
    pit_write_count(qts, 0, 1000);
    qtest_outb(qts, 0x70, 0x0b);
    qtest_outb(qts, 0x71, 0x42); /* periodic interrupt, 1024 Hz */
    set_config(qts, 0, INT_ENABLE | ROUTE_2);
    set_comparator(qts, 0, 300000);
    set_config(qts, 1, INT_ENABLE | ROUTE_2);
    set_comparator(qts, 1, 400000);
    qtest_writel(qts, HPET + CONFIG, ENABLE | LEGACY);
    unsigned irq0 = qtest_irq_raised(qts, 0), irq8 = qtest_irq_raised(qts, 8);
    qtest_clock_step(qts, 299999 * TICK_NS);
    g_assert_cmpuint(qtest_irq_raised(qts, 0), ==, irq0);
    qtest_clock_step(qts, TICK_NS);
    g_assert_cmpuint(qtest_irq_raised(qts, 0), ==, irq0 + 1);
    g_assert_cmpuint(qtest_irq_raised(qts, 8), ==, irq8);
    qtest_clock_step(qts, 100000 * TICK_NS);
    g_assert_cmpuint(qtest_irq_raised(qts, 8), ==, irq8 + 1);
    g_assert_cmpuint(qtest_irq_raised(qts, 2), ==, 0);

    qtest_writel(qts, HPET + CONFIG, ENABLE); /* gives both back */
    qtest_clock_step(qts, 2000000);
    g_assert_cmpuint(qtest_irq_raised(qts, 0), >, irq0 + 1);
    g_assert_true(qtest_get_irq(qts, 8));
    qtest_quit(qts);
}

/* The 8254 goes on while the HPET has IRQ 0, but none of that comes after. */
static void test_hand_back(void)
{
    QTest *qts = start();

    pit_set_mode(qts, 0, PIT_WORD, 2);
    pit_write_count(qts, 0, 1000); /* periods from ticks 1, 1001, 2001 */
    qtest_writel(qts, HPET + CONFIG, ENABLE | LEGACY);
    unsigned irq0 = qtest_irq_raised(qts, 0);
    pit_go_to(qts, 2500);
    pit_write_count(qts, 0, 600);  /* from tick 3001 */
    pit_go_to(qts, 4300);
    g_assert_cmpuint(qtest_irq_raised(qts, 0), ==, irq0);
    qtest_writel(qts, HPET + CONFIG, ENABLE);
    g_assert_cmpuint(qtest_irq_raised(qts, 0), ==, irq0 + 1); /* OUT is high */
    pit_go_to(qts, 4800);
    g_assert_cmpuint(qtest_irq_raised(qts, 0), ==, irq0 + 1);
    pit_go_to(qts, 4801);
    g_assert_cmpuint(qtest_irq_raised(qts, 0), ==, irq0 + 2);
    qtest_quit(qts);
}

static void test_off(void)
{
    QTest *qts = qtest_start("-machine pc,hpet=off -nodefaults");

    g_assert_cmphex(qtest_readl(qts, HPET), ==, 0xffffffff);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hpet/capabilities", test_capabilities);
    g_test_add_func("/hpet/counter", test_counter);
    g_test_add_func("/hpet/one-shot", test_one_shot);
    g_test_add_func("/hpet/32-bits", test_32_bits);
    g_test_add_func("/hpet/periodic", test_periodic);
    g_test_add_func("/hpet/silent-periodic", test_silent_periodic);
    g_test_add_func("/hpet/silent-32-bits", test_silent_32_bits);
    g_test_add_func("/hpet/level", test_level);
    g_test_add_func("/hpet/legacy", test_legacy_replacement);
    g_test_add_func("/hpet/hand-back", test_hand_back);
    g_test_add_func("/hpet/off", test_off);
    return g_test_run();
}
