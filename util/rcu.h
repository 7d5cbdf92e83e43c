/*
 * Reading data that is published under RCU.
 *
 * liburcu wants every reading thread registered. rcu_reader_enter() registers
 * the calling thread when it reads for the first time and unregisters it when
 * it ends, so no thread has to remember. Sections may nest and may block;
 * while a thread is in one, nothing it reached through an RCU pointer is freed.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_RCU_H
#define UTIL_RCU_H

#ifndef _LGPL_SOURCE
#define _LGPL_SOURCE /* the inline variants; our licence allows them */
#endif
#ifndef RCU_MEMBARRIER
#define RCU_MEMBARRIER
#endif
#include <urcu.h>
#include "util/tsan.h"

#ifdef __SANITIZE_THREAD__ /* liburcu's own are not atomic in its eyes */
#undef rcu_assign_pointer
#define rcu_assign_pointer(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)
#undef rcu_dereference
#define rcu_dereference(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#endif

/* Registers the calling thread as an RCU reader; it must not be one yet. */
void rcu_reader_register(void);

static inline void rcu_reader_enter(void)
{
    if (__builtin_expect(!URCU_TLS(rcu_reader).registered, 0)) {
        rcu_reader_register();
    }
    rcu_read_lock();
}

static inline void rcu_reader_leave(void)
{
    tsan_rcu_reader_leaves();
    rcu_read_unlock();
}

#endif
