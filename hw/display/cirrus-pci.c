/*
 * "cirrus-vga": the CL-GD5446 on the PCI bus. cirrus-mem.c has its address ranges.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/display/cirrus.h"
#include "hw/pci/pci.h"

#define TYPE_CIRRUS_PCI "cirrus-vga"
OBJECT_DECLARE_SIMPLE(CirrusPCIState, CIRRUS_PCI, TYPE_CIRRUS_PCI)

struct CirrusPCIState {
    PCIDevice parent_obj;
    CirrusState cirrus;
    uint32_t vgamem_mb;
};

static bool cirrus_pci_realize(DeviceState *dev, Error **errp)
{
    CirrusPCIState *s = CIRRUS_PCI(dev);
    PCIDevice *pci = PCI_DEVICE(dev);

    if (!cirrus_init(&s->cirrus, dev, s->vgamem_mb, CIRRUS_ID_GD5446, CONFIG_PCI, errp)) {
        return false;
    }
    vga_map_legacy(&s->cirrus.vga, pci_get_bus(pci)->memory, pci_get_bus(pci)->io);
    pci_register_bar(pci, 0, PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_PREFETCH,
                     &s->cirrus.frame_buffer);
    pci_register_bar(pci, 1, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->cirrus.mmio);
    return true;
}

static void cirrus_pci_unrealize(DeviceState *dev)
{
    cirrus_deinit(&CIRRUS_PCI(dev)->cirrus);
}

static void cirrus_pci_reset(DeviceState *dev)
{
    cirrus_reset(&CIRRUS_PCI(dev)->cirrus);
}

static const VMStateField cirrus_pci_fields[] = {
    VMSTATE_PCI_DEVICE(parent_obj, CirrusPCIState),
    VMSTATE_STRUCT(cirrus, CirrusPCIState, vmstate_cirrus, CirrusState),
    VMSTATE_END
};

static const VMStateDescription vmstate_cirrus_pci = {
    .name = TYPE_CIRRUS_PCI, .version = 1, .fields = cirrus_pci_fields,
};

static const Property cirrus_pci_props[] = {
    PROP_UINT32("vgamem_mb", CirrusPCIState, vgamem_mb, 4),
    PROP_BOOL("blitter", CirrusPCIState, cirrus.blitter, true),
    PROP_END
};

static const PCIDeviceInfo cirrus_pci = {
    .vendor_id = 0x1013,
    .device_id = 0x00b8,
    .class_id = 0x0300, /* display, VGA compatible */
    .romfile = "vgabios-cirrus.bin",
};

static const DeviceInfo cirrus_pci_info = {
    .name = TYPE_CIRRUS_PCI,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(CirrusPCIState),
    .desc = "Cirrus CLGD 54xx VGA",
    .vmsd = &vmstate_cirrus_pci,
    .props = cirrus_pci_props,
    .realize = cirrus_pci_realize,
    .unrealize = cirrus_pci_unrealize,
    .reset = cirrus_pci_reset,
    .class_init = pci_device_class_init,
    .class_data = &cirrus_pci,
};
DEVICE_TYPE(cirrus_pci_info)
