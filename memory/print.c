/*
 * `info mtree`: address spaces as text.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "memory/internal.h"

static const char *kind_name(const MemoryRegion *mr)
{
    switch (mr->kind) {
    case MEMORY_RAM:
        return mr->readonly ? "rom" : "ram";
    case MEMORY_ROM:
        return "rom";
    case MEMORY_ROM_DEVICE:
        return "romd";
    case MEMORY_ALIAS:
        return kind_name(mr->alias);
    default:
        return "i/o";
    }
}

static void print_region(GString *out, const MemoryRegion *mr, hwaddr base, unsigned level)
{
    g_string_append_printf(out, "%*s%016" PRIx64 "-%016" PRIx64 " (prio %d, %s): ", level * 2, "",
                           base, base + last_of_size(mr->size), mr->priority,
                           mr->kind == MEMORY_ALIAS && mr->readonly ? "rom" : kind_name(mr));
    if (mr->kind == MEMORY_ALIAS) {
        g_string_append_printf(out, "alias %s @%s %016" PRIx64 "-%016" PRIx64, mr->mr_name,
                               mr->alias->mr_name, mr->alias_offset,
                               mr->alias_offset + last_of_size(mr->size));
    } else {
        g_string_append(out, mr->mr_name);
    }
    g_string_append(out, mr->enabled ? "\n" : " [disabled]\n");
}

static gint compare_place(gconstpointer a, gconstpointer b)
{
    const MemoryRegion *x = a, *y = b;
    if (x->addr != y->addr) {
        return x->addr < y->addr ? -1 : 1;
    }
    return (y->priority > x->priority) - (y->priority < x->priority);
}

typedef struct TreePrinter {
    GString *out;
    GPtrArray *targets; /* every aliased region that was met */
    bool disabled;      /* show those too */
} TreePrinter;

static void print_tree(TreePrinter *tp, const MemoryRegion *mr, hwaddr base, unsigned level)
{
    if (!mr->enabled && !tp->disabled) {
        return;
    }
    print_region(tp->out, mr, base, level);
    if (mr->alias && !g_ptr_array_find(tp->targets, mr->alias, NULL)) {
        g_ptr_array_add(tp->targets, mr->alias);
    }
    GList *sorted = g_list_sort(g_list_copy(mr->children), compare_place);
    for (GList *at = sorted; at; at = at->next) {
        const MemoryRegion *child = at->data;
        print_tree(tp, child, base + child->addr, level + 1);
    }
    g_list_free(sorted);
}

void memory_print_tree(GString *out, const AddressSpace *as, bool disabled)
{
    TreePrinter tp = { out, g_ptr_array_new(), disabled };
    g_string_append_printf(out, "address-space: %s\n", as->name);
    print_tree(&tp, as->root, 0, 1);
    g_string_append_c(out, '\n');
    for (guint i = 0; i < tp.targets->len; i++) { /* grows as aliases of aliases are found */
        const MemoryRegion *mr = g_ptr_array_index(tp.targets, i);
        g_string_append_printf(out, "memory-region: %s\n", mr->mr_name);
        print_tree(&tp, mr, mr->addr, 1);
        g_string_append_c(out, '\n');
    }
    g_ptr_array_unref(tp.targets);
}

static void print_flat_range(GString *out, const FlatRange *fr)
{
    const char *kind = fr->readonly && fr->block ? "rom" : kind_name(fr->mr);
    g_string_append_printf(out, "  %016" PRIx64 "-%016" PRIx64 " (prio %d, %s): %s", fr->start,
                           fr->last, fr->mr->priority, kind, fr->mr->mr_name);
    if (fr->offset) {
        g_string_append_printf(out, " @%016" PRIx64, fr->offset);
    }
    g_string_append_c(out, '\n');
}

void memory_print_flat(GString *out, AddressSpace *as)
{
    rcu_reader_enter();
    const FlatView *view = address_space_view(as);
    g_string_append_printf(out, " AS \"%s\", root: %s\n Root memory region: %s\n", as->name,
                           as->root->mr_name, view->root ? view->root->mr_name : "(none)");
    for (unsigned i = 0; i < view->n_ranges; i++) {
        print_flat_range(out, &view->ranges[i]);
    }
    if (!view->n_ranges) {
        g_string_append(out, "  No rendered FlatView\n");
    }
    g_string_append_c(out, '\n');
    rcu_reader_leave();
}
