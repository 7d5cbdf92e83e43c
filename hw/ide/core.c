/*
 * IDE channel and the part of a drive that all command sets share: the
 * register file, selection, reset, interrupts, data ports, DMA hand-over.
 * ATA/ATAPI-6 (T13/1410D), chapters 7 and 9.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/ide/ide-int.h"
#include <string.h>
#include "util/trace.h"

TRACE_EVENT(ide_command, "%s unit %u command 0x%02x");
TRACE_EVENT(ide_register_write, "%s reg %u value 0x%02x");
TRACE_EVENT(ide_register_read, "%s reg %u value 0x%02x");
TRACE_EVENT(ide_control_write, "%s value 0x%02x");
TRACE_EVENT(ide_complete, "%s unit %u status 0x%02x error 0x%02x");
TRACE_EVENT(ide_reset, "%s unit %u");

/* --- interrupts ----------------------------------------------------------- */

static IDEDevice *selected_drive(const IDEBus *bus)
{
    return bus->drives[bus->selected];
}

/* Only the selected drive drives INTRQ, and only while nIEN is clear (5.2.9). */
static void update_irq(IDEBus *bus)
{
    IDEDevice *d = selected_drive(bus);
    irq_set(bus->irq, d && d->irq_pending && !(bus->control & CONTROL_NIEN));
}

void ide_raise_irq(IDEDevice *d)
{
    d->irq_pending = true;
    update_irq(ide_bus_of(d));
}

static void clear_irq(IDEDevice *d)
{
    d->irq_pending = false;
    update_irq(ide_bus_of(d));
}

void ide_complete(IDEDevice *d)
{
    d->status = STATUS_DRDY | STATUS_DSC;
    d->pio = PIO_NONE;
    trace(ide_complete, ide_bus_of(d)->parent_obj.name, d->unit, d->status, 0);
    ide_raise_irq(d);
}

void ide_fail(IDEDevice *d, uint8_t error)
{
    if (d->dma != DMA_NONE) {
        ide_dma_finished(d, true);
    }
    d->status = STATUS_DRDY | STATUS_DSC | STATUS_ERR;
    d->error = error;
    d->pio = PIO_NONE;
    trace(ide_complete, ide_bus_of(d)->parent_obj.name, d->unit, d->status, error);
    ide_raise_irq(d);
}

/* --- requests on the image ------------------------------------------------ */

static void start_request(IDEDevice *d, uint32_t pos, uint32_t len)
{
    g_assert(!d->req && pos + len <= sizeof(d->buf));
    d->status = (d->status & ~(STATUS_DRQ | STATUS_ERR)) | STATUS_BSY;
    d->iov = (struct iovec){ d->buf + pos, len };
}

void ide_blk_read(IDEDevice *d, uint64_t offset, uint32_t pos, uint32_t len,
                  BlockCompletionFn *fn)
{
    start_request(d, pos, len);
    d->req = blk_aio_preadv(ide_blk(d), offset, &d->iov, 1, fn, d);
}

void ide_blk_write(IDEDevice *d, uint64_t offset, uint32_t pos, uint32_t len,
                   BlockCompletionFn *fn)
{
    start_request(d, pos, len);
    d->req = blk_aio_pwritev(ide_blk(d), offset, &d->iov, 1, fn, d);
}

void ide_blk_flush(IDEDevice *d, BlockCompletionFn *fn)
{
    start_request(d, 0, 0);
    d->req = blk_aio_flush(ide_blk(d), fn, d);
}

static void cancel_request(IDEDevice *d)
{
    if (d->req) {
        blk_aio_cancel(d->req);
        d->req = NULL;
        blk_drain(ide_blk(d));
    }
}

/* --- PIO ------------------------------------------------------------------ */

void ide_pio_begin(IDEDevice *d, IDEPio kind, uint32_t start, uint32_t end)
{
    g_assert(start <= end && end <= sizeof(d->buf));
    d->pio = kind;
    d->data_pos = start;
    d->data_end = end;
    d->status = STATUS_DRDY | STATUS_DSC | STATUS_DRQ;
}

static void pio_reply_done(IDEDevice *d)
{
    d->status = STATUS_DRDY | STATUS_DSC;
}

static void (*const pio_done[PIO_COUNT])(IDEDevice *d) = {
    [PIO_REPLY] = pio_reply_done,
    [PIO_READ] = ata_pio_read_next,
    [PIO_WRITE] = ata_pio_write_block,
    [PIO_PACKET] = atapi_packet,
    [PIO_PACKET_IN] = atapi_pio_in_next,
    [PIO_PACKET_OUT] = atapi_pio_out_done,
};

static bool pio_to_host(const IDEDevice *d)
{
    return d->pio == PIO_REPLY || d->pio == PIO_READ || d->pio == PIO_PACKET_IN;
}

static void pio_advance(IDEDevice *d, unsigned size)
{
    d->data_pos += size;
    if (d->data_pos >= d->data_end) {
        void (*done)(IDEDevice *) = pio_done[d->pio];
        d->pio = PIO_NONE;
        d->status &= ~STATUS_DRQ;
        done(d);
    }
}

/* An odd last byte is padded to the word that the bus carries. */
static uint32_t data_read(IDEBus *bus, unsigned size)
{
    IDEDevice *d = selected_drive(bus);
    uint32_t val = 0;

    if (!d || !(d->status & STATUS_DRQ) || !pio_to_host(d)) {
        return 0;
    }
    memcpy(&val, d->buf + d->data_pos, MIN(size, d->data_end - d->data_pos));
    pio_advance(d, size);
    return val;
}

/* What is left of the block that DRQ announces. */
static unsigned data_read_run(void *opaque, hwaddr addr, void *buf, unsigned size, unsigned count)
{
    IDEDevice *d = selected_drive(opaque);

    if (addr != IDE_REG_DATA || !d || !(d->status & STATUS_DRQ) || !pio_to_host(d)) {
        return 0;
    }
    count = MIN(count, (d->data_end - d->data_pos) / size);
    if (count) {
        memcpy(buf, d->buf + d->data_pos, count * size);
        pio_advance(d, count * size);
    }
    return count;
}

static void data_write(IDEBus *bus, uint32_t val, unsigned size)
{
    IDEDevice *d = selected_drive(bus);

    if (!d || !(d->status & STATUS_DRQ) || d->pio == PIO_NONE || pio_to_host(d)) {
        return;
    }
    memcpy(d->buf + d->data_pos, &val, MIN(size, d->data_end - d->data_pos));
    pio_advance(d, size);
}

/* --- DMA ------------------------------------------------------------------ */

void ide_dma_begin(IDEDevice *d, IDEDma kind)
{
    IDEBus *bus = ide_bus_of(d);

    if (!bus->dma) {
        ide_fail(d, ERROR_ABRT);
        return;
    }
    d->dma = kind;
    d->list_ended = false;
    d->status = STATUS_DRDY | STATUS_DSC | STATUS_DRQ;
    bus->dma->request(bus->dma_opaque, d);
}

IDEDevice *ide_dma_pending(const IDEBus *bus)
{
    for (int i = 0; i < 2; i++) {
        if (bus->drives[i] && bus->drives[i]->dma != DMA_NONE) {
            return bus->drives[i];
        }
    }
    return NULL;
}

void ide_dma_run(IDEDevice *d)
{
    static void (*const run[DMA_COUNT])(IDEDevice *d) = {
        [DMA_READ] = ata_dma_run, [DMA_WRITE] = ata_dma_run, [DMA_TRIM] = ata_dma_run,
        [DMA_PACKET_IN] = atapi_dma_run, [DMA_PACKET_OUT] = atapi_dma_run,
    };

    if (d->dma != DMA_NONE && !d->req) {
        run[d->dma](d);
    }
}

void ide_dma_stop(IDEDevice *d)
{
    if (d->dma != DMA_NONE && d->req) {
        blk_drain(ide_blk(d));
    }
}

void ide_dma_finished(IDEDevice *d, bool error)
{
    IDEBus *bus = ide_bus_of(d);

    d->dma = DMA_NONE;
    bus->dma->finished(bus->dma_opaque, error);
}

uint32_t ide_dma_transfer(IDEDevice *d, uint32_t pos, uint32_t len, bool to_memory)
{
    IDEBus *bus = ide_bus_of(d);

    g_assert(pos + len <= sizeof(d->buf));
    return bus->dma->transfer(bus->dma_opaque, d->buf + pos, len, to_memory);
}

/* --- reset ---------------------------------------------------------------- */

/* 9.12: tells hard disks and packet devices apart. */
void ide_set_signature(IDEDevice *d)
{
    d->count.cur = 1;
    d->lba_low.cur = 1;
    d->lba_mid.cur = d->is_cd ? 0x14 : 0;
    d->lba_high.cur = d->is_cd ? 0xeb : 0;
    d->device = d->unit ? DEVICE_DEV : 0;
}

static void abandon_command(IDEDevice *d)
{
    cancel_request(d);
    if (d->dma != DMA_NONE) {
        ide_dma_finished(d, true);
    }
    d->pio = PIO_NONE;
    d->irq_pending = false;
}

/* The drive passed its self-test; a packet device has DRDY clear until its first command. */
static void self_test_passed(IDEDevice *d)
{
    ide_set_signature(d);
    d->error = 0x01;
    d->status = d->is_cd ? 0 : STATUS_DRDY | STATUS_DSC;
}

static void software_reset(IDEDevice *d)
{
    trace(ide_reset, ide_bus_of(d)->parent_obj.name, d->unit);
    abandon_command(d);
    d->feature = d->count = d->lba_low = d->lba_mid = d->lba_high = (IDEReg){ 0 };
    d->after_native_max = false;
    d->power_mode = 0xff;
    if (d->is_cd) {
        atapi_reset(d);
    }
    self_test_passed(d);
}

/* No command has ever been given. */
static void forget_commands(IDEDevice *d)
{
    d->command = 0;
    d->ext = d->list_ended = false;
    d->lba = 0;
    d->remaining = d->block_sectors = d->step_sectors = 0;
    d->trim_pos = d->trim_end = 0;
    d->data_pos = d->data_end = 0;
    memset(d->buf, 0, sizeof(d->buf));
    memset(d->atapi.packet, 0, sizeof(d->atapi.packet));
    d->atapi.use_dma = false;
    d->atapi.byte_limit = d->atapi.lba = 0;
}

void ide_device_reset(IDEDevice *d)
{
    d->cur_heads = d->heads;
    d->cur_secs = d->secs;
    d->multiple = MAX_MULTIPLE;
    d->transfer_mode = 0;
    d->write_cache = d->read_ahead = true;
    d->smart_enabled = true;
    d->max_sectors = d->native_sectors;
    software_reset(d);
    forget_commands(d);
}

void ide_bus_reset(IDEBus *bus)
{
    bus->selected = 0;
    bus->control = 0;
    for (int i = 0; i < 2; i++) {
        if (bus->drives[i]) {
            ide_device_reset(bus->drives[i]);
        }
    }
    update_irq(bus);
}

/* DEVICE RESET (8.10): a packet device's own reset; no interrupt. */
static void command_device_reset(IDEDevice *d)
{
    uint8_t dev = d->device & DEVICE_DEV;

    software_reset(d);
    d->device = dev;
    update_irq(ide_bus_of(d));
}

/* EXECUTE DEVICE DIAGNOSTIC (8.11): both drives, whichever is selected; drive 0 answers. */
static void command_diagnostic(IDEBus *bus)
{
    bus->selected = 0;
    for (int i = 0; i < 2; i++) {
        if (bus->drives[i]) {
            abandon_command(bus->drives[i]);
            self_test_passed(bus->drives[i]);
        }
    }
    if (bus->drives[0]) {
        ide_raise_irq(bus->drives[0]);
    }
}

/* --- registers ------------------------------------------------------------ */

enum { CMD_DEVICE_RESET = 0x08, CMD_DIAGNOSTIC = 0x90 };

static void write_command(IDEBus *bus, uint8_t val)
{
    IDEDevice *d = selected_drive(bus);

    if (val == CMD_DIAGNOSTIC) {
        trace(ide_command, bus->parent_obj.name, bus->selected, val);
        command_diagnostic(bus);
        return;
    }
    if (!d) {
        return;
    }
    trace(ide_command, bus->parent_obj.name, d->unit, val);
    if (val == CMD_DEVICE_RESET && d->is_cd) {
        command_device_reset(d);
        return;
    }
    if (d->status & (STATUS_BSY | STATUS_DRQ)) {
        return;
    }
    clear_irq(d);
    d->command = val;
    d->error = 0;
    if (d->is_cd) {
        atapi_exec(d, val);
    } else {
        ata_exec(d, val);
    }
}

static void push_reg(IDEReg *reg, uint8_t val)
{
    reg->prev = reg->cur;
    reg->cur = val;
}

/* Both drives see every write to the command block (6.1). */
static void write_drive_register(IDEDevice *d, unsigned reg, uint8_t val)
{
    IDEReg *const regs[IDE_NUM_REGS] = {
        [IDE_REG_ERROR_FEATURES] = &d->feature, [IDE_REG_COUNT] = &d->count,
        [IDE_REG_LBA_LOW] = &d->lba_low, [IDE_REG_LBA_MID] = &d->lba_mid,
        [IDE_REG_LBA_HIGH] = &d->lba_high,
    };

    if (d->status & (STATUS_BSY | STATUS_DRQ)) {
        return;
    }
    if (reg == IDE_REG_DEVICE) {
        d->device = val & ~DEVICE_OBSOLETE;
    } else {
        push_reg(regs[reg], val);
    }
}

static void register_write(IDEBus *bus, unsigned reg, uint8_t val)
{
    IDEDevice *d = selected_drive(bus);

    trace(ide_register_write, bus->parent_obj.name, reg, val);
    bus->control &= ~CONTROL_HOB;
    if (reg == IDE_REG_STATUS_COMMAND) {
        write_command(bus, val);
        return;
    }
    if (d && (d->status & (STATUS_BSY | STATUS_DRQ))) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        if (bus->drives[i]) {
            write_drive_register(bus->drives[i], reg, val);
        }
    }
    if (reg == IDE_REG_DEVICE) {
        bus->selected = !!(val & DEVICE_DEV);
        update_irq(bus);
    }
}

static uint8_t read_reg(const IDEBus *bus, IDEReg reg)
{
    return bus->control & CONTROL_HOB ? reg.prev : reg.cur;
}

/* Drive 0 answers for an absent drive 1, with a status of 0 (9.16.1). */
static uint8_t drive_register(const IDEBus *bus, unsigned reg)
{
    const IDEDevice *d = selected_drive(bus);
    bool absent = !d;

    d = d ? d : bus->drives[0];
    if (!d) {
        return 0;
    }
    switch (reg) {
    case IDE_REG_ERROR_FEATURES:
        return absent ? 0 : d->error;
    case IDE_REG_COUNT:
        return read_reg(bus, d->count);
    case IDE_REG_LBA_LOW:
        return read_reg(bus, d->lba_low);
    case IDE_REG_LBA_MID:
        return read_reg(bus, d->lba_mid);
    case IDE_REG_LBA_HIGH:
        return read_reg(bus, d->lba_high);
    case IDE_REG_DEVICE:
        return d->device | DEVICE_OBSOLETE;
    default:
        return absent ? 0 : d->status;
    }
}

static uint8_t register_read(IDEBus *bus, unsigned reg)
{
    IDEDevice *d = selected_drive(bus);
    uint8_t val = drive_register(bus, reg);

    if (reg == IDE_REG_STATUS_COMMAND && d) {
        clear_irq(d);
    }
    trace(ide_register_read, bus->parent_obj.name, reg, val);
    return val;
}

static uint64_t command_read(void *opaque, hwaddr addr, unsigned size)
{
    uint32_t val = 0;

    if (addr == IDE_REG_DATA) {
        return data_read(opaque, size);
    }
    for (unsigned i = 0; i < size && addr + i < IDE_NUM_REGS; i++) {
        val |= (uint32_t)register_read(opaque, addr + i) << (8 * i);
    }
    return val;
}

static void command_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    if (addr == IDE_REG_DATA) {
        data_write(opaque, val, size);
        return;
    }
    for (unsigned i = 0; i < size && addr + i < IDE_NUM_REGS; i++) {
        register_write(opaque, addr + i, val >> (8 * i));
    }
}

const MemoryRegionOps ide_command_ops = {
    .read = command_read, .write = command_write, .read_run = data_read_run,
    .valid = { 1, 4, true }, .impl = { 1, 4, true },
};

static uint64_t control_read(void *opaque, hwaddr addr, unsigned size)
{
    return drive_register(opaque, IDE_REG_STATUS_COMMAND);
}

/* While SRST is set the drives are busy; clearing it lets them finish their self-test. */
static void reset_line(IDEBus *bus, bool assert)
{
    for (int i = 0; i < 2; i++) {
        IDEDevice *d = bus->drives[i];
        if (d) {
            software_reset(d);
            d->status = assert ? STATUS_BSY : d->status;
        }
    }
    bus->selected = 0;
}

static void control_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    IDEBus *bus = opaque;
    uint8_t changed = bus->control ^ val;

    trace(ide_control_write, bus->parent_obj.name, (unsigned)val);
    bus->control = val;
    if (changed & CONTROL_SRST) {
        reset_line(bus, val & CONTROL_SRST);
    }
    update_irq(bus);
}

const MemoryRegionOps ide_control_ops = {
    .read = control_read, .write = control_write,
    .valid = { 1, 4, true }, .impl = { 1, 1 },
};
