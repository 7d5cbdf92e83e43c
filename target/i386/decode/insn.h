/*
 * One decoded x86 instruction.
 *
 * The decoder is pure: bytes and mode in, X86Insn out. It knows no CPU state
 * and none of its consumers (interpreter, translator, disassembly in logs).
 * Every row of insns.tab has one X86Row in the generated table; an X86Insn
 * names its row and carries the operands resolved to registers, memory
 * references and immediates.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_DECODE_INSN_H
#define TARGET_I386_DECODE_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { X86_MAX_INSN_LEN = 15, X86_MAX_OPERANDS = 4 };

/* General registers by their encoding; X86_NO_REG where an operand has none. */
enum {
    X86_RAX, X86_RCX, X86_RDX, X86_RBX, X86_RSP, X86_RBP, X86_RSI, X86_RDI,
    X86_R8, X86_R9, X86_R10, X86_R11, X86_R12, X86_R13, X86_R14, X86_R15,
    X86_NO_REG = 0xff,
};

/* Segment registers by their encoding (SDM vol. 2, table B-8). */
enum { X86_ES, X86_CS, X86_SS, X86_DS, X86_FS, X86_GS, X86_SEG_COUNT };

typedef enum X86OperandKind {
    X86_OP_NONE,
    X86_OP_GPR,  /* reg 0..15, size 1 (low byte), 2, 4, 8 */
    X86_OP_GPRH, /* AH, CH, DH, BH: reg 0..3, size 1 */
    X86_OP_SEG,  /* reg is X86_ES.. */
    X86_OP_CR,
    X86_OP_DR,
    X86_OP_ST,   /* x87 stack, reg 0..7 relative to TOP */
    X86_OP_MMX,
    X86_OP_XMM,  /* reg 0..15; size 16 XMM, 32 YMM (scalar operands: 4, 8) */
    X86_OP_MEM,  /* the insn's one memory reference; size in bytes, 0 = address only */
    X86_OP_STR_SI, /* string source: insn->seg:rSI, reg is X86_RSI */
    X86_OP_STR_DI, /* string destination: ES:rDI, reg is X86_RDI */
    X86_OP_IMM,  /* insn->imm, sign- or zero-extended to 64 bits as the row says */
    X86_OP_IMM2, /* insn->imm2: second immediate of ENTER, EXTRQ, INSERTQ */
    X86_OP_REL,  /* branch displacement in insn->imm, relative to the next instruction */
    X86_OP_FAR,  /* ptr16:16/32: offset in insn->imm, selector in insn->imm2 */
} X86OperandKind;

typedef struct X86Operand {
    uint8_t kind; /* X86OperandKind */
    uint8_t reg;
    uint8_t size; /* bytes; 10 for an 80-bit real; larger areas (FXSAVE) are 0 */
} X86Operand;

/* Prefix bits of X86Insn.prefixes. */
enum {
    X86_PFX_LOCK = 1 << 0,
    X86_PFX_REP = 1 << 1,     /* F3; of F3 and F2 only the last one counts */
    X86_PFX_REPNE = 1 << 2,   /* F2 */
    X86_PFX_OPSIZE = 1 << 3,  /* 66 */
    X86_PFX_ADDRSIZE = 1 << 4,/* 67 */
    X86_PFX_REX = 1 << 5,
    X86_PFX_REX_W = 1 << 6,
    X86_PFX_VEX = 1 << 7,
};

typedef struct X86Insn {
    uint64_t imm;      /* immediate, branch displacement or far offset */
    int64_t disp;      /* displacement of the memory operand (moffs too) */
    uint16_t row;      /* index into x86_rows[] */
    uint16_t mnemonic; /* X86_MN_..., equal to x86_rows[row].mnemonic */
    uint16_t imm2;
    uint8_t len;       /* 1..15 bytes */
    uint8_t op_size;   /* effective operand size in bytes: 2, 4, 8 (1 for byte rows) */
    uint8_t addr_size; /* effective address size in bytes: 2, 4, 8 */
    uint8_t prefixes;  /* X86_PFX_... */
    uint8_t seg;       /* segment of the memory operand after defaults and overrides */
    uint8_t seg_override; /* X86_NO_REG without a prefix (string instructions, hints) */
    uint8_t base;      /* X86_NO_REG: none */
    uint8_t index;     /* X86_NO_REG: none; a vector register if vsib */
    uint8_t scale;     /* 0..3: shift */
    bool rip_relative;
    bool vsib;
    uint8_t vex_l;     /* 0: 128 bits, 1: 256 bits */
    uint8_t modrm;     /* as encoded, for logs and x87 */
    X86Operand op[X86_MAX_OPERANDS]; /* in the manual's order, destination first */
} X86Insn;

/* Code segment defaults. */
typedef enum X86Mode { X86_MODE_16, X86_MODE_32, X86_MODE_64 } X86Mode;

typedef enum X86DecodeResult {
    X86_DECODE_OK,
    X86_DECODE_TRUNCATED, /* more bytes are needed than were given */
    X86_DECODE_TOO_LONG,  /* over 15 bytes: #GP(0) */
    X86_DECODE_UD,        /* not an instruction in this mode: #UD */
} X86DecodeResult;

/*
 * Decode-relevant feature bits: encodings that mean an older instruction on a
 * CPU without the feature (F3 0F BD is BSR before LZCNT). Everything else is
 * the row's feature, which the consumer checks against its CPU model.
 */
enum {
    X86_DECODE_HAS_LZCNT = 1 << 0,
    X86_DECODE_HAS_BMI1 = 1 << 1, /* TZCNT, else BSF */
};

/*
 * Decodes the instruction at code[0..avail). Returns X86_DECODE_OK with *insn
 * filled, else *insn is unspecified. Reads never pass avail.
 */
X86DecodeResult x86_decode(const uint8_t *code, size_t avail, X86Mode mode,
                           unsigned decode_features, X86Insn *insn);

#endif
