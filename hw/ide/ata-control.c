/*
 * Hard disks: commands that move no sectors. ATA/ATAPI-6 (T13/1410D),
 * chapter 8.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/ide/ide-int.h"
#include <string.h>

/* NOP always aborts (8.23). */
void ata_cmd_nop(IDEDevice *d, const AtaCommand *cmd)
{
    ide_fail(d, ERROR_ABRT);
}

void ata_cmd_done(IDEDevice *d, const AtaCommand *cmd)
{
    ide_complete(d);
}

static void reply_sector(IDEDevice *d)
{
    ide_pio_begin(d, PIO_REPLY, 0, SECTOR_SIZE);
    ide_raise_irq(d);
}

void ata_cmd_identify(IDEDevice *d, const AtaCommand *cmd)
{
    ata_identify(d, d->buf);
    reply_sector(d);
}

/* --- settings ------------------------------------------------------------- */

void ata_cmd_set_multiple(IDEDevice *d, const AtaCommand *cmd)
{
    uint8_t n = d->count.cur;

    if (n > MAX_MULTIPLE || (n & (n - 1))) {
        ide_fail(d, ERROR_ABRT);
        return;
    }
    d->multiple = n;
    ide_complete(d);
}

/* The logical geometry of CHS addresses: sectors in the count register, last head in Device. */
void ata_cmd_init_params(IDEDevice *d, const AtaCommand *cmd)
{
    if (!d->count.cur) {
        ide_fail(d, ERROR_ABRT);
        return;
    }
    d->cur_secs = d->count.cur;
    d->cur_heads = (d->device & 0x0f) + 1;
    ide_complete(d);
}

/* SET FEATURES 03h: bits 7-3 of the count say the kind, 2-0 the mode (8.46.9). */
static bool set_transfer_mode(IDEDevice *d)
{
    static const uint8_t highest[32] = {
        [0] = 1,      /* PIO default, without IORDY */
        [1] = 4,      /* PIO with IORDY */
        [2] = 2,      /* single word DMA, retired */
        [4] = 2,      /* multiword DMA */
        [8] = 5,      /* Ultra DMA */
    };
    uint8_t kind = d->count.cur >> 3, mode = d->count.cur & 7;
    bool known = kind == 0 || highest[kind];

    if (!known || mode > highest[kind]) {
        return false;
    }
    if (kind > 1) {
        d->transfer_mode = d->count.cur;
    }
    return true;
}

static void cache_flushed(void *opaque, int ret)
{
    IDEDevice *d = opaque;

    d->req = NULL;
    if (ret < 0) {
        ide_fail(d, ERROR_ABRT);
    } else {
        ide_complete(d);
    }
}

void ata_cmd_set_features(IDEDevice *d, const AtaCommand *cmd)
{
    switch (d->feature.cur) {
    case 0x02: /* enable write cache */
        d->write_cache = true;
        break;
    case 0x82: /* disable write cache */
        d->write_cache = false;
        ide_blk_flush(d, cache_flushed);
        return;
    case 0x03:
        if (!set_transfer_mode(d)) {
            ide_fail(d, ERROR_ABRT);
            return;
        }
        break;
    case 0x55: /* disable read look-ahead */
    case 0xaa: /* enable read look-ahead */
        d->read_ahead = d->feature.cur == 0xaa;
        break;
    case 0x66: /* keep settings over a software reset: they always are */
    case 0xcc: /* revert to power-on defaults at a software reset */
        break;
    default:
        ide_fail(d, ERROR_ABRT);
        return;
    }
    ide_complete(d);
}

/* --- power ---------------------------------------------------------------- */

void ata_cmd_power(IDEDevice *d, const AtaCommand *cmd)
{
    switch (d->command) {
    case 0xe0: case 0xe2: case 0x94: case 0x96: /* STANDBY IMMEDIATE, STANDBY */
    case 0xe6: case 0x99:                       /* SLEEP */
        d->power_mode = 0x00;
        break;
    default:                                    /* IDLE IMMEDIATE, IDLE */
        d->power_mode = 0xff;
        break;
    }
    ide_complete(d);
}

void ata_cmd_check_power(IDEDevice *d, const AtaCommand *cmd)
{
    d->count.cur = d->power_mode;
    ide_complete(d);
}

/* --- host protected area -------------------------------------------------- */

void ata_cmd_native_max(IDEDevice *d, const AtaCommand *cmd)
{
    bool ext = cmd->flags & ATA_EXT;
    uint64_t last = d->native_sectors - 1;

    if (!(d->device & DEVICE_LBA)) {
        ide_fail(d, ERROR_ABRT);
        return;
    }
    ata_set_lba(d, ext, ext ? last : MIN(last, 0x0fffffff));
    d->after_native_max = true;
    ide_complete(d);
}

/* SET MAX ADDRESS, valid straight after READ NATIVE MAX ADDRESS; kept until power-off whatever
 * bit 0 of the count says. The other functions of F9h are the password set: refused. */
void ata_cmd_set_max(IDEDevice *d, const AtaCommand *cmd)
{
    bool ext = cmd->flags & ATA_EXT;
    uint64_t low = d->lba_low.cur | d->lba_mid.cur << 8 | (uint64_t)d->lba_high.cur << 16;
    uint64_t high = d->lba_low.prev | d->lba_mid.prev << 8 | (uint64_t)d->lba_high.prev << 16;
    uint64_t last = low | (ext ? high << 24 : (uint64_t)(d->device & 0x0f) << 24);

    if (!d->after_native_max || (!ext && d->feature.cur) || !(d->device & DEVICE_LBA)) {
        d->after_native_max = false;
        ide_fail(d, ERROR_ABRT);
        return;
    }
    d->after_native_max = false;
    if (last >= d->native_sectors) {
        ide_fail(d, ERROR_IDNF);
        return;
    }
    d->max_sectors = last + 1;
    ide_complete(d);
}

/* --- SMART ---------------------------------------------------------------- */

enum { SMART_MID = 0x4f, SMART_HIGH = 0xc2 };

/* The last byte makes the sum of all 512 zero. */
static void smart_checksum(uint8_t *buf)
{
    uint8_t sum = 0;

    for (int i = 0; i < SECTOR_SIZE - 1; i++) {
        sum += buf[i];
    }
    buf[SECTOR_SIZE - 1] = -sum;
}

typedef struct SmartAttribute {
    uint8_t id;
    uint16_t flags;
    uint8_t value, worst, raw, threshold;
} SmartAttribute;

static const SmartAttribute attributes[] = {
    { 1, 0x03, 100, 100, 0, 6 },     /* raw read error rate */
    { 3, 0x03, 100, 100, 16, 0 },    /* spin-up time */
    { 4, 0x02, 100, 100, 100, 20 },  /* start/stop count */
    { 5, 0x03, 100, 100, 0, 36 },    /* reallocated sectors */
    { 9, 0x03, 100, 100, 1, 0 },     /* power-on hours */
    { 12, 0x03, 100, 100, 0, 0 },    /* power cycles */
    { 190, 0x03, 69, 69, 31, 50 },   /* airflow temperature, degrees Celsius */
};

static void smart_data(uint8_t *buf)
{
    buf[0] = 1; /* revision */
    for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++) {
        const SmartAttribute *a = &attributes[i];
        uint8_t *entry = buf + 2 + 12 * i;
        entry[0] = a->id;
        entry[1] = a->flags;
        entry[3] = a->value;
        entry[4] = a->worst;
        entry[5] = a->raw;
    }
    buf[362] = 0x02; /* off-line data collection finished */
    buf[367] = 0x19; /* off-line immediate, suspended by a command, self-test */
    buf[368] = 0x03; /* saves before standby, supports autosave */
    buf[370] = 0x01; /* error logging */
    buf[372] = 0x02; /* minutes for a short self-test */
    buf[373] = 0x36; /* minutes for an extended self-test */
}

static void smart_thresholds(uint8_t *buf)
{
    buf[0] = 1;
    for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++) {
        buf[2 + 12 * i] = attributes[i].id;
        buf[2 + 12 * i + 1] = attributes[i].threshold;
    }
}

/* Logs: 0 the directory, 1 the error summary, 6 the self-tests; all without entries. */
static bool smart_log(uint8_t log, uint8_t *buf)
{
    buf[0] = 1;
    if (log == 0) {
        buf[2 * 1] = buf[2 * 6] = 1; /* sectors in log 1 and 6 */
        return true;
    }
    smart_checksum(buf);
    return log == 1 || log == 6;
}

static void smart_reply(IDEDevice *d, uint8_t function)
{
    memset(d->buf, 0, SECTOR_SIZE);
    if (function == 0xd5) {
        if (d->count.cur != 1 || !smart_log(d->lba_low.cur, d->buf)) {
            ide_fail(d, ERROR_ABRT);
            return;
        }
    } else if (function == 0xd0) {
        smart_data(d->buf);
        smart_checksum(d->buf);
    } else {
        smart_thresholds(d->buf);
        smart_checksum(d->buf);
    }
    reply_sector(d);
}

void ata_cmd_smart(IDEDevice *d, const AtaCommand *cmd)
{
    uint8_t function = d->feature.cur;

    if (d->lba_mid.cur != SMART_MID || d->lba_high.cur != SMART_HIGH
        || (!d->smart_enabled && function != 0xd8)) {
        ide_fail(d, ERROR_ABRT);
        return;
    }
    switch (function) {
    case 0xd0: /* READ DATA */
    case 0xd1: /* READ ATTRIBUTE THRESHOLDS */
    case 0xd5: /* READ LOG */
        smart_reply(d, function);
        return;
    case 0xd8: /* ENABLE OPERATIONS */
    case 0xd9: /* DISABLE OPERATIONS */
        d->smart_enabled = function == 0xd8;
        break;
    case 0xd2: /* ENABLE/DISABLE ATTRIBUTE AUTOSAVE */
    case 0xd3: /* SAVE ATTRIBUTE VALUES */
    case 0xd4: /* EXECUTE OFF-LINE IMMEDIATE: done at once */
    case 0xda: /* RETURN STATUS: unchanged mid and high mean no threshold is exceeded */
        break;
    default:
        ide_fail(d, ERROR_ABRT);
        return;
    }
    ide_complete(d);
}
