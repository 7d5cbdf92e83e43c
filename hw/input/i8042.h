/*
 * What other devices may ask of the keyboard controller.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_INPUT_I8042_H
#define HW_INPUT_I8042_H

#include "hw/core/qdev.h"

#define TYPE_I8042 "i8042"

/* The mouse reports without having moved, if the guest lets it report at all: a driver that
 * takes positions elsewhere looks there when its mouse reports. */
void i8042_nudge_mouse(DeviceState *i8042);

#endif
