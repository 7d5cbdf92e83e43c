/*
 * Physical memory as one CPU sees it: its address space (that of SMM while in
 * SMM), with A20 applied.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_PHYS_H
#define TARGET_I386_PHYS_H

#include "target/i386/mmu.h"

/* The address space in use and the address on the bus. */
AddressSpace *x86_phys_space(X86CPU *cpu);
uint64_t x86_phys_addr(const X86CPU *cpu, uint64_t phys);

/* What lies at phys, up to the end of its page. */
void x86_phys_section(X86CPU *cpu, uint64_t phys, MemorySection *out);

/* Accesses of 1, 2, 4 or 8 bytes to whatever is there; I/O takes the big lock. */
uint64_t x86_phys_load(X86CPU *cpu, uint64_t phys, unsigned size);
void x86_phys_store(X86CPU *cpu, uint64_t phys, uint64_t val, unsigned size);

/* Atomically old -> val at phys (4 or 8 bytes, aligned); false if it was not old. */
bool x86_phys_cmpxchg(X86CPU *cpu, uint64_t phys, uint64_t old, uint64_t val, unsigned size);

#endif
