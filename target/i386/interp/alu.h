/*
 * The arithmetic of the hot integer instructions, one inline function each:
 * the plain handlers and the specialised ones share them. size is a constant
 * wherever speed matters; operands and results may carry garbage above it.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_ALU_H
#define TARGET_I386_INTERP_ALU_H

#include "target/i386/interp/flags.h"

/* The eight operations of opcodes 00-3F and group 1, in the encoding's order. */
typedef enum X86AluOp {
    X86_ALU_ADD, X86_ALU_OR, X86_ALU_ADC, X86_ALU_SBB,
    X86_ALU_AND, X86_ALU_SUB, X86_ALU_XOR, X86_ALU_CMP,
} X86AluOp;

/* Flags of a + b (+ carry) = res. */
X86_INLINE void x86_cc_set_add(X86State *s, uint64_t a, uint64_t b, uint64_t res, unsigned size)
{
    x86_cc_set(s, res, (a & b) | ((a | b) & ~res), size);
}

/* Flags of a - b (- borrow) = res. */
X86_INLINE void x86_cc_set_sub(X86State *s, uint64_t a, uint64_t b, uint64_t res, unsigned size)
{
    x86_cc_set(s, res, (~a & b) | ((~a | b) & res), size);
}

X86_INLINE uint64_t x86_alu(X86State *s, X86AluOp op, uint64_t a, uint64_t b, unsigned size)
{
    uint64_t res;

    switch (op) {
    case X86_ALU_ADD:
        res = a + b;
        x86_cc_set_add(s, a, b, res, size);
        return res;
    case X86_ALU_ADC:
        res = a + b + x86_cf(s);
        x86_cc_set_add(s, a, b, res, size);
        return res;
    case X86_ALU_SBB:
        res = a - b - x86_cf(s);
        x86_cc_set_sub(s, a, b, res, size);
        return res;
    case X86_ALU_SUB:
    case X86_ALU_CMP:
        res = a - b;
        x86_cc_set_sub(s, a, b, res, size);
        return res;
    case X86_ALU_OR:
        res = a | b;
        break;
    case X86_ALU_AND:
        res = a & b;
        break;
    default:
        res = a ^ b;
    }
    x86_cc_set_logic(s, res, size);
    return res;
}

/* INC and DEC keep CF: the carry out of the top bit is replaced by it, and the
 * carry into the top bit chosen such that OF stays right. */
X86_INLINE uint64_t x86_incdec(X86State *s, uint64_t a, int delta, unsigned size)
{
    uint64_t cf = (uint64_t)x86_cf(s) << 63;
    uint64_t res = a + (int64_t)delta;

    if (delta > 0) {
        x86_cc_set_add(s, a, 1, res, size);
    } else {
        x86_cc_set_sub(s, a, 1, res, size);
    }
    if ((s->cc_carries ^ cf) >> 63) {
        s->cc_carries ^= 3ull << 62;
    }
    return res;
}

X86_INLINE uint64_t x86_neg(X86State *s, uint64_t a, unsigned size)
{
    uint64_t res = -a;

    x86_cc_set_sub(s, 0, a, res, size);
    return res;
}

typedef enum X86ShiftOp {
    X86_ROL, X86_ROR, X86_RCL, X86_RCR, X86_SHL, X86_SHR, X86_SAL, X86_SAR,
} X86ShiftOp;

/* Shifts and rotates with the host's own instruction: its undefined flags
 * (AF, OF of counts above 1) are those of a real CPU. */
uint64_t x86_shift(X86State *s, X86ShiftOp op, uint64_t a, unsigned count, unsigned size);

#endif
