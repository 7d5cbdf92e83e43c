/*
 * x87 arithmetic with two operands: FADD, FMUL, FSUB, FSUBR, FDIV, FDIVR in
 * their register, memory, integer and popping forms (SDM vol. 1, 8.3.3), and the
 * unary FCHS, FABS, FSQRT, FRNDINT.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/x87_asm.h"

typedef struct Arith {
    X87Fn *reg;        /* a = a op b */
    X87Fn *m32, *m64;  /* a = a op real in memory */
    X87Fn *i16, *i32;  /* a = a op integer in memory */
} Arith;

#define ARITH(X) \
    X(ADD, add) X(MUL, mul) X(SUB, sub) X(SUBR, subr) X(DIV, div) X(DIVR, divr)

static void commit_result(X86CPU *cpu, const X86Insn *insn, const X87Work *w, unsigned dst,
                          bool pop)
{
    X86State *s = &cpu->state;

    if (!x87_suppressed(w)) {
        x87_write_st(s, dst, &w->r0);
        if (pop) {
            x87_pop(s);
        }
    }
    x87_commit(cpu, insn, w, X87_C1);
}

static void arith_reg(X86CPU *cpu, const X86Insn *insn, const Arith *op, bool pop)
{
    unsigned dst = insn->op[0].reg, src = insn->op[1].reg;
    X87Work w;

    x87_work_init(&cpu->state, &w);
    x87_load_a(&cpu->state, &w, dst);
    x87_load_b(&cpu->state, &w, src);
    x87_run(op->reg, &w, 0);
    commit_result(cpu, insn, &w, dst, pop);
}

static void arith_mem(X86CPU *cpu, const X86Insn *insn, X87Fn *fn, unsigned size)
{
    X87Work w;

    x87_work_init(&cpu->state, &w);
    x87_load_a(&cpu->state, &w, 0);
    x86_mem_read(cpu, insn, w.mem, size);
    x87_run(fn, &w, 0);
    commit_result(cpu, insn, &w, 0, false);
}

static void arith(X86CPU *cpu, const X86Insn *insn, const Arith *op)
{
    if (insn->modrm >= 0xc0) {
        arith_reg(cpu, insn, op, false);
    } else if (insn->op[x86_op_is_mem(insn, 0) ? 0 : 1].size == 4) {
        arith_mem(cpu, insn, op->m32, 4);
    } else {
        arith_mem(cpu, insn, op->m64, 8);
    }
}

static void arith_integer(X86CPU *cpu, const X86Insn *insn, const Arith *op)
{
    if (insn->op[x86_op_is_mem(insn, 0) ? 0 : 1].size == 2) {
        arith_mem(cpu, insn, op->i16, 2);
    } else {
        arith_mem(cpu, insn, op->i32, 4);
    }
}

/* The assembler's suffixes: s and l are 32 and 64-bit reals, but 16 and 32-bit integers. */
#define DEFINE(NAME, name)                                                          \
    X87_FN(name##_reg, X87_LOAD_AB, "f" #name " %%st(1), %%st", X87_SAVE_R0 X87_DROP) \
    X87_FN(name##_m32, X87_LOAD_A, "f" #name "s " X87_MEM, X87_SAVE_R0)             \
    X87_FN(name##_m64, X87_LOAD_A, "f" #name "l " X87_MEM, X87_SAVE_R0)             \
    X87_FN(name##_i16, X87_LOAD_A, "fi" #name "s " X87_MEM, X87_SAVE_R0)            \
    X87_FN(name##_i32, X87_LOAD_A, "fi" #name "l " X87_MEM, X87_SAVE_R0)            \
    static const Arith arith_##name = { name##_reg, name##_m32, name##_m64,         \
                                        name##_i16, name##_i32 };                   \
    static void op_f##name(X86CPU *cpu, const X86Insn *insn)                        \
    {                                                                               \
        arith(cpu, insn, &arith_##name);                                            \
    }                                                                               \
    static void op_f##name##p(X86CPU *cpu, const X86Insn *insn)                     \
    {                                                                               \
        arith_reg(cpu, insn, &arith_##name, true);                                  \
    }                                                                               \
    static void op_fi##name(X86CPU *cpu, const X86Insn *insn)                       \
    {                                                                               \
        arith_integer(cpu, insn, &arith_##name);                                    \
    }
ARITH(DEFINE)
#undef DEFINE

static void unary(X86CPU *cpu, const X86Insn *insn, X87Fn *fn)
{
    X87Work w;

    x87_work_init(&cpu->state, &w);
    x87_load_a(&cpu->state, &w, 0);
    x87_run(fn, &w, 0);
    commit_result(cpu, insn, &w, 0, false);
}

#define UNARY(X) X(FCHS, fchs) X(FABS, fabs) X(FSQRT, fsqrt) X(FRNDINT, frndint) X(F2XM1, f2xm1)

#define DEFINE(NAME, name)                                                          \
    X87_FN(run_##name, X87_LOAD_A, #name, X87_SAVE_R0)                              \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        unary(cpu, insn, run_##name);                                               \
    }
UNARY(DEFINE)
#undef DEFINE

#define ARITH_ROWS(NAME, name)                                                      \
    { X86_MN_F##NAME, op_f##name },                                                 \
    { X86_MN_F##NAME##P, op_f##name##p },                                           \
    { X86_MN_FI##NAME, op_fi##name },
#define UNARY_ROW(NAME, name) { X86_MN_##NAME, op_##name },

const X86Handler x86_handlers_x87_arith[] = {
    ARITH(ARITH_ROWS)
    UNARY(UNARY_ROW)
    { 0, NULL },
};
