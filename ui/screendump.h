/*
 * Pictures of a console as files: binary PPM, or PNG if libpng is there.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_SCREENDUMP_H
#define UI_SCREENDUMP_H

#include "ui/console.h"

typedef enum ScreendumpFormat { SCREENDUMP_PPM, SCREENDUMP_PNG } ScreendumpFormat;

/* Lets the device draw and writes what it drew: one moment of the screen. */
bool console_screendump(Console *con, const char *path, ScreendumpFormat format, Error **errp);

#endif
