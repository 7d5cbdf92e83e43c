/*
 * The IDE data port as the string instructions of a CPU read it: in runs that end with the block
 * that DRQ announces.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include "tests/state/machines.h"

enum { DATA = 0x1f0, SECTORS = 0x1f2, LBA_LOW = 0x1f3, SELECT = 0x1f6, STATUS_COMMAND = 0x1f7,
       DRQ = 0x08, BSY = 0x80, SECTOR = 512 };

static unsigned read_run(TestMachine *t, void *buf, unsigned size, unsigned count)
{
    return address_space_load_run(&t->m->io_as, DATA, size, buf, count);
}

static void command(TestMachine *t, uint8_t cmd, unsigned lba, unsigned sectors)
{
    out(t, SELECT, 1, 0xe0);
    out(t, SECTORS, 1, sectors);
    out(t, LBA_LOW, 1, lba);
    out(t, STATUS_COMMAND, 1, cmd);
    settle(t);
    g_assert_cmphex(in(t, STATUS_COMMAND, 1) & (DRQ | BSY), ==, DRQ);
}

/* What machines.c puts on the disk. */
static void assert_pattern(const uint8_t *buf, size_t at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        g_assert_cmphex(buf[i], ==, (uint8_t)((at + i) * 7 + ((at + i) >> 9)));
    }
}

static void test_blocks(void)
{
    TestMachine *t = test_machine_new(NULL);
    uint8_t buf[4 * SECTOR] = { 0 };

    g_assert_cmpuint(read_run(t, buf, 2, 256), ==, 0); /* no data */
    command(t, 0x20, 5, 2);
    g_assert_cmpuint(read_run(t, buf, 2, 100), ==, 100);
    g_assert_cmpuint(read_run(t, buf + 200, 4, 1000), ==, (SECTOR - 200) / 4);
    assert_pattern(buf, 5 * SECTOR, SECTOR);
    settle(t);
    g_assert_cmphex(in(t, STATUS_COMMAND, 1) & (DRQ | BSY), ==, DRQ);
    uint16_t word = in(t, DATA, 2);
    assert_pattern((uint8_t *)&word, 6 * SECTOR, 2);
    g_assert_cmpuint(read_run(t, buf + SECTOR + 2, 2, 1000), ==, 255);
    assert_pattern(buf + SECTOR + 2, 6 * SECTOR + 2, SECTOR - 2);
    settle(t);
    g_assert_cmphex(in(t, STATUS_COMMAND, 1) & (DRQ | BSY), ==, 0);
    g_assert_cmpuint(read_run(t, buf, 2, 256), ==, 0); /* all is done */
    command(t, 0xc4, 9, 4); /* READ MULTIPLE: the four are one block */
    g_assert_cmpuint(read_run(t, buf, 4, 1000), ==, SECTOR);
    assert_pattern(buf, 9 * SECTOR, 4 * SECTOR);
    test_machine_free(t);
}

/* Other registers, and data that the drive waits for, are read as ever. */
static void test_refused(void)
{
    TestMachine *t = test_machine_new(NULL);
    uint8_t buf[SECTOR];

    command(t, 0x20, 0, 1);
    g_assert_cmpuint(address_space_load_run(&t->m->io_as, SECTORS, 1, buf, 4), ==, 0);
    g_assert_cmpuint(address_space_load_run(&t->m->io_as, DATA + 1, 1, buf, 4), ==, 0);
    g_assert_cmpuint(read_run(t, buf, 2, 256), ==, 256);
    command(t, 0x30, 0, 1);
    g_assert_cmpuint(read_run(t, buf, 2, 256), ==, 0);
    out(t, SELECT, 1, 0xf0); /* no such drive */
    g_assert_cmpuint(read_run(t, buf, 2, 256), ==, 0);
    test_machine_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ide/run/blocks", test_blocks);
    g_test_add_func("/ide/run/refused", test_refused);
    return g_test_run();
}
