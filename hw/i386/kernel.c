/*
 * -kernel: chooses the loader. See kernel.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/i386/kernel.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int kernel_open_file(const char *path, gsize *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)) {
        close(fd);
        fd = -1;
    }
    *len = fd >= 0 ? st.st_size : 0;
    return fd;
}

bool kernel_read_file(const char *option, const char *path, uint8_t **data, gsize *len,
                      Error **errp)
{
    g_autoptr(GError) gerr = NULL;

    if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
        error_setg(errp, "%s %s: this is a directory, not a file", option, path);
        return false;
    }
    if (!g_file_get_contents(path, (char **)data, len, &gerr)) {
        error_setg(errp, "%s %s: cannot read the file: %s", option, path, gerr->message);
        return false;
    }
    return true;
}

bool kernel_add_rom(FWCfgState *fw_cfg, const char *name, const uint8_t *rom, size_t size,
                    Error **errp)
{
    g_autofree char *file = g_strdup_printf("genroms/%s", name);

    return fw_cfg_add_file(fw_cfg, file, rom, size, errp);
}

bool kernel_load(MachineState *machine, FWCfgState *fw_cfg, uint64_t below_4g, Error **errp)
{
    KernelImage image = { .path = machine->kernel_filename };
    bool handled = false;

    if (!kernel_read_file("-kernel", image.path, &image.data, &image.len, errp)) {
        return false;
    }
    bool ok = kernel_load_multiboot(machine, fw_cfg, &image, below_4g, &handled, errp);
    if (!handled) {
        ok = kernel_load_linux(machine, fw_cfg, &image, below_4g, errp);
    }
    g_free(image.data);
    return ok;
}
