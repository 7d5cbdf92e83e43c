/*
 * Interrupt controllers that the accelerator has: MachineState.irqchip.
 *
 * Our own models stay, as what holds their state when the machine stands: for saving, for monitors
 * and for debuggers. They take no part in interrupts. NULL: there are none but ours.
 *
 * All functions are called with the big lock.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_INTC_IRQCHIP_H
#define HW_INTC_IRQCHIP_H

#include "hw/core/machine.h"

struct I8259;
struct I8254;

/* What the accelerator's I/O APIC holds; the layout is that of its registers. */
typedef struct IrqchipIoapic {
    uint8_t id, ioregsel;
    uint32_t lines;
    uint64_t entries[24];
} IrqchipIoapic;

/* The local APICs are the accelerator's; a CPU's is moved together with the CPU's own state. */
typedef struct IrqchipOps {
    /* The i8259 pair, the I/O APIC and the i8254 are so too; else those are ours. */
    bool board;
    /* Delivers a message-signalled interrupt. */
    void (*send_msi)(MachineState *machine, uint64_t addr, uint32_t data);

    /* board: a level at an input of the I/O APIC, below 16 of the i8259 pair too (ISA IRQ 0 is the
     * I/O APIC's pin 2). */
    void (*set_gsi)(MachineState *machine, unsigned gsi, int level);
    void (*get_pic)(MachineState *machine, struct I8259 *chip);
    void (*put_pic)(MachineState *machine, const struct I8259 *chip);
    void (*get_ioapic)(MachineState *machine, IrqchipIoapic *regs);
    void (*put_ioapic)(MachineState *machine, const IrqchipIoapic *regs);
    void (*get_pit)(MachineState *machine, struct I8254 *chip);
    void (*put_pit)(MachineState *machine, struct I8254 *chip);

    /* Not board: an entry of our I/O APIC, as the message that it sends. What a local APIC ends of a
     * level-triggered one it tells by apic_bus_eoi(). */
    void (*route_pin)(MachineState *machine, unsigned pin, uint64_t addr, uint32_t data,
                      bool masked);

    /* Has the kernel send a message each time that the eventfd fd is signalled, while nobody of ours
     * runs. Returns a number for the other two; -1: it cannot, or has no room for more. */
    int (*irqfd_add)(MachineState *machine, int fd, uint64_t addr, uint32_t data);
    void (*irqfd_change)(MachineState *machine, int route, uint64_t addr, uint32_t data);
    void (*irqfd_remove)(MachineState *machine, int route, int fd);
} IrqchipOps;

/* What the accelerator has of the board's chips; NULL if they are ours. */
static inline const IrqchipOps *irqchip_board(const MachineState *machine)
{
    return machine->irqchip && machine->irqchip->board ? machine->irqchip : NULL;
}

#endif
