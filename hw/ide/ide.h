/*
 * IDE channels for controllers and boards. ATA/ATAPI-6 (T13/1410D).
 *
 * A channel is a bus ("ide.0") with room for two drives. The controller maps
 * its registers, receives its interrupt line, and offers the DMA engine.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_IDE_IDE_H
#define HW_IDE_IDE_H

#include "block/block.h"
#include "hw/core/qdev.h"
#include "hw/pci/pci.h"

#define TYPE_IDE_BUS "IDE"
#define TYPE_IDE_DEVICE "ide-device"
OBJECT_DECLARE_SIMPLE(IDEBus, IDE_BUS, TYPE_IDE_BUS)
OBJECT_DECLARE_SIMPLE(IDEDevice, IDE_DEVICE, TYPE_IDE_DEVICE)

/* What a controller's DMA engine does for the drive that asked for DMA. */
typedef struct IDEDMAOps {
    /* The drive is ready to move data: the engine, when started, calls ide_dma_run(). */
    void (*request)(void *opaque, IDEDevice *drive);
    /* Moves bytes between buf and guest memory; returns how many, fewer than len only if the
     * guest's list of buffers ended. */
    uint32_t (*transfer)(void *opaque, void *buf, uint32_t len, bool to_memory);
    /* The drive is done with this command, or gave up (error). */
    void (*finished)(void *opaque, bool error);
} IDEDMAOps;

struct IDEBus {
    BusState parent_obj;
    IDEDevice *drives[2];
    unsigned index;          /* of the channel in its controller */
    uint8_t selected;        /* DEV bit of the device register */
    uint8_t control;         /* device control register */
    IRQLine *irq;            /* INTRQ */
    const IDEDMAOps *dma;    /* NULL: PIO only */
    void *dma_opaque;
};

/* Names it "ide.INDEX". irq, dma and dma_opaque are the controller's to set. */
void ide_bus_init(IDEBus *bus, size_t size, DeviceState *controller, unsigned index);
/* The command block (8 ports, data at 0) and the control block (alternate status; device
 * control), opaque is the IDEBus. */
extern const MemoryRegionOps ide_command_ops, ide_control_ops;
/* Hardware reset of the channel. */
void ide_bus_reset(IDEBus *bus);
/* The drive that waits for the DMA engine, or NULL. */
IDEDevice *ide_dma_pending(const IDEBus *bus);
/* The DMA engine was started: the drive moves data now, or as soon as it has some. */
void ide_dma_run(IDEDevice *drive);
/* The guest stopped the engine: waits for what is under way. */
void ide_dma_stop(IDEDevice *drive);

extern const VMStateDescription vmstate_ide_bus;

/* --- boards --------------------------------------------------------------- */

/* Creates the drives of -drive if=ide (-hda, -cdrom ...) on the two channels of a "piix3-ide";
 * with defaults also an empty CD drive as the third, if nothing is there. */
bool ide_drives_attach(PCIDevice *piix_ide, BlockRegistry *drives, bool defaults, Error **errp);

/* For the CMOS: the geometry of a hard disk, false if there is none at index 0 to 3. */
typedef struct IDEGeometry {
    uint32_t cyls, heads, secs;
    uint8_t translation; /* CMOS code: 0 none, 1 LBA, 2 large */
} IDEGeometry;
bool ide_get_geometry(PCIDevice *piix_ide, unsigned index, IDEGeometry *out);
/* Property bootindex of the disk or CD at index; -1 without one, or without a drive. */
int ide_get_bootindex(PCIDevice *piix_ide, unsigned index);

#endif
