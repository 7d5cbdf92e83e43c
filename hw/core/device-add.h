/*
 * Devices from a user: -device and device_add.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_DEVICE_ADD_H
#define HW_CORE_DEVICE_ADD_H

#include "hw/core/machine.h"
#include "util/option.h"

/*
 * Makes, configures and realizes the device that opts describe: driver=TYPE, bus=, id= and its
 * properties. With hotplug the device and its bus must allow that. False with errp set and
 * nothing left behind.
 */
bool device_add(MachineState *machine, OptDict *opts, bool hotplug, Error **errp);

/* Unplugs a device that allows it, and tells monitors. False with errp set. */
bool device_del(DeviceState *dev, Error **errp);

#endif
