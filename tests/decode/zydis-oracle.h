/*
 * Zydis as the decoder's oracle.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_DECODE_ZYDIS_ORACLE_H
#define TESTS_DECODE_ZYDIS_ORACLE_H

#include <glib.h>
#include "target/i386/decode/insn.h"

typedef struct ZydisOracle ZydisOracle;

ZydisOracle *zydis_oracle_new(void);
void zydis_oracle_free(ZydisOracle *oracle);

/*
 * Decodes code[0..len) with both decoders. True if they agree on validity,
 * length, mnemonic and operands, or differ in a listed way
 * (zydis-differences.c.inc); else *why says how they differ. *length is what to
 * advance by in a linear sweep.
 */
bool zydis_oracle_compare(ZydisOracle *oracle, const uint8_t *code, size_t len, X86Mode mode,
                          unsigned *length, GString *why);

#endif
