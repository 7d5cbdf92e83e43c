/*
 * Code page 437, the characters of the PC's fonts.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_CP437_H
#define UI_CP437_H

#include <stdint.h>

/* Unicode of each character; 0 and 255 are blanks. */
extern const uint16_t cp437_to_unicode[256];
/* The character that looks like ch, or '?'. */
uint8_t cp437_from_unicode(uint32_t ch);

#endif
