/*
 * The IDE function of Intel's 82371SB (PIIX3) and 82371AB (PIIX4): two
 * channels at the legacy ports, bus mastering behind BAR 4.
 *
 * IDETIM's decode enable bits come up set, so that the channels answer on a
 * machine that no firmware has set up.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/ide/piix.h"
#include "hw/ide/ide-int.h"
#include "hw/isa/isa.h"

/* Configuration registers (PIIX3 data sheet 2.3.10) */
enum { IDETIM = 0x40, SIDETIM = 0x44, IDETIM_DECODE_ENABLE = 0x8000 };

typedef struct LegacyPorts {
    uint16_t command, control;
} LegacyPorts;
static const LegacyPorts legacy_ports[2] = { { 0x1f0, 0x3f6 }, { 0x170, 0x376 } };

/* --- bus-master registers ------------------------------------------------- */

static uint64_t bmiba_read(void *opaque, hwaddr addr, unsigned size)
{
    PIIXIDEState *s = opaque;
    uint32_t val = 0;

    for (unsigned i = 0; i < size; i++) {
        unsigned reg = addr + i;
        val |= (uint32_t)bmdma_read(&s->channels[reg / BMDMA_PORTS].bmdma, reg % BMDMA_PORTS)
             << (8 * i);
    }
    return val;
}

static void bmiba_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PIIXIDEState *s = opaque;

    for (unsigned i = 0; i < size; i++) {
        unsigned reg = addr + i;
        bmdma_write(&s->channels[reg / BMDMA_PORTS].bmdma, reg % BMDMA_PORTS, val >> (8 * i));
    }
}

static const MemoryRegionOps bmiba_ops = {
    .read = bmiba_read, .write = bmiba_write, .valid = { 1, 4 }, .impl = { 1, 4 },
};

/* --- configuration -------------------------------------------------------- */

static void update_decode(PIIXIDEState *s)
{
    const uint8_t *config = s->parent_obj.config;

    for (int i = 0; i < 2; i++) {
        bool on = pci_get_word(config + IDETIM + 2 * i) & IDETIM_DECODE_ENABLE;
        memory_region_set_enabled(&s->channels[i].command, on);
        memory_region_set_enabled(&s->channels[i].control, on);
    }
}

static void piix_config_write(PCIDevice *pci, unsigned addr, uint32_t val, unsigned len)
{
    pci_default_write_config(pci, addr, val, len);
    if (pci_ranges_overlap(addr, len, IDETIM, 4)) {
        update_decode(PIIX_IDE(pci));
    }
}

/* --- device --------------------------------------------------------------- */

static void set_intr(void *opaque, int n, int level)
{
    PIIXIDEState *s = opaque;

    bmdma_set_intr(&s->channels[n].bmdma, level);
    irq_set(s->irq[n], level);
}

static void init_channel(PIIXIDEState *s, unsigned i)
{
    struct PIIXIDEChannel *ch = &s->channels[i];
    MemoryRegion *io = pci_get_bus(&s->parent_obj)->io;

    ide_bus_init(&ch->bus, sizeof(ch->bus), DEVICE(s), i);
    ch->intr = irq_new(set_intr, s, i);
    ch->bus.irq = ch->intr;
    bmdma_init(&ch->bmdma, &s->parent_obj, &ch->bus);
    memory_region_init_io(&ch->command, s, &ide_command_ops, &ch->bus, "ide-command", 8);
    memory_region_init_io(&ch->control, s, &ide_control_ops, &ch->bus, "ide-control", 1);
    memory_region_add_subregion(io, legacy_ports[i].command, &ch->command);
    memory_region_add_subregion(io, legacy_ports[i].control, &ch->control);
}

/* Both channels are wired to the ISA bridge beside this function. */
static void connect_irqs(DeviceState *dev)
{
    static const uint8_t irqs[2] = { 14, 15 };
    BusState *isa = bus_find(dev->machine, TYPE_ISA_BUS, NULL);

    for (int i = 0; isa && i < 2; i++) {
        qdev_connect_gpio_out(dev, i, ISA_BUS(isa)->irqs[irqs[i]]);
    }
}

static bool piix_ide_realize(DeviceState *dev, Error **errp)
{
    PIIXIDEState *s = PIIX_IDE(dev);
    PCIDevice *pci = PCI_DEVICE(dev);

    pci_set_word(pci->wmask + IDETIM, 0xffff);
    pci_set_word(pci->wmask + IDETIM + 2, 0xffff);
    pci->wmask[SIDETIM] = 0xff;
    memory_region_init_io(&s->bmiba, dev, &bmiba_ops, s, "bmdma", 2 * BMDMA_PORTS);
    pci_register_bar(pci, 4, PCI_BASE_ADDRESS_SPACE_IO, &s->bmiba);
    for (unsigned i = 0; i < 2; i++) {
        init_channel(s, i);
    }
    connect_irqs(dev);
    return true;
}

static void piix_ide_init(Object *obj)
{
    qdev_init_gpio_out(DEVICE(obj), ((PIIXIDEState *)obj)->irq, 2);
}

static void piix_ide_finalize(Object *obj)
{
    PIIXIDEState *s = (PIIXIDEState *)obj;

    for (int i = 0; i < 2; i++) {
        if (s->channels[i].intr) {
            irq_free(s->channels[i].intr);
        }
    }
}

static void piix_ide_reset(DeviceState *dev)
{
    PIIXIDEState *s = PIIX_IDE(dev);
    uint8_t *config = s->parent_obj.config;

    for (int i = 0; i < 2; i++) {
        ide_bus_reset(&s->channels[i].bus);
        bmdma_reset(&s->channels[i].bmdma);
        pci_set_word(config + IDETIM + 2 * i, IDETIM_DECODE_ENABLE);
    }
    config[SIDETIM] = 0;
    update_decode(s);
}

static bool piix_ide_post_load(void *opaque, Error **errp)
{
    update_decode(opaque);
    return true;
}

static const VMStateField piix_ide_channel_fields[] = {
    VMSTATE_STRUCT(bus, struct PIIXIDEChannel, vmstate_ide_bus, IDEBus),
    VMSTATE_STRUCT(bmdma, struct PIIXIDEChannel, vmstate_bmdma, BMDMA),
    VMSTATE_END
};

static const VMStateDescription vmstate_piix_ide_channel = {
    .name = "piix_ide_channel", .version = 1, .fields = piix_ide_channel_fields,
};

static const VMStateField piix_ide_fields[] = {
    VMSTATE_PCI_DEVICE(parent_obj, PIIXIDEState),
    VMSTATE_STRUCT_ARRAY(channels, PIIXIDEState, 2, vmstate_piix_ide_channel,
                         struct PIIXIDEChannel),
    VMSTATE_END
};

static const VMStateDescription vmstate_piix_ide = {
    .name = "piix_ide", .version = 1, .fields = piix_ide_fields, .post_load = piix_ide_post_load,
};

static const DeviceInfo piix_ide_info = {
    .name = TYPE_PIIX_IDE, .parent = TYPE_PCI_DEVICE, .instance_size = sizeof(PIIXIDEState),
    .abstract = true, .instance_init = piix_ide_init, .instance_finalize = piix_ide_finalize,
};
DEVICE_TYPE(piix_ide_info)

#define PIIX_IDE_DEVICE(nm, text, pci_info)                                    \
    { .name = (nm), .parent = TYPE_PIIX_IDE, .instance_size = sizeof(PIIXIDEState), \
      .desc = (text), .realize = piix_ide_realize, .reset = piix_ide_reset,    \
      .vmsd = &vmstate_piix_ide, .class_init = pci_device_class_init, .class_data = &(pci_info) }

/* prog_if: bus master; both channels in legacy mode, not switchable. */
static const PCIDeviceInfo piix3_ide_pci = {
    .vendor_id = 0x8086, .device_id = 0x7010, .class_id = 0x0101, .prog_if = 0x80,
    .config_write = piix_config_write,
};
static const PCIDeviceInfo piix4_ide_pci = {
    .vendor_id = 0x8086, .device_id = 0x7111, .class_id = 0x0101, .prog_if = 0x80,
    .config_write = piix_config_write,
};

static const DeviceInfo piix3_ide_info =
    PIIX_IDE_DEVICE(TYPE_PIIX3_IDE, "PIIX3 IDE", piix3_ide_pci);
static const DeviceInfo piix4_ide_info =
    PIIX_IDE_DEVICE(TYPE_PIIX4_IDE, "PIIX4 IDE", piix4_ide_pci);
DEVICE_TYPE(piix3_ide_info)
DEVICE_TYPE(piix4_ide_info)

/* --- boards --------------------------------------------------------------- */

bool ide_drives_attach(PCIDevice *piix_ide, BlockRegistry *drives, bool defaults, Error **errp)
{
    PIIXIDEState *s = PIIX_IDE(piix_ide);
    IDEBus *const channels[2] = { &s->channels[0].bus, &s->channels[1].bus };

    return ide_attach_channels(channels, drives, defaults, errp);
}

static const IDEDevice *drive_at(PCIDevice *piix_ide, unsigned index)
{
    return index < 4 ? PIIX_IDE(piix_ide)->channels[index / 2].bus.drives[index % 2] : NULL;
}

int ide_get_bootindex(PCIDevice *piix_ide, unsigned index)
{
    const IDEDevice *d = drive_at(piix_ide, index);
    return d ? d->bootindex : -1;
}

bool ide_get_geometry(PCIDevice *piix_ide, unsigned index, IDEGeometry *out)
{
    const IDEDevice *d = drive_at(piix_ide, index);

    if (!d || d->is_cd) {
        return false;
    }
    *out = (IDEGeometry){ d->cyls, d->heads, d->secs, d->translation };
    return true;
}
