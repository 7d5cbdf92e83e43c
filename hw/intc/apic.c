/*
 * Local APIC: interrupt acceptance, the local vector table and the timer.
 *
 * Intel SDM vol. 3, chapter 10 ("Advanced programmable interrupt controller").
 * The timer's input clock runs at 1 GHz, one tick a nanosecond, before the divider.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/intc/apic-internal.h"
#include <inttypes.h>
#include <string.h>
#include "util/trace.h"

TRACE_EVENT(apic_accept, "id %u vector 0x%02x level-triggered %d");
TRACE_EVENT(apic_acknowledge, "id %u vector %d");
TRACE_EVENT(apic_eoi, "id %u vector %d");
TRACE_EVENT(apic_lint, "id %u pin %u level %d");
TRACE_EVENT(apic_local, "id %u entry %u lvt 0x%08x");
TRACE_EVENT(apic_error, "id %u bit 0x%02x");
TRACE_EVENT(apic_base, "id %u value 0x%" PRIx64);
TRACE_EVENT(apic_signal, "id %u delivery mode %u vector 0x%02x");

enum {
    LVT_VECTOR = 0xff,
    LVT_DM_SHIFT = 8,
    LVT_ACTIVE_LOW = 1 << 13,
    LVT_REMOTE_IRR = 1 << 14,
    LVT_LEVEL = 1 << 15,
    LVT_TIMER_SHIFT = 17,
    TIMER_ONE_SHOT = 0,
    TIMER_PERIODIC = 1,
    TIMER_TSC_DEADLINE = 2,

    LOWEST_VALID_VECTOR = 16,
    MAX_PHYS_BITS = 52,
    SVR_WRITABLE = 0xff | APIC_SVR_ENABLE | APIC_SVR_FOCUS_DISABLED,
};

const uint32_t apic_lvt_writable[APIC_LVT_COUNT] = {
    [APIC_LVT_TIMER] = 0x700ff,
    [APIC_LVT_THERMAL] = 0x107ff,
    [APIC_LVT_PERF] = 0x107ff,
    [APIC_LVT_LINT0] = 0x1a7ff,
    [APIC_LVT_LINT1] = 0x1a7ff,
    [APIC_LVT_ERROR] = 0x100ff,
};

/* --- vectors ------------------------------------------------------------- */

static void set_vector(uint32_t *reg, uint8_t vector, bool on)
{
    uint32_t bit = 1u << (vector & 31);
    reg[vector / 32] = on ? reg[vector / 32] | bit : reg[vector / 32] & ~bit;
}

static bool has_vector(const uint32_t *reg, uint8_t vector)
{
    return reg[vector / 32] >> (vector & 31) & 1;
}

/* The highest vector in a 256-bit register, or -1. */
int apic_highest_vector(const uint32_t *reg)
{
    for (int i = 7; i >= 0; i--) {
        if (reg[i]) {
            return i * 32 + 31 - __builtin_clz(reg[i]);
        }
    }
    return -1;
}

bool apic_has_vector(const APICState *s, uint8_t vector)
{
    return has_vector(s->irr, vector) || has_vector(s->isr, vector);
}

uint8_t apic_ppr(const APICState *s)
{
    int in_service = MAX(apic_highest_vector(s->isr), 0) & 0xf0;
    return (s->tpr & 0xf0) >= in_service ? s->tpr : in_service;
}

/* The vector that would be delivered now, or -1. */
static int deliverable(const APICState *s)
{
    int vector = apic_highest_vector(s->irr);

    if (!apic_enabled(s) || !(s->svr & APIC_SVR_ENABLE) || vector < 0) {
        return -1;
    }
    return (vector & 0xf0) > (apic_ppr(s) & 0xf0) ? vector : -1;
}

static unsigned lvt_mode(const APICState *s, unsigned n)
{
    return s->lvt[n] >> LVT_DM_SHIFT & 7;
}

bool apic_accept_pic_intr(const APICState *s)
{
    return !apic_enabled(s) || (!(s->lvt[APIC_LVT_LINT0] & APIC_LVT_MASKED) &&
                                lvt_mode(s, APIC_LVT_LINT0) == APIC_DM_EXTINT);
}

/* A pin as the local vector table sees it. */
static bool lint_asserted(const APICState *s, unsigned pin)
{
    bool active_low = apic_enabled(s) && (s->lvt[APIC_LVT_LINT0 + pin] & LVT_ACTIVE_LOW);
    return s->lint[pin] != active_low;
}

static bool pic_pending(const APICState *s)
{
    return s->extint || (lint_asserted(s, 0) && apic_accept_pic_intr(s));
}

/* The i8259 pair of an accelerator's local APICs is at the boot CPU's LINT0. */
static bool shadow_pic_pending(const APICState *s)
{
    return s->lint[0] && s->cpu->cpu_index == 0;
}

void apic_update(APICState *s)
{
    bool pending = apic_is_shadow(s) ? shadow_pic_pending(s) : deliverable(s) >= 0 || pic_pending(s);

    if (pending) {
        cpu_interrupt(s->cpu, CPU_INTERRUPT_HARD);
    } else {
        cpu_reset_interrupt(s->cpu, CPU_INTERRUPT_HARD);
    }
}

/* Fixed and lowest-priority interrupts enter here. */
static void accept(APICState *s, uint8_t vector, bool level_triggered)
{
    trace(apic_accept, s->initial_id, vector, level_triggered);
    if (vector < LOWEST_VALID_VECTOR) {
        apic_error(s, APIC_ESR_RECEIVE_ILLEGAL_VECTOR);
        return;
    }
    set_vector(s->irr, vector, true);
    set_vector(s->tmr, vector, level_triggered);
    apic_update(s);
}

int apic_get_interrupt(APICState *s)
{
    int vector = apic_is_shadow(s) ? -1 : deliverable(s);

    if (apic_is_shadow(s)) {
        vector = apic_bus_ack_pic(s->bus);
    } else if (vector >= 0) {
        set_vector(s->irr, vector, false);
        set_vector(s->isr, vector, true);
    } else if (pic_pending(s)) {
        s->extint = false;
        vector = apic_bus_ack_pic(s->bus);
    }
    trace(apic_acknowledge, s->initial_id, vector);
    apic_update(s);
    return vector;
}

void apic_set_cr8(APICState *s, uint8_t cr8)
{
    s->tpr = cr8 << 4;
    apic_update(s);
}

/* --- messages ------------------------------------------------------------ */

static void signal_cpu(APICState *s, unsigned mode, uint8_t vector)
{
    static const uint32_t interrupts[] = {
        [APIC_DM_SMI] = CPU_INTERRUPT_SMI,
        [APIC_DM_NMI] = CPU_INTERRUPT_NMI,
        [APIC_DM_INIT] = CPU_INTERRUPT_INIT,
        [APIC_DM_SIPI] = CPU_INTERRUPT_SIPI,
        [APIC_DM_EXTINT] = 0,
    };

    trace(apic_signal, s->initial_id, mode, vector);
    if (interrupts[mode]) {
        cpu_interrupt(s->cpu, interrupts[mode]);
    }
}

void apic_deliver(APICState *s, const APICMessage *msg)
{
    switch (msg->delivery_mode) {
    case APIC_DM_FIXED:
    case APIC_DM_LOWEST:
        if (s->svr & APIC_SVR_ENABLE) {
            accept(s, msg->vector, msg->level_triggered);
        }
        break;
    case APIC_DM_EXTINT:
        s->extint = true;
        apic_update(s);
        break;
    case APIC_DM_SIPI:
        s->sipi_vector = msg->vector;
        signal_cpu(s, APIC_DM_SIPI, msg->vector);
        break;
    case APIC_DM_RESERVED:
        break;
    default:
        signal_cpu(s, msg->delivery_mode, msg->vector);
        break;
    }
}

/* --- local vector table -------------------------------------------------- */

/* An event of the local vector table. */
static void local_event(APICState *s, unsigned n)
{
    uint32_t lvt = s->lvt[n];

    trace(apic_local, s->initial_id, n, lvt);
    if (lvt & APIC_LVT_MASKED) {
        return;
    }
    switch (lvt_mode(s, n)) {
    case APIC_DM_FIXED:
        accept(s, lvt & LVT_VECTOR, lvt & LVT_LEVEL & apic_lvt_writable[n]);
        break;
    case APIC_DM_SMI:
    case APIC_DM_NMI:
    case APIC_DM_INIT:
        signal_cpu(s, lvt_mode(s, n), lvt & LVT_VECTOR);
        break;
    }
}

/* Level-triggered fixed interrupts of a pin: one at a time, until it is ended. */
static void lint_level_event(APICState *s, unsigned pin)
{
    uint32_t *lvt = &s->lvt[APIC_LVT_LINT0 + pin];

    if (lint_asserted(s, pin) && !(*lvt & (LVT_REMOTE_IRR | APIC_LVT_MASKED))) {
        *lvt |= LVT_REMOTE_IRR;
        local_event(s, APIC_LVT_LINT0 + pin);
    }
}

static bool lint_is_level(const APICState *s, unsigned pin)
{
    unsigned n = APIC_LVT_LINT0 + pin;
    return lvt_mode(s, n) == APIC_DM_FIXED && (s->lvt[n] & LVT_LEVEL);
}

void apic_set_lint(APICState *s, unsigned pin, bool level)
{
    bool was = lint_asserted(s, pin);

    trace(apic_lint, s->initial_id, pin, level);
    s->lint[pin] = level;
    bool rose = lint_asserted(s, pin) && !was;
    if (apic_is_shadow(s) || !apic_enabled(s)) {
        if (pin == 1 && rose) {
            signal_cpu(s, APIC_DM_NMI, 0);
        }
    } else if (lint_is_level(s, pin)) {
        lint_level_event(s, pin);
    } else if (rose) {
        local_event(s, APIC_LVT_LINT0 + pin);
    }
    apic_update(s);
}

void apic_deliver_nmi(APICState *s)
{
    if (apic_enabled(s)) {
        local_event(s, APIC_LVT_LINT1);
    } else {
        signal_cpu(s, APIC_DM_NMI, 0);
    }
}

void apic_error(APICState *s, uint32_t bit)
{
    bool news = !(s->errors & bit);

    trace(apic_error, s->initial_id, bit);
    s->errors |= bit;
    /* An error vector that is illegal itself sets its bit only once. */
    if (news) {
        local_event(s, APIC_LVT_ERROR);
    }
}

void apic_eoi(APICState *s)
{
    int vector = apic_highest_vector(s->isr);

    trace(apic_eoi, s->initial_id, vector);
    if (vector < 0) {
        return;
    }
    set_vector(s->isr, vector, false);
    for (unsigned pin = 0; pin < 2; pin++) {
        uint32_t *lvt = &s->lvt[APIC_LVT_LINT0 + pin];
        if (lint_is_level(s, pin) && (*lvt & LVT_VECTOR) == (unsigned)vector) {
            *lvt &= ~LVT_REMOTE_IRR;
            lint_level_event(s, pin);
        }
    }
    if (has_vector(s->tmr, vector)) {
        apic_bus_eoi(s->bus, vector);
    }
    apic_update(s);
}

/* --- timer --------------------------------------------------------------- */

static unsigned timer_mode(const APICState *s)
{
    return s->lvt[APIC_LVT_TIMER] >> LVT_TIMER_SHIFT & 3;
}

/* log2 of the divisor: bits 3, 1, 0 of the register count from 2 to 128, then 1. */
static unsigned divide_shift(const APICState *s)
{
    unsigned code = (s->divide_config >> 1 & 4) | (s->divide_config & 3);
    return (code + 1) & 7;
}

uint32_t apic_current_count(const APICState *s)
{
    if (timer_mode(s) >= TIMER_TSC_DEADLINE || !s->initial_count) {
        return 0;
    }
    uint64_t ticks = (clock_get_ns(s->timer.clock) - s->count_start) >> divide_shift(s);
    if (timer_mode(s) == TIMER_PERIODIC) {
        return s->initial_count - ticks % s->initial_count;
    }
    return ticks < s->initial_count ? s->initial_count - ticks : 0;
}

/*
 * Arms the host side for the next interrupt; a masked timer counts without it. now is the time that
 * the caller acted upon: however long ago it is, the interrupt of a count that began then is due.
 * A count that is through has had its interrupt, or is about to.
 */
static void timer_arm(APICState *s, int64_t now)
{
    int64_t period = (int64_t)s->initial_count << divide_shift(s);
    int64_t next = s->count_start + period;

    if (timer_mode(s) >= TIMER_TSC_DEADLINE || apic_is_shadow(s)) {
        return;
    }
    if (period && timer_mode(s) == TIMER_PERIODIC && next <= now) {
        next = now + period - (now - s->count_start) % period;
    }
    if (!period || s->lvt[APIC_LVT_TIMER] & APIC_LVT_MASKED) {
        timer_del(&s->timer);
    } else if (next > now) {
        timer_mod(&s->timer, next);
    }
}

static void timer_expired(void *opaque)
{
    APICState *s = opaque;

    s->tsc_deadline = 0;
    local_event(s, APIC_LVT_TIMER);
    timer_arm(s, clock_get_ns(s->timer.clock));
}

void apic_write_initial_count(APICState *s, uint32_t val)
{
    if (timer_mode(s) >= TIMER_TSC_DEADLINE) {
        return;
    }
    s->initial_count = val;
    s->count_start = clock_get_ns(s->timer.clock);
    timer_arm(s, s->count_start);
}

void apic_write_divide_config(APICState *s, uint32_t val)
{
    uint32_t done = s->initial_count - apic_current_count(s);
    int64_t now = clock_get_ns(s->timer.clock);

    s->divide_config = val & 11;
    s->count_start = now - ((int64_t)done << divide_shift(s));
    timer_arm(s, now);
}

void apic_set_tsc_deadline(APICState *s, uint64_t deadline, uint64_t tsc_now, uint64_t tsc_hz)
{
    if (timer_mode(s) != TIMER_TSC_DEADLINE || !tsc_hz) {
        return;
    }
    s->tsc_deadline = deadline;
    if (!deadline) {
        timer_del(&s->timer);
        return;
    }
    uint64_t ticks = deadline > tsc_now ? deadline - tsc_now : 0;
    /* A deadline of centuries must not overflow the clock. */
    uint64_t ns = MIN(muldiv64(MIN(ticks, UINT64_MAX >> 8), NS_PER_SECOND, tsc_hz),
                      (uint64_t)INT64_MAX / 4);
    timer_mod(&s->timer, clock_get_ns(s->timer.clock) + (int64_t)ns);
}

void apic_write_lvt(APICState *s, unsigned n, uint32_t val)
{
    unsigned old_mode = timer_mode(s);

    val &= apic_lvt_writable[n];
    if (!(s->svr & APIC_SVR_ENABLE)) {
        val |= APIC_LVT_MASKED;
    }
    s->lvt[n] = val | (val & LVT_LEVEL ? s->lvt[n] & LVT_REMOTE_IRR : 0);
    if (n == APIC_LVT_TIMER) {
        /* Entering or leaving TSC-deadline mode disarms the timer (10.5.4.1). */
        if ((old_mode == TIMER_TSC_DEADLINE) != (timer_mode(s) == TIMER_TSC_DEADLINE)) {
            s->initial_count = 0;
            s->tsc_deadline = 0;
            timer_del(&s->timer);
        }
        timer_arm(s, clock_get_ns(s->timer.clock));
    } else if (n == APIC_LVT_LINT0 || n == APIC_LVT_LINT1) {
        unsigned pin = n - APIC_LVT_LINT0;
        if (lint_is_level(s, pin)) {
            lint_level_event(s, pin);
        }
        apic_update(s);
    }
}

void apic_write_svr(APICState *s, uint32_t val)
{
    s->svr = val & SVR_WRITABLE;
    if (!(s->svr & APIC_SVR_ENABLE)) {
        for (unsigned n = 0; n < APIC_LVT_COUNT; n++) {
            apic_write_lvt(s, n, s->lvt[n] | APIC_LVT_MASKED);
        }
    }
    apic_update(s);
}

/* --- modes and reset ----------------------------------------------------- */

void apic_init_reset(APICState *s)
{
    timer_del(&s->timer);
    s->tpr = s->ldr = 0;
    s->dfr = 15;
    s->svr = 0xff;
    memset(s->isr, 0, sizeof(s->isr));
    memset(s->tmr, 0, sizeof(s->tmr));
    memset(s->irr, 0, sizeof(s->irr));
    s->esr = s->errors = 0;
    s->icr_low = s->icr_high = 0;
    for (unsigned n = 0; n < APIC_LVT_COUNT; n++) {
        s->lvt[n] = APIC_LVT_MASKED;
    }
    s->initial_count = s->divide_config = 0;
    s->count_start = 0;
    s->tsc_deadline = 0;
    s->extint = false;
    apic_update(s);
}

/* No reserved bits, and no x2APIC mode without the APIC. */
static bool base_is_valid(const APICState *s, uint64_t val, unsigned phys_bits)
{
    uint64_t address = ((UINT64_C(1) << phys_bits) - 1) & ~UINT64_C(0xfff);
    uint64_t flags = APIC_BASE_BSP | APIC_BASE_ENABLE | (s->x2apic ? APIC_BASE_EXTD : 0);

    return !(val & ~(address | flags)) &&
           (val & (APIC_BASE_EXTD | APIC_BASE_ENABLE)) != APIC_BASE_EXTD;
}

static bool base_change_allowed(const APICState *s, uint64_t val)
{
    bool x2_now = apic_in_x2apic_mode(s), x2_then = val & APIC_BASE_EXTD;
    bool on_then = val & APIC_BASE_ENABLE;

    /* x2APIC mode is entered from xAPIC mode and left to disabled only (10.12.5). */
    return x2_now ? x2_then || !on_then : !x2_then || apic_enabled(s);
}

bool apic_set_base(APICState *s, uint64_t val, unsigned phys_bits)
{
    trace(apic_base, s->initial_id, val);
    if (!base_is_valid(s, val, phys_bits) || !base_change_allowed(s, val)) {
        return false;
    }
    bool turned_off = apic_enabled(s) && !(val & APIC_BASE_ENABLE);
    s->base = val;
    if (turned_off) {
        apic_init_reset(s);
        s->id = s->initial_id;
    }
    apic_update(s);
    return true;
}

static void apic_reset(DeviceState *dev)
{
    APICState *s = APIC(dev);
    bool bsp = s->cpu->cpu_index == 0;

    s->base = APIC_DEFAULT_ADDRESS | APIC_BASE_ENABLE | (bsp ? APIC_BASE_BSP : 0);
    s->id = s->initial_id;
    s->sipi_vector = 0;
    apic_init_reset(s);
    /* Virtual wire (MP specification, 3.6.2): the i8259 reaches the boot CPU from the start. */
    if (bsp) {
        s->lvt[APIC_LVT_LINT0] = APIC_DM_EXTINT << LVT_DM_SHIFT;
    }
    apic_update(s);
}

/* --- device -------------------------------------------------------------- */

static bool apic_realize(DeviceState *dev, Error **errp)
{
    APICState *s = APIC(dev);

    s->bus = apic_bus_of(dev->machine);
    timer_init(&s->timer, qdev_clock(dev), timer_expired, s);
    apic_bus_attach(s->bus, s);
    return true;
}

static void apic_unrealize(DeviceState *dev)
{
    APICState *s = APIC(dev);

    timer_deinit(&s->timer);
    apic_bus_detach(s->bus, s);
}

static bool apic_post_load(void *opaque, Error **errp)
{
    APICState *s = opaque;

    if (!base_is_valid(s, s->base, MAX_PHYS_BITS)) {
        error_setg(errp, "apic: saved IA32_APIC_BASE 0x%" PRIx64 " is not valid", s->base);
        return false;
    }
    for (unsigned n = 0; n < APIC_LVT_COUNT; n++) {
        s->lvt[n] &= apic_lvt_writable[n] | LVT_REMOTE_IRR;
    }
    s->divide_config &= 11;
    s->svr &= SVR_WRITABLE;
    apic_update(s);
    return true;
}

static const VMStateField apic_fields[] = {
    VMSTATE_UINT64(base, APICState),
    VMSTATE_UINT8(id, APICState),
    VMSTATE_UINT8(tpr, APICState),
    VMSTATE_UINT8(ldr, APICState),
    VMSTATE_UINT8(dfr, APICState),
    VMSTATE_UINT32(svr, APICState),
    VMSTATE_UINT32_ARRAY(isr, APICState, 8),
    VMSTATE_UINT32_ARRAY(tmr, APICState, 8),
    VMSTATE_UINT32_ARRAY(irr, APICState, 8),
    VMSTATE_UINT32(esr, APICState),
    VMSTATE_UINT32(errors, APICState),
    VMSTATE_UINT32(icr_low, APICState),
    VMSTATE_UINT32(icr_high, APICState),
    VMSTATE_UINT32_ARRAY(lvt, APICState, APIC_LVT_COUNT),
    VMSTATE_UINT32(initial_count, APICState),
    VMSTATE_UINT32(divide_config, APICState),
    VMSTATE_INT64(count_start, APICState),
    VMSTATE_UINT64(tsc_deadline, APICState),
    VMSTATE_TIMER(timer, APICState),
    VMSTATE_BOOL_ARRAY(lint, APICState, 2),
    VMSTATE_BOOL(extint, APICState),
    VMSTATE_UINT8(sipi_vector, APICState),
    VMSTATE_END
};

static const VMStateDescription vmstate_apic = {
    .name = "apic", .version = 1, .fields = apic_fields, .post_load = apic_post_load,
};

static const Property apic_props[] = {
    PROP_UINT32("id", APICState, initial_id, UINT32_MAX),
    PROP_BOOL("x2apic", APICState, x2apic, false),
    PROP_END
};

static const DeviceInfo apic_info = {
    .name = TYPE_APIC, .instance_size = sizeof(APICState), .desc = "local APIC",
    .internal = true, .props = apic_props, .vmsd = &vmstate_apic, .realize = apic_realize,
    .unrealize = apic_unrealize, .reset = apic_reset,
};
DEVICE_TYPE(apic_info)

APICState *apic_create(CPUState *cpu, uint32_t id, bool x2apic, Error **errp)
{
    DeviceState *dev = qdev_new(TYPE_APIC);
    APICState *s = APIC(dev);

    s->cpu = cpu;
    s->initial_id = id;
    s->x2apic = x2apic;
    object_property_add_child(OBJECT(cpu), "lapic", OBJECT(dev));
    return qdev_realize_and_unref(dev, NULL, DEVICE(cpu)->machine, errp) ? s : NULL;
}
