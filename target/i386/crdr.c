/*
 * Control and debug registers (SDM vol. 3, 2.5, 4.10.4 and chapter 17).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/crdr.h"
#include "target/i386/cpuid.h"
#include "target/i386/seg.h"
#include "target/i386/tlb-space.h"
#include "target/i386/window.h"

enum { X86_CR3_NOFLUSH_BIT = 63 };

static uint64_t reserved_phys_bits(const X86CPU *cpu)
{
    return ~((1ull << x86_phys_bits(cpu)) - 1);
}

bool x86_load_pdptrs(X86CPU *cpu, uint64_t cr3)
{
    const uint64_t reserved = reserved_phys_bits(cpu) | 0x1e6;
    uint64_t entries[4];

    for (unsigned i = 0; i < 4; i++) {
        entries[i] = x86_phys_read64(cpu, (cr3 & 0xffffffe0) + i * 8);
        if (entries[i] & 1 && entries[i] & reserved) {
            return false;
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        cpu->state.pdptr[i] = entries[i];
    }
    return true;
}

static void reload_pdptrs(X86CPU *cpu, uint64_t cr3)
{
    if (!x86_load_pdptrs(cpu, cr3)) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
}

/* CR0.PG set with EFER.LME: what long mode demands. */
static void check_long_mode_entry(X86CPU *cpu)
{
    X86State *s = &cpu->state;
    bool tss16 = (s->tr.attr & X86_DESC_TYPE) < X86_SYS_TSS_AVAIL &&
                 !(s->tr.attr & X86_DESC_UNUSABLE) && !x86_sel_null(s->tr.selector);

    if (!(s->cr4 & X86_CR4_PAE) || s->segs[X86_CS].attr & X86_DESC_L || tss16) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
}

static void check_cr0(X86CPU *cpu, uint64_t val)
{
    X86State *s = &cpu->state;
    bool no_pe = val & X86_CR0_PG && !(val & X86_CR0_PE);
    bool no_cd = val & X86_CR0_NW && !(val & X86_CR0_CD);
    bool leaves_paging = s->cr0 & X86_CR0_PG && !(val & X86_CR0_PG);
    bool stuck = leaves_paging && (s->hflags & X86_HF_CS64 || s->cr4 & X86_CR4_PCIDE);

    if (val >> 32 || no_pe || no_cd || stuck) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
}

void x86_write_cr0(X86CPU *cpu, uint64_t val)
{
    const uint64_t defined = X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_NE |
                             X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG;
    X86State *s = &cpu->state;

    check_cr0(cpu, val);
    val = (val & defined) | X86_CR0_ET;
    uint64_t changed = val ^ s->cr0;
    if (changed & X86_CR0_PG) {
        if (!(val & X86_CR0_PG)) {
            s->efer &= ~(uint64_t)X86_EFER_LMA;
        } else if (s->efer & X86_EFER_LME) {
            check_long_mode_entry(cpu);
            s->efer |= X86_EFER_LMA;
        }
    }
    bool pae = val & X86_CR0_PG && s->cr4 & X86_CR4_PAE && !(s->efer & X86_EFER_LMA);
    if (pae && changed & (X86_CR0_PG | X86_CR0_CD | X86_CR0_NW)) {
        reload_pdptrs(cpu, s->cr3);
    }
    s->cr0 = val;
    x86_update_hflags(s);
    if (changed & (X86_CR0_PG | X86_CR0_WP | X86_CR0_PE)) {
        x86_tlb_flush(cpu);
    }
}

void x86_write_cr3(X86CPU *cpu, uint64_t val)
{
    X86State *s = &cpu->state;

    bool pcide = s->cr4 & X86_CR4_PCIDE;
    bool keep = pcide && val >> X86_CR3_NOFLUSH_BIT;
    uint64_t pcid_mask = pcide ? X86_CR3_PCID_MASK : 0, old = s->cr3;

    if (pcide) {
        val &= ~(1ull << X86_CR3_NOFLUSH_BIT);
    }
    if (s->hflags & X86_HF_LMA) {
        if (val & reserved_phys_bits(cpu)) {
            x86_raise(cpu, X86_EXCP_GP, 0);
        }
    } else {
        val = (uint32_t)val;
        if (s->cr0 & X86_CR0_PG && s->cr4 & X86_CR4_PAE) {
            reload_pdptrs(cpu, val);
        }
    }
    s->cr3 = val;
    x86_tlb_switch_space(cpu, old & pcid_mask, val & pcid_mask, keep);
    x86_window_switch(cpu, keep);
}

void x86_write_cr4(X86CPU *cpu, uint64_t val)
{
    const uint64_t translation = X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_LA57 |
                                 X86_CR4_PCIDE | X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PKE;
    X86State *s = &cpu->state;
    uint64_t changed = val ^ s->cr4;
    bool lma = s->hflags & X86_HF_LMA;
    bool bad_mode = lma && (!(val & X86_CR4_PAE) || changed & X86_CR4_LA57);
    bool bad_pcid = val & changed & X86_CR4_PCIDE && (!lma || s->cr3 & X86_CR3_PCID_MASK);

    if (val & ~x86_cr4_allowed(cpu) || bad_mode || bad_pcid) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    bool pae = s->cr0 & X86_CR0_PG && val & X86_CR4_PAE && !lma;
    if (pae && changed & (X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_SMEP)) {
        reload_pdptrs(cpu, s->cr3);
    }
    s->cr4 = val;
    x86_update_hflags(s);
    if (changed & translation) {
        x86_tlb_flush(cpu);
    }
}

void x86_write_cr8(X86CPU *cpu, uint64_t val)
{
    if (val & ~0xfull) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    cpu->state.cr8 = val;
    if (cpu->hooks && cpu->hooks->set_tpr) {
        cpu->hooks->set_tpr(cpu, val);
    }
}

uint64_t x86_read_cr8(X86CPU *cpu)
{
    return cpu->hooks && cpu->hooks->tpr ? cpu->hooks->tpr(cpu) : cpu->state.cr8;
}

bool x86_write_efer(X86CPU *cpu, uint64_t val)
{
    X86State *s = &cpu->state;
    uint64_t changed = val ^ s->efer;

    if (val & ~(x86_efer_allowed(cpu) | X86_EFER_LMA) ||
        (changed & X86_EFER_LME && s->cr0 & X86_CR0_PG)) {
        return false;
    }
    s->efer = (val & ~(uint64_t)X86_EFER_LMA) | (s->efer & X86_EFER_LMA);
    x86_update_hflags(s);
    if (changed & X86_EFER_NXE) {
        x86_tlb_flush(cpu);
    }
    return true;
}

void x86_write_dr(X86CPU *cpu, unsigned reg, uint64_t val)
{
    X86State *s = &cpu->state;

    if (reg >= 6 && val >> 32) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    if (reg == 6) {
        s->dr[6] = (val & X86_DR6_WRITABLE) | X86_DR6_FIXED;
        return;
    }
    s->dr[reg] = reg == 7 ? (val & X86_DR7_WRITABLE) | X86_DR7_FIXED : val;
    x86_update_hflags(s);
    x86_tlb_flush(cpu); /* which pages hold a data breakpoint is kept there */
}

/*
 * DR7: L0 G0 L1 G1 ... in bits 0-7, R/W0 LEN0 R/W1 LEN1 ... in bits 16-31.
 * LEN 2 means 8 bytes.
 */
static bool breakpoint_enabled(const X86State *s, unsigned n)
{
    return s->dr[7] >> (n * 2) & 3;
}

static X86BreakKind breakpoint_kind(const X86State *s, unsigned n)
{
    return s->dr[7] >> (16 + n * 4) & 3;
}

static unsigned breakpoint_len(const X86State *s, unsigned n)
{
    static const uint8_t lengths[4] = { 1, 2, 8, 4 };

    return lengths[s->dr[7] >> (18 + n * 4) & 3];
}

static bool kind_matches(X86BreakKind armed, X86BreakKind access)
{
    return armed == access || (armed == X86_BREAK_RW && access == X86_BREAK_WRITE);
}

uint32_t x86_breakpoint_hits(const X86State *s, X86BreakKind access, uint64_t addr, unsigned len)
{
    uint32_t hits = 0;

    for (unsigned n = 0; n < 4; n++) {
        unsigned bp_len = breakpoint_len(s, n);
        uint64_t start = s->dr[n] & ~(uint64_t)(bp_len - 1);
        if (breakpoint_enabled(s, n) && kind_matches(breakpoint_kind(s, n), access) &&
            addr < start + bp_len && start < addr + len) {
            hits |= 1u << n;
        }
    }
    return hits;
}

void x86_check_code_breakpoint(X86CPU *cpu, uint64_t lin)
{
    X86State *s = &cpu->state;

    if (s->eflags & X86_EFLAGS_RF) {
        return;
    }
    uint32_t hits = x86_breakpoint_hits(s, X86_BREAK_EXEC, lin, 1);
    if (hits) {
        s->dr[6] = (s->dr[6] & ~0xfull) | hits;
        x86_raise(cpu, X86_EXCP_DB, 0);
    }
}

static void note_hits(X86State *s, uint32_t hits)
{
    if (hits) {
        s->pending_db = 1;
        s->pending_dr6 |= hits;
    }
}

void x86_note_data_breakpoint(X86CPU *cpu, uint64_t lin, unsigned len, bool write)
{
    X86State *s = &cpu->state;

    note_hits(s, x86_breakpoint_hits(s, write ? X86_BREAK_WRITE : X86_BREAK_RW, lin, len));
}

void x86_note_io_breakpoint(X86CPU *cpu, uint16_t port, unsigned len)
{
    note_hits(&cpu->state, x86_breakpoint_hits(&cpu->state, X86_BREAK_IO, port, len));
}

void x86_deliver_debug_trap(X86CPU *cpu, uint32_t dr6)
{
    X86State *s = &cpu->state;

    dr6 |= s->pending_dr6;
    s->pending_db = 0;
    s->pending_dr6 = 0;
    s->dr[6] = (s->dr[6] & ~0xfull) | dr6;
    x86_deliver_event(cpu, X86_EVENT_TRAP, X86_EXCP_DB, false, 0);
}
