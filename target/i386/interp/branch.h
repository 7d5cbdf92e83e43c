/*
 * Near branch targets.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_BRANCH_H
#define TARGET_I386_INTERP_BRANCH_H

#include "target/i386/cpu.h"

/* Cuts target to op_size bytes; #GP(0) if it is outside CS or not canonical. */
uint64_t x86_branch_target(X86CPU *cpu, uint64_t target, unsigned op_size);

#endif
