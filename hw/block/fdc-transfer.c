/*
 * Floppy disk controller: commands that move data. Intel 82078 data sheet
 * (290474), 5.1.
 *
 * The sectors that a command can reach, at most those of one cylinder, pass
 * through the buffer as a whole: a read fills it before the host gets its
 * first byte, a write goes to the image after the host gave its last.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/block/fdc-int.h"
#include <errno.h>
#include <string.h>
#include "util/trace.h"

TRACE_EVENT(fdc_transfer, "command 0x%02x C %u H %u R %u: %u sectors");
TRACE_EVENT(fdc_transfer_end, "command 0x%02x st0 0x%02x st1 0x%02x st2 0x%02x, %u bytes");

/* Parameters, by their position after the command byte */
enum { P_UNIT = 1, P_C, P_H, P_R, P_N, P_EOT, P_GPL, P_DTL };
enum { FMT_N = 2, FMT_SC, FMT_GPL, FMT_D };

static unsigned unit_of(const FDCState *s)
{
    return s->bytes[P_UNIT] & 3;
}

static FloppyDrive *drive_of(const FDCState *s)
{
    return fdc_drive(s, unit_of(s));
}

/* --- ends ----------------------------------------------------------------- */

/* Seven result bytes: ST0-2, C, H, R, N. */
static void end_command(FDCState *s, uint8_t st0, uint8_t st1, uint8_t st2)
{
    uint8_t size_code = s->xfer == XFER_FORMAT ? s->bytes[FMT_N] : s->bytes[P_N];
    const uint8_t results[7] = { st0 | (s->bytes[P_UNIT] & 7), st1, st2, s->cyl, s->head, s->sec,
                                 size_code };

    trace(fdc_transfer_end, s->command, results[0], st1, st2, s->data_pos);
    memcpy(s->bytes, results, sizeof(results));
    s->xfer = XFER_NONE;
    fdc_result(s, sizeof(results));
    fdc_set_irq(s, true);
}

static void fail(FDCState *s, uint8_t st1, uint8_t st2)
{
    end_command(s, ST0_ABNORMAL, st1, st2);
}

/* Moves the ID field on by some sectors (table 5-3). */
static void advance_id(FDCState *s, unsigned sectors)
{
    bool multi_track = s->command & CMD_MT;
    uint8_t eot = s->bytes[P_EOT];

    while (sectors--) {
        if (s->sec != eot) {
            s->sec++;
            continue;
        }
        s->sec = 1;
        if (!multi_track) {
            s->cyl++;
        } else if (s->head) {
            s->head = 0;
            s->cyl++;
        } else {
            s->head = 1;
        }
    }
}

/* The host has, or gave, all it wanted or all there is. */
static void end_transfer(FDCState *s)
{
    bool normal = s->terminal_count || !s->end_st1;

    advance_id(s, (s->data_pos + FD_SECTOR_SIZE - 1) / FD_SECTOR_SIZE);
    end_command(s, normal ? 0 : ST0_ABNORMAL, normal ? 0 : s->end_st1, s->st2);
}

void fdc_cancel(FDCState *s)
{
    if (s->req) {
        FloppyDrive *d = drive_of(s);
        blk_aio_cancel(s->req);
        s->req = NULL;
        blk_drain(floppy_blk(d));
    }
    s->xfer = XFER_NONE;
    if (s->dma) {
        s->dma->set_dreq(s->dma_opaque, s->dma_channel, 0);
    }
}

/* --- between image and buffer --------------------------------------------- */

static void ask_host(FDCState *s)
{
    if (s->non_dma) {
        fdc_set_irq(s, true);
    } else if (s->dma) {
        s->dma->set_dreq(s->dma_opaque, s->dma_channel, 1);
    }
}

static void next_segment(FDCState *s);

static void segment_done(void *opaque, int ret)
{
    FDCState *s = opaque;

    s->req = NULL;
    if (ret < 0 && (s->xfer == XFER_FROM_HOST || s->xfer == XFER_FORMAT)) {
        fail(s, ret == -EPERM ? ST1_NW : ST1_DE, 0);
    } else if (ret < 0) {
        fail(s, ST1_DE, ST2_DD);
    } else {
        s->segment++;
        next_segment(s);
    }
}

static void all_segments_done(FDCState *s)
{
    if (s->xfer == XFER_FROM_HOST || s->xfer == XFER_FORMAT) {
        end_transfer(s);
    } else if (s->xfer == XFER_VERIFY) {
        s->data_pos = s->data_len;
        end_transfer(s);
    } else {
        ask_host(s);
    }
}

/* Reads or writes the segments one after the other. */
static void next_segment(FDCState *s)
{
    uint32_t at = s->segment ? s->segments[0].count * FD_SECTOR_SIZE : 0;

    if (s->segment > 1 || !s->segments[s->segment].count) {
        all_segments_done(s);
        return;
    }
    const FdcSegment *seg = &s->segments[s->segment];
    int64_t offset = (int64_t)seg->start * FD_SECTOR_SIZE;
    bool write = s->xfer == XFER_FROM_HOST || s->xfer == XFER_FORMAT;
    s->iov = (struct iovec){ s->buf + at, seg->count * FD_SECTOR_SIZE };
    BlockBackend *blk = floppy_blk(drive_of(s));
    s->req = write ? blk_aio_pwritev(blk, offset, &s->iov, 1, segment_done, s)
                   : blk_aio_preadv(blk, offset, &s->iov, 1, segment_done, s);
}

static void start_segments(FDCState *s)
{
    s->segment = 0;
    next_segment(s);
}

/* Of what was planned, only the sectors that the host filled are written; the rest of the
 * last one is zero. */
static void write_received(FDCState *s)
{
    unsigned sectors = (s->data_pos + FD_SECTOR_SIZE - 1) / FD_SECTOR_SIZE;

    memset(s->buf + s->data_pos, 0, sectors * FD_SECTOR_SIZE - s->data_pos);
    s->segments[0].count = MIN(s->segments[0].count, sectors);
    s->segments[1].count = sectors - s->segments[0].count;
    start_segments(s);
}

/* The host gave a C, H, R, N for each sector; the image holds the track as a whole. */
static void write_formatted(FDCState *s)
{
    memset(s->buf, s->bytes[FMT_D], s->segments[0].count * FD_SECTOR_SIZE);
    s->end_st1 = 0;
    s->data_pos = 0;
    start_segments(s);
}

/* --- between buffer and host ---------------------------------------------- */

static void host_done(FDCState *s)
{
    fdc_set_irq(s, false);
    if (s->xfer == XFER_FROM_HOST) {
        write_received(s);
    } else if (s->xfer == XFER_FORMAT) {
        write_formatted(s);
    } else {
        end_transfer(s);
    }
}

/* True if the scan is over: a sector that fits was found (table 5-6). FFh fits anything. */
static bool scan_byte(FDCState *s, uint8_t host)
{
    uint8_t disk = s->buf[s->data_pos], code = s->command & 0x1f;

    if (s->data_pos % FD_SECTOR_SIZE == 0) {
        s->scan_equal = s->scan_fits = true;
    }
    if (host != 0xff && disk != 0xff && host != disk) {
        s->scan_equal = false;
        s->scan_fits &= code == 0x19 ? disk < host : code == 0x1d && disk > host;
    }
    s->data_pos++;
    if (s->data_pos % FD_SECTOR_SIZE || !s->scan_fits) {
        return false;
    }
    s->st2 = s->scan_equal ? ST2_SH : 0;
    s->terminal_count = true;
    return true;
}

static bool scan_bytes(FDCState *s, const uint8_t *host, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        if (scan_byte(s, host[i])) {
            return true;
        }
    }
    return false;
}

int fdc_dma_transfer(void *opaque, int channel, int pos, int size)
{
    FDCState *s = opaque;
    unsigned len = MIN((unsigned)(size - pos), s->data_len - s->data_pos);
    bool found = false;

    if (s->phase != PHASE_EXECUTION || s->non_dma || s->req || s->xfer == XFER_NONE) {
        return pos;
    }
    if (s->xfer == XFER_TO_HOST) {
        s->dma->write_memory(s->dma_opaque, channel, s->buf + s->data_pos, pos, len);
        s->data_pos += len;
    } else if (s->xfer == XFER_SCAN) {
        g_autofree uint8_t *host = g_malloc(len + 1);
        s->dma->read_memory(s->dma_opaque, channel, host, pos, len);
        found = scan_bytes(s, host, len);
    } else {
        s->dma->read_memory(s->dma_opaque, channel, s->buf + s->data_pos, pos, len);
        s->data_pos += len;
    }
    s->terminal_count |= pos + (int)len == size;
    if (found || s->terminal_count || s->data_pos == s->data_len) {
        s->dma->set_dreq(s->dma_opaque, s->dma_channel, 0);
        host_done(s);
    }
    return pos + len;
}

/* The interrupt asks for each sector's bytes; taking the first one answers it. */
static void pio_advance(FDCState *s, bool found)
{
    if (found || s->data_pos == s->data_len) {
        host_done(s);
    } else {
        fdc_set_irq(s, s->data_pos % FD_SECTOR_SIZE == 0);
    }
}

uint8_t fdc_pio_read(FDCState *s)
{
    if (s->req || s->data_pos >= s->data_len) {
        return 0;
    }
    uint8_t val = s->buf[s->data_pos++];
    pio_advance(s, false);
    return val;
}

void fdc_pio_write(FDCState *s, uint8_t val)
{
    bool found = false;

    if (s->req || s->data_pos >= s->data_len) {
        return;
    }
    if (s->xfer == XFER_SCAN) {
        found = scan_byte(s, val);
    } else {
        s->buf[s->data_pos++] = val;
    }
    pio_advance(s, found);
}

/* --- starts --------------------------------------------------------------- */

/* A medium that can be read at this data rate; otherwise no address mark is ever found. */
static bool check_medium(FDCState *s, bool write)
{
    FloppyDrive *d = drive_of(s);

    if (!d || !d->format || !fdc_rate_matches(s, d)) {
        fail(s, ST1_MA, 0);
        return false;
    }
    if (write && !blk_is_writable(floppy_blk(d))) {
        fail(s, ST1_NW, 0);
        return false;
    }
    return true;
}

/* The heads must stand, or be put by an implied seek, on the cylinder asked for. */
static bool check_address(FDCState *s)
{
    FloppyDrive *d = drive_of(s);

    if ((s->config & CONFIG_EIS) && s->cyl != d->cyl) {
        fdc_seek(d, s->cyl);
    }
    if (s->cyl != d->cyl) {
        fail(s, ST1_ND, ST2_WC);
        return false;
    }
    if (s->bytes[P_N] != FD_SIZE_CODE || s->head != (s->bytes[P_UNIT] >> 2 & 1)
        || floppy_sector(d, s->cyl, s->head, s->sec) < 0) {
        fail(s, ST1_ND, 0);
        return false;
    }
    return true;
}

/* Which sectors the command reaches, and how it ends if nothing stops it before. */
static void plan_segments(FDCState *s)
{
    const FloppyDrive *d = drive_of(s);
    uint8_t secs = d->format->secs, eot = s->bytes[P_EOT];
    bool found = eot >= s->sec && eot <= secs; /* if not, it runs into a missing sector */
    uint8_t last = found ? eot : secs;

    s->end_st1 = found ? ST1_EN : ST1_ND;
    s->segments[0].start = floppy_sector(d, s->cyl, s->head, s->sec);
    s->segments[0].count = last - s->sec + 1;
    s->segments[1].count = 0;
    if ((s->command & CMD_MT) && found && s->head == 0 && d->format->heads == 2) {
        s->segments[1].start = floppy_sector(d, s->cyl, 1, 1);
        s->segments[1].count = eot;
    }
}

static void limit_sectors(FDCState *s, unsigned sectors)
{
    s->segments[0].count = MIN(s->segments[0].count, sectors);
    s->segments[1].count = MIN(s->segments[1].count, sectors - s->segments[0].count);
}

/* What a command does differently from READ DATA. */
static void apply_variant(FDCState *s)
{
    switch (s->command & 0x1f) {
    case 0x0c: /* READ DELETED DATA finds a normal mark: stops behind that sector, or skips all */
        limit_sectors(s, s->command & CMD_SK ? 0 : 1);
        if (!(s->command & CMD_SK)) {
            s->st2 = ST2_CM;
            s->end_st1 = 0;
        }
        break;
    case 0x16: /* VERIFY: with EC the last parameter counts sectors; no data, no overrun of EOT */
        if (s->bytes[P_UNIT] & 0x80) {
            limit_sectors(s, s->bytes[P_DTL]);
        }
        s->end_st1 &= ~ST1_EN;
        break;
    case 0x11: case 0x19: case 0x1d: /* SCAN that ends without a hit is not satisfied */
        s->st2 = ST2_SN;
        s->end_st1 = 0;
        break;
    default:
        break;
    }
}

static uint8_t transfer_kind(uint8_t command)
{
    switch (command & 0x1f) {
    case 0x05: case 0x09:
        return XFER_FROM_HOST;
    case 0x16:
        return XFER_VERIFY;
    case 0x11: case 0x19: case 0x1d:
        return XFER_SCAN;
    default:
        return XFER_TO_HOST;
    }
}

static void begin_execution(FDCState *s, uint8_t kind, uint32_t len)
{
    s->xfer = kind;
    s->phase = PHASE_EXECUTION;
    s->non_dma = fdc_non_dma(s);
    s->data_pos = 0;
    s->data_len = len;
    s->terminal_count = false;
}

void fdc_start_transfer(FDCState *s)
{
    uint8_t kind = transfer_kind(s->command);

    s->cyl = s->bytes[P_C];
    s->head = s->bytes[P_H];
    s->sec = (s->command & 0x1f) == 0x02 ? 1 : s->bytes[P_R]; /* READ TRACK begins at the index */
    s->eot = s->bytes[P_EOT];
    s->st2 = 0;
    s->data_pos = 0;
    if (!check_medium(s, kind == XFER_FROM_HOST) || !check_address(s)) {
        return;
    }
    plan_segments(s);
    apply_variant(s);
    unsigned sectors = s->segments[0].count + s->segments[1].count;
    trace(fdc_transfer, s->command, s->cyl, s->head, s->sec, sectors);
    begin_execution(s, kind, sectors * FD_SECTOR_SIZE);
    if (!sectors) {
        end_transfer(s);
    } else if (kind == XFER_FROM_HOST) {
        ask_host(s);
    } else {
        start_segments(s);
    }
}

/* FORMAT TRACK: four ID bytes a sector from the host. */
void fdc_start_format(FDCState *s)
{
    uint8_t sectors = s->bytes[FMT_SC];

    s->xfer = XFER_FORMAT;
    s->head = s->bytes[P_UNIT] >> 2 & 1;
    s->sec = 1;
    s->st2 = 0;
    s->data_pos = 0;
    s->cyl = drive_of(s) ? drive_of(s)->cyl : 0;
    if (!check_medium(s, true)) {
        return;
    }
    const FloppyDrive *d = drive_of(s);
    int64_t start = floppy_sector(d, d->cyl, s->head, 1);
    if (s->bytes[FMT_N] != FD_SIZE_CODE || start < 0 || !sectors) {
        fail(s, ST1_MA, 0);
        return;
    }
    s->end_st1 = ST1_EN;
    s->segments[0] = (FdcSegment){ start, d->format->secs };
    s->segments[1].count = 0;
    begin_execution(s, XFER_FORMAT, 4 * sectors);
    ask_host(s);
}

/* READ ID: the next ID field that passes under the head. */
void fdc_read_id(FDCState *s)
{
    FloppyDrive *d = drive_of(s);

    s->head = s->bytes[P_UNIT] >> 2 & 1;
    s->cyl = d ? d->cyl : 0;
    s->sec = 1;
    s->data_pos = 0;
    s->bytes[P_N] = FD_SIZE_CODE;
    if (!check_medium(s, false)) {
        return;
    }
    if (floppy_sector(d, d->cyl, s->head, d->next_id) < 0) {
        fail(s, ST1_MA, 0);
        return;
    }
    s->sec = d->next_id;
    d->next_id = d->next_id % d->format->secs + 1;
    end_command(s, 0, 0, 0);
}
