/*
 * The CPU's state as text and as saved data.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_CPU_STATE_H
#define TARGET_I386_CPU_STATE_H

#include "target/i386/cpu.h"

/* CPUClass.dump_state: the layout of `info registers`. */
void x86_cpu_dump_state(CPUState *cs, GString *out);

extern const VMStateDescription vmstate_x86_cpu;

#endif
