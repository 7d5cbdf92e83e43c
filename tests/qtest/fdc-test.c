/*
 * The 82078 floppy disk controller, by its data sheet (290474). The first
 * tests hold on QEMU too; in the rest it departs from the data sheet (head bit
 * and SE in ST0, SPECIFY's nibbles, MSR in reset, no terminal count in PIO).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "tests/lib/tmp.h"
#include "tests/qtest/libqtest.h"

enum { SRB = 0x3f1, DOR, TDR, MSR, FIFO, INPUT = 0x3f7, CCR = INPUT, DSR = MSR };
enum { CMDBSY = 0x10, NONDMA = 0x20, DIO = 0x40, RQM = 0x80 };
enum { ST0_ABNORMAL = 0x40, ST0_SE = 0x20, ST1_EN = 0x80, ST1_ND = 0x04, ST1_NW = 0x02,
       ST1_MA = 0x01, ST2_WC = 0x10, ST2_SH = 0x08, ST2_SN = 0x04 };
enum { SECTOR = 512, SECS = 18, CYLS = 80, HEADS = 2, BUFFER = 0x80000, IRQ6 = 6 };
enum { MT = 0x80, MFM = 0x40, READ = 0x46, WRITE = 0x45, FORMAT = 0x4d, READ_ID = 0x4a };

typedef struct Fdc {
    QTest *qts;
    const char *path;
} Fdc;

static unsigned lba(unsigned cyl, unsigned head, unsigned sec)
{
    return (cyl * HEADS + head) * SECS + sec - 1;
}

/* Each sector begins with its number. */
static uint8_t pattern(unsigned sector, unsigned i)
{
    return i < 2 ? sector >> (8 * i) : sector + 3 * i;
}

static const char *make_floppy(void)
{
    size_t size = SECS * CYLS * HEADS * SECTOR;
    g_autofree uint8_t *data = g_malloc(size);
    const char *path;
    int fd = tmp_file(&path);

    for (size_t i = 0; i < size; i++) {
        data[i] = pattern(i / SECTOR, i % SECTOR);
    }
    g_assert_cmpint(write(fd, data, size), ==, size);
    close(fd);
    return path;
}

static void wait_irq(Fdc *f)
{
    for (int i = 0; i < 50000; i++) {
        if (qtest_get_irq(f->qts, IRQ6)) {
            return;
        }
        qtest_inb(f->qts, MSR);
    }
    g_error("no interrupt");
}

static void send(Fdc *f, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_assert_cmphex(qtest_inb(f->qts, MSR) & (RQM | DIO), ==, RQM);
        qtest_outb(f->qts, FIFO, bytes[i]);
    }
}

static void results(Fdc *f, uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_assert_cmphex(qtest_inb(f->qts, MSR) & (RQM | DIO | CMDBSY), ==, RQM | DIO | CMDBSY);
        bytes[i] = qtest_inb(f->qts, FIFO);
    }
    g_assert_cmphex(qtest_inb(f->qts, MSR) & (RQM | DIO | CMDBSY), ==, RQM);
}

#define SEND(f, ...)                                                           \
    do {                                                                       \
        const uint8_t bytes_[] = { __VA_ARGS__ };                              \
        send(f, bytes_, sizeof(bytes_));                                       \
    } while (0)

static void assert_results(Fdc *f, const uint8_t *expected, size_t n)
{
    uint8_t got[16];

    results(f, got, n);
    for (size_t i = 0; i < n; i++) {
        g_test_message("result %zu: 0x%02x, expected 0x%02x", i, got[i], expected[i]);
    }
    g_assert_cmpmem(got, n, expected, n);
}

#define ASSERT_RESULTS(f, ...)                                                 \
    do {                                                                       \
        const uint8_t expected_[] = { __VA_ARGS__ };                           \
        assert_results(f, expected_, sizeof(expected_));                       \
    } while (0)

static void sense(Fdc *f, uint8_t st0, uint8_t cyl)
{
    SEND(f, 0x08);
    ASSERT_RESULTS(f, st0, cyl);
}

static void reset(Fdc *f)
{
    qtest_outb(f->qts, DOR, 0x00);
    qtest_outb(f->qts, DOR, 0x1c); /* drive A with its motor, DMA and interrupts on */
    wait_irq(f);
    for (int i = 0; i < 4; i++) {
        uint8_t got[2];
        SEND(f, 0x08);
        results(f, got, 2);
        g_assert_cmphex(got[0], ==, 0xc0 | i);
    }
    SEND(f, 0x03, 0xaf, 0x02);     /* SPECIFY, DMA */
    qtest_outb(f->qts, CCR, 0);    /* 500 kb/s */
}

static Fdc fdc_start(const char *drive)
{
    Fdc f = { .path = make_floppy() };

    f.qts = qtest_start("-machine pc -nodefaults -vga none -drive if=floppy,index=0,format=raw,"
                        "file=%s%s", f.path, drive);
    qtest_irq_intercept_in(f.qts, "ioapic");
    reset(&f);
    return f;
}

static void fdc_stop(Fdc *f)
{
    qtest_quit(f->qts);
}

static void seek(Fdc *f, uint8_t cyl, uint8_t head)
{
    SEND(f, 0x0f, head << 2, cyl);
    wait_irq(f);
    sense(f, ST0_SE | head << 2, cyl);
}

/* Channel 2 moves len bytes between the drive and BUFFER. */
static void setup_dma(Fdc *f, bool to_memory, unsigned len)
{
    QTest *q = f->qts;

    qtest_outb(q, 0x0a, 0x06);
    qtest_outb(q, 0x0c, 0);
    qtest_outb(q, 0x0b, to_memory ? 0x46 : 0x4a);
    qtest_outb(q, 0x04, BUFFER & 0xff);
    qtest_outb(q, 0x04, BUFFER >> 8 & 0xff);
    qtest_outb(q, 0x81, BUFFER >> 16);
    qtest_outb(q, 0x05, len - 1);
    qtest_outb(q, 0x05, (len - 1) >> 8);
    qtest_outb(q, 0x0a, 0x02);
}

static void assert_memory(Fdc *f, unsigned sector, unsigned count)
{
    g_autofree uint8_t *buf = g_malloc(count * SECTOR);

    qtest_memread(f->qts, BUFFER, buf, count * SECTOR);
    for (unsigned i = 0; i < count * SECTOR; i++) {
        if (buf[i] != pattern(sector + i / SECTOR, i % SECTOR)) {
            g_error("sector %u byte %u differs", sector + i / SECTOR, i % SECTOR);
        }
    }
}

static void assert_file(Fdc *f, unsigned sector, const void *expected, size_t len)
{
    g_autofree uint8_t *buf = g_malloc(len);
    int fd = open(f->path, O_RDONLY);

    g_assert_cmpint(pread(fd, buf, len, sector * SECTOR), ==, len);
    close(fd);
    g_assert_cmpmem(buf, len, expected, len);
}

static void transfer(Fdc *f, uint8_t command, uint8_t cyl, uint8_t head, uint8_t sec, uint8_t eot)
{
    SEND(f, command, head << 2, cyl, head, sec, 2, eot, 0x1b, 0xff);
}

/* --- registers and commands without data ---------------------------------- */

static void test_reset(void)
{
    Fdc f = fdc_start("");

    SEND(&f, 0x10);
    ASSERT_RESULTS(&f, 0x90);
    qtest_outb(f.qts, DOR, 0x00);
    g_assert_cmphex(qtest_inb(f.qts, MSR) & RQM, ==, 0);
    qtest_outb(f.qts, DOR, 0x1c);
    wait_irq(&f);
    sense(&f, 0xc0, 0);
    g_assert_false(qtest_get_irq(f.qts, IRQ6));
    sense(&f, 0xc1, 0);
    sense(&f, 0xc2, 0);
    sense(&f, 0xc3, 0);
    SEND(&f, 0x08);          /* nothing left to sense: invalid */
    ASSERT_RESULTS(&f, 0x80);
    SEND(&f, 0xbf);
    ASSERT_RESULTS(&f, 0x80);
    fdc_stop(&f);
}

static void test_seek(void)
{
    Fdc f = fdc_start("");

    seek(&f, 40, 0);
    seek(&f, 7, 1);
    SEND(&f, 0x04, 0);       /* SENSE DRIVE STATUS: ready, two sides, not at track 0 */
    ASSERT_RESULTS(&f, 0x28);
    SEND(&f, 0x07, 0);
    wait_irq(&f);
    sense(&f, ST0_SE, 0);
    SEND(&f, 0x04, 0);
    ASSERT_RESULTS(&f, 0x38);
    SEND(&f, 0xcf, 0, 5);    /* RELATIVE SEEK in, then out */
    wait_irq(&f);
    sense(&f, ST0_SE, 5);
    SEND(&f, 0x8f, 0, 2);
    wait_irq(&f);
    sense(&f, ST0_SE, 3);
    fdc_stop(&f);
}

/* The disk change line is set after power-on, and cleared by a step. */
static void test_disk_change(void)
{
    Fdc f = fdc_start("");

    g_assert_cmphex(qtest_inb(f.qts, INPUT) & 0x80, ==, 0x80);
    seek(&f, 0, 0);          /* no step */
    g_assert_cmphex(qtest_inb(f.qts, INPUT) & 0x80, ==, 0x80);
    seek(&f, 1, 0);
    g_assert_cmphex(qtest_inb(f.qts, INPUT) & 0x80, ==, 0);
    fdc_stop(&f);
}

static void test_settings(void)
{
    Fdc f = fdc_start("");
    uint8_t dump[10];

    SEND(&f, 0x13, 0, 0x57, 0x11); /* CONFIGURE: implied seek, no polling */
    seek(&f, 12, 0);
    SEND(&f, 0x94);                /* LOCK */
    ASSERT_RESULTS(&f, 0x10);
    SEND(&f, 0x0e);
    results(&f, dump, 10);
    g_assert_cmpuint(dump[0], ==, 12);
    g_assert_cmphex(dump[4], ==, 0xaf);
    g_assert_cmphex(dump[5], ==, 0x02);
    g_assert_cmphex(dump[7] & 0x80, ==, 0x80);
    g_assert_cmphex(dump[8], ==, 0x57);
    g_assert_cmphex(dump[9], ==, 0x11);
    qtest_outb(f.qts, DSR, 0x80);  /* a software reset leaves what is locked */
    SEND(&f, 0x0e);
    results(&f, dump, 10);
    g_assert_cmphex(dump[8], ==, 0x57);
    SEND(&f, 0x14);
    ASSERT_RESULTS(&f, 0x00);
    fdc_stop(&f);
}

static void test_read_id(void)
{
    Fdc f = fdc_start("");
    uint8_t got[7];

    seek(&f, 9, 1);
    SEND(&f, READ_ID, 4);
    qtest_clock_step(f.qts, 100000000);
    wait_irq(&f);
    results(&f, got, 7);
    g_assert_cmphex(got[0] & 0xc4, ==, 4);
    g_assert_cmphex(got[1], ==, 0);
    g_assert_cmpuint(got[3], ==, 9);
    g_assert_cmpuint(got[4], ==, 1);
    g_assert_cmpuint(got[6], ==, 2);
    fdc_stop(&f);
}

/* --- DMA ------------------------------------------------------------------ */

static void test_read(void)
{
    Fdc f = fdc_start("");

    seek(&f, 5, 0);
    setup_dma(&f, true, SECTOR);
    transfer(&f, READ, 5, 0, 3, SECS);
    wait_irq(&f);
    ASSERT_RESULTS(&f, 0, 0, 0, 5, 0, 4, 2);
    assert_memory(&f, lba(5, 0, 3), 1);
    setup_dma(&f, true, 7 * SECTOR);
    transfer(&f, READ, 5, 1, 12, SECS); /* to the last sector of the track */
    wait_irq(&f);
    ASSERT_RESULTS(&f, 4, 0, 0, 6, 1, 1, 2);
    assert_memory(&f, lba(5, 1, 12), 7);
    fdc_stop(&f);
}

/* MT: from head 0 on to head 1 of the same cylinder. */
static void test_multi_track(void)
{
    Fdc f = fdc_start("");

    seek(&f, 2, 0);
    setup_dma(&f, true, 2 * SECS * SECTOR);
    transfer(&f, READ | MT, 2, 0, 1, SECS);
    wait_irq(&f);
    uint8_t got[7];
    results(&f, got, 7);
    g_assert_cmphex(got[0] & 0xc0, ==, 0);
    g_assert_cmphex(got[1], ==, 0);
    assert_memory(&f, lba(2, 0, 1), 2 * SECS);
    g_assert_cmpuint(got[3], ==, 3);
    g_assert_cmpuint(got[4], ==, 0);
    g_assert_cmpuint(got[5], ==, 1);
    fdc_stop(&f);
}

static void test_write(void)
{
    Fdc f = fdc_start("");
    uint8_t data[4 * SECTOR], got[7];

    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = 5 * i + 2;
    }
    qtest_memwrite(f.qts, BUFFER, data, sizeof(data));
    seek(&f, 11, 1);
    setup_dma(&f, false, sizeof(data));
    transfer(&f, WRITE, 11, 1, 6, SECS);
    wait_irq(&f);
    results(&f, got, 7);
    g_assert_cmphex(got[0] & 0xc0, ==, 0);
    g_assert_cmpuint(got[5], ==, 10);
    fdc_stop(&f);
    assert_file(&f, lba(11, 1, 6), data, sizeof(data));
}

static void test_write_protected(void)
{
    Fdc f = fdc_start(",readonly=on");
    uint8_t got[7];

    seek(&f, 1, 0);
    setup_dma(&f, false, SECTOR);
    transfer(&f, WRITE, 1, 0, 1, SECS);
    wait_irq(&f);
    results(&f, got, 7);
    g_assert_cmphex(got[0] & 0xc0, ==, ST0_ABNORMAL);
    g_assert_cmphex(got[1], ==, ST1_NW);
    SEND(&f, 0x04, 0);
    results(&f, got, 1);
    g_assert_cmphex(got[0] & 0x40, ==, 0x40);
    fdc_stop(&f);
}

static void test_format(void)
{
    Fdc f = fdc_start("");
    uint8_t ids[SECS * 4], got[7], expected[SECS * SECTOR];

    for (int i = 0; i < SECS; i++) {
        ids[4 * i] = 20;
        ids[4 * i + 1] = 1;
        ids[4 * i + 2] = i + 1;
        ids[4 * i + 3] = 2;
    }
    qtest_memwrite(f.qts, BUFFER, ids, sizeof(ids));
    seek(&f, 20, 1);
    setup_dma(&f, false, sizeof(ids));
    SEND(&f, FORMAT, 4, 2, SECS, 0x50, 0xf6);
    wait_irq(&f);
    results(&f, got, 7);
    g_assert_cmphex(got[0] & 0xc0, ==, 0);
    g_assert_cmphex(got[1], ==, 0);
    memset(expected, 0xf6, sizeof(expected));
    assert_file(&f, lba(20, 1, 1), expected, sizeof(expected));
    g_assert_cmpuint(pattern(lba(20, 0, SECS), 5), !=, 0xf6);
    setup_dma(&f, true, SECTOR);
    transfer(&f, READ, 20, 0, SECS, SECS); /* the other side is as it was */
    wait_irq(&f);
    results(&f, got, 7);
    assert_memory(&f, lba(20, 0, SECS), 1);
    fdc_stop(&f);
}

/* Without a terminal count the transfer runs into the end of the cylinder. */
static void test_end_of_cylinder(void)
{
    Fdc f = fdc_start("");

    seek(&f, 3, 0);
    setup_dma(&f, true, 4 * SECTOR);
    transfer(&f, READ, 3, 0, 17, SECS);
    wait_irq(&f);
    ASSERT_RESULTS(&f, ST0_ABNORMAL, ST1_EN, 0, 4, 0, 1, 2);
    assert_memory(&f, lba(3, 0, 17), 2);
    fdc_stop(&f);
}

static void expect_failure(Fdc *f, uint8_t st1, uint8_t st2)
{
    uint8_t got[7];

    wait_irq(f);
    results(f, got, 7);
    g_assert_cmphex(got[0] & 0xc0, ==, ST0_ABNORMAL);
    g_assert_cmphex(got[1], ==, st1);
    g_assert_cmphex(got[2], ==, st2);
}

static void test_errors(void)
{
    Fdc f = fdc_start("");

    seek(&f, 3, 0);
    transfer(&f, READ, 4, 0, 1, SECS);       /* the heads are elsewhere */
    expect_failure(&f, ST1_ND, ST2_WC);
    transfer(&f, READ, 3, 0, SECS + 1, SECS);
    expect_failure(&f, ST1_ND, 0);
    SEND(&f, READ, 0, 3, 0, 1, 3, SECS, 0x1b, 0xff); /* sectors of 1024 bytes */
    expect_failure(&f, ST1_ND, 0);
    qtest_outb(f.qts, CCR, 2);
    transfer(&f, READ, 3, 0, 1, SECS);       /* 250 kb/s finds no address mark */
    expect_failure(&f, ST1_MA, 0);
    SEND(&f, READ_ID, 0);
    expect_failure(&f, ST1_MA, 0);
    SEND(&f, 0x07, 1);                       /* there is no drive B */
    wait_irq(&f);
    sense(&f, 0x71, 0);
    fdc_stop(&f);
}

static void test_implied_seek(void)
{
    Fdc f = fdc_start("");

    SEND(&f, 0x13, 0, 0x60, 0);
    setup_dma(&f, true, SECTOR);
    transfer(&f, READ, 33, 1, 9, SECS);
    wait_irq(&f);
    ASSERT_RESULTS(&f, 4, 0, 0, 33, 1, 10, 2);
    assert_memory(&f, lba(33, 1, 9), 1);
    fdc_stop(&f);
}

/* MT with an EOT before the track's end skips the rest of the first side. */
static void test_multi_track_gap(void)
{
    Fdc f = fdc_start("");
    uint8_t got[7], buf[8 * SECTOR];

    seek(&f, 2, 0);
    setup_dma(&f, true, sizeof(buf));
    transfer(&f, READ | MT, 2, 0, 3, 5);
    wait_irq(&f);
    results(&f, got, 7);
    g_assert_cmphex(got[0] & 0xc0, ==, 0);
    qtest_memread(f.qts, BUFFER, buf, sizeof(buf));
    g_assert_cmphex(buf[3 * SECTOR] | buf[3 * SECTOR + 1] << 8, ==, lba(2, 1, 1));
    g_assert_cmphex(buf[7 * SECTOR] | buf[7 * SECTOR + 1] << 8, ==, lba(2, 1, 5));
    fdc_stop(&f);
}

static void test_verify(void)
{
    Fdc f = fdc_start("");

    seek(&f, 6, 0);
    SEND(&f, 0x56, 0x80, 6, 0, 2, 2, SECS, 0x1b, 3); /* EC: three sectors */
    wait_irq(&f);
    ASSERT_RESULTS(&f, 0, 0, 0, 6, 0, 5, 2);
    fdc_stop(&f);
}

static void test_scan(void)
{
    Fdc f = fdc_start("");
    uint8_t data[3 * SECTOR], got[7];

    for (unsigned i = 0; i < sizeof(data); i++) { /* the second of three is equal */
        data[i] = pattern(lba(8, 0, 5), i % SECTOR) + (i / SECTOR == 1 ? 0 : 1);
    }
    qtest_memwrite(f.qts, BUFFER, data, sizeof(data));
    seek(&f, 8, 0);
    setup_dma(&f, false, sizeof(data));
    SEND(&f, 0x51, 0, 8, 0, 4, 2, SECS, 0x1b, 1);
    wait_irq(&f);
    results(&f, got, 7);
    g_assert_cmphex(got[0] & 0xc0, ==, 0);
    g_assert_cmphex(got[2], ==, ST2_SH);
    g_assert_cmpuint(got[5], ==, 6);
    setup_dma(&f, false, SECTOR);
    SEND(&f, 0x51, 0, 8, 0, 9, 2, SECS, 0x1b, 1);
    wait_irq(&f);
    results(&f, got, 7);
    g_assert_cmphex(got[2], ==, ST2_SN);
    fdc_stop(&f);
}

/* --- without DMA ---------------------------------------------------------- */

/* Non-DMA mode has no terminal count: it ends at EOT, with EN. */
static void test_pio(void)
{
    Fdc f = fdc_start("");
    uint8_t buf[2 * SECTOR], got[7];

    SEND(&f, 0x03, 0xaf, 0x03);
    seek(&f, 4, 0);
    transfer(&f, READ, 4, 0, 7, 8);
    wait_irq(&f);
    for (unsigned i = 0; i < sizeof(buf); i++) {
        g_assert_cmphex(qtest_inb(f.qts, MSR), ==, RQM | DIO | NONDMA | CMDBSY);
        buf[i] = qtest_inb(f.qts, FIFO);
        g_assert_cmphex(buf[i], ==, pattern(lba(4, 0, 7 + i / SECTOR), i % SECTOR));
    }
    wait_irq(&f);
    results(&f, got, 7);
    g_assert_cmphex(got[0] & 0xc0, ==, ST0_ABNORMAL);
    g_assert_cmphex(got[1], ==, ST1_EN);
    transfer(&f, WRITE, 4, 0, 9, 9);
    wait_irq(&f);
    for (unsigned i = 0; i < SECTOR; i++) {
        g_assert_cmphex(qtest_inb(f.qts, MSR), ==, RQM | NONDMA | CMDBSY);
        qtest_outb(f.qts, FIFO, i ^ 0x33);
        buf[i] = i ^ 0x33;
    }
    wait_irq(&f);
    results(&f, got, 7);
    fdc_stop(&f);
    assert_file(&f, lba(4, 0, 9), buf, SECTOR);
}

/* A reset in the middle of the data leaves nothing behind. */
static void test_reset_in_transfer(void)
{
    Fdc f = fdc_start("");

    SEND(&f, 0x03, 0xaf, 0x03);
    seek(&f, 4, 0);
    transfer(&f, READ, 4, 0, 7, 8);
    wait_irq(&f);
    qtest_inb(f.qts, FIFO);
    reset(&f);
    seek(&f, 5, 0);
    setup_dma(&f, true, SECTOR);
    transfer(&f, READ, 5, 0, 1, SECS);
    wait_irq(&f);
    ASSERT_RESULTS(&f, 0, 0, 0, 5, 0, 2, 2);
    assert_memory(&f, lba(5, 0, 1), 1);
    fdc_stop(&f);
}

/* --- drive types ---------------------------------------------------------- */

static uint8_t cmos_floppy_types(const char *args)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -vga none %s", args);

    qtest_outb(qts, 0x70, 0x10);
    uint8_t val = qtest_inb(qts, 0x71);
    qtest_quit(qts);
    return val;
}

static void test_cmos_types(void)
{
    static const struct {
        unsigned kib;
        uint8_t code;
    } sizes[] = { { 1440, 4 }, { 2880, 5 }, { 1200, 2 } };

    g_assert_cmphex(cmos_floppy_types(""), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        const char *path = make_floppy();
        g_assert_cmpint(truncate(path, sizes[i].kib * 1024), ==, 0);
        g_autofree char *args = g_strdup_printf("-drive if=floppy,format=raw,file=%s", path);
        g_assert_cmphex(cmos_floppy_types(args), ==, sizes[i].code << 4);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fdc/disk-change", test_disk_change);
    g_test_add_func("/fdc/multi-track", test_multi_track);
    g_test_add_func("/fdc/write-protected", test_write_protected);
    g_test_add_func("/fdc/cmos-types", test_cmos_types);
    g_test_add_func("/fdc/reset", test_reset);
    g_test_add_func("/fdc/seek", test_seek);
    g_test_add_func("/fdc/settings", test_settings);
    g_test_add_func("/fdc/read-id", test_read_id);
    g_test_add_func("/fdc/read", test_read);
    g_test_add_func("/fdc/write", test_write);
    g_test_add_func("/fdc/format", test_format);
    g_test_add_func("/fdc/end-of-cylinder", test_end_of_cylinder);
    g_test_add_func("/fdc/errors", test_errors);
    g_test_add_func("/fdc/implied-seek", test_implied_seek);
    g_test_add_func("/fdc/multi-track-gap", test_multi_track_gap);
    g_test_add_func("/fdc/verify", test_verify);
    g_test_add_func("/fdc/scan", test_scan);
    g_test_add_func("/fdc/pio", test_pio);
    g_test_add_func("/fdc/reset-in-transfer", test_reset_in_transfer);
    return g_test_run();
}
