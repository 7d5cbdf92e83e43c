/*
 * Specialised operations: near JMP, Jcc, CALL, RET, PUSH and POP in 64-bit mode
 * and in flat 32-bit mode.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/ops.h"

#define OP(name) static const X86Op *name(X86CPU *cpu, const X86Op *op)

/* --- direct jumps ---------------------------------------------------------------------- */

OP(jmp_rel)
{
    return x86_follow(cpu, op, 1);
}

#define JCC(c)                                                                              \
    OP(jcc_##c)                                                                             \
    {                                                                                       \
        if (x86_cond(&cpu->state, c)) {                                                     \
            return x86_follow(cpu, op, 1);                                                  \
        }                                                                                   \
        return x86_follow(cpu, op, 0);                                                      \
    }
#define FOR_CONDS(M)                                                                        \
    M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14) M(15)
FOR_CONDS(JCC)
#define JCC_NAME(c) jcc_##c,
static X86OpFn *const jcc_forms[16] = { FOR_CONDS(JCC_NAME) };

/* --- the stack: width 8 with RSP, width 4 with ESP and a flat SS ------------------------- */

X86_INLINE uint64_t stack_lin(const X86State *s, int64_t offset, unsigned width)
{
    uint64_t lin = s->regs[X86_RSP] + offset;

    return width == 4 ? (uint32_t)lin : lin;
}

X86_INLINE void push_val(X86CPU *cpu, const X86Op *op, uint64_t val, unsigned width)
{
    uint64_t lin = stack_lin(&cpu->state, -(int)width, width);

    x86_store_at(cpu, op, lin, val, width, X86_SS);
    cpu->state.regs[X86_RSP] = lin;
}

X86_INLINE uint64_t pop_val(X86CPU *cpu, const X86Op *op, unsigned width, unsigned extra)
{
    X86State *s = &cpu->state;
    uint64_t val = x86_load_at(cpu, op, stack_lin(s, 0, width), width, X86_SS);

    s->regs[X86_RSP] = stack_lin(s, width + extra, width);
    return val;
}

/* Where an indirect jump may go in 64-bit mode; others are cut to 32 bits. */
X86_INLINE bool target_ok(const X86CPU *cpu, uint64_t target, unsigned width)
{
    return width == 4 || x86_is_canonical(&cpu->state, target);
}

/* RET: the target is checked before RSP moves. */
X86_INLINE const X86Op *ret_op(X86CPU *cpu, const X86Op *op, unsigned width)
{
    X86State *s = &cpu->state;
    uint64_t target = x86_load_at(cpu, op, stack_lin(s, 0, width), width, X86_SS);

    if (G_UNLIKELY(!target_ok(cpu, target, width))) {
        x86_op_bad_target(cpu, op);
    }
    s->regs[X86_RSP] = stack_lin(s, width + (uint16_t)op->imm, width);
    s->rip = target;
    return x86_jump_dispatch(cpu);
}

X86_INLINE const X86Op *jmp_to(X86CPU *cpu, const X86Op *op, uint64_t target, unsigned width)
{
    if (G_UNLIKELY(!target_ok(cpu, target, width))) {
        x86_op_bad_target(cpu, op);
    }
    cpu->state.rip = target;
    return x86_jump_dispatch(cpu);
}

X86_INLINE const X86Op *call_to(X86CPU *cpu, const X86Op *op, uint64_t target, unsigned width)
{
    if (G_UNLIKELY(!target_ok(cpu, target, width))) {
        x86_op_probe_slow(cpu, op, stack_lin(&cpu->state, -(int)width, width), width, X86_SS);
        x86_op_bad_target(cpu, op);
    }
    push_val(cpu, op, x86_op_next_rip(op), width);
    cpu->state.rip = target;
    return x86_jump_dispatch(cpu);
}

#define WIDTH_OPS(w, ea, ea_index)                                                          \
    OP(push_r##w)                                                                           \
    {                                                                                       \
        push_val(cpu, op, x86_reg(&cpu->state, op->dst, w), w);                             \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    OP(push_i##w)                                                                           \
    {                                                                                       \
        push_val(cpu, op, (int64_t)op->imm, w);                                             \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    OP(push_m##w)                                                                           \
    {                                                                                       \
        push_val(cpu, op, x86_load_op(cpu, op, ea, w), w);                                  \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    OP(pop_r##w)                                                                            \
    {                                                                                       \
        uint64_t val = pop_val(cpu, op, w, 0);                                              \
        x86_set_reg(&cpu->state, op->dst, w, val);                                          \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    OP(leave_##w)                                                                           \
    {                                                                                       \
        X86State *s = &cpu->state;                                                          \
        uint64_t sp = x86_reg(s, X86_RBP * 8, w);                                           \
        uint64_t val = x86_load_at(cpu, op, sp, w, X86_SS);                                 \
        s->regs[X86_RSP] = w == 4 ? (uint32_t)(sp + w) : sp + w;                            \
        s->regs[X86_RBP] = val;                                                             \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    OP(ret_##w)                                                                             \
    {                                                                                       \
        return ret_op(cpu, op, w);                                                          \
    }                                                                                       \
    OP(call_rel##w)                                                                         \
    {                                                                                       \
        push_val(cpu, op, x86_op_next_rip(op), w);                                          \
        return x86_follow(cpu, op, 1);                                                      \
    }                                                                                       \
    OP(call_r##w)                                                                           \
    {                                                                                       \
        return call_to(cpu, op, x86_reg(&cpu->state, op->dst, w), w);                       \
    }                                                                                       \
    OP(call_m##w)                                                                           \
    {                                                                                       \
        return call_to(cpu, op, x86_load_op(cpu, op, ea, w), w);                            \
    }                                                                                       \
    OP(call_mi##w)                                                                          \
    {                                                                                       \
        return call_to(cpu, op, x86_load_op(cpu, op, ea_index, w), w);                      \
    }                                                                                       \
    OP(jmp_r##w)                                                                            \
    {                                                                                       \
        return jmp_to(cpu, op, x86_reg(&cpu->state, op->dst, w), w);                        \
    }                                                                                       \
    OP(jmp_m##w)                                                                            \
    {                                                                                       \
        return jmp_to(cpu, op, x86_load_op(cpu, op, ea, w), w);                             \
    }                                                                                       \
    OP(jmp_mi##w)                                                                           \
    {                                                                                       \
        return jmp_to(cpu, op, x86_load_op(cpu, op, ea_index, w), w);                       \
    }
WIDTH_OPS(8, X86_EA_B, X86_EA_BI)
WIDTH_OPS(4, X86_EA_32, X86_EA_32)

typedef struct WidthForms {
    X86OpFn *push_r, *push_i, *push_m, *pop_r, *leave, *ret;
    X86OpFn *call_rel, *call_r, *call_m, *call_mi, *jmp_r, *jmp_m, *jmp_mi;
} WidthForms;
#define WIDTH_FORMS(w)                                                                      \
    { push_r##w, push_i##w, push_m##w, pop_r##w, leave_##w, ret_##w, call_rel##w, call_r##w, \
      call_m##w, call_mi##w, jmp_r##w, jmp_m##w, jmp_mi##w }
static const WidthForms forms64 = WIDTH_FORMS(8), forms32 = WIDTH_FORMS(4);

/* The forms that fit the mode and operand size, or NULL. */
static const WidthForms *width_forms(const X86CPU *cpu, const X86Insn *insn)
{
    uint32_t key = cpu->interp->key;
    const uint32_t flat32 = X86_HF_FLAT | X86_HF_SS32 | X86_KEY_CS_FLAT;

    if (key & X86_HF_CS64) {
        return insn->op_size == 8 ? &forms64 : NULL;
    }
    return (key & flat32) == flat32 && insn->op_size == 4 ? &forms32 : NULL;
}

/* The memory forms know plain and indexed addresses only. */
static X86OpFn *by_operand(const X86Insn *insn, X86Ea ea, X86OpFn *reg, X86OpFn *mem,
                           X86OpFn *indexed)
{
    if (insn->op[0].kind == X86_OP_GPR) {
        return reg;
    }
    if (insn->op[0].kind != X86_OP_MEM || ea == X86_EA_ANY ||
        (insn->op_size == 8) != (ea != X86_EA_32)) {
        return NULL;
    }
    return ea == X86_EA_BI ? indexed : mem;
}

static X86OpFn *choose_stack(const WidthForms *f, const X86Insn *insn, X86Ea ea)
{
    switch (insn->mnemonic) {
    case X86_MN_PUSH:
        return insn->op[0].kind == X86_OP_IMM ? f->push_i
                                              : by_operand(insn, ea, f->push_r, f->push_m, NULL);
    case X86_MN_POP:
        return insn->op[0].kind == X86_OP_GPR ? f->pop_r : NULL;
    case X86_MN_LEAVE:
        return f->leave;
    default:
        return NULL;
    }
}

X86OpFn *x86_ops_branch(const X86CPU *cpu, const X86Insn *insn, X86Ea ea)
{
    const WidthForms *f = width_forms(cpu, insn);
    bool rel = insn->op[0].kind == X86_OP_REL;

    if (!f) {
        return NULL;
    }
    if (cpu->interp->key & X86_KEY_SINGLE) {
        return choose_stack(f, insn, ea);
    }
    switch (insn->mnemonic) {
    case X86_MN_JMP:
        return rel ? jmp_rel : by_operand(insn, ea, f->jmp_r, f->jmp_m, f->jmp_mi);
    case X86_MN_CALL:
        return rel ? f->call_rel : by_operand(insn, ea, f->call_r, f->call_m, f->call_mi);
    case X86_MN_RET:
        return f->ret;
    default:
        if (insn->mnemonic >= X86_MN_JO && insn->mnemonic <= X86_MN_JNLE) {
            return jcc_forms[insn->mnemonic - X86_MN_JO];
        }
        return choose_stack(f, insn, ea);
    }
}
