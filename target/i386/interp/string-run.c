/*
 * Runs of elements in memory of the host. See string-run.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/string-run.h"
#include <string.h>
#include "target/i386/interp/operand.h"
#include "target/i386/tlb.h"

/* val, of size bytes, as often as it goes into 8 bytes. */
static uint64_t repeated(uint64_t val, unsigned size)
{
    switch (size) {
    case 1:
        return (val & 0xff) * 0x0101010101010101;
    case 2:
        return (val & 0xffff) * 0x0001000100010001;
    case 4:
        return (val & 0xffffffff) * 0x0000000100000001;
    default:
        return val;
    }
}

void x86_string_fill(uint8_t *to, uint64_t val, uint64_t len, unsigned size)
{
    uint64_t pattern = repeated(val, size);

    if (pattern == repeated(val, 1)) {
        memset(to, (int)(val & 0xff), len);
        return;
    }
    for (; len >= 8; len -= 8, to += 8) {
        *(X86Unaligned64 *)to = pattern;
    }
    memcpy(to, &pattern, len);
}

#define MOVE_ELEMENTS(T)                                                       \
    for (uint64_t i = 0; i < len; i += sizeof(T)) {                            \
        uint64_t at = down ? len - sizeof(T) - i : i;                          \
        *(T *)(to + at) = *(const T *)(from + at);                             \
    }

static void move_one_by_one(uint8_t *to, const uint8_t *from, uint64_t len, unsigned size,
                            bool down)
{
    switch (size) {
    case 1:
        MOVE_ELEMENTS(uint8_t);
        break;
    case 2:
        MOVE_ELEMENTS(X86Unaligned16);
        break;
    case 4:
        MOVE_ELEMENTS(X86Unaligned32);
        break;
    default:
        MOVE_ELEMENTS(X86Unaligned64);
    }
}

void x86_string_copy(uint8_t *to, const uint8_t *from, uint64_t len, unsigned size, bool down)
{
    bool reads_own = down ? to < from && from < to + len : from < to && to < from + len;

    if (reads_own || len == size) { /* memmove() would take longer to find out what to do */
        move_one_by_one(to, from, len, size, down);
    } else {
        memmove(to, from, len);
    }
}
