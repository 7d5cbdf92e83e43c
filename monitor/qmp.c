/*
 * The QMP session: JSON in, JSON out. See docs/qmp.md of the protocol's
 * project for the wire format; commands are registered from their own files.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "monitor/monitor.h"

struct Monitor {
    RunState *rs;
    CharFrontend fe;
    json_tokener *tokener;
    bool negotiated;
};

static GHashTable *commands; /* name -> QmpCommandFn */

void qmp_register_command(const char *name, QmpCommandFn *fn)
{
    if (!commands) {
        commands = g_hash_table_new(g_str_hash, g_str_equal);
    }
    g_hash_table_insert(commands, (void *)name, fn);
}

static void send_object(Monitor *mon, json_object *obj)
{
    g_autofree char *line = g_strconcat(
        json_object_to_json_string_ext(obj, JSON_C_TO_STRING_SPACED), "\r\n", NULL);
    chr_fe_write(&mon->fe, (const uint8_t *)line, (int)strlen(line));
    json_object_put(obj);
}

static void send_greeting(Monitor *mon)
{
    send_object(mon, json_tokener_parse(
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, "
        "\"package\": \"Doppel " DOPPEL_VERSION "\"}, \"capabilities\": [\"oob\"]}}"));
}

static void send_reply(Monitor *mon, json_object *result, Error *err, json_object *id)
{
    json_object *reply = json_object_new_object();

    if (err) {
        json_object *detail = json_object_new_object();
        json_object_object_add(detail, "class", json_object_new_string(error_class_name(err)));
        json_object_object_add(detail, "desc", json_object_new_string(error_text(err)));
        json_object_object_add(reply, "error", detail);
        error_free(err);
    } else {
        json_object_object_add(reply, "return", result ? result : json_object_new_object());
    }
    if (id) {
        json_object_object_add(reply, "id", json_object_get(id));
    }
    send_object(mon, reply);
}

json_object *qmp_run_command(RunState *rs, const char *name, json_object *args, Error **errp)
{
    QmpCommandFn *fn = commands ? g_hash_table_lookup(commands, name) : NULL;
    if (!fn) {
        error_set_class(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                        "The command %s has not been found", name);
        return NULL;
    }
    return fn(rs, args, errp);
}

static json_object *run_command(Monitor *mon, const char *name, json_object *args, Error **errp)
{
    bool negotiating = g_str_equal(name, "qmp_capabilities");

    if (mon->negotiated == negotiating) {
        error_set_class(errp, ERROR_CLASS_COMMAND_NOT_FOUND, negotiating
                        ? "Capabilities negotiation is already complete, command '%s' ignored"
                        : "Expecting capabilities negotiation with 'qmp_capabilities' before "
                          "command '%s'", name);
        return NULL;
    }
    if (negotiating) {
        mon->negotiated = true;
        return NULL;
    }
    return qmp_run_command(mon->rs, name, args, errp);
}

static void handle_request(Monitor *mon, json_object *request)
{
    json_object *id = NULL, *name = NULL, *args = NULL, *result = NULL;
    Error *err = NULL;

    if (!json_object_is_type(request, json_type_object)) {
        error_setg(&err, "QMP input must be a JSON object");
    } else {
        json_object_object_get_ex(request, "id", &id);
        json_object_object_get_ex(request, "arguments", &args);
        if (!json_object_object_get_ex(request, "execute", &name) ||
            !json_object_is_type(name, json_type_string)) {
            error_setg(&err, "QMP input lacks member 'execute'");
        }
    }
    if (!err) {
        json_object *empty = json_object_new_object();
        result = run_command(mon, json_object_get_string(name), args ? args : empty, &err);
        json_object_put(empty);
    }
    send_reply(mon, result, err, id);
}

static int can_read(void *opaque)
{
    return 4096;
}

static void receive(void *opaque, const uint8_t *buf, int len)
{
    Monitor *mon = opaque;

    while (len > 0) {
        json_object *request = json_tokener_parse_ex(mon->tokener, (const char *)buf, len);
        enum json_tokener_error status = json_tokener_get_error(mon->tokener);
        if (status == json_tokener_continue) {
            return;
        }
        int used = (int)json_tokener_get_parse_end(mon->tokener);
        if (status != json_tokener_success) {
            Error *err = NULL;
            error_setg(&err, "JSON parse error, %s", json_tokener_error_desc(status));
            json_tokener_reset(mon->tokener);
            send_reply(mon, NULL, err, NULL);
            return;
        }
        handle_request(mon, request);
        json_object_put(request);
        buf += used;
        len -= used;
        while (len > 0 && g_ascii_isspace(*buf)) {
            buf++;
            len--;
        }
    }
}

static void chr_event(void *opaque, CharEvent event)
{
    Monitor *mon = opaque;
    if (event == CHR_EVENT_OPENED) {
        mon->negotiated = false;
        json_tokener_reset(mon->tokener);
        send_greeting(mon);
    }
}

static void send_event(void *opaque, RunEvent event, ShutdownCause cause)
{
    static const char *const names[] = {
        [RUN_EVENT_SHUTDOWN] = "SHUTDOWN", [RUN_EVENT_RESET] = "RESET", [RUN_EVENT_STOP] = "STOP",
        [RUN_EVENT_RESUME] = "RESUME", [RUN_EVENT_POWERDOWN] = "POWERDOWN",
        [RUN_EVENT_GUEST_PANICKED] = "GUEST_PANICKED",
    };
    Monitor *mon = opaque;

    if (!mon->negotiated || event >= G_N_ELEMENTS(names)) {
        return;
    }
    int64_t now = clock_get_ns(clock_host());
    json_object *obj = json_object_new_object(), *stamp = json_object_new_object();
    json_object_object_add(stamp, "seconds", json_object_new_int64(now / NS_PER_SECOND));
    json_object_object_add(stamp, "microseconds",
                           json_object_new_int64(now % NS_PER_SECOND / NS_PER_US));
    json_object_object_add(obj, "timestamp", stamp);
    json_object_object_add(obj, "event", json_object_new_string(names[event]));
    if (event == RUN_EVENT_SHUTDOWN || event == RUN_EVENT_RESET) {
        json_object *data = json_object_new_object();
        json_object_object_add(data, "guest", json_object_new_boolean(
                               cause >= SHUTDOWN_CAUSE_GUEST_SHUTDOWN));
        json_object_object_add(data, "reason",
                               json_object_new_string(shutdown_cause_name(cause)));
        json_object_object_add(obj, "data", data);
    }
    send_object(mon, obj);
}

Monitor *monitor_new(RunState *rs, Chardev *chr, Error **errp)
{
    Monitor *mon = g_new0(Monitor, 1);
    mon->rs = rs;
    mon->tokener = json_tokener_new();
    if (!chr_fe_init(&mon->fe, chr, errp)) {
        json_tokener_free(mon->tokener);
        g_free(mon);
        return NULL;
    }
    runstate_add_listener(rs, send_event, mon);
    chr_fe_set_handlers(&mon->fe, can_read, receive, chr_event, mon);
    return mon;
}

void monitor_free(Monitor *mon)
{
    runstate_remove_listener(mon->rs, send_event, mon);
    chr_fe_deinit(&mon->fe);
    json_tokener_free(mon->tokener);
    g_free(mon);
}
