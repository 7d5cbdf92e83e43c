/*
 * What VNC clients do, on the main thread: see vnc.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/keysym.h"
#include "ui/vnc.h"

/* --- keys ---------------------------------------------------------------------------------- */

static unsigned modifier_of(uint32_t keysym)
{
    switch (keysym) {
    case KEYSYM_SHIFT_L: case KEYSYM_SHIFT_R: return CONSOLE_MOD_SHIFT;
    case KEYSYM_CONTROL_L: case KEYSYM_CONTROL_R: return CONSOLE_MOD_CTRL;
    case KEYSYM_ALT_L: case KEYSYM_META_L: return CONSOLE_MOD_ALT;
    default: return 0;
    }
}

/* Ctrl-Alt-1 to 9 choose the console, for all clients. */
static bool is_console_key(const VncClient *client, KeyCode code)
{
    const unsigned both = CONSOLE_MOD_CTRL | CONSOLE_MOD_ALT;
    return (client->modifiers & both) == both && code >= KEY_1 && code <= KEY_9;
}

static void choose_console(VncClient *client, unsigned index)
{
    keyboard_release_all(&client->kbd);
    vnc_switch_console(client->server, index);
}

static void handle_key(VncClient *client, const VncEvent *event)
{
    Console *con = client->server->listener.console;
    bool by_place = event->kind == VNC_EVENT_KEY;
    uint32_t keysym = by_place ? (uint32_t)event->x : event->key;
    unsigned modifier = modifier_of(keysym);
    KeyStroke stroke = { .code = KEY_UNMAPPED };

    client->modifiers = event->down ? client->modifiers | modifier : client->modifiers & ~modifier;
    if (by_place) {
        stroke.code = event->key;
    } else {
        keymap_lookup(client->kbd.map, keysym, &stroke);
    }
    if (event->down && is_console_key(client, stroke.code)) {
        choose_console(client, stroke.code - KEY_1);
    } else if (console_is_text(con)) {
        if (event->down && !modifier) {
            console_key(con, keysym, client->modifiers);
        }
    } else if (by_place) {
        keyboard_key(&client->kbd, stroke.code, event->down);
    } else {
        keyboard_keysym(&client->kbd, keysym, event->down);
    }
}

/* --- pointer ------------------------------------------------------------------------------- */

static void move_pointer(VncClient *client, int x, int y)
{
    VncServer *vnc = client->server;
    InputQueue *input = vnc->host->input;

    if (input_is_absolute(input)) {
        input_send_abs(input, INPUT_AXIS_X, x, 0, pixman_image_get_width(vnc->picture) - 1);
        input_send_abs(input, INPUT_AXIS_Y, y, 0, pixman_image_get_height(vnc->picture) - 1);
    } else {
        input_send_rel(input, INPUT_AXIS_X, x - client->x);
        input_send_rel(input, INPUT_AXIS_Y, y - client->y);
    }
    client->x = x;
    client->y = y;
}

static void handle_pointer(VncClient *client, const VncEvent *event)
{
    /* By the bits of the message (RFC 6143, 7.5.5). */
    static const InputButton buttons[] = {
        INPUT_BUTTON_LEFT, INPUT_BUTTON_MIDDLE, INPUT_BUTTON_RIGHT, INPUT_BUTTON_WHEEL_UP,
        INPUT_BUTTON_WHEEL_DOWN, INPUT_BUTTON_WHEEL_LEFT, INPUT_BUTTON_WHEEL_RIGHT,
    };
    InputQueue *input = client->server->host->input;
    int changed = client->buttons ^ event->buttons;

    if (console_is_text(client->server->listener.console)) {
        return;
    }
    if (event->x != client->x || event->y != client->y) {
        move_pointer(client, event->x, event->y);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(buttons); i++) {
        if (changed >> i & 1) {
            input_send_button(input, buttons[i], event->buttons >> i & 1);
        }
    }
    client->buttons = event->buttons;
    input_sync(input);
}

/* --- all ------------------------------------------------------------------------------------ */

static void client_gone(VncServer *vnc, VncClient *client)
{
    vnc_emit(vnc, "VNC_DISCONNECTED", client);
    g_ptr_array_remove(vnc->clients, client); /* frees it */
    display_listener_set_hidden(&vnc->listener, vnc->clients->len == 0);
}

void vnc_handle_event(VncServer *vnc, const VncEvent *event)
{
    VncClient *client = event->client;

    g_atomic_int_add(&client->pending, -1);
    switch (event->kind) {
    case VNC_EVENT_READY:
        client->initialized = true;
        vnc_emit(vnc, "VNC_INITIALIZED", client);
        break;
    case VNC_EVENT_KEYSYM:
    case VNC_EVENT_KEY:
        handle_key(client, event);
        console_wake(vnc->listener.console);
        break;
    case VNC_EVENT_POINTER:
        handle_pointer(client, event);
        console_wake(vnc->listener.console);
        break;
    case VNC_EVENT_GONE:
        client_gone(vnc, client);
        break;
    }
}
