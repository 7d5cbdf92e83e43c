/*
 * CPUID under KVM: what the kernel supports, and what a model makes of it.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include "target/i386/kvm/kvm-cpu.h"

enum { EAX, EBX, ECX, EDX };
enum { FIRST_ENTRIES = 64, MAX_ENTRIES = 4096, KVM_LEAF = 0x40000001 };

#define FW1_ECX_X2APIC (1u << 21)
#define FW1_ECX_TSC_DEADLINE (1u << 24)
#define FW1_ECX_HYPERVISOR (1u << 31)
#define FW1_EDX_HT (1u << 28)

/*
 * What is not offered though the kernel would: its registers are not in X86State (AVX-512, AMX, MPX,
 * protection keys, CET, user waits, performance counters) or it is a machine of its own (VMX, SVM,
 * SGX, processor trace); MONITOR would make the host's CPU wait.
 */
static const uint32_t withheld[X86_FW_COUNT] = {
    [X86_FW_1_ECX] = 1u << 3 | 1u << 5 | 1u << 6 | 1u << 15,
    [X86_FW_7_EBX] = 1u << 2 | 1u << 14 | 1u << 16 | 1u << 17 | 1u << 21 | 1u << 25 | 1u << 26 |
                     1u << 27 | 1u << 28 | 1u << 30 | 1u << 31,
    [X86_FW_7_ECX] = 1u << 1 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 11 | 1u << 12 |
                     1u << 14 | 1u << 30 | 1u << 31,
    [X86_FW_7_EDX] = 1u << 2 | 1u << 3 | 1u << 5 | 1u << 8 | 1u << 20 | 1u << 22 | 1u << 23 |
                     1u << 24 | 1u << 25,
    [X86_FW_D_1_EAX] = 1u << 4,
    [X86_FW_80000001_ECX] = 1u << 2,
    [X86_FW_8000000A_EDX] = UINT32_MAX,
};

/* Bits that KVM leaves to its user. */
static uint32_t added(X86FeatureWord word, const KvmCpuOptions *options)
{
    switch (word) {
    case X86_FW_1_ECX:
        return FW1_ECX_HYPERVISOR | (options->tsc_deadline ? FW1_ECX_TSC_DEADLINE : 0);
    case X86_FW_1_EDX:
        return FW1_EDX_HT;
    default:
        return 0;
    }
}

static uint32_t removed(X86FeatureWord word, const KvmCpuOptions *options)
{
    /* async-pf (3 bits), pv-eoi, pv-unhalt, pv-ipi, sched-yield: calls of the kernel's APIC */
    const uint32_t apic_features = 1u << 4 | 1u << 6 | 1u << 7 | 1u << 10 | 1u << 11 | 1u << 13 | 1u << 14;
    uint32_t apic_modes = options->kernel_apic ? 0 : FW1_ECX_X2APIC | FW1_ECX_TSC_DEADLINE;

    return withheld[word] | (word == X86_FW_1_ECX ? apic_modes : 0) |
           (word == X86_FW_KVM && !options->kernel_apic ? apic_features : 0);
}

/* KVM_GET_SUPPORTED_CPUID with a growing table; the caller frees. NULL with errp set. */
static struct kvm_cpuid2 *supported_cpuid(int fd, Error **errp)
{
    for (unsigned n = FIRST_ENTRIES; n <= MAX_ENTRIES; n *= 2) {
        struct kvm_cpuid2 *table = g_malloc0(sizeof(*table) + n * sizeof(table->entries[0]));

        table->nent = n;
        if (ioctl(fd, KVM_GET_SUPPORTED_CPUID, table) >= 0) {
            return table;
        }
        int err = errno;
        g_free(table);
        if (err != E2BIG && err != ENOMEM) {
            error_setg_errno(errp, err, "-accel kvm: KVM_GET_SUPPORTED_CPUID");
            return NULL;
        }
    }
    error_setg(errp, "-accel kvm: KVM_GET_SUPPORTED_CPUID has more than %d entries", MAX_ENTRIES);
    return NULL;
}

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *table, uint32_t leaf, uint32_t sub)
{
    for (unsigned i = 0; i < table->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &table->entries[i];
        if (e->function == leaf &&
            (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == sub)) {
            return e;
        }
    }
    return NULL;
}

static uint32_t word_of(const struct kvm_cpuid2 *table, X86FeatureWord word)
{
    uint32_t leaf, sub;
    unsigned reg;

    x86_feature_word_place(word, &leaf, &sub, &reg);
    const struct kvm_cpuid_entry2 *e = find(table, leaf, sub);
    return !e ? 0 : reg == EAX ? e->eax : reg == EBX ? e->ebx : reg == ECX ? e->ecx : e->edx;
}

/* Hyper-V's registers that are the kernel's local APIC's. */
#define APIC_ENLIGHTENMENTS (1u << X86_HV_VAPIC | 1u << X86_HV_SYNIC | 1u << X86_HV_STIMER | 1u << X86_HV_IPI)

/* KVM_GET_SUPPORTED_HV_CPUID: which enlightenments all of whose bits the kernel has. */
static uint32_t offered_hyperv(int fd)
{
    g_autofree struct kvm_cpuid2 *table =
        g_malloc0(sizeof(*table) + FIRST_ENTRIES * sizeof(table->entries[0]));
    uint32_t offered = 0;

    table->nent = FIRST_ENTRIES;
    if (ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_SYS_HYPERV_CPUID) <= 0 ||
        ioctl(fd, KVM_GET_SUPPORTED_HV_CPUID, table) < 0) {
        return 0;
    }
    const struct kvm_cpuid_entry2 *three = find(table, 0x40000003, 0);
    const struct kvm_cpuid_entry2 *four = find(table, 0x40000004, 0);
    for (unsigned i = 0; three && four && i < X86_HV_COUNT; i++) {
        const X86HyperVBits *bits = &x86_hyperv_bits[i];
        if (!(bits->privileges & ~three->eax) && !(bits->features & ~three->edx) &&
            !(bits->recommendations & ~four->eax)) {
            offered |= 1u << i;
        }
    }
    return offered;
}

/* Who made the host's CPU and what it calls itself. */
static void identify(X86CpuHost *out)
{
    uint32_t r[4];

    __cpuid(0, r[EAX], r[EBX], r[ECX], r[EDX]);
    memcpy(out->vendor, &r[EBX], 4);
    memcpy(out->vendor + 4, &r[EDX], 4);
    memcpy(out->vendor + 8, &r[ECX], 4);
    __cpuid(1, r[EAX], r[EBX], r[ECX], r[EDX]);
    out->stepping = r[EAX] & 15;
    out->model = (r[EAX] >> 4 & 15) | (r[EAX] >> 12 & 0xf0);
    out->family = (r[EAX] >> 8 & 15) + (r[EAX] >> 20 & 0xff);
    for (unsigned i = 0; i < 3; i++) {
        __cpuid(0x80000002 + i, r[EAX], r[EBX], r[ECX], r[EDX]);
        memcpy(out->model_id + i * 16, r, 16);
    }
}

bool kvm_cpu_host(int fd, const KvmCpuOptions *options, X86CpuHost *out, Error **errp)
{
    g_autofree struct kvm_cpuid2 *table = supported_cpuid(fd, errp);

    if (!table) {
        return false;
    }
    *out = (X86CpuHost) { .level = 0xd, .xlevel = 0x80000008, .phys_bits = 36,
                          .hypervisor = "KVMKVMKVM" };
    for (X86FeatureWord w = 0; w < X86_FW_COUNT; w++) {
        out->offered[w] = ((word_of(table, w) & ~removed(w, options)) | added(w, options)) &
                          x86_feature_word_named(w);
    }
    out->offered[X86_FW_HYPERV] = offered_hyperv(fd) & ~(options->kernel_apic ? 0 : APIC_ENLIGHTENMENTS);
    identify(out);
    const struct kvm_cpuid_entry2 *e = find(table, 0, 0);
    out->level = e ? CLAMP(e->eax, 1, 0x1f) : 1;
    e = find(table, 0x80000000, 0);
    out->xlevel = e ? CLAMP(e->eax, 0x80000001, 0x8000001f) : 0x80000001;
    e = find(table, 0x80000008, 0);
    out->phys_bits = e && (e->eax & 0xff) ? MIN(e->eax & 0xff, 52) : 36;
    return true;
}

/* --- the model for the kernel ------------------------------------------------------------- */

/* struct kvm_cpuid2 with room. */
typedef struct CpuidTable {
    struct {
        uint32_t nent, padding;
    } head;
    struct kvm_cpuid_entry2 entries[128];
} CpuidTable;

static bool is_empty(const uint32_t r[4])
{
    return !(r[EAX] | r[EBX] | r[ECX] | r[EDX]);
}

static void put(CpuidTable *table, uint32_t leaf, uint32_t sub, bool indexed, const uint32_t r[4])
{
    if (table->head.nent < G_N_ELEMENTS(table->entries)) {
        table->entries[table->head.nent++] = (struct kvm_cpuid_entry2) {
            .function = leaf, .index = sub, .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
            .eax = r[EAX], .ebx = r[EBX], .ecx = r[ECX], .edx = r[EDX],
        };
    }
}

/* How many subleaves a leaf may have; 0: it has none. */
static uint32_t subleaves(uint32_t leaf)
{
    switch (leaf) {
    case 4:
    case 0x8000001d:
        return 8;
    case 7:
        return 1;
    case 0xb:
        return 3;
    case 0xd:
        return 63;
    default:
        return 0;
    }
}

static void put_leaf(CpuidTable *table, X86CPU *cpu, uint32_t leaf)
{
    uint32_t r[4], n = subleaves(leaf);

    if (!n) {
        x86_cpuid(cpu, leaf, 0, r);
        put(table, leaf, 0, false, r);
    }
    for (uint32_t sub = 0; sub < n; sub++) {
        x86_cpuid(cpu, leaf, sub, r);
        if (sub == 0 || !is_empty(r)) {
            put(table, leaf, sub, true, r);
        }
    }
}

static void put_range(CpuidTable *table, X86CPU *cpu, uint32_t first, uint32_t last)
{
    for (uint32_t leaf = first; leaf <= last; leaf++) {
        put_leaf(table, cpu, leaf);
    }
}

bool kvm_cpu_set_cpuid(int vcpu_fd, X86CPU *cpu, Error **errp)
{
    g_autofree CpuidTable *table = g_new0(CpuidTable, 1);
    uint32_t r[4];

    put_range(table, cpu, 0, cpu->model->level);
    if (x86_cpuid_bit(cpu, X86_FW_1_ECX, 31)) {
        x86_cpuid(cpu, 0x40000000, 0, r);
        put_range(table, cpu, 0x40000000, r[EAX]);
        if (r[EAX] > KVM_LEAF) { /* Hyper-V's come first */
            put_range(table, cpu, 0x40000100, 0x40000101);
        }
    }
    if (cpu->model->xlevel >= 0x80000000) {
        put_range(table, cpu, 0x80000000, cpu->model->xlevel);
    }
    if (ioctl(vcpu_fd, KVM_SET_CPUID2, table) < 0) {
        error_setg_errno(errp, errno, "-cpu %s: the host's KVM refuses this CPU (KVM_SET_CPUID2)",
                         cpu->model->name);
        return false;
    }
    return true;
}
