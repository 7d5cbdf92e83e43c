/*
 * Keys of the SDL window: by place for the machine, by name for text consoles.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/keysym.h"
#include "ui/sdl.h"

#define K(scancode, code) [SDL_SCANCODE_##scancode] = KEY_##code

static const KeyCode key_codes[SDL_NUM_SCANCODES] = {
    K(A, A), K(B, B), K(C, C), K(D, D), K(E, E), K(F, F), K(G, G), K(H, H), K(I, I), K(J, J),
    K(K, K), K(L, L), K(M, M), K(N, N), K(O, O), K(P, P), K(Q, Q), K(R, R), K(S, S), K(T, T),
    K(U, U), K(V, V), K(W, W), K(X, X), K(Y, Y), K(Z, Z),
    K(1, 1), K(2, 2), K(3, 3), K(4, 4), K(5, 5), K(6, 6), K(7, 7), K(8, 8), K(9, 9), K(0, 0),
    K(RETURN, RET), K(ESCAPE, ESC), K(BACKSPACE, BACKSPACE), K(TAB, TAB), K(SPACE, SPC),
    K(MINUS, MINUS), K(EQUALS, EQUAL), K(LEFTBRACKET, BRACKET_LEFT),
    K(RIGHTBRACKET, BRACKET_RIGHT), K(BACKSLASH, BACKSLASH), K(NONUSHASH, BACKSLASH),
    K(SEMICOLON, SEMICOLON), K(APOSTROPHE, APOSTROPHE), K(GRAVE, GRAVE_ACCENT), K(COMMA, COMMA),
    K(PERIOD, DOT), K(SLASH, SLASH), K(CAPSLOCK, CAPS_LOCK),
    K(F1, F1), K(F2, F2), K(F3, F3), K(F4, F4), K(F5, F5), K(F6, F6), K(F7, F7), K(F8, F8),
    K(F9, F9), K(F10, F10), K(F11, F11), K(F12, F12), K(F13, F13), K(F14, F14), K(F15, F15),
    K(F16, F16), K(F17, F17), K(F18, F18), K(F19, F19), K(F20, F20), K(F21, F21), K(F22, F22),
    K(F23, F23), K(F24, F24),
    K(PRINTSCREEN, PRINT), K(SCROLLLOCK, SCROLL_LOCK), K(PAUSE, PAUSE), K(INSERT, INSERT),
    K(HOME, HOME), K(PAGEUP, PGUP), K(DELETE, DELETE), K(END, END), K(PAGEDOWN, PGDN),
    K(RIGHT, RIGHT), K(LEFT, LEFT), K(DOWN, DOWN), K(UP, UP), K(NUMLOCKCLEAR, NUM_LOCK),
    K(KP_DIVIDE, KP_DIVIDE), K(KP_MULTIPLY, KP_MULTIPLY), K(KP_MINUS, KP_SUBTRACT),
    K(KP_PLUS, KP_ADD), K(KP_ENTER, KP_ENTER), K(KP_1, KP_1), K(KP_2, KP_2), K(KP_3, KP_3),
    K(KP_4, KP_4), K(KP_5, KP_5), K(KP_6, KP_6), K(KP_7, KP_7), K(KP_8, KP_8), K(KP_9, KP_9),
    K(KP_0, KP_0), K(KP_PERIOD, KP_DECIMAL), K(KP_EQUALS, KP_EQUALS), K(KP_COMMA, KP_COMMA),
    K(NONUSBACKSLASH, LESS), K(APPLICATION, COMPOSE), K(POWER, POWER), K(MENU, MENU),
    K(STOP, STOP), K(AGAIN, AGAIN), K(UNDO, UNDO), K(CUT, CUT), K(COPY, COPY), K(PASTE, PASTE),
    K(FIND, FIND), K(HELP, HELP), K(MUTE, AUDIOMUTE), K(VOLUMEUP, VOLUMEUP),
    K(VOLUMEDOWN, VOLUMEDOWN), K(INTERNATIONAL1, RO), K(INTERNATIONAL2, KATAKANAHIRAGANA),
    K(INTERNATIONAL3, YEN), K(INTERNATIONAL4, HENKAN), K(INTERNATIONAL5, MUHENKAN),
    K(LANG1, LANG1), K(LANG2, LANG2), K(SYSREQ, SYSRQ),
    K(LCTRL, CTRL), K(LSHIFT, SHIFT), K(LALT, ALT), K(LGUI, META_L), K(RCTRL, CTRL_R),
    K(RSHIFT, SHIFT_R), K(RALT, ALT_R), K(RGUI, META_R), K(MODE, ALT_R),
    K(AUDIONEXT, AUDIONEXT), K(AUDIOPREV, AUDIOPREV), K(AUDIOSTOP, AUDIOSTOP),
    K(AUDIOPLAY, AUDIOPLAY), K(AUDIOMUTE, AUDIOMUTE), K(MEDIASELECT, MEDIASELECT), K(MAIL, MAIL),
    K(CALCULATOR, CALCULATOR), K(COMPUTER, COMPUTER), K(AC_HOME, AC_HOME), K(AC_BACK, AC_BACK),
    K(AC_FORWARD, AC_FORWARD), K(AC_REFRESH, AC_REFRESH), K(AC_BOOKMARKS, AC_BOOKMARKS),
    K(SLEEP, SLEEP),
};

KeyCode sdl_key_code(SDL_Scancode scancode)
{
    return (unsigned)scancode < SDL_NUM_SCANCODES ? key_codes[scancode] : KEY_UNMAPPED;
}

static const struct {
    SDL_Keycode key;
    uint32_t keysym;
} named_keys[] = {
    { SDLK_RETURN, KEYSYM_RETURN }, { SDLK_KP_ENTER, KEYSYM_RETURN },
    { SDLK_BACKSPACE, KEYSYM_BACKSPACE }, { SDLK_TAB, KEYSYM_TAB },
    { SDLK_ESCAPE, KEYSYM_ESCAPE }, { SDLK_UP, KEYSYM_UP }, { SDLK_DOWN, KEYSYM_DOWN },
    { SDLK_LEFT, KEYSYM_LEFT }, { SDLK_RIGHT, KEYSYM_RIGHT }, { SDLK_HOME, KEYSYM_HOME },
    { SDLK_END, KEYSYM_END }, { SDLK_PAGEUP, KEYSYM_PAGE_UP },
    { SDLK_PAGEDOWN, KEYSYM_PAGE_DOWN }, { SDLK_INSERT, KEYSYM_INSERT },
    { SDLK_DELETE, KEYSYM_DELETE },
};

uint32_t sdl_keysym(const SDL_Keysym *keysym)
{
    for (size_t i = 0; i < G_N_ELEMENTS(named_keys); i++) {
        if (named_keys[i].key == keysym->sym) {
            return named_keys[i].keysym;
        }
    }
    bool letter = keysym->sym >= 0x20 && keysym->sym < 0x7f;
    return letter && (keysym->mod & (KMOD_CTRL | KMOD_LALT)) ? (uint32_t)keysym->sym : 0;
}
