/*
 * How static properties (Property arrays) become object properties.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_PROPERTIES_H
#define HW_CORE_PROPERTIES_H

#include "hw/core/qdev.h"

/* Adds every property of the array to the class. */
void device_class_add_props(DeviceClass *dc, const Property *props);
/* Puts the default of every property of the object's classes into its field. */
void device_set_prop_defaults(DeviceState *dev);

/* For new kinds of property: the error for a value of the wrong JSON type. */
bool prop_wrong_type(Object *obj, const Property *prop, const char *expected, Error **errp);

#endif
