/*
 * A small deterministic random generator (xorshift64*).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_CPU_RANDOM_H
#define TESTS_CPU_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Random {
    uint64_t state; /* not 0 */
} Random;

/* One that differs in many bits from those of the seeds beside it. */
static inline Random random_from(uint32_t seed)
{
    return (Random){ .state = (seed + UINT64_C(1)) * 0x9e3779b97f4a7c15 };
}

static inline uint64_t random64(Random *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545f4914f6cdd1d;
}

/* 0 to n - 1 */
static inline unsigned random_below(Random *r, unsigned n)
{
    return (random64(r) >> 32) % n;
}

static inline bool random_chance(Random *r, unsigned percent)
{
    return random_below(r, 100) < percent;
}

#endif
