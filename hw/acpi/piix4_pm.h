/*
 * Intel 82371AB (PIIX4), function 3: power management of the pc machine.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_ACPI_PIIX4_PM_H
#define HW_ACPI_PIIX4_PM_H

#include "hw/pci/pci.h"

#define TYPE_PIIX4_PM "PIIX4_PM"

enum {
    PIIX4_GPE0_BASE = 0xafe0,  /* fixed, unlike on a real PIIX4 */
    PIIX4_SMBUS_BASE = 0xb100, /* until software moves it */
};

/* Creates the device. sci and smi (may be NULL) are driven by it; with smm_enabled false no SMI is
 * ever raised. NULL with errp set on failure. */
DeviceState *piix4_pm_create(PCIBus *bus, int devfn, IRQLine *sci, IRQLine *smi,
                             bool smm_enabled, Error **errp);
/* Someone presses the power button. */
void piix4_pm_power_button(DeviceState *dev);

#endif
