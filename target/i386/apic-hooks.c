/*
 * Connects an X86CPU with its local APIC: see apic-hooks.h.
 *
 * Instructions call these hooks with or without the big lock, which guards the
 * APIC's state.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/apic-hooks.h"
#include "hw/intc/apic.h"
#include "target/i386/cpuid.h"
#include "target/i386/msr.h"
#include "util/main-loop.h"

/* Takes the lock unless this thread has it; true if it must be given back. */
static bool enter(void)
{
    bool locked = bql_locked();
    if (!locked) {
        bql_lock();
    }
    return !locked;
}

static void leave(bool entered)
{
    if (entered) {
        bql_unlock();
    }
}

static uint64_t hook_tsc(X86CPU *cpu)
{
    return clock_get_ns(qdev_clock(&cpu->parent.parent));
}

static uint64_t hook_apic_base(X86CPU *cpu)
{
    return apic_get_base(cpu->apic);
}

static bool hook_set_apic_base(X86CPU *cpu, uint64_t val)
{
    bool entered = enter();
    bool ok = apic_set_base(cpu->apic, val, x86_phys_bits(cpu));
    leave(entered);
    return ok;
}

static uint8_t hook_tpr(X86CPU *cpu)
{
    return apic_get_cr8(cpu->apic);
}

static void hook_set_tpr(X86CPU *cpu, uint8_t cr8)
{
    bool entered = enter();
    apic_set_cr8(cpu->apic, cr8);
    leave(entered);
}

static bool hook_x2apic_read(X86CPU *cpu, uint32_t msr, uint64_t *val)
{
    bool entered = enter();
    bool ok = apic_msr_read(cpu->apic, msr, val);
    leave(entered);
    return ok;
}

static bool hook_x2apic_write(X86CPU *cpu, uint32_t msr, uint64_t val)
{
    bool entered = enter();
    bool ok = apic_msr_write(cpu->apic, msr, val);
    leave(entered);
    return ok;
}

static void hook_tsc_deadline(X86CPU *cpu, uint64_t tsc)
{
    bool entered = enter();
    apic_set_tsc_deadline(cpu->apic, tsc, x86_read_tsc(cpu), X86_TSC_HZ);
    leave(entered);
}

static int hook_interrupt(X86CPU *cpu)
{
    return apic_get_interrupt(cpu->apic);
}

static const X86CpuHooks apic_hooks = {
    .tsc = hook_tsc,
    .apic_base = hook_apic_base,
    .set_apic_base = hook_set_apic_base,
    .tpr = hook_tpr,
    .set_tpr = hook_set_tpr,
    .x2apic_read = hook_x2apic_read,
    .x2apic_write = hook_x2apic_write,
    .tsc_deadline = hook_tsc_deadline,
    .interrupt = hook_interrupt,
};

bool x86_apic_attach(X86CPU *cpu, uint32_t apic_id, bool x2apic, Error **errp)
{
    cpu->apic = apic_create(CPU(cpu), apic_id, x2apic, errp);
    cpu->hooks = cpu->apic ? &apic_hooks : NULL;
    return cpu->apic;
}

void x86_apic_init(X86CPU *cpu)
{
    apic_init_reset(cpu->apic);
    x86_cpu_state_reset(cpu, true);
}

void x86_apic_sipi(X86CPU *cpu)
{
    x86_cpu_start(cpu, apic_sipi_vector(cpu->apic));
}
