/*
 * VGA BIOSes in fw_cfg: see vga-rom.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/display/vga-rom.h"
#include "hw/nvram/fw_cfg.h"

bool vga_rom_add(MachineState *machine, const char *name, Error **errp)
{
    FWCfgState *fw_cfg = fw_cfg_find(machine);
    g_autofree char *path = machine_find_file(machine, name);
    g_autofree char *item = g_strconcat("vgaroms/", name, NULL);
    g_autofree char *data = NULL;
    g_autoptr(GError) gerr = NULL;
    gsize size;

    if (!fw_cfg) {
        error_setg(errp, "%s needs a machine with fw_cfg", name);
        return false;
    }
    if (!path) {
        error_setg(errp, "failed to find the VGA BIOS \"%s\"", name);
        return false;
    }
    if (!g_file_get_contents(path, &data, &size, &gerr)) {
        error_setg(errp, "failed to load the VGA BIOS: %s", gerr->message);
        return false;
    }
    return fw_cfg_add_file(fw_cfg, item, data, size, errp);
}
