/*
 * "isa-vga": the standard VGA on the ISA bus. Its linear frame buffer is where the Bochs display
 * interface has it without PCI, at 0xe0000000.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/display/vga.h"
#include "hw/display/vga-rom.h"
#include "hw/isa/isa.h"

#define TYPE_ISA_VGA "isa-vga"
OBJECT_DECLARE_SIMPLE(ISAVGAState, ISA_VGA, TYPE_ISA_VGA)

enum { FRAME_BUFFER_PRIORITY = 1 };
#define FRAME_BUFFER UINT32_C(0xe0000000)

struct ISAVGAState {
    ISADevice parent_obj;
    VGAState vga;
    uint32_t vgamem_mb;
};

static bool isa_vga_realize(DeviceState *dev, Error **errp)
{
    ISAVGAState *s = ISA_VGA(dev);
    ISABus *bus = isa_bus_of(dev);

    if (!vga_init(&s->vga, dev, &vga_bochs, vga_memory_size(s->vgamem_mb), errp)) {
        return false;
    }
    if (!vga_rom_add(dev->machine, "vgabios.bin", errp)) {
        vga_deinit(&s->vga);
        return false;
    }
    vga_map_legacy(&s->vga, bus->memory, bus->io);
    vga_map_vbe(&s->vga, bus->io);
    memory_region_add_subregion_overlap(bus->memory, FRAME_BUFFER, &s->vga.vram,
                                        FRAME_BUFFER_PRIORITY);
    return true;
}

static void isa_vga_unrealize(DeviceState *dev)
{
    vga_deinit(&ISA_VGA(dev)->vga);
}

static void isa_vga_reset(DeviceState *dev)
{
    vga_reset(&ISA_VGA(dev)->vga);
}

static const VMStateField isa_vga_fields[] = {
    VMSTATE_STRUCT(vga, ISAVGAState, vmstate_vga, VGAState),
    VMSTATE_END
};

static const VMStateDescription vmstate_isa_vga = {
    .name = TYPE_ISA_VGA, .version = 1, .fields = isa_vga_fields,
};

static const Property isa_vga_props[] = {
    PROP_UINT32("vgamem_mb", ISAVGAState, vgamem_mb, 8),
    PROP_END
};

static const DeviceInfo isa_vga_info = {
    .name = TYPE_ISA_VGA,
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(ISAVGAState),
    .desc = "standard VGA with Bochs VBE on the ISA bus",
    .vmsd = &vmstate_isa_vga,
    .props = isa_vga_props,
    .realize = isa_vga_realize,
    .unrealize = isa_vga_unrealize,
    .reset = isa_vga_reset,
};
DEVICE_TYPE(isa_vga_info)
