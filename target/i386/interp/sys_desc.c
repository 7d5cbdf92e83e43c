/*
 * Handlers of the descriptor-table and descriptor instructions: LGDT, SGDT,
 * LIDT, SIDT, LLDT, SLDT, LTR, STR, LAR, LSL, VERR, VERW, ARPL, LMSW, SMSW
 * (SDM vol. 2).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/crdr.h"
#include "target/i386/interp/interp.h"
#include "target/i386/interp/operand.h"
#include "target/i386/seg.h"

/* UMIP keeps SGDT, SIDT, SLDT, STR and SMSW from user code. */
static void check_umip(X86CPU *cpu)
{
    if (cpu->state.cr4 & X86_CR4_UMIP && x86_cpl(&cpu->state) != 0) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
}

/* The pseudo-descriptor: 16 bits of limit, 32 or in 64-bit mode 64 of base. */
static unsigned base_size(const X86State *s)
{
    return s->hflags & X86_HF_CS64 ? 8 : 4;
}

static void store_table(X86CPU *cpu, const X86Insn *insn, const X86TableReg *table)
{
    unsigned size = base_size(&cpu->state);
    uint8_t image[10];

    check_umip(cpu);
    memcpy(image, &table->limit, 2);
    memcpy(image + 2, &table->base, 8);
    x86_lin_write(cpu, x86_op_lin(cpu, insn, 0, size + 2, X86_ACCESS_WRITE), image, size + 2);
}

static void load_table(X86CPU *cpu, const X86Insn *insn, X86TableReg *table)
{
    X86State *s = &cpu->state;
    unsigned size = base_size(s);
    uint8_t image[10] = { 0 };
    X86TableReg loaded;

    x86_lin_read(cpu, x86_op_lin(cpu, insn, 0, size + 2, X86_ACCESS_READ), image, size + 2);
    memcpy(&loaded.limit, image, 2);
    memcpy(&loaded.base, image + 2, 8);
    if (size == 4 && insn->op_size == 2) {
        loaded.base &= 0xffffff; /* as on the 286 */
    }
    if (size == 8 && !x86_canonical(s, loaded.base)) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    *table = loaded;
}

static void op_sgdt(X86CPU *cpu, const X86Insn *insn)
{
    store_table(cpu, insn, &cpu->state.gdt);
}

static void op_sidt(X86CPU *cpu, const X86Insn *insn)
{
    store_table(cpu, insn, &cpu->state.idt);
}

static void op_lgdt(X86CPU *cpu, const X86Insn *insn)
{
    load_table(cpu, insn, &cpu->state.gdt);
}

static void op_lidt(X86CPU *cpu, const X86Insn *insn)
{
    load_table(cpu, insn, &cpu->state.idt);
}

static void op_sldt(X86CPU *cpu, const X86Insn *insn)
{
    check_umip(cpu);
    x86_op_write(cpu, insn, 0, cpu->state.ldt.selector);
}

static void op_str(X86CPU *cpu, const X86Insn *insn)
{
    check_umip(cpu);
    x86_op_write(cpu, insn, 0, cpu->state.tr.selector);
}

static void op_lldt(X86CPU *cpu, const X86Insn *insn)
{
    x86_load_ldtr(cpu, x86_op_read(cpu, insn, 0), X86_EXCP_GP, X86_EXCP_NP);
}

static void op_ltr(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint16_t sel = x86_op_read(cpu, insn, 0);
    bool lma = s->hflags & X86_HF_LMA;
    X86Desc d;

    if (x86_sel_null(sel) || sel & 4) {
        x86_raise(cpu, X86_EXCP_GP, x86_sel_error(sel, false));
    }
    x86_desc_read(cpu, sel, X86_EXCP_GP, false, &d);
    unsigned type = x86_desc_type(&d);
    if (x86_desc_s(&d) ||
        (type != X86_SYS_TSS_AVAIL && (lma || type != X86_SYS_TSS16_AVAIL))) {
        x86_raise(cpu, X86_EXCP_GP, x86_sel_error(sel, false));
    }
    if (!x86_desc_p(&d)) {
        x86_raise(cpu, X86_EXCP_NP, x86_sel_error(sel, false));
    }
    if (lma) {
        x86_desc_read_upper(cpu, sel, false, &d);
    }
    d.hi |= 0x200; /* busy */
    x86_sys_write32(cpu, d.addr + 4, d.hi);
    s->tr = x86_segment_of(sel, &d);
}

static void set_zf(X86CPU *cpu, bool zf)
{
    x86_change_arith_flags(&cpu->state, X86_EFLAGS_ZF, zf ? X86_EFLAGS_ZF : 0);
}

/* Is the descriptor of sel, if it exists, of a type in the masks (bit n: type n)
 * and visible at the present privilege? */
static bool visible(X86CPU *cpu, uint16_t sel, uint32_t types, X86Desc *d)
{
    X86State *s = &cpu->state;

    if (x86_sel_null(sel) || !x86_desc_try_read(cpu, sel, d)) {
        return false;
    }
    if (!x86_desc_s(d) && !(types >> x86_desc_type(d) & 1)) {
        return false;
    }
    bool conforming = x86_desc_is_code(d) && x86_desc_is_conforming(d);
    return conforming || x86_desc_dpl(d) >= MAX(x86_cpl(s), sel & 3u);
}

#define TYPE(n) (1u << X86_SYS_##n)
/* System types that LSL knows, and those that only LAR knows. */
#define LSL_LONG (TYPE(LDT) | TYPE(TSS_AVAIL) | TYPE(TSS_BUSY))
#define LSL_LEGACY (LSL_LONG | TYPE(TSS16_AVAIL) | TYPE(TSS16_BUSY))
#define LAR_LONG (LSL_LONG | TYPE(CALL))
#define LAR_LEGACY (LSL_LEGACY | TYPE(CALL) | TYPE(CALL16) | TYPE(TASK))

static void op_lar(X86CPU *cpu, const X86Insn *insn)
{
    uint32_t types = cpu->state.hflags & X86_HF_LMA ? LAR_LONG : LAR_LEGACY;
    uint16_t sel = x86_op_read(cpu, insn, 1);
    X86Desc d;
    bool ok = visible(cpu, sel, types, &d);

    if (ok) {
        x86_op_write(cpu, insn, 0, d.hi & 0x00ffff00);
    }
    set_zf(cpu, ok);
}

static void op_lsl(X86CPU *cpu, const X86Insn *insn)
{
    uint32_t types = cpu->state.hflags & X86_HF_LMA ? LSL_LONG : LSL_LEGACY;
    uint16_t sel = x86_op_read(cpu, insn, 1);
    X86Desc d;
    bool ok = visible(cpu, sel, types, &d);

    if (ok) {
        x86_op_write(cpu, insn, 0, x86_desc_limit(&d));
    }
    set_zf(cpu, ok);
}

static void op_verr(X86CPU *cpu, const X86Insn *insn)
{
    X86Desc d;
    bool ok = visible(cpu, x86_op_read(cpu, insn, 0), 0, &d);

    set_zf(cpu, ok && (!x86_desc_is_code(&d) || x86_desc_attr(&d) & X86_DESC_R));
}

static void op_verw(X86CPU *cpu, const X86Insn *insn)
{
    X86Desc d;
    bool ok = visible(cpu, x86_op_read(cpu, insn, 0), 0, &d);

    set_zf(cpu, ok && x86_desc_is_writable(&d));
}

static void op_arpl(X86CPU *cpu, const X86Insn *insn)
{
    uint16_t dst = x86_op_read(cpu, insn, 0), src = x86_op_read(cpu, insn, 1);
    bool adjust = (dst & 3) < (src & 3);

    if (adjust) {
        x86_op_write(cpu, insn, 0, (dst & ~3) | (src & 3));
    }
    set_zf(cpu, adjust);
}

static void op_smsw(X86CPU *cpu, const X86Insn *insn)
{
    check_umip(cpu);
    x86_op_write(cpu, insn, 0, cpu->state.cr0);
}

/* LMSW loads PE, MP, EM, TS and cannot clear PE. */
static void op_lmsw(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint64_t val = x86_op_read(cpu, insn, 0) & 0xf;

    x86_write_cr0(cpu, (s->cr0 & ~0xeull) | val);
}

const X86Handler x86_handlers_desc[] = {
    { X86_MN_SGDT, op_sgdt }, { X86_MN_SIDT, op_sidt }, { X86_MN_LGDT, op_lgdt },
    { X86_MN_LIDT, op_lidt }, { X86_MN_SLDT, op_sldt }, { X86_MN_STR, op_str },
    { X86_MN_LLDT, op_lldt }, { X86_MN_LTR, op_ltr },   { X86_MN_LAR, op_lar },
    { X86_MN_LSL, op_lsl },   { X86_MN_VERR, op_verr }, { X86_MN_VERW, op_verw },
    { X86_MN_ARPL, op_arpl }, { X86_MN_SMSW, op_smsw }, { X86_MN_LMSW, op_lmsw },
    { 0, NULL },
};
