/*
 * What the tests of the memory core share; see memory_fixture.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/unit/memory_fixture.h"
#include <string.h>

/* --- a device that notes how it is accessed ------------------------------- */

static uint64_t recorder_read(void *opaque, hwaddr addr, unsigned size)
{
    Recorder *r = opaque;
    uint64_t val = 0;
    g_string_append_printf(r->log, "r%u@%" PRIx64 " ", size, addr);
    memcpy(&val, &r->bytes[addr % sizeof(r->bytes)], size);
    return r->tag ? r->tag : val;
}

static void recorder_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    Recorder *r = opaque;
    g_string_append_printf(r->log, "w%u@%" PRIx64 "=%" PRIx64 " ", size, addr, val);
}

void recorder_init(Recorder *r, const char *name, uint64_t size)
{
    memset(r, 0, sizeof(*r));
    r->log = g_string_new(NULL);
    r->ops.read = recorder_read;
    r->ops.write = recorder_write;
    for (unsigned i = 0; i < sizeof(r->bytes); i++) {
        r->bytes[i] = 0x10 + i;
    }
    memory_region_init_io(&r->mr, NULL, &r->ops, r, name, size);
}

void recorder_destroy(Recorder *r)
{
    memory_region_destroy(&r->mr);
    g_string_free(r->log, TRUE);
}

/* --- an address space of 64 KiB with a root container --------------------- */

void fixture_init(Fixture *f)
{
    memory_region_init(&f->root, NULL, "root", 0x10000);
    address_space_init(&f->as, &f->root, "test");
}

void fixture_destroy(Fixture *f)
{
    address_space_destroy(&f->as);
    memory_region_destroy(&f->root);
}

uint8_t byte_at(Fixture *f, hwaddr addr)
{
    return address_space_ld(&f->as, addr, 1);
}

MemTxResult load_result(AddressSpace *as, hwaddr addr, unsigned size)
{
    uint64_t val;
    return address_space_load(as, addr, size, MEMTXATTRS_NONE, &val);
}

void init_tagged(Recorder *r, uint8_t tag, uint64_t size)
{
    recorder_init(r, "tagged", size);
    r->tag = tag;
}

void init_ram(MemoryRegion *mr, uint64_t size)
{
    g_assert_true(memory_region_init_ram(mr, NULL, "ram", size, &error_fatal));
}

/* --- a listener that knows all sections ----------------------------------- */

static void follower_begin(MemoryListener *listener)
{
    Follower *f = (Follower *)listener;
    g_assert_false(f->busy);
    f->busy = true;
}

static void follower_commit(MemoryListener *listener)
{
    Follower *f = (Follower *)listener;
    g_assert_true(f->busy);
    f->busy = false;
}

static void follower_add(MemoryListener *listener, const MemorySection *s)
{
    Follower *f = (Follower *)listener;
    g_assert_true(f->busy);
    for (guint i = 0; i < f->sections->len; i++) {
        const MemorySection *other = &g_array_index(f->sections, MemorySection, i);
        g_assert_true(s->address + s->length <= other->address ||
                      other->address + other->length <= s->address);
    }
    g_array_append_vals(f->sections, s, 1);
    if (f->log) {
        g_string_append_printf(f->log, "+%" PRIx64 " ", s->address);
    }
}

static void follower_del(MemoryListener *listener, const MemorySection *s)
{
    Follower *f = (Follower *)listener;
    guint i = 0;
    while (i < f->sections->len &&
           g_array_index(f->sections, MemorySection, i).address != s->address) {
        i++;
    }
    g_assert_cmpuint(i, <, f->sections->len); /* only what was added can go */
    const MemorySection *had = &g_array_index(f->sections, MemorySection, i);
    g_assert_true(had->mr == s->mr && had->length == s->length && had->offset == s->offset);
    g_array_remove_index(f->sections, i);
    if (f->log) {
        g_string_append_printf(f->log, "-%" PRIx64 " ", s->address);
    }
}

static void follower_eventfd_add(MemoryListener *listener, const MemorySection *s,
                                 bool match_data, uint64_t data, int fd)
{
    Follower *f = (Follower *)listener;
    g_string_append_printf(f->log, "+e%" PRIx64 " ", s->address);
}

static void follower_eventfd_del(MemoryListener *listener, const MemorySection *s,
                                 bool match_data, uint64_t data, int fd)
{
    Follower *f = (Follower *)listener;
    g_string_append_printf(f->log, "-e%" PRIx64 " ", s->address);
}

void follower_init(Follower *f, AddressSpace *as, bool logging)
{
    *f = (Follower){
        .listener = { .begin = follower_begin, .commit = follower_commit,
                      .region_add = follower_add, .region_del = follower_del },
        .sections = g_array_new(FALSE, FALSE, sizeof(MemorySection)),
    };
    if (logging) {
        f->log = g_string_new(NULL);
        f->listener.eventfd_add = follower_eventfd_add;
        f->listener.eventfd_del = follower_eventfd_del;
    }
    memory_listener_register(&f->listener, as);
}

void follower_destroy(Follower *f)
{
    memory_listener_unregister(&f->listener);
    g_assert_cmpuint(f->sections->len, ==, 0);
    g_array_unref(f->sections);
    if (f->log) {
        g_string_free(f->log, TRUE);
    }
}

/* --- the model ------------------------------------------------------------ */

MemoryRegion *memory_model_resolve(MemoryRegion *mr, int64_t offset, hwaddr *found_at)
{
    if (!mr->enabled || offset < 0 || (uint64_t)offset >= mr->size) {
        return NULL;
    }
    if (mr->kind == MEMORY_ALIAS) {
        return memory_model_resolve(mr->alias, offset + (int64_t)mr->alias_offset, found_at);
    }
    for (GList *at = mr->children; at; at = at->next) {
        MemoryRegion *child = at->data;
        MemoryRegion *found = memory_model_resolve(child, offset - (int64_t)child->addr, found_at);
        if (found) {
            return found;
        }
    }
    if (mr->kind == MEMORY_CONTAINER) {
        return NULL;
    }
    *found_at = (hwaddr)offset;
    return mr;
}
