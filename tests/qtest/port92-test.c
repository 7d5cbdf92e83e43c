/*
 * Ports 92h and 80h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/libqtest.h"

static void test_port92(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");

    qtest_outb(qts, 0x92, 0x02);
    g_assert_cmphex(qtest_inb(qts, 0x92), ==, 0x02);
    qtest_outb(qts, 0x92, 0x00);
    g_assert_cmphex(qtest_inb(qts, 0x92), ==, 0x00);
    /* Fast reset, on the edge; afterwards the register is as at power-on. */
    qtest_outb(qts, 0x92, 0x03);
    json_object_put(qtest_qmp_event_wait(qts, "RESET"));
    g_assert_cmphex(qtest_inb(qts, 0x92) & 0x01, ==, 0x00);
    qtest_quit(qts);
}

static void test_post_code(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");

    qtest_outb(qts, 0x80, 0x42);
    g_assert_cmphex(qtest_inb(qts, 0x80), ==, 0x42);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/port92", test_port92);
    g_test_add_func("/port80", test_post_code);
    return g_test_run();
}
