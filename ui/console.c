/*
 * Screens: see console.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/console.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "util/trace.h"

TRACE_EVENT(console_resize, "%s: %dx%d");
TRACE_EVENT(console_update, "%s: %d,%d %dx%d");

struct Console {
    ConsoleList *list;
    char *label;
    const ConsoleOps *ops;
    void *opaque;
    pixman_image_t *surface;
    bool own_surface;
    GSList *listeners; /* DisplayListener */
    pixman_image_t *cursor;
    int hot_x, hot_y, cursor_x, cursor_y;
    bool cursor_visible;
};

struct ConsoleList {
    GPtrArray *consoles;
};

ConsoleList *console_list_new(void)
{
    ConsoleList *list = g_new0(ConsoleList, 1);
    list->consoles = g_ptr_array_new();
    return list;
}

void console_list_free(ConsoleList *list)
{
    while (list->consoles->len) {
        console_free(g_ptr_array_index(list->consoles, list->consoles->len - 1));
    }
    g_ptr_array_unref(list->consoles);
    g_free(list);
}

Console *console_by_index(ConsoleList *list, unsigned index)
{
    return index < list->consoles->len ? g_ptr_array_index(list->consoles, index) : NULL;
}

unsigned console_index(const Console *con)
{
    guint index = 0;
    g_ptr_array_find(con->list->consoles, con, &index);
    return index;
}

const char *console_label(const Console *con)
{
    return con->label;
}

Console *console_new(ConsoleList *list, const char *label, const ConsoleOps *ops, void *opaque)
{
    Console *con = g_new0(Console, 1);

    con->list = list;
    con->label = g_strdup(label);
    con->ops = ops;
    con->opaque = opaque;
    g_ptr_array_add(list->consoles, con);
    console_resize(con, 640, 480);
    return con;
}

void console_free(Console *con)
{
    while (con->listeners) {
        display_listener_unregister(con->listeners->data);
    }
    g_ptr_array_remove(con->list->consoles, con);
    pixman_image_unref(con->surface);
    if (con->cursor) {
        pixman_image_unref(con->cursor);
    }
    g_free(con->label);
    g_free(con);
}

/* --- surface --------------------------------------------------------------------- */

static void switch_surface(Console *con, pixman_image_t *surface, bool own)
{
    if (con->surface) {
        pixman_image_unref(con->surface);
    }
    con->surface = surface;
    con->own_surface = own;
    trace(console_resize, con->label, pixman_image_get_width(surface),
          pixman_image_get_height(surface));
    for (GSList *l = con->listeners; l; l = l->next) {
        DisplayListener *listener = l->data;
        if (listener->ops->switch_surface) {
            listener->ops->switch_surface(listener, surface);
        }
    }
}

void console_resize(Console *con, int width, int height)
{
    if (con->surface && con->own_surface && pixman_image_get_width(con->surface) == width &&
        pixman_image_get_height(con->surface) == height) {
        return;
    }
    switch_surface(con, pixman_image_create_bits(PIXMAN_x8r8g8b8, width, height, NULL, 0), true);
}

void console_set_surface(Console *con, pixman_image_t *surface)
{
    switch_surface(con, pixman_image_ref(surface), false);
}

pixman_image_t *console_surface(Console *con)
{
    return con->surface;
}

void console_update(Console *con, int x, int y, int w, int h)
{
    int right = MIN(x + w, pixman_image_get_width(con->surface));
    int bottom = MIN(y + h, pixman_image_get_height(con->surface));

    x = MAX(x, 0);
    y = MAX(y, 0);
    if (x >= right || y >= bottom) {
        return;
    }
    trace(console_update, con->label, x, y, right - x, bottom - y);
    for (GSList *l = con->listeners; l; l = l->next) {
        DisplayListener *listener = l->data;
        if (listener->ops->update) {
            listener->ops->update(listener, x, y, right - x, bottom - y);
        }
    }
}

/* --- cursor ---------------------------------------------------------------------- */

static void tell_cursor(Console *con, DisplayListener *l)
{
    if (l->ops->define_cursor) {
        l->ops->define_cursor(l, con->cursor, con->hot_x, con->hot_y);
    }
}

static void tell_cursor_position(Console *con, DisplayListener *l)
{
    if (l->ops->move_cursor) {
        l->ops->move_cursor(l, con->cursor_x, con->cursor_y, con->cursor_visible);
    }
}

void console_define_cursor(Console *con, pixman_image_t *cursor, int hot_x, int hot_y)
{
    if (con->cursor) {
        pixman_image_unref(con->cursor);
    }
    con->cursor = cursor ? pixman_image_ref(cursor) : NULL;
    con->hot_x = hot_x;
    con->hot_y = hot_y;
    for (GSList *l = con->listeners; l; l = l->next) {
        tell_cursor(con, l->data);
    }
}

void console_move_cursor(Console *con, int x, int y, bool visible)
{
    con->cursor_x = x;
    con->cursor_y = y;
    con->cursor_visible = visible;
    for (GSList *l = con->listeners; l; l = l->next) {
        tell_cursor_position(con, l->data);
    }
}

/* --- front ends ------------------------------------------------------------------ */

void display_listener_register(DisplayListener *l, Console *con)
{
    l->console = con;
    con->listeners = g_slist_append(con->listeners, l);
    if (l->ops->switch_surface) {
        l->ops->switch_surface(l, con->surface);
    }
    if (con->cursor) {
        tell_cursor(con, l);
        tell_cursor_position(con, l);
    }
}

void display_listener_unregister(DisplayListener *l)
{
    if (l->console) {
        l->console->listeners = g_slist_remove(l->console->listeners, l);
        l->console = NULL;
    }
}

void console_refresh(Console *con)
{
    if (con->ops->refresh) {
        con->ops->refresh(con->opaque);
    }
}

void console_invalidate(Console *con)
{
    if (con->ops->invalidate) {
        con->ops->invalidate(con->opaque);
    }
}

char *console_text(Console *con)
{
    GString *out = g_string_new(NULL);

    if (con->ops->text && con->ops->text(con->opaque, out)) {
        return g_string_free(out, FALSE);
    }
    g_string_free(out, TRUE);
    return NULL;
}

static void put_ppm_row(FILE *file, const uint32_t *pixels, int width)
{
    for (int x = 0; x < width; x++) {
        uint8_t rgb[3] = { pixels[x] >> 16, pixels[x] >> 8, pixels[x] };
        fwrite(rgb, 1, sizeof(rgb), file);
    }
}

bool console_screendump(Console *con, const char *path, Error **errp)
{
    FILE *file = fopen(path, "wbe");
    int width, height, stride;
    const uint8_t *row;
    bool ok;

    if (!file) {
        error_setg_errno(errp, errno, "cannot write the screen to '%s'", path);
        return false;
    }
    console_refresh(con);
    width = pixman_image_get_width(con->surface);
    height = pixman_image_get_height(con->surface);
    stride = pixman_image_get_stride(con->surface);
    row = (const uint8_t *)pixman_image_get_data(con->surface);
    fprintf(file, "P6\n%d %d\n255\n", width, height);
    for (int y = 0; y < height; y++, row += stride) {
        put_ppm_row(file, (const uint32_t *)row, width);
    }
    ok = !ferror(file);
    if (fclose(file) != 0 || !ok) {
        error_setg_errno(errp, errno, "cannot write the screen to '%s'", path);
        return false;
    }
    return true;
}
