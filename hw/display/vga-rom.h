/*
 * VGA BIOSes of adapters that have no expansion ROM of their own: the firmware
 * finds them in fw_cfg, as files "vgaroms/NAME".
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_DISPLAY_VGA_ROM_H
#define HW_DISPLAY_VGA_ROM_H

#include "hw/core/machine.h"

/* False with errp set if there is no such file, no fw_cfg, or one of the name already. */
bool vga_rom_add(MachineState *machine, const char *name, Error **errp);

#endif
