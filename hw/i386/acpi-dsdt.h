/*
 * The DSDT of the PC: its devices in AML.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_I386_ACPI_DSDT_H
#define HW_I386_ACPI_DSDT_H

#include "hw/acpi/aml.h"
#include "hw/i386/acpi-build.h"

/* Appends the definition block behind the table header. */
void acpi_dsdt_body(Aml *aml, MachineState *machine, const AcpiBoard *board);

#endif
