/*
 * CPU state as a whole: the mode bits that follow from the registers, reset
 * and INIT (SDM vol. 3, table 10-1).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/cpuid.h"
#include "target/i386/crdr.h"
#include "target/i386/msr.h"
#include "target/i386/seg.h"

bool x86_is_flat(const X86Segment *seg)
{
    const uint32_t care = X86_DESC_UNUSABLE | X86_DESC_CODE | X86_DESC_E | X86_DESC_W;

    return seg->base == 0 && seg->limit == UINT32_MAX && (seg->attr & care) == X86_DESC_W;
}

static uint32_t mode_hflags(const X86State *s)
{
    bool lma = s->efer & X86_EFER_LMA;
    bool pe = s->cr0 & X86_CR0_PE;
    bool vm86 = pe && s->eflags & X86_EFLAGS_VM;
    const X86Segment *cs = &s->segs[X86_CS], *ss = &s->segs[X86_SS];
    bool cs64 = lma && cs->attr & X86_DESC_L;
    bool flat = !cs64 && x86_is_flat(ss) && x86_is_flat(&s->segs[X86_DS]) &&
                x86_is_flat(&s->segs[X86_ES]);

    return (cs64 ? X86_HF_CS64 : cs->attr & X86_DESC_DB ? X86_HF_CS32 : 0) |
           (cs64 || ss->attr & X86_DESC_DB ? X86_HF_SS32 : 0) |
           (pe ? X86_HF_PE : 0) | (vm86 ? X86_HF_VM86 : 0) | (lma ? X86_HF_LMA : 0) |
           (s->cr0 & X86_CR0_PG ? X86_HF_PG : 0) | (s->in_smm ? X86_HF_SMM : 0) |
           (flat ? X86_HF_FLAT : 0);
}

/* Which floating-point and vector instructions run without #NM and #UD. */
static uint32_t fpu_hflags(const X86State *s, uint32_t mode)
{
    bool em = s->cr0 & X86_CR0_EM, ts = s->cr0 & X86_CR0_TS;
    bool protected = (mode & (X86_HF_PE | X86_HF_VM86)) == X86_HF_PE;
    bool avx = s->cr4 & X86_CR4_OSXSAVE && (s->xcr0 & 6) == 6 && protected;

    return (!em && !ts ? X86_HF_FPU_OK : 0) |
           (!em && !ts && s->cr4 & X86_CR4_OSFXSR ? X86_HF_SSE_OK : 0) |
           (avx && !ts ? X86_HF_AVX_OK : 0);
}

/* The enabled breakpoints by kind. */
static uint32_t breakpoint_hflags(const X86State *s)
{
    uint32_t flags = 0;

    for (unsigned n = 0; n < 4 && s->dr[7] & 0xff; n++) {
        if (s->dr[7] >> (n * 2) & 3) {
            unsigned kind = s->dr[7] >> (16 + n * 4) & 3;
            flags |= kind == X86_BREAK_EXEC ? X86_HF_BP_CODE
                   : kind != X86_BREAK_IO ? X86_HF_BP_DATA
                   : s->cr4 & X86_CR4_DE ? X86_HF_BP_IO : 0;
        }
    }
    return flags;
}

void x86_update_hflags(X86State *s)
{
    uint32_t mode = mode_hflags(s);
    unsigned dpl = (s->segs[X86_SS].attr & X86_DESC_DPL) >> X86_DESC_DPL_SHIFT;
    unsigned cpl = mode & X86_HF_VM86 ? 3 : mode & X86_HF_PE ? dpl : 0;
    unsigned iopl = (s->eflags & X86_EFLAGS_IOPL) >> X86_EFLAGS_IOPL_SHIFT;
    bool ac = s->eflags & X86_EFLAGS_AC;

    s->hflags = mode | cpl | fpu_hflags(s, mode) | breakpoint_hflags(s) |
                (s->eflags & X86_EFLAGS_TF ? X86_HF_TF : 0) |
                (ac && cpl == 3 && s->cr0 & X86_CR0_AM ? X86_HF_AC : 0) |
                (!ac && cpl < 3 && s->cr4 & X86_CR4_SMAP ? X86_HF_SMAP : 0) |
                (cpl <= iopl ? X86_HF_IOPL_OK : 0);
}

void x86_set_eflags(X86State *s, uint32_t eflags)
{
    s->eflags = (eflags & X86_EFLAGS_DEFINED) | X86_EFLAGS_FIXED;
    s->cc_lazy = 0;
    x86_update_hflags(s);
}

static void reset_segs(X86State *s)
{
    const uint32_t data = X86_DESC_P | X86_DESC_S | X86_DESC_W | X86_DESC_A;

    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        s->segs[i] = (X86Segment) { .limit = 0xffff, .attr = data };
    }
    s->segs[X86_CS].selector = 0xf000;
    s->segs[X86_CS].base = 0xffff0000;
    s->segs[X86_CS].attr |= X86_DESC_CODE;
    s->ldt = (X86Segment) { .limit = 0xffff, .attr = X86_DESC_P | X86_SYS_LDT };
    s->tr = (X86Segment) { .limit = 0xffff, .attr = X86_DESC_P | X86_SYS_TSS_BUSY };
    s->gdt = (X86TableReg) { .limit = 0xffff };
    s->idt = (X86TableReg) { .limit = 0xffff };
}

/* What RESET sets and INIT leaves alone. */
static void power_on_reset(X86CPU *cpu)
{
    X86State *s = &cpu->state;

    memset(&s->fpu, 0, sizeof(s->fpu));
    s->ferr = 0;
    memset(s->xmm, 0, sizeof(s->xmm));
    s->fpu.fcw = 0x40;
    s->fpu.ftw = 0xff; /* all registers hold +0.0 */
    s->mxcsr = 0x1f80;
    s->xcr0 = 1;
    s->smbase = 0x30000;
    s->in_smm = 0;
    memset(s->host_msrs, 0, sizeof(s->host_msrs));
    x86_msr_reset(cpu);
}

/* INIT keeps CD and NW; RESET sets them. */
static uint64_t reset_cr0(const X86State *s, bool init_only)
{
    const uint64_t cache = X86_CR0_CD | X86_CR0_NW;

    return X86_CR0_ET | (init_only ? s->cr0 & cache : cache);
}

static void reset_events(X86CPU *cpu)
{
    X86State *s = &cpu->state;
    const uint64_t bsp = 1u << 8;
    bool is_ap = cpu->hooks && cpu->hooks->apic_base && !(cpu->hooks->apic_base(cpu) & bsp);

    s->nmi_blocked = 0;
    s->int_shadow = 0;
    s->triple_fault = 0;
    s->pending_db = 0;
    s->pending_dr6 = 0;
    memset(s->host_events, 0, sizeof(s->host_events));
    s->wait_for_sipi = is_ap;
    cpu->parent.halted = is_ap;
}

void x86_cpu_state_reset(X86CPU *cpu, bool init_only)
{
    X86State *s = &cpu->state;

    s->cr0 = reset_cr0(s, init_only);
    s->cr2 = s->cr3 = s->cr4 = s->cr8 = 0;
    s->efer = 0;
    memset(s->regs, 0, sizeof(s->regs));
    memset(s->dr, 0, sizeof(s->dr));
    s->regs[X86_RDX] = x86_cpuid_signature(cpu);
    s->rip = 0xfff0;
    s->dr[6] = X86_DR6_FIXED;
    s->dr[7] = X86_DR7_FIXED;
    reset_segs(s);
    if (!init_only) {
        power_on_reset(cpu);
    }
    reset_events(cpu);
    x86_set_eflags(s, X86_EFLAGS_FIXED);
    if (cpu->tlb) {
        x86_tlb_flush(cpu);
    }
}

void x86_cpu_start(X86CPU *cpu, uint8_t vector)
{
    X86State *s = &cpu->state;

    if (!s->wait_for_sipi) {
        return;
    }
    s->wait_for_sipi = 0;
    cpu->parent.halted = false;
    s->segs[X86_CS].selector = vector << 8;
    s->segs[X86_CS].base = (uint32_t)vector << 12;
    s->rip = 0;
    x86_update_hflags(s);
}
