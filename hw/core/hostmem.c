/*
 * Memory back ends: see hostmem.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/hostmem.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

bool memory_preallocate(void *host, uint64_t size, Error **errp)
{
    if (madvise(host, size, MADV_POPULATE_WRITE)) {
        error_setg_errno(errp, errno, "cannot allocate %" PRIu64 " MiB of guest memory",
                         size >> 20);
        return false;
    }
    return true;
}

static bool check_open(MemoryBackend *backend, const ObjectProperty *prop, Error **errp)
{
    if (backend->complete) {
        error_setg(errp, "cannot change property '%s' of %s", prop->name,
                   object_get_typename(backend));
    }
    return !backend->complete;
}

static json_object *size_get(Object *obj, const ObjectProperty *prop, Error **errp)
{
    return json_object_new_uint64(MEMORY_BACKEND(obj)->size);
}

static bool size_set(Object *obj, const ObjectProperty *prop, json_object *value, Error **errp)
{
    MemoryBackend *backend = MEMORY_BACKEND(obj);

    if (!json_object_is_type(value, json_type_int)) {
        error_setg(errp, "Invalid parameter type for 'size', expected: integer");
        return false;
    }
    if (!check_open(backend, prop, errp)) {
        return false;
    }
    backend->size = json_object_get_uint64(value);
    return true;
}

/* prop->opaque is the offset of the bool. */
static bool *flag(Object *obj, const ObjectProperty *prop)
{
    return (bool *)((char *)obj + (size_t)prop->opaque);
}

static json_object *flag_get(Object *obj, const ObjectProperty *prop, Error **errp)
{
    return json_object_new_boolean(*flag(obj, prop));
}

static bool flag_set(Object *obj, const ObjectProperty *prop, json_object *value, Error **errp)
{
    if (!json_object_is_type(value, json_type_boolean)) {
        error_setg(errp, "Invalid parameter type for '%s', expected: boolean", prop->name);
        return false;
    }
    if (!check_open(MEMORY_BACKEND(obj), prop, errp)) {
        return false;
    }
    *flag(obj, prop) = json_object_get_boolean(value);
    return true;
}

static bool backend_complete(Object *obj, Error **errp)
{
    MemoryBackend *backend = MEMORY_BACKEND(obj);

    if (!backend->size) {
        error_setg(errp, "property 'size' of %s doesn't take value '0'", object_get_typename(obj));
        return false;
    }
    backend->complete = true;
    return true;
}

static bool backend_in_use(Object *obj)
{
    return MEMORY_BACKEND(obj)->in_use;
}

static void backend_class_init(ObjectClass *klass, const void *data)
{
    UserCreatableClass *uc =
        (UserCreatableClass *)object_class_dynamic_cast(klass, TYPE_USER_CREATABLE);

    uc->complete = backend_complete;
    uc->in_use = backend_in_use;
    object_class_property_add(klass, "size", "size", size_get, size_set, NULL);
    object_class_property_add(klass, "share", "bool", flag_get, flag_set,
                              (void *)offsetof(MemoryBackend, share));
    object_class_property_add(klass, "prealloc", "bool", flag_get, flag_set,
                              (void *)offsetof(MemoryBackend, prealloc));
}

static const char *const user_creatable[] = { TYPE_USER_CREATABLE, NULL };

static const TypeInfo backend_types[] = {
    { .name = TYPE_MEMORY_BACKEND, .parent = TYPE_OBJECT, .instance_size = sizeof(MemoryBackend),
      .class_init = backend_class_init, .interfaces = user_creatable, .abstract = true },
    { .name = TYPE_MEMORY_BACKEND_RAM, .parent = TYPE_MEMORY_BACKEND },
};

static void backend_register(void)
{
    type_register_array(backend_types);
}

type_init(backend_register)
