/*
 * hpet: high precision event timers (IA-PC HPET specification 1.0a, chapter 2).
 *
 * The main counter runs at 100 MHz. It is not counted: while it is enabled
 *
 *     counter = base_counter + (virtual ns - base_ns) / 10
 *
 * and a host timer waits for the next match of each comparator. A timer whose matches nobody can
 * see, for it neither interrupts nor sets its status bit, waits for nothing: Linux leaves one
 * running like that for the whole life of the guest. The comparator of such a timer, if it is
 * periodic, is brought up to date when somebody looks.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/timer/hpet.h"
#include <inttypes.h>
#include "util/trace.h"

OBJECT_DECLARE_SIMPLE(HPETState, HPET, TYPE_HPET)

TRACE_EVENT(hpet_read, "offset 0x%03x size %u value 0x%" PRIx64);
TRACE_EVENT(hpet_write, "offset 0x%03x size %u value 0x%" PRIx64);
TRACE_EVENT(hpet_match, "timer %u counter 0x%" PRIx64);
TRACE_EVENT(hpet_line, "output %u level %d");

enum {
    MIN_TIMERS = 3, MAX_TIMERS = 32,
    TICK_NS = 10, FEMTOSECONDS_PER_NS = 1000000,
    REGION_SIZE = 0x400,

    REG_CAPABILITIES = 0x000, REG_CONFIG = 0x010, REG_STATUS = 0x020, REG_COUNTER = 0x0f0,
    REG_TIMERS = 0x100, TIMER_STRIDE = 0x20,
    TIMER_CONFIG = 0x00, TIMER_COMPARATOR = 0x08, TIMER_FSB_ROUTE = 0x10,

    CAP_REVISION = 1, CAP_TIMERS_SHIFT = 8, CAP_COUNTER_64 = 1 << 13, CAP_LEGACY = 1 << 15,
    VENDOR_INTEL = 0x8086,

    CONFIG_ENABLE = 1 << 0, CONFIG_LEGACY = 1 << 1,

    TN_LEVEL = 1 << 1, TN_ENABLE = 1 << 2, TN_PERIODIC = 1 << 3, TN_PERIODIC_CAP = 1 << 4,
    TN_64_CAP = 1 << 5, TN_SET_VALUE = 1 << 6, TN_32_BIT = 1 << 8, TN_ROUTE_SHIFT = 9,
    TN_ROUTE = 31 << TN_ROUTE_SHIFT, TN_FSB = 1 << 14, TN_FSB_CAP = 1 << 15,
    TN_WRITABLE = TN_LEVEL | TN_ENABLE | TN_PERIODIC | TN_SET_VALUE | TN_32_BIT | TN_ROUTE | TN_FSB,
    LEGACY_TIMERS = 2,
    PIT_IRQ = 0,
};

typedef struct HPETTimer {
    HPETState *hpet;
    Timer timer;
    uint64_t config;      /* lower half of its register; the upper one is fixed */
    uint64_t comparator;
    uint64_t period;      /* added to the comparator of a periodic timer at each match */
    uint64_t fsb_route;   /* upper half address, lower half data */
    uint64_t silent_since; /* silent and not armed: the counter that the comparator is right for */
} HPETTimer;

struct HPETState {
    DeviceState parent;
    MemoryRegion io;
    AddressSpace *as;
    IRQLine *out[HPET_OUTPUTS];
    IRQLine *pit_enable;
    uint8_t num_timers;
    uint32_t route_mask;
    bool msi;

    uint64_t config, status;
    uint64_t base_counter;   /* the counter when it was enabled or disabled */
    int64_t base_ns;         /* and the virtual time of that */
    bool rtc_level;
    uint32_t driven;         /* outputs as last driven */
    HPETTimer timers[MAX_TIMERS];
};

/* --- counter and comparators ------------------------------------------------------- */

static bool enabled(const HPETState *s)
{
    return s->config & CONFIG_ENABLE;
}

static Clock *hpet_clock(const HPETState *s)
{
    return s->timers[0].timer.clock;
}

static uint64_t counter(const HPETState *s)
{
    int64_t ns = enabled(s) ? clock_get_ns(hpet_clock(s)) - s->base_ns : 0;
    return s->base_counter + (uint64_t)ns / TICK_NS;
}

static unsigned index_of(const HPETTimer *t)
{
    return t - t->hpet->timers;
}

/* The bits of the counter that a timer compares. */
static uint64_t compare_mask(const HPETTimer *t)
{
    return t->config & TN_32_BIT ? UINT32_MAX : UINT64_MAX;
}

/* A match has no other effect than that a periodic comparator moves on. */
static bool is_silent(const HPETTimer *t)
{
    return !(t->config & (TN_ENABLE | TN_LEVEL));
}

/* From a value of the counter to the next match, at the latest when the compared bits have
 * wrapped; less 1, so that 2^64 fits. */
static uint64_t ticks_to_match(const HPETTimer *t, uint64_t from)
{
    return (t->comparator - from - 1) & compare_mask(t);
}

static void wait_for_match(HPETTimer *t)
{
    HPETState *s = t->hpet;
    uint64_t now = counter(s), ticks = ticks_to_match(t, now);

    if (!enabled(s) || ticks > INT64_MAX / TICK_NS / 4) { /* centuries */
        timer_del(&t->timer);
        return;
    }
    timer_mod(&t->timer, s->base_ns + (int64_t)((now - s->base_counter + ticks + 1) * TICK_NS));
}

/* After every change of the timer or of the counter. */
static void timer_arm(HPETTimer *t)
{
    if (is_silent(t)) {
        timer_del(&t->timer);
        t->silent_since = counter(t->hpet);
    } else {
        wait_for_match(t);
    }
}

/* Moves a periodic comparator over the match that was LATE ticks ago and those since. */
static void advance(HPETTimer *t, uint64_t late)
{
    if ((t->config & TN_PERIODIC) && t->period) {
        t->comparator += (late / t->period + 1) * t->period;
        t->comparator &= compare_mask(t);
    }
}

/* Before anybody looks at the timer or changes it: the matches that nobody waited for. */
static void catch_up(HPETTimer *t)
{
    uint64_t ticks, elapsed;

    if (!enabled(t->hpet) || !is_silent(t) || timer_pending(&t->timer)) {
        return;
    }
    ticks = ticks_to_match(t, t->silent_since);
    elapsed = counter(t->hpet) - t->silent_since;
    if (elapsed > ticks) {
        advance(t, elapsed - ticks - 1);
        t->silent_since += elapsed;
    }
}

/* --- lines -------------------------------------------------------------------------- */

static bool replaces_legacy(const HPETTimer *t)
{
    return (t->hpet->config & CONFIG_LEGACY) && index_of(t) < LEGACY_TIMERS;
}

static unsigned output_of(const HPETTimer *t)
{
    if (replaces_legacy(t)) {
        return index_of(t) == 0 ? PIT_IRQ : HPET_RTC_IRQ;
    }
    return (t->config & TN_ROUTE) >> TN_ROUTE_SHIFT;
}

/* Whether a level-triggered timer holds its output. */
static bool holds(const HPETTimer *t)
{
    return enabled(t->hpet) && (t->config & TN_ENABLE) && (t->config & TN_LEVEL) &&
           !(t->config & TN_FSB) && (t->hpet->status >> index_of(t) & 1);
}

static bool output_level(const HPETState *s, unsigned out)
{
    if (out == HPET_RTC_IRQ && !(s->config & CONFIG_LEGACY) && s->rtc_level) {
        return true;
    }
    for (unsigned n = 0; n < s->num_timers; n++) {
        if (output_of(&s->timers[n]) == out && holds(&s->timers[n])) {
            return true;
        }
    }
    return false;
}

/* Others may share the line: it is touched only if this side of it changes. */
static void drive(HPETState *s, unsigned out, bool level)
{
    if (out < HPET_OUTPUTS && level != (s->driven >> out & 1)) {
        trace(hpet_line, out, level);
        s->driven ^= 1u << out;
        irq_set(s->out[out], level);
    }
}

static void update_lines(HPETState *s)
{
    for (unsigned out = 0; out < HPET_OUTPUTS; out++) {
        drive(s, out, output_level(s, out));
    }
    irq_set(s->pit_enable, !(s->config & CONFIG_LEGACY));
}

static void signal_match(HPETTimer *t)
{
    HPETState *s = t->hpet;

    if (t->config & TN_LEVEL) {
        s->status |= UINT64_C(1) << index_of(t);
    }
    if (!(t->config & TN_ENABLE)) {
        return;
    }
    if (t->config & TN_FSB) {
        address_space_st(s->as, t->fsb_route >> 32, 4, (uint32_t)t->fsb_route);
    } else {
        drive(s, output_of(t), true);
        drive(s, output_of(t), output_level(s, output_of(t))); /* an edge is a pulse */
    }
}

static void timer_matched(void *opaque)
{
    HPETTimer *t = opaque;
    uint64_t now = counter(t->hpet);

    trace(hpet_match, index_of(t), now);
    advance(t, (now - t->comparator) & compare_mask(t));
    signal_match(t);
    timer_arm(t);
}

static void hpet_rtc_irq(void *opaque, int n, int level)
{
    HPETState *s = HPET(opaque);

    s->rtc_level = level;
    if (!(s->config & CONFIG_LEGACY)) {
        drive(s, HPET_RTC_IRQ, output_level(s, HPET_RTC_IRQ));
    }
}

/* --- registers ------------------------------------------------------------------------ */

static uint64_t capabilities(const HPETState *s)
{
    uint32_t low = (uint32_t)VENDOR_INTEL << 16 | CAP_LEGACY | CAP_COUNTER_64 |
                   (s->num_timers - 1u) << CAP_TIMERS_SHIFT | CAP_REVISION;

    return (uint64_t)TICK_NS * FEMTOSECONDS_PER_NS << 32 | low;
}

static uint64_t timer_read(HPETTimer *t, unsigned reg)
{
    switch (reg) {
    case TIMER_CONFIG:
        return (uint64_t)t->hpet->route_mask << 32 | t->config;
    case TIMER_COMPARATOR:
        catch_up(t);
        return t->comparator & compare_mask(t);
    case TIMER_FSB_ROUTE:
        return t->fsb_route;
    }
    return 0;
}

/* A whole register; reg is a multiple of 8. */
static uint64_t register_read(HPETState *s, unsigned reg)
{
    if (reg >= REG_TIMERS) {
        unsigned n = (reg - REG_TIMERS) / TIMER_STRIDE;
        return n < s->num_timers ? timer_read(&s->timers[n], reg % TIMER_STRIDE) : 0;
    }
    switch (reg) {
    case REG_CAPABILITIES:
        return capabilities(s);
    case REG_CONFIG:
        return s->config;
    case REG_STATUS:
        return s->status;
    case REG_COUNTER:
        return counter(s);
    }
    return 0;
}

static uint64_t timer_capabilities(const HPETState *s)
{
    return TN_PERIODIC_CAP | TN_64_CAP | (s->msi ? TN_FSB_CAP : 0);
}

static void write_timer_config(HPETTimer *t, uint64_t val)
{
    HPETState *s = t->hpet;
    uint64_t writable = TN_WRITABLE & ~(s->msi ? 0 : TN_FSB);

    /* A route that the timer does not have is not taken (2.3.8). */
    if (!(s->route_mask >> ((val & TN_ROUTE) >> TN_ROUTE_SHIFT) & 1)) {
        val = (val & ~(uint64_t)TN_ROUTE) | (t->config & TN_ROUTE);
    }
    t->config = (val & writable) | timer_capabilities(s);
    if (!(t->config & TN_LEVEL)) {
        s->status &= ~(UINT64_C(1) << index_of(t));
    }
    if (t->config & TN_32_BIT) {
        t->comparator &= UINT32_MAX;
        t->period &= UINT32_MAX;
    }
    timer_arm(t);
    update_lines(s);
}

static uint64_t merge(uint64_t old, uint64_t val, uint64_t mask)
{
    return (old & ~mask) | (val & mask);
}

/* A periodic timer's comparator itself changes only if the set-value bit allows it. */
static void write_comparator(HPETTimer *t, uint64_t val, uint64_t mask)
{
    bool periodic = t->config & TN_PERIODIC;

    mask &= compare_mask(t);
    if (!periodic || (t->config & TN_SET_VALUE)) {
        t->comparator = merge(t->comparator, val, mask);
        t->config &= ~(uint64_t)TN_SET_VALUE;
    }
    if (periodic) {
        t->period = merge(t->period, val, mask);
    }
    timer_arm(t);
}

static void timer_write(HPETTimer *t, unsigned reg, uint64_t val, uint64_t mask)
{
    catch_up(t);
    switch (reg) {
    case TIMER_CONFIG:
        if ((uint32_t)mask) {
            write_timer_config(t, val);
        }
        break;
    case TIMER_COMPARATOR:
        write_comparator(t, val, mask);
        break;
    case TIMER_FSB_ROUTE:
        t->fsb_route = merge(t->fsb_route, val, mask);
        break;
    }
}

static void write_config(HPETState *s, uint64_t val)
{
    for (unsigned n = 0; n < s->num_timers; n++) {
        catch_up(&s->timers[n]);
    }
    if ((s->config ^ val) & CONFIG_ENABLE) {
        s->base_counter = counter(s);
        s->base_ns = clock_get_ns(hpet_clock(s));
    }
    s->config = val & (CONFIG_ENABLE | CONFIG_LEGACY);
    for (unsigned n = 0; n < s->num_timers; n++) {
        timer_arm(&s->timers[n]);
    }
    update_lines(s);
}

/* val and mask stand at their place within the register. */
static void register_write(HPETState *s, unsigned reg, uint64_t val, uint64_t mask)
{
    if (reg >= REG_TIMERS) {
        unsigned n = (reg - REG_TIMERS) / TIMER_STRIDE;
        if (n < s->num_timers) {
            timer_write(&s->timers[n], reg % TIMER_STRIDE, val, mask);
        }
        return;
    }
    switch (reg) {
    case REG_CONFIG:
        if ((uint32_t)mask) {
            write_config(s, val);
        }
        break;
    case REG_STATUS:
        s->status &= ~(val & mask);
        update_lines(s);
        break;
    case REG_COUNTER: /* can be written only while it stands (2.3.7) */
        if (!enabled(s)) {
            s->base_counter = merge(s->base_counter, val, mask);
        }
        break;
    }
}

static uint64_t hpet_read(void *opaque, hwaddr addr, unsigned size)
{
    unsigned shift = (addr & 7) * 8;
    uint64_t val = register_read(opaque, addr & ~7u) >> shift;

    trace(hpet_read, (unsigned)addr, size, val);
    return val;
}

static void hpet_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    unsigned shift = (addr & 7) * 8;
    uint64_t mask = size == 8 ? UINT64_MAX : UINT64_C(0xffffffff) << shift;

    trace(hpet_write, (unsigned)addr, size, val);
    register_write(opaque, addr & ~7u, val << shift, mask);
}

static const MemoryRegionOps hpet_ops = {
    .read = hpet_read,
    .write = hpet_write,
    .valid = { .min_size = 4, .max_size = 8 },
    .impl = { .min_size = 4, .max_size = 8 },
};

/* --- device ------------------------------------------------------------------------------ */

static void hpet_reset(DeviceState *dev)
{
    HPETState *s = HPET(dev);

    s->config = s->status = s->base_counter = 0;
    s->base_ns = 0;
    for (unsigned n = 0; n < s->num_timers; n++) {
        HPETTimer *t = &s->timers[n];
        timer_del(&t->timer);
        t->config = timer_capabilities(s);
        t->comparator = UINT64_MAX;
        t->period = t->fsb_route = t->silent_since = 0;
    }
}

static void hpet_reset_hold(DeviceState *dev)
{
    update_lines(HPET(dev));
}

static bool hpet_realize(DeviceState *dev, Error **errp)
{
    HPETState *s = HPET(dev);

    if (s->num_timers < MIN_TIMERS || s->num_timers > MAX_TIMERS) {
        error_setg(errp, "hpet: timers=%u is not a number from %d to %d", s->num_timers, MIN_TIMERS,
                   MAX_TIMERS);
        return false;
    }
    if (!s->route_mask) {
        error_setg(errp, "hpet: hpet-intcap=0 leaves its timers without an interrupt");
        return false;
    }
    s->as = &dev->machine->memory_as;
    for (unsigned n = 0; n < MAX_TIMERS; n++) {
        s->timers[n].hpet = s;
        timer_init(&s->timers[n].timer, qdev_clock(dev), timer_matched, &s->timers[n]);
    }
    memory_region_init_io(&s->io, dev, &hpet_ops, s, "hpet", REGION_SIZE);
    qdev_init_gpio_out(dev, s->out, HPET_OUTPUTS);
    qdev_init_gpio_out_named(dev, &s->pit_enable, "pit-enable", 1);
    qdev_init_gpio_in_named(dev, hpet_rtc_irq, "rtc", 1);
    return true;
}

static void hpet_unrealize(DeviceState *dev)
{
    HPETState *s = HPET(dev);

    for (unsigned n = 0; n < MAX_TIMERS; n++) {
        timer_deinit(&s->timers[n].timer);
    }
    memory_region_destroy(&s->io);
}

/* A timer is saved right and waiting for its next match if it has one, so the state needs no notion
 * of silence. */
static void hpet_pre_save(void *opaque)
{
    HPETState *s = opaque;

    for (unsigned n = 0; n < s->num_timers; n++) {
        catch_up(&s->timers[n]);
        wait_for_match(&s->timers[n]);
    }
}

static bool hpet_post_load(void *opaque, Error **errp)
{
    HPETState *s = opaque;

    for (unsigned n = 0; n < s->num_timers; n++) {
        s->timers[n].silent_since = counter(s);
    }
    return true;
}

static const VMStateField timer_fields[] = {
    VMSTATE_TIMER(timer, HPETTimer),
    VMSTATE_UINT64(config, HPETTimer),
    VMSTATE_UINT64(comparator, HPETTimer),
    VMSTATE_UINT64(period, HPETTimer),
    VMSTATE_UINT64(fsb_route, HPETTimer),
    VMSTATE_END
};

static const VMStateDescription vmstate_hpet_timer = {
    .name = "hpet-timer", .version = 1, .fields = timer_fields,
};

static const VMStateField hpet_fields[] = {
    VMSTATE_UINT64(config, HPETState),
    VMSTATE_UINT64(status, HPETState),
    VMSTATE_UINT64(base_counter, HPETState),
    VMSTATE_INT64(base_ns, HPETState),
    VMSTATE_BOOL(rtc_level, HPETState),
    VMSTATE_UINT32(driven, HPETState),
    VMSTATE_STRUCT_ARRAY(timers, HPETState, MAX_TIMERS, vmstate_hpet_timer, HPETTimer),
    VMSTATE_END
};

static const VMStateDescription vmstate_hpet = {
    .name = TYPE_HPET, .version = 1, .fields = hpet_fields, .pre_save = hpet_pre_save,
    .post_load = hpet_post_load,
};

static const Property hpet_props[] = {
    PROP_UINT8("timers", HPETState, num_timers, MIN_TIMERS),
    PROP_BOOL("msi", HPETState, msi, false),
    PROP_UINT32("hpet-intcap", HPETState, route_mask, 0),
    PROP_END
};

static const DeviceInfo hpet_info = {
    .name = TYPE_HPET, .instance_size = sizeof(HPETState),
    .desc = "high precision event timer", .internal = true, .props = hpet_props,
    .vmsd = &vmstate_hpet, .realize = hpet_realize, .unrealize = hpet_unrealize,
    .reset = hpet_reset, .reset_hold = hpet_reset_hold,
};
DEVICE_TYPE(hpet_info)

DeviceState *hpet_create(MachineState *machine, hwaddr address, uint32_t route_mask,
                         Error **errp)
{
    DeviceState *dev = qdev_new(TYPE_HPET);

    if (!HPET(dev)->route_mask) { /* -global may have set it */
        HPET(dev)->route_mask = route_mask;
    }
    if (!qdev_realize_and_unref(dev, NULL, machine, errp)) {
        return NULL;
    }
    memory_region_add_subregion_overlap(&machine->system_memory, address, &HPET(dev)->io, 1);
    return dev;
}
