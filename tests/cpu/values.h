/*
 * Operand values: edges more often than chance.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_CPU_VALUES_H
#define TESTS_CPU_VALUES_H

#include "target/i386/cpu.h"
#include "tests/cpu/random.h"

uint64_t value_integer(Random *r);
/* 16 bytes for a vector register or memory: integers, floats or doubles. */
void value_vector(Random *r, void *out);
X86Float80 value_float80(Random *r);

#endif
