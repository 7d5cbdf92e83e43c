/*
 * Lockstep: the interpreter checks everything that translated code does.
 *
 * Before translated code is entered, and whenever it goes on after a call into C, the
 * interpreter tries the instructions that follow (trial.h). When translated code next calls C,
 * it must be at one of them, with the registers and the memory that the interpreter had there.
 * What C does for translated code happens once; the string instructions, which have a path of
 * their own in C, are compared as well.
 *
 * Devices write to memory between the two, so a difference counts only if a second trial
 * shows it again. One CPU only: others would be further causes of differences.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_TRANSLATE_LOCKSTEP_H
#define TARGET_I386_TRANSLATE_LOCKSTEP_H

#include "target/i386/translate/runtime.h"

typedef struct JitLockstep JitLockstep;

void jit_lockstep_free(X86Jit *jit);
/* Translated code goes on at host with the CPU's state. */
void jit_lockstep_begin(X86Jit *jit, const uint8_t *host);
/* What the stubs are to call instead of fn, an address of a JitCallFn or the like; 0: one in the
 * fourth argument. */
uintptr_t jit_lockstep_call(uintptr_t fn);
/* Appends what `info jit` tells. */
void jit_lockstep_info(const X86Jit *jit, GString *out);

/* What most instructions change, with all of EFLAGS. */
typedef struct JitCoreState {
    uint64_t regs[16], rip;
    uint32_t eflags, hflags;
} JitCoreState;

/* Lazy flags have been computed. */
void jit_core_state(JitCoreState *core, const X86State *s);
void jit_set_core_state(X86State *s, const JitCoreState *core);

/* True if a guest could not tell s from core with the rest of rest (lockstep-state.c). x87 data
 * pointers and interrupt shadows do not count. */
bool jit_state_equal(const X86State *s, const JitCoreState *core, const X86State *rest);
/* Appends a line for each field that differs. */
void jit_state_differences(GString *out, const X86State *translated, const X86State *interpreted);

#endif
