/*
 * The VMware backdoor and its pointer, by VMware's backdoor_def.h and vmmouse_defs.h.
 *
 * The backdoor answers in the registers of the CPU that asks, so that a CPU has to run: a ROM of
 * a few instructions takes registers from memory, executes IN or OUT, and puts them back.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <unistd.h>
#include "tests/lib/tmp.h"
#include "tests/qtest/libqtest.h"

enum { MAGIC = 0x564d5868, PORT = 0x5658 };
enum { VERSION = 10, UUID = 19, RAM_BYTES = 20, TIME = 23, TIME_FULL = 46, DATA = 39, STATUS = 40,
       CONTROL = 41 };
enum { READ_ID = 0x45414552, DISABLE = 0xf5, RELATIVE = 0x4c455252, ABSOLUTE = 0x53424152 };
enum { VERSION_ID = 0x3442554a, OFF = 0xffff };
enum { LEFT = 0x20, RIGHT = 0x10, MIDDLE = 0x08, RELATIVE_EVENT = 0x10000 };

/* Real mode, in the last 128 bytes below 1 MiB; it is entered at its byte 0x70. */
static const uint8_t mailbox_code[0x80] = {
    0xfa,                                   /*        cli */
    0x31, 0xc0, 0x8e, 0xd8,                 /*        xor ax, ax; mov ds, ax */
    0x80, 0x3e, 0x00, 0x10, 0x00,           /* wait:  cmp byte [DOORBELL], 0 */
    0x74, 0xf9,                             /*        je wait */
    0x66, 0xa1, 0x04, 0x10,                 /*        mov eax, [REGISTERS] */
    0x66, 0x8b, 0x1e, 0x08, 0x10,           /*        mov ebx, [REGISTERS + 4] */
    0x66, 0x8b, 0x0e, 0x0c, 0x10,           /*        mov ecx, ... */
    0x66, 0x8b, 0x16, 0x10, 0x10,           /*        mov edx, ... */
    0x66, 0x8b, 0x36, 0x14, 0x10,           /*        mov esi, ... */
    0x66, 0x8b, 0x3e, 0x18, 0x10,           /*        mov edi, ... */
    0x80, 0x3e, 0x00, 0x10, 0x02,           /*        cmp byte [DOORBELL], BY_OUT */
    0x74, 0x04,                             /*        je write */
    0x66, 0xed, 0xeb, 0x02,                 /*        in eax, dx; jmp done */
    0x66, 0xef,                             /* write: out dx, eax */
    0x66, 0xa3, 0x04, 0x10,                 /* done:  mov [REGISTERS], eax */
    0x66, 0x89, 0x1e, 0x08, 0x10,           /*        mov [REGISTERS + 4], ebx */
    0x66, 0x89, 0x0e, 0x0c, 0x10,           /*        mov ..., ecx */
    0x66, 0x89, 0x16, 0x10, 0x10,           /*        mov ..., edx */
    0x66, 0x89, 0x36, 0x14, 0x10,           /*        mov ..., esi */
    0x66, 0x89, 0x3e, 0x18, 0x10,           /*        mov ..., edi */
    0xc6, 0x06, 0x00, 0x10, 0x00,           /*        mov byte [DOORBELL], 0 */
    0xeb, 0xab,                             /*        jmp wait */
    [0x70] = 0xeb, [0x71] = 0x8e,           /*        jmp to the beginning */
};
enum { DOORBELL = 0x1000, REGISTERS = 0x1004, BY_IN = 1, BY_OUT = 2 };
enum { ROM_SIZE = 0x10000, ROUNDS = 1000000 };

static const char *rom_path;

static QTest *start(const char *options)
{
    return qtest_start("-machine pc%s -nodefaults -vga none -m 16 -bios %s", options, rom_path);
}

/* EAX, EBX, ECX, EDX, ESI, EDI. */
typedef struct Registers {
    uint32_t r[6];
} Registers;

static void ask_by(QTest *qts, Registers *regs, uint8_t how)
{
    unsigned rounds = 0;

    qtest_memwrite(qts, REGISTERS, regs, sizeof(*regs));
    qtest_writeb(qts, DOORBELL, how);
    while (qtest_readb(qts, DOORBELL)) {
        g_assert_cmpuint(++rounds, <, ROUNDS);
    }
    qtest_memread(qts, REGISTERS, regs, sizeof(*regs));
}

static Registers ask(QTest *qts, uint32_t command, uint32_t ebx)
{
    Registers regs = { { MAGIC, ebx, command, PORT, 0x5151, 0xd1d1 } };
    ask_by(qts, &regs, BY_IN);
    return regs;
}

/* --- the backdoor ----------------------------------------------------------------------------- */

static void test_version(void)
{
    QTest *qts = start("");
    Registers regs = ask(qts, VERSION, ~MAGIC), by_out = { { MAGIC, 0, VERSION, PORT } };

    g_assert_cmphex(regs.r[0], ==, 6);
    g_assert_cmphex(regs.r[1], ==, MAGIC);
    g_assert_cmphex(regs.r[2], ==, 2);
    g_assert_cmphex(regs.r[3], ==, PORT);
    g_assert_cmphex(regs.r[5], ==, 0xd1d1);
    ask_by(qts, &by_out, BY_OUT);
    g_assert_cmphex(by_out.r[0], ==, 6);
    g_assert_cmphex(by_out.r[1], ==, MAGIC);
    qtest_quit(qts);
}

static void test_refused(void)
{
    QTest *qts = start("");
    Registers wrong = { { MAGIC + 1, 7, VERSION, PORT, 8, 9 } };

    ask_by(qts, &wrong, BY_IN);
    g_assert_cmphex(wrong.r[0], ==, UINT32_MAX);
    g_assert_cmphex(wrong.r[1], ==, 7);
    g_assert_cmphex(wrong.r[2], ==, VERSION);
    g_assert_cmphex(ask(qts, 0x1234, 0).r[0], ==, UINT32_MAX);
    g_assert_cmphex(ask(qts, 3, 0).r[0], ==, UINT32_MAX);
    qtest_quit(qts);
}

static void test_machine_facts(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -vga none -m 16 -bios %s "
                             "-uuid 00112233-4455-6677-8899-aabbccddeeff", rom_path);
    Registers regs = ask(qts, UUID, 0);
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;

    g_assert_cmphex(regs.r[0], ==, 0x33221100);
    g_assert_cmphex(regs.r[1], ==, 0x77665544);
    g_assert_cmphex(regs.r[2], ==, 0xbbaa9988);
    g_assert_cmphex(regs.r[3], ==, 0xffeeddcc);
    g_assert_cmphex(ask(qts, RAM_BYTES, 0).r[0], ==, 16 << 20);
    regs = ask(qts, TIME_FULL, 0);
    g_assert_cmphex(regs.r[0], ==, MAGIC);
    g_assert_cmpuint(regs.r[1], <, 1000000);
    g_assert_cmpint(((gint64)regs.r[4] << 32 | regs.r[3]) - now, >=, -1);
    g_assert_cmpint(((gint64)regs.r[4] << 32 | regs.r[3]) - now, <, 3600);
    g_assert_cmpint((gint64)ask(qts, TIME, 0).r[0] - now, >=, -1);
    qtest_quit(qts);
}

/* Without the device nobody answers: the bus floats. */
static void test_machine_property(void)
{
    QTest *qts = start(",vmport=off");

    g_assert_cmphex(ask(qts, VERSION, 5).r[0], ==, UINT32_MAX);
    g_assert_cmphex(ask(qts, VERSION, 5).r[1], ==, 5);
    qtest_quit(qts);
    qts = start(",vmport=on");
    g_assert_cmphex(ask(qts, VERSION, 5).r[0], ==, 6);
    qtest_quit(qts);
}

/* --- the pointer ------------------------------------------------------------------------------ */

static void send_events(QTest *qts, const char *events)
{
    json_object *reply = qtest_qmp(qts, "{\"execute\": \"input-send-event\", \"arguments\": "
                                   "{\"events\": [%s]}}", events);
    g_assert_true(json_object_object_get_ex(reply, "return", NULL));
    json_object_put(reply);
}

#define MOVE(type, axis, value) \
    "{\"type\": \"" type "\", \"data\": {\"axis\": \"" axis "\", \"value\": " value "}}"
#define PRESS(button, down) \
    "{\"type\": \"btn\", \"data\": {\"button\": \"" button "\", \"down\": " down "}}"

static void expect_status(QTest *qts, uint32_t status, uint32_t words)
{
    g_assert_cmphex(ask(qts, STATUS, 0).r[0], ==, status << 16 | words);
}

static void enable(QTest *qts, uint32_t mode)
{
    ask(qts, CONTROL, READ_ID);
    expect_status(qts, 0, 1);
    g_assert_cmphex(ask(qts, DATA, 1).r[0], ==, VERSION_ID);
    ask(qts, CONTROL, mode);
}

static void expect_event(QTest *qts, uint32_t flags, int32_t x, int32_t y, int32_t z)
{
    Registers regs = ask(qts, DATA, 4);

    g_assert_cmphex(regs.r[0], ==, flags);
    g_assert_cmpint((int32_t)regs.r[1], ==, x);
    g_assert_cmpint((int32_t)regs.r[2], ==, y);
    g_assert_cmpint((int32_t)regs.r[3], ==, z);
    g_assert_cmphex(regs.r[4], ==, 0x5151); /* only as many registers as words */
}

/* The line of query-mice for the pointer in use. */
static void expect_current_mouse(QTest *qts, const char *name, bool absolute)
{
    json_object *reply = qtest_qmp(qts, "{\"execute\": \"query-mice\"}"), *list, *field;
    bool found = false;

    g_assert_true(json_object_object_get_ex(reply, "return", &list));
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *mouse = json_object_array_get_idx(list, i);
        json_object_object_get_ex(mouse, "current", &field);
        if (json_object_get_boolean(field)) {
            json_object_object_get_ex(mouse, "name", &field);
            g_assert_cmpstr(json_object_get_string(field), ==, name);
            json_object_object_get_ex(mouse, "absolute", &field);
            g_assert_cmpint(json_object_get_boolean(field), ==, absolute);
            found = true;
        }
    }
    g_assert_true(found);
    json_object_put(reply);
}

static void test_absolute(void)
{
    QTest *qts = start("");

    expect_status(qts, OFF, 0);
    expect_current_mouse(qts, "QEMU PS/2 Mouse", false);
    enable(qts, ABSOLUTE);
    expect_current_mouse(qts, "vmmouse", true);
    expect_status(qts, 0, 0);
    send_events(qts, MOVE("abs", "x", "0") "," MOVE("abs", "y", "32767"));
    expect_status(qts, 0, 4);
    expect_event(qts, 0, 0, 0xffff, 0);
    send_events(qts, MOVE("abs", "x", "16384") "," PRESS("left", "true"));
    send_events(qts, PRESS("right", "true") "," PRESS("wheel-up", "true"));
    send_events(qts, PRESS("left", "false") "," PRESS("middle", "true") ","
                PRESS("wheel-down", "true"));
    expect_status(qts, 0, 12);
    expect_event(qts, LEFT, 0x8001, 0xffff, 0);
    expect_event(qts, LEFT | RIGHT, 0x8001, 0xffff, -1);
    expect_event(qts, RIGHT | MIDDLE, 0x8001, 0xffff, 1);
    expect_status(qts, 0, 0);
    ask(qts, CONTROL, DISABLE);
    expect_status(qts, OFF, 0);
    expect_current_mouse(qts, "QEMU PS/2 Mouse", false);
    qtest_quit(qts);
}

static void test_relative(void)
{
    QTest *qts = start("");

    enable(qts, RELATIVE);
    expect_current_mouse(qts, "vmmouse", false);
    send_events(qts, MOVE("rel", "x", "-7") "," MOVE("rel", "y", "5"));
    expect_event(qts, RELATIVE_EVENT, -7, -5, 0);
    send_events(qts, PRESS("left", "true"));
    expect_event(qts, RELATIVE_EVENT | LEFT, 0, 0, 0);
    ask(qts, CONTROL, ABSOLUTE);
    expect_current_mouse(qts, "vmmouse", true);
    qtest_quit(qts);
}

/* The PS/2 mouse reports, without movement, when there is something to take. */
static void test_nudge(void)
{
    enum { I8042_DATA = 0x60, I8042_STATUS = 0x64, FULL_AUX = 0x21 };
    static const uint8_t report[] = { 0x08, 0, 0 };
    QTest *qts = start("");
    unsigned rounds = 0;

    qtest_outb(qts, I8042_STATUS, 0xd4);
    qtest_outb(qts, I8042_DATA, 0xf4);
    g_assert_cmphex(qtest_inb(qts, I8042_DATA), ==, 0xfa);
    enable(qts, ABSOLUTE);
    g_assert_cmphex(qtest_inb(qts, I8042_STATUS) & FULL_AUX, ==, 0x00);
    send_events(qts, MOVE("abs", "x", "100"));
    for (size_t i = 0; i < sizeof(report); i++) {
        while ((qtest_inb(qts, I8042_STATUS) & FULL_AUX) != FULL_AUX) {
            g_assert_cmpuint(++rounds, <, ROUNDS);
        }
        g_assert_cmphex(qtest_inb(qts, I8042_DATA), ==, report[i]);
    }
    expect_status(qts, 0, 4);
    qtest_quit(qts);
}

/* What a driver gets wrong: it must begin anew; and a queue that nobody reads stays bounded. */
static void test_errors(void)
{
    QTest *qts = start("");

    ask(qts, CONTROL, ABSOLUTE); /* not enabled yet */
    expect_current_mouse(qts, "QEMU PS/2 Mouse", false);
    enable(qts, ABSOLUTE);
    ask(qts, DATA, 1); /* there is nothing */
    expect_status(qts, OFF, 0);
    enable(qts, ABSOLUTE);
    send_events(qts, MOVE("abs", "x", "1") "," MOVE("abs", "y", "1"));
    ask(qts, DATA, 7); /* more than there are registers */
    expect_status(qts, OFF, 0);
    enable(qts, ABSOLUTE);
    for (unsigned i = 0; i < 300; i++) {
        send_events(qts, PRESS("left", "true"));
    }
    expect_status(qts, 0, 1024);
    expect_event(qts, LEFT, 0, 0, 0);
    json_object_put(qtest_qmp(qts, "{\"execute\": \"system_reset\"}"));
    json_object_put(qtest_qmp_event_wait(qts, "RESET"));
    expect_status(qts, OFF, 0);
    expect_current_mouse(qts, "QEMU PS/2 Mouse", false);
    qtest_quit(qts);
}

static void make_rom(void)
{
    g_autofree uint8_t *rom = g_malloc0(ROM_SIZE);

    close(tmp_file(&rom_path));
    memcpy(rom + ROM_SIZE - sizeof(mailbox_code), mailbox_code, sizeof(mailbox_code));
    g_assert_true(g_file_set_contents(rom_path, (char *)rom, ROM_SIZE, NULL));
}

int main(int argc, char **argv)
{
    const char *accel = g_getenv("VMMOUSE_ACCEL"); /* a CPU must run; the KVM tests choose */

    g_test_init(&argc, &argv, NULL);
    g_setenv("QTEST_ACCEL", accel ? accel : "tcg", true);
    make_rom();
    g_test_add_func("/vmport/version", test_version);
    g_test_add_func("/vmport/refused", test_refused);
    g_test_add_func("/vmport/machine-facts", test_machine_facts);
    g_test_add_func("/vmport/machine-property", test_machine_property);
    g_test_add_func("/vmmouse/absolute", test_absolute);
    g_test_add_func("/vmmouse/relative", test_relative);
    g_test_add_func("/vmmouse/nudge", test_nudge);
    g_test_add_func("/vmmouse/errors", test_errors);
    return g_test_run();
}
