/*
 * "-display curses": the machine's text screen on the terminal. Alt-1 to 9 (or
 * Escape and the digit) choose the console.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>
#include "ui/front-ends.h"
#include "ui/keyboard.h"
#include "ui/keysym.h"
#include "ui/terminal.h"

typedef struct CursesDisplay {
    DisplayListener listener;
    const DisplayHost *host;
    Keyboard kbd;
    guint input, resized;   /* event sources */
    bool changed;           /* the screen, since it was shown last */
} CursesDisplay;

/* --- output ------------------------------------------------------------------------------ */

static void show(CursesDisplay *front)
{
    Console *con = front->listener.console;
    TextScreen screen;

    if (console_cells(con, &screen)) {
        terminal_show(&screen);
        g_free(screen.cells);
    } else {
        pixman_image_t *surface = console_surface(con);
        g_autofree char *line =
            g_strdup_printf("%dx%d graphics mode: -display sdl or -vnc :0 would show it",
                            pixman_image_get_width(surface), pixman_image_get_height(surface));
        terminal_say(line);
    }
    front->changed = false;
}

static void switch_surface(DisplayListener *l, pixman_image_t *surface)
{
    ((CursesDisplay *)l)->changed = true;
}

static void update(DisplayListener *l, int x, int y, int w, int h)
{
    ((CursesDisplay *)l)->changed = true;
}

static void refreshed(DisplayListener *l)
{
    CursesDisplay *front = (CursesDisplay *)l;

    if (front->changed) {
        show(front);
    }
}

static gboolean on_resize(gpointer opaque)
{
    terminal_resize();
    show(opaque);
    return G_SOURCE_CONTINUE;
}

/* --- input ------------------------------------------------------------------------------- */

static void switch_console(CursesDisplay *front, unsigned index)
{
    Console *con = console_by_index(front->host->consoles, index);

    if (con && con != front->listener.console) {
        display_listener_unregister(&front->listener);
        display_listener_register(&front->listener, con);
    }
}

static void handle_key(CursesDisplay *front, uint32_t keysym, unsigned modifiers)
{
    if ((modifiers & CONSOLE_MOD_ALT) && keysym >= '1' && keysym <= '9') {
        switch_console(front, keysym - '1');
    } else {
        keyboard_tap(&front->kbd, front->listener.console, keysym, modifiers);
    }
    console_wake(front->listener.console);
}

static gboolean on_input(gint fd, GIOCondition condition, gpointer opaque)
{
    CursesDisplay *front = opaque;
    uint32_t keysym, next;
    unsigned modifiers, more;

    while (terminal_read_key(&keysym, &modifiers)) {
        if (keysym == KEYSYM_ESCAPE && terminal_read_key(&next, &more)) {
            keysym = next;
            modifiers = more | CONSOLE_MOD_ALT;
        }
        handle_key(front, keysym, modifiers);
    }
    return condition & G_IO_HUP ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

/* --- life -------------------------------------------------------------------------------- */

static const DisplayListenerOps listener_ops = {
    .name = "curses",
    .switch_surface = switch_surface,
    .update = update,
    .refresh = refreshed,
};

static void stop(void *opaque)
{
    CursesDisplay *front = opaque;

    g_source_remove(front->resized);
    if (g_main_context_find_source_by_id(NULL, front->input)) {
        g_source_remove(front->input);
    }
    display_listener_unregister(&front->listener);
    terminal_close();
    g_free(front);
}

static void *start(const DisplayHost *host, OptDict *opts, Error **errp)
{
    Console *con = console_by_index(host->consoles, 0);

    if (!con) {
        error_setg(errp, "-display curses: this machine has nothing to show; use -display none");
        return NULL;
    }
    if (!terminal_open(errp)) {
        return NULL;
    }
    CursesDisplay *front = g_new0(CursesDisplay, 1);
    front->listener.ops = &listener_ops;
    front->host = host;
    keyboard_init(&front->kbd, host->input, host->keymap);
    front->input = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, front);
    front->resized = g_unix_signal_add(SIGWINCH, on_resize, front);
    display_listener_register(&front->listener, con);
    return front;
}

const DisplayType display_curses = {
    .name = "curses",
    .help = "text modes on this terminal",
    .start = start,
    .stop = stop,
};
