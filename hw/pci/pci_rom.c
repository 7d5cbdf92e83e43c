/*
 * Expansion ROMs of PCI devices (PCI Local Bus Specification 3.0, 6.3): an
 * image file behind the ROM base address register.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/core/machine.h"
#include "hw/pci/internal.h"

enum { ROM_MIN_SIZE = 2 * 1024, ROM_MAX_SIZE = 16 * 1024 * 1024 /* 6.2.5.2 */ };

static uint64_t round_up_pow2(uint64_t size)
{
    uint64_t pow2 = ROM_MIN_SIZE;
    while (pow2 < size) {
        pow2 *= 2;
    }
    return pow2;
}

/* The size of the BAR, or 0 with errp set. */
static uint64_t rom_size(const PCIDevice *dev, const char *path, gsize file_size, Error **errp)
{
    uint64_t size = dev->romsize == UINT32_MAX ? round_up_pow2(file_size) : dev->romsize;
    if (file_size == 0 || file_size > ROM_MAX_SIZE) {
        error_setg(errp, "romfile \"%s\" has %zu bytes; a PCI ROM has 1 to %d", path, file_size,
                   ROM_MAX_SIZE);
        return 0;
    }
    if (size < file_size || size < ROM_MIN_SIZE || (size & (size - 1))) {
        error_setg(errp, "romsize=%u does not fit romfile \"%s\" of %zu bytes; use a power of two, "
                   "at least %" PRIu64, dev->romsize, path, file_size, round_up_pow2(file_size));
        return 0;
    }
    return size;
}

static bool install_rom(PCIDevice *dev, const char *path, const char *data, gsize file_size,
                        Error **errp)
{
    g_autofree char *name = g_strdup_printf("%s.rom", object_get_typename(dev));
    uint64_t size = rom_size(dev, path, file_size, errp);
    if (!size || !memory_region_init_rom(&dev->rom, dev, name, size, errp)) {
        return false;
    }
    dev->has_rom = true;
    memcpy(memory_region_get_ram_ptr(&dev->rom), data, file_size);
    pci_register_bar(dev, PCI_ROM_BAR, 0, &dev->rom);
    return true;
}

bool pci_load_rom(PCIDevice *dev, Error **errp)
{
    const char *file = dev->romfile ? dev->romfile : PCI_DEVICE_GET_CLASS(dev)->info->romfile;
    if (!file || !*file || !dev->rombar) {
        return true;
    }
    g_autofree char *path = machine_find_file(dev->parent_obj.machine, file);
    g_autofree char *data = NULL;
    g_autoptr(GError) gerr = NULL;
    gsize size;
    if (!path) {
        error_setg(errp, "failed to find romfile \"%s\"", file);
        return false;
    }
    if (!g_file_get_contents(path, &data, &size, &gerr)) {
        error_setg(errp, "failed to load romfile: %s", gerr->message);
        return false;
    }
    return install_rom(dev, path, data, size, errp);
}
