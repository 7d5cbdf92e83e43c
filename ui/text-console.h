/*
 * Text consoles: a "vc" character device on a screen of its own, so that the
 * monitor and the serial lines can be seen and used where the machine's screen is.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_TEXT_CONSOLE_H
#define UI_TEXT_CONSOLE_H

#include "chardev/char.h"
#include "ui/console.h"

enum { FONT_WIDTH = 8, FONT_HEIGHT = 16, FONT_SIZE = 256 * FONT_HEIGHT }; /* pixels; bytes */

/* The 8x16 font (code page 437, a byte a line) within a VGA BIOS image; NULL if it has none. */
const uint8_t *font_in_vga_bios(const uint8_t *rom, size_t size);

/* Shows a "vc", 80x24 unless it says otherwise. font: FONT_SIZE bytes, copied. */
typedef struct TextConsole TextConsole;
TextConsole *text_console_new(ConsoleList *list, Chardev *chr, const uint8_t *font);
void text_console_free(TextConsole *tc);

#endif
