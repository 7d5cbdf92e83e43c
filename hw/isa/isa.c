/*
 * The ISA bus: see isa.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/isa/isa.h"

ISABus *isa_bus_new(DeviceState *parent, MemoryRegion *memory, MemoryRegion *io)
{
    ISABus *bus = ISA_BUS(bus_new(TYPE_ISA_BUS, parent, "isa.0"));
    bus->memory = memory;
    bus->io = io;
    return bus;
}

IRQLine *isa_get_irq(void *dev, unsigned n)
{
    return n < ISA_NUM_IRQS ? isa_bus_of(dev)->irqs[n] : NULL;
}

void isa_register_ioport(void *dev, MemoryRegion *io, uint16_t start)
{
    memory_region_add_subregion(isa_bus_of(dev)->io, start, io);
}

bool isa_realize(DeviceState *dev, ISABus *bus, Error **errp)
{
    return qdev_realize_and_unref(dev, BUS(bus), BUS(bus)->parent->machine, errp);
}

DeviceState *isa_create(ISABus *bus, const char *type, Error **errp)
{
    DeviceState *dev = qdev_try_new(type);
    if (!dev) {
        error_setg(errp, "there is no ISA device type '%s'", type);
        return NULL;
    }
    return isa_realize(dev, bus, errp) ? dev : NULL;
}

static void isa_device_class_init(ObjectClass *klass, const void *data)
{
    DEVICE_CLASS(klass)->bus_type = TYPE_ISA_BUS;
}

static const TypeInfo isa_types[] = {
    { .name = TYPE_ISA_BUS, .parent = TYPE_BUS, .instance_size = sizeof(ISABus) },
    { .name = TYPE_ISA_DEVICE, .parent = TYPE_DEVICE, .instance_size = sizeof(ISADevice),
      .class_init = isa_device_class_init, .abstract = true },
};

static void isa_register(void)
{
    type_register_array(isa_types);
}

type_init(isa_register)
