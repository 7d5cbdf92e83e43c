/*
 * edu: the educational PCI device (its specification is docs/specs/edu of the QEMU project): an
 * identification, a factorial unit, interrupts by pin or MSI, and a DMA engine with a buffer.
 *
 * BAR 0, 1 MiB. Registers below 0x80 take accesses of 4 bytes only, the others of 4 or 8.
 *
 *     0x00 ID          r   0x010000ed            0x80 DMA source      rw
 *     0x04 LIVENESS    rw  inverts what it gets  0x88 DMA destination rw
 *     0x08 FACTORIAL   rw  n becomes n!          0x90 DMA count       rw  bytes
 *     0x20 STATUS      rw  STATUS_...            0x98 DMA command     rw  DMA_...
 *     0x24 IRQ STATUS  r                         0x60 IRQ RAISE, 0x64 IRQ ACK  w
 *
 * The factorial is ready at once; a transfer takes 100 ms.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include <string.h>
#include "hw/pci/msi.h"
#include "hw/pci/pci.h"
#include "util/log.h"
#include "util/trace.h"

#define TYPE_EDU "edu"
OBJECT_DECLARE_SIMPLE(EduState, EDU, TYPE_EDU)

TRACE_EVENT(edu_read, "0x%02" PRIx64 " %u bytes 0x%" PRIx64);
TRACE_EVENT(edu_write, "0x%02" PRIx64 " %u bytes 0x%" PRIx64);
TRACE_EVENT(edu_irq, "status 0x%x");

enum {
    REG_ID = 0x00, REG_LIVENESS = 0x04, REG_FACTORIAL = 0x08, REG_STATUS = 0x20,
    REG_IRQ_STATUS = 0x24, REG_IRQ_RAISE = 0x60, REG_IRQ_ACK = 0x64, REG_DMA_SRC = 0x80,
    REG_DMA_DST = 0x88, REG_DMA_COUNT = 0x90, REG_DMA_CMD = 0x98,
};
enum { ID = 0x010000ed };
enum { STATUS_COMPUTING = 0x01, STATUS_IRQ_FACTORIAL = 0x80 };
enum { IRQ_FACTORIAL = 0x001, IRQ_DMA = 0x100 };
enum { DMA_RUN = 1 << 0, DMA_TO_RAM = 1 << 1, DMA_IRQ = 1 << 2, DMA_WRITABLE = 7 };
enum { BAR_SIZE = 1 << 20, BUFFER = 0x40000, BUFFER_SIZE = 4096, DMA_TIME_MS = 100 };

struct EduState {
    PCIDevice parent_obj;
    MemoryRegion mmio;
    uint32_t liveness, factorial, status, irq_status;
    uint64_t dma_src, dma_dst, dma_count, dma_cmd;
    uint64_t dma_mask;   /* bits of a bus address that the device drives */
    uint8_t buffer[BUFFER_SIZE];
    Timer dma_timer;
};

/* --- interrupts --------------------------------------------------------------------------- */

static void update_pin(EduState *s)
{
    PCIDevice *pci = &s->parent_obj;

    pci_set_irq(pci, s->irq_status && !msi_enabled(pci));
}

static void raise_irq(EduState *s, uint32_t bits)
{
    s->irq_status |= bits;
    trace(edu_irq, s->irq_status);
    if (s->irq_status && msi_enabled(&s->parent_obj)) {
        msi_notify(&s->parent_obj, 0);
    }
    update_pin(s);
}

static void acknowledge(EduState *s, uint32_t bits)
{
    s->irq_status &= ~bits;
    trace(edu_irq, s->irq_status);
    update_pin(s);
}

/* --- factorial ------------------------------------------------------------------------------ */

static void compute_factorial(EduState *s, uint32_t n)
{
    uint32_t product = 1;

    /* From 34 on the product modulo 2^32 is 0. */
    for (uint32_t i = 2; i <= n && product; i++) {
        product *= i;
    }
    s->factorial = product;
    if (s->status & STATUS_IRQ_FACTORIAL) {
        raise_irq(s, IRQ_FACTORIAL);
    }
}

/* --- DMA ------------------------------------------------------------------------------------ */

/* The place in the buffer of a transfer, NULL if it does not lie in it. */
static uint8_t *buffer_at(EduState *s, uint64_t addr)
{
    bool inside = addr >= BUFFER && addr - BUFFER <= BUFFER_SIZE &&
                  s->dma_count <= BUFFER_SIZE - (addr - BUFFER);

    if (!inside) {
        log_mask(LOG_GUEST_ERROR, "edu: transfer of 0x%" PRIx64 " bytes at 0x%" PRIx64
                 " is not inside the buffer\n", s->dma_count, addr);
    }
    return inside ? s->buffer + (addr - BUFFER) : NULL;
}

static void dma_done(void *opaque)
{
    EduState *s = opaque;
    bool to_ram = s->dma_cmd & DMA_TO_RAM;
    uint8_t *buffer = buffer_at(s, to_ram ? s->dma_src : s->dma_dst);

    if (buffer && to_ram) {
        pci_dma_write(&s->parent_obj, s->dma_dst & s->dma_mask, buffer, s->dma_count);
    } else if (buffer) {
        pci_dma_read(&s->parent_obj, s->dma_src & s->dma_mask, buffer, s->dma_count);
    }
    s->dma_cmd &= ~(uint64_t)DMA_RUN;
    if (s->dma_cmd & DMA_IRQ) {
        raise_irq(s, IRQ_DMA);
    }
}

static void dma_command(EduState *s, uint64_t val)
{
    s->dma_cmd = val & DMA_WRITABLE;
    if (s->dma_cmd & DMA_RUN) {
        timer_mod(&s->dma_timer, clock_get_ns(s->dma_timer.clock) + DMA_TIME_MS * NS_PER_MS);
    }
}

/* --- registers ------------------------------------------------------------------------------ */

static bool width_allowed(hwaddr addr, unsigned size)
{
    return size == 4 || (size == 8 && addr >= REG_DMA_SRC);
}

static uint64_t edu_read(void *opaque, hwaddr addr, unsigned size)
{
    EduState *s = opaque;
    uint64_t val = UINT64_MAX;

    if (!width_allowed(addr, size)) {
        return val;
    }
    switch (addr) {
    case REG_ID:
        val = ID;
        break;
    case REG_LIVENESS:
        val = s->liveness;
        break;
    case REG_FACTORIAL:
        val = s->factorial;
        break;
    case REG_STATUS:
        val = s->status;
        break;
    case REG_IRQ_STATUS:
        val = s->irq_status;
        break;
    case REG_DMA_SRC:
        val = s->dma_src;
        break;
    case REG_DMA_DST:
        val = s->dma_dst;
        break;
    case REG_DMA_COUNT:
        val = s->dma_count;
        break;
    case REG_DMA_CMD:
        val = s->dma_cmd;
        break;
    }
    trace(edu_read, addr, size, val);
    return val;
}

/* DMA registers do not change under a running transfer. */
static void write_dma(EduState *s, hwaddr addr, uint64_t val)
{
    if (s->dma_cmd & DMA_RUN) {
        return;
    }
    switch (addr) {
    case REG_DMA_SRC:
        s->dma_src = val;
        break;
    case REG_DMA_DST:
        s->dma_dst = val;
        break;
    case REG_DMA_COUNT:
        s->dma_count = val;
        break;
    case REG_DMA_CMD:
        dma_command(s, val);
        break;
    }
}

static void edu_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    EduState *s = opaque;

    trace(edu_write, addr, size, val);
    if (!width_allowed(addr, size)) {
        return;
    }
    switch (addr) {
    case REG_LIVENESS:
        s->liveness = ~val;
        break;
    case REG_FACTORIAL:
        compute_factorial(s, val);
        break;
    case REG_STATUS:
        s->status = val & STATUS_IRQ_FACTORIAL;
        break;
    case REG_IRQ_RAISE:
        raise_irq(s, val);
        break;
    case REG_IRQ_ACK:
        acknowledge(s, val);
        break;
    default:
        write_dma(s, addr, val);
        break;
    }
}

static const MemoryRegionOps edu_ops = {
    .read = edu_read,
    .write = edu_write,
    .valid = { .min_size = 1, .max_size = 8 },
    .impl = { .min_size = 1, .max_size = 8 },
};

/* --- the device ------------------------------------------------------------------------------- */

static bool edu_realize(DeviceState *dev, Error **errp)
{
    EduState *s = EDU(dev);
    PCIDevice *pci = PCI_DEVICE(dev);

    pci->config[PCI_INTERRUPT_PIN] = 1;
    if (!msi_init(pci, 0, 1, true, false, errp)) {
        return false;
    }
    timer_init(&s->dma_timer, qdev_clock(dev), dma_done, s);
    memory_region_init_io(&s->mmio, dev, &edu_ops, s, "edu-mmio", BAR_SIZE);
    pci_register_bar(pci, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->mmio);
    return true;
}

static void edu_unrealize(DeviceState *dev)
{
    EduState *s = EDU(dev);

    timer_deinit(&s->dma_timer);
    memory_region_destroy(&s->mmio);
}

static void edu_reset(DeviceState *dev)
{
    EduState *s = EDU(dev);

    timer_del(&s->dma_timer);
    s->liveness = s->factorial = s->status = s->irq_status = 0;
    s->dma_src = s->dma_dst = s->dma_count = s->dma_cmd = 0;
    memset(s->buffer, 0, sizeof(s->buffer));
}

static const VMStateField edu_fields[] = {
    VMSTATE_PCI_DEVICE(parent_obj, EduState),
    VMSTATE_UINT32(liveness, EduState), VMSTATE_UINT32(factorial, EduState),
    VMSTATE_UINT32(status, EduState), VMSTATE_UINT32(irq_status, EduState),
    VMSTATE_UINT64(dma_src, EduState), VMSTATE_UINT64(dma_dst, EduState),
    VMSTATE_UINT64(dma_count, EduState), VMSTATE_UINT64(dma_cmd, EduState),
    VMSTATE_BYTES(buffer, EduState, BUFFER_SIZE), VMSTATE_TIMER(dma_timer, EduState),
    VMSTATE_END
};

static const VMStateDescription vmstate_edu = {
    .name = TYPE_EDU, .version = 1, .fields = edu_fields,
};

static const Property edu_props[] = {
    PROP_UINT64("dma_mask", EduState, dma_mask, (1 << 28) - 1),
    PROP_END
};

static const PCIDeviceInfo edu_pci = {
    .vendor_id = 0x1234, .device_id = 0x11e8, .class_id = 0x00ff, .revision = 0x10,
};

static const DeviceInfo edu_info = {
    .name = TYPE_EDU, .parent = TYPE_PCI_DEVICE, .instance_size = sizeof(EduState),
    .desc = "educational PCI device", .hotpluggable = true, .vmsd = &vmstate_edu,
    .props = edu_props, .realize = edu_realize, .unrealize = edu_unrealize, .reset = edu_reset,
    .class_init = pci_device_class_init, .class_data = &edu_pci,
};
DEVICE_TYPE(edu_info)
