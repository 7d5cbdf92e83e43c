/*
 * The I/O APIC (Intel 82093AA, with the EOI register of version 0x20).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_INTC_IOAPIC_H
#define HW_INTC_IOAPIC_H

#include "hw/core/machine.h"

#define TYPE_IOAPIC "ioapic"
#define IOAPIC_DEFAULT_ADDRESS UINT64_C(0xfec00000)

enum { IOAPIC_NUM_PINS = 24 };

/* Creates the machine's I/O APIC and maps it; its default input lines are the pins, with
 * ISA IRQ 0 wired to INTIN2 as PCs do. NULL with errp set if that fails. */
DeviceState *ioapic_create(MachineState *machine, hwaddr address, Error **errp);

#endif
