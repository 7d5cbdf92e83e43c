/*
 * Specialised operations: SHL, SHR, SAR, ROL, ROR of registers, by an immediate
 * or CL; IMUL in its two- and three-operand forms.
 *
 * Undefined flags are the host's: it executes the same instruction.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/ops.h"

#define OP(name) static const X86Op *name(X86CPU *cpu, const X86Op *op)

/*
 * Shifts set SF, ZF and PF from the result; CF and OF come from the host, and
 * AF, undefined by the manual, is set as AMD's processors do.
 */
X86_INLINE void set_shift_flags(X86State *s, uint64_t res, bool cf, bool of, unsigned size)
{
    s->cc_result = x86_sext(res, size);
    s->cc_carries = (uint64_t)cf << 63 | (uint64_t)(cf ^ of) << 62 | 8;
    s->cc_lazy = 1;
}

#define HOST_SHIFT(insn, T)                                                                 \
    do {                                                                                    \
        T host_val = val;                                                                   \
        __asm__(insn " %%cl, %0" : "+r"(host_val), "=@ccc"(cf), "=@cco"(of) : "c"(count));  \
        val = host_val;                                                                     \
    } while (0)

#define SHIFT(name, insn, size, T, count_expr, suffix)                                      \
    OP(name##suffix##size)                                                                  \
    {                                                                                       \
        X86State *s = &cpu->state;                                                          \
        uint64_t val = x86_reg(s, op->dst, size);                                           \
        unsigned count = (count_expr) & (size == 8 ? 63 : 31);                              \
        bool cf, of;                                                                        \
        if (count) {                                                                        \
            HOST_SHIFT(insn, T);                                                            \
            set_shift_flags(s, val, cf, of, size);                                          \
        }                                                                                   \
        x86_set_reg(s, op->dst, size, val);                                                 \
        X86_NEXT_OP(cpu, op);                                                               \
    }
#define SHIFT_SIZES(name, count_expr, suffix)                                               \
    SHIFT(name, #name "b", 1, uint8_t, count_expr, suffix)                                  \
    SHIFT(name, #name "w", 2, uint16_t, count_expr, suffix)                                 \
    SHIFT(name, #name "l", 4, uint32_t, count_expr, suffix)                                 \
    SHIFT(name, #name "q", 8, uint64_t, count_expr, suffix)
#define SHIFT_ALL(name)                                                                     \
    SHIFT_SIZES(name, op->imm, _i)                                                          \
    SHIFT_SIZES(name, s->regs[X86_RCX], _c)
SHIFT_ALL(shl)
SHIFT_ALL(shr)
SHIFT_ALL(sar)

#define ROTATE(name, shift, size, count_expr, suffix)                                       \
    OP(name##suffix##size)                                                                  \
    {                                                                                       \
        X86State *s = &cpu->state;                                                          \
        uint64_t val = x86_reg(s, op->dst, size);                                           \
        x86_set_reg(s, op->dst, size, x86_shift(s, shift, val, (uint8_t)(count_expr), size)); \
        X86_NEXT_OP(cpu, op);                                                               \
    }
#define ROTATE_ALL(name, shift)                                                             \
    ROTATE(name, shift, 4, op->imm, _i)                                                     \
    ROTATE(name, shift, 4, s->regs[X86_RCX], _c)                                            \
    ROTATE(name, shift, 8, op->imm, _i)                                                     \
    ROTATE(name, shift, 8, s->regs[X86_RCX], _c)
ROTATE_ALL(rol, X86_ROL)
ROTATE_ALL(ror, X86_ROR)

#define SIZES(name) { name##1, name##2, name##4, name##8 }
static X86OpFn *const shift_forms[3][2][4] = {
    { SIZES(shl_i), SIZES(shl_c) }, { SIZES(shr_i), SIZES(shr_c) }, { SIZES(sar_i), SIZES(sar_c) },
};
static X86OpFn *const rotate_forms[2][2][4] = {
    { { NULL, NULL, rol_i4, rol_i8 }, { NULL, NULL, rol_c4, rol_c8 } },
    { { NULL, NULL, ror_i4, ror_i8 }, { NULL, NULL, ror_c4, ror_c8 } },
};

/* --- IMUL ------------------------------------------------------------------------------ */

/* SF, ZF, PF and AF are undefined; AMD's processors leave them as they were. */
X86_INLINE void set_imul_flags(X86State *s, bool overflow)
{
    uint32_t keep = x86_arith_flags(s) & ~(X86_EFLAGS_CF | X86_EFLAGS_OF);

    x86_set_arith_flags(s, keep | (overflow ? X86_EFLAGS_CF | X86_EFLAGS_OF : 0));
}

#define IMUL(size, T, U)                                                                    \
    X86_INLINE const X86Op *imul_##size(X86CPU *cpu, const X86Op *op, T a, T b)             \
    {                                                                                       \
        T res;                                                                              \
        set_imul_flags(&cpu->state, __builtin_mul_overflow(a, b, &res));                    \
        x86_set_reg(&cpu->state, op->dst, size, (U)res);                                    \
        X86_NEXT_OP(cpu, op);                                                               \
    }                                                                                       \
    OP(imul_rr##size)                                                                       \
    {                                                                                       \
        X86State *s = &cpu->state;                                                          \
        return imul_##size(cpu, op, x86_reg(s, op->dst, size), x86_reg(s, op->src, size));  \
    }                                                                                       \
    OP(imul_rri##size)                                                                      \
    {                                                                                       \
        return imul_##size(cpu, op, x86_reg(&cpu->state, op->src, size), op->imm);          \
    }                                                                                       \
    IMUL_EA(size, B) IMUL_EA(size, BI) IMUL_EA(size, 32) IMUL_EA(size, ANY)
#define IMUL_EA(size, ea)                                                                   \
    OP(imul_rm##size##ea)                                                                   \
    {                                                                                       \
        uint64_t b = x86_load_op(cpu, op, X86_EA_##ea, size);                               \
        return imul_##size(cpu, op, x86_reg(&cpu->state, op->dst, size), b);                \
    }
IMUL(4, int32_t, uint32_t)
IMUL(8, int64_t, uint64_t)

static X86OpFn *choose_imul(const X86Insn *insn, X86Ea ea)
{
    static X86OpFn *const rr[2] = { imul_rr4, imul_rr8 }, *const rri[2] = { imul_rri4, imul_rri8 };
    static X86OpFn *const rm[2][X86_EA_COUNT] = {
        { imul_rm4B, imul_rm4BI, imul_rm432, imul_rm4ANY },
        { imul_rm8B, imul_rm8BI, imul_rm832, imul_rm8ANY },
    };
    unsigned wide = insn->op[0].size == 8;
    bool mem = insn->op[1].kind == X86_OP_MEM;

    if (insn->op[1].kind == X86_OP_NONE || insn->op[0].size < 4) {
        return NULL;
    }
    if (insn->op[2].kind != X86_OP_NONE) {
        return mem ? NULL : rri[wide];
    }
    return mem ? rm[wide][ea] : rr[wide];
}

X86OpFn *x86_ops_shift(const X86Insn *insn, X86Ea ea)
{
    unsigned size = x86_size_index(insn->op[0].size);
    unsigned by_cl = insn->op[1].kind == X86_OP_GPR;

    if (insn->mnemonic == X86_MN_IMUL) {
        return choose_imul(insn, ea);
    }
    if (insn->op[0].kind == X86_OP_MEM) {
        return NULL;
    }
    switch (insn->mnemonic) {
    case X86_MN_SHL:
        return shift_forms[0][by_cl][size];
    case X86_MN_SHR:
        return shift_forms[1][by_cl][size];
    case X86_MN_SAR:
        return shift_forms[2][by_cl][size];
    case X86_MN_ROL:
        return rotate_forms[0][by_cl][size];
    case X86_MN_ROR:
        return rotate_forms[1][by_cl][size];
    default:
        return NULL;
    }
}
