/*
 * QMP commands that add and remove devices and objects.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/device-add.h"
#include "monitor/monitor.h"
#include "qom/user-object.h"
#include "util/module.h"

static json_object *qmp_device_add(Monitor *mon, json_object *args, Error **errp)
{
    g_autoptr(OptDict) opts = optdict_from_json("device_add", args);

    device_add(monitor_machine(mon), opts, true, errp);
    return NULL;
}

/* A device by its id, or by its path in the object tree. */
static DeviceState *find_device(MachineState *machine, const char *id)
{
    Object *obj = *id == '/' ? object_resolve_path(id, NULL) : NULL;

    return *id == '/' ? (DeviceState *)object_dynamic_cast(obj, TYPE_DEVICE)
                      : qdev_find_by_id(machine, id);
}

static json_object *qmp_device_del(Monitor *mon, json_object *args, Error **errp)
{
    const char *id = json_member_str(args, "id");
    DeviceState *dev = find_device(monitor_machine(mon), id);

    if (!dev) {
        error_set_class(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", id);
    } else {
        device_del(dev, errp);
    }
    return NULL;
}

static json_object *qmp_object_add(Monitor *mon, json_object *args, Error **errp)
{
    g_autoptr(OptDict) opts = optdict_from_json("object-add", args);

    user_object_add(opts, errp);
    return NULL;
}

static json_object *qmp_object_del(Monitor *mon, json_object *args, Error **errp)
{
    user_object_del(json_member_str(args, "id"), errp);
    return NULL;
}

static const QmpHandler device_commands[] = {
    { "device_add", qmp_device_add },
    { "device_del", qmp_device_del },
    { "object-add", qmp_object_add },
    { "object-del", qmp_object_del },
};
QMP_COMMANDS(device_commands)
