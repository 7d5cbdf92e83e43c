/*
 * Buses: see qdev.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/machine.h"

static void bus_attach(BusState *bus, DeviceState *parent, const char *name)
{
    bus->parent = parent;
    bus->name = g_strdup(name);
    if (parent) {
        parent->child_buses = g_slist_append(parent->child_buses, bus);
        object_property_add_child(OBJECT(parent), name, OBJECT(bus));
        object_unref(bus);
    }
}

BusState *bus_new(const char *type, DeviceState *parent, const char *name)
{
    BusState *bus = BUS(object_new(type));
    bus_attach(bus, parent, name);
    return bus;
}

void bus_init(void *mem, size_t size, const char *type, DeviceState *parent, const char *name)
{
    object_initialize(mem, size, type);
    bus_attach(mem, parent, name);
}

static BusState *find_below(BusState *bus, const char *bus_type, const char *name)
{
    bool type_fits = !bus_type || object_dynamic_cast(bus, bus_type);
    bool full = bus->max_dev && g_slist_length(bus->children) >= bus->max_dev;

    if (type_fits && (name ? g_str_equal(name, bus->name) : !full)) {
        return bus;
    }
    for (GSList *d = bus->children; d; d = d->next) {
        DeviceState *dev = d->data;
        for (GSList *b = dev->child_buses; b; b = b->next) {
            BusState *found = find_below(b->data, bus_type, name);
            if (found) {
                return found;
            }
        }
    }
    return NULL;
}

BusState *bus_find(MachineState *machine, const char *bus_type, const char *name)
{
    return find_below(machine->main_bus, bus_type, name);
}

static void bus_finalize(Object *obj)
{
    BusState *bus = BUS(obj);
    if (bus->parent) {
        bus->parent->child_buses = g_slist_remove(bus->parent->child_buses, bus);
    }
    g_slist_free(bus->children);
    g_free(bus->name);
}

static const TypeInfo bus_types[] = {
    { .name = TYPE_BUS, .parent = TYPE_OBJECT, .instance_size = sizeof(BusState),
      .class_size = sizeof(BusClass), .instance_finalize = bus_finalize, .abstract = true },
    { .name = "System", .parent = TYPE_BUS },
};

static void bus_register(void)
{
    type_register_array(bus_types);
}

type_init(bus_register)
