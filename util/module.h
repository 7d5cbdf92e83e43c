/*
 * Registration before main(): each file that offers a type, machine, image
 * format or the like hands in a function; start-up runs each kind at its place.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_MODULE_H
#define UTIL_MODULE_H

typedef enum ModuleKind {
    MODULE_TRACE,
    MODULE_OPTS,
    MODULE_QOM,     /* object types, devices, machines */
    MODULE_BLOCK,   /* image formats and protocols */
    MODULE_CHARDEV, /* character device back ends */
    MODULE_QAPI,    /* monitor commands */
    MODULE_COUNT
} ModuleKind;

void module_register(ModuleKind kind, void (*fn)(void));
/* Runs the functions of a kind; a second call does nothing. */
void module_call_init(ModuleKind kind);

#define module_init(fn, kind)                                                  \
    static void __attribute__((constructor)) module_register_##fn(void)        \
    {                                                                          \
        module_register(kind, fn);                                             \
    }

#define type_init(fn) module_init(fn, MODULE_QOM)
#define machine_init(fn) module_init(fn, MODULE_QOM)
#define block_init(fn) module_init(fn, MODULE_BLOCK)
#define chardev_init(fn) module_init(fn, MODULE_CHARDEV)
#define qapi_init(fn) module_init(fn, MODULE_QAPI)
#define opts_init(fn) module_init(fn, MODULE_OPTS)

#endif
