/*
 * ACPI fixed hardware: see acpi_pm.h.
 *
 * Status bits are cleared by writing 1. Registers are handled byte by byte, so
 * that an access of any size touches the bits it means and no others.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/acpi/acpi_pm.h"
#include <string.h>
#include "util/trace.h"

TRACE_EVENT(acpi_pm_event, "PM1 status 0x%04x enable 0x%04x");
TRACE_EVENT(acpi_pm_sci, "level %d");
TRACE_EVENT(acpi_pm_cnt, "PM1 control 0x%04x");
TRACE_EVENT(acpi_pm_sleep, "SLP_TYP %u");

enum {
    PM1_EN_WRITABLE = ACPI_PM1_TMR | ACPI_PM1_GBL | ACPI_PM1_PWRBTN | ACPI_PM1_RTC,
    CNT_WRITABLE = 0x1c07, /* SLP_TYP, GBL_RLS, BM_RLD, SCI_EN */
    TIMER_MASK = 0xffffff,
    TIMER_HALF_SHIFT = 23, /* TMR_STS: whenever the timer's top bit changes (4.8.2.1) */
};

/* --- timer ------------------------------------------------------------------ */

static uint64_t timer_ticks(const ACPIPM *pm)
{
    return muldiv64(clock_get_ns(qdev_clock(pm->dev)), ACPI_PM_TIMER_HZ, NS_PER_SECOND);
}

static void note_overflow(ACPIPM *pm)
{
    uint64_t halves = timer_ticks(pm) >> TIMER_HALF_SHIFT;
    if (halves != pm->timer_halves) {
        pm->timer_halves = halves;
        pm->pm1_sts |= ACPI_PM1_TMR;
    }
}

static void arm_overflow(ACPIPM *pm)
{
    if ((pm->pm1_en & ACPI_PM1_TMR) && !(pm->pm1_sts & ACPI_PM1_TMR)) {
        uint64_t ticks = (pm->timer_halves + 1) << TIMER_HALF_SHIFT;
        timer_mod(&pm->overflow, muldiv64(ticks, NS_PER_SECOND, ACPI_PM_TIMER_HZ) + 1);
    } else {
        timer_del(&pm->overflow);
    }
}

/* --- interrupt ---------------------------------------------------------------- */

static void update_sci(ACPIPM *pm)
{
    bool pending = (pm->pm1_sts & pm->pm1_en) || (pm->gpe_sts[0] & pm->gpe_en[0]) ||
                   (pm->gpe_sts[1] & pm->gpe_en[1]);
    int level = pending && (pm->pm1_cnt & ACPI_CNT_SCI_EN);
    trace(acpi_pm_sci, level);
    irq_set(pm->sci, level);
    arm_overflow(pm);
}

static void overflow_expired(void *opaque)
{
    ACPIPM *pm = opaque;
    note_overflow(pm);
    update_sci(pm);
}

void acpi_pm_event(ACPIPM *pm, uint16_t sts)
{
    pm->pm1_sts |= sts;
    trace(acpi_pm_event, pm->pm1_sts, pm->pm1_en);
    update_sci(pm);
}

void acpi_pm_gpe(ACPIPM *pm, unsigned n)
{
    g_assert(n < ACPI_GPE_BITS);
    pm->gpe_sts[n / 8] |= 1 << (n % 8);
    update_sci(pm);
}

void acpi_pm_set_sci_en(ACPIPM *pm, bool enable)
{
    pm->pm1_cnt = (pm->pm1_cnt & ~ACPI_CNT_SCI_EN) | (enable ? ACPI_CNT_SCI_EN : 0);
    update_sci(pm);
}

/* --- registers ------------------------------------------------------------------ */

static uint8_t byte_of(uint16_t reg, hwaddr addr)
{
    return reg >> (8 * (addr & 1));
}

static void set_byte_of(uint16_t *reg, hwaddr addr, uint8_t val, uint16_t writable)
{
    unsigned shift = 8 * (addr & 1);
    uint16_t mask = writable & (0xff << shift);
    *reg = (*reg & ~mask) | ((val << shift) & mask);
}

static uint64_t evt_read(void *opaque, hwaddr addr, unsigned size)
{
    ACPIPM *pm = opaque;
    note_overflow(pm);
    return byte_of(addr < 2 ? pm->pm1_sts : pm->pm1_en, addr);
}

static void evt_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    ACPIPM *pm = opaque;
    note_overflow(pm);
    if (addr < 2) {
        pm->pm1_sts &= ~((val & 0xff) << (8 * addr));
    } else {
        set_byte_of(&pm->pm1_en, addr, val, PM1_EN_WRITABLE);
    }
    update_sci(pm);
}

static uint64_t cnt_read(void *opaque, hwaddr addr, unsigned size)
{
    ACPIPM *pm = opaque;
    return byte_of(pm->pm1_cnt, addr);
}

static void cnt_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    ACPIPM *pm = opaque;
    set_byte_of(&pm->pm1_cnt, addr, val, CNT_WRITABLE);
    trace(acpi_pm_cnt, pm->pm1_cnt);
    update_sci(pm);
    if (addr == 1 && (val & ACPI_CNT_SLP_EN >> 8)) {
        unsigned slp_typ = (pm->pm1_cnt >> ACPI_CNT_SLP_TYP_SHIFT) & 7;
        trace(acpi_pm_sleep, slp_typ);
        pm->sleep(pm->dev, slp_typ);
    }
}

static uint64_t tmr_read(void *opaque, hwaddr addr, unsigned size)
{
    return timer_ticks(opaque) & TIMER_MASK;
}

static void tmr_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
}

static uint64_t gpe_read(void *opaque, hwaddr addr, unsigned size)
{
    ACPIPM *pm = opaque;
    return addr < 2 ? pm->gpe_sts[addr] : pm->gpe_en[addr - 2];
}

static void gpe_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    ACPIPM *pm = opaque;
    if (addr < 2) {
        pm->gpe_sts[addr] &= ~val;
    } else {
        pm->gpe_en[addr - 2] = val;
    }
    update_sci(pm);
}

static const MemoryRegionOps evt_ops = { .read = evt_read, .write = evt_write, .impl.max_size = 1 };
static const MemoryRegionOps cnt_ops = { .read = cnt_read, .write = cnt_write, .impl.max_size = 1 };
static const MemoryRegionOps tmr_ops = { .read = tmr_read, .write = tmr_write, .impl.min_size = 4 };
static const MemoryRegionOps gpe_ops = { .read = gpe_read, .write = gpe_write, .impl.max_size = 1 };

/* --- life -------------------------------------------------------------------------- */

void acpi_pm_init(ACPIPM *pm, DeviceState *dev,
                  void (*sleep)(DeviceState *dev, unsigned slp_typ))
{
    pm->dev = dev;
    pm->sleep = sleep;
    timer_init(&pm->overflow, qdev_clock(dev), overflow_expired, pm);
    memory_region_init_io(&pm->evt, dev, &evt_ops, pm, "acpi-evt", 4);
    memory_region_init_io(&pm->cnt, dev, &cnt_ops, pm, "acpi-cnt", 2);
    memory_region_init_io(&pm->tmr, dev, &tmr_ops, pm, "acpi-tmr", 4);
    memory_region_init_io(&pm->gpe, dev, &gpe_ops, pm, "acpi-gpe0", 4);
}

void acpi_pm_deinit(ACPIPM *pm)
{
    timer_deinit(&pm->overflow);
    memory_region_destroy(&pm->evt);
    memory_region_destroy(&pm->cnt);
    memory_region_destroy(&pm->tmr);
    memory_region_destroy(&pm->gpe);
}

void acpi_pm_reset(ACPIPM *pm)
{
    pm->pm1_sts = pm->pm1_en = pm->pm1_cnt = 0;
    memset(pm->gpe_sts, 0, sizeof(pm->gpe_sts));
    memset(pm->gpe_en, 0, sizeof(pm->gpe_en));
    pm->timer_halves = timer_ticks(pm) >> TIMER_HALF_SHIFT;
    update_sci(pm);
}

static const VMStateField acpi_pm_fields[] = {
    VMSTATE_UINT16(pm1_sts, ACPIPM),
    VMSTATE_UINT16(pm1_en, ACPIPM),
    VMSTATE_UINT16(pm1_cnt, ACPIPM),
    VMSTATE_UINT8_ARRAY(gpe_sts, ACPIPM, 2),
    VMSTATE_UINT8_ARRAY(gpe_en, ACPIPM, 2),
    VMSTATE_UINT64(timer_halves, ACPIPM),
    VMSTATE_TIMER(overflow, ACPIPM),
    VMSTATE_END
};

static bool acpi_pm_post_load(void *opaque, Error **errp)
{
    ACPIPM *pm = opaque;
    pm->timer_halves &= UINT64_MAX >> (TIMER_HALF_SHIFT + 1);
    return true;
}

const VMStateDescription vmstate_acpi_pm = {
    .name = "ACPIPM",
    .version = 1,
    .fields = acpi_pm_fields,
    .post_load = acpi_pm_post_load,
};
