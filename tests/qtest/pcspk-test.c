/*
 * Port 0x61: gate and output of timer counter 2, speaker data, refresh toggle
 * (82371SB, 2.5.7.1).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/pit.h"

enum { GATE = 1, SPEAKER = 2, PARITY_DISABLE = 4, IOCHK_DISABLE = 8, REFRESH = 0x10, OUT2 = 0x20 };

static void test_control_bits(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");

    g_assert_cmphex(qtest_inb(qts, PORT_61) & 0x0f, ==, 0);
    qtest_outb(qts, PORT_61, 0xff);
    g_assert_cmphex(qtest_inb(qts, PORT_61) & 0xcf, ==, 0x0f); /* 6 and 7 are NMI sources */
    qtest_outb(qts, PORT_61, SPEAKER);
    g_assert_cmphex(qtest_inb(qts, PORT_61) & 0x0f, ==, SPEAKER);
    qtest_quit(qts);
}

/* A firmware's delay loop: gate off, count, gate on, wait for OUT. */
static void test_gate_and_out(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");

    pit_go_to(qts, 100);
    qtest_outb(qts, PORT_61, 0);
    pit_set_mode(qts, 2, PIT_WORD, 0);
    pit_write_count(qts, 2, 1193);
    pit_go_to(qts, 5000);
    g_assert_cmphex(qtest_inb(qts, PORT_61) & OUT2, ==, 0);
    qtest_outb(qts, PORT_61, GATE);
    pit_go_to(qts, 5000 + 1192);
    g_assert_cmphex(qtest_inb(qts, PORT_61) & OUT2, ==, 0);
    pit_go_to(qts, 5000 + 1194);
    g_assert_cmphex(qtest_inb(qts, PORT_61) & OUT2, ==, OUT2);
    qtest_quit(qts);
}

/* The toggle changes with each refresh, every 15.085 us. */
static void test_refresh(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    unsigned changes = 0;
    uint8_t last = qtest_inb(qts, PORT_61) & REFRESH;

    for (unsigned us = 0; us < 300; us++) {
        qtest_clock_step(qts, 1000);
        uint8_t now = qtest_inb(qts, PORT_61) & REFRESH;
        changes += now != last;
        last = now;
    }
    g_assert_cmpuint(changes, >=, 19);
    g_assert_cmpuint(changes, <=, 20);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcspk/control", test_control_bits);
    g_test_add_func("/pcspk/gate-and-out", test_gate_and_out);
    g_test_add_func("/pcspk/refresh", test_refresh);
    return g_test_run();
}
