/*
 * What the files of the PCI core share.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_PCI_INTERNAL_H
#define HW_PCI_INTERNAL_H

#include "hw/pci/pci.h"

/* A pin of dev begins or ends to assert the line it is routed to. count: only keeps the books;
 * change: tells the owner of the bus too. */
void pci_bus_count_pin(PCIDevice *dev, int pin, bool level);
void pci_bus_change_pin(PCIDevice *dev, int pin, bool level);

/* Registers the expansion ROM if the type or the user names one. */
bool pci_load_rom(PCIDevice *dev, Error **errp);

/* msi.c, msix.c: one message; what a reset and a write to configuration space mean to them. */
void msi_send(PCIDevice *dev, uint64_t addr, uint32_t data);
void msi_reset(PCIDevice *dev);
void msix_reset(PCIDevice *dev);
void msi_config_written(PCIDevice *dev, unsigned addr, unsigned len);
void msix_config_written(PCIDevice *dev, unsigned addr, unsigned len);

#endif
