/*
 * ib700: the watchdog of the iBASE IB700 single-board computer.
 *
 * Writing port 0x443 starts it, or keeps it from barking: bits 3-0 choose 30 seconds
 * (0) down to 0 (15) in steps of 2. Writing port 0x441 stops it. When its time is up
 * the machine is reset, or what the user chose (-action watchdog=) happens.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/machine.h"
#include "hw/isa/isa.h"
#include "util/trace.h"

#define TYPE_IB700 "ib700"
OBJECT_DECLARE_SIMPLE(IB700State, IB700, TYPE_IB700)

TRACE_EVENT(ib700_start, "%u s");
TRACE_EVENT(ib700_stop, "%s");
TRACE_EVENT(ib700_expired, "%s");

enum { PORT_STOP = 0x441, PORT_START = 0x443, LONGEST_SECONDS = 30, STEP_SECONDS = 2 };

struct IB700State {
    ISADevice parent_obj;
    MemoryRegion stop_io, start_io;
    Timer timer;
};

static uint64_t ib700_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0xff; /* both ports are write-only */
}

static void ib700_stop(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    IB700State *s = opaque;

    trace(ib700_stop, "by the guest");
    timer_del(&s->timer);
}

static void ib700_start(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    IB700State *s = opaque;
    unsigned seconds = LONGEST_SECONDS - STEP_SECONDS * (val & 15);

    trace(ib700_start, seconds);
    timer_mod(&s->timer, clock_get_ns(s->timer.clock) + seconds * NS_PER_SECOND);
}

static const MemoryRegionOps ib700_stop_ops = {
    .read = ib700_read,
    .write = ib700_stop,
    .impl = { .min_size = 1, .max_size = 1 },
};

static const MemoryRegionOps ib700_start_ops = {
    .read = ib700_read,
    .write = ib700_start,
    .impl = { .min_size = 1, .max_size = 1 },
};

static void ib700_expired(void *opaque)
{
    IB700State *s = opaque;
    MachineState *machine = DEVICE(s)->machine;

    trace(ib700_expired, "time is up");
    if (machine->events) {
        machine->events->watchdog_expired(machine);
    }
}

static bool ib700_realize(DeviceState *dev, Error **errp)
{
    IB700State *s = IB700(dev);

    timer_init(&s->timer, qdev_clock(dev), ib700_expired, s);
    memory_region_init_io(&s->stop_io, dev, &ib700_stop_ops, s, "ib700-stop", 1);
    isa_register_ioport(dev, &s->stop_io, PORT_STOP);
    memory_region_init_io(&s->start_io, dev, &ib700_start_ops, s, "ib700-start", 1);
    isa_register_ioport(dev, &s->start_io, PORT_START);
    return true;
}

static void ib700_unrealize(DeviceState *dev)
{
    IB700State *s = IB700(dev);

    timer_deinit(&s->timer);
    memory_region_destroy(&s->stop_io);
    memory_region_destroy(&s->start_io);
}

static void ib700_reset(DeviceState *dev)
{
    timer_del(&IB700(dev)->timer);
}

static const VMStateField ib700_fields[] = {
    VMSTATE_TIMER(timer, IB700State),
    VMSTATE_END
};

static const VMStateDescription vmstate_ib700 = {
    .name = "ib700", .version = 1, .fields = ib700_fields,
};

static const DeviceInfo ib700_info = {
    .name = TYPE_IB700, .parent = TYPE_ISA_DEVICE, .instance_size = sizeof(IB700State),
    .desc = "iBASE 700 watchdog", .vmsd = &vmstate_ib700, .realize = ib700_realize,
    .unrealize = ib700_unrealize, .reset = ib700_reset,
};
DEVICE_TYPE(ib700_info)
