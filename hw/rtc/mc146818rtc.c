/*
 * mc146818rtc: real-time clock and CMOS memory.
 *
 * Motorola MC146818A data sheet (ADI1199). Time is not counted: while the clock runs, its
 * registers follow from the virtual clock. The divider chain makes one second
 * and the periodic rate, so both keep their phase when software sets the time, and
 * start anew when it resets the divider.
 *
 *   virtual ns + divider_phase = seconds * 10^9 + fraction
 *   seconds + seconds_base = guest's time, seconds since 1970
 *
 * Flags are brought up to date when somebody can see them: on each access, and by
 * a timer if an enabled interrupt is due.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/rtc/mc146818rtc.h"
#include <string.h>
#include <time.h>
#include "hw/core/machine.h"
#include "util/trace.h"

OBJECT_DECLARE_SIMPLE(RTCState, MC146818_RTC, TYPE_MC146818_RTC)

TRACE_EVENT(rtc_read, "register 0x%02x value 0x%02x");
TRACE_EVENT(rtc_write, "register 0x%02x value 0x%02x");
TRACE_EVENT(rtc_irq, "level %d flags 0x%02x enabled 0x%02x");
TRACE_EVENT(rtc_set_time, "seconds %lld");

enum {
    SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM,
    DAY_OF_WEEK, DATE, MONTH, YEAR,
    REGISTER_A, REGISTER_B, REGISTER_C, REGISTER_D,
    FIRST_RAM,
    CENTURY = 0x32,

    A_UIP = 1 << 7,       /* update in progress */
    A_DV = 7 << 4,        /* divider: 010 for a crystal of 32.768 kHz */
    A_DV_RESET = 6 << 4,  /* 110 and 111 */
    A_RS = 15,            /* rate select */

    B_SET = 1 << 7,
    B_PIE = 1 << 6, B_AIE = 1 << 5, B_UIE = 1 << 4, /* same bits as the flags in C */
    B_SQWE = 1 << 3,
    B_DM = 1 << 2,        /* binary, not BCD */
    B_24H = 1 << 1,

    C_IRQF = 1 << 7, C_PF = 1 << 6, C_AF = 1 << 5, C_UF = 1 << 4,
    C_FLAGS = C_PF | C_AF | C_UF,

    D_VRT = 1 << 7,       /* RAM and time are valid: the battery is good */

    HOURS_PM = 1 << 7,
    ALARM_ANY = 0xc0,     /* both bits set: every value matches */
    INDEX_NMI_MASK = 1 << 7,

    CRYSTAL_HZ = 32768,
    UPDATE_NS = 244000 + 1984000, /* UIP: tBUC before the update cycle and tUC in it */
    DAY_SECONDS = 86400,
};

struct RTCState {
    ISADevice parent_obj;
    MemoryRegion io;
    Timer timer;
    IRQLine *irq;
    IRQLine *nmi_mask;
    uint32_t iobase;
    uint8_t isairq;
    int32_t base_year;

    uint8_t index;          /* as written to port 0x70 */
    uint8_t cmos[RTC_CMOS_SIZE]; /* time registers: valid while the clock stands */
    bool running;           /* neither SET nor a divider that is reset */
    int64_t divider_phase;
    int64_t seconds_base;
    int64_t start_base;     /* seconds_base as the machine was started with */
    uint8_t day_of_week_shift; /* of the register against the calendar, 0-6 */
    int64_t seen_second;    /* updates up to here are in register C */
    int64_t seen_tick;      /* likewise, periodic interrupts; ticks of the crystal */
};

/* --- divider --------------------------------------------------------------------- */

static int64_t divider_ns(const RTCState *s)
{
    return clock_get_ns(s->timer.clock) + s->divider_phase;
}

static int64_t guest_second(const RTCState *s)
{
    return divider_ns(s) / NS_PER_SECOND + s->seconds_base;
}

static bool divider_is_reset(const RTCState *s)
{
    return (s->cmos[REGISTER_A] & A_DV_RESET) == A_DV_RESET;
}

/* Ticks of the crystal between periodic interrupts; 0: none. */
static uint32_t periodic_ticks(const RTCState *s)
{
    unsigned rate = s->cmos[REGISTER_A] & A_RS;

    if (!rate || divider_is_reset(s)) {
        return 0;
    }
    return 1u << (rate < 3 ? rate + 6 : rate - 1);
}

static int64_t crystal_ticks(const RTCState *s)
{
    return muldiv64(divider_ns(s), CRYSTAL_HZ, NS_PER_SECOND);
}

/* --- registers and time ------------------------------------------------------------ */

static uint8_t encode(const RTCState *s, unsigned val)
{
    return s->cmos[REGISTER_B] & B_DM ? val : val / 10 << 4 | val % 10;
}

static unsigned decode(const RTCState *s, uint8_t val)
{
    return s->cmos[REGISTER_B] & B_DM ? val : (val >> 4) * 10 + (val & 15);
}

static uint8_t encode_hour(const RTCState *s, unsigned hour)
{
    if (s->cmos[REGISTER_B] & B_24H) {
        return encode(s, hour);
    }
    return encode(s, (hour + 11) % 12 + 1) | (hour >= 12 ? HOURS_PM : 0);
}

static unsigned decode_hour(const RTCState *s, uint8_t val)
{
    if (s->cmos[REGISTER_B] & B_24H) {
        return decode(s, val);
    }
    return decode(s, val & ~HOURS_PM) % 12 + (val & HOURS_PM ? 12 : 0);
}

/* Puts a time into the registers. */
static void store_time(RTCState *s, int64_t second)
{
    time_t when = second;
    struct tm tm;

    gmtime_r(&when, &tm);
    unsigned year = MAX(tm.tm_year + 1900 - s->base_year, 0);
    s->cmos[SECONDS] = encode(s, tm.tm_sec);
    s->cmos[MINUTES] = encode(s, tm.tm_min);
    s->cmos[HOURS] = encode_hour(s, tm.tm_hour);
    s->cmos[DAY_OF_WEEK] = encode(s, (tm.tm_wday + s->day_of_week_shift) % 7 + 1);
    s->cmos[DATE] = encode(s, tm.tm_mday);
    s->cmos[MONTH] = encode(s, tm.tm_mon + 1);
    s->cmos[YEAR] = encode(s, year % 100);
    s->cmos[CENTURY] = encode(s, year / 100 % 100);
}

/* Monitors may keep the difference for the next start. */
static void tell_new_time(RTCState *s)
{
    json_object *data = json_object_new_object();
    g_autofree char *path = object_get_canonical_path(s);

    json_object_object_add(data, "offset",
                           json_object_new_int64(s->seconds_base - s->start_base));
    json_object_object_add(data, "qom-path", json_object_new_string(path));
    machine_emit_event(DEVICE(s)->machine, "RTC_CHANGE", data);
}

/* Makes the registers the time. */
static void load_time(RTCState *s)
{
    struct tm tm = {
        .tm_sec = decode(s, s->cmos[SECONDS]),
        .tm_min = decode(s, s->cmos[MINUTES]),
        .tm_hour = decode_hour(s, s->cmos[HOURS]),
        .tm_mday = decode(s, s->cmos[DATE]),
        .tm_mon = (int)decode(s, s->cmos[MONTH]) - 1,
        .tm_year = (int)decode(s, s->cmos[CENTURY]) * 100 + (int)decode(s, s->cmos[YEAR]) +
                   s->base_year - 1900,
    };
    int64_t second = timegm(&tm);

    s->day_of_week_shift = (decode(s, s->cmos[DAY_OF_WEEK]) + 6 + 7 - tm.tm_wday) % 7;
    s->seconds_base += second - guest_second(s);
    s->seen_second = second;
    trace(rtc_set_time, (long long)second);
    tell_new_time(s);
}

static bool is_time_register(unsigned reg)
{
    return reg == CENTURY ||
           (reg <= YEAR && reg != SECONDS_ALARM && reg != MINUTES_ALARM && reg != HOURS_ALARM);
}

/* Reg A or B changed: stops or starts the clock. */
static void update_running(RTCState *s)
{
    bool running = !(s->cmos[REGISTER_B] & B_SET) && !divider_is_reset(s);

    if (s->running && !running) {
        store_time(s, guest_second(s));
    } else if (!s->running && running) {
        load_time(s);
    }
    s->running = running;
}

/* --- flags and interrupts ------------------------------------------------------------- */

static bool alarm_matches(const RTCState *s, unsigned reg, uint8_t now)
{
    return (s->cmos[reg] & ALARM_ANY) == ALARM_ANY || s->cmos[reg] == now;
}

static bool is_alarm(const RTCState *s, int64_t second)
{
    unsigned of_day = ((second % DAY_SECONDS) + DAY_SECONDS) % DAY_SECONDS;

    return alarm_matches(s, SECONDS_ALARM, encode(s, of_day % 60)) &&
           alarm_matches(s, MINUTES_ALARM, encode(s, of_day / 60 % 60)) &&
           alarm_matches(s, HOURS_ALARM, encode_hour(s, of_day / 3600));
}

static void see_updates(RTCState *s)
{
    int64_t second = guest_second(s);

    if (!s->running || second <= s->seen_second) {
        return;
    }
    s->cmos[REGISTER_C] |= C_UF;
    /* An alarm comes at least once a day or never. */
    int64_t first = MAX(s->seen_second + 1, second - DAY_SECONDS + 1);
    for (int64_t t = first; t <= second && !(s->cmos[REGISTER_C] & C_AF); t++) {
        s->cmos[REGISTER_C] |= is_alarm(s, t) ? C_AF : 0;
    }
    s->seen_second = second;
}

static void see_ticks(RTCState *s)
{
    uint32_t period = periodic_ticks(s);
    int64_t tick = crystal_ticks(s);

    if (period && tick / period > s->seen_tick / period) {
        s->cmos[REGISTER_C] |= C_PF;
    }
    s->seen_tick = tick;
}

/* The next time at which an enabled interrupt may be raised; -1: none. */
static int64_t next_event(const RTCState *s)
{
    uint8_t wanted = s->cmos[REGISTER_B] & ~s->cmos[REGISTER_C];
    uint32_t period = periodic_ticks(s);
    int64_t next = INT64_MAX;

    if ((wanted & B_PIE) && period) {
        int64_t tick = (crystal_ticks(s) / period + 1) * period;
        next = ((unsigned __int128)tick * NS_PER_SECOND + CRYSTAL_HZ - 1) / CRYSTAL_HZ;
    }
    if ((wanted & (B_AIE | B_UIE)) && s->running) {
        next = MIN(next, (divider_ns(s) / NS_PER_SECOND + 1) * NS_PER_SECOND);
    }
    return next == INT64_MAX ? -1 : next - s->divider_phase;
}

static void update_irq(RTCState *s)
{
    uint8_t flags = s->cmos[REGISTER_C] & C_FLAGS;
    bool level = flags & s->cmos[REGISTER_B];
    int64_t next = next_event(s);

    if (level != !!(s->cmos[REGISTER_C] & C_IRQF)) {
        trace(rtc_irq, level, flags, s->cmos[REGISTER_B]);
    }
    s->cmos[REGISTER_C] = flags | (level ? C_IRQF : 0);
    irq_set(s->irq, level);
    if (next >= 0) {
        timer_mod(&s->timer, next);
    } else {
        timer_del(&s->timer);
    }
}

static void rtc_sync(RTCState *s)
{
    see_updates(s);
    see_ticks(s);
    update_irq(s);
}

static void rtc_timer(void *opaque)
{
    rtc_sync(opaque);
}

/* --- ports ------------------------------------------------------------------------------ */

static bool update_in_progress(const RTCState *s)
{
    return s->running && divider_ns(s) % NS_PER_SECOND >= NS_PER_SECOND - UPDATE_NS;
}

static uint8_t read_register(RTCState *s, unsigned reg)
{
    uint8_t val;

    rtc_sync(s);
    if (s->running && is_time_register(reg)) {
        store_time(s, guest_second(s));
    }
    val = s->cmos[reg];
    if (reg == REGISTER_A) {
        val |= update_in_progress(s) ? A_UIP : 0;
    } else if (reg == REGISTER_C) {
        s->cmos[REGISTER_C] = 0;
        update_irq(s);
    }
    return val;
}

static void write_register_a(RTCState *s, uint8_t val)
{
    bool was_reset = divider_is_reset(s);

    s->cmos[REGISTER_A] = val & ~A_UIP;
    if (was_reset && !divider_is_reset(s)) {
        /* The first update comes half a second later. */
        s->divider_phase += NS_PER_SECOND * 3 / 2 - divider_ns(s) % NS_PER_SECOND;
        s->divider_phase %= NS_PER_SECOND;
        s->seen_tick = crystal_ticks(s);
    }
    update_running(s);
}

static void write_register_b(RTCState *s, uint8_t val)
{
    if (val & B_SET) {
        val &= ~B_UIE;
    }
    s->cmos[REGISTER_B] = val;
    update_running(s);
}

static void write_register(RTCState *s, unsigned reg, uint8_t val)
{
    rtc_sync(s);
    if (is_time_register(reg)) {
        if (s->running) {
            store_time(s, guest_second(s));
        }
        s->cmos[reg] = val;
        if (s->running) {
            load_time(s);
        }
    } else if (reg == REGISTER_A) {
        write_register_a(s, val);
    } else if (reg == REGISTER_B) {
        write_register_b(s, val);
    } else if (reg != REGISTER_C && reg != REGISTER_D) { /* these two are read-only */
        s->cmos[reg] = val;
    }
    update_irq(s);
}

static uint64_t rtc_io_read(void *opaque, hwaddr addr, unsigned size)
{
    RTCState *s = opaque;
    unsigned reg = s->index & ~INDEX_NMI_MASK;

    if (addr == 0) {
        return 0xff; /* the index cannot be read */
    }
    uint8_t val = read_register(s, reg);
    trace(rtc_read, reg, val);
    return val;
}

static void rtc_io_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    RTCState *s = opaque;

    if (addr == 0) {
        s->index = val;
        irq_set(s->nmi_mask, !!(val & INDEX_NMI_MASK));
        return;
    }
    trace(rtc_write, s->index & ~INDEX_NMI_MASK, (unsigned)val);
    write_register(s, s->index & ~INDEX_NMI_MASK, val);
}

static const MemoryRegionOps rtc_ops = {
    .read = rtc_io_read,
    .write = rtc_io_write,
    .impl = { .min_size = 1, .max_size = 1 },
};

/* --- device -------------------------------------------------------------------------------- */

/* Power-on with a good battery: the host's time. */
static void start_clock(RTCState *s)
{
    int64_t host = clock_get_ns(clock_host()) + DEVICE(s)->machine->rtc_offset_ns;
    int64_t phase = host - clock_get_ns(s->timer.clock);

    s->divider_phase = ((phase % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
    s->seconds_base = 0;
    s->seconds_base = s->start_base = host / NS_PER_SECOND - guest_second(s);
    s->seen_second = guest_second(s);
    s->seen_tick = crystal_ticks(s);
    s->running = true;
}

static bool rtc_realize(DeviceState *dev, Error **errp)
{
    RTCState *s = MC146818_RTC(dev);

    if (s->isairq >= ISA_NUM_IRQS) {
        error_setg(errp, "mc146818rtc: irq=%u is not an ISA interrupt; 0 to %d are", s->isairq,
                   ISA_NUM_IRQS - 1);
        return false;
    }
    /* Machines that say 2000 mean that the registers hold the whole year, century included. */
    s->base_year = s->base_year == 2000 ? 0 : s->base_year;
    s->cmos[REGISTER_A] = 0x26; /* 32.768 kHz, 1024 Hz */
    s->cmos[REGISTER_B] = B_24H;
    s->cmos[REGISTER_D] = D_VRT;
    timer_init(&s->timer, qdev_clock(dev), rtc_timer, s);
    start_clock(s);
    memory_region_init_io(&s->io, dev, &rtc_ops, s, "rtc", 2);
    memory_region_set_coalesced(&s->io, 0, 1); /* the index */
    isa_register_ioport(dev, &s->io, s->iobase);
    s->irq = isa_get_irq(dev, s->isairq);
    qdev_init_gpio_out_named(dev, &s->nmi_mask, "nmi-mask", 1);
    return true;
}

static void rtc_unrealize(DeviceState *dev)
{
    RTCState *s = MC146818_RTC(dev);

    timer_deinit(&s->timer);
    memory_region_destroy(&s->io);
}

/* RESET#: time, calendar and memory go on. */
static void rtc_reset(DeviceState *dev)
{
    RTCState *s = MC146818_RTC(dev);

    see_updates(s); /* what came before the reset sets no flag after it */
    see_ticks(s);
    s->cmos[REGISTER_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    s->cmos[REGISTER_C] = 0;
    s->index = 0;
}

static void rtc_reset_hold(DeviceState *dev)
{
    RTCState *s = MC146818_RTC(dev);

    irq_set(s->nmi_mask, 0);
    update_irq(s);
}

static bool rtc_post_load(void *opaque, Error **errp)
{
    RTCState *s = opaque;

    if (s->divider_phase < 0 || s->divider_phase > INT64_MAX / 2) {
        error_setg(errp, "mc146818rtc: saved divider phase %lld is out of range",
                   (long long)s->divider_phase);
        return false;
    }
    s->day_of_week_shift %= 7;
    return true;
}

static const VMStateField rtc_fields[] = {
    VMSTATE_UINT8(index, RTCState),
    VMSTATE_UINT8_ARRAY(cmos, RTCState, RTC_CMOS_SIZE),
    VMSTATE_BOOL(running, RTCState),
    VMSTATE_INT64(divider_phase, RTCState),
    VMSTATE_INT64(seconds_base, RTCState), VMSTATE_INT64(start_base, RTCState),
    VMSTATE_UINT8(day_of_week_shift, RTCState),
    VMSTATE_INT64(seen_second, RTCState),
    VMSTATE_INT64(seen_tick, RTCState),
    VMSTATE_TIMER(timer, RTCState),
    VMSTATE_END
};

static const VMStateDescription vmstate_rtc = {
    .name = "mc146818rtc", .version = 1, .fields = rtc_fields, .post_load = rtc_post_load,
};

static const Property rtc_props[] = {
    PROP_INT32("base_year", RTCState, base_year, 1980),
    PROP_UINT32("iobase", RTCState, iobase, 0x70),
    PROP_UINT8("irq", RTCState, isairq, 8),
    PROP_END
};

static const DeviceInfo rtc_info = {
    .name = TYPE_MC146818_RTC, .parent = TYPE_ISA_DEVICE, .instance_size = sizeof(RTCState),
    .desc = "real-time clock and CMOS memory", .internal = true, .props = rtc_props,
    .vmsd = &vmstate_rtc, .realize = rtc_realize, .unrealize = rtc_unrealize,
    .reset = rtc_reset, .reset_hold = rtc_reset_hold,
};
DEVICE_TYPE(rtc_info)

DeviceState *mc146818_rtc_create(ISABus *bus, Error **errp)
{
    DeviceState *dev = qdev_new(TYPE_MC146818_RTC);

    MC146818_RTC(dev)->base_year = 2000;
    return isa_realize(dev, bus, errp) ? dev : NULL;
}

void mc146818_rtc_set_cmos(DeviceState *rtc, unsigned addr, uint8_t val)
{
    if (addr >= FIRST_RAM && addr < RTC_CMOS_SIZE) {
        MC146818_RTC(rtc)->cmos[addr] = val;
    }
}

uint8_t mc146818_rtc_get_cmos(DeviceState *rtc, unsigned addr)
{
    return addr < RTC_CMOS_SIZE ? MC146818_RTC(rtc)->cmos[addr] : 0;
}
