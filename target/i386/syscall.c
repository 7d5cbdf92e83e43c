/*
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT (SDM vol. 2; APM vol. 3).
 *
 * Intel and AMD differ: SYSCALL and SYSRET outside 64-bit mode exist on AMD
 * only, SYSENTER and SYSEXIT in long mode on Intel only, and Intel checks
 * SYSRET's RCX itself where AMD lets the next fetch fault.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/cpuid.h"
#include "target/i386/seg.h"
#include "target/i386/syscall.h"

/* EFER.SCE, and on Intel CPUs 64-bit mode. */
static void check_available(X86CPU *cpu)
{
    X86State *s = &cpu->state;

    if (!(s->efer & X86_EFER_SCE) || (!x86_is_amd(cpu) && !(s->hflags & X86_HF_CS64))) {
        x86_raise(cpu, X86_EXCP_UD, 0);
    }
}

void x86_syscall(X86CPU *cpu)
{
    X86State *s = &cpu->state;
    uint16_t sel = s->star >> 32 & 0xfffc;
    uint32_t eflags = x86_get_eflags(s) & ~X86_EFLAGS_RF;
    bool lma = s->hflags & X86_HF_LMA;

    check_available(cpu);
    s->regs[X86_RCX] = s->rip;
    if (lma) {
        s->regs[X86_R11] = eflags;
        s->rip = s->hflags & X86_HF_CS64 ? s->lstar : s->cstar;
        eflags &= ~(uint32_t)s->fmask;
    } else {
        s->rip = (uint32_t)s->star;
        eflags &= ~(X86_EFLAGS_IF | X86_EFLAGS_VM);
    }
    s->segs[X86_CS] = x86_flat_code(sel, 0, lma);
    s->segs[X86_SS] = x86_flat_stack(sel + 8, 0);
    x86_set_eflags(s, eflags);
}

void x86_sysret(X86CPU *cpu, unsigned op_size)
{
    X86State *s = &cpu->state;
    uint16_t sel = s->star >> 48;
    bool wide = op_size == 8 && s->hflags & X86_HF_CS64;
    uint32_t eflags = x86_get_eflags(s) | X86_EFLAGS_IF;

    check_available(cpu);
    if (wide && !x86_is_amd(cpu) && !x86_canonical(s, s->regs[X86_RCX])) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    if (s->hflags & X86_HF_LMA) {
        eflags = s->regs[X86_R11] & X86_SYSRET_FLAGS;
    }
    s->rip = wide ? s->regs[X86_RCX] : (uint32_t)s->regs[X86_RCX];
    s->segs[X86_CS] = x86_flat_code((sel + (wide ? 16 : 0)) | 3, 3, wide);
    s->segs[X86_SS] = x86_flat_stack((sel + 8) | 3, 3);
    x86_set_eflags(s, eflags);
}

/* The selector in SYSENTER_CS and, on AMD CPUs, no long mode. */
static uint16_t sysenter_base(X86CPU *cpu)
{
    X86State *s = &cpu->state;

    if (x86_is_amd(cpu) && s->hflags & X86_HF_LMA) {
        x86_raise(cpu, X86_EXCP_UD, 0);
    }
    if (!(s->sysenter_cs & 0xfffc)) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    return s->sysenter_cs & 0xfffc;
}

void x86_sysenter(X86CPU *cpu)
{
    X86State *s = &cpu->state;
    uint16_t sel = sysenter_base(cpu);
    bool lma = s->hflags & X86_HF_LMA;

    s->rip = lma ? s->sysenter_eip : (uint32_t)s->sysenter_eip;
    s->regs[X86_RSP] = lma ? s->sysenter_esp : (uint32_t)s->sysenter_esp;
    s->segs[X86_CS] = x86_flat_code(sel, 0, lma);
    s->segs[X86_SS] = x86_flat_stack(sel + 8, 0);
    x86_set_eflags(s, x86_get_eflags(s) & ~(X86_EFLAGS_VM | X86_EFLAGS_IF));
}

void x86_sysexit(X86CPU *cpu, unsigned op_size)
{
    X86State *s = &cpu->state;
    uint16_t sel = sysenter_base(cpu);
    bool wide = op_size == 8;
    uint64_t rip = s->regs[X86_RDX], rsp = s->regs[X86_RCX];

    if (wide && (!x86_canonical(s, rip) || !x86_canonical(s, rsp))) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    s->rip = wide ? rip : (uint32_t)rip;
    s->regs[X86_RSP] = wide ? rsp : (uint32_t)rsp;
    s->segs[X86_CS] = x86_flat_code((sel + (wide ? 32 : 16)) | 3, 3, wide);
    s->segs[X86_SS] = x86_flat_stack((sel + (wide ? 40 : 24)) | 3, 3);
    x86_update_hflags(s);
}
