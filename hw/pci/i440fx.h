/*
 * Intel 82441FX (440FX) host bridge: PCI and memory controller of the pc machine.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_PCI_I440FX_H
#define HW_PCI_I440FX_H

#include "hw/core/machine.h"
#include "hw/pci/pci.h"

#define TYPE_I440FX_PCI_HOST "i440FX-pcihost"
#define TYPE_I440FX "i440FX"

/*
 * Creates the bridge with its bus "pci.0" (device 00.0 is on it). pci_memory is what is not RAM:
 * BARs and ROMs map into it. The bridge lays it below everything (priority -1), and over a0000h-fffffh
 * windows that SMRAM and PAM registers switch (priorities 1 and 2). The board maps machine->ram at
 * priority 0. NULL with errp set on failure.
 */
PCIBus *i440fx_create(MachineState *machine, MemoryRegion *pci_memory, Error **errp);
/* What a CPU in SMM sees above its normal memory: a region of 4 GiB to lay over it (priority 1),
 * with SMRAM in it while that is enabled. */
MemoryRegion *i440fx_smram(PCIBus *bus);

#endif
