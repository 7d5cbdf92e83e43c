/*
 * "port92": system control port A, from the PS/2: a fast A20 gate and a fast
 * reset. Output line "a20": 1 lets address line 20 through.
 *
 *     1 A20 gate | 0 fast reset, on its leading edge
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/machine.h"
#include "hw/isa/isa.h"
#include "util/trace.h"

TRACE_EVENT(port92_read, "0x%02x");
TRACE_EVENT(port92_write, "0x%02x");

#define TYPE_PORT92 "port92"
OBJECT_DECLARE_SIMPLE(Port92State, PORT92, TYPE_PORT92)

enum { PORT92_ADDRESS = 0x92, PORT92_RESET = 0x01, PORT92_A20 = 0x02 };

struct Port92State {
    ISADevice parent_obj;
    MemoryRegion io;
    IRQLine *a20;
    uint8_t outport;
};

static uint64_t port92_read(void *opaque, hwaddr addr, unsigned size)
{
    Port92State *s = opaque;
    trace(port92_read, s->outport);
    return s->outport;
}

static void port92_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    Port92State *s = opaque;
    uint8_t old = s->outport;

    trace(port92_write, (unsigned)val);
    s->outport = val;
    if ((val ^ old) & PORT92_A20) {
        irq_set(s->a20, !!(val & PORT92_A20));
    }
    if ((val & PORT92_RESET) && !(old & PORT92_RESET)) {
        machine_request_reset(DEVICE(s)->machine, SHUTDOWN_CAUSE_GUEST_RESET);
    }
}

static const MemoryRegionOps port92_ops = {
    .read = port92_read,
    .write = port92_write,
    .impl = { .min_size = 1, .max_size = 1 },
};

static bool port92_realize(DeviceState *dev, Error **errp)
{
    Port92State *s = PORT92(dev);

    memory_region_init_io(&s->io, s, &port92_ops, s, "port92", 1);
    isa_register_ioport(dev, &s->io, PORT92_ADDRESS);
    return true;
}

static void port92_unrealize(DeviceState *dev)
{
    memory_region_destroy(&PORT92(dev)->io);
}

static void port92_init(Object *obj)
{
    qdev_init_gpio_out_named(DEVICE(obj), &PORT92(obj)->a20, "a20", 1);
}

/* The A20 line itself is the board's: it starts open whatever the bit says. */
static void port92_reset(DeviceState *dev)
{
    PORT92(dev)->outport = 0;
}

static const VMStateField port92_fields[] = { VMSTATE_UINT8(outport, Port92State), VMSTATE_END };

static const VMStateDescription vmstate_port92 = {
    .name = TYPE_PORT92, .version = 1, .fields = port92_fields,
};

static const DeviceInfo port92_info = {
    .name = TYPE_PORT92,
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(Port92State),
    .desc = "system control port A",
    .vmsd = &vmstate_port92,
    .internal = true,
    .instance_init = port92_init,
    .realize = port92_realize,
    .unrealize = port92_unrealize,
    .reset = port92_reset,
};
DEVICE_TYPE(port92_info)
