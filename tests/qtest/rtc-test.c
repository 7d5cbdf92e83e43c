/*
 * The MC146818A real-time clock: time in all its formats, update cycle, alarm, periodic
 * and update-ended interrupts, divider reset, CMOS memory.
 *
 * Expectations are those of Motorola's data sheet (ADI1199). Each test resets the divider, so
 * that it knows when the updates come: the first half a second later, then each second.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/libqtest.h"

enum {
    INDEX = 0x70, DATA = 0x71, IRQ = 8,
    SECONDS = 0, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM, DAY, DATE, MONTH, YEAR,
    A, B, C, D, CENTURY = 0x32,

    A_UIP = 0x80, A_32KHZ = 0x20, A_DIVIDER_RESET = 0x70, A_1024HZ = 6,
    B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10, B_DM = 0x04, B_24H = 0x02,
    C_IRQF = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10,
    ANY = 0xc0,
};

#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)
#define UIP_NS INT64_C(2228000) /* 244 us before the update cycle and 1984 us in it */

static uint8_t rd(QTest *qts, uint8_t reg)
{
    qtest_outb(qts, INDEX, reg);
    return qtest_inb(qts, DATA);
}

static void wr(QTest *qts, uint8_t reg, uint8_t val)
{
    qtest_outb(qts, INDEX, reg);
    qtest_outb(qts, DATA, val);
}

static void set_alarm(QTest *qts, uint8_t hours, uint8_t minutes, uint8_t seconds)
{
    wr(qts, HOURS_ALARM, hours);
    wr(qts, MINUTES_ALARM, minutes);
    wr(qts, SECONDS_ALARM, seconds);
}

/* Bytes as they go into the registers; the format is that of b. */
static void set_time(QTest *qts, uint8_t b, uint8_t hours, uint8_t minutes, uint8_t seconds)
{
    wr(qts, B, B_SET | b);
    wr(qts, HOURS, hours);
    wr(qts, MINUTES, minutes);
    wr(qts, SECONDS, seconds);
    wr(qts, B, b);
}

static void set_date(QTest *qts, uint8_t century, uint8_t year, uint8_t month, uint8_t date,
                     uint8_t day)
{
    uint8_t b = rd(qts, B);

    wr(qts, B, B_SET | b);
    wr(qts, CENTURY, century);
    wr(qts, YEAR, year);
    wr(qts, MONTH, month);
    wr(qts, DATE, date);
    wr(qts, DAY, day);
    wr(qts, B, b);
}

static void assert_time(QTest *qts, uint8_t hours, uint8_t minutes, uint8_t seconds)
{
    g_assert_cmphex(rd(qts, HOURS), ==, hours);
    g_assert_cmphex(rd(qts, MINUTES), ==, minutes);
    g_assert_cmphex(rd(qts, SECONDS), ==, seconds);
}

static void assert_date(QTest *qts, uint8_t century, uint8_t year, uint8_t month, uint8_t date,
                        uint8_t day)
{
    g_assert_cmphex(rd(qts, CENTURY), ==, century);
    g_assert_cmphex(rd(qts, YEAR), ==, year);
    g_assert_cmphex(rd(qts, MONTH), ==, month);
    g_assert_cmphex(rd(qts, DATE), ==, date);
    g_assert_cmphex(rd(qts, DAY), ==, day);
}

/* The next update is half a second away when this returns. */
static QTest *start(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");

    wr(qts, A, A_DIVIDER_RESET | A_1024HZ);
    wr(qts, B, B_24H);
    set_time(qts, B_24H, 0x12, 0x00, 0x00);
    set_date(qts, 0x20, 0x24, 0x05, 0x15, 4);
    wr(qts, A, A_32KHZ | A_1024HZ);
    rd(qts, C);
    return qts;
}

static void test_counts(void)
{
    QTest *qts = start();

    qtest_clock_step(qts, 500 * MS - 1);
    assert_time(qts, 0x12, 0x00, 0x00);
    qtest_clock_step(qts, 1);
    assert_time(qts, 0x12, 0x00, 0x01);
    qtest_clock_step(qts, 3599 * SECOND);
    assert_time(qts, 0x13, 0x00, 0x00);
    qtest_quit(qts);
}

static void test_calendar(void)
{
    QTest *qts = start();

    set_time(qts, B_24H, 0x23, 0x59, 0x59);
    set_date(qts, 0x20, 0x24, 0x02, 0x28, 4); /* a leap year, Wednesday */
    qtest_clock_step(qts, SECOND);
    assert_time(qts, 0x00, 0x00, 0x00);
    assert_date(qts, 0x20, 0x24, 0x02, 0x29, 5);
    qtest_clock_step(qts, 24 * 3600 * SECOND);
    assert_date(qts, 0x20, 0x24, 0x03, 0x01, 6);

    set_time(qts, B_24H, 0x23, 0x59, 0x59);
    set_date(qts, 0x19, 0x99, 0x12, 0x31, 6);
    qtest_clock_step(qts, SECOND);
    assert_date(qts, 0x20, 0x00, 0x01, 0x01, 7);
    qtest_clock_step(qts, 24 * 3600 * SECOND);
    assert_date(qts, 0x20, 0x00, 0x01, 0x02, 1);
    qtest_quit(qts);
}

static void test_binary(void)
{
    QTest *qts = start();

    set_time(qts, B_DM | B_24H, 21, 59, 58);
    set_date(qts, 20, 45, 11, 30, 5);
    assert_time(qts, 21, 59, 58);
    qtest_clock_step(qts, 2 * SECOND);
    assert_time(qts, 22, 0, 0);
    assert_date(qts, 20, 45, 11, 30, 5);
    qtest_quit(qts);
}

static void test_12_hours(void)
{
    static const struct { uint8_t before, after; } bcd[] = {
        { 0x12, 0x01 },        /* 12 am is the first hour */
        { 0x11, 0x80 | 0x12 }, /* to noon */
        { 0x80 | 0x12, 0x80 | 0x01 },
        { 0x80 | 0x11, 0x12 }, /* to midnight */
    };
    QTest *qts = start();

    for (unsigned i = 0; i < G_N_ELEMENTS(bcd); i++) {
        set_time(qts, 0, bcd[i].before, 0x59, 0x59);
        assert_time(qts, bcd[i].before, 0x59, 0x59);
        qtest_clock_step(qts, SECOND);
        assert_time(qts, bcd[i].after, 0x00, 0x00);
    }
    set_time(qts, B_DM, 0x80 | 10, 59, 59);
    qtest_clock_step(qts, SECOND);
    assert_time(qts, 0x80 | 11, 0, 0);
    wr(qts, B, B_24H); /* the same instant in the other format */
    assert_time(qts, 0x23, 0x00, 0x00);
    qtest_quit(qts);
}

static void test_update_in_progress(void)
{
    QTest *qts = start();

    g_assert_cmphex(rd(qts, A), ==, A_32KHZ | A_1024HZ);
    qtest_clock_step(qts, 500 * MS - UIP_NS - 1);
    for (int i = 0; i < 3; i++) {
        g_assert_cmphex(rd(qts, A) & A_UIP, ==, 0);
        qtest_clock_step(qts, 1);
        g_assert_cmphex(rd(qts, A) & A_UIP, ==, A_UIP);
        qtest_clock_step(qts, UIP_NS - 1);
        g_assert_cmphex(rd(qts, A) & A_UIP, ==, A_UIP);
        g_assert_cmphex(rd(qts, C) & C_UF, ==, 0);
        qtest_clock_step(qts, 1);
        g_assert_cmphex(rd(qts, A) & A_UIP, ==, 0);
        g_assert_cmphex(rd(qts, C) & C_UF, ==, C_UF);
        qtest_clock_step(qts, SECOND - UIP_NS - 1);
    }
    qtest_quit(qts);
}

static void test_set_stops(void)
{
    QTest *qts = start();

    wr(qts, B, B_24H | B_UIE);
    wr(qts, B, B_24H | B_UIE | B_SET);
    g_assert_cmphex(rd(qts, B), ==, B_24H | B_SET); /* SET clears UIE */
    qtest_clock_step(qts, 10 * SECOND);
    assert_time(qts, 0x12, 0x00, 0x00);
    g_assert_cmphex(rd(qts, A) & A_UIP, ==, 0);
    g_assert_cmphex(rd(qts, C) & C_UF, ==, 0);
    wr(qts, B, B_24H);
    qtest_clock_step(qts, SECOND);
    assert_time(qts, 0x12, 0x00, 0x01);
    qtest_quit(qts);
}

static void test_divider_reset_stops(void)
{
    QTest *qts = start();

    qtest_clock_step(qts, 700 * MS);
    assert_time(qts, 0x12, 0x00, 0x01);
    wr(qts, A, A_DIVIDER_RESET | A_1024HZ);
    rd(qts, C);
    qtest_clock_step(qts, 5 * SECOND);
    assert_time(qts, 0x12, 0x00, 0x01);
    g_assert_cmphex(rd(qts, C), ==, 0);
    wr(qts, A, A_32KHZ | A_1024HZ);
    qtest_clock_step(qts, 500 * MS - 1);
    assert_time(qts, 0x12, 0x00, 0x01);
    qtest_clock_step(qts, 1);
    assert_time(qts, 0x12, 0x00, 0x02);
    qtest_quit(qts);
}

static void test_update_interrupt(void)
{
    QTest *qts = start();

    qtest_irq_intercept_in(qts, "ioapic");
    wr(qts, B, B_24H | B_UIE);
    qtest_clock_step(qts, 500 * MS - 1);
    g_assert_false(qtest_get_irq(qts, IRQ));
    qtest_clock_step(qts, 1);
    g_assert_true(qtest_get_irq(qts, IRQ));
    g_assert_cmphex(rd(qts, C) & (C_IRQF | C_UF), ==, C_IRQF | C_UF);
    g_assert_false(qtest_get_irq(qts, IRQ));
    g_assert_cmphex(rd(qts, C), ==, 0);
    qtest_clock_step(qts, 3 * SECOND); /* stays until it is read */
    g_assert_cmpuint(qtest_irq_raised(qts, IRQ), ==, 2);
    qtest_quit(qts);
}

static void test_alarm(void)
{
    QTest *qts = start();

    qtest_irq_intercept_in(qts, "ioapic");
    set_alarm(qts, 0x12, 0x01, 0x10);
    wr(qts, B, B_24H | B_AIE);
    qtest_clock_step(qts, 500 * MS + 69 * SECOND - 1);
    g_assert_false(qtest_get_irq(qts, IRQ));
    qtest_clock_step(qts, 1);
    g_assert_true(qtest_get_irq(qts, IRQ));
    g_assert_cmphex(rd(qts, C) & (C_IRQF | C_AF), ==, C_IRQF | C_AF);
    qtest_clock_step(qts, 24 * 3600 * SECOND - 1);
    g_assert_cmphex(rd(qts, C) & C_AF, ==, 0);
    qtest_clock_step(qts, 1);
    g_assert_cmphex(rd(qts, C) & C_AF, ==, C_AF);
    qtest_quit(qts);
}

/* Bits 7 and 6 of an alarm byte: it matches every value. */
static void test_alarm_wildcards(void)
{
    QTest *qts = start();

    qtest_clock_step(qts, 500 * MS); /* 12:00:01 */
    rd(qts, C);
    set_alarm(qts, ANY, ANY, ANY);
    for (int i = 0; i < 3; i++) {
        qtest_clock_step(qts, SECOND);
        g_assert_cmphex(rd(qts, C) & C_AF, ==, C_AF);
    }
    set_alarm(qts, 0xff, 0xff, 0x30); /* each minute */
    qtest_clock_step(qts, 25 * SECOND); /* 12:00:29 */
    g_assert_cmphex(rd(qts, C) & C_AF, ==, 0);
    qtest_clock_step(qts, SECOND);
    g_assert_cmphex(rd(qts, C) & C_AF, ==, C_AF);
    set_alarm(qts, ANY, 0x15, 0x00); /* each hour */
    qtest_clock_step(qts, 3599 * SECOND); /* 13:00:29 */
    g_assert_cmphex(rd(qts, C) & C_AF, ==, C_AF);
    qtest_clock_step(qts, 800 * SECOND);
    g_assert_cmphex(rd(qts, C) & C_AF, ==, 0);
    qtest_quit(qts);
}

static void test_alarm_12_hours(void)
{
    QTest *qts = start();

    set_time(qts, 0, 0x11, 0x59, 0x59);
    set_alarm(qts, 0x80 | 0x12, 0x00, 0x00);
    qtest_clock_step(qts, SECOND);
    g_assert_cmphex(rd(qts, C) & C_AF, ==, C_AF);
    set_time(qts, 0, 0x80 | 0x11, 0x59, 0x59);
    qtest_clock_step(qts, SECOND);
    g_assert_cmphex(rd(qts, C) & C_AF, ==, 0);
    qtest_quit(qts);
}

/* Table 5 of the data sheet, for 32.768 kHz: the period in ticks of the crystal. */
static void test_periodic(void)
{
    QTest *qts = start();

    wr(qts, B, B_24H | B_PIE);
    for (unsigned rate = 1; rate <= 15; rate++) {
        int64_t ticks = rate == 1 ? 128 : rate == 2 ? 256 : 1 << (rate - 1);
        int64_t period = (ticks * SECOND + 32767) / 32768;
        wr(qts, A, A_DIVIDER_RESET);
        wr(qts, A, A_32KHZ | rate);
        rd(qts, C);
        qtest_clock_step(qts, period - 1);
        g_assert_cmphex(rd(qts, C) & C_PF, ==, 0);
        qtest_clock_step(qts, 1);
        g_assert_cmphex(rd(qts, C) & (C_PF | C_IRQF), ==, C_PF | C_IRQF);
    }
    wr(qts, A, A_32KHZ); /* rate 0: none */
    rd(qts, C);
    qtest_clock_step(qts, 2 * SECOND);
    g_assert_cmphex(rd(qts, C) & C_PF, ==, 0);
    qtest_quit(qts);
}

static void test_periodic_interrupt(void)
{
    QTest *qts = start();
    unsigned seen = 0;

    qtest_irq_intercept_in(qts, "ioapic");
    wr(qts, B, B_24H | B_PIE);
    for (int i = 0; i < 1024; i++) { /* 1024 Hz, looked at 4096 times a second */
        qtest_clock_step(qts, SECOND / 4096);
        if (qtest_get_irq(qts, IRQ)) {
            seen++;
            rd(qts, C);
        }
    }
    g_assert_cmpuint(seen, >=, 255);
    g_assert_cmpuint(seen, <=, 256);
    g_assert_cmpuint(qtest_irq_raised(qts, IRQ), ==, seen);
    qtest_quit(qts);
}

/* Flags are set without their enable bits; enabling one that is set interrupts at once. */
static void test_flags_without_enable(void)
{
    QTest *qts = start();

    qtest_irq_intercept_in(qts, "ioapic");
    qtest_clock_step(qts, SECOND);
    g_assert_false(qtest_get_irq(qts, IRQ));
    wr(qts, B, B_24H | B_UIE);
    g_assert_true(qtest_get_irq(qts, IRQ));
    wr(qts, B, B_24H);
    g_assert_false(qtest_get_irq(qts, IRQ));
    g_assert_cmphex(rd(qts, C), ==, C_UF | C_PF);
    qtest_quit(qts);
}

static void test_memory(void)
{
    QTest *qts = start();

    for (unsigned reg = 0x40; reg < 0x80; reg++) {
        wr(qts, reg, reg * 3);
    }
    for (unsigned reg = 0x40; reg < 0x80; reg++) {
        g_assert_cmphex(rd(qts, reg), ==, (uint8_t)(reg * 3));
    }
    g_assert_cmphex(rd(qts, 0x80 | 0x41), ==, 0x41 * 3); /* bit 7 masks NMI */
    g_assert_cmphex(qtest_inb(qts, INDEX), ==, 0xff);
    wr(qts, D, 0);
    g_assert_cmphex(rd(qts, D), ==, 0x80); /* valid RAM and time; read-only */
    wr(qts, A, A_UIP | A_32KHZ | A_1024HZ);
    g_assert_cmphex(rd(qts, A), ==, A_32KHZ | A_1024HZ); /* UIP is read-only */
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtc/counts", test_counts);
    g_test_add_func("/rtc/calendar", test_calendar);
    g_test_add_func("/rtc/binary", test_binary);
    g_test_add_func("/rtc/12-hours", test_12_hours);
    g_test_add_func("/rtc/update-in-progress", test_update_in_progress);
    g_test_add_func("/rtc/set", test_set_stops);
    g_test_add_func("/rtc/divider-reset", test_divider_reset_stops);
    g_test_add_func("/rtc/update-interrupt", test_update_interrupt);
    g_test_add_func("/rtc/alarm", test_alarm);
    g_test_add_func("/rtc/alarm-wildcards", test_alarm_wildcards);
    g_test_add_func("/rtc/alarm-12-hours", test_alarm_12_hours);
    g_test_add_func("/rtc/periodic", test_periodic);
    g_test_add_func("/rtc/periodic-interrupt", test_periodic_interrupt);
    g_test_add_func("/rtc/flags", test_flags_without_enable);
    g_test_add_func("/rtc/memory", test_memory);
    return g_test_run();
}
