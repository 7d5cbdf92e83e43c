/*
 * Disassembly for logs and monitors.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_DISAS_H
#define TARGET_I386_DISAS_H

#include <glib.h>
#include "target/i386/decode/insn.h"

/*
 * Appends code[0..len) as text, one line per instruction: address, bytes,
 * instruction in Intel syntax. rip is the address of code[0]. Built without
 * Zydis, the instruction is its mnemonic alone.
 */
void x86_disas(GString *out, const uint8_t *code, size_t len, X86Mode mode, uint64_t rip);

/*
 * Appends one instruction in AT&T syntax, as monitors show it, without address and
 * bytes. Returns its length in bytes, at least 1.
 */
unsigned x86_disas_att(GString *out, const uint8_t *code, size_t len, X86Mode mode, uint64_t rip);

#endif
