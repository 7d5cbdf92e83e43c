/*
 * The terminal of "-display curses", with nothing of the machine: curses.h and the
 * machine's keys have names in common.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_TERMINAL_H
#define UI_TERMINAL_H

#include "ui/console.h"

/* Takes over the terminal that the program runs on; false with errp set if it is none. */
bool terminal_open(Error **errp);
void terminal_close(void);
/* Shows a text screen, or the part around the cursor of one that is too large. */
void terminal_show(const TextScreen *screen);
/* Shows one line in the middle. */
void terminal_say(const char *line);
/* The terminal's window has another size now. */
void terminal_resize(void);
/*
 * The next key as an X11 keysym with CONSOLE_MOD_*; false if none waits. Alt and a
 * key come as Escape and the key.
 */
bool terminal_read_key(uint32_t *keysym, unsigned *modifiers);

#endif
