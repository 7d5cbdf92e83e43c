/*
 * 8254 programmable interval timer: the chip (Intel data sheet 231164).
 *
 * A counting element is described by what was loaded into it and when; its value and
 * OUT at any tick follow from the number e of CLK pulses since then. With N the
 * initial count:
 *
 *   mode  OUT                                    counting element
 *   0     low, high from e = N                   N - e, wraps
 *   1     low while 0 <= e < N                   N - e, wraps
 *   2     low in the last CLK of every N         N - e mod N
 *   3     high for (N+1)/2, low for N/2          down by 2 in each half
 *   4, 5  low for one CLK at e = N               N - e, wraps
 *
 * A count that is written during tick t is loaded by the next CLK, so e is 0 at t + 1.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/timer/i8254.h"
#include <inttypes.h>
#include "util/trace.h"

TRACE_EVENT(i8254_write, "address %u value 0x%02x");
TRACE_EVENT(i8254_read, "address %u value 0x%02x");
TRACE_EVENT(i8254_load, "counter mode %u count %u");
TRACE_EVENT(i8254_gate, "counter %u gate %d");
TRACE_EVENT(i8254_irq, "level %d");

enum {
    CONTROL_BCD = 1 << 0,
    CONTROL_MODE_SHIFT = 1,
    CONTROL_RW_SHIFT = 4,
    CONTROL_SC_SHIFT = 6,

    RW_LATCH = 0, /* counter latch command */
    RW_LSB = 1,
    RW_MSB = 2,
    RW_WORD = 3,

    SC_READ_BACK = 3,
    READ_BACK_NO_STATUS = 1 << 4,
    READ_BACK_NO_COUNT = 1 << 5,

    STATUS_NULL_COUNT = 1 << 6,
    STATUS_OUT = 1 << 7,
};

static unsigned mode_of(const I8254Counter *c)
{
    unsigned mode = c->control >> CONTROL_MODE_SHIFT & 7;
    return mode > 5 ? mode - 4 : mode; /* the top bit is ignored in modes 2 and 3 */
}

static unsigned rw_of(const I8254Counter *c)
{
    return c->control >> CONTROL_RW_SHIFT & 3;
}

/* GATE starts modes 1 and 5 by its edge and does not stop them. */
static bool is_triggered(unsigned mode)
{
    return mode == 1 || mode == 5;
}

static bool is_periodic(unsigned mode)
{
    return mode == 2 || mode == 3;
}

static int64_t now_ticks(const I8254 *s)
{
    return muldiv64(clock_get_ns(s->clock), I8254_HZ, NS_PER_SECOND);
}

/* The first nanosecond of a tick. */
static int64_t tick_to_ns(int64_t tick)
{
    return ((unsigned __int128)tick * NS_PER_SECOND + I8254_HZ - 1) / I8254_HZ;
}

static uint32_t from_bcd(uint16_t val)
{
    return (val >> 12) * 1000 + (val >> 8 & 15) * 100 + (val >> 4 & 15) * 10 + (val & 15);
}

static uint16_t to_bcd(uint32_t val)
{
    return val / 1000 % 10 << 12 | val / 100 % 10 << 8 | val / 10 % 10 << 4 | val % 10;
}

/* Numbers the counting element goes through before it wraps. */
static uint32_t modulus(const I8254Counter *c)
{
    return c->control & CONTROL_BCD ? 10000 : 65536;
}

/* The initial count in the count register; 0 stands for the largest. */
static uint32_t initial_count(const I8254Counter *c)
{
    uint32_t count = c->control & CONTROL_BCD ? from_bcd(c->count_register) : c->count_register;
    return count ? count : modulus(c);
}

static int64_t elapsed(const I8254Counter *c, int64_t now)
{
    return c->frozen >= 0 ? c->frozen : now - c->start;
}

/* Mode 3: ticks of the half cycle in which OUT is high. */
static uint32_t high_half(uint32_t count)
{
    return (count + 1) / 2;
}

/* What OUT does within one CLK only at the end of a count is seen as one event: its rise. */
static int64_t rises_until(const I8254Counter *c, int64_t e)
{
    if (e < 0) {
        return 0;
    }
    switch (mode_of(c)) {
    case 0:
    case 1:
        return e >= c->count;
    case 2:
    case 3:
        return c->count > 1 ? e / c->count : 0;
    default:
        return e > c->count;
    }
}

static void load(I8254Counter *c, int64_t start)
{
    c->count = initial_count(c);
    c->start = start;
    c->frozen = -1;
    c->reload_at = -1;
    c->armed = true;
    c->loading = true;
    trace(i8254_load, mode_of(c), c->count);
}

/* The end of the running cycle (mode 3: half cycle), where modes 2 and 3 take a new count. */
static int64_t cycle_end(const I8254Counter *c, int64_t now)
{
    int64_t e = now - c->start;
    int64_t phase = e % c->count;
    uint32_t half = high_half(c->count);

    return mode_of(c) == 3 && phase < half ? now - phase + half : now - phase + c->count;
}

/* Carries out what became due by now. */
static void counter_sync(I8254Counter *c, int64_t now)
{
    if (c->reload_at >= 0 && c->frozen < 0 && now >= c->reload_at) {
        bool was_high = (c->reload_at - c->start) % c->count != 0;
        load(c, c->reload_at);
        /* The low half is next: the high one of the new cycle counts as past. */
        c->start -= mode_of(c) == 3 && was_high ? high_half(c->count) : 0;
    }
    if (c->loading && elapsed(c, now) >= 0) {
        c->loading = c->null_count = false;
    }
}

/* Stops or resumes counting as the gate, or a count half written in mode 0, wants it. */
static void apply_enable(I8254Counter *c, int64_t now)
{
    unsigned mode = mode_of(c);
    bool enabled = is_triggered(mode) || (c->gate && !(mode == 0 && c->write_high));

    if (!enabled && c->frozen < 0) {
        c->frozen = MAX(now - c->start, 0);
    } else if (enabled && c->frozen >= 0) {
        c->start = now - c->frozen;
        c->frozen = -1;
    }
}

static bool counter_out(const I8254Counter *c, int64_t now)
{
    unsigned mode = mode_of(c);
    int64_t e = elapsed(c, now);

    if (!c->armed) {
        return mode != 0;
    }
    switch (mode) {
    case 0:
        return e >= c->count && !c->write_high;
    case 1:
        return e < 0 ? c->out : e >= c->count;
    case 2:
        return !c->gate || e < 0 || e % c->count != c->count - 1;
    case 3:
        return !c->gate || e < 0 || e % c->count < high_half(c->count);
    default:
        return e != c->count;
    }
}

static uint16_t counter_value(const I8254Counter *c, int64_t now)
{
    uint32_t count = c->count;
    int64_t e = MAX(elapsed(c, now), 0);
    int64_t value;

    switch (mode_of(c)) {
    case 2:
        value = count ? count - e % count : 0;
        break;
    case 3: {
        int64_t phase = count ? e % count : 0;
        int64_t half = high_half(count);
        value = (count & ~1u) - 2 * (phase < half ? phase : phase - half);
        break;
    }
    default:
        value = count - e % modulus(c) + modulus(c);
        break;
    }
    value %= modulus(c);
    return c->control & CONTROL_BCD ? to_bcd(value) : value;
}

/* The tick of the next edge of OUT that must be driven when it comes; -1: none. */
static int64_t next_event(const I8254Counter *c, int64_t now)
{
    int64_t e = now - c->start;

    if (!c->armed || c->frozen >= 0) {
        return -1;
    }
    switch (mode_of(c)) {
    case 0:
        return e < c->count ? c->start + c->count : -1;
    case 1:
        return e < 0 ? c->start : e < c->count ? c->start + c->count : -1;
    case 2:
        if (c->count == 1) {
            return c->reload_at;
        }
        return e < 0 ? c->start + c->count : cycle_end(c, now);
    case 3:
        if (c->count == 1) {
            return c->reload_at;
        }
        return e < 0 ? c->start + high_half(c->count) : cycle_end(c, now);
    default:
        return e <= c->count ? c->start + c->count + 1 : -1;
    }
}

static void drive_irq(I8254 *s, bool level)
{
    trace(i8254_irq, level);
    irq_set(s->irq, level && !s->irq_disabled);
}

/* Sends out the edges of OUT 0 up to tick until, with the counter as it is. */
static void send_edges(I8254 *s, int64_t until)
{
    I8254Counter *c = &s->counters[0];

    if (c->armed && c->frozen < 0) {
        if (rises_until(c, until - c->start) > rises_until(c, s->seen - c->start)) {
            drive_irq(s, false);
            drive_irq(s, true);
        }
    }
    s->seen = until;
}

/* Brings all counters to now; to be called before anything is changed. */
static int64_t chip_sync(I8254 *s)
{
    int64_t now = now_ticks(s);
    I8254Counter *c0 = &s->counters[0];

    if (c0->reload_at >= 0 && now >= c0->reload_at) {
        send_edges(s, c0->reload_at);
    }
    for (unsigned i = 0; i < I8254_COUNTERS; i++) {
        counter_sync(&s->counters[i], now);
    }
    send_edges(s, now);
    return now;
}

void i8254_update(I8254 *s)
{
    int64_t now = chip_sync(s);
    int64_t next = s->irq_disabled ? -1 : next_event(&s->counters[0], now);

    drive_irq(s, counter_out(&s->counters[0], now));
    if (next >= 0) {
        timer_mod(&s->timer, tick_to_ns(next));
    } else {
        timer_del(&s->timer);
    }
}

static void timer_expired(void *opaque)
{
    i8254_update(opaque);
}

static void latch_count(I8254Counter *c, int64_t now)
{
    if (!c->latch_bytes) {
        c->latch = counter_value(c, now);
        c->latch_bytes = rw_of(c) == RW_WORD ? 2 : 1;
    }
}

static void latch_status(I8254Counter *c, int64_t now)
{
    if (!c->status_latched) {
        c->status = c->control | (c->null_count ? STATUS_NULL_COUNT : 0) |
                    (counter_out(c, now) ? STATUS_OUT : 0);
        c->status_latched = true;
    }
}

static void read_back(I8254 *s, uint8_t val, int64_t now)
{
    for (unsigned i = 0; i < I8254_COUNTERS; i++) {
        if (!(val & 2 << i)) {
            continue;
        }
        if (!(val & READ_BACK_NO_COUNT)) {
            latch_count(&s->counters[i], now);
        }
        if (!(val & READ_BACK_NO_STATUS)) {
            latch_status(&s->counters[i], now);
        }
    }
}

static void write_control(I8254 *s, uint8_t val, int64_t now)
{
    unsigned sc = val >> CONTROL_SC_SHIFT;

    if (sc == SC_READ_BACK) {
        read_back(s, val, now);
        return;
    }
    I8254Counter *c = &s->counters[sc];
    if ((val >> CONTROL_RW_SHIFT & 3) == RW_LATCH) {
        latch_count(c, now);
        return;
    }
    c->frozen = MAX(elapsed(c, now), 0);
    c->reload_at = -1;
    c->control = val & 0x3f;
    c->armed = c->count_written = c->loading = false;
    c->null_count = true;
    c->write_high = c->read_high = c->status_latched = false;
    c->latch_bytes = 0;
}

static void count_complete(I8254Counter *c, uint16_t val, int64_t now)
{
    unsigned mode = mode_of(c);

    c->count_register = val;
    c->count_written = c->null_count = true;
    c->loading = false;
    if (is_triggered(mode)) {
        return;
    }
    if (!is_periodic(mode) || !c->armed || elapsed(c, now) < 0) {
        load(c, now + 1);
    } else if (c->frozen < 0) {
        c->reload_at = cycle_end(c, now);
    }
}

static void write_count(I8254Counter *c, uint8_t val, int64_t now)
{
    if (rw_of(c) == RW_WORD && !c->write_high) {
        c->low_byte = val;
        c->write_high = true;
    } else {
        uint16_t count = rw_of(c) == RW_LSB ? val : val << 8 | (c->write_high ? c->low_byte : 0);
        c->write_high = false;
        count_complete(c, count, now);
    }
    if (c->armed) {
        apply_enable(c, now);
    }
}

static uint8_t read_counter(I8254Counter *c, int64_t now)
{
    bool word = rw_of(c) == RW_WORD;

    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    if (c->latch_bytes) {
        bool high = word ? c->latch_bytes == 1 : rw_of(c) == RW_MSB;
        c->latch_bytes--;
        return high ? c->latch >> 8 : c->latch;
    }
    bool high = word ? c->read_high : rw_of(c) == RW_MSB;
    c->read_high = word && !high;
    uint16_t value = counter_value(c, now);
    return high ? value >> 8 : value;
}

uint8_t i8254_read(I8254 *s, unsigned addr)
{
    int64_t now = chip_sync(s);
    uint8_t val = addr < I8254_COUNTERS ? read_counter(&s->counters[addr], now) : 0;

    trace(i8254_read, addr, val);
    return val;
}

void i8254_write(I8254 *s, unsigned addr, uint8_t val)
{
    int64_t now = chip_sync(s);

    trace(i8254_write, addr, val);
    if (addr < I8254_COUNTERS) {
        write_count(&s->counters[addr], val, now);
    } else {
        write_control(s, val, now);
    }
    i8254_update(s);
}

void i8254_set_gate(I8254 *s, unsigned counter, bool gate)
{
    I8254Counter *c = &s->counters[counter];
    int64_t now = chip_sync(s);
    bool rising = gate && !c->gate;

    trace(i8254_gate, counter, gate);
    c->out = counter_out(c, now);
    c->gate = gate;
    if (rising && c->count_written && (is_triggered(mode_of(c)) || is_periodic(mode_of(c)))) {
        load(c, now + 1);
    } else if (c->armed) {
        apply_enable(c, now);
    }
    i8254_update(s);
}

bool i8254_gate(const I8254 *s, unsigned counter)
{
    return s->counters[counter].gate;
}

bool i8254_out(I8254 *s, unsigned counter)
{
    return counter_out(&s->counters[counter], chip_sync(s));
}

void i8254_disable_irq(I8254 *s, bool disable)
{
    chip_sync(s); /* what became due until now went where the line led */
    s->irq_disabled = disable;
    i8254_update(s);
}

void i8254_reset(I8254 *s)
{
    for (unsigned i = 0; i < I8254_COUNTERS; i++) {
        s->counters[i] = (I8254Counter){
            .control = RW_WORD << CONTROL_RW_SHIFT | 3 << CONTROL_MODE_SHIFT,
            .gate = i != 2,
            .out = true,
            .null_count = true,
            .reload_at = -1,
        };
    }
    s->irq_disabled = false;
    s->seen = now_ticks(s);
    timer_del(&s->timer);
}

void i8254_init(I8254 *s, Clock *clock)
{
    s->clock = clock;
    timer_init(&s->timer, clock, timer_expired, s);
}

void i8254_deinit(I8254 *s)
{
    timer_deinit(&s->timer);
}

/* A time that the clock can show: within 200 years. */
static bool is_time(int64_t ticks)
{
    return ticks > -(INT64_C(1) << 53) && ticks < INT64_C(1) << 53;
}

static bool counter_post_load(void *opaque, Error **errp)
{
    I8254Counter *c = opaque;

    if (!is_time(c->start) || !is_time(c->reload_at) || !is_time(c->frozen)) {
        error_setg(errp, "isa-pit: saved state has a counter that began at tick %" PRId64,
                   c->start);
        return false;
    }

    if ((c->armed && !c->count) || c->count > 65536 || c->frozen < -1 || c->latch_bytes > 2) {
        error_setg(errp, "isa-pit: saved state has count %u and %u latched bytes", c->count,
                   c->latch_bytes);
        return false;
    }
    return true;
}

static const VMStateField counter_fields[] = {
    VMSTATE_UINT8(control, I8254Counter),
    VMSTATE_BOOL(gate, I8254Counter),
    VMSTATE_BOOL(out, I8254Counter),
    VMSTATE_UINT16(count_register, I8254Counter),
    VMSTATE_UINT8(low_byte, I8254Counter),
    VMSTATE_BOOL(write_high, I8254Counter),
    VMSTATE_BOOL(read_high, I8254Counter),
    VMSTATE_UINT16(latch, I8254Counter),
    VMSTATE_UINT8(latch_bytes, I8254Counter),
    VMSTATE_BOOL(status_latched, I8254Counter),
    VMSTATE_UINT8(status, I8254Counter),
    VMSTATE_BOOL(armed, I8254Counter),
    VMSTATE_BOOL(count_written, I8254Counter),
    VMSTATE_BOOL(null_count, I8254Counter),
    VMSTATE_BOOL(loading, I8254Counter),
    VMSTATE_UINT32(count, I8254Counter),
    VMSTATE_INT64(start, I8254Counter),
    VMSTATE_INT64(frozen, I8254Counter),
    VMSTATE_INT64(reload_at, I8254Counter),
    VMSTATE_END
};

static const VMStateDescription vmstate_i8254_counter = {
    .name = "i8254-counter", .version = 1, .fields = counter_fields,
    .post_load = counter_post_load,
};

static const VMStateField i8254_fields[] = {
    VMSTATE_STRUCT_ARRAY(counters, I8254, I8254_COUNTERS, vmstate_i8254_counter, I8254Counter),
    VMSTATE_TIMER(timer, I8254),
    VMSTATE_INT64(seen, I8254),
    VMSTATE_BOOL(irq_disabled, I8254),
    VMSTATE_END
};

const VMStateDescription vmstate_i8254 = {
    .name = "i8254", .version = 1, .fields = i8254_fields,
};
