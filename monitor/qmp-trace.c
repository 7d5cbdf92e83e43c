/*
 * QMP commands about trace events.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "monitor/monitor.h"
#include "util/module.h"
#include "util/trace.h"

static bool is_pattern(const char *name)
{
    return strpbrk(name, "*?");
}

static json_object *qmp_trace_event_get_state(Monitor *mon, json_object *args, Error **errp)
{
    const char *name = json_member_str(args, "name");
    json_object *list = json_object_new_array();

    for (const TraceEvent *ev = trace_first(); ev; ev = ev->next) {
        if (g_pattern_match_simple(name, ev->name)) {
            json_object *info = json_object_new_object();
            json_add_str(info, "name", ev->name);
            json_add_str(info, "state", ev->enabled ? "enabled" : "disabled");
            json_add_bool(info, "vcpu", false);
            json_object_array_add(list, info);
        }
    }
    if (!json_object_array_length(list) && !is_pattern(name)) {
        error_setg(errp, "unknown event \"%s\"", name);
        json_object_put(list);
        return NULL;
    }
    return list;
}

static json_object *qmp_trace_event_set_state(Monitor *mon, json_object *args, Error **errp)
{
    const char *name = json_member_str(args, "name");

    if (!trace_enable(name, json_member_bool(args, "enable", false), NULL) && !is_pattern(name)) {
        error_setg(errp, "unknown event \"%s\"", name);
    }
    return NULL;
}

static const QmpHandler trace_commands[] = {
    { "trace-event-get-state", qmp_trace_event_get_state },
    { "trace-event-set-state", qmp_trace_event_set_state },
};
QMP_COMMANDS(trace_commands)
