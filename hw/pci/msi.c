/*
 * MSI: see msi.h. Layout of the capability (6.8.1), with 64-bit address and
 * masks; without the former everything from data on is 4 bytes lower:
 *
 *   +0  id, next    +2  message control
 *   +4  message address       +8  upper address
 *   +c  message data          +10 mask bits       +14 pending bits
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/pci/msi.h"
#include "hw/pci/internal.h"
#include "util/trace.h"

TRACE_EVENT(pci_msi_send, "%02x.%x address 0x%" PRIx64 " data 0x%x");

void msi_send(PCIDevice *dev, uint64_t addr, uint32_t data)
{
    trace(pci_msi_send, dev->devfn >> 3, dev->devfn & 7, addr, data);
    address_space_store(&dev->dma_as, addr, 4, pci_requester(dev), data);
}

static uint16_t control_of(const PCIDevice *dev)
{
    return pci_get_word(dev->config + dev->msi_cap + PCI_MSI_FLAGS);
}

/* Offset of a register that lies 4 bytes higher with 64-bit addresses. */
static uint8_t upper_reg(const PCIDevice *dev, uint8_t reg32)
{
    return dev->msi_cap + reg32 + (control_of(dev) & PCI_MSI_FLAGS_64BIT ? 4 : 0);
}

bool msi_init(PCIDevice *dev, uint8_t offset, unsigned vectors, bool is_64bit,
              bool per_vector_mask, Error **errp)
{
    g_assert(vectors >= 1 && vectors <= 32 && (vectors & (vectors - 1)) == 0);
    uint8_t size = (per_vector_mask ? 0x14 : 0x0a) + (is_64bit ? 4 : 0);
    uint8_t cap = pci_add_capability(dev, PCI_CAP_ID_MSI, offset, size, errp);
    if (!cap) {
        return false;
    }
    dev->msi_cap = cap;
    pci_set_word(dev->config + cap + PCI_MSI_FLAGS,
                 __builtin_ctz(vectors) << 1 | (is_64bit ? PCI_MSI_FLAGS_64BIT : 0) |
                 (per_vector_mask ? PCI_MSI_FLAGS_MASKBIT : 0));
    pci_set_word(dev->wmask + cap + PCI_MSI_FLAGS, PCI_MSI_FLAGS_QSIZE | PCI_MSI_FLAGS_ENABLE);
    pci_set_long(dev->wmask + cap + PCI_MSI_ADDRESS_LO, 0xfffffffc);
    if (is_64bit) {
        pci_set_long(dev->wmask + cap + PCI_MSI_ADDRESS_HI, 0xffffffff);
    }
    pci_set_word(dev->wmask + upper_reg(dev, PCI_MSI_DATA_32), 0xffff);
    if (per_vector_mask) {
        pci_set_long(dev->wmask + upper_reg(dev, PCI_MSI_MASK_32), UINT32_MAX >> (32 - vectors));
    }
    return true;
}

bool msi_enabled(const PCIDevice *dev)
{
    return dev->msi_cap && (control_of(dev) & PCI_MSI_FLAGS_ENABLE);
}

void msi_reset(PCIDevice *dev)
{
    if (dev->msi_cap) {
        uint8_t cap = dev->msi_cap;
        uint16_t control = control_of(dev);
        control &= ~(PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
        pci_set_word(dev->config + cap + PCI_MSI_FLAGS, control);
        pci_set_long(dev->config + cap + PCI_MSI_ADDRESS_LO, 0);
        if (control & PCI_MSI_FLAGS_64BIT) {
            pci_set_long(dev->config + cap + PCI_MSI_ADDRESS_HI, 0);
        }
        pci_set_word(dev->config + upper_reg(dev, PCI_MSI_DATA_32), 0);
        if (control & PCI_MSI_FLAGS_MASKBIT) {
            pci_set_long(dev->config + upper_reg(dev, PCI_MSI_MASK_32), 0);
            pci_set_long(dev->config + upper_reg(dev, PCI_MSI_PENDING_32), 0);
        }
    }
}

static unsigned vectors_allowed(const PCIDevice *dev)
{
    unsigned allowed = (control_of(dev) & PCI_MSI_FLAGS_QSIZE) >> 4;
    unsigned capable = (control_of(dev) & PCI_MSI_FLAGS_QMASK) >> 1;
    return 1 << MIN(allowed, capable);
}

static void send_vector(PCIDevice *dev, unsigned vector)
{
    const uint8_t *cap = dev->config + dev->msi_cap;
    uint64_t addr = pci_get_long(cap + PCI_MSI_ADDRESS_LO);
    uint16_t data = pci_get_word(dev->config + upper_reg(dev, PCI_MSI_DATA_32));
    if (control_of(dev) & PCI_MSI_FLAGS_64BIT) {
        addr |= (uint64_t)pci_get_long(cap + PCI_MSI_ADDRESS_HI) << 32;
    }
    data = (data & ~(vectors_allowed(dev) - 1)) | vector;
    msi_send(dev, addr, data);
}

void msi_notify(PCIDevice *dev, unsigned vector)
{
    if (!msi_enabled(dev)) {
        return;
    }
    vector &= vectors_allowed(dev) - 1;
    if (control_of(dev) & PCI_MSI_FLAGS_MASKBIT) {
        uint8_t *pending = dev->config + upper_reg(dev, PCI_MSI_PENDING_32);
        if (pci_get_long(dev->config + upper_reg(dev, PCI_MSI_MASK_32)) >> vector & 1) {
            pci_set_long(pending, pci_get_long(pending) | 1u << vector);
            return;
        }
    }
    send_vector(dev, vector);
}

void msi_config_written(PCIDevice *dev, unsigned addr, unsigned len)
{
    if (!msi_enabled(dev) || !(control_of(dev) & PCI_MSI_FLAGS_MASKBIT) ||
        !pci_ranges_overlap(addr, len, dev->msi_cap, 0x18)) {
        return;
    }
    uint8_t *pending = dev->config + upper_reg(dev, PCI_MSI_PENDING_32);
    uint32_t free = pci_get_long(pending) &
                    ~pci_get_long(dev->config + upper_reg(dev, PCI_MSI_MASK_32));
    pci_set_long(pending, pci_get_long(pending) & ~free);
    for (unsigned vector = 0; vector < vectors_allowed(dev); vector++) {
        if (free >> vector & 1) {
            send_vector(dev, vector);
        }
    }
}
