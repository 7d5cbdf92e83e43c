/*
 * "-display sdl": the machine's screen in a window.
 *
 * SDL runs on the main thread. Its events are handled when the desktop's connection has some,
 * when the console has been refreshed, and by a timer while that is seldom.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/sdl.h"
#include <glib-unix.h>
#include <stdlib.h>
#include "ui/front-ends.h"
#include "ui/refresh.h"
#include "ui/sdl-connection.h"

/* Between two looks for events: if only they find any; if the connection tells of them. */
enum { POLL_MS = REFRESH_USUAL_MS + 10, POLL_CONNECTED_MS = 250 };

/* --- drawing --------------------------------------------------------------------------- */

static void forget_damage(SdlDisplay *sdl)
{
    sdl->damage = (pixman_box32_t){ INT32_MAX, INT32_MAX, 0, 0 };
}

/* Whether nothing of the window is beside the picture. */
static bool fills_window(const SdlDisplay *sdl)
{
    int width, height, texture_width, texture_height;

    return SDL_GetRendererOutputSize(sdl->renderer, &width, &height) == 0 &&
           SDL_QueryTexture(sdl->texture, NULL, NULL, &texture_width, &texture_height) == 0 &&
           width == texture_width && height == texture_height;
}

static void present(SdlDisplay *sdl)
{
    if (!fills_window(sdl)) {
        SDL_RenderClear(sdl->renderer);
    }
    SDL_RenderCopy(sdl->renderer, sdl->texture, NULL, NULL);
    SDL_RenderPresent(sdl->renderer);
}

static void upload(SdlDisplay *sdl, const pixman_box32_t *box)
{
    pixman_image_t *surface = console_surface(sdl->listener.console);
    int stride = pixman_image_get_stride(surface);
    const uint8_t *pixels = (const uint8_t *)pixman_image_get_data(surface);
    SDL_Rect rect = { box->x1, box->y1, box->x2 - box->x1, box->y2 - box->y1 };

    SDL_UpdateTexture(sdl->texture, &rect, pixels + (size_t)box->y1 * stride + box->x1 * 4,
                      stride);
}

void sdl_redraw(SdlDisplay *sdl)
{
    if (sdl->texture) {
        present(sdl);
    }
}

static void update(DisplayListener *l, int x, int y, int w, int h)
{
    SdlDisplay *sdl = (SdlDisplay *)l;
    pixman_box32_t *box = &sdl->damage;

    *box = (pixman_box32_t){ MIN(box->x1, x), MIN(box->y1, y), MAX(box->x2, x + w),
                             MAX(box->y2, y + h) };
}

/* --- the window ------------------------------------------------------------------------- */

void sdl_update_title(SdlDisplay *sdl)
{
    static const char *const releases[] = {
        [GRAB_CTRL_ALT] = " - Press Ctrl-Alt-G to exit grab",
        [GRAB_SHIFT_CTRL_ALT] = " - Press Ctrl-Alt-Shift-G to exit grab",
        [GRAB_RIGHT_CTRL] = " - Press Right-Ctrl-G to exit grab",
    };
    const char *name = sdl->host->name;
    Console *con = sdl->listener.console;
    g_autofree char *title =
        g_strconcat("Doppel", name ? " (" : "", name ? name : "", name ? ")" : "",
                    console_is_text(con) ? " - " : "",
                    console_is_text(con) ? console_label(con) : "",
                    sdl->running ? "" : " [Stopped]",
                    sdl->grabbed ? releases[sdl->grab_mod] : "", NULL);

    SDL_SetWindowTitle(sdl->window, title);
}

/* The desktop tells of a size later, perhaps when we have asked for another one. */
static void note_asked(SdlDisplay *sdl, int width, int height)
{
    sdl->asked[sdl->next_asked++ % SDL_SIZES_ASKED] = (SDL_Point){ width, height };
}

void sdl_resize_window(SdlDisplay *sdl, int percent)
{
    pixman_image_t *surface = console_surface(sdl->listener.console);
    int width = pixman_image_get_width(surface), height = pixman_image_get_height(surface);

    if (sdl->full_screen) {
        return;
    }
    sdl->scaled = percent != 100;
    if (sdl->scaled) {
        SDL_GetWindowSize(sdl->window, &width, &height);
    }
    width = MAX(width * percent / 100, 64);
    height = MAX(height * percent / 100, 48);
    note_asked(sdl, width, height);
    SDL_SetWindowSize(sdl->window, width, height);
}

void sdl_set_full_screen(SdlDisplay *sdl, bool on)
{
    int width, height;

    SDL_GetWindowSize(sdl->window, &width, &height);
    note_asked(sdl, width, height);
    sdl->full_screen = on;
    SDL_SetWindowFullscreen(sdl->window, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
    sdl_set_grab(sdl, on);
    if (!on && !sdl->scaled) {
        sdl_resize_window(sdl, 100);
    }
}

static void switch_surface(DisplayListener *l, pixman_image_t *surface)
{
    SdlDisplay *sdl = (SdlDisplay *)l;
    int width = pixman_image_get_width(surface), height = pixman_image_get_height(surface);

    if (sdl->texture) {
        SDL_DestroyTexture(sdl->texture);
    }
    sdl->texture = SDL_CreateTexture(sdl->renderer, SDL_PIXELFORMAT_RGB888,
                                     SDL_TEXTUREACCESS_STREAMING, width, height);
    SDL_RenderSetLogicalSize(sdl->renderer, width, height);
    if (!sdl->scaled) {
        sdl_resize_window(sdl, 100);
    }
    update(l, 0, 0, width, height);
}

static void define_cursor(DisplayListener *l, pixman_image_t *cursor, int hot_x, int hot_y)
{
    SdlDisplay *sdl = (SdlDisplay *)l;
    SDL_Surface *image = cursor ? SDL_CreateRGBSurfaceWithFormatFrom(
        pixman_image_get_data(cursor), pixman_image_get_width(cursor),
        pixman_image_get_height(cursor), 32, pixman_image_get_stride(cursor),
        SDL_PIXELFORMAT_ARGB8888) : NULL;
    SDL_Cursor *old = sdl->guest_cursor;

    sdl->guest_cursor = image ? SDL_CreateColorCursor(image, hot_x, hot_y) : NULL;
    sdl_update_pointer(sdl);
    SDL_FreeSurface(image);
    SDL_FreeCursor(old);
}

void sdl_switch_console(SdlDisplay *sdl, unsigned index)
{
    Console *con = console_by_index(sdl->host->consoles, index);

    if (!con || con == sdl->listener.console) {
        return;
    }
    display_listener_unregister(&sdl->listener);
    forget_damage(sdl);
    display_listener_register(&sdl->listener, con);
    if (console_is_text(con)) {
        sdl_set_grab(sdl, false);
    }
    sdl_update_pointer(sdl);
    sdl_update_title(sdl);
}

/* --- in time ---------------------------------------------------------------------------- */

static void poll_events(void *opaque)
{
    SdlDisplay *sdl = opaque;
    SDL_Event event;

    timer_mod(&sdl->poll, clock_get_ns(clock_real()) +
                          (sdl->connection ? POLL_CONNECTED_MS : POLL_MS) * NS_PER_MS);
    while (SDL_PollEvent(&event)) {
        sdl_handle_event(sdl, &event);
    }
    if (sdl->running != sdl->host->running(sdl->host->opaque)) {
        sdl->running = !sdl->running;
        sdl_update_title(sdl);
    }
}

static gboolean connection_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    poll_events(opaque);
    return G_SOURCE_CONTINUE;
}

static void watch_connection(SdlDisplay *sdl)
{
    int fd = sdl_connection_fd(sdl->window);

    if (fd >= 0) {
        sdl->connection = g_unix_fd_add(fd, G_IO_IN, connection_ready, sdl);
    }
}

static void refresh(DisplayListener *l)
{
    SdlDisplay *sdl = (SdlDisplay *)l;

    if (sdl->texture && sdl->damage.x1 < sdl->damage.x2) {
        upload(sdl, &sdl->damage);
        forget_damage(sdl);
        present(sdl);
    }
    poll_events(sdl);
}

/* --- life ---------------------------------------------------------------------------------- */

static const DisplayListenerOps listener_ops = {
    .name = "sdl",
    .switch_surface = switch_surface,
    .update = update,
    .define_cursor = define_cursor,
    .refresh = refresh,
};

static bool parse_grab_mod(SdlDisplay *sdl, OptDict *opts, Error **errp)
{
    static const char *const names[] = {
        [GRAB_CTRL_ALT] = "lctrl-lalt", [GRAB_SHIFT_CTRL_ALT] = "lshift-lctrl-lalt",
        [GRAB_RIGHT_CTRL] = "rctrl",
    };
    const char *mod = optdict_get(opts, "grab-mod");

    for (size_t i = 0; mod && i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(mod, names[i])) {
            sdl->grab_mod = i;
            return true;
        }
    }
    if (mod) {
        error_setg(errp, "-display sdl,grab-mod=%s: write lctrl-lalt, lshift-lctrl-lalt or rctrl",
                   mod);
    }
    return !mod;
}

/* Where OpenGL is done by the CPU it costs more than it saves. */
static void set_hints(bool gl)
{
    SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "linear");
    SDL_SetHint(SDL_HINT_RENDER_VSYNC, "0"); /* the machine must not wait for the screen */
    if (!gl) {
        SDL_SetHint(SDL_HINT_RENDER_DRIVER, "software");
        SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
    }
}

static bool parse_options(SdlDisplay *sdl, OptDict *opts, Error **errp)
{
    const char *gl = optdict_get(opts, "gl");

    if (gl && !g_str_equal(gl, "off") && !g_str_equal(gl, "on")) {
        error_setg(errp, "-display sdl,gl=%s: write on or off", gl);
        return false;
    }
    set_hints(gl && g_str_equal(gl, "on"));
    sdl->window_close = true;
    return parse_grab_mod(sdl, opts, errp) &&
           optdict_get_bool(opts, "show-cursor", &sdl->show_cursor, errp) &&
           optdict_get_bool(opts, "window-close", &sdl->window_close, errp) &&
           optdict_get_bool(opts, "full-screen", &sdl->full_screen, errp);
}

/* Left alone, SDL settles for drivers that show nothing. */
static bool open_desktop(Error **errp)
{
    if (!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY") && !getenv("SDL_VIDEODRIVER")) {
        error_setg(errp, "-display sdl: $DISPLAY is not set, so there is no desktop for a window; "
                   "use -display none, or -nographic for the serial port on this terminal");
        return false;
    }
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1"); /* SIGINT and SIGTERM end the program */
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
    if (SDL_InitSubSystem(SDL_INIT_VIDEO) < 0) {
        error_setg(errp, "-display sdl: %s; use -display none, or -nographic for the serial port "
                   "on this terminal", SDL_GetError());
        return false;
    }
    return true;
}

static bool open_window(SdlDisplay *sdl, Console *con, Error **errp)
{
    pixman_image_t *surface = console_surface(con);

    sdl->window = SDL_CreateWindow("Doppel", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED,
                                   pixman_image_get_width(surface),
                                   pixman_image_get_height(surface), SDL_WINDOW_RESIZABLE);
    sdl->renderer = sdl->window ? SDL_CreateRenderer(sdl->window, -1, 0) : NULL;
    if (!sdl->renderer) {
        error_setg(errp, "-display sdl: cannot open a window: %s", SDL_GetError());
    }
    return sdl->renderer != NULL;
}

static void stop(void *front)
{
    SdlDisplay *sdl = front;

    timer_deinit(&sdl->poll);
    if (sdl->connection) {
        g_source_remove(sdl->connection);
    }
    display_listener_unregister(&sdl->listener);
    SDL_FreeCursor(sdl->guest_cursor);
    if (sdl->texture) {
        SDL_DestroyTexture(sdl->texture);
    }
    if (sdl->renderer) {
        SDL_DestroyRenderer(sdl->renderer);
    }
    if (sdl->window) {
        SDL_DestroyWindow(sdl->window);
    }
    SDL_QuitSubSystem(SDL_INIT_VIDEO);
    g_free(sdl);
}

static void *start(const DisplayHost *host, OptDict *opts, Error **errp)
{
    Console *con = console_by_index(host->consoles, 0);
    SdlDisplay *sdl = g_new0(SdlDisplay, 1);

    sdl->listener.ops = &listener_ops;
    sdl->host = host;
    sdl->full_screen = host->full_screen;
    sdl->running = true;
    timer_init(&sdl->poll, clock_real(), poll_events, sdl);
    keyboard_init(&sdl->kbd, host->input, host->keymap);
    if (!con) {
        error_setg(errp, "-display sdl: this machine has nothing to show; use -display none");
    } else if (open_desktop(errp) && parse_options(sdl, opts, errp) &&
               open_window(sdl, con, errp)) {
        forget_damage(sdl);
        display_listener_register(&sdl->listener, con);
        sdl_update_title(sdl);
        if (sdl->full_screen) {
            sdl_set_full_screen(sdl, true);
        }
        watch_connection(sdl);
        timer_mod(&sdl->poll, clock_get_ns(clock_real()));
        return sdl;
    }
    stop(sdl);
    return NULL;
}

const DisplayType display_sdl = {
    .name = "sdl",
    .help = "a window (grab-mod=, show-cursor=, window-close=, full-screen=, gl=)",
    .start = start,
    .stop = stop,
};
