/*
 * The object model's types and classes: see object.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qom/type.h"
#include <string.h>

static GHashTable *types; /* name -> TypeImpl */

void type_register_static(const TypeInfo *info)
{
    if (!types) {
        types = g_hash_table_new(g_str_hash, g_str_equal);
    }
    g_assert(!g_hash_table_contains(types, info->name));
    TypeImpl *type = g_new0(TypeImpl, 1);
    type->info = info;
    g_hash_table_insert(types, (void *)info->name, type);
}

TypeImpl *type_find(const char *name)
{
    return types && name ? g_hash_table_lookup(types, name) : NULL;
}

TypeImpl *type_parent(const TypeImpl *type)
{
    if (!type->info->parent) {
        return NULL;
    }
    TypeImpl *parent = type_find(type->info->parent);
    if (!parent) {
        g_error("type '%s' has an unregistered parent '%s'", type->info->name,
                type->info->parent);
    }
    return parent;
}

size_t type_instance_size(const TypeImpl *type)
{
    for (; type; type = type_parent(type)) {
        if (type->info->instance_size) {
            return type->info->instance_size;
        }
    }
    return sizeof(Object);
}

static size_t type_class_size(const TypeImpl *type)
{
    for (; type; type = type_parent(type)) {
        if (type->info->class_size) {
            return type->info->class_size;
        }
    }
    return sizeof(ObjectClass);
}

bool type_is_a(const TypeImpl *type, const TypeImpl *target)
{
    for (; type; type = type_parent(type)) {
        if (type == target) {
            return true;
        }
    }
    return false;
}

/* Gives klass its own copy of an interface's class. */
static void class_add_interface(ObjectClass *klass, const char *name)
{
    TypeImpl *type = type_find(name);
    g_assert(type);
    ObjectClass *base = type_get_class(type);
    size_t size = type_class_size(type);
    InterfaceClass *iface = g_malloc0(MAX(size, sizeof(InterfaceClass)));

    memcpy(iface, base, size);
    iface->parent.type = type;
    iface->concrete = klass;
    klass->interfaces = g_slist_prepend(klass->interfaces, iface);
}

static void class_inherit_interfaces(ObjectClass *klass, const ObjectClass *parent)
{
    for (GSList *l = parent->interfaces; l; l = l->next) {
        InterfaceClass *from = l->data;
        size_t size = MAX(type_class_size(from->parent.type), sizeof(InterfaceClass));
        InterfaceClass *copy = g_memdup2(from, size);
        copy->concrete = klass;
        klass->interfaces = g_slist_prepend(klass->interfaces, copy);
    }
}

ObjectClass *type_get_class(TypeImpl *type)
{
    if (type->klass) {
        return type->klass;
    }
    TypeImpl *parent = type_parent(type);
    ObjectClass *klass = g_malloc0(type_class_size(type));

    if (parent) {
        ObjectClass *from = type_get_class(parent);
        g_assert(type_class_size(parent) <= type_class_size(type));
        memcpy(klass, from, type_class_size(parent));
        klass->interfaces = NULL;
        class_inherit_interfaces(klass, from);
    }
    klass->type = type;
    klass->properties = g_hash_table_new(g_str_hash, g_str_equal);
    type->klass = klass;
    for (const char *const *i = type->info->interfaces; i && *i; i++) {
        class_add_interface(klass, *i);
    }
    if (type->info->class_init) {
        type->info->class_init(klass, type->info->class_data);
    }
    return klass;
}

ObjectClass *object_class_by_name(const char *name)
{
    TypeImpl *type = type_find(name);
    return type ? type_get_class(type) : NULL;
}

const char *object_class_get_name(const ObjectClass *klass)
{
    return klass->type->info->name;
}

ObjectClass *object_class_get_parent(const ObjectClass *klass)
{
    TypeImpl *parent = type_parent(klass->type);
    return parent ? type_get_class(parent) : NULL;
}

bool object_class_is_abstract(const ObjectClass *klass)
{
    return klass->type->info->abstract;
}

ObjectClass *object_class_dynamic_cast(const ObjectClass *klass, const char *name)
{
    TypeImpl *target = type_find(name);
    if (!klass || !target) {
        return NULL;
    }
    if (type_is_a(klass->type, target)) {
        return (ObjectClass *)klass;
    }
    for (GSList *l = klass->interfaces; l; l = l->next) {
        ObjectClass *iface = l->data;
        if (type_is_a(iface->type, target)) {
            return iface;
        }
    }
    return NULL;
}

void *object_class_cast_assert(const void *klass, const char *name, const char *file, int line)
{
    ObjectClass *found = object_class_dynamic_cast(klass, name);
    if (!found) {
        g_error("%s:%d: class '%s' is not a '%s'", file, line,
                object_class_get_name(klass), name);
    }
    return found;
}

static gint compare_types(gconstpointer a, gconstpointer b)
{
    const TypeImpl *ta = a, *tb = b;
    return strcmp(ta->info->name, tb->info->name);
}

void object_class_foreach(void (*fn)(ObjectClass *klass, void *opaque), const char *name,
                          bool include_abstract, void *opaque)
{
    GList *all = g_list_sort(g_hash_table_get_values(types), compare_types);

    for (GList *l = all; l; l = l->next) {
        ObjectClass *klass = type_get_class(l->data);
        if ((include_abstract || !object_class_is_abstract(klass)) &&
            (!name || object_class_dynamic_cast(klass, name))) {
            fn(klass, opaque);
        }
    }
    g_list_free(all);
}
