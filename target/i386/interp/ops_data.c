/*
 * Specialised operations: MOV, MOVZX, MOVSX, MOVSXD, LEA, XCHG of registers,
 * CMOVcc, SETcc, PUSH, POP, CBW, CWD, NOP.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/ops.h"

#define BY_EA(name) { name##B, name##BI, name##32, name##ANY }
#define FOR_EA(M, ...) M(__VA_ARGS__, B) M(__VA_ARGS__, BI) M(__VA_ARGS__, 32) M(__VA_ARGS__, ANY)
#define OP(name) static const X86Op *name(X86CPU *cpu, const X86Op *op)

/* --- MOV ---------------------------------------------------------------------------- */

#define MOV_EA(size, ea)                                                                    \
    OP(mov_rm##size##ea)                                                                    \
    {                                                                                       \
        uint64_t val = x86_load_op(cpu, op, X86_EA_##ea, size);                             \
        x86_set_reg(&cpu->state, op->dst, size, val);                                       \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    OP(mov_mr##size##ea)                                                                    \
    {                                                                                       \
        x86_store_op(cpu, op, X86_EA_##ea, size, x86_reg(&cpu->state, op->src, size));      \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    OP(mov_mi##size##ea)                                                                    \
    {                                                                                       \
        x86_store_op(cpu, op, X86_EA_##ea, size, (int64_t)op->imm);                         \
        X86_NEXT_OP(cpu, op);                                                               \
    }
#define MOV_SIZE(size)                                                                      \
    OP(mov_rr##size)                                                                        \
    {                                                                                       \
        X86State *s = &cpu->state;                                                          \
        x86_set_reg(s, op->dst, size, x86_reg(s, op->src, size));                           \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    OP(mov_ri##size)                                                                        \
    {                                                                                       \
        x86_set_reg(&cpu->state, op->dst, size, (int64_t)op->imm);                          \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    FOR_EA(MOV_EA, size)
MOV_SIZE(1)
MOV_SIZE(2)
MOV_SIZE(4)
MOV_SIZE(8)

OP(mov_ri64)
{
    cpu->state.regs[op->dst / 8] = op->imm64;
    X86_NEXT_OP(cpu, op);
}

typedef struct MovForms {
    X86OpFn *rr, *ri, *rm[X86_EA_COUNT], *mr[X86_EA_COUNT], *mi[X86_EA_COUNT];
} MovForms;

#define MOV_FORMS(size)                                                                     \
    { mov_rr##size, mov_ri##size, BY_EA(mov_rm##size), BY_EA(mov_mr##size), BY_EA(mov_mi##size) }
static const MovForms mov_forms[4] = { MOV_FORMS(1), MOV_FORMS(2), MOV_FORMS(4), MOV_FORMS(8) };

static X86OpFn *choose_mov(const X86Insn *insn, X86Ea ea)
{
    const MovForms *f = &mov_forms[x86_size_index(insn->op[0].size)];
    unsigned src = insn->op[1].kind;

    if (insn->op[0].kind == X86_OP_MEM) {
        return src == X86_OP_IMM ? f->mi[ea] : f->mr[ea];
    }
    if (src == X86_OP_IMM) {
        bool wide = insn->op[0].size == 8 && (int64_t)insn->imm != (int32_t)insn->imm;

        return wide ? mov_ri64 : f->ri;
    }
    return src == X86_OP_MEM ? f->rm[ea] : f->rr;
}

/* --- MOVZX, MOVSX ------------------------------------------------------------------- */

#define EXTEND(name, from, to, conv)                                                        \
    OP(name##_r##from##to)                                                                  \
    {                                                                                       \
        X86State *s = &cpu->state;                                                          \
        x86_set_reg(s, op->dst, to, conv(x86_reg(s, op->src, from), from));                 \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    FOR_EA(EXTEND_EA, name, from, to, conv)
#define EXTEND_EA(name, from, to, conv, ea)                                                 \
    OP(name##_m##from##to##ea)                                                              \
    {                                                                                       \
        uint64_t val = x86_load_op(cpu, op, X86_EA_##ea, from);                             \
        x86_set_reg(&cpu->state, op->dst, to, conv(val, from));                             \
        X86_NEXT_OP(cpu, op);                                                               \
    }
#define ZERO_EXTEND(val, size) (val)
EXTEND(movzx, 1, 2, ZERO_EXTEND)
EXTEND(movzx, 1, 4, ZERO_EXTEND)
EXTEND(movzx, 1, 8, ZERO_EXTEND)
EXTEND(movzx, 2, 4, ZERO_EXTEND)
EXTEND(movzx, 2, 8, ZERO_EXTEND)
EXTEND(movsx, 1, 2, x86_sext)
EXTEND(movsx, 1, 4, x86_sext)
EXTEND(movsx, 1, 8, x86_sext)
EXTEND(movsx, 2, 4, x86_sext)
EXTEND(movsx, 2, 8, x86_sext)
EXTEND(movsx, 4, 8, x86_sext)

typedef struct ExtendForms {
    uint8_t from, to;
    X86OpFn *r, *m[X86_EA_COUNT];
} ExtendForms;

#define EXTEND_FORMS(name, from, to) { from, to, name##_r##from##to, BY_EA(name##_m##from##to) }
static const ExtendForms movzx_forms[] = {
    EXTEND_FORMS(movzx, 1, 2), EXTEND_FORMS(movzx, 1, 4), EXTEND_FORMS(movzx, 1, 8),
    EXTEND_FORMS(movzx, 2, 4), EXTEND_FORMS(movzx, 2, 8), { 0 },
};
static const ExtendForms movsx_forms[] = {
    EXTEND_FORMS(movsx, 1, 2), EXTEND_FORMS(movsx, 1, 4), EXTEND_FORMS(movsx, 1, 8),
    EXTEND_FORMS(movsx, 2, 4), EXTEND_FORMS(movsx, 2, 8), EXTEND_FORMS(movsx, 4, 8), { 0 },
};

static X86OpFn *choose_extend(const ExtendForms *f, const X86Insn *insn, X86Ea ea)
{
    for (; f->from; f++) {
        if (f->from == insn->op[1].size && f->to == insn->op[0].size) {
            return insn->op[1].kind == X86_OP_MEM ? f->m[ea] : f->r;
        }
    }
    return NULL;
}

/* --- LEA ------------------------------------------------------------------------------ */

/* The address is cut to the address size and then to the operand size. */
#define LEA_EA(size, ea)                                                                    \
    OP(lea_##size##ea)                                                                      \
    {                                                                                       \
        x86_set_reg(&cpu->state, op->dst, size, x86_op_ea(&cpu->state, op, X86_EA_##ea));   \
        X86_NEXT_OP(cpu, op);                                                               \
    }
#define LEA_SIZE(size) LEA_EA(size, B) LEA_EA(size, BI) LEA_EA(size, 32)
LEA_SIZE(4)
LEA_SIZE(8)

static X86OpFn *choose_lea(const X86Insn *insn)
{
    static X86OpFn *const forms[2][3] = { { lea_4B, lea_4BI, lea_432 },
                                          { lea_8B, lea_8BI, lea_832 } };
    X86Ea ea = insn->addr_size == 8 ? insn->index == X86_NO_REG ? X86_EA_B : X86_EA_BI
                                    : X86_EA_32;

    if (insn->addr_size == 2 || insn->op[0].size == 2) {
        return NULL;
    }
    return forms[insn->op[0].size == 8][ea];
}

/* --- CMOVcc, SETcc ----------------------------------------------------------------------- */

#define COND_OPS(c)                                                                         \
    OP(cmov_r4_##c)                                                                         \
    {                                                                                       \
        X86State *s = &cpu->state;                                                          \
        x86_set_reg(s, op->dst, 4, x86_reg(s, x86_cond(s, c) ? op->src : op->dst, 4));      \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    OP(cmov_r8_##c)                                                                         \
    {                                                                                       \
        X86State *s = &cpu->state;                                                          \
        x86_set_reg(s, op->dst, 8, x86_reg(s, x86_cond(s, c) ? op->src : op->dst, 8));      \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    OP(set_r_##c)                                                                           \
    {                                                                                       \
        X86State *s = &cpu->state;                                                          \
        x86_set_reg(s, op->dst, 1, x86_cond(s, c));                                         \
        X86_NEXT_OP(cpu, op);                                                               \
    }
#define FOR_CONDS(M)                                                                        \
    M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14) M(15)
FOR_CONDS(COND_OPS)

#define CMOV_R4(c) cmov_r4_##c,
#define CMOV_R8(c) cmov_r8_##c,
#define SET_R(c) set_r_##c,
static X86OpFn *const cmov_forms[2][16] = { { FOR_CONDS(CMOV_R4) }, { FOR_CONDS(CMOV_R8) } };
static X86OpFn *const set_forms[16] = { FOR_CONDS(SET_R) };

static X86OpFn *choose_conditional(const X86Insn *insn)
{
    unsigned mn = insn->mnemonic;

    if (mn >= X86_MN_SETO && mn <= X86_MN_SETNLE) {
        return insn->op[0].kind == X86_OP_MEM ? NULL : set_forms[mn - X86_MN_SETO];
    }
    if (mn >= X86_MN_CMOVO && mn <= X86_MN_CMOVNLE && insn->op[1].kind == X86_OP_GPR &&
        insn->op[0].size >= 4) {
        return cmov_forms[insn->op[0].size == 8][mn - X86_MN_CMOVO];
    }
    return NULL;
}

/* --- small ones -------------------------------------------------------------------------- */

OP(nop)
{
    X86_NEXT_OP(cpu, op);
}

#define XCHG(size)                                                                          \
    OP(xchg_##size)                                                                         \
    {                                                                                       \
        X86State *s = &cpu->state;                                                          \
        uint64_t a = x86_reg(s, op->dst, size), b = x86_reg(s, op->src, size);              \
        x86_set_reg(s, op->dst, size, b);                                                   \
        x86_set_reg(s, op->src, size, a);                                                   \
        X86_NEXT_OP(cpu, op);                                                               \
    }
XCHG(1)
XCHG(2)
XCHG(4)
XCHG(8)

static X86OpFn *choose_xchg(const X86Insn *insn)
{
    static X86OpFn *const forms[4] = { xchg_1, xchg_2, xchg_4, xchg_8 };
    bool regs = insn->op[0].kind != X86_OP_MEM && insn->op[1].kind != X86_OP_MEM;

    return regs ? forms[x86_size_index(insn->op[0].size)] : NULL;
}

#define WIDEN(size, half)                                                                   \
    OP(cbw_##size)                                                                          \
    {                                                                                       \
        X86State *s = &cpu->state;                                                          \
        x86_set_reg(s, 0, size, x86_sext(s->regs[X86_RAX], half));                          \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    OP(cwd_##size)                                                                          \
    {                                                                                       \
        X86State *s = &cpu->state;                                                          \
        x86_set_reg(s, X86_RDX * 8, size, x86_sext(s->regs[X86_RAX], size) >> 63);          \
        X86_NEXT_OP(cpu, op);                                                               \
    }
WIDEN(2, 1)
WIDEN(4, 2)
WIDEN(8, 4)

X86OpFn *x86_ops_data(const X86Insn *insn, X86Ea ea)
{
    static X86OpFn *const cbw_forms[3] = { cbw_2, cbw_4, cbw_8 };
    static X86OpFn *const cwd_forms[3] = { cwd_2, cwd_4, cwd_8 };

    switch (insn->mnemonic) {
    case X86_MN_MOV:
        return choose_mov(insn, ea);
    case X86_MN_MOVZX:
        return choose_extend(movzx_forms, insn, ea);
    case X86_MN_MOVSX:
    case X86_MN_MOVSXD:
        return choose_extend(movsx_forms, insn, ea);
    case X86_MN_LEA:
        return choose_lea(insn);
    case X86_MN_XCHG:
        return choose_xchg(insn);
    case X86_MN_CBW:
        return cbw_forms[x86_size_index(insn->op_size) - 1];
    case X86_MN_CWD:
        return cwd_forms[x86_size_index(insn->op_size) - 1];
    case X86_MN_NOP:
    case X86_MN_ENDBR32:
    case X86_MN_ENDBR64:
    case X86_MN_PREFETCH:
    case X86_MN_PREFETCHW:
    case X86_MN_PREFETCHNTA:
    case X86_MN_PREFETCHT0:
    case X86_MN_PREFETCHT1:
    case X86_MN_PREFETCHT2:
        return nop;
    default:
        return choose_conditional(insn);
    }
}
