/*
 * Names and numbers of keys: see keycodes.h and input.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "ui/input.h"
#include "util/option.h"

static const char *const names[KEY_CODE_COUNT] = {
#define X(id, name) [KEY_##id] = name,
    KEY_CODES(X)
#undef X
};

const char *key_code_name(KeyCode code)
{
    return code < KEY_CODE_COUNT ? names[code] : "unmapped";
}

KeyCode key_code_parse(const char *name)
{
    for (KeyCode code = 0; code < KEY_CODE_COUNT; code++) {
        if (g_str_equal(names[code], name)) {
            return code;
        }
    }
    return KEY_CODE_COUNT;
}

/* Scan code set 1 as the PC/AT's system sees it; index 0x80 and up: after E0. */
static const uint8_t set1_keys[256] = {
    [0x01] = KEY_ESC, [0x02] = KEY_1, [0x03] = KEY_2, [0x04] = KEY_3, [0x05] = KEY_4,
    [0x06] = KEY_5, [0x07] = KEY_6, [0x08] = KEY_7, [0x09] = KEY_8, [0x0a] = KEY_9,
    [0x0b] = KEY_0, [0x0c] = KEY_MINUS, [0x0d] = KEY_EQUAL, [0x0e] = KEY_BACKSPACE,
    [0x0f] = KEY_TAB, [0x10] = KEY_Q, [0x11] = KEY_W, [0x12] = KEY_E, [0x13] = KEY_R,
    [0x14] = KEY_T, [0x15] = KEY_Y, [0x16] = KEY_U, [0x17] = KEY_I, [0x18] = KEY_O,
    [0x19] = KEY_P, [0x1a] = KEY_BRACKET_LEFT, [0x1b] = KEY_BRACKET_RIGHT, [0x1c] = KEY_RET,
    [0x1d] = KEY_CTRL, [0x1e] = KEY_A, [0x1f] = KEY_S, [0x20] = KEY_D, [0x21] = KEY_F,
    [0x22] = KEY_G, [0x23] = KEY_H, [0x24] = KEY_J, [0x25] = KEY_K, [0x26] = KEY_L,
    [0x27] = KEY_SEMICOLON, [0x28] = KEY_APOSTROPHE, [0x29] = KEY_GRAVE_ACCENT,
    [0x2a] = KEY_SHIFT, [0x2b] = KEY_BACKSLASH, [0x2c] = KEY_Z, [0x2d] = KEY_X, [0x2e] = KEY_C,
    [0x2f] = KEY_V, [0x30] = KEY_B, [0x31] = KEY_N, [0x32] = KEY_M, [0x33] = KEY_COMMA,
    [0x34] = KEY_DOT, [0x35] = KEY_SLASH, [0x36] = KEY_SHIFT_R, [0x37] = KEY_KP_MULTIPLY,
    [0x38] = KEY_ALT, [0x39] = KEY_SPC, [0x3a] = KEY_CAPS_LOCK, [0x3b] = KEY_F1, [0x3c] = KEY_F2,
    [0x3d] = KEY_F3, [0x3e] = KEY_F4, [0x3f] = KEY_F5, [0x40] = KEY_F6, [0x41] = KEY_F7,
    [0x42] = KEY_F8, [0x43] = KEY_F9, [0x44] = KEY_F10, [0x45] = KEY_NUM_LOCK,
    [0x46] = KEY_SCROLL_LOCK, [0x47] = KEY_KP_7, [0x48] = KEY_KP_8, [0x49] = KEY_KP_9,
    [0x4a] = KEY_KP_SUBTRACT, [0x4b] = KEY_KP_4, [0x4c] = KEY_KP_5, [0x4d] = KEY_KP_6,
    [0x4e] = KEY_KP_ADD, [0x4f] = KEY_KP_1, [0x50] = KEY_KP_2, [0x51] = KEY_KP_3,
    [0x52] = KEY_KP_0, [0x53] = KEY_KP_DECIMAL, [0x54] = KEY_SYSRQ, [0x56] = KEY_LESS,
    [0x57] = KEY_F11, [0x58] = KEY_F12, [0x59] = KEY_KP_EQUALS, [0x64] = KEY_F13,
    [0x65] = KEY_F14, [0x66] = KEY_F15, [0x67] = KEY_F16, [0x68] = KEY_F17, [0x69] = KEY_F18,
    [0x6a] = KEY_F19, [0x6b] = KEY_F20, [0x6c] = KEY_F21, [0x6d] = KEY_F22, [0x6e] = KEY_F23,
    [0x70] = KEY_KATAKANAHIRAGANA, [0x71] = KEY_LANG2, [0x72] = KEY_LANG1, [0x73] = KEY_RO,
    [0x76] = KEY_F24, [0x77] = KEY_HIRAGANA, [0x79] = KEY_HENKAN, [0x7b] = KEY_MUHENKAN,
    [0x7d] = KEY_YEN, [0x7e] = KEY_KP_COMMA,

    [0x90] = KEY_AUDIOPREV, [0x99] = KEY_AUDIONEXT, [0x9c] = KEY_KP_ENTER, [0x9d] = KEY_CTRL_R,
    [0xa0] = KEY_AUDIOMUTE, [0xa1] = KEY_CALCULATOR, [0xa2] = KEY_AUDIOPLAY,
    [0xa4] = KEY_AUDIOSTOP, [0xae] = KEY_VOLUMEDOWN, [0xb0] = KEY_VOLUMEUP, [0xb2] = KEY_AC_HOME,
    [0xb5] = KEY_KP_DIVIDE, [0xb7] = KEY_PRINT, [0xb8] = KEY_ALT_R, [0xc6] = KEY_PAUSE,
    [0xc7] = KEY_HOME, [0xc8] = KEY_UP, [0xc9] = KEY_PGUP, [0xcb] = KEY_LEFT,
    [0xcd] = KEY_RIGHT, [0xcf] = KEY_END, [0xd0] = KEY_DOWN, [0xd1] = KEY_PGDN,
    [0xd2] = KEY_INSERT, [0xd3] = KEY_DELETE, [0xdb] = KEY_META_L, [0xdc] = KEY_META_R,
    [0xdd] = KEY_MENU, [0xde] = KEY_POWER, [0xdf] = KEY_SLEEP, [0xe3] = KEY_WAKE,
    [0xe6] = KEY_AC_BOOKMARKS, [0xe7] = KEY_AC_REFRESH, [0xe9] = KEY_AC_FORWARD,
    [0xea] = KEY_AC_BACK, [0xeb] = KEY_COMPUTER, [0xec] = KEY_MAIL, [0xed] = KEY_MEDIASELECT,
};

KeyCode key_code_from_number(unsigned number)
{
    return number < G_N_ELEMENTS(set1_keys) ? set1_keys[number] : KEY_UNMAPPED;
}

static KeyCode parse_one(const char *text, Error **errp)
{
    KeyCode code = key_code_parse(text);
    uint64_t number;

    if (code == KEY_CODE_COUNT && g_str_equal(text, "<")) {
        code = KEY_LESS; /* the one name that is not a word */
    }
    if (code == KEY_CODE_COUNT && g_str_has_prefix(text, "0x") &&
        parse_u64("key", text, &number, NULL) && number < 0x100) {
        code = key_code_from_number(number);
    }
    if (code == KEY_CODE_COUNT || code == KEY_UNMAPPED) {
        error_setg(errp, "there is no key '%s'; names are those of QKeyCode (a, ret, f1, shift_r)",
                   text);
        return KEY_CODE_COUNT;
    }
    return code;
}

size_t key_codes_parse(const char *text, KeyCode *codes, size_t max, Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(text, "-", -1);
    size_t n;

    for (n = 0; parts[n]; n++) {
        if (n == max) {
            error_setg(errp, "'%s': too many keys, %zu can be pressed together", text, max);
            return 0;
        }
        codes[n] = parse_one(parts[n], errp);
        if (codes[n] == KEY_CODE_COUNT) {
            return 0;
        }
    }
    if (n == 0) {
        error_setg(errp, "no keys given; write names joined by '-', as in ctrl-alt-delete");
    }
    return n;
}
