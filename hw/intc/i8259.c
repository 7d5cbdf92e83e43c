/*
 * 8259A programmable interrupt controller: the chip.
 *
 * Intel data sheet 231468. The edge/level control register is the one of the
 * 82371SB (PIIX3), 2.5.6; it selects level triggering for each input, while LTIM of
 * ICW1 selects it for all of them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/intc/i8259.h"
#include "util/trace.h"

TRACE_EVENT(i8259_write, "master %d a0 %u value 0x%02x");
TRACE_EVENT(i8259_read, "master %d a0 %u value 0x%02x");
TRACE_EVENT(i8259_set_ir, "master %d ir %u level %d");
TRACE_EVENT(i8259_int, "master %d level %d irr 0x%02x imr 0x%02x isr 0x%02x");
TRACE_EVENT(i8259_inta, "master %d level %d");

enum {
    ICW1_IC4 = 1 << 0,  /* ICW4 will follow */
    ICW1_SNGL = 1 << 1, /* no cascade: no ICW3 */
    ICW1_ADI = 1 << 2,  /* MCS-80: call interval 4, not 8 */
    ICW1_LTIM = 1 << 3, /* all inputs level triggered */
    ICW1_SELECT = 1 << 4,

    ICW4_UPM = 1 << 0,  /* 8086 mode, not MCS-80 */
    ICW4_AEOI = 1 << 1,
    ICW4_SFNM = 1 << 4, /* special fully nested mode */

    OCW2_EOI = 1 << 5,
    OCW2_SL = 1 << 6,
    OCW2_R = 1 << 7,

    OCW3_RIS = 1 << 0,
    OCW3_RR = 1 << 1,
    OCW3_P = 1 << 2,
    OCW3_SELECT = 1 << 3,
    OCW3_SMM = 1 << 5,
    OCW3_ESMM = 1 << 6,

    POLL_REQUEST = 1 << 7,
    SPURIOUS_LEVEL = 7,
    PRIORITY_NONE = 8,
};

static uint8_t level_triggered(const I8259 *s)
{
    return s->icw1 & ICW1_LTIM ? 0xff : s->elcr;
}

uint8_t i8259_irr(const I8259 *s)
{
    uint8_t level = level_triggered(s);

    return (s->lines & level) | (s->edge_latch & ~level);
}

/* Priority 0 is the highest, 7 the lowest. */
static unsigned ir_of_priority(const I8259 *s, unsigned priority)
{
    return (priority + s->lowest + 1) & 7;
}

/* The highest priority among a set of levels. */
static unsigned highest(const I8259 *s, uint8_t levels)
{
    for (unsigned priority = 0; priority < 8; priority++) {
        if (levels & 1 << ir_of_priority(s, priority)) {
            return priority;
        }
    }
    return PRIORITY_NONE;
}

static bool is_cascade(const I8259 *s, unsigned ir)
{
    return s->master && !(s->icw1 & ICW1_SNGL) && (s->icw3 & 1 << ir);
}

/* The level that the chip asks to be served, or -1. */
static int pending_ir(const I8259 *s)
{
    uint8_t in_service = s->special_mask ? s->isr & ~s->imr : s->isr;
    unsigned served = highest(s, in_service);
    unsigned wanted = highest(s, i8259_irr(s) & ~s->imr);

    if (wanted == PRIORITY_NONE) {
        return -1;
    }
    unsigned ir = ir_of_priority(s, wanted);
    if (wanted < served) {
        return ir;
    }
    /* Special fully nested: the slave sorts its requests itself. */
    if (wanted <= served && (s->icw4 & ICW4_SFNM) && is_cascade(s, ir)) {
        return ir;
    }
    return -1;
}

static void drive_int(I8259 *s, bool level)
{
    if (s->int_level != level) {
        trace(i8259_int, s->master, level, i8259_irr(s), s->imr, s->isr);
        s->int_level = level;
        irq_set(s->int_out, level);
    }
}

void i8259_update(I8259 *s)
{
    drive_int(s, pending_ir(s) >= 0);
}

void i8259_set_ir(I8259 *s, unsigned ir, int level)
{
    uint8_t bit = 1 << ir;

    trace(i8259_set_ir, s->master, ir, level);
    if (level && !(s->lines & bit)) {
        s->lines |= bit;
        s->edge_latch |= bit;
        s->raised[ir]++;
    } else if (!level) {
        /* A request must stay until it is acknowledged, edge triggered ones as well. */
        s->lines &= ~bit;
        s->edge_latch &= ~bit;
    }
    i8259_update(s);
}

static void end_of_interrupt(I8259 *s, unsigned ir, bool rotate)
{
    s->isr &= ~(1 << ir);
    if (rotate) {
        s->lowest = ir;
    }
}

/* The INTA# pulses as one chip sees them, or a poll: the level, or -1 if no request is left. */
static int acknowledge(I8259 *s)
{
    int ir = pending_ir(s);

    trace(i8259_inta, s->master, ir);
    if (ir >= 0) {
        s->edge_latch &= ~(1 << ir);
        s->isr |= 1 << ir;
        if (s->icw4 & ICW4_AEOI) {
            end_of_interrupt(s, ir, s->rotate_on_aeoi);
        }
    }
    /* INT drops even if another request follows: a master sees a new edge. */
    drive_int(s, false);
    return ir;
}

static uint8_t vector_of(const I8259 *s, unsigned ir)
{
    if (s->icw4 & ICW4_UPM) {
        return (s->icw2 & 0xf8) | ir;
    }
    /* MCS-80: the second byte of a CALL, which an x86 takes for the vector. */
    return s->icw1 & ICW1_ADI ? (s->icw1 & 0xe0) | ir << 2 : (s->icw1 & 0xc0) | ir << 3;
}

int i8259_ack(I8259Pair *pair)
{
    I8259 *chip = pair->master;
    int ir = acknowledge(chip);

    if (ir >= 0 && is_cascade(chip, ir)) {
        i8259_update(chip);
        if (!pair->slave || (pair->slave->icw3 & 7) != ir) {
            return 0xff; /* nobody drives the data bus */
        }
        chip = pair->slave;
        ir = acknowledge(chip);
    }
    int vector = vector_of(chip, ir >= 0 ? ir : SPURIOUS_LEVEL);
    i8259_update(chip);
    return vector;
}

static uint8_t poll_read(I8259 *s)
{
    int ir = acknowledge(s);

    s->poll = false;
    i8259_update(s);
    return ir >= 0 ? POLL_REQUEST | ir : 0;
}

uint8_t i8259_read(I8259 *s, unsigned a0)
{
    uint8_t val;

    if (s->poll) {
        val = poll_read(s);
    } else if (a0) {
        val = s->imr;
    } else {
        val = s->read_isr ? s->isr : i8259_irr(s);
    }
    trace(i8259_read, s->master, a0, val);
    return val;
}

static void write_icw1(I8259 *s, uint8_t val)
{
    s->icw1 = val;
    s->edge_latch = 0;
    s->imr = s->isr = 0;
    s->icw3 = s->master ? 0 : 7;
    s->icw4 = 0;
    s->lowest = 7;
    s->special_mask = s->read_isr = s->poll = s->rotate_on_aeoi = false;
    s->next_icw = 2;
}

/* The ICW that follows number n of the running sequence, or 0. */
static unsigned icw_after(const I8259 *s, unsigned n)
{
    if (n == 2 && !(s->icw1 & ICW1_SNGL)) {
        return 3;
    }
    return n < 4 && (s->icw1 & ICW1_IC4) ? 4 : 0;
}

static void write_ocw2(I8259 *s, uint8_t val)
{
    bool rotate = val & OCW2_R;
    uint8_t ir = val & 7;

    switch (val & (OCW2_EOI | OCW2_SL)) {
    case OCW2_EOI: { /* non-specific: what special mask mode hides is not touched */
        unsigned served = highest(s, s->special_mask ? s->isr & ~s->imr : s->isr);
        if (served != PRIORITY_NONE) {
            end_of_interrupt(s, ir_of_priority(s, served), rotate);
        }
        break;
    }
    case OCW2_EOI | OCW2_SL:
        end_of_interrupt(s, ir, rotate);
        break;
    case OCW2_SL:
        if (rotate) {
            s->lowest = ir;
        }
        break;
    default:
        s->rotate_on_aeoi = rotate;
        break;
    }
}

static void write_ocw3(I8259 *s, uint8_t val)
{
    if (val & OCW3_ESMM) {
        s->special_mask = val & OCW3_SMM;
    }
    if (val & OCW3_P) {
        s->poll = true;
    } else if (val & OCW3_RR) {
        s->read_isr = val & OCW3_RIS;
    }
}

static void write_a0_high(I8259 *s, uint8_t val)
{
    switch (s->next_icw) {
    case 0:
        s->imr = val;
        return;
    case 2:
        s->icw2 = val;
        break;
    case 3:
        s->icw3 = val;
        break;
    case 4:
        s->icw4 = val;
        break;
    }
    s->next_icw = icw_after(s, s->next_icw);
}

void i8259_write(I8259 *s, unsigned a0, uint8_t val)
{
    trace(i8259_write, s->master, a0, val);
    if (a0) {
        write_a0_high(s, val);
    } else if (val & ICW1_SELECT) {
        write_icw1(s, val);
    } else if (val & OCW3_SELECT) {
        write_ocw3(s, val);
    } else {
        write_ocw2(s, val);
    }
    i8259_update(s);
}

void i8259_write_elcr(I8259 *s, uint8_t val)
{
    s->elcr = val & s->elcr_mask;
    i8259_update(s);
}

void i8259_chip_reset(I8259 *s)
{
    write_icw1(s, 0);
    s->next_icw = 0;
    s->icw2 = 0;
    s->elcr = 0;
    s->lines = 0;
}
