/*
 * The IDE function of the PIIX3 and PIIX4. Its outputs (default GPIO group) 0
 * and 1 are the channels' interrupts, wired to IRQ 14 and 15 of the chip's ISA
 * bus if the machine has one.
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

#endif
