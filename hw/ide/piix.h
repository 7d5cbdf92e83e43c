/*
 * The IDE function of the PIIX3 and PIIX4, for boards. Its outputs (default
 * GPIO group) 0 and 1 are the channels' interrupts, IRQ 14 and 15 of a PC.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_IDE_PIIX_H
#define HW_IDE_PIIX_H

#include "hw/ide/bmdma.h"

#define TYPE_PIIX3_IDE "piix3-ide"
#define TYPE_PIIX4_IDE "piix4-ide"
#define TYPE_PIIX_IDE "piix-ide-base"
OBJECT_DECLARE_SIMPLE(PIIXIDEState, PIIX_IDE, TYPE_PIIX_IDE)

struct PIIXIDEState {
    PCIDevice parent_obj;
    struct PIIXIDEChannel {
        IDEBus bus;
        BMDMA bmdma;
        MemoryRegion command, control;
        IRQLine *intr;   /* from the drives */
    } channels[2];
    IRQLine *irq[2];     /* to the interrupt controller */
    MemoryRegion bmiba;  /* BAR 4 */
};

/* Creates the drives of -drive if=ide (-hda, -cdrom ...). */
bool piix_ide_attach_drives(PCIDevice *piix_ide, Error **errp);
/* For the CMOS: false if there is no hard disk at this place (0 to 3). */
bool piix_ide_get_geometry(PCIDevice *piix_ide, unsigned index, IDEGeometry *out);

#endif
