/*
 * Makes random instructions of a given row of the instruction table.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_CPU_ENCODE_H
#define TESTS_CPU_ENCODE_H

#include "tests/cpu/case.h"
#include "tests/cpu/random.h"

/* Where the parts of an encoded instruction lie, for patching. */
typedef struct Encoding {
    uint8_t disp_at, disp_size; /* displacement of a memory operand */
} Encoding;

/* Encodes one random form of the row. False if the row does not exist in the
 * mode or no attempt decoded as the row. */
bool encode_row(Random *r, unsigned row, X86Mode mode, uint8_t code[16], X86Insn *insn,
                Encoding *encoding);

#endif
