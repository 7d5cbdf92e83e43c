/*
 * An x86 CPU in the kernel's KVM: what it can be, and its state to and from X86State.
 *
 * Linux, Documentation/virt/kvm/api.rst; asm/kvm.h. The functions take the file descriptor of the
 * VM or of the vCPU; all but kvm_cpu_host() are for the vCPU's thread (or before it starts).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_KVM_KVM_CPU_H
#define TARGET_I386_KVM_KVM_CPU_H

#include <linux/kvm.h>
#include "target/i386/cpuid.h"

/* --- cpuid.c */

/* What of the interrupt hardware is in the kernel: it decides on timers and modes of the APIC. */
typedef struct KvmCpuOptions {
    bool kernel_apic, tsc_deadline;
} KvmCpuOptions;

/* Fills out with what CPUs can be in this kernel (fd of /dev/kvm). False with errp set. */
bool kvm_cpu_host(int fd, const KvmCpuOptions *options, X86CpuHost *out, Error **errp);
/* Tells the kernel what the CPUID instruction returns. */
bool kvm_cpu_set_cpuid(int vcpu_fd, X86CPU *cpu, Error **errp);

/* --- msrs.c */

/* The model-specific registers that the kernel and Doppel both know. */
typedef struct KvmMsrs KvmMsrs;
/* Tries on a vCPU, whose CPUID is set, which there are. */
KvmMsrs *kvm_msrs_new(int vcpu_fd, const X86CPU *cpu);
void kvm_msrs_free(KvmMsrs *msrs);
/* False with errp set if the kernel fails. all: those too that only a reset and a loaded state change
 * (the time-stamp counter). */
bool kvm_msrs_get(const KvmMsrs *msrs, int vcpu_fd, X86CPU *cpu, Error **errp);
bool kvm_msrs_put(const KvmMsrs *msrs, int vcpu_fd, X86CPU *cpu, bool all, Error **errp);

/* --- lapic.c */

/* The kernel's local APIC to and from cpu->apic; IA32_APIC_BASE is the registers' part. wide_ids: x2APIC
 * IDs have 32 bits. */
bool kvm_lapic_get(int vcpu_fd, X86CPU *cpu, Error **errp);
bool kvm_lapic_put(int vcpu_fd, X86CPU *cpu, bool wide_ids, Error **errp);

/* --- regs.c */

/* How this kernel wants its state. */
typedef struct KvmVcpuRegs {
    bool sregs2, xcrs, exception_payload, triple_fault_event, smm, avx;
    bool kernel_apic, wide_apic_ids;
    const KvmMsrs *msrs;
} KvmVcpuRegs;

/* All of the CPU's state, with its local APIC's if the kernel has that. */
bool kvm_regs_get(const KvmVcpuRegs *how, int vcpu_fd, X86CPU *cpu, Error **errp);
/* all: the state was replaced as a whole (reset, loaded), not just looked at and changed. */
bool kvm_regs_put(const KvmVcpuRegs *how, int vcpu_fd, X86CPU *cpu, bool all, Error **errp);

#endif
