/*
 * Returns in protected and long mode, and IRET in every mode (SDM vol. 2,
 * operation of RET and IRET).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/seg.h"

static void check_return_code(X86CPU *cpu, uint16_t sel, X86Desc *d)
{
    X86State *s = &cpu->state;
    unsigned rpl = sel & 3;

    if (x86_sel_null(sel)) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    x86_desc_read(cpu, sel, X86_EXCP_GP, false, d);
    unsigned dpl = x86_desc_dpl(d);
    bool both_sizes = x86_desc_is_64bit_code(s, d) && x86_desc_attr(d) & X86_DESC_DB;
    if (!x86_desc_is_code(d) || rpl < x86_cpl(s) || both_sizes ||
        (x86_desc_is_conforming(d) ? dpl > rpl : dpl != rpl)) {
        x86_raise(cpu, X86_EXCP_GP, x86_sel_error(sel, false));
    }
    if (!x86_desc_p(d)) {
        x86_raise(cpu, X86_EXCP_NP, x86_sel_error(sel, false));
    }
}

/* Checks the SS a return pops; to_64bit: the target is 64-bit code, which may
 * have a null SS outside ring 3. */
static X86Segment check_return_ss(X86CPU *cpu, uint16_t ss, unsigned rpl, bool to_64bit,
                                  X86Desc *d)
{
    if (x86_sel_null(ss)) {
        if (!to_64bit || rpl == 3) {
            x86_raise(cpu, X86_EXCP_GP, 0);
        }
        X86Segment null = x86_segment_null_ss(rpl);
        null.selector = ss;
        return null;
    }
    x86_desc_read(cpu, ss, X86_EXCP_GP, false, d);
    if ((ss & 3u) != rpl || x86_desc_dpl(d) != rpl || !x86_desc_is_writable(d)) {
        x86_raise(cpu, X86_EXCP_GP, x86_sel_error(ss, false));
    }
    if (!x86_desc_p(d)) {
        x86_raise(cpu, X86_EXCP_SS, x86_sel_error(ss, false));
    }
    x86_desc_set_accessed(cpu, d);
    return x86_segment_of(ss, d);
}

void x86_return_protected(X86CPU *cpu, X86Stack *st, uint16_t sel, uint64_t rip,
                          unsigned op_size, uint16_t pop_bytes, bool iret)
{
    X86State *s = &cpu->state;
    unsigned rpl = sel & 3, cpl = x86_cpl(s);
    bool pops_ss = rpl > cpl || (iret && s->hflags & X86_HF_CS64);
    X86Desc code, stack;

    check_return_code(cpu, sel, &code);
    if (pops_ss) {
        uint64_t rsp = x86_stack_pop(cpu, st, op_size) + pop_bytes;
        uint16_t ss = x86_stack_pop(cpu, st, op_size);
        bool wide = x86_desc_is_64bit_code(s, &code);

        x86_check_code_offset(cpu, &code, rip, false); /* before SS, as AMD CPUs do */
        X86Segment seg = check_return_ss(cpu, ss, rpl, wide, &stack);

        x86_set_cs(cpu, sel, &code, rpl);
        s->segs[X86_SS] = seg;
        *st = x86_stack_at(&seg, rsp, wide, rpl, 0);
    } else {
        x86_check_code_offset(cpu, &code, rip, false);
        x86_set_cs(cpu, sel, &code, rpl);
    }
    x86_stack_commit(s, st);
    s->rip = rip;
    if (rpl > cpl) {
        x86_drop_inner_segs(cpu, rpl);
    }
    x86_update_hflags(s);
}

/* The flags an IRET at privilege cpl may change (SDM vol. 2, table 3-xx of POPF). */
static uint32_t iret_flags_mask(const X86State *s, unsigned cpl, unsigned op_size)
{
    uint32_t mask = X86_EFLAGS_ARITH | X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_NT;

    if (cpl <= (s->eflags & X86_EFLAGS_IOPL) >> X86_EFLAGS_IOPL_SHIFT) {
        mask |= X86_EFLAGS_IF;
    }
    if (cpl == 0) {
        mask |= X86_EFLAGS_IOPL;
    }
    if (op_size > 2) {
        mask |= X86_EFLAGS_RF | X86_EFLAGS_AC | X86_EFLAGS_ID;
        if (cpl == 0) {
            mask |= X86_EFLAGS_VIF | X86_EFLAGS_VIP;
        }
    }
    return mask;
}

static void merge_eflags(X86State *s, uint32_t val, uint32_t mask)
{
    x86_set_eflags(s, (x86_get_eflags(s) & ~mask) | (val & mask));
}

/* VM86 with IOPL < 3 and VME: IF stands for VIF (SDM vol. 3, 20.2.7). */
static void set_virtual_flags(X86CPU *cpu, uint32_t flags)
{
    X86State *s = &cpu->state;
    uint32_t mask = X86_EFLAGS_ARITH | X86_EFLAGS_DF | X86_EFLAGS_NT | X86_EFLAGS_VIF;

    merge_eflags(s, (flags & ~X86_EFLAGS_VIF) | (flags & X86_EFLAGS_IF ? X86_EFLAGS_VIF : 0),
                 mask);
}

static void iret_real(X86CPU *cpu, unsigned op_size)
{
    X86State *s = &cpu->state;
    X86Stack st = x86_stack_current(s, 0);
    uint64_t rip = x86_stack_pop(cpu, &st, op_size);
    uint16_t sel = x86_stack_pop(cpu, &st, op_size);
    uint32_t flags = x86_stack_pop(cpu, &st, op_size);
    bool vm86 = s->hflags & X86_HF_VM86;
    bool virtual = vm86 && !(s->hflags & X86_HF_IOPL_OK);

    if (virtual) {
        if (!(s->cr4 & X86_CR4_VME) || op_size != 2 || flags & X86_EFLAGS_TF ||
            (s->eflags & X86_EFLAGS_VIP && flags & X86_EFLAGS_IF)) {
            x86_raise(cpu, X86_EXCP_GP, 0);
        }
    }
    if (rip > s->segs[X86_CS].limit) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    s->segs[X86_CS].selector = sel;
    s->segs[X86_CS].base = (uint32_t)sel << 4;
    s->rip = rip;
    x86_stack_commit(s, &st);
    if (virtual) {
        set_virtual_flags(cpu, flags);
    } else {
        uint32_t mask = iret_flags_mask(s, 0, op_size) & ~(X86_EFLAGS_VIF | X86_EFLAGS_VIP);
        merge_eflags(s, flags, vm86 ? mask & ~X86_EFLAGS_IOPL : mask);
    }
}

static void iret_to_vm86(X86CPU *cpu, X86Stack *st, uint16_t cs, uint32_t eip, uint32_t flags)
{
    static const uint8_t order[] = { X86_SS, X86_ES, X86_DS, X86_FS, X86_GS };
    X86State *s = &cpu->state;
    uint32_t esp = x86_stack_pop(cpu, st, 4);
    uint16_t sel[G_N_ELEMENTS(order)];

    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        sel[i] = x86_stack_pop(cpu, st, 4);
    }
    if (eip > 0xffff) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        s->segs[order[i]] = x86_segment_vm86(sel[i]);
    }
    s->segs[X86_CS] = x86_segment_vm86(cs);
    s->rip = eip;
    s->regs[X86_RSP] = esp;
    x86_set_eflags(s, flags);
}

/* Back to the task whose TSS selector the current TSS links to. */
static void iret_task(X86CPU *cpu)
{
    X86State *s = &cpu->state;
    uint16_t link = x86_sys_read16(cpu, s->tr.base);

    if (link & 4) {
        x86_raise(cpu, X86_EXCP_TS, x86_sel_error(link, false));
    }
    x86_task_switch(cpu, link, X86_TASK_IRET, false);
}

static void iret_protected(X86CPU *cpu, unsigned op_size)
{
    X86State *s = &cpu->state;
    X86Stack st = x86_stack_current(s, 0);
    unsigned cpl = x86_cpl(s);
    uint32_t mask = iret_flags_mask(s, cpl, op_size);
    X86Stack at_cs = x86_stack_above(&st, op_size), at_flags = x86_stack_above(&at_cs, op_size);
    uint32_t flags = x86_stack_pop(cpu, &at_flags, op_size); /* first: CR2 shows it */
    uint16_t sel = x86_stack_pop(cpu, &at_cs, op_size);
    uint64_t rip = x86_stack_pop(cpu, &st, op_size);

    st = at_flags;
    if (flags & X86_EFLAGS_VM && op_size == 4 && cpl == 0 && !(s->hflags & X86_HF_LMA)) {
        iret_to_vm86(cpu, &st, sel, rip, flags);
        return;
    }
    x86_return_protected(cpu, &st, sel, rip, op_size, 0, true);
    merge_eflags(s, flags, mask);
}

void x86_iret(X86CPU *cpu, unsigned op_size)
{
    X86State *s = &cpu->state;

    if (!x86_uses_descriptors(s)) {
        iret_real(cpu, op_size);
    } else if (!(s->eflags & X86_EFLAGS_NT)) {
        iret_protected(cpu, op_size);
    } else if (s->hflags & X86_HF_LMA) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    } else {
        iret_task(cpu);
    }
    s->nmi_blocked = 0;
}
