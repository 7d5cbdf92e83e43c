/*
 * PIIX3's bus-master IDE function with ATA disks, by the bus-master IDE interface 1.0.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "tests/qtest/ide.h"

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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ide/dma-read", test_dma_read);
    g_test_add_func("/ide/dma-large", test_dma_large);
    g_test_add_func("/ide/dma-write", test_dma_write);
    g_test_add_func("/ide/dma-list-length", test_dma_list_length);
    g_test_add_func("/ide/no-bus-master", test_no_bus_master);
    g_test_add_func("/ide/dma-start-first", test_dma_start_first);
    g_test_add_func("/ide/bm-registers", test_bm_registers);
    g_test_add_func("/ide/trim", test_trim);
    return g_test_run();
}
