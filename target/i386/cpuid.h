/*
 * CPU models and what CPUID says (SDM vol. 2, CPUID; APM vol. 3, appendix E).
 *
 * A model is a name, an identification and feature words. Each CPUID feature
 * bit has one row in cpuid-features.c: QEMU's name for it, where it stands and
 * which instructions it brings. A model never offers what Doppel does not
 * implement or what its instructions would need from the host and the host lacks.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_CPUID_H
#define TARGET_I386_CPUID_H

#include "target/i386/cpu.h"
#include "util/error.h"

/* CPUID output registers that hold feature bits, by leaf and register. */
typedef enum X86FeatureWord {
    X86_FW_1_EDX, X86_FW_1_ECX, X86_FW_6_EAX, X86_FW_7_EBX, X86_FW_7_ECX, X86_FW_7_EDX,
    X86_FW_D_1_EAX, X86_FW_80000001_EDX, X86_FW_80000001_ECX, X86_FW_80000007_EDX,
    X86_FW_80000008_EBX, X86_FW_8000000A_EDX, X86_FW_80000021_EAX, X86_FW_KVM,
    X86_FW_HYPERV, /* not a register: bits of X86HyperV */
    X86_FW_COUNT
} X86FeatureWord;

/* Hyper-V enlightenments (Microsoft, Hypervisor Top-Level Functional Specification), as bits of
 * X86_FW_HYPERV. */
typedef enum X86HyperV {
    X86_HV_RELAXED, X86_HV_VAPIC, X86_HV_TIME, X86_HV_CRASH, X86_HV_RESET, X86_HV_VPINDEX,
    X86_HV_RUNTIME, X86_HV_SYNIC, X86_HV_STIMER, X86_HV_FREQUENCIES, X86_HV_TLBFLUSH, X86_HV_IPI,
    X86_HV_COUNT
} X86HyperV;

/* What an enlightenment sets in leaves 0x40000003 (EAX, EDX) and 0x40000004 (EAX). */
typedef struct X86HyperVBits {
    uint32_t privileges, features, recommendations;
} X86HyperVBits;
extern const X86HyperVBits x86_hyperv_bits[X86_HV_COUNT];

/* What CPUs can be whose code the host's own CPUs run, for MachineState.cpu_host. */
typedef struct X86CpuHost {
    uint32_t offered[X86_FW_COUNT];
    char vendor[13], model_id[49], hypervisor[13];
    unsigned family, model, stepping;
    uint32_t level, xlevel;
    uint8_t phys_bits;
} X86CpuHost;

typedef struct X86CpuModel {
    char name[24], vendor[13], model_id[49];
    char hypervisor[13]; /* signature of leaf 0x40000000 */
    unsigned family, model, stepping;
    uint32_t level, xlevel; /* highest basic and extended leaf */
    uint32_t hv_spinlocks;  /* tries before a guest tells Hyper-V that it spins; 0: not said */
    uint8_t phys_bits;
    uint64_t tsc_hz;         /* 0: as it comes */
    unsigned cores, threads; /* per package and per core; the machine sets them from -smp */
    uint32_t words[X86_FW_COUNT];
} X86CpuModel;

/* The model a machine uses without -cpu. */
#define X86_CPU_DEFAULT_MODEL "max"

/*
 * Parses the value of -cpu: NAME[,+FEATURE][,-FEATURE][,FEATURE=on|off]
 * [,vendor=S][,family=N][,model=N][,stepping=N][,level=N][,xlevel=N]
 * [,phys-bits=N][,model-id=S][,enforce]. Features that cannot be offered are
 * taken out with one warning, or refused with enforce. host is MachineState.cpu_host. False with
 * *errp set for an unknown name or value.
 */
bool x86_cpu_model_parse(const char *spec, const X86CpuHost *host, X86CpuModel *out, Error **errp);
/* -cpu help: models and feature names. */
void x86_cpu_model_help(GString *out);
/* The nth model's name, NULL past the last; for query-cpu-definitions. */
const char *x86_cpu_model_name(unsigned n);
/* Appends the names, separated by ", ", of the features that the model of this name has and
 * that cannot be offered here. */
void x86_cpu_model_missing(const char *name, const X86CpuHost *host, GString *names);
/* Makes *model, which must outlive the CPU, the CPU's model; fills cpu->features. */
void x86_cpu_set_model(X86CPU *cpu, X86CpuModel *model);

/* The feature word bits that can be offered on this host: what Doppel's engines do, or what host
 * (unless NULL) says. */
uint32_t x86_feature_word_offered(X86FeatureWord word, const X86CpuHost *host);
/* Sets or clears a feature by name; false if there is no such feature. */
bool x86_feature_set(X86CpuModel *model, const char *name, bool on);
/* Takes out what cannot be offered; appends the names of what was taken to *names. */
void x86_feature_filter(X86CpuModel *model, const X86CpuHost *host, GString *names);
/* The bits of a feature word that have a name. */
uint32_t x86_feature_word_named(X86FeatureWord word);
/* Where a feature word stands: leaf, subleaf and register (0 EAX to 3 EDX). */
void x86_feature_word_place(X86FeatureWord word, uint32_t *leaf, uint32_t *subleaf, unsigned *reg);
/* Appends every feature name, separated by spaces, in lines of at most 78 columns. */
void x86_feature_names(GString *out);
/* Fills cpu->features from the model's words. */
void x86_feature_apply(X86CPU *cpu);

/* What the CPUID instruction returns: EAX, EBX, ECX, EDX. */
void x86_cpuid(X86CPU *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

/* What follows from the model. A CPU without one (CPU tests) has every
 * feature of Doppel and 40 physical address bits. */
bool x86_is_amd(const X86CPU *cpu);
unsigned x86_phys_bits(const X86CPU *cpu);
uint32_t x86_cpuid_signature(const X86CPU *cpu); /* leaf 1 EAX */
uint64_t x86_cr4_allowed(const X86CPU *cpu);     /* bits of CR4 that may be set */
uint64_t x86_efer_allowed(const X86CPU *cpu);
uint64_t x86_xcr0_allowed(const X86CPU *cpu);
bool x86_cpuid_bit(const X86CPU *cpu, X86FeatureWord word, unsigned bit);

#endif
