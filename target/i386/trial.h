/*
 * Trials: instructions that are executed to see what they would do.
 *
 * While a CPU uses a software TLB with a trial, its stores go to RAM and are remembered,
 * so that they can be taken back; an instruction that touches a device, or RAM that holds
 * code, raises X86_EXCP_FREEZE instead of doing so. The lockstep mode of the translator
 * (translate/lockstep.h) runs the interpreter like this.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_TRIAL_H
#define TARGET_I386_TRIAL_H

#include "target/i386/tlb.h"

typedef struct X86TrialStore {
    uint8_t *host;
    uint32_t len;
    uint32_t step; /* of the instruction that stored */
    uint32_t data; /* where X86Trial.bytes has what was there before, then what came there */
} X86TrialStore;

struct X86Trial {
    GArray *stores;    /* X86TrialStore, in the order they were made */
    GByteArray *bytes;
    uint32_t step;     /* the present instruction's number */
    unsigned finished; /* stores of instructions that have ended */
};

void x86_trial_init(X86Trial *trial);
void x86_trial_destroy(X86Trial *trial);
/* Forgets all stores. */
void x86_trial_clear(X86Trial *trial);

/* len bytes at host, offset in block, are about to be stored to. Raises if the trial ends here. */
void x86_trial_note_store(X86CPU *cpu, const RAMBlock *block, uint64_t offset, uint8_t *host,
                          unsigned len);
/* The instruction cannot be tried. */
G_NORETURN void x86_trial_stop(X86CPU *cpu);

/* The present instruction has ended. */
void x86_trial_end_step(X86Trial *trial);
/* Memory as it was before the trial. */
void x86_trial_undo(const X86Trial *trial);
/* The reverse, for the instructions before step. */
void x86_trial_redo(const X86Trial *trial, uint32_t step);

/* What the stores' bytes hold now, one after the other. Free with g_free(). */
uint8_t *x86_trial_memory(const X86Trial *trial);
/* Puts such a copy back. */
void x86_trial_set_memory(const X86Trial *trial, const uint8_t *memory);

#endif
