/*
 * The main loop and the big lock.
 *
 * The main thread runs GLib's default main context. It holds the big lock
 * (BQL) whenever it is not waiting in poll(), so every GLib source callback,
 * timer and bottom half runs with the lock. vCPU threads take it around
 * device accesses; worker threads never need it.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_MAIN_LOOP_H
#define UTIL_MAIN_LOOP_H

#include <glib.h>
#include <stdbool.h>

/* Installs the lock around poll() and takes it. Once, from the main thread. */
void main_loop_init(void);
/* Runs until main_loop_quit(). */
void main_loop_run(void);
void main_loop_quit(void);
/* One iteration; waits for an event if blocking. For tests and start-up. */
void main_loop_wait(bool blocking);

void bql_lock(void);
void bql_unlock(void);
bool bql_locked(void); /* by this thread */
/* Waits on cond, releasing the big lock meanwhile; may return without a signal. */
void bql_cond_wait(GCond *cond);

/*
 * Bottom half: a function that any thread may schedule to run once on the
 * main thread. Scheduling again before it ran has no further effect.
 */
typedef struct BH BH;
typedef void BHFn(void *opaque);
BH *bh_new(BHFn *fn, void *opaque);
void bh_schedule(BH *bh);
/* With the big lock: lets the calling thread itself run fn, just before it next releases the lock.
 * That is after the register handler that it is in, and saves two changes of threads. On the main
 * thread it is bh_schedule(). */
void bh_schedule_here(BH *bh);
void bh_cancel(BH *bh);
void bh_delete(BH *bh);
/* Runs fn once on the main thread; nothing to free. */
void bh_schedule_oneshot(BHFn *fn, void *opaque);

#endif
