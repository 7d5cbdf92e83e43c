/*
 * "isa-cirrus-vga": a Cirrus GD5430, as far as a driver can tell, on the ISA bus. Without a linear
 * frame buffer: memory is reached through the banks at a0000, the blitter through its ports or at b8000.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/display/cirrus.h"
#include "hw/display/vga-rom.h"
#include "hw/isa/isa.h"

#define TYPE_CIRRUS_ISA "isa-cirrus-vga"
OBJECT_DECLARE_SIMPLE(CirrusISAState, CIRRUS_ISA, TYPE_CIRRUS_ISA)

struct CirrusISAState {
    ISADevice parent_obj;
    CirrusState cirrus;
    uint32_t vgamem_mb;
};

static bool cirrus_isa_realize(DeviceState *dev, Error **errp)
{
    CirrusISAState *s = CIRRUS_ISA(dev);
    ISABus *bus = isa_bus_of(dev);

    if (!cirrus_init(&s->cirrus, dev, s->vgamem_mb, CIRRUS_ID_GD5430, CONFIG_ISA, errp)) {
        return false;
    }
    if (!vga_rom_add(dev->machine, "vgabios-cirrus.bin", errp)) {
        cirrus_deinit(&s->cirrus);
        return false;
    }
    vga_map_legacy(&s->cirrus.vga, bus->memory, bus->io);
    return true;
}

static void cirrus_isa_unrealize(DeviceState *dev)
{
    cirrus_deinit(&CIRRUS_ISA(dev)->cirrus);
}

static void cirrus_isa_reset(DeviceState *dev)
{
    cirrus_reset(&CIRRUS_ISA(dev)->cirrus);
}

static const VMStateField cirrus_isa_fields[] = {
    VMSTATE_STRUCT(cirrus, CirrusISAState, vmstate_cirrus, CirrusState),
    VMSTATE_END
};

static const VMStateDescription vmstate_cirrus_isa = {
    .name = TYPE_CIRRUS_ISA, .version = 1, .fields = cirrus_isa_fields,
};

static const Property cirrus_isa_props[] = {
    PROP_UINT32("vgamem_mb", CirrusISAState, vgamem_mb, 4),
    PROP_BOOL("blitter", CirrusISAState, cirrus.blitter, true),
    PROP_END
};

static const DeviceInfo cirrus_isa_info = {
    .name = TYPE_CIRRUS_ISA,
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(CirrusISAState),
    .desc = "Cirrus CLGD 54xx VGA on the ISA bus",
    .vmsd = &vmstate_cirrus_isa,
    .props = cirrus_isa_props,
    .realize = cirrus_isa_realize,
    .unrealize = cirrus_isa_unrealize,
    .reset = cirrus_isa_reset,
};
DEVICE_TYPE(cirrus_isa_info)
