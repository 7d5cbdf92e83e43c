/*
 * The page walk: linear to physical by the tables in guest memory.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_WALK_H
#define TARGET_I386_WALK_H

#include "target/i386/mmu.h"

/* Who accesses, and how. */
typedef struct X86WalkAccess {
    X86Access access;
    bool user; /* CPL 3 and not an implicit supervisor access */
    bool smap; /* user pages are refused to supervisor data accesses */
    bool debug; /* leaves accessed and dirty bits alone, refuses nothing present */
} X86WalkAccess;

typedef struct X86Walk {
    uint64_t phys;     /* of the address, A20 not applied */
    unsigned page_bits; /* 12, 21, 22 or 30 */
    bool writable;     /* this privilege may write, and the dirty bit is set */
    bool readable;     /* this privilege may read */
    bool executable;
    bool global;
    uint32_t error;    /* page-fault error code if the walk failed */
} X86Walk;

/*
 * Translates lin. Sets accessed and dirty bits atomically. Returns false with
 * out->error set for a #PF. lin is canonical, or below 4 GiB outside long mode.
 */
bool x86_walk(X86CPU *cpu, uint64_t lin, X86WalkAccess how, X86Walk *out);

#endif
