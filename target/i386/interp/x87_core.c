/*
 * x87: running host functions, exceptions, pointers (SDM vol. 1, 8.1, 8.5 to 8.7).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/x87.h"

/* FERR# follows ES as soon as it is clear. */
static void drop_ferr(X86State *s)
{
    if (G_UNLIKELY(s->ferr)) {
        x86_fpu_error_gone((X86CPU *)((char *)s - offsetof(X86CPU, state)));
    }
}

void x87_update_es(X86State *s)
{
    X86Fpu *fpu = &s->fpu;

    if (fpu->fsw & ~fpu->fcw & X87_EXCEPTIONS) {
        fpu->fsw |= X87_ES | X87_B;
    } else {
        fpu->fsw &= ~(X87_ES | X87_B);
        drop_ferr(s);
    }
}

/*
 * The last opcode: three low bits of the first byte (D8..DF, of which the row's
 * encoding begins with the digits) above the ModRM byte.
 */
static uint16_t last_opcode(const X86Insn *insn)
{
    char digit = x86_insn_row(insn)->encoding[1];
    unsigned first = digit <= '9' ? digit - '0' : digit - 'A' + 10;

    return (first & 7) << 8 | insn->modrm;
}

void x87_save_fip(X86CPU *cpu, const X86Insn *insn, uint64_t rip)
{
    X86State *s = &cpu->state;

    s->fpu.fip = rip;
    s->fpu.fcs = s->segs[X86_CS].selector;
    s->fpu.fop = last_opcode(insn);
}

void x87_save_pointers(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    X86Fpu *fpu = &s->fpu;

    x87_save_fip(cpu, insn, s->rip - insn->len);
    if (insn->modrm < 0xc0) {
        fpu->fdp = x86_insn_ea(cpu, insn);
        fpu->fds = s->segs[insn->seg].selector;
    }
}

void x87_init(X86State *s)
{
    X86Fpu *fpu = &s->fpu;

    fpu->fcw = X87_CW_INIT;
    fpu->fsw = 0;
    fpu->ftw = 0;
    fpu->fop = 0;
    fpu->fip = fpu->fdp = 0;
    fpu->fcs = fpu->fds = 0;
    drop_ferr(s);
}

void x87_work_init(const X86State *s, X87Work *w)
{
    w->cw = s->fpu.fcw;
    w->host_cw = X87_CW_INIT;
    w->empty = 0;
}

void x87_load_a(const X86State *s, X87Work *w, unsigned i)
{
    w->a = s->fpu.st[x87_phys(s, i)];
    w->empty |= x87_is_empty(s, i) ? X87_EMPTY_A : 0;
}

void x87_load_b(const X86State *s, X87Work *w, unsigned i)
{
    w->b = s->fpu.st[x87_phys(s, i)];
    w->empty |= x87_is_empty(s, i) ? X87_EMPTY_B : 0;
}

void x87_run(X87Fn *fn, X87Work *w, unsigned fill)
{
    for (unsigned i = 0; i < fill; i++) {
        asm volatile("fld1");
    }
    fn(w);
    if (fill || w->empty || (w->sw & X87_ES)) {
        asm volatile("fninit");
    }
}

int x87_pushed(const X87Work *w, unsigned fill, unsigned operands)
{
    unsigned top = (w->sw & X87_TOP) >> X87_TOP_SHIFT;
    unsigned before = (0u - fill - operands) & 7;

    /* -2 to 2 as a number modulo 8 */
    return (int)((before - top + 4) & 7) - 4;
}

void x87_commit(X86CPU *cpu, const X86Insn *insn, const X87Work *w, unsigned conditions)
{
    X86Fpu *fpu = &cpu->state.fpu;

    fpu->fsw &= ~conditions;
    fpu->fsw |= w->sw & (X87_EXCEPTIONS | X87_SF | conditions);
    if (w->sw & X87_ES) {
        fpu->fsw |= X87_ES | X87_B;
    }
    x87_save_pointers(cpu, insn);
}
