/*
 * A lock that nobody is kept from.
 *
 * A mutex of the system may go to the thread that has just released it, again and again, while
 * another is still waking up: on a loaded host a guest that polls a port would keep the big lock from
 * the main thread. Here, too, whoever comes first takes a free lock, because handing it over costs a
 * switch of threads; but a thread that has waited for a while gets it next.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_FAIR_LOCK_H
#define UTIL_FAIR_LOCK_H

#include <glib.h>
#include <stdbool.h>

enum { FAIR_LOCK_PATIENCE_US = 500 }; /* what "a while" is */

typedef struct FairLock {
    gint state;       /* a FairLockState */
    GMutex mutex;
    GQueue waiters;   /* [mutex] first come, first served */
} FairLock;

#define FAIR_LOCK_INIT { .waiters = G_QUEUE_INIT }

void fair_lock(FairLock *lock);
void fair_unlock(FairLock *lock);
/* Waits for cond, whose signals are sent by threads that hold the lock; the lock is free meanwhile. */
void fair_lock_cond_wait(FairLock *lock, GCond *cond);
/* Whether a thread waits for the lock. By the thread that holds it. */
bool fair_lock_is_wanted(FairLock *lock);

#endif
