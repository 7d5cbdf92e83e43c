/*
 * x87 errors by FERR# and IGNNE#, as a PC reports them when CR0.NE is 0: see excp.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/excp.h"
#include "util/main-loop.h"

static void drive_ferr(X86CPU *cpu, bool level)
{
    bool locked = bql_locked();

    cpu->state.ferr = level;
    if (!locked) {
        bql_lock();
    }
    irq_set(cpu->ferr_line, level);
    if (!locked) {
        bql_unlock();
    }
}

void x86_fpu_error(X86CPU *cpu)
{
    X86State *s = &cpu->state;

    if (s->cr0 & X86_CR0_NE) {
        x86_raise(cpu, X86_EXCP_MF, 0);
    }
    if (!s->ferr) {
        drive_ferr(cpu, true);
    }
    if (!__atomic_load_n(&s->ignne, __ATOMIC_ACQUIRE)) {
        cpu->parent.halted = true;
        x86_raise(cpu, X86_EXCP_FREEZE, 0);
    }
}

void x86_fpu_error_gone(X86CPU *cpu)
{
    drive_ferr(cpu, false);
}
