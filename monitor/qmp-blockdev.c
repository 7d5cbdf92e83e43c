/*
 * QMP commands that add image nodes and change media.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "monitor/monitor.h"
#include "util/module.h"

/* --- nodes ----------------------------------------------------------------------------- */

typedef struct FindNode {
    const char *name;
    bool found;
} FindNode;

static void match_node(BlockNode *node, void *opaque)
{
    FindNode *find = opaque;
    BlockNodeInfo info;

    bdrv_get_info(node, &info);
    find->found |= g_strcmp0(info.name, find->name) == 0;
}

static json_object *qmp_blockdev_add(Monitor *mon, json_object *args, Error **errp)
{
    BlockRegistry *reg = monitor_machine(mon)->drives;
    FindNode find = { json_member_str(args, "node-name") };
    g_autoptr(OptDict) opts = NULL;

    if (!find.name) {
        error_setg(errp, "'node-name' must be specified for the root node");
        return NULL;
    }
    block_node_foreach(reg, match_node, &find);
    if (find.found) {
        error_setg(errp, "Duplicate nodes with node-name='%s'", find.name);
        return NULL;
    }
    opts = optdict_from_json("blockdev-add", args);
    block_node_add(reg, opts, errp);
    return NULL;
}

static json_object *qmp_blockdev_del(Monitor *mon, json_object *args, Error **errp)
{
    block_node_del(monitor_machine(mon)->drives, json_member_str(args, "node-name"), errp);
    return NULL;
}

/* --- drives ---------------------------------------------------------------------------- */

typedef struct FindDrive {
    const char *device, *id;
    BlockBackend *found;
} FindDrive;

static void match_drive(BlockBackend *blk, void *opaque)
{
    DeviceState *dev = blk_dev(blk);
    FindDrive *find = opaque;
    g_autofree char *path = dev ? object_get_canonical_path(dev) : NULL;

    if (find->device ? *find->device && g_str_equal(blk_name(blk), find->device)
                     : dev && (g_strcmp0(dev->id, find->id) == 0 ||
                               g_strcmp0(path, find->id) == 0)) {
        find->found = blk;
    }
}

/* The drive that "device" or "id" names; NULL with errp set. */
static BlockBackend *drive_arg(Monitor *mon, json_object *args, Error **errp)
{
    FindDrive find = { json_member_str(args, "device"), json_member_str(args, "id") };

    if (!find.device == !find.id) {
        error_setg(errp, "Need exactly one of 'device' and 'id'");
        return NULL;
    }
    block_foreach(monitor_machine(mon)->drives, match_drive, &find);
    if (!find.found) {
        error_set_class(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                        find.device ? find.device : find.id);
    }
    return find.found;
}

static const char *drive_name(json_object *args)
{
    const char *device = json_member_str(args, "device");
    return device ? device : json_member_str(args, "id");
}

static BlockBackend *removable_arg(Monitor *mon, json_object *args, Error **errp)
{
    BlockBackend *blk = drive_arg(mon, args, errp);

    if (blk && blk_dev(blk) && !blk_is_removable(blk)) {
        error_setg(errp, "Device '%s' is not removable", drive_name(args));
        return NULL;
    }
    return blk;
}

/* --- trays ----------------------------------------------------------------------------- */

/* Opens the tray of a drive that has one; false with errp set if the guest holds it closed. */
static bool open_tray(BlockBackend *blk, json_object *args, Error **errp)
{
    bool force = json_member_bool(args, "force", false);

    if (!blk_has_tray(blk) || blk_dev_is_tray_open(blk)) {
        return true;
    }
    if (blk_dev_is_medium_locked(blk)) {
        blk_dev_eject_request(blk, force);
        if (!force) {
            error_setg(errp, "Device '%s' is locked and force was not specified, wait for tray "
                       "to open and try again", drive_name(args));
            return false;
        }
    }
    blk_set_tray(blk, true);
    return true;
}

static void close_tray(BlockBackend *blk)
{
    if (blk_has_tray(blk)) {
        blk_set_tray(blk, false);
    }
}

static json_object *qmp_blockdev_open_tray(Monitor *mon, json_object *args, Error **errp)
{
    BlockBackend *blk = removable_arg(mon, args, errp);

    if (blk && !blk_has_tray(blk)) {
        error_setg(errp, "Device '%s' does not have a tray", drive_name(args));
    } else if (blk) {
        open_tray(blk, args, errp);
    }
    return NULL;
}

static json_object *qmp_blockdev_close_tray(Monitor *mon, json_object *args, Error **errp)
{
    BlockBackend *blk = removable_arg(mon, args, errp);

    if (blk) {
        close_tray(blk);
    }
    return NULL;
}

/* --- media ----------------------------------------------------------------------------- */

/* Media move only through an open tray. */
static bool check_tray_open(BlockBackend *blk, json_object *args, Error **errp)
{
    if (blk_has_tray(blk) && !blk_dev_is_tray_open(blk)) {
        error_setg(errp, "Tray of device '%s' is not open", drive_name(args));
        return false;
    }
    return true;
}

/* A drive without a tray notices a change at once. */
static void tell_trayless(BlockBackend *blk, bool load)
{
    if (!blk_has_tray(blk)) {
        blk_tell_device(blk, load);
    }
}

static void remove_medium(BlockBackend *blk)
{
    if (blk_root(blk)) {
        blk_remove_medium(blk);
        tell_trayless(blk, false);
    }
}

static json_object *qmp_blockdev_remove_medium(Monitor *mon, json_object *args, Error **errp)
{
    BlockBackend *blk = removable_arg(mon, args, errp);

    if (blk && check_tray_open(blk, args, errp)) {
        remove_medium(blk);
    }
    return NULL;
}

static json_object *qmp_blockdev_insert_medium(Monitor *mon, json_object *args, Error **errp)
{
    BlockBackend *blk = removable_arg(mon, args, errp);

    if (blk && check_tray_open(blk, args, errp) &&
        blk_insert_node(blk, json_member_str(args, "node-name"), errp)) {
        tell_trayless(blk, true);
    }
    return NULL;
}

static json_object *qmp_eject(Monitor *mon, json_object *args, Error **errp)
{
    BlockBackend *blk = removable_arg(mon, args, errp);

    if (blk && open_tray(blk, args, errp)) {
        remove_medium(blk);
    }
    return NULL;
}

/* Whether the next medium is to be read-only. */
static bool next_read_only(BlockBackend *blk, json_object *args)
{
    const char *mode = json_member_str(args, "read-only-mode");

    return mode && !g_str_equal(mode, "retain") ? g_str_equal(mode, "read-only")
                                                : !blk_is_writable(blk);
}

static json_object *qmp_blockdev_change_medium(Monitor *mon, json_object *args, Error **errp)
{
    BlockBackend *blk = removable_arg(mon, args, errp);
    BlockNode *node;

    if (!blk || !blk_open_medium(blk, json_member_str(args, "filename"),
                                 json_member_str(args, "format"), next_read_only(blk, args),
                                 &node, errp)) {
        return NULL;
    }
    if (!open_tray(blk, args, errp)) {
        block_node_close(node);
        return NULL;
    }
    remove_medium(blk);
    blk_insert_opened(blk, node);
    tell_trayless(blk, true);
    close_tray(blk);
    return NULL;
}

static const QmpHandler blockdev_commands[] = {
    { "blockdev-add", qmp_blockdev_add },
    { "blockdev-del", qmp_blockdev_del },
    { "blockdev-open-tray", qmp_blockdev_open_tray },
    { "blockdev-close-tray", qmp_blockdev_close_tray },
    { "blockdev-remove-medium", qmp_blockdev_remove_medium },
    { "blockdev-insert-medium", qmp_blockdev_insert_medium },
    { "blockdev-change-medium", qmp_blockdev_change_medium },
    { "eject", qmp_eject },
};
QMP_COMMANDS(blockdev_commands)
