/*
 * x87 comparisons and classification: FCOM, FUCOM, FICOM, FCOMI, FTST, FXAM
 * (SDM vol. 1, 8.3.6).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/x87_asm.h"

X87_FN(run_fcom, X87_LOAD_AB, "fcom %%st(1)", X87_DROP X87_DROP)
X87_FN(run_fucom, X87_LOAD_AB, "fucom %%st(1)", X87_DROP X87_DROP)
X87_FN(run_fcom_m32, X87_LOAD_A, "fcoms " X87_MEM, X87_DROP)
X87_FN(run_fcom_m64, X87_LOAD_A, "fcoml " X87_MEM, X87_DROP)
X87_FN(run_ficom_m16, X87_LOAD_A, "ficoms " X87_MEM, X87_DROP)
X87_FN(run_ficom_m32, X87_LOAD_A, "ficoml " X87_MEM, X87_DROP)
X87_FN(run_ftst, X87_LOAD_A, "ftst", X87_DROP)
X87_FN(run_fxam, X87_LOAD_A, "fxam", X87_DROP)
/* The flags go through AH into the memory operand. */
X87_FN(run_fcomi, X87_LOAD_AB, "fcomi %%st(1), %%st\n\tlahf\n\tmov %%eax, " X87_MEM,
       X87_DROP X87_DROP)
X87_FN(run_fucomi, X87_LOAD_AB, "fucomi %%st(1), %%st\n\tlahf\n\tmov %%eax, " X87_MEM,
       X87_DROP X87_DROP)

/* Pops unless an unmasked exception prevents it; condition codes are set even then. */
static void commit_comparison(X86CPU *cpu, const X86Insn *insn, const X87Work *w, unsigned pops)
{
    x87_commit(cpu, insn, w, X87_CONDITIONS);
    for (unsigned i = 0; i < pops && !x87_suppressed(w); i++) {
        x87_pop(&cpu->state);
    }
}

static void compare_reg(X86CPU *cpu, const X86Insn *insn, X87Fn *fn, unsigned pops)
{
    X87Work w;

    x87_work_init(&cpu->state, &w);
    x87_load_a(&cpu->state, &w, 0);
    x87_load_b(&cpu->state, &w, insn->modrm & 7);
    x87_run(fn, &w, 0);
    commit_comparison(cpu, insn, &w, pops);
}

/* size 0: no memory operand */
static void compare_one(X86CPU *cpu, const X86Insn *insn, X87Fn *fn, unsigned size, unsigned pops)
{
    X87Work w;

    x87_work_init(&cpu->state, &w);
    x87_load_a(&cpu->state, &w, 0);
    if (size) {
        x86_mem_read(cpu, insn, w.mem, size);
    }
    x87_run(fn, &w, 0);
    commit_comparison(cpu, insn, &w, pops);
}

static unsigned mem_size(const X86Insn *insn)
{
    return insn->op[x86_op_is_mem(insn, 0) ? 0 : 1].size;
}

static void fcom(X86CPU *cpu, const X86Insn *insn, unsigned pops)
{
    if (insn->modrm >= 0xc0) {
        compare_reg(cpu, insn, run_fcom, pops);
    } else {
        unsigned size = mem_size(insn);

        compare_one(cpu, insn, size == 4 ? run_fcom_m32 : run_fcom_m64, size, pops);
    }
}

static void op_fcom(X86CPU *cpu, const X86Insn *insn)
{
    fcom(cpu, insn, 0);
}

static void op_fcomp(X86CPU *cpu, const X86Insn *insn)
{
    fcom(cpu, insn, 1);
}

static void op_fcompp(X86CPU *cpu, const X86Insn *insn)
{
    compare_reg(cpu, insn, run_fcom, 2);
}

static void op_fucom(X86CPU *cpu, const X86Insn *insn)
{
    compare_reg(cpu, insn, run_fucom, 0);
}

static void op_fucomp(X86CPU *cpu, const X86Insn *insn)
{
    compare_reg(cpu, insn, run_fucom, 1);
}

static void op_fucompp(X86CPU *cpu, const X86Insn *insn)
{
    compare_reg(cpu, insn, run_fucom, 2);
}

static void ficom(X86CPU *cpu, const X86Insn *insn, unsigned pops)
{
    unsigned size = mem_size(insn);

    compare_one(cpu, insn, size == 2 ? run_ficom_m16 : run_ficom_m32, size, pops);
}

static void op_ficom(X86CPU *cpu, const X86Insn *insn)
{
    ficom(cpu, insn, 0);
}

static void op_ficomp(X86CPU *cpu, const X86Insn *insn)
{
    ficom(cpu, insn, 1);
}

static void op_ftst(X86CPU *cpu, const X86Insn *insn)
{
    compare_one(cpu, insn, run_ftst, 0, 0);
}

static void op_fxam(X86CPU *cpu, const X86Insn *insn)
{
    compare_one(cpu, insn, run_fxam, 0, 0);
}

/* FCOMI and its kin set EFLAGS instead of condition codes. */
static void compare_eflags(X86CPU *cpu, const X86Insn *insn, X87Fn *fn, bool pop)
{
    X86State *s = &cpu->state;
    uint32_t lahf;
    X87Work w;

    x87_work_init(s, &w);
    x87_load_a(s, &w, 0);
    x87_load_b(s, &w, insn->modrm & 7);
    x87_run(fn, &w, 0);
    memcpy(&lahf, w.mem, sizeof(lahf));
    x86_set_arith_flags(s, (lahf >> 8) & (X86_EFLAGS_ZF | X86_EFLAGS_PF | X86_EFLAGS_CF));
    if (pop && !x87_suppressed(&w)) {
        x87_pop(s);
    }
    x87_commit(cpu, insn, &w, x87_fault_c1(&w));
}

static void op_fcomi(X86CPU *cpu, const X86Insn *insn)
{
    compare_eflags(cpu, insn, run_fcomi, false);
}

static void op_fcomip(X86CPU *cpu, const X86Insn *insn)
{
    compare_eflags(cpu, insn, run_fcomi, true);
}

static void op_fucomi(X86CPU *cpu, const X86Insn *insn)
{
    compare_eflags(cpu, insn, run_fucomi, false);
}

static void op_fucomip(X86CPU *cpu, const X86Insn *insn)
{
    compare_eflags(cpu, insn, run_fucomi, true);
}

const X86Handler x86_handlers_x87_compare[] = {
    { X86_MN_FCOM, op_fcom },
    { X86_MN_FCOMP, op_fcomp },
    { X86_MN_FCOMPP, op_fcompp },
    { X86_MN_FUCOM, op_fucom },
    { X86_MN_FUCOMP, op_fucomp },
    { X86_MN_FUCOMPP, op_fucompp },
    { X86_MN_FICOM, op_ficom },
    { X86_MN_FICOMP, op_ficomp },
    { X86_MN_FTST, op_ftst },
    { X86_MN_FXAM, op_fxam },
    { X86_MN_FCOMI, op_fcomi },
    { X86_MN_FCOMIP, op_fcomip },
    { X86_MN_FUCOMI, op_fucomi },
    { X86_MN_FUCOMIP, op_fucomip },
    { 0, NULL },
};
