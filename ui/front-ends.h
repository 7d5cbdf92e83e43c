/*
 * The rows of display.c's table, each defined by its front end's file.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_FRONT_ENDS_H
#define UI_FRONT_ENDS_H

#include "ui/display.h"

extern const DisplayType display_sdl, display_vnc, display_curses;

#endif
