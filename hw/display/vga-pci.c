/*
 * "VGA": the standard VGA on the PCI bus (1234:1111).
 *
 *     BAR 0  video memory
 *     BAR 2  0x000 EDID | 0x400 VGA ports 0x3c0-0x3df | 0x500 dispi registers |
 *            0x600 size and byte order of the frame buffer
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/display/edid.h"
#include "hw/display/vga.h"
#include "hw/pci/pci.h"

#define TYPE_PCI_VGA "VGA"
OBJECT_DECLARE_SIMPLE(PCIVGAState, PCI_VGA, TYPE_PCI_VGA)

enum {
    MMIO_SIZE = 0x1000, MMIO_EDID_SIZE = 0x400, MMIO_PORTS = 0x400, MMIO_PORTS_SIZE = 0x20,
    MMIO_VBE = 0x500,
    MMIO_VBE_SIZE = VBE_COUNT * 2 + 2, MMIO_EXT = 0x600, MMIO_EXT_SIZE = 8,
};
enum { EXT_SIZE = 0, EXT_ENDIAN = 4, EXT_LITTLE_ENDIAN = 0x1e1e1e1e };
enum { MAX_VRAM_MB = 512, EDID_MIN = 320, EDID_MAX = 4095 };

struct PCIVGAState {
    PCIDevice parent_obj;
    VGAState vga;
    MemoryRegion mmio, mmio_edid, mmio_ports, mmio_vbe, mmio_ext;
    uint8_t edid[EDID_SIZE];
    uint32_t vgamem_mb, xres, yres;
    bool has_mmio, has_ext, has_edid;
};

static uint64_t mmio_edid_read(void *opaque, hwaddr addr, unsigned size)
{
    return addr < EDID_SIZE ? ((PCIVGAState *)opaque)->edid[addr] : 0;
}

static void mmio_edid_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    /* read-only */
}

static const MemoryRegionOps mmio_edid_ops = {
    .read = mmio_edid_read,
    .write = mmio_edid_write,
    .valid = { .min_size = 1, .max_size = 4 },
    .impl = { .min_size = 1, .max_size = 1 },
};

static uint64_t mmio_ports_read(void *opaque, hwaddr addr, unsigned size)
{
    return vga_port_read(opaque, 0x3c0 + addr);
}

static void mmio_ports_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    vga_port_write(opaque, 0x3c0 + addr, val);
}

static const MemoryRegionOps mmio_ports_ops = {
    .read = mmio_ports_read,
    .write = mmio_ports_write,
    .valid = { .min_size = 1, .max_size = 4 },
    .impl = { .min_size = 1, .max_size = 1 },
};

static uint64_t mmio_vbe_read(void *opaque, hwaddr addr, unsigned size)
{
    return vga_vbe_read(opaque, addr >> 1);
}

static void mmio_vbe_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    vga_vbe_write(opaque, addr >> 1, val);
}

static const MemoryRegionOps mmio_vbe_ops = {
    .read = mmio_vbe_read,
    .write = mmio_vbe_write,
    .valid = { .min_size = 1, .max_size = 4 },
    .impl = { .min_size = 2, .max_size = 2 },
};

static uint64_t mmio_ext_read(void *opaque, hwaddr addr, unsigned size)
{
    return addr == EXT_SIZE ? MMIO_EXT_SIZE : EXT_LITTLE_ENDIAN;
}

/* Big-endian frame buffers are not offered: the register keeps its value. */
static void mmio_ext_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
}

static const MemoryRegionOps mmio_ext_ops = {
    .read = mmio_ext_read,
    .write = mmio_ext_write,
    .valid = { .min_size = 4, .max_size = 4 },
    .impl = { .min_size = 4, .max_size = 4 },
};

static void create_mmio(PCIVGAState *s)
{
    memory_region_init(&s->mmio, s, "vga.mmio", MMIO_SIZE);
    if (s->has_edid) {
        edid_generate(s->edid, s->xres, s->yres);
        memory_region_init_io(&s->mmio_edid, s, &mmio_edid_ops, s, "edid", MMIO_EDID_SIZE);
        memory_region_add_subregion(&s->mmio, 0, &s->mmio_edid);
    }
    memory_region_init_io(&s->mmio_ports, s, &mmio_ports_ops, &s->vga, "vga ioports remapped",
                          MMIO_PORTS_SIZE);
    memory_region_add_subregion(&s->mmio, MMIO_PORTS, &s->mmio_ports);
    memory_region_init_io(&s->mmio_vbe, s, &mmio_vbe_ops, &s->vga, "bochs dispi interface",
                          MMIO_VBE_SIZE);
    memory_region_add_subregion(&s->mmio, MMIO_VBE, &s->mmio_vbe);
    if (s->has_ext) {
        memory_region_init_io(&s->mmio_ext, s, &mmio_ext_ops, s, "qemu extended regs",
                              MMIO_EXT_SIZE);
        memory_region_add_subregion(&s->mmio, MMIO_EXT, &s->mmio_ext);
    }
}

static bool vga_pci_realize(DeviceState *dev, Error **errp)
{
    PCIVGAState *s = PCI_VGA(dev);
    PCIDevice *pci = PCI_DEVICE(dev);

    if (s->vgamem_mb < 1 || s->vgamem_mb > MAX_VRAM_MB || (s->vgamem_mb & (s->vgamem_mb - 1))) {
        error_setg(errp, "VGA: vgamem_mb=%u must be a power of two from 1 to %d", s->vgamem_mb,
                   MAX_VRAM_MB);
        return false;
    }
    if (s->xres < EDID_MIN || s->xres > EDID_MAX || s->yres < EDID_MIN || s->yres > EDID_MAX) {
        error_setg(errp, "VGA: xres=%u,yres=%u must be %d to %d", s->xres, s->yres, EDID_MIN,
                   EDID_MAX);
        return false;
    }
    if (!vga_init(&s->vga, dev, &vga_bochs, s->vgamem_mb << 20, errp)) {
        return false;
    }
    vga_map_legacy(&s->vga, pci_get_bus(pci)->memory, pci_get_bus(pci)->io);
    vga_map_vbe(&s->vga, pci_get_bus(pci)->io);
    pci_register_bar(pci, 0, PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_PREFETCH,
                     &s->vga.vram);
    if (s->has_mmio) {
        create_mmio(s);
        pci_register_bar(pci, 2, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->mmio);
    }
    return true;
}

static void vga_pci_unrealize(DeviceState *dev)
{
    PCIVGAState *s = PCI_VGA(dev);

    if (s->has_mmio) {
        if (s->has_ext) {
            memory_region_destroy(&s->mmio_ext);
        }
        if (s->has_edid) {
            memory_region_destroy(&s->mmio_edid);
        }
        memory_region_destroy(&s->mmio_vbe);
        memory_region_destroy(&s->mmio_ports);
        memory_region_destroy(&s->mmio);
    }
    vga_deinit(&s->vga);
}

static void vga_pci_reset(DeviceState *dev)
{
    vga_reset(&PCI_VGA(dev)->vga);
}

static const VMStateField vga_pci_fields[] = {
    VMSTATE_PCI_DEVICE(parent_obj, PCIVGAState),
    VMSTATE_STRUCT(vga, PCIVGAState, vmstate_vga, VGAState),
    VMSTATE_END
};

static const VMStateDescription vmstate_vga_pci = {
    .name = TYPE_PCI_VGA, .version = 1, .fields = vga_pci_fields,
};

static const Property vga_pci_props[] = {
    PROP_UINT32("vgamem_mb", PCIVGAState, vgamem_mb, 16),
    PROP_BOOL("mmio", PCIVGAState, has_mmio, true),
    PROP_BOOL("qemu-extended-regs", PCIVGAState, has_ext, true),
    PROP_BOOL("edid", PCIVGAState, has_edid, true),
    PROP_UINT32("xres", PCIVGAState, xres, 1280),
    PROP_UINT32("yres", PCIVGAState, yres, 800),
    PROP_END
};

static const PCIDeviceInfo vga_pci = {
    .vendor_id = 0x1234,
    .device_id = 0x1111,
    .class_id = 0x0300, /* display, VGA compatible */
    .revision = 2,
    .romfile = "vgabios-stdvga.bin",
};

static const DeviceInfo vga_pci_info = {
    .name = TYPE_PCI_VGA,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(PCIVGAState),
    .desc = "standard VGA with Bochs VBE",
    .vmsd = &vmstate_vga_pci,
    .props = vga_pci_props,
    .realize = vga_pci_realize,
    .unrealize = vga_pci_unrealize,
    .reset = vga_pci_reset,
    .class_init = pci_device_class_init,
    .class_data = &vga_pci,
};
DEVICE_TYPE(vga_pci_info)
