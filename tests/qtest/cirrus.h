/*
 * Register helpers for tests of the Cirrus adapters.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_QTEST_CIRRUS_H
#define TESTS_QTEST_CIRRUS_H

#include "tests/qtest/vga.h"

/* BAR 0 is at LFB (vga.h), BAR 1 here. */
enum { CIRRUS_MMIO = 0xe2000000, CIRRUS_BLT_DATA = LFB + 0x1000000, CIRRUS_MEMORY = 4 << 20 };
enum { BLT_REGS = CIRRUS_MMIO + 0x100, BLT_STATUS = BLT_REGS + 0x40 };

static inline uint8_t seq_read(QTest *qts, uint8_t index)
{
    qtest_outb(qts, 0x3c4, index);
    return qtest_inb(qts, 0x3c5);
}

static inline uint8_t gc_read(QTest *qts, uint8_t index)
{
    qtest_outb(qts, 0x3ce, index);
    return qtest_inb(qts, 0x3cf);
}

static inline uint8_t crtc_read(QTest *qts, uint8_t index)
{
    qtest_outb(qts, 0x3d4, index);
    return qtest_inb(qts, 0x3d5);
}

/* The hidden DAC register comes after four reads of the pixel mask. */
static inline void open_hidden_dac(QTest *qts)
{
    qtest_inb(qts, 0x3c8);
    for (int i = 0; i < 4; i++) {
        qtest_inb(qts, 0x3c6);
    }
}

static inline void hidden_dac(QTest *qts, uint8_t val)
{
    open_hidden_dac(qts);
    qtest_outb(qts, 0x3c6, val);
}

/* Unlocked, packed pixels, the whole of the window for one bank. */
static inline QTest *start_cirrus(void)
{
    QTest *qts = start_with("-vga cirrus");

    config_write(qts, 0x14, CIRRUS_MMIO);
    seq(qts, 6, 0x12);
    seq(qts, 7, 0x01);
    seq(qts, 4, 0x0e);
    seq(qts, 2, 0x0f);
    gc(qts, 5, 0x40);
    gc(qts, 6, 0x05);
    gc(qts, 8, 0xff);
    return qts;
}

#endif
