/*
 * Monitors: how users and programs steer a running machine.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "accel/runstate.h"
#include "chardev/char.h"
#include "util/json.h"

typedef struct Monitor Monitor;

/* A QMP monitor; hmp.h has the human one. pretty: what it sends is indented. */
Monitor *monitor_new(RunState *rs, Chardev *chr, bool pretty, Error **errp);
void monitor_free(Monitor *mon);
RunState *monitor_runstate(const Monitor *mon);
MachineState *monitor_machine(const Monitor *mon);

/*
 * A QMP command of the schema: args is its "arguments" object (never NULL), checked against
 * the command's type. Returns the value of "return" (NULL stands for {}), or NULL with errp
 * set. With the big lock, on the main thread.
 */
typedef json_object *QmpCommandFn(Monitor *mon, json_object *args, Error **errp);

typedef struct QmpHandler {
    const char *name;
    QmpCommandFn *fn;
} QmpHandler;

/* The names must be in the schema; a later registration replaces an earlier one. */
void qmp_register(const QmpHandler *handlers, size_t n);
/* NULL: the command is in the schema only. */
QmpCommandFn *qmp_find_handler(const char *name);
/* Runs a command by name for others than QMP clients, checking args as for them. */
json_object *qmp_run_command(RunState *rs, const char *name, json_object *args, Error **errp);

/* Registers an array of handlers when the program starts: QMP_COMMANDS(handlers) at file scope. */
#define QMP_COMMANDS(array)                                                    \
    static void array##_register(void)                                         \
    {                                                                          \
        qmp_register(array, G_N_ELEMENTS(array));                              \
    }                                                                          \
    qapi_init(array##_register)

/* File descriptors that the client sent along (SCM_RIGHTS) and named with getfd. */
/* The descriptor that came with the present command, or -1. The caller owns it. */
int monitor_take_passed_fd(Monitor *mon);
/* Names fd, which the monitor owns from now on; one of the same name is closed. */
void monitor_add_fd(Monitor *mon, const char *name, int fd);
/* The descriptor of this name, which the caller owns from now on; -1 with errp set. */
int monitor_take_fd(Monitor *mon, const char *name, Error **errp);

#endif
