/*
 * CD drives: the packet commands by ATA/ATAPI-6 and MMC-4.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "tests/qtest/ide.h"

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
    g_test_add_func("/ide/atapi/identify", test_atapi_identify);
    g_test_add_func("/ide/atapi/pio", test_atapi_pio);
    g_test_add_func("/ide/atapi/dma", test_atapi_dma);
    g_test_add_func("/ide/atapi/tables", test_atapi_tables);
    g_test_add_func("/ide/atapi/errors", test_atapi_errors);
    g_test_add_func("/ide/atapi/raw", test_atapi_raw);
    g_test_add_func("/ide/atapi/tray", test_atapi_tray);
    g_test_add_func("/ide/atapi/empty", test_atapi_empty);
    g_test_add_func("/ide/atapi/unit-attention", test_atapi_unit_attention);
    return g_test_run();
}
