/*
 * isa-pit: the 8254 of a PC, ports 0x40-0x43. OUT 0 is IRQ 0.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/intc/irqchip.h"
#include "hw/isa/isa.h"
#include "hw/timer/i8254.h"

OBJECT_DECLARE_SIMPLE(ISAPit, ISA_PIT, TYPE_ISA_PIT)

struct ISAPit {
    ISADevice parent_obj;
    I8254 chip;
    MemoryRegion io;
    uint32_t iobase;
};

I8254 *isa_pit_chip(Object *pit)
{
    return &ISA_PIT(pit)->chip;
}

static uint64_t pit_read(void *opaque, hwaddr addr, unsigned size)
{
    return i8254_read(opaque, addr);
}

static void pit_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    i8254_write(opaque, addr, val);
}

static const MemoryRegionOps pit_ops = {
    .read = pit_read,
    .write = pit_write,
    .impl = { .min_size = 1, .max_size = 1 },
};

/* The accelerator's timer; NULL: ours works. */
static const IrqchipOps *replacement(const ISAPit *s)
{
    return irqchip_board(DEVICE(s)->machine);
}

static void fetch(void *opaque)
{
    ISAPit *s = opaque;

    if (replacement(s)) {
        replacement(s)->get_pit(DEVICE(s)->machine, &s->chip);
    }
}

static void hand_over(ISAPit *s)
{
    if (replacement(s)) {
        replacement(s)->put_pit(DEVICE(s)->machine, &s->chip);
    }
}

/* The HPET's legacy replacement mode takes IRQ 0 over while this line is low. */
static void pit_irq_control(void *opaque, int n, int level)
{
    ISAPit *s = ISA_PIT(opaque);

    if (replacement(s)) {
        fetch(s);
        s->chip.irq_disabled = !level;
        hand_over(s);
    } else {
        i8254_disable_irq(&s->chip, !level);
    }
}

static bool pit_realize(DeviceState *dev, Error **errp)
{
    ISAPit *s = ISA_PIT(dev);

    i8254_init(&s->chip, qdev_clock(dev));
    memory_region_init_io(&s->io, dev, &pit_ops, &s->chip, "pit", 4);
    isa_register_ioport(dev, &s->io, s->iobase);
    qdev_init_gpio_in(dev, pit_irq_control, 1);
    qdev_init_gpio_out(dev, &s->chip.irq, 1);
    return true;
}

static void pit_unrealize(DeviceState *dev)
{
    ISAPit *s = ISA_PIT(dev);

    i8254_deinit(&s->chip);
    memory_region_destroy(&s->io);
}

static void pit_reset(DeviceState *dev)
{
    i8254_reset(&ISA_PIT(dev)->chip);
}

static void pit_reset_hold(DeviceState *dev)
{
    ISAPit *s = ISA_PIT(dev);

    if (replacement(s)) {
        hand_over(s);
    } else {
        i8254_update(&s->chip);
    }
}

static bool pit_post_load(void *opaque, Error **errp)
{
    hand_over(opaque);
    return true;
}

static const VMStateField pit_fields[] = {
    VMSTATE_STRUCT(chip, ISAPit, vmstate_i8254, I8254),
    VMSTATE_END
};

static const VMStateDescription vmstate_pit = {
    .name = TYPE_ISA_PIT, .version = 1, .fields = pit_fields, .pre_save = fetch,
    .post_load = pit_post_load,
};

static const Property pit_props[] = {
    PROP_UINT32("iobase", ISAPit, iobase, 0x40),
    PROP_END
};

static const DeviceInfo isa_pit_info = {
    .name = TYPE_ISA_PIT, .parent = TYPE_ISA_DEVICE, .instance_size = sizeof(ISAPit),
    .desc = "8254 interval timer", .internal = true, .props = pit_props, .vmsd = &vmstate_pit,
    .realize = pit_realize, .unrealize = pit_unrealize, .reset = pit_reset,
    .reset_hold = pit_reset_hold,
};
DEVICE_TYPE(isa_pit_info)
