/*
 * MSI-X: see msi.h. Structures of 6.8.2: a table of 16-byte entries and an
 * array of pending bits, in memory space.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/pci/internal.h"
#include "hw/pci/msi.h"

enum { ENTRY_WORDS = 4, WORD_ADDR_LO = 0, WORD_ADDR_HI = 1, WORD_DATA = 2, WORD_CONTROL = 3 };

static uint16_t control_of(const PCIDevice *dev)
{
    return pci_get_word(dev->config + dev->msix_cap + PCI_MSIX_FLAGS);
}

bool msix_enabled(const PCIDevice *dev)
{
    return dev->msix_cap && (control_of(dev) & PCI_MSIX_FLAGS_ENABLE);
}

static bool is_masked(const MSIXState *m, unsigned vector)
{
    return (control_of(m->dev) & PCI_MSIX_FLAGS_MASKALL) ||
           (m->table[vector * ENTRY_WORDS + WORD_CONTROL] & PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

static void send_vector(MSIXState *m, unsigned vector)
{
    const uint32_t *entry = &m->table[vector * ENTRY_WORDS];
    uint64_t addr = entry[WORD_ADDR_LO] | (uint64_t)entry[WORD_ADDR_HI] << 32;
    m->pba[vector / 32] &= ~(1u << vector % 32);
    msi_send(m->dev, addr, entry[WORD_DATA]);
}

void msix_notify(MSIXState *m, unsigned vector)
{
    if (vector >= m->vectors || !msix_enabled(m->dev)) {
        return;
    }
    if (is_masked(m, vector)) {
        m->pba[vector / 32] |= 1u << vector % 32;
    } else {
        send_vector(m, vector);
    }
}

static void send_if_pending(MSIXState *m, unsigned vector)
{
    if ((m->pba[vector / 32] >> vector % 32 & 1) && msix_enabled(m->dev) &&
        !is_masked(m, vector)) {
        send_vector(m, vector);
    }
}

void msix_config_written(PCIDevice *dev, unsigned addr, unsigned len)
{
    MSIXState *m = dev->msix;
    if (m && pci_ranges_overlap(addr, len, dev->msix_cap + PCI_MSIX_FLAGS, 2)) {
        for (unsigned vector = 0; vector < m->vectors; vector++) {
            send_if_pending(m, vector);
        }
    }
}

/* --- table and pending bits -------------------------------------------------- */

static uint64_t table_read(void *opaque, hwaddr addr, unsigned size)
{
    MSIXState *m = opaque;
    return m->table[addr / 4];
}

static void table_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    MSIXState *m = opaque;
    unsigned word = addr / 4;
    m->table[word] = word % ENTRY_WORDS == WORD_ADDR_LO ? val & ~3u : val;
    send_if_pending(m, word / ENTRY_WORDS);
}

static uint64_t pba_read(void *opaque, hwaddr addr, unsigned size)
{
    MSIXState *m = opaque;
    return m->pba[addr / 4];
}

static void pba_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
}

/* Software accesses them by doublewords or quadwords (6.8.2). */
static const MemoryRegionOps table_ops = {
    .read = table_read,
    .write = table_write,
    .valid = { .min_size = 4, .max_size = 8 },
    .impl = { .min_size = 4, .max_size = 4 },
    .reentrant = true, /* a device's register write may send a vector of its own */
};

static const MemoryRegionOps pba_ops = {
    .read = pba_read,
    .write = pba_write,
    .valid = { .min_size = 4, .max_size = 8 },
    .impl = { .min_size = 4, .max_size = 4 },
};

/* --- life ----------------------------------------------------------------------- */

static uint32_t pba_bytes(unsigned vectors)
{
    return (vectors + 63) / 64 * 8;
}

bool msix_init_at(PCIDevice *dev, MSIXState *m, unsigned vectors, int bar_nr,
                  MemoryRegion *region, uint32_t table_offset, uint32_t pba_offset,
                  Error **errp)
{
    if (vectors < 1 || vectors > MSIX_MAX_VECTORS) {
        error_setg(errp, "%s: %u MSI-X vectors; 1 to %d are possible", object_get_typename(dev),
                   vectors, MSIX_MAX_VECTORS);
        return false;
    }
    uint8_t cap = pci_add_capability(dev, PCI_CAP_ID_MSIX, 0, PCI_CAP_MSIX_SIZEOF, errp);
    if (!cap) {
        return false;
    }
    dev->msix_cap = cap;
    dev->msix = m;
    m->dev = dev;
    m->vectors = vectors;
    pci_set_word(dev->config + cap + PCI_MSIX_FLAGS, vectors - 1);
    pci_set_word(dev->wmask + cap + PCI_MSIX_FLAGS,
                 PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    pci_set_long(dev->config + cap + PCI_MSIX_TABLE, table_offset | bar_nr);
    pci_set_long(dev->config + cap + PCI_MSIX_PBA, pba_offset | bar_nr);
    memory_region_init_io(&m->table_mem, dev, &table_ops, m, "msix-table",
                          vectors * PCI_MSIX_ENTRY_SIZE);
    memory_region_init_io(&m->pba_mem, dev, &pba_ops, m, "msix-pba", pba_bytes(vectors));
    memory_region_add_subregion(region, table_offset, &m->table_mem);
    memory_region_add_subregion(region, pba_offset, &m->pba_mem);
    msix_reset(dev);
    return true;
}

bool msix_init(PCIDevice *dev, MSIXState *m, unsigned vectors, int bar_nr, Error **errp)
{
    uint32_t size = 4096;
    while (size / 2 < vectors * PCI_MSIX_ENTRY_SIZE) {
        size *= 2;
    }
    memory_region_init(&m->bar, dev, "msix", size);
    if (!msix_init_at(dev, m, vectors, bar_nr, &m->bar, 0, size / 2, errp)) {
        memory_region_destroy(&m->bar);
        return false;
    }
    pci_register_bar(dev, bar_nr, PCI_BASE_ADDRESS_SPACE_MEMORY, &m->bar);
    return true;
}

void msix_deinit(MSIXState *m)
{
    memory_region_destroy(&m->table_mem);
    memory_region_destroy(&m->pba_mem);
    if (m->bar.size) {
        memory_region_destroy(&m->bar);
    }
    m->dev->msix = NULL;
}

void msix_reset(PCIDevice *dev)
{
    MSIXState *m = dev->msix;
    if (!m) {
        return;
    }
    memset(m->table, 0, sizeof(m->table));
    memset(m->pba, 0, sizeof(m->pba));
    for (unsigned vector = 0; vector < m->vectors; vector++) {
        m->table[vector * ENTRY_WORDS + WORD_CONTROL] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
    }
    uint8_t *flags = dev->config + dev->msix_cap + PCI_MSIX_FLAGS;
    pci_set_word(flags, pci_get_word(flags) & PCI_MSIX_FLAGS_QSIZE);
}

static const VMStateField msix_fields[] = {
    VMSTATE_UINT32_ARRAY(table, MSIXState, MSIX_MAX_VECTORS * ENTRY_WORDS),
    VMSTATE_UINT32_ARRAY(pba, MSIXState, MSIX_MAX_VECTORS / 32),
    VMSTATE_END
};

const VMStateDescription vmstate_msix = {
    .name = "MSIX",
    .version = 1,
    .fields = msix_fields,
};
