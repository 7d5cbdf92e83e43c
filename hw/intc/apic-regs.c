/*
 * Local APIC: its registers, as memory (xAPIC) and as MSRs (x2APIC), and the
 * interrupt command register.
 *
 * Intel SDM vol. 3, table 10-1 (register map), 10.6 (IPIs), 10.12 (x2APIC).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/intc/apic-internal.h"
#include <inttypes.h>
#include "util/trace.h"

TRACE_EVENT(apic_mmio_read, "id %u offset 0x%03x value 0x%08x");
TRACE_EVENT(apic_mmio_write, "id %u offset 0x%03x value 0x%08x");
TRACE_EVENT(apic_msr_read, "id %u msr 0x%x value 0x%" PRIx64);
TRACE_EVENT(apic_msr_write, "id %u msr 0x%x value 0x%" PRIx64);
TRACE_EVENT(apic_ipi, "id %u icr 0x%08x destination 0x%x");

/* Registers by their offset / 16, which is also their MSR - 0x800. */
enum {
    REG_ID = 0x02, REG_VERSION = 0x03, REG_TPR = 0x08, REG_APR = 0x09, REG_PPR = 0x0a,
    REG_EOI = 0x0b, REG_RRD = 0x0c, REG_LDR = 0x0d, REG_DFR = 0x0e, REG_SVR = 0x0f,
    REG_ISR = 0x10, REG_TMR = 0x18, REG_IRR = 0x20, REG_ESR = 0x28,
    REG_ICR_LOW = 0x30, REG_ICR_HIGH = 0x31, REG_LVT = 0x32,
    REG_LVT_END = REG_LVT + APIC_LVT_COUNT, REG_INITIAL_COUNT = REG_LVT_END,
    REG_CURRENT_COUNT = 0x39, REG_DIVIDE_CONFIG = 0x3e, REG_SELF_IPI = 0x3f,
    REG_COUNT = 0x40,
};

enum {
    VERSION = 0x14 | (APIC_LVT_COUNT - 1) << 16,

    ICR_WRITABLE = 0xccfff, /* all but the delivery status */
    ICR_STATUS = 1 << 12,
    ICR_LEVEL = 1 << 14,
    ICR_TRIGGER = 1 << 15,
    ICR_LOGICAL = 1 << 11,
    SHORTHAND_NONE = 0, SHORTHAND_SELF = 1, SHORTHAND_ALL = 2, SHORTHAND_OTHERS = 3,

    X2APIC_FIRST_MSR = 0x800,
};

/* --- interrupt command register ------------------------------------------ */

static void send_ipi(APICState *s)
{
    uint32_t icr = s->icr_low;
    bool x2 = apic_in_x2apic_mode(s);
    APICMessage msg = {
        .dest = x2 ? s->icr_high : s->icr_high >> 24,
        .dest_is_x2apic = x2,
        .vector = icr & 0xff,
        .delivery_mode = icr >> 8 & 7,
        .logical = icr & ICR_LOGICAL,
    };

    trace(apic_ipi, s->initial_id, icr, msg.dest);
    if (msg.delivery_mode == APIC_DM_INIT && (icr & ICR_TRIGGER) && !(icr & ICR_LEVEL)) {
        return; /* INIT level de-assert: nothing since the Pentium 4 */
    }
    if (msg.delivery_mode <= APIC_DM_LOWEST && msg.vector < 16) {
        apic_error(s, APIC_ESR_SEND_ILLEGAL_VECTOR);
        return;
    }
    switch (icr >> 18 & 3) {
    case SHORTHAND_NONE:
        apic_bus_deliver(s->bus, &msg);
        break;
    case SHORTHAND_SELF:
        apic_deliver(s, &msg);
        break;
    case SHORTHAND_ALL:
        apic_bus_broadcast(s->bus, &msg, NULL);
        break;
    case SHORTHAND_OTHERS:
        apic_bus_broadcast(s->bus, &msg, s);
        break;
    }
}

/* --- registers ------------------------------------------------------------ */

/* Arbitration priority (10.6.2.4). */
static uint8_t read_apr(const APICState *s)
{
    int requested = MAX(apic_highest_vector(s->irr), 0) >> 4;
    int in_service = MAX(apic_highest_vector(s->isr), 0) >> 4;
    int task = s->tpr >> 4;

    if (task >= requested && task > in_service) {
        return s->tpr;
    }
    return MAX(MAX(task, requested), in_service) << 4;
}

/* The 256-bit registers: ISR, TMR and IRR, 32 bits each. */
static uint32_t read_vectors(const APICState *s, unsigned reg)
{
    return reg < REG_TMR ? s->isr[reg - REG_ISR]
         : reg < REG_IRR ? s->tmr[reg - REG_TMR] : s->irr[reg - REG_IRR];
}

/* Registers that both modes have; false: no such register, or it cannot be read. */
static bool read_register(APICState *s, unsigned reg, uint32_t *val)
{
    if (reg >= REG_ISR && reg < REG_ESR) {
        *val = read_vectors(s, reg);
        return true;
    }
    if (reg >= REG_LVT && reg < REG_LVT_END) {
        *val = s->lvt[reg - REG_LVT];
        return true;
    }
    switch (reg) {
    case REG_VERSION:
        *val = VERSION;
        return true;
    case REG_TPR:
        *val = s->tpr;
        return true;
    case REG_PPR:
        *val = apic_ppr(s);
        return true;
    case REG_SVR:
        *val = s->svr;
        return true;
    case REG_ESR:
        *val = s->esr;
        return true;
    case REG_ICR_LOW:
        *val = s->icr_low;
        return true;
    case REG_INITIAL_COUNT:
        *val = s->initial_count;
        return true;
    case REG_CURRENT_COUNT:
        *val = apic_current_count(s);
        return true;
    case REG_DIVIDE_CONFIG:
        *val = s->divide_config;
        return true;
    }
    return false;
}

/* Those of xAPIC mode only. */
static bool read_xapic_register(APICState *s, unsigned reg, uint32_t *val)
{
    switch (reg) {
    case REG_ID:
        *val = (uint32_t)s->id << 24;
        return true;
    case REG_APR:
        *val = read_apr(s);
        return true;
    case REG_EOI:
    case REG_RRD:
        *val = 0;
        return true;
    case REG_LDR:
        *val = (uint32_t)s->ldr << 24;
        return true;
    case REG_DFR:
        *val = (uint32_t)s->dfr << 28 | 0x0fffffff;
        return true;
    case REG_ICR_HIGH:
        *val = s->icr_high;
        return true;
    }
    return false;
}

static bool write_register(APICState *s, unsigned reg, uint32_t val)
{
    if (reg >= REG_LVT && reg < REG_LVT_END) {
        apic_write_lvt(s, reg - REG_LVT, val);
        return true;
    }
    switch (reg) {
    case REG_TPR:
        s->tpr = val;
        apic_update(s);
        return true;
    case REG_EOI:
        apic_eoi(s);
        return true;
    case REG_SVR:
        apic_write_svr(s, val);
        return true;
    case REG_ESR:
        s->esr = s->errors;
        s->errors = 0;
        return true;
    case REG_ICR_LOW:
        s->icr_low = val & ICR_WRITABLE;
        send_ipi(s);
        return true;
    case REG_INITIAL_COUNT:
        apic_write_initial_count(s, val);
        return true;
    case REG_DIVIDE_CONFIG:
        apic_write_divide_config(s, val);
        return true;
    }
    return false;
}

static bool write_xapic_register(APICState *s, unsigned reg, uint32_t val)
{
    switch (reg) {
    case REG_ID:
        s->id = val >> 24;
        return true;
    case REG_LDR:
        s->ldr = val >> 24;
        return true;
    case REG_DFR:
        s->dfr = val >> 28;
        return true;
    case REG_ICR_HIGH:
        s->icr_high = val & 0xff000000;
        return true;
    case REG_VERSION: /* read-only registers ignore writes */
    case REG_APR:
    case REG_PPR:
    case REG_RRD:
    case REG_CURRENT_COUNT:
        return true;
    }
    return reg >= REG_ISR && reg < REG_ESR;
}

/* --- xAPIC mode: memory ------------------------------------------------------ */

static bool mmio_is_open(const APICState *s)
{
    return apic_enabled(s) && !apic_in_x2apic_mode(s);
}

uint32_t apic_mmio_read(APICState *s, unsigned offset)
{
    uint32_t val = 0;

    if (!mmio_is_open(s)) {
        return UINT32_MAX;
    }
    if (offset & 15) {
        return 0; /* a register is the first dword of its 16 bytes */
    }
    if (!read_register(s, offset >> 4, &val) && !read_xapic_register(s, offset >> 4, &val)) {
        apic_error(s, APIC_ESR_ILLEGAL_REGISTER);
    }
    trace(apic_mmio_read, s->initial_id, offset, val);
    return val;
}

void apic_mmio_write(APICState *s, unsigned offset, uint32_t val)
{
    if (!mmio_is_open(s) || (offset & 15)) {
        return;
    }
    trace(apic_mmio_write, s->initial_id, offset, val);
    if (!write_register(s, offset >> 4, val) && !write_xapic_register(s, offset >> 4, val)) {
        apic_error(s, APIC_ESR_ILLEGAL_REGISTER);
    }
}

/* --- x2APIC mode: MSRs --------------------------------------------------------- */

static bool read_x2apic_register(APICState *s, unsigned reg, uint64_t *val)
{
    uint32_t low;

    switch (reg) {
    case REG_ID:
        *val = s->initial_id;
        return true;
    case REG_LDR:
        *val = apic_x2apic_ldr(s);
        return true;
    case REG_ICR_LOW:
        *val = (uint64_t)s->icr_high << 32 | s->icr_low;
        return true;
    default:
        if (!read_register(s, reg, &low)) {
            return false;
        }
        *val = low;
        return true;
    }
}

/* Bits that must be 0 in a WRMSR of a register that can be written. */
static uint64_t x2apic_reserved(unsigned reg)
{
    if (reg >= REG_LVT && reg < REG_LVT_END) {
        return ~(uint64_t)apic_lvt_writable[reg - REG_LVT];
    }
    switch (reg) {
    case REG_TPR:
    case REG_SELF_IPI:
        return ~UINT64_C(0xff);
    case REG_SVR:
        return ~(uint64_t)(0xff | APIC_SVR_ENABLE | APIC_SVR_FOCUS_DISABLED);
    case REG_ICR_LOW:
        return UINT32_MAX & ~(uint64_t)(ICR_WRITABLE | ICR_STATUS);
    case REG_INITIAL_COUNT:
        return ~(uint64_t)UINT32_MAX;
    case REG_DIVIDE_CONFIG:
        return ~UINT64_C(11);
    default:
        return UINT64_MAX; /* EOI and ESR take only 0 */
    }
}

bool apic_msr_read(APICState *s, uint32_t msr, uint64_t *val)
{
    unsigned reg = msr - X2APIC_FIRST_MSR;

    if (!apic_in_x2apic_mode(s) || reg >= REG_COUNT || !read_x2apic_register(s, reg, val)) {
        return false;
    }
    trace(apic_msr_read, s->initial_id, msr, *val);
    return true;
}

bool apic_msr_write(APICState *s, uint32_t msr, uint64_t val)
{
    unsigned reg = msr - X2APIC_FIRST_MSR;

    trace(apic_msr_write, s->initial_id, msr, val);
    if (!apic_in_x2apic_mode(s) || reg >= REG_COUNT || (val & x2apic_reserved(reg))) {
        return false;
    }
    if (reg == REG_SELF_IPI) {
        s->icr_low = SHORTHAND_SELF << 18 | (val & 0xff);
        send_ipi(s);
        return true;
    }
    if (reg == REG_ICR_LOW) {
        s->icr_high = val >> 32;
    }
    return write_register(s, reg, val);
}
