/*
 * fw_cfg: how firmware learns about the machine it runs on.
 *
 * Numbered items (FW_CFG_...) and named files, listed in item FW_CFG_FILE_DIR
 * and sorted by name. The guest selects an item and reads its bytes, through a
 * data port or by DMA. Interface: "QEMU Firmware Configuration (fw_cfg)
 * Device" specification, and linux/qemu_fw_cfg.h.
 *
 * Integers are little-endian inside items, the file directory and the DMA
 * descriptor are big-endian.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_NVRAM_FW_CFG_H
#define HW_NVRAM_FW_CFG_H

#include "hw/core/qdev.h"
#include "memory/memory.h"
#include "util/option.h"

#define TYPE_FW_CFG_IO "fw_cfg_io"
OBJECT_DECLARE_SIMPLE(FWCfgState, FW_CFG, TYPE_FW_CFG_IO)

/* Item keys. */
enum {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_MACHINE_ID = 0x06,
    FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_KERNEL_CMDLINE = 0x09,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_NUMA = 0x0d,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_ARCH_LOCAL = 0x8000,      /* keys of the architecture */
    FW_CFG_WRITE_CHANNEL = 0x4000,   /* ignored, as are writes to the data port */

    FW_CFG_ACPI_TABLES = FW_CFG_ARCH_LOCAL + 0,
    FW_CFG_SMBIOS_ENTRIES = FW_CFG_ARCH_LOCAL + 1,
    FW_CFG_IRQ0_OVERRIDE = FW_CFG_ARCH_LOCAL + 2,
    FW_CFG_E820_TABLE = FW_CFG_ARCH_LOCAL + 3,
    FW_CFG_HPET = FW_CFG_ARCH_LOCAL + 4,
};

enum { FW_CFG_MAX_FILE_NAME = 56 }; /* including the final NUL */
enum { FW_CFG_IO_BASE = 0x510, FW_CFG_DMA_IO_BASE = 0x514 };

/* The guest selected the item: last chance to bring its bytes up to date. */
typedef void FWCfgSelectFn(void *opaque);
/* The guest wrote [start, start+len) of the item by DMA. */
typedef void FWCfgWriteFn(void *opaque, uint32_t start, uint32_t len);

/*
 * Creates the device at /machine/fw_cfg with its ports at 0x510 (selector and
 * data) and 0x514 (DMA) of io. dma_as is the memory that DMA reaches.
 */
FWCfgState *fw_cfg_init_io(MachineState *machine, MemoryRegion *io, AddressSpace *dma_as,
                           Error **errp);
/* The machine's fw_cfg device, or NULL. */
FWCfgState *fw_cfg_find(MachineState *machine);

/* Items. The bytes are copied. A key may be set again, which replaces its bytes. */
void fw_cfg_add_bytes(FWCfgState *s, uint16_t key, const void *data, size_t len);
/* Takes over data; destroy(data) frees it (NULL: it is never freed). */
void fw_cfg_take_bytes(FWCfgState *s, uint16_t key, void *data, size_t len,
                       GDestroyNotify destroy);
/* The first len bytes of a regular file, which are read whenever the guest reads them: an image that is used
 * once takes no memory. Takes over fd. */
void fw_cfg_take_file(FWCfgState *s, uint16_t key, int fd, size_t len);
void fw_cfg_add_string(FWCfgState *s, uint16_t key, const char *text); /* with its NUL */
void fw_cfg_add_i16(FWCfgState *s, uint16_t key, uint16_t value);
void fw_cfg_add_i32(FWCfgState *s, uint16_t key, uint32_t value);
void fw_cfg_add_i64(FWCfgState *s, uint16_t key, uint64_t value);

/* Files. The bytes are copied. Fails if the name is taken or too long, or all slots
 * (property x-file-slots) are used. */
bool fw_cfg_add_file(FWCfgState *s, const char *name, const void *data, size_t len,
                     Error **errp);
/* A file whose bytes stay the caller's. on_select and on_write may be NULL; without readonly
 * the guest can write to data by DMA. */
bool fw_cfg_add_file_callback(FWCfgState *s, const char *name, FWCfgSelectFn *on_select,
                              FWCfgWriteFn *on_write, void *opaque, void *data, size_t len,
                              bool readonly, Error **errp);
/* Replaces the bytes of a file (copied), or adds it. */
bool fw_cfg_modify_file(FWCfgState *s, const char *name, const void *data, size_t len,
                        Error **errp);
bool fw_cfg_file_exists(const FWCfgState *s, const char *name);

/* -fw_cfg [name=]NAME,file=PATH or string=TEXT. */
bool fw_cfg_add_option(FWCfgState *s, OptDict *opts, Error **errp);

#endif
