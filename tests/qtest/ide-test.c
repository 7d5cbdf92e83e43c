/*
 * PIIX3 IDE, ATA disks and ATAPI CD drives, by ATA/ATAPI-6, MMC-4 and the
 * bus-master IDE interface 1.0. Runs on QEMU too; what both need not agree on
 * (SET MAX, UNC against ABRT ...) stands in tests that only Doppel runs.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "tests/qtest/libqtest.h"

enum { DATA, FEATURE, COUNT, LBA_LOW, LBA_MID, LBA_HIGH, DEVICE, STATUS, ERROR = FEATURE,
       COMMAND = STATUS };
enum { PRIMARY = 0x1f0, SECONDARY = 0x170, CONTROL = 0x206 };
enum { BSY = 0x80, DRDY = 0x40, DF = 0x20, DSC = 0x10, DRQ = 0x08, ERR = 0x01 };
enum { ABRT = 0x04, IDNF = 0x10 };
enum { NIEN = 0x02, SRST = 0x04, HOB = 0x80 };
enum { LBA = 0xe0, DEV1 = 0x10 };
enum { BMBASE = 0xc000, BM_CMD = 0, BM_STATUS = 2, BM_PRD = 4 };
enum { BM_START = 1, BM_TO_MEMORY = 8, BM_ACTIVE = 1, BM_ERROR = 2, BM_INTR = 4 };
enum { PRD = 0x100000, BUFFER = 0x200000 };
enum { DISK_SIZE = 64 << 20, SECTOR = 512, CD_SECTOR = 2048, IRQ14 = 14, IRQ15 = 15 };
#define PRD_EOT 0x80000000u

typedef struct Ide {
    QTest *qts;
    char *path;
    uint16_t base;
    unsigned irq;
} Ide;

/* --- helpers -------------------------------------------------------------- */

static bool on_qemu(void)
{
    return strstr(g_getenv("QTEST_BINARY"), "qemu-system") != NULL;
}

static uint8_t pattern(uint64_t offset)
{
    return offset / SECTOR * 7 + offset;
}

static char *make_image(size_t size, size_t filled)
{
    g_autofree uint8_t *data = g_malloc(filled + 1);
    char *path;
    int fd = g_file_open_tmp("doppel-ide-XXXXXX", &path, NULL);

    for (size_t i = 0; i < filled; i++) {
        data[i] = pattern(i);
    }
    g_assert_cmpint(write(fd, data, filled), ==, filled);
    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    close(fd);
    return path;
}

static uint32_t pci_address(unsigned reg)
{
    return 0x80000000u | 1 << 11 | 1 << 8 | reg; /* 00:01.1 */
}

static void pci_write(QTest *qts, unsigned reg, uint32_t val)
{
    qtest_outl(qts, 0xcf8, pci_address(reg));
    qtest_outl(qts, 0xcfc, val);
}

static uint32_t pci_read(QTest *qts, unsigned reg)
{
    qtest_outl(qts, 0xcf8, pci_address(reg));
    return qtest_inl(qts, 0xcfc);
}

static Ide ide_start(size_t size, size_t filled, const char *drive, const char *more)
{
    Ide ide = { .base = PRIMARY, .irq = IRQ14 };

    ide.path = make_image(size, filled);
    ide.qts = qtest_start("-machine pc -nodefaults -vga none -drive file=%s,format=raw,%s %s",
                          ide.path, drive, more);
    qtest_irq_intercept_in(ide.qts, "ioapic");
    pci_write(ide.qts, 0x20, BMBASE);
    pci_write(ide.qts, 0x04, 5); /* I/O, bus master */
    return ide;
}

static Ide disk_start(const char *more)
{
    g_autofree char *device = g_strdup_printf(
        "-device ide-hd,drive=d0,bus=ide.0,unit=0,serial=testdisk %s", more);
    return ide_start(DISK_SIZE, 4 << 20, "if=none,id=d0", device);
}

static void ide_stop(Ide *ide)
{
    qtest_quit(ide->qts);
    g_unlink(ide->path);
    g_free(ide->path);
}

static uint8_t in(Ide *ide, unsigned reg)
{
    return qtest_inb(ide->qts, ide->base + reg);
}

static void out(Ide *ide, unsigned reg, uint8_t val)
{
    qtest_outb(ide->qts, ide->base + reg, val);
}

/* A request completes on another thread: polls until the drive is not busy. */
static uint8_t wait_idle(Ide *ide)
{
    uint8_t status;

    for (int i = 0; i < 50000; i++) {
        status = in(ide, CONTROL);
        if (!(status & BSY)) {
            return status;
        }
    }
    g_error("the drive stays busy");
}

static void wait_irq(Ide *ide)
{
    for (int i = 0; i < 50000; i++) {
        if (qtest_get_irq(ide->qts, ide->irq)) {
            return;
        }
        in(ide, CONTROL);
    }
    g_error("no interrupt");
}

/* Waits for the interrupt and takes it. */
static uint8_t take_irq(Ide *ide)
{
    wait_irq(ide);
    uint8_t status = in(ide, STATUS);
    g_assert_false(qtest_get_irq(ide->qts, ide->irq));
    return status;
}

static void set_lba28(Ide *ide, uint32_t lba, uint8_t count)
{
    out(ide, DEVICE, LBA | lba >> 24);
    out(ide, COUNT, count);
    out(ide, LBA_LOW, lba);
    out(ide, LBA_MID, lba >> 8);
    out(ide, LBA_HIGH, lba >> 16);
}

static void set_lba48(Ide *ide, uint64_t lba, uint16_t count)
{
    out(ide, DEVICE, LBA);
    out(ide, COUNT, count >> 8);
    out(ide, LBA_LOW, lba >> 24);
    out(ide, LBA_MID, lba >> 32);
    out(ide, LBA_HIGH, lba >> 40);
    out(ide, COUNT, count);
    out(ide, LBA_LOW, lba);
    out(ide, LBA_MID, lba >> 8);
    out(ide, LBA_HIGH, lba >> 16);
}

static void read_words(Ide *ide, void *buf, size_t len)
{
    uint16_t *p = buf;
    for (size_t i = 0; i < len / 2; i++) {
        p[i] = qtest_inw(ide->qts, ide->base);
    }
}

static void write_words(Ide *ide, const void *buf, size_t len)
{
    const uint16_t *p = buf;
    for (size_t i = 0; i < len / 2; i++) {
        qtest_outw(ide->qts, ide->base, p[i]);
    }
}

static void assert_pattern(const uint8_t *buf, uint64_t offset, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (buf[i] != pattern(offset + i)) {
            g_error("byte %zu of %" PRIu64 " is 0x%02x, not 0x%02x", i, offset, buf[i],
                    pattern(offset + i));
        }
    }
}

static void assert_file(Ide *ide, uint64_t offset, const void *expected, size_t len)
{
    g_autofree uint8_t *buf = g_malloc(len);
    int fd = open(ide->path, O_RDONLY);

    g_assert_cmpint(pread(fd, buf, len, offset), ==, len);
    close(fd);
    g_assert_cmpmem(buf, len, expected, len);
}

static void assert_fails(Ide *ide, uint8_t command, uint8_t error)
{
    out(ide, COMMAND, command);
    uint8_t status = take_irq(ide);
    g_assert_cmphex(status & (BSY | DRQ | ERR), ==, ERR);
    g_assert_cmphex(in(ide, ERROR), ==, error);
}

static void assert_completes(Ide *ide, uint8_t command)
{
    out(ide, COMMAND, command);
    g_assert_cmphex(take_irq(ide) & ~DSC, ==, DRDY); /* QEMU leaves DSC out of some */
}

/* --- identification, registers, reset ------------------------------------- */

static void identify(Ide *ide, uint8_t command, uint16_t *id)
{
    out(ide, DEVICE, 0);
    out(ide, COMMAND, command);
    g_assert_cmphex(take_irq(ide), ==, DRDY | DSC | DRQ);
    read_words(ide, id, SECTOR);
    g_assert_cmphex(wait_idle(ide), ==, DRDY | DSC);
}

static char *id_text(const uint16_t *id, unsigned word, unsigned words)
{
    GString *s = g_string_new(NULL);
    for (unsigned i = 0; i < words; i++) {
        g_string_append_c(s, id[word + i] >> 8);
        g_string_append_c(s, id[word + i]);
    }
    return g_strchomp(g_string_free(s, FALSE));
}

static void assert_id_text(const uint16_t *id, unsigned word, unsigned words, const char *text)
{
    g_autofree char *got = id_text(id, word, words);
    g_assert_cmpstr(got, ==, text);
}

static void test_identify(void)
{
    Ide ide = disk_start("");
    uint16_t id[256];

    identify(&ide, 0xec, id);
    g_assert_cmphex(id[0], ==, 0x0040);
    assert_id_text(id, 10, 10, "testdisk");
    assert_id_text(id, 23, 4, "2.5+");
    assert_id_text(id, 27, 20, "QEMU HARDDISK");
    g_assert_cmpuint(id[1], ==, DISK_SIZE / SECTOR / 16 / 63);
    g_assert_cmpuint(id[3], ==, 16);
    g_assert_cmpuint(id[6], ==, 63);
    g_assert_cmphex(id[49] & 0x0300, ==, 0x0300);                   /* LBA, DMA */
    g_assert_cmpuint(id[60] | id[61] << 16, ==, DISK_SIZE / SECTOR);
    g_assert_cmphex(id[83] & 0xf400, ==, 0x7400);                   /* LBA48, FLUSH */
    g_assert_cmphex(id[85] & 0x20, ==, 0x20);                       /* write cache on */
    g_assert_cmpuint(id[100] | id[101] << 16, ==, DISK_SIZE / SECTOR);
    ide_stop(&ide);
}

static void test_default_serials(void)
{
    Ide ide = ide_start(DISK_SIZE, 0, "if=ide,index=3", "");
    uint16_t id[256];

    ide.base = SECONDARY;
    out(&ide, DEVICE, DEV1);
    out(&ide, COMMAND, 0xec);
    wait_idle(&ide);
    read_words(&ide, id, SECTOR);
    assert_id_text(id, 10, 10, "QM00004");
    ide_stop(&ide);
}

/* Drive 0 answers for the absent drive 1 with status 0; an empty channel reads 0. */
static void test_absent(void)
{
    Ide ide = disk_start("");

    out(&ide, DEVICE, DEV1);
    g_assert_cmphex(in(&ide, STATUS), ==, 0);
    g_assert_cmphex(in(&ide, CONTROL), ==, 0);
    out(&ide, COMMAND, 0xec);
    g_assert_cmphex(in(&ide, STATUS), ==, 0);
    out(&ide, DEVICE, 0);
    g_assert_cmphex(in(&ide, STATUS), ==, DRDY | DSC);
    ide.base = SECONDARY;
    g_assert_cmphex(in(&ide, STATUS), ==, 0);
    out(&ide, COMMAND, 0xe7);
    g_assert_cmphex(in(&ide, STATUS), ==, 0);
    ide_stop(&ide);
}

static void test_software_reset(void)
{
    Ide ide = disk_start("");

    set_lba28(&ide, 0x123456, 9);
    out(&ide, CONTROL, SRST);
    out(&ide, CONTROL, 0);
    g_assert_cmphex(wait_idle(&ide), ==, DRDY | DSC);
    g_assert_cmphex(in(&ide, ERROR), ==, 1);
    g_assert_cmphex(in(&ide, COUNT), ==, 1);
    g_assert_cmphex(in(&ide, LBA_LOW), ==, 1);
    g_assert_cmphex(in(&ide, LBA_MID), ==, 0);
    g_assert_cmphex(in(&ide, LBA_HIGH), ==, 0);
    g_assert_true(on_qemu() || !qtest_get_irq(ide.qts, IRQ14)); /* QEMU gives one */
    ide_stop(&ide);
}

/* SRST while a transfer is in the middle of its data. */
static void test_reset_in_transfer(void)
{
    Ide ide = disk_start("");
    uint8_t buf[SECTOR];

    set_lba28(&ide, 5, 4);
    out(&ide, COMMAND, 0x20);
    take_irq(&ide);
    read_words(&ide, buf, 100);
    out(&ide, CONTROL, SRST);
    out(&ide, CONTROL, 0);
    g_assert_cmphex(wait_idle(&ide), ==, DRDY | DSC);
    set_lba28(&ide, 6, 1);
    out(&ide, COMMAND, 0x20);
    take_irq(&ide);
    read_words(&ide, buf, SECTOR);
    assert_pattern(buf, 6 * SECTOR, SECTOR);
    ide_stop(&ide);
}

static void test_diagnostic(void)
{
    Ide ide = disk_start("");

    out(&ide, COMMAND, 0x90);
    g_assert_cmphex(take_irq(&ide), ==, DRDY | DSC);
    g_assert_cmphex(in(&ide, ERROR), ==, 1);
    g_assert_cmphex(in(&ide, COUNT), ==, 1);
    ide_stop(&ide);
}

static void test_hob(void)
{
    Ide ide = disk_start("");

    set_lba48(&ide, 0xa1b2c3d4e5f6, 0x1234);
    g_assert_cmphex(in(&ide, LBA_LOW), ==, 0xf6);
    out(&ide, CONTROL, HOB);
    g_assert_cmphex(in(&ide, COUNT), ==, 0x12);
    g_assert_cmphex(in(&ide, LBA_LOW), ==, 0xc3);
    g_assert_cmphex(in(&ide, LBA_MID), ==, 0xb2);
    g_assert_cmphex(in(&ide, LBA_HIGH), ==, 0xa1);
    out(&ide, LBA_LOW, 0x77); /* a write to the command block clears HOB */
    g_assert_cmphex(in(&ide, LBA_LOW), ==, 0x77);
    ide_stop(&ide);
}

static void test_nien(void)
{
    Ide ide = disk_start("");

    out(&ide, CONTROL, NIEN);
    out(&ide, COMMAND, 0xe7);
    wait_idle(&ide);
    g_assert_false(qtest_get_irq(ide.qts, IRQ14));
    g_assert_cmpuint(qtest_irq_raised(ide.qts, IRQ14), ==, 0);
    in(&ide, STATUS);
    out(&ide, CONTROL, 0);
    assert_completes(&ide, 0xe7);
    ide_stop(&ide);
}

/* --- PIO ------------------------------------------------------------------ */

static void pio_read(Ide *ide, uint8_t command, unsigned blocks, size_t block_len,
                     uint64_t offset)
{
    g_autofree uint8_t *buf = g_malloc(block_len);

    out(ide, COMMAND, command);
    for (unsigned i = 0; i < blocks; i++) {
        g_assert_cmphex(take_irq(ide) & (BSY | DRQ | ERR), ==, DRQ);
        read_words(ide, buf, block_len);
        assert_pattern(buf, offset + i * block_len, block_len);
    }
    g_assert_cmphex(wait_idle(ide), ==, DRDY | DSC);
    g_assert_false(qtest_get_irq(ide->qts, ide->irq));
}

static void test_pio_read(void)
{
    Ide ide = disk_start("");

    set_lba28(&ide, 17, 3);
    pio_read(&ide, 0x20, 3, SECTOR, 17 * SECTOR);
    set_lba28(&ide, 200, 0); /* 256 sectors */
    pio_read(&ide, 0x20, 256, SECTOR, 200 * SECTOR);
    set_lba48(&ide, 99, 2);
    pio_read(&ide, 0x24, 2, SECTOR, 99 * SECTOR);
    out(&ide, COUNT, 8);
    assert_completes(&ide, 0xc6);
    set_lba28(&ide, 40, 16);
    pio_read(&ide, 0xc4, 2, 8 * SECTOR, 40 * SECTOR);
    set_lba48(&ide, 1000, 8);
    pio_read(&ide, 0x29, 1, 8 * SECTOR, 1000 * SECTOR);
    ide_stop(&ide);
}

/* A 32-bit data port carries two words; the last block of READ MULTIPLE is short. */
static void test_pio_multiple_tail(void)
{
    Ide ide = disk_start("");
    uint8_t buf[3 * SECTOR];

    out(&ide, COUNT, 2);
    assert_completes(&ide, 0xc6);
    set_lba28(&ide, 50, 3);
    out(&ide, COMMAND, 0xc4);
    take_irq(&ide);
    for (int i = 0; i < 2 * SECTOR / 4; i++) {
        uint32_t val = qtest_inl(ide.qts, ide.base);
        memcpy(buf + 4 * i, &val, 4);
    }
    take_irq(&ide);
    read_words(&ide, buf + 2 * SECTOR, SECTOR);
    assert_pattern(buf, 50 * SECTOR, sizeof(buf));
    g_assert_cmphex(wait_idle(&ide), ==, DRDY | DSC);
    out(&ide, COUNT, 3); /* not a power of two */
    assert_fails(&ide, 0xc6, ABRT);
    ide_stop(&ide);
}

static void test_pio_write(void)
{
    Ide ide = disk_start("");
    uint8_t buf[4 * SECTOR];

    for (size_t i = 0; i < sizeof(buf); i++) {
        buf[i] = 3 * i + 1;
    }
    set_lba28(&ide, 70, 2);
    out(&ide, COMMAND, 0x30);
    g_assert_cmphex(wait_idle(&ide) & (DRQ | ERR), ==, DRQ);
    g_assert_false(qtest_get_irq(ide.qts, IRQ14)); /* none for the first block */
    write_words(&ide, buf, SECTOR);
    g_assert_cmphex(take_irq(&ide) & (DRQ | ERR), ==, DRQ);
    write_words(&ide, buf + SECTOR, SECTOR);
    g_assert_cmphex(take_irq(&ide), ==, DRDY | DSC);
    out(&ide, COUNT, 4);
    assert_completes(&ide, 0xc6);
    set_lba48(&ide, 90, 4);
    out(&ide, COMMAND, 0x39);
    wait_idle(&ide);
    write_words(&ide, buf, sizeof(buf));
    g_assert_cmphex(take_irq(&ide), ==, DRDY | DSC);
    assert_completes(&ide, 0xe7);
    assert_file(&ide, 70 * SECTOR, buf, 2 * SECTOR);
    assert_file(&ide, 90 * SECTOR, buf, sizeof(buf));
    ide_stop(&ide);
}

static void set_chs(Ide *ide, unsigned cyl, unsigned head, unsigned sec, uint8_t count)
{
    out(ide, DEVICE, 0xa0 | head);
    out(ide, COUNT, count);
    out(ide, LBA_LOW, sec);
    out(ide, LBA_MID, cyl);
    out(ide, LBA_HIGH, cyl >> 8);
}

static void test_chs(void)
{
    Ide ide = disk_start("");
    uint16_t id[256];

    set_chs(&ide, 2, 5, 7, 1);
    pio_read(&ide, 0x20, 1, SECTOR, ((2 * 16 + 5) * 63 + 6) * SECTOR);
    out(&ide, DEVICE, 0xa0 | 3); /* 4 heads of 20 sectors */
    out(&ide, COUNT, 20);
    assert_completes(&ide, 0x91);
    set_chs(&ide, 9, 3, 20, 2);  /* on into the next cylinder */
    pio_read(&ide, 0x20, 2, SECTOR, ((9 * 4 + 3) * 20 + 19) * SECTOR);
    identify(&ide, 0xec, id);
    g_assert_cmpuint(id[55], ==, 4);
    g_assert_cmpuint(id[56], ==, 20);
    g_assert_true(on_qemu() || id[3] == 16); /* the default geometry stays, but for QEMU */
    ide_stop(&ide);
}

static void test_chs_errors(void)
{
    Ide ide = disk_start("");

    set_chs(&ide, 2, 5, 0, 1);  /* sectors count from 1 */
    assert_fails(&ide, 0x20, IDNF);
    set_chs(&ide, 2, 5, 64, 1);
    assert_fails(&ide, 0x20, IDNF);
    out(&ide, DEVICE, 0xa0 | 3);
    out(&ide, COUNT, 20);
    assert_completes(&ide, 0x91);
    set_chs(&ide, 2, 4, 1, 1);  /* heads 0-3 */
    assert_fails(&ide, 0x20, IDNF);
    out(&ide, COUNT, 0);
    assert_fails(&ide, 0x91, ABRT);
    ide_stop(&ide);
}

/* --- commands without data ------------------------------------------------ */

static void test_no_data_commands(void)
{
    static const uint8_t good[] = { 0x10, 0x70, 0xe0, 0xe1, 0xe2, 0xe3, 0xe7, 0xea, 0x91 };
    static const uint8_t aborted[] = { 0x00, 0x22, 0xf1, 0xf6, 0xa0, 0xa1, 0xff };
    Ide ide = disk_start("");

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        set_lba28(&ide, 10, 63);
        assert_completes(&ide, good[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(aborted); i++) {
        set_lba28(&ide, 10, 1);
        assert_fails(&ide, aborted[i], ABRT);
    }
    set_lba28(&ide, 30, 5);
    assert_completes(&ide, 0x40);
    assert_completes(&ide, 0xe3);
    assert_completes(&ide, 0xe5);
    g_assert_cmphex(in(&ide, COUNT), ==, 0xff);
    ide_stop(&ide);
}

static void test_native_max(void)
{
    Ide ide = disk_start("");
    uint32_t last = DISK_SIZE / SECTOR - 1;

    out(&ide, DEVICE, LBA);
    assert_completes(&ide, 0xf8);
    g_assert_cmphex(in(&ide, LBA_LOW) | in(&ide, LBA_MID) << 8 | in(&ide, LBA_HIGH) << 16, ==,
                    last);
    assert_completes(&ide, 0x27);
    g_assert_cmphex(in(&ide, LBA_LOW) | in(&ide, LBA_MID) << 8 | in(&ide, LBA_HIGH) << 16, ==,
                    last);
    ide_stop(&ide);
}

static void test_set_max(void)
{
    Ide ide = disk_start("");
    uint16_t id[256];

    set_lba28(&ide, 999, 0);
    out(&ide, FEATURE, 0);
    assert_fails(&ide, 0xf9, ABRT); /* only right after READ NATIVE MAX */
    assert_completes(&ide, 0xf8);
    set_lba28(&ide, 999, 0);
    assert_completes(&ide, 0xf9);
    identify(&ide, 0xec, id);
    g_assert_cmpuint(id[60] | id[61] << 16, ==, 1000);
    set_lba28(&ide, 1000, 1);
    assert_fails(&ide, 0x20, IDNF);
    set_lba28(&ide, 999, 1);
    pio_read(&ide, 0x20, 1, SECTOR, 999 * SECTOR);
    out(&ide, DEVICE, LBA);
    assert_completes(&ide, 0xf8);
    g_assert_cmphex(in(&ide, LBA_LOW), ==, (DISK_SIZE / SECTOR - 1) & 0xff);
    ide_stop(&ide);
}

static void test_out_of_range(void)
{
    Ide ide = disk_start("");
    uint32_t total = DISK_SIZE / SECTOR;

    set_lba28(&ide, total, 1);
    assert_fails(&ide, 0x20, IDNF);
    set_lba28(&ide, total - 1, 2);
    assert_fails(&ide, 0xc8, IDNF);
    set_lba48(&ide, UINT64_C(1) << 40, 1);
    assert_fails(&ide, 0x24, IDNF);
    set_lba48(&ide, total - 1, 2);
    assert_fails(&ide, 0x35, IDNF);
    set_lba28(&ide, total, 1);
    assert_fails(&ide, 0x40, IDNF);
    ide_stop(&ide);
}

static void test_set_features(void)
{
    Ide ide = disk_start("");
    uint16_t id[256];

    out(&ide, FEATURE, 0x82);
    assert_completes(&ide, 0xef);
    identify(&ide, 0xec, id);
    g_assert_cmphex(id[85] & 0x20, ==, 0);
    out(&ide, FEATURE, 0x03);
    out(&ide, COUNT, 0x42); /* Ultra DMA 2 */
    assert_completes(&ide, 0xef);
    identify(&ide, 0xec, id);
    g_assert_cmphex(id[88] & 0xff00, ==, 0x0400);
    out(&ide, FEATURE, 0x03);
    out(&ide, COUNT, 0x21); /* multiword DMA 1 */
    assert_completes(&ide, 0xef);
    identify(&ide, 0xec, id);
    g_assert_cmphex(id[63] & 0xff00, ==, 0x0200);
    g_assert_cmphex(id[88] & 0xff00, ==, 0);
    out(&ide, FEATURE, 0x03);
    out(&ide, COUNT, 0xf0);
    assert_fails(&ide, 0xef, ABRT);
    out(&ide, FEATURE, 0x77);
    assert_fails(&ide, 0xef, ABRT);
    ide_stop(&ide);
}

static void smart(Ide *ide, uint8_t function, uint8_t log)
{
    out(ide, DEVICE, 0);
    out(ide, FEATURE, function);
    out(ide, COUNT, 1);
    out(ide, LBA_LOW, log);
    out(ide, LBA_MID, 0x4f);
    out(ide, LBA_HIGH, 0xc2);
}

static void test_smart(void)
{
    Ide ide = disk_start("");
    uint8_t buf[SECTOR];
    static const uint8_t pages[][2] = { { 0xd0, 0 }, { 0xd1, 0 }, { 0xd5, 1 }, { 0xd5, 6 } };

    for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
        smart(&ide, pages[i][0], pages[i][1]);
        out(&ide, COMMAND, 0xb0);
        g_assert_cmphex(take_irq(&ide) & (DRQ | ERR), ==, DRQ);
        read_words(&ide, buf, SECTOR);
        uint8_t sum = 0;
        for (int b = 0; b < SECTOR; b++) {
            sum += buf[b];
        }
        g_assert_cmphex(sum, ==, 0);
    }
    smart(&ide, 0xda, 0);
    assert_completes(&ide, 0xb0);
    g_assert_cmphex(in(&ide, LBA_MID), ==, 0x4f); /* healthy */
    g_assert_cmphex(in(&ide, LBA_HIGH), ==, 0xc2);
    smart(&ide, 0xd9, 0);
    assert_completes(&ide, 0xb0);
    smart(&ide, 0xd0, 0);
    assert_fails(&ide, 0xb0, ABRT);
    smart(&ide, 0xd8, 0);
    assert_completes(&ide, 0xb0);
    smart(&ide, 0xda, 0);
    out(&ide, LBA_MID, 0);
    assert_fails(&ide, 0xb0, ABRT); /* without the key */
    ide_stop(&ide);
}

/* --- bus-master DMA ------------------------------------------------------- */

typedef struct Region {
    uint32_t addr, len; /* 0x10000 is written as 0 */
} Region;

static void write_prds(Ide *ide, const Region *regions, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        qtest_writel(ide->qts, PRD + 8 * i, regions[i].addr);
        qtest_writel(ide->qts, PRD + 8 * i + 4,
                     (regions[i].len & 0xfffe) | (i == n - 1 ? PRD_EOT : 0));
    }
    qtest_outl(ide->qts, BMBASE + BM_PRD, PRD);
}

/* Runs a command with the engine; the taskfile is set. Returns the engine's status. */
static uint8_t dma(Ide *ide, uint8_t command, bool to_memory, const Region *regions, size_t n,
                   bool interrupts)
{
    write_prds(ide, regions, n);
    qtest_outb(ide->qts, BMBASE + BM_STATUS, BM_ERROR | BM_INTR);
    out(ide, COMMAND, command);
    qtest_outb(ide->qts, BMBASE + BM_CMD, BM_START | (to_memory ? BM_TO_MEMORY : 0));
    if (interrupts) {
        wait_irq(ide);
    } else {
        while (qtest_inb(ide->qts, BMBASE + BM_STATUS) & BM_ACTIVE) {
            in(ide, CONTROL);
        }
    }
    uint8_t status = qtest_inb(ide->qts, BMBASE + BM_STATUS);
    in(ide, STATUS);
    qtest_outb(ide->qts, BMBASE + BM_CMD, 0);
    return status & (BM_ACTIVE | BM_ERROR | BM_INTR);
}

static void assert_memory(Ide *ide, uint32_t addr, uint64_t offset, size_t len)
{
    g_autofree uint8_t *buf = g_malloc(len);
    qtest_memread(ide->qts, addr, buf, len);
    assert_pattern(buf, offset, len);
}

static void test_dma_read(void)
{
    Ide ide = disk_start("");
    const Region whole[] = { { BUFFER, 8 * SECTOR } };
    const Region parts[] = {
        { BUFFER + 2, 100 }, { BUFFER + 0x10000, 924 }, { BUFFER + 0x200, 512 },
    };
    const Region big[] = { { BUFFER, 0x10000 }, { BUFFER + 0x10000, 0x10000 } };

    set_lba28(&ide, 33, 8);
    g_assert_cmphex(dma(&ide, 0xc8, true, whole, 1, true), ==, BM_INTR);
    assert_memory(&ide, BUFFER, 33 * SECTOR, 8 * SECTOR);
    set_lba48(&ide, 77, 3);
    g_assert_cmphex(dma(&ide, 0x25, true, parts, 3, true), ==, BM_INTR);
    assert_memory(&ide, BUFFER + 2, 77 * SECTOR, 100);
    assert_memory(&ide, BUFFER + 0x10000, 77 * SECTOR + 100, 924);
    assert_memory(&ide, BUFFER + 0x200, 79 * SECTOR, 512);
    set_lba28(&ide, 100, 0);
    g_assert_cmphex(dma(&ide, 0xc8, true, big, 2, true), ==, BM_INTR);
    assert_memory(&ide, BUFFER, 100 * SECTOR, 0x20000);
    ide_stop(&ide);
}

/* More than the drive moves in one step: 1 MiB by READ DMA EXT. */
static void test_dma_large(void)
{
    Ide ide = disk_start("");
    Region regions[16];

    for (int i = 0; i < 16; i++) {
        regions[i] = (Region){ BUFFER + i * 0x10000, 0x10000 };
    }
    set_lba48(&ide, 11, 2048);
    g_assert_cmphex(dma(&ide, 0x25, true, regions, 16, true), ==, BM_INTR);
    assert_memory(&ide, BUFFER, 11 * SECTOR, 1 << 20);
    ide_stop(&ide);
}

static void test_dma_write(void)
{
    Ide ide = disk_start("");
    const Region parts[] = { { BUFFER + 6, 1000 }, { BUFFER + 0x4000, 1560 } };
    uint8_t data[5 * SECTOR];

    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = 11 * i;
    }
    qtest_memwrite(ide.qts, BUFFER + 6, data, 1000);
    qtest_memwrite(ide.qts, BUFFER + 0x4000, data + 1000, 1560);
    set_lba28(&ide, 44, 5);
    g_assert_cmphex(dma(&ide, 0xca, false, parts, 2, true), ==, BM_INTR);
    assert_completes(&ide, 0xe7);
    assert_file(&ide, 44 * SECTOR, data, sizeof(data));
    ide_stop(&ide);
}

/* Table 3.1 of the interface: list longer, shorter than the transfer. */
static void test_dma_list_length(void)
{
    Ide ide = disk_start("");
    const Region longer[] = { { BUFFER, 0x10000 } };
    const Region shorter[] = { { BUFFER, SECTOR } };
    const Region tiny[] = { { BUFFER, 16 } };

    set_lba28(&ide, 3, 2);
    g_assert_cmphex(dma(&ide, 0xc8, true, longer, 1, true), ==, BM_ACTIVE | BM_INTR);
    g_assert_cmphex(qtest_inb(ide.qts, BMBASE + BM_STATUS) & BM_ACTIVE, ==, 0); /* stopped */
    set_lba28(&ide, 3, 2);
    g_assert_cmphex(dma(&ide, 0xc8, true, shorter, 1, false), ==, 0);
    set_lba28(&ide, 3, 1);
    g_assert_cmphex(dma(&ide, 0xc8, true, tiny, 1, false), ==, 0);
    set_lba28(&ide, 3, 1);
    g_assert_cmphex(dma(&ide, 0xca, false, tiny, 1, false), ==, 0);
    g_assert_cmphex(wait_idle(&ide) & (BSY | DF | ERR), ==, 0);
    set_lba28(&ide, 3, 1);
    g_assert_cmphex(dma(&ide, 0xc8, true, shorter, 1, true), ==, BM_INTR);
    assert_memory(&ide, BUFFER, 3 * SECTOR, SECTOR);
    ide_stop(&ide);
}

static void test_no_bus_master(void)
{
    Ide ide = disk_start("");
    const Region one[] = { { BUFFER, SECTOR } };

    qtest_memset(ide.qts, BUFFER, 0x5a, SECTOR);
    pci_write(ide.qts, 0x04, 1);
    set_lba28(&ide, 3, 1);
    g_assert_cmphex(dma(&ide, 0xc8, true, one, 1, true), ==, BM_ACTIVE | BM_INTR);
    g_assert_cmphex(qtest_readb(ide.qts, BUFFER), ==, 0x5a);
    ide_stop(&ide);
}

/* The engine started before the command does nothing until the drive asks. */
static void test_dma_start_first(void)
{
    Ide ide = disk_start("");
    const Region one[] = { { BUFFER, SECTOR } };

    write_prds(&ide, one, 1);
    qtest_outb(ide.qts, BMBASE + BM_CMD, BM_START | BM_TO_MEMORY);
    g_assert_cmphex(qtest_inb(ide.qts, BMBASE + BM_STATUS) & 7, ==, BM_ACTIVE);
    set_lba28(&ide, 21, 1);
    out(&ide, COMMAND, 0xc8);
    wait_irq(&ide);
    assert_memory(&ide, BUFFER, 21 * SECTOR, SECTOR);
    ide_stop(&ide);
}

static void test_bm_registers(void)
{
    Ide ide = disk_start("");

    qtest_outl(ide.qts, BMBASE + BM_PRD, 0x12345677);
    g_assert_cmphex(qtest_inl(ide.qts, BMBASE + BM_PRD), ==, 0x12345674);
    qtest_outb(ide.qts, BMBASE + BM_STATUS, 0x60);
    g_assert_cmphex(qtest_inb(ide.qts, BMBASE + BM_STATUS), ==, 0x60);
    g_assert_cmphex(pci_read(ide.qts, 0), ==, 0x70108086);
    g_assert_cmphex(pci_read(ide.qts, 8) >> 8, ==, 0x010180);
    ide_stop(&ide);
}

static void test_trim(void)
{
    Ide ide = ide_start(DISK_SIZE, 1 << 20, "if=ide,index=0,discard=unmap", "");
    const Region one[] = { { BUFFER, SECTOR } };
    uint8_t zeros[64 * SECTOR] = { 0 };
    uint64_t ranges[64] = { 64 | UINT64_C(64) << 48, 0, 1024 | UINT64_C(8) << 48 };

    qtest_memwrite(ide.qts, BUFFER, ranges, sizeof(ranges));
    out(&ide, FEATURE, 1);
    set_lba48(&ide, 0, 1);
    g_assert_cmphex(dma(&ide, 0x06, false, one, 1, true), ==, BM_INTR);
    g_assert_cmphex(wait_idle(&ide), ==, DRDY | DSC);
    assert_file(&ide, 64 * SECTOR, zeros, 64 * SECTOR);
    ranges[0] = DISK_SIZE / SECTOR | UINT64_C(1) << 48;
    qtest_memwrite(ide.qts, BUFFER, ranges, sizeof(ranges));
    set_lba48(&ide, 0, 1);
    dma(&ide, 0x06, false, one, 1, true);
    g_assert_cmphex(wait_idle(&ide) & ERR, ==, ERR);
    g_assert_cmphex(in(&ide, ERROR), ==, ABRT);
    ide_stop(&ide);
}

/* Sectors beyond what 28 bits reach. */
static void test_lba48_high(void)
{
    Ide ide = ide_start(UINT64_C(200) << 30, 0, "if=ide,index=0", "");
    uint64_t lba = (UINT64_C(150) << 30) / SECTOR;
    uint16_t id[256], data[SECTOR / 2];

    identify(&ide, 0xec, id);
    g_assert_cmphex(id[60] | (uint32_t)id[61] << 16, ==, 0x0fffffff);
    g_assert_cmphex(id[100] | (uint64_t)id[101] << 16 | (uint64_t)id[102] << 32, ==,
                    (UINT64_C(200) << 30) / SECTOR);
    g_assert_cmpuint(id[1], ==, 16383);
    memset(data, 0xc3, SECTOR);
    set_lba48(&ide, lba, 1);
    out(&ide, COMMAND, 0x34);
    wait_idle(&ide);
    write_words(&ide, data, SECTOR);
    g_assert_cmphex(take_irq(&ide), ==, DRDY | DSC);
    assert_completes(&ide, 0xea);
    assert_file(&ide, lba * SECTOR, data, SECTOR);
    ide_stop(&ide);
}

static void test_two_drives(void)
{
    g_autofree char *second = make_image(DISK_SIZE / 2, 0);
    g_autofree char *more = g_strdup_printf(
        "-drive file=%s,format=raw,if=none,id=d1 -device ide-hd,drive=d1,bus=ide.0,serial=two",
        second);
    Ide ide = disk_start(more);
    uint16_t id[256];

    out(&ide, DEVICE, DEV1);
    out(&ide, COMMAND, 0xec);
    take_irq(&ide);
    read_words(&ide, id, SECTOR);
    assert_id_text(id, 10, 10, "two");
    g_assert_cmpuint(id[60] | id[61] << 16, ==, DISK_SIZE / 2 / SECTOR);
    identify(&ide, 0xec, id);
    assert_id_text(id, 10, 10, "testdisk");
    ide_stop(&ide);
    g_unlink(second);
}

/* --- ATAPI ---------------------------------------------------------------- */

enum { CD_SECTORS = 300, REASON_CD = 1, REASON_IO = 2 };

static Ide cd_start(void)
{
    Ide ide = ide_start(CD_SECTORS * CD_SECTOR, CD_SECTORS * CD_SECTOR,
                        "if=ide,index=2,media=cdrom,id=cd", "");
    ide.base = SECONDARY;
    ide.irq = IRQ15;
    return ide;
}

static void send_packet(Ide *ide, const uint8_t *packet, uint8_t features, uint16_t limit)
{
    out(ide, DEVICE, 0);
    out(ide, FEATURE, features);
    out(ide, LBA_MID, limit);
    out(ide, LBA_HIGH, limit >> 8);
    out(ide, COMMAND, 0xa0);
    g_assert_cmphex(wait_idle(ide) & (DRQ | ERR), ==, DRQ);
    g_assert_cmphex(in(ide, COUNT) & 7, ==, REASON_CD);
    write_words(ide, packet, 12);
}

/* Takes all DRQ blocks; returns the bytes. */
static size_t packet_data(Ide *ide, uint8_t *buf, size_t room, uint16_t limit)
{
    size_t done = 0;

    for (;;) {
        uint8_t status = take_irq(ide);
        g_assert_cmphex(status & BSY, ==, 0);
        if (!(status & DRQ)) {
            g_assert_cmphex(in(ide, COUNT) & 7, ==, REASON_CD | REASON_IO);
            return done;
        }
        g_assert_cmphex(in(ide, COUNT) & 7, ==, REASON_IO);
        size_t len = in(ide, LBA_MID) | in(ide, LBA_HIGH) << 8;
        g_assert_cmpuint(len, <=, limit);
        g_assert_cmpuint(done + len, <=, room);
        read_words(ide, buf + done, (len + 1) & ~1);
        done += len;
    }
}

static size_t packet_in(Ide *ide, const uint8_t *packet, void *buf, size_t room, uint16_t limit)
{
    send_packet(ide, packet, 0, limit);
    return packet_data(ide, buf, room, limit);
}

static void request_sense(Ide *ide, uint8_t key, uint8_t asc)
{
    const uint8_t packet[12] = { 0x03, 0, 0, 0, 18 };
    uint8_t sense[32];

    g_assert_cmpuint(packet_in(ide, packet, sense, sizeof(sense), 0xfffe), ==, 18);
    g_assert_cmphex(sense[0] & 0x7f, ==, 0x70);
    g_assert_cmphex(sense[2], ==, key);
    g_assert_cmphex(sense[12], ==, asc);
}

static void assert_check(Ide *ide, const uint8_t *packet, uint8_t key, uint8_t asc)
{
    send_packet(ide, packet, 0, 0xfffe);
    g_assert_cmphex(take_irq(ide) & (BSY | DRQ | ERR), ==, ERR);
    g_assert_cmphex(in(ide, ERROR) >> 4, ==, key);
    request_sense(ide, key, asc);
}

static void test_atapi_identify(void)
{
    Ide ide = cd_start();
    uint16_t id[256];

    g_assert_cmphex(in(&ide, LBA_MID), ==, 0x14); /* the signature after power-on */
    g_assert_cmphex(in(&ide, LBA_HIGH), ==, 0xeb);
    out(&ide, LBA_MID, 0);
    out(&ide, COMMAND, 0xec);
    g_assert_cmphex(take_irq(&ide) & ERR, ==, ERR);
    g_assert_cmphex(in(&ide, ERROR), ==, ABRT);
    g_assert_cmphex(in(&ide, LBA_MID), ==, 0x14);
    identify(&ide, 0xa1, id);
    g_assert_cmphex(id[0], ==, 0x85c0);
    assert_id_text(id, 10, 10, "QM00003");
    assert_id_text(id, 27, 20, "QEMU DVD-ROM");
    out(&ide, COMMAND, 0x08); /* DEVICE RESET: no interrupt */
    g_assert_cmphex(wait_idle(&ide), ==, 0);
    g_assert_false(qtest_get_irq(ide.qts, IRQ15));
    g_assert_cmphex(in(&ide, LBA_MID), ==, 0x14);
    ide_stop(&ide);
}

static void read_10(Ide *ide, uint32_t lba, uint16_t count, uint16_t limit)
{
    uint8_t packet[12] = { 0x28, 0, lba >> 24, lba >> 16, lba >> 8, lba, 0, count >> 8, count };
    size_t len = (size_t)count * CD_SECTOR;
    g_autofree uint8_t *buf = g_malloc(len);

    g_assert_cmpuint(packet_in(ide, packet, buf, len, limit), ==, len);
    assert_pattern(buf, (uint64_t)lba * CD_SECTOR, len);
}

static void test_atapi_pio(void)
{
    Ide ide = cd_start();

    read_10(&ide, 0, 1, 2048);
    read_10(&ide, 7, 3, 2048);
    read_10(&ide, 7, 3, 0xfffe);
    read_10(&ide, 2, 10, 5120);  /* blocks that cross sectors */
    read_10(&ide, 50, 70, 0xfffe);
    read_10(&ide, 1, 2, 1000);
    ide_stop(&ide);
}

static void test_atapi_dma(void)
{
    Ide ide = cd_start();
    const uint8_t packet[12] = { 0x28, 0, 0, 0, 0, 20, 0, 0, 30 };
    const Region regions[] = { { BUFFER, 30 * CD_SECTOR } };
    enum { BM2 = BMBASE + 8 };

    write_prds(&ide, regions, 1);
    qtest_outl(ide.qts, BM2 + BM_PRD, PRD);
    send_packet(&ide, packet, 1, 0);
    qtest_outb(ide.qts, BM2 + BM_CMD, BM_START | BM_TO_MEMORY);
    g_assert_cmphex(take_irq(&ide) & (BSY | DRQ | ERR), ==, 0);
    g_assert_cmphex(qtest_inb(ide.qts, BM2 + BM_STATUS) & 7, ==, BM_INTR);
    qtest_outb(ide.qts, BM2 + BM_CMD, 0);
    assert_memory(&ide, BUFFER, 20 * CD_SECTOR, 30 * CD_SECTOR);
    ide_stop(&ide);
}

static void test_atapi_tables(void)
{
    Ide ide = cd_start();
    const uint8_t inquiry[12] = { 0x12, 0, 0, 0, 36 };
    const uint8_t capacity[12] = { 0x25 };
    const uint8_t toc[12] = { 0x43, 0, 0, 0, 0, 0, 0, 0, 100 };
    const uint8_t toc_msf[12] = { 0x43, 2, 0, 0, 0, 0, 0xaa, 0, 100 };
    const uint8_t sessions[12] = { 0x43, 0, 1, 0, 0, 0, 0, 0, 100, 0x40 };
    const uint8_t mode[12] = { 0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 100 };
    const uint8_t config[12] = { 0x46, 0, 0, 0, 0, 0, 0, 0, 8 };
    uint8_t buf[256];

    g_assert_cmpuint(packet_in(&ide, inquiry, buf, sizeof(buf), 0xfffe), ==, 36);
    g_assert_cmphex(buf[0], ==, 5);
    g_assert_cmphex(buf[1], ==, 0x80);
    g_assert_cmpmem(buf + 8, 8, "QEMU    ", 8);
    g_assert_cmpmem(buf + 16, 16, "QEMU DVD-ROM    ", 16);
    g_assert_cmpuint(packet_in(&ide, capacity, buf, sizeof(buf), 0xfffe), ==, 8);
    const uint8_t expected_capacity[8] = { 0, 0, (CD_SECTORS - 1) >> 8, (CD_SECTORS - 1) & 255,
                                           0, 0, 8, 0 };
    g_assert_cmpmem(buf, 8, expected_capacity, 8);
    g_assert_cmpuint(packet_in(&ide, toc, buf, sizeof(buf), 0xfffe), ==, 20);
    const uint8_t expected_toc[20] = { 0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0,
                                       0, 0x16, 0xaa, 0, 0, 0, CD_SECTORS >> 8, CD_SECTORS & 255 };
    buf[13] |= 2; /* control of the lead-out: whether it counts as data is the drive's choice */
    g_assert_cmpmem(buf, 20, expected_toc, 20);
    g_assert_cmpuint(packet_in(&ide, toc_msf, buf, sizeof(buf), 0xfffe), ==, 12);
    g_assert_cmpuint(buf[9], ==, 0);                    /* 450 frames: 0:06.00 */
    g_assert_cmpuint(buf[10], ==, 6);
    g_assert_cmpuint(buf[11], ==, 0);
    g_assert_cmpuint(packet_in(&ide, sessions, buf, sizeof(buf), 0xfffe), ==, 12);
    g_assert_cmpuint(buf[1], ==, 10);
    g_assert_cmpuint(packet_in(&ide, mode, buf, sizeof(buf), 0xfffe), ==, 8 + 2 + 0x14);
    g_assert_cmphex(buf[8] & 0x3f, ==, 0x2a);
    g_assert_cmpuint(packet_in(&ide, config, buf, sizeof(buf), 0xfffe), ==, 8);
    g_assert_cmphex(buf[7], ==, 0x08);                  /* profile CD-ROM */
    ide_stop(&ide);
}

static void test_atapi_errors(void)
{
    Ide ide = cd_start();
    const uint8_t far[12] = { 0x28, 0, 0, 0, CD_SECTORS >> 8, CD_SECTORS & 255, 0, 0, 1 };
    const uint8_t beyond[12] = { 0x28, 0, 0, 0, 0, CD_SECTORS - 256 - 1, 0, 1, 255 };
    const uint8_t unknown[12] = { 0xee };
    const uint8_t bad_page[12] = { 0x5a, 0, 0x15, 0, 0, 0, 0, 0, 100 };
    const uint8_t ready[12] = { 0x00 };

    assert_check(&ide, far, 5, 0x21);
    assert_check(&ide, beyond, 5, 0x21);
    assert_check(&ide, unknown, 5, 0x20);
    assert_check(&ide, bad_page, 5, 0x24);
    send_packet(&ide, ready, 0, 0xfffe);
    g_assert_cmphex(take_irq(&ide) & (BSY | DRQ | ERR), ==, 0);
    if (!on_qemu()) { /* there the sense data of the command before stay */
        request_sense(&ide, 0, 0);
    }
    out(&ide, COMMAND, 0x00);
    g_assert_cmphex(take_irq(&ide) & ERR, ==, ERR);
    g_assert_cmphex(in(&ide, ERROR), ==, ABRT);
    ide_stop(&ide);
}

static void test_atapi_raw(void)
{
    Ide ide = cd_start();
    const uint8_t read_cd[12] = { 0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0xf8 };
    uint8_t buf[2 * 2352];
    static const uint8_t head[16] = { 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0,
                                      0, 2, 16, 1 }; /* sync, 0:02.16, mode 1 */

    g_assert_cmpuint(packet_in(&ide, read_cd, buf, sizeof(buf), 0xfffe), ==, sizeof(buf));
    g_assert_cmpmem(buf, 16, head, 16);
    assert_pattern(buf + 16, 16 * CD_SECTOR, CD_SECTOR);
    assert_pattern(buf + 2352 + 16, 17 * CD_SECTOR, CD_SECTOR);
    ide_stop(&ide);
}

static void test_atapi_tray(void)
{
    Ide ide = cd_start();
    const uint8_t ready[12] = { 0x00 };
    const uint8_t eject[12] = { 0x1b, 0, 0, 0, 2 }, load[12] = { 0x1b, 0, 0, 0, 3 };
    const uint8_t lock[12] = { 0x1e, 0, 0, 0, 1 }, unlock[12] = { 0x1e };
    const uint8_t events[12] = { 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8 };
    uint8_t buf[64];

    packet_in(&ide, lock, buf, 0, 0xfffe);
    assert_check(&ide, eject, on_qemu() ? 2 : 5, 0x53);
    packet_in(&ide, unlock, buf, 0, 0xfffe);
    packet_in(&ide, eject, buf, 0, 0xfffe);
    assert_check(&ide, ready, 2, 0x3a);
    g_assert_cmpuint(packet_in(&ide, events, buf, sizeof(buf), 0xfffe), ==, 8);
    g_assert_cmphex(buf[5], ==, 1); /* tray open, no medium */
    packet_in(&ide, load, buf, 0, 0xfffe);
    g_assert_cmpuint(packet_in(&ide, events, buf, sizeof(buf), 0xfffe), ==, 8);
    g_assert_cmphex(buf[5], ==, 2);
    ide_stop(&ide);
}

/* After the tray closed, the next command but a few is told that the medium may be another. */
static void test_atapi_unit_attention(void)
{
    Ide ide = cd_start();
    const uint8_t ready[12] = { 0x00 };
    const uint8_t eject[12] = { 0x1b, 0, 0, 0, 2 }, load[12] = { 0x1b, 0, 0, 0, 3 };
    uint8_t buf[8];

    packet_in(&ide, eject, buf, 0, 0xfffe);
    packet_in(&ide, load, buf, 0, 0xfffe);
    assert_check(&ide, ready, 6, 0x28);
    send_packet(&ide, ready, 0, 0xfffe);
    g_assert_cmphex(take_irq(&ide) & ERR, ==, 0);
    ide_stop(&ide);
}

static void test_atapi_empty(void)
{
    Ide ide = { .base = SECONDARY, .irq = IRQ15 };
    const uint8_t ready[12] = { 0x00 }, capacity[12] = { 0x25 };

    ide.qts = qtest_start("-machine pc -nodefaults -vga none -drive if=ide,index=2,media=cdrom");
    qtest_irq_intercept_in(ide.qts, "ioapic");
    assert_check(&ide, ready, 2, 0x3a);
    assert_check(&ide, capacity, 2, 0x3a);
    out(&ide, COMMAND, 0xe7); /* FLUSH CACHE on an empty drive ends */
    wait_idle(&ide);
    qtest_quit(ide.qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ide/identify", test_identify);
    g_test_add_func("/ide/default-serials", test_default_serials);
    g_test_add_func("/ide/absent", test_absent);
    g_test_add_func("/ide/software-reset", test_software_reset);
    g_test_add_func("/ide/reset-in-transfer", test_reset_in_transfer);
    g_test_add_func("/ide/diagnostic", test_diagnostic);
    g_test_add_func("/ide/hob", test_hob);
    g_test_add_func("/ide/nien", test_nien);
    g_test_add_func("/ide/pio-read", test_pio_read);
    g_test_add_func("/ide/pio-multiple-tail", test_pio_multiple_tail);
    g_test_add_func("/ide/pio-write", test_pio_write);
    g_test_add_func("/ide/chs", test_chs);
    g_test_add_func("/ide/no-data-commands", test_no_data_commands);
    g_test_add_func("/ide/native-max", test_native_max);
    g_test_add_func("/ide/set-features", test_set_features);
    g_test_add_func("/ide/smart", test_smart);
    g_test_add_func("/ide/dma-read", test_dma_read);
    g_test_add_func("/ide/dma-large", test_dma_large);
    g_test_add_func("/ide/dma-write", test_dma_write);
    g_test_add_func("/ide/dma-list-length", test_dma_list_length);
    g_test_add_func("/ide/no-bus-master", test_no_bus_master);
    g_test_add_func("/ide/dma-start-first", test_dma_start_first);
    g_test_add_func("/ide/bm-registers", test_bm_registers);
    g_test_add_func("/ide/trim", test_trim);
    g_test_add_func("/ide/lba48-high", test_lba48_high);
    g_test_add_func("/ide/two-drives", test_two_drives);
    g_test_add_func("/ide/atapi/identify", test_atapi_identify);
    g_test_add_func("/ide/atapi/pio", test_atapi_pio);
    g_test_add_func("/ide/atapi/dma", test_atapi_dma);
    g_test_add_func("/ide/atapi/tables", test_atapi_tables);
    g_test_add_func("/ide/atapi/errors", test_atapi_errors);
    g_test_add_func("/ide/atapi/raw", test_atapi_raw);
    g_test_add_func("/ide/atapi/tray", test_atapi_tray);
    g_test_add_func("/ide/atapi/empty", test_atapi_empty);
    g_test_add_func("/ide/chs-errors", test_chs_errors);
    g_test_add_func("/ide/set-max", test_set_max);
    g_test_add_func("/ide/out-of-range", test_out_of_range);
    g_test_add_func("/ide/atapi/unit-attention", test_atapi_unit_attention);
    return g_test_run();
}
