/*
 * Port I/O of one CPU: its accesses to the port address space and the
 * permission check of SDM vol. 1, 19.5.2 (the check is in io.c of the system
 * instructions; the accesses take the big lock).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_IO_H
#define TARGET_I386_IO_H

#include "target/i386/cpu.h"

/* size is 1, 2 or 4. */
uint32_t x86_io_in(X86CPU *cpu, uint16_t port, unsigned size);
/* Up to n reads of one port into buf; returns how many were made, 0 if x86_io_in() must be used. */
unsigned x86_io_in_run(X86CPU *cpu, uint16_t port, void *buf, unsigned size, unsigned n);
void x86_io_out(X86CPU *cpu, uint16_t port, uint32_t val, unsigned size);

/* #GP(0) unless IOPL or the I/O permission bitmap of the TSS allows it. */
void x86_io_check(X86CPU *cpu, uint16_t port, unsigned size);

#endif
