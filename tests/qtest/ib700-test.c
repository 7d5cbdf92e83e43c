/*
 * The IB700 watchdog: when its time is up, the machine is reset.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/libqtest.h"

enum { STOP = 0x441, START = 0x443, SCRATCH = 0x61 };

#define SECOND 1000000000

/* Port 0x61 keeps its control bits until a reset. */
static void mark(QTest *qts)
{
    qtest_outb(qts, SCRATCH, 0x0e);
}

static void assert_reset(QTest *qts)
{
    json_object_put(qtest_qmp_event_wait(qts, "RESET"));
    g_assert_cmphex(qtest_inb(qts, SCRATCH) & 0x0e, ==, 0);
}

static void test_expires(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -device ib700");

    mark(qts);
    qtest_outb(qts, START, 14); /* 2 seconds */
    qtest_clock_step(qts, 2 * (int64_t)SECOND - 1);
    g_assert_cmphex(qtest_inb(qts, SCRATCH) & 0x0e, ==, 0x0e);
    qtest_clock_step(qts, 1);
    assert_reset(qts);
    mark(qts);
    qtest_clock_step(qts, 100 * (int64_t)SECOND); /* it does not run after a reset */
    g_assert_cmphex(qtest_inb(qts, SCRATCH) & 0x0e, ==, 0x0e);
    qtest_quit(qts);
}

static void test_kept_alive(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -device ib700");

    mark(qts);
    for (int i = 0; i < 5; i++) {
        qtest_outb(qts, START, 0); /* 30 seconds */
        qtest_clock_step(qts, 29 * (int64_t)SECOND);
    }
    qtest_outb(qts, STOP, 0);
    qtest_clock_step(qts, 100 * (int64_t)SECOND);
    g_assert_cmphex(qtest_inb(qts, SCRATCH) & 0x0e, ==, 0x0e);
    qtest_quit(qts);
}

/* Every value of the low four bits: 30 seconds down to none, in steps of two. */
static void test_times(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -device ib700");

    for (int val = 0; val < 16; val++) {
        int64_t ns = (30 - 2 * val) * (int64_t)SECOND;
        mark(qts);
        qtest_outb(qts, START, 0xf0 | val);
        if (ns) {
            qtest_clock_step(qts, ns - 1);
            g_assert_cmphex(qtest_inb(qts, SCRATCH) & 0x0e, ==, 0x0e);
        }
        qtest_clock_step(qts, 1);
        assert_reset(qts);
    }
    g_assert_cmphex(qtest_inb(qts, START), ==, 0xff); /* write-only */
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ib700/expires", test_expires);
    g_test_add_func("/ib700/kept-alive", test_kept_alive);
    g_test_add_func("/ib700/times", test_times);
    return g_test_run();
}
