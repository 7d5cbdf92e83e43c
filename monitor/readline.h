/*
 * A line editor on a stream of bytes: editing keys, history, completion.
 *
 * Keys: the arrows, Home, End, Delete, and Ctrl-A B D E F H K L N P U W, Tab, as
 * common shells have them. It knows neither the terminal's width nor its name: it
 * uses only the ANSI sequences "cursor left" and "clear to the end of the line".
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MONITOR_READLINE_H
#define MONITOR_READLINE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Readline Readline;

typedef struct ReadlineOps {
    void (*write)(void *opaque, const char *text);
    /* A line was entered; may be empty. */
    void (*execute)(void *opaque, const char *line);
    /* Adds to out (char *, owned) what may stand in place of the last word of line. */
    void (*complete)(void *opaque, const char *line, GPtrArray *out);
} ReadlineOps;

Readline *readline_new(const char *prompt, const ReadlineOps *ops, void *opaque);
void readline_free(Readline *rl);
/* Forgets the line being edited (the peer is another one). */
void readline_restart(Readline *rl);
/* Shows the prompt and the line as far as it was typed. */
void readline_show(Readline *rl);
void readline_key(Readline *rl, uint8_t key);
/* char *, oldest first; at most READLINE_HISTORY. */
const GPtrArray *readline_history(const Readline *rl);

enum { READLINE_HISTORY = 64, READLINE_MAX = 4095 };

#endif
