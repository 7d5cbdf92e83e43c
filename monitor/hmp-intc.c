/*
 * Human monitor: interrupt controllers.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/intc/apic.h"
#include "hw/intc/intc.h"
#include "monitor/hmp-int.h"
#include "target/i386/cpu.h"

/* --- info pic, info irq --------------------------------------------------------- */

typedef void ControllerFn(Hmp *hmp, Object *obj, InterruptStatsProviderClass *ic);

typedef struct Visit {
    Hmp *hmp;
    ControllerFn *fn;
} Visit;

static int visit_object(Object *obj, void *opaque)
{
    Visit *visit = opaque;
    ObjectClass *ic = object_class_dynamic_cast(object_get_class(obj),
                                                TYPE_INTERRUPT_STATS_PROVIDER);
    if (ic) {
        visit->fn(visit->hmp, obj, (InterruptStatsProviderClass *)ic);
    }
    return 0;
}

static void foreach_controller(Hmp *hmp, ControllerFn *fn)
{
    Visit visit = { hmp, fn };
    object_child_foreach_recursive(hmp->machine, visit_object, &visit);
}

static void print_controller(Hmp *hmp, Object *obj, InterruptStatsProviderClass *ic)
{
    ic->print_info(obj, hmp->out);
}

static void run_pic(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    foreach_controller(hmp, print_controller);
}

static void print_counts(Hmp *hmp, Object *obj, InterruptStatsProviderClass *ic)
{
    unsigned first, n;
    const uint64_t *counts = ic->irq_counts(obj, &first, &n);

    hmp_printf(hmp, "IRQ statistics for %s:\n", object_get_typename(obj));
    for (unsigned i = 0; i < n; i++) {
        if (counts[i]) {
            hmp_printf(hmp, "%2u: %" G_GUINT64_FORMAT "\n", first + i, counts[i]);
        }
    }
}

static void run_irq(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    foreach_controller(hmp, print_counts);
}

/* --- info lapic --------------------------------------------------------------------- */

enum {
    REG_PPR = 0xa0, REG_CURRENT_COUNT = 0x390,
    LVT_PENDING = 1 << 12, LVT_ACTIVE_LOW = 1 << 13, LVT_LEVEL = 1 << 15, LVT_MASKED = 1 << 16,
    SVR_ENABLED = 1 << 8, SVR_FOCUS = 1 << 9,
    ICR_LOGICAL = 1 << 11, ICR_ASSERT = 1 << 14, ICR_LEVEL = 1 << 15,
};

static void print_lvt(Hmp *hmp, const char *name, uint32_t lvt, bool timer)
{
    static const char *const timer_modes[] = { "one-shot", "periodic", "tsc-deadline", "..." };
    static const char *const modes[] = { "Fixed", "...", "SMI", "...",
                                         "NMI", "INIT", "...", "ExtINT" };
    unsigned mode = lvt >> 8 & 7;

    hmp_printf(hmp, "%s\t 0x%08x %s %-5s %-6s %-7s %-12s %-6s", name, lvt,
               lvt & LVT_ACTIVE_LOW ? "active-lo" : "active-hi",
               lvt & LVT_LEVEL ? "level" : "edge", lvt & LVT_MASKED ? "masked" : "",
               lvt & LVT_PENDING ? "pending" : "", timer ? timer_modes[lvt >> 17 & 3] : "",
               modes[mode]);
    if (mode == APIC_DM_FIXED) {
        hmp_printf(hmp, " (vec %u)", lvt & 0xff);
    }
    hmp_printf(hmp, "\n");
}

/* SDM vol. 3, 10.5.4: bits 3, 1 and 0 select 2, 4 ... 128 and 1. */
static unsigned timer_divisor(uint32_t divide_config)
{
    unsigned code = (divide_config & 3) | (divide_config >> 1 & 4);
    return code == 7 ? 1 : 2u << code;
}

static void print_destination(Hmp *hmp, const APICState *s)
{
    bool x2apic = apic_in_x2apic_mode(s);
    uint32_t dest = x2apic ? s->icr_high : s->icr_high >> 24;
    const char *kind = x2apic ? "X2APIC ID" : "APIC ID";

    if (s->icr_low >> 18 & 3) {
        return; /* a shorthand */
    }
    if (s->icr_low & ICR_LOGICAL) {
        hmp_printf(hmp, " mask %x (%s)", dest, kind);
    } else {
        hmp_printf(hmp, " cpu %u (%s)", dest, kind);
    }
}

static void print_icr(Hmp *hmp, const APICState *s)
{
    static const char *const shorthands[] = { "no-shorthand", "self", "all-self", "all" };

    hmp_printf(hmp, "ICR\t 0x%08x %s %s %s %s\n", s->icr_low,
               s->icr_low & ICR_LOGICAL ? "logical" : "physical",
               s->icr_low & ICR_LEVEL ? "level" : "edge",
               s->icr_low & ICR_ASSERT ? "assert" : "de-assert", shorthands[s->icr_low >> 18 & 3]);
    hmp_printf(hmp, "ICR2\t 0x%08x", s->icr_high);
    print_destination(hmp, s);
    hmp_printf(hmp, "\nESR\t 0x%08x\n", s->esr);
}

static void print_vectors(Hmp *hmp, const char *name, const uint32_t *set, const uint32_t *level)
{
    bool any = false;

    hmp_printf(hmp, "%s\t ", name);
    for (unsigned vector = 0; vector < 256; vector++) {
        if (set[vector / 32] >> vector % 32 & 1) {
            bool is_level = level[vector / 32] >> vector % 32 & 1;
            hmp_printf(hmp, "%u%s ", vector, is_level ? "(level)" : "");
            any = true;
        }
    }
    hmp_printf(hmp, "%s\n", any ? "" : "(none)");
}

static void print_apic(Hmp *hmp, APICState *s)
{
    static const struct { const char *name; unsigned lvt; } lvts[] = {
        { "LVT0", APIC_LVT_LINT0 }, { "LVT1", APIC_LVT_LINT1 }, { "LVTPC", APIC_LVT_PERF },
        { "LVTERR", APIC_LVT_ERROR }, { "LVTTHMR", APIC_LVT_THERMAL },
        { "LVTT", APIC_LVT_TIMER },
    };

    hmp_printf(hmp, "dumping local APIC state for CPU %-2d\n\n", s->cpu->cpu_index);
    for (size_t i = 0; i < G_N_ELEMENTS(lvts); i++) {
        print_lvt(hmp, lvts[i].name, s->lvt[lvts[i].lvt], lvts[i].lvt == APIC_LVT_TIMER);
    }
    hmp_printf(hmp, "Timer\t DCR=0x%x (divide by %u) initial_count = %u current_count = %u\n",
               s->divide_config, timer_divisor(s->divide_config), s->initial_count,
               apic_mmio_read(s, REG_CURRENT_COUNT));
    hmp_printf(hmp, "SPIV\t 0x%08x APIC %s, focus=%s, spurious vec %u\n", s->svr,
               s->svr & SVR_ENABLED ? "enabled" : "disabled", s->svr & SVR_FOCUS ? "on" : "off",
               s->svr & 0xff);
    print_icr(hmp, s);
    print_vectors(hmp, "ISR", s->isr, s->tmr);
    print_vectors(hmp, "IRR", s->irr, s->tmr);
    hmp_printf(hmp, "\nAPR 0x00 TPR 0x%02x DFR 0x%02x LDR 0x%02x PPR 0x%02x\n", s->tpr,
               s->dfr, s->ldr, apic_mmio_read(s, REG_PPR));
}

/* On the CPU's thread: its state is all here then. */
static void print_on_cpu(CPUState *cpu, void *opaque)
{
    print_apic(opaque, X86_CPU(cpu)->apic);
}

static APICState *apic_by_id(Hmp *hmp, int64_t id)
{
    for (guint i = 0; i < hmp->machine->cpus->len; i++) {
        APICState *s = X86_CPU(g_ptr_array_index(hmp->machine->cpus, i))->apic;
        if (s && s->initial_id == id) {
            return s;
        }
    }
    return NULL;
}

static void run_lapic(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    CPUState *cpu = hmp_need_cpu(hmp, errp);

    if (!cpu) {
        return;
    }
    APICState *s = hmp_arg_given(args, "apic-id")
                 ? apic_by_id(hmp, hmp_arg_int(args, "apic-id", 0)) : X86_CPU(cpu)->apic;
    if (s) {
        cpu_run_on(s->cpu, print_on_cpu, hmp);
    } else {
        error_setg(errp, "No local APIC of this id");
    }
}

const HmpCommand hmp_commands_intc[] = {
    { "info pic", NULL, NULL, "show the interrupt controllers", run_pic },
    { "info irq", NULL, NULL, "show how often each interrupt line was raised", run_irq },
    { "info lapic", "apic-id:i?", "[apic-id]", "show a local APIC (the chosen CPU's unless "
      "apic-id is given)", run_lapic },
    { NULL },
};
