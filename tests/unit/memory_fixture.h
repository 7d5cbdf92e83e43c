/*
 * What the tests of the memory core share: a device that notes its accesses, a small address
 * space, and a listener that checks what it is told.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_UNIT_MEMORY_FIXTURE_H
#define TESTS_UNIT_MEMORY_FIXTURE_H

#include <glib.h>
#include "memory/memory.h"

#define NOTHING MEMTX_DECODE_ERROR

/* A device that notes how it is accessed. */
typedef struct Recorder {
    MemoryRegion mr;
    MemoryRegionOps ops;
    GString *log;       /* "r4@0 w2@2=1234 " */
    uint8_t bytes[64];  /* reads give these, little-endian: 0x10, 0x11 ... */
    uint8_t tag;        /* in place of bytes, if not 0 */
    AddressSpace *bus;  /* runs try to enter the device once more from here, if not NULL */
} Recorder;

void recorder_init(Recorder *r, const char *name, uint64_t size);
/* One whose every byte is tag. */
void init_tagged(Recorder *r, uint8_t tag, uint64_t size);
void recorder_destroy(Recorder *r);

/* The log since the last call, of a Recorder or a Follower. */
#define assert_log(r, text)                                                    \
    do {                                                                       \
        g_assert_cmpstr((r)->log->str, ==, text);                              \
        g_string_truncate((r)->log, 0);                                        \
    } while (0)

/* An address space of 64 KiB with a root container. */
typedef struct Fixture {
    MemoryRegion root;
    AddressSpace as;
} Fixture;

void fixture_init(Fixture *f);
void fixture_destroy(Fixture *f);

uint8_t byte_at(Fixture *f, hwaddr addr);
MemTxResult load_result(AddressSpace *as, hwaddr addr, unsigned size);
void init_ram(MemoryRegion *mr, uint64_t size);

/* A listener that knows all sections, and asserts that they neither overlap nor go unannounced. */
typedef struct Follower {
    MemoryListener listener;
    GArray *sections; /* MemorySection, as added and not deleted */
    GString *log;     /* events, if wanted: "+0 -80 +e100 " */
    bool busy;
} Follower;

void follower_init(Follower *f, AddressSpace *as, bool logging);
void follower_destroy(Follower *f);

/*
 * The model that the memory core is compared with: what answers an address, worked out for this
 * address alone. found_at becomes the offset in the region; it stays if there is none (NULL).
 */
MemoryRegion *memory_model_resolve(MemoryRegion *mr, int64_t offset, hwaddr *found_at);

#endif
