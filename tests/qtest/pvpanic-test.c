/*
 * pvpanic: the events offered, the event sent, the port's place in fw_cfg.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/libqtest.h"

enum { PORT = 0x505, PANICKED = 1, CRASH_LOADED = 2 };

static void test_panic(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -device pvpanic -no-shutdown");

    g_assert_cmphex(qtest_inb(qts, PORT), ==, PANICKED | CRASH_LOADED);
    qtest_outb(qts, PORT, PANICKED);
    json_object_put(qtest_qmp_event_wait(qts, "GUEST_PANICKED"));
    qtest_quit(qts);
}

static void test_events(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -device pvpanic,events=1,ioport=0x600");

    g_assert_cmphex(qtest_inb(qts, 0x600), ==, PANICKED);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pvpanic/panic", test_panic);
    g_test_add_func("/pvpanic/events", test_events);
    return g_test_run();
}
