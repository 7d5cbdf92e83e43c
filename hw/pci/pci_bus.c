/*
 * The PCI bus: addresses of its devices, routing of interrupt pins,
 * configuration accesses. See pci.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/pci/pci.h"
#include "hw/core/machine.h"
#include "hw/pci/internal.h"
#include "util/trace.h"

TRACE_EVENT(pci_config_read, "%02x.%x reg 0x%02x len %u value 0x%x");
TRACE_EVENT(pci_config_write, "%02x.%x reg 0x%02x len %u value 0x%x");
TRACE_EVENT(pci_irq_line, "line %d level %d");

static unsigned slot_of(int devfn) { return devfn >> 3; }
static unsigned fn_of(int devfn) { return devfn & 7; }

PCIBus *pci_root_bus_new(DeviceState *host, const char *name, MemoryRegion *memory,
                         MemoryRegion *io, uint8_t devfn_min)
{
    PCIBus *bus = PCI_BUS(bus_new(TYPE_PCI_BUS, host, name));
    bus->memory = memory;
    bus->io = io;
    bus->devfn_min = devfn_min;
    bus->parent_obj.hotplug = true;
    return bus;
}

PCIBus *pci_bus_find(MachineState *machine)
{
    BusState *bus = bus_find(machine, TYPE_PCI_BUS, NULL);
    return bus ? PCI_BUS(bus) : NULL;
}

PCIDevice *pci_find_device(PCIBus *bus, unsigned bus_num, uint8_t devfn)
{
    return bus_num == 0 ? bus->devices[devfn] : NULL;
}

/* --- interrupt pins ------------------------------------------------------- */

void pci_bus_set_irqs(PCIBus *bus, PCISetIRQFn *set, PCIMapIRQFn *map, void *opaque, int n_irq)
{
    g_assert(n_irq <= PCI_MAX_IRQS);
    bus->set_irq = set;
    bus->map_irq = map;
    bus->irq_opaque = opaque;
    bus->n_irq = n_irq;
}

bool pci_bus_get_irq_level(const PCIBus *bus, int irq)
{
    return bus->irq_count[irq] != 0;
}

/* The line that the pin is routed to, with the count kept, or -1 if nobody routes. */
static int count_pin(PCIDevice *dev, int pin, bool level)
{
    PCIBus *bus = pci_get_bus(dev);
    if (!bus->map_irq) {
        return -1;
    }
    int irq = bus->map_irq(dev, pin);
    g_assert(irq >= 0 && irq < bus->n_irq);
    bus->irq_count[irq] += level ? 1 : -1;
    return irq;
}

void pci_bus_count_pin(PCIDevice *dev, int pin, bool level)
{
    count_pin(dev, pin, level);
}

void pci_bus_change_pin(PCIDevice *dev, int pin, bool level)
{
    PCIBus *bus = pci_get_bus(dev);
    int irq = count_pin(dev, pin, level);
    if (irq >= 0) {
        trace(pci_irq_line, irq, bus->irq_count[irq] != 0);
        bus->set_irq(bus->irq_opaque, irq, bus->irq_count[irq] != 0);
    }
}

/* --- configuration accesses ------------------------------------------------ */

static PCIDevice *addressed_device(PCIBus *bus, uint32_t addr)
{
    return pci_find_device(bus, (addr >> 16) & 0xff, addr >> 8);
}

uint32_t pci_data_read(PCIBus *bus, uint32_t addr, unsigned len)
{
    PCIDevice *dev = addressed_device(bus, addr);
    uint32_t val = UINT32_MAX >> (32 - 8 * len);
    unsigned reg = addr & 0xff;
    if (dev) {
        const PCIDeviceInfo *info = PCI_DEVICE_GET_CLASS(dev)->info;
        val = info->config_read ? info->config_read(dev, reg, len)
                                : pci_default_read_config(dev, reg, len);
        trace(pci_config_read, slot_of(dev->devfn), fn_of(dev->devfn), reg, len, val);
    }
    return val;
}

void pci_data_write(PCIBus *bus, uint32_t addr, uint32_t val, unsigned len)
{
    PCIDevice *dev = addressed_device(bus, addr);
    unsigned reg = addr & 0xff;
    if (!dev) {
        return;
    }
    const PCIDeviceInfo *info = PCI_DEVICE_GET_CLASS(dev)->info;
    trace(pci_config_write, slot_of(dev->devfn), fn_of(dev->devfn), reg, len, val);
    if (info->config_write) {
        info->config_write(dev, reg, val, len);
    } else {
        pci_default_write_config(dev, reg, val, len);
    }
}

/* --- addresses --------------------------------------------------------------- */

static bool choose_address(PCIBus *bus, PCIDevice *dev, Error **errp)
{
    for (unsigned devfn = bus->devfn_min; devfn < PCI_DEVFN_COUNT; devfn += 8) {
        unsigned fn = 0;
        while (fn < 8 && !bus->devices[devfn + fn]) {
            fn++;
        }
        if (fn == 8) {
            dev->devfn = devfn;
            return true;
        }
    }
    error_setg(errp, "PCI: no slot/function available for %s, all in use or reserved",
               object_get_typename(dev));
    return false;
}

/* Function 0 says whether software looks for more functions. */
static bool check_multifunction(PCIBus *bus, PCIDevice *dev, Error **errp)
{
    unsigned slot = slot_of(dev->devfn);
    if (fn_of(dev->devfn) != 0) {
        PCIDevice *first = bus->devices[pci_devfn(slot, 0)];
        if (first && !first->multifunction) {
            error_setg(errp, "PCI: single function device can't be populated in function %x.%x; "
                       "give %x.0 multifunction=on", slot, fn_of(dev->devfn), slot);
            return false;
        }
        return true;
    }
    for (unsigned fn = 1; fn < 8 && !dev->multifunction; fn++) {
        if (bus->devices[pci_devfn(slot, fn)]) {
            error_setg(errp, "PCI: %x.0 indicates single function, but %x.%x is already populated",
                       slot, slot, fn);
            return false;
        }
    }
    return true;
}

static bool pci_bus_check_address(BusState *qbus, DeviceState *qdev, Error **errp)
{
    PCIBus *bus = PCI_BUS(qbus);
    PCIDevice *dev = PCI_DEVICE(qdev);
    if (dev->devfn < 0 && !choose_address(bus, dev, errp)) {
        return false;
    }
    if (dev->devfn >= PCI_DEVFN_COUNT) {
        error_setg(errp, "PCI: address %d of %s is not in 0 to %d", dev->devfn,
                   object_get_typename(dev), PCI_DEVFN_COUNT - 1);
        return false;
    }
    PCIDevice *other = bus->devices[dev->devfn];
    if (other) {
        error_setg(errp, "PCI: slot %d function %d not available for %s, in use by %s",
                   slot_of(dev->devfn), fn_of(dev->devfn), object_get_typename(dev),
                   object_get_typename(other));
        return false;
    }
    return check_multifunction(bus, dev, errp);
}

static char *pci_bus_dev_path(DeviceState *qdev)
{
    int devfn = PCI_DEVICE(qdev)->devfn;
    return g_strdup_printf("0000:00:%02x.%x", slot_of(devfn), fn_of(devfn));
}

static void pci_bus_class_init(ObjectClass *klass, const void *data)
{
    BusClass *bc = BUS_CLASS(klass);
    bc->check_address = pci_bus_check_address;
    bc->dev_path = pci_bus_dev_path;
}

PCIDevice *pci_create(PCIBus *bus, int devfn, bool multifunction, const char *type, Error **errp)
{
    DeviceState *dev = qdev_try_new(type);
    if (!dev) {
        error_setg(errp, "there is no PCI device type '%s'", type);
        return NULL;
    }
    PCI_DEVICE(dev)->devfn = devfn;
    PCI_DEVICE(dev)->multifunction = multifunction;
    if (!qdev_realize_and_unref(dev, BUS(bus), BUS(bus)->parent->machine, errp)) {
        return NULL;
    }
    return PCI_DEVICE(dev);
}

static const TypeInfo pci_bus_type = {
    .name = TYPE_PCI_BUS,
    .parent = TYPE_BUS,
    .instance_size = sizeof(PCIBus),
    .class_init = pci_bus_class_init,
};

static void pci_bus_register(void)
{
    type_register_static(&pci_bus_type);
}

type_init(pci_bus_register)
