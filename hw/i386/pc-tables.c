/*
 * What the firmware is told: CMOS, fw_cfg, E820, ACPI, SMBIOS, the kernel.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/block/fdc.h"
#include "hw/i386/acpi-build.h"
#include "hw/i386/kernel.h"
#include "hw/i386/pc.h"
#include "hw/i386/smbios.h"
#include "hw/ide/ide.h"
#include "hw/rtc/mc146818rtc.h"

/* CMOS bytes that SeaBIOS and the classic BIOSes agree on. */
enum {
    CMOS_FLOPPY_TYPES = 0x10, CMOS_EQUIPMENT = 0x14, CMOS_BASE_MEM = 0x15, CMOS_EXT_MEM = 0x17,
    CMOS_EXT_MEM_AGAIN = 0x30, CMOS_MEM_ABOVE_16M = 0x34, CMOS_BOOT_FLAG2 = 0x38,
    CMOS_DISK_TRANSLATION = 0x39, CMOS_BOOT_FLAG1 = 0x3d, CMOS_MEM_ABOVE_4G = 0x5b, CMOS_CPU_COUNT = 0x5f,
};
enum { EQUIPMENT_FPU = 0x02, EQUIPMENT_PS2_MOUSE = 0x04, EQUIPMENT_FLOPPY = 0x01 };
enum { BASE_MEMORY_KIB = 640 };

static void set_cmos16(PCMachine *pc, unsigned addr, uint64_t val)
{
    mc146818_rtc_set_cmos(pc->rtc, addr, (uint8_t)val);
    mc146818_rtc_set_cmos(pc->rtc, addr + 1, (uint8_t)(val >> 8));
}

static void set_cmos_memory(PCMachine *pc)
{
    uint64_t ext_kib = pc->below_4g > 0x100000 ? (pc->below_4g - 0x100000) >> 10 : 0;
    uint64_t above_16m = pc->below_4g > 0x1000000 ? (pc->below_4g - 0x1000000) >> 16 : 0;
    uint64_t above_4g = pc->above_4g >> 16;

    set_cmos16(pc, CMOS_BASE_MEM, BASE_MEMORY_KIB);
    set_cmos16(pc, CMOS_EXT_MEM, MIN(ext_kib, 65535));
    set_cmos16(pc, CMOS_EXT_MEM_AGAIN, MIN(ext_kib, 65535));
    set_cmos16(pc, CMOS_MEM_ABOVE_16M, MIN(above_16m, 65535));
    set_cmos16(pc, CMOS_MEM_ABOVE_4G, above_4g);
    mc146818_rtc_set_cmos(pc->rtc, CMOS_MEM_ABOVE_4G + 2, (uint8_t)(above_4g >> 16));
}

/* The firmware's code of a boot device letter. */
static uint8_t boot_code(char letter)
{
    switch (letter) {
    case 'a': return 1;
    case 'c': return 2;
    case 'd': return 3;
    case 'n': return 4;
    default: return 0;
    }
}

static void set_cmos_boot_order(PCMachine *pc, const char *order)
{
    uint8_t codes[3] = { 0 };

    for (size_t i = 0; i < sizeof(codes) && order[i]; i++) {
        codes[i] = boot_code(order[i]);
    }
    mc146818_rtc_set_cmos(pc->rtc, CMOS_BOOT_FLAG1, (uint8_t)(codes[1] << 4 | codes[0]));
    /* Bit 0: do not insist on the boot signature of floppies. */
    mc146818_rtc_set_cmos(pc->rtc, CMOS_BOOT_FLAG2, (uint8_t)(codes[2] << 4 | 1));
}

static const char *boot_order(PCMachine *pc)
{
    return pc->parent.boot_order ? pc->parent.boot_order
                                 : MACHINE_GET_CLASS(pc)->default_boot_order;
}

static bool boot_set(MachineState *m, const char *order, Error **errp)
{
    PCMachine *pc = PC_MACHINE(m);

    if (strlen(order) > 3) {
        error_setg(errp, "Too many boot devices for PC");
        return false;
    }
    for (const char *p = order; *p; p++) {
        if (!boot_code(*p)) {
            error_setg(errp, "Invalid boot device for PC: '%c'", *p);
            return false;
        }
    }
    g_free(m->boot_order);
    m->boot_order = g_strdup(order);
    set_cmos_boot_order(pc, order);
    return true;
}

/* Two bits a disk: how the firmware translates its geometry. */
static uint8_t disk_translations(PCMachine *pc)
{
    uint8_t bits = 0;

    for (unsigned i = 0; i < 4; i++) {
        IDEGeometry geometry;
        if (ide_get_geometry(pc->ide, i, &geometry)) {
            bits |= (uint8_t)(geometry.translation << (2 * i));
        }
    }
    return bits;
}

static void set_cmos_devices(PCMachine *pc)
{
    uint8_t a = fdc_cmos_type(pc->fdc, 0), b = fdc_cmos_type(pc->fdc, 1);
    uint8_t floppies = (a != 0) + (b != 0);
    uint8_t equipment = EQUIPMENT_FPU | EQUIPMENT_PS2_MOUSE;

    if (floppies) {
        equipment |= (uint8_t)(EQUIPMENT_FLOPPY | (floppies - 1) << 6);
    }
    mc146818_rtc_set_cmos(pc->rtc, CMOS_FLOPPY_TYPES, (uint8_t)(a << 4 | b));
    mc146818_rtc_set_cmos(pc->rtc, CMOS_EQUIPMENT, equipment);
    mc146818_rtc_set_cmos(pc->rtc, CMOS_DISK_TRANSLATION, disk_translations(pc));
    mc146818_rtc_set_cmos(pc->rtc, CMOS_CPU_COUNT, (uint8_t)(pc->parent.smp_cpus - 1));
}

static void add_boot_entry(GString *order, const char *path)
{
    g_string_append_printf(order, "%s%s", order->len ? "\n" : "", path);
}

/* -kernel's ROM, whichever of them it is, before everything else. */
static void add_boot_roms(PCMachine *pc, GString *order)
{
    static const char *const roms[] = { "genroms/linuxboot.bin", "genroms/multiboot.bin" };

    for (size_t i = 0; i < G_N_ELEMENTS(roms); i++) {
        g_autofree char *path = g_strconcat("/rom@", roms[i], NULL);
        if (fw_cfg_file_exists(pc->fw_cfg, roms[i])) {
            add_boot_entry(order, path);
        }
    }
}

/* The disks and CDs with a bootindex, lowest first. */
static void add_boot_drives(PCMachine *pc, GString *order)
{
    for (int last = -1, next; last < INT_MAX; last = next) {
        next = INT_MAX;
        for (unsigned i = 0; i < 4; i++) {
            int index = ide_get_bootindex(pc->ide, i);
            next = index > last ? MIN(next, index) : next;
        }
        for (unsigned i = 0; i < 4 && next < INT_MAX; i++) {
            g_autofree char *path = g_strdup_printf("/pci@i0cf8/ide@1,1/drive@%u/disk@%u", i / 2,
                                                    i % 2);
            if (ide_get_bootindex(pc->ide, i) == next) {
                add_boot_entry(order, path);
            }
        }
    }
}

/* fw_cfg's "bootorder": a line for each device, named as Open Firmware does, the last with a NUL. */
static void set_boot_devices(PCMachine *pc)
{
    g_autoptr(GString) order = g_string_new(NULL);

    add_boot_roms(pc, order);
    add_boot_drives(pc, order);
    if (order->len) {
        fw_cfg_modify_file(pc->fw_cfg, "bootorder", order->str, order->len + 1, &error_fatal);
    }
}

/* The first reset comes when every device is there, those of -device too. -boot once= holds
 * until the next. */
static void update_cmos(void *opaque)
{
    PCMachine *pc = opaque;

    if (pc->resets++ == 0) {
        set_cmos_devices(pc);
        set_boot_devices(pc);
    } else {
        set_cmos_boot_order(pc, boot_order(pc));
    }
}

/* --- fw_cfg ------------------------------------------------------------------ */

typedef struct E820Entry {
    uint64_t address, length;
    uint32_t type;
} __attribute__((packed)) E820Entry;
enum { E820_RAM = 1 };

static bool add_e820(PCMachine *pc, Error **errp)
{
    E820Entry map[2] = {
        { 0, GUINT64_TO_LE(pc->below_4g), GUINT32_TO_LE(E820_RAM) },
        { GUINT64_TO_LE(UINT64_C(0x100000000)), GUINT64_TO_LE(pc->above_4g),
          GUINT32_TO_LE(E820_RAM) },
    };
    return fw_cfg_add_file(pc->fw_cfg, "etc/e820", map,
                           pc->above_4g ? sizeof(map) : sizeof(map[0]), errp);
}

static bool add_waits(PCMachine *pc, Error **errp)
{
    MachineState *m = &pc->parent;
    uint16_t menu_wait = GUINT16_TO_LE((uint16_t)m->boot_menu_timeout);
    uint32_t fail_wait = GUINT32_TO_LE((uint32_t)m->reboot_timeout);

    /* Without the second file the firmware would reboot after a minute; -1 means never. */
    return (m->boot_menu_timeout < 0 ||
            fw_cfg_add_file(pc->fw_cfg, "etc/boot-menu-wait", &menu_wait, sizeof(menu_wait),
                            errp)) &&
           fw_cfg_add_file(pc->fw_cfg, "etc/boot-fail-wait", &fail_wait, sizeof(fail_wait), errp);
}

static bool add_fw_cfg_options(PCMachine *pc, Error **errp)
{
    for (guint i = 0; i < pc->parent.fw_cfg_options->len; i++) {
        if (!fw_cfg_add_option(pc->fw_cfg, pc->parent.fw_cfg_options->pdata[i], errp)) {
            return false;
        }
    }
    return true;
}

static void add_items(PCMachine *pc)
{
    MachineState *m = &pc->parent;
    uint64_t no_numa[2] = { 0 };

    fw_cfg_add_i64(pc->fw_cfg, FW_CFG_RAM_SIZE, m->ram_size);
    fw_cfg_add_i16(pc->fw_cfg, FW_CFG_NB_CPUS, (uint16_t)m->smp_cpus);
    /* What firmware takes from it is the number of APIC IDs. */
    fw_cfg_add_i16(pc->fw_cfg, FW_CFG_MAX_CPUS, (uint16_t)(pc_apic_id(m, m->max_cpus - 1) + 1));
    fw_cfg_add_i16(pc->fw_cfg, FW_CFG_NOGRAPHIC, !m->graphics);
    fw_cfg_add_i16(pc->fw_cfg, FW_CFG_BOOT_MENU, m->boot_menu);
    fw_cfg_add_i32(pc->fw_cfg, FW_CFG_IRQ0_OVERRIDE, 1);
    fw_cfg_add_bytes(pc->fw_cfg, FW_CFG_NUMA, no_numa, sizeof(no_numa));
}

/* --- tables -------------------------------------------------------------------- */

static bool add_acpi(PCMachine *pc, Error **errp)
{
    MachineState *m = &pc->parent;
    AcpiBoard board = {
        .pci_hole_start = (uint32_t)pc->below_4g,
        .pm_base = 0x600,
        .sci_irq = 9,
        .gpe0_base = 0xafe0,
        .ioapic_id = 0,
        .serial = { m->serials->len > 0 && m->serials->pdata[0],
                    m->serials->len > 1 && m->serials->pdata[1] },
        .parallel = m->parallels->len > 0 && m->parallels->pdata[0],
        .floppy = true,
        .hpet = pc->hpet,
    };
    return !pc->acpi || acpi_build(m, pc->fw_cfg, &board, errp);
}

bool pc_tables_build(PCMachine *pc, Error **errp)
{
    MachineState *m = &pc->parent;

    set_cmos_memory(pc);
    set_cmos_boot_order(pc, m->boot_once ? m->boot_once : boot_order(pc));
    machine_add_reset(m, update_cmos, pc);
    m->boot_set = boot_set;
    add_items(pc);
    return add_e820(pc, errp) && add_waits(pc, errp) && add_fw_cfg_options(pc, errp) &&
           add_acpi(pc, errp) && smbios_build(m, pc->fw_cfg, errp) &&
           (!m->kernel_filename || kernel_load(m, pc->fw_cfg, pc->below_4g, errp));
}
