/*
 * Floppy disk controller: the command set, except for data transfers. Intel
 * 82078 data sheet (290474), 5.0.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/block/fdc-int.h"
#include <string.h>

/* The drive and head bits of a command's second byte. */
static unsigned unit_of(const FDCState *s)
{
    return s->bytes[1] & 3;
}

static void result_byte(FDCState *s, uint8_t val)
{
    s->bytes[0] = val;
    fdc_result(s, 1);
}

static void cmd_invalid(FDCState *s)
{
    result_byte(s, ST0_INVALID);
}

/* --- moving the heads ----------------------------------------------------- */

/* A step pulse with a medium in the drive clears the disk change line. */
void fdc_seek(FloppyDrive *d, uint8_t cyl)
{
    if (d->format && cyl != d->cyl) {
        d->media_changed = false;
    }
    d->cyl = MIN(cyl, 83);
    d->next_id = 1;
}

static void seek_over(FDCState *s, uint8_t st0)
{
    s->st0 = st0;
    s->seek_done = true;
    fdc_result(s, 0);
    fdc_set_irq(s, true);
}

/* Steps out at most 79 times; without TRK0 the equipment check fails. */
static void cmd_recalibrate(FDCState *s)
{
    FloppyDrive *d = fdc_drive(s, unit_of(s));

    if (d) {
        fdc_seek(d, 0);
        seek_over(s, ST0_SE | unit_of(s));
    } else {
        seek_over(s, ST0_ABNORMAL | ST0_SE | ST0_EC | unit_of(s));
    }
}

static void cmd_seek(FDCState *s)
{
    FloppyDrive *d = fdc_drive(s, unit_of(s));

    s->head = s->bytes[1] >> 2 & 1;
    if (d) {
        fdc_seek(d, s->bytes[2]);
    }
    seek_over(s, ST0_SE | (s->bytes[1] & 7));
}

/* DIR bit 6 of the command: 1 steps in, to higher cylinders. */
static void cmd_relative_seek(FDCState *s)
{
    FloppyDrive *d = fdc_drive(s, unit_of(s));
    int step = s->bytes[0] & 0x40 ? s->bytes[2] : -s->bytes[2];

    if (d) {
        fdc_seek(d, CLAMP(d->cyl + step, 0, 255));
    }
    seek_over(s, ST0_SE | (s->bytes[1] & 7));
}

/* Without an interrupt to sense the command is invalid (5.2.5). */
static void cmd_sense_interrupt(FDCState *s)
{
    const FloppyDrive *d;

    if (s->reset_sense) {
        uint8_t unit = 4 - s->reset_sense--;
        s->bytes[0] = ST0_POLLING | unit;
        d = fdc_drive(s, unit);
    } else if (s->seek_done) {
        s->bytes[0] = s->st0;
        s->seek_done = false;
        d = fdc_drive(s, s->st0 & 3);
    } else {
        cmd_invalid(s);
        return;
    }
    s->bytes[1] = d ? d->cyl : 0;
    fdc_set_irq(s, false);
    fdc_result(s, 2);
}

static void cmd_sense_drive_status(FDCState *s)
{
    const FloppyDrive *d = fdc_drive(s, unit_of(s));
    uint8_t st3 = ST3_READY | ST3_TWO_SIDE | (s->bytes[1] & 7);

    if (d && d->cyl == 0) {
        st3 |= ST3_TRK0;
    }
    if (d && d->format && !blk_is_writable(floppy_blk(d))) {
        st3 |= ST3_WP;
    }
    s->head = s->bytes[1] >> 2 & 1;
    result_byte(s, st3);
}

/* --- settings ------------------------------------------------------------- */

static void cmd_specify(FDCState *s)
{
    s->timer0 = s->bytes[1];
    s->timer1 = s->bytes[2];
    fdc_result(s, 0);
}

static void cmd_configure(FDCState *s)
{
    s->config = s->bytes[2];
    s->pretrk = s->bytes[3];
    fdc_result(s, 0);
}

static void cmd_version(FDCState *s)
{
    result_byte(s, 0x90); /* enhanced controller */
}

static void cmd_part_id(FDCState *s)
{
    result_byte(s, 0x41); /* 82078, stepping 1 */
}

static void cmd_lock(FDCState *s)
{
    s->lock = s->bytes[0] & 0x80;
    result_byte(s, s->lock << 4);
}

/* OW (bit 7) lets the drive bits be written too. */
static void cmd_perpendicular(FDCState *s)
{
    uint8_t val = s->bytes[1];

    s->perpendicular = val & 0x80 ? val & 0x3f : (s->perpendicular & 0x3c) | (val & 0x03);
    fdc_result(s, 0);
}

static uint8_t cylinder(const FDCState *s, unsigned unit)
{
    const FloppyDrive *d = fdc_drive(s, unit);
    return d ? d->cyl : 0;
}

static void cmd_dumpreg(FDCState *s)
{
    const uint8_t dump[] = {
        cylinder(s, 0), cylinder(s, 1), 0, 0, s->timer0, s->timer1, s->eot,
        s->lock << 7 | s->perpendicular, s->config, s->pretrk,
    };

    memcpy(s->bytes, dump, sizeof(dump));
    fdc_result(s, sizeof(dump));
}

static void cmd_powerdown_mode(FDCState *s)
{
    s->power_mode = s->bytes[1];
    result_byte(s, s->power_mode);
}

static void cmd_option(FDCState *s)
{
    s->option = s->bytes[1];
    fdc_result(s, 0);
}

/* SAVE and RESTORE (5.2.14): the registers a suspending BIOS needs. */
static void cmd_save(FDCState *s)
{
    const uint8_t saved[16] = {
        s->dsr & (DSR_RATE | 0x1c), s->option, cylinder(s, 0), cylinder(s, 1), 0, 0, s->timer0,
        s->timer1, s->eot, s->lock << 7 | s->perpendicular, s->config, s->pretrk,
    };

    memcpy(s->bytes, saved, sizeof(saved));
    fdc_result(s, sizeof(saved));
}

static void cmd_restore(FDCState *s)
{
    const uint8_t *p = s->bytes + 1;

    s->dsr = p[0] & (DSR_RATE | 0x1c);
    s->option = p[1];
    for (int i = 0; i < FDC_DRIVES; i++) {
        if (fdc_drive(s, i)) {
            fdc_drive(s, i)->cyl = MIN(p[2 + i], 83);
        }
    }
    s->timer0 = p[6];
    s->timer1 = p[7];
    s->eot = p[8];
    s->lock = p[9] >> 7;
    s->perpendicular = p[9] & 0x3f;
    s->config = p[10];
    s->pretrk = p[11];
    fdc_result(s, 0);
}

/* --- the table ------------------------------------------------------------ */

typedef struct FdcCommand {
    uint8_t mask, code; /* of the command byte; the rest are modifiers */
    uint8_t parameters;
    void (*fn)(FDCState *s);
} FdcCommand;

static const FdcCommand commands[] = {
    { 0x1f, 0x06, 8, fdc_start_transfer }, /* READ DATA */
    { 0x1f, 0x0c, 8, fdc_start_transfer }, /* READ DELETED DATA */
    { 0x3f, 0x05, 8, fdc_start_transfer }, /* WRITE DATA */
    { 0x3f, 0x09, 8, fdc_start_transfer }, /* WRITE DELETED DATA */
    { 0x9f, 0x02, 8, fdc_start_transfer }, /* READ TRACK */
    { 0x1f, 0x16, 8, fdc_start_transfer }, /* VERIFY */
    { 0x1f, 0x11, 8, fdc_start_transfer }, /* SCAN EQUAL */
    { 0x1f, 0x19, 8, fdc_start_transfer }, /* SCAN LOW OR EQUAL */
    { 0x1f, 0x1d, 8, fdc_start_transfer }, /* SCAN HIGH OR EQUAL */
    { 0xbf, 0x0d, 5, fdc_start_format },
    { 0xbf, 0x0a, 1, fdc_read_id },
    { 0xff, 0x03, 2, cmd_specify },
    { 0xff, 0x04, 1, cmd_sense_drive_status },
    { 0xff, 0x07, 1, cmd_recalibrate },
    { 0xff, 0x08, 0, cmd_sense_interrupt },
    { 0xff, 0x0e, 0, cmd_dumpreg },
    { 0xff, 0x0f, 2, cmd_seek },
    { 0xbf, 0x8f, 2, cmd_relative_seek },
    { 0xff, 0x10, 0, cmd_version },
    { 0xff, 0x12, 1, cmd_perpendicular },
    { 0xff, 0x13, 3, cmd_configure },
    { 0x7f, 0x14, 0, cmd_lock },
    { 0xff, 0x17, 1, cmd_powerdown_mode },
    { 0xff, 0x18, 0, cmd_part_id },
    { 0xff, 0x2e, 0, cmd_save },
    { 0xff, 0x33, 1, cmd_option },
    { 0xff, 0x4e, 16, cmd_restore },
};

static const FdcCommand *find_command(uint8_t byte)
{
    static const FdcCommand invalid = { 0, 0, 0, cmd_invalid };

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if ((byte & commands[i].mask) == commands[i].code) {
            return &commands[i];
        }
    }
    return &invalid;
}

uint8_t fdc_parameters(uint8_t command)
{
    return find_command(command)->parameters;
}

void fdc_execute(FDCState *s)
{
    find_command(s->command)->fn(s);
}
