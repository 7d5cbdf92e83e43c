/*
 * The pace of drawing: see refresh.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/refresh.h"
#include <glib.h>
#include "util/timer.h"

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

/* Where nothing came of what was expected the machine stands still. */
int64_t refresh_pace_time(RefreshPace *pace, int64_t start, bool changed, bool was_expected,
                          int64_t expected)
{
    unsigned interval_ms = refresh_pace_next(pace, changed && !was_expected);
    int64_t next = start + interval_ms * NS_PER_MS;

    if (was_expected && !changed) {
        return next;
    }
    return MIN(next, MAX(expected, start + REFRESH_USUAL_MS * NS_PER_MS));
}
