/*
 * A device's drive= property: the id of a -drive or the node-name of a
 * -blockdev, looked up and taken when the device is realized.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_QDEV_DRIVE_H
#define HW_CORE_QDEV_DRIVE_H

#include "block/block.h"
#include "hw/core/qdev.h"

typedef struct DriveProperty {
    char *id;          /* as the user wrote it; NULL: not given */
    BlockBackend *blk; /* between qdev_drive_take() and _release() */
} DriveProperty;

extern const PropertyInfo prop_info_drive;
#define PROP_DRIVE(nm, T, f) PROP_(nm, T, f, prop_info_drive, .def.u = 0)

/* Finds the backend and attaches the device to it. Without drive= an empty
 * one is made, for devices whose medium can be inserted later. */
bool qdev_drive_take(DeviceState *dev, DriveProperty *drive, const BlockDevOps *ops, Error **errp);
/* Tells monitors that the drive's tray was opened or closed. */
void qdev_drive_tray_moved(DeviceState *dev, BlockBackend *blk, bool open);
/* Drains and gives it back; nothing to do if it was not taken. */
void qdev_drive_release(DeviceState *dev, DriveProperty *drive);

#endif
