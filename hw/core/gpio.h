/*
 * Named groups of lines; private to hw/core and the monitor's `info qtree`.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_GPIO_H
#define HW_CORE_GPIO_H

#include "hw/core/qdev.h"

typedef struct LineGroup {
    char *name;      /* NULL: the default group */
    bool input;
    int count;
    IRQLine **lines; /* input: owned; output: the device's own pins */
} LineGroup;

void qdev_free_gpios(DeviceState *dev);

#endif
