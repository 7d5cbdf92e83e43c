/*
 * The 16550A by its data sheet (PC16550D), through isa-serial at COM1.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <pty.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>
#include "tests/lib/tmp.h"
#include "tests/qtest/libqtest.h"

enum { COM1 = 0x3f8, RBR = COM1, THR = COM1, DLL = COM1, IER = COM1 + 1, DLM = COM1 + 1,
       IIR = COM1 + 2, FCR = COM1 + 2, LCR = COM1 + 3, MCR = COM1 + 4, LSR = COM1 + 5,
       MSR = COM1 + 6, SCR = COM1 + 7 };
enum { COM1_IRQ = 4 };
enum { LSR_DR = 1, LSR_OE = 2, LSR_BI = 0x10, LSR_THRE = 0x20, LSR_TEMT = 0x40,
       LSR_FIFO_ERROR = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 0x10 };
enum { IIR_NONE = 1, IIR_THRE = 2, IIR_DATA = 4, IIR_LINE = 6, IIR_TIMEOUT = 0xc, IIR_MODEM = 0,
       IIR_FIFO = 0xc0 };

typedef struct Fixture {
    QTest *qts;
    char *path;
    int fd; /* the other end of the line */
} Fixture;

/* data: more options of the socket, or NULL. */
static void set_up(Fixture *f, gconstpointer data)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    f->path = g_build_filename(tmp_folder(), "line", NULL);
    f->qts = qtest_start("-machine pc -nodefaults "
                         "-chardev socket,id=line,path=%s,server=on,wait=off%s "
                         "-serial chardev:line", f->path, data ? (const char *)data : "");
    f->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    g_strlcpy(addr.sun_path, f->path, sizeof(addr.sun_path));
    g_assert_cmpint(connect(f->fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    qtest_irq_intercept_in(f->qts, "ioapic");
}

static void tear_down(Fixture *f, gconstpointer data)
{
    close(f->fd);
    qtest_quit(f->qts);
    g_free(f->path);
}

static void out(Fixture *f, uint16_t port, uint8_t val)
{
    qtest_outb(f->qts, port, val);
}

static uint8_t in(Fixture *f, uint16_t port)
{
    return qtest_inb(f->qts, port);
}

/* Host input arrives by the main loop, which the test cannot order: it asks until it is there. */
static void wait_lsr(Fixture *f, uint8_t bit)
{
    while (!(in(f, LSR) & bit)) {
        g_usleep(1000);
    }
}

static void test_reset_values(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(in(f, IER), ==, 0);
    g_assert_cmphex(in(f, IIR), ==, IIR_NONE);
    g_assert_cmphex(in(f, LCR), ==, 0);
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT);
    g_assert_cmphex(in(f, MSR) & 0x0f, ==, 0);
    for (unsigned v = 0; v < 256; v += 0x55) {
        out(f, SCR, v);
        g_assert_cmphex(in(f, SCR), ==, v);
    }
}

static void test_divisor_latch(Fixture *f, gconstpointer data)
{
    out(f, IER, 0);
    out(f, LCR, 0x83);
    out(f, DLL, 0x34);
    out(f, DLM, 0x12);
    g_assert_cmphex(in(f, DLL), ==, 0x34);
    g_assert_cmphex(in(f, DLM), ==, 0x12);
    out(f, LCR, 0x03);
    g_assert_cmphex(in(f, IER), ==, 0);
    out(f, IER, 0xff);
    g_assert_cmphex(in(f, IER), ==, 0x0f); /* bits 7..4 are always 0 */
}

static void test_transmit(Fixture *f, gconstpointer data)
{
    char buf[5];

    for (const char *p = "hello"; *p; p++) {
        out(f, THR, *p);
    }
    g_assert_cmpint(recv(f->fd, buf, 5, MSG_WAITALL), ==, 5);
    g_assert_cmpmem(buf, 5, "hello", 5);
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT);
}

/* Enabling the THRE interrupt raises it; reading IIR or writing THR ends it. */
static void test_thre_interrupt(Fixture *f, gconstpointer data)
{
    out(f, IER, 0x02);
    g_assert_true(qtest_get_irq(f->qts, COM1_IRQ));
    g_assert_cmphex(in(f, IIR), ==, IIR_THRE);
    g_assert_false(qtest_get_irq(f->qts, COM1_IRQ));
    g_assert_cmphex(in(f, IIR), ==, IIR_NONE);
    out(f, THR, 'x');
    g_assert_true(qtest_get_irq(f->qts, COM1_IRQ));
    out(f, IER, 0x00);
    g_assert_false(qtest_get_irq(f->qts, COM1_IRQ));
}

static void test_receive(Fixture *f, gconstpointer data)
{
    g_assert_cmpint(write(f->fd, "ab", 2), ==, 2);
    wait_lsr(f, LSR_DR);
    out(f, IER, 0x01);
    g_assert_true(qtest_get_irq(f->qts, COM1_IRQ));
    g_assert_cmphex(in(f, IIR), ==, IIR_DATA);
    g_assert_cmphex(in(f, RBR), ==, 'a');
    wait_lsr(f, LSR_DR);
    g_assert_cmphex(in(f, RBR), ==, 'b');
    g_assert_cmphex(in(f, LSR) & LSR_DR, ==, 0);
    g_assert_false(qtest_get_irq(f->qts, COM1_IRQ));
}

static void test_fifo_enable(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(in(f, IIR), ==, IIR_NONE);
    out(f, FCR, 0x01);
    g_assert_cmphex(in(f, IIR), ==, IIR_FIFO | IIR_NONE);
    out(f, FCR, 0xc0); /* without bit 0 nothing else is programmed */
    g_assert_cmphex(in(f, IIR), ==, IIR_NONE);
}

/* In loop-back the receiver hears the transmitter. */
static void loop_back(Fixture *f, uint8_t fcr)
{
    out(f, MCR, MCR_LOOP);
    out(f, FCR, fcr | 0x07);
    in(f, MSR);
}

static void test_fifo_trigger(Fixture *f, gconstpointer data)
{
    static const struct { uint8_t fcr; int level; } levels[] = {
        { 0x01, 1 }, { 0x41, 4 }, { 0x81, 8 }, { 0xc1, 14 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
        loop_back(f, levels[i].fcr);
        out(f, IER, 0x01);
        for (int n = 1; n <= levels[i].level; n++) {
            g_assert_cmphex(in(f, IIR), ==, IIR_FIFO | IIR_NONE);
            out(f, THR, n);
        }
        g_assert_cmphex(in(f, IIR), ==, IIR_FIFO | IIR_DATA);
        /* Falls below the level with one read. */
        g_assert_cmphex(in(f, RBR), ==, 1);
        g_assert_cmphex(in(f, IIR), ==, IIR_FIFO | IIR_NONE);
        for (int n = 2; n <= levels[i].level; n++) {
            g_assert_cmphex(in(f, RBR), ==, n);
        }
        g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT);
    }
}

/* Four character times after the last character; 9600 8N1: 4 * 10 bits / 9600. */
static void test_character_timeout(Fixture *f, gconstpointer data)
{
    const int64_t timeout_ns = INT64_C(4) * 10 * 1000000000 / 9600;

    out(f, LCR, 0x83);
    out(f, DLL, 12);
    out(f, DLM, 0);
    out(f, LCR, 0x03);
    loop_back(f, 0xc1);
    out(f, IER, 0x01);
    out(f, THR, 'x');
    qtest_clock_step(f->qts, timeout_ns - 1000);
    g_assert_cmphex(in(f, IIR), ==, IIR_FIFO | IIR_NONE);
    qtest_clock_step(f->qts, 2000);
    g_assert_cmphex(in(f, IIR), ==, IIR_FIFO | IIR_TIMEOUT);
    g_assert_true(qtest_get_irq(f->qts, COM1_IRQ));
    g_assert_cmphex(in(f, RBR), ==, 'x');
    g_assert_cmphex(in(f, IIR), ==, IIR_FIFO | IIR_NONE);
    g_assert_false(qtest_get_irq(f->qts, COM1_IRQ));
}

static void test_overrun(Fixture *f, gconstpointer data)
{
    loop_back(f, 0x01);
    out(f, IER, 0x04);
    for (int i = 0; i < 17; i++) {
        out(f, THR, i);
    }
    g_assert_cmphex(in(f, IIR), ==, IIR_FIFO | IIR_LINE);
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT | LSR_DR | LSR_OE);
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT | LSR_DR); /* cleared by reading */
    for (int i = 0; i < 16; i++) {
        g_assert_cmphex(in(f, RBR), ==, i);
    }
    g_assert_cmphex(in(f, LSR) & LSR_DR, ==, 0);
}

/* Line status before data before THRE before modem status. */
static void test_priorities(Fixture *f, gconstpointer data)
{
    loop_back(f, 0x01);
    for (int i = 0; i < 17; i++) {
        out(f, THR, i);
    }
    out(f, MCR, MCR_LOOP | MCR_RTS);
    out(f, IER, 0x0f);
    g_assert_cmphex(in(f, IIR) & 0x0f, ==, IIR_LINE);
    in(f, LSR);
    g_assert_cmphex(in(f, IIR) & 0x0f, ==, IIR_DATA);
    out(f, FCR, 0x03);
    g_assert_cmphex(in(f, IIR) & 0x0f, ==, IIR_THRE);
    g_assert_cmphex(in(f, IIR) & 0x0f, ==, IIR_MODEM);
    g_assert_cmphex(in(f, MSR), ==, 0x11); /* CTS, and that it changed */
    g_assert_cmphex(in(f, IIR) & 0x0f, ==, IIR_NONE);
}

/* Loop-back wires RTS to CTS, DTR to DSR, OUT1 to RI, OUT2 to DCD. */
static void test_modem_loop(Fixture *f, gconstpointer data)
{
    static const struct { uint8_t mcr, msr; } wires[] = {
        { MCR_RTS, 0x10 }, { MCR_DTR, 0x20 }, { MCR_OUT1, 0x40 }, { MCR_OUT2, 0x80 },
    };

    loop_back(f, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(wires); i++) {
        bool ring = wires[i].mcr == MCR_OUT1;
        out(f, MCR, MCR_LOOP | wires[i].mcr);
        /* RI notes only its trailing edge. */
        g_assert_cmphex(in(f, MSR), ==, wires[i].msr | (ring ? 0 : wires[i].msr >> 4));
        g_assert_cmphex(in(f, MSR), ==, wires[i].msr);
        out(f, MCR, MCR_LOOP);
        g_assert_cmphex(in(f, MSR), ==, wires[i].msr >> 4);
    }
}

/* Without FIFOs the new character takes the place of the one that was not read. */
static void test_overrun_without_fifo(Fixture *f, gconstpointer data)
{
    out(f, MCR, MCR_LOOP);
    out(f, THR, 'a');
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT | LSR_DR);
    out(f, THR, 'b');
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT | LSR_DR | LSR_OE);
    g_assert_cmphex(in(f, RBR), ==, 'b');
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT);
}

static void test_fifo_reset(Fixture *f, gconstpointer data)
{
    loop_back(f, 0x01);
    out(f, THR, 'a');
    out(f, FCR, 0x05); /* the transmitter's only */
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT | LSR_DR);
    out(f, FCR, 0x03);
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT);
    out(f, THR, 'b');
    out(f, FCR, 0x00); /* going to 16450 mode empties it, too */
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT);
    out(f, THR, 'c');
    out(f, FCR, 0x01);
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT);
}

/* In loop-back nothing goes out, and the inputs are not those of the line. */
static void test_loop_is_apart(Fixture *f, gconstpointer data)
{
    char c;

    g_assert_cmphex(in(f, MSR) & 0xf0, ==, 0xb0); /* CTS, DSR and DCD of a peer that is there */
    out(f, MCR, 0xff);
    g_assert_cmphex(in(f, MCR), ==, 0x1f);
    g_assert_cmphex(in(f, MSR) & 0xf0, ==, 0xf0);
    out(f, MCR, MCR_LOOP);
    g_assert_cmphex(in(f, MSR) & 0xf0, ==, 0);
    out(f, THR, 'x');
    g_assert_cmphex(in(f, RBR), ==, 'x');
    out(f, MCR, 0);
    g_assert_cmphex(in(f, MSR) & 0xf0, ==, 0xb0);
    out(f, THR, 'y');
    g_assert_cmpint(recv(f->fd, &c, 1, MSG_WAITALL), ==, 1);
    g_assert_cmpint(c, ==, 'y');
}

/* A break is a character 0 with its own error; Ctrl-A b of a multiplexed line sends one. */
static void test_break(Fixture *f, gconstpointer data)
{
    out(f, IER, 0x04);
    g_assert_cmpint(write(f->fd, "\001b", 2), ==, 2);
    wait_lsr(f, LSR_DR); /* which clears the error */
    g_assert_cmphex(in(f, RBR), ==, 0);
    out(f, FCR, 0x01);
    qtest_outb(f->qts, IER, 0x04);
    g_assert_cmpint(write(f->fd, "\001b", 2), ==, 2);
    while ((in(f, IIR) & 0x0f) != IIR_LINE) {
        g_usleep(1000);
    }
    g_assert_true(qtest_get_irq(f->qts, COM1_IRQ));
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT | LSR_DR | LSR_BI | LSR_FIFO_ERROR);
    g_assert_false(qtest_get_irq(f->qts, COM1_IRQ));
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT | LSR_DR);
    g_assert_cmphex(in(f, RBR), ==, 0);
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT);
}

/* In the FIFO an error shows when its character is on top; bit 7 tells that there is one. */
static void test_break_in_fifo(Fixture *f, gconstpointer data)
{
    out(f, FCR, 0x41); /* takes four at a time */
    g_assert_cmpint(write(f->fd, "a\001b", 3), ==, 3);
    wait_lsr(f, LSR_DR);
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT | LSR_DR | LSR_FIFO_ERROR);
    g_assert_cmphex(in(f, RBR), ==, 'a');
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT | LSR_DR | LSR_BI | LSR_FIFO_ERROR);
    g_assert_cmphex(in(f, RBR), ==, 0);
    g_assert_cmphex(in(f, LSR), ==, LSR_THRE | LSR_TEMT);
}

static void program_line(QTest *qts, uint16_t divisor, uint8_t lcr)
{
    qtest_outb(qts, LCR, 0x80 | lcr);
    qtest_outb(qts, DLL, divisor & 0xff);
    qtest_outb(qts, DLM, divisor >> 8);
    qtest_outb(qts, LCR, lcr);
}

/* Divisor and line control set a host's serial port: here the slave of a pseudo terminal, which
 * has 8 bits and no parity whatever is asked for. */
static void test_line_parameters(void)
{
    static const struct { uint16_t divisor; uint8_t lcr; speed_t speed; tcflag_t cflag; } rows[] = {
        { 12, 0x03, B9600, CS8 },
        { 1, 0x03, B115200, CS8 },
        { 384, 0x03, B300, CS8 },
        { 96, 0x07, B1200, CS8 | CSTOPB },
        { 6, 0x1b, B19200, CS8 },
        { 3, 0x0b, B38400, CS8 | PARODD },
    };
    int master, slave;
    char name[64];

    g_assert_cmpint(openpty(&master, &slave, name, NULL, NULL), ==, 0);
    QTest *qts = qtest_start("-machine pc -nodefaults -chardev serial,id=line,path=%s "
                             "-serial chardev:line", name);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct termios now;
        program_line(qts, rows[i].divisor, rows[i].lcr);
        g_assert_cmpint(tcgetattr(slave, &now), ==, 0);
        g_assert_cmphex(cfgetospeed(&now), ==, rows[i].speed);
        g_assert_cmphex(now.c_cflag & (CSIZE | CSTOPB | PARODD), ==, rows[i].cflag);
    }
    qtest_quit(qts);
    close(master);
    close(slave);
}

static void test_second_port(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -serial null -serial null "
                             "-device isa-serial,index=2,irq=5");

    qtest_irq_intercept_in(qts, "ioapic");
    qtest_outb(qts, 0x2f9, 2);
    g_assert_true(qtest_get_irq(qts, 3));
    qtest_outb(qts, 0x3e9, 2);
    g_assert_true(qtest_get_irq(qts, 5));
    g_assert_cmphex(qtest_inb(qts, 0x2ef), ==, 0xff); /* there is no COM4 */
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*fn)(Fixture *f, gconstpointer data);
        const char *socket;
    } tests[] = {
        { "/serial/reset-values", test_reset_values },
        { "/serial/divisor-latch", test_divisor_latch },
        { "/serial/transmit", test_transmit },
        { "/serial/thre-interrupt", test_thre_interrupt },
        { "/serial/receive", test_receive },
        { "/serial/fifo-enable", test_fifo_enable },
        { "/serial/fifo-trigger", test_fifo_trigger },
        { "/serial/character-timeout", test_character_timeout },
        { "/serial/overrun", test_overrun },
        { "/serial/priorities", test_priorities },
        { "/serial/modem-loop", test_modem_loop },
        { "/serial/overrun-without-fifo", test_overrun_without_fifo },
        { "/serial/fifo-reset", test_fifo_reset },
        { "/serial/loop-is-apart", test_loop_is_apart },
        { "/serial/break", test_break, ",mux=on" },
        { "/serial/break-in-fifo", test_break_in_fifo, ",mux=on" },
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].path, Fixture, tests[i].socket, set_up, tests[i].fn, tear_down);
    }
    g_test_add_func("/serial/line-parameters", test_line_parameters);
    g_test_add_func("/serial/second-port", test_second_port);
    return g_test_run();
}
