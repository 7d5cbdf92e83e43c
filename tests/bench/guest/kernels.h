/*
 * The benchmark's guest program: many small workloads in one static executable.
 *
 * A kernel does its work N times and returns a number that depends on all of it; the program
 * prints that number, so a run under an emulator can be compared with one on the bare host. What a
 * kernel returns may depend on nothing but N: no times, no addresses, no process ids.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BENCH_KERNELS_H
#define BENCH_KERNELS_H

#include <stdint.h>

typedef struct Kernel {
    const char *name;
    uint64_t (*run)(unsigned long n);
} Kernel;

/* Tables of one class each, ended by a row without a name. */
extern const Kernel integer_kernels[];
extern const Kernel float_kernels[];
extern const Kernel vector_kernels[];
extern const Kernel string_kernels[];
extern const Kernel system_kernels[];

/* The next of a fixed sequence of pseudo-random numbers (xorshift); *state must not be 0. */
static inline uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

/* Folds value into a running checksum. */
static inline uint64_t fold(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * 0x100000001b3ull;
}

/* A floating-point result as a number: nine digits, for a libm may differ in the last bits. */
uint64_t fold_double(uint64_t sum, double value);

/* Ends the program with a message when a system call that the workload is about has failed. */
void must(int ok, const char *what);

#endif
