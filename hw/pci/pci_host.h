/*
 * PCI host bridges of PCs: configuration mechanism #1 (PCI Local Bus
 * Specification 3.0, 3.2.2.3.2), the ports CONFIG_ADDRESS and CONFIG_DATA.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_PCI_PCI_HOST_H
#define HW_PCI_PCI_HOST_H

#include "hw/pci/pci.h"

#define TYPE_PCI_HOST_BRIDGE "pci-host-bridge"
OBJECT_DECLARE_SIMPLE(PCIHostState, PCI_HOST_BRIDGE, TYPE_PCI_HOST_BRIDGE)

struct PCIHostState {
    DeviceState parent_obj;
    MemoryRegion conf_mem, data_mem;
    uint32_t config_reg; /* CONFIG_ADDRESS */
    PCIBus *bus;
};

/* Maps the two ports into the I/O space; bus is set. From realize(). */
void pci_host_map_ports(PCIHostState *host, MemoryRegion *io);
/* The reset function and the state description of such a bridge. */
void pci_host_reset(DeviceState *dev);
extern const VMStateDescription vmstate_pci_host;

#endif
