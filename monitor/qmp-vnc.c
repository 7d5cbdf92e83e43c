/*
 * QMP commands about VNC servers.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include "monitor/monitor.h"
#include "ui/display.h"
#include "util/module.h"

static Displays *displays(Monitor *mon)
{
    return monitor_machine(mon)->displays;
}

static json_object *qmp_query_vnc_servers(Monitor *mon, json_object *args, Error **errp)
{
    json_object *all = json_object_new_array(), *one;

    for (unsigned i = 0; displays(mon) && (one = displays_query_vnc(displays(mon), i)); i++) {
        json_object_array_add(all, one);
    }
    return all;
}

/* The first server's first address, and its clients. */
static json_object *qmp_query_vnc(Monitor *mon, json_object *args, Error **errp)
{
    static const char *const keys[] = { "host", "service", "family", "auth" };
    json_object *info = json_object_new_object();
    json_object *full = displays(mon) ? displays_query_vnc(displays(mon), 0) : NULL;

    json_add_bool(info, "enabled", full != NULL);
    if (full) {
        json_object *server = json_object_array_get_idx(json_member(full, "server"), 0);
        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
            json_add_str(info, keys[i], json_member_str(server, keys[i]));
        }
        json_object_object_add(info, "clients", json_object_get(json_member(full, "clients")));
        json_object_put(full);
    }
    return info;
}

static bool check_protocol(Monitor *mon, json_object *args, const char *what, Error **errp)
{
    const char *protocol = json_member_str(args, "protocol");

    if (protocol && !g_str_equal(protocol, "vnc")) {
        error_setg(errp, "Could not set %s: there is no SPICE server", what);
    } else if (!displays(mon)) {
        error_setg(errp, "Could not set %s: the machine is not built yet", what);
    } else {
        return true;
    }
    return false;
}

static json_object *qmp_set_password(Monitor *mon, json_object *args, Error **errp)
{
    const char *connected = json_member_str(args, "connected");

    if (!check_protocol(mon, args, "password", errp)) {
        return NULL;
    }
    if (connected && !g_str_equal(connected, "keep")) {
        error_setg(errp, "Invalid parameter 'connected'");
    } else if (!displays_set_vnc_password(displays(mon), json_member_str(args, "password"),
                                          errp)) {
        error_prepend(errp, "Could not set password: ");
    }
    return NULL;
}

/* "now", "never", "+SECONDS" from now, or seconds since 1970. */
static bool parse_expiry(const char *text, int64_t *time, Error **errp)
{
    int64_t now = clock_get_ns(clock_host()) / NS_PER_SECOND;
    uint64_t number;

    if (g_str_equal(text, "now")) {
        *time = now;
    } else if (g_str_equal(text, "never")) {
        *time = INT64_MAX;
    } else if (parse_u64("time", text[0] == '+' ? text + 1 : text, &number, NULL) &&
               number <= INT32_MAX * INT64_C(1000)) {
        *time = (int64_t)number + (text[0] == '+' ? now : 0);
    } else {
        error_setg(errp, "Parameter 'time' is '%s'; write now, never, +SECONDS or seconds since "
                   "1970", text);
        return false;
    }
    return true;
}

static json_object *qmp_expire_password(Monitor *mon, json_object *args, Error **errp)
{
    int64_t time;

    if (check_protocol(mon, args, "password expire time", errp) &&
        parse_expiry(json_member_str(args, "time"), &time, errp) &&
        !displays_expire_vnc_password(displays(mon), time, errp)) {
        error_prepend(errp, "Could not set password expire time: ");
    }
    return NULL;
}

static const QmpHandler vnc_commands[] = {
    { "query-vnc", qmp_query_vnc },
    { "query-vnc-servers", qmp_query_vnc_servers },
    { "set_password", qmp_set_password },
    { "expire_password", qmp_expire_password },
    { "change-vnc-password", qmp_set_password },
};
QMP_COMMANDS(vnc_commands)
