/*
 * The watch over a guest that makes no progress, for runs that nobody looks at
 * (-hang-timeout; Doppel's own).
 *
 * No progress means that for the whole time, while the machine ran,
 *   - the guest wrote nothing to a serial port or another character device,
 *   - no request to a drive completed,
 *   - the screen stayed as it was (the cursor's blinking does not count), and
 *   - each CPU was halted or stayed within HANG_PAGES pages of code, whenever one of
 *     HANG_SAMPLES samples was taken.
 * A CPU that does not even come out of one instruction for twice the time, while nothing else
 * happens, is an error of Doppel and reported as such.
 * A guest that computes in a small loop, and one that waits for input, make none either.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACCEL_HANG_H
#define ACCEL_HANG_H

#include "accel/runstate.h"

typedef struct HangWatch HangWatch;

enum {
    HANG_SAMPLES = 16,
    HANG_PAGES = 4,
    HANG_EXIT_STATUS = 124,  /* as timeout(1) */
};

/* timeout_ns of host time. end: the program ends with HANG_EXIT_STATUS after the report
 * (with -no-shutdown: the machine stops); otherwise a hang is reported once. */
HangWatch *hang_watch_new(RunState *rs, int64_t timeout_ns, bool end);
/* After the vCPU threads have ended. NULL is allowed. */
void hang_watch_free(HangWatch *watch);

#endif
