/*
 * Registers as text, in the layout that tools know from `info registers`.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/cpu-state.h"
#include <inttypes.h>

static const char *const reg_names[] = { "AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI" };
/* The order in which registers are shown. */
static const uint8_t reg_order[] = { X86_RAX, X86_RBX, X86_RCX, X86_RDX,
                                     X86_RSI, X86_RDI, X86_RBP, X86_RSP };

static void dump_regs64(const X86State *s, GString *out)
{
    for (int i = 0; i < 16; i++) {
        unsigned reg = i < 8 ? reg_order[i] : (unsigned)i;

        if (reg < 8) {
            g_string_append_printf(out, "R%s", reg_names[reg]);
        } else {
            g_string_append_printf(out, "R%-2u", reg);
        }
        g_string_append_printf(out, "=%016" PRIx64 "%c", s->regs[reg], i % 4 == 3 ? '\n' : ' ');
    }
}

static void dump_regs32(const X86State *s, GString *out)
{
    for (int i = 0; i < 8; i++) {
        g_string_append_printf(out, "E%s=%08x%c", reg_names[reg_order[i]],
                               (uint32_t)s->regs[reg_order[i]], i % 4 == 3 ? '\n' : ' ');
    }
}

static void dump_rip(const X86CPU *cpu, GString *out)
{
    const X86State *s = &cpu->state;
    uint32_t fl = x86_get_eflags(s);
    bool wide = s->hflags & X86_HF_CS64;

    g_string_append_printf(out, wide ? "RIP=%016" PRIx64 " RFL=%08x " : "EIP=%08" PRIx64
                           " EFL=%08x ", s->rip, fl);
    g_string_append_printf(out, "[%c%c%c%c%c%c%c] CPL=%u II=%d A20=%d SMM=%d HLT=%d\n",
                           fl & X86_EFLAGS_DF ? 'D' : '-', fl & X86_EFLAGS_OF ? 'O' : '-',
                           fl & X86_EFLAGS_SF ? 'S' : '-', fl & X86_EFLAGS_ZF ? 'Z' : '-',
                           fl & X86_EFLAGS_AF ? 'A' : '-', fl & X86_EFLAGS_PF ? 'P' : '-',
                           fl & X86_EFLAGS_CF ? 'C' : '-', x86_cpl(s), s->int_shadow != 0,
                           !s->a20_masked, s->in_smm, cpu->parent.halted);
}

static const char *const system_types[2][16] = {
    { "Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16",
      "TrapGate16", "Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved",
      "IntGate32", "TrapGate32" },
    { "<hiword>", "Reserved", "LDT", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved",
      "Reserved", "TSS64-avl", "Reserved", "TSS64-busy", "CallGate64", "Reserved", "IntGate64",
      "TrapGate64" },
};

static void dump_type(const X86State *s, const X86Segment *sr, GString *out)
{
    uint16_t attr = sr->attr;

    if (!(s->hflags & X86_HF_PE) || !(attr & X86_DESC_P)) {
        return;
    }
    g_string_append_printf(out, " DPL=%d ", (attr & X86_DESC_DPL) >> X86_DESC_DPL_SHIFT);
    if (!(attr & X86_DESC_S)) {
        g_string_append(out, system_types[!!(s->hflags & X86_HF_LMA)][attr & X86_DESC_TYPE]);
        return;
    }
    if (attr & X86_DESC_CODE) {
        g_string_append_printf(out, "%s [%c%c", attr & X86_DESC_L ? "CS64"
                               : attr & X86_DESC_DB ? "CS32" : "CS16",
                               attr & X86_DESC_C ? 'C' : '-', attr & X86_DESC_R ? 'R' : '-');
    } else {
        bool big = attr & X86_DESC_DB || s->hflags & X86_HF_LMA;

        g_string_append_printf(out, "%s [%c%c", big ? "DS  " : "DS16",
                               attr & X86_DESC_E ? 'E' : '-', attr & X86_DESC_W ? 'W' : '-');
    }
    g_string_append_printf(out, "%c]", attr & X86_DESC_A ? 'A' : '-');
}

/* The descriptor's second word without its base: flags as the processor stores them. */
static uint32_t raw_attributes(const X86Segment *sr)
{
    return (sr->attr & 0xff) << 8 | (uint32_t)(sr->attr & 0xf000) << 8 | (sr->limit & 0xf0000);
}

static void dump_segment(const X86State *s, const char *name, const X86Segment *sr, GString *out)
{
    bool wide = s->hflags & X86_HF_CS64;

    g_string_append_printf(out, wide ? "%-3s=%04x %016" PRIx64 " %08x %08x"
                                     : "%-3s=%04x %08" PRIx64 " %08x %08x",
                           name, sr->selector, sr->base, sr->limit, raw_attributes(sr));
    dump_type(s, sr, out);
    g_string_append_c(out, '\n');
}

static void dump_table(const X86State *s, const char *name, const X86TableReg *t, GString *out)
{
    g_string_append_printf(out, s->hflags & X86_HF_CS64 ? "%s=     %016" PRIx64 " %08x\n"
                                                        : "%s=     %08" PRIx64 " %08x\n",
                           name, t->base, t->limit);
}

static void dump_system(const X86State *s, GString *out)
{
    static const char *const names[] = { "ES", "CS", "SS", "DS", "FS", "GS" };
    bool wide = s->hflags & X86_HF_CS64;

    for (int i = 0; i < X86_SEG_COUNT; i++) {
        dump_segment(s, names[i], &s->segs[i], out);
    }
    dump_segment(s, "LDT", &s->ldt, out);
    dump_segment(s, "TR", &s->tr, out);
    dump_table(s, "GDT", &s->gdt, out);
    dump_table(s, "IDT", &s->idt, out);
    g_string_append_printf(out, wide ? "CR0=%08x CR2=%016" PRIx64 " CR3=%016" PRIx64 " CR4=%08x\n"
                                     : "CR0=%08x CR2=%08" PRIx64 " CR3=%08" PRIx64 " CR4=%08x\n",
                           (uint32_t)s->cr0, s->cr2, s->cr3, (uint32_t)s->cr4);
    for (int i = 0; i < 4; i++) {
        g_string_append_printf(out, "DR%d=%016" PRIx64 " ", i, s->dr[i]);
    }
    g_string_append_printf(out, "\nDR6=%016" PRIx64 " DR7=%016" PRIx64 "\n", s->dr[6], s->dr[7]);
    g_string_append_printf(out, "EFER=%016" PRIx64 "\n", s->efer);
}

static void dump_fpu(const X86State *s, GString *out)
{
    g_string_append_printf(out, "FCW=%04x FSW=%04x [ST=%d] FTW=%02x MXCSR=%08x\n", s->fpu.fcw,
                           s->fpu.fsw, s->fpu.fsw >> 11 & 7, s->fpu.ftw, s->mxcsr);
    for (int i = 0; i < 8; i++) {
        g_string_append_printf(out, "FPR%d=%016" PRIx64 " %04x%c", i, s->fpu.st[i].mant,
                               s->fpu.st[i].sign_exp, i % 2 ? '\n' : ' ');
    }
    for (int i = 0; i < (s->hflags & X86_HF_CS64 ? 16 : 8); i++) {
        g_string_append_printf(out, "XMM%02d=%016" PRIx64 " %016" PRIx64 "%c", i,
                               s->xmm[i].u64[1], s->xmm[i].u64[0], i % 2 ? '\n' : ' ');
    }
}

void x86_cpu_dump_state(CPUState *cs, GString *out)
{
    X86CPU *cpu = (X86CPU *)cs;
    const X86State *s = &cpu->state;

    if (s->hflags & X86_HF_CS64) {
        dump_regs64(s, out);
    } else {
        dump_regs32(s, out);
    }
    dump_rip(cpu, out);
    dump_system(s, out);
    dump_fpu(s, out);
}
