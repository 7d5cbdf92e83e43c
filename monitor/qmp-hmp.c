/*
 * human-monitor-command.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "util/module.h"

static json_object *qmp_human_monitor_command(Monitor *mon, json_object *args, Error **errp)
{
    int64_t index = json_member_int(args, "cpu-index", 0);
    g_autofree char *text = NULL;

    if (json_member(args, "cpu-index") &&
        (index < 0 || index >= (int64_t)monitor_machine(mon)->cpus->len)) {
        error_setg(errp, "Parameter 'cpu-index' expects a CPU number");
        return NULL;
    }
    text = hmp_execute(monitor_runstate(mon), json_member_str(args, "command-line"), (int)index);
    return json_object_new_string(text);
}

static const QmpHandler hmp_commands[] = {
    { "human-monitor-command", qmp_human_monitor_command },
};
QMP_COMMANDS(hmp_commands)
