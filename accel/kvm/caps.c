/*
 * What the host's KVM can do: one row for each capability that Doppel uses.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <sys/ioctl.h>
#include "accel/kvm/kvm.h"

typedef struct CapRow {
    int number;          /* KVM_CAP_... */
    const char *name;
    bool required;
} CapRow;

#define ROW(cap) { KVM_CAP_##cap, #cap, false }
#define MUST(cap) { KVM_CAP_##cap, #cap, true }

static const CapRow rows[KVM_CAP_TABLE_SIZE] = {
    [KVM_HAS_SLOTS] = MUST(NR_MEMSLOTS),
    [KVM_HAS_ROM_SLOTS] = MUST(READONLY_MEM),
    [KVM_HAS_MANUAL_DIRTY] = ROW(MANUAL_DIRTY_LOG_PROTECT2),
    [KVM_HAS_ADDRESS_SPACES] = ROW(MULTI_ADDRESS_SPACE),
    [KVM_HAS_COALESCED_MMIO] = ROW(COALESCED_MMIO),
    [KVM_HAS_COALESCED_PIO] = ROW(COALESCED_PIO),
    [KVM_HAS_IOEVENTFD] = ROW(IOEVENTFD),
    [KVM_HAS_IRQCHIP] = ROW(IRQCHIP),
    [KVM_HAS_SPLIT_IRQCHIP] = ROW(SPLIT_IRQCHIP),
    [KVM_HAS_IRQ_ROUTING] = ROW(IRQ_ROUTING),
    [KVM_HAS_IRQFD] = ROW(IRQFD),
    [KVM_HAS_PIT2] = ROW(PIT2),
    [KVM_HAS_PIT_STATE2] = ROW(PIT_STATE2),
    [KVM_HAS_TSC_DEADLINE] = ROW(TSC_DEADLINE_TIMER),
    [KVM_HAS_X2APIC_API] = ROW(X2APIC_API),
    [KVM_HAS_EXCEPTION_PAYLOAD] = ROW(EXCEPTION_PAYLOAD),
    [KVM_HAS_TRIPLE_FAULT_EVENT] = ROW(X86_TRIPLE_FAULT_EVENT),
    [KVM_HAS_SREGS2] = ROW(SREGS2),
    [KVM_HAS_XSAVE] = MUST(XSAVE),
    [KVM_HAS_XCRS] = ROW(XCRS),
    [KVM_HAS_DEBUGREGS] = MUST(DEBUGREGS),
    [KVM_HAS_VCPU_EVENTS] = MUST(VCPU_EVENTS),
    [KVM_HAS_MP_STATE] = MUST(MP_STATE),
    [KVM_HAS_IMMEDIATE_EXIT] = MUST(IMMEDIATE_EXIT),
    [KVM_HAS_EXT_CPUID] = MUST(EXT_CPUID),
    [KVM_HAS_TSS_ADDR] = MUST(SET_TSS_ADDR),
    [KVM_HAS_IDENTITY_MAP] = MUST(SET_IDENTITY_MAP_ADDR),
    [KVM_HAS_MAX_VCPUS] = MUST(MAX_VCPUS),
    [KVM_HAS_SMM] = ROW(X86_SMM),
    [KVM_HAS_MCE] = ROW(MCE),
    [KVM_HAS_TSC_KHZ] = ROW(GET_TSC_KHZ),
    [KVM_HAS_TSC_CONTROL] = ROW(TSC_CONTROL),
    [KVM_HAS_ADJUST_CLOCK] = ROW(ADJUST_CLOCK),
    [KVM_HAS_GUEST_DEBUG] = ROW(SET_GUEST_DEBUG),
    [KVM_HAS_GUEST_DEBUG2] = ROW(SET_GUEST_DEBUG2),
};

bool kvm_read_caps(KvmState *kvm, Error **errp)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        kvm->caps[i] = MAX(ioctl(kvm->vm_fd, KVM_CHECK_EXTENSION, rows[i].number), 0);
        if (!kvm->caps[i] && rows[i].required) {
            error_setg(errp, "-accel kvm: the host's KVM lacks KVM_CAP_%s; Linux 4.13 or later has it, "
                       "or use -accel tcg", rows[i].name);
            return false;
        }
    }
    return true;
}
