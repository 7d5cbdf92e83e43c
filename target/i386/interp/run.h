/*
 * One decoded instruction at a time, for other engines: the translator leaves to
 * the interpreter what it has no path for.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_RUN_H
#define TARGET_I386_INTERP_RUN_H

#include "target/i386/interp/interp.h"

/* False if the instruction always faults in the present mode (feature, privilege,
 * mode, FPU availability), or has no handler. */
bool x86_insn_may_run(const X86CPU *cpu, const X86Insn *insn);

/*
 * Executes insn, which lies at s->rip, and advances s->rip. Raises what it
 * raises, with s->rip to be rewound as the exec loop does. The mode's key must be
 * current (x86_enter_mode()).
 */
void x86_run_insn(X86CPU *cpu, const X86Insn *insn);

/* Delivers a fault of the instruction at s->rip, without unwinding. */
void x86_deliver_fault(X86CPU *cpu, unsigned vector, uint32_t error);

#endif
