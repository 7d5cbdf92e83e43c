/*
 * What a CPU did last: its exceptions, interrupts and device accesses, kept for
 * reports of a guest (or an emulator) that cannot go on. Not state of the guest:
 * it is neither saved nor reset.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_TRAIL_H
#define TARGET_I386_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

enum { X86_TRAIL_EVENTS = 16 };

typedef struct X86TrailEvent {
    uint64_t rip, rsp, cr2; /* before delivery */
    uint32_t error;
    uint16_t cs, ss;
    uint8_t vector, cpl;
    bool has_error;
} X86TrailEvent;

/* The last X86_TRAIL_EVENTS; number n stands at n % X86_TRAIL_EVENTS. */
typedef struct X86TrailRing {
    X86TrailEvent event[X86_TRAIL_EVENTS];
    uint64_t count;
} X86TrailRing;

typedef struct X86TrailAccess {
    uint64_t addr, val;
    uint8_t size;           /* bytes; 0: there was none */
    bool write;
} X86TrailAccess;

typedef struct X86Trail {
    X86TrailRing exceptions; /* faults and traps */
    X86TrailRing interrupts; /* INTR, NMI, INT n */
    X86TrailAccess port, mmio;
} X86Trail;

static inline void x86_trail_access(X86TrailAccess *access, uint64_t addr, uint64_t val,
                                    unsigned size, bool write)
{
    *access = (X86TrailAccess){ addr, val, (uint8_t)size, write };
}

#endif
