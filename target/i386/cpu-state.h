/*
 * The CPU's state as text, as saved data and as a debugger's registers.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_CPU_STATE_H
#define TARGET_I386_CPU_STATE_H

#include "target/i386/cpu.h"

/* CPUClass.dump_state: the layout of `info registers`. */
void x86_cpu_dump_state(CPUState *cs, GString *out);

extern const VMStateDescription vmstate_x86_cpu;
extern const struct CPURegisters x86_cpu_registers;

#endif
