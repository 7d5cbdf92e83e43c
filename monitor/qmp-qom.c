/*
 * QMP commands about the object model: the tree, types and their properties.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "monitor/monitor.h"
#include "util/module.h"

/* --- objects --------------------------------------------------------------------------- */

static Object *object_arg(json_object *args, Error **errp)
{
    const char *path = json_member_str(args, "path");
    bool ambiguous;
    Object *obj = object_resolve_path(path, &ambiguous);

    if (ambiguous) {
        error_setg(errp, "Path '%s' is ambiguous", path);
    } else if (!obj) {
        error_set_class(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", path);
    }
    return obj;
}

static json_object *name_and_type(const ObjectProperty *prop)
{
    json_object *info = json_object_new_object();

    json_add_str(info, "name", prop->name);
    json_add_str(info, "type", prop->type);
    return info;
}

static void add_object_property(ObjectProperty *prop, void *opaque)
{
    json_object_array_add(opaque, name_and_type(prop));
}

static json_object *qmp_qom_list(Monitor *mon, json_object *args, Error **errp)
{
    Object *obj = object_arg(args, errp);
    json_object *list;

    if (!obj) {
        return NULL;
    }
    list = json_object_new_array();
    object_property_foreach(obj, add_object_property, list);
    return list;
}

static json_object *qmp_qom_get(Monitor *mon, json_object *args, Error **errp)
{
    Object *obj = object_arg(args, errp);

    return obj ? object_property_get(obj, json_member_str(args, "property"), errp) : NULL;
}

static json_object *qmp_qom_set(Monitor *mon, json_object *args, Error **errp)
{
    Object *obj = object_arg(args, errp);

    if (obj) {
        object_property_set(obj, json_member_str(args, "property"), json_member(args, "value"),
                            errp);
    }
    return NULL;
}

/* --- types ----------------------------------------------------------------------------- */

static void add_type(ObjectClass *klass, void *opaque)
{
    json_object *info = json_object_new_object();
    ObjectClass *parent = object_class_get_parent(klass);

    json_add_str(info, "name", object_class_get_name(klass));
    if (object_class_is_abstract(klass)) {
        json_add_bool(info, "abstract", true);
    }
    if (parent) {
        json_add_str(info, "parent", object_class_get_name(parent));
    }
    json_object_array_add(opaque, info);
}

static json_object *qmp_qom_list_types(Monitor *mon, json_object *args, Error **errp)
{
    json_object *list = json_object_new_array();

    object_class_foreach(add_type, json_member_str(args, "implements"),
                         json_member_bool(args, "abstract", false), list);
    return list;
}

static void add_type_property(ObjectProperty *prop, void *opaque)
{
    json_object *info = name_and_type(prop);

    if (prop->description) {
        json_add_str(info, "description", prop->description);
    }
    json_object_array_add(opaque, info);
}

/* What the life cycle of every device has is not a device's own. */
static void add_device_property(ObjectProperty *prop, void *opaque)
{
    static const char *const common[] = {
        "type", "realized", "hotpluggable", "hotplugged", "parent_bus", NULL
    };
    json_object *list = opaque;

    if (g_strv_contains(common, prop->name)) {
        return;
    }
    add_type_property(prop, list);
    if (prop->default_value) {
        json_object *info = json_object_array_get_idx(list, json_object_array_length(list) - 1);
        json_object_object_add(info, "default-value", json_object_get(prop->default_value));
    }
}

/* With an object for a moment: some properties are made with it. */
static json_object *type_properties(ObjectClass *klass, void (*add)(ObjectProperty *prop, void *))
{
    json_object *list = json_object_new_array();

    if (object_class_is_abstract(klass) || !object_class_dynamic_cast(klass, TYPE_DEVICE)) {
        object_class_property_foreach(klass, add, list);
    } else {
        Object *obj = object_new(object_class_get_name(klass));
        object_property_foreach(obj, add, list);
        object_unref(obj);
    }
    return list;
}

static ObjectClass *class_arg(json_object *args, const char *what, Error **errp)
{
    const char *name = json_member_str(args, "typename");
    ObjectClass *klass = object_class_by_name(name);

    if (!klass) {
        error_set_class(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "%s '%s' not found", what, name);
    }
    return klass;
}

static json_object *qmp_device_list_properties(Monitor *mon, json_object *args, Error **errp)
{
    ObjectClass *klass = class_arg(args, "Device", errp);

    if (klass && (object_class_is_abstract(klass) ||
                  !object_class_dynamic_cast(klass, TYPE_DEVICE))) {
        error_setg(errp, "Parameter 'typename' expects a non-abstract device type");
        return NULL;
    }
    return klass ? type_properties(klass, add_device_property) : NULL;
}

static json_object *qmp_qom_list_properties(Monitor *mon, json_object *args, Error **errp)
{
    ObjectClass *klass = class_arg(args, "Class", errp);

    if (klass && !object_class_dynamic_cast(klass, TYPE_OBJECT)) {
        error_setg(errp, "Parameter 'typename' expects QOM class");
        return NULL;
    }
    return klass ? type_properties(klass, add_type_property) : NULL;
}

static const QmpHandler qom_commands[] = {
    { "qom-list", qmp_qom_list },
    { "qom-get", qmp_qom_get },
    { "qom-set", qmp_qom_set },
    { "qom-list-types", qmp_qom_list_types },
    { "qom-list-properties", qmp_qom_list_properties },
    { "device-list-properties", qmp_device_list_properties },
};
QMP_COMMANDS(qom_commands)
