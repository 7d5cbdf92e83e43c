/*
 * ATA disks: data by PIO, and the addresses of sectors: CHS, 28 and 48 bits, out of range. ATA/ATAPI-6.
 * Runs on QEMU too; what both need not agree on (IDNF against ABRT, ...) has tests of its own.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "tests/qtest/ide.h"

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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ide/pio-read", test_pio_read);
    g_test_add_func("/ide/pio-multiple-tail", test_pio_multiple_tail);
    g_test_add_func("/ide/pio-write", test_pio_write);
    g_test_add_func("/ide/chs", test_chs);
    g_test_add_func("/ide/lba48-high", test_lba48_high);
    g_test_add_func("/ide/chs-errors", test_chs_errors);
    g_test_add_func("/ide/out-of-range", test_out_of_range);
    return g_test_run();
}
