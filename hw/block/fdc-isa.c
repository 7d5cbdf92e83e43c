/*
 * The floppy disk controller on the ISA bus: ports 3F1h-3F5h and 3F7h (3F6h
 * is the first IDE channel's), IRQ 6, DMA channel 2.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/block/fdc.h"
#include "hw/block/fdc-int.h"
#include "hw/core/machine.h"

OBJECT_DECLARE_SIMPLE(ISAFDCState, ISA_FDC, TYPE_ISA_FDC)

struct ISAFDCState {
    ISADevice parent_obj;
    FDCState fdc;
    FloppyBus bus;
    MemoryRegion low, dir;
    uint32_t iobase, irq, dma;
};

enum { LOW_PORT = FD_SRB, LOW_PORTS = FD_FIFO - FD_SRB + 1 };

static uint64_t low_read(void *opaque, hwaddr addr, unsigned size)
{
    return fdc_read(opaque, LOW_PORT + addr);
}

static void low_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    fdc_write(opaque, LOW_PORT + addr, val);
}

static const MemoryRegionOps low_ops = {
    .read = low_read, .write = low_write, .valid = { 1, 4, true }, .impl = { 1, 1 },
};

static uint64_t dir_read(void *opaque, hwaddr addr, unsigned size)
{
    return fdc_read(opaque, FD_DIR_CCR);
}

static void dir_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    fdc_write(opaque, FD_DIR_CCR, val);
}

static const MemoryRegionOps dir_ops = {
    .read = dir_read, .write = dir_write, .valid = { 1, 4, true }, .impl = { 1, 1 },
};

static bool isa_fdc_realize(DeviceState *dev, Error **errp)
{
    ISAFDCState *s = ISA_FDC(dev);
    ISABus *isa = isa_bus_of(dev);

    if (s->irq >= ISA_NUM_IRQS || s->dma > 3 || s->iobase > 0xfff8) {
        error_setg(errp, "%s: iobase=0x%x,irq=%u,dma=%u is out of range; irq takes 0 to 15, dma 0 "
                   "to 3, iobase up to 0xfff8", object_get_typename(dev), s->iobase, s->irq,
                   s->dma);
        return false;
    }
    s->fdc.bus = &s->bus;
    s->fdc.irq = isa_get_irq(dev, s->irq);
    s->fdc.dma = isa->dma_ops[0];
    s->fdc.dma_opaque = isa->dma_opaque[0];
    s->fdc.dma_channel = s->dma;
    if (s->fdc.dma) {
        s->fdc.dma->register_channel(s->fdc.dma_opaque, s->dma, fdc_dma_transfer, &s->fdc);
    }
    memory_region_init_io(&s->low, dev, &low_ops, &s->fdc, "fdc", LOW_PORTS);
    memory_region_init_io(&s->dir, dev, &dir_ops, &s->fdc, "fdc-dir", 1);
    isa_register_ioport(dev, &s->low, s->iobase + LOW_PORT);
    isa_register_ioport(dev, &s->dir, s->iobase + FD_DIR_CCR);
    return true;
}

static void isa_fdc_init(Object *obj)
{
    ISAFDCState *s = (ISAFDCState *)obj;

    bus_init(&s->bus, sizeof(s->bus), TYPE_FLOPPY_BUS, DEVICE(obj), "floppy-bus.0");
    s->bus.parent_obj.max_dev = FDC_DRIVES;
}

static void isa_fdc_reset(DeviceState *dev)
{
    fdc_hard_reset(&ISA_FDC(dev)->fdc);
}

static const VMStateField isa_fdc_fields[] = {
    VMSTATE_STRUCT(fdc, ISAFDCState, vmstate_fdc, FDCState),
    VMSTATE_END
};

static const VMStateDescription vmstate_isa_fdc = {
    .name = "isa-fdc", .version = 1, .fields = isa_fdc_fields,
};

static const Property isa_fdc_props[] = {
    PROP_UINT32("iobase", ISAFDCState, iobase, 0x3f0),
    PROP_UINT32("irq", ISAFDCState, irq, 6),
    PROP_UINT32("dma", ISAFDCState, dma, 2),
    PROP_END
};

static const DeviceInfo isa_fdc_info = {
    .name = TYPE_ISA_FDC, .parent = TYPE_ISA_DEVICE, .instance_size = sizeof(ISAFDCState),
    .desc = "virtual floppy controller", .instance_init = isa_fdc_init,
    .realize = isa_fdc_realize, .reset = isa_fdc_reset, .vmsd = &vmstate_isa_fdc,
    .props = isa_fdc_props,
};
DEVICE_TYPE(isa_fdc_info)

/* --- boards --------------------------------------------------------------- */

static bool add_floppy(ISAFDCState *s, unsigned unit, const char *drive_id, Error **errp)
{
    DeviceState *dev = qdev_new(TYPE_FLOPPY);

    if (!object_property_set_uint(OBJECT(dev), "unit", unit, errp)
        || !object_property_set_str(OBJECT(dev), "drive", drive_id, errp)) {
        object_unref(dev);
        return false;
    }
    return qdev_realize_and_unref(dev, BUS(&s->bus), DEVICE(s)->machine, errp);
}

static bool add_default_floppy(BlockRegistry *drives, Error **errp)
{
    g_autoptr(OptDict) opts = optdict_parse("-drive", "if=floppy,index=0", NULL, errp);
    return block_drive_add(drives, opts, errp);
}

DeviceState *fdc_create(ISABus *bus, BlockRegistry *drives, Error **errp)
{
    DeviceState *dev = isa_create(bus, TYPE_ISA_FDC, errp);

    if (!dev) {
        return NULL;
    }
    if (dev->machine->defaults && !block_drive_get(drives, DRIVE_IF_FLOPPY, 0, 0)
        && !add_default_floppy(drives, errp)) {
        return NULL;
    }
    for (unsigned unit = 0; unit < FDC_DRIVES; unit++) {
        const DriveInfo *info = block_drive_get(drives, DRIVE_IF_FLOPPY, 0, unit);
        if (info && !add_floppy(ISA_FDC(dev), unit, info->id, errp)) {
            return NULL;
        }
    }
    return dev;
}

uint8_t fdc_cmos_type(DeviceState *fdc, unsigned drive)
{
    static const uint8_t codes[FLOPPY_TYPES] = {
        [FLOPPY_360] = 1, [FLOPPY_120] = 2, [FLOPPY_720] = 3, [FLOPPY_144] = 4, [FLOPPY_288] = 5,
    };
    const FloppyDrive *d = fdc_drive(&ISA_FDC(fdc)->fdc, drive);

    return d ? codes[d->type] : 0;
}
