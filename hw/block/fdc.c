/*
 * Floppy disk controller: registers, reset, interrupt, and the three phases
 * of a command. Intel 82078 data sheet (290474), 2.0 to 5.0.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/block/fdc-int.h"
#include <string.h>
#include "util/trace.h"

TRACE_EVENT(fdc_read, "reg %u value 0x%02x");
TRACE_EVENT(fdc_write, "reg %u value 0x%02x");
TRACE_EVENT(fdc_reset, "polling %d");
TRACE_EVENT(fdc_command, "command 0x%02x, %u parameters");
TRACE_EVENT(fdc_result, "command 0x%02x, %u results, first 0x%02x");

enum { DEFAULT_PRECOMP_RATE = RATE_250K };

void fdc_set_irq(FDCState *s, bool level)
{
    s->irq_level = level;
    irq_set(s->irq, level && (s->dor & DOR_DMAGATE));
}

FloppyDrive *fdc_drive(const FDCState *s, unsigned n)
{
    return n < FDC_DRIVES ? s->bus->drives[n] : NULL;
}

static FloppyDrive *selected_drive(const FDCState *s)
{
    return fdc_drive(s, s->dor & DOR_DRIVE);
}

bool fdc_rate_matches(const FDCState *s, const FloppyDrive *d)
{
    return d->format->rate == (s->dsr & DSR_RATE);
}

static void to_command_phase(FDCState *s)
{
    s->phase = PHASE_COMMAND;
    s->pos = s->len = 0;
}

void fdc_result(FDCState *s, uint8_t len)
{
    trace(fdc_result, s->command, len, s->bytes[0]);
    to_command_phase(s);
    if (len) {
        s->phase = PHASE_RESULT;
        s->len = len;
    }
}

/* --- reset (4.0) ---------------------------------------------------------- */

/* Leaves reset: with polling on, the drives' ready lines seem to have changed. */
static void leave_reset(FDCState *s)
{
    bool polling = !(s->config & CONFIG_POLL_OFF);

    trace(fdc_reset, polling);
    s->reset_sense = polling ? 4 : 0;
    fdc_set_irq(s, polling);
}

/* By DOR or DSR: parameters survive if LOCK said so. */
static void software_reset(FDCState *s)
{
    fdc_cancel(s);
    to_command_phase(s);
    fdc_set_irq(s, false);
    s->st0 = 0;
    s->seek_done = false;
    s->reset_sense = 0;
    s->perpendicular &= 0x3c; /* drive bits stay (5.1.7) */
    if (!s->lock) {
        s->config = CONFIG_EFIFO_OFF;
        s->pretrk = 0;
    }
}

/* No command has ever been given. */
static void forget_commands(FDCState *s)
{
    memset(s->bytes, 0, sizeof(s->bytes));
    s->command = s->xfer = 0;
    s->cyl = s->head = s->sec = 0;
    memset(s->segments, 0, sizeof(s->segments));
    s->segment = s->end_st1 = s->st2 = 0;
    s->data_pos = s->data_len = 0;
    s->non_dma = s->terminal_count = s->scan_equal = s->scan_fits = false;
    memset(s->buf, 0, sizeof(s->buf));
}

void fdc_hard_reset(FDCState *s)
{
    s->lock = false;
    s->dor = DOR_NRESET | DOR_DMAGATE;
    s->tdr = 0;
    s->dsr = DEFAULT_PRECOMP_RATE;
    s->timer0 = s->timer1 = 0;
    s->perpendicular = 0;
    s->power_mode = s->option = s->eot = 0;
    software_reset(s);
    forget_commands(s);
}

/* --- registers ------------------------------------------------------------ */

static uint8_t read_sra(const FDCState *s)
{
    const FloppyDrive *d = selected_drive(s);
    bool track0 = d && d->cyl == 0;
    bool protected = d && d->format && !blk_is_writable(floppy_blk(d));

    return s->irq_level << 7 | !s->bus->drives[1] << 6 | !track0 << 4 | s->head << 3
         | 1 << 2 | !protected << 1;
}

static uint8_t read_srb(const FDCState *s)
{
    return 0xc0 | (s->dor & 1) << 5 | (s->dor >> 4 & 3);
}

static uint8_t read_msr(const FDCState *s)
{
    if (!(s->dor & DOR_NRESET) || (s->dsr & DSR_RESET)) {
        return 0;
    }
    switch (s->phase) {
    case PHASE_COMMAND:
        return MSR_RQM | (s->pos ? MSR_CMDBSY : 0);
    case PHASE_RESULT:
        return MSR_RQM | MSR_DIO | MSR_CMDBSY;
    default:
        break;
    }
    if (!s->non_dma) {
        return MSR_CMDBSY;
    }
    bool ready = !s->req && s->data_pos < s->data_len;
    return MSR_CMDBSY | MSR_NONDMA | (ready ? MSR_RQM : 0)
         | (s->xfer == XFER_TO_HOST ? MSR_DIO : 0);
}

static uint8_t read_fifo(FDCState *s)
{
    if (s->phase == PHASE_EXECUTION && s->non_dma && s->xfer == XFER_TO_HOST) {
        return fdc_pio_read(s);
    }
    if (s->phase != PHASE_RESULT) {
        return 0;
    }
    uint8_t val = s->bytes[s->pos++];
    fdc_set_irq(s, false);
    if (s->pos == s->len) {
        to_command_phase(s);
    }
    return val;
}

static uint8_t read_dir(const FDCState *s)
{
    const FloppyDrive *d = selected_drive(s);
    return d && d->media_changed ? DIR_DSKCHG : 0;
}

uint8_t fdc_read(FDCState *s, unsigned reg)
{
    uint8_t val;

    switch (reg) {
    case FD_SRA:
        val = read_sra(s);
        break;
    case FD_SRB:
        val = read_srb(s);
        break;
    case FD_DOR:
        val = s->dor;
        break;
    case FD_TDR:
        val = s->tdr;
        break;
    case FD_MSR_DSR:
        val = read_msr(s);
        break;
    case FD_FIFO:
        val = read_fifo(s);
        break;
    case FD_DIR_CCR:
        val = read_dir(s);
        break;
    default:
        val = 0xff;
        break;
    }
    trace(fdc_read, reg, val);
    return val;
}

static void write_dor(FDCState *s, uint8_t val)
{
    bool was_running = s->dor & DOR_NRESET, runs = val & DOR_NRESET;

    s->dor = val;
    if (was_running && !runs) {
        software_reset(s);
    } else if (!was_running && runs) {
        leave_reset(s);
    }
    irq_set(s->irq, s->irq_level && (s->dor & DOR_DMAGATE));
}

/* Bit 7 resets and clears itself. */
static void write_dsr(FDCState *s, uint8_t val)
{
    s->dsr = val & ~DSR_RESET;
    if ((val & DSR_RESET) && (s->dor & DOR_NRESET)) {
        software_reset(s);
        leave_reset(s);
    }
}

static void write_fifo(FDCState *s, uint8_t val)
{
    if (!(s->dor & DOR_NRESET)) {
        return;
    }
    if (s->phase == PHASE_EXECUTION && s->non_dma && s->xfer != XFER_TO_HOST) {
        fdc_pio_write(s, val);
        return;
    }
    if (s->phase != PHASE_COMMAND) {
        return;
    }
    s->bytes[s->pos++] = val;
    if (s->pos == 1) {
        s->command = val;
        s->len = 1 + fdc_parameters(val);
    }
    if (s->pos == s->len) {
        trace(fdc_command, s->command, s->len - 1);
        s->pos = 0;
        fdc_execute(s);
    }
}

void fdc_write(FDCState *s, unsigned reg, uint8_t val)
{
    trace(fdc_write, reg, val);
    switch (reg) {
    case FD_DOR:
        write_dor(s, val);
        break;
    case FD_TDR:
        s->tdr = val & 0x03;
        break;
    case FD_MSR_DSR:
        write_dsr(s, val);
        break;
    case FD_FIFO:
        write_fifo(s, val);
        break;
    case FD_DIR_CCR:
        s->dsr = (s->dsr & ~DSR_RATE) | (val & DSR_RATE);
        break;
    default: /* the rest is read-only */
        break;
    }
}

/* --- state ---------------------------------------------------------------- */

static void fdc_pre_save(void *opaque)
{
    FDCState *s = opaque;

    for (int i = 0; i < FDC_DRIVES; i++) {
        if (s->bus->drives[i]) {
            blk_drain(floppy_blk(s->bus->drives[i]));
        }
    }
}

static bool fdc_post_load(void *opaque, Error **errp)
{
    FDCState *s = opaque;
    bool bytes_valid = s->len <= FDC_MAX_BYTES && s->pos < MAX(s->len, 1)
                    && (s->phase != PHASE_RESULT || s->len);
    bool transfer_valid = s->phase != PHASE_EXECUTION || fdc_drive(s, s->bytes[1] & 3);

    if (s->phase >= PHASE_COUNT || !bytes_valid || !transfer_valid || s->xfer >= XFER_COUNT
        || s->data_pos > s->data_len || s->data_len > FDC_BUFFER_SIZE || s->segment > 2
        || s->segments[0].count + s->segments[1].count > FDC_BUFFER_SIZE / FD_SECTOR_SIZE) {
        error_setg(errp, "the saved state of the floppy controller is inconsistent");
        return false;
    }
    return true;
}

static const VMStateField fdc_segment_fields[] = {
    VMSTATE_UINT16(start, FdcSegment),
    VMSTATE_UINT16(count, FdcSegment),
    VMSTATE_END
};

static const VMStateDescription vmstate_fdc_segment = {
    .name = "fdc_segment", .version = 1, .fields = fdc_segment_fields,
};

static const VMStateField fdc_fields[] = {
    VMSTATE_UINT8(dor, FDCState),
    VMSTATE_UINT8(tdr, FDCState),
    VMSTATE_UINT8(dsr, FDCState),
    VMSTATE_BOOL(irq_level, FDCState),
    VMSTATE_UINT8(phase, FDCState),
    VMSTATE_UINT8_ARRAY(bytes, FDCState, FDC_MAX_BYTES),
    VMSTATE_UINT8(pos, FDCState),
    VMSTATE_UINT8(len, FDCState),
    VMSTATE_UINT8(command, FDCState),
    VMSTATE_UINT8(st0, FDCState),
    VMSTATE_BOOL(seek_done, FDCState),
    VMSTATE_UINT8(reset_sense, FDCState),
    VMSTATE_UINT8(timer0, FDCState),
    VMSTATE_UINT8(timer1, FDCState),
    VMSTATE_UINT8(config, FDCState),
    VMSTATE_UINT8(pretrk, FDCState),
    VMSTATE_UINT8(perpendicular, FDCState),
    VMSTATE_UINT8(eot, FDCState),
    VMSTATE_UINT8(power_mode, FDCState),
    VMSTATE_UINT8(option, FDCState),
    VMSTATE_BOOL(lock, FDCState),
    VMSTATE_UINT8(xfer, FDCState),
    VMSTATE_BOOL(non_dma, FDCState),
    VMSTATE_UINT8(cyl, FDCState),
    VMSTATE_UINT8(head, FDCState),
    VMSTATE_UINT8(sec, FDCState),
    VMSTATE_STRUCT_ARRAY(segments, FDCState, 2, vmstate_fdc_segment, FdcSegment),
    VMSTATE_UINT8(segment, FDCState),
    VMSTATE_UINT8(end_st1, FDCState),
    VMSTATE_UINT8(st2, FDCState),
    VMSTATE_UINT32(data_pos, FDCState),
    VMSTATE_UINT32(data_len, FDCState),
    VMSTATE_BOOL(terminal_count, FDCState),
    VMSTATE_BOOL(scan_equal, FDCState),
    VMSTATE_BOOL(scan_fits, FDCState),
    VMSTATE_BYTES(buf, FDCState, FDC_BUFFER_SIZE),
    VMSTATE_END
};

const VMStateDescription vmstate_fdc = {
    .name = "fdc", .version = 1, .fields = fdc_fields, .pre_save = fdc_pre_save,
    .post_load = fdc_post_load,
};
