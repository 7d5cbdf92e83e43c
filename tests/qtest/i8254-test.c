/*
 * The 8254 interval timer: six modes, gates, BCD, latches and read-back.
 *
 * Expectations are the waveforms of Intel data sheet 231164, in CLK pulses: a count
 * written during pulse t is loaded by pulse t + 1. Counter 2 is used where a gate or the
 * output is needed, because port 0x61 has both; counter 0 for its interrupt.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/pit.h"

enum {
    START = 1000, /* the tick at which each test writes its count */
    STATUS_OUT = 0x80, STATUS_NULL = 0x40,
    GATE = 1, OUT2 = 0x20,
};

static QTest *start(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    pit_go_to(qts, START);
    return qts;
}

static void set_gate(QTest *qts, bool gate)
{
    qtest_outb(qts, PORT_61, gate ? GATE : 0);
}

static bool out2(QTest *qts)
{
    return qtest_inb(qts, PORT_61) & OUT2;
}

/* OUT 2 changes from was to its inverse exactly at the tick. */
static void assert_edge(QTest *qts, int64_t tick, bool was)
{
    pit_go_to(qts, tick - 1);
    g_assert_cmpint(out2(qts), ==, was);
    pit_go_to(qts, tick);
    g_assert_cmpint(out2(qts), ==, !was);
}

static void test_mode0(void)
{
    QTest *qts = start();

    set_gate(qts, true);
    pit_set_mode(qts, 2, PIT_WORD, 0);
    g_assert_false(out2(qts));
    pit_write_count(qts, 2, 100);
    assert_edge(qts, START + 1 + 100, false); /* N + 1 pulses after the count is written */
    pit_go_to(qts, START + 1 + 105);
    g_assert_true(out2(qts));
    g_assert_cmphex(pit_latched(qts, 2), ==, 0x10000 - 5); /* it counts on */

    /* A new count takes OUT low at once; its first byte stops counting. */
    qtest_outb(qts, PIT_COUNTER + 2, 50);
    g_assert_false(out2(qts));
    pit_go_to(qts, START + 300);
    qtest_outb(qts, PIT_COUNTER + 2, 0);
    assert_edge(qts, START + 300 + 1 + 50, false);
    qtest_quit(qts);
}

static void test_mode0_gate(void)
{
    QTest *qts = start();

    set_gate(qts, true);
    pit_set_mode(qts, 2, PIT_WORD, 0);
    pit_write_count(qts, 2, 100);
    pit_go_to(qts, START + 1 + 40);
    set_gate(qts, false);
    g_assert_cmpuint(pit_latched(qts, 2), ==, 60);
    pit_go_to(qts, START + 1000);
    g_assert_cmpuint(pit_latched(qts, 2), ==, 60);
    g_assert_false(out2(qts));
    set_gate(qts, true);
    assert_edge(qts, START + 1000 + 60, false);
    qtest_quit(qts);
}

static void test_mode1(void)
{
    QTest *qts = start();

    set_gate(qts, false);
    pit_set_mode(qts, 2, PIT_WORD, 1);
    pit_write_count(qts, 2, 30);
    pit_go_to(qts, START + 100);
    g_assert_true(out2(qts)); /* nothing without a trigger */
    set_gate(qts, true);
    assert_edge(qts, START + 101, true);
    assert_edge(qts, START + 101 + 30, false);

    /* The gate's level does not matter; a new trigger starts the pulse anew. */
    pit_go_to(qts, START + 200);
    set_gate(qts, false);
    set_gate(qts, true);
    pit_go_to(qts, START + 220);
    set_gate(qts, false);
    set_gate(qts, true);
    assert_edge(qts, START + 221 + 30, false);

    /* A new count waits for the next trigger. */
    pit_go_to(qts, START + 300);
    set_gate(qts, false);
    set_gate(qts, true);
    pit_go_to(qts, START + 310);
    pit_write_count(qts, 2, 7);
    assert_edge(qts, START + 301 + 30, false);
    set_gate(qts, false);
    set_gate(qts, true);
    assert_edge(qts, START + 332 + 7, false);
    qtest_quit(qts);
}

static void test_mode2(void)
{
    QTest *qts = start();

    set_gate(qts, true);
    pit_set_mode(qts, 2, PIT_WORD, 2);
    g_assert_true(out2(qts));
    pit_write_count(qts, 2, 10);
    for (int n = 1; n <= 3; n++) {
        assert_edge(qts, START + 10 * n, true);      /* low when the count is 1 */
        g_assert_cmpuint(pit_latched(qts, 2), ==, 1);
        assert_edge(qts, START + 10 * n + 1, false); /* and reloaded */
        g_assert_cmpuint(pit_latched(qts, 2), ==, 10);
    }
    /* A new count waits for the end of the period. */
    pit_go_to(qts, START + 35);
    pit_write_count(qts, 2, 20);
    assert_edge(qts, START + 40, true);
    assert_edge(qts, START + 41, false);
    assert_edge(qts, START + 60, true);
    assert_edge(qts, START + 61, false);
    qtest_quit(qts);
}

static void test_mode2_gate(void)
{
    QTest *qts = start();

    set_gate(qts, true);
    pit_set_mode(qts, 2, PIT_WORD, 2);
    pit_write_count(qts, 2, 10);
    pit_go_to(qts, START + 10);
    g_assert_false(out2(qts));
    set_gate(qts, false);
    g_assert_true(out2(qts)); /* at once */
    pit_go_to(qts, START + 500);
    g_assert_true(out2(qts));
    set_gate(qts, true); /* reloads */
    assert_edge(qts, START + 510, true);
    qtest_quit(qts);
}

static void test_mode3(void)
{
    QTest *qts = start();

    set_gate(qts, true);
    pit_set_mode(qts, 2, PIT_WORD, 3);
    g_assert_true(out2(qts));
    pit_write_count(qts, 2, 10);
    for (int n = 0; n < 3; n++) {
        pit_go_to(qts, START + 1 + 10 * n + 1);
        g_assert_cmpuint(pit_latched(qts, 2), ==, 8); /* by two */
        assert_edge(qts, START + 1 + 10 * n + 5, true);
        g_assert_cmpuint(pit_latched(qts, 2), ==, 10);
        assert_edge(qts, START + 1 + 10 * n + 10, false);
    }
    /* A new count is loaded at the end of the half cycle. */
    pit_go_to(qts, START + 1 + 32);
    pit_write_count(qts, 2, 20);
    assert_edge(qts, START + 1 + 35, true);
    assert_edge(qts, START + 1 + 45, false);
    assert_edge(qts, START + 1 + 55, true);
    set_gate(qts, false);
    g_assert_true(out2(qts));
    qtest_quit(qts);
}

static void test_mode3_odd(void)
{
    QTest *qts = start();

    set_gate(qts, true);
    pit_set_mode(qts, 2, PIT_WORD, 3);
    pit_write_count(qts, 2, 7);
    for (int n = 0; n < 2; n++) {
        assert_edge(qts, START + 1 + 7 * n + 4, true);  /* (N + 1) / 2 high */
        assert_edge(qts, START + 1 + 7 * n + 7, false); /* (N - 1) / 2 low */
    }
    qtest_quit(qts);
}

static void test_mode4(void)
{
    QTest *qts = start();

    set_gate(qts, true);
    pit_set_mode(qts, 2, PIT_WORD, 4);
    g_assert_true(out2(qts));
    pit_write_count(qts, 2, 25);
    assert_edge(qts, START + 1 + 25, true);
    assert_edge(qts, START + 1 + 26, false);
    pit_go_to(qts, START + 5000);
    g_assert_true(out2(qts)); /* once */

    pit_write_count(qts, 2, 25);
    pit_go_to(qts, START + 5001 + 20);
    set_gate(qts, false);
    pit_go_to(qts, START + 6000);
    g_assert_cmpuint(pit_latched(qts, 2), ==, 5);
    set_gate(qts, true);
    assert_edge(qts, START + 6000 + 5, true);
    qtest_quit(qts);
}

static void test_mode5(void)
{
    QTest *qts = start();

    set_gate(qts, false);
    pit_set_mode(qts, 2, PIT_WORD, 5);
    pit_write_count(qts, 2, 25);
    pit_go_to(qts, START + 100);
    g_assert_true(out2(qts));
    set_gate(qts, true);
    set_gate(qts, false);
    assert_edge(qts, START + 101 + 25, true);
    assert_edge(qts, START + 101 + 26, false);
    qtest_quit(qts);
}

static void test_bcd(void)
{
    QTest *qts = start();

    set_gate(qts, true);
    qtest_outb(qts, PIT_CONTROL, 2 << 6 | PIT_WORD | PIT_BCD);
    pit_write_count(qts, 2, 0x1000);
    pit_go_to(qts, START + 1 + 1);
    g_assert_cmphex(pit_latched(qts, 2), ==, 0x0999);
    assert_edge(qts, START + 1 + 1000, false);
    pit_go_to(qts, START + 1 + 1001);
    g_assert_cmphex(pit_latched(qts, 2), ==, 0x9999);

    /* 0 is the largest count: 10^4, or 2^16 in binary. */
    pit_go_to(qts, START + 2000);
    pit_write_count(qts, 2, 0);
    assert_edge(qts, START + 2001 + 10000, false);
    pit_set_mode(qts, 2, PIT_WORD, 0);
    pit_write_count(qts, 2, 0);
    assert_edge(qts, START + 2001 + 10000 + 1 + 65536, false);
    qtest_quit(qts);
}

/* A latch holds until it is read, and the second command is ignored. */
static void test_latch(void)
{
    QTest *qts = start();

    set_gate(qts, true);
    pit_set_mode(qts, 2, PIT_WORD, 2);
    pit_write_count(qts, 2, 0x1234);
    pit_go_to(qts, START + 1 + 0x34);
    qtest_outb(qts, PIT_CONTROL, 2 << 6);
    pit_go_to(qts, START + 1 + 0x134);
    qtest_outb(qts, PIT_CONTROL, 2 << 6);
    g_assert_cmphex(qtest_inb(qts, PIT_COUNTER + 2), ==, 0x00);
    g_assert_cmphex(qtest_inb(qts, PIT_COUNTER + 2), ==, 0x12);
    g_assert_cmphex(qtest_inb(qts, PIT_COUNTER + 2), ==, 0x00); /* live again */
    g_assert_cmphex(qtest_inb(qts, PIT_COUNTER + 2), ==, 0x11);
    qtest_quit(qts);
}

/* One-byte counts: the other byte is 0. */
static void test_single_bytes(void)
{
    QTest *qts = start();

    set_gate(qts, true);
    pit_set_mode(qts, 2, PIT_LSB, 0);
    qtest_outb(qts, PIT_COUNTER + 2, 40);
    pit_go_to(qts, START + 1 + 10);
    g_assert_cmphex(qtest_inb(qts, PIT_COUNTER + 2), ==, 30);
    g_assert_cmphex(qtest_inb(qts, PIT_COUNTER + 2), ==, 30);
    assert_edge(qts, START + 1 + 40, false);
    pit_set_mode(qts, 2, PIT_MSB, 0);
    qtest_outb(qts, PIT_COUNTER + 2, 2);
    pit_go_to(qts, START + 41 + 1 + 1);
    g_assert_cmphex(qtest_inb(qts, PIT_COUNTER + 2), ==, 1);
    assert_edge(qts, START + 41 + 1 + 0x200, false);
    qtest_quit(qts);
}

/* Read-back: status, null count, and status before count when both are latched. */
static void test_read_back(void)
{
    QTest *qts = start();

    set_gate(qts, true);
    qtest_outb(qts, PIT_CONTROL, 2 << 6 | PIT_WORD | 3 << 1);
    g_assert_cmphex(pit_status(qts, 2), ==, STATUS_OUT | STATUS_NULL | PIT_WORD | 3 << 1);
    pit_write_count(qts, 2, 1000);
    g_assert_cmphex(pit_status(qts, 2) & STATUS_NULL, ==, STATUS_NULL); /* not loaded yet */
    pit_go_to(qts, START + 1);
    g_assert_cmphex(pit_status(qts, 2), ==, STATUS_OUT | PIT_WORD | 3 << 1);
    pit_go_to(qts, START + 1 + 600);
    pit_write_count(qts, 2, 500); /* waits for the end of the half cycle */
    g_assert_cmphex(pit_status(qts, 2), ==, STATUS_NULL | PIT_WORD | 3 << 1);
    pit_go_to(qts, START + 1 + 1000);
    g_assert_cmphex(pit_status(qts, 2), ==, STATUS_OUT | PIT_WORD | 3 << 1);

    qtest_outb(qts, PIT_CONTROL, PIT_READ_BACK | 2 << 2);
    pit_go_to(qts, START + 1 + 1000 + 300);
    g_assert_cmphex(qtest_inb(qts, PIT_COUNTER + 2), ==, STATUS_OUT | PIT_WORD | 3 << 1);
    g_assert_cmphex(qtest_inb(qts, PIT_COUNTER + 2), ==, 500 & 0xff);
    g_assert_cmphex(qtest_inb(qts, PIT_COUNTER + 2), ==, 500 >> 8);

    /* Several counters by one command. */
    pit_set_mode(qts, 0, PIT_LSB, 4);
    qtest_outb(qts, PIT_CONTROL, PIT_READ_BACK | PIT_NO_COUNT | 2 << 0 | 2 << 2);
    g_assert_cmphex(qtest_inb(qts, PIT_COUNTER + 0), ==, STATUS_OUT | STATUS_NULL | PIT_LSB | 8);
    g_assert_cmphex(qtest_inb(qts, PIT_COUNTER + 2) & 0x3f, ==, PIT_WORD | 3 << 1);
    qtest_quit(qts);
}

/* OUT 0 is IRQ 0. */
static void test_irq0(void)
{
    QTest *qts = start();

    pit_set_mode(qts, 0, PIT_WORD, 0);
    qtest_irq_intercept_in(qts, "ioapic");
    pit_write_count(qts, 0, 500);
    pit_go_to(qts, START + 500);
    g_assert_false(qtest_get_irq(qts, 0));
    pit_go_to(qts, START + 501);
    g_assert_true(qtest_get_irq(qts, 0));
    unsigned before = qtest_irq_raised(qts, 0);

    pit_set_mode(qts, 0, PIT_WORD, 0);
    pit_set_mode(qts, 0, PIT_WORD, 2);
    unsigned raised = qtest_irq_raised(qts, 0);
    pit_write_count(qts, 0, 1000);
    for (unsigned n = 1; n <= 5; n++) {
        pit_go_to(qts, START + 502 + 1000 * n - 1);
        g_assert_cmpuint(qtest_irq_raised(qts, 0), ==, raised + n - 1);
        pit_go_to(qts, START + 502 + 1000 * n);
        g_assert_cmpuint(qtest_irq_raised(qts, 0), ==, raised + n);
    }
    g_assert_cmpuint(raised, >=, before);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8254/mode0", test_mode0);
    g_test_add_func("/i8254/mode0-gate", test_mode0_gate);
    g_test_add_func("/i8254/mode1", test_mode1);
    g_test_add_func("/i8254/mode2", test_mode2);
    g_test_add_func("/i8254/mode2-gate", test_mode2_gate);
    g_test_add_func("/i8254/mode3", test_mode3);
    g_test_add_func("/i8254/mode3-odd", test_mode3_odd);
    g_test_add_func("/i8254/mode4", test_mode4);
    g_test_add_func("/i8254/mode5", test_mode5);
    g_test_add_func("/i8254/bcd", test_bcd);
    g_test_add_func("/i8254/latch", test_latch);
    g_test_add_func("/i8254/single-bytes", test_single_bytes);
    g_test_add_func("/i8254/read-back", test_read_back);
    g_test_add_func("/i8254/irq0", test_irq0);
    return g_test_run();
}
