/*
 * What the files of the PCI core share.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_PCI_INTERNAL_H
#define HW_PCI_INTERNAL_H

#include "hw/pci/pci.h"

/* A pin of dev begins or ends to assert the line it is routed to. count: only keeps the books, and
 * returns the line, or -1 if nobody routes; change: tells the owner of the bus. */
int pci_bus_count_pin(PCIDevice *dev, int pin, int change);
void pci_bus_change_pin(PCIDevice *dev, int pin, bool level);

/* Registers the expansion ROM if the type or the user names one. */
bool pci_load_rom(PCIDevice *dev, Error **errp);

#endif
