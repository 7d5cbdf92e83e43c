/*
 * Bus-master IDE engine of one channel. "Programming Interface for Bus Master
 * IDE Controller" 1.0, and PIIX3 data sheet 2.7.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_IDE_BMDMA_H
#define HW_IDE_BMDMA_H

#include "hw/ide/ide.h"
#include "hw/pci/pci.h"

typedef struct BMDMA {
    IDEBus *bus;
    PCIDevice *pci;
    uint8_t command;     /* BMICX */
    uint8_t status;      /* BMISX */
    uint32_t table;      /* BMIDTPX: physical region descriptors */
    uint32_t next;       /* address of the next descriptor */
    uint32_t region;     /* what is left of the present one: address */
    uint32_t region_len; /* and bytes */
    bool last;           /* it is the last one */
    bool intr;           /* level of the drive's interrupt line */
} BMDMA;

enum { BMDMA_PORTS = 8 };
extern const VMStateDescription vmstate_bmdma;

void bmdma_init(BMDMA *bm, PCIDevice *pci, IDEBus *bus);
void bmdma_reset(BMDMA *bm);
/* The drive's interrupt line passes here on its way out. */
void bmdma_set_intr(BMDMA *bm, bool level);
uint8_t bmdma_read(BMDMA *bm, unsigned reg);
void bmdma_write(BMDMA *bm, unsigned reg, uint8_t val);

#endif
