/*
 * What the tests of IDE drives share; see ide.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "tests/lib/tmp.h"
#include "tests/qtest/ide.h"

bool on_qemu(void)
{
    return strstr(g_getenv("QTEST_BINARY"), "qemu-system") != NULL;
}

static uint8_t pattern(uint64_t offset)
{
    return offset / SECTOR * 7 + offset;
}

const char *make_image(size_t size, size_t filled)
{
    g_autofree uint8_t *data = g_malloc(filled + 1);
    const char *path;
    int fd = tmp_file(&path);

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

void pci_write(QTest *qts, unsigned reg, uint32_t val)
{
    qtest_outl(qts, 0xcf8, pci_address(reg));
    qtest_outl(qts, 0xcfc, val);
}

uint32_t pci_read(QTest *qts, unsigned reg)
{
    qtest_outl(qts, 0xcf8, pci_address(reg));
    return qtest_inl(qts, 0xcfc);
}

Ide ide_start(size_t size, size_t filled, const char *drive, const char *more)
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

Ide disk_start(const char *more)
{
    g_autofree char *device = g_strdup_printf(
        "-device ide-hd,drive=d0,bus=ide.0,unit=0,serial=testdisk %s", more);
    return ide_start(DISK_SIZE, 4 << 20, "if=none,id=d0", device);
}

void ide_stop(Ide *ide)
{
    qtest_quit(ide->qts);
    unlink(ide->path);
}

uint8_t in(Ide *ide, unsigned reg)
{
    return qtest_inb(ide->qts, ide->base + reg);
}

void out(Ide *ide, unsigned reg, uint8_t val)
{
    qtest_outb(ide->qts, ide->base + reg, val);
}

uint8_t wait_idle(Ide *ide)
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

void wait_irq(Ide *ide)
{
    for (int i = 0; i < 50000; i++) {
        if (qtest_get_irq(ide->qts, ide->irq)) {
            return;
        }
        in(ide, CONTROL);
    }
    g_error("no interrupt");
}

uint8_t take_irq(Ide *ide)
{
    wait_irq(ide);
    uint8_t status = in(ide, STATUS);
    g_assert_false(qtest_get_irq(ide->qts, ide->irq));
    return status;
}

void set_lba28(Ide *ide, uint32_t lba, uint8_t count)
{
    out(ide, DEVICE, LBA | lba >> 24);
    out(ide, COUNT, count);
    out(ide, LBA_LOW, lba);
    out(ide, LBA_MID, lba >> 8);
    out(ide, LBA_HIGH, lba >> 16);
}

void set_lba48(Ide *ide, uint64_t lba, uint16_t count)
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

void read_words(Ide *ide, void *buf, size_t len)
{
    uint16_t *p = buf;
    for (size_t i = 0; i < len / 2; i++) {
        p[i] = qtest_inw(ide->qts, ide->base);
    }
}

void write_words(Ide *ide, const void *buf, size_t len)
{
    const uint16_t *p = buf;
    for (size_t i = 0; i < len / 2; i++) {
        qtest_outw(ide->qts, ide->base, p[i]);
    }
}

void assert_pattern(const uint8_t *buf, uint64_t offset, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (buf[i] != pattern(offset + i)) {
            g_error("byte %zu of %" PRIu64 " is 0x%02x, not 0x%02x", i, offset, buf[i],
                    pattern(offset + i));
        }
    }
}

void assert_file(Ide *ide, uint64_t offset, const void *expected, size_t len)
{
    g_autofree uint8_t *buf = g_malloc(len);
    int fd = open(ide->path, O_RDONLY);

    g_assert_cmpint(pread(fd, buf, len, offset), ==, len);
    close(fd);
    g_assert_cmpmem(buf, len, expected, len);
}

void assert_fails(Ide *ide, uint8_t command, uint8_t error)
{
    out(ide, COMMAND, command);
    uint8_t status = take_irq(ide);
    g_assert_cmphex(status & (BSY | DRQ | ERR), ==, ERR);
    g_assert_cmphex(in(ide, ERROR), ==, error);
}

void assert_completes(Ide *ide, uint8_t command)
{
    out(ide, COMMAND, command);
    g_assert_cmphex(take_irq(ide) & ~DSC, ==, DRDY); /* QEMU leaves DSC out of some */
}

void identify(Ide *ide, uint8_t command, uint16_t *id)
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

void assert_id_text(const uint16_t *id, unsigned word, unsigned words, const char *text)
{
    g_autofree char *got = id_text(id, word, words);
    g_assert_cmpstr(got, ==, text);
}

void pio_read(Ide *ide, uint8_t command, unsigned blocks, size_t block_len,
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

void write_prds(Ide *ide, const Region *regions, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        qtest_writel(ide->qts, PRD + 8 * i, regions[i].addr);
        qtest_writel(ide->qts, PRD + 8 * i + 4,
                     (regions[i].len & 0xfffe) | (i == n - 1 ? PRD_EOT : 0));
    }
    qtest_outl(ide->qts, BMBASE + BM_PRD, PRD);
}

uint8_t dma(Ide *ide, uint8_t command, bool to_memory, const Region *regions, size_t n,
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

void assert_memory(Ide *ide, uint32_t addr, uint64_t offset, size_t len)
{
    g_autofree uint8_t *buf = g_malloc(len);
    qtest_memread(ide->qts, addr, buf, len);
    assert_pattern(buf, offset, len);
}
