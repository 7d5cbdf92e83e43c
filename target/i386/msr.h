/*
 * Model-specific registers: numbers as the SDM (vol. 4) and the APM (vol. 2,
 * appendix A) give them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_MSR_H
#define TARGET_I386_MSR_H

#include "target/i386/cpu.h"

enum {
    X86_MSR_TSC = 0x10, X86_MSR_PLATFORM_ID = 0x17, X86_MSR_APIC_BASE = 0x1b,
    X86_MSR_EBL_CR_POWERON = 0x2a, X86_MSR_TSC_ADJUST = 0x3b, X86_MSR_UCODE_WRITE = 0x79,
    X86_MSR_UCODE_REV = 0x8b, X86_MSR_MTRRCAP = 0xfe, X86_MSR_BBL_CR_CTL3 = 0x11e,
    X86_MSR_SYSENTER_CS = 0x174, X86_MSR_SYSENTER_ESP = 0x175, X86_MSR_SYSENTER_EIP = 0x176,
    X86_MSR_MCG_CAP = 0x179, X86_MSR_MCG_STATUS = 0x17a, X86_MSR_MCG_CTL = 0x17b,
    X86_MSR_PERF_STATUS = 0x198, X86_MSR_THERM_INTERRUPT = 0x19b, X86_MSR_THERM_STATUS = 0x19c,
    X86_MSR_MISC_ENABLE = 0x1a0, X86_MSR_DEBUGCTL = 0x1d9,
    X86_MSR_LASTBRANCH_FROM = 0x1db, X86_MSR_LASTINT_TO = 0x1de,
    X86_MSR_MTRR_PHYS_BASE0 = 0x200, X86_MSR_MTRR_PHYS_LAST = 0x20f,
    X86_MSR_MTRR_FIX64K = 0x250, X86_MSR_MTRR_FIX16K = 0x258, X86_MSR_MTRR_FIX4K = 0x268,
    X86_MSR_PAT = 0x277, X86_MSR_MTRR_DEF_TYPE = 0x2ff, X86_MSR_MC0_CTL = 0x400,
    X86_MSR_TSC_DEADLINE = 0x6e0, X86_MSR_X2APIC_FIRST = 0x800, X86_MSR_X2APIC_LAST = 0x8ff,
    X86_MSR_XSS = 0xda0,
};
#define X86_MSR_EFER 0xc0000080u
#define X86_MSR_STAR 0xc0000081u
#define X86_MSR_LSTAR 0xc0000082u
#define X86_MSR_CSTAR 0xc0000083u
#define X86_MSR_FMASK 0xc0000084u
#define X86_MSR_FS_BASE 0xc0000100u
#define X86_MSR_GS_BASE 0xc0000101u
#define X86_MSR_KERNEL_GS_BASE 0xc0000102u
#define X86_MSR_TSC_AUX 0xc0000103u
#define X86_MSR_SYSCFG 0xc0010010u
#define X86_MSR_HWCR 0xc0010015u
#define X86_MSR_TOP_MEM 0xc001001au
#define X86_MSR_TOP_MEM2 0xc001001du
#define X86_MSR_NB_CFG 0xc001001fu
#define X86_MSR_PATCH_LOADER 0xc0010020u
#define X86_MSR_INT_PENDING 0xc0010055u
#define X86_MSR_MMCONF_BASE 0xc0010058u
#define X86_MSR_OSVW_LENGTH 0xc0010140u
#define X86_MSR_OSVW_STATUS 0xc0010141u
#define X86_MSR_LS_CFG 0xc0011020u
#define X86_MSR_IC_CFG 0xc0011021u
#define X86_MSR_DC_CFG 0xc0011022u
#define X86_MSR_BU_CFG 0xc0011023u
#define X86_MSR_DE_CFG 0xc0011029u
#define X86_MSR_BU_CFG2 0xc001102au

/* RDMSR and WRMSR; false: #GP(0). An unknown register is logged (unimp). */
bool x86_msr_read(X86CPU *cpu, uint32_t index, uint64_t *val);
bool x86_msr_write(X86CPU *cpu, uint32_t index, uint64_t val);
/* What RESET does to MSRs that INIT leaves alone. */
void x86_msr_reset(X86CPU *cpu);
/* The time-stamp counter as RDTSC reads it. */
uint64_t x86_read_tsc(X86CPU *cpu);

#endif
