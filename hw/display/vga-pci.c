/*
 * "VGA", "secondary-vga": the standard VGA on the PCI bus (1234:1111), and what they share.
 *
 *     BAR 0  video memory
 *     BAR 2  registers (vga-mmio.h)
 *
 * The secondary one has no ports and no window: registers are in BAR 2 only.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/display/vga-mmio.h"
#include "hw/pci/pci.h"

#define TYPE_PCI_VGA "pci-vga"
OBJECT_DECLARE_SIMPLE(PCIVGAState, PCI_VGA, TYPE_PCI_VGA)

struct PCIVGAState {
    PCIDevice parent_obj;
    VGAState vga;
    VGAMmio mmio;
    EDIDSettings edid;
    uint32_t vgamem_mb;
    bool has_mmio;
};

/* --- both ------------------------------------------------------------------------------ */

static bool adapter_realize(DeviceState *dev, Error **errp)
{
    PCIVGAState *s = PCI_VGA(dev);
    PCIDevice *pci = PCI_DEVICE(dev);

    if (!vga_init(&s->vga, dev, &vga_bochs, vga_memory_size(s->vgamem_mb), errp)) {
        return false;
    }
    if (s->has_mmio && !vga_mmio_init(&s->mmio, dev, &s->vga, &s->edid, errp)) {
        vga_deinit(&s->vga);
        return false;
    }
    pci_register_bar(pci, 0, PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_PREFETCH,
                     &s->vga.vram);
    if (s->has_mmio) {
        pci_register_bar(pci, 2, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->mmio.root);
    }
    return true;
}

static void adapter_unrealize(DeviceState *dev)
{
    PCIVGAState *s = PCI_VGA(dev);

    if (s->has_mmio) {
        vga_mmio_deinit(&s->mmio);
    }
    vga_deinit(&s->vga);
}

static void adapter_reset(DeviceState *dev)
{
    vga_reset(&PCI_VGA(dev)->vga);
}

static const VMStateField adapter_fields[] = {
    VMSTATE_PCI_DEVICE(parent_obj, PCIVGAState),
    VMSTATE_STRUCT(vga, PCIVGAState, vmstate_vga, VGAState),
    VMSTATE_END
};

static const VMStateDescription vmstate_adapter = {
    .name = "VGA", .version = 1, .fields = adapter_fields,
};

static const Property adapter_props[] = {
    PROP_UINT32("vgamem_mb", PCIVGAState, vgamem_mb, 16),
    PROP_BOOL("qemu-extended-regs", PCIVGAState, mmio.has_ext, true),
    PROP_BOOL("edid", PCIVGAState, mmio.has_edid, true),
    EDID_PROPERTIES(PCIVGAState, edid),
    PROP_END
};

static const DeviceInfo adapter_info = {
    .name = TYPE_PCI_VGA,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(PCIVGAState),
    .abstract = true,
    .vmsd = &vmstate_adapter,
    .props = adapter_props,
    .unrealize = adapter_unrealize,
    .reset = adapter_reset,
};
DEVICE_TYPE(adapter_info)

/* --- the primary adapter -------------------------------------------------------------- */

static bool vga_realize(DeviceState *dev, Error **errp)
{
    PCIVGAState *s = PCI_VGA(dev);
    PCIBus *bus = pci_get_bus(PCI_DEVICE(dev));

    s->mmio.has_ports = true;
    if (!adapter_realize(dev, errp)) {
        return false;
    }
    vga_map_legacy(&s->vga, bus->memory, bus->io);
    vga_map_vbe(&s->vga, bus->io);
    return true;
}

static const Property vga_props[] = {
    PROP_BOOL("mmio", PCIVGAState, has_mmio, true),
    PROP_END
};

static const PCIDeviceInfo vga_pci = {
    .vendor_id = 0x1234,
    .device_id = 0x1111,
    .class_id = 0x0300, /* display, VGA compatible */
    .revision = 2,
    .romfile = "vgabios-stdvga.bin",
};

static const DeviceInfo vga_info = {
    .name = "VGA",
    .parent = TYPE_PCI_VGA,
    .desc = "standard VGA with Bochs VBE",
    .props = vga_props,
    .realize = vga_realize,
    .class_init = pci_device_class_init,
    .class_data = &vga_pci,
};
DEVICE_TYPE(vga_info)

/* --- the secondary one ---------------------------------------------------------------- */

static bool secondary_realize(DeviceState *dev, Error **errp)
{
    PCIVGAState *s = PCI_VGA(dev);

    s->has_mmio = s->mmio.has_ports = true;
    return adapter_realize(dev, errp);
}

static const PCIDeviceInfo secondary_pci = {
    .vendor_id = 0x1234,
    .device_id = 0x1111,
    .class_id = 0x0380, /* display, other */
    .revision = 2,
};

static const DeviceInfo secondary_info = {
    .name = "secondary-vga",
    .parent = TYPE_PCI_VGA,
    .desc = "standard VGA without legacy ports",
    .realize = secondary_realize,
    .class_init = pci_device_class_init,
    .class_data = &secondary_pci,
};
DEVICE_TYPE(secondary_info)
