/*
 * Fuzz target: the memory core. The input builds a tree of regions, changes
 * it and accesses it. After each change the flat view must agree with a model
 * that resolves one address at a time; every call of an I/O handler must keep to
 * what its region declares.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "memory/memory.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/memory_fixture.h"
#include "util/main-loop.h"
#include "util/module.h"
#include "util/rcu.h"

enum { N_REGIONS = 10, SPACE = 0x200, RAM_SIZE = 0x1000 };

typedef struct FuzzRegion {
    MemoryRegion mr;
    MemoryRegionOps ops;
} FuzzRegion;

/* Freed when no reader can be in it. */
typedef struct Tree {
    struct rcu_head rcu;
    FuzzRegion regions[N_REGIONS];
} Tree;

static void free_tree(struct rcu_head *head)
{
    g_free(caa_container_of(head, Tree, rcu));
}

typedef struct Input {
    const uint8_t *data;
    size_t left;
} Input;

static unsigned take(Input *in, unsigned limit)
{
    if (!in->left) {
        return 0;
    }
    in->left--;
    return *in->data++ % limit;
}

/* --- handlers that check the core ------------------------------------------- */

static void check_call(const FuzzRegion *r, hwaddr addr, unsigned size)
{
    unsigned min = r->ops.impl.min_size ? r->ops.impl.min_size : 1;
    unsigned max = r->ops.impl.max_size ? r->ops.impl.max_size : 4;
    g_assert(size >= min && size <= max && (size & (size - 1)) == 0);
    g_assert(addr < memory_region_size(&r->mr));
    g_assert(r->ops.impl.unaligned || addr % size == 0);
}

static uint64_t fuzz_read(void *opaque, hwaddr addr, unsigned size)
{
    check_call(opaque, addr, size);
    return UINT64_C(0x8877665544332211) + addr;
}

static void fuzz_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    check_call(opaque, addr, size);
    g_assert(size == 8 || val >> (8 * size) == 0);
}

/* --- building ------------------------------------------------------------------ */

static void choose_ops(FuzzRegion *r, Input *in)
{
    unsigned impl = take(in, 4), valid = take(in, 4), flags = take(in, 8);
    r->ops = (MemoryRegionOps){ .read = fuzz_read, .write = fuzz_write };
    r->ops.impl.max_size = 1 << impl;
    r->ops.impl.min_size = 1 << take(in, impl + 1);
    r->ops.valid.max_size = 1 << valid;
    r->ops.valid.min_size = 1 << take(in, valid + 1);
    r->ops.impl.unaligned = flags & 1;
    r->ops.valid.unaligned = flags & 2;
    r->ops.endianness = flags & 4 ? MEMORY_BIG_ENDIAN : MEMORY_LITTLE_ENDIAN;
}

/* Region i may contain and alias only what is before it; the last one is the root. */
static void build_region(FuzzRegion *regions, unsigned i, Input *in)
{
    FuzzRegion *r = &regions[i];
    unsigned kind = i == N_REGIONS - 1 ? 0 : take(in, 5), size = 1 + take(in, 255);
    if (kind == 1) {
        memory_region_init_ram(&r->mr, NULL, "ram", RAM_SIZE, &error_fatal);
    } else if (kind == 2 && i > 0) {
        memory_region_init_alias(&r->mr, NULL, "alias", &regions[take(in, i)].mr, take(in, 64),
                                 size);
        return;
    } else if (kind == 0) {
        memory_region_init(&r->mr, NULL, "container", size * 2);
    } else {
        choose_ops(r, in);
        memory_region_init_io(&r->mr, NULL, &r->ops, r, "io", size);
    }
    for (unsigned j = 0; j < i; j++) {
        if (!regions[j].mr.container && take(in, 3)) {
            memory_region_add_subregion_overlap(&r->mr, take(in, 256), &regions[j].mr,
                                                take(in, 4));
        }
    }
}

static void mutate(MemoryRegion *mr, Input *in)
{
    unsigned arg = take(in, 256);
    switch (take(in, 5)) {
    case 0:
        memory_region_set_enabled(mr, !mr->enabled);
        break;
    case 1:
        memory_region_set_address(mr, arg);
        break;
    case 2:
        memory_region_set_size(mr, arg + 1);
        break;
    case 3:
        memory_region_set_readonly(mr, arg & 1);
        break;
    default:
        if (mr->alias) {
            memory_region_set_alias_offset(mr, arg);
        }
    }
}

/* --- checking --------------------------------------------------------------------- */

static void compare(AddressSpace *as)
{
    rcu_reader_enter();
    for (hwaddr addr = 0; addr < SPACE; addr += 7) {
        hwaddr offset = 0;
        MemorySection s;
        MemoryRegion *expected = memory_model_resolve(as->root, (int64_t)addr, &offset);
        address_space_lookup(as, addr, &s);
        g_assert(s.mr == expected && (!expected || s.offset == offset));
    }
    rcu_reader_leave();
}

static void do_access(AddressSpace *as, Input *in)
{
    uint8_t buf[64] = { 0 };
    hwaddr addr = take(in, 256) + take(in, 256);
    unsigned size = 1 << take(in, 4);
    uint64_t val;
    switch (take(in, 4)) {
    case 0:
        address_space_load(as, addr, size, MEMTXATTRS_NONE, &val);
        break;
    case 1:
        address_space_store(as, addr, size, MEMTXATTRS_NONE, UINT64_C(0xfedcba9876543210));
        break;
    case 2:
        address_space_read(as, addr, MEMTXATTRS_NONE, buf, take(in, sizeof(buf)));
        break;
    default:
        address_space_write(as, addr, MEMTXATTRS_NONE, buf, take(in, sizeof(buf)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Input in = { data, size };
    AddressSpace as;
    module_call_init(MODULE_QOM);
    if (!bql_locked()) {
        bql_lock();
    }
    Tree *tree = g_new0(Tree, 1);
    FuzzRegion *regions = tree->regions;
    for (unsigned i = 0; i < N_REGIONS; i++) {
        build_region(regions, i, &in);
    }
    address_space_init(&as, &regions[N_REGIONS - 1].mr, "fuzz");
    compare(&as);
    while (in.left) {
        if (take(&in, 2)) {
            memory_transaction_begin();
            mutate(&regions[take(&in, N_REGIONS)].mr, &in);
            memory_transaction_commit();
            compare(&as);
        } else {
            do_access(&as, &in);
        }
    }
    address_space_destroy(&as);
    for (int i = N_REGIONS - 1; i >= 0; i--) {
        memory_region_destroy(&regions[i].mr);
    }
    call_rcu(&tree->rcu, free_tree);
    return 0;
}
