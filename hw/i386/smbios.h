/*
 * SMBIOS tables (DMTF DSP0134, version 2.8) for the firmware.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_I386_SMBIOS_H
#define HW_I386_SMBIOS_H

#include "hw/core/machine.h"
#include "hw/nvram/fw_cfg.h"

/* Adds "etc/smbios/smbios-tables" and "etc/smbios/smbios-anchor". */
bool smbios_build(MachineState *machine, FWCfgState *fw_cfg, Error **errp);

#endif
