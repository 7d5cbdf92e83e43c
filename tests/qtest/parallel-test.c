/*
 * isa-parallel: the standard parallel port, by the IBM PC/AT Technical Reference (parallel printer
 * adapter), with a printer on the other end of a character device.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <unistd.h>
#include "tests/lib/tmp.h"
#include "tests/qtest/libqtest.h"

enum { LPT1 = 0x378, LPT2 = 0x278, LPT3 = 0x3bc, DATA = 0, STATUS = 1, CONTROL = 2, LPT1_IRQ = 7 };
enum { NOT_ERROR = 0x08, SELECTED = 0x10, PAPER_END = 0x20, NOT_ACK = 0x40, NOT_BUSY = 0x80,
       READY = NOT_ERROR | SELECTED | NOT_ACK | NOT_BUSY };
enum { STROBE = 0x01, AUTO_FEED = 0x02, NOT_INIT = 0x04, SELECT_IN = 0x08, IRQ_ENABLE = 0x10,
       UNUSED = 0xc0, IDLE = NOT_INIT | SELECT_IN };

/* A printer that writes to a file. */
typedef struct Printer {
    QTest *qts;
    const char *path;
} Printer;

static Printer start(void)
{
    Printer p;

    close(tmp_file(&p.path));
    p.qts = qtest_start("-machine pc -nodefaults -parallel file:%s", p.path);
    return p;
}

static void out(Printer *p, unsigned reg, uint8_t val)
{
    qtest_outb(p->qts, LPT1 + reg, val);
}

static uint8_t in(Printer *p, unsigned reg)
{
    return qtest_inb(p->qts, LPT1 + reg);
}

static void print(Printer *p, uint8_t c, uint8_t control)
{
    out(p, DATA, c);
    out(p, CONTROL, control | STROBE);
    out(p, CONTROL, control);
}

/* Ends the emulator and compares what the printer got. */
static void finish(Printer *p, const char *expected)
{
    g_autofree char *text = NULL;

    qtest_quit(p->qts);
    g_assert_true(g_file_get_contents(p->path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, expected);
}

static void test_registers(void)
{
    Printer p = start();

    g_assert_cmphex(in(&p, STATUS) & READY, ==, READY);
    g_assert_cmphex(in(&p, STATUS) & PAPER_END, ==, 0);
    g_assert_cmphex(in(&p, CONTROL), ==, UNUSED | IDLE);
    for (unsigned v = 0; v < 256; v += 0x33) {
        out(&p, DATA, v);
        g_assert_cmphex(in(&p, DATA), ==, v);
    }
    for (uint8_t v = 0; v < 0x20; v += 2) { /* no STROBE */
        out(&p, CONTROL, v);
        g_assert_cmphex(in(&p, CONTROL), ==, UNUSED | v);
    }
    out(&p, STATUS, 0); /* read only */
    g_assert_cmphex(in(&p, STATUS) & READY, ==, READY);
    finish(&p, "");
}

static void test_print(void)
{
    Printer p = start();

    for (const char *c = "hello\n"; *c; c++) {
        print(&p, *c, IDLE);
    }
    finish(&p, "hello\n");
}

/* One byte for one leading edge of STROBE, and none from a printer that is not selected. */
static void test_strobe(void)
{
    Printer p = start();

    out(&p, DATA, 'a');
    out(&p, CONTROL, IDLE | STROBE);
    out(&p, DATA, 'b');
    out(&p, CONTROL, IDLE | STROBE);
    out(&p, CONTROL, IDLE);
    print(&p, 'c', NOT_INIT);          /* SLCT IN is not driven */
    print(&p, 'd', SELECT_IN);         /* INIT holds the printer in reset */
    print(&p, 'e', IDLE | AUTO_FEED);
    finish(&p, "ae");
}

static void test_acknowledge(void)
{
    Printer p = start();

    qtest_irq_intercept_in(p.qts, "ioapic");
    print(&p, 'x', IDLE);
    g_assert_false(qtest_get_irq(p.qts, LPT1_IRQ)); /* not enabled */
    g_assert_cmphex(in(&p, STATUS) & NOT_ACK, ==, 0);
    g_assert_cmphex(in(&p, STATUS) & NOT_ACK, ==, NOT_ACK); /* ACK is a pulse */
    print(&p, 'y', IDLE | IRQ_ENABLE);
    g_assert_true(qtest_get_irq(p.qts, LPT1_IRQ));
    in(&p, STATUS);
    g_assert_false(qtest_get_irq(p.qts, LPT1_IRQ));
    finish(&p, "xy");
}

static void test_ports(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -parallel null -parallel null "
                             "-device isa-parallel,index=2,irq=5,chardev=third "
                             "-chardev null,id=third");

    qtest_irq_intercept_in(qts, "ioapic");
    qtest_outb(qts, LPT1, 0x11);
    qtest_outb(qts, LPT2, 0x22);
    qtest_outb(qts, LPT3, 0x33);
    g_assert_cmphex(qtest_inb(qts, LPT1), ==, 0x11);
    g_assert_cmphex(qtest_inb(qts, LPT2), ==, 0x22);
    g_assert_cmphex(qtest_inb(qts, LPT3), ==, 0x33);
    qtest_outb(qts, LPT3 + CONTROL, IDLE | IRQ_ENABLE | STROBE);
    g_assert_true(qtest_get_irq(qts, 5));
    qtest_quit(qts);
}

static void test_reset(void)
{
    Printer p = start();

    qtest_irq_intercept_in(p.qts, "ioapic");
    print(&p, 'x', IDLE | IRQ_ENABLE);
    json_object_put(qtest_qmp(p.qts, "{'execute': 'system_reset'}"));
    json_object_put(qtest_qmp_event_wait(p.qts, "RESET"));
    g_assert_cmphex(in(&p, CONTROL), ==, UNUSED | IDLE);
    g_assert_cmphex(in(&p, STATUS) & READY, ==, READY);
    g_assert_false(qtest_get_irq(p.qts, LPT1_IRQ));
    finish(&p, "x");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/parallel/registers", test_registers);
    g_test_add_func("/parallel/print", test_print);
    g_test_add_func("/parallel/strobe", test_strobe);
    g_test_add_func("/parallel/acknowledge", test_acknowledge);
    g_test_add_func("/parallel/ports", test_ports);
    g_test_add_func("/parallel/reset", test_reset);
    return g_test_run();
}
