/*
 * Steps the suite's guest in the host's KVM: one more engine.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_CPU_KVM_H
#define TESTS_CPU_KVM_H

#include "tests/cpu/guest.h"

/* Makes a VM of the guest, whose CPU gets the features that this KVM has. False: this host has
 * none (*why says what is missing). */
bool kvm_engine_init(Guest *g, const char **why);
/* One instruction. An exception is delivered up to its handler, as the other engines do it. */
void kvm_engine_step(X86CPU *cpu);
/* Takes out of a case what this KVM's CPU does not have; false: it is not for this KVM. */
bool kvm_engine_fit(CpuCase *c);
/* Paravirtual KVM has run the instruction by its emulator, which does not know it, or takes an SS
 * prefix for what it was outside of 64-bit mode. */
bool kvm_engine_gave_up(const CpuOutcome *o);
/* Why this KVM cannot run a row on our behalf; NULL: it can. */
const char *kvm_engine_lacks(const X86CPU *cpu, unsigned row);

#endif
