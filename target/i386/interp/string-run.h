/*
 * MOVS and STOS of many elements in plain memory of the host: what the string instructions of
 * the interpreter and of translated code have in common.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_STRING_RUN_H
#define TARGET_I386_INTERP_STRING_RUN_H

#include <stdbool.h>
#include <stdint.h>

/* Stores the low size bytes of val (1, 2, 4 or 8) again and again: len bytes from to on, a
 * multiple of size. */
void x86_string_fill(uint8_t *to, uint64_t val, uint64_t len, unsigned size);

/* Moves len bytes, a multiple of size, as elements of size bytes (1, 2, 4 or 8) one after the other
 * would, each of which may be one that was just stored; down: from the last to the first. */
void x86_string_copy(uint8_t *to, const uint8_t *from, uint64_t len, unsigned size, bool down);

#endif
