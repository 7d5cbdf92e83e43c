/*
 * Hard disks: the command table, addressing, and commands that move data.
 * ATA/ATAPI-6 (T13/1410D), chapter 8; DATA SET MANAGEMENT: ACS-2 7.10.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/ide/ide-int.h"
#include <errno.h>
#include <string.h>
#include "util/trace.h"

TRACE_EVENT(ata_transfer, "unit %u command 0x%02x lba %" PRIu64 " sectors %u");
TRACE_EVENT(ata_io_error, "unit %u command 0x%02x lba %" PRIu64 " errno %d");
TRACE_EVENT(ata_trim, "unit %u lba %" PRIu64 " sectors %u");

/* --- addresses ------------------------------------------------------------ */

static bool get_lba(const IDEDevice *d, bool ext, uint64_t *lba)
{
    uint32_t low = d->lba_low.cur | d->lba_mid.cur << 8 | d->lba_high.cur << 16;

    if (ext) {
        uint64_t high = d->lba_low.prev | d->lba_mid.prev << 8 | d->lba_high.prev << 16;
        *lba = high << 24 | low;
    } else if (d->device & DEVICE_LBA) {
        *lba = low | (uint32_t)(d->device & 0x0f) << 24;
    } else {
        uint32_t cyl = d->lba_mid.cur | d->lba_high.cur << 8, head = d->device & 0x0f;
        uint32_t sector = d->lba_low.cur;
        if (sector == 0 || sector > d->cur_secs || head >= d->cur_heads) {
            return false;
        }
        *lba = ((uint64_t)cyl * d->cur_heads + head) * d->cur_secs + sector - 1;
    }
    return true;
}

void ata_set_lba(IDEDevice *d, bool ext, uint64_t lba)
{
    if (!ext && !(d->device & DEVICE_LBA)) {
        uint32_t track = lba / d->cur_secs, cyl = track / d->cur_heads;
        d->lba_low.cur = lba % d->cur_secs + 1;
        d->lba_mid.cur = cyl;
        d->lba_high.cur = cyl >> 8;
        d->device = (d->device & 0xf0) | track % d->cur_heads;
        return;
    }
    d->lba_low.cur = lba;
    d->lba_mid.cur = lba >> 8;
    d->lba_high.cur = lba >> 16;
    if (ext) {
        d->lba_low.prev = lba >> 24;
        d->lba_mid.prev = lba >> 32;
        d->lba_high.prev = lba >> 40;
    } else {
        d->device = (d->device & 0xf0) | (lba >> 24 & 0x0f);
    }
}

bool ata_get_range(IDEDevice *d, bool ext, uint64_t *lba, uint32_t *count)
{
    *count = ext ? d->count.prev << 8 | d->count.cur : d->count.cur;
    if (!*count) {
        *count = ext ? 0x10000 : 0x100;
    }
    return get_lba(d, ext, lba) && *lba < d->max_sectors && *count <= d->max_sectors - *lba;
}

static void advance(IDEDevice *d, uint32_t sectors)
{
    d->lba += sectors;
    d->remaining -= sectors;
    d->count.cur = d->remaining;
    if (d->ext) {
        d->count.prev = d->remaining >> 8;
    }
    /* After success the registers name the last sector moved (8.28.4), after an error the
     * failing one, which is where d->lba stands then. */
    ata_set_lba(d, d->ext, d->remaining || !sectors ? d->lba : d->lba - 1);
}

/* --- data transfers ------------------------------------------------------- */

/* The device's request has ended. false: with an error, of which the guest has been told. */
static bool request_done(IDEDevice *d, int ret, bool write)
{
    d->req = NULL;
    if (ret < 0) {
        trace(ata_io_error, d->unit, d->command, d->lba, ret);
        ata_set_lba(d, d->ext, d->lba);
        ide_fail(d, write || ret == -ENOMEDIUM ? ERROR_ABRT : ERROR_UNC);
    }
    return ret >= 0;
}

static void flushed(void *opaque, int ret)
{
    IDEDevice *d = opaque;

    if (request_done(d, ret, true)) {
        ide_complete(d);
    }
}

/* With the write cache off, a write is done when it is on the medium. */
static void finish_write(IDEDevice *d)
{
    if (d->write_cache) {
        ide_complete(d);
    } else {
        ide_blk_flush(d, flushed);
    }
}

static void pio_read_done(void *opaque, int ret)
{
    IDEDevice *d = opaque;

    if (!request_done(d, ret, false)) {
        return;
    }
    advance(d, d->step_sectors);
    ide_pio_begin(d, PIO_READ, 0, d->step_sectors * SECTOR_SIZE);
    ide_raise_irq(d);
}

void ata_pio_read_next(IDEDevice *d)
{
    if (!d->remaining) {
        d->status = STATUS_DRDY | STATUS_DSC;
        return;
    }
    d->step_sectors = MIN(d->remaining, d->block_sectors);
    ide_blk_read(d, d->lba * SECTOR_SIZE, 0, d->step_sectors * SECTOR_SIZE, pio_read_done);
}

static void pio_ask_block(IDEDevice *d)
{
    d->step_sectors = MIN(d->remaining, d->block_sectors);
    ide_pio_begin(d, PIO_WRITE, 0, d->step_sectors * SECTOR_SIZE);
}

static void pio_write_done(void *opaque, int ret)
{
    IDEDevice *d = opaque;

    if (!request_done(d, ret, true)) {
        return;
    }
    advance(d, d->step_sectors);
    if (!d->remaining) {
        finish_write(d);
        return;
    }
    pio_ask_block(d);
    ide_raise_irq(d);
}

void ata_pio_write_block(IDEDevice *d)
{
    ide_blk_write(d, d->lba * SECTOR_SIZE, 0, d->step_sectors * SECTOR_SIZE, pio_write_done);
}

static void verify_next(IDEDevice *d);

static void verify_done(void *opaque, int ret)
{
    IDEDevice *d = opaque;

    if (!request_done(d, ret, false)) {
        return;
    }
    advance(d, d->step_sectors);
    verify_next(d);
}

/* READ VERIFY: as a read, but the data go nowhere. */
static void verify_next(IDEDevice *d)
{
    if (!d->remaining) {
        ide_complete(d);
        return;
    }
    d->step_sectors = MIN(d->remaining, IDE_BUFFER_SIZE / SECTOR_SIZE);
    ide_blk_read(d, d->lba * SECTOR_SIZE, 0, d->step_sectors * SECTOR_SIZE, verify_done);
}

static void cmd_transfer(IDEDevice *d, const AtaCommand *cmd)
{
    bool write = cmd->flags & ATA_WRITE;

    if ((cmd->flags & ATA_MULTIPLE) && !d->multiple) {
        ide_fail(d, ERROR_ABRT);
        return;
    }
    if (!ata_get_range(d, cmd->flags & ATA_EXT, &d->lba, &d->remaining)) {
        ide_fail(d, ERROR_IDNF);
        return;
    }
    trace(ata_transfer, d->unit, d->command, d->lba, d->remaining);
    d->block_sectors = cmd->flags & ATA_MULTIPLE ? d->multiple : 1;
    if (cmd->flags & ATA_VERIFY) {
        verify_next(d);
    } else if (cmd->flags & ATA_DMA) {
        ide_dma_begin(d, write ? DMA_WRITE : DMA_READ);
    } else if (write) {
        pio_ask_block(d);
    } else {
        ata_pio_read_next(d);
    }
}

/* --- DMA ------------------------------------------------------------------ */

/* The list of buffers ended before the data did: the drive waits for more, which never comes,
 * and gives no interrupt. The command counts as over. */
static void dma_list_too_short(IDEDevice *d)
{
    ide_dma_finished(d, false);
    d->status = STATUS_DRDY | STATUS_DSC;
}

static void dma_step_over(IDEDevice *d)
{
    if (d->list_ended) {
        dma_list_too_short(d);
    } else if (d->remaining) {
        ata_dma_run(d);
    } else {
        bool write = d->dma == DMA_WRITE;
        ide_dma_finished(d, false);
        if (write) {
            finish_write(d);
        } else {
            ide_complete(d);
        }
    }
}

static void dma_read_done(void *opaque, int ret)
{
    IDEDevice *d = opaque;
    uint32_t len = d->step_sectors * SECTOR_SIZE;

    if (!request_done(d, ret, false)) {
        return;
    }
    uint32_t moved = ide_dma_transfer(d, 0, len, true);
    d->list_ended = moved < len;
    advance(d, moved / SECTOR_SIZE);
    dma_step_over(d);
}

static void dma_write_done(void *opaque, int ret)
{
    IDEDevice *d = opaque;

    if (!request_done(d, ret, true)) {
        return;
    }
    advance(d, d->step_sectors);
    dma_step_over(d);
}

static void dma_write_step(IDEDevice *d, uint32_t len)
{
    uint32_t moved = ide_dma_transfer(d, 0, len, false);

    d->list_ended = moved < len;
    d->step_sectors = moved / SECTOR_SIZE; /* a part of a sector is dropped */
    if (!d->step_sectors) {
        dma_list_too_short(d);
        return;
    }
    ide_blk_write(d, d->lba * SECTOR_SIZE, 0, d->step_sectors * SECTOR_SIZE, dma_write_done);
}

static void trim_next(IDEDevice *d);

static void trim_done(void *opaque, int ret)
{
    IDEDevice *d = opaque;

    if (!request_done(d, ret, true)) {
        return;
    }
    d->trim_pos += 8;
    trim_next(d);
}

/* One entry: 48 bits LBA, 16 bits count; a count of 0 is no range (ACS-2 7.10.3). */
static void trim_next(IDEDevice *d)
{
    uint64_t entry;

    for (; d->trim_pos < d->trim_end; d->trim_pos += 8) {
        memcpy(&entry, d->buf + d->trim_pos, 8);
        d->lba = entry & ((UINT64_C(1) << 48) - 1);
        uint32_t count = entry >> 48;
        if (!count) {
            continue;
        }
        trace(ata_trim, d->unit, d->lba, count);
        if (d->lba >= d->max_sectors || count > d->max_sectors - d->lba) {
            ide_fail(d, ERROR_ABRT);
            return;
        }
        d->status = STATUS_BSY;
        d->req = blk_aio_discard(ide_blk(d), d->lba * SECTOR_SIZE, (int64_t)count * SECTOR_SIZE,
                                 trim_done, d);
        return;
    }
    d->remaining -= d->step_sectors;
    dma_step_over(d);
}

static void trim_step(IDEDevice *d, uint32_t len)
{
    uint32_t moved = ide_dma_transfer(d, 0, len, false);

    d->list_ended = moved < len;
    d->trim_pos = 0;
    d->trim_end = moved & ~7u;
    trim_next(d);
}

void ata_dma_run(IDEDevice *d)
{
    d->step_sectors = MIN(d->remaining, IDE_BUFFER_SIZE / SECTOR_SIZE);
    uint32_t len = d->step_sectors * SECTOR_SIZE;

    if (d->dma == DMA_READ) {
        ide_blk_read(d, d->lba * SECTOR_SIZE, 0, len, dma_read_done);
    } else if (d->dma == DMA_WRITE) {
        dma_write_step(d, len);
    } else {
        trim_step(d, len);
    }
}

static void cmd_data_set_management(IDEDevice *d, const AtaCommand *cmd)
{
    d->remaining = d->count.prev << 8 | d->count.cur;
    if (d->feature.cur != 0x01 || !d->remaining) { /* TRIM is the only function */
        ide_fail(d, ERROR_ABRT);
        return;
    }
    ide_dma_begin(d, DMA_TRIM);
}

static void cmd_flush(IDEDevice *d, const AtaCommand *cmd)
{
    ide_blk_flush(d, flushed);
}

static void cmd_seek(IDEDevice *d, const AtaCommand *cmd)
{
    if (!get_lba(d, false, &d->lba) || d->lba >= d->max_sectors) {
        ide_fail(d, ERROR_IDNF);
        return;
    }
    ide_complete(d);
}

/* --- the table ------------------------------------------------------------ */

#define READ_(f) { cmd_transfer, ATA_MEDIUM | (f) }
#define WRITE_(f) { cmd_transfer, ATA_MEDIUM | ATA_WRITE | (f) }

static const AtaCommand commands[256] = {
    [0x00] = { ata_cmd_nop },
    [0x06] = { cmd_data_set_management, ATA_MEDIUM | ATA_EXT },
    [0x10 ... 0x1f] = { ata_cmd_done },                      /* RECALIBRATE */
    [0x20] = READ_(0),                                       /* READ SECTOR(S) */
    [0x21] = READ_(0),
    [0x24] = READ_(ATA_EXT),                                 /* READ SECTOR(S) EXT */
    [0x25] = READ_(ATA_EXT | ATA_DMA),                       /* READ DMA EXT */
    [0x27] = { ata_cmd_native_max, ATA_EXT },                /* READ NATIVE MAX ADDRESS EXT */
    [0x29] = READ_(ATA_EXT | ATA_MULTIPLE),                  /* READ MULTIPLE EXT */
    [0x30] = WRITE_(0),                                      /* WRITE SECTOR(S) */
    [0x31] = WRITE_(0),
    [0x34] = WRITE_(ATA_EXT),                                /* WRITE SECTOR(S) EXT */
    [0x35] = WRITE_(ATA_EXT | ATA_DMA),                      /* WRITE DMA EXT */
    [0x37] = { ata_cmd_set_max, ATA_EXT },                   /* SET MAX ADDRESS EXT */
    [0x39] = WRITE_(ATA_EXT | ATA_MULTIPLE),                 /* WRITE MULTIPLE EXT */
    [0x3c] = WRITE_(0),                                      /* WRITE VERIFY */
    [0x40] = READ_(ATA_VERIFY),                              /* READ VERIFY SECTOR(S) */
    [0x41] = READ_(ATA_VERIFY),
    [0x42] = READ_(ATA_VERIFY | ATA_EXT),                    /* READ VERIFY SECTOR(S) EXT */
    [0x70 ... 0x7f] = { cmd_seek },                          /* SEEK */
    [0x91] = { ata_cmd_init_params },                        /* INITIALIZE DEVICE PARAMETERS */
    [0x94 ... 0x97] = { ata_cmd_power },      /* obsolete codes of E0..E3 */
    [0x98] = { ata_cmd_check_power },
    [0x99] = { ata_cmd_power },
    [0xb0] = { ata_cmd_smart },
    [0xc4] = READ_(ATA_MULTIPLE),                            /* READ MULTIPLE */
    [0xc5] = WRITE_(ATA_MULTIPLE),                           /* WRITE MULTIPLE */
    [0xc6] = { ata_cmd_set_multiple },
    [0xc8] = READ_(ATA_DMA),                                 /* READ DMA */
    [0xc9] = READ_(ATA_DMA),
    [0xca] = WRITE_(ATA_DMA),                                /* WRITE DMA */
    [0xcb] = WRITE_(ATA_DMA),
    [0xe0 ... 0xe3] = { ata_cmd_power },      /* STANDBY/IDLE (IMMEDIATE) */
    [0xe5] = { ata_cmd_check_power },
    [0xe6] = { ata_cmd_power },               /* SLEEP */
    [0xe7] = { cmd_flush, ATA_MEDIUM },                      /* FLUSH CACHE */
    [0xea] = { cmd_flush, ATA_MEDIUM | ATA_EXT },            /* FLUSH CACHE EXT */
    [0xec] = { ata_cmd_identify },
    [0xef] = { ata_cmd_set_features },
    [0xf8] = { ata_cmd_native_max },                         /* READ NATIVE MAX ADDRESS */
    [0xf9] = { ata_cmd_set_max },                            /* SET MAX */
};

/* What the table leaves out is refused: security, CompactFlash, queued and streaming sets. */
void ata_exec(IDEDevice *d, uint8_t command)
{
    const AtaCommand *cmd = &commands[command];
    bool native_max = d->after_native_max;

    d->after_native_max = native_max && (command == 0xf9 || command == 0x37);
    if (!cmd->fn) {
        ide_fail(d, ERROR_ABRT);
        return;
    }
    if (cmd->flags & ATA_MEDIUM) {
        d->power_mode = 0xff;
    }
    d->ext = cmd->flags & ATA_EXT;
    d->status = STATUS_DRDY | STATUS_DSC;
    cmd->fn(d, cmd);
}
