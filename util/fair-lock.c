/*
 * A lock that nobody is kept from: see fair-lock.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/fair-lock.h"

typedef enum FairLockState {
    FREE, HELD,
    WANTED, /* held, and the release has to look for waiters */
    LEFT,   /* free, but taken by way of the mutex: a thread is about to wait for a condition */
} FairLockState;

/* While there are waiters the state is WANTED, or the first of them has been told to try. */
typedef struct Waiter {
    GCond told;
    gint64 since;  /* microseconds */
    bool has_lock; /* [mutex] handed over */
} Waiter;

/* With the mutex. */
static bool try_to_take(FairLock *lock)
{
    FairLockState before = __atomic_exchange_n(&lock->state, WANTED, __ATOMIC_ACQUIRE);

    return before == FREE || before == LEFT;
}

/* With the mutex, which is released while waiting. */
static void take(FairLock *lock)
{
    Waiter self = { .since = g_get_monotonic_time() };

    if (try_to_take(lock)) {
        return;
    }
    g_cond_init(&self.told);
    g_queue_push_tail(&lock->waiters, &self);
    do {
        g_cond_wait(&self.told, &lock->mutex);
    } while (!self.has_lock && !try_to_take(lock));
    g_queue_remove(&lock->waiters, &self);
    g_cond_clear(&self.told);
}

/* With the mutex. The lock is FREE or LEFT if it is handed to nobody. */
static void give(FairLock *lock, FairLockState free)
{
    Waiter *next = g_queue_peek_head(&lock->waiters);

    if (next && g_get_monotonic_time() - next->since > FAIR_LOCK_PATIENCE_US) {
        g_queue_pop_head(&lock->waiters);
        next->has_lock = true;
    } else {
        g_atomic_int_set(&lock->state, free);
    }
    if (next) {
        g_cond_signal(&next->told);
    }
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
        give(lock, FREE);
        g_mutex_unlock(&lock->mutex);
    }
}

void fair_lock_cond_wait(FairLock *lock, GCond *cond)
{
    g_mutex_lock(&lock->mutex);
    give(lock, LEFT); /* nobody gets it, and signals, before g_cond_wait() has let go of the mutex */
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
