/*
 * ACPI tables of the PC.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_I386_ACPI_BUILD_H
#define HW_I386_ACPI_BUILD_H

#include "hw/core/machine.h"
#include "hw/nvram/fw_cfg.h"

/* What the tables say of the board. */
typedef struct AcpiBoard {
    uint32_t pci_hole_start;    /* first address of the 32-bit PCI window */
    uint64_t pci_hole64_start, pci_hole64_end; /* equal: none */
    uint16_t pm_base;           /* PM1a event block */
    uint8_t sci_irq;
    uint16_t gpe0_base;
    uint8_t ioapic_id;
    bool serial[2], parallel, floppy, hpet;
} AcpiBoard;

/*
 * Adds "etc/acpi/rsdp", "etc/acpi/tables" and the script "etc/table-loader" that
 * makes the firmware place and link them.
 */
bool acpi_build(MachineState *machine, FWCfgState *fw_cfg, const AcpiBoard *board, Error **errp);

#endif
