/*
 * What monitors ask of nodes, and what they do with named nodes and media: see block.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "block/backend-int.h"

void bdrv_get_info(const BlockNode *node, BlockNodeInfo *info)
{
    *info = (BlockNodeInfo){
        .name = node->name, .filename = node->filename, .driver = node->drv->name,
        .length = node->length, .allocated = -1, .read_only = node->flags.read_only,
        .direct = node->flags.direct, .no_flush = node->flags.no_flush, .file = node->file,
        .backing = node->backing, .internal = node->drv->internal,
    };
    for (const BlockNode *n = node; n; n = n->file) {
        if (n->drv->info) {
            n->drv->info(n, info);
        }
    }
}

BlockNode *blk_root(const BlockBackend *blk)
{
    return blk->root;
}

bool blk_writes_through(const BlockBackend *blk)
{
    return blk->writethrough;
}

static void visit(BlockNode *node, GHashTable *seen, BlockNodeFn *fn, void *opaque)
{
    if (!node || !g_hash_table_add(seen, node)) {
        return;
    }
    if (!node->drv->internal) {
        fn(node, opaque);
    }
    visit(node->file, seen, fn, opaque);
    visit(node->backing, seen, fn, opaque);
}

void block_node_foreach(BlockRegistry *reg, BlockNodeFn *fn, void *opaque)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    g_autoptr(GPtrArray) nodes = block_registry_roots(reg);

    for (guint i = 0; i < nodes->len; i++) {
        visit(nodes->pdata[i], seen, fn, opaque);
    }
}

/* --- trays and media ------------------------------------------------------------------- */

bool blk_has_tray(const BlockBackend *blk)
{
    return blk->dev_ops && blk->dev_ops->set_tray;
}

void blk_set_tray(BlockBackend *blk, bool open)
{
    blk->dev_ops->set_tray(blk->dev, open);
}

bool blk_insert_node(BlockBackend *blk, const char *name, Error **errp)
{
    BlockNode *node = block_registry_find_node(blk->reg, name);

    if (!node) {
        error_setg(errp, "Node '%s' not found", name);
    } else if (node->user) {
        error_setg(errp, "Node '%s' is in use", name);
    } else if (blk->root) {
        error_setg(errp, "There already is a medium in device '%s'", blk->name);
    } else {
        blk_set_root(blk, bdrv_ref(node));
        return true;
    }
    return false;
}

void blk_remove_medium(BlockBackend *blk)
{
    if (blk->root) {
        blk_drain(blk);
        blk_flush(blk);
        blk_set_root(blk, NULL);
    }
}

bool blk_open_medium(BlockBackend *blk, const char *filename, const char *format, bool read_only,
                     BlockNode **node, Error **errp)
{
    g_autoptr(OptDict) opts = optdict_new("blockdev-change-medium");
    BlockOpen open = { blk->reg, opts, "", filename };
    BlockFlags flags = blk->flags;

    flags.read_only = read_only;
    *node = bdrv_open(&open, format, flags, errp);
    return *node;
}

void blk_insert_opened(BlockBackend *blk, BlockNode *node)
{
    blk_set_root(blk, node);
}

void block_node_close(BlockNode *node)
{
    bdrv_unref(node);
}
