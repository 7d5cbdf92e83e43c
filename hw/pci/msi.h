/*
 * Message-signalled interrupts: MSI and MSI-X (PCI Local Bus Specification
 * 3.0, 6.8). A vector is a write of the device to an address that the operating
 * system chose; it is DMA, so it needs bus mastering.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_PCI_MSI_H
#define HW_PCI_MSI_H

#include "hw/pci/pci.h"

/* --- MSI ----------------------------------------------------------------- */

/* Adds the capability at offset (0: finds room) with 1, 2, 4, 8, 16 or 32 vectors. Its state is
 * part of the configuration space. From realize(). */
bool msi_init(PCIDevice *dev, uint8_t offset, unsigned vectors, bool is_64bit,
              bool per_vector_mask, Error **errp);
bool msi_enabled(const PCIDevice *dev);
/* Sends a vector, or notes it as pending if it is masked. The operating system may have
 * allowed fewer vectors: the number wraps. */
void msi_notify(PCIDevice *dev, unsigned vector);

/* --- MSI-X ---------------------------------------------------------------- */

enum { MSIX_MAX_VECTORS = 256 };

/* A device embeds it, and describes it with VMSTATE_MSIX after VMSTATE_PCI_DEVICE. */
typedef struct MSIXState {
    PCIDevice *dev;
    MemoryRegion bar, table_mem, pba_mem;
    unsigned vectors;
    uint32_t table[MSIX_MAX_VECTORS * 4]; /* address low and high, data, vector control */
    uint32_t pba[MSIX_MAX_VECTORS / 32];
} MSIXState;

/* Adds the capability, its table and pending bits in BAR bar_nr, which is theirs alone. From
 * realize(). */
bool msix_init(PCIDevice *dev, MSIXState *m, unsigned vectors, int bar_nr, Error **errp);
/* The same inside the region of a BAR that the device registers itself. */
bool msix_init_at(PCIDevice *dev, MSIXState *m, unsigned vectors, int bar_nr,
                  MemoryRegion *region, uint32_t table_offset, uint32_t pba_offset,
                  Error **errp);
void msix_deinit(MSIXState *m);
bool msix_enabled(const PCIDevice *dev);
void msix_notify(MSIXState *m, unsigned vector);

extern const VMStateDescription vmstate_msix;
#define VMSTATE_MSIX(f, T) VMSTATE_STRUCT(f, T, vmstate_msix, MSIXState)

#endif
