/*
 * Reports of what cannot go on: cause, registers, the last exceptions and accesses of
 * each CPU, on stderr.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACCEL_FAILURE_H
#define ACCEL_FAILURE_H

#include "hw/core/machine.h"

/* One CPU: registers and CPUClass.dump_diagnosis. */
void failure_describe_cpu(CPUState *cpu, GString *out);

/*
 * "PROGRAM: cause", then every CPU. ask: each CPU writes on its own thread (none may
 * be stuck); otherwise a CPU that runs is read from outside, and may be in the middle
 * of something. With the big lock, or for want of a better from a signal handler.
 */
void failure_report(MachineState *machine, bool ask, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

#endif
