/*
 * PCI devices: configuration space, base addresses, pins, bus mastering. See
 * pci.h; sections are those of the PCI Local Bus Specification 3.0.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/pci/pci.h"
#include <string.h>
#include "hw/core/machine.h"
#include "hw/pci/internal.h"
#include "hw/pci/msi.h"
#include "util/trace.h"

TRACE_EVENT(pci_bar_map, "%02x.%x BAR %d at 0x%" PRIx64 " size 0x%" PRIx64);
TRACE_EVENT(pci_bar_unmap, "%02x.%x BAR %d from 0x%" PRIx64);
TRACE_EVENT(pci_intx, "%02x.%x level %d");

enum {
    STATUS_W1C = PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_REC_TARGET_ABORT |
                 PCI_STATUS_REC_MASTER_ABORT | PCI_STATUS_SIG_SYSTEM_ERROR |
                 PCI_STATUS_DETECTED_PARITY,
    COMMAND_RW = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_SERR |
                 PCI_COMMAND_INTX_DISABLE,
    /* Firmware knows the virtual PC by these, on bridges too. */
    DEFAULT_SUBSYSTEM_VENDOR = 0x1af4,
    DEFAULT_SUBSYSTEM = 0x1100,
};

static uint16_t command_of(const PCIDevice *dev)
{
    return pci_get_word(dev->config + PCI_COMMAND);
}

/* --- base addresses (6.2.5) -------------------------------------------------- */

static unsigned bar_reg(int n)
{
    return n == PCI_ROM_BAR ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + 4 * n;
}

static bool bar_is_io(const PCIBar *bar)
{
    return bar->type & PCI_BASE_ADDRESS_SPACE_IO;
}

static bool bar_is_64(const PCIBar *bar)
{
    return !bar_is_io(bar) && (bar->type & PCI_BASE_ADDRESS_MEM_TYPE_64);
}

void pci_register_bar(PCIDevice *dev, int n, uint8_t type, MemoryRegion *region)
{
    uint64_t size = memory_region_size(region);
    g_assert(n >= 0 && n < PCI_NUM_BARS && !dev->bars[n].size && (size & (size - 1)) == 0);
    g_assert(size >= (type & PCI_BASE_ADDRESS_SPACE_IO ? 4 : 16));

    PCIBus *bus = pci_get_bus(dev);
    PCIBar *bar = &dev->bars[n];
    *bar = (PCIBar){ .size = size, .addr = PCI_BAR_UNMAPPED, .type = type, .region = region };
    bar->space = bar_is_io(bar) ? bus->io : bus->memory;

    unsigned reg = bar_reg(n);
    uint64_t wmask = ~(size - 1);
    pci_set_long(dev->config + reg, type);
    pci_set_long(dev->wmask + reg, wmask | (n == PCI_ROM_BAR ? PCI_ROM_ADDRESS_ENABLE : 0));
    if (bar_is_64(bar)) {
        pci_set_long(dev->wmask + reg + 4, wmask >> 32);
    }
}

/* Where the registers say that it is. The last bytes of the 32-bit spaces are what a BAR shows
 * while software writes ones to find its size: nothing is mapped there. */
static uint64_t programmed_addr(const PCIDevice *dev, int n)
{
    const PCIBar *bar = &dev->bars[n];
    const uint8_t *reg = dev->config + bar_reg(n);
    uint16_t enable = bar_is_io(bar) ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
    if (!(command_of(dev) & enable) ||
        (n == PCI_ROM_BAR && !(pci_get_long(reg) & PCI_ROM_ADDRESS_ENABLE))) {
        return PCI_BAR_UNMAPPED;
    }
    uint64_t addr = pci_get_long(reg);
    uint64_t top = UINT32_MAX;
    if (bar_is_64(bar)) {
        addr |= (uint64_t)pci_get_long(reg + 4) << 32;
        top = UINT64_MAX;
    }
    addr &= ~(bar->size - 1);
    return addr + (bar->size - 1) < top ? addr : PCI_BAR_UNMAPPED;
}

static void move_bar(PCIDevice *dev, int n, uint64_t addr)
{
    PCIBar *bar = &dev->bars[n];
    if (bar->addr == addr) {
        return;
    }
    if (bar->addr != PCI_BAR_UNMAPPED) {
        trace(pci_bar_unmap, dev->devfn >> 3, dev->devfn & 7, n, bar->addr);
        memory_region_del_subregion(bar->space, bar->region);
    }
    bar->addr = addr;
    if (addr != PCI_BAR_UNMAPPED) {
        trace(pci_bar_map, dev->devfn >> 3, dev->devfn & 7, n, addr, bar->size);
        memory_region_add_subregion_overlap(bar->space, addr, bar->region, 1);
    }
}

static void update_mappings(PCIDevice *dev)
{
    memory_transaction_begin();
    for (int n = 0; n < PCI_NUM_BARS; n++) {
        if (dev->bars[n].size) {
            move_bar(dev, n, programmed_addr(dev, n));
        }
    }
    memory_region_set_enabled(&dev->dma_window, command_of(dev) & PCI_COMMAND_MASTER);
    memory_transaction_commit();
}

uint64_t pci_get_bar_addr(const PCIDevice *dev, int n)
{
    return dev->bars[n].size ? dev->bars[n].addr : PCI_BAR_UNMAPPED;
}

/* --- interrupt pins (2.2.6, 6.2.2) -------------------------------------------- */

static uint8_t pins_to_show(const PCIDevice *dev)
{
    bool off = (command_of(dev) & PCI_COMMAND_INTX_DISABLE) || msi_enabled(dev) ||
               msix_enabled(dev);
    return off ? 0 : dev->irq_state;
}

typedef void PinFn(PCIDevice *dev, int pin, bool level);

static void for_changed_pins(PCIDevice *dev, PinFn *fn)
{
    uint8_t show = pins_to_show(dev), changed = show ^ dev->irq_shown;
    dev->irq_shown = show;
    for (int pin = 0; pin < PCI_NUM_PINS; pin++) {
        if (changed & 1 << pin) {
            trace(pci_intx, dev->devfn >> 3, dev->devfn & 7, show >> pin & 1);
            fn(dev, pin, show & 1 << pin);
        }
    }
}

static void update_pins(PCIDevice *dev)
{
    for_changed_pins(dev, pci_bus_change_pin);
}

void pci_set_irq(PCIDevice *dev, int level)
{
    uint8_t pin = dev->config[PCI_INTERRUPT_PIN];
    if (pin < 1 || pin > PCI_NUM_PINS) {
        return;
    }
    dev->irq_state = level ? 1 << (pin - 1) : 0;
    dev->config[PCI_STATUS] &= ~PCI_STATUS_INTERRUPT;
    dev->config[PCI_STATUS] |= dev->irq_state ? PCI_STATUS_INTERRUPT : 0;
    update_pins(dev);
}

static void intx_line_handler(void *opaque, int n, int level)
{
    pci_set_irq(opaque, level);
}

IRQLine *pci_allocate_irq(PCIDevice *dev)
{
    if (!dev->intx_line) {
        dev->intx_line = irq_new(intx_line_handler, dev, 0);
    }
    return dev->intx_line;
}

/* --- configuration space (6.1, 6.2) -------------------------------------------- */

uint32_t pci_default_read_config(PCIDevice *dev, unsigned addr, unsigned len)
{
    uint32_t val = 0;
    for (unsigned i = 0; i < len && addr + i < PCI_CONFIG_SIZE; i++) {
        val |= (uint32_t)dev->config[addr + i] << (8 * i);
    }
    return val;
}

void pci_default_write_config(PCIDevice *dev, unsigned addr, uint32_t val, unsigned len)
{
    for (unsigned i = 0; i < len && addr + i < PCI_CONFIG_SIZE; i++) {
        uint8_t *reg = &dev->config[addr + i];
        uint8_t byte = val >> (8 * i), wmask = dev->wmask[addr + i];
        *reg = (*reg & ~wmask) | (byte & wmask);
        *reg &= ~(byte & dev->w1cmask[addr + i]);
    }
    if (pci_ranges_overlap(addr, len, PCI_COMMAND, 2) ||
        pci_ranges_overlap(addr, len, PCI_BASE_ADDRESS_0, 24) ||
        pci_ranges_overlap(addr, len, PCI_ROM_ADDRESS, 4)) {
        update_mappings(dev);
    }
    update_pins(dev); /* command and MSI control may have changed */
    msi_config_written(dev, addr, len);
    msix_config_written(dev, addr, len);
}

static void init_config(PCIDevice *dev, const PCIDeviceInfo *info)
{
    uint8_t *config = dev->config;
    pci_set_word(config + PCI_VENDOR_ID, info->vendor_id);
    pci_set_word(config + PCI_DEVICE_ID, info->device_id);
    config[PCI_REVISION_ID] = info->revision;
    config[PCI_CLASS_PROG] = info->prog_if;
    pci_set_word(config + PCI_CLASS_DEVICE, info->class_id);
    config[PCI_HEADER_TYPE] = dev->multifunction ? 0x80 : 0;
    bool own = info->subsystem_vendor_id || info->subsystem_id;
    pci_set_word(config + PCI_SUBSYSTEM_VENDOR_ID,
                 own ? info->subsystem_vendor_id : DEFAULT_SUBSYSTEM_VENDOR);
    pci_set_word(config + PCI_SUBSYSTEM_ID, own ? info->subsystem_id : DEFAULT_SUBSYSTEM);
    pci_set_word(dev->wmask + PCI_COMMAND, COMMAND_RW);
    dev->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
    dev->wmask[PCI_INTERRUPT_LINE] = 0xff;
    pci_set_word(dev->w1cmask + PCI_STATUS, STATUS_W1C);
}

/* --- capabilities (6.7) ---------------------------------------------------------- */

static uint8_t find_room(const PCIDevice *dev, uint8_t size)
{
    unsigned run = 0;
    for (unsigned at = PCI_STD_HEADER_SIZEOF; at < PCI_CONFIG_SIZE; at++) {
        run = dev->used[at] ? 0 : run + 1;
        unsigned start = at + 1 - run;
        unsigned aligned = (start + 3) & ~3u;
        if (at + 1 >= aligned + size) {
            return aligned;
        }
    }
    return 0;
}

uint8_t pci_add_capability(PCIDevice *dev, uint8_t id, uint8_t offset, uint8_t size,
                           Error **errp)
{
    offset = offset ? offset : find_room(dev, size);
    if (!offset) {
        error_setg(errp, "%s: no room in configuration space for capability 0x%x of %u bytes",
                   object_get_typename(dev), id, size);
        return 0;
    }
    g_assert(offset >= PCI_STD_HEADER_SIZEOF && offset + size <= PCI_CONFIG_SIZE);
    uint8_t *cap = dev->config + offset;
    memset(cap, 0, size);
    memset(dev->wmask + offset, 0, size);
    memset(dev->w1cmask + offset, 0, size);
    memset(dev->used + offset, 1, size);
    cap[PCI_CAP_LIST_ID] = id;
    cap[PCI_CAP_LIST_NEXT] = dev->config[PCI_CAPABILITY_LIST];
    dev->config[PCI_CAPABILITY_LIST] = offset;
    dev->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
    return offset;
}

uint8_t pci_find_capability(const PCIDevice *dev, uint8_t id)
{
    uint8_t at = dev->config[PCI_STATUS] & PCI_STATUS_CAP_LIST
                     ? dev->config[PCI_CAPABILITY_LIST] : 0;
    for (unsigned n = 0; at && n < PCI_CONFIG_SIZE / 4; n++) {
        if (dev->config[at + PCI_CAP_LIST_ID] == id) {
            return at;
        }
        at = dev->config[at + PCI_CAP_LIST_NEXT];
    }
    return 0;
}

/* --- DMA ---------------------------------------------------------------------------- */

MemTxAttrs pci_requester(const PCIDevice *dev)
{
    return (MemTxAttrs){ .requester_id = dev->devfn };
}

MemTxResult pci_dma_read(PCIDevice *dev, hwaddr addr, void *buf, uint64_t len)
{
    return address_space_read(&dev->dma_as, addr, pci_requester(dev), buf, len);
}

MemTxResult pci_dma_write(PCIDevice *dev, hwaddr addr, const void *buf, uint64_t len)
{
    return address_space_write(&dev->dma_as, addr, pci_requester(dev), buf, len);
}

static void init_dma(PCIDevice *dev)
{
    MemoryRegion *system = &dev->parent_obj.machine->system_memory;
    memory_region_init(&dev->dma_root, dev, "bus master container", UINT64_MAX);
    memory_region_init_alias(&dev->dma_window, dev, "bus master", system, 0, UINT64_MAX);
    memory_region_set_enabled(&dev->dma_window, false);
    memory_region_add_subregion(&dev->dma_root, 0, &dev->dma_window);
    address_space_init(&dev->dma_as, &dev->dma_root, object_get_typename(dev));
}

/* --- life --------------------------------------------------------------------------- */

/* Takes its regions out of the address spaces, before the leaf destroys them. */
static void unmap_bars(PCIDevice *dev)
{
    memory_transaction_begin();
    for (int n = 0; n < PCI_NUM_BARS; n++) {
        if (dev->bars[n].size) {
            move_bar(dev, n, PCI_BAR_UNMAPPED);
        }
    }
    memory_transaction_commit();
}

/* Undoes pci_realize() except what the leaf did. */
static void take_off_bus(PCIDevice *dev)
{
    dev->irq_state = 0;
    update_pins(dev);
    if (dev->has_rom) {
        memory_region_destroy(&dev->rom);
        dev->has_rom = false;
    }
    memset(dev->bars, 0, sizeof(dev->bars));
    address_space_destroy(&dev->dma_as);
    memory_region_destroy(&dev->dma_window);
    memory_region_destroy(&dev->dma_root);
    pci_get_bus(dev)->devices[dev->devfn] = NULL;
}

static bool pci_realize(DeviceState *qdev, Error **errp)
{
    PCIDevice *dev = PCI_DEVICE(qdev);
    PCIDeviceClass *pc = PCI_DEVICE_GET_CLASS(dev);
    init_config(dev, pc->info);
    init_dma(dev);
    pci_get_bus(dev)->devices[dev->devfn] = dev;
    if (pc->realize && !pc->realize(qdev, errp)) {
        take_off_bus(dev);
        return false;
    }
    if (!pci_load_rom(dev, errp)) {
        if (pc->unrealize) {
            pc->unrealize(qdev);
        }
        take_off_bus(dev);
        return false;
    }
    return true;
}

static void pci_unrealize(DeviceState *qdev)
{
    PCIDevice *dev = PCI_DEVICE(qdev);
    PCIDeviceClass *pc = PCI_DEVICE_GET_CLASS(dev);
    unmap_bars(dev);
    if (pc->unrealize) {
        pc->unrealize(qdev);
    }
    take_off_bus(dev);
}

static void clear_bits(uint8_t *reg, uint8_t mask)
{
    *reg &= ~mask;
}

static void pci_reset(DeviceState *qdev)
{
    PCIDevice *dev = PCI_DEVICE(qdev);
    PCIDeviceClass *pc = PCI_DEVICE_GET_CLASS(dev);
    dev->irq_state = 0;
    update_pins(dev);
    dev->config[PCI_STATUS] &= ~PCI_STATUS_INTERRUPT;
    for (unsigned i = 0; i < 2; i++) {
        clear_bits(&dev->config[PCI_COMMAND + i], dev->wmask[PCI_COMMAND + i]);
        clear_bits(&dev->config[PCI_STATUS + i], dev->w1cmask[PCI_STATUS + i]);
    }
    dev->config[PCI_CACHE_LINE_SIZE] = 0;
    dev->config[PCI_INTERRUPT_LINE] = 0;
    for (int n = 0; n < PCI_NUM_BARS; n++) {
        if (dev->bars[n].size) {
            pci_set_long(dev->config + bar_reg(n), dev->bars[n].type);
            if (bar_is_64(&dev->bars[n])) {
                pci_set_long(dev->config + bar_reg(n) + 4, 0);
            }
        }
    }
    update_mappings(dev);
    msi_reset(dev);
    msix_reset(dev);
    if (pc->reset) {
        pc->reset(qdev);
    }
}

/* The leaf's functions are called by those of this class; a class derived from a leaf inherits
 * both. */
void pci_device_class_init(ObjectClass *klass, const void *pci_device_info)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    pc->info = pci_device_info;
    if (dc->realize != pci_realize) {
        pc->realize = dc->realize;
        dc->realize = pci_realize;
    }
    if (dc->unrealize != pci_unrealize) {
        pc->unrealize = dc->unrealize;
        dc->unrealize = pci_unrealize;
    }
    if (dc->reset_enter != pci_reset) {
        pc->reset = dc->reset_enter;
        dc->reset_enter = pci_reset;
    }
}

static void pci_base_class_init(ObjectClass *klass, const void *data)
{
    DEVICE_CLASS(klass)->bus_type = TYPE_PCI_BUS;
}

static void pci_instance_finalize(Object *obj)
{
    PCIDevice *dev = PCI_DEVICE(obj);
    if (dev->intx_line) {
        irq_free(dev->intx_line);
    }
}

static const Property pci_props[] = {
    { .name = "addr", .info = &prop_info_pci_devfn, .offset = offsetof(PCIDevice, devfn),
      .def.i = -1, .desc = "Slot and optional function number, example: 06.0 or 06" },
    PROP_STRING("romfile", PCIDevice, romfile),
    PROP_UINT32("romsize", PCIDevice, romsize, UINT32_MAX),
    PROP_BOOL("rombar", PCIDevice, rombar, true),
    PROP_BOOL("multifunction", PCIDevice, multifunction, false),
    PROP_END
};

/* --- state ----------------------------------------------------------------------------- */

static const VMStateField pci_fields[] = {
    VMSTATE_UINT8_ARRAY(config, PCIDevice, PCI_CONFIG_SIZE),
    VMSTATE_UINT8(irq_state, PCIDevice),
    VMSTATE_END
};

/* What the type fixes must agree; bits of a BAR that are not address bits are restored. */
static bool pci_post_load(void *opaque, Error **errp)
{
    PCIDevice *dev = opaque;
    const PCIDeviceInfo *info = PCI_DEVICE_GET_CLASS(dev)->info;
    uint16_t vendor = pci_get_word(dev->config + PCI_VENDOR_ID);
    uint16_t device = pci_get_word(dev->config + PCI_DEVICE_ID);
    if (vendor != info->vendor_id || device != info->device_id ||
        dev->irq_state >= 1 << PCI_NUM_PINS) {
        error_setg(errp, "state of PCI device %04x:%04x does not fit %s at %02x.%x", vendor, device,
                   object_get_typename(dev), dev->devfn >> 3, dev->devfn & 7);
        return false;
    }
    for (int n = 0; n < PCI_NUM_BARS; n++) {
        if (dev->bars[n].size) {
            uint8_t *reg = dev->config + bar_reg(n);
            uint32_t wmask = pci_get_long(dev->wmask + bar_reg(n));
            pci_set_long(reg, (pci_get_long(reg) & wmask) | dev->bars[n].type);
        }
    }
    update_mappings(dev);
    /* The interrupt controllers' own state says what they saw: only keep the books. */
    for_changed_pins(dev, pci_bus_count_pin);
    return true;
}

const VMStateDescription vmstate_pci_device = {
    .name = "PCIDevice",
    .version = 1,
    .fields = pci_fields,
    .post_load = pci_post_load,
};

static const DeviceInfo pci_device_info = {
    .name = TYPE_PCI_DEVICE,
    .instance_size = sizeof(PCIDevice),
    .class_size = sizeof(PCIDeviceClass),
    .abstract = true,
    .props = pci_props,
    .class_init = pci_base_class_init,
    .instance_finalize = pci_instance_finalize,
};
DEVICE_TYPE(pci_device_info)
