/*
 * Objects: life cycle and casts. See object.h; properties stand in
 * property.c, the composition tree in tree.c.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qom/type.h"
#include <string.h>

static void instance_init(Object *obj, TypeImpl *type)
{
    TypeImpl *parent = type_parent(type);
    if (parent) {
        instance_init(obj, parent);
    }
    if (type->info->instance_init) {
        type->info->instance_init(obj);
    }
}

static void object_init_type(Object *obj, TypeImpl *type, bool heap)
{
    g_assert(!type->info->abstract);
    obj->klass = type_get_class(type);
    obj->ref = 1;
    obj->heap = heap;
    instance_init(obj, type);
}

Object *object_new(const char *name)
{
    TypeImpl *type = type_find(name);
    if (!type) {
        g_error("there is no object type '%s'", name);
    }
    Object *obj = g_malloc0(type_instance_size(type));
    object_init_type(obj, type, true);
    return obj;
}

void object_initialize(void *mem, size_t size, const char *name)
{
    TypeImpl *type = type_find(name);
    if (!type) {
        g_error("there is no object type '%s'", name);
    }
    g_assert(size >= type_instance_size(type));
    memset(mem, 0, type_instance_size(type));
    object_init_type(mem, type, false);
}

void object_initialize_child(Object *parent, const char *name, void *mem, size_t size,
                             const char *type)
{
    object_initialize(mem, size, type);
    object_property_add_child(parent, name, mem);
    object_unref(mem); /* the tree holds the reference */
}

Object *object_ref(void *opaque)
{
    Object *obj = opaque;
    if (obj) {
        g_atomic_int_inc(&obj->ref);
    }
    return obj;
}

static void release_properties(Object *obj)
{
    GHashTableIter iter;
    gpointer value;

    while (obj->properties && g_hash_table_size(obj->properties)) {
        g_hash_table_iter_init(&iter, obj->properties);
        g_hash_table_iter_next(&iter, NULL, &value);
        ObjectProperty *prop = value;
        object_property_del(obj, prop->name);
    }
    g_clear_pointer(&obj->properties, g_hash_table_unref);
}

static void release_class_properties(Object *obj, ObjectClass *klass)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, klass->properties);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        ObjectProperty *prop = value;
        if (prop->release) {
            prop->release(obj, prop);
        }
    }
}

static void object_finalize(Object *obj)
{
    bool heap = obj->heap;

    release_properties(obj);
    for (TypeImpl *type = obj->klass->type; type; type = type_parent(type)) {
        if (type->info->instance_finalize) {
            type->info->instance_finalize(obj);
        }
        release_class_properties(obj, type_get_class(type));
    }
    g_assert(!obj->parent);
    if (heap) {
        g_free(obj);
    }
}

void object_unref(void *opaque)
{
    Object *obj = opaque;
    if (obj && g_atomic_int_dec_and_test(&obj->ref)) {
        object_finalize(obj);
    }
}

const char *object_get_typename(const void *obj)
{
    return object_class_get_name(object_get_class(obj));
}

ObjectClass *object_get_class(const void *obj)
{
    return ((const Object *)obj)->klass;
}

Object *object_dynamic_cast(const void *obj, const char *type)
{
    return obj && object_class_dynamic_cast(object_get_class(obj), type) ? (Object *)obj : NULL;
}

void *object_cast_assert(const void *obj, const char *type, const char *file, int line)
{
    if (!obj) {
        return NULL;
    }
    ObjectClass *klass = object_get_class(obj);
    const char **known = &klass->casts[(uintptr_t)type / 8 % G_N_ELEMENTS(klass->casts)];

    if (__atomic_load_n(known, __ATOMIC_RELAXED) != type) {
        if (!object_class_dynamic_cast(klass, type)) {
            g_error("%s:%d: object of type '%s' is not a '%s'", file, line,
                    object_get_typename(obj), type);
        }
        __atomic_store_n(known, type, __ATOMIC_RELAXED);
    }
    return (void *)obj;
}

static json_object *type_get(Object *obj, const ObjectProperty *prop, Error **errp)
{
    return json_object_new_string(object_get_typename(obj));
}

static void object_class_init(ObjectClass *klass, const void *data)
{
    object_class_property_add(klass, "type", "string", type_get, NULL, NULL);
}

static const TypeInfo root_types[] = {
    { .name = TYPE_OBJECT, .instance_size = sizeof(Object), .class_size = sizeof(ObjectClass),
      .class_init = object_class_init, .abstract = true },
    { .name = TYPE_CONTAINER, .parent = TYPE_OBJECT },
    { .name = TYPE_INTERFACE, .class_size = sizeof(InterfaceClass), .abstract = true },
    { .name = TYPE_USER_CREATABLE, .parent = TYPE_INTERFACE,
      .class_size = sizeof(UserCreatableClass), .abstract = true },
};

static void register_root_types(void)
{
    type_register_array(root_types);
}

type_init(register_root_types)
