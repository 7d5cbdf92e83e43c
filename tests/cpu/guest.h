/*
 * Runs cases in a guest: a CPU without a machine, in long mode at CPL 3, with
 * the host's user segments and the window's pages.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_CPU_GUEST_H
#define TESTS_CPU_GUEST_H

#include "tests/cpu/case.h"

typedef struct Guest Guest;

/* windowed: its memory accesses go through a window (target/i386/window.h). */
Guest *guest_new_windowed(void);
Guest *guest_new(void);
void guest_free(Guest *g);
/* System registers, page tables and descriptor tables as new; TLB and decoded code forgotten. */
void guest_reset(Guest *g);
/* The user-visible registers, with segments from the guest's descriptor tables. */
void guest_load(Guest *g, const CpuRegs *r);
/* Writes code at an offset in the window. */
void guest_write_code(Guest *g, unsigned offset, const void *code, unsigned len);
/* The vector whose handler is about to run, or OUTCOME_NONE. */
int guest_exception(const Guest *g);
X86CPU *guest_cpu(Guest *g);
uint8_t *guest_window(Guest *g);
/* Another thread makes translated code leave over and over, as requests of other threads do, until
 * guest_leave_alone(). */
void guest_disturb(Guest *g);
void guest_leave_alone(Guest *g);
/* The guest's memory beside the window, for an engine that needs it whole. The IDT's handlers have
 * physical addresses, too, but nothing is there: they are reached, never run. */
typedef struct GuestMemory {
    uint64_t system_phys, handlers_phys;
    uint8_t *system;
    size_t system_size;
} GuestMemory;
GuestMemory guest_memory(const Guest *g);
/* Goes back from the handler that is about to run to what it interrupted; for exceptions without an
 * error code. */
void guest_return(Guest *g);
/* Executes the case's instruction with an engine. An exception is delivered
 * through the guest's IDT and read back from its stack frame. */
void guest_run(Guest *g, CpuEngineFn *engine, const CpuCase *c, CpuOutcome *o);

#endif
