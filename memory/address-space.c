/*
 * Address spaces: publishing flat views and telling listeners what changed.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "memory/internal.h"

static GList *spaces; /* AddressSpace; with the big lock */

/* --- telling listeners ---------------------------------------------------- */

static MemorySection section_of(const FlatRange *fr)
{
    hwaddr length = fr->last - fr->start;
    MemorySection section = {
        .mr = fr->mr,
        .offset = fr->offset,
        .length = length == UINT64_MAX ? UINT64_MAX : length + 1,
        .address = fr->start,
        .block = fr->block,
        .block_offset = fr->offset,
        .host = fr->direct_read ? fr->block->host + fr->offset : NULL,
        .writable = fr->direct_write,
    };
    return section;
}

typedef void SectionFn(MemoryListener *listener, const MemorySection *section);

/* Calls fn for the ranges of a that b (may be NULL) does not have. */
static void for_each_missing(const FlatView *a, const FlatView *b, MemoryListener *listener,
                             SectionFn *fn)
{
    unsigned j = 0, n = b ? b->n_ranges : 0;
    for (unsigned i = 0; fn && i < a->n_ranges; i++) {
        while (j < n && b->ranges[j].start < a->ranges[i].start) {
            j++;
        }
        if (j == n || !flat_range_equal(&a->ranges[i], &b->ranges[j])) {
            MemorySection section = section_of(&a->ranges[i]);
            fn(listener, &section);
        }
    }
}

static bool has_eventfd(const FlatView *view, const FlatEventfd *efd)
{
    for (unsigned i = 0; view && i < view->n_eventfds; i++) {
        if (flat_eventfd_equal(&view->eventfds[i], efd)) {
            return true;
        }
    }
    return false;
}

typedef void EventfdFn(MemoryListener *listener, const MemorySection *section, bool match_data,
                       uint64_t data, int fd);

static void for_each_missing_eventfd(const FlatView *a, const FlatView *b,
                                     MemoryListener *listener, EventfdFn *fn)
{
    for (unsigned i = 0; fn && i < a->n_eventfds; i++) {
        const FlatEventfd *efd = &a->eventfds[i];
        if (!has_eventfd(b, efd)) {
            MemorySection section = { .mr = efd->mr, .offset = efd->offset,
                                      .length = efd->size, .address = efd->addr };
            fn(listener, &section, efd->match_data, efd->data, efd->fd);
        }
    }
}

/* A listener follows from one view to another; either may be NULL. */
static void listener_update(MemoryListener *listener, const FlatView *from, const FlatView *to)
{
    if (listener->begin) {
        listener->begin(listener);
    }
    if (from) {
        for_each_missing_eventfd(from, to, listener, listener->eventfd_del);
        for_each_missing(from, to, listener, listener->region_del);
    }
    if (to) {
        for_each_missing(to, from, listener, listener->region_add);
        for_each_missing_eventfd(to, from, listener, listener->eventfd_add);
    }
    if (listener->commit) {
        listener->commit(listener);
    }
}

void memory_listener_register(MemoryListener *listener, AddressSpace *as)
{
    listener->as = as;
    as->listeners = g_list_append(as->listeners, listener);
    listener_update(listener, NULL, as->view);
}

void memory_listener_unregister(MemoryListener *listener)
{
    AddressSpace *as = listener->as;
    if (as) {
        as->listeners = g_list_remove(as->listeners, listener);
        listener_update(listener, as->view, NULL);
        listener->as = NULL;
    }
}

void address_spaces_log_reset(RAMBlock *block, uint64_t offset, uint64_t len)
{
    for (GList *at = spaces; at; at = at->next) {
        AddressSpace *as = at->data;
        for (GList *l = as->listeners; l; l = l->next) {
            MemoryListener *listener = l->data;
            if (listener->log_reset) {
                listener->log_reset(listener, block, offset, len);
            }
        }
    }
}

void address_spaces_log_sync(RAMBlock *block, uint64_t offset, uint64_t len)
{
    for (GList *at = spaces; at; at = at->next) {
        AddressSpace *as = at->data;
        for (GList *l = as->listeners; l; l = l->next) {
            MemoryListener *listener = l->data;
            if (listener->log_sync) {
                listener->log_sync(listener, block, offset, len);
            }
        }
    }
}

void address_spaces_log_changed(RAMBlock *block)
{
    for (GList *at = spaces; at; at = at->next) {
        AddressSpace *as = at->data;
        for (GList *l = as->listeners; l; l = l->next) {
            MemoryListener *listener = l->data;
            if (listener->log_changed) {
                listener->log_changed(listener, block);
            }
        }
    }
}

/* --- views ---------------------------------------------------------------- */

/* Takes a reference of its own on view. Readers see it before listeners hear of it, so what
 * they cache after their commit callback is of the new view. */
static void publish_view(AddressSpace *as, FlatView *view)
{
    FlatView *old = as->view;
    if (old && flatview_equal(old, view)) {
        return;
    }
    rcu_assign_pointer(as->view, flatview_ref(view));
    for (GList *l = as->listeners; l; l = l->next) {
        listener_update(l->data, old, view);
    }
    if (old) {
        flatview_unref(old);
    }
}

/* Trades a view for one just like it that is in use already. */
static FlatView *reuse_view(FlatView *view)
{
    for (GList *at = spaces; at; at = at->next) {
        AddressSpace *as = at->data;
        if (flatview_equal(as->view, view)) {
            flatview_unref(view);
            return flatview_ref(as->view);
        }
    }
    return view;
}

/* cache: effective root -> FlatView, which owns the references. */
static FlatView *rendered(GHashTable *cache, MemoryRegion *root)
{
    MemoryRegion *effective = flatview_effective_root(root);
    FlatView *view = g_hash_table_lookup(cache, effective);
    if (!view) {
        view = reuse_view(flatview_render(effective));
        g_hash_table_insert(cache, effective, view);
    }
    return view;
}

static void unref_view(gpointer view)
{
    flatview_unref(view);
}

void address_spaces_update(void)
{
    GHashTable *cache = g_hash_table_new_full(NULL, NULL, NULL, unref_view);
    for (GList *at = spaces; at; at = at->next) {
        AddressSpace *as = at->data;
        publish_view(as, rendered(cache, as->root));
    }
    g_hash_table_unref(cache);
}

void address_space_init(AddressSpace *as, MemoryRegion *root, const char *name)
{
    FlatView *view = reuse_view(flatview_render(flatview_effective_root(root)));
    *as = (AddressSpace){ .name = g_strdup(name), .root = root };
    publish_view(as, view);
    flatview_unref(view);
    spaces = g_list_append(spaces, as);
}

void address_space_destroy(AddressSpace *as)
{
    spaces = g_list_remove(spaces, as);
    while (as->listeners) {
        memory_listener_unregister(as->listeners->data);
    }
    flatview_unref(as->view);
    g_free(as->name);
}
