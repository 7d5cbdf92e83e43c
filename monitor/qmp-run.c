/*
 * QMP commands about the run state.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "monitor/dump.h"
#include "monitor/monitor.h"
#include "util/module.h"

static json_object *qmp_query_status(Monitor *mon, json_object *args, Error **errp)
{
    json_object *status = json_object_new_object();
    RunState *rs = monitor_runstate(mon);

    json_add_str(status, "status", runstate_name(runstate_get(rs)));
    json_add_bool(status, "singlestep", false);
    json_add_bool(status, "running", runstate_is_running(rs));
    return status;
}

static json_object *qmp_quit(Monitor *mon, json_object *args, Error **errp)
{
    runstate_quit(monitor_runstate(mon), 0, SHUTDOWN_CAUSE_HOST_QMP_QUIT);
    return NULL;
}

static json_object *qmp_stop(Monitor *mon, json_object *args, Error **errp)
{
    if (dump_in_progress()) {
        error_setg(errp, "There is a dump in process, please wait.");
    } else {
        vm_stop(monitor_runstate(mon), RUN_STATE_PAUSED);
    }
    return NULL;
}

static json_object *qmp_cont(Monitor *mon, json_object *args, Error **errp)
{
    RunState *rs = monitor_runstate(mon);

    if (dump_in_progress()) {
        error_setg(errp, "There is a dump in process, please wait.");
    } else if (runstate_needs_reset(rs)) {
        error_setg(errp, "Resetting the Virtual Machine is required");
    } else {
        vm_start(rs);
    }
    return NULL;
}

static json_object *qmp_system_reset(Monitor *mon, json_object *args, Error **errp)
{
    machine_request_reset(monitor_machine(mon), SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET);
    return NULL;
}

static json_object *qmp_system_powerdown(Monitor *mon, json_object *args, Error **errp)
{
    runstate_powerdown(monitor_runstate(mon));
    return NULL;
}

static json_object *qmp_inject_nmi(Monitor *mon, json_object *args, Error **errp)
{
    if (!monitor_machine(mon)->cpus->len) {
        error_setg(errp, "machine does not provide NMIs");
    }
    runstate_inject_nmi(monitor_runstate(mon));
    return NULL;
}

static json_object *qmp_set_action(Monitor *mon, json_object *args, Error **errp)
{
    static const char *const events[] = { "reboot", "shutdown", "panic", "watchdog" };
    RunOptions *options = runstate_options(monitor_runstate(mon));

    for (size_t i = 0; i < G_N_ELEMENTS(events); i++) {
        const char *action = json_member_str(args, events[i]);
        if (action && !run_options_set_action(options, events[i], action, errp)) {
            return NULL;
        }
    }
    return NULL;
}

static json_object *qmp_watchdog_set_action(Monitor *mon, json_object *args, Error **errp)
{
    run_options_set_action(runstate_options(monitor_runstate(mon)), "watchdog",
                           json_member_str(args, "action"), errp);
    return NULL;
}

static json_object *qmp_x_exit_preconfig(Monitor *mon, json_object *args, Error **errp)
{
    RunState *rs = monitor_runstate(mon);

    if (!runstate_in_preconfig(rs)) {
        error_setg(errp, "The command is permitted only before machine initialization");
    } else {
        runstate_exit_preconfig(rs);
    }
    return NULL;
}

static const QmpHandler run_commands[] = {
    { "query-status", qmp_query_status },
    { "quit", qmp_quit },
    { "stop", qmp_stop },
    { "cont", qmp_cont },
    { "system_reset", qmp_system_reset },
    { "system_powerdown", qmp_system_powerdown },
    { "inject-nmi", qmp_inject_nmi },
    { "set-action", qmp_set_action },
    { "watchdog-set-action", qmp_watchdog_set_action },
    { "x-exit-preconfig", qmp_x_exit_preconfig },
};
QMP_COMMANDS(run_commands)
