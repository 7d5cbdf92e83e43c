/*
 * The composition tree: child and link properties, paths. See object.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qom/type.h"
#include <string.h>

static bool property_is_child(const ObjectProperty *prop)
{
    return g_str_has_prefix(prop->type, "child<");
}

static json_object *path_value(Object *target)
{
    g_autofree char *path = target ? object_get_canonical_path(target) : NULL;
    return json_object_new_string(path ? path : "");
}

static json_object *child_get(Object *obj, const ObjectProperty *prop, Error **errp)
{
    return path_value(prop->opaque);
}

static void child_release(Object *obj, ObjectProperty *prop)
{
    Object *child = prop->opaque;
    child->parent = NULL;
    g_clear_pointer(&child->name, g_free);
    object_unref(child);
}

ObjectProperty *object_property_add_child(Object *obj, const char *name, Object *child)
{
    g_assert(!child->parent);
    g_autofree char *type = g_strdup_printf("child<%s>", object_get_typename(child));
    ObjectProperty *prop = object_property_add(obj, name, type, child_get, NULL, child_release,
                                               object_ref(child));
    child->parent = obj;
    child->name = g_strdup(prop->name);
    return prop;
}

static json_object *link_get(Object *obj, const ObjectProperty *prop, Error **errp)
{
    return path_value(*(Object **)prop->opaque);
}

static bool link_set(Object *obj, const ObjectProperty *prop, json_object *value, Error **errp)
{
    const char *path = json_object_get_string(value);
    Object **slot = prop->opaque;

    if (!path || !*path) {
        *slot = NULL;
        return true;
    }
    g_autofree char *type = g_strndup(prop->type + strlen("link<"),
                                      strlen(prop->type) - strlen("link<>"));
    Object *target = object_resolve_path(path, NULL);
    if (!target || !object_dynamic_cast(target, type)) {
        error_setg(errp, "%s.%s: '%s' is not the path of a '%s'", object_get_typename(obj),
                   prop->name, path, type);
        return false;
    }
    *slot = target;
    return true;
}

ObjectProperty *object_property_add_link(Object *obj, const char *name, const char *type,
                                         Object **slot)
{
    g_autofree char *full = g_strdup_printf("link<%s>", type);
    return object_property_add(obj, name, full, link_get, link_set, NULL, slot);
}

void object_unparent(void *opaque)
{
    Object *obj = opaque;
    if (obj->parent) {
        object_property_del(obj->parent, obj->name);
    }
}

char *object_get_canonical_path(const void *opaque)
{
    const Object *obj = opaque;
    const Object *root = object_get_root();
    GString *path = g_string_new(NULL);

    for (; obj != root && obj->parent; obj = obj->parent) {
        g_string_prepend(path, obj->name);
        g_string_prepend_c(path, '/');
    }
    if (obj != root) {
        g_string_free(path, TRUE);
        return NULL;
    }
    if (!path->len) {
        g_string_append_c(path, '/');
    }
    return g_string_free(path, FALSE);
}

Object *object_get_root(void)
{
    static Object *root;
    if (!root) {
        root = object_new(TYPE_CONTAINER);
    }
    return root;
}

/* The object behind one path component: a child or what a link points to. */
static Object *resolve_component(Object *obj, const char *name)
{
    ObjectProperty *prop = object_property_find(obj, name);

    if (!prop) {
        return NULL;
    }
    if (property_is_child(prop)) {
        return prop->opaque;
    }
    if (prop->get == link_get) {
        return *(Object **)prop->opaque;
    }
    return NULL;
}

static Object *resolve_parts(Object *obj, char **parts)
{
    for (; obj && *parts; parts++) {
        if (**parts) {
            obj = resolve_component(obj, *parts);
        }
    }
    return obj;
}

typedef struct PartialSearch {
    char **parts;
    Object *found;
    bool ambiguous;
} PartialSearch;

static int search_partial(Object *obj, void *opaque)
{
    PartialSearch *search = opaque;
    Object *hit = resolve_parts(obj, search->parts);

    if (hit && hit != search->found) {
        search->ambiguous |= search->found != NULL;
        search->found = hit;
    }
    return object_child_foreach(obj, search_partial, search);
}

Object *object_resolve_path_from(Object *root, const char *path, bool *ambiguous)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", 0);

    if (ambiguous) {
        *ambiguous = false;
    }
    if (path[0] == '/') {
        return resolve_parts(root, parts);
    }
    if (!*path) {
        return NULL;
    }
    PartialSearch search = { .parts = parts };
    search_partial(root, &search);
    if (ambiguous) {
        *ambiguous = search.ambiguous;
    }
    return search.ambiguous ? NULL : search.found;
}

Object *object_resolve_path(const char *path, bool *ambiguous)
{
    return object_resolve_path_from(object_get_root(), path, ambiguous);
}

Object *object_container_get(Object *root, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", 0);
    Object *obj = root;

    for (char **part = parts; *part; part++) {
        if (!**part) {
            continue;
        }
        Object *child = resolve_component(obj, *part);
        if (!child) {
            child = object_new(TYPE_CONTAINER);
            object_property_add_child(obj, *part, child);
            object_unref(child);
        }
        obj = child;
    }
    return obj;
}

int object_child_foreach(void *opaque_obj, int (*fn)(Object *child, void *opaque), void *opaque)
{
    Object *obj = opaque_obj;
    if (!obj->properties) {
        return 0;
    }
    int ret = 0;
    GList *names = g_list_sort(g_hash_table_get_keys(obj->properties), (GCompareFunc)strcmp);
    for (GList *l = names; l && !ret; l = l->next) {
        ObjectProperty *prop = g_hash_table_lookup(obj->properties, l->data);
        if (prop && property_is_child(prop)) {
            ret = fn(prop->opaque, opaque);
        }
    }
    g_list_free(names);
    return ret;
}

typedef struct RecursiveCall {
    int (*fn)(Object *child, void *opaque);
    void *opaque;
} RecursiveCall;

static int visit_recursive(Object *child, void *opaque)
{
    RecursiveCall *call = opaque;
    int ret = call->fn(child, call->opaque);
    return ret ? ret : object_child_foreach(child, visit_recursive, call);
}

int object_child_foreach_recursive(void *obj, int (*fn)(Object *child, void *opaque),
                                   void *opaque)
{
    RecursiveCall call = { fn, opaque };
    return object_child_foreach(obj, visit_recursive, &call);
}
