/*
 * The table of CPUID feature bits, and what of it can be offered here.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <cpuid.h>
#include <string.h>
#include "target/i386/cpuid.h"

/* Who provides a feature. */
typedef enum FeatureSource {
    FEATURE_DOPPEL,  /* Doppel alone, whatever the host is */
    FEATURE_HOST,    /* Doppel with host instructions of the same feature */
    FEATURE_MISSING, /* not implemented: the name is known, the bit stays clear */
} FeatureSource;

typedef struct FeatureRow {
    const char *names; /* QEMU's name, then aliases, separated by | */
    uint8_t word, bit;
    uint8_t feature;   /* X86_FEAT_: the instructions it brings */
    uint8_t source;
} FeatureRow;

static const FeatureRow feature_rows[] = {
    { "fpu", X86_FW_1_EDX, 0, X86_FEAT_X87, FEATURE_DOPPEL },
    { "vme", X86_FW_1_EDX, 1, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "de", X86_FW_1_EDX, 2, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "pse", X86_FW_1_EDX, 3, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "tsc", X86_FW_1_EDX, 4, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "msr", X86_FW_1_EDX, 5, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "pae", X86_FW_1_EDX, 6, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "mce", X86_FW_1_EDX, 7, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "cx8", X86_FW_1_EDX, 8, X86_FEAT_CX8, FEATURE_DOPPEL },
    { "apic", X86_FW_1_EDX, 9, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "sep", X86_FW_1_EDX, 11, X86_FEAT_SEP, FEATURE_DOPPEL },
    { "mtrr", X86_FW_1_EDX, 12, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "pge", X86_FW_1_EDX, 13, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "mca", X86_FW_1_EDX, 14, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "cmov", X86_FW_1_EDX, 15, X86_FEAT_CMOV, FEATURE_DOPPEL },
    { "pat", X86_FW_1_EDX, 16, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "pse36", X86_FW_1_EDX, 17, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "pn", X86_FW_1_EDX, 18, X86_FEAT_NONE, FEATURE_MISSING },
    { "clflush", X86_FW_1_EDX, 19, X86_FEAT_CLFLUSH, FEATURE_DOPPEL },
    { "ds", X86_FW_1_EDX, 21, X86_FEAT_NONE, FEATURE_MISSING },
    { "acpi", X86_FW_1_EDX, 22, X86_FEAT_NONE, FEATURE_MISSING },
    { "mmx", X86_FW_1_EDX, 23, X86_FEAT_MMX, FEATURE_HOST },
    { "fxsr", X86_FW_1_EDX, 24, X86_FEAT_FXSR, FEATURE_HOST },
    { "sse", X86_FW_1_EDX, 25, X86_FEAT_SSE, FEATURE_HOST },
    { "sse2", X86_FW_1_EDX, 26, X86_FEAT_SSE2, FEATURE_HOST },
    { "ss", X86_FW_1_EDX, 27, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "ht", X86_FW_1_EDX, 28, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "tm", X86_FW_1_EDX, 29, X86_FEAT_NONE, FEATURE_MISSING },
    { "ia64", X86_FW_1_EDX, 30, X86_FEAT_NONE, FEATURE_MISSING },
    { "pbe", X86_FW_1_EDX, 31, X86_FEAT_NONE, FEATURE_MISSING },
    { "pni|sse3", X86_FW_1_ECX, 0, X86_FEAT_SSE3, FEATURE_HOST },
    { "pclmulqdq|pclmuldq", X86_FW_1_ECX, 1, X86_FEAT_PCLMUL, FEATURE_HOST },
    { "dtes64", X86_FW_1_ECX, 2, X86_FEAT_NONE, FEATURE_MISSING },
    { "monitor", X86_FW_1_ECX, 3, X86_FEAT_MONITOR, FEATURE_DOPPEL },
    { "ds-cpl", X86_FW_1_ECX, 4, X86_FEAT_NONE, FEATURE_MISSING },
    { "vmx", X86_FW_1_ECX, 5, X86_FEAT_VMX, FEATURE_MISSING },
    { "smx", X86_FW_1_ECX, 6, X86_FEAT_NONE, FEATURE_MISSING },
    { "est", X86_FW_1_ECX, 7, X86_FEAT_NONE, FEATURE_MISSING },
    { "tm2", X86_FW_1_ECX, 8, X86_FEAT_NONE, FEATURE_MISSING },
    { "ssse3", X86_FW_1_ECX, 9, X86_FEAT_SSSE3, FEATURE_HOST },
    { "cid", X86_FW_1_ECX, 10, X86_FEAT_NONE, FEATURE_MISSING },
    { "fma", X86_FW_1_ECX, 12, X86_FEAT_FMA, FEATURE_HOST },
    { "cx16", X86_FW_1_ECX, 13, X86_FEAT_CX16, FEATURE_HOST },
    { "xtpr", X86_FW_1_ECX, 14, X86_FEAT_NONE, FEATURE_MISSING },
    { "pdcm", X86_FW_1_ECX, 15, X86_FEAT_NONE, FEATURE_MISSING },
    { "pcid", X86_FW_1_ECX, 17, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "dca", X86_FW_1_ECX, 18, X86_FEAT_NONE, FEATURE_MISSING },
    { "sse4.1|sse4-1", X86_FW_1_ECX, 19, X86_FEAT_SSE41, FEATURE_HOST },
    { "sse4.2|sse4-2", X86_FW_1_ECX, 20, X86_FEAT_SSE42, FEATURE_HOST },
    { "x2apic", X86_FW_1_ECX, 21, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "movbe", X86_FW_1_ECX, 22, X86_FEAT_MOVBE, FEATURE_HOST },
    { "popcnt", X86_FW_1_ECX, 23, X86_FEAT_POPCNT, FEATURE_HOST },
    { "tsc-deadline", X86_FW_1_ECX, 24, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "aes", X86_FW_1_ECX, 25, X86_FEAT_AES, FEATURE_HOST },
    { "xsave", X86_FW_1_ECX, 26, X86_FEAT_XSAVE, FEATURE_HOST },
    { "avx", X86_FW_1_ECX, 28, X86_FEAT_AVX, FEATURE_HOST },
    { "f16c", X86_FW_1_ECX, 29, X86_FEAT_F16C, FEATURE_HOST },
    { "rdrand", X86_FW_1_ECX, 30, X86_FEAT_RDRAND, FEATURE_DOPPEL },
    { "hypervisor", X86_FW_1_ECX, 31, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "arat", X86_FW_6_EAX, 2, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "fsgsbase", X86_FW_7_EBX, 0, X86_FEAT_FSGSBASE, FEATURE_DOPPEL },
    { "tsc-adjust", X86_FW_7_EBX, 1, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "sgx", X86_FW_7_EBX, 2, X86_FEAT_NONE, FEATURE_MISSING },
    { "bmi1", X86_FW_7_EBX, 3, X86_FEAT_BMI1, FEATURE_HOST },
    { "hle", X86_FW_7_EBX, 4, X86_FEAT_NONE, FEATURE_MISSING },
    { "avx2", X86_FW_7_EBX, 5, X86_FEAT_AVX2, FEATURE_HOST },
    { "smep", X86_FW_7_EBX, 7, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "bmi2", X86_FW_7_EBX, 8, X86_FEAT_BMI2, FEATURE_HOST },
    { "erms", X86_FW_7_EBX, 9, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "invpcid", X86_FW_7_EBX, 10, X86_FEAT_INVPCID, FEATURE_DOPPEL },
    { "rtm", X86_FW_7_EBX, 11, X86_FEAT_NONE, FEATURE_MISSING },
    { "mpx", X86_FW_7_EBX, 14, X86_FEAT_NONE, FEATURE_MISSING },
    { "avx512f", X86_FW_7_EBX, 16, X86_FEAT_NONE, FEATURE_MISSING },
    { "avx512dq", X86_FW_7_EBX, 17, X86_FEAT_NONE, FEATURE_MISSING },
    { "rdseed", X86_FW_7_EBX, 18, X86_FEAT_RDSEED, FEATURE_DOPPEL },
    { "adx", X86_FW_7_EBX, 19, X86_FEAT_ADX, FEATURE_HOST },
    { "smap", X86_FW_7_EBX, 20, X86_FEAT_SMAP, FEATURE_DOPPEL },
    { "avx512ifma", X86_FW_7_EBX, 21, X86_FEAT_NONE, FEATURE_MISSING },
    { "pcommit", X86_FW_7_EBX, 22, X86_FEAT_NONE, FEATURE_MISSING },
    { "clflushopt", X86_FW_7_EBX, 23, X86_FEAT_CLFLUSHOPT, FEATURE_DOPPEL },
    { "clwb", X86_FW_7_EBX, 24, X86_FEAT_CLWB, FEATURE_DOPPEL },
    { "intel-pt", X86_FW_7_EBX, 25, X86_FEAT_NONE, FEATURE_MISSING },
    { "avx512pf", X86_FW_7_EBX, 26, X86_FEAT_NONE, FEATURE_MISSING },
    { "avx512er", X86_FW_7_EBX, 27, X86_FEAT_NONE, FEATURE_MISSING },
    { "avx512cd", X86_FW_7_EBX, 28, X86_FEAT_NONE, FEATURE_MISSING },
    { "sha-ni", X86_FW_7_EBX, 29, X86_FEAT_SHA, FEATURE_HOST },
    { "avx512bw", X86_FW_7_EBX, 30, X86_FEAT_NONE, FEATURE_MISSING },
    { "avx512vl", X86_FW_7_EBX, 31, X86_FEAT_NONE, FEATURE_MISSING },
    { "avx512vbmi", X86_FW_7_ECX, 1, X86_FEAT_NONE, FEATURE_MISSING },
    { "umip", X86_FW_7_ECX, 2, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "pku", X86_FW_7_ECX, 3, X86_FEAT_PKU, FEATURE_MISSING },
    { "waitpkg", X86_FW_7_ECX, 5, X86_FEAT_NONE, FEATURE_MISSING },
    { "avx512vbmi2", X86_FW_7_ECX, 6, X86_FEAT_NONE, FEATURE_MISSING },
    { "gfni", X86_FW_7_ECX, 8, X86_FEAT_GFNI, FEATURE_MISSING },
    { "vaes", X86_FW_7_ECX, 9, X86_FEAT_VAES, FEATURE_HOST },
    { "vpclmulqdq", X86_FW_7_ECX, 10, X86_FEAT_VPCLMUL, FEATURE_HOST },
    { "avx512vnni", X86_FW_7_ECX, 11, X86_FEAT_NONE, FEATURE_MISSING },
    { "avx512bitalg", X86_FW_7_ECX, 12, X86_FEAT_NONE, FEATURE_MISSING },
    { "avx512-vpopcntdq", X86_FW_7_ECX, 14, X86_FEAT_NONE, FEATURE_MISSING },
    { "la57", X86_FW_7_ECX, 16, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "rdpid", X86_FW_7_ECX, 22, X86_FEAT_RDPID, FEATURE_DOPPEL },
    { "bus-lock-detect", X86_FW_7_ECX, 24, X86_FEAT_NONE, FEATURE_MISSING },
    { "cldemote", X86_FW_7_ECX, 25, X86_FEAT_NONE, FEATURE_MISSING },
    { "movdiri", X86_FW_7_ECX, 27, X86_FEAT_NONE, FEATURE_MISSING },
    { "movdir64b", X86_FW_7_ECX, 28, X86_FEAT_NONE, FEATURE_MISSING },
    { "sgxlc", X86_FW_7_ECX, 30, X86_FEAT_NONE, FEATURE_MISSING },
    { "pks", X86_FW_7_ECX, 31, X86_FEAT_NONE, FEATURE_MISSING },
    { "avx512-4vnniw", X86_FW_7_EDX, 2, X86_FEAT_NONE, FEATURE_MISSING },
    { "avx512-4fmaps", X86_FW_7_EDX, 3, X86_FEAT_NONE, FEATURE_MISSING },
    { "fsrm", X86_FW_7_EDX, 4, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "avx512-vp2intersect", X86_FW_7_EDX, 8, X86_FEAT_NONE, FEATURE_MISSING },
    { "md-clear", X86_FW_7_EDX, 10, X86_FEAT_NONE, FEATURE_MISSING },
    { "serialize", X86_FW_7_EDX, 14, X86_FEAT_SERIALIZE, FEATURE_DOPPEL },
    { "tsx-ldtrk", X86_FW_7_EDX, 16, X86_FEAT_NONE, FEATURE_MISSING },
    { "amx-bf16", X86_FW_7_EDX, 22, X86_FEAT_NONE, FEATURE_MISSING },
    { "avx512-fp16", X86_FW_7_EDX, 23, X86_FEAT_NONE, FEATURE_MISSING },
    { "amx-tile", X86_FW_7_EDX, 24, X86_FEAT_NONE, FEATURE_MISSING },
    { "amx-int8", X86_FW_7_EDX, 25, X86_FEAT_NONE, FEATURE_MISSING },
    { "spec-ctrl", X86_FW_7_EDX, 26, X86_FEAT_NONE, FEATURE_MISSING },
    { "stibp", X86_FW_7_EDX, 27, X86_FEAT_NONE, FEATURE_MISSING },
    { "arch-capabilities", X86_FW_7_EDX, 29, X86_FEAT_NONE, FEATURE_MISSING },
    { "core-capability", X86_FW_7_EDX, 30, X86_FEAT_NONE, FEATURE_MISSING },
    { "ssbd", X86_FW_7_EDX, 31, X86_FEAT_NONE, FEATURE_MISSING },
    { "xsaveopt", X86_FW_D_1_EAX, 0, X86_FEAT_XSAVEOPT, FEATURE_HOST },
    { "xsavec", X86_FW_D_1_EAX, 1, X86_FEAT_XSAVEC, FEATURE_HOST },
    { "xgetbv1", X86_FW_D_1_EAX, 2, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "xsaves", X86_FW_D_1_EAX, 3, X86_FEAT_XSAVES, FEATURE_HOST },
    { "xfd", X86_FW_D_1_EAX, 4, X86_FEAT_NONE, FEATURE_MISSING },
    { "syscall", X86_FW_80000001_EDX, 11, X86_FEAT_SYSCALL, FEATURE_DOPPEL },
    { "mp", X86_FW_80000001_EDX, 19, X86_FEAT_NONE, FEATURE_MISSING },
    { "nx|xd", X86_FW_80000001_EDX, 20, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "mmxext", X86_FW_80000001_EDX, 22, X86_FEAT_NONE, FEATURE_HOST },
    { "fxsr-opt|ffxsr", X86_FW_80000001_EDX, 25, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "pdpe1gb", X86_FW_80000001_EDX, 26, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "rdtscp", X86_FW_80000001_EDX, 27, X86_FEAT_RDTSCP, FEATURE_DOPPEL },
    { "lm|i64", X86_FW_80000001_EDX, 29, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "3dnowext", X86_FW_80000001_EDX, 30, X86_FEAT_NONE, FEATURE_MISSING },
    { "3dnow", X86_FW_80000001_EDX, 31, X86_FEAT_NONE, FEATURE_MISSING },
    { "lahf-lm", X86_FW_80000001_ECX, 0, X86_FEAT_LAHF64, FEATURE_DOPPEL },
    { "cmp-legacy", X86_FW_80000001_ECX, 1, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "svm", X86_FW_80000001_ECX, 2, X86_FEAT_SVM, FEATURE_MISSING },
    { "extapic", X86_FW_80000001_ECX, 3, X86_FEAT_NONE, FEATURE_MISSING },
    { "cr8legacy", X86_FW_80000001_ECX, 4, X86_FEAT_NONE, FEATURE_MISSING },
    { "abm", X86_FW_80000001_ECX, 5, X86_FEAT_LZCNT, FEATURE_HOST },
    { "sse4a", X86_FW_80000001_ECX, 6, X86_FEAT_SSE4A, FEATURE_HOST },
    { "misalignsse", X86_FW_80000001_ECX, 7, X86_FEAT_NONE, FEATURE_HOST },
    { "3dnowprefetch", X86_FW_80000001_ECX, 8, X86_FEAT_PREFETCHW, FEATURE_DOPPEL },
    { "osvw", X86_FW_80000001_ECX, 9, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "ibs", X86_FW_80000001_ECX, 10, X86_FEAT_NONE, FEATURE_MISSING },
    { "xop", X86_FW_80000001_ECX, 11, X86_FEAT_NONE, FEATURE_MISSING },
    { "skinit", X86_FW_80000001_ECX, 12, X86_FEAT_NONE, FEATURE_MISSING },
    { "wdt", X86_FW_80000001_ECX, 13, X86_FEAT_NONE, FEATURE_MISSING },
    { "lwp", X86_FW_80000001_ECX, 15, X86_FEAT_NONE, FEATURE_MISSING },
    { "fma4", X86_FW_80000001_ECX, 16, X86_FEAT_NONE, FEATURE_MISSING },
    { "tce", X86_FW_80000001_ECX, 17, X86_FEAT_NONE, FEATURE_MISSING },
    { "nodeid-msr", X86_FW_80000001_ECX, 19, X86_FEAT_NONE, FEATURE_MISSING },
    { "tbm", X86_FW_80000001_ECX, 21, X86_FEAT_NONE, FEATURE_MISSING },
    { "topoext", X86_FW_80000001_ECX, 22, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "perfctr-core", X86_FW_80000001_ECX, 23, X86_FEAT_NONE, FEATURE_MISSING },
    { "perfctr-nb", X86_FW_80000001_ECX, 24, X86_FEAT_NONE, FEATURE_MISSING },
    { "invtsc", X86_FW_80000007_EDX, 8, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "clzero", X86_FW_80000008_EBX, 0, X86_FEAT_CLZERO, FEATURE_DOPPEL },
    { "xsaveerptr", X86_FW_80000008_EBX, 2, X86_FEAT_NONE, FEATURE_HOST },
    { "wbnoinvd", X86_FW_80000008_EBX, 9, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "ibpb", X86_FW_80000008_EBX, 12, X86_FEAT_NONE, FEATURE_MISSING },
    { "ibrs", X86_FW_80000008_EBX, 14, X86_FEAT_NONE, FEATURE_MISSING },
    { "amd-stibp", X86_FW_80000008_EBX, 15, X86_FEAT_NONE, FEATURE_MISSING },
    { "amd-ssbd", X86_FW_80000008_EBX, 24, X86_FEAT_NONE, FEATURE_MISSING },
    { "virt-ssbd", X86_FW_80000008_EBX, 25, X86_FEAT_NONE, FEATURE_MISSING },
    { "amd-no-ssb", X86_FW_80000008_EBX, 26, X86_FEAT_NONE, FEATURE_MISSING },
    { "npt", X86_FW_8000000A_EDX, 0, X86_FEAT_NONE, FEATURE_MISSING },
    { "lbrv", X86_FW_8000000A_EDX, 1, X86_FEAT_NONE, FEATURE_MISSING },
    { "svm-lock", X86_FW_8000000A_EDX, 2, X86_FEAT_NONE, FEATURE_MISSING },
    { "nrip-save", X86_FW_8000000A_EDX, 3, X86_FEAT_NONE, FEATURE_MISSING },
    { "tsc-scale", X86_FW_8000000A_EDX, 4, X86_FEAT_NONE, FEATURE_MISSING },
    { "vmcb-clean", X86_FW_8000000A_EDX, 5, X86_FEAT_NONE, FEATURE_MISSING },
    { "flushbyasid", X86_FW_8000000A_EDX, 6, X86_FEAT_NONE, FEATURE_MISSING },
    { "decodeassists", X86_FW_8000000A_EDX, 7, X86_FEAT_NONE, FEATURE_MISSING },
    { "pause-filter", X86_FW_8000000A_EDX, 10, X86_FEAT_NONE, FEATURE_MISSING },
    { "pfthreshold", X86_FW_8000000A_EDX, 12, X86_FEAT_NONE, FEATURE_MISSING },
    { "vgif", X86_FW_8000000A_EDX, 16, X86_FEAT_NONE, FEATURE_MISSING },
    { "svme-addr-chk", X86_FW_8000000A_EDX, 28, X86_FEAT_NONE, FEATURE_MISSING },
    /* Branches are no more apart with the retpolines that guests have without it: a translated RET is
     * predicted as any indirect jump of the host is. */
    { "auto-ibrs", X86_FW_80000021_EAX, 8, X86_FEAT_NONE, FEATURE_DOPPEL },
    { "hv-relaxed", X86_FW_HYPERV, X86_HV_RELAXED, X86_FEAT_NONE, FEATURE_MISSING },
    { "hv-vapic", X86_FW_HYPERV, X86_HV_VAPIC, X86_FEAT_NONE, FEATURE_MISSING },
    { "hv-time", X86_FW_HYPERV, X86_HV_TIME, X86_FEAT_NONE, FEATURE_MISSING },
    { "hv-crash", X86_FW_HYPERV, X86_HV_CRASH, X86_FEAT_NONE, FEATURE_MISSING },
    { "hv-reset", X86_FW_HYPERV, X86_HV_RESET, X86_FEAT_NONE, FEATURE_MISSING },
    { "hv-vpindex", X86_FW_HYPERV, X86_HV_VPINDEX, X86_FEAT_NONE, FEATURE_MISSING },
    { "hv-runtime", X86_FW_HYPERV, X86_HV_RUNTIME, X86_FEAT_NONE, FEATURE_MISSING },
    { "hv-synic", X86_FW_HYPERV, X86_HV_SYNIC, X86_FEAT_NONE, FEATURE_MISSING },
    { "hv-stimer", X86_FW_HYPERV, X86_HV_STIMER, X86_FEAT_NONE, FEATURE_MISSING },
    { "hv-frequencies", X86_FW_HYPERV, X86_HV_FREQUENCIES, X86_FEAT_NONE, FEATURE_MISSING },
    { "hv-tlbflush", X86_FW_HYPERV, X86_HV_TLBFLUSH, X86_FEAT_NONE, FEATURE_MISSING },
    { "hv-ipi", X86_FW_HYPERV, X86_HV_IPI, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvmclock", X86_FW_KVM, 0, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvm-nopiodelay", X86_FW_KVM, 1, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvm-mmu", X86_FW_KVM, 2, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvmclock", X86_FW_KVM, 3, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvm-asyncpf", X86_FW_KVM, 4, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvm-steal-time", X86_FW_KVM, 5, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvm-pv-eoi", X86_FW_KVM, 6, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvm-pv-unhalt", X86_FW_KVM, 7, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvm-pv-tlb-flush", X86_FW_KVM, 9, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvm-asyncpf-vmexit", X86_FW_KVM, 10, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvm-pv-ipi", X86_FW_KVM, 11, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvm-poll-control", X86_FW_KVM, 12, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvm-pv-sched-yield", X86_FW_KVM, 13, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvm-asyncpf-int", X86_FW_KVM, 14, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvm-msi-ext-dest-id", X86_FW_KVM, 15, X86_FEAT_NONE, FEATURE_MISSING },
    { "kvmclock-stable-bit", X86_FW_KVM, 24, X86_FEAT_NONE, FEATURE_MISSING },
};

/* Where a feature word stands in CPUID. reg: 0 EAX .. 3 EDX. */
static const struct {
    uint32_t leaf, subleaf;
    uint8_t reg;
} word_place[X86_FW_COUNT] = {
    [X86_FW_1_EDX] = { 1, 0, 3 },
    [X86_FW_1_ECX] = { 1, 0, 2 },
    [X86_FW_6_EAX] = { 6, 0, 0 },
    [X86_FW_7_EBX] = { 7, 0, 1 },
    [X86_FW_7_ECX] = { 7, 0, 2 },
    [X86_FW_7_EDX] = { 7, 0, 3 },
    [X86_FW_D_1_EAX] = { 0xd, 1, 0 },
    [X86_FW_80000001_EDX] = { 0x80000001, 0, 3 },
    [X86_FW_80000001_ECX] = { 0x80000001, 0, 2 },
    [X86_FW_80000007_EDX] = { 0x80000007, 0, 3 },
    [X86_FW_80000008_EBX] = { 0x80000008, 0, 1 },
    [X86_FW_8000000A_EDX] = { 0x8000000a, 0, 3 },
    [X86_FW_80000021_EAX] = { 0x80000021, 0, 0 },
    [X86_FW_KVM] = { 0x40000001, 0, 0 },
    [X86_FW_HYPERV] = { 0x40000003, 0, 0 },
};

static uint32_t host_word(X86FeatureWord word)
{
    uint32_t out[4] = { 0 };

    if (!__get_cpuid_count(word_place[word].leaf, word_place[word].subleaf,
                           &out[0], &out[1], &out[2], &out[3])) {
        return 0;
    }
    return out[word_place[word].reg];
}

uint32_t x86_feature_word_offered(X86FeatureWord word, const X86CpuHost *cpu_host)
{
    if (cpu_host) {
        return cpu_host->offered[word];
    }
    uint32_t host = host_word(word), offered = 0;

    if (word == X86_FW_80000001_EDX && host_word(X86_FW_1_EDX) & 1u << 25) {
        host |= 1u << 22; /* Intel CPUs have MMXEXT as a part of SSE and do not say so */
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(feature_rows); i++) {
        const FeatureRow *row = &feature_rows[i];
        uint32_t bit = 1u << row->bit;
        if (row->word == word && (row->source == FEATURE_DOPPEL ||
                                  (row->source == FEATURE_HOST && host & bit))) {
            offered |= bit;
        }
    }
    return offered;
}

uint32_t x86_feature_word_named(X86FeatureWord word)
{
    uint32_t named = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(feature_rows); i++) {
        named |= feature_rows[i].word == word ? 1u << feature_rows[i].bit : 0;
    }
    return named;
}

void x86_feature_word_place(X86FeatureWord word, uint32_t *leaf, uint32_t *subleaf, unsigned *reg)
{
    *leaf = word_place[word].leaf;
    *subleaf = word_place[word].subleaf;
    *reg = word_place[word].reg;
}

/* Compares with '_' standing for '-', as QEMU does. */
static bool same_name(const char *a, size_t a_len, const char *b)
{
    if (strlen(b) != a_len) {
        return false;
    }
    for (size_t i = 0; i < a_len; i++) {
        if (a[i] != (b[i] == '_' ? '-' : b[i])) {
            return false;
        }
    }
    return true;
}

static bool row_has_name(const FeatureRow *row, const char *name)
{
    for (const char *p = row->names; *p;) {
        size_t len = strcspn(p, "|");
        if (same_name(p, len, name)) {
            return true;
        }
        p += len + (p[len] == '|');
    }
    return false;
}

bool x86_feature_set(X86CpuModel *model, const char *name, bool on)
{
    bool found = false;

    for (unsigned i = 0; i < G_N_ELEMENTS(feature_rows); i++) {
        const FeatureRow *row = &feature_rows[i];
        if (row_has_name(row, name)) { /* kvmclock has two */
            uint32_t bit = 1u << row->bit;
            model->words[row->word] = (model->words[row->word] & ~bit) | (on ? bit : 0);
            found = true;
        }
    }
    return found;
}

static void append_name(GString *out, const FeatureRow *row)
{
    g_string_append_len(out, row->names, strcspn(row->names, "|"));
}

void x86_feature_filter(X86CpuModel *model, const X86CpuHost *host, GString *names)
{
    uint32_t taken[X86_FW_COUNT];

    for (unsigned w = 0; w < X86_FW_COUNT; w++) {
        taken[w] = model->words[w] & ~x86_feature_word_offered(w, host);
        model->words[w] &= ~taken[w];
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(feature_rows); i++) {
        const FeatureRow *row = &feature_rows[i];
        if (taken[row->word] >> row->bit & 1) {
            g_string_append(names, names->len ? ", " : "");
            append_name(names, row);
        }
    }
}

static int compare_rows(const void *a, const void *b)
{
    const FeatureRow *const *x = a, *const *y = b;

    return strcmp((*x)->names, (*y)->names);
}

void x86_feature_names(GString *out)
{
    const FeatureRow *sorted[G_N_ELEMENTS(feature_rows)];
    size_t line = out->len;

    for (unsigned i = 0; i < G_N_ELEMENTS(sorted); i++) {
        sorted[i] = &feature_rows[i];
    }
    qsort(sorted, G_N_ELEMENTS(sorted), sizeof(sorted[0]), compare_rows);
    g_string_append_c(out, ' ');
    for (unsigned i = 0; i < G_N_ELEMENTS(sorted); i++) {
        if (out->len - line + strcspn(sorted[i]->names, "|") >= 77) {
            line = out->len + 1;
            g_string_append(out, "\n ");
        }
        g_string_append_c(out, ' ');
        append_name(out, sorted[i]);
    }
    g_string_append_c(out, '\n');
}

static void enable(X86CPU *cpu, X86Feature feature)
{
    cpu->features[feature / 32] |= 1u << feature % 32;
}

void x86_feature_apply(X86CPU *cpu)
{
    const uint32_t *words = cpu->model->words;

    memset(cpu->features, 0, sizeof(cpu->features));
    for (unsigned i = 0; i < G_N_ELEMENTS(feature_rows); i++) {
        const FeatureRow *row = &feature_rows[i];
        if (words[row->word] >> row->bit & 1) {
            enable(cpu, row->feature);
        }
    }
    enable(cpu, X86_FEAT_NONE);
    if (words[X86_FW_1_EDX] & 1u << 23) {
        enable(cpu, X86_FEAT_RDPMC); /* came with MMX and has no bit of its own */
    }
    if (words[X86_FW_80000001_EDX] & 1u << 29) {
        enable(cpu, X86_FEAT_PREFETCHW); /* a NOP at least on every 64-bit CPU */
    }
}
