/*
 * Monitors: how users and programs steer a running machine.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include <json-c/json.h>
#include "accel/runstate.h"
#include "chardev/char.h"

typedef struct Monitor Monitor;

/* A QMP monitor; hmp.h has the human one. */
Monitor *monitor_new(RunState *rs, Chardev *chr, Error **errp);
void monitor_free(Monitor *mon);

/*
 * A QMP command: args is its "arguments" object (never NULL). Returns the
 * value of "return" (NULL stands for {}), or NULL with errp set.
 */
typedef json_object *QmpCommandFn(RunState *rs, json_object *args, Error **errp);
void qmp_register_command(const char *name, QmpCommandFn *fn);
/* Runs a command by name for others than QMP clients; one that is unknown is an error. */
json_object *qmp_run_command(RunState *rs, const char *name, json_object *args, Error **errp);

#endif
