/*
 * x87 loads, stores, constants, exchanges and conditional moves (SDM vol. 1, 8.3.2).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/x87_asm.h"

/* Pushes the one result of fn. */
static void push_result(X86CPU *cpu, const X86Insn *insn, X87Fn *fn, X87Work *w,
                        unsigned operands)
{
    unsigned fill = x87_is_empty(&cpu->state, 7) ? 0 : 8 - operands;

    x87_run(fn, w, fill);
    if (x87_pushed(w, fill, operands) > 0) {
        x87_push(&cpu->state, &w->r0);
    }
    x87_commit(cpu, insn, w, X87_C1);
}

static void load_mem(X86CPU *cpu, const X86Insn *insn, X87Fn *fn, unsigned size)
{
    X87Work w;

    x87_work_init(&cpu->state, &w);
    x86_mem_read(cpu, insn, w.mem, size);
    push_result(cpu, insn, fn, &w, 0);
}

X87_FN(run_fld_m32, X87_LOAD_NONE, "flds " X87_MEM, X87_SAVE_R0)
X87_FN(run_fld_m64, X87_LOAD_NONE, "fldl " X87_MEM, X87_SAVE_R0)
X87_FN(run_fld_m80, X87_LOAD_NONE, "fldt " X87_MEM, X87_SAVE_R0)
X87_FN(run_fild_m16, X87_LOAD_NONE, "filds " X87_MEM, X87_SAVE_R0)
X87_FN(run_fild_m32, X87_LOAD_NONE, "fildl " X87_MEM, X87_SAVE_R0)
X87_FN(run_fild_m64, X87_LOAD_NONE, "fildll " X87_MEM, X87_SAVE_R0)
X87_FN(run_fbld, X87_LOAD_NONE, "fbld " X87_MEM, X87_SAVE_R0)
X87_FN(run_fld_st, X87_LOAD_A, "fld %%st(0)", X87_SAVE_R0 X87_DROP)

static unsigned mem_size(const X86Insn *insn)
{
    return insn->op[x86_op_is_mem(insn, 0) ? 0 : 1].size;
}

static void op_fld(X86CPU *cpu, const X86Insn *insn)
{
    X87Work w;
    unsigned size;

    if (insn->modrm < 0xc0) {
        size = mem_size(insn);
        load_mem(cpu, insn, size == 4 ? run_fld_m32 : size == 8 ? run_fld_m64 : run_fld_m80, size);
        return;
    }
    x87_work_init(&cpu->state, &w);
    x87_load_a(&cpu->state, &w, insn->modrm & 7);
    push_result(cpu, insn, run_fld_st, &w, 1);
}

static void op_fild(X86CPU *cpu, const X86Insn *insn)
{
    unsigned size = mem_size(insn);

    load_mem(cpu, insn, size == 2 ? run_fild_m16 : size == 4 ? run_fild_m32 : run_fild_m64, size);
}

static void op_fbld(X86CPU *cpu, const X86Insn *insn)
{
    load_mem(cpu, insn, run_fbld, 10);
}

#define CONSTANTS(X)                                                                \
    X(FLD1, fld1) X(FLDL2T, fldl2t) X(FLDL2E, fldl2e) X(FLDPI, fldpi)               \
    X(FLDLG2, fldlg2) X(FLDLN2, fldln2) X(FLDZ, fldz)

#define DEFINE(NAME, name)                                                          \
    X87_FN(run_##name, X87_LOAD_NONE, #name, X87_SAVE_R0)                           \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        X87Work w;                                                                  \
                                                                                    \
        x87_work_init(&cpu->state, &w);                                             \
        push_result(cpu, insn, run_##name, &w, 0);                                  \
    }
CONSTANTS(DEFINE)
#undef DEFINE

/*
 * Stores run in their popping form: the host pops exactly when it has written
 * memory, which an unmasked exception may prevent.
 */
X87_FN(run_fst_m32, X87_LOAD_A, "fstps " X87_MEM, X87_SAVE_NONE)
X87_FN(run_fst_m64, X87_LOAD_A, "fstpl " X87_MEM, X87_SAVE_NONE)
X87_FN(run_fst_m80, X87_LOAD_A, "fstpt " X87_MEM, X87_SAVE_NONE)
X87_FN(run_fist_m16, X87_LOAD_A, "fistps " X87_MEM, X87_SAVE_NONE)
X87_FN(run_fist_m32, X87_LOAD_A, "fistpl " X87_MEM, X87_SAVE_NONE)
X87_FN(run_fist_m64, X87_LOAD_A, "fistpll " X87_MEM, X87_SAVE_NONE)
X87_FN(run_fisttp_m16, X87_LOAD_A, "fisttps " X87_MEM, X87_SAVE_NONE)
X87_FN(run_fisttp_m32, X87_LOAD_A, "fisttpl " X87_MEM, X87_SAVE_NONE)
X87_FN(run_fisttp_m64, X87_LOAD_A, "fisttpll " X87_MEM, X87_SAVE_NONE)
X87_FN(run_fbstp, X87_LOAD_A, "fbstp " X87_MEM, X87_SAVE_NONE)

static void store_mem(X86CPU *cpu, const X86Insn *insn, X87Fn *fn, unsigned size, bool pop)
{
    X86State *s = &cpu->state;
    bool stored;
    X87Work w;

    x87_work_init(s, &w);
    x87_load_a(s, &w, 0);
    x87_run(fn, &w, 0);
    stored = x87_pushed(&w, 0, 1) < 0;
    if (stored) {
        x86_mem_write(cpu, insn, w.mem, size);
    } else {
        x86_mem_probe_write(cpu, insn, size);
    }
    if (stored && pop) {
        x87_pop(s);
    }
    x87_commit(cpu, insn, &w, X87_C1);
}

/* FST and FSTP to a register: a copy of 80 bits. */
static void store_reg(X86CPU *cpu, const X86Insn *insn, unsigned dst, bool pop)
{
    X86State *s = &cpu->state;
    X87Work w;

    x87_work_init(s, &w);
    x87_load_a(s, &w, 0);
    x87_run(run_fst_m80, &w, 0);
    if (!x87_suppressed(&w)) {
        memcpy(&w.r0.mant, w.mem, 8);
        memcpy(&w.r0.sign_exp, w.mem + 8, 2);
        x87_write_st(s, dst, &w.r0);
        if (pop) {
            x87_pop(s);
        }
    }
    x87_commit(cpu, insn, &w, X87_C1);
}

static void store_real(X86CPU *cpu, const X86Insn *insn, bool pop)
{
    unsigned size;

    if (insn->modrm >= 0xc0) {
        store_reg(cpu, insn, insn->modrm & 7, pop);
        return;
    }
    size = mem_size(insn);
    store_mem(cpu, insn, size == 4 ? run_fst_m32 : size == 8 ? run_fst_m64 : run_fst_m80, size,
              pop);
}

static void op_fst(X86CPU *cpu, const X86Insn *insn)
{
    store_real(cpu, insn, false);
}

/* D9 D8+i, undocumented: without the check for an empty ST(0), which is merely popped. */
static bool unchecked_store(const X86State *s, const X86Insn *insn)
{
    return insn->modrm >= 0xc0 && x86_insn_row(insn)->encoding[1] == '9' && x87_is_empty(s, 0);
}

static void op_fstp(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;

    if (unchecked_store(s, insn)) {
        x87_pop(s);
        s->fpu.fsw &= ~X87_C1;
        x87_save_pointers(cpu, insn);
        return;
    }
    store_real(cpu, insn, true);
}

static void store_integer(X86CPU *cpu, const X86Insn *insn, bool pop)
{
    unsigned size = mem_size(insn);

    store_mem(cpu, insn, size == 2 ? run_fist_m16 : size == 4 ? run_fist_m32 : run_fist_m64, size,
              pop);
}

static void op_fist(X86CPU *cpu, const X86Insn *insn)
{
    store_integer(cpu, insn, false);
}

static void op_fistp(X86CPU *cpu, const X86Insn *insn)
{
    store_integer(cpu, insn, true);
}

static void op_fisttp(X86CPU *cpu, const X86Insn *insn)
{
    unsigned size = mem_size(insn);

    store_mem(cpu, insn,
              size == 2 ? run_fisttp_m16 : size == 4 ? run_fisttp_m32 : run_fisttp_m64, size, true);
}

static void op_fbstp(X86CPU *cpu, const X86Insn *insn)
{
    store_mem(cpu, insn, run_fbstp, 10, true);
}

X87_FN(run_fxch, X87_LOAD_AB, "fxch", "fstpt 32(%0)\n\tfstpt 48(%0)\n\t")
/* Moves if the first byte of the memory operand is 1. */
X87_FN(run_fcmov, X87_LOAD_AB, "cmpb $1, " X87_MEM "\n\tfcmove %%st(1), %%st",
       X87_SAVE_R0 X87_DROP)

static void op_fxch(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    unsigned i = insn->modrm & 7;
    X87Work w;

    x87_work_init(s, &w);
    x87_load_a(s, &w, 0);
    x87_load_b(s, &w, i);
    x87_run(run_fxch, &w, 0);
    if (!x87_suppressed(&w)) {
        x87_write_st(s, i, &w.r1);
        x87_write_st(s, 0, &w.r0);
    }
    x87_commit(cpu, insn, &w, X87_C1);
}

/* cond as in Jcc */
static void conditional_move(X86CPU *cpu, const X86Insn *insn, unsigned cond)
{
    X86State *s = &cpu->state;
    X87Work w;

    x87_work_init(s, &w);
    x87_load_a(s, &w, 0);
    x87_load_b(s, &w, insn->modrm & 7);
    w.mem[0] = x86_condition(s, cond);
    x87_run(run_fcmov, &w, 0);
    if (!x87_suppressed(&w)) {
        x87_write_st(s, 0, &w.r0);
    }
    x87_commit(cpu, insn, &w, x87_fault_c1(&w));
}

#define CONDITIONAL_MOVES(X)                                                        \
    X(FCMOVB, 2) X(FCMOVNB, 3) X(FCMOVE, 4) X(FCMOVNE, 5) X(FCMOVBE, 6)             \
    X(FCMOVNBE, 7) X(FCMOVU, 10) X(FCMOVNU, 11)

#define DEFINE(NAME, cond)                                                          \
    static void op_##NAME(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        conditional_move(cpu, insn, cond);                                          \
    }
CONDITIONAL_MOVES(DEFINE)
#undef DEFINE

#define CONSTANT_ROW(NAME, name) { X86_MN_##NAME, op_##name },
#define CONDITIONAL_ROW(NAME, cond) { X86_MN_##NAME, op_##NAME },

const X86Handler x86_handlers_x87_move[] = {
    { X86_MN_FLD, op_fld },
    { X86_MN_FILD, op_fild },
    { X86_MN_FBLD, op_fbld },
    CONSTANTS(CONSTANT_ROW)
    { X86_MN_FST, op_fst },
    { X86_MN_FSTP, op_fstp },
    { X86_MN_FIST, op_fist },
    { X86_MN_FISTP, op_fistp },
    { X86_MN_FISTTP, op_fisttp },
    { X86_MN_FBSTP, op_fbstp },
    { X86_MN_FXCH, op_fxch },
    CONDITIONAL_MOVES(CONDITIONAL_ROW)
    { 0, NULL },
};
