/*
 * What a report tells about a CPU beside its registers.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_DIAGNOSIS_H
#define TARGET_I386_DIAGNOSIS_H

#include "target/i386/cpu.h"

/* CPUClass.dump_diagnosis. */
void x86_cpu_dump_diagnosis(CPUState *cs, GString *out);

#endif
