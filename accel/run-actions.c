/*
 * What reboots, shutdowns, panics and watchdogs lead to, by the names of -action and set-action:
 * see runstate.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "accel/runstate.h"

static const char *const panic_actions[] = {
    [PANIC_SHUTDOWN] = "shutdown", [PANIC_PAUSE] = "pause", [PANIC_NONE] = "none",
};

static const char *const watchdog_actions[] = {
    [WATCHDOG_RESET] = "reset", [WATCHDOG_SHUTDOWN] = "shutdown", [WATCHDOG_POWEROFF] = "poweroff",
    [WATCHDOG_PAUSE] = "pause", [WATCHDOG_NONE] = "none", [WATCHDOG_INJECT_NMI] = "inject-nmi",
};

static const char *const reboot_actions[] = { "reset", "shutdown" };
static const char *const shutdown_actions[] = { "poweroff", "pause" };

static const struct {
    const char *event;
    const char *const *actions;
    int count;
} action_tables[] = {
    { "reboot", reboot_actions, G_N_ELEMENTS(reboot_actions) },
    { "shutdown", shutdown_actions, G_N_ELEMENTS(shutdown_actions) },
    { "panic", panic_actions, G_N_ELEMENTS(panic_actions) },
    { "watchdog", watchdog_actions, G_N_ELEMENTS(watchdog_actions) },
};

/* The number of an action, -1 with errp set. */
static int parse_action(int table, const char *action, Error **errp)
{
    GString *names = g_string_new(NULL);

    for (int i = 0; i < action_tables[table].count; i++) {
        if (g_str_equal(action_tables[table].actions[i], action)) {
            g_string_free(names, TRUE);
            return i;
        }
        g_string_append_printf(names, " %s", action_tables[table].actions[i]);
    }
    error_setg(errp, "'%s' is not an action for %s; there are:%s", action,
               action_tables[table].event, names->str);
    g_string_free(names, TRUE);
    return -1;
}

bool run_options_set_action(RunOptions *options, const char *event, const char *action,
                            Error **errp)
{
    size_t table = 0;
    int number;

    while (table < G_N_ELEMENTS(action_tables) && !g_str_equal(action_tables[table].event, event)) {
        table++;
    }
    if (table == G_N_ELEMENTS(action_tables)) {
        error_setg(errp, "'%s' is no event with an action; there are reboot, shutdown, panic and "
                   "watchdog", event);
        return false;
    }
    number = parse_action(table, action, errp);
    if (number < 0) {
        return false;
    }
    switch (table) {
    case 0:
        options->no_reboot = number;
        break;
    case 1:
        options->no_shutdown = number;
        break;
    case 2:
        options->panic = number;
        break;
    default:
        options->watchdog = number;
    }
    return true;
}

const char *watchdog_action_name(WatchdogAction action)
{
    return watchdog_actions[action];
}
