/*
 * Makes the state in which a case's instruction runs.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_CPU_GENERATE_H
#define TESTS_CPU_GENERATE_H

#include "tests/cpu/encode.h"

/*
 * A case of the row in the mode. Writes operand values into both windows
 * (the same bytes). False if the row has no case in this mode.
 */
bool generate_case(Random *r, unsigned row, X86Mode mode, uint8_t *windows[2], CpuCase *c);

#endif
