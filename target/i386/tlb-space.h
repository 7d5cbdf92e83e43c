/*
 * TLB entries of address spaces that are not the present one (SDM vol. 3, 4.10.1).
 *
 * Translated code knows where the one table lies, so a change of address space
 * moves entries out of it and others in. What is moved are the entries that were
 * used and are not global: a few hundred at most.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_TLB_SPACE_H
#define TARGET_I386_TLB_SPACE_H

#include "target/i386/tlb.h"

/* A change from one PCID to another. keep: what is known of the new one still holds;
 * otherwise it is forgotten. Global entries stay. */
void x86_tlb_switch_space(X86CPU *cpu, unsigned from, unsigned to, bool keep);
/* Forgets what is kept of a PCID other than the present one; of one address in it; of all. */
void x86_tlb_space_drop(X86Tlb *tlb, unsigned pcid);
void x86_tlb_space_drop_page(X86Tlb *tlb, unsigned pcid, uint64_t lin);
void x86_tlb_space_drop_all(X86Tlb *tlb);
void x86_tlb_space_free(X86Tlb *tlb);

#endif
