/*
 * Runs cases on the host CPU.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_CPU_NATIVE_H
#define TESTS_CPU_NATIVE_H

#include "tests/cpu/case.h"

/* Maps the window, the LDT and the signal handlers. False: this host cannot
 * run the suite (*why says what is missing). */
bool native_init(const char **why);
/* Whether the host can run code of this mode. */
bool native_has_mode(X86Mode mode);
/* Components in the host's XCR0 that the guest's does not have (AVX-512's). */
uint64_t native_extra_components(void);
/* The window's memory, writable whatever its pages' rights. */
uint8_t *native_window(void);
/* Cases are not to see what is mapped between 1 and 2 GiB now: the translator's own. */
void native_hide_low_memory(void);
void native_run(const CpuCase *c, CpuOutcome *o);

#endif
