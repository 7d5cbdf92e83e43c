/*
 * The CPUID instruction's leaves, and what the rest of the CPU asks of its
 * model (SDM vol. 2, CPUID; APM vol. 3, appendix E). Values that describe no
 * feature (caches, topology, hypervisor leaves) are QEMU's.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "target/i386/cpuid.h"

enum { EAX, EBX, ECX, EDX };

/* Bits of leaf 1 EDX that AMD repeats in leaf 0x80000001. */
#define AMD_EDX_ALIASES 0x0183f3ffu
#define FW1_EDX_APIC 9
#define FW1_EDX_HT 28
#define FW1_ECX_XSAVE 26
#define FW1_ECX_OSXSAVE 27
#define FW1_ECX_AVX 28
#define FW81_ECX_CMP_LEGACY 1
#define FW81_ECX_TOPOEXT 22
#define FW81_EDX_LM 29

static const X86CpuModel *model_of(const X86CPU *cpu)
{
    static const X86CpuModel any = {
        .vendor = "GenuineIntel", .family = 6, .level = 0xd, .xlevel = 0x80000008,
        .phys_bits = 40, .cores = 1, .threads = 1, .hypervisor = "TCGTCGTCGTCG",
        .words = { [0 ... X86_FW_8000000A_EDX] = UINT32_MAX },
    };

    return cpu->model ? cpu->model : &any;
}

bool x86_cpuid_bit(const X86CPU *cpu, X86FeatureWord word, unsigned bit)
{
    return model_of(cpu)->words[word] >> bit & 1;
}

bool x86_is_amd(const X86CPU *cpu)
{
    return !strcmp(model_of(cpu)->vendor, "AuthenticAMD");
}

unsigned x86_phys_bits(const X86CPU *cpu)
{
    return model_of(cpu)->phys_bits;
}

/* Family above 15 and model above 15 go to the extended fields. */
uint32_t x86_cpuid_signature(const X86CPU *cpu)
{
    const X86CpuModel *m = model_of(cpu);
    uint32_t family = m->family > 15 ? 0xf00 | (m->family - 15) << 20 : m->family << 8;

    return family | (m->model & 15) << 4 | (m->model >> 4) << 16 | m->stepping;
}

/* A register bit that a CPUID feature allows. */
typedef struct FeatureGate {
    uint8_t word, bit;
    uint32_t allows;
} FeatureGate;

static uint64_t allowed_bits(const X86CPU *cpu, const FeatureGate *gates, unsigned count)
{
    uint64_t allowed = 0;

    for (unsigned i = 0; i < count; i++) {
        if (x86_cpuid_bit(cpu, gates[i].word, gates[i].bit)) {
            allowed |= gates[i].allows;
        }
    }
    return allowed;
}

uint64_t x86_cr4_allowed(const X86CPU *cpu)
{
    static const FeatureGate gates[] = {
        { X86_FW_1_EDX, 1, X86_CR4_VME | X86_CR4_PVI },
        { X86_FW_1_EDX, 4, X86_CR4_TSD },
        { X86_FW_1_EDX, 2, X86_CR4_DE },
        { X86_FW_1_EDX, 3, X86_CR4_PSE },
        { X86_FW_1_EDX, 6, X86_CR4_PAE },
        { X86_FW_1_EDX, 7, X86_CR4_MCE },
        { X86_FW_1_EDX, 13, X86_CR4_PGE },
        { X86_FW_1_EDX, 23, X86_CR4_PCE },
        { X86_FW_1_EDX, 24, X86_CR4_OSFXSR },
        { X86_FW_1_EDX, 25, X86_CR4_OSXMMEXCPT },
        { X86_FW_7_ECX, 2, X86_CR4_UMIP },
        { X86_FW_7_ECX, 16, X86_CR4_LA57 },
        { X86_FW_7_EBX, 0, X86_CR4_FSGSBASE },
        { X86_FW_1_ECX, 17, X86_CR4_PCIDE },
        { X86_FW_1_ECX, 26, X86_CR4_OSXSAVE },
        { X86_FW_7_EBX, 7, X86_CR4_SMEP },
        { X86_FW_7_EBX, 20, X86_CR4_SMAP },
    };

    return allowed_bits(cpu, gates, G_N_ELEMENTS(gates));
}

uint64_t x86_efer_allowed(const X86CPU *cpu)
{
    static const FeatureGate gates[] = {
        { X86_FW_80000001_EDX, 11, X86_EFER_SCE },
        { X86_FW_80000001_EDX, FW81_EDX_LM, X86_EFER_LME },
        { X86_FW_80000001_EDX, 20, X86_EFER_NXE },
        { X86_FW_80000001_EDX, 25, X86_EFER_FFXSR },
        { X86_FW_80000021_EAX, 8, X86_EFER_AIBRSE },
    };

    return allowed_bits(cpu, gates, G_N_ELEMENTS(gates));
}

uint64_t x86_xcr0_allowed(const X86CPU *cpu)
{
    return x86_cpuid_bit(cpu, X86_FW_1_ECX, FW1_ECX_AVX) ? 7 : 3;
}

static unsigned bits_for(unsigned count)
{
    unsigned bits = 0;

    while (1u << bits < count) {
        bits++;
    }
    return bits;
}

/* APIC ids give each core room for its threads and each package for its cores. */
static unsigned thread_bits(const X86CpuModel *m)
{
    return bits_for(m->threads);
}

static unsigned package_bits(const X86CpuModel *m)
{
    return thread_bits(m) + bits_for(m->cores);
}

static void put_text(uint32_t *out, const char *text, unsigned words)
{
    memcpy(out, text, words * 4);
}

static void leaf_vendor(const X86CpuModel *m, uint32_t highest, uint32_t out[4])
{
    out[EAX] = highest;
    memcpy(&out[EBX], m->vendor, 4);
    memcpy(&out[EDX], m->vendor + 4, 4);
    memcpy(&out[ECX], m->vendor + 8, 4);
}

static bool apic_enabled(X86CPU *cpu)
{
    const uint64_t enable = 1u << 11;

    return !cpu->hooks || !cpu->hooks->apic_base || cpu->hooks->apic_base(cpu) & enable;
}

static void leaf_features(X86CPU *cpu, const X86CpuModel *m, uint32_t out[4])
{
    unsigned logical = m->cores * m->threads;

    out[EAX] = x86_cpuid_signature(cpu);
    out[EBX] = cpu->apic_id << 24 | 8 << 8; /* CLFLUSH line: 8 quadwords */
    out[ECX] = m->words[X86_FW_1_ECX] & ~(1u << FW1_ECX_OSXSAVE);
    out[EDX] = m->words[X86_FW_1_EDX];
    if (cpu->state.cr4 & X86_CR4_OSXSAVE) {
        out[ECX] |= 1u << FW1_ECX_OSXSAVE;
    }
    if (logical > 1) {
        out[EBX] |= logical << 16;
        out[EDX] |= 1u << FW1_EDX_HT;
    }
    if (!apic_enabled(cpu)) {
        out[EDX] &= ~(1u << FW1_EDX_APIC);
    }
}

/* One cache as leaf 4 and leaf 0x8000001d describe it. */
typedef struct Cache {
    uint32_t type_level, ways_line, sets, flags;
    bool package_wide;
} Cache;

static const Cache intel_caches[] = {
    { 0x121, 0x01c0003f, 0x3f, 1 }, { 0x122, 0x01c0003f, 0x3f, 1 },
    { 0x143, 0x03c0003f, 0xfff, 1 }, { 0x163, 0x03c0003f, 0x3fff, 6, true },
};
static const Cache amd_caches[] = {
    { 0x121, 0x01c0003f, 0x3f, 0 }, { 0x122, 0x00c0003f, 0xff, 0 },
    { 0x143, 0x01c0003f, 0x3ff, 0 }, { 0x163, 0x03c0003f, 0x1fff, 6, true },
};

static void leaf_cache(const X86CpuModel *m, const Cache *caches, uint32_t n, bool intel,
                       uint32_t out[4])
{
    if (n >= 4) {
        return;
    }
    const Cache *c = &caches[n];
    unsigned sharing = c->package_wide ? 1u << package_bits(m) : m->threads;
    if (intel && n < 2) {
        sharing = 1; /* first-level caches: as QEMU reports them, whatever the threads */
    }
    out[EAX] = c->type_level | (sharing - 1) << 14 | (intel ? (m->cores - 1) << 26 : 0);
    out[EBX] = c->ways_line;
    out[ECX] = c->sets;
    out[EDX] = c->flags;
}

static void leaf_topology(X86CPU *cpu, const X86CpuModel *m, uint32_t level, uint32_t out[4])
{
    out[ECX] = level & 0xff;
    out[EDX] = cpu->apic_id;
    if (level == 0) {
        out[EAX] = thread_bits(m);
        out[EBX] = m->threads;
        out[ECX] |= 1 << 8;
    } else if (level == 1) {
        out[EAX] = package_bits(m);
        out[EBX] = m->cores * m->threads;
        out[ECX] |= 2 << 8;
    }
}

/* Sizes of the XSAVE area: legacy and header 0x240, AVX 0x100 behind it. */
static uint32_t xsave_size(uint64_t components)
{
    return components & 4 ? 0x340 : 0x240;
}

static void leaf_xsave(X86CPU *cpu, const X86CpuModel *m, uint32_t n, uint32_t out[4])
{
    uint64_t allowed = x86_xcr0_allowed(cpu);

    if (!(m->words[X86_FW_1_ECX] >> FW1_ECX_XSAVE & 1)) {
        return;
    }
    if (n == 0) {
        out[EAX] = allowed;
        out[EBX] = xsave_size(cpu->state.xcr0);
        out[ECX] = xsave_size(allowed);
    } else if (n == 1) {
        out[EAX] = m->words[X86_FW_D_1_EAX];
        out[EBX] = xsave_size(cpu->state.xcr0 | cpu->state.xss);
    } else if (n == 2 && allowed & 4) {
        out[EAX] = 0x100;
        out[EBX] = 0x240;
    }
}

static void leaf_basic(X86CPU *cpu, const X86CpuModel *m, uint32_t leaf, uint32_t sub,
                       uint32_t out[4])
{
    bool intel = !x86_is_amd(cpu);

    switch (leaf) {
    case 0:
        leaf_vendor(m, m->level, out);
        break;
    case 1:
        leaf_features(cpu, m, out);
        break;
    case 2:
        if (intel) {
            out[EAX] = 1;
            out[ECX] = 0x4d;
            out[EDX] = 0x2c307d;
        }
        break;
    case 4:
        if (intel) {
            leaf_cache(m, intel_caches, sub, true, out);
        }
        break;
    case 5:
        out[ECX] = 3; /* MWAIT: extensions listed, interrupts break it even if masked */
        break;
    case 6:
        out[EAX] = m->words[X86_FW_6_EAX];
        break;
    case 7:
        if (sub == 0) {
            out[EBX] = m->words[X86_FW_7_EBX];
            out[ECX] = m->words[X86_FW_7_ECX];
            out[EDX] = m->words[X86_FW_7_EDX];
        }
        break;
    case 0xb:
        leaf_topology(cpu, m, sub, out);
        break;
    case 0xd:
        leaf_xsave(cpu, m, sub, out);
        break;
    }
}

const X86HyperVBits x86_hyperv_bits[X86_HV_COUNT] = {
    [X86_HV_RELAXED] = { 0, 0, 1 << 5 },
    [X86_HV_VAPIC] = { 1 << 4, 0, 1 << 3 },
    [X86_HV_TIME] = { 1 << 1 | 1 << 9, 0, 0 },
    [X86_HV_CRASH] = { 0, 1 << 10, 0 },
    [X86_HV_RESET] = { 1 << 7, 0, 0 },
    [X86_HV_VPINDEX] = { 1 << 6, 0, 0 },
    [X86_HV_RUNTIME] = { 1 << 0, 0, 0 },
    [X86_HV_SYNIC] = { 1 << 2, 0, 0 },
    [X86_HV_STIMER] = { 1 << 3, 0, 0 },
    [X86_HV_FREQUENCIES] = { 1 << 11, 1 << 8, 0 },
    [X86_HV_TLBFLUSH] = { 0, 0, 1 << 2 | 1 << 11 },
    [X86_HV_IPI] = { 0, 0, 1 << 10 | 1 << 11 },
};

enum {
    HYPERV_LAST_LEAF = 0x40000005, HYPERV_KVM_LEAF = 0x40000100,
    HYPERV_HYPERCALLS = 1 << 5, HYPERV_MAX_CPUS = 64, HYPERV_BUILD = 0x3839,
    HYPERV_VERSION = 0xa0000, /* 10.0 */
};

static bool has_hyperv(const X86CpuModel *m)
{
    return m->words[X86_FW_HYPERV] || m->hv_spinlocks;
}

static void leaf_hyperv(const X86CpuModel *m, uint32_t leaf, uint32_t out[4])
{
    X86HyperVBits all = { HYPERV_HYPERCALLS, 0, 0 };

    for (unsigned i = 0; i < X86_HV_COUNT; i++) {
        const X86HyperVBits *bits = &x86_hyperv_bits[i];
        if (m->words[X86_FW_HYPERV] >> i & 1) {
            all.privileges |= bits->privileges;
            all.features |= bits->features;
            all.recommendations |= bits->recommendations;
        }
    }
    switch (leaf) {
    case 0x40000000:
        out[EAX] = HYPERV_LAST_LEAF;
        put_text(&out[EBX], "Microsoft Hv", 3);
        break;
    case 0x40000001:
        put_text(&out[EAX], "Hv#1", 1);
        break;
    case 0x40000002:
        out[EAX] = HYPERV_BUILD;
        out[EBX] = HYPERV_VERSION;
        break;
    case 0x40000003:
        out[EAX] = all.privileges;
        out[EDX] = all.features;
        break;
    case 0x40000004:
        out[EAX] = all.recommendations;
        out[EBX] = m->hv_spinlocks ? m->hv_spinlocks : UINT32_MAX;
        break;
    case 0x40000005:
        out[EAX] = HYPERV_MAX_CPUS;
        out[EBX] = HYPERV_MAX_CPUS;
        break;
    }
}

/* Hyper-V comes first where there are both: KVM's leaves are then 0x100 higher. */
static void leaf_hypervisor(const X86CpuModel *m, uint32_t leaf, uint32_t out[4])
{
    if (has_hyperv(m) && leaf < HYPERV_KVM_LEAF) {
        leaf_hyperv(m, leaf, out);
        return;
    }
    uint32_t base = has_hyperv(m) ? HYPERV_KVM_LEAF : 0x40000000;

    if (leaf == base) {
        out[EAX] = base + 1;
        put_text(&out[EBX], m->hypervisor, 3);
    } else if (leaf == base + 1) {
        out[EAX] = m->words[X86_FW_KVM];
    }
}

static void leaf_extended_features(X86CPU *cpu, const X86CpuModel *m, uint32_t out[4])
{
    out[EAX] = x86_cpuid_signature(cpu);
    out[ECX] = m->words[X86_FW_80000001_ECX];
    out[EDX] = m->words[X86_FW_80000001_EDX];
    if (x86_is_amd(cpu)) {
        out[EDX] |= m->words[X86_FW_1_EDX] & AMD_EDX_ALIASES;
        if (m->cores * m->threads > 1) {
            out[ECX] |= 1u << FW81_ECX_CMP_LEGACY;
        }
    }
}

static void leaf_address_sizes(X86CPU *cpu, const X86CpuModel *m, uint32_t out[4])
{
    unsigned logical = m->cores * m->threads;
    bool lm = m->words[X86_FW_80000001_EDX] >> FW81_EDX_LM & 1;

    if (lm) {
        out[EAX] = m->phys_bits | (x86_cr4_allowed(cpu) & X86_CR4_LA57 ? 57 : 48) << 8;
    } else {
        out[EAX] = m->words[X86_FW_1_EDX] & 1u << 17 ? 36 : 32;
    }
    out[EBX] = m->words[X86_FW_80000008_EBX];
    if (logical > 1) {
        out[ECX] = package_bits(m) << 12 | (logical - 1);
    }
}

static void leaf_topoext(X86CPU *cpu, const X86CpuModel *m, uint32_t leaf, uint32_t sub,
                         uint32_t out[4])
{
    if (!(m->words[X86_FW_80000001_ECX] >> FW81_ECX_TOPOEXT & 1)) {
        return;
    }
    if (leaf == 0x8000001d) {
        leaf_cache(m, amd_caches, sub, false, out);
    } else {
        unsigned core = (cpu->apic_id >> thread_bits(m)) & ((1u << bits_for(m->cores)) - 1);
        out[EAX] = cpu->apic_id;
        out[EBX] = (m->threads - 1) << 8 | core;
        out[ECX] = cpu->apic_id >> package_bits(m) & 0xff;
    }
}

static void leaf_extended(X86CPU *cpu, const X86CpuModel *m, uint32_t leaf, uint32_t sub,
                          uint32_t out[4])
{
    bool topoext = m->words[X86_FW_80000001_ECX] >> FW81_ECX_TOPOEXT & 1;

    switch (leaf) {
    case 0x80000000:
        leaf_vendor(m, m->xlevel, out);
        break;
    case 0x80000001:
        leaf_extended_features(cpu, m, out);
        break;
    case 0x80000002 ... 0x80000004:
        put_text(out, m->model_id + (leaf - 0x80000002) * 16, 4);
        break;
    case 0x80000005:
        out[EAX] = out[EBX] = 0x01ff01ff;
        out[ECX] = topoext ? 0x20080140 : 0x40020140;
        out[EDX] = topoext ? 0x40040140 : 0x40020140;
        break;
    case 0x80000006:
        out[EBX] = 0x42004200;
        out[ECX] = topoext ? 0x02006140 : 0x02008140;
        out[EDX] = topoext ? 0x00408140 : 0x00808140;
        break;
    case 0x80000007:
        out[EDX] = m->words[X86_FW_80000007_EDX];
        break;
    case 0x80000008:
        leaf_address_sizes(cpu, m, out);
        break;
    case 0x8000001d:
    case 0x8000001e:
        leaf_topoext(cpu, m, leaf, sub, out);
        break;
    case 0x80000021:
        out[EAX] = m->words[X86_FW_80000021_EAX];
        break;
    }
}

void x86_cpuid(X86CPU *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    const X86CpuModel *m = model_of(cpu);
    uint32_t limit = leaf >= 0xc0000000 ? 0 : leaf >= 0x80000000 ? m->xlevel
                   : leaf >= 0x40000000 ? (has_hyperv(m) ? HYPERV_KVM_LEAF + 1 : 0x40000001)
                   : m->level;

    memset(out, 0, 4 * sizeof(out[0]));
    if (leaf > limit) {
        leaf = m->level; /* out of range: the highest basic leaf (SDM) */
    }
    if (leaf >= 0x80000000) {
        leaf_extended(cpu, m, leaf, subleaf, out);
    } else if (leaf >= 0x40000000) {
        leaf_hypervisor(m, leaf, out);
    } else {
        leaf_basic(cpu, m, leaf, subleaf, out);
    }
}
