/*
 * Far JMP, CALL and RET: code segments, call gates, TSSs and task gates
 * (SDM vol. 2, operation of JMP, CALL, RET; vol. 3, 5.8).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/seg.h"

static uint64_t truncate_offset(uint64_t offset, unsigned op_size)
{
    return op_size == 2 ? (uint16_t)offset : op_size == 4 ? (uint32_t)offset : offset;
}

/* Real mode and VM86: CS:IP as given. */
static void jump_real(X86CPU *cpu, uint16_t sel, uint64_t offset)
{
    X86State *s = &cpu->state;

    if (offset > s->segs[X86_CS].limit) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    s->segs[X86_CS].selector = sel;
    s->segs[X86_CS].base = (uint32_t)sel << 4;
    s->rip = offset;
}

/* What JMP and CALL demand of a code segment named directly. */
static void check_direct_code(X86CPU *cpu, uint16_t sel, const X86Desc *d)
{
    X86State *s = &cpu->state;
    unsigned cpl = x86_cpl(s), dpl = x86_desc_dpl(d);
    bool both_sizes = x86_desc_is_64bit_code(s, d) && x86_desc_attr(d) & X86_DESC_DB;
    bool allowed = x86_desc_is_conforming(d) ? dpl <= cpl : dpl == cpl && (sel & 3u) <= cpl;

    if (both_sizes || !allowed) {
        x86_raise(cpu, X86_EXCP_GP, x86_sel_error(sel, false));
    }
    if (!x86_desc_p(d)) {
        x86_raise(cpu, X86_EXCP_NP, x86_sel_error(sel, false));
    }
}

/* Privilege and presence of a gate or TSS that JMP or CALL names. */
static void check_system_desc(X86CPU *cpu, uint16_t sel, const X86Desc *d)
{
    if (x86_desc_dpl(d) < MAX(x86_cpl(&cpu->state), sel & 3u)) {
        x86_raise(cpu, X86_EXCP_GP, x86_sel_error(sel, false));
    }
    if (!x86_desc_p(d)) {
        x86_raise(cpu, X86_EXCP_NP, x86_sel_error(sel, false));
    }
}

/* A call gate, opened. */
typedef struct CallGate {
    uint16_t sel;
    X86Desc code;
    uint64_t offset;
    unsigned size;   /* of what it pushes */
    unsigned params;
} CallGate;

/* Reads the gate in *d (upper half too) and checks the code segment behind it. */
static CallGate open_call_gate(X86CPU *cpu, uint16_t gate_sel, X86Desc *d, bool jmp)
{
    X86State *s = &cpu->state;
    bool lma = s->hflags & X86_HF_LMA;
    CallGate g = { .sel = d->lo >> 16, .params = d->hi & 0x1f };

    if (lma) {
        x86_desc_read_upper(cpu, gate_sel, false, d);
    }
    g.size = lma ? 8 : x86_desc_type(d) == X86_SYS_CALL ? 4 : 2;
    g.offset = (d->lo & 0xffff) | (g.size > 2 ? d->hi & 0xffff0000 : 0) |
               (uint64_t)d->base_hi << 32;
    if (x86_sel_null(g.sel)) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    x86_desc_read(cpu, g.sel, X86_EXCP_GP, false, &g.code);
    unsigned dpl = x86_desc_dpl(&g.code), cpl = x86_cpl(s);
    bool exact = jmp && !x86_desc_is_conforming(&g.code);
    uint32_t width = x86_desc_attr(&g.code) & (X86_DESC_L | X86_DESC_DB);
    if (!x86_desc_is_code(&g.code) || (exact ? dpl != cpl : dpl > cpl) ||
        (lma && width != X86_DESC_L)) {
        x86_raise(cpu, X86_EXCP_GP, x86_sel_error(g.sel, false));
    }
    if (!x86_desc_p(&g.code)) {
        x86_raise(cpu, X86_EXCP_NP, x86_sel_error(g.sel, false));
    }
    return g;
}

static void enter_code(X86CPU *cpu, uint16_t sel, X86Desc *d, unsigned cpl, uint64_t offset)
{
    x86_set_cs(cpu, sel, d, cpl);
    cpu->state.rip = offset;
    x86_update_hflags(&cpu->state);
}

static bool is_call_gate(const X86State *s, unsigned type)
{
    return type == X86_SYS_CALL || (type == X86_SYS_CALL16 && !(s->hflags & X86_HF_LMA));
}

static bool is_task(const X86State *s, unsigned type)
{
    return !(s->hflags & X86_HF_LMA) &&
           (type == X86_SYS_TSS16_AVAIL || type == X86_SYS_TSS_AVAIL || type == X86_SYS_TASK);
}

static void switch_task(X86CPU *cpu, uint16_t sel, const X86Desc *d, X86TaskReason reason)
{
    if (x86_desc_type(d) == X86_SYS_TASK) {
        x86_task_gate(cpu, d, reason, false);
    } else {
        x86_task_switch(cpu, sel, reason, false);
    }
}

/* Reads what a far JMP or CALL names; a system descriptor has its privilege checked. */
static void read_target(X86CPU *cpu, uint16_t sel, X86Desc *d)
{
    X86State *s = &cpu->state;

    if (x86_sel_null(sel)) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    x86_desc_read(cpu, sel, X86_EXCP_GP, false, d);
    if (x86_desc_is_code(d)) {
        check_direct_code(cpu, sel, d);
        return;
    }
    unsigned type = x86_desc_type(d);
    if (x86_desc_s(d) || !(is_call_gate(s, type) || is_task(s, type))) {
        x86_raise(cpu, X86_EXCP_GP, x86_sel_error(sel, false));
    }
    check_system_desc(cpu, sel, d);
}

void x86_far_jmp(X86CPU *cpu, uint16_t selector, uint64_t offset, unsigned op_size)
{
    X86State *s = &cpu->state;
    X86Desc d;

    offset = truncate_offset(offset, op_size);
    if (!x86_uses_descriptors(s)) {
        jump_real(cpu, selector, offset);
        return;
    }
    read_target(cpu, selector, &d);
    if (x86_desc_is_code(&d)) {
        x86_check_code_offset(cpu, &d, offset, false);
        enter_code(cpu, selector, &d, x86_cpl(s), offset);
    } else if (is_call_gate(s, x86_desc_type(&d))) {
        CallGate g = open_call_gate(cpu, selector, &d, true);
        x86_check_code_offset(cpu, &g.code, g.offset, false);
        enter_code(cpu, g.sel, &g.code, x86_cpl(s), g.offset);
    } else {
        switch_task(cpu, selector, &d, X86_TASK_JMP);
    }
}

/* Pushes CS:RIP on the current stack. */
static void push_return(X86CPU *cpu, X86Stack *st, unsigned size)
{
    X86State *s = &cpu->state;

    x86_stack_push(cpu, st, s->segs[X86_CS].selector, size);
    x86_stack_push(cpu, st, s->rip, size);
}

/* A call gate to an inner ring outside long mode: the TSS gives the stack and
 * the caller's parameters are copied to it. */
static void call_inner(X86CPU *cpu, CallGate *g)
{
    X86State *s = &cpu->state;
    unsigned dpl = x86_desc_dpl(&g->code);
    uint16_t ss;
    uint32_t esp;
    X86Desc d;

    x86_tss_stack(cpu, dpl, false, &ss, &esp);
    x86_check_inner_ss(cpu, ss, dpl, false, &d);
    x86_check_code_offset(cpu, &g->code, g->offset, false);

    X86Segment seg = x86_segment_of(ss, &d);
    X86Stack outer = x86_stack_current(s, 0);
    X86Stack inner = x86_stack_at(&seg, esp, false, dpl, x86_sel_error(ss, false));
    uint32_t params[31];

    for (unsigned i = 0; i < g->params; i++) {
        params[i] = x86_stack_pop(cpu, &outer, g->size);
    }
    x86_stack_push(cpu, &inner, s->segs[X86_SS].selector, g->size);
    x86_stack_push(cpu, &inner, s->regs[X86_RSP], g->size);
    for (unsigned i = g->params; i-- > 0;) {
        x86_stack_push(cpu, &inner, params[i], g->size);
    }
    push_return(cpu, &inner, g->size);
    x86_desc_set_accessed(cpu, &d);
    x86_set_cs(cpu, g->sel, &g->code, dpl);
    s->segs[X86_SS] = x86_segment_of(ss, &d);
    x86_stack_commit(s, &inner);
    s->rip = g->offset;
    x86_update_hflags(s);
}

/* A call gate in long mode: no parameters, a null SS on a change of ring. */
static void call_long_gate(X86CPU *cpu, CallGate *g)
{
    X86State *s = &cpu->state;
    unsigned cpl = x86_cpl(s);
    unsigned dpl = x86_desc_is_conforming(&g->code) ? cpl : x86_desc_dpl(&g->code);
    bool inner = dpl < cpl;
    uint64_t rsp = inner ? x86_tss_rsp(cpu, dpl, 0, false) : s->regs[X86_RSP];
    X86Stack st = x86_stack_at(&s->segs[X86_SS], rsp, true, dpl, 0);

    x86_check_code_offset(cpu, &g->code, g->offset, false);
    if (inner) {
        x86_stack_push(cpu, &st, s->segs[X86_SS].selector, 8);
        x86_stack_push(cpu, &st, s->regs[X86_RSP], 8);
    }
    push_return(cpu, &st, 8);
    x86_set_cs(cpu, g->sel, &g->code, dpl);
    if (inner) {
        s->segs[X86_SS] = x86_segment_null_ss(dpl);
    }
    x86_stack_commit(s, &st);
    s->rip = g->offset;
    x86_update_hflags(s);
}

static void call_gate(X86CPU *cpu, uint16_t sel, X86Desc *d)
{
    X86State *s = &cpu->state;
    CallGate g = open_call_gate(cpu, sel, d, false);
    unsigned cpl = x86_cpl(s);

    if (s->hflags & X86_HF_LMA) {
        call_long_gate(cpu, &g);
    } else if (!x86_desc_is_conforming(&g.code) && x86_desc_dpl(&g.code) < cpl) {
        call_inner(cpu, &g);
    } else {
        X86Stack st = x86_stack_current(s, 0);
        x86_check_code_offset(cpu, &g.code, g.offset, false);
        push_return(cpu, &st, g.size);
        x86_set_cs(cpu, g.sel, &g.code, cpl);
        x86_stack_commit(s, &st);
        s->rip = g.offset;
        x86_update_hflags(s);
    }
}

void x86_far_call(X86CPU *cpu, uint16_t selector, uint64_t offset, unsigned op_size)
{
    X86State *s = &cpu->state;
    X86Stack st = x86_stack_current(s, 0);
    X86Desc d;

    offset = truncate_offset(offset, op_size);
    if (!x86_uses_descriptors(s)) {
        push_return(cpu, &st, op_size);
        jump_real(cpu, selector, offset);
        x86_stack_commit(s, &st);
        return;
    }
    read_target(cpu, selector, &d);
    if (x86_desc_is_code(&d)) {
        /* The stack is the target's: 64 bits wide for 64-bit code. The frame is written
         * before the limit is checked; rSP changes only after. */
        st = x86_stack_at(&s->segs[X86_SS], s->regs[X86_RSP], x86_desc_is_64bit_code(s, &d),
                          x86_cpl(s), 0);
        push_return(cpu, &st, op_size);
        x86_check_code_offset(cpu, &d, offset, false);
        x86_set_cs(cpu, selector, &d, x86_cpl(s));
        x86_stack_commit(s, &st);
        s->rip = offset;
        x86_update_hflags(s);
    } else if (is_call_gate(s, x86_desc_type(&d))) {
        call_gate(cpu, selector, &d);
    } else {
        switch_task(cpu, selector, &d, X86_TASK_CALL);
    }
}

void x86_far_ret(X86CPU *cpu, unsigned op_size, uint16_t pop_bytes)
{
    X86State *s = &cpu->state;
    X86Stack st = x86_stack_current(s, 0);
    X86Stack above = x86_stack_above(&st, op_size);
    uint16_t sel = x86_stack_pop(cpu, &above, op_size); /* first: CR2 shows it */
    uint64_t rip = x86_stack_pop(cpu, &st, op_size);

    st = x86_stack_above(&above, pop_bytes);
    if (x86_uses_descriptors(s)) {
        x86_return_protected(cpu, &st, sel, rip, op_size, pop_bytes, NULL);
    } else {
        jump_real(cpu, sel, rip);
        x86_stack_commit(s, &st);
    }
}
