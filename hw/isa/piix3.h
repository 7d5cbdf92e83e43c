/*
 * Intel 82371SB (PIIX3), function 0: PCI-to-ISA bridge of the pc machine.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_ISA_PIIX3_H
#define HW_ISA_PIIX3_H

#include "hw/isa/isa.h"
#include "hw/pci/pci.h"

#define TYPE_PIIX3 "PIIX3"

/* Creates the bridge with its bus "isa.0" and makes it the router of the PCI bus's
 * interrupt pins. More functions may follow in its slot. NULL with errp set on failure. */
PCIDevice *piix3_create(PCIBus *bus, int devfn, Error **errp);
/* Its bus; the board fills in irqs[]. */
ISABus *piix3_isa_bus(PCIDevice *dev);

#endif
