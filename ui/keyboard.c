/*
 * A front end's keyboard: see keyboard.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/keyboard.h"
#include "ui/keysym.h"

enum { TAP_MS = 10 };

void keyboard_init(Keyboard *kbd, InputQueue *queue, const Keymap *map)
{
    *kbd = (Keyboard){ .queue = queue, .map = map };
}

void keyboard_key(Keyboard *kbd, KeyCode code, bool down)
{
    if (code == KEY_UNMAPPED || down == kbd->down[code]) {
        return;
    }
    kbd->down[code] = down;
    input_send_key(kbd->queue, code, down);
    input_sync(kbd->queue);
}

void keyboard_release_all(Keyboard *kbd)
{
    for (KeyCode code = 0; code < KEY_CODE_COUNT; code++) {
        keyboard_key(kbd, code, false);
    }
}

static bool shift_held(const Keyboard *kbd)
{
    return kbd->down[KEY_SHIFT] || kbd->down[KEY_SHIFT_R];
}

unsigned keyboard_modifiers(const Keyboard *kbd)
{
    bool ctrl = kbd->down[KEY_CTRL] || kbd->down[KEY_CTRL_R], alt = kbd->down[KEY_ALT];
    return (shift_held(kbd) ? CONSOLE_MOD_SHIFT : 0) | (ctrl ? CONSOLE_MOD_CTRL : 0) |
           (alt ? CONSOLE_MOD_ALT : 0);
}

/* --- characters --------------------------------------------------------------------- */

static bool is_letter(uint32_t keysym)
{
    return keysym < 0x100 && g_unichar_isalpha(keysym);
}

/* Presses a modifier for a moment, or lets go of it for a moment. */
static void bend(Keyboard *kbd, KeyCode modifier, bool down)
{
    input_send_key(kbd->queue, modifier, down);
    input_sync(kbd->queue);
}

static void press_character(Keyboard *kbd, const KeyStroke *stroke, uint32_t keysym)
{
    /* With the caps lock on, the guest turns letters round itself. */
    bool caps = is_letter(keysym) && (input_leds(kbd->queue) & INPUT_LED_CAPS_LOCK);
    bool shift = stroke->shift != caps, chord = kbd->down[KEY_CTRL] || kbd->down[KEY_CTRL_R] ||
                                                kbd->down[KEY_ALT] || kbd->down[KEY_ALT_R];
    bool bend_shift = !chord && shift != shift_held(kbd);
    bool bend_altgr = stroke->altgr && !kbd->down[KEY_ALT_R];
    KeyCode shift_key = kbd->down[KEY_SHIFT_R] ? KEY_SHIFT_R : KEY_SHIFT;

    if (bend_shift) {
        bend(kbd, shift_key, shift);
    }
    if (bend_altgr) {
        bend(kbd, KEY_ALT_R, true);
    }
    keyboard_key(kbd, stroke->code, true);
    if (bend_altgr) {
        bend(kbd, KEY_ALT_R, false);
    }
    if (bend_shift) {
        bend(kbd, shift_key, !shift);
    }
}

void keyboard_keysym(Keyboard *kbd, uint32_t keysym, bool down)
{
    KeyStroke stroke;

    if (!keymap_lookup(kbd->map, keysym, &stroke)) {
        return;
    }
    if (down && stroke.printable && !kbd->down[stroke.code]) {
        press_character(kbd, &stroke, keysym);
    } else {
        keyboard_key(kbd, stroke.code, down);
    }
}

/* --- taps -------------------------------------------------------------------------- */

static void tap_key(Keyboard *kbd, uint32_t keysym, unsigned modifiers)
{
    static const KeyCode blank = KEY_SPC;
    KeyStroke stroke;
    KeyCode codes[5];
    size_t n = 0;

    if (!keymap_lookup(kbd->map, keysym, &stroke)) {
        return;
    }
    if (modifiers & CONSOLE_MOD_CTRL) {
        codes[n++] = KEY_CTRL;
    }
    if (modifiers & CONSOLE_MOD_ALT) {
        codes[n++] = KEY_ALT;
    }
    if (stroke.shift || (modifiers & CONSOLE_MOD_SHIFT)) {
        codes[n++] = KEY_SHIFT;
    }
    if (stroke.altgr) {
        codes[n++] = KEY_ALT_R;
    }
    codes[n++] = stroke.code;
    input_press_keys(kbd->queue, codes, n, TAP_MS);
    if (stroke.dead) {
        input_press_keys(kbd->queue, &blank, 1, TAP_MS);
    }
}

void keyboard_tap(Keyboard *kbd, Console *con, uint32_t keysym, unsigned modifiers)
{
    if (console_is_text(con)) {
        console_key(con, keysym, modifiers);
    } else {
        tap_key(kbd, keysym, modifiers);
    }
}

void keyboard_paste(Keyboard *kbd, Console *con, const char *text)
{
    for (; *text && g_utf8_validate(text, -1, NULL); text = g_utf8_next_char(text)) {
        uint32_t ch = g_utf8_get_char(text);
        if (ch != '\r') {
            keyboard_tap(kbd, con, ch == '\n' ? KEYSYM_RETURN
                                 : ch == '\t' ? KEYSYM_TAB
                                 : ch >= 0x100 ? KEYSYM_UNICODE + ch : ch, 0);
        }
    }
}
