/*
 * "pvpanic": a port by which a guest kernel tells that it panicked.
 * Interface: docs/specs/pvpanic of QEMU, linux/pvpanic.h.
 *
 *     r  which events are offered    w  events: 0 panicked | 1 crash dump loaded
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/machine.h"
#include "hw/isa/isa.h"
#include "hw/nvram/fw_cfg.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_EVENT(pvpanic_write, "events 0x%02x");

#define TYPE_PVPANIC "pvpanic"
OBJECT_DECLARE_SIMPLE(PvpanicState, PVPANIC, TYPE_PVPANIC)

enum {
    PVPANIC_PANICKED = 1 << 0,
    PVPANIC_CRASHLOADED = 1 << 1, /* the guest's own crash kernel takes over */
    PVPANIC_EVENTS = PVPANIC_PANICKED | PVPANIC_CRASHLOADED,
};

struct PvpanicState {
    ISADevice parent_obj;
    MemoryRegion io;
    uint16_t iobase;
    uint8_t events; /* offered */
};

static uint64_t pvpanic_io_read(void *opaque, hwaddr addr, unsigned size)
{
    return ((PvpanicState *)opaque)->events;
}

static void pvpanic_io_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PvpanicState *s = opaque;
    MachineState *machine = DEVICE(s)->machine;

    trace(pvpanic_write, (unsigned)val);
    if (val & ~PVPANIC_EVENTS) {
        log_mask(LOG_GUEST_ERROR, "pvpanic: unknown events 0x%02x\n", (unsigned)val);
    }
    if (val & PVPANIC_CRASHLOADED) {
        json_object *data = json_object_new_object();
        json_object_object_add(data, "action", json_object_new_string("run"));
        machine_emit_event(machine, "GUEST_CRASHLOADED", data);
    }
    if ((val & PVPANIC_PANICKED) && machine->events) {
        machine->events->panicked(machine);
    }
}

static const MemoryRegionOps pvpanic_io_ops = {
    .read = pvpanic_io_read,
    .write = pvpanic_io_write,
    .impl = { .min_size = 1, .max_size = 1 },
};

/* The BIOS tells the guest's ACPI tables where the port is. */
static bool publish_port(PvpanicState *s, Error **errp)
{
    FWCfgState *fw_cfg = fw_cfg_find(DEVICE(s)->machine);
    uint16_t port = GUINT16_TO_LE(s->iobase);

    return !fw_cfg || fw_cfg_modify_file(fw_cfg, "etc/pvpanic-port", &port, sizeof(port), errp);
}

static bool pvpanic_realize(DeviceState *dev, Error **errp)
{
    PvpanicState *s = PVPANIC(dev);

    if (!publish_port(s, errp)) {
        return false;
    }
    memory_region_init_io(&s->io, s, &pvpanic_io_ops, s, "pvpanic", 1);
    isa_register_ioport(dev, &s->io, s->iobase);
    return true;
}

static void pvpanic_unrealize(DeviceState *dev)
{
    memory_region_destroy(&PVPANIC(dev)->io);
}

static const Property pvpanic_props[] = {
    PROP_UINT16("ioport", PvpanicState, iobase, 0x505),
    PROP_UINT8("events", PvpanicState, events, PVPANIC_EVENTS),
    PROP_END
};

/* No reset and no state: there is none. */
static const DeviceInfo pvpanic_info = {
    .name = TYPE_PVPANIC,
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(PvpanicState),
    .desc = "tells the host of a guest's panic",
    .props = pvpanic_props,
    .realize = pvpanic_realize,
    .unrealize = pvpanic_unrealize,
};
DEVICE_TYPE(pvpanic_info)
