/*
 * Connects an X86CPU with its local APIC and the machine's clock.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_APIC_HOOKS_H
#define TARGET_I386_APIC_HOOKS_H

#include "target/i386/cpu.h"

/* The TSC counts nanoseconds of the virtual clock. */
enum { X86_TSC_HZ = 1000000000 };

/*
 * Creates the CPU's local APIC with the ID and sets cpu->apic and cpu->hooks. The machine and
 * cpu_index are set already. False with errp set if that fails.
 */
bool x86_apic_attach(X86CPU *cpu, uint32_t apic_id, bool x2apic, Error **errp);

/*
 * What the CPU does for CPU_INTERRUPT_INIT and CPU_INTERRUPT_SIPI. An AP waits for a SIPI
 * after INIT and ignores one that comes at another time. With the big lock.
 */
void x86_apic_init(X86CPU *cpu);
void x86_apic_sipi(X86CPU *cpu);

#endif
