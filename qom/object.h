/*
 * The object model: types with single inheritance and interfaces, properties,
 * reference counts and the composition tree.
 *
 * A type is a TypeInfo registered by name. Its class is made when first used:
 * parents first, then class_init. An object embeds its parent's struct as its
 * first member; instance_init runs from the root type down, instance_finalize
 * from the leaf up.
 *
 * Property values are JSON values (json-c), so that -device, QMP and HMP share
 * one representation. A getter returns a new reference; NULL with errp unset
 * stands for JSON null.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOM_OBJECT_H
#define QOM_OBJECT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "util/error.h"
#include "util/module.h"

typedef struct TypeImpl TypeImpl;
typedef struct Object Object;
typedef struct ObjectClass ObjectClass;
typedef struct ObjectProperty ObjectProperty;

#define TYPE_OBJECT "object"
#define TYPE_CONTAINER "container"

struct ObjectClass {
    TypeImpl *type;
    GHashTable *properties; /* name -> ObjectProperty, of this class only */
    GSList *interfaces;     /* InterfaceClass of this and inherited interfaces */
    const char *casts[4];   /* [atomic] literals that object_cast_assert() found to be its types */
};

struct Object {
    ObjectClass *klass;
    GHashTable *properties; /* name -> ObjectProperty; made on first use */
    Object *parent;         /* composition tree */
    char *name;             /* name of the child<> property in parent */
    gint ref;
    bool heap;              /* freed when the count reaches 0 */
};

typedef struct TypeInfo {
    const char *name;
    const char *parent;
    size_t instance_size;   /* 0: the parent's */
    size_t class_size;      /* 0: the parent's */
    void (*instance_init)(Object *obj);
    void (*instance_finalize)(Object *obj);
    void (*class_init)(ObjectClass *klass, const void *data);
    const void *class_data;
    const char *const *interfaces; /* NULL-terminated type names */
    bool abstract;
} TypeInfo;

/* The root of interfaces: an interface's class struct begins with this. */
#define TYPE_INTERFACE "interface"
typedef struct InterfaceClass {
    ObjectClass parent;
    ObjectClass *concrete; /* the class that implements it */
} InterfaceClass;

/* info must stay valid for the life of the program. */
void type_register_static(const TypeInfo *info);
#define type_register_array(infos)                                             \
    do {                                                                       \
        for (size_t i_ = 0; i_ < G_N_ELEMENTS(infos); i_++) {                  \
            type_register_static(&(infos)[i_]);                                \
        }                                                                      \
    } while (0)

/* NULL if there is no such type. */
ObjectClass *object_class_by_name(const char *type);
const char *object_class_get_name(const ObjectClass *klass);
ObjectClass *object_class_get_parent(const ObjectClass *klass);
bool object_class_is_abstract(const ObjectClass *klass);
/* klass itself, its implementation of an interface, or NULL. */
ObjectClass *object_class_dynamic_cast(const ObjectClass *klass, const char *type);
/* Calls fn for each class that is a type (NULL: all), by name in order. */
void object_class_foreach(void (*fn)(ObjectClass *klass, void *opaque), const char *type,
                          bool include_abstract, void *opaque);

/* A new object with one reference; the type must exist and not be abstract. */
Object *object_new(const char *type);
/* Initialises memory that belongs to another object. */
void object_initialize(void *mem, size_t size, const char *type);
/* object_initialize() and object_property_add_child() in one. */
void object_initialize_child(Object *parent, const char *name, void *mem, size_t size,
                             const char *type);
Object *object_ref(void *obj);
void object_unref(void *obj);
const char *object_get_typename(const void *obj);
ObjectClass *object_get_class(const void *obj);
Object *object_dynamic_cast(const void *obj, const char *type);
/* The casts of OBJECT_DECLARE: a wrong type is a bug, reported with place. */
void *object_cast_assert(const void *obj, const char *type, const char *file, int line);
void *object_class_cast_assert(const void *klass, const char *type, const char *file, int line);

#define OBJECT(obj) ((Object *)(obj))
#define OBJECT_CLASS(klass) ((ObjectClass *)(klass))

#define OBJECT_DECLARE_SIMPLE(Inst, NAME, TYPE)                                \
    typedef struct Inst Inst;                                                  \
    static inline G_GNUC_UNUSED Inst *NAME(const void *obj)                    \
    {                                                                          \
        return object_cast_assert(obj, TYPE, __FILE__, __LINE__);              \
    }

#define OBJECT_DECLARE(Inst, Class, NAME, TYPE)                                \
    OBJECT_DECLARE_SIMPLE(Inst, NAME, TYPE)                                    \
    typedef struct Class Class;                                                \
    static inline G_GNUC_UNUSED Class *NAME##_CLASS(const void *klass)         \
    {                                                                          \
        return object_class_cast_assert(klass, TYPE, __FILE__, __LINE__);      \
    }                                                                          \
    static inline G_GNUC_UNUSED Class *NAME##_GET_CLASS(const void *obj)       \
    {                                                                          \
        return NAME##_CLASS(object_get_class(obj));                            \
    }

/* Properties. type is the name shown to users: "bool", "uint32", "str",
 * "child<T>", "link<T>" or an enumeration's name. */
typedef json_object *ObjectPropertyGet(Object *obj, const ObjectProperty *prop, Error **errp);
typedef bool ObjectPropertySet(Object *obj, const ObjectProperty *prop, json_object *value,
                               Error **errp);
struct ObjectProperty {
    char *name;
    char *type;
    char *description;
    ObjectPropertyGet *get; /* NULL: write-only */
    ObjectPropertySet *set; /* NULL: read-only */
    void (*release)(Object *obj, ObjectProperty *prop);
    void *opaque;
    json_object *default_value; /* shown by introspection; may be NULL */
};

ObjectProperty *object_property_add(Object *obj, const char *name, const char *type,
                                    ObjectPropertyGet *get, ObjectPropertySet *set,
                                    void (*release)(Object *, ObjectProperty *), void *opaque);
ObjectProperty *object_class_property_add(ObjectClass *klass, const char *name, const char *type,
                                          ObjectPropertyGet *get, ObjectPropertySet *set,
                                          void *opaque);
void object_property_set_description(ObjectProperty *prop, const char *text);
void object_property_del(Object *obj, const char *name);
/* NULL if there is none (no error). Searches the object, then its classes. */
ObjectProperty *object_property_find(const void *obj, const char *name);
ObjectProperty *object_class_property_find(const ObjectClass *klass, const char *name);
/* Calls fn for every property: the object's own, then each class's. */
void object_property_foreach(const void *obj, void (*fn)(ObjectProperty *prop, void *opaque),
                             void *opaque);
void object_class_property_foreach(const ObjectClass *klass,
                                   void (*fn)(ObjectProperty *prop, void *opaque), void *opaque);

/* get: new reference; set: value stays the caller's. */
json_object *object_property_get(Object *obj, const char *name, Error **errp);
bool object_property_set(Object *obj, const char *name, json_object *value, Error **errp);
/* Sets from text as a user types it, converted by the property's type. */
bool object_property_parse(Object *obj, const char *name, const char *text, Error **errp);
bool object_property_set_bool(Object *obj, const char *name, bool value, Error **errp);
bool object_property_set_int(Object *obj, const char *name, int64_t value, Error **errp);
bool object_property_set_uint(Object *obj, const char *name, uint64_t value, Error **errp);
bool object_property_set_str(Object *obj, const char *name, const char *value, Error **errp);
bool object_property_set_link(Object *obj, const char *name, Object *value, Error **errp);
char *object_property_get_str(Object *obj, const char *name, Error **errp);
uint64_t object_property_get_uint(Object *obj, const char *name, Error **errp);
bool object_property_get_bool(Object *obj, const char *name, Error **errp);

/* The composition tree. A child holds one reference; "name[*]" takes the next
 * free index. */
ObjectProperty *object_property_add_child(Object *obj, const char *name, Object *child);
/* A property that refers to *slot, an object of the type (NULL while unset). */
ObjectProperty *object_property_add_link(Object *obj, const char *name, const char *type,
                                         Object **slot);
void object_unparent(void *obj);
/* "/machine/unattached/device[3]"; caller frees. NULL if not in a tree. */
char *object_get_canonical_path(const void *obj);
/* Absolute path, or a partial one that must be unique (*ambiguous is set if
 * it is not; may be NULL). The root is where an absolute path starts. */
Object *object_resolve_path_from(Object *root, const char *path, bool *ambiguous);
Object *object_resolve_path(const char *path, bool *ambiguous);
Object *object_get_root(void);
/* The container at path below root, made if missing. */
Object *object_container_get(Object *root, const char *path);
/* Calls fn for each child, until it returns non-zero, which is returned. */
int object_child_foreach(void *obj, int (*fn)(Object *child, void *opaque), void *opaque);
int object_child_foreach_recursive(void *obj, int (*fn)(Object *child, void *opaque),
                                   void *opaque);

/* Objects that users create with -object and object-add. */
#define TYPE_USER_CREATABLE "user-creatable"
OBJECT_DECLARE(UserCreatable, UserCreatableClass, USER_CREATABLE, TYPE_USER_CREATABLE)
struct UserCreatableClass {
    InterfaceClass parent;
    /* The properties are set. NULL: nothing to do. */
    bool (*complete)(Object *obj, Error **errp);
    /* True while something needs it. NULL: never. */
    bool (*in_use)(Object *obj);
};

#endif
