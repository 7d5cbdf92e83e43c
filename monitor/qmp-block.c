/*
 * QMP queries about drives and image nodes.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "monitor/monitor.h"
#include "util/module.h"

/* --- nodes ----------------------------------------------------------------------------- */

static json_object *qcow2_details(const BlockNodeInfo *info)
{
    json_object *details = json_object_new_object(), *data = json_object_new_object();
    bool v3 = info->qcow2.version >= 3;

    json_add_str(data, "compat", v3 ? "1.1" : "0.10");
    json_add_str(data, "compression-type", "zlib");
    json_add_int(data, "refcount-bits", info->qcow2.refcount_bits);
    if (v3) {
        json_add_bool(data, "lazy-refcounts", info->qcow2.lazy_refcounts);
        json_add_bool(data, "corrupt", false); /* such an image is not opened */
        json_add_bool(data, "extended-l2", false);
    }
    json_add_str(details, "type", "qcow2");
    json_object_object_add(details, "data", data);
    return details;
}

static json_object *image_info(const BlockNodeInfo *info)
{
    json_object *image = json_object_new_object();

    json_add_int(image, "virtual-size", info->length);
    json_add_str(image, "filename", info->filename);
    json_add_str(image, "format", info->driver);
    if (info->allocated >= 0) {
        json_add_int(image, "actual-size", info->allocated);
    }
    if (info->dirty_known) {
        json_add_bool(image, "dirty-flag", false);
    }
    if (info->cluster_size) {
        json_add_int(image, "cluster-size", info->cluster_size);
    }
    if (info->qcow2.version) {
        json_object_object_add(image, "format-specific", qcow2_details(info));
    }
    if (info->backing) {
        BlockNodeInfo backing;
        bdrv_get_info(info->backing, &backing);
        json_add_str(image, "backing-filename", backing.filename);
        json_add_str(image, "full-backing-filename", backing.filename);
        json_add_str(image, "backing-filename-format", backing.driver);
        json_object_object_add(image, "backing-image", image_info(&backing));
    }
    return image;
}

static int backing_depth(const BlockNodeInfo *info)
{
    BlockNodeInfo at = *info;
    int depth = 0;

    while (at.backing) {
        bdrv_get_info(at.backing, &at);
        depth++;
    }
    return depth;
}

static void add_limits(json_object *info)
{
    static const char *const limits[] = { "bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr" };

    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        json_add_int(info, limits[i], 0); /* throttling is not offered: no limit */
    }
}

static json_object *node_info(const BlockNode *node, bool writeback)
{
    json_object *result = json_object_new_object(), *cache = json_object_new_object();
    BlockNodeInfo info;

    bdrv_get_info(node, &info);
    while (info.internal && info.backing) {
        bdrv_get_info(info.backing, &info);
    }
    json_add_str(result, "file", info.filename);
    if (info.name) {
        json_add_str(result, "node-name", info.name);
    }
    json_add_bool(result, "ro", info.read_only);
    json_add_str(result, "drv", info.driver);
    if (info.backing) {
        BlockNodeInfo backing;
        bdrv_get_info(info.backing, &backing);
        json_add_str(result, "backing_file", backing.filename);
    }
    json_add_int(result, "backing_file_depth", backing_depth(&info));
    json_add_bool(result, "encrypted", false);
    json_add_str(result, "detect_zeroes", "off");
    add_limits(result);
    json_object_object_add(result, "image", image_info(&info));
    json_add_bool(cache, "writeback", writeback);
    json_add_bool(cache, "direct", info.direct);
    json_add_bool(cache, "no-flush", info.no_flush);
    json_object_object_add(result, "cache", cache);
    json_add_int(result, "write_threshold", 0);
    return result;
}

static void add_node(BlockNode *node, void *opaque)
{
    json_object_array_add(opaque, node_info(node, true));
}

static json_object *qmp_query_named_block_nodes(Monitor *mon, json_object *args, Error **errp)
{
    json_object *list = json_object_new_array();

    block_node_foreach(monitor_machine(mon)->drives, add_node, list);
    return list;
}

/* --- drives ---------------------------------------------------------------------------- */

/* Backends without a name that no device holds are the block layer's own. */
static bool is_drive(BlockBackend *blk)
{
    return *blk_name(blk) || blk_dev(blk);
}

static void add_device(json_object *info, BlockBackend *blk)
{
    DeviceState *dev = blk_dev(blk);
    g_autofree char *path = dev ? object_get_canonical_path(dev) : NULL;

    if (dev) {
        json_add_str(info, "qdev", dev->id ? dev->id : path);
    }
}

static void add_drive(BlockBackend *blk, void *opaque)
{
    json_object *info;
    bool ide = object_dynamic_cast(blk_dev(blk), "ide-device");

    if (!is_drive(blk)) {
        return;
    }
    info = json_object_new_object();
    json_add_str(info, "device", blk_name(blk));
    add_device(info, blk);
    json_add_str(info, "type", "unknown");
    json_add_bool(info, "removable", blk_is_removable(blk) || !blk_dev(blk));
    json_add_bool(info, "locked", blk_dev_is_medium_locked(blk));
    if (blk_root(blk)) {
        json_object_object_add(info, "inserted",
                               node_info(blk_root(blk), !blk_writes_through(blk)));
    }
    if (blk_has_tray(blk)) {
        json_add_bool(info, "tray_open", blk_dev_is_tray_open(blk));
    }
    if (ide) { /* floppy drives do not report it */
        json_add_str(info, "io-status", "ok");
    }
    json_object_array_add(opaque, info);
}

static json_object *qmp_query_block(Monitor *mon, json_object *args, Error **errp)
{
    json_object *list = json_object_new_array();

    block_foreach(monitor_machine(mon)->drives, add_drive, list);
    return list;
}

/* --- statistics ------------------------------------------------------------------------ */

/* Members that need counters which nobody keeps, and are therefore 0. */
static const char *const uncounted[] = {
    "rd_total_time_ns", "wr_total_time_ns", "flush_total_time_ns", "unmap_total_time_ns",
    "wr_highest_offset", "rd_merged", "wr_merged", "unmap_merged", "invalid_rd_operations",
    "invalid_wr_operations", "invalid_flush_operations", "invalid_unmap_operations",
};

/* accounted: failed and invalid requests are counted too, as for drives. */
static json_object *statistics(const BlockStats *s, bool accounted)
{
    static const char *const names[BLOCK_OP_COUNT] = {
        [BLOCK_OP_READ] = "rd", [BLOCK_OP_WRITE] = "wr", [BLOCK_OP_FLUSH] = "flush",
        [BLOCK_OP_DISCARD] = "unmap",
    };
    json_object *stats = json_object_new_object();

    for (int op = 0; op < BLOCK_OP_COUNT; op++) {
        g_autofree char *operations = g_strconcat(names[op], "_operations", NULL);
        g_autofree char *failed = g_strconcat("failed_", names[op], "_operations", NULL);
        g_autofree char *bytes = g_strconcat(names[op], "_bytes", NULL);
        json_add_uint(stats, operations, s->ops[op]);
        json_add_uint(stats, failed, s->failed[op]);
        if (op != BLOCK_OP_FLUSH) {
            json_add_uint(stats, bytes, s->bytes[op]);
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(uncounted); i++) {
        json_add_int(stats, uncounted[i], 0);
    }
    json_add_bool(stats, "account_invalid", accounted);
    json_add_bool(stats, "account_failed", accounted);
    json_object_object_add(stats, "timed_stats", json_object_new_array());
    return stats;
}

/* Nodes count nothing of their own; what is below a node goes into parent and backing. */
static void add_below(json_object *stats, const BlockNode *node);

static json_object *node_stats(const BlockNode *node)
{
    static const BlockStats nothing;
    json_object *stats = json_object_new_object();

    json_object_object_add(stats, "stats", statistics(&nothing, false));
    add_below(stats, node);
    return stats;
}

static void add_below(json_object *stats, const BlockNode *node)
{
    BlockNodeInfo info;

    bdrv_get_info(node, &info);
    while (info.internal && info.backing) {
        bdrv_get_info(info.backing, &info);
    }
    if (info.name) {
        json_add_str(stats, "node-name", info.name);
    }
    if (info.file) {
        json_object_object_add(stats, "parent", node_stats(info.file));
    }
    if (info.backing) {
        json_object_object_add(stats, "backing", node_stats(info.backing));
    }
}

static void add_drive_stats(BlockBackend *blk, void *opaque)
{
    json_object *stats;

    if (!is_drive(blk)) {
        return;
    }
    stats = json_object_new_object();
    json_add_str(stats, "device", blk_name(blk));
    add_device(stats, blk);
    json_object_object_add(stats, "stats", statistics(blk_stats(blk), true));
    if (blk_root(blk)) {
        add_below(stats, blk_root(blk));
    }
    json_object_array_add(opaque, stats);
}

static void add_node_stats(BlockNode *node, void *opaque)
{
    json_object_array_add(opaque, node_stats(node));
}

static json_object *qmp_query_blockstats(Monitor *mon, json_object *args, Error **errp)
{
    BlockRegistry *reg = monitor_machine(mon)->drives;
    json_object *list = json_object_new_array();

    if (json_member_bool(args, "query-nodes", false)) {
        block_node_foreach(reg, add_node_stats, list);
    } else {
        block_foreach(reg, add_drive_stats, list);
    }
    return list;
}

static const QmpHandler block_commands[] = {
    { "query-block", qmp_query_block },
    { "query-blockstats", qmp_query_blockstats },
    { "query-named-block-nodes", qmp_query_named_block_nodes },
};
QMP_COMMANDS(block_commands)
