/*
 * "isa-serial": a 16550A on the ISA bus, COM1 to COM4.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/char/serial.h"
#include "hw/core/qdev-chardev.h"
#include "hw/isa/isa.h"

#define TYPE_ISA_SERIAL "isa-serial"
OBJECT_DECLARE_SIMPLE(ISASerialState, ISA_SERIAL, TYPE_ISA_SERIAL)

enum { ISA_SERIAL_BAUDBASE = 115200, ISA_SERIAL_AUTO = UINT32_MAX };

static const struct {
    uint16_t iobase;
    uint8_t irq;
} com_ports[] = { { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 } };

struct ISASerialState {
    ISADevice parent_obj;
    uint32_t index, iobase, irq; /* ISA_SERIAL_AUTO: choose */
    ChardevProperty chardev;
    SerialState serial;
};

/* One more than the last COM port on the bus. */
static uint32_t next_index(DeviceState *dev)
{
    uint32_t index = 0;

    for (GSList *l = dev->parent_bus->children; l; l = l->next) {
        DeviceState *other = l->data;
        if (other != dev && other->realized && object_dynamic_cast(other, TYPE_ISA_SERIAL)) {
            index = MAX(index, ISA_SERIAL(other)->index + 1);
        }
    }
    return index;
}

static bool choose_resources(ISASerialState *isa, Error **errp)
{
    if (isa->index == ISA_SERIAL_AUTO) {
        isa->index = next_index(DEVICE(isa));
    }
    if (isa->index >= G_N_ELEMENTS(com_ports)) {
        error_setg(errp, "isa-serial: there are %zu ISA serial ports at most, index=0 to 3",
                   G_N_ELEMENTS(com_ports));
        return false;
    }
    if (isa->iobase == ISA_SERIAL_AUTO) {
        isa->iobase = com_ports[isa->index].iobase;
    }
    if (isa->irq == ISA_SERIAL_AUTO) {
        isa->irq = com_ports[isa->index].irq;
    }
    if (isa->iobase > 0x10000 - SERIAL_PORTS || isa->irq >= ISA_NUM_IRQS) {
        error_setg(errp, "isa-serial: iobase=0x%x,irq=%u is out of range; ports reach 0xffff, "
                   "interrupts 15", isa->iobase, isa->irq);
        return false;
    }
    return true;
}

static bool isa_serial_realize(DeviceState *dev, Error **errp)
{
    ISASerialState *isa = ISA_SERIAL(dev);

    if (!choose_resources(isa, errp) || !qdev_chardev_take(dev, &isa->chardev, errp)) {
        return false;
    }
    isa->serial.irq = isa_get_irq(dev, isa->irq);
    serial_init(&isa->serial, dev, &isa->chardev.fe, ISA_SERIAL_BAUDBASE);
    isa_register_ioport(dev, &isa->serial.io, isa->iobase);
    return true;
}

static void isa_serial_unrealize(DeviceState *dev)
{
    ISASerialState *isa = ISA_SERIAL(dev);

    serial_deinit(&isa->serial);
    qdev_chardev_release(&isa->chardev);
}

static void isa_serial_reset(DeviceState *dev)
{
    serial_reset(&ISA_SERIAL(dev)->serial);
}

static void isa_serial_reset_hold(DeviceState *dev)
{
    serial_reset_hold(&ISA_SERIAL(dev)->serial);
}

static const VMStateField isa_serial_fields[] = {
    VMSTATE_STRUCT(serial, ISASerialState, vmstate_serial, SerialState),
    VMSTATE_END
};

static const VMStateDescription vmstate_isa_serial = {
    .name = TYPE_ISA_SERIAL, .version = 1, .fields = isa_serial_fields,
};

static const Property isa_serial_props[] = {
    PROP_UINT32("index", ISASerialState, index, ISA_SERIAL_AUTO),
    PROP_UINT32("iobase", ISASerialState, iobase, ISA_SERIAL_AUTO),
    PROP_UINT32("irq", ISASerialState, irq, ISA_SERIAL_AUTO),
    PROP_CHARDEV("chardev", ISASerialState, chardev),
    PROP_END
};

static const DeviceInfo isa_serial_info = {
    .name = TYPE_ISA_SERIAL,
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(ISASerialState),
    .desc = "16550A serial port",
    .vmsd = &vmstate_isa_serial,
    .props = isa_serial_props,
    .realize = isa_serial_realize,
    .unrealize = isa_serial_unrealize,
    .reset = isa_serial_reset,
    .reset_hold = isa_serial_reset_hold,
};
DEVICE_TYPE(isa_serial_info)
