/*
 * A CPU with 2 MiB of RAM and two ports, for tests that run real code without
 * a machine: port 0xe9 collects text.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_CPU_MACHINE_H
#define TESTS_CPU_MACHINE_H

#include "target/i386/cpu.h"
#include "target/i386/cpuid.h"

enum { MACHINE_RAM_SIZE = 0x200000 };

typedef struct CpuMachine {
    X86CPU *cpu;
    uint8_t *ram;
    GString *text; /* what the guest wrote to the debug port */
    X86CpuModel model;
    AddressSpace as, io_as;
    MemoryRegion root, ram_region, io_root, debug_port;
} CpuMachine;

/* spec: as for -cpu. The CPU is reset; RAM is zero. */
CpuMachine *cpu_machine_new(const char *spec);
void cpu_machine_free(CpuMachine *m);
/* Real mode at 0000:ip with all segments 0 and SP 0x7c00. */
void cpu_machine_start_real(CpuMachine *m, uint16_t ip);
/* Runs until HLT or shutdown; returns the CPU_EXIT_ reason. */
int cpu_machine_run(CpuMachine *m);

#endif
