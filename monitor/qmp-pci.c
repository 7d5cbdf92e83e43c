/*
 * query-pci.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/pci/pci.h"
#include "hw/core/machine.h"
#include "monitor/monitor.h"
#include "util/module.h"

/* Names of classes (PCI Local Bus Specification 3.0, appendix D) as monitors show them. */
static const struct {
    uint16_t class_id;
    const char *desc;
} classes[] = {
    { 0x0001, "VGA controller" }, { 0x0100, "SCSI controller" }, { 0x0101, "IDE controller" },
    { 0x0102, "Floppy controller" }, { 0x0104, "RAID controller" }, { 0x0106, "SATA controller" },
    { 0x0180, "Storage controller" }, { 0x0200, "Ethernet controller" },
    { 0x0280, "Network controller" }, { 0x0300, "VGA controller" },
    { 0x0380, "Display controller" }, { 0x0401, "Audio controller" },
    { 0x0500, "RAM controller" }, { 0x0600, "Host bridge" }, { 0x0601, "ISA bridge" },
    { 0x0604, "PCI bridge" }, { 0x0680, "Bridge" }, { 0x0700, "Serial port" },
    { 0x0780, "Communication controller" }, { 0x0880, "System peripheral" },
    { 0x0c03, "USB controller" }, { 0x0c05, "SMBus" },
};

static json_object *class_info(const PCIDevice *dev)
{
    json_object *info = json_object_new_object();
    uint16_t class_id = pci_get_word(&dev->config[PCI_CLASS_DEVICE]);

    for (size_t i = 0; i < G_N_ELEMENTS(classes); i++) {
        if (classes[i].class_id == class_id) {
            json_add_str(info, "desc", classes[i].desc);
        }
    }
    json_add_int(info, "class", class_id);
    return info;
}

static json_object *ids(const PCIDevice *dev)
{
    json_object *info = json_object_new_object();

    json_add_int(info, "device", pci_get_word(&dev->config[PCI_DEVICE_ID]));
    json_add_int(info, "vendor", pci_get_word(&dev->config[PCI_VENDOR_ID]));
    if ((dev->config[PCI_HEADER_TYPE] & 0x7f) == PCI_HEADER_TYPE_NORMAL) {
        json_add_int(info, "subsystem", pci_get_word(&dev->config[PCI_SUBSYSTEM_ID]));
        json_add_int(info, "subsystem-vendor",
                     pci_get_word(&dev->config[PCI_SUBSYSTEM_VENDOR_ID]));
    }
    return info;
}

static json_object *regions(const PCIDevice *dev)
{
    json_object *list = json_object_new_array();

    for (int i = 0; i < PCI_NUM_BARS; i++) {
        const PCIBar *bar = &dev->bars[i];
        bool io = bar->type & PCI_BASE_ADDRESS_SPACE_IO;
        json_object *info;

        if (!bar->size) {
            continue;
        }
        info = json_object_new_object();
        json_add_int(info, "bar", i);
        json_add_str(info, "type", io ? "io" : "memory");
        json_add_int(info, "address", bar->addr);
        json_add_int(info, "size", bar->size);
        if (!io) {
            json_add_bool(info, "prefetch", bar->type & PCI_BASE_ADDRESS_MEM_PREFETCH);
            json_add_bool(info, "mem_type_64", bar->type & PCI_BASE_ADDRESS_MEM_TYPE_64);
        }
        json_object_array_add(list, info);
    }
    return list;
}

static json_object *device(const PCIDevice *dev, int bus)
{
    json_object *info = json_object_new_object();
    const char *id = dev->parent_obj.id;
    uint8_t pin = dev->config[PCI_INTERRUPT_PIN];

    json_add_int(info, "bus", bus);
    json_add_int(info, "slot", dev->devfn >> 3);
    json_add_int(info, "function", dev->devfn & 7);
    json_object_object_add(info, "class_info", class_info(dev));
    json_object_object_add(info, "id", ids(dev));
    if (pin) {
        json_add_int(info, "irq", dev->config[PCI_INTERRUPT_LINE]);
    }
    json_add_int(info, "irq_pin", pin);
    json_add_str(info, "qdev_id", id ? id : "");
    json_object_object_add(info, "regions", regions(dev));
    return info;
}

static json_object *qmp_query_pci(Monitor *mon, json_object *args, Error **errp)
{
    PCIBus *bus = pci_bus_find(monitor_machine(mon));
    json_object *list = json_object_new_array(), *info, *devices;

    if (!bus) {
        return list;
    }
    info = json_object_new_object();
    devices = json_object_new_array();
    for (int devfn = 0; devfn < PCI_DEVFN_COUNT; devfn++) {
        if (bus->devices[devfn]) {
            json_object_array_add(devices, device(bus->devices[devfn], 0));
        }
    }
    json_add_int(info, "bus", 0);
    json_object_object_add(info, "devices", devices);
    json_object_array_add(list, info);
    return list;
}

static const QmpHandler pci_commands[] = {
    { "query-pci", qmp_query_pci },
};
QMP_COMMANDS(pci_commands)
