/*
 * The input queue and screens.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>
#include "tests/lib/tmp.h"
#include "ui/console.h"
#include "ui/input.h"
#include "ui/keyboard.h"
#include "ui/keysym.h"
#include "ui/refresh.h"
#include "ui/screendump.h"
#include "ui/text-console.h"
#include "ui/vt.h"
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

/* --- layouts ------------------------------------------------------------------------------ */

static KeyStroke stroke_of(const char *layout, uint32_t keysym)
{
    KeyStroke stroke = { .code = KEY_UNMAPPED };

    keymap_lookup(keymap_find(layout, &error_fatal), keysym, &stroke);
    return stroke;
}

static void expect_stroke(const char *layout, uint32_t keysym, KeyCode code, const char *modifiers)
{
    KeyStroke stroke = stroke_of(layout, keysym);

    g_assert_cmpstr(key_code_name(stroke.code), ==, key_code_name(code));
    g_assert_cmpint(stroke.shift, ==, strchr(modifiers, 's') != NULL);
    g_assert_cmpint(stroke.altgr, ==, strchr(modifiers, 'a') != NULL);
    g_assert_cmpint(stroke.dead, ==, strchr(modifiers, 'd') != NULL);
}

static void test_keymaps(void)
{
    Error *err = NULL;

    expect_stroke("en-us", 'a', KEY_A, "");
    expect_stroke("en-us", '"', KEY_APOSTROPHE, "s");
    expect_stroke("en-gb", '"', KEY_2, "s");
    expect_stroke("de", 'z', KEY_Y, "");
    expect_stroke("de", '{', KEY_7, "a");
    expect_stroke("de", 0xfc, KEY_BRACKET_LEFT, "");
    expect_stroke("de", KEYSYM_UNICODE + KEYSYM_EURO, KEY_E, "a");
    expect_stroke("de", KEYSYM_DEAD_CIRCUMFLEX, KEY_GRAVE_ACCENT, "d");
    expect_stroke("fr", 'a', KEY_Q, "");
    expect_stroke("fr", '1', KEY_1, "s");
    expect_stroke("fr", 'm', KEY_SEMICOLON, "");
    expect_stroke("fr", '.', KEY_COMMA, "s");
    expect_stroke("fr", KEYSYM_F1 + 11, KEY_F12, "");
    g_assert_cmpint(stroke_of("en-us", 0xfc).code, ==, KEY_UNMAPPED);
    g_assert_null(keymap_find("klingon", &err));
    g_assert_nonnull(strstr(error_text(err), "en-us, en-gb, de"));
    error_free(err);
}

/* The keys that a keyboard presses for characters. */
static void test_keyboard(void)
{
    Clock *clock = clock_new_virtual();
    InputQueue *queue = input_queue_new(clock);
    GString *log = g_string_new(NULL);
    Keyboard kbd;

    input_handler_register(queue, &keyboard, log);
    keyboard_init(&kbd, queue, keymap_find("de", &error_fatal));
    keyboard_keysym(&kbd, 'A', true);
    expect_log(log, "+shift | +a | -shift | ");
    keyboard_keysym(&kbd, 'A', true); /* the machine repeats by itself */
    keyboard_keysym(&kbd, 'A', false);
    expect_log(log, "-a | ");
    keyboard_key(&kbd, KEY_SHIFT, true);
    keyboard_keysym(&kbd, 'b', true);
    expect_log(log, "+shift | -shift | +b | +shift | ");
    g_assert_cmpuint(keyboard_modifiers(&kbd), ==, CONSOLE_MOD_SHIFT);
    keyboard_release_all(&kbd);
    expect_log(log, "-shift | -b | ");
    input_set_leds(queue, INPUT_LED_CAPS_LOCK);
    keyboard_keysym(&kbd, 'C', true);
    keyboard_keysym(&kbd, 'C', false);
    expect_log(log, "+c | -c | ");
    input_queue_free(queue);
    clock_free(clock);
    g_string_free(log, TRUE);
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

/* Drawings at 30 ms; fast while all find changes, slow after half a second without. */
static void test_pace(void)
{
    RefreshPace pace;
    unsigned quiet = 0;

    refresh_pace_reset(&pace);
    for (int i = 0; i < 3; i++) {
        g_assert_cmpuint(refresh_pace_next(&pace, true), ==, REFRESH_USUAL_MS);
    }
    g_assert_cmpuint(refresh_pace_next(&pace, true), <=, 1000 / 60);
    for (int i = 0; i < 8; i++) {
        refresh_pace_next(&pace, false);
    }
    g_assert_cmpuint(pace.interval_ms, ==, REFRESH_USUAL_MS);
    while (refresh_pace_next(&pace, false) < REFRESH_IDLE_MS) {
        quiet += pace.interval_ms;
        g_assert_cmpuint(quiet, <, 1000);
    }
    g_assert_cmpuint(refresh_pace_next(&pace, false), ==, REFRESH_IDLE_MS);
    refresh_pace_wake(&pace);
    g_assert_cmpuint(pace.interval_ms, ==, REFRESH_USUAL_MS);
}

/* A blinking cursor alone: drawn when it blinks and else at the slowest pace; what else changes
 * ends that. */
static void test_pace_blinking(void)
{
    const int64_t idle = REFRESH_IDLE_MS * NS_PER_MS, usual = REFRESH_USUAL_MS * NS_PER_MS;
    RefreshPace pace;

    refresh_pace_reset(&pace);
    for (int i = 0; i < 40; i++) {
        refresh_pace_time(&pace, 0, i % 9 == 0, i % 9 == 0, INT64_MAX);
    }
    g_assert_cmpint(refresh_pace_time(&pace, 5, false, false, idle / 2), ==, idle / 2);
    g_assert_cmpint(refresh_pace_time(&pace, 5, true, true, 6), ==, 5 + usual);
    g_assert_cmpint(refresh_pace_time(&pace, 5, true, true, idle * 2), ==, 5 + idle);
    g_assert_cmpint(refresh_pace_time(&pace, 5, false, true, 6), ==, 5 + idle); /* stopped */
    g_assert_cmpint(refresh_pace_time(&pace, 5, true, false, INT64_MAX), ==, 5 + usual);
    for (int i = 0; i < 8; i++) {
        refresh_pace_time(&pace, 5, true, false, 6);
    }
    g_assert_cmpint(refresh_pace_time(&pace, 5, true, false, 6), ==,
                    5 + REFRESH_FAST_MS * NS_PER_MS);
}

/* --- the terminal ------------------------------------------------------------------------- */

static void note_reply(void *opaque, const char *text)
{
    g_string_append(opaque, text);
}

/* The terminal's lines after a text, without trailing blanks. */
static void expect_screen(const char *input, const char *const lines[4])
{
    Vt vt;

    vt_init(&vt, 10, 4);
    vt_write(&vt, (const uint8_t *)input, (int)strlen(input));
    for (int y = 0; y < 4; y++) {
        GString *line = g_string_new(NULL);
        for (int x = 0; x < 10; x++) {
            uint32_t ch = vt_line(&vt, y)[x].ch;
            g_string_append_unichar(line, ch ? ch : ' ');
        }
        g_assert_cmpstr(g_strchomp(line->str), ==, lines[y]);
        g_string_free(line, TRUE);
    }
    vt_free(&vt);
}

static void test_terminal_movement(void)
{
    expect_screen("one\r\ntwo\tx\b\by", (const char *[]){ "one", "two    yx", "", "" });
    expect_screen("0123456789ab", (const char *[]){ "0123456789", "ab", "", "" });
    expect_screen("a\r\nb\r\nc\r\nd\r\ne", (const char *[]){ "b", "c", "d", "e" });
    expect_screen("\033[2;3Hx\033[Ay\033[2Dz\033[Bw", (const char *[]){ "  zy", "  xw", "", "" });
    expect_screen("abcdef\033[3D\033[K\r\nabc\033[1K", (const char *[]){ "abc", "", "", "" });
    expect_screen("abcdef\033[1;3H\033[2P\033[2;1Hxyz\033[2;2H\033[2@",
                  (const char *[]){ "abef", "x  yz", "", "" });
    expect_screen("1\r\n2\r\n3\r\n4\033[2;3r\033[3;1H\n", (const char *[]){ "1", "3", "", "4" });
    expect_screen("1\r\n2\r\n3\033[2;1H\033[L", (const char *[]){ "1", "", "2", "3" });
    expect_screen("1\r\n2\r\n3\033[1;1H\033M", (const char *[]){ "", "1", "2", "3" });
    expect_screen("\303\244\342\202\254\377", (const char *[]){ "ä€ÿ", "", "", "" });
    expect_screen("\033]0;title\007\033(Bx", (const char *[]){ "x", "", "", "" });
}

static void test_terminal_state(void)
{
    static const char lines[] = "\r\n1\r\n2\r\n3\r\n4\r\n5\033[?25l";
    static const char colors[] = "\033[31;44mr\033[1mb\033[0;7mi\033[0m\033[6n";
    GString *reply = g_string_new(NULL);
    Vt vt;
    int x, y;

    vt_init(&vt, 10, 4);
    vt.reply = note_reply;
    vt.opaque = reply;
    vt_write(&vt, (const uint8_t *)colors, sizeof(colors) - 1);
    g_assert_cmpint(vt_line(&vt, 0)[0].fg, ==, 4);  /* red, as the VGA counts */
    g_assert_cmpint(vt_line(&vt, 0)[0].bg, ==, 1);
    g_assert_cmpint(vt_line(&vt, 0)[1].fg, ==, 12);
    g_assert_cmpint(vt_line(&vt, 0)[2].bg, ==, 7);
    g_assert_cmpstr(reply->str, ==, "\033[1;4R");
    g_assert_true(vt_cursor(&vt, &x, &y) && x == 3 && y == 0);
    vt_write(&vt, (const uint8_t *)lines, sizeof(lines) - 1);
    g_assert_false(vt_cursor(&vt, &x, &y));
    g_assert_cmpint(vt_line(&vt, 0)[0].ch, ==, '2');
    vt_scroll(&vt, -1);
    g_assert_cmpint(vt_line(&vt, 0)[0].ch, ==, '1');
    vt_scroll(&vt, -100);
    g_assert_cmpint(vt_line(&vt, 0)[0].ch, ==, 'r');
    vt_scroll(&vt, 100);
    g_assert_cmpint(vt_line(&vt, 3)[0].ch, ==, '5');
    vt_free(&vt);
    g_string_free(reply, TRUE);
}

/* Any bytes leave the cursor on the screen. */
static void test_terminal_garbage(void)
{
    static const char alphabet[] = "\033[[;?0123456789HJKLMPST@ABCDrmhlsu78cDE\n\r\t\bxyz\377\303";
    Vt vt;

    vt_init(&vt, 7, 3);
    for (int i = 0; i < 200000; i++) {
        uint8_t byte = alphabet[g_random_int_range(0, sizeof(alphabet) - 1)];
        vt_write(&vt, &byte, 1);
        g_assert_true(vt.x >= 0 && vt.x <= 7 && vt.y >= 0 && vt.y < 3);
    }
    vt_free(&vt);
}

/* Screens are numbered before text consoles; both ways of a text console work. */
static void test_text_console(void)
{
    static const uint8_t font[FONT_SIZE] = { ['A' * FONT_HEIGHT] = 0x80 };
    ChardevRegistry *reg = chardev_registry_new();
    ConsoleList *list = console_list_new();
    Chardev *chr = chardev_add_legacy(reg, "line", "vc:10Cx4C", &error_fatal);
    CharFrontend fe = { 0 };
    TextConsole *tc;
    Console *con;

    chr_fe_init(&fe, chr, &error_fatal);
    chr_fe_write(&fe, (const uint8_t *)"A", 1); /* before anybody shows it */
    tc = text_console_new(list, chr, font);
    con = console_by_index(list, 0);
    console_new(list, "screen", &pixel_ops, &con);
    g_assert_true(console_by_index(list, 1) == con && console_is_text(con));
    g_assert_cmpint(pixman_image_get_width(console_surface(con)), ==, 80);
    console_refresh(con);
    g_assert_cmphex(pixman_image_get_data(console_surface(con))[0], ==, 0xaaaaaa);
    g_assert_cmphex(pixman_image_get_data(console_surface(con))[1], ==, 0);
    chr_fe_write(&fe, (const uint8_t *)"B\r\nC", 4);
    g_autofree char *text = console_text(con);
    g_assert_cmpstr(text, ==, "AB\nC\n\n\n");
    chr_fe_deinit(&fe);
    text_console_free(tc);
    console_list_free(list);
    chardev_registry_free(reg);
}

static void test_screendump(void)
{
    ConsoleList *list = console_list_new();
    Console *con = NULL;
    const char *dir = tmp_folder();
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
    g_test_add_func("/ui/console/pace", test_pace);
    g_test_add_func("/ui/console/pace-blinking", test_pace_blinking);
    g_test_add_func("/ui/console/text", test_text_console);
    g_test_add_func("/ui/terminal/movement", test_terminal_movement);
    g_test_add_func("/ui/terminal/state", test_terminal_state);
    g_test_add_func("/ui/terminal/garbage", test_terminal_garbage);
    g_test_add_func("/ui/keymap", test_keymaps);
    g_test_add_func("/ui/keyboard", test_keyboard);
    return g_test_run();
}
