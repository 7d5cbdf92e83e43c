/*
 * The machine's front ends as the command line asks for them, and the text consoles
 * that they show beside the screen.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SYSTEM_SCREENS_H
#define SYSTEM_SCREENS_H

#include "system/config.h"

typedef struct Screens Screens;

/* Starts them; NULL with errp set if one cannot start. Every chardev and device is there. */
Screens *screens_new(RunState *rs, Config *config, Error **errp);
void screens_free(Screens *screens);

#endif
