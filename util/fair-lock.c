/*
 * A lock that goes to whoever has waited longest: see fair-lock.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/fair-lock.h"

typedef enum FairLockState {
    FREE, HELD,
    WANTED, /* held, and the release has to look for waiters */
} FairLockState;

typedef struct Waiter {
    GCond given;
    bool has_lock; /* [mutex] */
} Waiter;

/* With the mutex, which is released while waiting. */
static void take(FairLock *lock)
{
    Waiter self = { .has_lock = false };

    if (__atomic_exchange_n(&lock->state, WANTED, __ATOMIC_ACQUIRE) == FREE) {
        return;
    }
    g_cond_init(&self.given);
    g_queue_push_tail(&lock->waiters, &self);
    while (!self.has_lock) {
        g_cond_wait(&self.given, &lock->mutex);
    }
    g_cond_clear(&self.given);
}

/* With the mutex. */
static void give(FairLock *lock)
{
    Waiter *next = g_queue_pop_head(&lock->waiters);

    if (!next) {
        g_atomic_int_set(&lock->state, FREE);
        return;
    }
    next->has_lock = true;
    g_cond_signal(&next->given);
}

void fair_lock(FairLock *lock)
{
    if (!g_atomic_int_compare_and_exchange(&lock->state, FREE, HELD)) {
        g_mutex_lock(&lock->mutex);
        take(lock);
        g_mutex_unlock(&lock->mutex);
    }
}

void fair_unlock(FairLock *lock)
{
    if (!g_atomic_int_compare_and_exchange(&lock->state, HELD, FREE)) {
        g_mutex_lock(&lock->mutex);
        give(lock);
        g_mutex_unlock(&lock->mutex);
    }
}

void fair_lock_cond_wait(FairLock *lock, GCond *cond)
{
    g_mutex_lock(&lock->mutex);
    give(lock);
    g_cond_wait(cond, &lock->mutex);
    take(lock);
    g_mutex_unlock(&lock->mutex);
}

bool fair_lock_is_wanted(FairLock *lock)
{
    g_mutex_lock(&lock->mutex);
    bool wanted = !g_queue_is_empty(&lock->waiters);
    g_mutex_unlock(&lock->mutex);
    return wanted;
}
