/*
 * The instruction table: what every consumer may ask of a row of insns.tab.
 *
 * scripts/gen-insns.py turns insns.tab into x86_rows[], the X86_MN_ names
 * (decode/mnemonics.h, generated) and the decoder's lookup tables.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_DECODE_ROW_H
#define TARGET_I386_DECODE_ROW_H

#include "target/i386/decode/insn.h"
#include "target/i386/decode/mnemonics.h" /* generated: X86_MN_..., X86_MN_COUNT */

/* Arithmetic flags as the bits of EFLAGS. */
enum {
    X86_F_CF = 1 << 0, X86_F_PF = 1 << 2, X86_F_AF = 1 << 4,
    X86_F_ZF = 1 << 6, X86_F_SF = 1 << 7, X86_F_OF = 1 << 11,
};

/* CPUID features an instruction may need (X86_FEAT_NONE: every x86-64 CPU). */
#define X86_FEATURES(X)                                                        \
    X(NONE) X(X87) X(MMX) X(SSE) X(SSE2) X(SSE3) X(SSSE3) X(SSE41) X(SSE42)    \
    X(POPCNT) X(LZCNT) X(BMI1) X(BMI2) X(ADX) X(AES) X(PCLMUL) X(AVX) X(AVX2)  \
    X(FMA) X(F16C) X(MOVBE) X(RDRAND) X(RDSEED) X(CX8) X(CX16) X(CMOV)         \
    X(FXSR) X(XSAVE) X(XSAVEOPT) X(XSAVEC) X(XSAVES) X(CLFLUSH) X(CLFLUSHOPT)  \
    X(CLWB) X(SYSCALL) X(SEP) X(RDTSCP) X(RDPID) X(FSGSBASE) X(SMAP)           \
    X(INVPCID) X(MONITOR) X(SHA) X(VAES) X(VPCLMUL) X(SSE4A) X(PREFETCHW)      \
    X(LAHF64) X(SVM) X(VMX) X(GFNI) X(CLZERO) X(SERIALIZE) X(PKU) X(RDPMC)

typedef enum X86Feature {
#define X(name) X86_FEAT_##name,
    X86_FEATURES(X)
#undef X
    X86_FEAT_COUNT
} X86Feature;

/* Legality and class bits of a row. */
enum {
    X86_ROW_LOCK = 1 << 0,      /* LOCK allowed with a memory destination */
    X86_ROW_NO64 = 1 << 1,      /* #UD in 64-bit mode */
    X86_ROW_ONLY64 = 1 << 2,    /* #UD outside 64-bit mode */
    X86_ROW_CPL0 = 1 << 3,      /* #GP(0) unless CPL is 0 */
    X86_ROW_PROTECTED = 1 << 4, /* #UD in real and VM86 mode */
    X86_ROW_BRANCH = 1 << 5,    /* may change RIP: ends a block */
    X86_ROW_END = 1 << 6,       /* ends a block for another reason (mode, segments,
                                   TLB or interrupt state may change) */
    X86_ROW_ALIGNED = 1 << 7,   /* #GP(0) on a misaligned 16/32-byte memory operand */
    X86_ROW_REP = 1 << 8,       /* string instruction that repeats with F3/F2 */
    X86_ROW_IO = 1 << 9,        /* IOPL and I/O permission bitmap apply */
    X86_ROW_IOPL = 1 << 10,     /* IOPL-sensitive */
    X86_ROW_FP = 1 << 11,       /* x87: #NM by CR0.EM/TS; #MF by a pending exception
                                   unless X86_ROW_FP_NOWAIT */
    X86_ROW_SSE = 1 << 12,      /* legacy SSE: #UD by CR0.EM/CR4.OSFXSR, #NM by CR0.TS */
    X86_ROW_AVX = 1 << 13,      /* VEX: #UD by CR4.OSXSAVE/XCR0, #NM by CR0.TS */
    X86_ROW_UNDEF = 1 << 14,    /* architecturally undefined or reserved: always #UD (UD0-UD2) */
    X86_ROW_SIMD_EXCP = 1 << 15,/* may raise #XM */
    X86_ROW_FP_NOWAIT = 1 << 16,/* x87 control instruction without the #MF check */
    X86_ROW_CPL0_UD = 1 << 18,  /* #UD unless CPL is 0 */
    X86_ROW_MMX = 1 << 17,      /* #UD by CR0.EM, #NM by CR0.TS, #MF by a pending exception */
};

typedef struct X86Row {
    const char *name;        /* mnemonic in lower case: "add" */
    const char *operands;    /* as in the table: "Eb,Gb" */
    const char *encoding;    /* as in the table: "00 /r" */
    uint16_t mnemonic;
    uint16_t feature;        /* X86Feature */
    uint32_t legality;       /* X86_ROW_... */
    uint16_t flags_read;     /* X86_F_... */
    uint16_t flags_written;
    uint16_t flags_undefined;
    uint8_t operand_access[X86_MAX_OPERANDS]; /* bit 0 read, bit 1 written */
} X86Row;

extern const X86Row x86_rows[];
extern const unsigned x86_row_count;
extern const char *const x86_mnemonic_names[];

static inline const X86Row *x86_insn_row(const X86Insn *insn)
{
    return &x86_rows[insn->row];
}

#endif
