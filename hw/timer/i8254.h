/*
 * The 8254 programmable interval timer (Intel 231164): three counters at
 * 1.193182 MHz.
 *
 * The chip is a plain struct, without a bus: see i8254-isa.c for the device.
 * It counts in ticks of its input clock since the virtual clock's zero, so nothing
 * runs between two changes of an output. All functions are called with
 * the big lock held.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_TIMER_I8254_H
#define HW_TIMER_I8254_H

#include "hw/core/irq.h"
#include "hw/core/qdev.h"

enum { I8254_HZ = 1193182, I8254_COUNTERS = 3 };

typedef struct I8254Counter {
    uint8_t control;        /* RW, mode and BCD bits as last written */
    bool gate;
    bool out;               /* OUT as last seen: what mode 1 keeps until its first CLK */

    /* Count register, output latches and their byte pointers. */
    uint16_t count_register;
    uint8_t low_byte;       /* first byte of a two-byte count */
    bool write_high, read_high;
    uint16_t latch;
    uint8_t latch_bytes;    /* still to be read; 0: not latched */
    bool status_latched;
    uint8_t status;

    /* The counting element. */
    bool armed;             /* a count was loaded (modes 1, 5: triggered) */
    bool count_written;     /* since the control word */
    bool null_count;        /* count_register is newer than the counting element */
    bool loading;           /* null_count ends at start */
    uint32_t count;         /* what was loaded: 1 to 65536 */
    int64_t start;          /* tick at which it was (will be) loaded */
    int64_t frozen;         /* ticks counted when counting stopped; -1: running */
    int64_t reload_at;      /* tick at which a new count replaces this one; -1: none */
} I8254Counter;

typedef struct I8254 {
    I8254Counter counters[I8254_COUNTERS];
    Clock *clock;
    Timer timer;            /* the next edge of OUT 0 */
    int64_t seen;           /* tick up to which the edges of OUT 0 went out */
    IRQLine *irq;           /* OUT 0 */
    bool irq_disabled;      /* another timer has taken over IRQ 0 */
} I8254;

void i8254_init(I8254 *s, Clock *clock);
void i8254_deinit(I8254 *s);
/* Power-on state: no counter counts; gates 0 and 1 are high. */
void i8254_reset(I8254 *s);
/* addr 0-2: counters; 3: control word (write only). */
uint8_t i8254_read(I8254 *s, unsigned addr);
void i8254_write(I8254 *s, unsigned addr, uint8_t val);
void i8254_set_gate(I8254 *s, unsigned counter, bool gate);
bool i8254_gate(const I8254 *s, unsigned counter);
/* OUT of a counter at this time. */
bool i8254_out(I8254 *s, unsigned counter);
/* Cuts OUT 0 off IRQ 0, or connects it again. */
void i8254_disable_irq(I8254 *s, bool disable);
/* Drives OUT 0 and arms its timer, after the state was reset or loaded. */
void i8254_update(I8254 *s);

extern const VMStateDescription vmstate_i8254;

#define TYPE_ISA_PIT "isa-pit"
/* The chip of an isa-pit device. */
I8254 *isa_pit_chip(Object *pit);

#endif
