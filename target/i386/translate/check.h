/*
 * The block checker: every block is decoded again after it has been emitted, and followed
 * with symbolic values. docs/translator-proof.md has the rules.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_TRANSLATE_CHECK_H
#define TARGET_I386_TRANSLATE_CHECK_H

#include "target/i386/translate/build.h"

/* Checks the block of b, whose cold code begins at cold. Does not return if it breaks a rule. */
void jit_check_block(const JitBuild *b, const uint8_t *cold);

/* Appends the guest's instructions and the host code of a block. */
void jit_describe_block(GString *out, const X86Tb *tb);

#endif
