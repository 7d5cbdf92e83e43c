/*
 * "isa-parallel": a standard parallel port with a printer on it that takes
 * every byte at once. IBM PC/AT Technical Reference, parallel printer adapter.
 *
 *     +0 data     latch, read back
 *     +1 status   7 -BUSY | 6 -ACK | 5 PE | 4 SLCT | 3 -ERROR
 *     +2 control  5 direction | 4 IRQ enable | 3 SLCT IN | 2 -INIT | 1 AUTO FD | 0 STROBE
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/qdev-chardev.h"
#include "hw/isa/isa.h"
#include "util/trace.h"

TRACE_EVENT(parallel_read, "register %u value 0x%02x");
TRACE_EVENT(parallel_write, "register %u value 0x%02x");

#define TYPE_ISA_PARALLEL "isa-parallel"
OBJECT_DECLARE_SIMPLE(ParallelState, PARALLEL, TYPE_ISA_PARALLEL)

enum { REG_DATA = 0, REG_STATUS = 1, REG_CONTROL = 2, PARALLEL_PORTS = 8 };
enum { ST_NOT_ERROR = 0x08, ST_SELECTED = 0x10, ST_NOT_ACK = 0x40, ST_NOT_BUSY = 0x80 };
/* Bits 7, 6: not there, read as ones. */
enum { CTL_STROBE = 0x01, CTL_NOT_INIT = 0x04, CTL_SELECT_IN = 0x08, CTL_IRQ_ENABLE = 0x10,
       CTL_DIRECTION = 0x20, CTL_UNUSED = 0xc0 };
enum { PARALLEL_AUTO = UINT32_MAX };

static const uint16_t lpt_ports[] = { 0x378, 0x278, 0x3bc };

struct ParallelState {
    ISADevice parent_obj;
    MemoryRegion io;
    IRQLine *line;
    uint32_t index, iobase, irq;
    ChardevProperty chardev;
    uint8_t data, status, control;
    bool irq_pending;
};

static void parallel_update_irq(ParallelState *s)
{
    irq_set(s->line, s->irq_pending && (s->control & CTL_IRQ_ENABLE));
}

/* The printer takes the byte on the leading edge of STROBE; its ACK interrupts. */
static void write_control(ParallelState *s, uint8_t val)
{
    bool strobe = (val & CTL_STROBE) && !(s->control & CTL_STROBE);

    s->control = val | CTL_UNUSED;
    if (strobe && (val & CTL_NOT_INIT) && (val & CTL_SELECT_IN)) {
        chr_fe_write(&s->chardev.fe, &s->data, 1);
        s->status &= ~ST_NOT_ACK;
        s->irq_pending = true;
    }
    parallel_update_irq(s);
}

/* ACK is a pulse: over when the guest has looked. */
static uint8_t read_status(ParallelState *s)
{
    uint8_t status = s->status;

    s->status |= ST_NOT_ACK;
    s->irq_pending = false;
    parallel_update_irq(s);
    return status;
}

static uint64_t parallel_io_read(void *opaque, hwaddr addr, unsigned size)
{
    ParallelState *s = opaque;
    uint8_t val = 0xff;

    switch (addr) {
    case REG_DATA:
        val = s->control & CTL_DIRECTION ? 0xff : s->data; /* nothing drives the cable */
        break;
    case REG_STATUS:
        val = read_status(s);
        break;
    case REG_CONTROL:
        val = s->control;
        break;
    }
    trace(parallel_read, (unsigned)addr, val);
    return val;
}

static void parallel_io_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    ParallelState *s = opaque;

    trace(parallel_write, (unsigned)addr, (unsigned)val);
    if (addr == REG_DATA) {
        s->data = val;
    } else if (addr == REG_CONTROL) {
        write_control(s, val);
    }
}

static const MemoryRegionOps parallel_io_ops = {
    .read = parallel_io_read,
    .write = parallel_io_write,
    .impl = { .min_size = 1, .max_size = 1 },
};

static void parallel_reset(DeviceState *dev)
{
    ParallelState *s = PARALLEL(dev);

    s->data = 0xff;
    s->status = ST_NOT_BUSY | ST_NOT_ACK | ST_SELECTED | ST_NOT_ERROR;
    s->control = CTL_UNUSED | CTL_NOT_INIT | CTL_SELECT_IN;
    s->irq_pending = false;
}

static void parallel_reset_hold(DeviceState *dev)
{
    parallel_update_irq(PARALLEL(dev));
}

static uint32_t next_index(DeviceState *dev)
{
    uint32_t index = 0;

    for (GSList *l = dev->parent_bus->children; l; l = l->next) {
        DeviceState *other = l->data;
        if (other != dev && other->realized && object_dynamic_cast(other, TYPE_ISA_PARALLEL)) {
            index = MAX(index, PARALLEL(other)->index + 1);
        }
    }
    return index;
}

static bool choose_resources(ParallelState *s, Error **errp)
{
    if (s->index == PARALLEL_AUTO) {
        s->index = next_index(DEVICE(s));
    }
    if (s->index >= G_N_ELEMENTS(lpt_ports)) {
        error_setg(errp, "isa-parallel: there are %zu parallel ports at most, index=0 to 2",
                   G_N_ELEMENTS(lpt_ports));
        return false;
    }
    if (s->iobase == PARALLEL_AUTO) {
        s->iobase = lpt_ports[s->index];
    }
    if (s->iobase > 0x10000 - PARALLEL_PORTS || s->irq >= ISA_NUM_IRQS) {
        error_setg(errp, "isa-parallel: iobase=0x%x,irq=%u is out of range; ports reach 0xffff, "
                   "interrupts 15", s->iobase, s->irq);
        return false;
    }
    return true;
}

static bool parallel_realize(DeviceState *dev, Error **errp)
{
    ParallelState *s = PARALLEL(dev);

    if (!choose_resources(s, errp) || !qdev_chardev_take(dev, &s->chardev, errp)) {
        return false;
    }
    s->line = isa_get_irq(dev, s->irq);
    memory_region_init_io(&s->io, s, &parallel_io_ops, s, "parallel", PARALLEL_PORTS);
    isa_register_ioport(dev, &s->io, s->iobase);
    return true;
}

static void parallel_unrealize(DeviceState *dev)
{
    ParallelState *s = PARALLEL(dev);

    memory_region_destroy(&s->io);
    qdev_chardev_release(&s->chardev);
}

static const VMStateField parallel_fields[] = {
    VMSTATE_UINT8(data, ParallelState),
    VMSTATE_UINT8(status, ParallelState),
    VMSTATE_UINT8(control, ParallelState),
    VMSTATE_BOOL(irq_pending, ParallelState),
    VMSTATE_END
};

static const VMStateDescription vmstate_parallel = {
    .name = "parallel", .version = 1, .fields = parallel_fields,
};

static const Property parallel_props[] = {
    PROP_UINT32("index", ParallelState, index, PARALLEL_AUTO),
    PROP_UINT32("iobase", ParallelState, iobase, PARALLEL_AUTO),
    PROP_UINT32("irq", ParallelState, irq, 7),
    PROP_CHARDEV("chardev", ParallelState, chardev),
    PROP_END
};

static const DeviceInfo parallel_info = {
    .name = TYPE_ISA_PARALLEL,
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(ParallelState),
    .desc = "parallel port",
    .vmsd = &vmstate_parallel,
    .props = parallel_props,
    .realize = parallel_realize,
    .unrealize = parallel_unrealize,
    .reset = parallel_reset,
    .reset_hold = parallel_reset_hold,
};
DEVICE_TYPE(parallel_info)
