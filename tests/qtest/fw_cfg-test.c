/*
 * fw_cfg by its specification: selector, data port, DMA, the file directory.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <unistd.h>
#include "tests/lib/tmp.h"
#include "tests/qtest/libqtest.h"

enum { SELECTOR = 0x510, DATA = 0x511, DMA_HIGH = 0x514, DMA_LOW = 0x518 };
enum { KEY_SIGNATURE = 0, KEY_ID = 1, KEY_RAM_SIZE = 3, KEY_NB_CPUS = 5, KEY_MAX_CPUS = 15,
       KEY_FILE_DIR = 0x19 };
enum { CTL_ERROR = 1, CTL_READ = 2, CTL_SKIP = 4, CTL_SELECT = 8, CTL_WRITE = 16 };
enum { DESCRIPTOR = 0x10000, BUFFER = 0x20000 };

static void read_item(QTest *qts, uint16_t key, void *buf, size_t len)
{
    qtest_outw(qts, SELECTOR, key);
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)buf)[i] = qtest_inb(qts, DATA);
    }
}

static uint64_t read_int(QTest *qts, uint16_t key, size_t len)
{
    uint64_t val = 0;
    read_item(qts, key, &val, len);
    return GUINT64_FROM_LE(val);
}

static void test_items(void)
{
    QTest *qts = qtest_start("-machine pc -m 96 -smp 1");
    char signature[6];

    read_item(qts, KEY_SIGNATURE, signature, 6);
    g_assert_cmpmem(signature, 6, "QEMU\0\0", 6); /* zero past the end */
    g_assert_cmphex(read_int(qts, KEY_ID, 4), ==, 3); /* traditional and DMA */
    g_assert_cmpuint(read_int(qts, KEY_RAM_SIZE, 8), ==, 96 << 20);
    g_assert_cmpuint(read_int(qts, KEY_NB_CPUS, 2), ==, 1);
    g_assert_cmphex(read_int(qts, 0x3fff, 4), ==, 0); /* no such item */
    qtest_quit(qts);
}

typedef struct File {
    uint32_t size;
    uint16_t select, reserved;
    char name[56];
} File;

static uint32_t read_count(QTest *qts)
{
    uint32_t count;
    read_item(qts, KEY_FILE_DIR, &count, sizeof(count));
    return GUINT32_FROM_BE(count);
}

/* The next directory entry; the directory is selected and its count read. */
static void next_file(QTest *qts, File *file)
{
    for (size_t i = 0; i < sizeof(*file); i++) {
        ((uint8_t *)file)[i] = qtest_inb(qts, DATA);
    }
    file->size = GUINT32_FROM_BE(file->size);
    file->select = GUINT16_FROM_BE(file->select);
}

static bool find_file(QTest *qts, const char *name, File *file)
{
    for (uint32_t n = read_count(qts); n; n--) {
        next_file(qts, file);
        if (g_str_equal(file->name, name)) {
            return true;
        }
    }
    return false;
}

static void test_files(void)
{
    const char *path;
    int fd = tmp_file(&path);
    char buf[16] = "", last[56] = "";
    uint32_t count;
    File file;
    QTest *qts;

    g_assert_cmpint(write(fd, "from a file", 11), ==, 11);
    close(fd);
    qts = qtest_start("-machine pc -fw_cfg name=opt/test/text,string=hello "
                      "-fw_cfg name=opt/test/file,file=%s", path);
    g_assert_true(find_file(qts, "opt/test/text", &file));
    g_assert_cmpuint(file.size, ==, 5);
    read_item(qts, file.select, buf, 6);
    g_assert_cmpstr(buf, ==, "hello");
    g_assert_true(find_file(qts, "opt/test/file", &file));
    read_item(qts, file.select, buf, 11);
    g_assert_cmpstr(buf, ==, "from a file");
    g_assert_false(find_file(qts, "opt/test/none", &file));

    /* By name, with keys from 0x20 on. */
    count = read_count(qts);
    for (uint32_t i = 0; i < count; i++) {
        next_file(qts, &file);
        g_assert_cmpint(strcmp(last, file.name), <, 0);
        g_assert_cmphex(file.select, ==, 0x20 + i);
        memcpy(last, file.name, sizeof(last));
    }
    qtest_quit(qts);
}

static void start_dma(QTest *qts, uint32_t control, uint32_t length, uint64_t address)
{
    uint32_t be[4] = { GUINT32_TO_BE(control), GUINT32_TO_BE(length), GUINT32_TO_BE(address >> 32),
                       GUINT32_TO_BE((uint32_t)address) };

    qtest_memwrite(qts, DESCRIPTOR, be, sizeof(be));
    qtest_outl(qts, DMA_HIGH, 0);
    qtest_outl(qts, DMA_LOW, GUINT32_SWAP_LE_BE(DESCRIPTOR));
}

/* Runs one descriptor and returns what is left of its control word. */
static uint32_t run_dma(QTest *qts, uint32_t control, uint32_t length, uint64_t address)
{
    uint32_t left;

    start_dma(qts, control, length, address);
    qtest_memread(qts, DESCRIPTOR, &left, sizeof(left));
    return GUINT32_FROM_BE(left);
}

static void test_dma(void)
{
    QTest *qts = qtest_start("-machine pc -fw_cfg name=opt/test/text,string=0123456789");
    char buf[16];
    File file;

    g_assert_cmphex(qtest_inl(qts, DMA_HIGH), ==, 0x554d4551); /* "QEMU" */
    g_assert_cmphex(qtest_inl(qts, DMA_LOW), ==, 0x47464320);  /* " CFG" */
    g_assert_true(find_file(qts, "opt/test/text", &file));
    qtest_memset(qts, BUFFER, 0xff, 16);
    g_assert_cmphex(run_dma(qts, (uint32_t)file.select << 16 | CTL_SELECT | CTL_READ, 4, BUFFER),
                    ==, 0);
    g_assert_cmphex(run_dma(qts, CTL_SKIP, 2, 0), ==, 0);
    /* What lies past the end reads as zero. */
    g_assert_cmphex(run_dma(qts, CTL_READ, 6, BUFFER + 4), ==, 0);
    qtest_memread(qts, BUFFER, buf, 11);
    g_assert_cmpmem(buf, 11, "01236789\0\0\377", 11);
    /* A descriptor can only select. */
    g_assert_cmphex(run_dma(qts, CTL_SELECT, 0, 0), ==, 0);
    g_assert_cmphex(qtest_inb(qts, DATA), ==, 'Q');
    qtest_quit(qts);
}

static void test_dma_errors(void)
{
    QTest *qts = qtest_start("-machine pc -fw_cfg name=opt/test/text,string=0123456789");
    char buf[10];
    File file;

    g_assert_true(find_file(qts, "opt/test/text", &file));
    qtest_memset(qts, BUFFER, 'x', 16);
    /* A file of the host is not writable. */
    g_assert_cmphex(run_dma(qts, (uint32_t)file.select << 16 | CTL_SELECT | CTL_WRITE, 4, BUFFER),
                    ==, CTL_ERROR);
    read_item(qts, file.select, buf, sizeof(buf));
    g_assert_cmpmem(buf, sizeof(buf), "0123456789", 10);
    /* Nor is an item that is not there; reading it gives zeros. */
    g_assert_cmphex(run_dma(qts, 0x3ffe0000u | CTL_SELECT | CTL_WRITE, 4, BUFFER), ==, CTL_ERROR);
    g_assert_cmphex(run_dma(qts, 0x3ffe0000u | CTL_SELECT | CTL_READ, 4, BUFFER), ==, 0);
    g_assert_cmphex(qtest_readl(qts, BUFFER), ==, 0);
    qtest_quit(qts);
}

/* Devices by their bootindex, in the names that SeaBIOS knows them by. */
static void test_boot_order(void)
{
    static const char expected[] = "/pci@i0cf8/ide@1,1/drive@1/disk@0\n"
                                   "/pci@i0cf8/ide@1,1/drive@0/disk@1";
    QTest *qts = qtest_start("-machine pc -nodefaults "
                             "-drive if=none,id=a,driver=null-co,size=8M "
                             "-drive if=none,id=b,driver=null-co,size=8M "
                             "-drive if=none,id=c,driver=null-co,size=8M "
                             "-device ide-hd,drive=a,bus=ide.0,unit=0 "
                             "-device ide-hd,drive=b,bus=ide.0,unit=1,bootindex=7 "
                             "-device ide-cd,drive=c,bus=ide.1,unit=0,bootindex=2");
    char order[sizeof(expected)];
    File file;

    g_assert_true(find_file(qts, "bootorder", &file));
    g_assert_cmpuint(file.size, ==, sizeof(expected)); /* with its NUL */
    read_item(qts, file.select, order, sizeof(order));
    g_assert_cmpstr(order, ==, expected);
    qtest_quit(qts);
}

/* The table "APIC" among the ACPI tables; the caller frees it. */
static uint8_t *read_madt(QTest *qts, size_t *len)
{
    File file;
    uint32_t table_len;

    g_assert_true(find_file(qts, "etc/acpi/tables", &file));
    g_autofree uint8_t *tables = g_malloc(file.size);
    read_item(qts, file.select, tables, file.size);
    for (uint8_t *p = tables; p + 8 < tables + file.size; p++) {
        memcpy(&table_len, p + 4, 4);
        if (memcmp(p, "APIC", 4) == 0 && table_len <= file.size - (p - tables)) {
            *len = table_len;
            return g_memdup2(p, table_len);
        }
    }
    g_error("there is no MADT");
}

/* ACPI 5.2.12: processor local APICs (type 0) hold the IDs, which have gaps where cores or threads
 * are no power of two. */
static void check_apic_ids(const char *smp, const uint8_t *ids, size_t n)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -smp %s", smp);
    size_t len, found = 0;
    g_autofree uint8_t *madt = read_madt(qts, &len);

    for (size_t at = 44; at < len; at += madt[at + 1]) {
        if (madt[at] == 0) {
            g_assert_cmpuint(found, <, n);
            g_assert_cmpuint(madt[at + 2], ==, found); /* processor UID */
            g_assert_cmpuint(madt[at + 3], ==, ids[found++]);
            g_assert_cmpuint(madt[at + 4], ==, 1); /* enabled */
        }
    }
    g_assert_cmpuint(found, ==, n);
    g_assert_cmpuint(read_int(qts, KEY_NB_CPUS, 2), ==, n);
    g_assert_cmpuint(read_int(qts, KEY_MAX_CPUS, 2), ==, ids[n - 1] + 1); /* APIC IDs, really */
    qtest_quit(qts);
}

static void test_apic_ids(void)
{
    static const uint8_t even[] = { 0, 1, 2, 3 }, three[] = { 0, 1, 2, 4, 5, 6 },
                         threads[] = { 0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13 };

    check_apic_ids("4", even, sizeof(even));
    check_apic_ids("6,sockets=2,cores=3,threads=1", three, sizeof(three));
    check_apic_ids("12,sockets=2,cores=3,threads=2", threads, sizeof(threads));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fw_cfg/items", test_items);
    g_test_add_func("/fw_cfg/files", test_files);
    g_test_add_func("/fw_cfg/dma", test_dma);
    g_test_add_func("/fw_cfg/dma-errors", test_dma_errors);
    g_test_add_func("/fw_cfg/apic-ids", test_apic_ids);
    g_test_add_func("/fw_cfg/boot-order", test_boot_order);
    return g_test_run();
}
