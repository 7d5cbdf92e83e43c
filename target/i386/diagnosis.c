/*
 * What a report tells about a CPU beside its registers: see diagnosis.h. Reads
 * memory without side effects; the CPU may be in any state.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/diagnosis.h"
#include <inttypes.h>
#include "hw/intc/apic.h"
#include "target/i386/disas.h"
#include "target/i386/phys.h"

enum { CODE_BYTES = 16 };

/* --- where it is -------------------------------------------------------------------- */

/* The bytes at lin that are in RAM or ROM, at most to the end of the page. */
static unsigned read_code(X86CPU *cpu, uint64_t lin, uint8_t *code, unsigned len)
{
    MemorySection sec;
    uint64_t phys;

    len = MIN(len, 4096 - (lin & 4095));
    if (!x86_translate_debug(cpu, lin, &phys)) {
        return 0;
    }
    x86_phys_section(cpu, phys, &sec);
    if (!sec.host) {
        return 0;
    }
    len = (unsigned)MIN(len, sec.length);
    memcpy(code, sec.host, len);
    return len;
}

static void print_place(X86CPU *cpu, GString *out)
{
    const X86State *s = &cpu->state;
    uint64_t pc = CPU_GET_CLASS(cpu)->get_pc(&cpu->parent);
    uint8_t code[CODE_BYTES];
    unsigned len = read_code(cpu, pc, code, sizeof(code));

    g_string_append_printf(out, "%s at %04x:%0*" PRIx64 ", linear %016" PRIx64 "\nCode:",
                           s->wait_for_sipi ? "waiting for a start-up IPI"
                           : cpu->parent.halted ? "halted" : "running",
                           s->segs[X86_CS].selector, s->hflags & X86_HF_CS64 ? 16 : 8, s->rip, pc);
    for (unsigned i = 0; i < len; i++) {
        g_string_append_printf(out, " %02x", code[i]);
    }
    if (len) {
        g_string_append(out, "  ");
        x86_disas_att(out, code, len, x86_mode(s), pc);
    }
    g_string_append(out, len ? "\n" : " not readable\n");
}

/* --- what waits ----------------------------------------------------------------------- */

static const struct { uint32_t bit; const char *name; } requests[] = {
    { CPU_INTERRUPT_HARD, "INTR" }, { CPU_INTERRUPT_NMI, "NMI" }, { CPU_INTERRUPT_SMI, "SMI" },
    { CPU_INTERRUPT_INIT, "INIT" }, { CPU_INTERRUPT_SIPI, "SIPI" }, { CPU_INTERRUPT_MCE, "MCE" },
};

static void print_vectors(GString *out, const char *name, const uint32_t *set)
{
    bool any = false;

    for (unsigned vector = 0; vector < 256; vector++) {
        if (set[vector / 32] >> vector % 32 & 1) {
            if (!any) {
                g_string_append_printf(out, "; APIC %s", name);
                any = true;
            }
            g_string_append_printf(out, " %02x", vector);
        }
    }
}

static void print_pending(const X86CPU *cpu, GString *out)
{
    uint32_t pending = cpu_interrupts(&cpu->parent);
    const X86State *s = &cpu->state;

    bool any = false;

    g_string_append(out, "Pending:");
    for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
        if (pending & requests[i].bit) {
            g_string_append_printf(out, " %s", requests[i].name);
            any = true;
        }
    }
    g_string_append(out, any ? "" : " nothing");
    g_string_append_printf(out, "; IF=%d%s%s", (s->eflags & X86_EFLAGS_IF) != 0,
                           s->int_shadow ? ", in an interrupt shadow" : "",
                           s->nmi_blocked ? ", NMIs blocked" : "");
    if (cpu->apic) {
        print_vectors(out, "IRR", cpu->apic->irr);
        print_vectors(out, "ISR", cpu->apic->isr);
    }
    g_string_append_c(out, '\n');
}

/* --- what it did last ------------------------------------------------------------------- */

static void print_access(GString *out, const char *what, const X86TrailAccess *access)
{
    if (access->size) {
        g_string_append_printf(out, "Last %s: %s of %u bytes at 0x%" PRIx64 ", value 0x%" PRIx64
                               "\n", what, access->write ? "write" : "read", access->size,
                               access->addr, access->val);
    }
}

static void print_name(GString *out, unsigned vector)
{
    static const char *const names[] = {
        "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9", "#TS", "#NP", "#SS",
        "#GP", "#PF", "15", "#MF", "#AC", "#MC", "#XM",
    };

    if (vector < G_N_ELEMENTS(names)) {
        g_string_append(out, names[vector]);
    } else {
        g_string_append_printf(out, "vector 0x%02x", vector);
    }
}

static void print_ring(GString *out, const char *what, const X86TrailRing *ring, unsigned max)
{
    uint64_t first = ring->count > max ? ring->count - max : 0;

    g_string_append_printf(out, "Last %s (of %" PRIu64 "), latest first:%s\n", what, ring->count,
                           ring->count ? "" : " none");
    for (uint64_t n = ring->count; n > first; n--) {
        const X86TrailEvent *ev = &ring->event[(n - 1) % X86_TRAIL_EVENTS];
        g_string_append(out, "  ");
        print_name(out, ev->vector);
        if (ev->has_error) {
            g_string_append_printf(out, "(%04x)", ev->error);
        }
        g_string_append_printf(out, " at %04x:%016" PRIx64 " cpl %u sp %04x:%016" PRIx64, ev->cs,
                               ev->rip, ev->cpl, ev->ss, ev->rsp);
        if (ev->vector == X86_EXCP_PF) {
            g_string_append_printf(out, " cr2 %016" PRIx64, ev->cr2);
        }
        g_string_append_c(out, '\n');
    }
}

void x86_cpu_dump_diagnosis(CPUState *cs, GString *out)
{
    enum { INTERRUPTS_SHOWN = 4 };
    X86CPU *cpu = (X86CPU *)cs;
    const X86Trail *trail = &cpu->trail;

    print_place(cpu, out);
    print_pending(cpu, out);
    print_access(out, "port access", &trail->port);
    print_access(out, "memory-mapped access", &trail->mmio);
    print_ring(out, "exceptions", &trail->exceptions, X86_TRAIL_EVENTS);
    print_ring(out, "interrupts", &trail->interrupts, INTERRUPTS_SHOWN);
}
