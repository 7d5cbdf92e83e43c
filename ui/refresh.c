/*
 * The pace of drawing: see refresh.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/refresh.h"
#include <glib.h>

/* A blinking cursor changes the picture every 266 ms: it keeps the usual pace. */
enum { QUIET_BEFORE_IDLE_MS = 500, BUSY_BEFORE_FAST = 4, BUSY_MAX = 8 };

void refresh_pace_reset(RefreshPace *pace)
{
    *pace = (RefreshPace){ .interval_ms = REFRESH_USUAL_MS };
}

void refresh_pace_wake(RefreshPace *pace)
{
    pace->quiet_ms = 0;
    pace->interval_ms = MIN(pace->interval_ms, REFRESH_USUAL_MS);
}

static unsigned idle_interval(const RefreshPace *pace)
{
    if (pace->quiet_ms < QUIET_BEFORE_IDLE_MS) {
        return REFRESH_USUAL_MS;
    }
    return MIN(pace->interval_ms * 2, REFRESH_IDLE_MS);
}

unsigned refresh_pace_next(RefreshPace *pace, bool changed)
{
    if (changed) {
        pace->quiet_ms = 0;
        pace->busy = MIN(pace->busy + 1, BUSY_MAX);
    } else {
        pace->quiet_ms += pace->interval_ms;
        pace->busy = pace->busy > 2 ? pace->busy - 2 : 0;
    }
    pace->interval_ms = pace->busy >= BUSY_BEFORE_FAST ? REFRESH_FAST_MS : idle_interval(pace);
    return pace->interval_ms;
}
