/*
 * What the files of the memory core share.
 *
 *   region.c         the tree and its transactions
 *   flatview.c       rendering a tree into a FlatView, and how long one lives
 *   address-space.c  publishing views, listeners, ioeventfds
 *   access.c         reads and writes through an address space
 *   io.c             one access to an I/O region: sizes, byte order, re-entrancy
 *   ram.c            RAM blocks, their page flags, dirty logging
 *   print.c          info mtree
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEMORY_INTERNAL_H
#define MEMORY_INTERNAL_H

#include <glib.h>
#include "memory/memory.h"
#include "util/rcu.h"

/* One stretch of addresses that a single region answers. */
typedef struct FlatRange {
    hwaddr start, last;  /* both inclusive, so that 2^64 - 1 fits */
    MemoryRegion *mr;
    hwaddr offset;       /* of start in mr */
    RAMBlock *block;     /* NULL: no memory behind it; else offset counts in it too */
    void *owner;         /* of mr; the view holds a reference, which keeps an embedded mr alive */
    bool readonly;       /* stores go nowhere (ROM, or a read-only alias) */
    bool direct_read;    /* loads go to block */
    bool direct_write;   /* stores go to block */
} FlatRange;

typedef struct FlatEventfd {
    hwaddr addr;         /* in the address space */
    MemoryRegion *mr;
    hwaddr offset;       /* in mr */
    unsigned size;
    bool match_data;
    uint64_t data;
    int fd;
} FlatEventfd;

/* Immutable once published. Holds references on its blocks and on the regions' owners. */
struct FlatView {
    struct rcu_head rcu;
    gint ref;            /* address spaces and listeners' updates that hold it */
    MemoryRegion *root;  /* what it was rendered from, for printing; may be NULL */
    unsigned n_ranges, n_eventfds;
    FlatRange *ranges;
    FlatEventfd *eventfds;
};

/* An ioeventfd of a region (MemoryRegion.ioeventfds). */
typedef struct RegionEventfd {
    hwaddr addr;
    unsigned size;
    bool match_data;
    uint64_t data;
    int fd;
} RegionEventfd;

/* --- flatview.c */
/* The region that alone decides what root shows, or NULL if it shows nothing: address
 * spaces with the same one share a view. */
MemoryRegion *flatview_effective_root(MemoryRegion *root);
FlatView *flatview_render(MemoryRegion *root);
FlatView *flatview_ref(FlatView *view);
/* Dropping the last reference frees it after all present readers have left. */
void flatview_unref(FlatView *view);
bool flatview_equal(const FlatView *a, const FlatView *b);
bool flat_range_equal(const FlatRange *a, const FlatRange *b);
bool flat_eventfd_equal(const FlatEventfd *a, const FlatEventfd *b);
/* The range that holds addr; else NULL and *next is the first range above (or NULL). */
const FlatRange *flatview_find(const FlatView *view, hwaddr addr, const FlatRange **next);

/* --- address-space.c */
static inline const FlatView *address_space_view(const AddressSpace *as)
{
    return rcu_dereference(((AddressSpace *)as)->view);
}
/* Renders every address space again and tells listeners what changed. */
void address_spaces_update(void);
void address_spaces_log_reset(RAMBlock *block, uint64_t offset, uint64_t len);
void address_spaces_log_sync(RAMBlock *block, uint64_t offset, uint64_t len);
void address_spaces_log_changed(RAMBlock *block);

/* --- io.c */
/* One access at an offset of an I/O region (or ROM device), with the big lock. */
MemTxResult io_read(MemoryRegion *mr, hwaddr offset, uint64_t *val, unsigned size,
                    MemTxAttrs attrs);
MemTxResult io_write(MemoryRegion *mr, hwaddr offset, uint64_t val, unsigned size,
                     MemTxAttrs attrs);
/* See address_space_load_run(). */
unsigned io_read_run(MemoryRegion *mr, hwaddr offset, void *buf, unsigned size, unsigned count);
/* True if the bus passes such an access on whole; else it arrives in pieces. */
bool io_takes_whole(const MemoryRegion *mr, hwaddr offset, unsigned size);
/* The largest aligned piece, at most len bytes, to access offset with. */
unsigned io_piece(const MemoryRegion *mr, hwaddr offset, uint64_t len);

/* --- ram.c */
RAMBlock *ram_block_new(const char *name, uint64_t size, Error **errp);
/* The block whose memory holds host, or NULL. */
RAMBlock *ram_block_from_host(const void *host);

static inline uint64_t mask_of_size(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * size)) - 1;
}

/* The last byte of something of the given size ("UINT64_MAX stands for 2^64"). */
static inline hwaddr last_of_size(uint64_t size)
{
    return size == UINT64_MAX ? UINT64_MAX : size - 1;
}

#endif
