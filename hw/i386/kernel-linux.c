/*
 * Loader for Linux bzImages (Documentation/arch/x86/boot.rst of the kernel).
 *
 *   010000  real-mode set-up code and header
 *   020000  command line
 *   100000  protected-mode kernel
 *   top     initrd, as high as the kernel allows
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <unistd.h>
#include "hw/i386/kernel.h"
#include "hw/i386/roms.h"

enum {
    SETUP_ADDR = 0x10000,
    CMDLINE_ADDR = 0x20000,
    KERNEL_ADDR = 0x100000,
    MIN_HEADER = 0x268,         /* through init_size */
    DEFAULT_CMDLINE_MAX = 255,
    DEFAULT_INITRD_MAX = 0x37ffffff,
    FIRMWARE_RESERVE = 0x40000, /* ACPI tables at the top of low memory */
};

/* Offsets of header fields. */
enum {
    HDR_SETUP_SECTS = 0x1f1, HDR_VID_MODE = 0x1fa, HDR_MAGIC = 0x202, HDR_VERSION = 0x206,
    HDR_TYPE_OF_LOADER = 0x210, HDR_LOADFLAGS = 0x211, HDR_RAMDISK_IMAGE = 0x218, HDR_RAMDISK_SIZE = 0x21c,
    HDR_HEAP_END_PTR = 0x224, HDR_CMD_LINE_PTR = 0x228, HDR_INITRD_ADDR_MAX = 0x22c,
    HDR_CMDLINE_SIZE = 0x238,
};
enum { LOADED_HIGH = 1 << 0, CAN_USE_HEAP = 1 << 7, LOADER_UNKNOWN = 0xff };

static uint32_t get32(const uint8_t *at)
{
    uint32_t val;
    memcpy(&val, at, sizeof(val));
    return GUINT32_FROM_LE(val);
}

static void put32(uint8_t *at, uint32_t val)
{
    val = GUINT32_TO_LE(val);
    memcpy(at, &val, sizeof(val));
}

static uint16_t boot_protocol(const uint8_t *setup)
{
    return (uint16_t)(setup[HDR_VERSION] | setup[HDR_VERSION + 1] << 8);
}

static bool check_image(const KernelImage *image, gsize *setup_size, Error **errp)
{
    if (image->len < MIN_HEADER || memcmp(image->data + HDR_MAGIC, "HdrS", 4)) {
        error_setg(errp, "-kernel %s: this is neither a Linux bzImage nor a multiboot kernel",
                   image->path);
        return false;
    }
    unsigned sectors = image->data[HDR_SETUP_SECTS] ? image->data[HDR_SETUP_SECTS] : 4;
    *setup_size = (sectors + 1) * 512;
    if (boot_protocol(image->data) < 0x202 || !(image->data[HDR_LOADFLAGS] & LOADED_HIGH)) {
        error_setg(errp, "-kernel %s: the kernel is older than boot protocol 2.02 or a zImage; "
                   "use a bzImage", image->path);
        return false;
    }
    if (*setup_size >= image->len || *setup_size > CMDLINE_ADDR - SETUP_ADDR - 512) {
        error_setg(errp, "-kernel %s: the file is truncated or its header is damaged",
                   image->path);
        return false;
    }
    return true;
}

static bool add_initrd(MachineState *machine, FWCfgState *fw_cfg, uint8_t *setup,
                       uint64_t below_4g, gsize kernel_size, Error **errp)
{
    const char *path = machine->initrd_filename;
    uint8_t *data = NULL;
    gsize len;

    if (!path) {
        return true;
    }
    int fd = kernel_open_file(path, &len);
    if (fd < 0 && !kernel_read_file("-initrd", path, &data, &len, errp)) {
        return false;
    }
    uint64_t top = boot_protocol(setup) >= 0x203 ? get32(setup + HDR_INITRD_ADDR_MAX)
                                                 : DEFAULT_INITRD_MAX;
    top = MIN(top, below_4g - FIRMWARE_RESERVE - 1);
    if (len + KERNEL_ADDR + kernel_size > top) {
        error_setg(errp, "-initrd %s: %zu bytes do not fit into the guest's memory; give it more "
                   "with -m", path, (size_t)len);
        g_free(data);
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    uint32_t addr = (uint32_t)((top - len) & ~UINT64_C(4095));
    put32(setup + HDR_RAMDISK_IMAGE, addr);
    put32(setup + HDR_RAMDISK_SIZE, (uint32_t)len);
    fw_cfg_add_i32(fw_cfg, FW_CFG_INITRD_ADDR, addr);
    fw_cfg_add_i32(fw_cfg, FW_CFG_INITRD_SIZE, (uint32_t)len);
    if (fd >= 0) {
        fw_cfg_take_file(fw_cfg, FW_CFG_INITRD_DATA, fd, len);
    } else {
        fw_cfg_take_bytes(fw_cfg, FW_CFG_INITRD_DATA, data, len, g_free);
    }
    return true;
}

/* The video mode that the set-up code is asked for: "vga=" is for the boot loader. */
static void set_video_mode(uint8_t *setup, const char *cmdline)
{
    static const struct { const char *word; uint16_t mode; } words[] = {
        { "normal", 0xffff }, { "ext", 0xfffe }, { "ask", 0xfffd },
    };
    g_auto(GStrv) options = g_strsplit(cmdline, " ", -1);

    for (char **option = options; *option; option++) {
        const char *value = *option + strlen("vga=");
        if (!g_str_has_prefix(*option, "vga=")) {
            continue;
        }
        uint16_t mode = g_ascii_strtoull(value, NULL, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
            mode = g_str_equal(value, words[i].word) ? words[i].mode : mode;
        }
        setup[HDR_VID_MODE] = mode;
        setup[HDR_VID_MODE + 1] = mode >> 8;
    }
}

static bool add_cmdline(MachineState *machine, FWCfgState *fw_cfg, uint8_t *setup, Error **errp)
{
    const char *text = machine->kernel_cmdline;
    uint32_t max = boot_protocol(setup) >= 0x206 ? get32(setup + HDR_CMDLINE_SIZE)
                                                 : DEFAULT_CMDLINE_MAX;
    if (strlen(text) > max) {
        error_setg(errp, "-append: the command line has %zu characters; this kernel takes %u",
                   strlen(text), max);
        return false;
    }
    put32(setup + HDR_CMD_LINE_PTR, CMDLINE_ADDR);
    set_video_mode(setup, text);
    fw_cfg_add_i32(fw_cfg, FW_CFG_CMDLINE_ADDR, CMDLINE_ADDR);
    fw_cfg_add_i32(fw_cfg, FW_CFG_CMDLINE_SIZE, (uint32_t)strlen(text) + 1);
    fw_cfg_add_string(fw_cfg, FW_CFG_CMDLINE_DATA, text);
    return true;
}

bool kernel_load_linux(MachineState *machine, FWCfgState *fw_cfg, const KernelImage *image,
                       uint64_t below_4g, Error **errp)
{
    gsize setup_size;

    if (!check_image(image, &setup_size, errp)) {
        return false;
    }
    gsize kernel_size = image->len - setup_size;
    if (KERNEL_ADDR + kernel_size + FIRMWARE_RESERVE > below_4g) {
        error_setg(errp, "-kernel %s: the kernel does not fit into the guest's memory; give it "
                   "more with -m", image->path);
        return false;
    }
    g_autofree uint8_t *setup = g_memdup2(image->data, setup_size);
    setup[HDR_TYPE_OF_LOADER] = LOADER_UNKNOWN;
    setup[HDR_LOADFLAGS] |= CAN_USE_HEAP;
    uint16_t heap_end = GUINT16_TO_LE(CMDLINE_ADDR - SETUP_ADDR - 0x200);
    memcpy(setup + HDR_HEAP_END_PTR, &heap_end, sizeof(heap_end));
    if (!add_initrd(machine, fw_cfg, setup, below_4g, kernel_size, errp) ||
        !add_cmdline(machine, fw_cfg, setup, errp)) {
        return false;
    }
    fw_cfg_add_i32(fw_cfg, FW_CFG_SETUP_ADDR, SETUP_ADDR);
    fw_cfg_add_i32(fw_cfg, FW_CFG_SETUP_SIZE, (uint32_t)setup_size);
    fw_cfg_add_bytes(fw_cfg, FW_CFG_SETUP_DATA, setup, setup_size);
    fw_cfg_add_i32(fw_cfg, FW_CFG_KERNEL_ADDR, KERNEL_ADDR);
    fw_cfg_add_i32(fw_cfg, FW_CFG_KERNEL_SIZE, (uint32_t)kernel_size);
    fw_cfg_add_bytes(fw_cfg, FW_CFG_KERNEL_DATA, image->data + setup_size, kernel_size);
    return kernel_add_rom(fw_cfg, "linuxboot.bin", rom_linuxboot, rom_linuxboot_size, errp);
}
