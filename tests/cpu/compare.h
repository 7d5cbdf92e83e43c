/*
 * Compares the outcomes of one case.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_CPU_COMPARE_H
#define TESTS_CPU_COMPARE_H

#include "tests/cpu/case.h"

/* What can differ. */
#define CASE_FIELDS(X) \
    X(vector) X(error) X(cr2) X(rip) X(gpr) X(flags) X(seg) X(base) X(vec) X(mxcsr) \
    X(fcw) X(fsw) X(ftw) X(st) X(fop) X(fip) X(fdp) X(memory)
typedef enum CaseField {
#define X(name) FIELD_##name,
    CASE_FIELDS(X)
#undef X
    FIELD_COUNT
} CaseField;

/* Bits of CaseField in which b differs from a; the windows are the memory after
 * each run. Appends to *why (may be NULL) one line for each difference. */
uint32_t compare_outcomes(const CpuCase *c, const CpuOutcome *a, const CpuOutcome *b,
                          uint8_t *windows[2], GString *why);
/* The case as text: bytes, instruction and the registers it uses. */
void describe_case(const CpuCase *c, GString *out);

typedef struct KnownDifferences KnownDifferences;
/* Reads known-differences.txt. NULL if it cannot be read or parsed. */
KnownDifferences *known_differences_load(const char *path);
void known_differences_free(KnownDifferences *known);
/* True if all differences of this mnemonic are listed. */
bool known_differences_cover(KnownDifferences *known, const char *mnemonic, uint32_t fields);

#endif
