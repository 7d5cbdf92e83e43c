/*
 * The stack as instructions see it: SS:SP, SS:ESP or RSP.
 *
 * x86_push() and x86_pop() change RSP only after their access succeeded. An
 * instruction that moves several words, or that may still fault afterwards,
 * uses x86_stack_read()/x86_stack_write() at offsets from the present top and
 * x86_stack_add() once nothing can fault any more.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_STACK_H
#define TARGET_I386_INTERP_STACK_H

#include "target/i386/cpu.h"

/* Width of the stack pointer in bytes: 2, 4 or 8. */
static inline unsigned x86_stack_size(const X86State *s)
{
    return s->hflags & X86_HF_CS64 ? 8 : s->hflags & X86_HF_SS32 ? 4 : 2;
}

/* The stack pointer as an offset in SS. */
uint64_t x86_stack_pointer(const X86State *s);
void x86_set_stack_pointer(X86State *s, uint64_t sp);
void x86_stack_add(X86State *s, int64_t delta);

/* size is 2, 4 or 8; offset in bytes from the present top, negative below it. */
uint64_t x86_stack_read(X86CPU *cpu, int64_t offset, unsigned size);
void x86_stack_write(X86CPU *cpu, int64_t offset, uint64_t val, unsigned size);

/* Raises the fault that a write there would. */
void x86_stack_probe(X86CPU *cpu, int64_t offset, unsigned size);

void x86_push(X86CPU *cpu, uint64_t val, unsigned size);
uint64_t x86_pop(X86CPU *cpu, unsigned size);

#endif
