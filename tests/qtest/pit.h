/*
 * What the tests of timers share: the 8254's ports, and time in its ticks.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_QTEST_PIT_H
#define TESTS_QTEST_PIT_H

#include "tests/qtest/libqtest.h"

enum {
    PIT_HZ = 1193182,
    PIT_COUNTER = 0x40, PIT_CONTROL = 0x43, PORT_61 = 0x61,
    PIT_LSB = 0x10, PIT_MSB = 0x20, PIT_WORD = 0x30, PIT_BCD = 1,
    PIT_READ_BACK = 0xc0, PIT_NO_COUNT = 0x20, PIT_NO_STATUS = 0x10,
};

/* Sets the virtual clock to the first nanosecond of a tick of the 8254. */
static inline void pit_go_to(QTest *qts, int64_t tick)
{
    qtest_clock_set(qts, (tick * 1000000000 + PIT_HZ - 1) / PIT_HZ);
}

static inline void pit_set_mode(QTest *qts, unsigned counter, unsigned rw, unsigned mode)
{
    qtest_outb(qts, PIT_CONTROL, counter << 6 | rw | mode << 1);
}

static inline void pit_write_count(QTest *qts, unsigned counter, uint16_t count)
{
    qtest_outb(qts, PIT_COUNTER + counter, count & 0xff);
    qtest_outb(qts, PIT_COUNTER + counter, count >> 8);
}

/* The count by a latch command; the counter must be programmed for two bytes. */
static inline uint16_t pit_latched(QTest *qts, unsigned counter)
{
    qtest_outb(qts, PIT_CONTROL, counter << 6);
    uint16_t low = qtest_inb(qts, PIT_COUNTER + counter);
    return qtest_inb(qts, PIT_COUNTER + counter) << 8 | low;
}

static inline uint8_t pit_status(QTest *qts, unsigned counter)
{
    qtest_outb(qts, PIT_CONTROL, PIT_READ_BACK | PIT_NO_COUNT | 2 << counter);
    return qtest_inb(qts, PIT_COUNTER + counter);
}

#endif
