/*
 * C functions that translated code calls (by way of stubs.c).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_TRANSLATE_RUNTIME_H
#define TARGET_I386_TRANSLATE_RUNTIME_H

#include "target/i386/translate/jit.h"

/* Interprets insn with the registers in ctx. Returns the host address to go on at, or
 * NULL to leave translated code; may raise. */
const uint8_t *jit_interpret(X86JitContext *ctx, const X86TbInsn *insn);

#endif
