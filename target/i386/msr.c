/*
 * Model-specific registers (SDM vol. 4; APM vol. 2, appendix A).
 *
 * Each register is a row: most live in X86State and differ in which values
 * WRMSR refuses; the rest have functions of their own.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/msr.h"
#include <inttypes.h>
#include <string.h>
#include "target/i386/cpuid.h"
#include "target/i386/crdr.h"
#include "target/i386/seg.h"
#include "util/log.h"

enum { MC_BANKS = 10, MTRR_COUNT = 8, FW7_EBX_TSC_ADJUST = 1, FW1_ECX_TSC_DEADLINE = 24 };

typedef struct MsrRow MsrRow;
typedef bool MsrReadFn(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t *val);
typedef bool MsrWriteFn(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val);

struct MsrRow {
    uint32_t first, last;   /* indexes; last 0: just one */
    MsrReadFn *read;
    MsrWriteFn *write;      /* NULL: read-only, #GP(0) */
    uint16_t offset;        /* in X86State, for the functions that use it */
    uint8_t vendor;         /* VENDOR_...: exists on these CPUs only */
    uint64_t arg;           /* constant read, or bits that WRMSR refuses */
};

enum { VENDOR_ANY, VENDOR_AMD, VENDOR_INTEL };

static uint64_t *state_field(X86CPU *cpu, const MsrRow *row, uint32_t index)
{
    return (uint64_t *)((uint8_t *)&cpu->state + row->offset) + (index - row->first);
}

static bool read_field(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t *val)
{
    *val = *state_field(cpu, row, index);
    return true;
}

/* arg: bits that must be 0. */
static bool write_field(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    if (val & row->arg) {
        return false;
    }
    *state_field(cpu, row, index) = val;
    return true;
}

static bool write_low32(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    *state_field(cpu, row, index) = (uint32_t)val;
    return true;
}

static bool write_canonical(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    if (!x86_canonical(&cpu->state, val)) {
        return false;
    }
    *state_field(cpu, row, index) = val;
    return true;
}

static bool read_constant(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t *val)
{
    *val = row->arg;
    return true;
}

static bool write_ignored(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    return true;
}

static bool write_zero_only(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    return val == 0;
}

/* --- time -------------------------------------------------------------------- */

static uint64_t raw_tsc(X86CPU *cpu)
{
    return cpu->hooks && cpu->hooks->tsc ? cpu->hooks->tsc(cpu) : 0;
}

uint64_t x86_read_tsc(X86CPU *cpu)
{
    return raw_tsc(cpu) + cpu->state.tsc_offset;
}

static bool read_tsc(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t *val)
{
    *val = x86_read_tsc(cpu);
    return true;
}

/* A write to the TSC moves TSC_ADJUST by as much, and the other way round
 * (SDM vol. 3, 17.17.3). */
static void move_tsc(X86State *s, uint64_t delta)
{
    s->tsc_offset += delta;
    s->tsc_adjust += delta;
}

static bool write_tsc(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    move_tsc(&cpu->state, val - x86_read_tsc(cpu));
    return true;
}

static bool read_tsc_adjust(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t *val)
{
    *val = cpu->state.tsc_adjust;
    return x86_cpuid_bit(cpu, X86_FW_7_EBX, FW7_EBX_TSC_ADJUST);
}

static bool write_tsc_adjust(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    if (!x86_cpuid_bit(cpu, X86_FW_7_EBX, FW7_EBX_TSC_ADJUST)) {
        return false;
    }
    move_tsc(&cpu->state, val - cpu->state.tsc_adjust);
    return true;
}

static bool has_tsc_deadline(X86CPU *cpu)
{
    return x86_cpuid_bit(cpu, X86_FW_1_ECX, FW1_ECX_TSC_DEADLINE) && cpu->hooks &&
           cpu->hooks->tsc_deadline;
}

static bool read_tsc_deadline(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t *val)
{
    *val = cpu->state.tsc_deadline;
    return has_tsc_deadline(cpu);
}

static bool write_tsc_deadline(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    if (!has_tsc_deadline(cpu)) {
        return false;
    }
    cpu->state.tsc_deadline = val;
    cpu->hooks->tsc_deadline(cpu, val);
    return true;
}

/* --- local APIC -------------------------------------------------------------- */

static bool read_apic_base(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t *val)
{
    *val = cpu->hooks && cpu->hooks->apic_base ? cpu->hooks->apic_base(cpu) : 0;
    return true;
}

static bool write_apic_base(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    return cpu->hooks && cpu->hooks->set_apic_base && cpu->hooks->set_apic_base(cpu, val);
}

static bool read_x2apic(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t *val)
{
    return cpu->hooks && cpu->hooks->x2apic_read && cpu->hooks->x2apic_read(cpu, index, val);
}

static bool write_x2apic(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    return cpu->hooks && cpu->hooks->x2apic_write && cpu->hooks->x2apic_write(cpu, index, val);
}

/* --- memory types ------------------------------------------------------------ */

/* MTRR memory types: UC, WC, WT, WP, WB (SDM vol. 3, table 11-8). */
static bool mtrr_type_valid(unsigned type)
{
    return type < 8 && 0x73 >> type & 1;
}

/* MTRRphysBasen and MTRRphysMaskn alternate. */
static uint64_t *mtrr_variable(X86State *s, uint32_t index)
{
    unsigned n = (index - X86_MSR_MTRR_PHYS_BASE0) / 2;

    return index & 1 ? &s->mtrr_mask[n] : &s->mtrr_base[n];
}

static bool read_mtrr_variable(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t *val)
{
    *val = *mtrr_variable(&cpu->state, index);
    return true;
}

static bool write_mtrr_variable(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    uint64_t reserved = ~((1ull << x86_phys_bits(cpu)) - 1) | (index & 1 ? 0x7ff : 0xf00);

    if (val & reserved || (!(index & 1) && !mtrr_type_valid(val & 0xff))) {
        return false;
    }
    *mtrr_variable(&cpu->state, index) = val;
    return true;
}

static bool write_mtrr_fixed(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    for (unsigned i = 0; i < 64; i += 8) {
        if (!mtrr_type_valid(val >> i & 0xff)) {
            return false;
        }
    }
    return write_field(cpu, row, index, val);
}

static bool write_mtrr_def_type(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    if (val & ~0xcffull || !mtrr_type_valid(val & 0xff)) {
        return false;
    }
    cpu->state.mtrr_def_type = val;
    return true;
}

/* PAT has one type more than the MTRRs: 7, UC-. */
static bool write_pat(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    for (unsigned i = 0; i < 64; i += 8) {
        if ((val >> i & 0xff) != 7 && !mtrr_type_valid(val >> i & 0xff)) {
            return false;
        }
    }
    cpu->state.pat = val;
    return true;
}

/* --- machine check ----------------------------------------------------------- */

/* CTL takes all zeros or all ones; STATUS, ADDR and MISC only zero (SDM vol. 3, 15.3.2). */
static bool write_mc_bank(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    bool ctl = (index - row->first) % 4 == 0;

    if (!ctl && val != 0) {
        return false;
    }
    return write_field(cpu, row, index, val);
}

static bool write_mcg_ctl(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    return (val == 0 || val == UINT64_MAX) && write_field(cpu, row, index, val);
}

/* --- system calls and bases ---------------------------------------------------- */

static bool write_efer(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    return x86_write_efer(cpu, val);
}

static bool write_xss(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    return x86_has_feature(cpu, X86_FEAT_XSAVES) && val == 0;
}

static bool read_xss(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t *val)
{
    *val = cpu->state.xss;
    return x86_has_feature(cpu, X86_FEAT_XSAVES);
}

static bool write_seg_base(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t val)
{
    if (!x86_canonical(&cpu->state, val)) {
        return false;
    }
    cpu->state.segs[index == X86_MSR_FS_BASE ? X86_FS : X86_GS].base = val;
    return true;
}

static bool read_seg_base(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t *val)
{
    *val = cpu->state.segs[index == X86_MSR_FS_BASE ? X86_FS : X86_GS].base;
    return true;
}

/* The microcode revision that KVM and QEMU report for each vendor. */
static bool read_ucode_rev(X86CPU *cpu, const MsrRow *row, uint32_t index, uint64_t *val)
{
    *val = x86_is_amd(cpu) ? 0x01000065 : 0x100000000;
    return true;
}

#define FIELD(name) offsetof(X86State, name)
#define HIGH32 0xffffffff00000000ull

static const MsrRow msr_rows[] = {
    { X86_MSR_TSC, 0, read_tsc, write_tsc },
    { X86_MSR_PLATFORM_ID, 0, read_constant, NULL },
    { X86_MSR_APIC_BASE, 0, read_apic_base, write_apic_base },
    { X86_MSR_EBL_CR_POWERON, 0, read_constant, write_ignored },
    { X86_MSR_TSC_ADJUST, 0, read_tsc_adjust, write_tsc_adjust },
    { X86_MSR_UCODE_WRITE, 0, read_constant, write_ignored, 0, VENDOR_INTEL },
    { X86_MSR_UCODE_REV, 0, read_ucode_rev, write_ignored },
    /* 8 variable ranges, fixed ranges, write combining */
    { X86_MSR_MTRRCAP, 0, read_constant, NULL, 0, VENDOR_ANY, 0x500 | MTRR_COUNT },
    { X86_MSR_BBL_CR_CTL3, 0, read_constant, write_ignored, 0, VENDOR_INTEL, 0xbe702111 },
    { X86_MSR_SYSENTER_CS, 0, read_field, write_low32, FIELD(sysenter_cs) },
    { X86_MSR_SYSENTER_ESP, 0, read_field, write_canonical, FIELD(sysenter_esp) },
    { X86_MSR_SYSENTER_EIP, 0, read_field, write_canonical, FIELD(sysenter_eip) },
    { X86_MSR_MCG_CAP, 0, read_field, NULL, FIELD(mcg_cap) },
    { X86_MSR_MCG_STATUS, 0, read_field, write_field, FIELD(mcg_status), VENDOR_ANY, ~7ull },
    { X86_MSR_MCG_CTL, 0, read_field, write_mcg_ctl, FIELD(mcg_ctl) },
    { X86_MSR_PERF_STATUS, 0, read_constant, write_ignored, 0, VENDOR_INTEL, 0x40000000003e8 },
    { X86_MSR_THERM_INTERRUPT, X86_MSR_THERM_STATUS, read_constant, write_ignored, 0,
      VENDOR_INTEL },
    { X86_MSR_MISC_ENABLE, 0, read_field, write_field, FIELD(misc_enable), VENDOR_INTEL },
    /* no last-branch recording: the enable bits stay clear */
    { X86_MSR_DEBUGCTL, 0, read_constant, write_zero_only },
    { X86_MSR_LASTBRANCH_FROM, X86_MSR_LASTINT_TO, read_constant, NULL },
    { X86_MSR_MTRR_PHYS_BASE0, X86_MSR_MTRR_PHYS_LAST, read_mtrr_variable, write_mtrr_variable },
    { X86_MSR_MTRR_FIX64K, 0, read_field, write_mtrr_fixed, FIELD(mtrr_fixed[0]) },
    { X86_MSR_MTRR_FIX16K, X86_MSR_MTRR_FIX16K + 1, read_field, write_mtrr_fixed,
      FIELD(mtrr_fixed[1]) },
    { X86_MSR_MTRR_FIX4K, X86_MSR_MTRR_FIX4K + 7, read_field, write_mtrr_fixed,
      FIELD(mtrr_fixed[3]) },
    { X86_MSR_PAT, 0, read_field, write_pat, FIELD(pat) },
    { X86_MSR_MTRR_DEF_TYPE, 0, read_field, write_mtrr_def_type, FIELD(mtrr_def_type) },
    { X86_MSR_MC0_CTL, X86_MSR_MC0_CTL + MC_BANKS * 4 - 1, read_field, write_mc_bank,
      FIELD(mc_banks) },
    { X86_MSR_TSC_DEADLINE, 0, read_tsc_deadline, write_tsc_deadline },
    { X86_MSR_X2APIC_FIRST, X86_MSR_X2APIC_LAST, read_x2apic, write_x2apic },
    { X86_MSR_XSS, 0, read_xss, write_xss },
    { X86_MSR_EFER, 0, read_field, write_efer, FIELD(efer) },
    { X86_MSR_STAR, 0, read_field, write_field, FIELD(star) },
    { X86_MSR_LSTAR, 0, read_field, write_canonical, FIELD(lstar) },
    { X86_MSR_CSTAR, 0, read_field, write_canonical, FIELD(cstar) },
    { X86_MSR_FMASK, 0, read_field, write_field, FIELD(fmask), VENDOR_ANY, HIGH32 },
    { X86_MSR_FS_BASE, X86_MSR_GS_BASE, read_seg_base, write_seg_base },
    { X86_MSR_KERNEL_GS_BASE, 0, read_field, write_canonical, FIELD(kernel_gs_base) },
    { X86_MSR_TSC_AUX, 0, read_field, write_field, FIELD(tsc_aux), VENDOR_ANY, HIGH32 },
    { X86_MSR_SYSCFG, 0, read_constant, write_ignored, 0, VENDOR_AMD },
    { X86_MSR_HWCR, 0, read_field, write_field, FIELD(hwcr), VENDOR_AMD },
    { X86_MSR_TOP_MEM, 0, read_constant, write_ignored, 0, VENDOR_AMD },
    { X86_MSR_TOP_MEM2, 0, read_constant, write_ignored, 0, VENDOR_AMD },
    { X86_MSR_NB_CFG, 0, read_constant, write_ignored, 0, VENDOR_AMD },
    { X86_MSR_PATCH_LOADER, 0, read_constant, write_ignored, 0, VENDOR_AMD },
    { X86_MSR_INT_PENDING, 0, read_constant, write_ignored, 0, VENDOR_AMD },
    { X86_MSR_MMCONF_BASE, 0, read_constant, write_ignored, 0, VENDOR_AMD },
    { X86_MSR_OSVW_LENGTH, X86_MSR_OSVW_STATUS, read_constant, write_ignored, 0, VENDOR_AMD },
    { X86_MSR_LS_CFG, X86_MSR_BU_CFG, read_constant, write_ignored, 0, VENDOR_AMD },
    /* bit 1: LFENCE serializes */
    { X86_MSR_DE_CFG, 0, read_constant, write_ignored, 0, VENDOR_AMD, 2 },
    { X86_MSR_BU_CFG2, 0, read_constant, write_ignored, 0, VENDOR_AMD },
};

static const MsrRow *find_msr(X86CPU *cpu, uint32_t index)
{
    unsigned vendor = x86_is_amd(cpu) ? VENDOR_AMD : VENDOR_INTEL;

    for (unsigned i = 0; i < G_N_ELEMENTS(msr_rows); i++) {
        const MsrRow *row = &msr_rows[i];
        if (index >= row->first && index <= MAX(row->first, row->last)) {
            return row->vendor == VENDOR_ANY || row->vendor == vendor ? row : NULL;
        }
    }
    return NULL;
}

bool x86_msr_read(X86CPU *cpu, uint32_t index, uint64_t *val)
{
    const MsrRow *row = find_msr(cpu, index);

    if (!row) {
        log_mask(LOG_UNIMP, "rdmsr: no register %08x\n", index);
        return false;
    }
    return row->read(cpu, row, index, val);
}

bool x86_msr_write(X86CPU *cpu, uint32_t index, uint64_t val)
{
    const MsrRow *row = find_msr(cpu, index);

    if (!row) {
        log_mask(LOG_UNIMP, "wrmsr: no register %08x (value %016" PRIx64 ")\n", index, val);
        return false;
    }
    return row->write && row->write(cpu, row, index, val);
}

void x86_msr_reset(X86CPU *cpu)
{
    const uint64_t mcg_ctl_present = 1u << 8;
    X86State *s = &cpu->state;

    s->star = s->lstar = s->cstar = s->fmask = s->kernel_gs_base = 0;
    s->sysenter_cs = s->sysenter_esp = s->sysenter_eip = 0;
    s->tsc_offset = -raw_tsc(cpu);
    s->tsc_adjust = s->tsc_aux = s->tsc_deadline = 0;
    s->pat = 0x0007040600070406;
    s->misc_enable = 1; /* fast strings */
    s->xss = s->hwcr = 0;
    s->mcg_cap = mcg_ctl_present | MC_BANKS;
    s->mcg_ctl = UINT64_MAX;
    s->mcg_status = 0;
    s->mtrr_def_type = 0;
    memset(s->mtrr_fixed, 0, sizeof(s->mtrr_fixed));
    memset(s->mtrr_base, 0, sizeof(s->mtrr_base));
    memset(s->mtrr_mask, 0, sizeof(s->mtrr_mask));
    memset(s->mc_banks, 0, sizeof(s->mc_banks));
    for (unsigned i = 0; i < MC_BANKS; i++) {
        s->mc_banks[i * 4] = UINT64_MAX;
    }
}
