/*
 * Human monitor: run control, identity, logs.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "gdbstub/gdbstub.h"
#include "monitor/hmp-int.h"
#include "util/log.h"
#include "util/trace.h"

/* The member of an object by path "qemu.major"; NULL if it is not there. */
static json_object *member_at(json_object *obj, const char *path)
{
    g_auto(GStrv) names = g_strsplit(path, ".", -1);

    for (int i = 0; obj && names[i]; i++) {
        json_object *value = NULL;
        json_object_object_get_ex(obj, names[i], &value);
        obj = value;
    }
    return obj;
}

/* --- run control ---------------------------------------------------------------------- */

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

/* Doppel's machines have no sleep state to wake from. */
static void run_wakeup(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    error_setg(errp, "Unable to wake up: guest is not in suspended state");
}

static void run_exit_preconfig(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    json_object_put(hmp_qmp(hmp, errp, "x-exit-preconfig", NULL));
}

static void run_watchdog_action(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *action = hmp_arg_str(args, "action");
    json_object_put(hmp_qmp(hmp, errp, "watchdog-set-action", "action",
                            json_object_new_string(action), NULL));
}

static void complete_watchdog_action(Hmp *hmp, int index, const char *prefix, GPtrArray *out)
{
    static const char *const actions[] = { "reset", "shutdown", "poweroff", "pause", "debug",
                                           "none", "inject-nmi" };
    for (size_t i = 0; index == 0 && i < G_N_ELEMENTS(actions); i++) {
        hmp_offer(out, prefix, actions[i]);
    }
}

static void run_gdbserver(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *device = hmp_arg_str(args, "device");
    Error *err = NULL;

    device = device ? device : "tcp::1234";
    if (!gdbstub_start(hmp->rs, device, &err)) {
        hmp_printf(hmp, "Could not open gdbserver on device '%s': %s\n", device, error_text(err));
        error_free(err);
    } else if (g_str_equal(device, "none")) {
        hmp_printf(hmp, "Disabled gdbserver\n");
    } else {
        hmp_printf(hmp, "Waiting for gdb connection on device '%s'\n", device);
    }
}

static void run_boot_set(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *order = hmp_arg_str(args, "bootdevice");
    Error *err = NULL;

    if (!hmp->machine->boot_set) {
        error_setg(errp, "The machine type %s has no boot order that can be changed",
                   object_get_typename(hmp->machine));
    } else if (hmp->machine->boot_set(hmp->machine, order, &err)) {
        hmp_printf(hmp, "boot device list now set to %s\n", order);
    } else {
        hmp_printf(hmp, "%s\n", error_text(err));
        error_free(err);
    }
}

static void run_info_dump(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    json_object *result = hmp_qmp(hmp, errp, "query-dump", NULL);

    if (result) {
        hmp_printf(hmp, "Status: %s\n", json_object_get_string(member_at(result, "status")));
        json_object_put(result);
    }
}

static void run_dump(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    g_autofree char *target = g_strconcat("file:", hmp_arg_str(args, "filename"), NULL);
    bool part = hmp_arg_given(args, "begin");

    json_object_put(hmp_qmp(hmp, errp, "dump-guest-memory",
                            "paging", json_object_new_boolean(hmp_arg_flag(args, 'p')),
                            "protocol", json_object_new_string(target),
                            "begin", part ? json_object_new_int64(hmp_arg_int(args, "begin", 0))
                                          : NULL,
                            "length", part ? json_object_new_int64(hmp_arg_int(args, "length", 0))
                                           : NULL, NULL));
}

/* --- info ------------------------------------------------------------------------------ */

static void run_status(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    RunStateKind kind = runstate_get(hmp->rs);

    hmp_printf(hmp, "VM status: %s", runstate_is_running(hmp->rs) ? "running" : "paused");
    if (kind != RUN_STATE_RUNNING && kind != RUN_STATE_PAUSED) {
        hmp_printf(hmp, " (%s)", runstate_name(kind));
    }
    hmp_printf(hmp, "\n");
}

static void run_version(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    json_object *version = hmp_qmp(hmp, errp, "query-version", NULL);

    if (version) {
        hmp_printf(hmp, "%d.%d.%d%s\n", json_object_get_int(member_at(version, "qemu.major")),
                   json_object_get_int(member_at(version, "qemu.minor")),
                   json_object_get_int(member_at(version, "qemu.micro")),
                   json_object_get_string(member_at(version, "package")));
        json_object_put(version);
    }
}

static void run_name(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    json_object *result = hmp_qmp(hmp, errp, "query-name", NULL), *name = NULL;

    if (result && json_object_object_get_ex(result, "name", &name)) {
        hmp_printf(hmp, "%s\n", json_object_get_string(name));
    }
    json_object_put(result);
}

static void run_uuid(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *uuid = hmp->machine->uuid;
    hmp_printf(hmp, "%s\n", uuid ? uuid : "00000000-0000-0000-0000-000000000000");
}

/* --- logs ---------------------------------------------------------------------------------- */

static void run_log(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *items = hmp_arg_str(args, "items");
    Error *err = NULL;

    if (!g_str_equal(items, "help") && log_set_items(items, &err)) {
        return;
    }
    error_free(err);
    hmp_printf(hmp, "Log items (comma separated):\n%-15s %s\n", "none", "remove all logs");
    log_help(hmp->out);
}

static void run_logfile(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    log_set_file(hmp_arg_str(args, "filename"), errp);
}

static void run_trace_event(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *name = hmp_arg_str(args, "name");
    Error *err = NULL;

    if (!trace_enable(name, hmp_arg_int(args, "option", 0), &err)) {
        error_free(err);
        hmp_printf(hmp, "unknown event \"%s\"\n", name);
    }
}

static void run_info_trace(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *name = hmp_arg_str(args, "name");
    json_object *events = hmp_qmp(hmp, errp, "trace-event-get-state", "name",
                                  json_object_new_string(name ? name : "*"), NULL);

    for (size_t i = 0; events && i < json_object_array_length(events); i++) {
        json_object *event = json_object_array_get_idx(events, i);
        const char *state = json_object_get_string(member_at(event, "state"));
        hmp_printf(hmp, "%s : state %d\n", json_object_get_string(member_at(event, "name")),
                   g_str_equal(state, "enabled"));
    }
    json_object_put(events);
}

static void complete_log(Hmp *hmp, int index, const char *prefix, GPtrArray *out)
{
#define X(name, bit, help) #name,
    static const char *const items[] = { "help", "none", LOG_ITEMS(X) };
#undef X
    for (size_t i = 0; index == 0 && i < G_N_ELEMENTS(items); i++) {
        hmp_offer(out, prefix, items[i]);
    }
}

static void complete_trace_event(Hmp *hmp, int index, const char *prefix, GPtrArray *out)
{
    g_autoptr(GString) list = g_string_new(NULL);

    trace_list(list);
    g_auto(GStrv) names = g_strsplit(index == 0 ? list->str : "on\noff", "\n", -1);
    for (int i = 0; index <= 1 && names[i]; i++) {
        if (*names[i]) {
            hmp_offer(out, prefix, names[i]);
        }
    }
}

const HmpCommand hmp_commands_run[] = {
    { "quit|q", NULL, NULL, "end the emulator", run_quit },
    { "stop|s", NULL, NULL, "pause the machine", run_stop },
    { "cont|c", NULL, NULL, "let the machine run on", run_cont },
    { "system_reset", NULL, NULL, "reset the machine", run_reset },
    { "system_powerdown", NULL, NULL, "press the power button", run_powerdown },
    { "system_wakeup", NULL, NULL, "wake the guest from sleep", run_wakeup },
    { "exit_preconfig", NULL, NULL, "build the machine that --preconfig holds back",
      run_exit_preconfig },
    { "watchdog_action", "action:s", "action", "choose what a watchdog's end leads to",
      run_watchdog_action, complete_watchdog_action },
    { "gdbserver", "device:s?", "[device]", "let gdb connect to a device (tcp::1234 unless it is "
      "given); 'none' ends that", run_gdbserver },
    { "boot_set", "bootdevice:s", "bootdevice", "change the boot order (letters a, c, d, n)",
      run_boot_set },
    { "dump-guest-memory", "-p filename:F begin:l? length:l?", "[-p] filename [begin length]",
      "write the guest's memory to an ELF file (-p: by the page tables)", run_dump },
    { "log", "items:s", "item1[,...]", "choose what is logged", run_log, complete_log },
    { "logfile", "filename:F", "filename", "write the log to a file", run_logfile },
    { "trace-event", "name:s option:b", "name on|off", "switch trace events that match name",
      run_trace_event, complete_trace_event },
    { "info status", NULL, NULL, "show whether the machine runs", run_status },
    { "info dump", NULL, NULL, "show how far dump-guest-memory is", run_info_dump },
    { "info version", NULL, NULL, "show the version of QEMU whose monitor this is, and Doppel's",
      run_version },
    { "info name", NULL, NULL, "show the guest's name", run_name },
    { "info uuid", NULL, NULL, "show the guest's UUID", run_uuid },
    { "info trace-events", "name:s?", "[name]", "show trace events and whether they are on",
      run_info_trace, complete_trace_event },
    { NULL },
};
