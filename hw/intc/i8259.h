/*
 * The 8259A programmable interrupt controller (Intel 231468), and the pair of
 * them that a PC has.
 *
 * The chip is a plain struct, without a bus: see i8259-isa.c for the device.
 * All functions are called with the big lock held.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_INTC_I8259_H
#define HW_INTC_I8259_H

#include "hw/core/irq.h"
#include "hw/isa/isa.h"

typedef struct I8259 {
    uint8_t lines;          /* levels on IR0-IR7 */
    uint8_t edge_latch;     /* edges seen and not yet acknowledged */
    uint8_t isr, imr;
    uint8_t icw1, icw2, icw3, icw4;
    uint8_t next_icw;       /* 2, 3 or 4 within an initialization sequence; else 0 */
    uint8_t lowest;         /* the level that has the lowest priority */
    uint8_t elcr;           /* 1: level triggered */
    uint8_t elcr_mask;      /* bits of elcr that can be set */
    bool rotate_on_aeoi, special_mask, read_isr, poll;
    bool master;            /* SP/EN# */
    bool int_level;         /* INT output as last driven */
    uint64_t raised[8];     /* how often each IR input rose: a statistic, not state */
    IRQLine *int_out;
} I8259;

/* Power-on state; int_out, master and elcr_mask are kept. INT is driven by the next
 * i8259_update(). */
void i8259_chip_reset(I8259 *s);
/* Drives an IR input (0-7). */
void i8259_set_ir(I8259 *s, unsigned ir, int level);
/* Register accesses; a0 is the chip's address pin. */
uint8_t i8259_read(I8259 *s, unsigned a0);
void i8259_write(I8259 *s, unsigned a0, uint8_t val);
void i8259_write_elcr(I8259 *s, uint8_t val);
/* What the chip sees as requests: the IRR register. */
uint8_t i8259_irr(const I8259 *s);
/* Drives INT to what the state says, after it was reset or loaded. */
void i8259_update(I8259 *s);

/* Two chips cascaded through ICW3. Either device alone knows nothing of the other. */
#define TYPE_ISA_I8259 "isa-i8259"
typedef struct I8259Pair {
    I8259 *master, *slave;
    IRQLine *irqs[ISA_NUM_IRQS]; /* inputs; 2 is the cascade and stays NULL */
} I8259Pair;

/*
 * An interrupt acknowledge sequence (two INTA# pulses): returns the vector. With no request
 * left that is the spurious one, IR7 of the chip that was asked.
 */
int i8259_ack(I8259Pair *pair);
/* Creates the two controllers of a PC at 0x20, 0xa0, 0x4d0 and 0x4d1; intr is what the
 * master's INT drives. False with errp set if that fails. */
bool i8259_create_pair(I8259Pair *pair, ISABus *bus, IRQLine *intr, Error **errp);

#endif
