/*
 * Packet devices: the packet protocol, sense data, medium and tray, sector
 * transfers. ATA/ATAPI-6 (T13/1410D) 9.10 and 9.11, MMC-4. The commands that
 * answer with a table of data stand in atapi-reply.c.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/ide/atapi-int.h"
#include <errno.h>
#include <string.h>
#include "util/trace.h"

TRACE_EVENT(atapi_packet, "unit %u command 0x%02x lba/param 0x%08x dma %d limit %u");
TRACE_EVENT(atapi_sense, "unit %u key 0x%x asc 0x%02x ascq 0x%02x");
TRACE_EVENT(atapi_medium, "unit %u loaded %d");

/* --- ends of commands ----------------------------------------------------- */

static void set_reason(IDEDevice *d, uint8_t reason)
{
    d->count.cur = (d->count.cur & ~REASON_MASK) | reason;
}

void atapi_done(IDEDevice *d)
{
    d->atapi.sense_key = d->atapi.asc = d->atapi.ascq = 0;
    set_reason(d, REASON_IO | REASON_CD);
    ide_complete(d);
    d->status = STATUS_DRDY;
}

void atapi_fail(IDEDevice *d, uint8_t sense_key, uint8_t asc, uint8_t ascq)
{
    AtapiState *a = &d->atapi;

    trace(atapi_sense, d->unit, sense_key, asc, ascq);
    a->sense_key = sense_key;
    a->asc = asc;
    a->ascq = ascq;
    set_reason(d, REASON_IO | REASON_CD);
    ide_fail(d, sense_key << 4 | (sense_key == SENSE_ILLEGAL_REQUEST ? ERROR_ABRT : 0));
    d->status = STATUS_DRDY | STATUS_CHK;
}

void atapi_illegal(IDEDevice *d, uint8_t asc)
{
    atapi_fail(d, SENSE_ILLEGAL_REQUEST, asc, 0);
}

/* --- medium --------------------------------------------------------------- */

bool atapi_has_medium(const IDEDevice *d)
{
    return blk_is_inserted(ide_blk(d)) && !d->atapi.tray_open;
}

uint32_t atapi_sectors(const IDEDevice *d)
{
    return MIN(blk_getlength(ide_blk(d)) / CD_SECTOR_SIZE, (uint64_t)UINT32_MAX);
}

static void change_media(void *dev, bool load)
{
    IDEDevice *d = dev;

    trace(atapi_medium, d->unit, load);
    d->atapi.tray_open = false;
    d->atapi.unit_attention = load;
    d->atapi.event = load ? EVENT_NEW_MEDIA : EVENT_MEDIA_REMOVAL;
}

static void eject_request(void *dev, bool force)
{
    IDEDevice *d = dev;

    d->atapi.event = EVENT_EJECT_REQUEST;
    if (force) {
        d->atapi.tray_locked = false;
    }
}

static bool is_tray_open(void *dev)
{
    return ((IDEDevice *)dev)->atapi.tray_open;
}

static bool is_medium_locked(void *dev)
{
    return ((IDEDevice *)dev)->atapi.tray_locked;
}

void atapi_move_tray(IDEDevice *d, bool open)
{
    AtapiState *a = &d->atapi;

    if (a->tray_open == open) {
        return;
    }
    a->tray_open = open;
    a->unit_attention = !open && blk_is_inserted(ide_blk(d));
    a->event = open ? EVENT_MEDIA_REMOVAL : EVENT_NEW_MEDIA;
    qdev_drive_tray_moved(DEVICE(d), ide_blk(d), open);
}

static void set_tray(void *dev, bool open)
{
    IDEDevice *d = dev;

    if (open) {
        d->atapi.tray_locked = false;
    }
    atapi_move_tray(d, open);
}

const BlockDevOps atapi_dev_ops = {
    .change_media = change_media, .eject_request = eject_request, .is_tray_open = is_tray_open,
    .is_medium_locked = is_medium_locked, .set_tray = set_tray,
};

void atapi_reset(IDEDevice *d)
{
    AtapiState *a = &d->atapi;

    a->sense_key = a->asc = a->ascq = 0;
    a->tray_locked = false;
    a->sectors = a->left = a->buf_pos = a->buf_end = 0;
    a->sector_size = CD_SECTOR_SIZE;
}

/* --- data to the host ----------------------------------------------------- */

/* The header of a raw sector: sync pattern, address, mode; the EDC and ECC behind the data are
 * not computed. */
static void make_raw(uint8_t *raw, const uint8_t *data, uint32_t lba)
{
    static const uint8_t sync[12] = { 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0 };

    memset(raw, 0, CD_RAW_SIZE);
    memcpy(raw, sync, sizeof(sync));
    atapi_lba_to_msf(lba, raw + 12);
    raw[15] = 1; /* mode 1 */
    memcpy(raw + 16, data, CD_SECTOR_SIZE);
}

/* The data came to the buffer's end (2048 bytes a sector) or, raw, to the staging area. */
static void sectors_arrived(IDEDevice *d)
{
    AtapiState *a = &d->atapi;

    if (a->sector_size == CD_RAW_SIZE) {
        for (uint32_t i = 0; i < a->fill_sectors; i++) {
            make_raw(d->buf + a->buf_end + i * CD_RAW_SIZE,
                     d->buf + IDE_BUFFER_SIZE + i * CD_SECTOR_SIZE, a->lba + i);
        }
    }
    a->buf_end += a->fill_sectors * a->sector_size;
    a->lba += a->fill_sectors;
    a->sectors -= a->fill_sectors;
}

static void data_continue(IDEDevice *d);

static void sectors_read(void *opaque, int ret)
{
    IDEDevice *d = opaque;

    d->req = NULL;
    if (ret == -ENOMEDIUM) {
        atapi_fail(d, SENSE_NOT_READY, ASC_MEDIUM_NOT_PRESENT, 0);
    } else if (ret < 0) {
        atapi_fail(d, SENSE_MEDIUM_ERROR, ASC_UNRECOVERED_READ_ERROR, 0);
    } else {
        sectors_arrived(d);
        data_continue(d);
    }
}

/* Reads as many sectors as there is room for, behind what is still in the buffer. */
static void fill_buffer(IDEDevice *d)
{
    AtapiState *a = &d->atapi;
    uint32_t kept = a->buf_end - a->buf_pos;
    bool raw = a->sector_size == CD_RAW_SIZE;

    memmove(d->buf, d->buf + a->buf_pos, kept);
    a->buf_pos = 0;
    a->buf_end = kept;
    a->fill_sectors = MIN(a->sectors, (IDE_BUFFER_SIZE - kept) / a->sector_size);
    a->fill_sectors = MIN(a->fill_sectors, IDE_STAGING_SIZE / CD_SECTOR_SIZE);
    ide_blk_read(d, (uint64_t)a->lba * CD_SECTOR_SIZE, raw ? IDE_BUFFER_SIZE : kept,
                 a->fill_sectors * CD_SECTOR_SIZE, sectors_read);
}

/* One DRQ block: as much as the host's limit allows, even unless it is the last. */
static void pio_block(IDEDevice *d)
{
    AtapiState *a = &d->atapi;
    uint32_t limit = a->byte_limit == 0xffff ? 0xfffe : a->byte_limit;
    uint32_t len = MIN(a->left, limit);

    if (len < a->left) {
        len &= ~1u;
    }
    if (a->buf_end - a->buf_pos < len) {
        fill_buffer(d);
        return;
    }
    d->lba_mid.cur = len;
    d->lba_high.cur = len >> 8;
    set_reason(d, REASON_IO);
    ide_pio_begin(d, PIO_PACKET_IN, a->buf_pos, a->buf_pos + len);
    a->buf_pos += len;
    a->left -= len;
    ide_raise_irq(d);
}

static void data_end(IDEDevice *d)
{
    if (d->dma != DMA_NONE) {
        ide_dma_finished(d, false);
    }
    atapi_done(d);
}

static void dma_step(IDEDevice *d)
{
    AtapiState *a = &d->atapi;
    uint32_t len = a->buf_end - a->buf_pos;

    if (!len) {
        fill_buffer(d);
        return;
    }
    uint32_t moved = ide_dma_transfer(d, a->buf_pos, len, true);
    a->buf_pos += len;
    a->left -= len;
    if (moved < len) {
        ide_dma_finished(d, false);
        d->status = STATUS_DRDY; /* the host's list is too short: no interrupt */
    } else {
        data_continue(d);
    }
}

static void data_continue(IDEDevice *d)
{
    if (!d->atapi.left) {
        data_end(d);
    } else if (d->dma != DMA_NONE) {
        dma_step(d);
    } else {
        pio_block(d);
    }
}

void atapi_pio_in_next(IDEDevice *d)
{
    data_continue(d);
}

void atapi_dma_run(IDEDevice *d)
{
    data_continue(d);
}

static void data_begin(IDEDevice *d)
{
    if (!d->atapi.left) {
        atapi_done(d);
    } else if (d->atapi.use_dma) {
        set_reason(d, REASON_IO);
        ide_dma_begin(d, DMA_PACKET_IN);
    } else if (!d->atapi.byte_limit) {
        ide_fail(d, ERROR_ABRT); /* 8.24.6: no limit, no data */
    } else {
        data_continue(d);
    }
}

void atapi_reply(IDEDevice *d, uint32_t len, uint32_t allocation)
{
    AtapiState *a = &d->atapi;

    a->left = a->buf_end = MIN(len, allocation);
    a->buf_pos = a->sectors = 0;
    data_begin(d);
}

void atapi_read_sectors(IDEDevice *d, uint32_t lba, uint32_t count, uint32_t sector_size)
{
    AtapiState *a = &d->atapi;
    uint32_t total = atapi_sectors(d);

    if (lba >= total || count > total - lba) {
        atapi_illegal(d, ASC_LBA_OUT_OF_RANGE);
        return;
    }
    if (count > UINT32_MAX / CD_RAW_SIZE) {
        atapi_illegal(d, ASC_INVALID_FIELD);
        return;
    }
    a->lba = lba;
    a->sectors = count;
    a->sector_size = sector_size;
    a->left = count * sector_size;
    a->buf_pos = a->buf_end = 0;
    data_begin(d);
}

/* --- data from the host --------------------------------------------------- */

void atapi_pio_out_done(IDEDevice *d)
{
    atapi_done(d);
}

/* MODE SELECT's parameter list: there is nothing that it could change. */
void atapi_take_parameters(IDEDevice *d, uint32_t len)
{
    if (!len) {
        atapi_done(d);
        return;
    }
    if (d->atapi.use_dma || len > MIN(d->atapi.byte_limit, 0xfffe)) {
        atapi_illegal(d, ASC_INVALID_FIELD);
        return;
    }
    d->lba_mid.cur = len;
    d->lba_high.cur = len >> 8;
    set_reason(d, 0);
    ide_pio_begin(d, PIO_PACKET_OUT, 0, len);
    ide_raise_irq(d);
}

/* --- packets -------------------------------------------------------------- */

/* A command that may not run now is answered here: unit attention first, then the medium. */
static bool may_run(IDEDevice *d, const AtapiCommand *cmd)
{
    AtapiState *a = &d->atapi;

    if (a->unit_attention && !(cmd->flags & ATAPI_ANYTIME)) {
        a->unit_attention = false;
        atapi_fail(d, SENSE_UNIT_ATTENTION, ASC_MEDIUM_MAY_HAVE_CHANGED, 0);
        return false;
    }
    if ((cmd->flags & ATAPI_MEDIUM) && !atapi_has_medium(d)) {
        atapi_fail(d, SENSE_NOT_READY, ASC_MEDIUM_NOT_PRESENT, a->tray_open ? 2 : 1);
        return false;
    }
    return true;
}

void atapi_packet(IDEDevice *d)
{
    AtapiState *a = &d->atapi;

    memcpy(a->packet, d->buf, ATAPI_PACKET_SIZE);
    const AtapiCommand *cmd = &atapi_commands[a->packet[0]];
    trace(atapi_packet, d->unit, a->packet[0], atapi_be32(a->packet + 2), a->use_dma,
          a->byte_limit);
    a->left = a->sectors = a->buf_pos = a->buf_end = 0;
    a->sector_size = CD_SECTOR_SIZE;
    if (!cmd->fn) {
        atapi_illegal(d, ASC_INVALID_OPCODE);
    } else if (may_run(d, cmd)) {
        cmd->fn(d, a->packet);
    }
}

/* --- ATA commands of packet devices --------------------------------------- */

static void exec_packet(IDEDevice *d)
{
    enum { FEATURE_DMA = 1, FEATURE_OVERLAP = 2 };

    if (d->feature.cur & FEATURE_OVERLAP) {
        ide_fail(d, ERROR_ABRT);
        return;
    }
    d->atapi.use_dma = d->feature.cur & FEATURE_DMA;
    d->atapi.byte_limit = d->lba_mid.cur | d->lba_high.cur << 8;
    set_reason(d, REASON_CD);
    ide_pio_begin(d, PIO_PACKET, 0, ATAPI_PACKET_SIZE);
}

static void exec_identify(IDEDevice *d)
{
    atapi_identify(d, d->buf);
    ide_pio_begin(d, PIO_REPLY, 0, SECTOR_SIZE);
    ide_raise_irq(d);
}

/* Hard-disk commands that software sends to find out what it talks to (9.12). */
static void refuse_with_signature(IDEDevice *d)
{
    uint8_t device = d->device;

    ide_set_signature(d);
    d->device = (device & ~0x0f) | (d->device & 0x0f);
    ide_fail(d, ERROR_ABRT);
}

void atapi_exec(IDEDevice *d, uint8_t command)
{
    static const AtaCommand shared = { 0 };

    switch (command) {
    case 0xa0: /* PACKET */
        exec_packet(d);
        break;
    case 0xa1: /* IDENTIFY PACKET DEVICE */
        exec_identify(d);
        break;
    case 0x20: /* READ SECTOR(S) */
    case 0xec: /* IDENTIFY DEVICE */
        refuse_with_signature(d);
        break;
    case 0xef:
        ata_cmd_set_features(d, &shared);
        break;
    case 0xe0: case 0xe1: case 0xe6: case 0x94: case 0x95: case 0x99:
        ata_cmd_power(d, &shared);
        break;
    case 0xe5: case 0x98:
        ata_cmd_check_power(d, &shared);
        break;
    case 0xe7: /* FLUSH CACHE: nothing is cached */
        ide_complete(d);
        break;
    default:   /* NOP among them */
        ide_fail(d, ERROR_ABRT);
        break;
    }
}

static const VMStateField atapi_fields[] = {
    VMSTATE_BYTES(packet, AtapiState, ATAPI_PACKET_SIZE),
    VMSTATE_UINT8(sense_key, AtapiState),
    VMSTATE_UINT8(asc, AtapiState),
    VMSTATE_UINT8(ascq, AtapiState),
    VMSTATE_BOOL(tray_open, AtapiState),
    VMSTATE_BOOL(tray_locked, AtapiState),
    VMSTATE_BOOL(unit_attention, AtapiState),
    VMSTATE_UINT8(event, AtapiState),
    VMSTATE_BOOL(use_dma, AtapiState),
    VMSTATE_UINT32(byte_limit, AtapiState),
    VMSTATE_UINT32(lba, AtapiState),
    VMSTATE_UINT32(sectors, AtapiState),
    VMSTATE_UINT32(sector_size, AtapiState),
    VMSTATE_UINT32(left, AtapiState),
    VMSTATE_UINT32(buf_pos, AtapiState),
    VMSTATE_UINT32(buf_end, AtapiState),
    VMSTATE_END
};

const VMStateDescription vmstate_atapi = {
    .name = "ide_atapi", .version = 1, .fields = atapi_fields,
};
