/*
 * Memory regions: the tree and its transactions. See memory.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "memory/internal.h"

static unsigned transaction_depth;
static bool tree_changed;

void memory_transaction_begin(void)
{
    transaction_depth++;
}

void memory_transaction_commit(void)
{
    g_assert(transaction_depth > 0);
    /* A listener may change the tree again: its changes nest in this commit. */
    while (transaction_depth == 1 && tree_changed) {
        tree_changed = false;
        address_spaces_update();
    }
    transaction_depth--;
}

static void region_changed(void)
{
    memory_transaction_begin();
    tree_changed = true;
    memory_transaction_commit();
}

/* --- creation and destruction ------------------------------------------ */

/* '/' separates and '[' indexes in paths of the composition tree. */
static char *escape_name(const char *name)
{
    GString *out = g_string_new(NULL);
    for (; *name; name++) {
        if (*name == '/' || *name == '[') {
            g_string_append_printf(out, "\\x%02x", *name);
        } else {
            g_string_append_c(out, *name);
        }
    }
    g_string_append(out, "[*]");
    return g_string_free(out, FALSE);
}

static void region_init(MemoryRegion *mr, void *owner, const char *name, uint64_t size,
                        MemoryRegionKind kind)
{
    object_initialize(mr, sizeof(*mr), TYPE_MEMORY_REGION);
    mr->kind = kind;
    mr->mr_name = g_strdup(name ? name : "");
    mr->owner = owner;
    mr->size = size;
    mr->enabled = true;
    mr->romd_mode = true;
    mr->terminates = kind != MEMORY_CONTAINER && kind != MEMORY_ALIAS;
    if (owner) {
        g_autofree char *child = escape_name(mr->mr_name);
        object_property_add_child(owner, child, OBJECT(mr));
        object_unref(mr); /* the owner's reference is the only one */
    }
}

void memory_region_init(MemoryRegion *mr, void *owner, const char *name, uint64_t size)
{
    region_init(mr, owner, name, size, MEMORY_CONTAINER);
}

void memory_region_init_io(MemoryRegion *mr, void *owner, const MemoryRegionOps *ops,
                           void *opaque, const char *name, uint64_t size)
{
    region_init(mr, owner, name, size, MEMORY_IO);
    mr->ops = ops;
    mr->opaque = opaque;
}

static bool init_with_block(MemoryRegion *mr, void *owner, const char *name, uint64_t size,
                            MemoryRegionKind kind, Error **errp)
{
    RAMBlock *block = ram_block_new(name, size, errp);
    if (!block) {
        return false;
    }
    region_init(mr, owner, name, size, kind);
    mr->readonly = kind == MEMORY_ROM;
    mr->block = block;
    block->mr = mr;
    return true;
}

bool memory_region_init_ram(MemoryRegion *mr, void *owner, const char *name, uint64_t size,
                            Error **errp)
{
    return init_with_block(mr, owner, name, size, MEMORY_RAM, errp);
}

bool memory_region_init_rom(MemoryRegion *mr, void *owner, const char *name, uint64_t size,
                            Error **errp)
{
    return init_with_block(mr, owner, name, size, MEMORY_ROM, errp);
}

bool memory_region_init_rom_device(MemoryRegion *mr, void *owner, const MemoryRegionOps *ops,
                                   void *opaque, const char *name, uint64_t size, Error **errp)
{
    if (!init_with_block(mr, owner, name, size, MEMORY_ROM_DEVICE, errp)) {
        return false;
    }
    mr->ops = ops;
    mr->opaque = opaque;
    return true;
}

void memory_region_init_alias(MemoryRegion *mr, void *owner, const char *name,
                              MemoryRegion *orig, hwaddr offset, uint64_t size)
{
    region_init(mr, owner, name, size, MEMORY_ALIAS);
    mr->alias = orig;
    mr->alias_offset = offset;
}

void memory_region_destroy(MemoryRegion *mr)
{
    if (mr->container) {
        memory_region_del_subregion(mr->container, mr);
    }
    if (mr->parent_obj.parent) {
        object_unparent(mr);
    } else {
        object_unref(mr);
    }
}

static void region_finalize(Object *obj)
{
    MemoryRegion *mr = (MemoryRegion *)obj;
    if (mr->container) {
        memory_region_del_subregion(mr->container, mr);
    }
    memory_transaction_begin();
    while (mr->children) {
        memory_region_del_subregion(mr, mr->children->data);
    }
    memory_transaction_commit();
    if (mr->block) {
        mr->block->mr = NULL;
        ram_block_unref(mr->block);
    }
    g_slist_free_full(mr->ioeventfds, g_free);
    g_free(mr->mr_name);
}

/* --- the tree ----------------------------------------------------------- */

/* Before siblings of the same or a lower priority: the one added last wins. */
static GList *insert_by_priority(GList *children, MemoryRegion *sub)
{
    GList *at = children;
    while (at && ((MemoryRegion *)at->data)->priority > sub->priority) {
        at = at->next;
    }
    return g_list_insert_before(children, at, sub);
}

void memory_region_add_subregion_overlap(MemoryRegion *mr, hwaddr offset, MemoryRegion *sub,
                                         int priority)
{
    g_assert(!sub->container);
    sub->container = mr;
    sub->addr = offset;
    sub->priority = priority;
    mr->children = insert_by_priority(mr->children, sub);
    region_changed();
}

void memory_region_add_subregion(MemoryRegion *mr, hwaddr offset, MemoryRegion *sub)
{
    memory_region_add_subregion_overlap(mr, offset, sub, 0);
}

void memory_region_del_subregion(MemoryRegion *mr, MemoryRegion *sub)
{
    g_assert(sub->container == mr);
    mr->children = g_list_remove(mr->children, sub);
    sub->container = NULL;
    region_changed();
}

void memory_region_set_enabled(MemoryRegion *mr, bool enabled)
{
    if (mr->enabled != enabled) {
        mr->enabled = enabled;
        region_changed();
    }
}

void memory_region_set_address(MemoryRegion *mr, hwaddr addr)
{
    if (mr->addr != addr) {
        mr->addr = addr;
        region_changed();
    }
}

void memory_region_set_size(MemoryRegion *mr, uint64_t size)
{
    g_assert(!mr->block || size <= mr->block->length);
    if (mr->size != size) {
        mr->size = size;
        region_changed();
    }
}

void memory_region_set_readonly(MemoryRegion *mr, bool readonly)
{
    if (mr->readonly != readonly) {
        mr->readonly = readonly;
        region_changed();
    }
}

void memory_region_set_alias_offset(MemoryRegion *mr, hwaddr offset)
{
    g_assert(mr->kind == MEMORY_ALIAS);
    if (mr->alias_offset != offset) {
        mr->alias_offset = offset;
        region_changed();
    }
}

void memory_region_rom_device_set_romd(MemoryRegion *mr, bool romd)
{
    if (mr->romd_mode != romd) {
        mr->romd_mode = romd;
        region_changed();
    }
}

void memory_region_set_coalesced(MemoryRegion *mr, hwaddr offset, uint64_t size)
{
    mr->coalesced_start = offset;
    mr->coalesced_size = size;
}

void *memory_region_get_ram_ptr(MemoryRegion *mr)
{
    return mr->block ? mr->block->host : NULL;
}

/* --- ioeventfds --------------------------------------------------------- */

void memory_region_add_eventfd(MemoryRegion *mr, hwaddr addr, unsigned size, bool match_data,
                               uint64_t data, int fd)
{
    RegionEventfd *efd = g_new(RegionEventfd, 1);
    *efd = (RegionEventfd){ addr, size, match_data, match_data ? data : 0, fd };
    mr->ioeventfds = g_slist_append(mr->ioeventfds, efd);
    region_changed();
}

void memory_region_del_eventfd(MemoryRegion *mr, hwaddr addr, unsigned size, bool match_data,
                               uint64_t data, int fd)
{
    for (GSList *at = mr->ioeventfds; at; at = at->next) {
        RegionEventfd *efd = at->data;
        if (efd->addr == addr && efd->size == size && efd->match_data == match_data &&
            (!match_data || efd->data == data) && efd->fd == fd) {
            mr->ioeventfds = g_slist_delete_link(mr->ioeventfds, at);
            g_free(efd);
            region_changed();
            return;
        }
    }
}

static const TypeInfo memory_region_type = {
    .name = TYPE_MEMORY_REGION,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(MemoryRegion),
    .instance_finalize = region_finalize,
};

static void memory_region_register(void)
{
    type_register_static(&memory_region_type);
}
type_init(memory_region_register)
