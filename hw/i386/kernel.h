/*
 * -kernel: Linux and multiboot kernels, handed to the guest through fw_cfg
 * and a small option ROM, so that the firmware has run before.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_I386_KERNEL_H
#define HW_I386_KERNEL_H

#include "hw/core/machine.h"
#include "hw/nvram/fw_cfg.h"

/* A kernel file in memory. */
typedef struct KernelImage {
    const char *path;
    uint8_t *data;
    gsize len;
} KernelImage;

/*
 * Loads machine->kernel_filename (with initrd and command line). below_4g is
 * the size of RAM below the PCI hole. False with errp set if the file is no
 * kernel or does not fit.
 */
bool kernel_load(MachineState *machine, FWCfgState *fw_cfg, uint64_t below_4g, Error **errp);

/* Each format's loader: true and *handled set if the image is of its kind. */
bool kernel_load_multiboot(MachineState *machine, FWCfgState *fw_cfg, const KernelImage *image,
                           uint64_t below_4g, bool *handled, Error **errp);
bool kernel_load_linux(MachineState *machine, FWCfgState *fw_cfg, const KernelImage *image,
                       uint64_t below_4g, Error **errp);

/* Offers the option ROM; pc-tables.c makes it the first boot device. */
bool kernel_add_rom(FWCfgState *fw_cfg, const char *name, const uint8_t *rom, size_t size,
                    Error **errp);
/* Opens a file that can be read again later, and tells its size; -1 if that fails or it is none. */
int kernel_open_file(const char *path, gsize *len);
/* Reads a whole file; errors name the option. */
bool kernel_read_file(const char *option, const char *path, uint8_t **data, gsize *len,
                      Error **errp);

#endif
