/*
 * "isa-debug-exit": a write of VALUE ends the program at once with exit status
 * (VALUE << 1) | 1. For tests that run as guests.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/machine.h"
#include "hw/isa/isa.h"
#include "util/trace.h"

TRACE_EVENT(debug_exit_write, "value 0x%x");

#define TYPE_ISA_DEBUG_EXIT "isa-debug-exit"
OBJECT_DECLARE_SIMPLE(DebugExitState, DEBUG_EXIT, TYPE_ISA_DEBUG_EXIT)

struct DebugExitState {
    ISADevice parent_obj;
    MemoryRegion io;
    uint32_t iobase, iosize;
};

static uint64_t debug_exit_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

static void debug_exit_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    DebugExitState *s = opaque;
    MachineState *machine = DEVICE(s)->machine;

    trace(debug_exit_write, (unsigned)val);
    if (machine->events) {
        machine->events->exit_now(machine, (int)((uint32_t)val << 1 | 1));
    }
}

static const MemoryRegionOps debug_exit_ops = {
    .read = debug_exit_read,
    .write = debug_exit_write,
    .valid = { .min_size = 1, .max_size = 4 },
    .impl = { .min_size = 1, .max_size = 4 },
};

static bool debug_exit_realize(DeviceState *dev, Error **errp)
{
    DebugExitState *s = DEBUG_EXIT(dev);

    if (!s->iosize || s->iosize > 0x10000 || s->iobase > 0x10000 - s->iosize) {
        error_setg(errp, "isa-debug-exit: iobase=0x%x,iosize=0x%x is out of range; ports reach "
                   "0xffff", s->iobase, s->iosize);
        return false;
    }
    memory_region_init_io(&s->io, s, &debug_exit_ops, s, TYPE_ISA_DEBUG_EXIT, s->iosize);
    isa_register_ioport(dev, &s->io, s->iobase);
    return true;
}

static void debug_exit_unrealize(DeviceState *dev)
{
    memory_region_destroy(&DEBUG_EXIT(dev)->io);
}

static const Property debug_exit_props[] = {
    PROP_UINT32("iobase", DebugExitState, iobase, 0x501),
    PROP_UINT32("iosize", DebugExitState, iosize, 0x02),
    PROP_END
};

/* No reset and no state: there is none. */
static const DeviceInfo debug_exit_info = {
    .name = TYPE_ISA_DEBUG_EXIT,
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(DebugExitState),
    .desc = "ends the emulator with a status",
    .props = debug_exit_props,
    .realize = debug_exit_realize,
    .unrealize = debug_exit_unrealize,
};
DEVICE_TYPE(debug_exit_info)
