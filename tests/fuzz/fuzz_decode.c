/*
 * Fuzz target: the decoder on arbitrary bytes. It must neither read past its
 * input nor produce an operand outside the register files.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "target/i386/decode/row.h"
#include "tests/fuzz/fuzz.h"

static void check_operand(const X86Operand *op)
{
    static const uint8_t limit[] = {
        [X86_OP_GPR] = 16, [X86_OP_GPRH] = 4, [X86_OP_SEG] = 6, [X86_OP_CR] = 9, [X86_OP_DR] = 8,
        [X86_OP_ST] = 8, [X86_OP_MMX] = 8, [X86_OP_XMM] = 16, [X86_OP_FAR] = 0,
    };

    if (op->kind >= sizeof(limit) || (limit[op->kind] && op->reg >= limit[op->kind])) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    X86Insn insn;
    uint8_t *code;

    if (size < 2) {
        return 0;
    }
    /* A copy of exact size, so that a sanitizer sees every read past it. */
    code = malloc(size - 1);
    memcpy(code, data + 1, size - 1);
    if (x86_decode(code, size - 1, data[0] % 3, data[0] >> 6, &insn) == X86_DECODE_OK) {
        if (insn.row >= x86_row_count || insn.len > X86_MAX_INSN_LEN || insn.len > size - 1) {
            abort();
        }
        for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
            check_operand(&insn.op[i]);
        }
    }
    free(code);
    return 0;
}
