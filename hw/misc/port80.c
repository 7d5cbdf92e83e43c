/*
 * "port80": the power-on self test code latch that a diagnostic card shows.
 * Guests write it for a delay of one bus cycle; reading gives the last code.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/isa/isa.h"
#include "util/trace.h"

TRACE_EVENT(port80_write, "0x%02x");

#define TYPE_PORT80 "port80"
OBJECT_DECLARE_SIMPLE(Port80State, PORT80, TYPE_PORT80)

struct Port80State {
    ISADevice parent_obj;
    MemoryRegion io;
    uint8_t code;
};

static uint64_t port80_read(void *opaque, hwaddr addr, unsigned size)
{
    return ((Port80State *)opaque)->code;
}

static void port80_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    trace(port80_write, (unsigned)val);
    ((Port80State *)opaque)->code = val;
}

static const MemoryRegionOps port80_ops = {
    .read = port80_read,
    .write = port80_write,
    .impl = { .min_size = 1, .max_size = 1 },
};

static bool port80_realize(DeviceState *dev, Error **errp)
{
    Port80State *s = PORT80(dev);

    memory_region_init_io(&s->io, s, &port80_ops, s, "ioport80", 1);
    isa_register_ioport(dev, &s->io, 0x80);
    return true;
}

static void port80_unrealize(DeviceState *dev)
{
    memory_region_destroy(&PORT80(dev)->io);
}

static void port80_reset(DeviceState *dev)
{
    PORT80(dev)->code = 0xff;
}

static const VMStateField port80_fields[] = { VMSTATE_UINT8(code, Port80State), VMSTATE_END };

static const VMStateDescription vmstate_port80 = {
    .name = TYPE_PORT80, .version = 1, .fields = port80_fields,
};

static const DeviceInfo port80_info = {
    .name = TYPE_PORT80,
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(Port80State),
    .desc = "POST code port",
    .vmsd = &vmstate_port80,
    .internal = true,
    .realize = port80_realize,
    .unrealize = port80_unrealize,
    .reset = port80_reset,
};
DEVICE_TYPE(port80_info)
