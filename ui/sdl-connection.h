/*
 * The window's connection to the desktop. Apart from sdl.h, because X11's headers have names of ours.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_SDL_CONNECTION_H
#define UI_SDL_CONNECTION_H

#include <SDL.h>

/* The descriptor that can be read when there are events; -1 if SDL does not tell: it tells of an X
 * server's only. */
int sdl_connection_fd(SDL_Window *window);

#endif
