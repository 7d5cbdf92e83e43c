/*
 * Address spaces: what answers at which guest address.
 *
 * A tree of MemoryRegions (containers, RAM, ROM, I/O, aliases) with priorities
 * is rendered into a flat, sorted, immutable FlatView, published under RCU:
 * readers never lock. Changes between memory_transaction_begin() and
 * _commit() are rendered once, at the outermost commit. The tree is changed
 * with the big lock held.
 *
 * Rules for overlapping: at each address the region with the highest priority
 * among siblings answers; inside a container, an address that no child covers
 * falls through to what lies below the container. Equal priorities: the one
 * added last wins.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEMORY_MEMORY_H
#define MEMORY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "qom/object.h"

typedef uint64_t hwaddr;
typedef struct MemoryRegion MemoryRegion;
typedef struct AddressSpace AddressSpace;
typedef struct FlatView FlatView;
typedef struct RAMBlock RAMBlock;
typedef struct MemoryListener MemoryListener;

/* Result of an access; bits may be combined. */
typedef enum MemTxResult {
    MEMTX_OK = 0,
    MEMTX_ERROR = 1,        /* the device refused */
    MEMTX_DECODE_ERROR = 2, /* nothing at this address */
} MemTxResult;

typedef struct MemTxAttrs {
    uint16_t requester_id;  /* PCI requester for MSI and the like */
    bool smm;
} MemTxAttrs;
#define MEMTXATTRS_NONE ((MemTxAttrs){ 0 })

/*
 * An I/O region's behaviour as data; handlers check nothing. addr is relative to the region.
 *
 * An access that is not aligned (unless valid.unaligned), that leaves the region, or of 8 bytes
 * where valid.max_size is less, arrives as the aligned pieces a bus would make of it. What valid
 * excludes is refused: reads give all ones, writes go nowhere, MEMTX_ERROR. The rest is
 * cut or widened to the sizes of impl: a narrower read takes its part of a wider one, a
 * narrower write reads the bytes beside it first. Bytes are swapped by endianness.
 *
 * Handlers run with the big lock. A handler is never entered while one of the same owner's
 * regions is running in the same thread (its own DMA gets MEMTX_ERROR back).
 */
typedef enum MemoryEndian { MEMORY_LITTLE_ENDIAN, MEMORY_BIG_ENDIAN } MemoryEndian;
typedef struct MemoryRegionOps {
    uint64_t (*read)(void *opaque, hwaddr addr, unsigned size);
    void (*write)(void *opaque, hwaddr addr, uint64_t val, unsigned size);
    /* Instead of the two above, where an access can fail or attrs matter. */
    MemTxResult (*read_with_attrs)(void *opaque, hwaddr addr, uint64_t *val, unsigned size,
                                   MemTxAttrs attrs);
    MemTxResult (*write_with_attrs)(void *opaque, hwaddr addr, uint64_t val, unsigned size,
                                    MemTxAttrs attrs);
    /* A data port: as count reads of size bytes at addr, one after the other into buf, but it may
     * do fewer. Returns how many it did; 0: use the others. Never for sizes that valid or impl leave
     * out, nor for an addr that is not aligned. NULL: there is no such port. */
    unsigned (*read_run)(void *opaque, hwaddr addr, void *buf, unsigned size, unsigned count);
    MemoryEndian endianness;
    struct {
        unsigned min_size, max_size; /* bytes; 0: 1 and 4 (max 8) */
        bool unaligned;              /* accesses across their size are passed on */
    } valid, impl;
    bool reentrant; /* interrupt controllers: their messages may come back to themselves */
} MemoryRegionOps;

typedef enum MemoryRegionKind {
    MEMORY_CONTAINER,
    MEMORY_RAM,
    MEMORY_ROM,        /* RAM the guest cannot write */
    MEMORY_ROM_DEVICE, /* reads like ROM (when in romd mode), writes go to ops */
    MEMORY_IO,
    MEMORY_ALIAS,
} MemoryRegionKind;

struct MemoryRegion {
    Object parent_obj;     /* TYPE_MEMORY_REGION: in the composition tree for info mtree */
    MemoryRegionKind kind;
    char *mr_name;
    void *owner;           /* Object or NULL; identity for the re-entrancy guard */
    uint64_t size;         /* bytes; UINT64_MAX stands for 2^64 */
    hwaddr addr;           /* offset in the container */
    MemoryRegion *container;
    GList *children;       /* highest priority first */
    int priority;
    bool enabled, readonly, romd_mode, terminates;
    const MemoryRegionOps *ops;
    void *opaque;
    RAMBlock *block;
    MemoryRegion *alias;
    hwaddr alias_offset;
    uint8_t dirty_log_mask;
    hwaddr coalesced_start; /* writes to these bytes may be late */
    uint64_t coalesced_size;
    GSList *ioeventfds;
};

#define TYPE_MEMORY_REGION "memory-region"

/* --- building ---------------------------------------------------------- */

void memory_region_init(MemoryRegion *mr, void *owner, const char *name, uint64_t size);
void memory_region_init_io(MemoryRegion *mr, void *owner, const MemoryRegionOps *ops,
                           void *opaque, const char *name, uint64_t size);
/* RAM and ROM are zero-filled. False with errp set if the host cannot provide it. */
bool memory_region_init_ram(MemoryRegion *mr, void *owner, const char *name, uint64_t size,
                            Error **errp);
bool memory_region_init_rom(MemoryRegion *mr, void *owner, const char *name, uint64_t size,
                            Error **errp);
bool memory_region_init_rom_device(MemoryRegion *mr, void *owner, const MemoryRegionOps *ops,
                                   void *opaque, const char *name, uint64_t size, Error **errp);
void memory_region_init_alias(MemoryRegion *mr, void *owner, const char *name,
                              MemoryRegion *orig, hwaddr offset, uint64_t size);
/* Unmaps it from its container, frees its RAM after readers are gone. */
void memory_region_destroy(MemoryRegion *mr);

void memory_region_add_subregion(MemoryRegion *mr, hwaddr offset, MemoryRegion *sub);
void memory_region_add_subregion_overlap(MemoryRegion *mr, hwaddr offset, MemoryRegion *sub,
                                         int priority);
void memory_region_del_subregion(MemoryRegion *mr, MemoryRegion *sub);
void memory_region_set_enabled(MemoryRegion *mr, bool enabled);
void memory_region_set_address(MemoryRegion *mr, hwaddr addr);
void memory_region_set_size(MemoryRegion *mr, uint64_t size);
void memory_region_set_readonly(MemoryRegion *mr, bool readonly);
void memory_region_set_alias_offset(MemoryRegion *mr, hwaddr offset);
void memory_region_rom_device_set_romd(MemoryRegion *mr, bool romd);
/* Writes to size bytes at offset may be carried out later, in order, before any other access of
 * a CPU and before the region's dirty pages are looked at. Before the region is mapped. */
void memory_region_set_coalesced(MemoryRegion *mr, hwaddr offset, uint64_t size);
void memory_transaction_begin(void);
void memory_transaction_commit(void);

static inline uint64_t memory_region_size(const MemoryRegion *mr) { return mr->size; }
/* Host address of a RAM, ROM or ROM-device region's first byte. */
void *memory_region_get_ram_ptr(MemoryRegion *mr);

/* --- RAM blocks and their pages ---------------------------------------- */

enum { GUEST_PAGE_BITS = 12, GUEST_PAGE_SIZE = 1 << GUEST_PAGE_BITS };

/* Bits of RAMBlock.page_flags[page]. */
enum {
    RAM_PAGE_CODE = 1 << 0,      /* an engine holds decoded or translated code of it:
                                    whoever writes calls ram_block_written() */
    RAM_PAGE_CLEAN_VGA = 1 << 1, /* clear = dirty, for the display */
    RAM_PAGE_CLEAN_MIGRATION = 1 << 2,
    RAM_PAGE_SLOW_WRITE = RAM_PAGE_CODE | RAM_PAGE_CLEAN_VGA | RAM_PAGE_CLEAN_MIGRATION,
};

struct RAMBlock {
    uint8_t *host;         /* length bytes, page aligned */
    int fd;                /* what it is a mapping of, or -1: it cannot be mapped again */
    uint64_t length;
    uint8_t *page_flags;   /* [atomic] one byte a page */
    uint8_t *code_users;   /* engines with code of the page; memory/ram.c's own */
    uint8_t *gathered;     /* [atomic] by 2 MiB: ram_block_gather() has been here; or NULL */
    char *name;
    MemoryRegion *mr;
    gint ref;
};

/* From now on large blocks are mappings of files, which can be mapped again (fd), or private
 * memory, for which hosts have larger pages. */
void ram_blocks_in_files(bool files);

/* A guest begins to use the memory at offset. For private memory the host has larger pages by itself;
 * of a file it is asked to make one of the 2 MiB around offset, the first time. It may decline. */
void ram_block_gather(RAMBlock *block, uint64_t offset);

/* After a write to pages with any RAM_PAGE_SLOW_WRITE bit: marks them dirty
 * and tells the code listeners. Any thread. The memory core's own writers
 * (address_space_write and the like) call it; so do engines for guest stores. */
void ram_block_written(RAMBlock *block, uint64_t offset, uint64_t len);
/* Engines register to hear of writes to pages they flagged RAM_PAGE_CODE. Called on the
 * writing thread, before ram_block_written() returns. */
typedef void RAMCodeListenerFn(void *opaque, RAMBlock *block, uint64_t offset, uint64_t len);
void ram_code_listener_add(RAMCodeListenerFn *fn, void *opaque);
void ram_code_listener_remove(RAMCodeListenerFn *fn, void *opaque);
/* An engine (there may be one for each vCPU) has got code of the page at offset, or has
 * dropped the last of it: the page is flagged RAM_PAGE_CODE while any engine has some. TLBs
 * that let stores to it pass are the engine's affair. */
void ram_page_set_code(RAMBlock *block, uint64_t offset);
void ram_page_clear_code(RAMBlock *block, uint64_t offset);

/* A block stays while somebody has a reference. */
RAMBlock *ram_block_ref(RAMBlock *block);
void ram_block_unref(RAMBlock *block);

/* Every RAM block there is, of all machines. fn must not make or free any. */
void ram_block_foreach(void (*fn)(RAMBlock *block, void *opaque), void *opaque);
/* Appends the block's contents to out; pages of zeros cost nothing. */
void ram_block_save(const RAMBlock *block, GByteArray *out);
/* True if data is what ram_block_save() wrote for a block of this length; only then may it be
 * loaded. Loading tells of every page as of a write. */
bool ram_block_check_saved(const RAMBlock *block, const uint8_t *data, size_t len, Error **errp);
void ram_block_load(RAMBlock *block, const uint8_t *data, size_t len);

/* Dirty logging. client is RAM_PAGE_CLEAN_VGA or _MIGRATION. */
void memory_region_set_log(MemoryRegion *mr, bool log, uint8_t client);
/* Asks those who run guest code outside this process's control (log_sync) which pages they have
 * written: once before a series of memory_region_get_dirty(). */
void memory_region_sync_dirty(MemoryRegion *mr, hwaddr addr, uint64_t size);
/* True if any page of [addr, addr+size) was written since the last reset. */
bool memory_region_get_dirty(MemoryRegion *mr, hwaddr addr, uint64_t size, uint8_t client);
/* Marks them clean; later guest writes will mark them dirty again (the memory
 * core tells TLBs to take the slow path, through MemoryListener.log_reset). */
void memory_region_reset_dirty(MemoryRegion *mr, hwaddr addr, uint64_t size, uint8_t client);
void memory_region_set_dirty(MemoryRegion *mr, hwaddr addr, uint64_t size);

/* --- address spaces ----------------------------------------------------- */

struct AddressSpace {
    char *name;
    MemoryRegion *root;
    FlatView *view;        /* RCU: address_space_view() */
    GList *listeners;
};

void address_space_init(AddressSpace *as, MemoryRegion *root, const char *name);
void address_space_destroy(AddressSpace *as);

/* Any address and length; RAM is copied, I/O is accessed in naturally aligned
 * pieces. Any thread: takes the big lock for I/O regions if the caller does
 * not have it. Reads of nothing give all ones. */
MemTxResult address_space_read(AddressSpace *as, hwaddr addr, MemTxAttrs attrs, void *buf,
                               uint64_t len);
MemTxResult address_space_write(AddressSpace *as, hwaddr addr, MemTxAttrs attrs, const void *buf,
                                uint64_t len);
/* Also writes ROM: loaders and debuggers. */
MemTxResult address_space_write_rom(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len);
MemTxResult address_space_set(AddressSpace *as, hwaddr addr, uint8_t byte, uint64_t len);

/* One access of 1, 2, 4 or 8 bytes, as a CPU makes it; value in host order of
 * a little-endian bus. */
MemTxResult address_space_load(AddressSpace *as, hwaddr addr, unsigned size, MemTxAttrs attrs,
                               uint64_t *val);
MemTxResult address_space_store(AddressSpace *as, hwaddr addr, unsigned size, MemTxAttrs attrs,
                                uint64_t val);

/* As up to count accesses of size bytes, all at addr, into buf; returns how many were made. 0, which
 * may be at any time: the next one must be made by address_space_load(). */
unsigned address_space_load_run(AddressSpace *as, hwaddr addr, unsigned size, void *buf,
                                unsigned count);

static inline uint64_t address_space_ld(AddressSpace *as, hwaddr addr, unsigned size)
{
    uint64_t val = 0;
    address_space_load(as, addr, size, MEMTXATTRS_NONE, &val);
    return val;
}

static inline void address_space_st(AddressSpace *as, hwaddr addr, unsigned size, uint64_t val)
{
    address_space_store(as, addr, size, MEMTXATTRS_NONE, val);
}

/*
 * What lies at addr, for software TLBs: fills *out with the region, the
 * offset in it and how many bytes follow contiguously (at most UINT64_MAX).
 * host is non-NULL if reads may go straight to memory; writable if stores may
 * too (after looking at page_flags). Call between rcu_reader_enter() and rcu_reader_leave()
 * (util/rcu.h); the result is valid until MemoryListener.commit of the address space is called.
 */
typedef struct MemorySection {
    MemoryRegion *mr;      /* NULL: nothing here */
    hwaddr offset;         /* in mr */
    uint64_t length;
    hwaddr address;        /* start in the address space (listeners) */
    uint8_t *host;
    RAMBlock *block;
    uint64_t block_offset;
    bool writable;
} MemorySection;
void address_space_lookup(AddressSpace *as, hwaddr addr, MemorySection *out);

/*
 * Listeners follow the flat view of one address space. Callbacks may be NULL.
 * Called with the big lock, between begin and commit: del for sections that
 * went, add for new ones. Registering replays the present view as adds.
 */
struct MemoryListener {
    void (*begin)(MemoryListener *listener);
    void (*region_add)(MemoryListener *listener, const MemorySection *section);
    void (*region_del)(MemoryListener *listener, const MemorySection *section);
    void (*log_reset)(MemoryListener *listener, RAMBlock *block, uint64_t offset, uint64_t len);
    /* Mark what has been written (ram_block_written()) and is not known here yet. */
    void (*log_sync)(MemoryListener *listener, RAMBlock *block, uint64_t offset, uint64_t len);
    /* memory_region_set_log() has changed the block's region. */
    void (*log_changed)(MemoryListener *listener, RAMBlock *block);
    void (*eventfd_add)(MemoryListener *listener, const MemorySection *section, bool match_data,
                        uint64_t data, int fd);
    void (*eventfd_del)(MemoryListener *listener, const MemorySection *section, bool match_data,
                        uint64_t data, int fd);
    void (*commit)(MemoryListener *listener);
    AddressSpace *as;
};
void memory_listener_register(MemoryListener *listener, AddressSpace *as);
void memory_listener_unregister(MemoryListener *listener);

/* A write of size bytes (and of value data if match_data) signals fd instead
 * of calling the region's handler. */
void memory_region_add_eventfd(MemoryRegion *mr, hwaddr addr, unsigned size, bool match_data,
                               uint64_t data, int fd);
void memory_region_del_eventfd(MemoryRegion *mr, hwaddr addr, unsigned size, bool match_data,
                               uint64_t data, int fd);

/* Zero-copy DMA: a host pointer to guest RAM at addr, *len shortened to what is contiguous;
 * NULL if it is not RAM. Unmap a written range to mark it dirty. */
void *address_space_map(AddressSpace *as, hwaddr addr, uint64_t *len, bool is_write);
void address_space_unmap(AddressSpace *as, void *host, uint64_t len, bool is_write);

/* `info mtree`: the trees (with or without regions that are disabled), or the flat views. */
void memory_print_tree(GString *out, const AddressSpace *as, bool disabled);
void memory_print_flat(GString *out, AddressSpace *as);

#endif
