/*
 * The DSDT of the PC, in AML.
 *
 *   \_SB.PCI0            host bridge: windows, interrupt routing table
 *   \_SB.PCI0.ISA        PIIX3 (00:01.0): PIRQ registers, ISA devices
 *   \_SB.LNKA..LNKD      PCI interrupt links, programmed through PIRQA..D
 *   \_SB.C000..          processors
 *   \_S5                 soft off
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/i386/acpi-dsdt.h"

enum { OP_STORE = 0x70, OP_AND = 0x7b, OP_ARG0 = 0x68, OP_CREATE_DWORD = 0x8a };
enum { OP_ZERO = 0x00, OP_FIELD_LIST_BYTE = 0x01 };

static const uint32_t link_irqs[] = { 5, 10, 11 };

/* --- host bridge ------------------------------------------------------------- */

/* Slot s, pin p goes to link (s + p - 1) % 4: INTA of slot 0 is PIRQD's, as on the PIIX3 board. */
static void pci_routing_table(Aml *aml)
{
    static const char *const links[] = { "\\_SB.LNKA", "\\_SB.LNKB", "\\_SB.LNKC", "\\_SB.LNKD" };

    aml_name(aml, "_PRT");
    guint table = aml_begin(aml, AML_PACKAGE, NULL);
    aml_byte(aml, 31 * 4);
    for (uint32_t slot = 1; slot < 32; slot++) {
        for (uint32_t pin = 0; pin < 4; pin++) {
            guint entry = aml_begin(aml, AML_PACKAGE, NULL);
            aml_byte(aml, 4);
            aml_int(aml, slot << 16 | 0xffff);
            aml_int(aml, pin);
            aml_name_string(aml, links[(slot + pin + 3) % 4]);
            aml_int(aml, 0);
            aml_end(aml, entry);
        }
    }
    aml_end(aml, table);
}

static void host_bridge_windows(Aml *aml, const AcpiBoard *board)
{
    AmlResources res = aml_resources_begin(aml, "_CRS");

    aml_res_bus_numbers(&res, 0, 0xff);
    aml_res_io(&res, 0xcf8, 0xcf8, 1, 8);
    aml_res_io_window(&res, 0x0000, 0x0cf7);
    aml_res_io_window(&res, 0x0d00, 0xffff);
    aml_res_memory_window(&res, 0x000a0000, 0x000bffff, true);
    aml_res_memory_window(&res, board->pci_hole_start, 0xfebfffff, false);
    if (board->pci_hole64_end > board->pci_hole64_start) {
        aml_res_memory_window64(&res, board->pci_hole64_start, board->pci_hole64_end - 1);
    }
    aml_resources_end(&res);
}

/* --- ISA devices --------------------------------------------------------------- */

typedef struct IsaDevice {
    const char *name, *id;
    struct { uint16_t start; uint8_t len; } io[2];
    uint16_t irqs;  /* mask */
    uint8_t dmas;   /* mask */
    int uid;        /* 0: none */
} IsaDevice;

static const IsaDevice rtc = { "RTC", "PNP0B00", { { 0x70, 8 } }, 1 << 8 };
static const IsaDevice keyboard = { "KBD", "PNP0303", { { 0x60, 1 }, { 0x64, 1 } }, 1 << 1 };
static const IsaDevice mouse = { "MOU", "PNP0F13", { { 0 } }, 1 << 12 };
static const IsaDevice floppy = { "FDC0", "PNP0700", { { 0x3f2, 4 }, { 0x3f7, 1 } }, 1 << 6,
                                  1 << 2 };
static const IsaDevice serials[] = {
    { "COM1", "PNP0501", { { 0x3f8, 8 } }, 1 << 4, 0, 1 },
    { "COM2", "PNP0501", { { 0x2f8, 8 } }, 1 << 3, 0, 2 },
};
static const IsaDevice parallel = { "LPT1", "PNP0400", { { 0x378, 8 } }, 1 << 7, 0, 1 };

static void isa_device(Aml *aml, const IsaDevice *dev)
{
    guint mark = aml_begin(aml, AML_DEVICE, dev->name);

    aml_name_eisa_id(aml, "_HID", dev->id);
    if (dev->uid) {
        aml_name_int(aml, "_UID", (uint64_t)dev->uid);
    }
    aml_name_int(aml, "_STA", 0xf);
    AmlResources res = aml_resources_begin(aml, "_CRS");
    for (size_t i = 0; i < G_N_ELEMENTS(dev->io) && dev->io[i].len; i++) {
        aml_res_io(&res, dev->io[i].start, dev->io[i].start, 1, dev->io[i].len);
    }
    aml_res_irq(&res, dev->irqs);
    if (dev->dmas) {
        aml_res_dma(&res, dev->dmas);
    }
    aml_resources_end(&res);
    aml_end(aml, mark);
}

/* OperationRegion(P40C, PCI_Config, 0x60, 4) with one field a PIRQ register. */
static void pirq_registers(Aml *aml)
{
    enum { PCI_CONFIG = 2, PIRQRCA = 0x60 };
    static const char *const fields[] = { "PRQ0", "PRQ1", "PRQ2", "PRQ3" };

    aml_byte(aml, 0x5b);
    aml_byte(aml, 0x80);
    aml_name_string(aml, "P40C");
    aml_byte(aml, PCI_CONFIG);
    aml_int(aml, PIRQRCA);
    aml_int(aml, 4);
    guint list = aml_begin(aml, AML_FIELD, "P40C");
    aml_byte(aml, OP_FIELD_LIST_BYTE); /* byte access, no lock, preserve */
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        aml_name_string(aml, fields[i]);
        aml_byte(aml, 8); /* bits */
    }
    aml_end(aml, list);
}

static void isa_bridge(Aml *aml, const AcpiBoard *board)
{
    guint mark = aml_begin(aml, AML_DEVICE, "ISA");

    aml_name_int(aml, "_ADR", 0x00010000);
    pirq_registers(aml);
    isa_device(aml, &rtc);
    isa_device(aml, &keyboard);
    isa_device(aml, &mouse);
    if (board->floppy) {
        isa_device(aml, &floppy);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(serials); i++) {
        if (board->serial[i]) {
            isa_device(aml, &serials[i]);
        }
    }
    if (board->parallel) {
        isa_device(aml, &parallel);
    }
    aml_end(aml, mark);
}

static void host_bridge(Aml *aml, const AcpiBoard *board)
{
    guint mark = aml_begin(aml, AML_DEVICE, "PCI0");

    aml_name_eisa_id(aml, "_HID", "PNP0A03");
    aml_name_int(aml, "_ADR", 0);
    aml_name_int(aml, "_UID", 0);
    host_bridge_windows(aml, board);
    pci_routing_table(aml);
    isa_bridge(aml, board);
    aml_end(aml, mark);
}

/* --- interrupt links ------------------------------------------------------------- */

static void store(Aml *aml, const char *value, const char *target)
{
    aml_byte(aml, OP_STORE);
    aml_name_string(aml, value);
    aml_name_string(aml, target);
}

/* PRQn bit 7 set: the link is off (data sheet 82371SB, 2.2.9). */
static void link_status(Aml *aml, const char *reg)
{
    guint mark = aml_method(aml, "_STA", 0);
    guint test = aml_begin(aml, AML_IF, NULL);

    aml_byte(aml, OP_AND);
    aml_name_string(aml, reg);
    aml_int(aml, 0x80);
    aml_byte(aml, OP_ZERO); /* no target */
    aml_return(aml);
    aml_int(aml, 0x09);
    aml_end(aml, test);
    aml_return(aml);
    aml_int(aml, 0x0b);
    aml_end(aml, mark);
}

static void link_disable(Aml *aml, const char *reg)
{
    guint mark = aml_method(aml, "_DIS", 0);
    aml_byte(aml, OP_STORE);
    aml_int(aml, 0x80);
    aml_name_string(aml, reg);
    aml_end(aml, mark);
}

/* CreateDWordField(buffer, 5, name): the interrupt number of an extended interrupt descriptor. */
static void create_irq_field(Aml *aml, bool in_argument, const char *buffer, const char *name)
{
    aml_byte(aml, OP_CREATE_DWORD);
    if (in_argument) {
        aml_byte(aml, OP_ARG0);
    } else {
        aml_name_string(aml, buffer);
    }
    aml_int(aml, 5);
    aml_name_string(aml, name);
}

static void link_current(Aml *aml, const char *reg)
{
    static const uint32_t none[] = { 0 };
    guint mark = aml_method(aml, "_CRS", 0);
    AmlResources res = aml_resources_begin(aml, "PRR0");

    aml_res_interrupts(&res, none, 1);
    aml_resources_end(&res);
    create_irq_field(aml, false, "PRR0", "PRRI");
    store(aml, reg, "PRRI");
    aml_return(aml);
    aml_name_string(aml, "PRR0");
    aml_end(aml, mark);
}

static void link_set(Aml *aml, const char *reg)
{
    guint mark = aml_method(aml, "_SRS", 1);
    create_irq_field(aml, true, NULL, "PRRI");
    store(aml, "PRRI", reg);
    aml_end(aml, mark);
}

static void interrupt_link(Aml *aml, unsigned n)
{
    g_autofree char *name = g_strdup_printf("LNK%c", 'A' + n);
    g_autofree char *reg = g_strdup_printf("\\_SB.PCI0.ISA.PRQ%u", n);
    guint mark = aml_begin(aml, AML_DEVICE, name);

    aml_name_eisa_id(aml, "_HID", "PNP0C0F");
    aml_name_int(aml, "_UID", n + 1);
    AmlResources res = aml_resources_begin(aml, "_PRS");
    aml_res_interrupts(&res, link_irqs, G_N_ELEMENTS(link_irqs));
    aml_resources_end(&res);
    link_status(aml, reg);
    link_disable(aml, reg);
    link_current(aml, reg);
    link_set(aml, reg);
    aml_end(aml, mark);
}

/* --- the rest ---------------------------------------------------------------------- */

static void processor(Aml *aml, unsigned n)
{
    g_autofree char *name = g_strdup_printf("C%03X", n);
    guint mark = aml_begin(aml, AML_DEVICE, name);

    aml_name(aml, "_HID");
    aml_string(aml, "ACPI0007");
    aml_name_int(aml, "_UID", n);
    aml_end(aml, mark);
}

static void high_precision_timer(Aml *aml)
{
    guint mark = aml_begin(aml, AML_DEVICE, "HPET");
    aml_name_eisa_id(aml, "_HID", "PNP0103");
    aml_name_int(aml, "_UID", 0);
    AmlResources res = aml_resources_begin(aml, "_CRS");
    aml_res_memory_fixed(&res, 0xfed00000, 0x400);
    aml_resources_end(&res);
    aml_end(aml, mark);
}

/* \_S5: SLP_TYP 0 for PM1a and PM1b, as the PIIX4 model decodes it. */
static void soft_off(Aml *aml)
{
    aml_name(aml, "\\_S5");
    guint mark = aml_begin(aml, AML_PACKAGE, NULL);
    aml_byte(aml, 4);
    for (int i = 0; i < 4; i++) {
        aml_int(aml, 0);
    }
    aml_end(aml, mark);
}

void acpi_dsdt_body(Aml *aml, MachineState *machine, const AcpiBoard *board)
{
    guint sb = aml_begin(aml, AML_SCOPE, "\\_SB");

    host_bridge(aml, board);
    for (unsigned n = 0; n < 4; n++) {
        interrupt_link(aml, n);
    }
    for (unsigned n = 0; n < machine->max_cpus; n++) {
        processor(aml, n);
    }
    if (board->hpet) {
        high_precision_timer(aml);
    }
    aml_end(aml, sb);
    soft_off(aml);
}
