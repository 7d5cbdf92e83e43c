/*
 * QMP commands about screens and keys.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "monitor/monitor.h"
#include "ui/console.h"
#include "ui/input.h"

enum { MAX_KEYS = 16, DEFAULT_HOLD_MS = 100 };

/* A KeyValue: {"type": "qcode", "data": NAME} or {"type": "number", "data": SCAN CODE}. */
static bool parse_key(json_object *value, KeyCode *code, Error **errp)
{
    json_object *type, *data;

    if (!json_object_object_get_ex(value, "type", &type) ||
        !json_object_object_get_ex(value, "data", &data)) {
        error_setg(errp, "Parameter 'keys' needs objects with 'type' and 'data'");
        return false;
    }
    *code = g_str_equal(json_object_get_string(type), "number")
            ? key_code_from_number((unsigned)json_object_get_int(data))
            : key_code_parse(json_object_get_string(data));
    if (*code == KEY_CODE_COUNT) {
        error_setg(errp, "Invalid parameter '%s'", json_object_get_string(data));
        return false;
    }
    return true;
}

static json_object *qmp_send_key(RunState *rs, json_object *args, Error **errp)
{
    json_object *keys, *hold = NULL;
    KeyCode codes[MAX_KEYS];
    size_t n = 0;

    if (!json_object_object_get_ex(args, "keys", &keys) ||
        !json_object_is_type(keys, json_type_array)) {
        error_setg(errp, "Parameter 'keys' is missing");
        return NULL;
    }
    json_object_object_get_ex(args, "hold-time", &hold);
    for (; n < json_object_array_length(keys); n++) {
        if (n == MAX_KEYS) {
            error_setg(errp, "Too many keys; at most %d", MAX_KEYS);
            return NULL;
        }
        if (!parse_key(json_object_array_get_idx(keys, n), &codes[n], errp)) {
            return NULL;
        }
    }
    input_press_keys(runstate_machine(rs)->input, codes, n,
                     hold ? (unsigned)json_object_get_int(hold) : DEFAULT_HOLD_MS);
    return NULL;
}

static Console *first_console(RunState *rs, Error **errp)
{
    Console *con = console_by_index(runstate_machine(rs)->consoles, 0);
    if (!con) {
        error_setg(errp, "There is no console to take a screendump from");
    }
    return con;
}

static json_object *qmp_screendump(RunState *rs, json_object *args, Error **errp)
{
    json_object *filename;
    Console *con;

    if (!json_object_object_get_ex(args, "filename", &filename)) {
        error_setg(errp, "Parameter 'filename' is missing");
        return NULL;
    }
    if ((con = first_console(rs, errp))) {
        console_refresh(con);
        console_screendump(con, json_object_get_string(filename), errp);
    }
    return NULL;
}

/* Doppel's own: {"text": LINES} of a screen in text mode, {"text": null} in graphics. */
static json_object *qmp_screen_text(RunState *rs, json_object *args, Error **errp)
{
    Console *con = first_console(rs, errp);
    json_object *reply;

    if (!con) {
        return NULL;
    }
    g_autofree char *text = console_text(con);
    reply = json_object_new_object();
    json_object_object_add(reply, "text", text ? json_object_new_string(text) : NULL);
    return reply;
}

static void register_commands(void)
{
    qmp_register_command("send-key", qmp_send_key);
    qmp_register_command("screendump", qmp_screendump);
    qmp_register_command("x-query-screen-text", qmp_screen_text);
}

qapi_init(register_commands)
