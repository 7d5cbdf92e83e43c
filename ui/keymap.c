/*
 * Keyboard layouts: see keymap.h. The keys stand as on an ISO keyboard, row by
 * row (ISO/IEC 9995); a blank is a key without a character on that level.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/keymap.h"
#include <glib.h>
#include "ui/keysym.h"

enum { ROWS = 4, LEVELS = 3 };
enum { LEVEL_PLAIN, LEVEL_SHIFT, LEVEL_ALTGR };

struct Keymap {
    const char *name;
    const char *levels[LEVELS][ROWS];
    const char *dead;   /* characters whose keys are dead keys */
};

static const KeyCode row0[] = { KEY_GRAVE_ACCENT, KEY_1, KEY_2, KEY_3, KEY_4, KEY_5, KEY_6, KEY_7,
                                KEY_8, KEY_9, KEY_0, KEY_MINUS, KEY_EQUAL };
static const KeyCode row1[] = { KEY_Q, KEY_W, KEY_E, KEY_R, KEY_T, KEY_Y, KEY_U, KEY_I, KEY_O,
                                KEY_P, KEY_BRACKET_LEFT, KEY_BRACKET_RIGHT };
static const KeyCode row2[] = { KEY_A, KEY_S, KEY_D, KEY_F, KEY_G, KEY_H, KEY_J, KEY_K, KEY_L,
                                KEY_SEMICOLON, KEY_APOSTROPHE, KEY_BACKSLASH };
static const KeyCode row3[] = { KEY_LESS, KEY_Z, KEY_X, KEY_C, KEY_V, KEY_B, KEY_N, KEY_M,
                                KEY_COMMA, KEY_DOT, KEY_SLASH };
static const KeyCode *const rows[ROWS] = { row0, row1, row2, row3 };

#define NO_LEVEL { "", "", "", "" }

static const Keymap keymaps[] = {
    { "en-us",
      { { "`1234567890-=", "qwertyuiop[]", "asdfghjkl;'\\", " zxcvbnm,./" },
        { "~!@#$%^&*()_+", "QWERTYUIOP{}", "ASDFGHJKL:\"|", " ZXCVBNM<>?" },
        NO_LEVEL }, "" },
    { "en-gb",
      { { "`1234567890-=", "qwertyuiop[]", "asdfghjkl;'#", "\\zxcvbnm,./" },
        { "¬!\"£$%^&*()_+", "QWERTYUIOP{}", "ASDFGHJKL:@~", "|ZXCVBNM<>?" },
        { "¦   €        ", "", "", "" } }, "" },
    { "de",
      { { "^1234567890ß´", "qwertzuiopü+", "asdfghjklöä#", "<yxcvbnm,.-" },
        { "°!\"§$%&/()=?`", "QWERTZUIOPÜ*", "ASDFGHJKLÖÄ'", ">YXCVBNM;:_" },
        { "  ²³   {[]}\\ ", "@ €        ~", "", "|      µ   " } }, "^´`" },
    { "fr",
      { { "²&é\"'(-è_çà)=", "azertyuiop^$", "qsdfghjklmù*", "<wxcvbn,;:!" },
        { " 1234567890°+", "AZERTYUIOP¨£", "QSDFGHJKLM%µ", ">WXCVBN?./§" },
        { "  ~#{[|`\\^@]}", "  €        ¤", "", "" } }, "¨" },
    { "es",
      { { "º1234567890'¡", "qwertyuiop`+", "asdfghjklñ´ç", "<zxcvbnm,.-" },
        { "ª!\"·$%&/()=?¿", "QWERTYUIOP^*", "ASDFGHJKLÑ¨Ç", ">ZXCVBNM;:_" },
        { "\\|@#~€¬      ", "          []", "          {}", "" } }, "`^´¨~" },
    { "it",
      { { "\\1234567890'ì", "qwertyuiopè+", "asdfghjklòàù", "<zxcvbnm,.-" },
        { "|!\"£$%&/()=?^", "QWERTYUIOPé*", "ASDFGHJKLç°§", ">ZXCVBNM;:_" },
        { "", "  €       []", "         @# ", "" } }, "" },
    { "sv",
      { { "§1234567890+´", "qwertyuiopå¨", "asdfghjklöä'", "<zxcvbnm,.-" },
        { "½!\"#¤%&/()=?`", "QWERTYUIOPÅ^", "ASDFGHJKLÖÄ*", ">ZXCVBNM;:_" },
        { "  @£$€ {[]}\\ ", "          ~", "", "|      µ   " } }, "´`¨^~" },
};

/* Keys without a character, and characters on the same key everywhere. */
static const struct {
    uint32_t keysym;
    KeyCode code;
} fixed_keys[] = {
    { ' ', KEY_SPC }, { 0xa0, KEY_SPC },
    { KEYSYM_ISO_LEVEL3_SHIFT, KEY_ALT_R }, { KEYSYM_MODE_SWITCH, KEY_ALT_R },
    { KEYSYM_ISO_LEFT_TAB, KEY_TAB }, { KEYSYM_BACKSPACE, KEY_BACKSPACE },
    { KEYSYM_TAB, KEY_TAB }, { KEYSYM_LINEFEED, KEY_LF }, { KEYSYM_RETURN, KEY_RET },
    { KEYSYM_PAUSE, KEY_PAUSE }, { KEYSYM_BREAK, KEY_PAUSE },
    { KEYSYM_SCROLL_LOCK, KEY_SCROLL_LOCK }, { KEYSYM_SYS_REQ, KEY_SYSRQ },
    { KEYSYM_ESCAPE, KEY_ESC }, { KEYSYM_HOME, KEY_HOME }, { KEYSYM_LEFT, KEY_LEFT },
    { KEYSYM_UP, KEY_UP }, { KEYSYM_RIGHT, KEY_RIGHT }, { KEYSYM_DOWN, KEY_DOWN },
    { KEYSYM_PAGE_UP, KEY_PGUP }, { KEYSYM_PAGE_DOWN, KEY_PGDN }, { KEYSYM_END, KEY_END },
    { KEYSYM_PRINT, KEY_PRINT }, { KEYSYM_INSERT, KEY_INSERT }, { KEYSYM_MENU, KEY_COMPOSE },
    { KEYSYM_NUM_LOCK, KEY_NUM_LOCK }, { KEYSYM_KP_ENTER, KEY_KP_ENTER },
    { KEYSYM_KP_HOME, KEY_KP_7 }, { KEYSYM_KP_LEFT, KEY_KP_4 }, { KEYSYM_KP_UP, KEY_KP_8 },
    { KEYSYM_KP_RIGHT, KEY_KP_6 }, { KEYSYM_KP_DOWN, KEY_KP_2 },
    { KEYSYM_KP_PAGE_UP, KEY_KP_9 }, { KEYSYM_KP_PAGE_DOWN, KEY_KP_3 },
    { KEYSYM_KP_END, KEY_KP_1 }, { KEYSYM_KP_BEGIN, KEY_KP_5 }, { KEYSYM_KP_INSERT, KEY_KP_0 },
    { KEYSYM_KP_DELETE, KEY_KP_DECIMAL }, { KEYSYM_KP_MULTIPLY, KEY_KP_MULTIPLY },
    { KEYSYM_KP_ADD, KEY_KP_ADD }, { KEYSYM_KP_SEPARATOR, KEY_KP_COMMA },
    { KEYSYM_KP_SUBTRACT, KEY_KP_SUBTRACT }, { KEYSYM_KP_DECIMAL, KEY_KP_DECIMAL },
    { KEYSYM_KP_DIVIDE, KEY_KP_DIVIDE }, { KEYSYM_KP_EQUAL, KEY_KP_EQUALS },
    { KEYSYM_SHIFT_L, KEY_SHIFT }, { KEYSYM_SHIFT_R, KEY_SHIFT_R },
    { KEYSYM_CONTROL_L, KEY_CTRL }, { KEYSYM_CONTROL_R, KEY_CTRL_R },
    { KEYSYM_CAPS_LOCK, KEY_CAPS_LOCK }, { KEYSYM_META_L, KEY_ALT }, { KEYSYM_META_R, KEY_ALT_R },
    { KEYSYM_ALT_L, KEY_ALT }, { KEYSYM_ALT_R, KEY_ALT_R }, { KEYSYM_SUPER_L, KEY_META_L },
    { KEYSYM_SUPER_R, KEY_META_R }, { KEYSYM_DELETE, KEY_DELETE },
    { KEYSYM_KP_0 + 0, KEY_KP_0 }, { KEYSYM_KP_0 + 1, KEY_KP_1 }, { KEYSYM_KP_0 + 2, KEY_KP_2 },
    { KEYSYM_KP_0 + 3, KEY_KP_3 }, { KEYSYM_KP_0 + 4, KEY_KP_4 }, { KEYSYM_KP_0 + 5, KEY_KP_5 },
    { KEYSYM_KP_0 + 6, KEY_KP_6 }, { KEYSYM_KP_0 + 7, KEY_KP_7 }, { KEYSYM_KP_0 + 8, KEY_KP_8 },
    { KEYSYM_KP_0 + 9, KEY_KP_9 },
    { KEYSYM_F1 + 0, KEY_F1 }, { KEYSYM_F1 + 1, KEY_F2 }, { KEYSYM_F1 + 2, KEY_F3 },
    { KEYSYM_F1 + 3, KEY_F4 }, { KEYSYM_F1 + 4, KEY_F5 }, { KEYSYM_F1 + 5, KEY_F6 },
    { KEYSYM_F1 + 6, KEY_F7 }, { KEYSYM_F1 + 7, KEY_F8 }, { KEYSYM_F1 + 8, KEY_F9 },
    { KEYSYM_F1 + 9, KEY_F10 }, { KEYSYM_F1 + 10, KEY_F11 }, { KEYSYM_F1 + 11, KEY_F12 },
};

/* Keysyms that are a character by another number. */
static const struct {
    uint32_t keysym, ch;
} characters[] = {
    { KEYSYM_DEAD_GRAVE, '`' }, { KEYSYM_DEAD_ACUTE, 0xb4 }, { KEYSYM_DEAD_CIRCUMFLEX, '^' },
    { KEYSYM_DEAD_TILDE, '~' }, { KEYSYM_DEAD_DIAERESIS, 0xa8 }, { KEYSYM_DEAD_ABOVERING, 0xb0 },
    { KEYSYM_DEAD_CEDILLA, 0xb8 },
};

const Keymap *keymap_default(void)
{
    return &keymaps[0];
}

const Keymap *keymap_find(const char *name, Error **errp)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(keymaps); i++) {
        if (g_str_equal(keymaps[i].name, name)) {
            return &keymaps[i];
        }
        g_string_append_printf(names, "%s%s", i ? ", " : "", keymaps[i].name);
    }
    error_setg(errp, "-k %s: there is no such keyboard layout; write one of %s", name, names->str);
    return NULL;
}

static uint32_t character_of(uint32_t keysym)
{
    for (size_t i = 0; i < G_N_ELEMENTS(characters); i++) {
        if (characters[i].keysym == keysym) {
            return characters[i].ch;
        }
    }
    return keysym > KEYSYM_UNICODE ? keysym - KEYSYM_UNICODE : keysym;
}

static int find_in_row(const char *row, uint32_t ch)
{
    int place = 0;

    for (; *row; row = g_utf8_next_char(row), place++) {
        if (g_utf8_get_char(row) == ch) {
            return place;
        }
    }
    return -1;
}

static bool find_character(const Keymap *map, uint32_t ch, KeyStroke *out)
{
    for (int level = 0; level < LEVELS; level++) {
        for (int row = 0; row < ROWS; row++) {
            int place = find_in_row(map->levels[level][row], ch);
            if (place >= 0) {
                *out = (KeyStroke){ rows[row][place], level == LEVEL_SHIFT, level == LEVEL_ALTGR,
                                    true, find_in_row(map->dead, ch) >= 0 };
                return true;
            }
        }
    }
    return false;
}

bool keymap_lookup(const Keymap *map, uint32_t keysym, KeyStroke *out)
{
    for (size_t i = 0; i < G_N_ELEMENTS(fixed_keys); i++) {
        if (fixed_keys[i].keysym == keysym) {
            *out = (KeyStroke){ .code = fixed_keys[i].code };
            return true;
        }
    }
    return keysym != ' ' && find_character(map, character_of(keysym), out);
}
