/*
 * AES, PCLMULQDQ (and their 256-bit VEX forms), SHA, and SSE4A's bit fields
 * (SDM vol. 1, 12.13 to 12.14 and 14.2; APM vol. 4, EXTRQ and INSERTQ).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/vec.h"

#define AES_ROUNDS(X) X(AESENC) X(AESENCLAST) X(AESDEC) X(AESDECLAST)
#define SHA_STEPS(X) X(SHA1NEXTE) X(SHA1MSG1) X(SHA1MSG2) X(SHA256MSG1) X(SHA256MSG2)

#define DEFINE(name) VEC_BINARY_SA(name, x86_vec_run)
AES_ROUNDS(DEFINE)
#undef DEFINE

#define DEFINE(name) VEC_BINARY_S(name, x86_vec_run)
SHA_STEPS(DEFINE)
#undef DEFINE

VEC_SSE_FN(AESIMC_sse, "aesimc %%xmm1, %%xmm0")
VEC_OP(AESIMC, x86_vec_run, X86_VEC_UNARY, NULL, AESIMC_sse, NULL)

VEC_SSE_IMM_FN(AESKEYGENASSIST_sse, "aeskeygenassist $vec_i, %xmm1, %xmm0")
VEC_OP(AESKEYGENASSIST, x86_vec_run, X86_VEC_UNARY, NULL, AESKEYGENASSIST_sse, NULL)

VEC_BINARY_IMM_SA(PCLMULQDQ, x86_vec_run)
VEC_BINARY_IMM_S(SHA1RNDS4, x86_vec_run)

VEC_SSE_FN(SHA256RNDS2_sse, "movaps %%xmm0, %%xmm3\n\tmovaps %%xmm2, %%xmm0\n\t"
                            "sha256rnds2 %%xmm0, %%xmm1, %%xmm3\n\tmovaps %%xmm3, %%xmm0")
VEC_OP(SHA256RNDS2, x86_vec_run, X86_VEC_BLEND, NULL, SHA256RNDS2_sse, NULL)

/*
 * EXTRQ and INSERTQ: a bit field of the low quadword. The register form has
 * length and index in a register, the immediate form is executed through it.
 *
 *    13     8 7 6 5      0
 *   |  index |0 0| length |
 */
VEC_SSE_FN(EXTRQ_sse, "extrq %%xmm1, %%xmm0")
VEC_SSE_FN(INSERTQ_sse, "insertq %%xmm1, %%xmm0")

static uint64_t bit_field(uint64_t length, uint64_t index)
{
    return (length & 0x3f) | (index & 0x3f) << 8;
}

/* EXTRQ xmm, imm8, imm8 or EXTRQ xmm, xmm */
static void op_EXTRQ(X86CPU *cpu, const X86Insn *insn)
{
    X86Vector v[X86_VEC_SOURCES];

    x86_vec_load(cpu, insn, X86_VEC_BINARY, v);
    if (insn->op[1].kind == X86_OP_IMM) {
        v[1].u64[0] = bit_field(insn->imm, insn->imm2);
    }
    EXTRQ_sse(v, 0);
    x86_vec_store(cpu, insn, 0, &v[0]);
}

/* INSERTQ xmm, xmm, imm8, imm8 or INSERTQ xmm, xmm */
static void op_INSERTQ(X86CPU *cpu, const X86Insn *insn)
{
    X86Vector v[X86_VEC_SOURCES];

    x86_vec_load(cpu, insn, X86_VEC_BINARY, v);
    if (insn->op[2].kind == X86_OP_IMM) {
        v[1].u64[1] = bit_field(insn->imm, insn->imm2);
    }
    INSERTQ_sse(v, 0);
    x86_vec_store(cpu, insn, 0, &v[0]);
}

const X86Handler x86_handlers_vec_crypto[] = {
    AES_ROUNDS(VEC_ROW_BOTH)
    VEC_ROW_BOTH(AESIMC)
    VEC_ROW_BOTH(AESKEYGENASSIST)
    VEC_ROW_BOTH(PCLMULQDQ)
    SHA_STEPS(VEC_ROW)
    VEC_ROW(SHA1RNDS4)
    VEC_ROW(SHA256RNDS2)
    VEC_ROW(EXTRQ)
    VEC_ROW(INSERTQ)
    { 0, NULL },
};
