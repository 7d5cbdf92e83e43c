/*
 * Key codes: names of keys by their place on a keyboard, as QMP's QKeyCode
 * and the monitor's sendkey write them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_KEYCODES_H
#define UI_KEYCODES_H

/* identifier, name */
#define KEY_CODES(X)                                                           \
    X(UNMAPPED, "unmapped")                                                    \
    X(SHIFT, "shift") X(SHIFT_R, "shift_r") X(ALT, "alt") X(ALT_R, "alt_r")    \
    X(CTRL, "ctrl") X(CTRL_R, "ctrl_r") X(MENU, "menu") X(ESC, "esc")          \
    X(1, "1") X(2, "2") X(3, "3") X(4, "4") X(5, "5")                          \
    X(6, "6") X(7, "7") X(8, "8") X(9, "9") X(0, "0")                          \
    X(MINUS, "minus") X(EQUAL, "equal") X(BACKSPACE, "backspace")              \
    X(TAB, "tab") X(Q, "q") X(W, "w") X(E, "e") X(R, "r") X(T, "t") X(Y, "y")  \
    X(U, "u") X(I, "i") X(O, "o") X(P, "p")                                    \
    X(BRACKET_LEFT, "bracket_left") X(BRACKET_RIGHT, "bracket_right")          \
    X(RET, "ret") X(A, "a") X(S, "s") X(D, "d") X(F, "f") X(G, "g") X(H, "h")  \
    X(J, "j") X(K, "k") X(L, "l") X(SEMICOLON, "semicolon")                    \
    X(APOSTROPHE, "apostrophe") X(GRAVE_ACCENT, "grave_accent")                \
    X(BACKSLASH, "backslash") X(Z, "z") X(X, "x") X(C, "c") X(V, "v")          \
    X(B, "b") X(N, "n") X(M, "m") X(COMMA, "comma") X(DOT, "dot")              \
    X(SLASH, "slash") X(ASTERISK, "asterisk") X(SPC, "spc")                    \
    X(CAPS_LOCK, "caps_lock") X(F1, "f1") X(F2, "f2") X(F3, "f3") X(F4, "f4")  \
    X(F5, "f5") X(F6, "f6") X(F7, "f7") X(F8, "f8") X(F9, "f9") X(F10, "f10")  \
    X(NUM_LOCK, "num_lock") X(SCROLL_LOCK, "scroll_lock")                      \
    X(KP_DIVIDE, "kp_divide") X(KP_MULTIPLY, "kp_multiply")                    \
    X(KP_SUBTRACT, "kp_subtract") X(KP_ADD, "kp_add") X(KP_ENTER, "kp_enter")  \
    X(KP_DECIMAL, "kp_decimal") X(SYSRQ, "sysrq")                              \
    X(KP_0, "kp_0") X(KP_1, "kp_1") X(KP_2, "kp_2") X(KP_3, "kp_3")            \
    X(KP_4, "kp_4") X(KP_5, "kp_5") X(KP_6, "kp_6") X(KP_7, "kp_7")            \
    X(KP_8, "kp_8") X(KP_9, "kp_9") X(LESS, "less") X(F11, "f11")              \
    X(F12, "f12") X(PRINT, "print") X(HOME, "home") X(PGUP, "pgup")            \
    X(PGDN, "pgdn") X(END, "end") X(LEFT, "left") X(UP, "up")                  \
    X(DOWN, "down") X(RIGHT, "right") X(INSERT, "insert")                      \
    X(DELETE, "delete") X(STOP, "stop") X(AGAIN, "again") X(PROPS, "props")    \
    X(UNDO, "undo") X(FRONT, "front") X(COPY, "copy") X(OPEN, "open")          \
    X(PASTE, "paste") X(FIND, "find") X(CUT, "cut") X(LF, "lf")                \
    X(HELP, "help") X(META_L, "meta_l") X(META_R, "meta_r")                    \
    X(COMPOSE, "compose") X(PAUSE, "pause") X(RO, "ro")                        \
    X(HIRAGANA, "hiragana") X(HENKAN, "henkan") X(YEN, "yen")                  \
    X(MUHENKAN, "muhenkan") X(KATAKANAHIRAGANA, "katakanahiragana")            \
    X(KP_COMMA, "kp_comma") X(KP_EQUALS, "kp_equals") X(POWER, "power")        \
    X(SLEEP, "sleep") X(WAKE, "wake") X(AUDIONEXT, "audionext")                \
    X(AUDIOPREV, "audioprev") X(AUDIOSTOP, "audiostop")                        \
    X(AUDIOPLAY, "audioplay") X(AUDIOMUTE, "audiomute")                        \
    X(VOLUMEUP, "volumeup") X(VOLUMEDOWN, "volumedown")                        \
    X(MEDIASELECT, "mediaselect") X(MAIL, "mail")                              \
    X(CALCULATOR, "calculator") X(COMPUTER, "computer")                        \
    X(AC_HOME, "ac_home") X(AC_BACK, "ac_back") X(AC_FORWARD, "ac_forward")    \
    X(AC_REFRESH, "ac_refresh") X(AC_BOOKMARKS, "ac_bookmarks")                \
    X(LANG1, "lang1") X(LANG2, "lang2") X(F13, "f13") X(F14, "f14")            \
    X(F15, "f15") X(F16, "f16") X(F17, "f17") X(F18, "f18") X(F19, "f19")      \
    X(F20, "f20") X(F21, "f21") X(F22, "f22") X(F23, "f23") X(F24, "f24")

typedef enum KeyCode {
#define X(id, name) KEY_##id,
    KEY_CODES(X)
#undef X
    KEY_CODE_COUNT
} KeyCode;

#endif
