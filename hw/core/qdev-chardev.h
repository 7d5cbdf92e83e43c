/*
 * A device's chardev= property: the id of a -chardev, looked up and taken when
 * the device is realized.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_QDEV_CHARDEV_H
#define HW_CORE_QDEV_CHARDEV_H

#include "chardev/char.h"
#include "hw/core/qdev.h"

typedef struct ChardevProperty {
    char *id;        /* as the user wrote it; NULL: not given */
    CharFrontend fe; /* connected between qdev_chardev_take() and _release() */
} ChardevProperty;

extern const PropertyInfo prop_info_chardev;
#define PROP_CHARDEV(nm, T, f) PROP_(nm, T, f, prop_info_chardev, .def.u = 0)

/* Finds the chardev and connects to it. Without chardev= what is written vanishes. */
bool qdev_chardev_take(DeviceState *dev, ChardevProperty *chardev, Error **errp);
void qdev_chardev_release(ChardevProperty *chardev);

#endif
