/*
 * What the page tables of a CPU map, for monitors.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_PAGES_H
#define TARGET_I386_PAGES_H

#include "target/i386/cpu.h"

typedef struct X86Page {
    uint64_t lin, phys;  /* of its first byte; lin is canonical */
    uint64_t size;
    uint64_t entry;      /* the leaf entry as it stands in memory */
    bool user, writable; /* over all levels */
} X86Page;

/* Calls fn for each present page in order of its linear address. Without paging there
 * are none. Tables that map themselves over and over are followed for X86_PAGES_BUDGET
 * entries; then it returns false. On the CPU's thread, or while it is paused. */
enum { X86_PAGES_BUDGET = 1 << 24 };
bool x86_pages_foreach(X86CPU *cpu, void (*fn)(const X86Page *page, void *opaque), void *opaque);

#endif
