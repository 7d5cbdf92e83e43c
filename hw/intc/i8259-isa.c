/*
 * isa-i8259: an 8259A on the ISA bus, and the cascaded pair of a PC.
 *
 * Ports (82371SB, 2.5): 0x20-0x21 and 0xa0-0xa1 the chips, 0x4d0 and 0x4d1 the
 * edge/level control registers.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/machine.h"
#include "hw/intc/i8259.h"
#include "hw/intc/intc.h"
#include "hw/intc/irqchip.h"

OBJECT_DECLARE_SIMPLE(ISAI8259, ISA_I8259, TYPE_ISA_I8259)

enum { MASTER_PORT = 0x20, SLAVE_PORT = 0xa0, ELCR_PORT = 0x4d0, CASCADE_IRQ = 2 };

struct ISAI8259 {
    ISADevice parent_obj;
    I8259 chip;
    MemoryRegion io, elcr_io;
    uint32_t iobase, elcr_addr;
};

static uint64_t pic_io_read(void *opaque, hwaddr addr, unsigned size)
{
    return i8259_read(opaque, addr);
}

static void pic_io_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    i8259_write(opaque, addr, val);
}

static uint64_t pic_elcr_read(void *opaque, hwaddr addr, unsigned size)
{
    I8259 *chip = opaque;
    return chip->elcr;
}

static void pic_elcr_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    i8259_write_elcr(opaque, val);
}

static const MemoryRegionOps pic_io_ops = {
    .read = pic_io_read,
    .write = pic_io_write,
    .impl = { .min_size = 1, .max_size = 1 },
};

static const MemoryRegionOps pic_elcr_ops = {
    .read = pic_elcr_read,
    .write = pic_elcr_write,
    .impl = { .min_size = 1, .max_size = 1 },
};

/* The accelerator's controller (NULL: ours works) is at the I/O APIC's line of the same interrupt. */
static const IrqchipOps *replacement(const ISAI8259 *s)
{
    return irqchip_board(DEVICE(s)->machine);
}

static void pic_set_ir(void *opaque, int n, int level)
{
    ISAI8259 *s = ISA_I8259(opaque);

    if (!replacement(s)) {
        i8259_set_ir(&s->chip, n, level);
    } else if (level) {
        s->chip.raised[n]++;
    }
}

static void fetch(void *opaque)
{
    ISAI8259 *s = opaque;

    if (replacement(s)) {
        replacement(s)->get_pic(DEVICE(s)->machine, &s->chip);
    }
}

static void hand_over(ISAI8259 *s)
{
    if (replacement(s)) {
        replacement(s)->put_pic(DEVICE(s)->machine, &s->chip);
    }
}

static bool pic_realize(DeviceState *dev, Error **errp)
{
    ISAI8259 *s = ISA_I8259(dev);

    memory_region_init_io(&s->io, dev, &pic_io_ops, &s->chip, "pic", 2);
    isa_register_ioport(dev, &s->io, s->iobase);
    if (s->elcr_addr != UINT32_MAX) {
        memory_region_init_io(&s->elcr_io, dev, &pic_elcr_ops, &s->chip, "elcr", 1);
        isa_register_ioport(dev, &s->elcr_io, s->elcr_addr);
    }
    qdev_init_gpio_in(dev, pic_set_ir, 8);
    qdev_init_gpio_out(dev, &s->chip.int_out, 1);
    return true;
}

static void pic_unrealize(DeviceState *dev)
{
    ISAI8259 *s = ISA_I8259(dev);

    memory_region_destroy(&s->io);
    if (s->elcr_addr != UINT32_MAX) {
        memory_region_destroy(&s->elcr_io);
    }
}

static void pic_reset(DeviceState *dev)
{
    i8259_chip_reset(&ISA_I8259(dev)->chip);
}

static void pic_reset_hold(DeviceState *dev)
{
    ISAI8259 *s = ISA_I8259(dev);

    if (replacement(s)) {
        hand_over(s);
    } else {
        i8259_update(&s->chip);
    }
}

static bool pic_post_load(void *opaque, Error **errp)
{
    ISAI8259 *s = opaque;
    I8259 *chip = &s->chip;

    if (chip->lowest > 7 || chip->next_icw > 4 || chip->next_icw == 1) {
        error_setg(errp, "isa-i8259: saved state has lowest level %u and next ICW %u",
                   chip->lowest, chip->next_icw);
        return false;
    }
    chip->elcr &= chip->elcr_mask;
    hand_over(s);
    return true;
}

static const VMStateField pic_fields[] = {
    VMSTATE_UINT8(chip.lines, ISAI8259),
    VMSTATE_UINT8(chip.edge_latch, ISAI8259),
    VMSTATE_UINT8(chip.isr, ISAI8259),
    VMSTATE_UINT8(chip.imr, ISAI8259),
    VMSTATE_UINT8(chip.icw1, ISAI8259),
    VMSTATE_UINT8(chip.icw2, ISAI8259),
    VMSTATE_UINT8(chip.icw3, ISAI8259),
    VMSTATE_UINT8(chip.icw4, ISAI8259),
    VMSTATE_UINT8(chip.next_icw, ISAI8259),
    VMSTATE_UINT8(chip.lowest, ISAI8259),
    VMSTATE_UINT8(chip.elcr, ISAI8259),
    VMSTATE_BOOL(chip.rotate_on_aeoi, ISAI8259),
    VMSTATE_BOOL(chip.special_mask, ISAI8259),
    VMSTATE_BOOL(chip.read_isr, ISAI8259),
    VMSTATE_BOOL(chip.poll, ISAI8259),
    VMSTATE_BOOL(chip.int_level, ISAI8259),
    VMSTATE_END
};

static const VMStateDescription vmstate_pic = {
    .name = "i8259", .version = 1, .fields = pic_fields, .pre_save = fetch,
    .post_load = pic_post_load,
};

static const Property pic_props[] = {
    PROP_UINT32("iobase", ISAI8259, iobase, UINT32_MAX),
    PROP_UINT32("elcr_addr", ISAI8259, elcr_addr, UINT32_MAX),
    PROP_UINT8("elcr_mask", ISAI8259, chip.elcr_mask, UINT8_MAX),
    PROP_BOOL("master", ISAI8259, chip.master, false),
    PROP_END
};

/* --- for monitors ------------------------------------------------------------------- */

enum { ICW4_SFNM = 1 << 4 };

static void pic_print_info(Object *obj, GString *out)
{
    const I8259 *chip = &ISA_I8259(obj)->chip;

    fetch(obj);
    g_string_append_printf(out, "pic%d: irr=%02x imr=%02x isr=%02x hprio=%d irq_base=%02x "
                           "rr_sel=%d elcr=%02x fnm=%d\n", !chip->master, i8259_irr(chip),
                           chip->imr, chip->isr, (chip->lowest + 1) & 7, chip->icw2 & 0xf8,
                           chip->read_isr, chip->elcr, (chip->icw4 & ICW4_SFNM) != 0);
}

static const uint64_t *pic_irq_counts(Object *obj, unsigned *first, unsigned *n)
{
    I8259 *chip = &ISA_I8259(obj)->chip;

    *first = chip->master ? 0 : 8;
    *n = G_N_ELEMENTS(chip->raised);
    return chip->raised;
}

static void pic_class_init(ObjectClass *klass, const void *data)
{
    InterruptStatsProviderClass *ic = INTERRUPT_STATS_PROVIDER_CLASS(klass);

    ic->print_info = pic_print_info;
    ic->irq_counts = pic_irq_counts;
}

static const char *const pic_interfaces[] = { TYPE_INTERRUPT_STATS_PROVIDER, NULL };

static const DeviceInfo isa_i8259_info = {
    .name = TYPE_ISA_I8259, .parent = TYPE_ISA_DEVICE, .instance_size = sizeof(ISAI8259),
    .desc = "8259A interrupt controller", .internal = true, .props = pic_props,
    .vmsd = &vmstate_pic, .realize = pic_realize, .unrealize = pic_unrealize,
    .reset = pic_reset, .reset_hold = pic_reset_hold, .class_init = pic_class_init,
    .interfaces = pic_interfaces,
};
DEVICE_TYPE(isa_i8259_info)

static ISAI8259 *pic_create(ISABus *bus, bool master, Error **errp)
{
    DeviceState *dev = qdev_new(TYPE_ISA_I8259);
    ISAI8259 *s = ISA_I8259(dev);

    s->iobase = master ? MASTER_PORT : SLAVE_PORT;
    s->elcr_addr = master ? ELCR_PORT : ELCR_PORT + 1;
    /* The system timer, keyboard, cascade, RTC and FPU lines are always edge triggered. */
    s->chip.elcr_mask = master ? 0xf8 : 0xde;
    s->chip.master = master;
    return isa_realize(dev, bus, errp) ? s : NULL;
}

bool i8259_create_pair(I8259Pair *pair, ISABus *bus, IRQLine *intr, Error **errp)
{
    ISAI8259 *master = pic_create(bus, true, errp);
    ISAI8259 *slave = master ? pic_create(bus, false, errp) : NULL;

    if (!slave) {
        return false;
    }
    qdev_connect_gpio_out(DEVICE(master), 0, intr);
    qdev_connect_gpio_out(DEVICE(slave), 0, qdev_get_gpio_in(DEVICE(master), CASCADE_IRQ));
    for (unsigned irq = 0; irq < ISA_NUM_IRQS; irq++) {
        DeviceState *chip = DEVICE(irq < 8 ? master : slave);
        pair->irqs[irq] = irq == CASCADE_IRQ ? NULL : qdev_get_gpio_in(chip, irq % 8);
    }
    pair->master = &master->chip;
    pair->slave = &slave->chip;
    return true;
}
