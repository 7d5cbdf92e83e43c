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

#endif
