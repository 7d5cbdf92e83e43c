/*
 * The block checker: values and where addresses point.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/check-internal.h"

Value check_unknown(Checker *c)
{
    Linear lin = { .id = ++c->next_id };

    return (Value){ .lin = lin, .low = lin, .max = UINT64_MAX, .when = c->clock };
}

Value check_constant(Checker *c, uint64_t val)
{
    Linear lin = { .disp = val };

    return (Value){ .lin = lin, .low = lin, .max = val, .when = c->clock };
}

Value check_cut(Checker *c, const Value *v)
{
    Value res = check_unknown(c);

    if (v->kind > VALUE_PLAIN) {
        res.kind = v->kind >= VALUE_ADDEND ? VALUE_HOST : VALUE_PLAIN;
        res.max = UINT32_MAX;
        return res;
    }
    res.low = v->low;
    res.max = MIN(v->max, UINT32_MAX);
    return v->max <= UINT32_MAX ? *v : res;
}

void check_forget_scratch(Checker *c)
{
    set_reg(c, JIT_T0, check_unknown(c));
    set_reg(c, JIT_T1, check_unknown(c));
    set_reg(c, JIT_T2, check_unknown(c));
    c->pending.valid = c->constant.valid = false;
}

void check_forget_all(Checker *c)
{
    for (unsigned i = 0; i < 16; i++) {
        set_reg(c, i, check_unknown(c));
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        c->slot[i] = check_unknown(c);
    }
    c->pending.valid = c->constant.valid = false;
}

void check_join(Checker *c, uint32_t when)
{
    for (unsigned i = 0; i < 16; i++) {
        if (c->reg[i].when > when) {
            set_reg(c, i, check_unknown(c));
        }
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        if (c->slot[i].when > when) {
            c->slot[i] = check_unknown(c);
        }
    }
}

static bool within(uint64_t from, uint64_t to, const void *region, size_t size)
{
    return from >= (uintptr_t)region && to <= (uintptr_t)region + size;
}

bool check_in_context(const Checker *c, uint64_t from, uint64_t to)
{
    return within(from, to, c->b->jit->ctx, sizeof(X86JitContext));
}

bool check_in_tlb(const Checker *c, uint64_t from, uint64_t to)
{
    return within(from, to, c->b->cpu->tlb->entry, sizeof(c->b->cpu->tlb->entry));
}

bool check_in_sites(const Checker *c, uint64_t from, uint64_t to)
{
    return within(from, to, c->b->cpu->tlb->site, sizeof(c->b->cpu->tlb->site));
}

bool check_in_jumps(const Checker *c, uint64_t from, uint64_t to)
{
    return within(from, to, c->b->jit->modes[0].jumps,
                  JIT_MAX_MODES * sizeof(X86JumpEntry) << JIT_JUMP_BITS);
}

bool check_in_returns(const Checker *c, uint64_t from, uint64_t to)
{
    return within(from, to, c->b->jit->modes[0].returns,
                  JIT_MAX_MODES * sizeof(X86JumpEntry) << JIT_RETURN_BITS);
}

bool check_in_cpu(const Checker *c, uint64_t from, uint64_t to)
{
    return within(from, to, c->b->cpu, sizeof(X86CPU)) ||
           within(from, to, c->b->cpu->interp, sizeof(X86Interp));
}

bool check_is_host_address(const Checker *c, uint64_t val)
{
    const X86Jit *jit = c->b->jit;

    return check_in_context(c, val, val) || check_in_tlb(c, val, val) ||
           check_in_sites(c, val, val) || check_in_jumps(c, val, val) ||
           check_in_returns(c, val, val) || check_in_cpu(c, val, val) ||
           within(val, val, jit->code_rx, jit->code_size) ||
           within(val, val, jit->code_rw, jit->code_size) ||
           within(val, val, jit->arena, jit->arena_used);
}

bool check_add_linear(Linear *a, const Linear *b, unsigned scale)
{
    a->disp += (uint64_t)b->disp << scale;
    if (!b->id && !b->index) {
        return true;
    }
    if (!a->id && !a->index && scale == 0) {
        int64_t disp = a->disp;

        *a = *b;
        a->disp = disp;
        return true;
    }
    if (!a->index && !b->id && scale == 0) {
        a->index = b->index;
        a->scale = b->scale;
        return true;
    }
    if (a->index || b->index) {
        return false;
    }
    bool swap = scale == 0 && b->id < a->id; /* a sum has one form */
    a->index = swap ? a->id : b->id;
    a->id = swap ? b->id : a->id;
    a->scale = scale;
    return true;
}

Value check_effective_address(Checker *c)
{
    const X86Insn *x = &c->x;
    uint64_t disp = x->rip_relative ? x->disp + (uintptr_t)c->pc + x->len : (uint64_t)x->disp;
    Value base = register_value(c, x->base), index = register_value(c, x->index);
    Value res = { .lin = base.lin, .low = base.low, .max = UINT64_MAX };

    if (is_host(&base) || is_host(&index)) {
        return (Value){ .kind = VALUE_HOST, .max = UINT64_MAX };
    }
    res.lin.disp += disp;
    res.low.disp += disp;
    if (base.kind != VALUE_PLAIN || index.kind != VALUE_PLAIN ||
        !check_add_linear(&res.lin, &index.lin, x->scale)) {
        return check_unknown(c);
    }
    if (!check_add_linear(&res.low, &index.low, x->scale)) {
        res.low = (Linear){ .id = ++c->next_id };
    }
    if (is_constant(&res)) {
        res.max = res.lin.disp;
    } else if (x->index == X86_NO_REG && !disp) {
        res.max = base.max;
    }
    return res;
}

bool check_host_range(const Checker *c, unsigned size, uint64_t *from, uint64_t *to)
{
    const X86Insn *x = &c->x;
    Value base = register_value(c, x->base), index = register_value(c, x->index);

    if (x->rip_relative || base.kind > VALUE_INDEX || index.kind > VALUE_INDEX ||
        base.max == UINT64_MAX || index.max == UINT64_MAX) {
        return false;
    }
    uint64_t low_base = is_constant(&base) ? base.max : 0;
    uint64_t low_index = is_constant(&index) ? index.max : 0;
    *from = x->disp + low_base + (low_index << x->scale);
    *to = x->disp + base.max + (index.max << x->scale) + size;
    return true;
}

const Value *check_guest_register(const Checker *c, unsigned reg)
{
    unsigned host = jit_host_reg(reg);

    return host == HOST_NONE ? &c->slot[reg] : &c->reg[host];
}

bool check_has_changed(const Checker *c, unsigned reg)
{
    const Linear *now = &check_guest_register(c, reg)->lin, *before = &c->before[reg].lin;

    return !same_base(now, before) || now->disp != before->disp;
}
