/*
 * A terminal: bytes in, a screen of cells out. What programs on a VT100 and the
 * Linux console use: cursor movement, erasing, inserting and deleting, a scrolling
 * region, the 16 colors, UTF-8. No drawing: text-console.c does that.
 *
 * Manuals: ECMA-48; DEC VT100 User Guide, "Programmer Information".
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_VT_H
#define UI_VT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include "ui/console.h"

enum { VT_PARAMS_MAX = 8 };

typedef struct VtPen {
    uint8_t fg, bg;   /* ANSI order: 1 is red */
    bool bold, reverse, hidden;
} VtPen;

typedef enum VtState { VT_TEXT, VT_ESCAPE, VT_CSI, VT_STRING, VT_SKIP_ONE } VtState;

typedef struct Vt {
    int columns, rows;
    TextCell *cells;        /* rows + history lines, a ring of lines */
    int lines, top;         /* lines in the ring; the ring's line that is screen line 0 */
    int history;            /* lines above the screen that hold something */
    int scrolled_back;      /* lines that the view is above the screen */
    int x, y;               /* x == columns: the next character wraps */
    int region_top, region_bottom;  /* the scrolling region: lines, the bottom is included */
    int saved_x, saved_y;
    VtPen pen, saved_pen;
    bool cursor_hidden, no_wrap, app_cursor_keys;
    VtState state;
    bool private_mode;      /* CSI ? */
    int params[VT_PARAMS_MAX], param_count;
    uint32_t utf8_char;
    int utf8_left;
    /* Answers of the terminal (reports). May be NULL. */
    void (*reply)(void *opaque, const char *text);
    void *opaque;
} Vt;

void vt_init(Vt *vt, int columns, int rows);
void vt_free(Vt *vt);
void vt_write(Vt *vt, const uint8_t *buf, int len);
/* A line of the view, which vt_scroll() may have moved up into the history. */
const TextCell *vt_line(const Vt *vt, int row);
/* Moves the view by lines, up if negative. */
void vt_scroll(Vt *vt, int lines);
/* Where the cursor is in the view; false if it cannot be seen. */
bool vt_cursor(const Vt *vt, int *x, int *y);

#endif
