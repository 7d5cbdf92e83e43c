/*
 * Packed integer arithmetic, logic, comparison and shifts: MMX, SSE2 to SSE4.2,
 * AVX, AVX2 (SDM vol. 1, chapters 9 to 14).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/vec.h"

/* Two sources, in MMX, XMM and YMM registers. */
#define BINARY_MSA(X)                                                               \
    X(PADDB) X(PADDW) X(PADDD) X(PADDQ) X(PADDSB) X(PADDSW) X(PADDUSB) X(PADDUSW)   \
    X(PSUBB) X(PSUBW) X(PSUBD) X(PSUBQ) X(PSUBSB) X(PSUBSW) X(PSUBUSB) X(PSUBUSW)   \
    X(PMULHW) X(PMULHUW) X(PMULLW) X(PMULUDQ) X(PMADDWD) X(PSADBW) X(PAVGB)         \
    X(PAVGW) X(PMINUB) X(PMAXUB) X(PMINSW) X(PMAXSW) X(PAND) X(PANDN) X(POR)        \
    X(PXOR) X(PCMPEQB) X(PCMPEQW) X(PCMPEQD) X(PCMPGTB) X(PCMPGTW) X(PCMPGTD)       \
    X(PACKSSWB) X(PACKSSDW) X(PACKUSWB) X(PUNPCKLBW) X(PUNPCKLWD) X(PUNPCKLDQ)      \
    X(PUNPCKHBW) X(PUNPCKHWD) X(PUNPCKHDQ)                                          \
    X(PHADDW) X(PHADDD) X(PHADDSW) X(PHSUBW) X(PHSUBD) X(PHSUBSW) X(PMADDUBSW)      \
    X(PMULHRSW) X(PSHUFB) X(PSIGNB) X(PSIGNW) X(PSIGND)

/* Two sources, XMM and YMM only. */
#define BINARY_SA(X)                                                                \
    X(PUNPCKLQDQ) X(PUNPCKHQDQ) X(PCMPEQQ) X(PCMPGTQ) X(PACKUSDW) X(PMINSB)         \
    X(PMAXSB) X(PMINUW) X(PMAXUW) X(PMINSD) X(PMAXSD) X(PMINUD) X(PMAXUD)           \
    X(PMULLD) X(PMULDQ)

/* The count is a 64-bit number in an XMM or MMX register, memory or an immediate. */
#define SHIFTS(X)                                                                   \
    X(PSLLW) X(PSLLD) X(PSLLQ) X(PSRLW) X(PSRLD) X(PSRLQ) X(PSRAW) X(PSRAD)

/* A count for each element. */
#define VARIABLE_SHIFTS(X) \
    X(VPSLLVD) X(VPSLLVQ) X(VPSRLVD) X(VPSRLVQ) X(VPSRAVD)

#define ABSOLUTES(X) X(PABSB) X(PABSW) X(PABSD)

/* Sign- or zero-extension of the low elements. */
#define EXTENSIONS(X)                                                               \
    X(PMOVSXBW) X(PMOVSXBD) X(PMOVSXBQ) X(PMOVSXWD) X(PMOVSXWQ) X(PMOVSXDQ)         \
    X(PMOVZXBW) X(PMOVZXBD) X(PMOVZXBQ) X(PMOVZXWD) X(PMOVZXWQ) X(PMOVZXDQ)

#define BYTE_SHIFTS(X) X(PSLLDQ) X(PSRLDQ)

#define DEFINE(name) VEC_BINARY_MSA(name, x86_vec_run)
BINARY_MSA(DEFINE)
#undef DEFINE

#define DEFINE(name) VEC_BINARY_SA(name, x86_vec_run)
BINARY_SA(DEFINE)
#undef DEFINE

#define DEFINE(name)                                                                \
    VEC_MMX_FN(name##_mmx, #name " %%mm1, %%mm0")                                   \
    VEC_SSE_FN(name##_sse, #name " %%xmm1, %%xmm0")                                 \
    VEC_AVX_FN(name##_avx, "V" #name " %%xmm1, %%ymm0, %%ymm0")                     \
    VEC_OP(name, x86_vec_run, X86_VEC_BINARY, name##_mmx, name##_sse, name##_avx)
SHIFTS(DEFINE)
#undef DEFINE

#define DEFINE(name) VEC_BINARY_VV(name, x86_vec_run)
VARIABLE_SHIFTS(DEFINE)
#undef DEFINE

#define DEFINE(name)                                                                \
    VEC_MMX_FN(name##_mmx, #name " %%mm1, %%mm0")                                   \
    VEC_SSE_FN(name##_sse, #name " %%xmm1, %%xmm0")                                 \
    VEC_AVX_FN(name##_avx, "V" #name " %%ymm1, %%ymm0")                             \
    VEC_OP(name, x86_vec_run, X86_VEC_UNARY, name##_mmx, name##_sse, name##_avx)
ABSOLUTES(DEFINE)
#undef DEFINE

#define DEFINE(name)                                                                \
    VEC_SSE_FN(name##_sse, #name " %%xmm1, %%xmm0")                                 \
    VEC_AVX_FN(name##_avx, "V" #name " %%xmm1, %%ymm0")                             \
    VEC_OP(name, x86_vec_run, X86_VEC_UNARY, NULL, name##_sse, name##_avx)
EXTENSIONS(DEFINE)
#undef DEFINE

#define DEFINE(name)                                                                \
    VEC_SSE_IMM_FN(name##_sse, #name " $vec_i, %xmm0")                              \
    VEC_AVX_IMM_FN(name##_avx, "V" #name " $vec_i, %ymm0, %ymm0")                   \
    VEC_OP(name, x86_vec_run, X86_VEC_BINARY, NULL, name##_sse, name##_avx)
BYTE_SHIFTS(DEFINE)
#undef DEFINE

VEC_SSE_FN(PHMINPOSUW_sse, "PHMINPOSUW %%xmm1, %%xmm0")
VEC_OP(PHMINPOSUW, x86_vec_run, X86_VEC_UNARY, NULL, PHMINPOSUW_sse, NULL)

const X86Handler x86_handlers_vec_int[] = {
    BINARY_MSA(VEC_ROW_BOTH)
    BINARY_SA(VEC_ROW_BOTH)
    SHIFTS(VEC_ROW_BOTH)
    VARIABLE_SHIFTS(VEC_ROW)
    ABSOLUTES(VEC_ROW_BOTH)
    EXTENSIONS(VEC_ROW_BOTH)
    BYTE_SHIFTS(VEC_ROW_BOTH)
    VEC_ROW_BOTH(PHMINPOSUW)
    { 0, NULL },
};
