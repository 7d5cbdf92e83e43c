/*
 * QMP commands about the run state.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "monitor/monitor.h"

static json_object *qmp_query_status(RunState *rs, json_object *args, Error **errp)
{
    json_object *status = json_object_new_object();
    json_object_object_add(status, "status",
                           json_object_new_string(runstate_name(runstate_get(rs))));
    json_object_object_add(status, "singlestep", json_object_new_boolean(false));
    json_object_object_add(status, "running", json_object_new_boolean(runstate_is_running(rs)));
    return status;
}

static json_object *qmp_quit(RunState *rs, json_object *args, Error **errp)
{
    runstate_quit(rs, 0, SHUTDOWN_CAUSE_HOST_QMP_QUIT);
    return NULL;
}

static json_object *qmp_stop(RunState *rs, json_object *args, Error **errp)
{
    vm_stop(rs, RUN_STATE_PAUSED);
    return NULL;
}

static json_object *qmp_cont(RunState *rs, json_object *args, Error **errp)
{
    vm_start(rs);
    return NULL;
}

static json_object *qmp_system_reset(RunState *rs, json_object *args, Error **errp)
{
    machine_request_reset(runstate_machine(rs), SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET);
    return NULL;
}

static json_object *qmp_system_powerdown(RunState *rs, json_object *args, Error **errp)
{
    runstate_powerdown(rs);
    return NULL;
}

static void register_commands(void)
{
    qmp_register_command("query-status", qmp_query_status);
    qmp_register_command("quit", qmp_quit);
    qmp_register_command("stop", qmp_stop);
    qmp_register_command("cont", qmp_cont);
    qmp_register_command("system_reset", qmp_system_reset);
    qmp_register_command("system_powerdown", qmp_system_powerdown);
}

qapi_init(register_commands)
