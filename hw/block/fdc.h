/*
 * The floppy disk controller of PCs, for boards: an Intel 82078 on the ISA
 * bus ("isa-fdc") with the drives A and B.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_BLOCK_FDC_H
#define HW_BLOCK_FDC_H

#include "block/block.h"
#include "hw/isa/isa.h"

#define TYPE_ISA_FDC "isa-fdc"

/* Creates the controller with the drives of -drive if=floppy (-fda, -fdb); unless the
 * machine is without default devices, an empty drive A if nothing is there. */
DeviceState *fdc_create(ISABus *bus, BlockRegistry *drives, Error **errp);
/* The CMOS code of a drive's type: 0 absent, 1 360K, 2 1.2M, 3 720K, 4 1.44M, 5 2.88M. */
uint8_t fdc_cmos_type(DeviceState *fdc, unsigned drive);

#endif
