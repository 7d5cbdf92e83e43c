/*
 * The ISA bus: 16 interrupt lines, 8 DMA channels, port space.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_ISA_ISA_H
#define HW_ISA_ISA_H

#include "hw/core/qdev.h"
#include "memory/memory.h"

#define TYPE_ISA_BUS "ISA"
#define TYPE_ISA_DEVICE "isa-device"
OBJECT_DECLARE_SIMPLE(ISABus, ISA_BUS, TYPE_ISA_BUS)
OBJECT_DECLARE_SIMPLE(ISADevice, ISA_DEVICE, TYPE_ISA_DEVICE)

enum { ISA_NUM_IRQS = 16, ISA_NUM_DMA = 8 };

/* What a DMA controller offers to devices on the bus (hw/dma/i8257). */
typedef struct IsaDmaOps {
    /* The device asks for (or gives up) service on a channel: DREQ. */
    void (*set_dreq)(void *opaque, int channel, int level);
    /* The function that moves data while the channel is served: returns how many of
     * size bytes, starting at position pos of the block, have been moved so far. */
    void (*register_channel)(void *opaque, int channel,
                             int (*transfer)(void *dev, int channel, int pos, int size),
                             void *dev);
    int (*read_memory)(void *opaque, int channel, void *buf, int pos, int len);
    int (*write_memory)(void *opaque, int channel, const void *buf, int pos, int len);
    bool (*has_autoinit)(void *opaque, int channel);
} IsaDmaOps;

struct ISABus {
    BusState parent_obj;
    MemoryRegion *memory;     /* memory space, usually the PCI or system memory */
    MemoryRegion *io;         /* port space */
    IRQLine *irqs[ISA_NUM_IRQS]; /* inputs of the interrupt controllers */
    const IsaDmaOps *dma_ops[2]; /* channels 0-3, 4-7 */
    void *dma_opaque[2];
};

struct ISADevice {
    DeviceState parent_obj;
};

ISABus *isa_bus_new(DeviceState *parent, MemoryRegion *memory, MemoryRegion *io);
static inline ISABus *isa_bus_of(void *dev)
{
    return ISA_BUS(DEVICE(dev)->parent_bus);
}
/* The line for IRQ n of the bus that dev sits on; NULL (not connected) if n is not 0-15. */
IRQLine *isa_get_irq(void *dev, unsigned n);
/* Maps a region at port start. */
void isa_register_ioport(void *dev, MemoryRegion *io, uint16_t start);
/* Creates, plugs and realizes a device of the board; a failure is returned. */
DeviceState *isa_create(ISABus *bus, const char *type, Error **errp);
bool isa_realize(DeviceState *dev, ISABus *bus, Error **errp);

#endif
