/*
 * Loader for multiboot kernels (Multiboot specification 0.6.96): ELF and
 * "address override" images, modules by -initrd "FILE ARGS,FILE ARGS".
 *
 * The boot information block, one fw_cfg item behind the kernel image:
 *
 *   000  multiboot information structure
 *   100  memory map (filled in by the option ROM)
 *   800  module list, then strings, then modules, each on a page
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <elf.h>
#include <string.h>
#include "hw/i386/kernel.h"
#include "hw/i386/roms.h"

enum {
    MULTIBOOT_MAGIC = 0x1badb002,
    SEARCH_LIMIT = 8192,
    FLAG_ADDRESSES = 1 << 16,
    MULTIBOOT_MMAP_OFFSET = 0x100, /* MMAP_OFFSET of multiboot.S */
    MODULE_LIST_OFFSET = 0x800,
    MAX_MODULES = 64,
    PAGE = 4096,
    LOWEST_ADDR = 0x100000,        /* loads below 1 MiB would hit firmware data */
};

/* Information structure: offsets and flags of what is given (3.3). */
enum {
    MBI_FLAGS = 0, MBI_MEM_LOWER = 4, MBI_MEM_UPPER = 8, MBI_BOOT_DEVICE = 12, MBI_CMDLINE = 16,
    MBI_MODS_COUNT = 20, MBI_MODS_ADDR = 24, MBI_MMAP_ADDR = 48, MBI_BOOT_LOADER_NAME = 64,
};
enum {
    MBI_HAS_MEMORY = 1 << 0, MBI_HAS_BOOT_DEVICE = 1 << 1, MBI_HAS_CMDLINE = 1 << 2,
    MBI_HAS_MODS = 1 << 3, MBI_HAS_MMAP = 1 << 6, MBI_HAS_LOADER_NAME = 1 << 9,
};

/* What goes where: one contiguous image of the kernel. */
typedef struct LoadImage {
    uint32_t base, entry;
    uint8_t *data;
    uint64_t len;
} LoadImage;

static uint32_t get32(const uint8_t *at)
{
    uint32_t val;
    memcpy(&val, at, sizeof(val));
    return GUINT32_FROM_LE(val);
}

static void put32(GByteArray *info, guint at, uint32_t val)
{
    val = GUINT32_TO_LE(val);
    memcpy(info->data + at, &val, sizeof(val));
}

/* Offset of the multiboot header, or -1. */
static gssize find_header(const KernelImage *image)
{
    for (gsize at = 0; at + 12 <= MIN(image->len, SEARCH_LIMIT); at += 4) {
        const uint8_t *p = image->data + at;
        if (get32(p) == MULTIBOOT_MAGIC && get32(p) + get32(p + 4) + get32(p + 8) == 0) {
            return (gssize)at;
        }
    }
    return -1;
}

static bool refuse(const KernelImage *image, const char *why, Error **errp)
{
    error_setg(errp, "-kernel %s: not a usable multiboot kernel: %s", image->path, why);
    return false;
}

/* Header fields 12-28 give the addresses themselves (3.1.3). */
static bool load_by_addresses(const KernelImage *image, gsize at, uint64_t limit,
                              LoadImage *out, Error **errp)
{
    if (at + 32 > image->len) {
        return refuse(image, "its header is cut off", errp);
    }
    const uint8_t *h = image->data + at;
    uint32_t header = get32(h + 12), load = get32(h + 16), load_end = get32(h + 20),
             bss_end = get32(h + 24);
    if (load > header || header - load > at) {
        return refuse(image, "its load address lies behind its header", errp);
    }
    gsize file_start = at - (header - load);
    uint64_t file_len = load_end ? (uint64_t)load_end - load : image->len - file_start;
    uint64_t mem_len = MAX(bss_end ? (uint64_t)bss_end - load : 0, file_len);
    if ((load_end && load_end < load) || (bss_end && bss_end < load) ||
        file_len > image->len - file_start || load < LOWEST_ADDR || load + mem_len > limit) {
        return refuse(image, "its load addresses do not fit the file or the memory", errp);
    }
    out->base = load;
    out->entry = get32(h + 28);
    out->len = mem_len;
    out->data = g_malloc0(mem_len);
    memcpy(out->data, image->data + file_start, file_len);
    return true;
}

static bool segment_ok(const KernelImage *image, const Elf32_Phdr *ph, uint64_t limit)
{
    return ph->p_offset <= image->len && ph->p_filesz <= image->len - ph->p_offset &&
           ph->p_filesz <= ph->p_memsz && ph->p_paddr >= LOWEST_ADDR &&
           (uint64_t)ph->p_paddr + ph->p_memsz <= limit;
}

static bool load_elf(const KernelImage *image, uint64_t limit, LoadImage *out, Error **errp)
{
    Elf32_Ehdr eh;
    Elf32_Phdr ph;
    uint32_t low = UINT32_MAX, high = 0;

    memcpy(&eh, image->data, sizeof(eh));
    if (eh.e_machine != EM_386 || eh.e_phentsize < sizeof(ph) ||
        eh.e_phoff > image->len || (uint64_t)eh.e_phnum * eh.e_phentsize > image->len - eh.e_phoff) {
        return refuse(image, "it is no 32-bit x86 ELF file", errp);
    }
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < eh.e_phnum; i++) {
            memcpy(&ph, image->data + eh.e_phoff + i * eh.e_phentsize, sizeof(ph));
            if (ph.p_type != PT_LOAD || !ph.p_memsz) {
                continue;
            }
            if (!segment_ok(image, &ph, limit)) {
                g_free(out->data);
                return refuse(image, "a segment lies outside the file, below 1 MiB or above the "
                              "guest's memory", errp);
            }
            low = MIN(low, ph.p_paddr);
            high = MAX(high, ph.p_paddr + ph.p_memsz);
            if (pass == 1) {
                memcpy(out->data + ph.p_paddr - out->base, image->data + ph.p_offset, ph.p_filesz);
            }
        }
        if (low >= high) {
            return refuse(image, "it has nothing to load", errp);
        }
        if (pass == 0) {
            *out = (LoadImage){ low, eh.e_entry, g_malloc0(high - low), high - low };
        }
    }
    return true;
}

static uint32_t append_string(GByteArray *info, const char *text)
{
    uint32_t at = info->len;
    g_byte_array_append(info, (const uint8_t *)text, strlen(text) + 1);
    return at;
}

static void pad_to_page(GByteArray *info)
{
    guint old = info->len, len = (old + PAGE - 1) / PAGE * PAGE;
    g_byte_array_set_size(info, len);
    memset(info->data + old, 0, len - old);
}

/* "FILE ARGS": the module's file; its string is the whole text. */
static bool append_module(GByteArray *info, const char *text, guint entry, uint32_t base,
                          Error **errp)
{
    g_autofree char *path = g_strndup(text, strcspn(text, " "));
    uint8_t *data;
    gsize len;

    if (!kernel_read_file("-initrd", path, &data, &len, errp)) {
        return false;
    }
    uint32_t string = append_string(info, text);
    pad_to_page(info);
    put32(info, entry, base + info->len);
    put32(info, entry + 4, base + info->len + (uint32_t)len);
    put32(info, entry + 8, base + string);
    g_byte_array_append(info, data, len);
    g_free(data);
    return true;
}

static bool append_modules(MachineState *machine, GByteArray *info, uint32_t base, Error **errp)
{
    if (!machine->initrd_filename) {
        return true;
    }
    g_auto(GStrv) modules = g_strsplit(machine->initrd_filename, ",", 0);
    guint n = g_strv_length(modules);
    if (n > MAX_MODULES) {
        error_setg(errp, "-initrd: %u modules are too many; at most %u", n, MAX_MODULES);
        return false;
    }
    for (guint i = 0; i < n; i++) {
        if (!append_module(info, modules[i], MODULE_LIST_OFFSET + 16 * i, base, errp)) {
            return false;
        }
    }
    put32(info, MBI_MODS_COUNT, n);
    put32(info, MBI_MODS_ADDR, base + MODULE_LIST_OFFSET);
    return true;
}

static GByteArray *boot_information(MachineState *machine, const KernelImage *image,
                                    uint32_t base, uint64_t below_4g, Error **errp)
{
    GByteArray *info = g_byte_array_new();
    g_autofree char *cmdline = g_strdup_printf("%s%s%s", image->path,
                                               *machine->kernel_cmdline ? " " : "",
                                               machine->kernel_cmdline);

    g_byte_array_set_size(info, MODULE_LIST_OFFSET + 16 * MAX_MODULES);
    memset(info->data, 0, info->len);
    put32(info, MBI_FLAGS, MBI_HAS_MEMORY | MBI_HAS_BOOT_DEVICE | MBI_HAS_CMDLINE |
          MBI_HAS_MODS | MBI_HAS_MMAP | MBI_HAS_LOADER_NAME);
    put32(info, MBI_MEM_LOWER, 640);
    put32(info, MBI_MEM_UPPER, (uint32_t)(below_4g / 1024 - 1024));
    put32(info, MBI_BOOT_DEVICE, 0x8000ffff);
    put32(info, MBI_CMDLINE, base + append_string(info, cmdline));
    put32(info, MBI_BOOT_LOADER_NAME, base + append_string(info, "doppel"));
    put32(info, MBI_MMAP_ADDR, base + MULTIBOOT_MMAP_OFFSET);
    if (!append_modules(machine, info, base, errp)) {
        g_byte_array_unref(info);
        return NULL;
    }
    return info;
}

static void add_items(FWCfgState *fw_cfg, LoadImage *kernel, uint32_t info_addr,
                      const GByteArray *info)
{
    fw_cfg_add_i32(fw_cfg, FW_CFG_KERNEL_ENTRY, kernel->entry);
    fw_cfg_add_i32(fw_cfg, FW_CFG_KERNEL_ADDR, kernel->base);
    fw_cfg_add_i32(fw_cfg, FW_CFG_KERNEL_SIZE, (uint32_t)kernel->len);
    fw_cfg_take_bytes(fw_cfg, FW_CFG_KERNEL_DATA, g_steal_pointer(&kernel->data), kernel->len,
                      g_free);
    fw_cfg_add_i32(fw_cfg, FW_CFG_INITRD_ADDR, info_addr);
    fw_cfg_add_i32(fw_cfg, FW_CFG_INITRD_SIZE, info->len);
    fw_cfg_add_bytes(fw_cfg, FW_CFG_INITRD_DATA, info->data, info->len);
}

bool kernel_load_multiboot(MachineState *machine, FWCfgState *fw_cfg, const KernelImage *image,
                           uint64_t below_4g, bool *handled, Error **errp)
{
    gssize at = find_header(image);
    LoadImage kernel = { 0 };

    *handled = at >= 0;
    if (at < 0) {
        return true;
    }
    bool by_addresses = get32(image->data + at + 4) & FLAG_ADDRESSES;
    bool elf32 = image->len >= sizeof(Elf32_Ehdr) && !memcmp(image->data, ELFMAG, SELFMAG) &&
                 image->data[EI_CLASS] == ELFCLASS32;
    if (!by_addresses && !elf32) {
        return refuse(image, "it gives no load addresses and is no 32-bit ELF file", errp);
    }
    if (!(by_addresses ? load_by_addresses(image, (gsize)at, below_4g, &kernel, errp)
                       : load_elf(image, below_4g, &kernel, errp))) {
        return false;
    }
    uint32_t info_addr = (uint32_t)((kernel.base + kernel.len + PAGE - 1) & ~(uint64_t)(PAGE - 1));
    GByteArray *info = boot_information(machine, image, info_addr, below_4g, errp);
    bool ok = info != NULL;
    if (ok && info_addr + (uint64_t)info->len > below_4g) {
        ok = refuse(image, "it does not fit into the guest's memory; give it more with -m", errp);
    }
    if (ok) {
        add_items(fw_cfg, &kernel, info_addr, info);
        ok = kernel_add_rom(fw_cfg, "multiboot.bin", rom_multiboot, rom_multiboot_size, errp);
    }
    if (info) {
        g_byte_array_unref(info);
    }
    g_free(kernel.data);
    return ok;
}
