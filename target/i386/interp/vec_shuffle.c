/*
 * Shuffles, blends, permutations, insertions, extractions and sign masks
 * (SDM vol. 1, 10.4.4, 11.4.3, 12.6, 14.6).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/vec.h"
#include "target/i386/interp/x87.h"

#define UNARY_IMM(X) X(PSHUFD) X(PSHUFHW) X(PSHUFLW)
#define BINARY_IMM(X)                                                               \
    X(SHUFPS) X(SHUFPD) X(BLENDPS) X(BLENDPD) X(PBLENDW) X(MPSADBW)
#define BINARY(X) X(UNPCKLPS) X(UNPCKLPD) X(UNPCKHPS) X(UNPCKHPD)
#define DUPLICATES(X) X(MOVDDUP) X(MOVSHDUP) X(MOVSLDUP)
#define BLENDS(X) X(BLENDVPS) X(BLENDVPD) X(PBLENDVB)
#define PERMUTES_IN_LANE(X) X(VPERMILPS) X(VPERMILPD)
#define PERMUTES_IMM(X) X(VPERMQ) X(VPERMPD)
#define PERMUTES(X) X(VPERMD) X(VPERMPS)
#define PERMUTES_128(X) X(VPERM2F128) X(VPERM2I128)
#define MASKS(X) X(MOVMSKPS) X(MOVMSKPD)

#define DEFINE(name) VEC_UNARY_IMM_SA(name, x86_vec_run)
UNARY_IMM(DEFINE)
#undef DEFINE

#define DEFINE(name) VEC_BINARY_IMM_SA(name, x86_vec_run)
BINARY_IMM(DEFINE)
#undef DEFINE

#define DEFINE(name) VEC_BINARY_SA(name, x86_vec_run)
BINARY(DEFINE)
#undef DEFINE

#define DEFINE(name) VEC_UNARY_SA(name, x86_vec_run)
DUPLICATES(DEFINE)
#undef DEFINE

/* The legacy instruction takes its mask from xmm0 itself. */
#define DEFINE(name)                                                                \
    VEC_SSE_FN(name##_sse, "movaps %%xmm0, %%xmm3\n\tmovaps %%xmm2, %%xmm0\n\t"     \
                           #name " %%xmm0, %%xmm1, %%xmm3\n\tmovaps %%xmm3, %%xmm0") \
    VEC_AVX_FN(name##_avx, "V" #name " %%ymm2, %%ymm1, %%ymm0, %%ymm0")             \
    VEC_OP(name, x86_vec_run, X86_VEC_BLEND, NULL, name##_sse, name##_avx)
BLENDS(DEFINE)
#undef DEFINE

#define DEFINE(name)                                                                \
    VEC_SSE_FN(name##_sse, #name " %%xmm1, %%xmm0, %%xmm0")                         \
    VEC_AVX_FN(name##_avx, #name " %%ymm1, %%ymm0, %%ymm0")                         \
    VEC_OP(name##_reg, x86_vec_run, X86_VEC_BINARY, NULL, name##_sse, name##_avx)   \
    VEC_SSE_IMM_FN(name##_imm_sse, #name " $vec_i, %xmm1, %xmm0")                   \
    VEC_AVX_IMM_FN(name##_imm_avx, #name " $vec_i, %ymm1, %ymm0")                   \
    VEC_OP(name##_imm, x86_vec_run, X86_VEC_UNARY, NULL, name##_imm_sse, name##_imm_avx) \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        (insn->op[2].kind == X86_OP_IMM ? op_##name##_imm : op_##name##_reg)(cpu, insn); \
    }
PERMUTES_IN_LANE(DEFINE)
#undef DEFINE

#define DEFINE(name)                                                                \
    VEC_AVX_IMM_FN(name##_avx, #name " $vec_i, %ymm1, %ymm0")                       \
    VEC_OP(name, x86_vec_run, X86_VEC_UNARY, NULL, NULL, name##_avx)
PERMUTES_IMM(DEFINE)
#undef DEFINE

#define DEFINE(name)                                                                \
    VEC_AVX_FN(name##_avx, #name " %%ymm1, %%ymm0, %%ymm0")                         \
    VEC_OP(name, x86_vec_run, X86_VEC_BINARY, NULL, NULL, name##_avx)
PERMUTES(DEFINE)
#undef DEFINE

#define DEFINE(name)                                                                \
    VEC_AVX_IMM_FN(name##_avx, #name " $vec_i, %ymm1, %ymm0, %ymm0")                \
    VEC_OP(name, x86_vec_run, X86_VEC_BINARY, NULL, NULL, name##_avx)
PERMUTES_128(DEFINE)
#undef DEFINE

/* Sign bits into a general register. */
#define DEFINE(name)                                                                \
    VEC_SSE_FN(name##_sse, #name " %%xmm1, %%eax\n\tmovd %%eax, %%xmm0")            \
    VEC_AVX_FN(name##_avx, "V" #name " %%ymm1, %%eax\n\tvmovd %%eax, %%xmm0")       \
    VEC_OP(name, x86_vec_run, X86_VEC_UNARY, NULL, name##_sse, name##_avx)
MASKS(DEFINE)
#undef DEFINE

VEC_MMX_FN(PMOVMSKB_mmx, "pmovmskb %%mm1, %%eax\n\tmovd %%eax, %%mm0")
VEC_SSE_FN(PMOVMSKB_sse, "pmovmskb %%xmm1, %%eax\n\tmovd %%eax, %%xmm0")
VEC_AVX_FN(PMOVMSKB_avx, "vpmovmskb %%ymm1, %%eax\n\tvmovd %%eax, %%xmm0")
VEC_OP(PMOVMSKB, x86_vec_run, X86_VEC_UNARY, PMOVMSKB_mmx, PMOVMSKB_sse, PMOVMSKB_avx)

VEC_MMX_IMM_FN(PSHUFW_mmx, "pshufw $vec_i, %mm1, %mm0")
VEC_OP(PSHUFW, x86_vec_run, X86_VEC_UNARY, PSHUFW_mmx, NULL, NULL)

VEC_MMX_IMM_FN(PALIGNR_mmx, "palignr $vec_i, %mm1, %mm0")
VEC_SSE_IMM_FN(PALIGNR_sse, "palignr $vec_i, %xmm1, %xmm0")
VEC_AVX_IMM_FN(PALIGNR_avx, "vpalignr $vec_i, %ymm1, %ymm0, %ymm0")
VEC_OP(PALIGNR, x86_vec_run, X86_VEC_BINARY, PALIGNR_mmx, PALIGNR_sse, PALIGNR_avx)

VEC_SSE_IMM_FN(VPBLENDD_sse, "vpblendd $vec_i, %xmm1, %xmm0, %xmm0")
VEC_AVX_IMM_FN(VPBLENDD_avx, "vpblendd $vec_i, %ymm1, %ymm0, %ymm0")
VEC_OP(VPBLENDD, x86_vec_run, X86_VEC_BINARY, NULL, VPBLENDD_sse, VPBLENDD_avx)

/* From memory there is one element: the bits that choose one are ignored. */
VEC_SSE_IMM_FN(INSERTPS_sse, "insertps $vec_i, %xmm1, %xmm0")

static void op_INSERTPS(X86CPU *cpu, const X86Insn *insn)
{
    X86Vector v[X86_VEC_SOURCES];
    bool mem = x86_op_is_mem(insn, x86_vec_first_source(insn) + 1);

    x86_vec_load(cpu, insn, X86_VEC_BINARY, v);
    INSERTPS_sse(v, insn->imm & (mem ? 0x3f : 0xff));
    x86_vec_store(cpu, insn, 0, &v[0]);
}

/* VBROADCASTxx, VPBROADCASTx: the source's first size bytes everywhere. */
static void broadcast(X86CPU *cpu, const X86Insn *insn, unsigned size)
{
    X86Vector src, result;

    x86_vec_load_operand(cpu, insn, 1, &src);
    for (unsigned i = 0; i < 32; i += size) {
        memcpy(result.u8 + i, src.u8, size);
    }
    x86_vec_store(cpu, insn, 0, &result);
}

#define BROADCASTS(X)                                                               \
    X(VPBROADCASTB, 1) X(VPBROADCASTW, 2) X(VPBROADCASTD, 4) X(VPBROADCASTQ, 8)     \
    X(VBROADCASTSS, 4) X(VBROADCASTSD, 8) X(VBROADCASTF128, 16) X(VBROADCASTI128, 16)

#define DEFINE(name, size)                                                          \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        broadcast(cpu, insn, size);                                                 \
    }
BROADCASTS(DEFINE)
#undef DEFINE

/* PINSRx: one element of size bytes from a general register or memory. */
static void insert(X86CPU *cpu, const X86Insn *insn, unsigned size)
{
    unsigned first = x86_vec_first_source(insn);
    bool mmx = insn->op[0].kind == X86_OP_MMX;
    unsigned elements = (mmx ? 8 : 16) / size;
    X86Vector result;
    uint64_t val;

    val = x86_op_is_mem(insn, first + 1)
        ? x86_lin_read_n(cpu, x86_op_lin(cpu, insn, first + 1, size, X86_ACCESS_READ), size)
        : cpu->state.regs[insn->op[first + 1].reg];
    x86_vec_load_operand(cpu, insn, first, &result);
    memcpy(result.u8 + (insn->imm & (elements - 1)) * size, &val, size);
    if (mmx) {
        x86_mmx_enter(&cpu->state);
    }
    x86_vec_store(cpu, insn, 0, &result);
}

/* PEXTRx, EXTRACTPS: one element into a general register (zero-extended) or memory. */
static void extract(X86CPU *cpu, const X86Insn *insn, unsigned size)
{
    bool mmx = insn->op[1].kind == X86_OP_MMX;
    unsigned elements = (mmx ? 8 : 16) / size;
    X86Vector src;
    uint64_t val = 0;

    x86_vec_load_operand(cpu, insn, 1, &src);
    memcpy(&val, src.u8 + (insn->imm & (elements - 1)) * size, size);
    if (x86_op_is_mem(insn, 0)) {
        x86_lin_write_n(cpu, x86_op_lin(cpu, insn, 0, size, X86_ACCESS_WRITE), val, size);
    } else {
        cpu->state.regs[insn->op[0].reg] = val;
    }
    if (mmx) {
        x86_mmx_enter(&cpu->state);
    }
}

#define INSERTS(X) X(PINSRB, 1) X(PINSRW, 2) X(PINSRD, 4) X(PINSRQ, 8)
#define EXTRACTS(X) X(PEXTRB, 1) X(PEXTRW, 2) X(PEXTRD, 4) X(PEXTRQ, 8) X(EXTRACTPS, 4)

#define DEFINE(name, size)                                                          \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        insert(cpu, insn, size);                                                    \
    }
INSERTS(DEFINE)
#undef DEFINE

#define DEFINE(name, size)                                                          \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        extract(cpu, insn, size);                                                   \
    }
EXTRACTS(DEFINE)
#undef DEFINE

/* VINSERTF128 ymm, ymm, xmm/m128, imm8 and VINSERTI128 */
static void op_insert_half(X86CPU *cpu, const X86Insn *insn)
{
    X86Vector v[X86_VEC_SOURCES];

    x86_vec_load(cpu, insn, X86_VEC_BINARY, v);
    memcpy(v[0].u8 + (insn->imm & 1) * 16, v[1].u8, 16);
    x86_vec_store(cpu, insn, 0, &v[0]);
}

/* VEXTRACTF128 xmm/m128, ymm, imm8 and VEXTRACTI128 */
static void op_extract_half(X86CPU *cpu, const X86Insn *insn)
{
    X86Vector src, result;

    x86_vec_load_operand(cpu, insn, 1, &src);
    memcpy(result.u8, src.u8 + (insn->imm & 1) * 16, 16);
    x86_vec_store(cpu, insn, 0, &result);
}

#define SIZED_ROW(name, size) { X86_MN_##name, op_##name },
#define SIZED_ROW_BOTH(name, size) { X86_MN_##name, op_##name }, { X86_MN_V##name, op_##name },

const X86Handler x86_handlers_vec_shuffle[] = {
    UNARY_IMM(VEC_ROW_BOTH)
    BINARY_IMM(VEC_ROW_BOTH)
    BINARY(VEC_ROW_BOTH)
    DUPLICATES(VEC_ROW_BOTH)
    BLENDS(VEC_ROW_BOTH)
    PERMUTES_IN_LANE(VEC_ROW)
    PERMUTES_IMM(VEC_ROW)
    PERMUTES(VEC_ROW)
    PERMUTES_128(VEC_ROW)
    MASKS(VEC_ROW_BOTH)
    VEC_ROW_BOTH(PMOVMSKB)
    VEC_ROW(PSHUFW)
    VEC_ROW_BOTH(PALIGNR)
    VEC_ROW(VPBLENDD)
    VEC_ROW_BOTH(INSERTPS)
    BROADCASTS(SIZED_ROW)
    INSERTS(SIZED_ROW_BOTH)
    EXTRACTS(SIZED_ROW_BOTH)
    { X86_MN_VINSERTF128, op_insert_half },
    { X86_MN_VINSERTI128, op_insert_half },
    { X86_MN_VEXTRACTF128, op_extract_half },
    { X86_MN_VEXTRACTI128, op_extract_half },
    { 0, NULL },
};
