/*
 * QMP commands about keys, pointers and screens.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "monitor/monitor.h"

/* --- arguments -------------------------------------------------------------------- */

/* The member of a type; NULL with errp set if it is missing or of another. */
static json_object *member(json_object *obj, const char *name, json_type type, Error **errp)
{
    json_object *value = NULL;

    if (!json_object_object_get_ex(obj, name, &value)) {
        error_setg(errp, "Parameter '%s' is missing", name);
        return NULL;
    }
    if (!json_object_is_type(value, type)) {
        error_setg(errp, "Invalid parameter type for '%s', expected: %s", name,
                   json_type_to_name(type));
        return NULL;
    }
    return value;
}

static const char *string_member(json_object *obj, const char *name, Error **errp)
{
    json_object *value = member(obj, name, json_type_string, errp);
    return value ? json_object_get_string(value) : NULL;
}

/* The index of a name in a list; -1 with errp set. */
static int choice(const char *param, const char *name, const char *const *names, int count,
                  Error **errp)
{
    for (int i = 0; i < count; i++) {
        if (g_str_equal(names[i], name)) {
            return i;
        }
    }
    error_setg(errp, "Parameter '%s' does not accept value '%s'", param, name);
    return -1;
}

/* A KeyValue: { "type": "qcode"|"number", "data": ... }. KEY_CODE_COUNT with errp set. */
static KeyCode key_value(json_object *obj, Error **errp)
{
    const char *type = string_member(obj, "type", errp);
    json_object *data;
    KeyCode code;

    if (!type) {
        return KEY_CODE_COUNT;
    }
    if (g_str_equal(type, "number")) {
        data = member(obj, "data", json_type_int, errp);
        return data ? key_code_from_number(json_object_get_int(data)) : KEY_CODE_COUNT;
    }
    if (!g_str_equal(type, "qcode")) {
        error_setg(errp, "Parameter 'type' does not accept value '%s'", type);
        return KEY_CODE_COUNT;
    }
    data = member(obj, "data", json_type_string, errp);
    if (!data) {
        return KEY_CODE_COUNT;
    }
    code = key_code_parse(json_object_get_string(data));
    if (code == KEY_CODE_COUNT) {
        error_setg(errp, "Parameter 'data' does not accept value '%s'",
                   json_object_get_string(data));
    }
    return code;
}

/* --- input-send-event --------------------------------------------------------------- */

static const char *const button_names[INPUT_BUTTON_COUNT] = {
    [INPUT_BUTTON_LEFT] = "left", [INPUT_BUTTON_MIDDLE] = "middle",
    [INPUT_BUTTON_RIGHT] = "right", [INPUT_BUTTON_WHEEL_UP] = "wheel-up",
    [INPUT_BUTTON_WHEEL_DOWN] = "wheel-down", [INPUT_BUTTON_SIDE] = "side",
    [INPUT_BUTTON_EXTRA] = "extra", [INPUT_BUTTON_WHEEL_LEFT] = "wheel-left",
    [INPUT_BUTTON_WHEEL_RIGHT] = "wheel-right",
};
static const char *const axis_names[] = { "x", "y" };

/* Checks an event; sends it if queue is not NULL. */
typedef bool EventFn(InputQueue *queue, json_object *data, Error **errp);

static bool key_event(InputQueue *queue, json_object *data, Error **errp)
{
    json_object *down = member(data, "down", json_type_boolean, errp);
    json_object *key = down ? member(data, "key", json_type_object, errp) : NULL;
    KeyCode code = key ? key_value(key, errp) : KEY_CODE_COUNT;

    if (code == KEY_CODE_COUNT) {
        return false;
    }
    if (queue) {
        input_send_key(queue, code, json_object_get_boolean(down));
    }
    return true;
}

static bool button_event(InputQueue *queue, json_object *data, Error **errp)
{
    json_object *down = member(data, "down", json_type_boolean, errp);
    const char *name = down ? string_member(data, "button", errp) : NULL;
    int button = name ? choice("button", name, button_names, INPUT_BUTTON_COUNT, errp) : -1;

    if (button < 0) {
        return false;
    }
    if (queue) {
        input_send_button(queue, button, json_object_get_boolean(down));
    }
    return true;
}

static bool move_arguments(json_object *data, int *axis, int *value, Error **errp)
{
    const char *name = string_member(data, "axis", errp);
    json_object *number;

    *axis = name ? choice("axis", name, axis_names, G_N_ELEMENTS(axis_names), errp) : -1;
    number = *axis >= 0 ? member(data, "value", json_type_int, errp) : NULL;
    *value = number ? json_object_get_int(number) : 0;
    return number != NULL;
}

static bool rel_event(InputQueue *queue, json_object *data, Error **errp)
{
    int axis, value;

    if (!move_arguments(data, &axis, &value, errp)) {
        return false;
    }
    if (queue) {
        input_send_rel(queue, axis, value);
    }
    return true;
}

static bool abs_event(InputQueue *queue, json_object *data, Error **errp)
{
    int axis, value;

    if (!move_arguments(data, &axis, &value, errp)) {
        return false;
    }
    if (queue) {
        input_send_abs(queue, axis, value, 0, INPUT_ABS_MAX);
    }
    return true;
}

static bool send_event(InputQueue *queue, json_object *event, Error **errp)
{
    static const char *const types[] = { "key", "btn", "rel", "abs" };
    static EventFn *const senders[] = { key_event, button_event, rel_event, abs_event };
    const char *type = string_member(event, "type", errp);
    int i = type ? choice("type", type, types, G_N_ELEMENTS(types), errp) : -1;
    json_object *data = i >= 0 ? member(event, "data", json_type_object, errp) : NULL;

    return data && senders[i](queue, data, errp);
}

/* All events are checked before the first is sent. */
static json_object *qmp_input_send_event(RunState *rs, json_object *args, Error **errp)
{
    InputQueue *queues[] = { NULL, runstate_machine(rs)->input };
    json_object *events = member(args, "events", json_type_array, errp);

    if (!events) {
        return NULL;
    }
    for (size_t pass = 0; pass < G_N_ELEMENTS(queues); pass++) {
        for (size_t i = 0; i < json_object_array_length(events); i++) {
            if (!send_event(queues[pass], json_object_array_get_idx(events, i), errp)) {
                return NULL;
            }
        }
    }
    input_sync(queues[1]);
    return NULL;
}

/* --- send-key ------------------------------------------------------------------------- */

enum { SEND_KEY_MAX = 16, SEND_KEY_HOLD_MS = 100 };

static json_object *qmp_send_key(RunState *rs, json_object *args, Error **errp)
{
    json_object *keys = member(args, "keys", json_type_array, errp), *hold;
    KeyCode codes[SEND_KEY_MAX];
    int hold_ms = SEND_KEY_HOLD_MS;
    size_t n;

    if (!keys) {
        return NULL;
    }
    n = json_object_array_length(keys);
    if (n > SEND_KEY_MAX) {
        error_setg(errp, "Parameter 'keys' has %zu keys; %d can be pressed together", n,
                   SEND_KEY_MAX);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        codes[i] = key_value(json_object_array_get_idx(keys, i), errp);
        if (codes[i] == KEY_CODE_COUNT) {
            return NULL;
        }
    }
    if (json_object_object_get_ex(args, "hold-time", &hold)) {
        hold_ms = MAX(json_object_get_int(hold), 0);
    }
    input_press_keys(runstate_machine(rs)->input, codes, n, hold_ms);
    return NULL;
}

/* --- query-mice --------------------------------------------------------------------- */

static void add_mouse(InputBinding *binding, const InputHandler *handler, int index, bool current,
                      void *opaque)
{
    json_object *mouse;

    if (!(handler->mask & (INPUT_REL | INPUT_ABS))) {
        return;
    }
    mouse = json_object_new_object();
    json_object_object_add(mouse, "name", json_object_new_string(handler->name));
    json_object_object_add(mouse, "index", json_object_new_int(index));
    json_object_object_add(mouse, "current", json_object_new_boolean(current));
    json_object_object_add(mouse, "absolute",
                           json_object_new_boolean((handler->mask & INPUT_ABS) != 0));
    json_object_array_add(opaque, mouse);
}

static json_object *qmp_query_mice(RunState *rs, json_object *args, Error **errp)
{
    json_object *mice = json_object_new_array();

    input_handler_foreach(runstate_machine(rs)->input, add_mouse, mice);
    return mice;
}

/* --- screens -------------------------------------------------------------------------- */

static json_object *qmp_screendump(RunState *rs, json_object *args, Error **errp)
{
    const char *path = string_member(args, "filename", errp);
    Console *con = console_by_index(runstate_machine(rs)->consoles, 0);
    json_object *format;

    if (!path) {
        return NULL;
    }
    if (json_object_object_get_ex(args, "format", &format) &&
        !g_str_equal(json_object_get_string(format), "ppm")) {
        error_setg(errp, "screendump: format '%s' is not offered; ppm is",
                   json_object_get_string(format));
    } else if (!con) {
        error_setg(errp, "There is no console to take a screendump from");
    } else {
        console_screendump(con, path, errp);
    }
    return NULL;
}

/* Not in QEMU: what a text mode shows, for tests. Lines without trailing blanks; null in
 * graphics modes. */
static json_object *qmp_x_screen_text(RunState *rs, json_object *args, Error **errp)
{
    Console *con = console_by_index(runstate_machine(rs)->consoles, 0);
    g_autofree char *text = con ? console_text(con) : NULL;
    json_object *result = json_object_new_object();

    json_object_object_add(result, "text", text ? json_object_new_string(text) : NULL);
    return result;
}

static void register_commands(void)
{
    qmp_register_command("input-send-event", qmp_input_send_event);
    qmp_register_command("send-key", qmp_send_key);
    qmp_register_command("query-mice", qmp_query_mice);
    qmp_register_command("screendump", qmp_screendump);
    qmp_register_command("x-screen-text", qmp_x_screen_text);
}

qapi_init(register_commands)
