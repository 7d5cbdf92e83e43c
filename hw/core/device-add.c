/*
 * Devices from a user: see device-add.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/device-add.h"

static bool set_property(void *opaque, const char *key, const char *value, Error **errp)
{
    return object_property_parse(opaque, key, value, errp);
}

static BusState *choose_bus(MachineState *machine, DeviceState *dev, OptDict *opts, Error **errp)
{
    DeviceClass *dc = DEVICE_GET_CLASS(dev);
    const char *name = optdict_get(opts, "bus");
    BusState *bus = name || dc->bus_type ? bus_find(machine, name ? NULL : dc->bus_type, name)
                                         : machine->main_bus;

    if (!bus && name) {
        error_setg(errp, "Bus '%s' not found", name);
    } else if (!bus) {
        error_setg(errp, "No '%s' bus with a free place found for device '%s'", dc->bus_type,
                   object_get_typename(dev));
    }
    return bus;
}

static DeviceState *new_device(const char *type, Error **errp)
{
    ObjectClass *klass = type ? object_class_by_name(type) : NULL;

    if (!klass || !object_class_dynamic_cast(klass, TYPE_DEVICE)) {
        error_setg(errp, "'%s' is not a valid device model name; '-device help' lists them",
                   type ? type : "");
        return NULL;
    }
    if (object_class_is_abstract(klass) || !DEVICE_CLASS(klass)->user_creatable) {
        error_setg(errp, "Parameter 'driver' expects a pluggable device type, which '%s' is not; "
                   "'-device help' lists them", type);
        return NULL;
    }
    return qdev_new(type);
}

static bool check_hotplug(DeviceState *dev, const BusState *bus, Error **errp)
{
    if (!bus || !bus->hotplug) {
        error_setg(errp, "Bus '%s' does not support hotplugging", bus ? bus->name : "none");
        return false;
    }
    if (!DEVICE_GET_CLASS(dev)->hotpluggable) {
        error_setg(errp, "Device '%s' does not support hotplugging", object_get_typename(dev));
        return false;
    }
    return true;
}

static bool configure(MachineState *machine, DeviceState *dev, OptDict *opts, BusState **bus,
                      Error **errp)
{
    const char *id = optdict_get(opts, "id");

    if (id && qdev_find_by_id(machine, id)) {
        error_setg(errp, "Duplicate device ID '%s'", id);
        return false;
    }
    dev->id = g_strdup(id);
    dev->machine = machine;
    *bus = choose_bus(machine, dev, opts, errp);
    return *bus && (!dev->hotplugged || check_hotplug(dev, *bus, errp)) &&
           qdev_apply_globals(dev, errp) &&
           optdict_foreach_unused(opts, set_property, dev, errp);
}

bool device_add(MachineState *machine, OptDict *opts, bool hotplug, Error **errp)
{
    DeviceState *dev = new_device(optdict_get(opts, "driver"), errp);
    BusState *bus;

    if (!dev) {
        return false;
    }
    dev->hotplugged = hotplug;
    if (!configure(machine, dev, opts, &bus, errp)) {
        object_unref(dev);
        return false;
    }
    return qdev_realize_and_unref(dev, bus, machine, errp);
}

bool device_del(DeviceState *dev, Error **errp)
{
    g_autofree char *path = object_get_canonical_path(dev);
    json_object *data;

    if (!check_hotplug(dev, dev->parent_bus, errp)) {
        return false;
    }
    data = json_object_new_object();
    if (dev->id) {
        json_object_object_add(data, "device", json_object_new_string(dev->id));
    }
    json_object_object_add(data, "path", json_object_new_string(path));
    machine_emit_event(dev->machine, "DEVICE_DELETED", data);
    object_ref(dev);
    qdev_unrealize(dev);
    object_unparent(dev);
    object_unref(dev);
    return true;
}
