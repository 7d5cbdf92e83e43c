/*
 * Descriptors, segment registers and stacks (SDM vol. 3, chapters 3 and 5; the
 * operation of MOV Sreg in vol. 2).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/seg.h"
#include "target/i386/cpuid.h"

uint32_t x86_desc_base(const X86Desc *d)
{
    return d->lo >> 16 | (d->hi & 0xff) << 16 | (d->hi & 0xff000000);
}

uint32_t x86_desc_limit(const X86Desc *d)
{
    uint32_t limit = (d->lo & 0xffff) | (d->hi & 0xf0000);
    return d->hi & 1u << 23 ? limit << 12 | 0xfff : limit;
}

bool x86_desc_try_read(X86CPU *cpu, uint16_t sel, X86Desc *d)
{
    X86State *s = &cpu->state;
    bool ldt = sel & 4;
    uint64_t base = ldt ? s->ldt.base : s->gdt.base;
    uint32_t limit = ldt ? s->ldt.limit : s->gdt.limit;

    if ((ldt && s->ldt.attr & X86_DESC_UNUSABLE) || (sel | 7u) > limit) {
        return false;
    }
    d->addr = base + (sel & ~7u);
    if (!(s->hflags & X86_HF_LMA)) {
        d->addr = (uint32_t)d->addr;
    }
    uint64_t raw = x86_sys_read64(cpu, d->addr);
    d->lo = raw;
    d->hi = raw >> 32;
    d->base_hi = 0;
    return true;
}

void x86_desc_read(X86CPU *cpu, uint16_t sel, unsigned vector, bool ext, X86Desc *d)
{
    if (!x86_desc_try_read(cpu, sel, d)) {
        x86_raise(cpu, vector, x86_sel_error(sel, ext));
    }
}

void x86_desc_read_upper(X86CPU *cpu, uint16_t sel, bool ext, X86Desc *d)
{
    X86State *s = &cpu->state;
    uint32_t limit = sel & 4 ? s->ldt.limit : s->gdt.limit;

    if ((sel | 7u) + 8 > limit) {
        x86_raise(cpu, X86_EXCP_GP, x86_sel_error(sel, ext));
    }
    uint64_t upper = x86_sys_read64(cpu, d->addr + 8);
    if (upper >> 40 & 0x1f) {
        x86_raise(cpu, X86_EXCP_GP, x86_sel_error(sel, ext));
    }
    d->base_hi = upper;
}

void x86_desc_set_accessed(X86CPU *cpu, X86Desc *d)
{
    if (!(d->hi >> 8 & X86_DESC_A)) {
        d->hi |= X86_DESC_A << 8;
        x86_sys_write32(cpu, d->addr + 4, d->hi);
    }
}

X86Segment x86_segment_of(uint16_t sel, const X86Desc *d)
{
    return (X86Segment) {
        .selector = sel,
        .attr = x86_desc_attr(d),
        .limit = x86_desc_limit(d),
        .base = x86_desc_base(d) | (uint64_t)d->base_hi << 32,
    };
}

X86Segment x86_segment_vm86(uint16_t sel)
{
    return (X86Segment) {
        .selector = sel,
        .attr = X86_DESC_P | X86_DESC_DPL | X86_DESC_S | X86_DESC_W | X86_DESC_A,
        .limit = 0xffff,
        .base = (uint32_t)sel << 4,
    };
}

X86Segment x86_segment_null_ss(unsigned cpl)
{
    return (X86Segment) {
        .selector = cpl,
        .attr = X86_DESC_UNUSABLE | X86_DESC_S | X86_DESC_W | X86_DESC_A |
                cpl << X86_DESC_DPL_SHIFT,
        .limit = 0xffffffff,
    };
}

bool x86_desc_is_64bit_code(const X86State *s, const X86Desc *d)
{
    return s->hflags & X86_HF_LMA && x86_desc_attr(d) & X86_DESC_L;
}

void x86_set_cs(X86CPU *cpu, uint16_t sel, X86Desc *d, unsigned cpl)
{
    X86State *s = &cpu->state;

    x86_desc_set_accessed(cpu, d);
    s->segs[X86_CS] = x86_segment_of((sel & ~3u) | cpl, d);
}

void x86_check_code_offset(X86CPU *cpu, const X86Desc *d, uint64_t offset, bool ext)
{
    X86State *s = &cpu->state;
    bool valid = x86_desc_is_64bit_code(s, d) ? x86_canonical(s, offset)
                                              : offset <= x86_desc_limit(d);
    if (!valid) {
        x86_raise(cpu, X86_EXCP_GP, ext);
    }
}

/* Real mode changes selector and base only: limit and attributes stay, which
 * is what "big real mode" relies on. */
static void load_real_seg(X86State *s, unsigned seg, uint16_t sel)
{
    if (s->hflags & X86_HF_VM86) {
        s->segs[seg] = x86_segment_vm86(sel);
    } else {
        s->segs[seg].selector = sel;
        s->segs[seg].base = (uint32_t)sel << 4;
        s->segs[seg].attr &= ~X86_DESC_UNUSABLE;
    }
    x86_update_hflags(s);
}

/* Like the CPUs that clear base and limit (AMD since Zen 3: CPUID 80000021 EAX[6]). */
static void load_null(X86CPU *cpu, unsigned seg, uint16_t sel)
{
    X86Segment *segment = &cpu->state.segs[seg];

    segment->selector = sel;
    segment->attr = (segment->attr & X86_DESC_DPL) | X86_DESC_UNUSABLE;
    segment->base = 0;
    segment->limit = 0;
}

void x86_load_ss(X86CPU *cpu, uint16_t sel, unsigned cpl, unsigned vector)
{
    X86State *s = &cpu->state;
    X86Desc d;

    if (x86_sel_null(sel)) {
        if (!(s->hflags & X86_HF_CS64) || cpl == 3 || (sel & 3) != cpl) {
            x86_raise(cpu, vector, 0);
        }
        s->segs[X86_SS] = x86_segment_null_ss(cpl);
        return;
    }
    x86_desc_read(cpu, sel, vector, false, &d);
    if ((sel & 3) != cpl || x86_desc_dpl(&d) != cpl || !x86_desc_is_writable(&d)) {
        x86_raise(cpu, vector, x86_sel_error(sel, false));
    }
    if (!x86_desc_p(&d)) {
        x86_raise(cpu, X86_EXCP_SS, x86_sel_error(sel, false));
    }
    x86_desc_set_accessed(cpu, &d);
    s->segs[X86_SS] = x86_segment_of(sel, &d);
}

/* May a data segment register at privilege cpl hold this descriptor? */
static bool data_seg_allowed(const X86Desc *d, unsigned rpl, unsigned cpl)
{
    uint32_t attr = x86_desc_attr(d);

    if (!(attr & X86_DESC_S)) {
        return false;
    }
    if (attr & X86_DESC_CODE) {
        if (!(attr & X86_DESC_R)) {
            return false;
        }
        if (attr & X86_DESC_C) {
            return true;
        }
    }
    return x86_desc_dpl(d) >= MAX(rpl, cpl);
}

void x86_load_data_seg(X86CPU *cpu, unsigned seg, uint16_t sel, unsigned vector)
{
    X86State *s = &cpu->state;
    X86Desc d;

    if (x86_sel_null(sel)) {
        load_null(cpu, seg, sel);
        return;
    }
    x86_desc_read(cpu, sel, vector, false, &d);
    if (!data_seg_allowed(&d, sel & 3, x86_cpl(s))) {
        x86_raise(cpu, vector, x86_sel_error(sel, false));
    }
    if (!x86_desc_p(&d)) {
        x86_raise(cpu, X86_EXCP_NP, x86_sel_error(sel, false));
    }
    x86_desc_set_accessed(cpu, &d);
    s->segs[seg] = x86_segment_of(sel, &d);
}

void x86_load_seg(X86CPU *cpu, unsigned seg, uint16_t selector)
{
    X86State *s = &cpu->state;

    if (!x86_uses_descriptors(s)) {
        load_real_seg(s, seg, selector);
        return;
    }
    if (seg == X86_SS) {
        x86_load_ss(cpu, selector, x86_cpl(s), X86_EXCP_GP);
    } else {
        x86_load_data_seg(cpu, seg, selector, X86_EXCP_GP);
    }
    x86_update_hflags(s);
}

void x86_load_ldtr(X86CPU *cpu, uint16_t sel, unsigned vector, unsigned np_vector)
{
    X86State *s = &cpu->state;
    X86Desc d;

    if (x86_sel_null(sel)) {
        s->ldt = (X86Segment) { .selector = sel, .attr = X86_DESC_UNUSABLE };
        return;
    }
    if (sel & 4) {
        x86_raise(cpu, vector, x86_sel_error(sel, false));
    }
    x86_desc_read(cpu, sel, vector, false, &d);
    if (x86_desc_s(&d) || x86_desc_type(&d) != X86_SYS_LDT) {
        x86_raise(cpu, vector, x86_sel_error(sel, false));
    }
    if (!x86_desc_p(&d)) {
        x86_raise(cpu, np_vector, x86_sel_error(sel, false));
    }
    if (s->hflags & X86_HF_LMA) {
        x86_desc_read_upper(cpu, sel, false, &d);
        if (!x86_canonical(s, x86_segment_of(sel, &d).base)) {
            x86_raise(cpu, X86_EXCP_GP, x86_sel_error(sel, false));
        }
    }
    s->ldt = x86_segment_of(sel, &d);
}

void x86_drop_inner_segs(X86CPU *cpu, unsigned cpl)
{
    static const uint8_t data_segs[] = { X86_ES, X86_DS, X86_FS, X86_GS };

    for (unsigned i = 0; i < G_N_ELEMENTS(data_segs); i++) {
        X86Segment *seg = &cpu->state.segs[data_segs[i]];
        bool conforming = (seg->attr & (X86_DESC_CODE | X86_DESC_C)) ==
                          (X86_DESC_CODE | X86_DESC_C);
        unsigned dpl = (seg->attr & X86_DESC_DPL) >> X86_DESC_DPL_SHIFT;
        if (!(seg->attr & X86_DESC_UNUSABLE) && !conforming && dpl < cpl) {
            load_null(cpu, data_segs[i], 0);
        }
    }
}

X86Stack x86_stack_at(const X86Segment *seg, uint64_t sp, bool wide, unsigned cpl, uint32_t error)
{
    return (X86Stack) {
        .base = wide ? 0 : seg->base,
        .sp = sp,
        .mask = wide ? UINT64_MAX : seg->attr & X86_DESC_DB ? UINT32_MAX : UINT16_MAX,
        .limit = seg->limit,
        .attr = seg->attr,
        .error = error,
        .supervisor = cpl != 3,
    };
}

X86Stack x86_stack_current(const X86State *s, uint32_t ss_error)
{
    return x86_stack_at(&s->segs[X86_SS], s->regs[X86_RSP], s->hflags & X86_HF_CS64,
                        x86_cpl(s), ss_error);
}

/* The linear address of size bytes at offset, or #SS. */
static uint64_t stack_linear(X86CPU *cpu, const X86Stack *st, uint64_t offset, unsigned size)
{
    uint64_t last = offset + size - 1;
    bool ok;

    if (st->mask == UINT64_MAX) {
        ok = x86_canonical(&cpu->state, offset) && x86_canonical(&cpu->state, last);
    } else if ((st->attr & (X86_DESC_CODE | X86_DESC_E)) == X86_DESC_E) {
        ok = offset > st->limit && last <= (st->attr & X86_DESC_DB ? UINT32_MAX : UINT16_MAX);
    } else {
        ok = last <= st->limit;
    }
    if (!ok) {
        x86_raise(cpu, X86_EXCP_SS, st->error);
    }
    return st->mask == UINT64_MAX ? offset : (uint32_t)(st->base + offset);
}

static void stack_write(X86CPU *cpu, const X86Stack *st, uint64_t lin, uint64_t val, unsigned size)
{
    if (!st->supervisor) {
        x86_check_alignment(cpu, lin, size);
        x86_lin_write(cpu, lin, &val, size);
    } else if (size == 2) {
        x86_sys_write16(cpu, lin, val);
    } else if (size == 4) {
        x86_sys_write32(cpu, lin, val);
    } else {
        x86_sys_write64(cpu, lin, val);
    }
}

void x86_stack_push(X86CPU *cpu, X86Stack *st, uint64_t val, unsigned size)
{
    uint64_t offset = (st->sp - size) & st->mask;

    stack_write(cpu, st, stack_linear(cpu, st, offset, size), val, size);
    st->sp = (st->sp & ~st->mask) | offset;
}

uint64_t x86_stack_pop(X86CPU *cpu, X86Stack *st, unsigned size)
{
    uint64_t lin = stack_linear(cpu, st, st->sp & st->mask, size), val = 0;

    x86_check_alignment(cpu, lin, size);
    x86_lin_read(cpu, lin, &val, size);
    st->sp = (st->sp & ~st->mask) | ((st->sp + size) & st->mask);
    return val;
}

X86Stack x86_stack_above(const X86Stack *st, unsigned bytes)
{
    X86Stack above = *st;

    above.sp = (st->sp & ~st->mask) | ((st->sp + bytes) & st->mask);
    return above;
}

void x86_stack_commit(X86State *s, const X86Stack *st)
{
    uint64_t keep = st->mask == UINT16_MAX ? s->regs[X86_RSP] & ~(uint64_t)UINT16_MAX : 0;

    s->regs[X86_RSP] = keep | (st->sp & st->mask);
}

/* Raises #TS(TR) unless the TSS holds size bytes at offset. */
static uint64_t tss_field(X86CPU *cpu, uint32_t offset, unsigned size, bool ext)
{
    X86Segment *tr = &cpu->state.tr;

    if (tr->attr & X86_DESC_UNUSABLE || offset + size - 1 > tr->limit) {
        x86_raise(cpu, X86_EXCP_TS, x86_sel_error(tr->selector, ext));
    }
    return tr->base + offset;
}

void x86_tss_stack(X86CPU *cpu, unsigned dpl, bool ext, uint16_t *ss, uint32_t *esp)
{
    if ((cpu->state.tr.attr & X86_DESC_TYPE) >= X86_SYS_TSS_AVAIL) {
        uint64_t lin = tss_field(cpu, 4 + dpl * 8, 6, ext);
        *esp = x86_sys_read32(cpu, lin);
        *ss = x86_sys_read16(cpu, lin + 4);
    } else {
        uint64_t lin = tss_field(cpu, 2 + dpl * 4, 4, ext);
        *esp = x86_sys_read16(cpu, lin);
        *ss = x86_sys_read16(cpu, lin + 2);
    }
}

uint64_t x86_tss_rsp(X86CPU *cpu, unsigned dpl, unsigned ist, bool ext)
{
    uint32_t offset = ist ? 0x1c + ist * 8 : 4 + dpl * 8;

    return x86_sys_read64(cpu, tss_field(cpu, offset, 8, ext));
}

void x86_check_inner_ss(X86CPU *cpu, uint16_t ss, unsigned dpl, bool ext, X86Desc *d)
{
    if (x86_sel_null(ss)) {
        x86_raise(cpu, X86_EXCP_TS, ext);
    }
    x86_desc_read(cpu, ss, X86_EXCP_TS, ext, d);
    if ((ss & 3) != dpl || x86_desc_dpl(d) != dpl || !x86_desc_is_writable(d)) {
        x86_raise(cpu, X86_EXCP_TS, x86_sel_error(ss, ext));
    }
    if (!x86_desc_p(d)) {
        x86_raise(cpu, X86_EXCP_SS, x86_sel_error(ss, ext));
    }
}
