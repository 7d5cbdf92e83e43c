/*
 * QMP commands about keys, pointers and screens.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include "monitor/monitor.h"
#include "ui/display.h"
#include "ui/screen-watch.h"
#include "ui/screendump.h"
#include "util/module.h"

/* The key of a KeyValue: { "type": "qcode"|"number", "data": ... }. */
static KeyCode key_value(json_object *value)
{
    json_object *data = json_member(value, "data");

    return g_str_equal(json_member_str(value, "type"), "number")
           ? key_code_from_number(json_object_get_int64(data))
           : key_code_parse(json_object_get_string(data));
}

/* The index of a name in a list that has it. */
static int index_of(const char *name, const char *const *names)
{
    int i = 0;

    while (!g_str_equal(names[i], name)) {
        i++;
    }
    return i;
}

/* --- input-send-event ------------------------------------------------------------------ */

static void send_key_event(InputQueue *queue, json_object *data)
{
    input_send_key(queue, key_value(json_member(data, "key")),
                   json_member_bool(data, "down", false));
}

static void send_button(InputQueue *queue, json_object *data)
{
    static const char *const names[] = {
        [INPUT_BUTTON_LEFT] = "left", [INPUT_BUTTON_MIDDLE] = "middle",
        [INPUT_BUTTON_RIGHT] = "right", [INPUT_BUTTON_WHEEL_UP] = "wheel-up",
        [INPUT_BUTTON_WHEEL_DOWN] = "wheel-down", [INPUT_BUTTON_SIDE] = "side",
        [INPUT_BUTTON_EXTRA] = "extra", [INPUT_BUTTON_WHEEL_LEFT] = "wheel-left",
        [INPUT_BUTTON_WHEEL_RIGHT] = "wheel-right",
    };
    input_send_button(queue, index_of(json_member_str(data, "button"), names),
                      json_member_bool(data, "down", false));
}

static const char *const axis_names[] = { [INPUT_AXIS_X] = "x", [INPUT_AXIS_Y] = "y" };

/* A coordinate that may be any 64-bit number. */
static int move_value(json_object *data)
{
    int64_t value = json_member_int(data, "value", 0);
    return CLAMP(value, INT16_MIN, INT16_MAX);
}

static void send_rel(InputQueue *queue, json_object *data)
{
    input_send_rel(queue, index_of(json_member_str(data, "axis"), axis_names), move_value(data));
}

static void send_abs(InputQueue *queue, json_object *data)
{
    input_send_abs(queue, index_of(json_member_str(data, "axis"), axis_names), move_value(data), 0,
                   INPUT_ABS_MAX);
}

static bool check_display(Monitor *mon, json_object *args, Error **errp)
{
    int64_t head = json_member_int(args, "head", 0);
    const char *device = json_member_str(args, "device");

    if (!device && json_member(args, "head")) {
        error_setg(errp, "'head' must be specified together with 'device'");
    } else if (device && !qdev_find_by_id(monitor_machine(mon), device)) {
        error_set_class(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", device);
    } else if (head) {
        error_setg(errp, "The device %s has no head %" PRId64, device, head);
    } else {
        return true;
    }
    return false;
}

/* Keys and buttons are the same for all displays of a machine. */
static json_object *qmp_input_send_event(Monitor *mon, json_object *args, Error **errp)
{
    static const char *const types[] = { "key", "btn", "rel", "abs" };
    static void (*const senders[])(InputQueue *queue, json_object *data) = {
        send_key_event, send_button, send_rel, send_abs,
    };
    InputQueue *queue = monitor_machine(mon)->input;
    json_object *events = json_member(args, "events");

    if (!check_display(mon, args, errp)) {
        return NULL;
    }
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        json_object *event = json_object_array_get_idx(events, i);
        senders[index_of(json_member_str(event, "type"), types)](queue,
                                                                 json_member(event, "data"));
    }
    input_sync(queue);
    return NULL;
}

/* --- send-key -------------------------------------------------------------------------- */

enum { SEND_KEY_MAX = 16, SEND_KEY_HOLD_MS = 100, SEND_KEY_LONGEST_MS = 3600 * 1000 };

static json_object *qmp_send_key(Monitor *mon, json_object *args, Error **errp)
{
    json_object *keys = json_member(args, "keys");
    int64_t hold_ms = json_member_int(args, "hold-time", SEND_KEY_HOLD_MS);
    KeyCode codes[SEND_KEY_MAX];
    size_t n = json_object_array_length(keys);

    if (n > SEND_KEY_MAX) {
        error_setg(errp, "Parameter 'keys' has %zu keys; %d can be pressed together", n,
                   SEND_KEY_MAX);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        codes[i] = key_value(json_object_array_get_idx(keys, i));
    }
    input_press_keys(monitor_machine(mon)->input, codes, n, CLAMP(hold_ms, 0, SEND_KEY_LONGEST_MS));
    return NULL;
}

/* --- query-mice ------------------------------------------------------------------------ */

static void add_mouse(InputBinding *binding, const InputHandler *handler, int index, bool current,
                      void *opaque)
{
    json_object *mouse;

    if (!(handler->mask & (INPUT_REL | INPUT_ABS))) {
        return;
    }
    mouse = json_object_new_object();
    json_add_str(mouse, "name", handler->name);
    json_add_int(mouse, "index", index);
    json_add_bool(mouse, "current", current);
    json_add_bool(mouse, "absolute", handler->mask & INPUT_ABS);
    json_object_array_add(opaque, mouse);
}

static json_object *qmp_query_mice(Monitor *mon, json_object *args, Error **errp)
{
    json_object *mice = json_object_new_array();

    input_handler_foreach(monitor_machine(mon)->input, add_mouse, mice);
    return mice;
}

enum { WAIT_SCREEN_LONGEST_MS = 24 * 3600 * 1000 };

/* --- screens --------------------------------------------------------------------------- */

/* The console of "device" and "head", the first one without them. */
static Console *find_console(Monitor *mon, json_object *args, Error **errp)
{
    ConsoleList *list = monitor_machine(mon)->consoles;
    const char *id = json_member_str(args, "device");
    int64_t head = json_member_int(args, "head", 0);
    DeviceState *dev = id ? qdev_find_by_id(monitor_machine(mon), id) : NULL;
    Console *con = NULL;

    if (!id && head) {
        error_setg(errp, "'head' must be specified together with 'device'");
    } else if (id && !dev) {
        error_set_class(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", id);
    } else if (id && !console_by_owner(list, dev, 0)) {
        error_setg(errp, "Device '%s' has no screen", id);
    } else {
        con = id ? console_by_owner(list, dev, CLAMP(head, 0, UINT_MAX))
                 : console_by_index(list, 0);
        if (!con && id) {
            error_setg(errp, "Device '%s' has no head %" PRId64, id, head);
        } else if (!con) {
            error_setg(errp, "There is no console to take a screendump from");
        }
    }
    return con;
}

static json_object *qmp_screendump(Monitor *mon, json_object *args, Error **errp)
{
    static const char *const formats[] = { [SCREENDUMP_PPM] = "ppm", [SCREENDUMP_PNG] = "png" };
    Console *con = find_console(mon, args, errp);
    const char *format = json_member_str(args, "format");

    if (con) {
        console_screendump(con, json_member_str(args, "filename"),
                           format ? index_of(format, formats) : SCREENDUMP_PPM, errp);
    }
    return NULL;
}

static json_object *qmp_x_screen_text(Monitor *mon, json_object *args, Error **errp)
{
    int64_t number = json_member_int(args, "console", 0);
    Console *con = console_by_index(monitor_machine(mon)->consoles, CLAMP(number, 0, UINT_MAX));
    g_autofree char *text = con ? console_text(con) : NULL;
    json_object *result = json_object_new_object();

    json_object_object_add(result, "text", text ? json_object_new_string(text) : NULL);
    return result;
}

typedef struct ScreenWait {
    RunState *rs;
    char *id;
} ScreenWait;

static void screen_wait_done(void *opaque, ScreenWatchResult result)
{
    static const char *const results[] = {
        [SCREEN_TEXT] = "text", [SCREEN_STABLE] = "stable", [SCREEN_TIMEOUT] = "timeout",
    };
    ScreenWait *wait = opaque;
    json_object *data = json_object_new_object();

    json_add_str(data, "id", wait->id);
    json_add_str(data, "reason", results[result]);
    runstate_emit(wait->rs, "X_SCREEN_READY", data);
    g_free(wait->id);
    g_free(wait);
}

static json_object *qmp_x_wait_screen(Monitor *mon, json_object *args, Error **errp)
{
    ScreenWatchWanted wanted = {
        .text = json_member_str(args, "text"),
        .stable_ms = json_member_int(args, "stable", -1),
        .timeout_ms = CLAMP(json_member_int(args, "timeout", -1), -1, WAIT_SCREEN_LONGEST_MS),
    };
    Console *con = find_console(mon, args, errp);

    if (!con) {
        return NULL;
    }
    ScreenWait *wait = g_new(ScreenWait, 1);
    *wait = (ScreenWait){ monitor_runstate(mon), g_strdup(json_member_str(args, "id")) };
    if (!screen_watch_new(con, &wanted, screen_wait_done, wait, errp)) {
        g_free(wait->id);
        g_free(wait);
    }
    return NULL;
}

static json_object *qmp_query_display_options(Monitor *mon, json_object *args, Error **errp)
{
    json_object *options = json_object_new_object();
    Displays *displays = monitor_machine(mon)->displays;

    json_add_str(options, "type", displays ? displays_type(displays) : "none");
    return options;
}

static const QmpHandler ui_commands[] = {
    { "input-send-event", qmp_input_send_event },
    { "send-key", qmp_send_key },
    { "query-mice", qmp_query_mice },
    { "query-display-options", qmp_query_display_options },
    { "screendump", qmp_screendump },
    { "x-screen-text", qmp_x_screen_text },
    { "x-wait-screen", qmp_x_wait_screen },
};
QMP_COMMANDS(ui_commands)
