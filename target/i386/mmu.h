/*
 * Guest memory as instructions see it: segmentation, paging, the software TLB.
 *
 * Three layers, each with its own prefix:
 *   x86_seg_*  segment and effective address -> linear address, with the
 *              segment's checks (#GP, #SS)
 *   x86_lin_*  access at a linear address with the privilege of CPL (#PF, #AC)
 *   x86_sys_*  the same as an implicit supervisor access: descriptor tables,
 *              TSS, interrupt stacks (SDM vol. 3, 4.6)
 *   x86_phys_* physical accesses of the page walker, SMM, and others without
 *              translation
 * A fault leaves through x86_raise() (excp.h) and does not return; nothing has
 * been written then. Accesses that cross a page check both pages first.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_MMU_H
#define TARGET_I386_MMU_H

#include "target/i386/cpu.h"

typedef enum X86Access { X86_ACCESS_READ, X86_ACCESS_WRITE, X86_ACCESS_EXEC } X86Access;

/* Checks an access of size bytes at seg:ea and returns its linear address
 * (canonical check in 64-bit mode; truncated to 32 bits outside it). For a
 * read-modify-write pass X86_ACCESS_WRITE. */
uint64_t x86_seg_linear(X86CPU *cpu, unsigned seg, uint64_t ea, unsigned size, X86Access access);

uint8_t x86_lin_read8(X86CPU *cpu, uint64_t lin);
uint16_t x86_lin_read16(X86CPU *cpu, uint64_t lin);
uint32_t x86_lin_read32(X86CPU *cpu, uint64_t lin);
uint64_t x86_lin_read64(X86CPU *cpu, uint64_t lin);
void x86_lin_write8(X86CPU *cpu, uint64_t lin, uint8_t val);
void x86_lin_write16(X86CPU *cpu, uint64_t lin, uint16_t val);
void x86_lin_write32(X86CPU *cpu, uint64_t lin, uint32_t val);
void x86_lin_write64(X86CPU *cpu, uint64_t lin, uint64_t val);

/* #AC if alignment checks are on and lin is not a multiple of alignment, a power
 * of two. The accesses above check their own size. */
void x86_check_alignment(X86CPU *cpu, uint64_t lin, unsigned alignment);

/* Any length up to 4096 bytes (10, 16, 32, 512...); all pages are checked
 * before the first byte moves. No alignment check. */
void x86_lin_read(X86CPU *cpu, uint64_t lin, void *buf, unsigned len);
void x86_lin_write(X86CPU *cpu, uint64_t lin, const void *buf, unsigned len);
/* Raises the #AC (up to 8 bytes) or #PF that a write (or read) of len bytes at lin would;
 * else nothing. */
void x86_lin_probe(X86CPU *cpu, uint64_t lin, unsigned len, X86Access access);

/* A host pointer for an atomic read-modify-write of size bytes at lin, or NULL
 * when the target is not plain RAM or crosses a page: the caller then uses
 * read and write under the big lock. Checks write permission. */
void *x86_lin_rmw_ptr(X86CPU *cpu, uint64_t lin, unsigned size);
/* To be called once the access through x86_lin_rmw_ptr() is made. */
void x86_lin_rmw_done(X86CPU *cpu, unsigned size);

/* The host address of lin if its page may be accessed directly (up to its end), else
 * NULL. Raises the #PF of the access. */
void *x86_lin_host(X86CPU *cpu, uint64_t lin, X86Access access);

/* Brings the translation of lin into the TLB; false with the error code, and nothing is raised,
 * if the access is a page fault. */
bool x86_lin_fill(X86CPU *cpu, uint64_t lin, X86Access access, uint32_t *error);

static inline bool x86_is_canonical(const X86State *s, uint64_t lin)
{
    unsigned unused = s->cr4 & X86_CR4_LA57 ? 64 - 57 : 64 - 48;

    return (uint64_t)((int64_t)(lin << unused) >> unused) == lin;
}

/* Translates for debuggers: no fault, no accessed bits; false if not mapped. */
bool x86_translate_debug(X86CPU *cpu, uint64_t lin, uint64_t *phys);

uint8_t x86_sys_read8(X86CPU *cpu, uint64_t lin);
uint16_t x86_sys_read16(X86CPU *cpu, uint64_t lin);
uint32_t x86_sys_read32(X86CPU *cpu, uint64_t lin);
uint64_t x86_sys_read64(X86CPU *cpu, uint64_t lin);
void x86_sys_write8(X86CPU *cpu, uint64_t lin, uint8_t val);
void x86_sys_write16(X86CPU *cpu, uint64_t lin, uint16_t val);
void x86_sys_write32(X86CPU *cpu, uint64_t lin, uint32_t val);
void x86_sys_write64(X86CPU *cpu, uint64_t lin, uint64_t val);
void x86_sys_probe(X86CPU *cpu, uint64_t lin, unsigned len, X86Access access);

uint32_t x86_phys_read32(X86CPU *cpu, uint64_t phys);
uint64_t x86_phys_read64(X86CPU *cpu, uint64_t phys);
void x86_phys_write32(X86CPU *cpu, uint64_t phys, uint32_t val);
void x86_phys_write64(X86CPU *cpu, uint64_t phys, uint64_t val);

/* Translation changed: everything, everything but global pages, one page. */
void x86_tlb_flush(X86CPU *cpu);
void x86_tlb_flush_nonglobal(X86CPU *cpu);
void x86_tlb_flush_page(X86CPU *cpu, uint64_t lin);

#endif
