/*
 * The SMBus host controller of the PIIX4 (82371AB data sheet, 11.3).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_ACPI_PM_SMBUS_H
#define HW_ACPI_PM_SMBUS_H

#include "hw/core/qdev.h"
#include "memory/memory.h"

enum { PM_SMBUS_SIZE = 64 };

typedef struct PMSMBus {
    MemoryRegion io; /* "pm-smbus" */
    uint8_t sts, cnt, cmd, add, dat0, dat1;
    uint8_t block[32];
    uint8_t block_index;
} PMSMBus;

/* Makes the region, owned by dev. From realize(). */
void pm_smbus_init(PMSMBus *s, DeviceState *dev);
void pm_smbus_reset(PMSMBus *s);

extern const VMStateDescription vmstate_pm_smbus;
#define VMSTATE_PM_SMBUS(f, T) VMSTATE_STRUCT(f, T, vmstate_pm_smbus, PMSMBus)

#endif
