/*
 * "isa-debugcon": a port that prints what is written to it, for firmware.
 * Reading gives the value of readback (0xe9), by which a guest finds it.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/qdev-chardev.h"
#include "hw/isa/isa.h"
#include "util/trace.h"

TRACE_EVENT(debugcon_write, "0x%02x");

#define TYPE_ISA_DEBUGCON "isa-debugcon"
OBJECT_DECLARE_SIMPLE(DebugconState, DEBUGCON, TYPE_ISA_DEBUGCON)

struct DebugconState {
    ISADevice parent_obj;
    MemoryRegion io;
    uint32_t iobase, readback;
    ChardevProperty chardev;
};

static uint64_t debugcon_io_read(void *opaque, hwaddr addr, unsigned size)
{
    return ((DebugconState *)opaque)->readback;
}

static void debugcon_io_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    DebugconState *s = opaque;
    uint8_t c = val;

    trace(debugcon_write, c);
    chr_fe_write(&s->chardev.fe, &c, 1);
}

static const MemoryRegionOps debugcon_io_ops = {
    .read = debugcon_io_read,
    .write = debugcon_io_write,
    .valid = { .min_size = 1, .max_size = 1 },
    .impl = { .min_size = 1, .max_size = 1 },
};

static bool debugcon_realize(DeviceState *dev, Error **errp)
{
    DebugconState *s = DEBUGCON(dev);

    if (s->iobase > 0xffff) {
        error_setg(errp, "isa-debugcon: iobase=0x%x is out of range; ports reach 0xffff",
                   s->iobase);
        return false;
    }
    if (!qdev_chardev_take(dev, &s->chardev, errp)) {
        return false;
    }
    memory_region_init_io(&s->io, s, &debugcon_io_ops, s, "isa-debugcon", 1);
    isa_register_ioport(dev, &s->io, s->iobase);
    return true;
}

static void debugcon_unrealize(DeviceState *dev)
{
    DebugconState *s = DEBUGCON(dev);

    memory_region_destroy(&s->io);
    qdev_chardev_release(&s->chardev);
}

static const Property debugcon_props[] = {
    PROP_UINT32("iobase", DebugconState, iobase, 0xe9),
    PROP_CHARDEV("chardev", DebugconState, chardev),
    PROP_UINT32("readback", DebugconState, readback, 0xe9),
    PROP_END
};

/* No reset and no state: what a guest wrote is gone. */
static const DeviceInfo debugcon_info = {
    .name = TYPE_ISA_DEBUGCON,
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(DebugconState),
    .desc = "debug output port",
    .props = debugcon_props,
    .realize = debugcon_realize,
    .unrealize = debugcon_unrealize,
};
DEVICE_TYPE(debugcon_info)
