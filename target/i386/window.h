/*
 * A window onto the linear addresses of a user program in long mode.
 *
 * The host's MMU does for translated code what the software TLB does otherwise. Pages that the
 * guest has touched are mapped, with the rights that the guest's page tables give, at places of the host's
 * address space that follow from their linear addresses by one instruction, PEXT. An access where nothing
 * is mapped faults and is made by way of the TLB (translate/fault.c); then its page is mapped, with those
 * around it that lie together in memory, too (window-around.c).
 *
 * A page costs some 8 us to map, so that only address spaces that run for long, or that compute in few
 * pages, have a window, one at a time for each CPU (window-space.c).
 *
 * A place is made of bits 0 to 41, 45, 46 and 47 of an address. So that no two addresses that a
 * program may use have one place, the user half of the address space's PML4 may have one present entry for
 * each combination of bits 39 to 41, 45 and 46; the page of the PML4 is watched for stores. An access
 * to an address that is not mapped, and differs from a mapped one in bits 42 to 44 or above 47 only,
 * does not fault as it should. This is the one thing that programs could tell it by.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_WINDOW_H
#define TARGET_I386_WINDOW_H

#include "target/i386/tlb.h"

typedef struct X86Window X86Window;

/* X86CPU.windowed [atomic]: which user code may go through the window now. */
enum { X86_WINDOW_32 = 1 << 0, X86_WINDOW_64 = 1 << 1 };

/* The bits of a linear address that its place in the window is made of. */
#define X86_WINDOW_MASK UINT64_C(0xe3ffffffffff)

/* The CPU gets a window if the host has room for one. eager: every user program uses it at once. */
void x86_window_new(X86CPU *cpu, bool eager);
void x86_window_free(X86CPU *cpu);
/* The host address of place 0. */
uint64_t x86_window_base(const X86Window *w);
/* True if the host address lies in the window; *lin: the linear address that it stands for, not
 * canonical if there is none. */
bool x86_window_holds(const X86Window *w, uint64_t host, uint64_t *lin);
/* Maps the page of lin as the TLB has it for user code, and what adjoins it. False if that is not possible
 * (it is not in the TLB, or not for direct access), or if the program has mapped too many. */
bool x86_window_map(X86CPU *cpu, uint64_t lin);

/* An access in the page of lin will be made, and repeated if it is a page fault: then the page is mapped
 * when the CPU returns to user code. Address 0: it was made. */
void x86_window_expect(X86CPU *cpu, uint64_t lin);

/* --- what was mapped may no longer hold; all of these do nothing without a window --- */

/* Anything may have changed, modes and the PML4 included. */
void x86_window_flush(X86CPU *cpu);
/* The translations of the address space in force. */
void x86_window_flush_present(X86CPU *cpu);
/* Those of a PCID. */
void x86_window_flush_pcid(X86CPU *cpu, unsigned pcid);
/* One page; what the 2 MiB around it have of a large page; all that is of large pages. */
void x86_window_drop_page(X86CPU *cpu, uint64_t lin);
void x86_window_drop_2m(X86CPU *cpu, uint64_t lin);
void x86_window_drop_large(X86CPU *cpu);
/* Stores to pages whose flags say so must be seen; stores to one page of the host. */
void x86_window_drop_writes(X86CPU *cpu);
void x86_window_drop_writes_to(X86CPU *cpu, const uint8_t *host_page);

/* --- address spaces (window-space.c) --- */

/* CR3 has been loaded; keep: the translations of its PCID still hold. */
void x86_window_switch(X86CPU *cpu, bool keep);
/* The CPU goes on in user code: has it run for long enough to get a window? */
void x86_window_consider(X86CPU *cpu);
/* An interrupt is about to be delivered. */
void x86_window_interrupt(X86CPU *cpu);
/* The CPU halts: time passes for which it does not compute. */
void x86_window_rest(X86CPU *cpu);
void x86_window_info(const X86CPU *cpu, GString *out);

#endif
