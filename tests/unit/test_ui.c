/*
 * The input queue and screens.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>
#include "ui/console.h"
#include "ui/input.h"
#include "ui/screendump.h"
#include "util/timer.h"

/* --- input ------------------------------------------------------------------------------ */

/* A device that writes down what it gets. */
static void note_event(void *opaque, const InputEvent *e)
{
    GString *log = opaque;

    switch (e->kind) {
    case INPUT_KEY:
        g_string_append_printf(log, "%s%s ", e->key.down ? "+" : "-", key_code_name(e->key.code));
        break;
    case INPUT_BUTTON:
        g_string_append_printf(log, "%sbutton%d ", e->btn.down ? "+" : "-", e->btn.button);
        break;
    default:
        g_string_append_printf(log, "%s%d=%d ", e->kind == INPUT_REL ? "rel" : "abs",
                               e->move.axis, e->move.value);
    }
}

static void note_sync(void *opaque)
{
    g_string_append(opaque, "| ");
}

static const InputHandler keyboard = { "keyboard", INPUT_KEY, note_event, note_sync };
static const InputHandler mouse = { "mouse", INPUT_BUTTON | INPUT_REL, note_event, note_sync };
static const InputHandler tablet = { "tablet", INPUT_BUTTON | INPUT_ABS, note_event, note_sync };

static void expect_log(GString *log, const char *text)
{
    g_assert_cmpstr(log->str, ==, text);
    g_string_truncate(log, 0);
}

static void test_routing(void)
{
    Clock *clock = clock_new_virtual();
    InputQueue *queue = input_queue_new(clock);
    GString *keys = g_string_new(NULL), *rel = g_string_new(NULL), *abs = g_string_new(NULL);
    InputBinding *mouse_binding, *tablet_binding;

    input_handler_register(queue, &keyboard, keys);
    mouse_binding = input_handler_register(queue, &mouse, rel);
    g_assert_false(input_is_absolute(queue));
    tablet_binding = input_handler_register(queue, &tablet, abs);
    g_assert_true(input_is_absolute(queue));
    input_send_key(queue, KEY_A, true);
    input_send_button(queue, INPUT_BUTTON_LEFT, true);
    input_send_abs(queue, INPUT_AXIS_X, 320, 0, 640);
    input_send_abs(queue, INPUT_AXIS_Y, 1000, 0, 480);
    input_sync(queue);
    expect_log(keys, "+a | ");
    expect_log(rel, "");
    expect_log(abs, "+button0 abs0=16383 abs1=32767 | ");
    input_handler_activate(mouse_binding);
    input_send_button(queue, INPUT_BUTTON_LEFT, false);
    input_send_rel(queue, INPUT_AXIS_X, -4);
    input_sync(queue);
    expect_log(rel, "-button0 rel0=-4 | ");
    expect_log(abs, "");
    input_handler_unregister(tablet_binding);
    input_queue_free(queue);
    clock_free(clock);
    g_string_free(keys, TRUE);
    g_string_free(rel, TRUE);
    g_string_free(abs, TRUE);
}

static void note_absolute(void *opaque, bool absolute)
{
    g_string_append(opaque, absolute ? "absolute " : "relative ");
}

/* Front ends hear when the kind of pointer changes, and only then. */
static void test_absolute(void)
{
    Clock *clock = clock_new_virtual();
    InputQueue *queue = input_queue_new(clock);
    GString *said = g_string_new(NULL), *ignored = g_string_new(NULL);
    InputBinding *mouse_binding, *tablet_binding, *second;

    input_add_absolute_listener(queue, note_absolute, said);
    mouse_binding = input_handler_register(queue, &mouse, ignored);
    expect_log(said, "");
    tablet_binding = input_handler_register(queue, &tablet, ignored);
    expect_log(said, "absolute ");
    second = input_handler_register(queue, &mouse, ignored); /* does not displace the tablet */
    expect_log(said, "");
    g_assert_true(input_is_absolute(queue));
    input_handler_activate(second);
    expect_log(said, "relative ");
    input_handler_activate(tablet_binding);
    expect_log(said, "absolute ");
    input_handler_unregister(tablet_binding);
    expect_log(said, "relative ");
    input_remove_absolute_listener(queue, note_absolute, said);
    input_handler_register(queue, &tablet, ignored);
    expect_log(said, "");
    input_handler_unregister(mouse_binding);
    input_queue_free(queue);
    clock_free(clock);
    g_string_free(said, TRUE);
    g_string_free(ignored, TRUE);
}

/* Combinations are held for their time and do not overlap. */
static void test_press_keys(void)
{
    static const KeyCode reset[] = { KEY_CTRL, KEY_ALT, KEY_DELETE }, a[] = { KEY_A };
    Clock *clock = clock_new_virtual();
    InputQueue *queue = input_queue_new(clock);
    GString *log = g_string_new(NULL);

    clock_set_manual(clock);
    input_handler_register(queue, &keyboard, log);
    input_press_keys(queue, reset, 3, 100);
    input_press_keys(queue, a, 1, 50);
    expect_log(log, "+ctrl | +alt | +delete | ");
    clock_advance_to(clock, 99 * NS_PER_MS);
    expect_log(log, "");
    clock_advance_to(clock, 100 * NS_PER_MS);
    expect_log(log, "-delete | -alt | -ctrl | ");
    clock_advance_to(clock, 150 * NS_PER_MS);
    expect_log(log, "+a | ");
    clock_advance_to(clock, 200 * NS_PER_MS);
    expect_log(log, "-a | ");
    input_queue_free(queue);
    clock_free(clock);
    g_string_free(log, TRUE);
}

static void test_key_names(void)
{
    KeyCode codes[4];
    Error *err = NULL;

    g_assert_cmpint(key_codes_parse("ctrl-alt-f1", codes, 4, &error_fatal), ==, 3);
    g_assert_cmpint(codes[0], ==, KEY_CTRL);
    g_assert_cmpint(codes[2], ==, KEY_F1);
    g_assert_cmpint(key_codes_parse("0x1c", codes, 4, &error_fatal), ==, 1);
    g_assert_cmpint(codes[0], ==, KEY_RET);
    g_assert_cmpint(key_code_from_number(0xd3), ==, KEY_DELETE);
    g_assert_cmpint(key_codes_parse("ctrl-nonsense", codes, 4, &err), ==, 0);
    g_assert_nonnull(strstr(error_text(err), "'nonsense'"));
    g_clear_pointer(&err, error_free);
    g_assert_cmpint(key_codes_parse("a-b-c-d-e", codes, 4, &err), ==, 0);
    g_assert_nonnull(strstr(error_text(err), "4 can"));
    error_free(err);
}

static void note_leds(void *opaque, unsigned leds)
{
    *(unsigned *)opaque = leds;
}

static void test_leds(void)
{
    Clock *clock = clock_new_virtual();
    InputQueue *queue = input_queue_new(clock);
    unsigned seen = 0;

    input_add_led_listener(queue, note_leds, &seen);
    input_set_leds(queue, INPUT_LED_CAPS_LOCK);
    g_assert_cmpuint(seen, ==, INPUT_LED_CAPS_LOCK);
    input_remove_led_listener(queue, note_leds, &seen);
    input_set_leds(queue, 0);
    g_assert_cmpuint(seen, ==, INPUT_LED_CAPS_LOCK);
    g_assert_cmpuint(input_leds(queue), ==, 0);
    input_queue_free(queue);
    clock_free(clock);
}

/* --- screens ------------------------------------------------------------------------------ */

typedef struct Window {
    DisplayListener listener;
    int switches, width, height;
    GString *updates;
} Window;

static void window_switch(DisplayListener *l, pixman_image_t *surface)
{
    Window *w = (Window *)l;

    w->switches++;
    w->width = pixman_image_get_width(surface);
    w->height = pixman_image_get_height(surface);
}

static void window_update(DisplayListener *l, int x, int y, int w, int h)
{
    g_string_append_printf(((Window *)l)->updates, "%d,%d %dx%d ", x, y, w, h);
}

static const DisplayListenerOps window_ops = {
    .name = "window", .switch_surface = window_switch, .update = window_update,
};

/* A device that draws one red pixel on each refresh. */
static void draw_pixel(void *opaque)
{
    Console *con = *(Console **)opaque;

    pixman_image_get_data(console_surface(con))[0] = 0xff0000;
    console_update(con, 0, 0, 1, 1);
}

static const ConsoleOps pixel_ops = { .refresh = draw_pixel };

static void test_console(void)
{
    ConsoleList *list = console_list_new();
    Console *con = NULL;
    Window w = { .listener.ops = &window_ops, .updates = g_string_new(NULL) };

    con = console_new(list, "test", &pixel_ops, &con);
    g_assert_true(console_by_index(list, 0) == con);
    g_assert_null(console_by_index(list, 1));
    display_listener_register(&w.listener, con);
    g_assert_cmpint(w.switches, ==, 1);
    g_assert_cmpint(w.width, ==, 640);
    console_resize(con, 20, 10);
    console_resize(con, 20, 10);
    g_assert_cmpint(w.switches, ==, 2);
    g_assert_cmpint(w.height, ==, 10);
    console_refresh(con);
    console_update(con, -5, 8, 100, 100); /* clipped */
    console_update(con, 20, 0, 5, 5);     /* nothing of it is on the screen */
    g_assert_cmpstr(w.updates->str, ==, "0,0 1x1 0,8 20x2 ");
    g_assert_null(console_text(con));
    console_list_free(list);
    g_assert_null(w.listener.console);
    g_string_free(w.updates, TRUE);
}

static void test_screendump(void)
{
    ConsoleList *list = console_list_new();
    Console *con = NULL;
    g_autofree char *dir = g_dir_make_tmp("ui-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "x.ppm", NULL);
    g_autofree char *data = NULL;
    Error *err = NULL;
    gsize len;

    con = console_new(list, "test", &pixel_ops, &con);
    console_resize(con, 2, 1);
    g_assert_true(console_screendump(con, path, SCREENDUMP_PPM, &error_fatal));
    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    g_assert_cmpmem(data, len, "P6\n2 1\n255\n\377\0\0\0\0\0", 17);
    g_assert_false(console_screendump(con, dir, SCREENDUMP_PPM, &err));
    g_assert_nonnull(strstr(error_text(err), dir));
    error_free(err);
    remove(path);
    remove(dir);
    console_list_free(list);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ui/input/routing", test_routing);
    g_test_add_func("/ui/input/absolute", test_absolute);
    g_test_add_func("/ui/input/press-keys", test_press_keys);
    g_test_add_func("/ui/input/key-names", test_key_names);
    g_test_add_func("/ui/input/leds", test_leds);
    g_test_add_func("/ui/console/listener", test_console);
    g_test_add_func("/ui/console/screendump", test_screendump);
    return g_test_run();
}
