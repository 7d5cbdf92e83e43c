/*
 * What type.c and object.c share; private to qom/.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOM_TYPE_H
#define QOM_TYPE_H

#include "qom/object.h"

struct TypeImpl {
    const TypeInfo *info;
    ObjectClass *klass; /* NULL until first used */
};

TypeImpl *type_find(const char *name);          /* NULL if unknown */
TypeImpl *type_parent(const TypeImpl *type);
ObjectClass *type_get_class(TypeImpl *type);    /* made on first use */
size_t type_instance_size(const TypeImpl *type);
bool type_is_a(const TypeImpl *type, const TypeImpl *target);

#endif
