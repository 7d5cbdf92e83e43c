/*
 * What a debugger asks of a CPU, whatever its architecture and accelerator.
 *
 * The engine does the work: at each instruction boundary it looks for a breakpoint, its
 * memory accesses look for watchpoints, and it returns CPU_EXIT_DEBUG. Neither guest memory
 * nor the guest's debug registers are used (KVM has the host's, and may need guest memory:
 * accel/kvm/debug.c). All addresses are linear ones.
 *
 * Everything here is for the vCPU's own thread, or for others while it is paused.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_CPU_DEBUG_H
#define HW_CORE_CPU_DEBUG_H

#include "hw/core/cpu.h"

/* --- for the debugger ------------------------------------------------------------------ */

typedef struct CPUBreakpoint {
    uint64_t pc;
    bool hardware;           /* guest memory must not be used for it */
} CPUBreakpoint;

/* Breakpoints at one address count: each insert needs its remove. Remove returns false if
 * there is none. */
void cpu_breakpoint_insert(CPUState *cpu, uint64_t pc, bool hardware);
bool cpu_breakpoint_remove(CPUState *cpu, uint64_t pc, bool hardware);

enum { CPU_WATCH_READ = 1, CPU_WATCH_WRITE = 2 };

typedef struct CPUWatchpoint {
    uint64_t addr, len;
    unsigned access;
} CPUWatchpoint;

/* Watches [addr, addr + len) for accesses of a kind (CPU_WATCH_..., or both); len is not 0. */
void cpu_watchpoint_insert(CPUState *cpu, uint64_t addr, uint64_t len, unsigned access);
bool cpu_watchpoint_remove(CPUState *cpu, uint64_t addr, uint64_t len, unsigned access);

/* False if what is set is more than this CPU's accelerator can look for. */
bool cpu_debug_fits(CPUState *cpu);

/* How to run on: CPU_STEP_ONE stops after one instruction, with NOIRQ no external interrupt
 * is taken before it. */
enum { CPU_STEP_ONE = 1, CPU_STEP_NOIRQ = 2 };
void cpu_set_step(CPUState *cpu, unsigned how);

/* Removes everything that a debugger has set. */
void cpu_debug_clear(CPUState *cpu);

/* Reads or writes memory at a linear address as the CPU has it mapped; ROM is written too.
 * False if a page of it is not mapped; what lies before has been copied. */
bool cpu_memory_rw_debug(CPUState *cpu, uint64_t lin, void *buf, size_t len, bool is_write);

/* The registers of an architecture, by the numbers of its target description. */
struct CPURegisters {
    unsigned count;
    /* The description of feature registers in gdb's XML; the caller frees it. */
    char *(*describe)(CPUState *cpu);
    /* Bytes of register n. */
    unsigned (*size)(unsigned n);
    /* Register n from or to size(n) bytes, in target order (little-endian). Writes may be refused by
     * ignoring them. */
    void (*read)(CPUState *cpu, unsigned n, uint8_t *buf);
    void (*write)(CPUState *cpu, unsigned n, const uint8_t *buf);
    /* The program counter as the register that gdb sees: within the code segment. */
    uint64_t (*get_pc)(CPUState *cpu);
    void (*set_pc)(CPUState *cpu, uint64_t pc);
};

/* --- for the engine -------------------------------------------------------------------- */

bool cpu_breakpoint_at(const CPUState *cpu, uint64_t pc);
/* True if accesses to [lin, lin + len) need cpu_watch(). */
bool cpu_watched(const CPUState *cpu, uint64_t lin, uint64_t len);
/* After an access (CPU_WATCH_READ, WRITE or both): true if it hit a watchpoint, which has
 * become due together with CPU_INTERRUPT_DEBUG. */
bool cpu_watch(CPUState *cpu, uint64_t lin, unsigned len, unsigned access);
/* Makes a stop due unless another one is. */
void cpu_debug_stop(CPUState *cpu, CPUStopKind kind, uint64_t addr, unsigned access);
/* Reports what is due: returns CPU_EXIT_DEBUG. The instruction at the program counter will be
 * run when the CPU goes on, breakpoint or not. */
int cpu_debug_exit(CPUState *cpu);

#endif
