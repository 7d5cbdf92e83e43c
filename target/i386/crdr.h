/*
 * Control and debug registers: writes with their checks and side effects,
 * breakpoints (SDM vol. 3, 2.5 and chapter 17).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_CRDR_H
#define TARGET_I386_CRDR_H

#include "target/i386/excp.h"
#include "target/i386/mmu.h"

/* Each raises #GP(0) for a value that MOV to CR refuses, and otherwise loads
 * the register, PDPTEs included, flushes translations and refreshes hflags. */
void x86_write_cr0(X86CPU *cpu, uint64_t val);
void x86_write_cr3(X86CPU *cpu, uint64_t val);
void x86_write_cr4(X86CPU *cpu, uint64_t val);
void x86_write_cr8(X86CPU *cpu, uint64_t val);
uint64_t x86_read_cr8(X86CPU *cpu);
/* EFER as WRMSR writes it; false: #GP(0). */
bool x86_write_efer(X86CPU *cpu, uint64_t val);
/* Loads the four PDPTEs that CR3 points to; false (nothing loaded) if one has
 * reserved bits set. */
bool x86_load_pdptrs(X86CPU *cpu, uint64_t cr3);

/* DR4 and DR5 are resolved by the caller. #GP(0) for DR6/DR7 with upper bits. */
void x86_write_dr(X86CPU *cpu, unsigned reg, uint64_t val);

typedef enum X86BreakKind {
    X86_BREAK_EXEC, X86_BREAK_WRITE, X86_BREAK_IO, X86_BREAK_RW
} X86BreakKind;

/*
 * DR6.B0-B3 of the breakpoints that an access of len bytes at addr hits: EXEC
 * for an instruction's linear address, WRITE or RW for a store or load (a
 * store hits both kinds), IO for a port. 0 if no enabled one does.
 */
uint32_t x86_breakpoint_hits(const X86State *s, X86BreakKind access, uint64_t addr, unsigned len);
/* Before an instruction, if X86_HF_BP_CODE: the #DB fault of a code breakpoint
 * at the linear address of RIP unless EFLAGS.RF is set. Raises or returns. */
void x86_check_code_breakpoint(X86CPU *cpu, uint64_t lin);
/* After the checks of a data access, if X86_HF_BP_DATA: makes a #DB trap due
 * after the instruction. */
void x86_note_data_breakpoint(X86CPU *cpu, uint64_t lin, unsigned len, bool write);
/* The same for ports, if X86_HF_BP_IO. */
void x86_note_io_breakpoint(X86CPU *cpu, uint16_t port, unsigned len);
/* Delivers the #DB trap that is due at this boundary: dr6 are the DR6 bits to
 * add to pending_dr6 (BS for a single step). */
void x86_deliver_debug_trap(X86CPU *cpu, uint32_t dr6);

#endif
