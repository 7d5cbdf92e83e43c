/*
 * Runs cases in a guest: a CPU without a machine, in long mode at CPL 3, with
 * the host's user segments and the window's pages.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_CPU_GUEST_H
#define TESTS_CPU_GUEST_H

#include "tests/cpu/case.h"

typedef struct Guest Guest;

Guest *guest_new(void);
void guest_free(Guest *g);
X86CPU *guest_cpu(Guest *g);
uint8_t *guest_window(Guest *g);
/* Executes the case's instruction with an engine. An exception is delivered
 * through the guest's IDT and read back from its stack frame. */
void guest_run(Guest *g, CpuEngineFn *engine, const CpuCase *c, CpuOutcome *o);

#endif
