/*
 * "bochs-display": a PCI display with the Bochs display interface and nothing
 * of a VGA (1234:1111).
 *
 *     BAR 0  video memory
 *     BAR 2  registers (vga-mmio.h), without VGA ports
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/display/vga-mmio.h"
#include "hw/pci/pci.h"

#define TYPE_BOCHS_DISPLAY "bochs-display"
OBJECT_DECLARE_SIMPLE(BochsDisplayState, BOCHS_DISPLAY, TYPE_BOCHS_DISPLAY)

enum { MIN_VGAMEM = 4 << 20, MAX_VGAMEM = 256 << 20 };

struct BochsDisplayState {
    PCIDevice parent_obj;
    VGAState vga;           /* of which only the Bochs part can be reached */
    VGAMmio mmio;
    EDIDSettings edid;
    uint64_t vgamem;
};

/* There is no VGA that could blank the screen, nor one to show while the interface is off. */
static void bochs_display_screen(const VGAState *s, VGAScreen *screen)
{
    screen->blank = !vga_vbe_active(s);
    vga_bochs.screen(s, screen);
}

static const VGAChip bochs_display_chip = { .screen = bochs_display_screen };

static bool bochs_display_realize(DeviceState *dev, Error **errp)
{
    BochsDisplayState *s = BOCHS_DISPLAY(dev);
    PCIDevice *pci = PCI_DEVICE(dev);

    if (s->vgamem < MIN_VGAMEM || s->vgamem > MAX_VGAMEM || (s->vgamem & (s->vgamem - 1))) {
        error_setg(errp, "bochs-display: vgamem=%" PRIu64 " must be a power of two from %dM to %dM",
                   s->vgamem, MIN_VGAMEM >> 20, MAX_VGAMEM >> 20);
        return false;
    }
    if (!vga_init(&s->vga, dev, &bochs_display_chip, s->vgamem, errp)) {
        return false;
    }
    s->mmio.has_ext = true;
    if (!vga_mmio_init(&s->mmio, dev, &s->vga, &s->edid, errp)) {
        vga_deinit(&s->vga);
        return false;
    }
    pci_register_bar(pci, 0, PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_PREFETCH,
                     &s->vga.vram);
    pci_register_bar(pci, 2, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->mmio.root);
    return true;
}

static void bochs_display_unrealize(DeviceState *dev)
{
    BochsDisplayState *s = BOCHS_DISPLAY(dev);

    vga_mmio_deinit(&s->mmio);
    vga_deinit(&s->vga);
}

static void bochs_display_reset(DeviceState *dev)
{
    vga_reset(&BOCHS_DISPLAY(dev)->vga);
}

static const VMStateField bochs_display_fields[] = {
    VMSTATE_PCI_DEVICE(parent_obj, BochsDisplayState),
    VMSTATE_STRUCT(vga, BochsDisplayState, vmstate_vga, VGAState),
    VMSTATE_END
};

static const VMStateDescription vmstate_bochs_display = {
    .name = TYPE_BOCHS_DISPLAY, .version = 1, .fields = bochs_display_fields,
};

static const Property bochs_display_props[] = {
    PROP_SIZE("vgamem", BochsDisplayState, vgamem, 16 << 20),
    PROP_BOOL("edid", BochsDisplayState, mmio.has_edid, true),
    EDID_PROPERTIES(BochsDisplayState, edid),
    PROP_END
};

static const PCIDeviceInfo bochs_display_pci = {
    .vendor_id = 0x1234,
    .device_id = 0x1111,
    .class_id = 0x0380, /* display, other */
    .revision = 2,
    .romfile = "vgabios-bochs-display.bin",
};

static const DeviceInfo bochs_display_info = {
    .name = TYPE_BOCHS_DISPLAY,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(BochsDisplayState),
    .desc = "display with the Bochs interface, without a VGA",
    .vmsd = &vmstate_bochs_display,
    .props = bochs_display_props,
    .realize = bochs_display_realize,
    .unrealize = bochs_display_unrealize,
    .reset = bochs_display_reset,
    .class_init = pci_device_class_init,
    .class_data = &bochs_display_pci,
};
DEVICE_TYPE(bochs_display_info)
