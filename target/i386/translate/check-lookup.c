/*
 * The block checker: accesses that look the TLB up, by entry or by site.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/check-internal.h"

const X86TlbSite *check_site_at(const Checker *c, uint64_t at, unsigned field)
{
    const X86Tlb *tlb = c->b->cpu->tlb;
    uint64_t offset = at - (uintptr_t)tlb->site;

    return offset < sizeof(tlb->site) && offset % sizeof(X86TlbSite) == field
               ? (const X86TlbSite *)tlb->site + offset / sizeof(X86TlbSite) : NULL;
}

/* Are its page and addend those of the block's table, for such accesses? */
static bool site_allows(const Checker *c, const X86TlbSite *site, bool write)
{
    const X86Tlb *tlb = c->b->cpu->tlb;
    unsigned n = site - (const X86TlbSite *)tlb->site;

    return tlb->entry[n / X86_TLB_SITES / 2] == c->b->table && n / X86_TLB_SITES % 2 == write;
}

bool check_is_checked(Checker *c, unsigned size, bool write)
{
    const X86Insn *x = &c->x;
    Value base = register_value(c, x->base), index = register_value(c, x->index);
    const Value *addend = base.kind >= VALUE_ADDEND ? &base : &index;
    const Value *other = addend == &base ? &index : &base;
    Linear lin = other->lin;

    if (addend->kind == VALUE_CHECKED) {
        if (x->index != X86_NO_REG || x->base == X86_NO_REG) {
            return false;
        }
        lin = addend->lin;
    } else if (addend->kind != VALUE_ADDEND || other->kind != VALUE_PLAIN ||
               (x->index != X86_NO_REG && x->scale) || !same_base(&lin, &addend->lin)) {
        return false;
    }
    int64_t first = lin.disp + x->disp, last = first + size - 1;

    return (addend->write || !write) && first >= addend->first && last <= addend->last;
}

bool check_is_addend_field(const Checker *c)
{
    uint64_t from, to;

    return check_host_range(c, 8, &from, &to) && check_in_tlb(c, from, to) &&
           (from - (uintptr_t)c->b->cpu->tlb->entry) % sizeof(X86TlbEntry) ==
               offsetof(X86TlbEntry, addend);
}

Value check_load_addend(Checker *c)
{
    const Value *index = c->x.base != X86_NO_REG ? &c->reg[c->x.base] : NULL;
    Value res = { .kind = VALUE_ADDEND, .max = UINT64_MAX };

    if (index && index->kind == VALUE_INDEX && index->proved) {
        res.write = index->write;
        res.lin = index->lin;
        res.first = index->lin.disp;
        res.last = index->last;
        return res;
    }
    if (!index && c->constant.valid &&
        (uint64_t)c->x.disp == c->constant.entry + offsetof(X86TlbEntry, addend)) {
        uint64_t page = c->constant.lin.disp, at = c->constant.entry;
        unsigned n = (at - (uintptr_t)c->b->cpu->tlb->entry) / sizeof(X86TlbEntry) % X86_TLB_SIZE;
        bool possible = n == (page >> 12 & (X86_TLB_SIZE - 1));

        /* an entry never has a tag that belongs to another: what follows never runs */
        res.write = c->constant.write;
        res.first = possible ? (int64_t)page : INT64_MIN;
        res.last = possible ? (int64_t)page + 0xfff : INT64_MAX;
        return res;
    }
    return (Value){ .kind = VALUE_HOST, .max = UINT64_MAX };
}

void check_store_to_site(Checker *c, unsigned size, const Value *v)
{
    const X86TlbSite *page = check_site_at(c, c->x.disp, offsetof(X86TlbSite, page));
    const X86TlbSite *addend = check_site_at(c, c->x.disp, offsetof(X86TlbSite, addend));
    const Value *found = &c->reg[JIT_T1];

    if (size == 4 && check_site_at(c, c->x.disp, offsetof(X86TlbSite, budget))) {
        return;
    }
    if (size == 8 && page && v->kind == VALUE_PAGE && found->kind == VALUE_ADDEND &&
        v->lin.disp == found->last && same_base(&v->lin, &found->lin) &&
        site_allows(c, page, found->write)) {
        c->filled = page;
        c->filled_lin = found->lin;
    } else if (size == 8 && addend && addend == c->filled && v->kind == VALUE_ADDEND &&
               same_base(&v->lin, &c->filled_lin)) {
        c->filled = NULL;
    } else {
        check_refuse(c, "a site gets something that no comparison has shown");
    }
}

void check_note_comparison(Checker *c)
{
    const X86Insn *x = &c->x;
    const Value *page = x->op[0].kind == X86_OP_GPR ? &c->reg[x->op[0].reg] : NULL;
    const Value *index = x->base != X86_NO_REG ? &c->reg[x->base] : NULL;
    uint64_t at = x->disp - (uintptr_t)c->b->cpu->tlb->entry;
    unsigned field = at % sizeof(X86TlbEntry);
    bool write = field == offsetof(X86TlbEntry, write);

    if (!page || (field && !write)) {
        return;
    }
    if (index && index->kind == VALUE_INDEX && page->kind == VALUE_PAGE &&
        at / sizeof(X86TlbEntry) % X86_TLB_SIZE == 0 && same_base(&index->low, &page->low)) {
        /* the index comes from the lowest bits of the first byte's address */
        Linear first = page->lin;

        first.disp -= page->low.disp - index->low.disp;
        c->pending = (Pending){ .valid = true, .write = write, .reg = x->base, .lin = first,
                                .last = page->lin.disp };
    } else if (!index && is_constant(page) && !(page->lin.disp & 0xfff)) {
        c->pending = (Pending){ .valid = true, .write = write, .reg = HOST_NONE,
                                .entry = x->disp - field, .lin = page->lin };
    }
}

void check_note_site_comparison(Checker *c)
{
    const X86Insn *x = &c->x;
    bool known = x->op[0].kind == X86_OP_GPR && x->op[0].size == 8 && x->op[1].kind == X86_OP_IMM &&
                 c->reg[x->op[0].reg].kind == VALUE_INTO && x->imm < 0x1000;

    c->into.kind = VALUE_PLAIN;
    if (known) {
        c->into = c->reg[x->op[0].reg];
        c->into.last = c->into.lin.disp + (0xfff - (int64_t)x->imm);
    }
}

/* CMP T0, what is left of the page behind the access's first byte; JNBE: below it, the site's
 * addend is the access's. */
static void prove_site(Checker *c)
{
    Value *addend = &c->reg[JIT_T1];
    const Value *into = &c->into;
    bool write = into->kind == VALUE_INTO && site_allows(c, into->site, true);

    if (c->x.mnemonic == X86_MN_JNBE && into->kind == VALUE_INTO && addend->kind == VALUE_SITE &&
        addend->site == into->site && (site_allows(c, into->site, false) || write)) {
        addend->kind = VALUE_ADDEND;
        addend->write = write;
        addend->lin = into->lin;
        addend->first = into->lin.disp;
        addend->last = into->last;
    }
    c->into.kind = VALUE_PLAIN;
}

void check_prove(Checker *c)
{
    prove_site(c);
    if (c->x.mnemonic != X86_MN_JNZ || !c->pending.valid) {
        return;
    }
    if (c->pending.reg == HOST_NONE) {
        c->constant = c->pending;
    } else {
        Value *index = &c->reg[c->pending.reg];

        index->proved = true;
        index->write = c->pending.write;
        index->lin = c->pending.lin;
        index->last = c->pending.last;
    }
}

Value check_look_up_stack(const Checker *c, const uint8_t *to)
{
    const Value *first = &c->reg[JIT_T0], *last = &c->reg[JIT_T1];
    unsigned idx = (c->b->table - c->b->cpu->tlb->entry[0]) / X86_TLB_SIZE;
    const uint8_t *const *stubs = c->b->jit->stubs.stack[idx];

    if ((to != stubs[0] && to != stubs[1]) || first->kind != VALUE_PLAIN ||
        last->kind != VALUE_PLAIN || !same_base(&first->lin, &last->lin)) {
        return (Value){ 0 };
    }
    return (Value){ .kind = VALUE_ADDEND, .write = to == stubs[1], .lin = first->lin,
                    .first = first->lin.disp, .last = last->lin.disp, .max = UINT64_MAX };
}

void check_note_site(const Checker *c, Target *t)
{
    const Value *addend = &c->reg[JIT_T1];

    if (c->filled) {
        check_refuse(c, "a site with a page and no addend");
    }
    for (unsigned reg = 0; reg < 16 && addend->kind == VALUE_ADDEND && !t->site; reg++) {
        const Value *v = &c->reg[reg];

        if (v->kind == VALUE_PLAIN && v->lin.id && same_base(&v->lin, &addend->lin)) {
            t->site = true;
            t->write = addend->write;
            t->base = reg;
            t->first = addend->first - v->lin.disp;
            t->last = addend->last - v->lin.disp;
        }
    }
}

bool check_same_addend(const Checker *c, const Target *t)
{
    const Value *addend = &c->reg[JIT_T1], *base = &c->reg[t->base];

    return t->site && addend->kind == VALUE_ADDEND && same_base(&addend->lin, &base->lin) &&
           addend->first - base->lin.disp >= t->first && addend->last - base->lin.disp <= t->last &&
           (t->write || !addend->write);
}
