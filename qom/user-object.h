/*
 * Objects from a user: -object and object-add. They stand below /objects.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOM_USER_OBJECT_H
#define QOM_USER_OBJECT_H

#include "qom/object.h"
#include "util/option.h"

/* Makes the object of qom-type= with the name id= and the other options as its properties. False
 * with errp set and nothing left behind. */
bool user_object_add(OptDict *opts, Error **errp);
/* Removes one that nothing uses. */
bool user_object_del(const char *id, Error **errp);
/* The object of this name if it is of the type, else NULL. */
Object *user_object_find(const char *id, const char *type);

#endif
