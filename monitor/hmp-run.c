/*
 * Human monitor: run control.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "monitor/hmp-int.h"

static void run_quit(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    runstate_quit(hmp->rs, 0, SHUTDOWN_CAUSE_HOST_QMP_QUIT);
}

static void run_stop(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    vm_stop(hmp->rs, RUN_STATE_PAUSED);
}

static void run_cont(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    json_object_put(hmp_qmp(hmp, errp, "cont", NULL));
}

static void run_reset(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    machine_request_reset(hmp->machine, SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET);
}

static void run_powerdown(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    runstate_powerdown(hmp->rs);
}

static void run_status(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    RunStateKind kind = runstate_get(hmp->rs);

    hmp_printf(hmp, "VM status: %s", runstate_is_running(hmp->rs) ? "running" : "paused");
    if (kind != RUN_STATE_RUNNING && kind != RUN_STATE_PAUSED) {
        hmp_printf(hmp, " (%s)", runstate_name(kind));
    }
    hmp_printf(hmp, "\n");
}

const HmpCommand hmp_commands_run[] = {
    { "quit|q", NULL, NULL, "end the emulator", run_quit },
    { "stop|s", NULL, NULL, "pause the machine", run_stop },
    { "cont|c", NULL, NULL, "let the machine run on", run_cont },
    { "system_reset", NULL, NULL, "reset the machine", run_reset },
    { "system_powerdown", NULL, NULL, "press the power button", run_powerdown },
    { "info status", NULL, NULL, "show whether the machine runs", run_status },
    { NULL },
};
