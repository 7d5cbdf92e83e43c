/*
 * Object properties: see object.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qom/type.h"
#include <string.h>
#include "util/option.h"

static void property_free(ObjectProperty *prop)
{
    json_object_put(prop->default_value);
    g_free(prop->name);
    g_free(prop->type);
    g_free(prop->description);
    g_free(prop);
}

static ObjectProperty *property_new(const char *name, const char *type, ObjectPropertyGet *get,
                                    ObjectPropertySet *set, void *opaque)
{
    ObjectProperty *prop = g_new0(ObjectProperty, 1);
    prop->name = g_strdup(name);
    prop->type = g_strdup(type);
    prop->get = get;
    prop->set = set;
    prop->opaque = opaque;
    return prop;
}

/* "name[*]" becomes "name[n]" with the first free n. */
static char *property_free_name(Object *obj, const char *name)
{
    if (!g_str_has_suffix(name, "[*]")) {
        return g_strdup(name);
    }
    int stem = (int)strlen(name) - 3;
    for (unsigned n = 0;; n++) {
        char *candidate = g_strdup_printf("%.*s[%u]", stem, name, n);
        if (!object_property_find(obj, candidate)) {
            return candidate;
        }
        g_free(candidate);
    }
}

ObjectProperty *object_property_add(Object *obj, const char *name, const char *type,
                                    ObjectPropertyGet *get, ObjectPropertySet *set,
                                    void (*release)(Object *, ObjectProperty *), void *opaque)
{
    g_autofree char *free_name = property_free_name(obj, name);

    g_assert(!object_property_find(obj, free_name));
    if (!obj->properties) {
        obj->properties = g_hash_table_new(g_str_hash, g_str_equal);
    }
    ObjectProperty *prop = property_new(free_name, type, get, set, opaque);
    prop->release = release;
    g_hash_table_insert(obj->properties, prop->name, prop);
    return prop;
}

ObjectProperty *object_class_property_add(ObjectClass *klass, const char *name, const char *type,
                                          ObjectPropertyGet *get, ObjectPropertySet *set,
                                          void *opaque)
{
    ObjectProperty *prop = property_new(name, type, get, set, opaque);
    g_assert(!g_hash_table_contains(klass->properties, name));
    g_hash_table_insert(klass->properties, prop->name, prop);
    return prop;
}

void object_property_set_description(ObjectProperty *prop, const char *text)
{
    g_free(prop->description);
    prop->description = g_strdup(text);
}

void object_property_del(Object *obj, const char *name)
{
    ObjectProperty *prop = g_hash_table_lookup(obj->properties, name);

    g_assert(prop);
    g_hash_table_remove(obj->properties, name);
    if (prop->release) {
        prop->release(obj, prop);
    }
    property_free(prop);
}

ObjectProperty *object_class_property_find(const ObjectClass *klass, const char *name)
{
    for (; klass; klass = object_class_get_parent(klass)) {
        ObjectProperty *prop = g_hash_table_lookup(klass->properties, name);
        if (prop) {
            return prop;
        }
    }
    return NULL;
}

ObjectProperty *object_property_find(const void *opaque, const char *name)
{
    const Object *obj = opaque;
    ObjectProperty *prop = obj->properties ? g_hash_table_lookup(obj->properties, name) : NULL;
    return prop ? prop : object_class_property_find(obj->klass, name);
}

static void foreach_in_table(GHashTable *table, void (*fn)(ObjectProperty *, void *), void *opaque)
{
    if (!table) {
        return;
    }
    GList *names = g_list_sort(g_hash_table_get_keys(table), (GCompareFunc)strcmp);
    for (GList *l = names; l; l = l->next) {
        fn(g_hash_table_lookup(table, l->data), opaque);
    }
    g_list_free(names);
}

void object_class_property_foreach(const ObjectClass *klass,
                                   void (*fn)(ObjectProperty *prop, void *opaque), void *opaque)
{
    for (; klass; klass = object_class_get_parent(klass)) {
        foreach_in_table(klass->properties, fn, opaque);
    }
}

void object_property_foreach(const void *obj, void (*fn)(ObjectProperty *prop, void *opaque),
                             void *opaque)
{
    foreach_in_table(((const Object *)obj)->properties, fn, opaque);
    object_class_property_foreach(object_get_class(obj), fn, opaque);
}

static ObjectProperty *property_find_err(Object *obj, const char *name, Error **errp)
{
    ObjectProperty *prop = object_property_find(obj, name);
    if (!prop) {
        error_setg(errp, "Property '%s.%s' not found", object_get_typename(obj), name);
    }
    return prop;
}

json_object *object_property_get(Object *obj, const char *name, Error **errp)
{
    ObjectProperty *prop = property_find_err(obj, name, errp);
    if (prop && !prop->get) {
        error_setg(errp, "Property '%s.%s' is not readable", object_get_typename(obj), name);
        return NULL;
    }
    return prop ? prop->get(obj, prop, errp) : NULL;
}

bool object_property_set(Object *obj, const char *name, json_object *value, Error **errp)
{
    ObjectProperty *prop = property_find_err(obj, name, errp);
    if (prop && !prop->set) {
        error_setg(errp, "Property '%s.%s' is not writable", object_get_typename(obj), name);
        return false;
    }
    return prop && prop->set(obj, prop, value, errp);
}

static bool type_is_integer(const char *type)
{
    return g_str_has_prefix(type, "uint") || g_str_has_prefix(type, "int");
}

/* A user's text as a JSON value of the property's type; NULL with errp set. */
static json_object *text_to_value(const char *name, const char *type, const char *text,
                                  Error **errp)
{
    bool flag;
    uint64_t number;

    if (g_str_equal(type, "bool")) {
        return parse_bool(name, text, &flag, errp) ? json_object_new_boolean(flag) : NULL;
    }
    if (g_str_equal(type, "size")) {
        return parse_size(name, text, 1, &number, errp) ? json_object_new_uint64(number) : NULL;
    }
    if (type_is_integer(type) && text[0] == '-') {
        return parse_u64(name, text + 1, &number, errp)
               ? json_object_new_int64(-(int64_t)number) : NULL;
    }
    if (type_is_integer(type)) {
        return parse_u64(name, text, &number, errp) ? json_object_new_uint64(number) : NULL;
    }
    return json_object_new_string(text);
}

bool object_property_parse(Object *obj, const char *name, const char *text, Error **errp)
{
    ObjectProperty *prop = property_find_err(obj, name, errp);
    if (!prop) {
        return false;
    }
    g_autofree char *full = g_strdup_printf("%s.%s", object_get_typename(obj), name);
    json_object *value = text_to_value(full, prop->type, text, errp);
    if (!value) {
        return false;
    }
    bool ok = object_property_set(obj, name, value, errp);
    json_object_put(value);
    return ok;
}

static bool set_and_put(Object *obj, const char *name, json_object *value, Error **errp)
{
    bool ok = object_property_set(obj, name, value, errp);
    json_object_put(value);
    return ok;
}

bool object_property_set_bool(Object *obj, const char *name, bool value, Error **errp)
{
    return set_and_put(obj, name, json_object_new_boolean(value), errp);
}

bool object_property_set_int(Object *obj, const char *name, int64_t value, Error **errp)
{
    return set_and_put(obj, name, json_object_new_int64(value), errp);
}

bool object_property_set_uint(Object *obj, const char *name, uint64_t value, Error **errp)
{
    return set_and_put(obj, name, json_object_new_uint64(value), errp);
}

bool object_property_set_str(Object *obj, const char *name, const char *value, Error **errp)
{
    return set_and_put(obj, name, json_object_new_string(value), errp);
}

bool object_property_set_link(Object *obj, const char *name, Object *value, Error **errp)
{
    g_autofree char *path = value ? object_get_canonical_path(value) : g_strdup("");
    return set_and_put(obj, name, json_object_new_string(path), errp);
}

char *object_property_get_str(Object *obj, const char *name, Error **errp)
{
    json_object *value = object_property_get(obj, name, errp);
    char *text = value ? g_strdup(json_object_get_string(value)) : NULL;
    json_object_put(value);
    return text;
}

uint64_t object_property_get_uint(Object *obj, const char *name, Error **errp)
{
    json_object *value = object_property_get(obj, name, errp);
    uint64_t number = value ? json_object_get_uint64(value) : 0;
    json_object_put(value);
    return number;
}

bool object_property_get_bool(Object *obj, const char *name, Error **errp)
{
    json_object *value = object_property_get(obj, name, errp);
    bool flag = value && json_object_get_boolean(value);
    json_object_put(value);
    return flag;
}
