/*
 * What the parts of the local APIC share: apic.c (acceptance, local vector
 * table, timer), apic-regs.c (registers, IPIs) and apic-bus.c.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_INTC_APIC_INTERNAL_H
#define HW_INTC_APIC_INTERNAL_H

#include "hw/intc/apic.h"

enum {
    APIC_LVT_MASKED = 1 << 16,
    APIC_SVR_ENABLE = 1 << 8,
    APIC_SVR_FOCUS_DISABLED = 1 << 9,
    APIC_ESR_SEND_ILLEGAL_VECTOR = 1 << 5,
    APIC_ESR_RECEIVE_ILLEGAL_VECTOR = 1 << 6,
    APIC_ESR_ILLEGAL_REGISTER = 1 << 7,
};

/* --- apic.c ---------------------------------------------------------------- */

/* Bits of an LVT register that software can write. */
extern const uint32_t apic_lvt_writable[APIC_LVT_COUNT];

/* The accelerator has the local APICs; this one holds the state of one while the machine stands. */
static inline bool apic_is_shadow(const APICState *s)
{
    return s->parent.machine->irqchip != NULL;
}

/* Makes CPU_INTERRUPT_HARD what the state says. */
void apic_update(APICState *s);
/* The processor priority register. */
uint8_t apic_ppr(const APICState *s);
/* The highest vector in IRR, ISR or TMR, or -1. */
int apic_highest_vector(const uint32_t *reg);
/* True if the vector is requested or in service: the focus processor of it. */
bool apic_has_vector(const APICState *s, uint8_t vector);
/* What a message that selects this APIC does to it. */
void apic_deliver(APICState *s, const APICMessage *msg);
/* Drives LINT0 or LINT1. */
void apic_set_lint(APICState *s, unsigned pin, bool level);
void apic_eoi(APICState *s);
/* Records an APIC_ESR_... error. */
void apic_error(APICState *s, uint32_t bit);
void apic_write_svr(APICState *s, uint32_t val);
void apic_write_lvt(APICState *s, unsigned n, uint32_t val);
void apic_write_initial_count(APICState *s, uint32_t val);
void apic_write_divide_config(APICState *s, uint32_t val);

/* --- apic-regs.c ------------------------------------------------------------ */

/* The x2APIC logical ID, which follows from the ID. */
static inline uint32_t apic_x2apic_ldr(const APICState *s)
{
    return (s->initial_id & ~15u) << 12 | 1u << (s->initial_id & 15);
}

/* --- apic-bus.c ------------------------------------------------------------- */

void apic_bus_attach(APICBus *bus, APICState *s);
void apic_bus_detach(APICBus *bus, APICState *s);
/* Delivers to all, whatever dest says; except may be NULL. */
void apic_bus_broadcast(APICBus *bus, const APICMessage *msg, const APICState *except);
/* An interrupt acknowledge cycle for ExtINT: the i8259 pair's vector, -1 without one. */
int apic_bus_ack_pic(APICBus *bus);

#endif
