/*
 * The decoder's own tables, generated from insns.tab by scripts/gen-insns.py.
 *
 * Each opcode of each map has a 16-bit node. A node is 0 (no instruction), a
 * row, or a decision: its kind in the top four bits says what to look at, the
 * rest which entry of the table with as many columns holds the next nodes.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_DECODE_TABLES_H
#define TARGET_I386_DECODE_TABLES_H

#include <stdint.h>

enum {
    X86_NODE_NONE,
    X86_NODE_ROW,    /* leaf: row number */
    X86_NODE_MODE64, /* 2 ways: 64-bit mode */
    X86_NODE_W,      /* 2 ways: REX.W, VEX.W */
    X86_NODE_L,      /* 2 ways: VEX.L */
    X86_NODE_MOD3,   /* 2 ways: ModRM.mod is 3 */
    X86_NODE_REXB,   /* 2 ways: REX.B */
    X86_NODE_PFX,    /* 4 ways: no mandatory prefix, 66, F3, F2 */
    X86_NODE_REG,    /* 8 ways: ModRM.reg */
    X86_NODE_RM,     /* 8 ways: ModRM.rm */
};
#define X86_NODE(kind, index) (X86_NODE_##kind << 12 | (index))

/* Opcode maps, indices of x86_opcode_maps. */
enum {
    X86_MAP_ONE_BYTE, X86_MAP_0F, X86_MAP_0F38, X86_MAP_0F3A,
    X86_MAP_VEX_0F, X86_MAP_VEX_0F38, X86_MAP_VEX_0F3A, X86_MAP_COUNT
};

/* Where an operand comes from. */
enum {
    X86_AT_NONE,
    X86_AT_GPR_REG, X86_AT_GPR_RM, X86_AT_GPR_RM_MEM, X86_AT_GPR_OPCODE, X86_AT_GPR_VVVV,
    X86_AT_XMM_REG, X86_AT_XMM_RM, X86_AT_XMM_RM_MEM, X86_AT_XMM_VVVV, X86_AT_XMM_IMM,
    X86_AT_MMX_REG, X86_AT_MMX_RM, X86_AT_MMX_RM_MEM,
    X86_AT_SEG_REG, X86_AT_CR_REG, X86_AT_DR_REG, X86_AT_ST_RM,
    X86_AT_MEM, X86_AT_MOFFS, X86_AT_STR_SI, X86_AT_STR_DI, X86_AT_VSIB16, X86_AT_VSIB32,
    X86_AT_FIXED_GPR, X86_AT_FIXED_SEG, X86_AT_FIXED_ST, X86_AT_FIXED_XMM,
    X86_AT_IMM8, X86_AT_IMM8S, X86_AT_IMM16, X86_AT_IMMZ, X86_AT_IMMV, X86_AT_IMM_ONE,
    X86_AT_REL8, X86_AT_RELZ, X86_AT_FAR,
};

/* Operand sizes that depend on prefixes and mode; smaller numbers are bytes. */
enum {
    X86_SIZE_V = 64, /* operand size */
    X86_SIZE_Z,      /* operand size, at most 4 */
    X86_SIZE_Y,      /* 4, with REX.W 8 */
    X86_SIZE_N,      /* 4, in 64-bit mode 8 */
    X86_SIZE_X,      /* vector length, and a half, a quarter, an eighth of it */
    X86_SIZE_XH, X86_SIZE_XQ, X86_SIZE_XO,
    X86_SIZE_P,      /* far pointer: a 16- or 32-bit offset (no 64-bit one) + 2 */
    X86_SIZE_S,      /* descriptor-table register: 6, in 64-bit mode 10 */
    X86_SIZE_A,      /* two of operand size */
};

typedef struct X86OperandSpec {
    uint8_t place; /* X86_AT_... */
    uint8_t reg;   /* of the fixed places */
    uint8_t size_reg, size_mem;
} X86OperandSpec;

enum {
    X86_DF_MODRM = 1 << 0,
    X86_DF_MODANY = 1 << 1,      /* ModRM.mod is ignored: always a register */
    X86_DF_D64 = 1 << 2,         /* operand size 64 by default in 64-bit mode */
    X86_DF_LOCK = 1 << 3,
    X86_DF_BYTE = 1 << 4,        /* operand size 1 */
    X86_DF_MANDATORY66 = 1 << 5, /* 66 is part of the opcode, not an operand size */
    X86_DF_VVVV = 1 << 6,        /* VEX.vvvv is an operand, else it must be 1111 */
    X86_DF_GATHER = 1 << 7,      /* destination, index and mask must differ */
};

typedef struct X86DecodeRow {
    uint16_t flags; /* X86_DF_... */
    uint8_t op[4];  /* indices into x86_operand_specs; 0: none */
} X86DecodeRow;

extern const X86DecodeRow x86_decode_rows[];
extern const X86OperandSpec x86_operand_specs[];
extern const uint16_t x86_nodes2[][2], x86_nodes4[][4], x86_nodes8[][8];
extern const uint16_t x86_opcode_maps[X86_MAP_COUNT][256];

#endif
