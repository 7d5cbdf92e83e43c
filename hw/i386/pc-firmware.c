/*
 * The PC's firmware ROM.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/i386/pc.h"

#define DEFAULT_FIRMWARE "bios-256k.bin"

enum { ISA_BIOS_MAX = 128 * 1024, FIRMWARE_ALIGN = 64 * 1024, FIRMWARE_MAX = 16 * 1024 * 1024 };

static bool read_firmware(PCMachine *pc, char **data, gsize *len, Error **errp)
{
    const char *name = pc->parent.firmware ? pc->parent.firmware : DEFAULT_FIRMWARE;
    g_autofree char *path = machine_find_file(&pc->parent, name);
    g_autoptr(GError) gerr = NULL;

    if (!path && !pc->parent.firmware) {
        error_setg(errp, "the firmware '%s' was not found; install the package 'seabios', or "
                   "name the folder with -L or a file with -bios", name);
        return false;
    }
    if (!path) {
        error_setg(errp, "-bios %s: there is no such file, nor one in the -L folders", name);
        return false;
    }
    if (!g_file_get_contents(path, data, len, &gerr)) {
        error_setg(errp, "-bios %s: %s", name, gerr->message);
        return false;
    }
    if (*len == 0 || *len % FIRMWARE_ALIGN || *len > FIRMWARE_MAX) {
        error_setg(errp, "-bios %s: %zu bytes is no firmware's size; it must be a multiple of "
                   "64 KiB, at most 16 MiB", name, (size_t)*len);
        return false;
    }
    return true;
}

bool pc_firmware_load(PCMachine *pc, Error **errp)
{
    g_autofree char *data = NULL;
    gsize len;

    if (!read_firmware(pc, &data, &len, errp) ||
        !memory_region_init_rom(&pc->bios, pc, "pc.bios", len, errp)) {
        return false;
    }
    memcpy(memory_region_get_ram_ptr(&pc->bios), data, len);
    uint64_t isa_len = MIN(len, ISA_BIOS_MAX);
    memory_region_init_alias(&pc->isa_bios, pc, "isa-bios", &pc->bios, len - isa_len, isa_len);
    memory_region_add_subregion_overlap(&pc->pci_memory, 0x100000 - isa_len, &pc->isa_bios, 1);
    memory_region_add_subregion(&pc->pci_memory, UINT64_C(0x100000000) - len, &pc->bios);
    return true;
}
