/*
 * The kernel's local APIC: its registers to and from our model's state.
 *
 * The layout of kvm_lapic_state is that of the register page (SDM vol. 3, table 10-1).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <sys/ioctl.h>
#include "hw/intc/apic.h"
#include "target/i386/kvm/kvm-cpu.h"

enum {
    REG_ID = 0x02, REG_VERSION = 0x03, REG_TPR = 0x08, REG_LDR = 0x0d, REG_DFR = 0x0e, REG_SVR = 0x0f,
    REG_ISR = 0x10, REG_TMR = 0x18, REG_IRR = 0x20, REG_ESR = 0x28, REG_ICR_LOW = 0x30,
    REG_ICR_HIGH = 0x31, REG_LVT = 0x32, REG_INITIAL_COUNT = 0x38, REG_CURRENT_COUNT = 0x39,
    REG_DIVIDE_CONFIG = 0x3e,
    VERSION = 0x14 | (APIC_LVT_COUNT - 1) << 16,
};

static uint32_t *reg(struct kvm_lapic_state *k, unsigned n)
{
    return (uint32_t *)(k->regs + n * 16);
}

static void get_vectors(struct kvm_lapic_state *k, unsigned first, uint32_t to[8])
{
    for (unsigned i = 0; i < 8; i++) {
        to[i] = *reg(k, first + i);
    }
}

static void put_vectors(struct kvm_lapic_state *k, unsigned first, const uint32_t from[8])
{
    for (unsigned i = 0; i < 8; i++) {
        *reg(k, first + i) = from[i];
    }
}

/* log2 of the divisor: bits 3, 1 and 0 of the register count from 2 to 128, then 1. */
static unsigned divide_shift(uint32_t divide_config)
{
    return ((divide_config >> 1 & 4) + (divide_config & 3) + 1) & 7;
}

bool kvm_lapic_get(int fd, X86CPU *cpu, Error **errp)
{
    struct kvm_lapic_state k;
    APICState *s = cpu->apic;

    if (ioctl(fd, KVM_GET_LAPIC, &k) < 0) {
        error_setg_errno(errp, errno, "KVM_GET_LAPIC");
        return false;
    }
    if (!apic_in_x2apic_mode(s)) {
        s->id = *reg(&k, REG_ID) >> 24;
        s->ldr = *reg(&k, REG_LDR) >> 24;
        s->dfr = *reg(&k, REG_DFR) >> 28;
    }
    s->tpr = *reg(&k, REG_TPR);
    s->svr = *reg(&k, REG_SVR);
    get_vectors(&k, REG_ISR, s->isr);
    get_vectors(&k, REG_TMR, s->tmr);
    get_vectors(&k, REG_IRR, s->irr);
    s->esr = *reg(&k, REG_ESR);
    s->icr_low = *reg(&k, REG_ICR_LOW);
    s->icr_high = *reg(&k, REG_ICR_HIGH);
    for (unsigned n = 0; n < APIC_LVT_COUNT; n++) {
        s->lvt[n] = *reg(&k, REG_LVT + n);
    }
    s->initial_count = *reg(&k, REG_INITIAL_COUNT);
    s->divide_config = *reg(&k, REG_DIVIDE_CONFIG) & 11;
    s->tsc_deadline = cpu->state.tsc_deadline;
    uint32_t done = s->initial_count - *reg(&k, REG_CURRENT_COUNT);
    s->count_start = clock_get_ns(s->timer.clock) -
                     ((int64_t)done << divide_shift(s->divide_config));
    return true;
}

bool kvm_lapic_put(int fd, X86CPU *cpu, bool wide_ids, Error **errp)
{
    struct kvm_lapic_state k = { 0 };
    APICState *s = cpu->apic;
    bool x2 = apic_in_x2apic_mode(s);

    *reg(&k, REG_ID) = !x2 ? (uint32_t)s->id << 24 : wide_ids ? s->initial_id : s->initial_id << 24;
    *reg(&k, REG_VERSION) = VERSION;
    *reg(&k, REG_TPR) = s->tpr;
    *reg(&k, REG_LDR) = x2 ? (s->initial_id & ~15u) << 12 | 1u << (s->initial_id & 15)
                           : (uint32_t)s->ldr << 24;
    *reg(&k, REG_DFR) = (uint32_t)s->dfr << 28 | 0x0fffffff;
    *reg(&k, REG_SVR) = s->svr;
    put_vectors(&k, REG_ISR, s->isr);
    put_vectors(&k, REG_TMR, s->tmr);
    put_vectors(&k, REG_IRR, s->irr);
    *reg(&k, REG_ESR) = s->esr;
    *reg(&k, REG_ICR_LOW) = s->icr_low;
    *reg(&k, REG_ICR_HIGH) = s->icr_high;
    for (unsigned n = 0; n < APIC_LVT_COUNT; n++) {
        *reg(&k, REG_LVT + n) = s->lvt[n];
    }
    *reg(&k, REG_INITIAL_COUNT) = s->initial_count;
    *reg(&k, REG_CURRENT_COUNT) = apic_mmio_read(s, REG_CURRENT_COUNT * 16);
    *reg(&k, REG_DIVIDE_CONFIG) = s->divide_config;
    if (ioctl(fd, KVM_SET_LAPIC, &k) < 0) {
        error_setg_errno(errp, errno, "KVM_SET_LAPIC");
        return false;
    }
    return true;
}
