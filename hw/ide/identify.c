/*
 * IDENTIFY DEVICE and IDENTIFY PACKET DEVICE data. ATA/ATAPI-6 (T13/1410D),
 * 8.15 and 8.16; words 69, 105, 169, 217: ACS-2.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/ide/ide-int.h"
#include <string.h>

static void put_word(uint8_t *buf, unsigned word, uint16_t val)
{
    buf[2 * word] = val;
    buf[2 * word + 1] = val >> 8;
}

static void put_dword(uint8_t *buf, unsigned word, uint32_t val)
{
    put_word(buf, word, val);
    put_word(buf, word + 1, val >> 16);
}

/* Text is padded with spaces, first character in the high byte of a word. */
static void put_text(uint8_t *buf, unsigned word, unsigned words, const char *text)
{
    size_t len = strlen(text);

    for (unsigned i = 0; i < 2 * words; i++) {
        buf[2 * word + (i ^ 1)] = i < len ? text[i] : ' ';
    }
}

static void put_names(const IDEDevice *d, uint8_t *buf)
{
    put_text(buf, 10, 10, d->serial);
    put_word(buf, 20, 3);   /* retired: buffer type */
    put_word(buf, 21, 512); /* retired: buffer of 256 KiB */
    put_word(buf, 22, 4);   /* retired: ECC bytes */
    put_text(buf, 23, 4, d->version);
    put_text(buf, 27, 20, d->model);
}

/* Supported modes in the low byte, the selected one above. */
static void put_transfer_modes(const IDEDevice *d, uint8_t *buf)
{
    uint8_t kind = d->transfer_mode >> 3, selected = 1u << (d->transfer_mode & 7);

    put_word(buf, 62, 0x07 | (kind == 2 ? selected << 8 : 0));     /* single word DMA */
    put_word(buf, 63, 0x07 | (kind == 4 ? selected << 8 : 0));     /* multiword DMA */
    put_word(buf, 88, 0x3f | (kind == 8 || !d->transfer_mode       /* Ultra DMA */
                              ? (kind == 8 ? selected : 0x20) << 8 : 0));
    put_word(buf, 64, 0x03); /* PIO 3 and 4 */
}

static void put_geometry(const IDEDevice *d, uint8_t *buf)
{
    uint64_t track_sectors = (uint64_t)d->cur_heads * d->cur_secs;
    uint64_t cyls = MIN(d->max_sectors / track_sectors, d->cyls);

    put_word(buf, 1, d->cyls);
    put_word(buf, 3, d->heads);
    put_word(buf, 4, 512 * d->secs);
    put_word(buf, 5, 512);
    put_word(buf, 6, d->secs);
    put_word(buf, 53, 0x07); /* words 54-58, 64-70 and 88 are valid */
    put_word(buf, 54, cyls);
    put_word(buf, 55, d->cur_heads);
    put_word(buf, 56, d->cur_secs);
    put_dword(buf, 57, cyls * track_sectors);
    put_word(buf, 59, d->multiple ? 0x100 | d->multiple : 0);
}

/* Words 82-84 say what there is, 85-87 what is switched on. */
static void put_features(const IDEDevice *d, uint8_t *buf)
{
    enum { SMART = 1 << 0, WRITE_CACHE = 1 << 5, LOOK_AHEAD = 1 << 6, HPA = 1 << 10,
           NOP = 1 << 14 };
    enum { LBA48 = 1 << 10, FLUSH_CACHE = 1 << 12, FLUSH_CACHE_EXT = 1 << 13, VALID = 1 << 14 };
    enum { WWN = 1 << 8 };
    uint16_t wwn = d->wwn ? WWN : 0;

    put_word(buf, 80, 0xf0); /* ATA-4 to ATA-7 */
    put_word(buf, 81, 0x16); /* minor version: ATA/ATAPI-5 */
    put_word(buf, 82, NOP | HPA | LOOK_AHEAD | WRITE_CACHE | SMART);
    put_word(buf, 83, VALID | FLUSH_CACHE_EXT | FLUSH_CACHE | LBA48);
    put_word(buf, 84, VALID | wwn);
    put_word(buf, 85, NOP | HPA | (d->read_ahead ? LOOK_AHEAD : 0)
                      | (d->write_cache ? WRITE_CACHE : 0) | (d->smart_enabled ? SMART : 0));
    put_word(buf, 86, FLUSH_CACHE_EXT | FLUSH_CACHE | LBA48);
    put_word(buf, 87, VALID | wwn);
}

static void put_capacity(const IDEDevice *d, uint8_t *buf)
{
    unsigned shift = g_bit_nth_msf(d->physical_block_size / SECTOR_SIZE, -1);

    put_dword(buf, 60, MIN(d->max_sectors, 0x0fffffff));
    put_dword(buf, 100, d->max_sectors);
    put_dword(buf, 102, d->max_sectors >> 32);
    put_word(buf, 106, 0x6000 | shift); /* logical sectors in a physical one */
}

void ata_identify(const IDEDevice *d, uint8_t *buf)
{
    memset(buf, 0, SECTOR_SIZE);
    put_word(buf, 0, 0x0040); /* a disk that is not removable */
    put_names(d, buf);
    put_word(buf, 47, 0x8000 | MAX_MULTIPLE);
    put_word(buf, 48, 1);      /* retired: 32-bit data port */
    put_word(buf, 49, 0x0b00); /* IORDY, LBA, DMA */
    put_word(buf, 51, 0x200);  /* retired: PIO and DMA timing modes */
    put_word(buf, 52, 0x200);
    put_geometry(d, buf);
    put_transfer_modes(d, buf);
    for (unsigned word = 65; word <= 68; word++) {
        put_word(buf, word, 120); /* shortest cycles, ns */
    }
    put_features(d, buf);
    put_capacity(d, buf);
    put_word(buf, 69, 0x4000); /* trimmed sectors read the same every time */
    put_word(buf, 93, 0x6001); /* 80-conductor cable seen, device 0 by jumper */
    for (unsigned i = 0; i < 4; i++) {
        put_word(buf, 108 + i, d->wwn >> (48 - 16 * i));
    }
    put_word(buf, 169, 1);     /* DATA SET MANAGEMENT: TRIM */
    put_word(buf, 217, d->rotation_rate);
}

void atapi_identify(const IDEDevice *d, uint8_t *buf)
{
    memset(buf, 0, SECTOR_SIZE);
    put_word(buf, 0, 0x85c0);  /* CD-ROM, removable, DRQ within 50 us, 12-byte packets */
    put_names(d, buf);
    put_word(buf, 48, 1);
    put_word(buf, 49, 0x0300); /* LBA, DMA */
    put_word(buf, 53, 0x07);
    put_transfer_modes(d, buf);
    put_word(buf, 65, 0xb4);
    put_word(buf, 66, 0xb4);
    put_word(buf, 67, 0x12c);
    put_word(buf, 68, 0xb4);
    put_word(buf, 71, 30);     /* ns to release the bus */
    put_word(buf, 72, 30);
    put_word(buf, 80, 0x1e);   /* ATA-1 to ATA-4 */
    for (unsigned i = 0; i < 4; i++) {
        put_word(buf, 108 + i, d->wwn >> (48 - 16 * i));
    }
    put_word(buf, 84, d->wwn ? 0x4100 : 0);
    put_word(buf, 87, d->wwn ? 0x4100 : 0);
}
