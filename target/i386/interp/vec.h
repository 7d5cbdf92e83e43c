/*
 * MMX, SSE and AVX handlers: the common path.
 *
 * The host's own vector unit executes the guest's vector instructions. An
 * instruction is a row of an X-macro list; the row gives the name of the host
 * instruction, and macros below turn it into tiny functions that run it on an
 * operand block:
 *
 *   v[0]  first source and result   host register mm0/xmm0/ymm0
 *   v[1]  second source             mm1/xmm1/ymm1
 *   v[2]  third source              xmm2/ymm2
 *
 * x86_vec_run() fills the block from the instruction's operands, calls the
 * function for the instruction's width and writes v[0] back: a legacy SSE
 * result keeps the destination's upper half, a VEX result clears it. A VEX.128
 * instruction needs no function of its own, it runs the SSE one. The guest's
 * features are a subset of the host's, so that a function runs only where it can.
 *
 * x86_vec_run_fp() does the same under the guest's MXCSR, see vec_core.c.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_VEC_H
#define TARGET_I386_INTERP_VEC_H

#include "target/i386/interp/interp.h"
#include "target/i386/interp/operand.h"

/* MXCSR (SDM vol. 1, 10.2.3) */
#define X86_MXCSR_IE X86_BIT(0)
#define X86_MXCSR_DE X86_BIT(1)
#define X86_MXCSR_ZE X86_BIT(2)
#define X86_MXCSR_OE X86_BIT(3)
#define X86_MXCSR_UE X86_BIT(4)
#define X86_MXCSR_PE X86_BIT(5)
#define X86_MXCSR_FLAGS 0x3fu
#define X86_MXCSR_DAZ X86_BIT(6)
#define X86_MXCSR_MASK_SHIFT 7
#define X86_MXCSR_MASKS (X86_MXCSR_FLAGS << X86_MXCSR_MASK_SHIFT)
#define X86_MXCSR_FTZ X86_BIT(15)
#define X86_MXCSR_MM X86_BIT(17) /* AMD's misaligned SSE: see x86_mxcsr_mask() */
#define X86_MXCSR_INIT X86_MXCSR_MASKS

enum { X86_VEC_SOURCES = 3 };

/* One host instruction on v[0..2]; imm is its immediate byte, if it has one. */
typedef void X86VecFn(X86Vector *v, uintptr_t imm);

/* Which operands of the instruction are v[0], v[1] and v[2]. */
typedef enum X86VecShape {
    X86_VEC_UNARY,  /* -, op1 */
    X86_VEC_BINARY, /* legacy: op0, op1; VEX: op1, op2 */
    X86_VEC_FMA,    /* op0, op1, op2 */
    X86_VEC_BLEND,  /* legacy: op0, op1, XMM0; VEX: op1, op2, op3 */
} X86VecShape;

typedef struct X86VecOp {
    X86VecShape shape;
    X86VecFn *mmx, *sse, *avx; /* 64, 128 and 256 bits; NULL: no such form */
} X86VecOp;

void x86_vec_run(X86CPU *cpu, const X86Insn *insn, const X86VecOp *op);
void x86_vec_run_fp(X86CPU *cpu, const X86Insn *insn, const X86VecOp *op);

/*
 * The steps of x86_vec_run(), for instructions with a result elsewhere.
 * x86_vec_load() raises what reading memory raises; registers are copied whole.
 */
void x86_vec_load(X86CPU *cpu, const X86Insn *insn, X86VecShape shape, X86Vector *v);
void x86_vec_load_operand(X86CPU *cpu, const X86Insn *insn, unsigned i, X86Vector *out);
X86VecFn *x86_vec_fn(const X86Insn *insn, const X86VecOp *op);
/* Runs fn under the guest's MXCSR; raises #XM (or #UD) with v unspecified. */
void x86_vec_call_fp(X86CPU *cpu, X86VecFn *fn, X86Vector *v, uintptr_t imm);
/* Writes result to operand i: XMM/YMM, MMX, GPR or memory (op[i].size bytes). */
void x86_vec_store(X86CPU *cpu, const X86Insn *insn, unsigned i, const X86Vector *result);
/* XMM register reg from its low 16 or 32 bytes, with the upper half as VEX or SSE leave it. */
void x86_vec_write_reg(X86State *s, const X86Insn *insn, unsigned reg, const X86Vector *result,
                       unsigned size);
/*
 * MXCSR_MASK of FXSAVE: the bits that may be set. With the feature misalignsse
 * that includes MM, which lets legacy SSE operands be misaligned, moves excepted
 * (APM vol. 1, 4.2.2).
 */
uint32_t x86_mxcsr_mask(const X86CPU *cpu);
/* #UD or #XM by CR4.OSXMMEXCPT. */
G_NORETURN void x86_raise_simd_fp(X86CPU *cpu);

static inline bool x86_insn_is_vex(const X86Insn *insn)
{
    return insn->prefixes & X86_PFX_VEX;
}

static inline bool x86_insn_uses_mmx(const X86Insn *insn)
{
    return insn->op[0].kind == X86_OP_MMX || insn->op[1].kind == X86_OP_MMX;
}

/* Bytes of the instruction's vectors: 16 or 32. */
static inline unsigned x86_vec_len(const X86Insn *insn)
{
    return insn->vex_l ? 32 : 16;
}

/* Names the index of a VEX operand list's first source (legacy: the destination). */
static inline unsigned x86_vec_first_source(const X86Insn *insn)
{
    return x86_insn_is_vex(insn) ? 1 : 0;
}

/* Host instructions as functions. text uses xmm0.. (%% doubled) and may use rax. */
#define VEC_MMX_FN(fname, text)                                                     \
    static void fname(X86Vector *v, uintptr_t imm)                                  \
    {                                                                               \
        asm volatile("movq (%0), %%mm0\n\tmovq 64(%0), %%mm1\n\t" text "\n\t"       \
                     "movq %%mm0, (%0)\n\temms"                                     \
                     : : "r"(v) : "memory", "rax");                                 \
    }

#define VEC_SSE_LOAD "movaps (%0), %%xmm0\n\tmovaps 64(%0), %%xmm1\n\tmovaps 128(%0), %%xmm2\n\t"
#define VEC_SSE_SAVE "\n\tmovaps %%xmm0, (%0)"
#define VEC_SSE_CLOBBERS "memory", "rax", "xmm0", "xmm1", "xmm2", "xmm3"

#define VEC_SSE_FN(fname, text)                                                     \
    static void fname(X86Vector *v, uintptr_t imm)                                  \
    {                                                                               \
        asm volatile(VEC_SSE_LOAD text VEC_SSE_SAVE                                 \
                     : : "r"(v) : VEC_SSE_CLOBBERS);                                \
    }

#define VEC_AVX_LOAD \
    "vmovaps (%0), %%ymm0\n\tvmovaps 64(%0), %%ymm1\n\tvmovaps 128(%0), %%ymm2\n\t"
#define VEC_AVX_SAVE "\n\tvmovaps %%ymm0, (%0)\n\tvzeroupper"

#define VEC_AVX_FN(fname, text)                                                     \
    static void fname(X86Vector *v, uintptr_t imm)                                  \
    {                                                                               \
        asm volatile(VEC_AVX_LOAD text VEC_AVX_SAVE                                 \
                     : : "r"(v) : VEC_SSE_CLOBBERS);                                \
    }

/*
 * An immediate is part of the host instruction, so that there is one copy of
 * the instruction per value: entry i of the table fname_imm, 8 bytes each, runs
 * it with $vec_i and jumps back to the address in rsi. (One % in text here.)
 */
#define VEC_IMM_TABLE(fname, text)                                                  \
    extern const uint64_t fname##_imm[256];                                         \
    asm(".pushsection .text\n\t.p2align 4\n" #fname "_imm:\n\t.set vec_i, 0\n\t"    \
        ".rept 256\n\t" text "\n\tjmp *%rsi\n\t.p2align 3\n\t"                      \
        ".set vec_i, vec_i + 1\n\t.endr\n\t.org " #fname "_imm + 2048\n\t.popsection")

#define VEC_IMM_FN(fname, text, load, save)                                         \
    VEC_IMM_TABLE(fname, text);                                                     \
    static void fname(X86Vector *v, uintptr_t imm)                                  \
    {                                                                               \
        asm volatile(load "lea 1f(%%rip), %%rsi\n\tjmp *%1\n1:" save                \
                     : : "r"(v), "r"(fname##_imm + imm)                             \
                     : VEC_SSE_CLOBBERS, "rcx", "rdx", "rsi");                                    \
    }
#define VEC_MMX_IMM_FN(fname, text)                                                 \
    VEC_IMM_FN(fname, text, "movq (%0), %%mm0\n\tmovq 64(%0), %%mm1\n\t",           \
               "\n\tmovq %%mm0, (%0)\n\temms")
#define VEC_SSE_IMM_FN(fname, text) VEC_IMM_FN(fname, text, VEC_SSE_LOAD, VEC_SSE_SAVE)
#define VEC_AVX_IMM_FN(fname, text) VEC_IMM_FN(fname, text, VEC_AVX_LOAD, VEC_AVX_SAVE)

/* The handler op_<name> of an instruction whose functions exist. run: x86_vec_run or _fp. */
#define VEC_OP(name, run, shape, mmx, sse, avx)                                     \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        static const X86VecOp vec_op = { shape, mmx, sse, avx };                    \
                                                                                    \
        run(cpu, insn, &vec_op);                                                    \
    }

/*
 * Rows. The suffix lists the forms: M MMX, S SSE and VEX.128, A VEX.256. The
 * legacy and the VEX mnemonic share the handler.
 */
#define VEC_BINARY_S(name, run)                                                     \
    VEC_SSE_FN(name##_sse, #name " %%xmm1, %%xmm0")                                 \
    VEC_OP(name, run, X86_VEC_BINARY, NULL, name##_sse, name##_sse)
#define VEC_BINARY_SA(name, run)                                                    \
    VEC_SSE_FN(name##_sse, #name " %%xmm1, %%xmm0")                                 \
    VEC_AVX_FN(name##_avx, "V" #name " %%ymm1, %%ymm0, %%ymm0")                     \
    VEC_OP(name, run, X86_VEC_BINARY, NULL, name##_sse, name##_avx)
#define VEC_BINARY_MSA(name, run)                                                   \
    VEC_MMX_FN(name##_mmx, #name " %%mm1, %%mm0")                                   \
    VEC_SSE_FN(name##_sse, #name " %%xmm1, %%xmm0")                                 \
    VEC_AVX_FN(name##_avx, "V" #name " %%ymm1, %%ymm0, %%ymm0")                     \
    VEC_OP(name, run, X86_VEC_BINARY, name##_mmx, name##_sse, name##_avx)
#define VEC_UNARY_SA(name, run)                                                     \
    VEC_SSE_FN(name##_sse, #name " %%xmm1, %%xmm0")                                 \
    VEC_AVX_FN(name##_avx, "V" #name " %%ymm1, %%ymm0")                             \
    VEC_OP(name, run, X86_VEC_UNARY, NULL, name##_sse, name##_avx)
#define VEC_BINARY_IMM_S(name, run)                                                 \
    VEC_SSE_IMM_FN(name##_sse, #name " $vec_i, %xmm1, %xmm0")                       \
    VEC_OP(name, run, X86_VEC_BINARY, NULL, name##_sse, name##_sse)
#define VEC_BINARY_IMM_SA(name, run)                                                \
    VEC_SSE_IMM_FN(name##_sse, #name " $vec_i, %xmm1, %xmm0")                       \
    VEC_AVX_IMM_FN(name##_avx, "V" #name " $vec_i, %ymm1, %ymm0, %ymm0")            \
    VEC_OP(name, run, X86_VEC_BINARY, NULL, name##_sse, name##_avx)
#define VEC_UNARY_IMM_SA(name, run)                                                 \
    VEC_SSE_IMM_FN(name##_sse, #name " $vec_i, %xmm1, %xmm0")                       \
    VEC_AVX_IMM_FN(name##_avx, "V" #name " $vec_i, %ymm1, %ymm0")                   \
    VEC_OP(name, run, X86_VEC_UNARY, NULL, name##_sse, name##_avx)
/* VEX only, both lengths: the 128-bit form is a VEX instruction too. */
#define VEC_BINARY_VV(name, run)                                                    \
    VEC_SSE_FN(name##_sse, #name " %%xmm1, %%xmm0, %%xmm0")                         \
    VEC_AVX_FN(name##_avx, #name " %%ymm1, %%ymm0, %%ymm0")                         \
    VEC_OP(name, run, X86_VEC_BINARY, NULL, name##_sse, name##_avx)

/* Handler table entries: legacy mnemonic, VEX mnemonic, both. */
#define VEC_ROW(name) { X86_MN_##name, op_##name },
#define VEC_ROW_V(name) { X86_MN_V##name, op_##name },
#define VEC_ROW_BOTH(name) VEC_ROW(name) VEC_ROW_V(name)

#endif
