/*
 * Read-modify-write of one operand, locked or not.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_RMW_H
#define TARGET_I386_INTERP_RMW_H

#include "target/i386/cpu.h"

/*
 * Computes the new value of a destination from its old value a and the source
 * b, and sets the flags. A locked operation may call it more than once, with
 * the flags as they were before the instruction each time.
 */
typedef uint64_t X86RmwFn(X86State *s, uint64_t a, uint64_t b, unsigned size);

/* Operand i = fn(operand i, src); returns the old value. */
uint64_t x86_rmw_op(X86CPU *cpu, const X86Insn *insn, unsigned i, X86RmwFn *fn, uint64_t src,
                    bool locked);

/* The same at a linear address already checked for writing. */
uint64_t x86_rmw_lin(X86CPU *cpu, uint64_t lin, unsigned size, X86RmwFn *fn, uint64_t src,
                     bool locked);

/* Operand 0, locked if the prefix says so. */
static inline void x86_rmw(X86CPU *cpu, const X86Insn *insn, X86RmwFn *fn, uint64_t src)
{
    x86_rmw_op(cpu, insn, 0, fn, src, insn->prefixes & X86_PFX_LOCK);
}

#endif
