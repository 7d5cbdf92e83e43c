/*
 * isa-pcspk: port 0x61, NMI status and control (82371SB, 2.5.7.1), with the gate
 * and the output of timer counter 2, and the speaker's data bit. There is no sound.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/isa/isa.h"
#include "hw/timer/i8254.h"
#include "util/trace.h"

#define TYPE_ISA_PCSPK "isa-pcspk"
OBJECT_DECLARE_SIMPLE(PCSpeaker, PC_SPEAKER, TYPE_ISA_PCSPK)

TRACE_EVENT(pcspk_write, "value 0x%02x");
TRACE_EVENT(pcspk_read, "value 0x%02x");

enum {
    TIMER2_GATE = 1 << 0,
    SPEAKER_DATA = 1 << 1,
    PCI_SERR_DISABLE = 1 << 2,
    IOCHK_DISABLE = 1 << 3,
    REFRESH_TOGGLE = 1 << 4,
    TIMER2_OUT = 1 << 5,
    KEPT_BITS = SPEAKER_DATA | PCI_SERR_DISABLE | IOCHK_DISABLE,

    REFRESH_NS = 15085, /* 18 ticks of the timer: 128 rows in 2 ms */
};

struct PCSpeaker {
    ISADevice parent_obj;
    MemoryRegion io;
    uint32_t iobase;
    Object *pit;
    uint8_t control;
};

static uint64_t pcspk_read(void *opaque, hwaddr addr, unsigned size)
{
    PCSpeaker *s = opaque;
    I8254 *pit = isa_pit_chip(s->pit);
    uint8_t val = s->control;

    val |= i8254_gate(pit, 2) ? TIMER2_GATE : 0;
    val |= clock_get_ns(pit->clock) / REFRESH_NS & 1 ? REFRESH_TOGGLE : 0;
    val |= i8254_out(pit, 2) ? TIMER2_OUT : 0;
    trace(pcspk_read, val);
    return val;
}

static void pcspk_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PCSpeaker *s = opaque;

    trace(pcspk_write, (unsigned)val);
    s->control = val & KEPT_BITS;
    i8254_set_gate(isa_pit_chip(s->pit), 2, val & TIMER2_GATE);
}

static const MemoryRegionOps pcspk_ops = {
    .read = pcspk_read,
    .write = pcspk_write,
    .impl = { .min_size = 1, .max_size = 1 },
};

static bool pcspk_realize(DeviceState *dev, Error **errp)
{
    PCSpeaker *s = PC_SPEAKER(dev);

    if (!s->pit) {
        error_setg(errp, "isa-pcspk: property 'pit' must name an " TYPE_ISA_PIT);
        return false;
    }
    memory_region_init_io(&s->io, dev, &pcspk_ops, s, "pcspk", 1);
    isa_register_ioport(dev, &s->io, s->iobase);
    return true;
}

static void pcspk_unrealize(DeviceState *dev)
{
    memory_region_destroy(&PC_SPEAKER(dev)->io);
}

static void pcspk_reset(DeviceState *dev)
{
    PC_SPEAKER(dev)->control = 0;
}

static const VMStateField pcspk_fields[] = {
    VMSTATE_UINT8(control, PCSpeaker),
    VMSTATE_END
};

static const VMStateDescription vmstate_pcspk = {
    .name = "pcspk", .version = 1, .fields = pcspk_fields,
};

static const Property pcspk_props[] = {
    PROP_UINT32("iobase", PCSpeaker, iobase, 0x61),
    PROP_LINK("pit", PCSpeaker, pit, TYPE_ISA_PIT),
    PROP_END
};

static const DeviceInfo isa_pcspk_info = {
    .name = TYPE_ISA_PCSPK, .parent = TYPE_ISA_DEVICE, .instance_size = sizeof(PCSpeaker),
    .desc = "PC speaker and NMI status port", .internal = true, .props = pcspk_props,
    .vmsd = &vmstate_pcspk, .realize = pcspk_realize, .unrealize = pcspk_unrealize,
    .reset = pcspk_reset,
};
DEVICE_TYPE(isa_pcspk_info)
