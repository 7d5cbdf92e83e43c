/*
 * SIMD floating-point arithmetic and comparison: SSE to SSE4.1, AVX, FMA3
 * (SDM vol. 1, 10 to 14).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/vec.h"

/* Two packed sources; may raise SIMD floating-point exceptions. */
#define PACKED(X)                                                                   \
    X(ADDPS) X(ADDPD) X(SUBPS) X(SUBPD) X(MULPS) X(MULPD) X(DIVPS) X(DIVPD)         \
    X(MINPS) X(MINPD) X(MAXPS) X(MAXPD) X(ADDSUBPS) X(ADDSUBPD)                     \
    X(HADDPS) X(HADDPD) X(HSUBPS) X(HSUBPD)

/* Low element computed, the others of the first source. */
#define SCALAR(X)                                                                   \
    X(ADDSS) X(ADDSD) X(SUBSS) X(SUBSD) X(MULSS) X(MULSD) X(DIVSS) X(DIVSD)         \
    X(MINSS) X(MINSD) X(MAXSS) X(MAXSD) X(SQRTSS) X(SQRTSD)

#define PACKED_UNARY(X) X(SQRTPS) X(SQRTPD)

/* No exceptions: logic, approximations. */
#define LOGIC(X)                                                                    \
    X(ANDPS) X(ANDPD) X(ANDNPS) X(ANDNPD) X(ORPS) X(ORPD) X(XORPS) X(XORPD)
#define APPROXIMATE_SCALAR(X) X(RCPSS) X(RSQRTSS)
#define APPROXIMATE_PACKED(X) X(RCPPS) X(RSQRTPS)

#define ROUND_PACKED(X) X(ROUNDPS) X(ROUNDPD)
#define ROUND_SCALAR(X) X(ROUNDSS) X(ROUNDSD)
#define COMPARE_PACKED(X) X(CMPPS) X(CMPPD)
#define COMPARE_SCALAR(X) X(CMPSS) X(CMPSD)

/* FMA3: the number says which operands are multiplied and added. */
#define FMA_ORDERS(X, name, type) X(name##132##type) X(name##213##type) X(name##231##type)
#define FMA_PACKED_TYPE(X, type)                                                    \
    FMA_ORDERS(X, VFMADD, type) FMA_ORDERS(X, VFMSUB, type)                         \
    FMA_ORDERS(X, VFNMADD, type) FMA_ORDERS(X, VFNMSUB, type)                       \
    FMA_ORDERS(X, VFMADDSUB, type) FMA_ORDERS(X, VFMSUBADD, type)
#define FMA_SCALAR_TYPE(X, type)                                                    \
    FMA_ORDERS(X, VFMADD, type) FMA_ORDERS(X, VFMSUB, type)                         \
    FMA_ORDERS(X, VFNMADD, type) FMA_ORDERS(X, VFNMSUB, type)
#define FMA_PACKED(X) FMA_PACKED_TYPE(X, PS) FMA_PACKED_TYPE(X, PD)
#define FMA_SCALAR(X) FMA_SCALAR_TYPE(X, SS) FMA_SCALAR_TYPE(X, SD)

#define DEFINE(name) VEC_BINARY_SA(name, x86_vec_run_fp)
PACKED(DEFINE)
#undef DEFINE

#define DEFINE(name) VEC_BINARY_S(name, x86_vec_run_fp)
SCALAR(DEFINE)
#undef DEFINE

#define DEFINE(name) VEC_UNARY_SA(name, x86_vec_run_fp)
PACKED_UNARY(DEFINE)
#undef DEFINE

#define DEFINE(name) VEC_BINARY_SA(name, x86_vec_run)
LOGIC(DEFINE)
#undef DEFINE

#define DEFINE(name) VEC_BINARY_S(name, x86_vec_run)
APPROXIMATE_SCALAR(DEFINE)
#undef DEFINE

#define DEFINE(name) VEC_UNARY_SA(name, x86_vec_run)
APPROXIMATE_PACKED(DEFINE)
#undef DEFINE

#define DEFINE(name) VEC_UNARY_IMM_SA(name, x86_vec_run_fp)
ROUND_PACKED(DEFINE)
#undef DEFINE

#define DEFINE(name) VEC_BINARY_IMM_S(name, x86_vec_run_fp)
ROUND_SCALAR(DEFINE)
COMPARE_SCALAR(DEFINE)
#undef DEFINE

/* VCMPxx has 32 predicates, the legacy form 8: not the same host instruction. */
#define DEFINE(name)                                                                \
    VEC_SSE_IMM_FN(V##name##_sse, "V" #name " $vec_i, %xmm1, %xmm0, %xmm0")         \
    VEC_OP(V##name, x86_vec_run_fp, X86_VEC_BINARY, NULL, V##name##_sse, V##name##_sse)
COMPARE_SCALAR(DEFINE)
#undef DEFINE

#define DEFINE(name)                                                                \
    VEC_SSE_IMM_FN(name##_sse, #name " $vec_i, %xmm1, %xmm0")                       \
    VEC_OP(name, x86_vec_run_fp, X86_VEC_BINARY, NULL, name##_sse, NULL)            \
    VEC_SSE_IMM_FN(V##name##_sse, "V" #name " $vec_i, %xmm1, %xmm0, %xmm0")         \
    VEC_AVX_IMM_FN(V##name##_avx, "V" #name " $vec_i, %ymm1, %ymm0, %ymm0")         \
    VEC_OP(V##name, x86_vec_run_fp, X86_VEC_BINARY, NULL, V##name##_sse, V##name##_avx)
COMPARE_PACKED(DEFINE)
#undef DEFINE

VEC_BINARY_IMM_SA(DPPS, x86_vec_run_fp)
VEC_BINARY_IMM_S(DPPD, x86_vec_run_fp)

#define DEFINE(name)                                                                \
    VEC_SSE_FN(name##_sse, #name " %%xmm2, %%xmm1, %%xmm0")                         \
    VEC_AVX_FN(name##_avx, #name " %%ymm2, %%ymm1, %%ymm0")                         \
    VEC_OP(name, x86_vec_run_fp, X86_VEC_FMA, NULL, name##_sse, name##_avx)
FMA_PACKED(DEFINE)
#undef DEFINE

#define DEFINE(name)                                                                \
    VEC_SSE_FN(name##_sse, #name " %%xmm2, %%xmm1, %%xmm0")                         \
    VEC_OP(name, x86_vec_run_fp, X86_VEC_FMA, NULL, name##_sse, name##_sse)
FMA_SCALAR(DEFINE)
#undef DEFINE

#define VEX_COMPARE_ROW(name) { X86_MN_V##name, op_V##name },

const X86Handler x86_handlers_vec_float[] = {
    PACKED(VEC_ROW_BOTH)
    SCALAR(VEC_ROW_BOTH)
    PACKED_UNARY(VEC_ROW_BOTH)
    LOGIC(VEC_ROW_BOTH)
    APPROXIMATE_SCALAR(VEC_ROW_BOTH)
    APPROXIMATE_PACKED(VEC_ROW_BOTH)
    ROUND_PACKED(VEC_ROW_BOTH)
    ROUND_SCALAR(VEC_ROW_BOTH)
    COMPARE_PACKED(VEC_ROW)
    COMPARE_SCALAR(VEC_ROW)
    COMPARE_PACKED(VEX_COMPARE_ROW)
    COMPARE_SCALAR(VEX_COMPARE_ROW)
    VEC_ROW_BOTH(DPPS)
    VEC_ROW_BOTH(DPPD)
    FMA_PACKED(VEC_ROW)
    FMA_SCALAR(VEC_ROW)
    { 0, NULL },
};
