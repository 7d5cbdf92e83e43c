/*
 * The register window of the PCI adapters with a Bochs display interface
 * ("Standard VGA" specification of QEMU, MMIO bar).
 *
 *     0x000  EDID
 *     0x400  VGA ports 0x3c0 to 0x3df
 *     0x500  Bochs display registers, 16 bits each
 *     0x600  size of this block; byte order of the frame buffer
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_DISPLAY_VGA_MMIO_H
#define HW_DISPLAY_VGA_MMIO_H

#include "hw/display/edid.h"
#include "hw/display/vga.h"

typedef struct VGAMmio {
    VGAState *vga;
    MemoryRegion root;      /* the bar */
    MemoryRegion edid_region, ports, vbe, ext;
    uint8_t edid[EDID_SIZE];
    bool has_edid, has_ports, has_ext;
} VGAMmio;

/* has_edid, has_ports and has_ext say which parts there are. False with errp set, and nothing left
 * behind, if the EDID cannot be as the settings say. */
bool vga_mmio_init(VGAMmio *m, DeviceState *owner, VGAState *vga, const EDIDSettings *settings,
                   Error **errp);
void vga_mmio_deinit(VGAMmio *m);

#endif
