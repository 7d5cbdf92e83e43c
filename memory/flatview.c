/*
 * Flat views: rendering a tree of regions into sorted, disjoint ranges.
 *
 * A region is rendered after everything that lies above it (its siblings of
 * higher priority, and its own children), so each only fills what is still
 * free: the gaps between the ranges that are there.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "memory/internal.h"
#include "util/main-loop.h"

/* Positions may lie below 0 (an alias that starts within its target) and reach 2^64. */
typedef __int128 Pos;

/* [start, end) */
typedef struct Span {
    Pos start, end;
} Span;

typedef struct Render {
    GArray *ranges;   /* FlatRange, sorted */
    GArray *eventfds; /* FlatEventfd */
} Render;

static Pos size_of(const MemoryRegion *mr)
{
    return (Pos)last_of_size(mr->size) + 1;
}

static Span intersect(Span a, Span b)
{
    return (Span){ MAX(a.start, b.start), MIN(a.end, b.end) };
}

/* --- rendering ---------------------------------------------------------- */

static FlatRange make_range(MemoryRegion *mr, Pos base, Span span, bool readonly)
{
    FlatRange fr = {
        .start = span.start,
        .last = span.end - 1,
        .mr = mr,
        .offset = span.start - base,
        .block = mr->block,
        .owner = mr->owner,
        .readonly = readonly,
    };
    fr.direct_read = mr->block && (mr->kind != MEMORY_ROM_DEVICE || mr->romd_mode);
    fr.direct_write = mr->kind == MEMORY_RAM && !readonly;
    return fr;
}

static void collect_eventfds(Render *r, const FlatRange *fr)
{
    for (GSList *at = fr->mr->ioeventfds; at; at = at->next) {
        const RegionEventfd *efd = at->data;
        if (efd->addr < fr->offset || efd->addr - fr->offset > fr->last - fr->start) {
            continue;
        }
        FlatEventfd flat = {
            .addr = fr->start + (efd->addr - fr->offset), .mr = fr->mr, .offset = efd->addr,
            .size = efd->size, .match_data = efd->match_data, .data = efd->data, .fd = efd->fd,
        };
        g_array_append_val(r->eventfds, flat);
    }
}

static void insert_range(Render *r, guint at, FlatRange fr)
{
    collect_eventfds(r, &fr);
    g_array_insert_val(r->ranges, at, fr);
}

/* Puts mr, which starts at base, wherever span is not taken yet. */
static void fill_gaps(Render *r, MemoryRegion *mr, Pos base, Span span, bool readonly)
{
    guint i = 0;
    while (span.start < span.end) {
        while (i < r->ranges->len && g_array_index(r->ranges, FlatRange, i).last < span.start) {
            i++;
        }
        Pos taken = span.end, taken_end = span.end;
        if (i < r->ranges->len) {
            taken = MIN((Pos)g_array_index(r->ranges, FlatRange, i).start, span.end);
            taken_end = (Pos)g_array_index(r->ranges, FlatRange, i).last + 1;
        }
        if (span.start < taken) {
            insert_range(r, i++, make_range(mr, base, (Span){ span.start, taken }, readonly));
        }
        span.start = MAX(taken_end, taken);
    }
}

/* base: the address of mr's first byte; clip: what its containers let through. */
static void render(Render *r, MemoryRegion *mr, Pos base, Span clip, bool readonly)
{
    clip = intersect(clip, (Span){ base, base + size_of(mr) });
    if (!mr->enabled || clip.start >= clip.end) {
        return;
    }
    readonly |= mr->readonly;
    if (mr->alias) {
        render(r, mr->alias, base - mr->alias_offset, clip, readonly);
        return;
    }
    for (GList *at = mr->children; at; at = at->next) {
        MemoryRegion *child = at->data;
        render(r, child, base + child->addr, clip, readonly);
    }
    if (mr->terminates) {
        fill_gaps(r, mr, base, clip, readonly);
    }
}

static bool can_merge(const FlatRange *a, const FlatRange *b)
{
    return a->last + 1 == b->start && a->mr == b->mr && a->readonly == b->readonly &&
           a->offset + (b->start - a->start) == b->offset;
}

/* Neighbours of one region that several aliases cut apart become one again. */
static void merge_ranges(GArray *ranges)
{
    guint out = 0;
    for (guint i = 1; i < ranges->len; i++) {
        FlatRange *last = &g_array_index(ranges, FlatRange, out);
        FlatRange *fr = &g_array_index(ranges, FlatRange, i);
        if (can_merge(last, fr)) {
            last->last = fr->last;
        } else {
            g_array_index(ranges, FlatRange, ++out) = *fr;
        }
    }
    if (ranges->len) {
        g_array_set_size(ranges, out + 1);
    }
}

static gint compare_eventfds(gconstpointer a, gconstpointer b)
{
    const FlatEventfd *x = a, *y = b;
    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void hold_ranges(const FlatView *view)
{
    for (unsigned i = 0; i < view->n_ranges; i++) {
        const FlatRange *fr = &view->ranges[i];
        if (fr->owner) {
            object_ref(fr->owner);
        }
        if (fr->block) {
            ram_block_ref(fr->block);
        }
    }
}

FlatView *flatview_render(MemoryRegion *root)
{
    Render r = { g_array_new(FALSE, FALSE, sizeof(FlatRange)),
                 g_array_new(FALSE, FALSE, sizeof(FlatEventfd)) };
    if (root) {
        render(&r, root, 0, (Span){ 0, (Pos)1 << 64 }, false);
    }
    merge_ranges(r.ranges);
    g_array_sort(r.eventfds, compare_eventfds);

    FlatView *view = g_new0(FlatView, 1);
    view->ref = 1;
    view->root = root;
    view->n_ranges = r.ranges->len;
    view->n_eventfds = r.eventfds->len;
    view->ranges = (FlatRange *)g_array_free(r.ranges, FALSE);
    view->eventfds = (FlatEventfd *)g_array_free(r.eventfds, FALSE);
    hold_ranges(view);
    return view;
}

/* --- sharing views between address spaces -------------------------------- */

/* How many children are enabled; *last is one of them. */
static unsigned enabled_children(const MemoryRegion *mr, MemoryRegion **last)
{
    unsigned count = 0;
    for (GList *at = mr->children; at; at = at->next) {
        MemoryRegion *child = at->data;
        if (child->enabled) {
            *last = child;
            count++;
        }
    }
    return count;
}

MemoryRegion *flatview_effective_root(MemoryRegion *root)
{
    while (root->enabled && !root->readonly && !root->terminates) {
        MemoryRegion *below = root->alias;
        hwaddr shift = root->alias_offset;
        if (!below) {
            unsigned count = enabled_children(root, &below);
            if (count != 1) {
                return count ? root : NULL;
            }
            shift = below->addr;
        }
        if (shift != 0 || below->size > root->size) {
            return root;
        }
        root = below;
    }
    return root->enabled ? root : NULL;
}

/* --- comparing and finding ----------------------------------------------- */

bool flat_range_equal(const FlatRange *a, const FlatRange *b)
{
    return a->start == b->start && a->last == b->last && a->mr == b->mr &&
           a->offset == b->offset && a->block == b->block && a->readonly == b->readonly &&
           a->direct_read == b->direct_read && a->direct_write == b->direct_write;
}

bool flat_eventfd_equal(const FlatEventfd *a, const FlatEventfd *b)
{
    return a->addr == b->addr && a->mr == b->mr && a->offset == b->offset &&
           a->size == b->size && a->match_data == b->match_data && a->data == b->data &&
           a->fd == b->fd;
}

bool flatview_equal(const FlatView *a, const FlatView *b)
{
    if (a->n_ranges != b->n_ranges || a->n_eventfds != b->n_eventfds) {
        return false;
    }
    for (unsigned i = 0; i < a->n_ranges; i++) {
        if (!flat_range_equal(&a->ranges[i], &b->ranges[i])) {
            return false;
        }
    }
    for (unsigned i = 0; i < a->n_eventfds; i++) {
        if (!flat_eventfd_equal(&a->eventfds[i], &b->eventfds[i])) {
            return false;
        }
    }
    return true;
}

const FlatRange *flatview_find(const FlatView *view, hwaddr addr, const FlatRange **next)
{
    const FlatRange *base = view->ranges;
    unsigned n = view->n_ranges;
    /* The first range that does not end before addr. */
    while (n) {
        unsigned half = n / 2;
        bool right = base[half].last < addr;
        base = right ? base + half + 1 : base;
        n = right ? n - half - 1 : half;
    }
    if (base == view->ranges + view->n_ranges) {
        *next = NULL;
        return NULL;
    }
    *next = base;
    return base->start <= addr ? base : NULL;
}

/* --- life ---------------------------------------------------------------- */

FlatView *flatview_ref(FlatView *view)
{
    g_atomic_int_inc(&view->ref);
    return view;
}

static void drop_owners(void *opaque)
{
    GPtrArray *owners = opaque;
    g_ptr_array_unref(owners);
}

/* On the RCU thread: nobody reads the view any more. Owners are devices, which die with the
 * big lock held, so the main thread drops them. */
static void flatview_free(struct rcu_head *head)
{
    FlatView *view = caa_container_of(head, FlatView, rcu);
    GPtrArray *owners = g_ptr_array_new_with_free_func(object_unref);
    for (unsigned i = 0; i < view->n_ranges; i++) {
        const FlatRange *fr = &view->ranges[i];
        if (fr->block) {
            ram_block_unref(fr->block);
        }
        if (fr->owner) {
            g_ptr_array_add(owners, fr->owner);
        }
    }
    if (owners->len) {
        bh_schedule_oneshot(drop_owners, owners);
    } else {
        g_ptr_array_unref(owners);
    }
    g_free(view->ranges);
    g_free(view->eventfds);
    g_free(view);
}

void flatview_unref(FlatView *view)
{
    if (g_atomic_int_dec_and_test(&view->ref)) {
        call_rcu(&view->rcu, flatview_free);
    }
}
