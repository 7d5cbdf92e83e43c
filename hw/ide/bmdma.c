/*
 * Bus-master IDE engine: see bmdma.h.
 *
 * A physical region descriptor:
 *
 *     31                                            1 0
 *     | memory address                               |0|
 *     |EOT|  reserved       | byte count (0: 64 KiB) |0|
 *      63                    47                    33
 *
 * How a transfer ended, in status (table in 3.1 of the interface):
 *     interrupt, not active   all data moved, the list was exactly as long
 *     interrupt, active       all data moved, the list was longer
 *     no interrupt, not active   the list was shorter, or an error
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/ide/bmdma.h"
#include "util/trace.h"

TRACE_EVENT(bmdma_read, "%s reg %u value 0x%02x");
TRACE_EVENT(bmdma_write, "%s reg %u value 0x%02x");
TRACE_EVENT(bmdma_region, "%s address 0x%08x length %u last %d");

enum { BMIC, BMIS = 2, BMIDTP = 4 };
enum { BMIC_SSBM = 0x01, BMIC_RWCON = 0x08 };
enum { BMIS_ACTIVE = 0x01, BMIS_ERROR = 0x02, BMIS_INTERRUPT = 0x04, BMIS_DRIVES_CAPABLE = 0x60 };
enum { PRD_SIZE = 8 };
#define PRD_EOT 0x80000000u

static void next_region(BMDMA *bm)
{
    uint8_t prd[PRD_SIZE] = { 0 };

    pci_dma_read(bm->pci, bm->next, prd, sizeof(prd));
    uint32_t control = pci_get_long(prd + 4);
    bm->next += PRD_SIZE;
    bm->region = pci_get_long(prd) & ~1u;
    bm->region_len = control & 0xfffe ? control & 0xfffe : 0x10000;
    bm->last = control & PRD_EOT;
    trace(bmdma_region, bm->bus->parent_obj.name, bm->region, bm->region_len, bm->last);
}

/* With bus mastering off the cycles never reach the bus, which is no error of theirs. */
static bool move_part(BMDMA *bm, void *buf, uint32_t len, bool to_memory)
{
    MemTxResult result = to_memory ? pci_dma_write(bm->pci, bm->region, buf, len)
                                   : pci_dma_read(bm->pci, bm->region, buf, len);

    bm->region += len;
    bm->region_len -= len;
    return result == MEMTX_OK || !(bm->pci->config[PCI_COMMAND] & PCI_COMMAND_MASTER);
}

static uint32_t transfer(void *opaque, void *buf, uint32_t len, bool to_memory)
{
    BMDMA *bm = opaque;
    uint32_t done = 0;

    while (done < len) {
        if (!bm->region_len) {
            if (bm->last) {
                break;
            }
            next_region(bm);
        }
        uint32_t part = MIN(len - done, bm->region_len);
        if (!move_part(bm, (uint8_t *)buf + done, part, to_memory)) {
            bm->status = (bm->status | BMIS_ERROR) & ~BMIS_ACTIVE;
            break;
        }
        done += part;
    }
    return done;
}

static void request(void *opaque, IDEDevice *drive)
{
    BMDMA *bm = opaque;

    if (bm->status & BMIS_ACTIVE) {
        ide_dma_run(drive);
    }
}

static void finished(void *opaque, bool error)
{
    BMDMA *bm = opaque;

    if (error || (bm->last && !bm->region_len)) {
        bm->status &= ~BMIS_ACTIVE;
    }
}

static const IDEDMAOps bmdma_ops = {
    .request = request, .transfer = transfer, .finished = finished,
};

void bmdma_init(BMDMA *bm, PCIDevice *pci, IDEBus *bus)
{
    bm->pci = pci;
    bm->bus = bus;
    bus->dma = &bmdma_ops;
    bus->dma_opaque = bm;
}

void bmdma_reset(BMDMA *bm)
{
    bm->command = bm->status = 0;
    bm->table = bm->next = bm->region = bm->region_len = 0;
    bm->last = false;
}

/* The status bit is set by the rising edge. */
void bmdma_set_intr(BMDMA *bm, bool level)
{
    if (level && !bm->intr) {
        bm->status |= BMIS_INTERRUPT;
    }
    bm->intr = level;
}

/* --- registers ------------------------------------------------------------ */

static void start(BMDMA *bm)
{
    IDEDevice *drive = ide_dma_pending(bm->bus);

    bm->next = bm->table;
    bm->region_len = 0;
    bm->last = false;
    bm->status |= BMIS_ACTIVE;
    if (drive) {
        ide_dma_run(drive);
    }
}

static void stop(BMDMA *bm)
{
    IDEDevice *drive = ide_dma_pending(bm->bus);

    if (drive) {
        ide_dma_stop(drive);
    }
    bm->status &= ~BMIS_ACTIVE;
}

static void write_command(BMDMA *bm, uint8_t val)
{
    bool was_started = bm->command & BMIC_SSBM;

    bm->command = val & (BMIC_SSBM | BMIC_RWCON);
    if ((val & BMIC_SSBM) && !was_started) {
        start(bm);
    } else if (!(val & BMIC_SSBM) && was_started) {
        stop(bm);
    }
}

void bmdma_write(BMDMA *bm, unsigned reg, uint8_t val)
{
    trace(bmdma_write, bm->bus->parent_obj.name, reg, val);
    if (reg == BMIC) {
        write_command(bm, val);
    } else if (reg == BMIS) {
        uint8_t kept = bm->status & ~(val & (BMIS_ERROR | BMIS_INTERRUPT));
        bm->status = (kept & ~BMIS_DRIVES_CAPABLE) | (val & BMIS_DRIVES_CAPABLE);
    } else if (reg >= BMIDTP) {
        unsigned shift = 8 * (reg - BMIDTP);
        bm->table = ((bm->table & ~(0xffu << shift)) | (uint32_t)val << shift) & ~3u;
    }
}

uint8_t bmdma_read(BMDMA *bm, unsigned reg)
{
    uint8_t val = reg == BMIC ? bm->command
                : reg == BMIS ? bm->status
                : reg >= BMIDTP ? bm->table >> (8 * (reg - BMIDTP)) : 0;

    trace(bmdma_read, bm->bus->parent_obj.name, reg, val);
    return val;
}

static const VMStateField bmdma_fields[] = {
    VMSTATE_UINT8(command, BMDMA),
    VMSTATE_UINT8(status, BMDMA),
    VMSTATE_UINT32(table, BMDMA),
    VMSTATE_UINT32(next, BMDMA),
    VMSTATE_UINT32(region, BMDMA),
    VMSTATE_UINT32(region_len, BMDMA),
    VMSTATE_BOOL(last, BMDMA),
    VMSTATE_BOOL(intr, BMDMA),
    VMSTATE_END
};

const VMStateDescription vmstate_bmdma = {
    .name = "bmdma", .version = 1, .fields = bmdma_fields,
};
