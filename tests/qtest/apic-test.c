/*
 * The local APIC in a PC: registers, timer, self IPIs and messages, through its
 * page in memory.
 *
 * Intel SDM vol. 3, chapter 10. What a CPU sees of it, and several of them, is in
 * tests/unit/test_apic.c.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/libqtest.h"

#define LAPIC UINT64_C(0xfee00000)

enum {
    ID = 0x20, VERSION = 0x30, TPR = 0x80, PPR = 0xa0, LDR = 0xd0, DFR = 0xe0, SVR = 0xf0,
    ISR = 0x100, IRR = 0x200, ESR = 0x280, ICR_LOW = 0x300, ICR_HIGH = 0x310, LVT_TIMER = 0x320,
    LVT_THERMAL = 0x330, LVT_LINT0 = 0x350, LVT_ERROR = 0x370, INITIAL_COUNT = 0x380,
    CURRENT_COUNT = 0x390, DIVIDE = 0x3e0,
    MASKED = 1 << 16, PERIODIC = 1 << 17, SELF = 1 << 18, ALL = 2 << 18, OTHERS = 3 << 18,
    EXTINT = 7 << 8, DIVIDE_BY_1 = 11,
};

static uint32_t rd(QTest *qts, unsigned reg)
{
    return qtest_readl(qts, LAPIC + reg);
}

static void wr(QTest *qts, unsigned reg, uint32_t val)
{
    qtest_writel(qts, LAPIC + reg, val);
}

static bool requested(QTest *qts, uint8_t vector)
{
    return rd(qts, IRR + vector / 32 * 16) >> vector % 32 & 1;
}

static QTest *start(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -smp 2");
    wr(qts, SVR, 0x1ff);
    return qts;
}

static void test_reset_state(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");

    g_assert_cmphex(rd(qts, ID), ==, 0);
    g_assert_cmphex(rd(qts, VERSION), ==, 0x00050014);
    g_assert_cmphex(rd(qts, SVR), ==, 0xff);
    g_assert_cmphex(rd(qts, DFR), ==, 0xffffffff);
    g_assert_cmphex(rd(qts, LDR), ==, 0);
    for (unsigned reg = LVT_TIMER; reg <= LVT_ERROR; reg += 0x10) {
        /* The boot CPU's LINT0 is the virtual wire of the MP specification. */
        g_assert_cmphex(rd(qts, reg), ==, reg == LVT_LINT0 ? EXTINT : MASKED);
    }
    qtest_quit(qts);
}

static void test_register_masks(void)
{
    static const struct { unsigned reg; uint32_t readable; } rows[] = {
        { ID, 0xff000000 }, { TPR, 0xff }, { LDR, 0xff000000 }, { DFR, 0xffffffff },
        { LVT_TIMER, 0x700ff }, { LVT_THERMAL, 0x107ff }, { LVT_LINT0, 0x1a7ff },
        { LVT_ERROR, 0x100ff }, { DIVIDE, 0xb }, { ICR_HIGH, 0xff000000 },
    };
    QTest *qts = start();

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        wr(qts, rows[i].reg, 0xffffffff);
        g_assert_cmphex(rd(qts, rows[i].reg), ==, rows[i].readable);
    }
    wr(qts, VERSION, 0);
    g_assert_cmphex(rd(qts, VERSION), ==, 0x00050014);
    qtest_quit(qts);
}

static void test_timer_one_shot(void)
{
    QTest *qts = start();

    wr(qts, DIVIDE, DIVIDE_BY_1);
    wr(qts, LVT_TIMER, 0x40);
    wr(qts, INITIAL_COUNT, 1000000);
    qtest_clock_step(qts, 400000);
    g_assert_cmpuint(rd(qts, CURRENT_COUNT), ==, 600000);
    qtest_clock_step(qts, 599999);
    g_assert_false(requested(qts, 0x40));
    qtest_clock_step(qts, 1);
    g_assert_true(requested(qts, 0x40));
    g_assert_cmpuint(rd(qts, CURRENT_COUNT), ==, 0);
    qtest_quit(qts);
}

static void test_timer_periodic(void)
{
    QTest *qts = start();

    wr(qts, DIVIDE, 3); /* by 16 */
    wr(qts, LVT_TIMER, PERIODIC | 0x41);
    wr(qts, INITIAL_COUNT, 1000);
    g_assert_cmpint(qtest_clock_step_next(qts), ==, 16000);
    g_assert_cmpint(qtest_clock_step_next(qts), ==, 32000);
    g_assert_true(requested(qts, 0x41));
    qtest_clock_step(qts, 160);
    g_assert_cmpuint(rd(qts, CURRENT_COUNT), ==, 990);
    qtest_quit(qts);
}

static void test_timer_masked(void)
{
    QTest *qts = start();

    wr(qts, DIVIDE, DIVIDE_BY_1);
    wr(qts, LVT_TIMER, MASKED | 0x42);
    wr(qts, INITIAL_COUNT, 1000);
    qtest_clock_step(qts, 500);
    g_assert_cmpuint(rd(qts, CURRENT_COUNT), ==, 500); /* counts all the same */
    qtest_clock_step(qts, 1000);
    wr(qts, LVT_TIMER, 0x42);
    g_assert_false(requested(qts, 0x42));
    qtest_quit(qts);
}

static void test_ipis(void)
{
    QTest *qts = start();

    wr(qts, ICR_LOW, SELF | 0x50);
    g_assert_true(requested(qts, 0x50));
    wr(qts, ICR_LOW, ALL | 0x51);
    g_assert_true(requested(qts, 0x51));
    wr(qts, ICR_LOW, OTHERS | 0x52);
    g_assert_false(requested(qts, 0x52));
    wr(qts, ICR_HIGH, 1 << 24);
    wr(qts, ICR_LOW, 0x53);
    g_assert_false(requested(qts, 0x53));
    wr(qts, ICR_HIGH, 0);
    wr(qts, ICR_LOW, 0x54);
    g_assert_true(requested(qts, 0x54));
    g_assert_cmphex(rd(qts, ICR_LOW), ==, 0x54);
    qtest_quit(qts);
}

static void test_msi(void)
{
    QTest *qts = start();

    qtest_writel(qts, 0xfee00000, 0x60);
    g_assert_true(requested(qts, 0x60));
    qtest_writel(qts, 0xfee01000, 0x61); /* the other CPU */
    g_assert_false(requested(qts, 0x61));
    qtest_writel(qts, 0xfeeff000, 0x62);
    g_assert_true(requested(qts, 0x62));
    qtest_quit(qts);
}

static void test_errors(void)
{
    QTest *qts = start();

    wr(qts, LVT_ERROR, 0xf0);
    wr(qts, ICR_LOW, SELF | 0x05);
    g_assert_true(requested(qts, 0xf0));
    g_assert_cmphex(rd(qts, ESR), ==, 0);
    wr(qts, ESR, 0);
    g_assert_cmphex(rd(qts, ESR), ==, 1 << 5);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/apic/reset-state", test_reset_state);
    g_test_add_func("/apic/masks", test_register_masks);
    g_test_add_func("/apic/timer/one-shot", test_timer_one_shot);
    g_test_add_func("/apic/timer/periodic", test_timer_periodic);
    g_test_add_func("/apic/timer/masked", test_timer_masked);
    g_test_add_func("/apic/ipis", test_ipis);
    g_test_add_func("/apic/msi", test_msi);
    g_test_add_func("/apic/errors", test_errors);
    return g_test_run();
}
