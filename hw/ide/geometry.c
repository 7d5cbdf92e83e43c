/*
 * The geometry of a hard disk: given by properties, or from the partition
 * table that was made with one, or by size.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/ide/ide-int.h"

/* CMOS codes of the BIOS's translation */
enum { TRANSLATION_NONE, TRANSLATION_LBA, TRANSLATION_LARGE };

/* Partitions end at the last sector of a track; that tells heads and sectors. */
static bool geometry_from_mbr(IDEDevice *d, uint32_t *heads, uint32_t *secs)
{
    uint8_t mbr[SECTOR_SIZE];

    if (blk_pread(ide_blk(d), 0, mbr, sizeof(mbr)) < 0 || mbr[510] != 0x55 || mbr[511] != 0xaa) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        const uint8_t *entry = mbr + 446 + 16 * i;
        uint32_t sectors = entry[12] | entry[13] << 8 | entry[14] << 16 | (uint32_t)entry[15] << 24;
        *heads = entry[5] + 1;
        *secs = entry[6] & 63;
        if (sectors && *heads > 1 && *secs) {
            uint64_t cyls = d->native_sectors / (*heads * *secs);
            return cyls >= 1 && cyls <= 16383;
        }
    }
    return false;
}

static void geometry_by_size(IDEDevice *d)
{
    d->heads = 16;
    d->secs = 63;
    d->cyls = CLAMP(d->native_sectors / (16 * 63), 2, 16383);
}

static void guess(IDEDevice *d)
{
    uint32_t heads, secs;

    if (!geometry_from_mbr(d, &heads, &secs)) {
        geometry_by_size(d);
        d->translation = d->cyls <= 1024 ? TRANSLATION_NONE : TRANSLATION_LBA;
    } else if (heads > 16) {
        geometry_by_size(d); /* the table was made with a translated geometry */
        d->translation = d->cyls * d->heads <= 131072 ? TRANSLATION_LARGE : TRANSLATION_LBA;
    } else {
        d->heads = heads;
        d->secs = secs;
        d->cyls = d->native_sectors / (heads * secs);
        d->translation = TRANSLATION_NONE;
    }
}

bool ide_guess_geometry(IDEDevice *d, Error **errp)
{
    if (!d->cyls && !d->heads && !d->secs) {
        guess(d);
        return true;
    }
    if (d->cyls < 1 || d->cyls > 65535 || d->heads < 1 || d->heads > 16 || d->secs < 1
        || d->secs > 255) {
        error_setg(errp, "%s: cyls=%u,heads=%u,secs=%u is not a geometry of an IDE disk; cyls must "
                   "be 1 to 65535, heads 1 to 16, secs 1 to 255", object_get_typename(d), d->cyls,
                   d->heads, d->secs);
        return false;
    }
    d->translation = d->cyls <= 1024 ? TRANSLATION_NONE : TRANSLATION_LBA;
    return true;
}
