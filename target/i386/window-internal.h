/*
 * What window.c and window-space.c share.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_WINDOW_INTERNAL_H
#define TARGET_I386_WINDOW_INTERNAL_H

#include "memory/memory.h"
#include "target/i386/window.h"

enum {
    X86_WINDOW_GROUPS = 32,    /* combinations of the bits of a PML4 index that a place keeps */
    X86_WINDOW_NO_ENTRY = 0xff,
    X86_WINDOW_SPACES = 8,
};

/* An address space that has been in force, by its PML4. */
typedef struct X86WindowSpace {
    uint64_t root;     /* physical address; ~0: none */
    uint64_t ticks;    /* of the host's time stamp counter that it was in force */
    uint64_t wanted;   /* so many, until it is given a window */
    uint64_t last;     /* when it was in force last */
    unsigned failures; /* how often a window did not pay, or was closed as its PML4 changed */
} X86WindowSpace;

/* Pages that are mapped at once. */
typedef struct X86WindowRun {
    uint64_t lin, offset; /* in the RAM block */
    uint64_t size;
    bool writable;
    bool part; /* of a large page of the guest's */
} X86WindowRun;

struct X86Window {
    uint8_t *base;
    bool eager;
    bool open;            /* the owner is in force, and has been looked at */
    uint64_t in_force;    /* the present PML4's physical address */
    uint64_t since;       /* when it was loaded, by the host's time stamp counter */
    uint64_t computed;    /* for how long when an interrupt came; 0: none has come since it was looked at */
    unsigned used;        /* entries of the TLB for user code when it was looked at last; or above any number,
                           * if it has not been in force all the time */
    X86WindowSpace *owner; /* whose pages are mapped, or NULL */
    unsigned pcid;        /* the owner's */
    X86WindowSpace space[X86_WINDOW_SPACES];
    uint64_t request;     /* to the other CPUs: that they let no store to the PML4 pass */
    bool waiting;         /* for them */

    GMutex lock;          /* against a store to the PML4 from another thread: */
    bool closed;          /* nothing is mapped, and nothing may be until the PML4 has been looked at */
    RAMBlock *root_block; /* the page of the owner's PML4 */
    uint64_t root_offset;
    uint8_t dropped[X86_WINDOW_GROUPS]; /* bits 42 to 44 of the one entry, or NO_ENTRY */

    RAMBlock *ram;        /* all pages are of this block, that of the first PML4 */
    uint8_t *stored;      /* for each page of it: may be written through the window */
    bool torn;            /* all has been unmapped, though pages says otherwise */
    bool parts;           /* something of the guest's large pages may be mapped */
    GHashTable *pages;    /* by address and size (window.c): the host page and flags */
    unsigned cpus;        /* of the machine: with many a change costs more, for the host's others must know */
    uint64_t expected;    /* page of an access that was a page fault, or 0 */
    uint64_t changes;     /* of what is mapped, for this owner */
    unsigned refusals;    /* since it became the owner */
    uint64_t opened;      /* the owner's ticks when it became the owner */
    struct {
        uint64_t opened, failed, mapped, large, unmapped, emptied;
    } stats;
};

/* The window is to map pages of block, if it has none yet and they can be mapped. */
void x86_window_use_ram(X86Window *w, RAMBlock *block);
/* Nothing is mapped any more. */
void x86_window_empty(X86Window *w);
/* The same from any thread: the owner's records stay. */
void x86_window_unmap_all(X86Window *w);
/* A window begins and ends to hear of stores to its owner's PML4. */
void x86_window_watch(X86CPU *cpu);
void x86_window_unwatch(X86CPU *cpu);
/* The address space in force has not used up what mapping may cost. */
bool x86_window_may_map(const X86Window *w);
/* It has. True: the block that wants another page can do without the window. False: it asked for too
 * many, the address space is no longer the owner. */
bool x86_window_refuse(X86CPU *cpu);
/* The owner no longer is; it must run for longer until it is again. */
void x86_window_fail(X86CPU *cpu);

/* Is anything mapped for the page? */
bool x86_window_has(const X86Window *w, uint64_t page);
/* Must stores to any of the pages be seen? */
bool x86_window_any_slow_write(const RAMBlock *block, uint64_t offset, uint64_t size);
/* run is one page, whose physical address is phys: extends it by those that adjoin it and can be mapped
 * with it (window-around.c). */
void x86_window_extend(X86CPU *cpu, X86WindowRun *run, uint64_t phys);

static inline unsigned x86_window_group(uint64_t lin)
{
    return (lin >> 39 & 7) | (lin >> 45 & 3) << 3;
}
static inline unsigned x86_window_dropped(uint64_t lin)
{
    return lin >> 42 & 7;
}

#endif
