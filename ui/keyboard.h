/*
 * A front end's keyboard: which keys its user holds, so that they can be let go
 * when the front end loses sight of them, and characters made into keys.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_KEYBOARD_H
#define UI_KEYBOARD_H

#include "ui/console.h"
#include "ui/input.h"
#include "ui/keymap.h"

typedef struct Keyboard {
    InputQueue *queue;
    const Keymap *map;
    bool down[KEY_CODE_COUNT];
} Keyboard;

void keyboard_init(Keyboard *kbd, InputQueue *queue, const Keymap *map);
/* A key by its place. Repetitions are left out: the machine's keyboard repeats by itself. */
void keyboard_key(Keyboard *kbd, KeyCode code, bool down);
/*
 * A key by its X11 keysym. Shift and AltGr are pressed around it if the
 * character needs them and the user does not hold them.
 */
void keyboard_keysym(Keyboard *kbd, uint32_t keysym, bool down);
/* CONSOLE_MOD_* of the keys held. */
unsigned keyboard_modifiers(const Keyboard *kbd);
void keyboard_release_all(Keyboard *kbd);
/* Presses and releases a key with its modifiers: one of the machine's, or of a text console. For
 * front ends that do not hear of releases. */
void keyboard_tap(Keyboard *kbd, Console *con, uint32_t keysym, unsigned modifiers);
/* Taps the keys of a UTF-8 text. */
void keyboard_paste(Keyboard *kbd, Console *con, const char *text);

#endif
