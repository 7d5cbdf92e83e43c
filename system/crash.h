/*
 * What is left to say when Doppel itself cannot go on.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SYSTEM_CRASH_H
#define SYSTEM_CRASH_H

#include "hw/core/machine.h"

/*
 * From now on SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT (failed assertions) print the
 * cause and the machine's CPUs on stderr before they end the program in the usual way.
 * A signal that has a handler already is left to it. Once, from main(), before terminals
 * are touched.
 */
void crash_install(void);
/* The machine that a report is about; NULL: none any more. */
void crash_set_machine(MachineState *machine);

#endif
