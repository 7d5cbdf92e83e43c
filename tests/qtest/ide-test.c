/*
 * PIIX3 IDE and ATA disks: identification, registers, resets, commands without data, features,
 * SMART. ATA/ATAPI-6. Runs on QEMU too; what both need not agree on (SET MAX, ...) has tests of
 * its own.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "tests/qtest/ide.h"

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

static void test_two_drives(void)
{
    const char *second = make_image(DISK_SIZE / 2, 0);
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
    g_test_add_func("/ide/no-data-commands", test_no_data_commands);
    g_test_add_func("/ide/native-max", test_native_max);
    g_test_add_func("/ide/set-features", test_set_features);
    g_test_add_func("/ide/smart", test_smart);
    g_test_add_func("/ide/two-drives", test_two_drives);
    g_test_add_func("/ide/set-max", test_set_max);
    return g_test_run();
}
