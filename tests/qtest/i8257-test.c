/*
 * The two 8237A DMA controllers: registers, software requests that run a channel to its
 * terminal count, autoinitialization, masks, pages.
 *
 * Intel data sheet 231466; 82371SB, 2.5.2. A software request that no device stands behind
 * moves what a floating data bus reads: all ones. Channel 2 has one, the floppy.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/libqtest.h"

enum {
    STATUS = 8, COMMAND = 8, REQUEST = 9, SINGLE_MASK = 10, MODE = 11, CLEAR_POINTER = 12,
    MASTER_CLEAR = 13, CLEAR_MASK = 14, ALL_MASK = 15,
    COMMAND_DISABLE = 4, REQUEST_SET = 4, MASK_SET = 4,
    VERIFY = 0 << 2, WRITE = 1 << 2, READ = 2 << 2, AUTOINIT = 1 << 4, DECREMENT = 1 << 5,
    SINGLE = 1 << 6, BLOCK = 2 << 6, CASCADE = 3 << 6,
};

/* A controller: where its ports are, and how far apart. */
typedef struct Dma {
    uint16_t base;
    unsigned shift;
    uint8_t pages[4];
} Dma;

static const Dma first = { 0x00, 0, { 0x87, 0x83, 0x81, 0x82 } };
static const Dma second = { 0xc0, 1, { 0x8f, 0x8b, 0x89, 0x8a } };

static void wr(QTest *qts, const Dma *dma, unsigned reg, uint8_t val)
{
    qtest_outb(qts, dma->base + (reg << dma->shift), val);
}

static uint8_t rd(QTest *qts, const Dma *dma, unsigned reg)
{
    return qtest_inb(qts, dma->base + (reg << dma->shift));
}

static void wr16(QTest *qts, const Dma *dma, unsigned reg, uint16_t val)
{
    wr(qts, dma, CLEAR_POINTER, 0);
    wr(qts, dma, reg, val & 0xff);
    wr(qts, dma, reg, val >> 8);
}

static uint16_t rd16(QTest *qts, const Dma *dma, unsigned reg)
{
    wr(qts, dma, CLEAR_POINTER, 0);
    uint16_t low = rd(qts, dma, reg);
    return rd(qts, dma, reg) << 8 | low;
}

/* Programs a channel and leaves it masked. */
static void program(QTest *qts, const Dma *dma, unsigned ch, uint8_t mode, uint8_t page,
                    uint16_t address, uint16_t count)
{
    wr(qts, dma, SINGLE_MASK, MASK_SET | ch);
    wr(qts, dma, MODE, mode | ch);
    wr16(qts, dma, 2 * ch, address);
    wr16(qts, dma, 2 * ch + 1, count);
    qtest_outb(qts, dma->pages[ch], page);
}

static void request(QTest *qts, const Dma *dma, unsigned ch)
{
    wr(qts, dma, SINGLE_MASK, ch);
    wr(qts, dma, REQUEST, REQUEST_SET | ch);
}

static void test_registers(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");

    for (const Dma *dma = &first; dma; dma = dma == &first ? &second : NULL) {
        g_assert_cmphex(rd(qts, dma, ALL_MASK), ==, 15); /* after reset */
        for (unsigned reg = 0; reg < 8; reg++) {
            wr16(qts, dma, reg, 0x1234 + reg * 0x1111);
        }
        for (unsigned reg = 0; reg < 8; reg++) {
            g_assert_cmphex(rd16(qts, dma, reg), ==, 0x1234 + reg * 0x1111);
        }
        for (unsigned ch = 0; ch < 4; ch++) {
            qtest_outb(qts, dma->pages[ch], 0x50 + ch);
        }
        for (unsigned ch = 0; ch < 4; ch++) {
            g_assert_cmphex(qtest_inb(qts, dma->pages[ch]), ==, 0x50 + ch);
        }
        wr(qts, dma, CLEAR_MASK, 0);
        g_assert_cmphex(rd(qts, dma, ALL_MASK), ==, 0);
        wr(qts, dma, ALL_MASK, 9);
        wr(qts, dma, SINGLE_MASK, MASK_SET | 1);
        wr(qts, dma, SINGLE_MASK, 0);
        g_assert_cmphex(rd(qts, dma, ALL_MASK), ==, 10);
        wr(qts, dma, MASTER_CLEAR, 0);
        g_assert_cmphex(rd(qts, dma, ALL_MASK), ==, 15);
    }
    qtest_quit(qts);
}

static void test_write_transfer(void)
{
    uint8_t buf[32];
    QTest *qts = qtest_start("-machine pc -nodefaults");

    qtest_memset(qts, 0x21ff0, 0, 32);
    program(qts, &first, 1, BLOCK | WRITE, 0x02, 0x1ff8, 15);
    request(qts, &first, 1);
    g_assert_cmphex(rd(qts, &first, STATUS), ==, 1 << 1);
    g_assert_cmphex(rd(qts, &first, STATUS), ==, 0); /* reading clears it */
    g_assert_cmphex(rd16(qts, &first, 2), ==, 0x2008);
    g_assert_cmphex(rd16(qts, &first, 3), ==, 0xffff);
    g_assert_cmphex(rd(qts, &first, ALL_MASK), ==, 15); /* masked by its terminal count */
    qtest_memread(qts, 0x21ff0, buf, sizeof(buf));
    for (unsigned i = 0; i < sizeof(buf); i++) {
        g_assert_cmphex(buf[i], ==, i >= 8 && i < 24 ? 0xff : 0);
    }
    qtest_quit(qts);
}

/* The page register takes no carry: the address wraps within 64 KiB. */
static void test_wrap(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");

    qtest_memset(qts, 0x30000, 0, 16);
    qtest_memset(qts, 0x40000, 0, 16);
    program(qts, &first, 3, BLOCK | WRITE, 0x03, 0xfffc, 7);
    request(qts, &first, 3);
    g_assert_cmphex(qtest_readl(qts, 0x3fffc), ==, 0xffffffff);
    g_assert_cmphex(qtest_readq(qts, 0x30000), ==, 0xffffffff);
    g_assert_cmphex(qtest_readq(qts, 0x40000), ==, 0);
    qtest_quit(qts);
}

static void test_decrement(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");

    qtest_memset(qts, 0x20000, 0, 32);
    program(qts, &first, 3, BLOCK | WRITE | DECREMENT, 0x02, 0x0007, 3);
    request(qts, &first, 3);
    g_assert_cmphex(qtest_readq(qts, 0x20000), ==, UINT64_C(0xffffffff00000000));
    g_assert_cmphex(rd16(qts, &first, 6), ==, 0x0003);
    qtest_quit(qts);
}

/* The second controller counts words, and ignores bit 0 of the page. */
static void test_words(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");

    qtest_memset(qts, 0x28000, 0, 32);
    program(qts, &second, 1, BLOCK | WRITE, 0x03, 0x8000 / 2 + 2, 3);
    request(qts, &second, 1);
    g_assert_cmphex(rd(qts, &second, STATUS), ==, 1 << 1);
    g_assert_cmphex(qtest_readl(qts, 0x28000), ==, 0);
    g_assert_cmphex(qtest_readq(qts, 0x28004), ==, UINT64_MAX);
    g_assert_cmphex(qtest_readl(qts, 0x2800c), ==, 0);
    g_assert_cmphex(rd16(qts, &second, 2), ==, 0x4006);
    qtest_quit(qts);
}

static void test_autoinit(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");

    program(qts, &first, 1, SINGLE | VERIFY | AUTOINIT, 0x02, 0x1000, 99);
    request(qts, &first, 1);
    g_assert_cmphex(rd(qts, &first, STATUS) & 15, ==, 1 << 1);
    g_assert_cmphex(rd16(qts, &first, 2), ==, 0x1000);
    g_assert_cmphex(rd16(qts, &first, 3), ==, 99);
    g_assert_cmphex(rd(qts, &first, ALL_MASK) & 2, ==, 0); /* stays unmasked */
    qtest_quit(qts);
}

static void test_verify_and_read(void)
{
    static const uint8_t modes[] = { BLOCK | VERIFY, BLOCK | READ };
    QTest *qts = qtest_start("-machine pc -nodefaults");

    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        qtest_writeq(qts, 0x20000, UINT64_C(0x1122334455667788));
        program(qts, &first, 1, modes[i], 0x02, 0x0000, 7);
        request(qts, &first, 1);
        g_assert_cmphex(rd(qts, &first, STATUS), ==, 1 << 1);
        g_assert_cmphex(rd16(qts, &first, 2), ==, 8);
        g_assert_cmphex(qtest_readq(qts, 0x20000), ==, UINT64_C(0x1122334455667788));
    }
    qtest_quit(qts);
}

/* A masked channel, a disabled controller and a cascade channel do not run. */
static void test_held_back(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults");

    program(qts, &first, 1, BLOCK | VERIFY, 0x02, 0x0000, 7);
    wr(qts, &first, REQUEST, REQUEST_SET | 1);
    g_assert_cmphex(rd(qts, &first, STATUS), ==, 1 << 5); /* requested, not served */
    wr(qts, &first, COMMAND, COMMAND_DISABLE);
    wr(qts, &first, SINGLE_MASK, 1);
    g_assert_cmphex(rd(qts, &first, STATUS), ==, 1 << 5);
    wr(qts, &first, COMMAND, 0);
    g_assert_cmphex(rd(qts, &first, STATUS), ==, 1 << 1);

    program(qts, &second, 0, CASCADE, 0x02, 0x0000, 7);
    request(qts, &second, 0);
    g_assert_cmphex(rd(qts, &second, STATUS), ==, 1 << 4);
    wr(qts, &second, REQUEST, 0); /* takes it back */
    g_assert_cmphex(rd(qts, &second, STATUS), ==, 0);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8257/registers", test_registers);
    g_test_add_func("/i8257/write", test_write_transfer);
    g_test_add_func("/i8257/wrap", test_wrap);
    g_test_add_func("/i8257/decrement", test_decrement);
    g_test_add_func("/i8257/words", test_words);
    g_test_add_func("/i8257/autoinit", test_autoinit);
    g_test_add_func("/i8257/verify-and-read", test_verify_and_read);
    g_test_add_func("/i8257/held-back", test_held_back);
    return g_test_run();
}
