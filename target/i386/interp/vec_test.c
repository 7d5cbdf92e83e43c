/*
 * Vector instructions whose result is EFLAGS or an index: COMISS, PTEST,
 * PCMPxSTRx (SDM vol. 1, 10.4.1.4, 12.10, 12.11.3).
 *
 * The host functions leave the flags where LAHF and SETO put them:
 *
 *    15 14 13 12 11 10  9  8 | 7 ... 0
 *    SF ZF  0 AF  0 PF  1 CF |   OF
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/vec.h"

#define SAVE_FLAGS "seto %%al\n\tlahf"

static void set_flags(X86State *s, uint32_t lahf)
{
    uint32_t flags = (lahf >> 8) & (X86_EFLAGS_SF | X86_EFLAGS_ZF | X86_EFLAGS_AF |
                                    X86_EFLAGS_PF | X86_EFLAGS_CF);

    x86_set_arith_flags(s, flags | (lahf & 1 ? X86_EFLAGS_OF : 0));
}

/* Scalar comparisons: low elements of op0 and op1. */
#define COMPARES(X) X(COMISS) X(COMISD) X(UCOMISS) X(UCOMISD)

static void compare(X86CPU *cpu, const X86Insn *insn, X86VecFn *fn)
{
    X86Vector v[X86_VEC_SOURCES];

    x86_vec_load_operand(cpu, insn, 0, &v[0]);
    x86_vec_load_operand(cpu, insn, 1, &v[1]);
    x86_vec_call_fp(cpu, fn, v, 0);
    set_flags(&cpu->state, v[0].u32[0]);
}

#define DEFINE(name)                                                                \
    VEC_SSE_FN(name##_sse, #name " %%xmm1, %%xmm0\n\t" SAVE_FLAGS                   \
                           "\n\tmovd %%eax, %%xmm0")                                \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        compare(cpu, insn, name##_sse);                                             \
    }
COMPARES(DEFINE)
#undef DEFINE

/* PTEST, VTESTPS, VTESTPD: ZF of AND, CF of ANDN. */
static void test(X86CPU *cpu, const X86Insn *insn, X86VecFn *fn)
{
    X86Vector v[X86_VEC_SOURCES];

    x86_vec_load_operand(cpu, insn, 0, &v[0]);
    x86_vec_load_operand(cpu, insn, 1, &v[1]);
    fn(v, 0);
    set_flags(&cpu->state, v[0].u32[0]);
}

#define DEFINE(name, mnemonic)                                                      \
    VEC_SSE_FN(name##_sse, mnemonic " %%xmm1, %%xmm0\n\t" SAVE_FLAGS                \
                           "\n\tmovd %%eax, %%xmm0")                                \
    VEC_AVX_FN(name##_avx, #name " %%ymm1, %%ymm0\n\t" SAVE_FLAGS                   \
                           "\n\tvmovd %%eax, %%xmm0")                               \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        test(cpu, insn, insn->vex_l ? name##_avx : name##_sse);                     \
    }
DEFINE(VPTEST, "ptest")
DEFINE(VTESTPS, "vtestps")
DEFINE(VTESTPD, "vtestpd")
#undef DEFINE

/*
 * String comparisons. v[2] holds the explicit lengths (EAX, EDX); the results
 * are v[0] (XMM0), v[2].u32[0] (ECX) and v[2].u32[1] (flags).
 */
#define STRINGS(X) X(PCMPESTRI) X(PCMPESTRM) X(PCMPISTRI) X(PCMPISTRM)

#define STRING_LOAD VEC_SSE_LOAD "mov 128(%0), %%eax\n\tmov 132(%0), %%edx\n\t"
#define STRING_SAVE \
    "\n\t" SAVE_FLAGS "\n\tmov %%ecx, 128(%0)\n\tmov %%eax, 132(%0)" VEC_SSE_SAVE

/* A length register as its host instruction sees it: only -16..16 differ. */
static int32_t string_length(const X86State *s, const X86Insn *insn, unsigned reg)
{
    int64_t len = insn->prefixes & X86_PFX_REX_W ? (int64_t)s->regs[reg] : (int32_t)s->regs[reg];

    return CLAMP(len, -16, 16);
}

static void compare_strings(X86CPU *cpu, const X86Insn *insn, X86VecFn *fn, bool mask)
{
    X86State *s = &cpu->state;
    X86Vector v[X86_VEC_SOURCES];

    x86_vec_load_operand(cpu, insn, 0, &v[0]);
    x86_vec_load_operand(cpu, insn, 1, &v[1]);
    v[2].u32[0] = string_length(s, insn, X86_RAX);
    v[2].u32[1] = string_length(s, insn, X86_RDX);
    fn(v, insn->imm & 0xff);
    if (mask) {
        x86_vec_write_reg(s, insn, 0, &v[0], 16);
    } else {
        x86_gpr_write(s, X86_RCX, 4, v[2].u32[0]);
    }
    set_flags(s, v[2].u32[1]);
}

#define DEFINE(name)                                                                \
    VEC_IMM_FN(name##_sse, #name " $vec_i, %xmm1, %xmm0", STRING_LOAD, STRING_SAVE) \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        compare_strings(cpu, insn, name##_sse, #name[sizeof(#name) - 2] == 'M');    \
    }
STRINGS(DEFINE)
#undef DEFINE

const X86Handler x86_handlers_vec_test[] = {
    COMPARES(VEC_ROW_BOTH)
    { X86_MN_PTEST, op_VPTEST },
    VEC_ROW(VPTEST)
    VEC_ROW(VTESTPS)
    VEC_ROW(VTESTPD)
    STRINGS(VEC_ROW_BOTH)
    { 0, NULL },
};
