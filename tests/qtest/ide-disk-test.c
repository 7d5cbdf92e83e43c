/*
 * What an image decides about an IDE disk: its geometry and the BIOS's translation of it, and what
 * the guest sees of an image that cannot be read or written. ATA/ATAPI-6.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <unistd.h>
#include "tests/lib/tmp.h"
#include "tests/qtest/libqtest.h"

enum { SECTOR = 512, CLUSTER = 65536, SECTORS_PER_CLUSTER = CLUSTER / SECTOR };
enum { DATA = 0x1f0, ERROR, COUNT, LBA_LOW, LBA_MID, LBA_HIGH, DEVICE, COMMAND, STATUS = COMMAND,
       ALT_STATUS = 0x3f6 };
enum { BSY = 0x80, DRDY = 0x40, DRQ = 0x08, ERR = 0x01, UNC = 0x40, ABRT = 0x04, LBA = 0xe0 };
enum { READ_SECTORS = 0x20, WRITE_SECTORS = 0x30, READ_DMA = 0xc8, WRITE_DMA = 0xca,
       FLUSH_CACHE = 0xe7, IDENTIFY = 0xec };
enum { BMBASE = 0xc000, BM_STATUS = BMBASE + 2, BM_PRD = BMBASE + 4, PRD = 0x100000,
       BUFFER = 0x200000 };
enum { BM_START = 1, BM_TO_MEMORY = 8, BM_ACTIVE = 1, BM_INTR = 4 };

/* --- geometry ---------------------------------------------------------------------------- */

enum { CMOS_TRANSLATION = 0x39, NONE = 0, LBA_ASSISTED = 1, LARGE = 2 };

typedef struct Geometry {
    uint64_t size;
    uint8_t end_head, end_sector; /* of the one partition; 0, 0: there is none */
    uint16_t cyls, heads, secs;   /* what the disk says of itself */
    uint8_t translation;
} Geometry;

/* Whole and with one partition of 63 sectors and more, as an MBR has it. */
static const char *make_disk(const Geometry *g)
{
    uint8_t mbr[SECTOR] = { 0 };
    const char *path;
    int fd = tmp_file(&path);

    if (g->end_sector) {
        const uint8_t entry[16] = { 0x80, 1, 1, 0, 0x83, g->end_head, g->end_sector, 0,
                                    63, 0, 0, 0, 0, 4, 0, 0 };
        memcpy(mbr + 446, entry, sizeof(entry));
        mbr[510] = 0x55;
        mbr[511] = 0xaa;
    }
    g_assert_cmpint(write(fd, mbr, SECTOR), ==, SECTOR);
    g_assert_cmpint(ftruncate(fd, g->size), ==, 0);
    close(fd);
    return path;
}

static uint8_t wait_idle(QTest *qts)
{
    uint8_t status;

    while ((status = qtest_inb(qts, ALT_STATUS)) & BSY) {
    }
    return status;
}

/* The one sector that a command has for the host. */
static void take_sector(QTest *qts, uint16_t *words)
{
    g_assert_cmphex(wait_idle(qts) & (DRQ | ERR), ==, DRQ);
    for (unsigned i = 0; i < SECTOR / 2; i++) {
        words[i] = qtest_inw(qts, DATA);
    }
}

static void identify(QTest *qts, uint16_t *id)
{
    qtest_outb(qts, DEVICE, 0);
    qtest_outb(qts, COMMAND, IDENTIFY);
    take_sector(qts, id);
}

static void test_geometry(void)
{
    static const Geometry rows[] = {
        { UINT64_C(8) << 20, 0, 0, 16, 16, 63, NONE },
        { UINT64_C(600) << 20, 0, 0, 1219, 16, 63, LBA_ASSISTED },
        { UINT64_C(600) << 20, 15, 63, 1219, 16, 63, NONE },  /* no translation made this table */
        { UINT64_C(600) << 20, 254, 63, 1219, 16, 63, LARGE },
        { UINT64_C(64) << 20, 7, 32, 512, 8, 32, NONE },
        { UINT64_C(80) << 30, 254, 63, 16383, 16, 63, LBA_ASSISTED },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *path = make_disk(&rows[i]);
        uint16_t id[SECTOR / 2];
        QTest *qts = qtest_start("-machine pc -nodefaults -drive if=ide,format=raw,file=%s", path);
        identify(qts, id);
        g_assert_cmpuint(id[1], ==, rows[i].cyls);
        g_assert_cmpuint(id[3], ==, rows[i].heads);
        g_assert_cmpuint(id[6], ==, rows[i].secs);
        qtest_outb(qts, 0x70, CMOS_TRANSLATION);
        g_assert_cmphex(qtest_inb(qts, 0x71), ==, rows[i].translation);
        qtest_quit(qts);
    }
}

/* Two bits for each disk; the properties win over what the image says. */
static void test_given_geometry(void)
{
    const Geometry big = { UINT64_C(600) << 20 };
    const char *path = make_disk(&big);
    uint16_t id[SECTOR / 2];
    QTest *qts = qtest_start("-machine pc -nodefaults -drive if=none,id=d,format=raw,file=%s "
                             "-device ide-hd,drive=d,bus=ide.0,unit=0,cyls=1000,heads=10,secs=40 "
                             "-drive if=none,id=e,driver=null-co,size=600M "
                             "-device ide-hd,drive=e,bus=ide.1,unit=1", path);

    identify(qts, id);
    g_assert_cmpuint(id[1], ==, 1000);
    g_assert_cmpuint(id[3], ==, 10);
    g_assert_cmpuint(id[6], ==, 40);
    qtest_outb(qts, 0x70, CMOS_TRANSLATION);
    g_assert_cmphex(qtest_inb(qts, 0x71), ==, LBA_ASSISTED << 6);
    qtest_quit(qts);
}

/* --- errors -------------------------------------------------------------------------------- */

/* Where the parts of the image are, in clusters. */
enum { AT_L1 = 1, AT_REFTABLE, AT_REFBLOCK, AT_L2, AT_DATA, IMAGE_CLUSTERS };
enum { DISK_CLUSTERS = 16, BAD_CLUSTER = 1, BAD_LBA = BAD_CLUSTER * SECTORS_PER_CLUSTER };

static void put32(uint8_t *at, uint32_t val)
{
    val = GUINT32_TO_BE(val);
    memcpy(at, &val, 4);
}

static void put64(uint8_t *at, uint64_t val)
{
    val = GUINT64_TO_BE(val);
    memcpy(at, &val, 8);
}

/*
 * A qcow2 image of version 2 whose second cluster cannot be found: the L2 entry's offset is not a
 * multiple of the cluster size, which the format forbids. The first one holds ones.
 */
static const char *make_bad_image(void)
{
    g_autofree uint8_t *image = g_malloc0(IMAGE_CLUSTERS * CLUSTER);
    const uint64_t copied = UINT64_C(1) << 63;
    const char *path;

    memcpy(image, "QFI\xfb", 4);
    put32(image + 4, 2);
    put32(image + 20, 16);                         /* cluster_bits */
    put64(image + 24, DISK_CLUSTERS * CLUSTER);    /* size */
    put32(image + 36, 1);                          /* l1_size */
    put64(image + 40, AT_L1 * CLUSTER);
    put64(image + 48, AT_REFTABLE * CLUSTER);
    put32(image + 56, 1);                          /* refcount_table_clusters */
    put64(image + AT_L1 * CLUSTER, AT_L2 * CLUSTER | copied);
    put64(image + AT_REFTABLE * CLUSTER, AT_REFBLOCK * CLUSTER);
    for (unsigned i = 0; i < IMAGE_CLUSTERS; i++) {
        image[AT_REFBLOCK * CLUSTER + 2 * i + 1] = 1;
    }
    put64(image + AT_L2 * CLUSTER, AT_DATA * CLUSTER | copied);
    put64(image + AT_L2 * CLUSTER + 8 * BAD_CLUSTER, (AT_DATA * CLUSTER + SECTOR) | copied);
    memset(image + AT_DATA * CLUSTER, 0x11, CLUSTER);
    close(tmp_file(&path));
    g_assert_true(g_file_set_contents(path, (char *)image, IMAGE_CLUSTERS * CLUSTER, NULL));
    return path;
}

static QTest *start_bad(const char *options)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -drive if=ide,format=qcow2,file=%s%s",
                             make_bad_image(), options);

    qtest_outl(qts, 0xcf8, 0x80000000u | 1 << 11 | 1 << 8 | 0x20);
    qtest_outl(qts, 0xcfc, BMBASE);
    qtest_outl(qts, 0xcf8, 0x80000000u | 1 << 11 | 1 << 8 | 0x04);
    qtest_outl(qts, 0xcfc, 5);
    return qts;
}

static void command(QTest *qts, uint8_t code, uint32_t lba, uint8_t count)
{
    qtest_outb(qts, DEVICE, LBA);
    qtest_outb(qts, COUNT, count);
    qtest_outb(qts, LBA_LOW, lba);
    qtest_outb(qts, LBA_MID, lba >> 8);
    qtest_outb(qts, LBA_HIGH, lba >> 16);
    qtest_outb(qts, COMMAND, code);
}

static void assert_failed(QTest *qts, uint8_t error, uint32_t lba)
{
    g_assert_cmphex(wait_idle(qts) & (DRDY | DRQ | ERR), ==, DRDY | ERR);
    g_assert_cmphex(qtest_inb(qts, ERROR), ==, error);
    g_assert_cmphex(qtest_inb(qts, LBA_LOW) | qtest_inb(qts, LBA_MID) << 8, ==, lba);
}

static void test_read_error(void)
{
    uint16_t sector[SECTOR / 2];
    QTest *qts = start_bad("");

    command(qts, READ_SECTORS, 0, 1);
    take_sector(qts, sector);
    for (unsigned i = 0; i < SECTOR / 2; i++) {
        g_assert_cmphex(sector[i], ==, 0x1111);
    }
    command(qts, READ_SECTORS, BAD_LBA, 1);
    assert_failed(qts, UNC, BAD_LBA);
    command(qts, READ_SECTORS, 3, 1); /* the disk goes on */
    take_sector(qts, sector);
    qtest_quit(qts);
}

static void test_write_error(void)
{
    QTest *qts = start_bad("");

    command(qts, WRITE_SECTORS, BAD_LBA + 5, 1);
    g_assert_cmphex(wait_idle(qts) & (DRQ | ERR), ==, DRQ);
    for (unsigned i = 0; i < SECTOR / 2; i++) {
        qtest_outw(qts, DATA, 0x2222);
    }
    assert_failed(qts, ABRT, BAD_LBA + 5);
    qtest_quit(qts);
}

static void run_dma(QTest *qts, uint8_t code, uint32_t lba, uint8_t count)
{
    qtest_writel(qts, PRD, BUFFER);
    qtest_writel(qts, PRD + 4, 0x80000000u | count * SECTOR);
    qtest_outl(qts, BM_PRD, PRD);
    qtest_outb(qts, BM_STATUS, BM_INTR); /* of the command before */
    command(qts, code, lba, count);
    qtest_outb(qts, BMBASE, BM_START | (code == READ_DMA ? BM_TO_MEMORY : 0));
    wait_idle(qts);
    while (!(qtest_inb(qts, BM_STATUS) & BM_INTR)) {
    }
}

/* The engine knows nothing of the medium: it ends with the disk's interrupt. */
static void test_dma_errors(void)
{
    QTest *qts = start_bad("");

    run_dma(qts, READ_DMA, BAD_LBA + 2, 1);
    assert_failed(qts, UNC, BAD_LBA + 2);
    qtest_outb(qts, BMBASE, 0);
    run_dma(qts, WRITE_DMA, BAD_LBA + 3, 1);
    assert_failed(qts, ABRT, BAD_LBA + 3);
    qtest_outb(qts, BMBASE, 0);
    g_assert_cmphex(qtest_inb(qts, BM_STATUS) & BM_ACTIVE, ==, 0);
    qtest_quit(qts);
}

/* rerror=ignore and werror=ignore: the guest sees no errors. */
static void test_ignored_errors(void)
{
    uint16_t sector[SECTOR / 2];
    QTest *qts = start_bad(",rerror=ignore,werror=ignore");

    command(qts, READ_SECTORS, BAD_LBA, 1);
    take_sector(qts, sector);
    run_dma(qts, WRITE_DMA, BAD_LBA + 3, 1);
    g_assert_cmphex(qtest_inb(qts, STATUS) & (DRDY | DRQ | ERR), ==, DRDY);
    command(qts, FLUSH_CACHE, 0, 0);
    g_assert_cmphex(wait_idle(qts) & (DRDY | ERR), ==, DRDY);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ide-disk/geometry", test_geometry);
    g_test_add_func("/ide-disk/given-geometry", test_given_geometry);
    g_test_add_func("/ide-disk/read-error", test_read_error);
    g_test_add_func("/ide-disk/write-error", test_write_error);
    g_test_add_func("/ide-disk/dma-errors", test_dma_errors);
    g_test_add_func("/ide-disk/ignored-errors", test_ignored_errors);
    return g_test_run();
}
