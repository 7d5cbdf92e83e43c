/*
 * Devices and buses.
 *
 * A device is created (object_new), configured by properties, and realized
 * (attached to the machine: memory regions, lines, back ends). Realize may
 * fail with errp set and must then leave nothing behind.
 *
 * A complete device is a struct, a const DeviceInfo and a handful of functions:
 *
 *     static const Property port92_props[] = { ..., PROP_END };
 *     static const DeviceInfo port92_info = {
 *         .name = "port92", .parent = TYPE_ISA_DEVICE, .instance_size = sizeof(Port92),
 *         .desc = "PS/2 system control port A", .realize = port92_realize,
 *         .reset = port92_reset, .vmsd = &vmstate_port92, .props = port92_props,
 *     };
 *     DEVICE_TYPE(port92_info)
 *
 * Reset has three phases over the whole machine: enter (own state to power-on
 * values, no effect outside), hold (drive output lines to their reset level),
 * exit (start). .reset is the enter phase; most devices need only it.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_QDEV_H
#define HW_CORE_QDEV_H

#include "hw/core/irq.h"
#include "hw/core/vmstate.h"
#include "qom/object.h"
#include "util/timer.h"

#define TYPE_DEVICE "device"
#define TYPE_BUS "bus"
OBJECT_DECLARE(DeviceState, DeviceClass, DEVICE, TYPE_DEVICE)
OBJECT_DECLARE(BusState, BusClass, BUS, TYPE_BUS)

typedef struct Property Property;
typedef struct MachineState MachineState; /* hw/core/machine.h */

struct DeviceState {
    Object parent_obj;
    char *id;               /* -device id=; NULL without */
    BusState *parent_bus;   /* NULL for devices without a bus (CPUs, chips of the board) */
    GSList *child_buses;    /* BusState */
    GSList *gpios;          /* named groups of lines, private to qdev */
    bool realized;
    bool hotplugged;
    bool globals_applied;
    MachineState *machine;  /* set before realize */
};

struct DeviceClass {
    ObjectClass parent_class;
    const char *desc;
    const char *bus_type;   /* type of bus it plugs into; NULL: none */
    const VMStateDescription *vmsd;
    bool user_creatable;    /* -device may create it */
    bool hotpluggable;
    bool (*realize)(DeviceState *dev, Error **errp);
    void (*unrealize)(DeviceState *dev);
    void (*reset_enter)(DeviceState *dev);
    void (*reset_hold)(DeviceState *dev);
    void (*reset_exit)(DeviceState *dev);
};

struct BusState {
    Object parent_obj;
    DeviceState *parent;    /* the device that offers the bus; NULL: the machine's main bus */
    char *name;             /* "pci.0", "ide.1" */
    GSList *children;       /* DeviceState, in order of plugging */
    unsigned max_dev;       /* 0: no limit */
    bool hotplug;           /* devices may come and go while the machine runs */
};

struct BusClass {
    ObjectClass parent_class;
    /* Fails if dev cannot plug here (address taken and so on). */
    bool (*check_address)(BusState *bus, DeviceState *dev, Error **errp);
    /* Text of a device's address for `info qtree`. */
    char *(*dev_path)(DeviceState *dev);
    void (*reset)(BusState *bus);
};

typedef struct DeviceInfo {
    const char *name;
    const char *parent;      /* NULL: TYPE_DEVICE */
    size_t instance_size;
    size_t class_size;
    const char *desc;
    const VMStateDescription *vmsd;
    const Property *props;   /* ends with PROP_END */
    bool internal;           /* not creatable by -device (a chip of the board) */
    bool hotpluggable;
    bool abstract;
    void (*instance_init)(Object *obj);
    void (*instance_finalize)(Object *obj);
    bool (*realize)(DeviceState *dev, Error **errp);
    void (*unrealize)(DeviceState *dev);
    void (*reset)(DeviceState *dev);      /* enter phase */
    void (*reset_hold)(DeviceState *dev);
    void (*reset_exit)(DeviceState *dev);
    /* Sets what a subclass of DeviceClass adds (PCI ids ...); data is class_data. */
    void (*class_init)(ObjectClass *klass, const void *data);
    const void *class_data;
    const char *const *interfaces;
} DeviceInfo;

void device_type_register(const DeviceInfo *info);
#define DEVICE_TYPE(info)                                                      \
    static void info##_register(void)                                          \
    {                                                                          \
        device_type_register(&info);                                           \
    }                                                                          \
    type_init(info##_register)

/*
 * A realize that adds to its parent class's: the class_init of an abstract
 * type keeps the subclass's function in its own class struct (see isa.c, pci.c);
 * DeviceInfo.realize sets DeviceClass.realize of the leaf, which such a parent
 * class wraps.
 */

/* Life cycle. */
DeviceState *qdev_new(const char *type);        /* must exist */
DeviceState *qdev_try_new(const char *type);    /* NULL if there is no such device type */
/* Plugs dev into bus (NULL if it needs none) and realizes it; drops the caller's reference
 * on success. A device without a parent in the tree goes below /machine/unattached. */
bool qdev_realize_and_unref(DeviceState *dev, BusState *bus, MachineState *machine, Error **errp);
bool qdev_realize(DeviceState *dev, BusState *bus, MachineState *machine, Error **errp);
void qdev_unrealize(DeviceState *dev);
/* Sets what -global asked for this type. realize does it for devices of the board; who
 * sets properties from a user calls it before them. dev->machine must be set. */
bool qdev_apply_globals(DeviceState *dev, Error **errp);
/* Resets a device (with its buses' children below it), all phases. */
void qdev_reset(DeviceState *dev);
void bus_reset(BusState *bus);

/* Buses. */
BusState *bus_new(const char *type, DeviceState *parent, const char *name);
void bus_init(void *bus, size_t size, const char *type, DeviceState *parent, const char *name);
/* The machine's main bus or any bus below it that takes devices of bus_type. */
BusState *bus_find(MachineState *machine, const char *bus_type, const char *name);
DeviceState *qdev_find_by_id(MachineState *machine, const char *id);
/* Calls fn for every device below bus or dev, depth first. */
void qdev_walk(DeviceState *dev, void (*fn)(DeviceState *dev, void *opaque), void *opaque);

/* The machine's virtual clock: device time. Valid before realize() runs. */
Clock *qdev_clock(const DeviceState *dev);
/* A path for messages and state sections: id, or the canonical path. */
char *qdev_name(const DeviceState *dev);

/* Lines. name NULL is the default group. */
void qdev_init_gpio_in(DeviceState *dev, IRQHandler *handler, int n);
void qdev_init_gpio_in_named(DeviceState *dev, IRQHandler *handler, const char *name, int n);
/* pins: the device's array of output pointers, filled by qdev_connect_gpio_out(). */
void qdev_init_gpio_out(DeviceState *dev, IRQLine **pins, int n);
void qdev_init_gpio_out_named(DeviceState *dev, IRQLine **pins, const char *name, int n);
/* False if the group (or line n of it) does not exist: for names from outside. */
bool qdev_has_gpio_in(DeviceState *dev, const char *name, int n);
IRQLine *qdev_get_gpio_in(DeviceState *dev, int n);
IRQLine *qdev_get_gpio_in_named(DeviceState *dev, const char *name, int n);
void qdev_connect_gpio_out(DeviceState *dev, int n, IRQLine *line);
void qdev_connect_gpio_out_named(DeviceState *dev, const char *name, int n, IRQLine *line);
/* qtest: reports each level change of the default input (or output) lines. The
 * named form picks a group. Returns false if the device has no such lines. */
bool qdev_intercept_gpio_in(DeviceState *dev, const char *name, IRQHandler *observer, void *opaque);
bool qdev_intercept_gpio_out(DeviceState *dev, const char *name, IRQHandler *observer, void *opaque);

/* Static properties: fields of the device struct, settable until realized. */
typedef struct PropertyInfo PropertyInfo;
struct Property {
    const char *name;
    const PropertyInfo *info;
    size_t offset;
    union {
        uint64_t u;
        int64_t i;
        const char *s;
    } def;
    const void *data;       /* PROP_LINK: type name; PROP_BIT: unused */
    uint8_t bit;
    const char *desc;
};

/* How a kind of property reads, writes and frees its field. New kinds live
 * with their subsystem: drives in hw/core/qdev-drive.h, chardevs in
 * hw/core/qdev-chardev.h. */
struct PropertyInfo {
    const char *type;
    json_object *(*get)(Object *obj, const Property *prop, void *field, Error **errp);
    bool (*set)(Object *obj, const Property *prop, void *field, json_object *value, Error **errp);
    void (*set_default)(const Property *prop, void *field);
    void (*release)(Object *obj, const Property *prop, void *field);
};

extern const PropertyInfo prop_info_bool, prop_info_uint8, prop_info_uint16, prop_info_uint32,
    prop_info_uint64, prop_info_int32, prop_info_str, prop_info_bit, prop_info_link,
    prop_info_size, prop_info_pci_devfn, prop_info_macaddr, prop_info_on_off_auto;

#define PROP_(nm, T, f, inf, ...) { .name = nm, .info = &(inf), .offset = offsetof(T, f), __VA_ARGS__ }
#define PROP_BOOL(nm, T, f, d) PROP_(nm, T, f, prop_info_bool, .def.u = (d))
#define PROP_UINT8(nm, T, f, d) PROP_(nm, T, f, prop_info_uint8, .def.u = (d))
#define PROP_UINT16(nm, T, f, d) PROP_(nm, T, f, prop_info_uint16, .def.u = (d))
#define PROP_UINT32(nm, T, f, d) PROP_(nm, T, f, prop_info_uint32, .def.u = (d))
#define PROP_UINT64(nm, T, f, d) PROP_(nm, T, f, prop_info_uint64, .def.u = (d))
#define PROP_INT32(nm, T, f, d) PROP_(nm, T, f, prop_info_int32, .def.i = (d))
#define PROP_SIZE(nm, T, f, d) PROP_(nm, T, f, prop_info_size, .def.u = (d))
#define PROP_STRING(nm, T, f) PROP_(nm, T, f, prop_info_str, .def.s = NULL)
/* One bit of a uint32_t. */
#define PROP_BIT(nm, T, f, b, d) PROP_(nm, T, f, prop_info_bit, .bit = (b), .def.u = (d))
/* A pointer to another object of the type. */
#define PROP_LINK(nm, T, f, type_name) PROP_(nm, T, f, prop_info_link, .data = (type_name))
#define PROP_END { .name = NULL }

#endif
