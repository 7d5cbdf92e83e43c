/*
 * PCI host bridges: see pci_host.h.
 *
 *  CONFIG_ADDRESS (0cf8h)
 *   31 30    24 23    16 15     11 10    8 7      2 1 0
 *  +--+--------+--------+---------+-------+--------+---+
 *  |EN|reserved|  bus   |  device |  fn   |register|0 0|
 *  +--+--------+--------+---------+-------+--------+---+
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/pci/pci_host.h"
#include "util/trace.h"

TRACE_EVENT(pci_host_address, "0x%08x");

enum { CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc };
#define CONFIG_ENABLE 0x80000000u
#define CONFIG_WRITABLE 0x80fffffcu

static uint64_t conf_read(void *opaque, hwaddr addr, unsigned size)
{
    PCIHostState *host = opaque;
    return host->config_reg;
}

static void conf_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PCIHostState *host = opaque;
    host->config_reg = val & CONFIG_WRITABLE;
    trace(pci_host_address, host->config_reg);
}

/* Only a doubleword access is one to CONFIG_ADDRESS. */
static const MemoryRegionOps conf_ops = {
    .read = conf_read,
    .write = conf_write,
    .valid = { .min_size = 4, .max_size = 4 },
    .impl = { .min_size = 4, .max_size = 4 },
};

static uint64_t data_read(void *opaque, hwaddr addr, unsigned size)
{
    PCIHostState *host = opaque;
    return host->config_reg & CONFIG_ENABLE
               ? pci_data_read(host->bus, (host->config_reg & 0xfffffc) | addr, size) : UINT32_MAX;
}

static void data_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PCIHostState *host = opaque;
    if (host->config_reg & CONFIG_ENABLE) {
        pci_data_write(host->bus, (host->config_reg & 0xfffffc) | addr, val, size);
    }
}

static const MemoryRegionOps data_ops = {
    .read = data_read,
    .write = data_write,
};

void pci_host_map_ports(PCIHostState *host, MemoryRegion *io)
{
    memory_region_init_io(&host->conf_mem, host, &conf_ops, host, "pci-conf-idx", 4);
    memory_region_set_coalesced(&host->conf_mem, 0, 4);
    memory_region_init_io(&host->data_mem, host, &data_ops, host, "pci-conf-data", 4);
    memory_region_add_subregion(io, CONFIG_ADDRESS, &host->conf_mem);
    memory_region_add_subregion(io, CONFIG_DATA, &host->data_mem);
}

void pci_host_reset(DeviceState *dev)
{
    PCI_HOST_BRIDGE(dev)->config_reg = 0;
}

static const VMStateField pci_host_fields[] = {
    VMSTATE_UINT32(config_reg, PCIHostState),
    VMSTATE_END
};

static bool pci_host_post_load(void *opaque, Error **errp)
{
    PCIHostState *host = opaque;
    host->config_reg &= CONFIG_WRITABLE;
    return true;
}

const VMStateDescription vmstate_pci_host = {
    .name = "PCIHost",
    .version = 1,
    .fields = pci_host_fields,
    .post_load = pci_host_post_load,
};

static const DeviceInfo pci_host_info = {
    .name = TYPE_PCI_HOST_BRIDGE,
    .instance_size = sizeof(PCIHostState),
    .abstract = true,
};
DEVICE_TYPE(pci_host_info)
