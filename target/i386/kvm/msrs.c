/*
 * Model-specific registers to and from KVM: one row for each that has a place in X86State.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include "target/i386/kvm/kvm-cpu.h"
#include "target/i386/msr.h"

typedef struct MsrRow {
    uint32_t first;
    uint8_t count, step;     /* registers; distance of the next one's index */
    uint16_t offset, stride; /* in X86State: of the first, and to the next */
    bool once;               /* written after a reset or load only */
    bool narrow;             /* 32 bits in X86State */
} MsrRow;

#define FIELD(msr, field) { msr, 1, 1, offsetof(X86State, field), 0, false, false }
#define NARROW(msr, field) { msr, 1, 1, offsetof(X86State, field), 0, false, true }
#define ONCE(msr, field) { msr, 1, 1, offsetof(X86State, field), 0, true, false }
#define ARRAY(msr, n, field) { msr, n, 1, offsetof(X86State, field), 8, false, false }
#define HOST(msr, n, slot) { msr, n, 1, offsetof(X86State, host_msrs[slot]), 8, false, false }

/* Linux, asm/kvm_para.h; Hyper-V TLFS, appendix C. */
enum {
    MSR_KVM_WALL_CLOCK = 0x4b564d00, MSR_SMBASE = 0x9e, MSR_SPEC_CTRL = 0x48, MSR_SMI_COUNT = 0x34,
    MSR_MISC_FEATURES = 0x140, MSR_HV_GUEST_OS_ID = 0x40000000, MSR_HV_REFERENCE_TSC = 0x40000021,
    MSR_HV_VP_ASSIST = 0x40000073, MSR_HV_SCONTROL = 0x40000080, MSR_HV_SIEFP = 0x40000082,
    MSR_HV_SINT0 = 0x40000090, MSR_HV_STIMER0 = 0x400000b0, MSR_HV_CRASH_P0 = 0x40000100,
};
#define MSR_VIRT_SSBD 0xc001011fu

/* The order is that of writing: the guest OS ID before the hypercall page, synthetic interrupts
 * before their timers, a timer's mode (APIC) before the deadline. */
static const MsrRow rows[] = {
    ONCE(X86_MSR_TSC, host_msrs[0]),
    ONCE(X86_MSR_TSC_ADJUST, tsc_adjust),
    NARROW(MSR_SMBASE, smbase), /* only the host may */
    FIELD(X86_MSR_SYSENTER_CS, sysenter_cs),
    FIELD(X86_MSR_SYSENTER_ESP, sysenter_esp),
    FIELD(X86_MSR_SYSENTER_EIP, sysenter_eip),
    FIELD(X86_MSR_STAR, star),
    FIELD(X86_MSR_LSTAR, lstar),
    FIELD(X86_MSR_CSTAR, cstar),
    FIELD(X86_MSR_FMASK, fmask),
    FIELD(X86_MSR_KERNEL_GS_BASE, kernel_gs_base),
    FIELD(X86_MSR_TSC_AUX, tsc_aux),
    FIELD(X86_MSR_PAT, pat),
    FIELD(X86_MSR_MISC_ENABLE, misc_enable),
    FIELD(X86_MSR_XSS, xss),
    FIELD(X86_MSR_MCG_STATUS, mcg_status),
    FIELD(X86_MSR_MCG_CTL, mcg_ctl),
    ARRAY(X86_MSR_MC0_CTL, 40, mc_banks),
    FIELD(X86_MSR_MTRR_DEF_TYPE, mtrr_def_type),
    FIELD(X86_MSR_MTRR_FIX64K, mtrr_fixed[0]),
    ARRAY(X86_MSR_MTRR_FIX16K, 2, mtrr_fixed[1]),
    ARRAY(X86_MSR_MTRR_FIX4K, 8, mtrr_fixed[3]),
    { X86_MSR_MTRR_PHYS_BASE0, 8, 2, offsetof(X86State, mtrr_base), 8, false, false },
    { X86_MSR_MTRR_PHYS_BASE0 + 1, 8, 2, offsetof(X86State, mtrr_mask), 8, false, false },
    HOST(MSR_KVM_WALL_CLOCK, 7, 1),
    HOST(MSR_SPEC_CTRL, 1, 9),
    HOST(MSR_SMI_COUNT, 1, 10),
    HOST(MSR_MISC_FEATURES, 1, 11),
    HOST(MSR_VIRT_SSBD, 1, 12),
    HOST(MSR_HV_GUEST_OS_ID, 2, 13),
    HOST(MSR_HV_REFERENCE_TSC, 1, 15),
    HOST(MSR_HV_VP_ASSIST, 1, 16),
    HOST(MSR_HV_SCONTROL, 1, 17),
    HOST(MSR_HV_SIEFP, 2, 18),
    HOST(MSR_HV_SINT0, 16, 20),
    HOST(MSR_HV_STIMER0, 8, 36),
    HOST(MSR_HV_CRASH_P0, 5, 44),
    /* The kernel's timer goes on while the CPU is looked at. */
    ONCE(X86_MSR_TSC_DEADLINE, tsc_deadline),
};

/* One register that exists. */
typedef struct KnownMsr {
    uint32_t index;
    uint16_t offset;
    bool once, narrow;
} KnownMsr;

struct KvmMsrs {
    unsigned count;
    KnownMsr list[160];
};

/* struct kvm_msrs with room. */
typedef struct MsrBuffer {
    struct {
        uint32_t nmsrs, pad;
    } head;
    struct kvm_msr_entry entries[160];
} MsrBuffer;

static bool can_read(int vcpu_fd, uint32_t index)
{
    MsrBuffer buf = { .head.nmsrs = 1, .entries = { { .index = index } } };

    return ioctl(vcpu_fd, KVM_GET_MSRS, &buf) == 1;
}

/* Hyper-V's registers are written only where the guest knows of it. */
static bool is_used(const MsrRow *row, const X86CPU *cpu)
{
    bool hyperv = row->first >= MSR_HV_GUEST_OS_ID && row->first <= MSR_HV_CRASH_P0;

    return !hyperv || cpu->model->words[X86_FW_HYPERV];
}

KvmMsrs *kvm_msrs_new(int vcpu_fd, const X86CPU *cpu)
{
    KvmMsrs *msrs = g_new0(KvmMsrs, 1);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (unsigned n = 0; n < rows[i].count && is_used(&rows[i], cpu); n++) {
            KnownMsr msr = { rows[i].first + n * rows[i].step, rows[i].offset + n * rows[i].stride,
                             rows[i].once, rows[i].narrow };
            if (can_read(vcpu_fd, msr.index) && msrs->count < G_N_ELEMENTS(msrs->list)) {
                msrs->list[msrs->count++] = msr;
            }
        }
    }
    return msrs;
}

void kvm_msrs_free(KvmMsrs *msrs)
{
    g_free(msrs);
}

static void *field(X86CPU *cpu, const KnownMsr *msr)
{
    return (uint8_t *)&cpu->state + msr->offset;
}

static uint64_t value(X86CPU *cpu, const KnownMsr *msr)
{
    return msr->narrow ? *(uint32_t *)field(cpu, msr) : *(uint64_t *)field(cpu, msr);
}

static void set_value(X86CPU *cpu, const KnownMsr *msr, uint64_t to)
{
    if (msr->narrow) {
        *(uint32_t *)field(cpu, msr) = (uint32_t)to;
    } else {
        *(uint64_t *)field(cpu, msr) = to;
    }
}

bool kvm_msrs_get(const KvmMsrs *msrs, int vcpu_fd, X86CPU *cpu, Error **errp)
{
    MsrBuffer buf = { .head.nmsrs = msrs->count };

    for (unsigned i = 0; i < msrs->count; i++) {
        buf.entries[i].index = msrs->list[i].index;
    }
    int done = ioctl(vcpu_fd, KVM_GET_MSRS, &buf);
    if (done != (int)msrs->count) {
        error_setg(errp, "KVM_GET_MSRS: MSR 0x%x cannot be read",
                   msrs->list[CLAMP(done, 0, (int)msrs->count - 1)].index);
        return false;
    }
    for (unsigned i = 0; i < msrs->count; i++) {
        set_value(cpu, &msrs->list[i], buf.entries[i].data);
    }
    return true;
}

bool kvm_msrs_put(const KvmMsrs *msrs, int vcpu_fd, X86CPU *cpu, bool all, Error **errp)
{
    MsrBuffer buf = { 0 };

    for (unsigned i = 0; i < msrs->count; i++) {
        if (all || !msrs->list[i].once) {
            buf.entries[buf.head.nmsrs++] = (struct kvm_msr_entry) {
                .index = msrs->list[i].index, .data = value(cpu, &msrs->list[i]),
            };
        }
    }
    for (unsigned left; (left = buf.head.nmsrs) != 0;) {
        int done = CLAMP(ioctl(vcpu_fd, KVM_SET_MSRS, &buf), 0, (int)left);
        const struct kvm_msr_entry *bad = &buf.entries[done];
        if (done == (int)left) {
            break;
        }
        if (bad->data) {
            error_setg(errp, "KVM_SET_MSRS: MSR 0x%x does not take 0x%" PRIx64, bad->index,
                       (uint64_t)bad->data);
            return false;
        }
        /* Readable, not writable, and never used: the next ones have their turn. */
        buf.head.nmsrs = left - (unsigned)done - 1;
        memmove(buf.entries, bad + 1, buf.head.nmsrs * sizeof(*bad));
    }
    return true;
}
