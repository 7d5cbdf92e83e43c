/*
 * drive= properties: see qdev-drive.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/qdev-drive.h"
#include "hw/core/machine.h"
#include "hw/core/properties.h"

static json_object *drive_get(Object *obj, const Property *prop, void *field, Error **errp)
{
    DriveProperty *drive = field;
    return json_object_new_string(drive->id ? drive->id : "");
}

static bool drive_set(Object *obj, const Property *prop, void *field, json_object *value,
                      Error **errp)
{
    DriveProperty *drive = field;

    if (!json_object_is_type(value, json_type_string)) {
        return prop_wrong_type(obj, prop, "string", errp);
    }
    g_free(drive->id);
    drive->id = g_strdup(json_object_get_string(value));
    return true;
}

static void drive_release(Object *obj, const Property *prop, void *field)
{
    DriveProperty *drive = field;
    g_clear_pointer(&drive->id, g_free);
}

const PropertyInfo prop_info_drive = {
    .type = "str", .get = drive_get, .set = drive_set, .release = drive_release,
};

bool qdev_drive_take(DeviceState *dev, DriveProperty *drive, const BlockDevOps *ops, Error **errp)
{
    BlockRegistry *reg = dev->machine->drives;
    BlockBackend *blk;

    if (!drive->id) {
        blk = block_backend_new_empty(reg);
    } else {
        blk = block_backend_find(reg, drive->id);
    }
    if (!blk) {
        error_setg(errp, "Property '%s.drive' can't find value '%s'; define it with -drive "
                   "if=none,id=%s,... or -blockdev node-name=%s,...", object_get_typename(dev),
                   drive->id, drive->id, drive->id);
        return false;
    }
    if (!blk_attach(blk, dev, ops, errp)) {
        error_prepend(errp, "-device %s: ", object_get_typename(dev));
        return false;
    }
    drive->blk = blk;
    return true;
}

void qdev_drive_release(DeviceState *dev, DriveProperty *drive)
{
    if (drive->blk) {
        blk_detach(drive->blk, dev);
        drive->blk = NULL;
    }
}

void qdev_drive_tray_moved(DeviceState *dev, BlockBackend *blk, bool open)
{
    json_object *data = json_object_new_object();
    g_autofree char *path = object_get_canonical_path(dev);

    json_object_object_add(data, "device", json_object_new_string(blk_name(blk)));
    json_object_object_add(data, "id", json_object_new_string(dev->id ? dev->id : path));
    json_object_object_add(data, "tray-open", json_object_new_boolean(open));
    machine_emit_event(dev->machine, "DEVICE_TRAY_MOVED", data);
}
