/*
 * Copying instructions: what a row allows, and an instruction's bytes taken apart
 * and put together again with other registers and another memory operand.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_TRANSLATE_COPY_H
#define TARGET_I386_TRANSLATE_COPY_H

#include "target/i386/decode/row.h"
#include "target/i386/translate/emit.h"

enum { COPY_NO_OPERAND = 0xff };

/* Which of an instruction's operands stand in which field of its encoding:
 * general registers and memory only. */
typedef struct CopyRow {
    bool copyable;     /* every operand is a register, an immediate or plain memory */
    bool has_modrm;
    bool general;      /* has operands that are, or may be, general registers */
    bool reg_in_imm;   /* the immediate's high bits are a register */
    uint8_t reg, rm, vvvv, opcode; /* operand numbers; rm may be memory */
} CopyRow;

/* The row's entry; the table is made at the first call. */
const CopyRow *copy_row(unsigned row);

/* An instruction's encoding without its registers and memory operand. */
typedef struct CopyCode {
    bool vex, opsize, lock, rex_w, force_rex;
    uint8_t rep;       /* 0, F2 or F3 */
    uint8_t map;       /* 0: one byte; 1: 0F; 2: 0F 38; 3: 0F 3A */
    uint8_t opcode, modrm;
    uint8_t vex_l_pp;  /* VEX.L and VEX.pp */
    uint8_t reg, vvvv; /* as encoded, with REX.R or VEX.R */
    uint8_t rm;        /* with REX.B */
    uint8_t imm_len;
    uint8_t imm[8];
} CopyCode;

/* Takes the bytes of insn apart. mode64: 40-4F are REX prefixes. */
void copy_parse(const X86Insn *insn, const uint8_t *bytes, bool mode64, CopyCode *code);

/* Emits it with code->reg, code->vvvv and code->rm as host registers (opcode+r forms
 * take rm). mem: the memory operand in place of rm, or NULL. */
void copy_emit(Emit *e, const CopyCode *code, bool has_modrm, const HostMem *mem);

#endif
