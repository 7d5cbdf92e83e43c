/*
 * The PC: i440FX + PIIX3, `-machine pc`.
 *
 *   00000000  RAM (640 KiB, then VGA, option ROMs, firmware by PAM)
 *   00100000  RAM up to below_4g
 *   below_4g  PCI window
 *   fec00000  I/O APIC        fee00000  local APICs
 *   fffc0000  firmware ROM (its last 128 KiB again at e0000)
 *   100000000 the rest of RAM
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_I386_PC_H
#define HW_I386_PC_H

#include "hw/core/machine.h"
#include "hw/intc/i8259.h"
#include "hw/isa/isa.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/pci/pci.h"

/* -machine vmport=; auto is on. */
enum { PC_VMPORT_AUTO, PC_VMPORT_ON, PC_VMPORT_OFF };

#define TYPE_PC_MACHINE "generic-pc-machine"
OBJECT_DECLARE_SIMPLE(PCMachine, PC_MACHINE, TYPE_PC_MACHINE)

struct PCMachine {
    MachineState parent;
    uint64_t below_4g, above_4g;      /* bytes of RAM on each side of the hole */
    MemoryRegion ram_below, ram_above; /* aliases of MachineState.ram */
    MemoryRegion pci_memory;          /* what is not RAM: PCI, ROMs, VGA */
    MemoryRegion smm_root, smm_system; /* all of memory with SMRAM on top */
    AddressSpace smm_as;
    MemoryRegion bios, isa_bios;
    PCIBus *pci;
    PCIDevice *piix3, *ide;
    ISABus *isa;
    DeviceState *ioapic, *rtc, *fdc, *pm;
    DeviceState *hpet_dev;            /* NULL with hpet=off */
    unsigned resets;                  /* how often the machine was reset */
    I8259Pair pics;
    FWCfgState *fw_cfg;
    bool acpi, smm, hpet, i8042;      /* -machine properties */
    uint8_t vmport;                   /* another one: PC_VMPORT_... */
};

/*
 * The APIC ID of CPU number index: package, core and thread number, each in a field of its own, so
 * that CPUID can tell them apart (SDM vol. 3, 8.9.1). IDs have gaps if -smp counts by other
 * than powers of two.
 */
uint32_t pc_apic_id(const MachineState *m, unsigned index);
/* pc-firmware.c: loads -bios (or the packaged SeaBIOS) and maps it. */
bool pc_firmware_load(PCMachine *pc, Error **errp);
/* pc-tables.c: CMOS bytes, fw_cfg items, E820, ACPI, SMBIOS, -kernel. After all devices exist. */
bool pc_tables_build(PCMachine *pc, Error **errp);

#endif
