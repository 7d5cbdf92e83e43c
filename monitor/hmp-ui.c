/*
 * Human monitor: keys, pointers, screens.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "hw/core/machine.h"
#include "monitor/hmp-int.h"
#include "ui/console.h"
#include "ui/input.h"
#include "util/json.h"

enum { SENDKEY_MAX = 16, SENDKEY_HOLD_MS = 100 };

/* One name or number of "ctrl-alt-f1"; len characters. */
static KeyCode parse_key(const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 0);

    if (g_str_has_prefix(text, "0x") && !*end) {
        return key_code_from_number((unsigned)number);
    }
    return key_code_parse(g_str_equal(text, "<") ? "less" : text);
}

static void run_sendkey(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    g_auto(GStrv) names = g_strsplit(hmp_arg_str(args, "keys"), "-", -1);
    KeyCode codes[SENDKEY_MAX];
    size_t n = 0;

    for (; names[n]; n++) {
        if (n == SENDKEY_MAX) {
            error_setg(errp, "at most %d keys can be pressed together", SENDKEY_MAX);
            return;
        }
        codes[n] = parse_key(names[n]);
        if (codes[n] == KEY_CODE_COUNT) {
            hmp_printf(hmp, "invalid parameter: %s\n", names[n]);
            return;
        }
    }
    int64_t hold = hmp_arg_int(args, "hold-time", SENDKEY_HOLD_MS);
    input_press_keys(hmp->machine->input, codes, n, (unsigned)CLAMP(hold, 0, 60000));
}

/* The last key of "ctrl-alt-de". */
static void complete_sendkey(Hmp *hmp, int index, const char *prefix, GPtrArray *out)
{
    const char *dash = strrchr(prefix, '-');
    g_autofree char *before = g_strndup(prefix, dash ? (gsize)(dash + 1 - prefix) : 0);

    for (KeyCode code = 0; index == 0 && code < KEY_CODE_COUNT; code++) {
        const char *name = key_code_name(code);
        if (name) {
            g_autofree char *word = g_strconcat(before, name, NULL);
            hmp_offer(out, prefix, word);
        }
    }
}

/* --- the mouse -------------------------------------------------------------------------- */

static void click(InputQueue *queue, InputButton button)
{
    input_send_button(queue, button, true);
    input_sync(queue);
    input_send_button(queue, button, false);
}

/* A word, not an expression: in "10 -5" the minus is a sign. */
static int distance(const HmpArgs *args, const char *name)
{
    const char *text = hmp_arg_str(args, name);
    return text ? (int)strtol(text, NULL, 0) : 0;
}

static void run_mouse_move(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    InputQueue *queue = hmp->machine->input;
    int dz = distance(args, "dz");

    input_send_rel(queue, INPUT_AXIS_X, distance(args, "dx"));
    input_send_rel(queue, INPUT_AXIS_Y, distance(args, "dy"));
    if (dz) {
        click(queue, dz > 0 ? INPUT_BUTTON_WHEEL_UP : INPUT_BUTTON_WHEEL_DOWN);
    }
    input_sync(queue);
}

static void run_mouse_button(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    static const InputButton buttons[] = { INPUT_BUTTON_LEFT, INPUT_BUTTON_MIDDLE,
                                           INPUT_BUTTON_RIGHT };
    InputQueue *queue = hmp->machine->input;
    int64_t state = hmp_arg_int(args, "button_state", 0);

    for (size_t i = 0; i < G_N_ELEMENTS(buttons); i++) {
        input_send_button(queue, buttons[i], state >> i & 1);
    }
    input_sync(queue);
}

static bool is_pointer(const InputHandler *handler)
{
    return handler->mask & (INPUT_REL | INPUT_ABS);
}

typedef struct MouseSearch {
    int64_t index;
    InputBinding *found;
} MouseSearch;

static void match_mouse(InputBinding *binding, const InputHandler *handler, int index,
                        bool current, void *opaque)
{
    MouseSearch *search = opaque;
    if (is_pointer(handler) && index == search->index) {
        search->found = binding;
    }
}

static void run_mouse_set(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    MouseSearch search = { hmp_arg_int(args, "index", -1), NULL };

    input_handler_foreach(hmp->machine->input, match_mouse, &search);
    if (search.found) {
        input_handler_activate(search.found);
    } else {
        hmp_printf(hmp, "Mouse at index '%d' not found\n", (int)search.index);
    }
}

static void print_mouse(InputBinding *binding, const InputHandler *handler, int index,
                        bool current, void *opaque)
{
    if (is_pointer(handler)) {
        hmp_printf(opaque, "%c Mouse #%d: %s%s\n", current ? '*' : ' ', index, handler->name,
                   handler->mask & INPUT_ABS ? " (absolute)" : "");
    }
}

static void run_mice(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    gsize before = hmp->out->len;

    input_handler_foreach(hmp->machine->input, print_mouse, hmp);
    if (hmp->out->len == before) {
        hmp_printf(hmp, "No mouse devices connected\n");
    }
}

/* --- screens ----------------------------------------------------------------------------- */

static void run_screendump(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *format = hmp_arg_flag(args, 'f') ? hmp_arg_str(args, "format") : NULL;

    json_object_put(hmp_qmp(hmp, errp, "screendump", "filename",
                            json_object_new_string(hmp_arg_str(args, "filename")), "format",
                            format ? json_object_new_string(format) : NULL, NULL));
}

/* --- VNC --------------------------------------------------------------------------------- */

static void print_vnc_peer(Hmp *hmp, const char *what, json_object *peer)
{
    hmp_printf(hmp, "  %s: %s:%s (%s%s)\n", what, json_member_str(peer, "host"),
               json_member_str(peer, "service"), json_member_str(peer, "family"),
               json_member_bool(peer, "websocket", false) ? " (Websocket)" : "");
}

static void print_vnc(Hmp *hmp, json_object *info)
{
    json_object *servers = json_member(info, "server"), *clients = json_member(info, "clients");

    hmp_printf(hmp, "%s:\n", json_member_str(info, "id"));
    for (size_t i = 0; i < json_object_array_length(servers); i++) {
        json_object *server = json_object_array_get_idx(servers, i);
        print_vnc_peer(hmp, "Server", server);
        hmp_printf(hmp, "    Auth: %s (Sub: none)\n", json_member_str(server, "auth"));
    }
    for (size_t i = 0; i < json_object_array_length(clients); i++) {
        print_vnc_peer(hmp, "Client", json_object_array_get_idx(clients, i));
        hmp_printf(hmp, "    x509_dname: none\n    sasl_username: none\n");
    }
}

static void run_info_vnc(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    json_object *all = hmp_qmp(hmp, errp, "query-vnc-servers", NULL);

    for (size_t i = 0; all && i < json_object_array_length(all); i++) {
        print_vnc(hmp, json_object_array_get_idx(all, i));
    }
    if (all && !json_object_array_length(all)) {
        hmp_printf(hmp, "None\n");
    }
    json_object_put(all);
}

static json_object *string_arg(const HmpArgs *args, const char *name)
{
    const char *text = hmp_arg_str(args, name);
    return text ? json_object_new_string(text) : NULL;
}

static void run_set_password(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    json_object_put(hmp_qmp(hmp, errp, "set_password", "protocol", string_arg(args, "protocol"),
                            "password", string_arg(args, "password"), "connected",
                            string_arg(args, "connected"), NULL));
}

static void run_expire_password(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    json_object_put(hmp_qmp(hmp, errp, "expire_password", "protocol",
                            string_arg(args, "protocol"), "time", string_arg(args, "time"), NULL));
}

const HmpCommand hmp_commands_ui[] = {
    { "sendkey", "keys:s hold-time:i?", "keys [hold_ms]", "press keys ('sendkey ctrl-alt-f1', for "
      "100 ms unless hold_ms is given)", run_sendkey, complete_sendkey },
    { "mouse_move", "dx:s dy:s dz:s?", "dx dy [dz]", "move the mouse", run_mouse_move },
    { "mouse_button", "button_state:i", "state", "press and release mouse buttons (1=L, 2=M, 4=R)",
      run_mouse_button },
    { "mouse_set", "index:i", "index", "choose the mouse that gets events", run_mouse_set },
    { "info mice", NULL, NULL, "show which mouse gets events", run_mice },
    { "screendump", "filename:F -f format:s?", "filename [-f format]", "save the screen",
      run_screendump },
    { "info vnc", NULL, NULL, "show the VNC servers and their clients", run_info_vnc },
    { "set_password", "protocol:s password:s connected:s?", "protocol password "
      "[action-if-connected]", "set the VNC password", run_set_password },
    { "expire_password", "protocol:s time:s", "protocol time", "set when the VNC password ends: "
      "now, never, +seconds, seconds since 1970", run_expire_password },
    { NULL },
};
