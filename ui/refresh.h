/*
 * How often a console is drawn: usually every 30 ms, faster while every drawing
 * finds changes, slower while none does for long. Arithmetic only; console.c has
 * the timer.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_REFRESH_H
#define UI_REFRESH_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds between drawings. The fast pace leaves room above 60 a second. */
enum { REFRESH_FAST_MS = 12, REFRESH_USUAL_MS = 30, REFRESH_IDLE_MS = 120 };

typedef struct RefreshPace {
    unsigned interval_ms; /* until the next drawing */
    unsigned quiet_ms;    /* since the last change */
    unsigned busy;        /* a change adds one, a drawing without one takes two */
} RefreshPace;

void refresh_pace_reset(RefreshPace *pace);
/* Something is about to happen: not idle any more. */
void refresh_pace_wake(RefreshPace *pace);
/* After a drawing; changed: it found something. Returns the new interval_ms. */
unsigned refresh_pace_next(RefreshPace *pace, bool changed);
/* The same in nanoseconds of a clock, for a picture that changes by itself, too: the time of the drawing
 * after the one at start. was_expected: such a change was due, so what this one found is none of
 * the above; expected: when the next is due, INT64_MAX if never. */
int64_t refresh_pace_time(RefreshPace *pace, int64_t start, bool changed, bool was_expected,
                          int64_t expected);

#endif
