/*
 * Waiting for a screen: see screen-watch.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/screen-watch.h"
#include "util/timer.h"

/* Pixels: the cursors of text consoles that guests draw fit in. */
enum { CURSOR_WIDTH = 16, CURSOR_HEIGHT = 32 };

struct ScreenWatch {
    DisplayListener listener;
    GRegex *regex;              /* NULL: any text */
    int64_t stable_ms, last_change;
    char *text;                 /* of the last drawing; NULL: graphics */
    pixman_image_t *picture;    /* of the last drawing, in graphics modes */
    Timer timeout;
    void (*done)(void *opaque, ScreenWatchResult result);
    void *opaque;
};

static int64_t now_ms(void)
{
    return clock_get_ns(clock_real()) / NS_PER_MS;
}

/* --- changes ----------------------------------------------------------------------------- */

static const uint32_t *row_of(pixman_image_t *image, int y)
{
    const uint8_t *data = (const uint8_t *)pixman_image_get_data(image);
    return (const uint32_t *)(const void *)(data + (size_t)y * pixman_image_get_stride(image));
}

/* Whether two pictures of one size differ in more than a cursor. */
static bool differ(pixman_image_t *a, pixman_image_t *b)
{
    int left = INT_MAX, right = 0, top = -1, bottom = 0;

    for (int y = 0; y < pixman_image_get_height(a); y++) {
        const uint32_t *p = row_of(a, y), *q = row_of(b, y);
        for (int x = 0; x < pixman_image_get_width(a); x++) {
            if ((p[x] ^ q[x]) & 0xffffff) {
                left = MIN(left, x);
                right = MAX(right, x + 1);
                top = top < 0 ? y : top;
                bottom = y + 1;
            }
        }
    }
    return top >= 0 && (right - left > CURSOR_WIDTH || bottom - top > CURSOR_HEIGHT);
}

static bool picture_changed(ScreenWatch *watch)
{
    pixman_image_t *surface = console_surface(watch->listener.console), *old = watch->picture;
    int width = pixman_image_get_width(surface), height = pixman_image_get_height(surface);

    watch->picture = pixman_image_create_bits(PIXMAN_x8r8g8b8, width, height, NULL, 0);
    pixman_image_composite32(PIXMAN_OP_SRC, surface, NULL, watch->picture, 0, 0, 0, 0, 0, 0, width,
                             height);
    bool changed = !old || pixman_image_get_width(old) != width ||
                   pixman_image_get_height(old) != height || differ(old, watch->picture);
    if (old) {
        pixman_image_unref(old);
    }
    return changed;
}

static bool screen_changed(ScreenWatch *watch)
{
    char *old = watch->text;
    bool changed;

    watch->text = console_text(watch->listener.console);
    changed = g_strcmp0(old, watch->text) != 0 || (!watch->text && picture_changed(watch));
    g_free(old);
    return changed;
}

/* --- the watch ----------------------------------------------------------------------------- */

static void finish(ScreenWatch *watch, ScreenWatchResult result)
{
    void (*done)(void *opaque, ScreenWatchResult result) = watch->done;
    void *opaque = watch->opaque;

    screen_watch_free(watch);
    done(opaque, result);
}

static void look(DisplayListener *l)
{
    ScreenWatch *watch = (ScreenWatch *)l;

    if (screen_changed(watch)) {
        watch->last_change = now_ms();
    }
    if (watch->regex && watch->text && g_regex_match(watch->regex, watch->text, 0, NULL)) {
        finish(watch, SCREEN_TEXT);
    } else if (watch->stable_ms >= 0 && now_ms() - watch->last_change >= watch->stable_ms) {
        finish(watch, SCREEN_STABLE);
    }
}

static void time_is_up(void *opaque)
{
    finish(opaque, SCREEN_TIMEOUT);
}

static const DisplayListenerOps listener_ops = { .name = "screen-watch", .refresh = look };

ScreenWatch *screen_watch_new(Console *con, const ScreenWatchWanted *wanted,
                              void (*done)(void *opaque, ScreenWatchResult result), void *opaque,
                              Error **errp)
{
    g_autoptr(GError) gerr = NULL;
    GRegex *regex = NULL;

    if (wanted->text && !(regex = g_regex_new(wanted->text, G_REGEX_MULTILINE, 0, &gerr))) {
        error_setg(errp, "'%s' is no regular expression: %s", wanted->text, gerr->message);
        return NULL;
    }
    ScreenWatch *watch = g_new0(ScreenWatch, 1);
    watch->listener.ops = &listener_ops;
    watch->regex = regex;
    watch->stable_ms = wanted->stable_ms;
    watch->last_change = now_ms();
    watch->done = done;
    watch->opaque = opaque;
    timer_init(&watch->timeout, clock_real(), time_is_up, watch);
    if (wanted->timeout_ms >= 0) {
        timer_mod(&watch->timeout, clock_get_ns(clock_real()) + wanted->timeout_ms * NS_PER_MS);
    }
    display_listener_register(&watch->listener, con);
    return watch;
}

void screen_watch_free(ScreenWatch *watch)
{
    timer_deinit(&watch->timeout);
    display_listener_unregister(&watch->listener);
    if (watch->regex) {
        g_regex_unref(watch->regex);
    }
    if (watch->picture) {
        pixman_image_unref(watch->picture);
    }
    g_free(watch->text);
    g_free(watch);
}
