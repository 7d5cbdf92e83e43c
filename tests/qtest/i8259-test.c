/*
 * The 8259A pair in a PC: ports, poll mode, masks, edge/level control, and the
 * cascade, with the timer (IRQ 0) and the RTC (IRQ 8) as sources.
 *
 * What needs a processor's acknowledge cycle is in tests/unit/test_i8259.c. Intel data sheet
 * 231468; 82371SB, 2.5.6 (ELCR).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/pit.h"

enum {
    MASTER = 0x20, SLAVE = 0xa0, ELCR1 = 0x4d0, ELCR2 = 0x4d1,
    ICW1 = 0x11, ICW4_8086 = 1, EOI = 0x20, SPECIFIC_EOI = 0x60, SET_PRIORITY = 0xc0,
    READ_IRR = 0x0a, READ_ISR = 0x0b, POLL = 0x0c, POLL_REQUEST = 0x80,
};

static void program(QTest *qts, uint16_t base, uint8_t icw2, uint8_t icw3)
{
    qtest_outb(qts, base, ICW1);
    qtest_outb(qts, base + 1, icw2);
    qtest_outb(qts, base + 1, icw3);
    qtest_outb(qts, base + 1, ICW4_8086);
}

static QTest *start(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    program(qts, MASTER, 0x08, 0x04);
    program(qts, SLAVE, 0x70, 0x02);
    return qts;
}

static uint8_t command(QTest *qts, uint16_t base, uint8_t ocw3)
{
    qtest_outb(qts, base, ocw3);
    return qtest_inb(qts, base);
}

/* A level at IRQ 0 by mode 0 of the timer: control word low, count run down high. */
static void lower_irq0(QTest *qts)
{
    pit_set_mode(qts, 0, PIT_LSB, 0);
}

static void raise_irq0(QTest *qts)
{
    lower_irq0(qts);
    qtest_outb(qts, PIT_COUNTER, 1);
    qtest_clock_step(qts, 10000);
}

/* IRQ 8 by the RTC's update-ended interrupt. */
static void raise_irq8(QTest *qts)
{
    qtest_outb(qts, 0x70, 0x0b);
    qtest_outb(qts, 0x71, 0x12);
    qtest_clock_step(qts, 1000000000);
}

static void test_mask_register(void)
{
    QTest *qts = start();

    g_assert_cmphex(qtest_inb(qts, MASTER + 1), ==, 0);
    qtest_outb(qts, MASTER + 1, 0xa5);
    qtest_outb(qts, SLAVE + 1, 0x5a);
    g_assert_cmphex(qtest_inb(qts, MASTER + 1), ==, 0xa5);
    g_assert_cmphex(qtest_inb(qts, SLAVE + 1), ==, 0x5a);
    qtest_outb(qts, MASTER, ICW1);
    g_assert_cmphex(qtest_inb(qts, MASTER + 1), ==, 0); /* ICW1 clears it */
    qtest_quit(qts);
}

static void test_request(void)
{
    QTest *qts = start();

    g_assert_cmphex(command(qts, MASTER, READ_IRR) & 1, ==, 0);
    raise_irq0(qts);
    g_assert_cmphex(command(qts, MASTER, READ_IRR) & 1, ==, 1);
    g_assert_cmphex(command(qts, MASTER, READ_ISR), ==, 0);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 0);
    g_assert_cmphex(command(qts, MASTER, READ_IRR) & 1, ==, 0);
    g_assert_cmphex(command(qts, MASTER, READ_ISR), ==, 1);
    qtest_outb(qts, MASTER, EOI);
    g_assert_cmphex(command(qts, MASTER, READ_ISR), ==, 0);
    g_assert_cmphex(command(qts, MASTER, POLL) & POLL_REQUEST, ==, 0); /* one edge, one request */
    raise_irq0(qts);
    lower_irq0(qts); /* must stay until it is acknowledged */
    g_assert_cmphex(command(qts, MASTER, READ_IRR) & 1, ==, 0);
    qtest_quit(qts);
}

static void test_cascade(void)
{
    QTest *qts = start();

    raise_irq8(qts);
    g_assert_cmphex(command(qts, SLAVE, READ_IRR) & 1, ==, 1);
    g_assert_cmphex(command(qts, MASTER, READ_IRR) & 4, ==, 4);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 2);
    g_assert_cmphex(command(qts, SLAVE, POLL), ==, POLL_REQUEST | 0);
    g_assert_cmphex(command(qts, MASTER, READ_ISR), ==, 4);
    g_assert_cmphex(command(qts, SLAVE, READ_ISR), ==, 1);
    qtest_outb(qts, SLAVE, SPECIFIC_EOI | 0);
    qtest_outb(qts, MASTER, SPECIFIC_EOI | 2);
    g_assert_cmphex(command(qts, MASTER, READ_ISR), ==, 0);
    qtest_quit(qts);
}

static void test_slave_mask(void)
{
    QTest *qts = start();

    qtest_outb(qts, SLAVE + 1, 0x01);
    raise_irq8(qts);
    g_assert_cmphex(command(qts, SLAVE, READ_IRR) & 1, ==, 1);
    g_assert_cmphex(command(qts, MASTER, READ_IRR) & 4, ==, 0);
    qtest_outb(qts, SLAVE + 1, 0x00);
    g_assert_cmphex(command(qts, MASTER, READ_IRR) & 4, ==, 4);
    qtest_quit(qts);
}

static void test_priority(void)
{
    QTest *qts = start();

    raise_irq8(qts);
    raise_irq0(qts);
    qtest_outb(qts, MASTER, SET_PRIORITY | 0); /* 1 is the highest, 0 the lowest */
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 2);
    g_assert_cmphex(command(qts, MASTER, POLL) & POLL_REQUEST, ==, 0);
    qtest_outb(qts, MASTER, EOI);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 0);
    qtest_quit(qts);
}

static void test_elcr(void)
{
    QTest *qts = start();

    g_assert_cmphex(qtest_inb(qts, ELCR1), ==, 0);
    qtest_outb(qts, ELCR1, 0xff);
    qtest_outb(qts, ELCR2, 0xff);
    g_assert_cmphex(qtest_inb(qts, ELCR1), ==, 0xf8); /* IRQ 0, 1 and 2 are edges */
    g_assert_cmphex(qtest_inb(qts, ELCR2), ==, 0xde); /* IRQ 8 and 13, too */
    qtest_outb(qts, MASTER, ICW1);
    g_assert_cmphex(qtest_inb(qts, ELCR1), ==, 0xf8); /* not the chip's, so ICW1 leaves it */
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8259/mask", test_mask_register);
    g_test_add_func("/i8259/request", test_request);
    g_test_add_func("/i8259/cascade", test_cascade);
    g_test_add_func("/i8259/slave-mask", test_slave_mask);
    g_test_add_func("/i8259/priority", test_priority);
    g_test_add_func("/i8259/elcr", test_elcr);
    return g_test_run();
}
