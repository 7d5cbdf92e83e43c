/*
 * Specialised operations: ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, INC,
 * DEC, NEG, NOT by operand kind, size and address kind.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/ops.h"

enum { ALU_TEST = X86_ALU_CMP + 1, ALU_KINDS };

X86_INLINE uint64_t compute(X86State *s, unsigned alu, uint64_t a, uint64_t b, unsigned size)
{
    return x86_alu(s, alu == ALU_TEST ? X86_ALU_AND : alu, a, b, size);
}

X86_INLINE bool writes(unsigned alu)
{
    return alu < X86_ALU_CMP;
}

X86_INLINE const X86Op *alu_reg(X86CPU *cpu, const X86Op *op, unsigned alu, unsigned size,
                                uint64_t b)
{
    X86State *s = &cpu->state;
    uint64_t res = compute(s, alu, x86_reg(s, op->dst, size), b, size);

    if (writes(alu)) {
        x86_set_reg(s, op->dst, size, res);
    }
    X86_NEXT_OP(cpu, op);
}

/* A memory destination: the page must be writable before the flags change. */
X86_INLINE const X86Op *alu_mem(X86CPU *cpu, const X86Op *op, unsigned alu, unsigned size,
                                X86Ea ea, uint64_t b)
{
    X86State *s = &cpu->state;

    if (!writes(alu)) {
        compute(s, alu, x86_load_op(cpu, op, ea, size), b, size);
        X86_NEXT_OP(cpu, op);
    }
    uint64_t lin = x86_op_linear(cpu, op, ea, size, X86_ACCESS_WRITE);
    const X86TlbEntry *e = x86_tlb_entry(cpu, lin);
    if (x86_tag_hit(e->write, lin, size)) {
        uint64_t host = lin + e->addend;

        x86_host_store(host, size, compute(s, alu, x86_host_load(host, size), b, size));
    } else {
        x86_op_probe_slow(cpu, op, lin, size, op->seg);
        uint64_t a = x86_op_load_slow(cpu, op, lin, size, op->seg);
        x86_op_store_slow(cpu, op, lin, compute(s, alu, a, b, size), size, op->seg);
    }
    X86_NEXT_OP(cpu, op);
}

#define EA_FORMS(name, alu, size, ea)                                                       \
    static const X86Op *name##_rm##size##ea(X86CPU *cpu, const X86Op *op)                   \
    {                                                                                       \
        uint64_t b = x86_load_op(cpu, op, X86_EA_##ea, size);                               \
        return alu_reg(cpu, op, alu, size, b);                                              \
    }                                                                                       \
    static const X86Op *name##_mr##size##ea(X86CPU *cpu, const X86Op *op)                   \
    {                                                                                       \
        return alu_mem(cpu, op, alu, size, X86_EA_##ea, x86_reg(&cpu->state, op->src, size)); \
    }                                                                                       \
    static const X86Op *name##_mi##size##ea(X86CPU *cpu, const X86Op *op)                   \
    {                                                                                       \
        return alu_mem(cpu, op, alu, size, X86_EA_##ea, (int64_t)op->imm);                  \
    }

#define SIZE_FORMS(name, alu, size)                                                         \
    static const X86Op *name##_rr##size(X86CPU *cpu, const X86Op *op)                       \
    {                                                                                       \
        return alu_reg(cpu, op, alu, size, x86_reg(&cpu->state, op->src, size));            \
    }                                                                                       \
    static const X86Op *name##_ri##size(X86CPU *cpu, const X86Op *op)                       \
    {                                                                                       \
        return alu_reg(cpu, op, alu, size, (int64_t)op->imm);                               \
    }                                                                                       \
    EA_FORMS(name, alu, size, B)                                                            \
    EA_FORMS(name, alu, size, BI)                                                           \
    EA_FORMS(name, alu, size, 32)                                                           \
    EA_FORMS(name, alu, size, ANY)

#define ALL_FORMS(name, alu)                                                                \
    SIZE_FORMS(name, alu, 1)                                                                \
    SIZE_FORMS(name, alu, 2)                                                                \
    SIZE_FORMS(name, alu, 4)                                                                \
    SIZE_FORMS(name, alu, 8)

ALL_FORMS(add, X86_ALU_ADD)
ALL_FORMS(or, X86_ALU_OR)
ALL_FORMS(adc, X86_ALU_ADC)
ALL_FORMS(sbb, X86_ALU_SBB)
ALL_FORMS(and, X86_ALU_AND)
ALL_FORMS(sub, X86_ALU_SUB)
ALL_FORMS(xor, X86_ALU_XOR)
ALL_FORMS(cmp, X86_ALU_CMP)
ALL_FORMS(test, ALU_TEST)

/* The operations of one mnemonic and size. */
typedef struct Forms {
    X86OpFn *rr, *ri, *rm[X86_EA_COUNT], *mr[X86_EA_COUNT], *mi[X86_EA_COUNT];
} Forms;

#define BY_EA(name) { name##B, name##BI, name##32, name##ANY }
#define FORMS(name, size)                                                                   \
    {                                                                                       \
        name##_rr##size, name##_ri##size, BY_EA(name##_rm##size), BY_EA(name##_mr##size),   \
        BY_EA(name##_mi##size)                                                              \
    }
#define SIZES(name) { FORMS(name, 1), FORMS(name, 2), FORMS(name, 4), FORMS(name, 8) }

static const Forms alu_forms[ALU_KINDS][4] = {
    [X86_ALU_ADD] = SIZES(add), [X86_ALU_OR] = SIZES(or),   [X86_ALU_ADC] = SIZES(adc),
    [X86_ALU_SBB] = SIZES(sbb), [X86_ALU_AND] = SIZES(and), [X86_ALU_SUB] = SIZES(sub),
    [X86_ALU_XOR] = SIZES(xor), [X86_ALU_CMP] = SIZES(cmp), [ALU_TEST] = SIZES(test),
};

/* --- one operand ------------------------------------------------------------------ */

typedef enum Unary { UNARY_INC, UNARY_DEC, UNARY_NEG, UNARY_NOT, UNARY_COUNT } Unary;

X86_INLINE uint64_t unary(X86State *s, Unary kind, uint64_t a, unsigned size)
{
    switch (kind) {
    case UNARY_INC:
        return x86_incdec(s, a, 1, size);
    case UNARY_DEC:
        return x86_incdec(s, a, -1, size);
    case UNARY_NEG:
        return x86_neg(s, a, size);
    default:
        return ~a;
    }
}

X86_INLINE const X86Op *unary_mem(X86CPU *cpu, const X86Op *op, Unary kind, unsigned size,
                                  X86Ea ea)
{
    X86State *s = &cpu->state;
    uint64_t lin = x86_op_linear(cpu, op, ea, size, X86_ACCESS_WRITE);
    const X86TlbEntry *e = x86_tlb_entry(cpu, lin);

    if (x86_tag_hit(e->write, lin, size)) {
        uint64_t host = lin + e->addend;

        x86_host_store(host, size, unary(s, kind, x86_host_load(host, size), size));
    } else {
        x86_op_probe_slow(cpu, op, lin, size, op->seg);
        uint64_t a = x86_op_load_slow(cpu, op, lin, size, op->seg);
        x86_op_store_slow(cpu, op, lin, unary(s, kind, a, size), size, op->seg);
    }
    X86_NEXT_OP(cpu, op);
}

#define UNARY_EA(name, kind, size, ea)                                                      \
    static const X86Op *name##_m##size##ea(X86CPU *cpu, const X86Op *op)                    \
    {                                                                                       \
        return unary_mem(cpu, op, kind, size, X86_EA_##ea);                                 \
    }
#define UNARY_SIZE(name, kind, size)                                                        \
    static const X86Op *name##_r##size(X86CPU *cpu, const X86Op *op)                        \
    {                                                                                       \
        X86State *s = &cpu->state;                                                          \
        x86_set_reg(s, op->dst, size, unary(s, kind, x86_reg(s, op->dst, size), size));     \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    UNARY_EA(name, kind, size, B)                                                           \
    UNARY_EA(name, kind, size, BI)                                                          \
    UNARY_EA(name, kind, size, 32)                                                          \
    UNARY_EA(name, kind, size, ANY)
#define UNARY_ALL(name, kind)                                                               \
    UNARY_SIZE(name, kind, 1)                                                               \
    UNARY_SIZE(name, kind, 2)                                                               \
    UNARY_SIZE(name, kind, 4)                                                               \
    UNARY_SIZE(name, kind, 8)

UNARY_ALL(inc, UNARY_INC)
UNARY_ALL(dec, UNARY_DEC)
UNARY_ALL(neg, UNARY_NEG)
UNARY_ALL(not, UNARY_NOT)

typedef struct UnaryForms {
    X86OpFn *r, *m[X86_EA_COUNT];
} UnaryForms;

#define UNARY_FORMS(name, size) { name##_r##size, BY_EA(name##_m##size) }
#define UNARY_SIZES(name)                                                                   \
    { UNARY_FORMS(name, 1), UNARY_FORMS(name, 2), UNARY_FORMS(name, 4), UNARY_FORMS(name, 8) }

static const UnaryForms unary_forms[UNARY_COUNT][4] = {
    [UNARY_INC] = UNARY_SIZES(inc),
    [UNARY_DEC] = UNARY_SIZES(dec),
    [UNARY_NEG] = UNARY_SIZES(neg),
    [UNARY_NOT] = UNARY_SIZES(not),
};

/* --- choice --------------------------------------------------------------------------- */

static int alu_of(unsigned mnemonic)
{
    switch (mnemonic) {
    case X86_MN_ADD:
        return X86_ALU_ADD;
    case X86_MN_OR:
        return X86_ALU_OR;
    case X86_MN_ADC:
        return X86_ALU_ADC;
    case X86_MN_SBB:
        return X86_ALU_SBB;
    case X86_MN_AND:
        return X86_ALU_AND;
    case X86_MN_SUB:
        return X86_ALU_SUB;
    case X86_MN_XOR:
        return X86_ALU_XOR;
    case X86_MN_CMP:
        return X86_ALU_CMP;
    case X86_MN_TEST:
        return ALU_TEST;
    default:
        return -1;
    }
}

static int unary_of(unsigned mnemonic)
{
    switch (mnemonic) {
    case X86_MN_INC:
        return UNARY_INC;
    case X86_MN_DEC:
        return UNARY_DEC;
    case X86_MN_NEG:
        return UNARY_NEG;
    case X86_MN_NOT:
        return UNARY_NOT;
    default:
        return -1;
    }
}

static X86OpFn *two_operand_form(const Forms *f, const X86Insn *insn, X86Ea ea)
{
    unsigned dst = insn->op[0].kind, src = insn->op[1].kind;

    if (dst == X86_OP_MEM) {
        return src == X86_OP_IMM ? f->mi[ea] : f->mr[ea];
    }
    return src == X86_OP_IMM ? f->ri : src == X86_OP_MEM ? f->rm[ea] : f->rr;
}

X86OpFn *x86_ops_alu(const X86Insn *insn, X86Ea ea)
{
    unsigned size = x86_size_index(insn->op[0].size);
    int kind = alu_of(insn->mnemonic);

    if (kind >= 0) {
        return two_operand_form(&alu_forms[kind][size], insn, ea);
    }
    kind = unary_of(insn->mnemonic);
    if (kind >= 0) {
        const UnaryForms *f = &unary_forms[kind][size];

        return insn->op[0].kind == X86_OP_MEM ? f->m[ea] : f->r;
    }
    return NULL;
}
