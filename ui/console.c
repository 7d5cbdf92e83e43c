/*
 * Screens: see console.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/console.h"
#include "ui/refresh.h"
#include "util/timer.h"
#include "util/trace.h"

TRACE_EVENT(console_resize, "%s: %dx%d");
TRACE_EVENT(console_update, "%s: %d,%d %dx%d");

struct Console {
    ConsoleList *list;
    char *label;
    const ConsoleOps *ops;
    void *opaque;
    const void *owner;
    pixman_image_t *surface;
    bool own_surface;
    GSList *listeners; /* DisplayListener */
    pixman_image_t *cursor;
    int hot_x, hot_y, cursor_x, cursor_y;
    bool cursor_visible;
    Timer timer;       /* pending while somebody watches */
    RefreshPace pace;
    bool changed;      /* since the present refresh began */
    int64_t expected;  /* when the picture changes by itself */
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

bool console_is_text(const Console *con)
{
    return con->ops->key != NULL;
}

void console_set_owner(Console *con, const void *owner)
{
    con->owner = owner;
}

Console *console_by_owner(ConsoleList *list, const void *owner, unsigned head)
{
    for (guint i = 0; i < list->consoles->len; i++) {
        Console *con = g_ptr_array_index(list->consoles, i);
        if (con->owner == owner && head-- == 0) {
            return con;
        }
    }
    return NULL;
}

/* Screens come before text consoles. */
static void add_to_list(ConsoleList *list, Console *con)
{
    guint place = list->consoles->len;

    while (!console_is_text(con) && place > 0 &&
           console_is_text(g_ptr_array_index(list->consoles, place - 1))) {
        place--;
    }
    g_ptr_array_insert(list->consoles, (gint)place, con);
}

static void refresh_due(void *opaque);

Console *console_new(ConsoleList *list, const char *label, const ConsoleOps *ops, void *opaque)
{
    Console *con = g_new0(Console, 1);

    con->list = list;
    con->label = g_strdup(label);
    con->ops = ops;
    con->opaque = opaque;
    timer_init(&con->timer, clock_real(), refresh_due, con);
    refresh_pace_reset(&con->pace);
    con->expected = INT64_MAX;
    add_to_list(list, con);
    console_resize(con, 640, 480);
    return con;
}

void console_free(Console *con)
{
    while (con->listeners) {
        display_listener_unregister(con->listeners->data);
    }
    timer_deinit(&con->timer);
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
    con->changed = true;
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
    con->changed = true;
    for (GSList *l = con->listeners; l; l = l->next) {
        DisplayListener *listener = l->data;
        if (listener->ops->update) {
            listener->ops->update(listener, x, y, right - x, bottom - y);
        }
    }
}

void console_expect_change(Console *con, int64_t ns)
{
    con->expected = clock_get_ns(clock_real()) + ns + NS_PER_MS; /* surely not too early */
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

/* --- refreshing ------------------------------------------------------------------ */

static bool is_watched(const Console *con)
{
    for (const GSList *l = con->listeners; l; l = l->next) {
        const DisplayListener *listener = l->data;
        if (!listener->hidden) {
            return true;
        }
    }
    return false;
}

/* The list may change while listeners are told: a front end switches to another console. */
static void tell_refreshed(Console *con)
{
    GSList *listeners = g_slist_copy(con->listeners);

    for (GSList *l = listeners; l; l = l->next) {
        DisplayListener *listener = l->data;
        if (g_slist_find(con->listeners, listener) && listener->ops->refresh) {
            listener->ops->refresh(listener);
        }
    }
    g_slist_free(listeners);
}

void console_refresh(Console *con)
{
    if (con->ops->refresh) {
        con->ops->refresh(con->opaque);
    }
    tell_refreshed(con);
}

static void refresh_due(void *opaque)
{
    Console *con = opaque;
    int64_t start = clock_get_ns(clock_real()), end, next;
    bool was_expected = con->expected <= start;

    if (!is_watched(con)) {
        return;
    }
    con->changed = false;
    con->expected = INT64_MAX;
    timer_mod(&con->timer, start + con->pace.interval_ms * NS_PER_MS);
    console_refresh(con);
    end = clock_get_ns(clock_real());
    next = refresh_pace_time(&con->pace, start, con->changed, was_expected, con->expected);
    /* A slow front end gets at most half of the main thread's time; devices need the rest. */
    timer_mod(&con->timer, MAX(next, end + (end - start)));
}

static void start_refreshing(Console *con)
{
    if (is_watched(con) && !timer_pending(&con->timer)) {
        refresh_pace_reset(&con->pace);
        timer_mod(&con->timer, clock_get_ns(clock_real()));
    }
}

void console_wake(Console *con)
{
    int64_t soon = clock_get_ns(clock_real()) + REFRESH_USUAL_MS * NS_PER_MS;

    refresh_pace_wake(&con->pace);
    if (timer_pending(&con->timer) && timer_expire_time(&con->timer) > soon) {
        timer_mod(&con->timer, soon);
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
    start_refreshing(con);
}

void display_listener_unregister(DisplayListener *l)
{
    if (l->console) {
        l->console->listeners = g_slist_remove(l->console->listeners, l);
        l->console = NULL;
    }
}

void display_listener_set_hidden(DisplayListener *l, bool hidden)
{
    l->hidden = hidden;
    if (l->console) {
        start_refreshing(l->console);
    }
}

void console_key(Console *con, uint32_t keysym, unsigned modifiers)
{
    if (con->ops->key) {
        con->ops->key(con->opaque, keysym, modifiers);
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

bool console_cells(Console *con, TextScreen *out)
{
    return con->ops->cells && con->ops->cells(con->opaque, out);
}
