/*
 * Keyboard layouts: which key a person presses for a character. For front ends
 * that hear characters (VNC, terminals, pasted text) while a PC has keys.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_KEYMAP_H
#define UI_KEYMAP_H

#include <stdbool.h>
#include <stdint.h>
#include "ui/keycodes.h"
#include "util/error.h"

typedef struct Keymap Keymap;

typedef struct KeyStroke {
    KeyCode code;
    bool shift, altgr;  /* held meanwhile */
    bool printable;     /* a character; else a key without one, which modifiers do not change */
    bool dead;          /* needs a blank after it to show */
} KeyStroke;

/* -k's names: "en-us", "de"... NULL with errp set if there is no such layout. */
const Keymap *keymap_find(const char *name, Error **errp);
/* The layout without -k. */
const Keymap *keymap_default(void);
/* How to press an X11 keysym; false if the layout does not have it. */
bool keymap_lookup(const Keymap *map, uint32_t keysym, KeyStroke *out);

#endif
