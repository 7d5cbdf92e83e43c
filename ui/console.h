/*
 * Screens: a display device draws into a console's surface and reports what
 * it changed; front ends (windows, VNC, terminals) listen.
 *
 * A surface is a pixman image, PIXMAN_x8r8g8b8. It stays valid until the next
 * console_resize() or console_set_surface(), which tells the listeners.
 *
 * The device draws when it is asked: while somebody watches a console, a timer
 * calls the device's refresh(), which looks what changed and reports it by
 * console_update(). refresh.h says how often. With the big lock.
 *
 * A machine's consoles are numbered: screens first, then text consoles
 * (text-console.h), as the keys Ctrl-Alt-1, 2... of the front ends choose them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_CONSOLE_H
#define UI_CONSOLE_H

#include <glib.h>
#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>
#include "util/error.h"

typedef struct Console Console;
typedef struct ConsoleList ConsoleList; /* a machine's consoles */
typedef struct DisplayListener DisplayListener;

/* A text screen as cells, for terminals. */
typedef struct TextCell {
    uint32_t ch;    /* Unicode */
    uint8_t fg, bg; /* attribute colors of the VGA: 0 black, 1 blue, 2 green, 4 red; 8 brighter */
} TextCell;

typedef struct TextScreen {
    int columns, rows;
    int cursor_x, cursor_y; /* -1: none to be seen */
    TextCell *cells;        /* row by row; g_free() */
} TextScreen;

/* What a display device implements. */
typedef struct ConsoleOps {
    /* Draws what changed since the last call. */
    void (*refresh)(void *opaque);
    /* The next refresh() draws all. */
    void (*invalidate)(void *opaque);
    /* Appends the screen's text, UTF-8, a line each without trailing blanks. False: it shows
     * graphics. May be NULL. */
    bool (*text)(void *opaque, GString *out);
    /* The same as cells, all fields of *out. May be NULL. */
    bool (*cells)(void *opaque, TextScreen *out);
    /* Text consoles only: a key by its X11 keysym, which is the character for Latin-1. */
    void (*key)(void *opaque, uint32_t keysym, unsigned modifiers);
} ConsoleOps;

/* Modifiers of text_console keys. */
enum { CONSOLE_MOD_SHIFT = 1, CONSOLE_MOD_CTRL = 2, CONSOLE_MOD_ALT = 4 };

/* What a front end implements; any function may be NULL. */
typedef struct DisplayListenerOps {
    const char *name; /* "vnc" */
    /* The surface is another one, perhaps of another size. */
    void (*switch_surface)(DisplayListener *l, pixman_image_t *surface);
    void (*update)(DisplayListener *l, int x, int y, int w, int h);
    /* The device's own cursor: an a8r8g8b8 image, or NULL for none. */
    void (*define_cursor)(DisplayListener *l, pixman_image_t *cursor, int hot_x, int hot_y);
    void (*move_cursor)(DisplayListener *l, int x, int y, bool visible);
    /* The device has drawn; all updates of this moment were reported. */
    void (*refresh)(DisplayListener *l);
} DisplayListenerOps;

struct DisplayListener {
    const DisplayListenerOps *ops;
    Console *console; /* set by display_listener_register() */
    bool hidden;      /* does not need updates now; see display_listener_set_hidden() */
};

ConsoleList *console_list_new(void);
void console_list_free(ConsoleList *list);
/* NULL if there is no such number; 0 is the first screen. */
Console *console_by_index(ConsoleList *list, unsigned index);
/* The head-th console of a device (console_set_owner()), or NULL. */
Console *console_by_owner(ConsoleList *list, const void *owner, unsigned head);

/* For devices. label is shown as a window's title: "VGA". Begins with a 640x480 black surface. */
Console *console_new(ConsoleList *list, const char *label, const ConsoleOps *ops, void *opaque);
void console_free(Console *con);
/* The device that draws it, for those who look for it by device. */
void console_set_owner(Console *con, const void *owner);
/* A new surface of the console's own, black. Nothing happens if it has this size and is its own. */
void console_resize(Console *con, int width, int height);
/* The device's own memory as the surface; takes a reference. */
void console_set_surface(Console *con, pixman_image_t *surface);
pixman_image_t *console_surface(Console *con);
/* This rectangle was drawn; it is clipped to the surface. */
void console_update(Console *con, int x, int y, int w, int h);
/* By refresh(): in ns the picture will change by itself, as a blinking cursor does. It is drawn
 * then, and is not taken for activity. */
void console_expect_change(Console *con, int64_t ns);
void console_define_cursor(Console *con, pixman_image_t *cursor, int hot_x, int hot_y);
void console_move_cursor(Console *con, int x, int y, bool visible);

/* For front ends. Registering reports the present surface. */
void display_listener_register(DisplayListener *l, Console *con);
void display_listener_unregister(DisplayListener *l);
/* While all listeners of a console are hidden it is not drawn. */
void display_listener_set_hidden(DisplayListener *l, bool hidden);
const char *console_label(const Console *con);
unsigned console_index(const Console *con);
/* A text console takes keys by console_key(), not by the machine's input queue. */
bool console_is_text(const Console *con);
void console_key(Console *con, uint32_t keysym, unsigned modifiers);
/* The user did something: what it leads to should be seen soon. */
void console_wake(Console *con);
/* Lets the device draw; the listeners hear of what changed before it returns. */
void console_refresh(Console *con);
void console_invalidate(Console *con);
/* The screen's text, or NULL if it shows graphics; caller frees. */
char *console_text(Console *con);
/* The same as cells; false if it shows graphics. */
bool console_cells(Console *con, TextScreen *out);

#endif
