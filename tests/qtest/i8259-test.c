/*
 * The 8259A pair in a PC: ports, poll mode, masks, edge/level control, and the
 * cascade, with the timer (IRQ 0), the RTC (IRQ 8) and serial ports as sources.
 *
 * What needs a processor's acknowledge cycle is in tests/unit/test_i8259.c. Intel data sheet
 * 231468; 82371SB, 2.5.6 (ELCR).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/pit.h"

enum {
    MASTER = 0x20, SLAVE = 0xa0, ELCR1 = 0x4d0, ELCR2 = 0x4d1,
    ICW1 = 0x11, ICW1_IC4 = 1, ICW1_SNGL = 2, ICW1_LTIM = 8, ICW1_SELECT = 0x10,
    ICW4_8086 = 1, ICW4_AEOI = 2, ICW4_SFNM = 0x10,
    EOI = 0x20, SPECIFIC_EOI = 0x60, SET_PRIORITY = 0xc0, ROTATE_EOI = 0xa0,
    ROTATE_SPECIFIC_EOI = 0xe0, ROTATE_AEOI_SET = 0x80, ROTATE_AEOI_CLEAR = 0x00,
    SPECIAL_MASK_SET = 0x68, SPECIAL_MASK_RESET = 0x48,
    READ_IRR = 0x0a, READ_ISR = 0x0b, POLL = 0x0c, POLL_REQUEST = 0x80,
};

static void program_modes(QTest *qts, uint16_t base, uint8_t icw1, uint8_t icw4)
{
    qtest_outb(qts, base, icw1);
    qtest_outb(qts, base + 1, base == MASTER ? 0x08 : 0x70);
    qtest_outb(qts, base + 1, base == MASTER ? 0x04 : 0x02);
    qtest_outb(qts, base + 1, icw4);
}

static void program(QTest *qts, uint16_t base)
{
    program_modes(qts, base, ICW1, ICW4_8086);
}

static QTest *start(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    program(qts, MASTER);
    program(qts, SLAVE);
    return qts;
}

/* Three serial ports at the interrupts asked for: sources that need no clock. */
static QTest *start_with_irqs(unsigned first, unsigned second, unsigned third)
{
    QTest *qts = qtest_start("-machine pc -nodefaults "
                             "-chardev null,id=c0 -device isa-serial,index=0,chardev=c0,irq=%u "
                             "-chardev null,id=c1 -device isa-serial,index=1,chardev=c1,irq=%u "
                             "-chardev null,id=c2 -device isa-serial,index=2,chardev=c2,irq=%u",
                             first, second, third);
    program(qts, MASTER);
    program(qts, SLAVE);
    return qts;
}

enum { FIRST, SECOND, THIRD };

/* The line of a serial port follows the enable bit of its empty transmitter. */
static void set_line(QTest *qts, unsigned port, bool level)
{
    static const uint16_t bases[] = { 0x3f8, 0x2f8, 0x3e8 };
    qtest_outb(qts, bases[port] + 1, level ? 2 : 0);
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

/* --- initialization command words -------------------------------------------------------- */

/* Which ICWs follow ICW1 is its own choice; what comes after them is OCW1. */
static void test_icw_sequences(void)
{
    static const struct { uint8_t icw1; unsigned more; } rows[] = {
        { ICW1_SELECT | ICW1_IC4, 3 }, { ICW1_SELECT | ICW1_IC4 | ICW1_SNGL, 2 },
        { ICW1_SELECT, 2 }, { ICW1_SELECT | ICW1_SNGL, 1 },
    };
    QTest *qts = start();

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        qtest_outb(qts, MASTER, rows[i].icw1);
        for (unsigned n = 0; n < rows[i].more; n++) {
            qtest_outb(qts, MASTER + 1, ICW4_8086);
            g_assert_cmphex(qtest_inb(qts, MASTER + 1), ==, 0);
        }
        qtest_outb(qts, MASTER + 1, 0x5a);
        g_assert_cmphex(qtest_inb(qts, MASTER + 1), ==, 0x5a);
    }
    qtest_quit(qts);
}

/* After ICW1 an input must go from low to high again, and IRR is what is read. */
static void test_icw1_resets(void)
{
    QTest *qts = start_with_irqs(3, 4, 5);

    set_line(qts, FIRST, true);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 3);
    set_line(qts, SECOND, true);
    g_assert_cmphex(command(qts, MASTER, READ_ISR), ==, 1 << 3);
    program(qts, MASTER);
    g_assert_cmphex(qtest_inb(qts, MASTER) & 0x18, ==, 0);
    g_assert_cmphex(command(qts, MASTER, READ_ISR), ==, 0);
    set_line(qts, SECOND, false);
    set_line(qts, SECOND, true);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 4);
    qtest_quit(qts);
}

/* A level asks as long as it is there. */
static void check_level(QTest *qts, unsigned port, unsigned irq)
{
    set_line(qts, port, true);
    for (int i = 0; i < 3; i++) {
        g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | irq);
        g_assert_cmphex(command(qts, MASTER, POLL), ==, 0); /* in service */
        qtest_outb(qts, MASTER, EOI);
    }
    set_line(qts, port, false);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, 0);
    g_assert_cmphex(command(qts, MASTER, READ_IRR) & 1 << irq, ==, 0);
}

static void test_level_by_elcr(void)
{
    QTest *qts = start_with_irqs(3, 4, 5);

    qtest_outb(qts, ELCR1, 1 << 5);
    check_level(qts, THIRD, 5);
    set_line(qts, SECOND, true); /* this one is an edge still */
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 4);
    qtest_outb(qts, MASTER, EOI);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, 0);
    qtest_quit(qts);
}

static void test_level_by_ltim(void)
{
    QTest *qts = start_with_irqs(3, 4, 5);

    program_modes(qts, MASTER, ICW1 | ICW1_LTIM, ICW4_8086);
    qtest_outb(qts, MASTER + 1, 0x01); /* the timer's output is high while it is not programmed */
    check_level(qts, FIRST, 3);
    check_level(qts, SECOND, 4);
    qtest_quit(qts);
}

/* --- nesting and ends of interrupt ---------------------------------------------------------- */

static void test_fully_nested(void)
{
    QTest *qts = start_with_irqs(3, 4, 5);

    set_line(qts, SECOND, true);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 4);
    set_line(qts, THIRD, true);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, 0); /* lower than what is in service */
    set_line(qts, FIRST, true);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 3);
    g_assert_cmphex(command(qts, MASTER, READ_ISR), ==, 1 << 3 | 1 << 4);
    qtest_outb(qts, MASTER, EOI); /* the highest in service */
    g_assert_cmphex(command(qts, MASTER, READ_ISR), ==, 1 << 4);
    qtest_outb(qts, MASTER, SPECIFIC_EOI | 3); /* is not in service */
    g_assert_cmphex(command(qts, MASTER, READ_ISR), ==, 1 << 4);
    qtest_outb(qts, MASTER, SPECIFIC_EOI | 4);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 5);
    qtest_quit(qts);
}

static void test_automatic_eoi(void)
{
    QTest *qts = start_with_irqs(3, 4, 5);

    program_modes(qts, MASTER, ICW1, ICW4_8086 | ICW4_AEOI);
    set_line(qts, FIRST, true);
    set_line(qts, SECOND, true);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 3);
    g_assert_cmphex(command(qts, MASTER, READ_ISR), ==, 0);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 4);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, 0);
    qtest_quit(qts);
}

/* Serves first; then says which of first and second, asking together, comes next. */
static uint8_t next_after_rotation(QTest *qts, uint8_t ocw2)
{
    set_line(qts, FIRST, false);
    set_line(qts, SECOND, false);
    set_line(qts, FIRST, true);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 3);
    qtest_outb(qts, MASTER, ocw2);
    set_line(qts, FIRST, false);
    set_line(qts, FIRST, true);
    set_line(qts, SECOND, true);
    return command(qts, MASTER, POLL);
}

static void test_rotation(void)
{
    QTest *qts = start_with_irqs(3, 4, 5);

    g_assert_cmphex(next_after_rotation(qts, EOI), ==, POLL_REQUEST | 3);
    program(qts, MASTER);
    g_assert_cmphex(next_after_rotation(qts, ROTATE_EOI), ==, POLL_REQUEST | 4);
    program(qts, MASTER);
    g_assert_cmphex(next_after_rotation(qts, ROTATE_SPECIFIC_EOI | 3), ==, POLL_REQUEST | 4);
    program(qts, MASTER); /* gives IR 7 the lowest priority back */
    g_assert_cmphex(next_after_rotation(qts, EOI), ==, POLL_REQUEST | 3);
    qtest_quit(qts);
}

static void test_rotation_with_aeoi(void)
{
    QTest *qts = start_with_irqs(3, 4, 5);

    program_modes(qts, MASTER, ICW1, ICW4_8086 | ICW4_AEOI);
    qtest_outb(qts, MASTER, ROTATE_AEOI_SET);
    g_assert_cmphex(next_after_rotation(qts, ROTATE_AEOI_SET), ==, POLL_REQUEST | 4);
    program_modes(qts, MASTER, ICW1, ICW4_8086 | ICW4_AEOI);
    qtest_outb(qts, MASTER, ROTATE_AEOI_SET);
    qtest_outb(qts, MASTER, ROTATE_AEOI_CLEAR);
    g_assert_cmphex(next_after_rotation(qts, ROTATE_AEOI_CLEAR), ==, POLL_REQUEST | 3);
    qtest_quit(qts);
}

/* Special mask mode: what is in service holds back only itself, by its mask bit. */
static void test_special_mask(void)
{
    QTest *qts = start_with_irqs(3, 4, 5);

    set_line(qts, FIRST, true);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 3);
    qtest_outb(qts, MASTER + 1, 1 << 3);
    set_line(qts, SECOND, true);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, 0);
    qtest_outb(qts, MASTER, SPECIAL_MASK_SET);
    g_assert_cmphex(command(qts, MASTER, READ_ISR), ==, 1 << 3); /* an OCW3 without ESMM */
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 4);
    qtest_outb(qts, MASTER, EOI); /* does not touch what is masked */
    g_assert_cmphex(command(qts, MASTER, READ_ISR), ==, 1 << 3);
    qtest_outb(qts, MASTER, SPECIAL_MASK_RESET);
    set_line(qts, THIRD, true);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, 0);
    qtest_outb(qts, MASTER, EOI);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 5);
    qtest_quit(qts);
}

/* A second request of the slave, of a higher priority than the one in service. */
static uint8_t nested_slave_request(QTest *qts)
{
    set_line(qts, SECOND, true); /* IRQ 10 */
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 2);
    g_assert_cmphex(command(qts, SLAVE, POLL), ==, POLL_REQUEST | 2);
    set_line(qts, FIRST, true); /* IRQ 9 */
    return command(qts, MASTER, POLL);
}

static void test_special_fully_nested(void)
{
    QTest *qts = start_with_irqs(9, 10, 5);

    g_assert_cmphex(nested_slave_request(qts), ==, 0);
    qtest_quit(qts);
    qts = start_with_irqs(9, 10, 5);
    program_modes(qts, MASTER, ICW1, ICW4_8086 | ICW4_SFNM);
    g_assert_cmphex(nested_slave_request(qts), ==, POLL_REQUEST | 2);
    g_assert_cmphex(command(qts, SLAVE, POLL), ==, POLL_REQUEST | 1);
    /* The master's EOI belongs after the slave's last one. */
    qtest_outb(qts, SLAVE, EOI);
    g_assert_cmphex(command(qts, SLAVE, READ_ISR), ==, 1 << 2);
    qtest_quit(qts);
}

/* Which register a0 = 0 reads stays chosen; a poll is for one read. */
static void test_read_selection(void)
{
    QTest *qts = start_with_irqs(3, 4, 5);

    set_line(qts, FIRST, true);
    g_assert_cmphex(command(qts, MASTER, POLL), ==, POLL_REQUEST | 3);
    set_line(qts, THIRD, true);
    g_assert_cmphex(command(qts, MASTER, READ_ISR), ==, 1 << 3);
    g_assert_cmphex(qtest_inb(qts, MASTER), ==, 1 << 3);
    g_assert_cmphex(command(qts, MASTER, READ_IRR) & 0x38, ==, 1 << 5);
    g_assert_cmphex(qtest_inb(qts, MASTER) & 0x38, ==, 1 << 5);
    qtest_outb(qts, MASTER, POLL);
    g_assert_cmphex(qtest_inb(qts, MASTER), ==, 0);
    g_assert_cmphex(qtest_inb(qts, MASTER) & 0x38, ==, 1 << 5);
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
    g_test_add_func("/i8259/icw/sequences", test_icw_sequences);
    g_test_add_func("/i8259/icw/resets", test_icw1_resets);
    g_test_add_func("/i8259/level/elcr", test_level_by_elcr);
    g_test_add_func("/i8259/level/ltim", test_level_by_ltim);
    g_test_add_func("/i8259/fully-nested", test_fully_nested);
    g_test_add_func("/i8259/automatic-eoi", test_automatic_eoi);
    g_test_add_func("/i8259/rotation", test_rotation);
    g_test_add_func("/i8259/rotation-with-aeoi", test_rotation_with_aeoi);
    g_test_add_func("/i8259/special-mask", test_special_mask);
    g_test_add_func("/i8259/special-fully-nested", test_special_fully_nested);
    g_test_add_func("/i8259/read-selection", test_read_selection);
    return g_test_run();
}
