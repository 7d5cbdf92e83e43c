/*
 * From the command line to a running machine.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SYSTEM_STARTUP_H
#define SYSTEM_STARTUP_H

#include "system/config.h"

typedef struct Startup Startup;

/* Builds everything config asks for; NULL with errp set (and nothing left) on failure, without
 * an error if a monitor ended the program in --preconfig. */
Startup *startup_build(Config *config, Error **errp);
RunState *startup_runstate(Startup *up);
/* Stops the CPUs, flushes the images, frees the machine. */
void startup_free(Startup *up);

#endif
