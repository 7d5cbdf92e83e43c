/*
 * What ThreadSanitizer must be told in builds with it (./configure --sanitize=thread); nothing
 * in others.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_TSAN_H
#define UTIL_TSAN_H

#include <stddef.h>

#ifdef __SANITIZE_THREAD__
/* Memory that is accessed by several threads at once by design: guest RAM. What a guest makes
 * of that is its own business; the translator's accesses to it are not seen anyway. */
void tsan_shared_by_design(const void *mem, size_t size);
/* The calling thread leaves a section of RCU readers. */
void tsan_rcu_reader_leaves(void);
#else
static inline void tsan_shared_by_design(const void *mem, size_t size)
{
}
static inline void tsan_rcu_reader_leaves(void)
{
}
#endif

#endif
