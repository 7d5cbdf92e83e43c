/*
 * The client side of the qtest protocol, for tests of device models.
 *
 * qtest_start("-machine pc ...") runs the emulator under -accel qtest with two
 * unix sockets (qtest and QMP) and connects to both. No guest code runs; the
 * virtual clock moves only by qtest_clock_step(). The emulator is $QTEST_BINARY,
 * which meson sets to the doppel just built; setting it to Debian's QEMU runs the same test there.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_QTEST_LIBQTEST_H
#define TESTS_QTEST_LIBQTEST_H

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct QTest QTest;

/* Starts the emulator with extra arguments (printf-like); a failure to start fails the test. */
QTest *qtest_start(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/* QMP quit, then waits; a non-zero exit status or a leftover process fails the test. */
void qtest_quit(QTest *qts);

uint8_t qtest_inb(QTest *qts, uint16_t port);
uint16_t qtest_inw(QTest *qts, uint16_t port);
uint32_t qtest_inl(QTest *qts, uint16_t port);
void qtest_outb(QTest *qts, uint16_t port, uint8_t val);
void qtest_outw(QTest *qts, uint16_t port, uint16_t val);
void qtest_outl(QTest *qts, uint16_t port, uint32_t val);
uint8_t qtest_readb(QTest *qts, uint64_t addr);
uint16_t qtest_readw(QTest *qts, uint64_t addr);
uint32_t qtest_readl(QTest *qts, uint64_t addr);
uint64_t qtest_readq(QTest *qts, uint64_t addr);
void qtest_writeb(QTest *qts, uint64_t addr, uint8_t val);
void qtest_writew(QTest *qts, uint64_t addr, uint16_t val);
void qtest_writel(QTest *qts, uint64_t addr, uint32_t val);
void qtest_writeq(QTest *qts, uint64_t addr, uint64_t val);
void qtest_memread(QTest *qts, uint64_t addr, void *buf, size_t len);
void qtest_memwrite(QTest *qts, uint64_t addr, const void *buf, size_t len);
void qtest_memset(QTest *qts, uint64_t addr, uint8_t byte, size_t len);

/* Returns the virtual time in ns afterwards. */
int64_t qtest_clock_step(QTest *qts, int64_t ns);
int64_t qtest_clock_step_next(QTest *qts); /* to the next deadline */
int64_t qtest_clock_set(QTest *qts, int64_t ns);

/* After an intercept, level changes are recorded; path may be partial ("ioapic"). */
void qtest_irq_intercept_in(QTest *qts, const char *path);
void qtest_irq_intercept_out(QTest *qts, const char *path);
bool qtest_get_irq(QTest *qts, unsigned num);
/* How often line num was raised since the intercept. */
unsigned qtest_irq_raised(QTest *qts, unsigned num);
void qtest_set_irq_in(QTest *qts, const char *path, const char *name, unsigned num, int level);

/* The path of the one device of a type among those of the board; a missing one fails the test. */
char *qtest_find_device(QTest *qts, const char *type);

/* Sends a QMP command as JSON text (printf-like) and returns the whole reply. */
json_object *qtest_qmp(QTest *qts, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Waits for an event by name. */
json_object *qtest_qmp_event_wait(QTest *qts, const char *event);
/* One raw protocol line; returns the reply line. */
char *qtest_raw(QTest *qts, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

#endif
