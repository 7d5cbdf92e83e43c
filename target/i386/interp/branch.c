/*
 * Near control flow: JMP, Jcc, CALL, RET, LOOP, JCXZ.
 *
 * The target is cut to the operand size and must lie within CS (or be
 * canonical): otherwise the branch itself faults with #GP(0) and nothing has
 * changed.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/branch.h"
#include "target/i386/interp/flags.h"
#include "target/i386/interp/interp.h"
#include "target/i386/interp/stack.h"

uint64_t x86_branch_target(X86CPU *cpu, uint64_t target, unsigned op_size)
{
    X86State *s = &cpu->state;

    target = x86_zext(target, op_size);
    if (s->hflags & X86_HF_CS64 ? !x86_is_canonical(s, target)
                                : target > s->segs[X86_CS].limit) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    return target;
}

static void jump(X86CPU *cpu, uint64_t target, unsigned op_size)
{
    cpu->state.rip = x86_branch_target(cpu, target, op_size);
}

static void jump_if(X86CPU *cpu, const X86Insn *insn, bool taken)
{
    if (taken) {
        jump(cpu, cpu->state.rip + insn->imm, insn->op_size);
    }
}

/* Where a JMP or CALL goes: a displacement or an operand's value. */
static uint64_t target_of(X86CPU *cpu, const X86Insn *insn)
{
    if (insn->op[0].kind == X86_OP_REL) {
        return cpu->state.rip + insn->imm;
    }
    return x86_op_read(cpu, insn, 0);
}

static void op_jmp(X86CPU *cpu, const X86Insn *insn)
{
    jump(cpu, target_of(cpu, insn), insn->op_size);
}

static void op_call(X86CPU *cpu, const X86Insn *insn)
{
    uint64_t target = target_of(cpu, insn);

    /* A stack fault comes before a bad target. */
    x86_stack_probe(cpu, -(int64_t)insn->op_size, insn->op_size);
    target = x86_branch_target(cpu, target, insn->op_size);
    x86_push(cpu, cpu->state.rip, insn->op_size);
    cpu->state.rip = target;
}

static void op_ret(X86CPU *cpu, const X86Insn *insn)
{
    uint64_t target = x86_stack_read(cpu, 0, insn->op_size);

    jump(cpu, target, insn->op_size);
    x86_stack_add(&cpu->state, insn->op_size + (insn->imm & 0xffff));
}

static void op_jcc(X86CPU *cpu, const X86Insn *insn)
{
    jump_if(cpu, insn, x86_condition(&cpu->state, insn->mnemonic - X86_MN_JO));
}

static void op_jcxz(X86CPU *cpu, const X86Insn *insn)
{
    jump_if(cpu, insn, x86_gpr_read(&cpu->state, X86_RCX, insn->addr_size) == 0);
}

/*
 * LOOP counts rCX (by the address size) down; ZF must match for LOOPE, LOOPNE. A
 * repeat prefix turns LOOPE and LOOPNE into each other as it does with CMPS on
 * AMD CPUs (observed on Zen 3, in no manual).
 */
static void op_loop(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint64_t count = x86_zext(s->regs[X86_RCX] - 1, insn->addr_size);
    bool taken = count != 0;

    if (insn->mnemonic != X86_MN_LOOP) {
        bool equal = insn->prefixes & X86_PFX_REP     ? true
                   : insn->prefixes & X86_PFX_REPNE   ? false
                                                      : insn->mnemonic == X86_MN_LOOPE;
        taken = taken && x86_zf(s) == equal;
    }
    jump_if(cpu, insn, taken);
    x86_gpr_write(s, X86_RCX, insn->addr_size, count);
}

const X86Handler x86_handlers_branch[] = {
    { X86_MN_JMP, op_jmp },     { X86_MN_CALL, op_call },   { X86_MN_RET, op_ret },
    { X86_MN_JCXZ, op_jcxz },   { X86_MN_LOOP, op_loop },   { X86_MN_LOOPE, op_loop },
    { X86_MN_LOOPNE, op_loop }, { X86_MN_JO, op_jcc },      { X86_MN_JNO, op_jcc },
    { X86_MN_JB, op_jcc },      { X86_MN_JNB, op_jcc },     { X86_MN_JZ, op_jcc },
    { X86_MN_JNZ, op_jcc },     { X86_MN_JBE, op_jcc },     { X86_MN_JNBE, op_jcc },
    { X86_MN_JS, op_jcc },      { X86_MN_JNS, op_jcc },     { X86_MN_JP, op_jcc },
    { X86_MN_JNP, op_jcc },     { X86_MN_JL, op_jcc },      { X86_MN_JNL, op_jcc },
    { X86_MN_JLE, op_jcc },     { X86_MN_JNLE, op_jcc },    { 0, NULL },
};
