/*
 * System-management mode with the AMD64 state-save area (APM vol. 2, 10.2;
 * table 10-1), which SeaBIOS and OVMF know by its revision 0x00020064.
 *
 *   SMBASE + fe00  ES CS SS DS FS GS, GDTR, LDTR, IDTR, TR: 16 bytes each
 *                  (selector, attributes, limit, base)
 *            fec9  auto-halt restart     feca  NMI mask     fed0  EFER
 *            fefc  revision              ff00  SMBASE (RSM loads it)
 *            ff48  CR4   ff50  CR3   ff58  CR0   ff60  DR7   ff68  DR6
 *            ff70  RFLAGS  ff78  RIP     ff80  R15 ... fff8  RAX
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/crdr.h"
#include "target/i386/phys.h"
#include "target/i386/seg.h"
#include "target/i386/syscall.h"

enum {
    SMM_ENTRY = 0x8000, SMM_SAVE_SEGS = 0xfe00, SMM_SAVE_GDTR = 0xfe60, SMM_SAVE_LDTR = 0xfe70,
    SMM_SAVE_IDTR = 0xfe80, SMM_SAVE_TR = 0xfe90, SMM_SAVE_AUTO_HALT = 0xfec9,
    SMM_SAVE_NMI_MASK = 0xfeca,
    SMM_SAVE_EFER = 0xfed0, SMM_SAVE_REVISION = 0xfefc, SMM_SAVE_SMBASE = 0xff00,
    SMM_SAVE_CR4 = 0xff48, SMM_SAVE_CR3 = 0xff50, SMM_SAVE_CR0 = 0xff58, SMM_SAVE_DR7 = 0xff60,
    SMM_SAVE_DR6 = 0xff68, SMM_SAVE_RFLAGS = 0xff70, SMM_SAVE_RIP = 0xff78,
    SMM_SAVE_RAX = 0xfff8, /* the other registers follow downwards in encoding order */
    SMM_REVISION = 0x00020064, /* AMD64 layout; bit 17: SMBASE can be relocated */
};

static void put(X86CPU *cpu, unsigned offset, unsigned size, uint64_t val)
{
    x86_phys_store(cpu, (uint64_t)cpu->state.smbase + offset, val, size);
}

static uint64_t get(X86CPU *cpu, unsigned offset, unsigned size)
{
    return x86_phys_load(cpu, (uint64_t)cpu->state.smbase + offset, size);
}

static void put_segment(X86CPU *cpu, unsigned offset, const X86Segment *seg)
{
    put(cpu, offset, 2, seg->selector);
    put(cpu, offset + 2, 2, seg->attr);
    put(cpu, offset + 4, 4, seg->limit);
    put(cpu, offset + 8, 8, seg->base);
}

static X86Segment get_segment(X86CPU *cpu, unsigned offset)
{
    return (X86Segment) {
        .selector = get(cpu, offset, 2),
        .attr = get(cpu, offset + 2, 2),
        .limit = get(cpu, offset + 4, 4),
        .base = get(cpu, offset + 8, 8),
    };
}

static void put_table(X86CPU *cpu, unsigned offset, const X86TableReg *table)
{
    put(cpu, offset + 4, 4, table->limit);
    put(cpu, offset + 8, 8, table->base);
}

static X86TableReg get_table(X86CPU *cpu, unsigned offset)
{
    return (X86TableReg) { .limit = get(cpu, offset + 4, 2), .base = get(cpu, offset + 8, 8) };
}

/* The registers that are one quadword each in the save area. */
static const struct {
    uint16_t offset, field;
} saved_quadwords[] = {
    { SMM_SAVE_EFER, offsetof(X86State, efer) }, { SMM_SAVE_CR4, offsetof(X86State, cr4) },
    { SMM_SAVE_CR3, offsetof(X86State, cr3) },   { SMM_SAVE_CR0, offsetof(X86State, cr0) },
    { SMM_SAVE_DR7, offsetof(X86State, dr[7]) }, { SMM_SAVE_DR6, offsetof(X86State, dr[6]) },
    { SMM_SAVE_RIP, offsetof(X86State, rip) },
};

static uint64_t *quadword(X86State *s, unsigned i)
{
    return (uint64_t *)((uint8_t *)s + saved_quadwords[i].field);
}

static void save_state(X86CPU *cpu)
{
    X86State *s = &cpu->state;

    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        put_segment(cpu, SMM_SAVE_SEGS + i * 16, &s->segs[i]);
    }
    put_table(cpu, SMM_SAVE_GDTR, &s->gdt);
    put_table(cpu, SMM_SAVE_IDTR, &s->idt);
    put_segment(cpu, SMM_SAVE_LDTR, &s->ldt);
    put_segment(cpu, SMM_SAVE_TR, &s->tr);
    for (unsigned i = 0; i < G_N_ELEMENTS(saved_quadwords); i++) {
        put(cpu, saved_quadwords[i].offset, 8, *quadword(s, i));
    }
    for (unsigned i = 0; i < 16; i++) {
        put(cpu, SMM_SAVE_RAX - i * 8, 8, s->regs[i]);
    }
    put(cpu, SMM_SAVE_RFLAGS, 8, x86_get_eflags(s));
    put(cpu, SMM_SAVE_AUTO_HALT, 1, cpu->parent.halted);
    put(cpu, SMM_SAVE_NMI_MASK, 1, s->nmi_blocked);
    put(cpu, SMM_SAVE_REVISION, 4, SMM_REVISION);
    put(cpu, SMM_SAVE_SMBASE, 4, s->smbase);
}

static void enter_mode(X86CPU *cpu)
{
    const uint32_t data = X86_DESC_P | X86_DESC_S | X86_DESC_W | X86_DESC_A | X86_DESC_G;
    X86State *s = &cpu->state;

    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        s->segs[i] = (X86Segment) { .limit = UINT32_MAX, .attr = data };
    }
    s->segs[X86_CS].selector = s->smbase >> 4;
    s->segs[X86_CS].base = s->smbase;
    s->rip = SMM_ENTRY;
    s->cr0 &= ~(uint64_t)(X86_CR0_PE | X86_CR0_EM | X86_CR0_TS | X86_CR0_PG);
    s->cr4 = 0;
    s->efer = 0;
    s->dr[7] = X86_DR7_FIXED;
    x86_set_eflags(s, X86_EFLAGS_FIXED);
    x86_tlb_flush(cpu);
}

void x86_smm_enter(X86CPU *cpu)
{
    X86State *s = &cpu->state;

    s->in_smm = 1;
    x86_update_hflags(s);
    x86_tlb_flush(cpu);
    save_state(cpu);
    s->int_shadow = 0;
    s->nmi_blocked = 1;
    cpu->parent.halted = false;
    enter_mode(cpu);
}

/* RSM with control registers that contradict each other is a shutdown. */
static bool loadable(uint64_t cr0, uint64_t efer)
{
    bool paging_unprotected = cr0 & X86_CR0_PG && !(cr0 & X86_CR0_PE);
    bool nw_alone = cr0 & X86_CR0_NW && !(cr0 & X86_CR0_CD);
    bool lma = efer & X86_EFER_LMA;

    return !paging_unprotected && !nw_alone && (!lma || cr0 & X86_CR0_PG);
}

static void restore_state(X86CPU *cpu)
{
    X86State *s = &cpu->state;

    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        s->segs[i] = get_segment(cpu, SMM_SAVE_SEGS + i * 16);
    }
    s->gdt = get_table(cpu, SMM_SAVE_GDTR);
    s->idt = get_table(cpu, SMM_SAVE_IDTR);
    s->ldt = get_segment(cpu, SMM_SAVE_LDTR);
    s->tr = get_segment(cpu, SMM_SAVE_TR);
    for (unsigned i = 0; i < G_N_ELEMENTS(saved_quadwords); i++) {
        *quadword(s, i) = get(cpu, saved_quadwords[i].offset, 8);
    }
    for (unsigned i = 0; i < 16; i++) {
        s->regs[i] = get(cpu, SMM_SAVE_RAX - i * 8, 8);
    }
}

void x86_smm_leave(X86CPU *cpu)
{
    X86State *s = &cpu->state;

    if (!s->in_smm) {
        x86_raise(cpu, X86_EXCP_UD, 0);
    }
    if (!loadable(get(cpu, SMM_SAVE_CR0, 8), get(cpu, SMM_SAVE_EFER, 8))) {
        s->triple_fault = 1;
        return;
    }
    uint32_t eflags = get(cpu, SMM_SAVE_RFLAGS, 8);
    uint32_t smbase = get(cpu, SMM_SAVE_SMBASE, 4);
    bool halt = get(cpu, SMM_SAVE_AUTO_HALT, 1) & 1;
    bool nmi_blocked = get(cpu, SMM_SAVE_NMI_MASK, 1) & 1;

    restore_state(cpu);
    s->smbase = smbase;
    s->in_smm = 0;
    s->nmi_blocked = nmi_blocked;
    cpu->parent.halted = halt;
    x86_set_eflags(s, eflags);
    x86_tlb_flush(cpu);
    bool pae = s->cr0 & X86_CR0_PG && s->cr4 & X86_CR4_PAE && !(s->efer & X86_EFER_LMA);
    if (pae && !x86_load_pdptrs(cpu, s->cr3)) {
        s->triple_fault = 1;
    }
}
