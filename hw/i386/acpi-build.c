/*
 * ACPI tables of the PC (ACPI specification 6.4, chapter 5): RSDP, RSDT,
 * FADT, FACS, MADT, HPET. The DSDT stands in acpi-dsdt.c.
 *
 * All tables but the RSDP live in one file. Addresses are not known when the
 * file is made; the loader script tells the firmware where to add the file's address
 * and which bytes to check-sum afterwards.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/i386/acpi-build.h"
#include <string.h>
#include "hw/i386/acpi-dsdt.h"
#include "hw/i386/pc.h"

#define TABLES_FILE "etc/acpi/tables"
#define RSDP_FILE "etc/acpi/rsdp"
#define LOADER_FILE "etc/table-loader"

enum { TABLE_HEADER_SIZE = 36, FACS_SIZE = 64, FACS_ALIGN = 64 };

typedef struct AcpiBuild {
    GByteArray *tables, *loader;
    GArray *offsets; /* guint: tables that the RSDT lists */
} AcpiBuild;

static void put(GByteArray *out, uint64_t val, unsigned size)
{
    uint64_t le = GUINT64_TO_LE(val);
    g_byte_array_append(out, (uint8_t *)&le, size);
}

static void put_text(GByteArray *out, const char *text, unsigned size)
{
    char field[16] = "";
    memcpy(field, text, MIN(strlen(text), size));
    g_byte_array_append(out, (uint8_t *)field, size);
}

/* --- loader script ---------------------------------------------------------- */

enum { CMD_ALLOCATE = 1, CMD_ADD_POINTER = 2, CMD_ADD_CHECKSUM = 3 };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };
enum { COMMAND_SIZE = 128, FILE_NAME_SIZE = 56 };

/* One command is 128 bytes: its number, then its arguments, zero-filled. */
static void loader_command(AcpiBuild *b, const GByteArray *args)
{
    uint8_t command[COMMAND_SIZE] = { 0 };
    memcpy(command, args->data, args->len);
    g_byte_array_append(b->loader, command, sizeof(command));
}

static void put_file_name(GByteArray *out, const char *name)
{
    char field[FILE_NAME_SIZE] = "";
    g_strlcpy(field, name, sizeof(field));
    g_byte_array_append(out, (uint8_t *)field, sizeof(field));
}

static void loader_allocate(AcpiBuild *b, const char *file, uint32_t align, uint8_t zone)
{
    g_autoptr(GByteArray) args = g_byte_array_new();
    put(args, CMD_ALLOCATE, 4);
    put_file_name(args, file);
    put(args, align, 4);
    put(args, zone, 1);
    loader_command(b, args);
}

/* The size-byte value at offset of file gets the address of target added. */
static void loader_pointer(AcpiBuild *b, const char *file, guint offset, unsigned size,
                           const char *target)
{
    g_autoptr(GByteArray) args = g_byte_array_new();
    put(args, CMD_ADD_POINTER, 4);
    put_file_name(args, file);
    put_file_name(args, target);
    put(args, offset, 4);
    put(args, size, 1);
    loader_command(b, args);
}

static void loader_checksum(AcpiBuild *b, const char *file, guint at, guint start, guint len)
{
    g_autoptr(GByteArray) args = g_byte_array_new();
    put(args, CMD_ADD_CHECKSUM, 4);
    put_file_name(args, file);
    put(args, at, 4);
    put(args, start, 4);
    put(args, len, 4);
    loader_command(b, args);
}

/* --- tables ------------------------------------------------------------------ */

static guint begin_table(AcpiBuild *b, const char *signature, uint8_t revision)
{
    guint start = b->tables->len;

    put_text(b->tables, signature, 4);
    put(b->tables, 0, 4); /* length */
    put(b->tables, revision, 1);
    put(b->tables, 0, 1); /* checksum */
    put_text(b->tables, "DOPPEL", 6);
    put_text(b->tables, "DOPPELPC", 8);
    put(b->tables, 1, 4);
    put_text(b->tables, "DPPL", 4);
    put(b->tables, 1, 4);
    return start;
}

static void end_table(AcpiBuild *b, guint start, bool listed)
{
    guint32 len = GUINT32_TO_LE(b->tables->len - start);

    memcpy(b->tables->data + start + 4, &len, sizeof(len));
    loader_checksum(b, TABLES_FILE, start + 9, start, b->tables->len - start);
    if (listed) {
        g_array_append_val(b->offsets, start);
    }
}

/* Writes the offset of a table; the firmware adds the file's address. */
static void put_table_pointer(AcpiBuild *b, guint target, unsigned size)
{
    loader_pointer(b, TABLES_FILE, b->tables->len, size, TABLES_FILE);
    put(b->tables, target, size);
}

static guint build_facs(AcpiBuild *b)
{
    while (b->tables->len % FACS_ALIGN) {
        put(b->tables, 0, 1);
    }
    guint start = b->tables->len;
    put_text(b->tables, "FACS", 4);
    put(b->tables, FACS_SIZE, 4);
    for (int i = 0; i < FACS_SIZE - 8; i++) {
        put(b->tables, 0, 1);
    }
    return start;
}

/* FADT flags (table 5.10) */
enum {
    FADT_WBINVD = 1 << 0, FADT_PROC_C1 = 1 << 2, FADT_SLP_BUTTON = 1 << 5, FADT_RTC_S4 = 1 << 7,
    FADT_TMR_VAL_EXT = 1 << 8, FADT_RESET_REG_SUP = 1 << 10,
    FADT_USE_PLATFORM_CLOCK = 1 << 15,
};

/* SMI_CMD values of the PIIX4 as firmware and QEMU agree on them. */
enum { SMI_CMD_PORT = 0xb2, SMI_ACPI_ENABLE = 0xf1, SMI_ACPI_DISABLE = 0xf0 };
enum { PIIX3_RESET_PORT = 0xcf9, PIIX3_RESET_VALUE = 0x0f };

/* Generic address structure: system I/O. */
static void put_io_gas(GByteArray *out, uint16_t port, uint8_t bits)
{
    put(out, port ? 1 : 0, 1);
    put(out, port ? bits : 0, 1);
    put(out, 0, 1);
    put(out, 0, 1);
    put(out, port, 8);
}

/* Bytes 40-111: what ACPI 1.0 had of the FADT. */
static void fadt_fixed_hardware(GByteArray *t, const AcpiBoard *board)
{
    put(t, 1, 1);                    /* interrupt model (1.0), reserved since */
    put(t, 0, 1);                    /* preferred profile: unspecified */
    put(t, board->sci_irq, 2);
    put(t, SMI_CMD_PORT, 4);
    put(t, SMI_ACPI_ENABLE, 1);
    put(t, SMI_ACPI_DISABLE, 1);
    put(t, 0, 2);                    /* no S4BIOS, no P-state control */
    put(t, board->pm_base, 4);       /* PM1a event */
    put(t, 0, 4);
    put(t, board->pm_base + 4, 4);   /* PM1a control */
    put(t, 0, 4);
    put(t, 0, 4);                    /* no PM2 control */
    put(t, board->pm_base + 8, 4);   /* PM timer */
    put(t, board->gpe0_base, 4);
    put(t, 0, 4);
    put(t, 4, 1);                    /* lengths: PM1 event, control, PM2, timer, GPE0, GPE1 */
    put(t, 2, 1);
    put(t, 0, 1);
    put(t, 4, 1);
    put(t, 4, 1);
    put(t, 0, 1);
    put(t, 0, 2);                    /* GPE1 base, no C-state control */
    put(t, 0xfff, 2);                /* C2 and C3 are not supported */
    put(t, 0xfff, 2);
    put(t, 0, 4);                    /* flush size and stride: WBINVD works */
    put(t, 0, 2);                    /* no duty cycle */
    put(t, 0, 2);                    /* no RTC alarm day and month */
    put(t, 0x32, 1);                 /* century in CMOS */
    put(t, 0, 3);                    /* boot architecture flags (x86: legacy devices), reserved */
    put(t, FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_RTC_S4 | FADT_RESET_REG_SUP, 4);
}

static void build_fadt(AcpiBuild *b, const AcpiBoard *board, guint facs, guint dsdt)
{
    guint start = begin_table(b, "FACP", 3);
    GByteArray *t = b->tables;

    put_table_pointer(b, facs, 4);
    put_table_pointer(b, dsdt, 4);
    fadt_fixed_hardware(t, board);
    put_io_gas(t, PIIX3_RESET_PORT, 8);
    put(t, PIIX3_RESET_VALUE, 1);
    put(t, 0, 3);
    put(t, 0, 8);                    /* X_FIRMWARE_CTRL: the 32-bit one counts */
    put_table_pointer(b, dsdt, 8);   /* X_DSDT */
    put_io_gas(t, board->pm_base, 32);
    put_io_gas(t, 0, 0);
    put_io_gas(t, board->pm_base + 4, 16);
    put_io_gas(t, 0, 0);
    put_io_gas(t, 0, 0);
    put_io_gas(t, board->pm_base + 8, 32);
    put_io_gas(t, board->gpe0_base, 32);
    put_io_gas(t, 0, 0);
    end_table(b, start, true);
}

enum { LOCAL_APIC_BASE = 0xfee00000, IO_APIC_BASE = 0xfec00000 };

static void madt_override(GByteArray *t, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    put(t, 2, 1);
    put(t, 10, 1);
    put(t, 0, 1); /* ISA */
    put(t, irq, 1);
    put(t, gsi, 4);
    put(t, flags, 2);
}

static void build_madt(AcpiBuild *b, MachineState *machine, const AcpiBoard *board)
{
    guint start = begin_table(b, "APIC", 1);
    GByteArray *t = b->tables;

    put(t, LOCAL_APIC_BASE, 4);
    put(t, 1, 4); /* PCAT_COMPAT: there is a pair of 8259s */
    for (unsigned i = 0; i < machine->max_cpus; i++) {
        put(t, 0, 1);
        put(t, 8, 1);
        put(t, i, 1);  /* processor UID */
        put(t, pc_apic_id(machine, i), 1);
        put(t, i < machine->smp_cpus, 4);
    }
    put(t, 1, 1);
    put(t, 12, 1);
    put(t, board->ioapic_id, 1);
    put(t, 0, 1);
    put(t, IO_APIC_BASE, 4);
    put(t, 0, 4);
    madt_override(t, 0, 2, 0); /* the 8254 is wired to pin 2 */
    static const uint8_t level_irqs[] = { 5, 9, 10, 11 }; /* PCI links and SCI */
    for (size_t i = 0; i < G_N_ELEMENTS(level_irqs); i++) {
        madt_override(t, level_irqs[i], level_irqs[i], 0x0d); /* active high, level */
    }
    put(t, 4, 1); /* NMI on LINT1 of every CPU */
    put(t, 6, 1);
    put(t, 0xff, 1);
    put(t, 0, 2);
    put(t, 1, 1);
    end_table(b, start, true);
}

static void build_hpet(AcpiBuild *b)
{
    guint start = begin_table(b, "HPET", 1);
    GByteArray *t = b->tables;

    put(t, 0x8086a201, 4); /* 8086, 3 comparators, 64 bits, legacy routing */
    put(t, 0, 4);          /* memory space */
    put(t, 0xfed00000, 8);
    put(t, 0, 1);          /* number */
    put(t, 0, 2);          /* minimum tick */
    put(t, 0, 1);
    end_table(b, start, true);
}

static guint build_rsdt(AcpiBuild *b)
{
    guint start = begin_table(b, "RSDT", 1);
    for (guint i = 0; i < b->offsets->len; i++) {
        put_table_pointer(b, g_array_index(b->offsets, guint, i), 4);
    }
    end_table(b, start, false);
    return start;
}

static GByteArray *build_rsdp(AcpiBuild *b, guint rsdt)
{
    enum { RSDP_SIZE = 20, CHECKSUM_AT = 8, RSDT_AT = 16 };
    GByteArray *rsdp = g_byte_array_new();

    put_text(rsdp, "RSD PTR ", 8);
    put(rsdp, 0, 1);
    put_text(rsdp, "DOPPEL", 6);
    put(rsdp, 0, 1); /* ACPI 1.0: RSDT only */
    put(rsdp, rsdt, 4);
    loader_pointer(b, RSDP_FILE, RSDT_AT, 4, TABLES_FILE);
    loader_checksum(b, RSDP_FILE, CHECKSUM_AT, 0, RSDP_SIZE);
    return rsdp;
}

bool acpi_build(MachineState *machine, FWCfgState *fw_cfg, const AcpiBoard *board, Error **errp)
{
    AcpiBuild b = {
        .tables = g_byte_array_new(),
        .loader = g_byte_array_new(),
        .offsets = g_array_new(FALSE, FALSE, sizeof(guint)),
    };

    loader_allocate(&b, RSDP_FILE, 16, ZONE_FSEG);
    loader_allocate(&b, TABLES_FILE, FACS_ALIGN, ZONE_HIGH);
    guint facs = build_facs(&b);
    guint dsdt = begin_table(&b, "DSDT", 1);
    acpi_dsdt_body(b.tables, machine, board);
    end_table(&b, dsdt, false);
    build_fadt(&b, board, facs, dsdt);
    build_madt(&b, machine, board);
    if (board->hpet) {
        build_hpet(&b);
    }
    GByteArray *rsdp = build_rsdp(&b, build_rsdt(&b));
    bool ok = fw_cfg_add_file(fw_cfg, RSDP_FILE, rsdp->data, rsdp->len, errp) &&
              fw_cfg_add_file(fw_cfg, TABLES_FILE, b.tables->data, b.tables->len, errp) &&
              fw_cfg_add_file(fw_cfg, LOADER_FILE, b.loader->data, b.loader->len, errp);
    g_byte_array_unref(rsdp);
    g_byte_array_unref(b.tables);
    g_byte_array_unref(b.loader);
    g_array_unref(b.offsets);
    return ok;
}
