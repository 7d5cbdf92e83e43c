/*
 * The 8259A pair with a processor's side: INT output and interrupt
 * acknowledge sequences, which no qtest can see.
 *
 * Expectations are those of Intel data sheet 231468; section names in the tests.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include "hw/intc/i8259.h"

enum { MASTER_BASE = 0x08, SLAVE_BASE = 0x70 };

enum {
    ICW1 = 0x11, ICW1_LTIM = 0x08, ICW1_SNGL = 0x02,
    ICW4_8086 = 0x01, ICW4_AEOI = 0x02, ICW4_SFNM = 0x10,
    EOI = 0x20, SPECIFIC_EOI = 0x60, ROTATE_EOI = 0xa0, ROTATE_SPECIFIC = 0xe0,
    ROTATE_AEOI_SET = 0x80, ROTATE_AEOI_CLEAR = 0x00, SET_PRIORITY = 0xc0, NO_OPERATION = 0x40,
    READ_IRR = 0x0a, READ_ISR = 0x0b, POLL = 0x0c, SET_SPECIAL_MASK = 0x68,
    CLEAR_SPECIAL_MASK = 0x48,
};

typedef struct Bench {
    I8259 master, slave;
    I8259Pair pair;
    IRQLine *cascade, *intr;
    int intr_level;
} Bench;

static void drive_cascade(void *opaque, int n, int level)
{
    i8259_set_ir(opaque, n, level);
}

static void see_intr(void *opaque, int n, int level)
{
    *(int *)opaque = level;
}

static void program(I8259 *chip, uint8_t icw1, uint8_t icw2, uint8_t icw3, uint8_t icw4)
{
    i8259_write(chip, 0, icw1);
    i8259_write(chip, 1, icw2);
    if (!(icw1 & ICW1_SNGL)) {
        i8259_write(chip, 1, icw3);
    }
    i8259_write(chip, 1, icw4);
}

static void bench_init(Bench *b)
{
    *b = (Bench){ .master.master = true, .master.elcr_mask = 0xf8, .slave.elcr_mask = 0xde };
    b->cascade = irq_new(drive_cascade, &b->master, 2);
    b->intr = irq_new(see_intr, &b->intr_level, 0);
    b->master.int_out = b->intr;
    b->slave.int_out = b->cascade;
    b->pair.master = &b->master;
    b->pair.slave = &b->slave;
    i8259_chip_reset(&b->master);
    i8259_chip_reset(&b->slave);
    program(&b->master, ICW1, MASTER_BASE, 0x04, ICW4_8086);
    program(&b->slave, ICW1, SLAVE_BASE, 0x02, ICW4_8086);
}

static void bench_finish(Bench *b)
{
    irq_free(b->cascade);
    irq_free(b->intr);
}

static void set_irq(Bench *b, unsigned irq, int level)
{
    i8259_set_ir(irq < 8 ? &b->master : &b->slave, irq % 8, level);
}

static uint8_t read_after(I8259 *chip, uint8_t ocw3)
{
    i8259_write(chip, 0, ocw3);
    return i8259_read(chip, 0);
}

#define assert_irr(chip, val) g_assert_cmphex(read_after(chip, READ_IRR), ==, val)
#define assert_isr(chip, val) g_assert_cmphex(read_after(chip, READ_ISR), ==, val)
#define assert_ack(b, vector) g_assert_cmphex(i8259_ack(&(b)->pair), ==, vector)

/* Interrupt sequence: IRR, INT, ISR, vector, EOI. */
static void test_sequence(void)
{
    Bench b;
    bench_init(&b);

    g_assert_false(b.intr_level);
    set_irq(&b, 4, 1);
    g_assert_true(b.intr_level);
    assert_irr(&b.master, 0x10);
    assert_ack(&b, MASTER_BASE + 4);
    g_assert_false(b.intr_level);
    assert_irr(&b.master, 0x00);
    assert_isr(&b.master, 0x10);
    i8259_write(&b.master, 0, EOI);
    assert_isr(&b.master, 0x00);
    g_assert_false(b.intr_level); /* the same edge does not count twice */
    set_irq(&b, 4, 0);
    set_irq(&b, 4, 1);
    g_assert_true(b.intr_level);
    bench_finish(&b);
}

/* Fully nested mode: a higher level interrupts, an equal or lower one waits. */
static void test_fully_nested(void)
{
    Bench b;
    bench_init(&b);

    set_irq(&b, 5, 1);
    assert_ack(&b, MASTER_BASE + 5);
    set_irq(&b, 6, 1);
    g_assert_false(b.intr_level);
    set_irq(&b, 1, 1);
    g_assert_true(b.intr_level);
    assert_ack(&b, MASTER_BASE + 1);
    assert_isr(&b.master, 0x22);
    i8259_write(&b.master, 0, EOI); /* ends the higher of the two */
    assert_isr(&b.master, 0x20);
    g_assert_false(b.intr_level);
    i8259_write(&b.master, 0, EOI);
    g_assert_true(b.intr_level);
    assert_ack(&b, MASTER_BASE + 6);
    bench_finish(&b);
}

/* The lower of two simultaneous requests waits; a specific EOI ends the level it names. */
static void test_specific_eoi(void)
{
    Bench b;
    bench_init(&b);

    set_irq(&b, 7, 1);
    assert_ack(&b, MASTER_BASE + 7);
    set_irq(&b, 3, 1);
    assert_ack(&b, MASTER_BASE + 3);
    i8259_write(&b.master, 0, SPECIFIC_EOI | 7);
    assert_isr(&b.master, 0x08);
    i8259_write(&b.master, 0, NO_OPERATION | 3);
    assert_isr(&b.master, 0x08);
    bench_finish(&b);
}

/* Interrupt mask register. */
static void test_mask(void)
{
    Bench b;
    bench_init(&b);

    i8259_write(&b.master, 1, 0x10);
    g_assert_cmphex(i8259_read(&b.master, 1), ==, 0x10);
    set_irq(&b, 4, 1);
    g_assert_false(b.intr_level);
    assert_irr(&b.master, 0x10); /* masking leaves the request standing */
    i8259_write(&b.master, 1, 0x00);
    g_assert_true(b.intr_level);
    assert_ack(&b, MASTER_BASE + 4);
    bench_finish(&b);
}

/* Cascade mode: both chips take part and both need an EOI. */
static void test_cascade(void)
{
    Bench b;
    bench_init(&b);

    set_irq(&b, 12, 1);
    g_assert_true(b.intr_level);
    assert_irr(&b.master, 0x04);
    assert_ack(&b, SLAVE_BASE + 4);
    assert_isr(&b.master, 0x04);
    assert_isr(&b.slave, 0x10);
    /* IR0 of the slave is higher, but the master's IR2 is in service. */
    set_irq(&b, 8, 1);
    g_assert_false(b.intr_level);
    i8259_write(&b.slave, 0, EOI);
    i8259_write(&b.master, 0, EOI);
    g_assert_true(b.intr_level);
    assert_ack(&b, SLAVE_BASE);
    bench_finish(&b);
}

/* Two requests at the slave, one after the other, with nothing lost between. */
static void test_cascade_two(void)
{
    Bench b;
    bench_init(&b);

    set_irq(&b, 9, 1);
    set_irq(&b, 14, 1);
    assert_ack(&b, SLAVE_BASE + 1);
    i8259_write(&b.slave, 0, EOI);
    i8259_write(&b.master, 0, EOI);
    assert_ack(&b, SLAVE_BASE + 6);
    i8259_write(&b.slave, 0, EOI);
    i8259_write(&b.master, 0, EOI);
    g_assert_false(b.intr_level);
    bench_finish(&b);
}

/* A slave answers only for the level that its ICW3 names. */
static void test_cascade_identity(void)
{
    Bench b;
    bench_init(&b);

    program(&b.slave, ICW1, SLAVE_BASE, 0x05, ICW4_8086);
    set_irq(&b, 9, 1);
    assert_ack(&b, 0xff);
    bench_finish(&b);
}

/* Single mode: IR2 is an ordinary input. */
static void test_single(void)
{
    Bench b;
    bench_init(&b);

    program(&b.master, ICW1 | ICW1_SNGL, MASTER_BASE, 0, ICW4_8086);
    set_irq(&b, 2, 1);
    assert_ack(&b, MASTER_BASE + 2);
    bench_finish(&b);
}

/* Special fully nested mode: a higher request of the same slave comes through. */
static void test_special_fully_nested(void)
{
    Bench b;
    bench_init(&b);

    program(&b.master, ICW1, MASTER_BASE, 0x04, ICW4_8086 | ICW4_SFNM);
    set_irq(&b, 12, 1);
    assert_ack(&b, SLAVE_BASE + 4);
    set_irq(&b, 13, 1);
    g_assert_false(b.intr_level);
    set_irq(&b, 9, 1);
    g_assert_true(b.intr_level);
    assert_ack(&b, SLAVE_BASE + 1);
    /* The master's own lower levels still wait. */
    set_irq(&b, 5, 1);
    g_assert_false(b.intr_level);
    bench_finish(&b);
}

/* A request that goes away before INTA# becomes IR7, which is not in service. */
static void test_spurious(void)
{
    Bench b;
    bench_init(&b);

    set_irq(&b, 3, 1);
    set_irq(&b, 3, 0);
    assert_ack(&b, MASTER_BASE + 7);
    assert_isr(&b.master, 0x00);
    bench_finish(&b);
}

/* The same at the slave: IRQ 15, and the master has IR2 in service. */
static void test_spurious_slave(void)
{
    Bench b;
    bench_init(&b);

    set_irq(&b, 10, 1);
    b.slave.int_out = NULL; /* the master does not see the request go */
    set_irq(&b, 10, 0);
    assert_ack(&b, SLAVE_BASE + 7);
    assert_isr(&b.slave, 0x00);
    assert_isr(&b.master, 0x04);
    bench_finish(&b);
}

/* Automatic EOI: the level is not in service after the sequence. */
static void test_automatic_eoi(void)
{
    Bench b;
    bench_init(&b);

    program(&b.master, ICW1, MASTER_BASE, 0x04, ICW4_8086 | ICW4_AEOI);
    set_irq(&b, 1, 1);
    set_irq(&b, 6, 1);
    assert_ack(&b, MASTER_BASE + 1);
    assert_isr(&b.master, 0x00);
    g_assert_true(b.intr_level);
    assert_ack(&b, MASTER_BASE + 6);
    bench_finish(&b);
}

/* Rotation in automatic EOI mode: what was served gets the lowest priority. */
static void test_rotate_automatic(void)
{
    Bench b;
    bench_init(&b);

    program(&b.master, ICW1, MASTER_BASE, 0x04, ICW4_8086 | ICW4_AEOI);
    i8259_write(&b.master, 0, ROTATE_AEOI_SET);
    set_irq(&b, 0, 1);
    assert_ack(&b, MASTER_BASE + 0);
    set_irq(&b, 0, 0);
    set_irq(&b, 0, 1);
    set_irq(&b, 7, 1);
    assert_ack(&b, MASTER_BASE + 7);
    assert_ack(&b, MASTER_BASE + 0);
    i8259_write(&b.master, 0, ROTATE_AEOI_CLEAR);
    set_irq(&b, 6, 1);
    assert_ack(&b, MASTER_BASE + 6);
    set_irq(&b, 6, 0);
    set_irq(&b, 6, 1);
    set_irq(&b, 5, 1);
    assert_ack(&b, MASTER_BASE + 5); /* 0 is still the lowest: 1 to 7 come in order */
    bench_finish(&b);
}

/* Automatic rotation, equal priority devices: the example of the data sheet's figure 8a. */
static void test_rotate_on_eoi(void)
{
    Bench b;
    bench_init(&b);

    set_irq(&b, 6, 1);
    assert_ack(&b, MASTER_BASE + 6);
    set_irq(&b, 4, 1);
    assert_ack(&b, MASTER_BASE + 4);
    i8259_write(&b.master, 0, ROTATE_EOI);
    assert_isr(&b.master, 0x40);
    /* Now 5 is the highest and 4 the lowest. */
    set_irq(&b, 4, 0);
    set_irq(&b, 4, 1);
    g_assert_false(b.intr_level);
    set_irq(&b, 5, 1);
    assert_ack(&b, MASTER_BASE + 5);
    bench_finish(&b);
}

/* Specific rotation: set priority, and rotate on specific EOI. */
static void test_specific_rotation(void)
{
    Bench b;
    bench_init(&b);

    i8259_write(&b.master, 0, SET_PRIORITY | 5); /* 6 is the highest */
    set_irq(&b, 0, 1);
    set_irq(&b, 5, 1);
    set_irq(&b, 6, 1);
    assert_ack(&b, MASTER_BASE + 6);
    i8259_write(&b.master, 0, ROTATE_SPECIFIC | 6); /* 7 is the highest, 6 the lowest */
    assert_isr(&b.master, 0x00);
    set_irq(&b, 6, 0);
    set_irq(&b, 6, 1);
    assert_ack(&b, MASTER_BASE + 0);
    i8259_write(&b.master, 0, EOI);
    assert_ack(&b, MASTER_BASE + 5);
    i8259_write(&b.master, 0, EOI);
    assert_ack(&b, MASTER_BASE + 6);
    bench_finish(&b);
}

/* Special mask mode: a masked level in service inhibits nobody, and EOI leaves it. */
static void test_special_mask(void)
{
    Bench b;
    bench_init(&b);

    set_irq(&b, 3, 1);
    assert_ack(&b, MASTER_BASE + 3);
    set_irq(&b, 6, 1);
    g_assert_false(b.intr_level);
    i8259_write(&b.master, 1, 0x08);
    g_assert_false(b.intr_level);
    i8259_write(&b.master, 0, SET_SPECIAL_MASK);
    g_assert_true(b.intr_level);
    assert_ack(&b, MASTER_BASE + 6);
    i8259_write(&b.master, 0, EOI);
    assert_isr(&b.master, 0x08);
    i8259_write(&b.master, 0, EOI);
    assert_isr(&b.master, 0x08);
    i8259_write(&b.master, 0, CLEAR_SPECIAL_MASK);
    i8259_write(&b.master, 0, EOI);
    assert_isr(&b.master, 0x00);
    bench_finish(&b);
}

/* Poll command: the next read is the acknowledge cycle. */
static void test_poll(void)
{
    Bench b;
    bench_init(&b);

    g_assert_cmphex(read_after(&b.master, POLL) & 0x80, ==, 0);
    set_irq(&b, 5, 1);
    set_irq(&b, 3, 1);
    g_assert_cmphex(read_after(&b.master, POLL), ==, 0x83);
    g_assert_false(b.intr_level);
    assert_isr(&b.master, 0x08);
    i8259_write(&b.master, 0, EOI);
    g_assert_true(b.intr_level);
    g_assert_cmphex(read_after(&b.master, POLL), ==, 0x85);
    bench_finish(&b);
}

/* Edge and level triggered modes, by ELCR and by LTIM. */
static void check_level(Bench *b)
{
    set_irq(b, 5, 1);
    assert_ack(b, MASTER_BASE + 5);
    assert_irr(&b->master, 0x20);
    g_assert_false(b->intr_level);
    i8259_write(&b->master, 0, EOI);
    g_assert_true(b->intr_level); /* still high: asks again */
    set_irq(b, 5, 0);
    g_assert_false(b->intr_level);
    assert_irr(&b->master, 0x00);
}

static void test_level_triggered(void)
{
    Bench b;

    bench_init(&b);
    i8259_write_elcr(&b.master, 0xff);
    g_assert_cmphex(b.master.elcr, ==, 0xf8);
    check_level(&b);
    bench_finish(&b);

    bench_init(&b);
    program(&b.master, ICW1 | ICW1_LTIM, MASTER_BASE, 0x04, ICW4_8086);
    check_level(&b);
    bench_finish(&b);
}

/* ICW1 clears the mask, the edges and what is in service, and restores the order. */
static void test_initialization(void)
{
    Bench b;
    bench_init(&b);

    i8259_write(&b.master, 0, SET_PRIORITY | 3);
    i8259_write(&b.master, 0, SET_SPECIAL_MASK);
    i8259_write(&b.master, 0, READ_ISR);
    set_irq(&b, 1, 1);
    assert_ack(&b, MASTER_BASE + 1);
    set_irq(&b, 7, 1);
    i8259_write(&b.master, 1, 0xff);
    i8259_write(&b.master, 0, ICW1);
    g_assert_cmphex(i8259_read(&b.master, 0), ==, 0x00); /* IRR: edges are forgotten */
    assert_isr(&b.master, 0x00);
    i8259_write(&b.master, 1, 0x50);
    i8259_write(&b.master, 1, 0x04);
    i8259_write(&b.master, 1, ICW4_8086);
    g_assert_cmphex(i8259_read(&b.master, 1), ==, 0x00);
    i8259_write(&b.master, 1, 0x80); /* the sequence is over: this is OCW1 */
    g_assert_cmphex(i8259_read(&b.master, 1), ==, 0x80);
    set_irq(&b, 6, 1);
    set_irq(&b, 4, 1);
    assert_ack(&b, 0x50 + 4);
    bench_finish(&b);
}

/* Without ICW4 the chip answers as in an MCS-80 system: the low byte of a CALL. */
static void test_mcs80(void)
{
    Bench b;
    bench_init(&b);

    i8259_write(&b.master, 0, 0x10 | 0x04 | 0xa0); /* interval 4, A7-A5 = 101 */
    i8259_write(&b.master, 1, 0x12);
    i8259_write(&b.master, 1, 0x04);
    set_irq(&b, 6, 1);
    assert_ack(&b, 0xa0 + 6 * 4);

    i8259_write(&b.master, 0, 0x10 | 0xe0); /* interval 8: A5 is the level's */
    i8259_write(&b.master, 1, 0x12);
    i8259_write(&b.master, 1, 0x04);
    set_irq(&b, 1, 1);
    assert_ack(&b, 0xc0 + 1 * 8);
    bench_finish(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8259/sequence", test_sequence);
    g_test_add_func("/i8259/fully-nested", test_fully_nested);
    g_test_add_func("/i8259/specific-eoi", test_specific_eoi);
    g_test_add_func("/i8259/mask", test_mask);
    g_test_add_func("/i8259/cascade", test_cascade);
    g_test_add_func("/i8259/cascade-two", test_cascade_two);
    g_test_add_func("/i8259/cascade-identity", test_cascade_identity);
    g_test_add_func("/i8259/single", test_single);
    g_test_add_func("/i8259/special-fully-nested", test_special_fully_nested);
    g_test_add_func("/i8259/spurious", test_spurious);
    g_test_add_func("/i8259/spurious-slave", test_spurious_slave);
    g_test_add_func("/i8259/automatic-eoi", test_automatic_eoi);
    g_test_add_func("/i8259/rotate-automatic", test_rotate_automatic);
    g_test_add_func("/i8259/rotate-on-eoi", test_rotate_on_eoi);
    g_test_add_func("/i8259/specific-rotation", test_specific_rotation);
    g_test_add_func("/i8259/special-mask", test_special_mask);
    g_test_add_func("/i8259/poll", test_poll);
    g_test_add_func("/i8259/level-triggered", test_level_triggered);
    g_test_add_func("/i8259/initialization", test_initialization);
    g_test_add_func("/i8259/mcs80", test_mcs80);
    return g_test_run();
}
