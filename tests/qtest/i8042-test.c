/*
 * The keyboard controller, keyboard and mouse by the IBM PS/2 Hardware
 * Interface Technical Reference. Keys come by QMP, as a user's do.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/libqtest.h"

enum { DATA = 0x60, STATUS = 0x64, COMMAND = 0x64 };
enum { OBF = 0x01, SYSTEM = 0x04, CMD_FLAG = 0x08, AUX_OBF = 0x20 };
enum { KBD_IRQ = 1, AUX_IRQ = 12 };
enum { ACK = 0xfa };

static QTest *start(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");
    qtest_irq_intercept_in(qts, "ioapic");
    return qts;
}

static void command(QTest *qts, uint8_t byte)
{
    qtest_outb(qts, COMMAND, byte);
}

static void data(QTest *qts, uint8_t byte)
{
    qtest_outb(qts, DATA, byte);
}

static void expect_empty(QTest *qts)
{
    g_assert_cmphex(qtest_inb(qts, STATUS) & OBF, ==, 0);
}

static void expect_from(QTest *qts, uint8_t byte, uint8_t source)
{
    g_assert_cmphex(qtest_inb(qts, STATUS) & (OBF | AUX_OBF), ==, OBF | source);
    g_assert_cmphex(qtest_inb(qts, DATA), ==, byte);
}

static void expect_kbd(QTest *qts, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        expect_from(qts, bytes[i], 0);
    }
    expect_empty(qts);
}

static void expect_aux(QTest *qts, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        expect_from(qts, bytes[i], AUX_OBF);
    }
    expect_empty(qts);
}

#define EXPECT_KBD(qts, ...) \
    expect_kbd(qts, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define EXPECT_AUX(qts, ...) \
    expect_aux(qts, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void mouse(QTest *qts, uint8_t byte)
{
    command(qts, 0xd4);
    data(qts, byte);
}

static void set_mode(QTest *qts, uint8_t mode)
{
    command(qts, 0x60);
    data(qts, mode);
}

/* Sends one input event. Reports of interrupts come with the reply to a qtest command. */
static void send_event(QTest *qts, const char *type, const char *data)
{
    json_object *reply = qtest_qmp(qts, "{\"execute\": \"input-send-event\", \"arguments\": "
                                   "{\"events\": [{\"type\": \"%s\", \"data\": {%s}}]}}",
                                   type, data);
    g_assert_true(json_object_object_get_ex(reply, "return", NULL));
    json_object_put(reply);
    qtest_inb(qts, STATUS);
}

static void key(QTest *qts, const char *name, bool down)
{
    g_autofree char *data = g_strdup_printf("\"down\": %s, \"key\": {\"type\": \"qcode\", "
                                            "\"data\": \"%s\"}", down ? "true" : "false", name);
    send_event(qts, "key", data);
}

static void move(QTest *qts, const char *axis, int value)
{
    g_autofree char *data = g_strdup_printf("\"axis\": \"%s\", \"value\": %d", axis, value);
    send_event(qts, "rel", data);
}

static void button(QTest *qts, const char *name, bool down)
{
    g_autofree char *data = g_strdup_printf("\"down\": %s, \"button\": \"%s\"",
                                            down ? "true" : "false", name);
    send_event(qts, "btn", data);
}

/* --- controller ------------------------------------------------------------------------- */

static void test_self_tests(void)
{
    QTest *qts = start();

    expect_empty(qts);
    command(qts, 0xaa);
    g_assert_cmphex(qtest_inb(qts, STATUS) & (SYSTEM | CMD_FLAG), ==, SYSTEM | CMD_FLAG);
    EXPECT_KBD(qts, 0x55);
    command(qts, 0xab);
    EXPECT_KBD(qts, 0x00);
    command(qts, 0xa9);
    EXPECT_KBD(qts, 0x00);
    qtest_quit(qts);
}

static void test_command_byte(void)
{
    QTest *qts = start();

    set_mode(qts, 0x47);
    g_assert_cmphex(qtest_inb(qts, STATUS) & CMD_FLAG, ==, 0);
    command(qts, 0x20);
    EXPECT_KBD(qts, 0x47);
    command(qts, 0xad);
    command(qts, 0xa7);
    command(qts, 0x20);
    EXPECT_KBD(qts, 0x77);
    command(qts, 0xae);
    command(qts, 0xa8);
    command(qts, 0x20);
    EXPECT_KBD(qts, 0x47);
    qtest_quit(qts);
}

static void test_output_port(void)
{
    QTest *qts = start();

    command(qts, 0xd0);
    g_assert_cmphex(qtest_inb(qts, DATA) & 0x03, ==, 0x03); /* no reset, A20 open */
    command(qts, 0xd1);
    data(qts, 0xdd);
    command(qts, 0xd0);
    g_assert_cmphex(qtest_inb(qts, DATA) & 0x03, ==, 0x01);
    command(qts, 0xdf);
    command(qts, 0xd0);
    g_assert_cmphex(qtest_inb(qts, DATA) & 0x03, ==, 0x03);
    command(qts, 0xdd);
    command(qts, 0xd0);
    g_assert_cmphex(qtest_inb(qts, DATA) & 0x03, ==, 0x01);
    qtest_quit(qts);
}

static void test_reset_pulse(void)
{
    QTest *qts = start();

    command(qts, 0xfe);
    json_object_put(qtest_qmp_event_wait(qts, "RESET"));
    command(qts, 0xd1);
    data(qts, 0x02); /* the reset line low */
    json_object_put(qtest_qmp_event_wait(qts, "RESET"));
    qtest_quit(qts);
}

/* D2 and D3 put a byte where a device would have. */
static void test_write_buffers(void)
{
    QTest *qts = start();

    set_mode(qts, 0x03);
    command(qts, 0xd2);
    data(qts, 0x5a);
    g_assert_true(qtest_get_irq(qts, KBD_IRQ));
    g_assert_false(qtest_get_irq(qts, AUX_IRQ));
    EXPECT_KBD(qts, 0x5a);
    g_assert_false(qtest_get_irq(qts, KBD_IRQ));
    command(qts, 0xd3);
    data(qts, 0xa5);
    g_assert_true(qtest_get_irq(qts, AUX_IRQ));
    g_assert_false(qtest_get_irq(qts, KBD_IRQ));
    EXPECT_AUX(qts, 0xa5);
    g_assert_false(qtest_get_irq(qts, AUX_IRQ));
    qtest_quit(qts);
}

/* The controller's memory: location 0 is the command byte, the others keep what they are given. */
static void test_memory(void)
{
    QTest *qts = start();

    for (uint8_t i = 1; i < 0x20; i++) {
        command(qts, 0x60 + i);
        data(qts, 0xa0 ^ i);
    }
    for (uint8_t i = 1; i < 0x20; i++) {
        command(qts, 0x20 + i);
        EXPECT_KBD(qts, 0xa0 ^ i);
    }
    qtest_quit(qts);
}

static void test_fixed_answers(void)
{
    QTest *qts = start();

    command(qts, 0xa4); /* no password */
    EXPECT_KBD(qts, 0xf1);
    command(qts, 0xc0); /* input port: the keyboard is not locked */
    g_assert_cmphex(qtest_inb(qts, DATA) & 0x80, ==, 0x80);
    g_assert_cmphex(qtest_inb(qts, STATUS) & 0x10, ==, 0x10);
    command(qts, 0xe0); /* test inputs: clock and data lines low */
    EXPECT_KBD(qts, 0x00);
    qtest_quit(qts);
}

/* A disabled interface holds back its device's bytes; the other device's go on. */
static void test_disabled_interfaces(void)
{
    QTest *qts = start();

    set_mode(qts, 0x30);
    command(qts, 0xa8);
    set_mode(qts, 0x10);
    mouse(qts, 0xf2);
    EXPECT_AUX(qts, ACK, 0x00);
    set_mode(qts, 0x20);
    data(qts, 0xee);
    EXPECT_KBD(qts, 0xee);
    command(qts, 0xad);
    key(qts, "a", true);
    expect_empty(qts);
    command(qts, 0xae);
    EXPECT_KBD(qts, 0x1c);
    qtest_quit(qts);
}

/* A pin rises with a byte of its device if the command byte enables it, and falls with its read. */
static void test_interrupts(void)
{
    QTest *qts = start();

    set_mode(qts, 0x00);
    data(qts, 0xee);
    g_assert_false(qtest_get_irq(qts, KBD_IRQ));
    set_mode(qts, 0x03); /* a byte is there already */
    g_assert_true(qtest_get_irq(qts, KBD_IRQ));
    EXPECT_KBD(qts, 0xee);
    g_assert_false(qtest_get_irq(qts, KBD_IRQ));
    mouse(qts, 0xf2);
    g_assert_true(qtest_get_irq(qts, AUX_IRQ));
    g_assert_false(qtest_get_irq(qts, KBD_IRQ));
    expect_from(qts, ACK, AUX_OBF);
    g_assert_true(qtest_get_irq(qts, AUX_IRQ)); /* the next byte */
    expect_from(qts, 0x00, AUX_OBF);
    g_assert_false(qtest_get_irq(qts, AUX_IRQ));
    qtest_quit(qts);
}

/* --- keyboard ------------------------------------------------------------------------------ */

static void test_kbd_commands(void)
{
    QTest *qts = start();

    set_mode(qts, 0x01);
    data(qts, 0xff);
    EXPECT_KBD(qts, ACK, 0xaa);
    data(qts, 0xee);
    EXPECT_KBD(qts, 0xee);
    data(qts, 0xf2);
    EXPECT_KBD(qts, ACK, 0xab, 0x83);
    data(qts, 0xfe); /* what was sent last */
    EXPECT_KBD(qts, 0x83);
    data(qts, 0xf0);
    EXPECT_KBD(qts, ACK);
    data(qts, 0x00);
    EXPECT_KBD(qts, ACK, 0x02);
    data(qts, 0xed);
    EXPECT_KBD(qts, ACK);
    data(qts, 0x07);
    EXPECT_KBD(qts, ACK);
    data(qts, 0x01); /* no command */
    EXPECT_KBD(qts, 0xfe);
    qtest_quit(qts);
}

static void test_keys_translated(void)
{
    QTest *qts = start();

    set_mode(qts, 0x41);
    key(qts, "a", true);
    g_assert_true(qtest_get_irq(qts, KBD_IRQ));
    EXPECT_KBD(qts, 0x1e);
    g_assert_false(qtest_get_irq(qts, KBD_IRQ));
    key(qts, "a", false);
    EXPECT_KBD(qts, 0x9e);
    key(qts, "delete", true);
    key(qts, "delete", false);
    EXPECT_KBD(qts, 0xe0, 0x53, 0xe0, 0xd3);
    key(qts, "f7", true);
    key(qts, "f7", false);
    EXPECT_KBD(qts, 0x41, 0xc1);
    key(qts, "print", true);
    key(qts, "print", false);
    EXPECT_KBD(qts, 0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa);
    key(qts, "pause", true);
    key(qts, "pause", false);
    EXPECT_KBD(qts, 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
    qtest_quit(qts);
}

static void select_set(QTest *qts, uint8_t set)
{
    data(qts, 0xf0);
    data(qts, set);
    EXPECT_KBD(qts, ACK, ACK);
}

static void press(QTest *qts, const char *name)
{
    key(qts, name, true);
    key(qts, name, false);
}

static void test_scan_code_sets(void)
{
    QTest *qts = start();

    set_mode(qts, 0x01);
    press(qts, "a");
    EXPECT_KBD(qts, 0x1c, 0xf0, 0x1c);
    press(qts, "up");
    EXPECT_KBD(qts, 0xe0, 0x75, 0xe0, 0xf0, 0x75);
    select_set(qts, 1);
    press(qts, "up");
    EXPECT_KBD(qts, 0xe0, 0x48, 0xe0, 0xc8);
    select_set(qts, 3);
    data(qts, 0xf8); /* all keys make and break */
    EXPECT_KBD(qts, ACK);
    press(qts, "ctrl");
    EXPECT_KBD(qts, 0x11, 0xf0, 0x11);
    press(qts, "up");
    EXPECT_KBD(qts, 0x63, 0xf0, 0x63);
    qtest_quit(qts);
}

/* In set 3 each key has a mode of its own: make only, make and break, repeating, or both. */
static void test_set3_modes(void)
{
    enum { SET_3_A = 0x1c, SET_3_B = 0x32 };
    QTest *qts = start();

    set_mode(qts, 0x01);
    select_set(qts, 3);
    press(qts, "a"); /* as it comes up: typematic, no break */
    EXPECT_KBD(qts, SET_3_A);
    press(qts, "shift"); /* make and break */
    EXPECT_KBD(qts, 0x12, 0xf0, 0x12);
    press(qts, "f1"); /* make only */
    EXPECT_KBD(qts, 0x07);
    data(qts, 0xfc); /* A makes and breaks */
    data(qts, SET_3_A);
    data(qts, 0xf4);
    EXPECT_KBD(qts, ACK, ACK, ACK);
    press(qts, "a");
    EXPECT_KBD(qts, SET_3_A, 0xf0, SET_3_A);
    data(qts, 0xfd); /* B only makes, A as well: a list of keys up to the next command */
    data(qts, SET_3_B);
    data(qts, SET_3_A);
    data(qts, 0xf4);
    EXPECT_KBD(qts, ACK, ACK, ACK, ACK);
    key(qts, "b", true);
    EXPECT_KBD(qts, SET_3_B);
    qtest_clock_step(qts, INT64_C(2000) * 1000000);
    expect_empty(qts);
    key(qts, "b", false);
    press(qts, "a");
    EXPECT_KBD(qts, SET_3_A);
    data(qts, 0xfa); /* all keys: everything */
    EXPECT_KBD(qts, ACK);
    key(qts, "b", true);
    EXPECT_KBD(qts, SET_3_B);
    qtest_clock_step(qts, INT64_C(510) * 1000000);
    key(qts, "b", false);
    EXPECT_KBD(qts, SET_3_B, 0xf0, SET_3_B);
    data(qts, 0xf6); /* defaults, set 2 among them */
    EXPECT_KBD(qts, ACK);
    press(qts, "up");
    EXPECT_KBD(qts, 0xe0, 0x75, 0xe0, 0xf0, 0x75);
    qtest_quit(qts);
}

/* The numeric pad and the grey keys differ in set 3; Pause and Print Screen are ordinary keys. */
static void test_set3_codes(void)
{
    static const struct {
        const char *key;
        uint8_t code;
    } keys[] = {
        { "kp_enter", 0x79 }, { "kp_divide", 0x77 }, { "kp_add", 0x7c }, { "kp_subtract", 0x84 },
        { "insert", 0x67 }, { "delete", 0x64 }, { "home", 0x6e }, { "end", 0x65 }, { "esc", 0x08 },
        { "print", 0x57 }, { "pause", 0x62 }, { "backslash", 0x5c }, { "caps_lock", 0x14 },
        { "alt_r", 0x39 }, { "ctrl_r", 0x58 }, { "meta_l", 0x8b }, { "f12", 0x5e }, { "less", 0x13 },
    };
    QTest *qts = start();

    set_mode(qts, 0x01);
    select_set(qts, 3);
    data(qts, 0xf8);
    EXPECT_KBD(qts, ACK);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        press(qts, keys[i].key);
        EXPECT_KBD(qts, keys[i].code, 0xf0, keys[i].code);
    }
    qtest_quit(qts);
}

/* With modifiers, Print Screen is SysRq or loses its prefix, and Pause is Break. */
static void test_print_and_pause(void)
{
    QTest *qts = start();

    set_mode(qts, 0x01);
    key(qts, "alt", true);
    EXPECT_KBD(qts, 0x11);
    press(qts, "print");
    EXPECT_KBD(qts, 0x84, 0xf0, 0x84);
    key(qts, "alt", false);
    key(qts, "ctrl", true);
    EXPECT_KBD(qts, 0xf0, 0x11, 0x14);
    press(qts, "print");
    EXPECT_KBD(qts, 0xe0, 0x7c, 0xe0, 0xf0, 0x7c);
    press(qts, "pause");
    EXPECT_KBD(qts, 0xe0, 0x7e, 0xe0, 0xf0, 0x7e);
    qtest_quit(qts);
}

/* Keys that find no room in the keyboard wait outside until the guest has read some. */
static void test_held_back(void)
{
    QTest *qts = start();
    static const char *const keys[] = { "a", "b", "c", "d", "e" };
    static const uint8_t codes[] = { 0x1c, 0x32, 0x21, 0x23, 0x24 };

    set_mode(qts, 0x01);
    for (int i = 0; i < 30; i++) {
        press(qts, keys[i % 5]);
    }
    for (int i = 0; i < 30; i++) {
        expect_from(qts, codes[i % 5], 0);
        expect_from(qts, 0xf0, 0);
        expect_from(qts, codes[i % 5], 0);
        qtest_clock_step(qts, INT64_C(10) * 1000000);
    }
    expect_empty(qts);
    qtest_quit(qts);
}

/* Sixteen bytes wait in the keyboard; when more keys come than are held back for it, one overrun code
 * follows them. */
static void test_overrun(void)
{
    QTest *qts = start();
    unsigned bytes = 0;
    uint8_t last = 0xff;

    set_mode(qts, 0x01);
    for (int i = 0; i < 60; i++) {
        press(qts, "a");
    }
    while (qtest_inb(qts, STATUS) & OBF) {
        last = qtest_inb(qts, DATA);
        bytes++;
        g_assert_cmpuint(bytes, <=, 17); /* one is in the controller */
    }
    g_assert_cmpuint(bytes, >, 14);
    g_assert_cmphex(last, ==, 0x00);
    do {
        qtest_inb(qts, DATA);
        qtest_clock_step(qts, INT64_C(10) * 1000000);
    } while (qtest_inb(qts, STATUS) & OBF);
    press(qts, "b");
    EXPECT_KBD(qts, 0x32, 0xf0, 0x32);
    qtest_quit(qts);
}

/* What is no parameter is a command; an unknown one is answered with RESEND. */
static void test_kbd_parameters(void)
{
    QTest *qts = start();

    set_mode(qts, 0x01);
    data(qts, 0xed);
    EXPECT_KBD(qts, ACK);
    data(qts, 0xee); /* echo instead of the lights */
    EXPECT_KBD(qts, 0xee);
    data(qts, 0x07);
    EXPECT_KBD(qts, 0xfe);
    data(qts, 0xf0);
    data(qts, 0x04); /* there is no set 4 */
    EXPECT_KBD(qts, ACK, 0xfe);
    data(qts, 0xef);
    EXPECT_KBD(qts, 0xfe);
    qtest_quit(qts);
}

static void test_scan_disable(void)
{
    QTest *qts = start();

    set_mode(qts, 0x01);
    data(qts, 0xf5);
    EXPECT_KBD(qts, ACK);
    press(qts, "a");
    expect_empty(qts);
    data(qts, 0xf4);
    EXPECT_KBD(qts, ACK);
    press(qts, "b");
    EXPECT_KBD(qts, 0x32, 0xf0, 0x32);
    /* A disabled interface keeps what it has until it is enabled. */
    command(qts, 0xad);
    press(qts, "c");
    expect_empty(qts);
    command(qts, 0xae);
    EXPECT_KBD(qts, 0x21, 0xf0, 0x21);
    qtest_quit(qts);
}

/* 500 ms, then 10.9 a second, unless set otherwise. */
static void test_typematic(void)
{
    QTest *qts = start();

    set_mode(qts, 0x41);
    key(qts, "a", true);
    EXPECT_KBD(qts, 0x1e);
    qtest_clock_step(qts, INT64_C(499) * 1000000);
    expect_empty(qts);
    qtest_clock_step(qts, INT64_C(2) * 1000000);
    EXPECT_KBD(qts, 0x1e);
    qtest_clock_step(qts, INT64_C(92) * 1000000);
    EXPECT_KBD(qts, 0x1e);
    key(qts, "a", false);
    EXPECT_KBD(qts, 0x9e);
    qtest_clock_step(qts, INT64_C(1000) * 1000000);
    expect_empty(qts);
    /* 250 ms, 30 a second. */
    data(qts, 0xf3);
    data(qts, 0x00);
    EXPECT_KBD(qts, ACK, ACK);
    key(qts, "b", true);
    EXPECT_KBD(qts, 0x30);
    qtest_clock_step(qts, INT64_C(251) * 1000000);
    EXPECT_KBD(qts, 0x30);
    qtest_clock_step(qts, INT64_C(34) * 1000000);
    EXPECT_KBD(qts, 0x30);
    qtest_quit(qts);
}

/* --- mouse ---------------------------------------------------------------------------------- */

/* Its interface on, with interrupts; it does not report before it is told to. */
static QTest *start_mouse(void)
{
    QTest *qts = start();

    set_mode(qts, 0x03);
    return qts;
}

/* A mouse that streams: 100 reports a second. */
static QTest *start_stream(void)
{
    QTest *qts = start_mouse();

    mouse(qts, 0xf4);
    EXPECT_AUX(qts, ACK);
    return qts;
}

static void next_sample(QTest *qts)
{
    qtest_clock_step(qts, 10100000);
}

static void test_mouse_commands(void)
{
    QTest *qts = start_mouse();

    mouse(qts, 0xff);
    g_assert_true(qtest_get_irq(qts, AUX_IRQ));
    EXPECT_AUX(qts, ACK, 0xaa, 0x00);
    mouse(qts, 0xf2);
    EXPECT_AUX(qts, ACK, 0x00);
    mouse(qts, 0xe9);
    EXPECT_AUX(qts, ACK, 0x00, 0x02, 100);
    mouse(qts, 0xe8);
    mouse(qts, 0x03);
    mouse(qts, 0xe7);
    mouse(qts, 0xf3);
    mouse(qts, 40);
    mouse(qts, 0xf4);
    EXPECT_AUX(qts, ACK, ACK, ACK, ACK, ACK, ACK);
    mouse(qts, 0xe9);
    EXPECT_AUX(qts, ACK, 0x30, 0x03, 40);
    mouse(qts, 0xee); /* wrap: everything comes back */
    mouse(qts, 0x55);
    mouse(qts, 0xec);
    EXPECT_AUX(qts, ACK, 0x55, ACK);
    qtest_quit(qts);
}

static void test_mouse_stream(void)
{
    QTest *qts = start_mouse();

    move(qts, "x", 5);
    expect_empty(qts); /* not enabled */
    mouse(qts, 0xf4);
    EXPECT_AUX(qts, ACK);
    move(qts, "x", 10);
    EXPECT_AUX(qts, 0x08, 10, 0);
    next_sample(qts);
    move(qts, "y", -20);
    EXPECT_AUX(qts, 0x08, 0, 20); /* up is positive */
    next_sample(qts);
    move(qts, "y", 4);
    EXPECT_AUX(qts, 0x28, 0, 0xfc);
    next_sample(qts);
    move(qts, "x", -3);
    EXPECT_AUX(qts, 0x18, 0xfd, 0);
    next_sample(qts);
    button(qts, "right", true);
    EXPECT_AUX(qts, 0x0a, 0, 0);
    next_sample(qts);
    button(qts, "right", false);
    EXPECT_AUX(qts, 0x08, 0, 0);
    qtest_quit(qts);
}

/* 100 reports a second: movement in between is summed up. */
static void test_mouse_sample_rate(void)
{
    QTest *qts = start_stream();

    move(qts, "x", 1);
    move(qts, "x", 2);
    move(qts, "x", 3);
    EXPECT_AUX(qts, 0x08, 1, 0);
    next_sample(qts);
    EXPECT_AUX(qts, 0x08, 5, 0);
    qtest_quit(qts);
}

/* A click between two samples is not lost. */
static void test_mouse_short_click(void)
{
    QTest *qts = start_stream();

    move(qts, "x", 1);
    button(qts, "right", true);
    button(qts, "right", false);
    EXPECT_AUX(qts, 0x08, 1, 0, 0x0a, 0, 0);
    next_sample(qts);
    EXPECT_AUX(qts, 0x08, 0, 0);
    qtest_quit(qts);
}

static void test_mouse_remote(void)
{
    QTest *qts = start_mouse();

    mouse(qts, 0xf4);
    mouse(qts, 0xf0);
    EXPECT_AUX(qts, ACK, ACK);
    move(qts, "x", 7);
    expect_empty(qts);
    mouse(qts, 0xeb);
    EXPECT_AUX(qts, ACK, 0x08, 7, 0);
    qtest_quit(qts);
}

/* Remote mode counts whether or not streaming is enabled; without either, movement is lost. */
static void test_mouse_remote_disabled(void)
{
    QTest *qts = start_mouse();

    mouse(qts, 0xf0);
    EXPECT_AUX(qts, ACK);
    move(qts, "y", -9);
    mouse(qts, 0xeb);
    EXPECT_AUX(qts, ACK, 0x08, 0, 9);
    mouse(qts, 0xea);
    EXPECT_AUX(qts, ACK);
    move(qts, "x", 9);
    button(qts, "left", true); /* the status tells of buttons at all times: 2 left, 1 middle, 0 right */
    mouse(qts, 0xe9);
    EXPECT_AUX(qts, ACK, 0x04, 0x02, 100);
    mouse(qts, 0xeb);
    EXPECT_AUX(qts, ACK, 0x09, 0, 0);
    qtest_quit(qts);
}

/* 2:1 scaling, by the table of the reference, in streams but not on demand. */
static void test_mouse_scaling(void)
{
    static const struct {
        int moved;
        uint8_t reported;
    } cases[] = { { 1, 1 }, { 2, 1 }, { 3, 3 }, { 4, 6 }, { 5, 9 }, { 6, 12 }, { 20, 40 } };
    QTest *qts = start_mouse();

    mouse(qts, 0xe7);
    mouse(qts, 0xf4);
    EXPECT_AUX(qts, ACK, ACK);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        move(qts, "x", cases[i].moved);
        EXPECT_AUX(qts, 0x08, cases[i].reported, 0);
        next_sample(qts);
        move(qts, "y", cases[i].moved);
        EXPECT_AUX(qts, 0x28, 0, (uint8_t)-cases[i].reported);
        next_sample(qts);
    }
    mouse(qts, 0xf0);
    EXPECT_AUX(qts, ACK);
    move(qts, "x", 20);
    mouse(qts, 0xeb);
    EXPECT_AUX(qts, ACK, 0x08, 20, 0);
    qtest_quit(qts);
}

/* More than nine bits come in several reports. */
static void test_mouse_far(void)
{
    QTest *qts = start_stream();

    move(qts, "x", -300);
    EXPECT_AUX(qts, 0x18, 0x00, 0); /* -256 */
    next_sample(qts);
    EXPECT_AUX(qts, 0x18, (uint8_t)-44, 0);
    next_sample(qts);
    expect_empty(qts);
    qtest_quit(qts);
}

static void set_rate(QTest *qts, uint8_t rate)
{
    mouse(qts, 0xf3);
    mouse(qts, rate);
    EXPECT_AUX(qts, ACK, ACK);
}

static void test_mouse_wheel(void)
{
    QTest *qts = start_mouse();

    set_rate(qts, 200);
    set_rate(qts, 100);
    set_rate(qts, 80);
    mouse(qts, 0xf2);
    EXPECT_AUX(qts, ACK, 0x03);
    mouse(qts, 0xf4);
    EXPECT_AUX(qts, ACK);
    button(qts, "wheel-up", true);
    EXPECT_AUX(qts, 0x08, 0, 0, 0xff);
    set_rate(qts, 200);
    set_rate(qts, 200);
    set_rate(qts, 80);
    mouse(qts, 0xf2);
    EXPECT_AUX(qts, ACK, 0x04);
    qtest_clock_step(qts, 20000000);
    button(qts, "side", true);
    EXPECT_AUX(qts, 0x08, 0, 0, 0x10);
    qtest_clock_step(qts, 20000000);
    button(qts, "extra", true);
    EXPECT_AUX(qts, 0x08, 0, 0, 0x30);
    qtest_clock_step(qts, 20000000);
    button(qts, "wheel-up", true);
    EXPECT_AUX(qts, 0x08, 0, 0, 0x3f);
    mouse(qts, 0xff); /* a reset makes a plain mouse of it again */
    EXPECT_AUX(qts, ACK, 0xaa, 0x00);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8042/self-tests", test_self_tests);
    g_test_add_func("/i8042/command-byte", test_command_byte);
    g_test_add_func("/i8042/output-port", test_output_port);
    g_test_add_func("/i8042/reset-pulse", test_reset_pulse);
    g_test_add_func("/i8042/write-buffers", test_write_buffers);
    g_test_add_func("/i8042/memory", test_memory);
    g_test_add_func("/i8042/fixed-answers", test_fixed_answers);
    g_test_add_func("/i8042/disabled-interfaces", test_disabled_interfaces);
    g_test_add_func("/i8042/interrupts", test_interrupts);
    g_test_add_func("/i8042/kbd/commands", test_kbd_commands);
    g_test_add_func("/i8042/kbd/keys-translated", test_keys_translated);
    g_test_add_func("/i8042/kbd/scan-code-sets", test_scan_code_sets);
    g_test_add_func("/i8042/kbd/set-3/modes", test_set3_modes);
    g_test_add_func("/i8042/kbd/set-3/codes", test_set3_codes);
    g_test_add_func("/i8042/kbd/print-pause", test_print_and_pause);
    g_test_add_func("/i8042/kbd/held-back", test_held_back);
    g_test_add_func("/i8042/kbd/overrun", test_overrun);
    g_test_add_func("/i8042/kbd/parameters", test_kbd_parameters);
    g_test_add_func("/i8042/kbd/scan-disable", test_scan_disable);
    g_test_add_func("/i8042/kbd/typematic", test_typematic);
    g_test_add_func("/i8042/mouse/commands", test_mouse_commands);
    g_test_add_func("/i8042/mouse/stream", test_mouse_stream);
    g_test_add_func("/i8042/mouse/sample-rate", test_mouse_sample_rate);
    g_test_add_func("/i8042/mouse/short-click", test_mouse_short_click);
    g_test_add_func("/i8042/mouse/remote", test_mouse_remote);
    g_test_add_func("/i8042/mouse/remote-disabled", test_mouse_remote_disabled);
    g_test_add_func("/i8042/mouse/scaling", test_mouse_scaling);
    g_test_add_func("/i8042/mouse/far", test_mouse_far);
    g_test_add_func("/i8042/mouse/wheel", test_mouse_wheel);
    return g_test_run();
}
