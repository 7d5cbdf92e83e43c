/*
 * Conversions between integer and floating-point formats: SSE, SSE2, AVX, F16C
 * (SDM vol. 1, 11.6.1 to 11.6.3 and 14.4).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/vec.h"
#include "target/i386/interp/x87.h"

/* Elements keep their width. */
#define SAME_WIDTH(X) X(CVTDQ2PS) X(CVTPS2DQ) X(CVTTPS2DQ)
/* The low half of the source becomes wider elements; the reverse. */
#define WIDEN(X) X(CVTDQ2PD) X(CVTPS2PD)
#define NARROW(X) X(CVTPD2PS) X(CVTPD2DQ) X(CVTTPD2DQ)
#define SCALAR(X) X(CVTSS2SD) X(CVTSD2SS)
#define FROM_GPR(X) X(CVTSI2SS) X(CVTSI2SD)
#define TO_GPR(X) X(CVTSS2SI) X(CVTTSS2SI) X(CVTSD2SI) X(CVTTSD2SI)
#define TO_MMX(X) X(CVTPS2PI) X(CVTTPS2PI) X(CVTPD2PI) X(CVTTPD2PI)

#define DEFINE(name) VEC_UNARY_SA(name, x86_vec_run_fp)
SAME_WIDTH(DEFINE)
#undef DEFINE

#define DEFINE(name)                                                                \
    VEC_SSE_FN(name##_sse, #name " %%xmm1, %%xmm0")                                 \
    VEC_AVX_FN(name##_avx, "V" #name " %%xmm1, %%ymm0")                             \
    VEC_OP(name, x86_vec_run_fp, X86_VEC_UNARY, NULL, name##_sse, name##_avx)
WIDEN(DEFINE)
#undef DEFINE

#define DEFINE(name)                                                                \
    VEC_SSE_FN(name##_sse, #name " %%xmm1, %%xmm0")                                 \
    VEC_AVX_FN(name##_avx, "V" #name "y %%ymm1, %%xmm0")                            \
    VEC_OP(name, x86_vec_run_fp, X86_VEC_UNARY, NULL, name##_sse, name##_avx)
NARROW(DEFINE)
#undef DEFINE

#define DEFINE(name) VEC_BINARY_S(name, x86_vec_run_fp)
SCALAR(DEFINE)
#undef DEFINE

/* The integer operand, of 4 or 8 bytes, is the last one. */
#define DEFINE(name)                                                                \
    VEC_SSE_FN(name##_32, #name "l 64(%0), %%xmm0")                                 \
    VEC_SSE_FN(name##_64, #name "q 64(%0), %%xmm0")                                 \
    VEC_OP(name##_from32, x86_vec_run_fp, X86_VEC_BINARY, NULL, name##_32, name##_32) \
    VEC_OP(name##_from64, x86_vec_run_fp, X86_VEC_BINARY, NULL, name##_64, name##_64) \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        bool wide = insn->op[x86_vec_first_source(insn) + 1].size == 8;             \
                                                                                    \
        (wide ? op_##name##_from64 : op_##name##_from32)(cpu, insn);                \
    }
FROM_GPR(DEFINE)
#undef DEFINE

#define DEFINE(name)                                                                \
    VEC_SSE_FN(name##_32, #name " %%xmm1, %%eax\n\tmovd %%eax, %%xmm0")             \
    VEC_SSE_FN(name##_64, #name " %%xmm1, %%rax\n\tmovq %%rax, %%xmm0")             \
    VEC_OP(name##_to32, x86_vec_run_fp, X86_VEC_UNARY, NULL, name##_32, name##_32)  \
    VEC_OP(name##_to64, x86_vec_run_fp, X86_VEC_UNARY, NULL, name##_64, name##_64)  \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        (insn->op[0].size == 8 ? op_##name##_to64 : op_##name##_to32)(cpu, insn);   \
    }
TO_GPR(DEFINE)
#undef DEFINE

#define DEFINE(name)                                                                \
    VEC_SSE_FN(name##_mmx, #name " %%xmm1, %%mm0\n\tmovq %%mm0, %%rax\n\t"          \
                                 "emms\n\tmovq %%rax, %%xmm0")                      \
    VEC_OP(name, x86_vec_run_fp, X86_VEC_UNARY, name##_mmx, NULL, NULL)
TO_MMX(DEFINE)
#undef DEFINE

/* From an MMX register the x87 unit changes to MMX use; from memory CVTPI2PD does not. */
VEC_SSE_FN(CVTPI2PS_sse, "CVTPI2PS 64(%0), %%xmm0\n\temms")
VEC_SSE_FN(CVTPI2PD_sse, "CVTPI2PD 64(%0), %%xmm0\n\temms")
VEC_OP(CVTPI2PS, x86_vec_run_fp, X86_VEC_BINARY, CVTPI2PS_sse, CVTPI2PS_sse, NULL)
VEC_OP(CVTPI2PD, x86_vec_run_fp, X86_VEC_BINARY, CVTPI2PD_sse, CVTPI2PD_sse, NULL)

VEC_SSE_FN(VCVTPH2PS_sse, "vcvtph2ps %%xmm1, %%xmm0")
VEC_AVX_FN(VCVTPH2PS_avx, "vcvtph2ps %%xmm1, %%ymm0")
VEC_OP(VCVTPH2PS, x86_vec_run_fp, X86_VEC_UNARY, NULL, VCVTPH2PS_sse, VCVTPH2PS_avx)

/* VCVTPS2PH xmm/mem, xmm/ymm, imm8: the destination may be memory of half the length. */
VEC_SSE_IMM_FN(VCVTPS2PH_sse, "vcvtps2ph $vec_i, %xmm1, %xmm0")
VEC_AVX_IMM_FN(VCVTPS2PH_avx, "vcvtps2ph $vec_i, %ymm1, %xmm0")
VEC_OP(VCVTPS2PH, x86_vec_run_fp, X86_VEC_UNARY, NULL, VCVTPS2PH_sse, VCVTPS2PH_avx)

const X86Handler x86_handlers_vec_convert[] = {
    SAME_WIDTH(VEC_ROW_BOTH)
    WIDEN(VEC_ROW_BOTH)
    NARROW(VEC_ROW_BOTH)
    SCALAR(VEC_ROW_BOTH)
    FROM_GPR(VEC_ROW_BOTH)
    TO_GPR(VEC_ROW_BOTH)
    TO_MMX(VEC_ROW)
    VEC_ROW(CVTPI2PS)
    VEC_ROW(CVTPI2PD)
    VEC_ROW(VCVTPH2PS)
    VEC_ROW(VCVTPS2PH)
    { 0, NULL },
};
