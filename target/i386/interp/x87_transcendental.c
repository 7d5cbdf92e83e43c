/*
 * x87 instructions with more than one result or operand in fixed registers:
 * transcendental functions, FPREM, FSCALE, FXTRACT (SDM vol. 1, 8.3.4, 8.3.7).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/x87_asm.h"

/* ST(0) in, ST(0) and perhaps a pushed second result out. C2: out of range. */
#define ONE_OPERAND(X)                                                              \
    X(FSIN, fsin) X(FCOS, fcos) X(FPTAN, fptan) X(FSINCOS, fsincos) X(FXTRACT, fxtract)
/* ST(0) and ST(1) in; FPREM and FSCALE leave ST(1), the others pop. */
#define TWO_OPERANDS(X)                                                             \
    X(FPREM, fprem) X(FPREM1, fprem1) X(FSCALE, fscale)                             \
    X(FPATAN, fpatan) X(FYL2X, fyl2x) X(FYL2XP1, fyl2xp1)

/* Writes what w has left of the operands, and the tags and TOP with it. */
static void commit_results(X86CPU *cpu, const X86Insn *insn, const X87Work *w, int pushed,
                           unsigned conditions)
{
    X86State *s = &cpu->state;

    if (!x87_suppressed(w)) {
        if (pushed < 0) {
            x87_pop(s);
            x87_write_st(s, 0, &w->r0);
        } else if (pushed > 0) {
            x87_write_st(s, 0, &w->r1);
            x87_push(s, &w->r0);
        } else {
            x87_write_st(s, 0, &w->r0);
        }
    }
    x87_commit(cpu, insn, w, conditions);
}

static void one_operand(X86CPU *cpu, const X86Insn *insn, X87Fn *fn, bool pushes,
                        unsigned conditions)
{
    unsigned fill = pushes && !x87_is_empty(&cpu->state, 7) ? 7 : 0;
    X87Work w;

    x87_work_init(&cpu->state, &w);
    x87_load_a(&cpu->state, &w, 0);
    x87_run(fn, &w, fill);
    commit_results(cpu, insn, &w, x87_pushed(&w, fill, 1), conditions);
}

static void two_operands(X86CPU *cpu, const X86Insn *insn, X87Fn *fn, unsigned conditions)
{
    X87Work w;

    x87_work_init(&cpu->state, &w);
    x87_load_a(&cpu->state, &w, 0);
    x87_load_b(&cpu->state, &w, 1);
    x87_run(fn, &w, 0);
    if (x87_suppressed(&w) || (w.r0.sign_exp & 0x7fff) == 0x7fff) {
        conditions &= ~(X87_C0 | X87_C3); /* no result or a NaN: there is no quotient */
    }
    commit_results(cpu, insn, &w, x87_pushed(&w, 0, 2), conditions);
}

/* The condition bits an instruction defines, and whether it may push. */
enum {
    C_FSIN = X87_C1 | X87_C2, C_FCOS = X87_C1 | X87_C2,
    C_FPTAN = X87_C1 | X87_C2, C_FSINCOS = X87_C1 | X87_C2, C_FXTRACT = X87_C1,
    C_FPREM = X87_CONDITIONS, C_FPREM1 = X87_CONDITIONS,
    C_FSCALE = X87_C1, C_FPATAN = X87_C1, C_FYL2X = X87_C1, C_FYL2XP1 = X87_C1,
};
enum { PUSHES_FSIN = 0, PUSHES_FCOS = 0, PUSHES_FPTAN = 1, PUSHES_FSINCOS = 1,
       PUSHES_FXTRACT = 1 };

#define DEFINE(NAME, name)                                                          \
    X87_FN(run_##name, X87_LOAD_A, #name, X87_SAVE_ALL)                             \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        one_operand(cpu, insn, run_##name, PUSHES_##NAME, C_##NAME);                \
    }
ONE_OPERAND(DEFINE)
#undef DEFINE

#define DEFINE(NAME, name)                                                          \
    X87_FN(run_##name, X87_LOAD_AB, #name, X87_SAVE_ALL)                            \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        two_operands(cpu, insn, run_##name, C_##NAME);                              \
    }
TWO_OPERANDS(DEFINE)
#undef DEFINE

#define ROW(NAME, name) { X86_MN_##NAME, op_##name },

const X86Handler x86_handlers_x87_transcendental[] = {
    ONE_OPERAND(ROW)
    TWO_OPERANDS(ROW)
    { 0, NULL },
};
