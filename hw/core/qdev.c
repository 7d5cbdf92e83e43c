/*
 * Devices: life cycle, tree, reset. See qdev.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/qdev.h"
#include "hw/core/gpio.h"
#include "hw/core/machine.h"
#include "hw/core/properties.h"
#include <string.h>

static void device_class_from_info(ObjectClass *klass, const void *data)
{
    const DeviceInfo *info = data;
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->user_creatable = !info->internal && !info->abstract;
    dc->hotpluggable = info->hotpluggable;
    dc->desc = info->desc ? info->desc : dc->desc;
    dc->vmsd = info->vmsd ? info->vmsd : dc->vmsd;
    dc->realize = info->realize ? info->realize : dc->realize;
    dc->unrealize = info->unrealize ? info->unrealize : dc->unrealize;
    dc->reset_enter = info->reset ? info->reset : dc->reset_enter;
    dc->reset_hold = info->reset_hold ? info->reset_hold : dc->reset_hold;
    dc->reset_exit = info->reset_exit ? info->reset_exit : dc->reset_exit;
    if (info->props) {
        device_class_add_props(dc, info->props);
    }
    if (info->class_init) {
        info->class_init(klass, info->class_data);
    }
}

void device_type_register(const DeviceInfo *info)
{
    TypeInfo *type = g_new0(TypeInfo, 1); /* types live as long as the program */

    *type = (TypeInfo){
        .name = info->name,
        .parent = info->parent ? info->parent : TYPE_DEVICE,
        .instance_size = info->instance_size,
        .class_size = info->class_size,
        .instance_init = info->instance_init,
        .instance_finalize = info->instance_finalize,
        .class_init = device_class_from_info,
        .class_data = info,
        .interfaces = info->interfaces,
        .abstract = info->abstract,
    };
    type_register_static(type);
}

DeviceState *qdev_try_new(const char *type)
{
    ObjectClass *klass = object_class_by_name(type);
    if (!klass || !object_class_dynamic_cast(klass, TYPE_DEVICE) ||
        object_class_is_abstract(klass)) {
        return NULL;
    }
    return DEVICE(object_new(type));
}

DeviceState *qdev_new(const char *type)
{
    return DEVICE(object_new(type));
}

static bool plug_into_bus(DeviceState *dev, BusState *bus, Error **errp)
{
    DeviceClass *dc = DEVICE_GET_CLASS(dev);
    BusClass *bc = BUS_GET_CLASS(bus);

    if (dc->bus_type && !object_dynamic_cast(bus, dc->bus_type)) {
        error_setg(errp, "Device '%s' can't go on %s bus", object_get_typename(dev),
                   object_get_typename(bus));
        return false;
    }
    if (bus->max_dev && g_slist_length(bus->children) >= bus->max_dev) {
        error_setg(errp, "Bus '%s' is full: it takes %u devices", bus->name, bus->max_dev);
        return false;
    }
    dev->parent_bus = bus;
    if (bc->check_address && !bc->check_address(bus, dev, errp)) {
        dev->parent_bus = NULL;
        return false;
    }
    bus->children = g_slist_append(bus->children, dev);
    return true;
}

static void unplug_from_bus(DeviceState *dev)
{
    if (dev->parent_bus) {
        dev->parent_bus->children = g_slist_remove(dev->parent_bus->children, dev);
        dev->parent_bus = NULL;
    }
}

static void place_in_tree(DeviceState *dev, MachineState *machine)
{
    if (OBJECT(dev)->parent) {
        return;
    }
    const char *home = dev->id ? "peripheral" : "unattached";
    Object *container = object_container_get(OBJECT(machine), home);
    object_property_add_child(container, dev->id ? dev->id : "device[*]", OBJECT(dev));
}

/* "driver.prop=value", where driver is a type of dev. */
static bool apply_global(DeviceState *dev, const char *text, Error **errp)
{
    const char *dot = strchr(text, '.'), *eq = dot ? strchr(dot, '=') : NULL;

    if (!eq) {
        error_setg(errp, "-global %s: write DRIVER.PROPERTY=VALUE", text);
        return false;
    }
    g_autofree char *driver = g_strndup(text, dot - text);
    g_autofree char *prop = g_strndup(dot + 1, eq - dot - 1);
    return !object_dynamic_cast(dev, driver) ||
           object_property_parse(OBJECT(dev), prop, eq + 1, errp);
}

bool qdev_apply_globals(DeviceState *dev, Error **errp)
{
    GPtrArray *globals = dev->machine->globals;

    for (guint i = 0; !dev->globals_applied && i < globals->len; i++) {
        if (!apply_global(dev, globals->pdata[i], errp)) {
            return false;
        }
    }
    dev->globals_applied = true;
    return true;
}

bool qdev_realize(DeviceState *dev, BusState *bus, MachineState *machine, Error **errp)
{
    DeviceClass *dc = DEVICE_GET_CLASS(dev);

    g_assert(!dev->realized);
    dev->machine = machine;
    if (!qdev_apply_globals(dev, errp)) {
        return false;
    }
    if (!bus && !dc->bus_type) {
        bus = machine->main_bus;
    }
    if (bus && !plug_into_bus(dev, bus, errp)) {
        return false;
    }
    place_in_tree(dev, machine);
    if (dc->realize && !dc->realize(dev, errp)) {
        unplug_from_bus(dev);
        return false;
    }
    dev->realized = true;
    if (dev->hotplugged) {
        qdev_reset(dev);
    }
    return true;
}

bool qdev_realize_and_unref(DeviceState *dev, BusState *bus, MachineState *machine, Error **errp)
{
    bool ok = qdev_realize(dev, bus, machine, errp);
    if (!ok) {
        object_ref(dev);
        object_unparent(dev);
        object_unref(dev);
    }
    object_unref(dev);
    return ok;
}

void qdev_unrealize(DeviceState *dev)
{
    DeviceClass *dc = DEVICE_GET_CLASS(dev);

    if (!dev->realized) {
        return;
    }
    for (GSList *b = dev->child_buses; b; b = b->next) {
        BusState *bus = b->data;
        while (bus->children) {
            qdev_unrealize(bus->children->data);
        }
    }
    if (dc->unrealize) {
        dc->unrealize(dev);
    }
    dev->realized = false;
    unplug_from_bus(dev);
}

void qdev_walk(DeviceState *dev, void (*fn)(DeviceState *dev, void *opaque), void *opaque)
{
    fn(dev, opaque);
    for (GSList *b = dev->child_buses; b; b = b->next) {
        BusState *bus = b->data;
        for (GSList *d = bus->children; d; d = d->next) {
            qdev_walk(d->data, fn, opaque);
        }
    }
}

typedef void (*ResetPhase)(DeviceState *dev);

static void reset_enter(DeviceState *dev, void *opaque)
{
    DeviceClass *dc = DEVICE_GET_CLASS(dev);
    if (dc->reset_enter) {
        dc->reset_enter(dev);
    }
}

static void reset_hold(DeviceState *dev, void *opaque)
{
    DeviceClass *dc = DEVICE_GET_CLASS(dev);
    if (dc->reset_hold) {
        dc->reset_hold(dev);
    }
}

static void reset_exit(DeviceState *dev, void *opaque)
{
    DeviceClass *dc = DEVICE_GET_CLASS(dev);
    if (dc->reset_exit) {
        dc->reset_exit(dev);
    }
}

void qdev_reset(DeviceState *dev)
{
    qdev_walk(dev, reset_enter, NULL);
    qdev_walk(dev, reset_hold, NULL);
    qdev_walk(dev, reset_exit, NULL);
}

void bus_reset(BusState *bus)
{
    static void (*const phases[])(DeviceState *, void *) = { reset_enter, reset_hold, reset_exit };

    for (size_t i = 0; i < G_N_ELEMENTS(phases); i++) {
        for (GSList *d = bus->children; d; d = d->next) {
            qdev_walk(d->data, phases[i], NULL);
        }
    }
}

Clock *qdev_clock(const DeviceState *dev)
{
    return dev->machine->clock;
}

char *qdev_name(const DeviceState *dev)
{
    if (dev->id) {
        return g_strdup(dev->id);
    }
    char *path = object_get_canonical_path(dev);
    return path ? path : g_strdup(object_get_typename(dev));
}

typedef struct FindById {
    const char *id;
    DeviceState *found;
} FindById;

static void match_id(DeviceState *dev, void *opaque)
{
    FindById *find = opaque;
    if (dev->id && g_str_equal(dev->id, find->id)) {
        find->found = dev;
    }
}

DeviceState *qdev_find_by_id(MachineState *machine, const char *id)
{
    FindById find = { .id = id };
    for (GSList *d = machine->main_bus->children; d; d = d->next) {
        qdev_walk(d->data, match_id, &find);
    }
    return find.found;
}

static json_object *realized_get(Object *obj, const ObjectProperty *prop, Error **errp)
{
    return json_object_new_boolean(DEVICE(obj)->realized);
}

static json_object *hotplugged_get(Object *obj, const ObjectProperty *prop, Error **errp)
{
    return json_object_new_boolean(DEVICE(obj)->hotplugged);
}

static json_object *hotpluggable_get(Object *obj, const ObjectProperty *prop, Error **errp)
{
    return json_object_new_boolean(DEVICE_GET_CLASS(obj)->hotpluggable);
}

static json_object *parent_bus_get(Object *obj, const ObjectProperty *prop, Error **errp)
{
    BusState *bus = DEVICE(obj)->parent_bus;
    g_autofree char *path = bus ? object_get_canonical_path(bus) : NULL;
    return json_object_new_string(path ? path : "");
}

static void device_class_init(ObjectClass *klass, const void *data)
{
    object_class_property_add(klass, "realized", "bool", realized_get, NULL, NULL);
    object_class_property_add(klass, "hotplugged", "bool", hotplugged_get, NULL, NULL);
    object_class_property_add(klass, "hotpluggable", "bool", hotpluggable_get, NULL, NULL);
    object_class_property_add(klass, "parent_bus", "link<bus>", parent_bus_get, NULL, NULL);
}

static void device_init(Object *obj)
{
    device_set_prop_defaults(DEVICE(obj));
}

static void device_finalize(Object *obj)
{
    DeviceState *dev = DEVICE(obj);
    qdev_free_gpios(dev);
    g_slist_free(dev->child_buses);
    g_free(dev->id);
}

static const TypeInfo device_type = {
    .name = TYPE_DEVICE,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(DeviceState),
    .class_size = sizeof(DeviceClass),
    .instance_init = device_init,
    .instance_finalize = device_finalize,
    .class_init = device_class_init,
    .abstract = true,
};

static void device_register(void)
{
    type_register_static(&device_type);
}

type_init(device_register)
