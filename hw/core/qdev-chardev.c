/*
 * chardev= properties: see qdev-chardev.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/qdev-chardev.h"
#include "hw/core/machine.h"
#include "hw/core/properties.h"

static json_object *chardev_get(Object *obj, const Property *prop, void *field, Error **errp)
{
    ChardevProperty *chardev = field;
    return json_object_new_string(chardev->id ? chardev->id : "");
}

static bool chardev_set(Object *obj, const Property *prop, void *field, json_object *value,
                        Error **errp)
{
    ChardevProperty *chardev = field;

    if (!json_object_is_type(value, json_type_string)) {
        return prop_wrong_type(obj, prop, "string", errp);
    }
    g_free(chardev->id);
    chardev->id = g_strdup(json_object_get_string(value));
    return true;
}

static void chardev_release(Object *obj, const Property *prop, void *field)
{
    ChardevProperty *chardev = field;
    g_clear_pointer(&chardev->id, g_free);
}

const PropertyInfo prop_info_chardev = {
    .type = "str", .get = chardev_get, .set = chardev_set, .release = chardev_release,
};

bool qdev_chardev_take(DeviceState *dev, ChardevProperty *chardev, Error **errp)
{
    ChardevRegistry *reg = dev->machine->chardevs;
    Chardev *chr = chardev->id && reg ? chardev_find(reg, chardev->id) : NULL;

    if (chardev->id && !chr) {
        error_setg(errp, "Property '%s.chardev' can't find value '%s'; define it with -chardev "
                   "BACKEND,id=%s", object_get_typename(dev), chardev->id, chardev->id);
        return false;
    }
    chardev->fe.guest = true;
    if (!chr_fe_init(&chardev->fe, chr, errp)) {
        error_prepend(errp, "-device %s: ", object_get_typename(dev));
        return false;
    }
    return true;
}

void qdev_chardev_release(ChardevProperty *chardev)
{
    chr_fe_deinit(&chardev->fe);
}
