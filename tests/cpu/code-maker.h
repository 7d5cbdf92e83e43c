/*
 * Random instructions, for tests that run the same function as guest code and as code of the host.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_CPU_CODE_MAKER_H
#define TESTS_CPU_CODE_MAKER_H

#include <stdbool.h>
#include <stdint.h>
#include "tests/cpu/random.h"

enum {
    CODE_MAX = 0x1000,
    CODE_FLAGS = 0x8c5,  /* OF, SF, ZF, PF, CF: AF is undefined after some */
    CODE_NONE = 16,      /* no register */
};

/* A function that is being made. */
typedef struct CodeMaker {
    uint8_t code[CODE_MAX];
    unsigned len;
    Random random;
} CodeMaker;

/* An operand in memory, [base + index * 2^scale + disp]. */
typedef struct CodeMem {
    unsigned base, index, scale;
    int32_t disp;
    bool rip;            /* disp is an offset from the function's begin instead */
    bool narrow;         /* an address of 32 bits */
} CodeMem;

/* --- instructions ------------------------------------------------------------------------------- */

/* 1, 2, 4 or 8: bytes of an operand. */
unsigned code_any_size(CodeMaker *m);

void code_byte(CodeMaker *m, unsigned val);
/* The low n bytes of val, as an immediate has them. */
void code_bytes(CodeMaker *m, uint64_t val, unsigned n);
/* A random immediate of an operand of size bytes. */
void code_immediate(CodeMaker *m, unsigned size);

/* One operand is mem or, if that is NULL, register rm; op: 0xpp0fxx with a prefix, 0x0fxx, or a byte; wide:
 * of 64 bits; imm_size: of the immediate that follows. Always with REX: no AH. */
void code_legacy(CodeMaker *m, unsigned op, bool wide, unsigned reg, const CodeMem *mem, unsigned rm,
                 unsigned imm_size);
/* The same with operands of size bytes; bit 0 of the opcode says that it is not 1. */
void code_sized(CodeMaker *m, unsigned op, unsigned size, unsigned reg, const CodeMem *mem, unsigned rm,
                unsigned imm_size);
/* VEX with three bytes; pp: 0, 1: 66, 2: F3, 3: F2. */
void code_vex(CodeMaker *m, unsigned map, unsigned pp, bool wide, bool l, unsigned op, unsigned reg,
              unsigned vvvv, const CodeMem *mem);

void code_push(CodeMaker *m, unsigned reg);
void code_pop(CodeMaker *m, unsigned reg);

/* Jcc to an offset that has been passed, with a displacement of 8 or 32 bits. */
void code_jump_back(CodeMaker *m, unsigned cond, unsigned to);
/* Jcc with 32 bits; returns where its displacement is, which code_land() fills in. */
unsigned code_jump_ahead(CodeMaker *m, unsigned cond);
void code_land(CodeMaker *m, unsigned at);

#endif
