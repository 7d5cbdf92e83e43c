/*
 * Objects from a user: see user-object.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qom/user-object.h"

static Object *objects_root(void)
{
    return object_container_get(object_get_root(), "objects");
}

static UserCreatableClass *user_class(const void *obj)
{
    ObjectClass *klass = object_get_class(obj);
    return (UserCreatableClass *)object_class_dynamic_cast(klass, TYPE_USER_CREATABLE);
}

static Object *find(const char *id)
{
    ObjectProperty *prop = object_property_find(objects_root(), id);
    return prop && g_str_has_prefix(prop->type, "child<") ? prop->opaque : NULL;
}

Object *user_object_find(const char *id, const char *type)
{
    return object_dynamic_cast(find(id), type);
}

static bool set_property(void *opaque, const char *key, const char *value, Error **errp)
{
    return object_property_parse(opaque, key, value, errp);
}

static Object *new_object(const char *type, Error **errp)
{
    ObjectClass *klass = type ? object_class_by_name(type) : NULL;

    if (!type) {
        error_setg(errp, "Parameter 'qom-type' is missing");
        return NULL;
    }
    if (!klass || object_class_is_abstract(klass) ||
        !object_class_dynamic_cast(klass, TYPE_USER_CREATABLE)) {
        error_setg(errp, "Parameter 'qom-type' does not accept value '%s'", type);
        return NULL;
    }
    return object_new(type);
}

bool user_object_add(OptDict *opts, Error **errp)
{
    Object *obj = new_object(optdict_get(opts, "qom-type"), errp);
    const char *id = optdict_get(opts, "id");
    bool ok = false;

    if (!obj) {
        return false;
    }
    if (!id || !*id) {
        error_setg(errp, "Parameter 'id' is missing");
    } else if (object_property_find(objects_root(), id)) {
        error_setg(errp, "attempt to add duplicate property '%s' to object (type 'container')",
                   id);
    } else {
        UserCreatableClass *uc = user_class(obj);
        ok = optdict_foreach_unused(opts, set_property, obj, errp) &&
             (!uc->complete || uc->complete(obj, errp));
    }
    if (ok) {
        object_property_add_child(objects_root(), id, obj);
    }
    object_unref(obj);
    return ok;
}

bool user_object_del(const char *id, Error **errp)
{
    Object *obj = find(id);
    UserCreatableClass *uc = obj ? user_class(obj) : NULL;

    if (!uc) {
        error_setg(errp, "object '%s' not found", id);
        return false;
    }
    if (uc->in_use && uc->in_use(obj)) {
        error_setg(errp, "object '%s' is in use, can not be deleted", id);
        return false;
    }
    object_unparent(obj);
    return true;
}
