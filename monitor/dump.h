/*
 * Core files of the guest: dump.c.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MONITOR_DUMP_H
#define MONITOR_DUMP_H

#include <stdbool.h>

/* The machine must stand still until it is written. */
bool dump_in_progress(void);

#endif
