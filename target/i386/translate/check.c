/*
 * The block checker (check.h).
 *
 * A value is known as "what a register or a load once held, scaled, plus another one, plus a
 * constant" (Linear). The check of a memory access is recognised by what it computes, not
 * by its instructions' order: page of the last byte compared with the tag of an entry that
 * the first byte's address chose. What is then loaded from the entry's addend is good for
 * accesses between the first byte and the last, as long as it is added to the same linear value.
 *
 * Code is followed from front to back. Whatever changes between a jump and its target is unknown at
 * the target, and so are the scratch registers wherever C may enter.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/check.h"
#include <stdlib.h>
#include "target/i386/disas.h"

/* id + index << scale + disp; id 0: nothing. */
typedef struct Linear {
    uint32_t id, index;
    uint8_t scale;
    int64_t disp;
} Linear;

typedef enum ValueKind {
    VALUE_PLAIN,   /* lin */
    VALUE_PAGE,    /* lin & ~0xfff */
    VALUE_SHIFTED, /* lin >> what makes a TLB index of it */
    VALUE_INDEX,   /* offset in the TLB of the entry for lin */
    VALUE_INTO,    /* lin less the page of a site */
    VALUE_ADDEND,  /* of a page; checked for [first, last] */
    VALUE_CHECKED, /* host address of lin; checked for [first, last] */
    VALUE_SITE,    /* the addend of a site, not yet compared */
    VALUE_HOST,    /* made of a host address */
} ValueKind;

typedef struct Value {
    uint8_t kind;
    bool write;    /* checked for stores */
    bool proved;   /* INDEX: the entry's tag was compared */
    bool guests;   /* a constant that the guest's code has */
    Linear lin;    /* ADDEND, proved INDEX: the first byte's address */
    Linear low;    /* PLAIN, SHIFTED: something with the same lowest 32 bits as the value */
    int64_t first, last; /* CHECKED, ADDEND, proved INDEX: displacements like lin's */
    const X86TlbSite *site; /* INTO, SITE */
    uint64_t max;  /* no value is above this */
    uint32_t when; /* it was written */
} Value;

enum { SLOTS = sizeof(X86JitContext) / 8, MAX_TARGETS = 1024 };

/* Where a jump within the block leads, and when it was met. From a site's cold code: the addend
 * in T1 is good for [first, last] from the present value of register base. No scratch register is above
 * its max. */
typedef struct Target {
    const uint8_t *at;
    uint32_t when;
    bool site, write;
    unsigned base;
    int64_t first, last;
    uint64_t max[3];
} Target;

/* A comparison of a page with a TLB tag whose branch is yet to come. */
typedef struct Pending {
    bool valid, write;
    unsigned reg;   /* that holds the index, or HOST_NONE */
    uint32_t entry; /* without reg: of the entry compared */
    Linear lin;
    int64_t last;
} Pending;

typedef struct Checker {
    const JitBuild *b;
    Value reg[16];
    Value slot[SLOTS];    /* of the context */
    uint32_t next_id, clock;
    Pending pending;
    Pending constant;     /* an entry of an address known beforehand, compared */
    Value into;           /* INTO: compared with last, the branch is yet to come */
    Value stack;          /* ADDEND: the stack's look-up was called, the branch is yet to come */
    const X86TlbSite *filled; /* has got its page, and not yet its addend */
    Linear filled_lin;
    Target targets[MAX_TARGETS];
    unsigned target_count;
    const uint8_t *cold, *cold_end;
    const JitInsn *guest; /* the instruction that the host's belongs to, or NULL */
    const uint8_t *pc;    /* the present host instruction */
    X86Insn x;
} Checker;

/* --- reports ------------------------------------------------------------------------- */

void jit_describe_block(GString *out, const X86Tb *tb)
{
    X86Mode mode = tb->key & X86_HF_CS64 ? X86_MODE_64 : X86_MODE_32;

    g_string_append_printf(out, "guest code of the block at %" PRIx64 ":\n", tb->rip);
    x86_disas(out, tb->bytes, tb->len, mode, tb->rip);
    g_string_append(out, "host code:\n");
    x86_disas(out, tb->body, tb->end - tb->body, X86_MODE_64, (uintptr_t)tb->body);
}

G_NORETURN static void refuse(const Checker *c, const char *why)
{
    g_autoptr(GString) out = g_string_new(NULL);

    g_string_append_printf(out, "block checker: %s:\n", why);
    x86_disas(out, c->pc, c->x.len, X86_MODE_64, (uintptr_t)c->pc);
    jit_describe_block(out, c->b->tb);
    g_string_append(out, "cold code:\n");
    x86_disas(out, c->cold, c->cold_end - c->cold, X86_MODE_64, (uintptr_t)c->cold);
    fputs(out->str, stderr);
    fflush(NULL);
    _Exit(1);
}

/* --- values -------------------------------------------------------------------------- */

static Value unknown(Checker *c)
{
    Linear lin = { .id = ++c->next_id };

    return (Value){ .lin = lin, .low = lin, .max = UINT64_MAX, .when = c->clock };
}

static Value constant(Checker *c, uint64_t val)
{
    Linear lin = { .disp = val };

    return (Value){ .lin = lin, .low = lin, .max = val, .when = c->clock };
}

/* The lowest 32 bits of v. */
static Value cut(Checker *c, const Value *v)
{
    Value res = unknown(c);

    if (v->kind > VALUE_PLAIN) {
        res.kind = v->kind >= VALUE_ADDEND ? VALUE_HOST : VALUE_PLAIN;
        res.max = UINT32_MAX;
        return res;
    }
    res.low = v->low;
    res.max = MIN(v->max, UINT32_MAX);
    return v->max <= UINT32_MAX ? *v : res;
}

static bool is_constant(const Value *v)
{
    return v->kind == VALUE_PLAIN && !v->lin.id && !v->lin.index;
}

/* Values that the guest must not see. */
static bool is_host(const Value *v)
{
    return v->kind >= VALUE_ADDEND;
}

static bool same_base(const Linear *a, const Linear *b)
{
    return a->id == b->id && a->index == b->index && (!a->index || a->scale == b->scale);
}

static void set_reg(Checker *c, unsigned reg, Value v)
{
    v.when = c->clock;
    c->reg[reg] = v;
}

static bool is_scratch(unsigned reg)
{
    return reg == JIT_T0 || reg == JIT_T1 || reg == JIT_T2;
}

static void forget_scratch(Checker *c)
{
    set_reg(c, JIT_T0, unknown(c));
    set_reg(c, JIT_T1, unknown(c));
    set_reg(c, JIT_T2, unknown(c));
    c->pending.valid = c->constant.valid = false;
}

static void forget_all(Checker *c)
{
    for (unsigned i = 0; i < 16; i++) {
        set_reg(c, i, unknown(c));
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        c->slot[i] = unknown(c);
    }
    c->pending.valid = c->constant.valid = false;
}

/* Control comes from elsewhere, too: what has been written since then is unknown. */
static void join(Checker *c, uint32_t when)
{
    for (unsigned i = 0; i < 16; i++) {
        if (c->reg[i].when > when) {
            set_reg(c, i, unknown(c));
        }
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        if (c->slot[i].when > when) {
            c->slot[i] = unknown(c);
        }
    }
}

/* --- memory -------------------------------------------------------------------------- */

static bool within(uint64_t from, uint64_t to, const void *region, size_t size)
{
    return from >= (uintptr_t)region && to <= (uintptr_t)region + size;
}

static bool in_context(const Checker *c, uint64_t from, uint64_t to)
{
    return within(from, to, c->b->jit->ctx, sizeof(X86JitContext));
}

static bool in_tlb(const Checker *c, uint64_t from, uint64_t to)
{
    return within(from, to, c->b->cpu->tlb->entry, sizeof(c->b->cpu->tlb->entry));
}

/* The site at address at, a field of it; or NULL. */
static const X86TlbSite *site_at(const Checker *c, uint64_t at, unsigned field)
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

static bool in_sites(const Checker *c, uint64_t from, uint64_t to)
{
    return within(from, to, c->b->cpu->tlb->site, sizeof(c->b->cpu->tlb->site));
}

static bool in_jumps(const Checker *c, uint64_t from, uint64_t to)
{
    return within(from, to, c->b->jit->modes[0].jumps,
                  JIT_MAX_MODES * sizeof(X86JumpEntry) << JIT_JUMP_BITS);
}

static bool in_cpu(const Checker *c, uint64_t from, uint64_t to)
{
    return within(from, to, c->b->cpu, sizeof(X86CPU)) ||
           within(from, to, c->b->cpu->interp, sizeof(X86Interp));
}

/* Is val an address of something of the emulator's? */
static bool is_host_address(const Checker *c, uint64_t val)
{
    const X86Jit *jit = c->b->jit;

    return in_context(c, val, val) || in_tlb(c, val, val) || in_sites(c, val, val) ||
           in_jumps(c, val, val) ||
           in_cpu(c, val, val) || within(val, val, jit->code_rx, jit->code_size) ||
           within(val, val, jit->code_rw, jit->code_size) ||
           within(val, val, jit->arena, jit->arena_used);
}

static Value register_value(const Checker *c, unsigned reg)
{
    return reg == X86_NO_REG ? (Value){ 0 } : c->reg[reg];
}

/* a + (b << scale); false if that is not linear. */
static bool add_linear(Linear *a, const Linear *b, unsigned scale)
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
    if (a->index || b->index) {
        return false;
    }
    a->index = b->id;
    a->scale = scale;
    return true;
}

/* Where the memory operand points, as a linear value; its parts must be plain. */
static Value effective_address(Checker *c)
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
        !add_linear(&res.lin, &index.lin, x->scale) ||
        !add_linear(&res.low, &index.low, x->scale)) {
        return unknown(c);
    }
    if (is_constant(&res)) {
        res.max = res.lin.disp;
    }
    return res;
}

/* An address without guest values: [from, to] at most. */
static bool host_range(const Checker *c, unsigned size, uint64_t *from, uint64_t *to)
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

/* Does the operand add a page's addend to an address that was checked with it? */
static bool is_checked_access(Checker *c, unsigned size, bool write)
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

typedef enum Region { REGION_NONE, REGION_CONTEXT, REGION_HOST, REGION_SITE, REGION_GUEST } Region;

/* What kind of memory the operand is; refuses what no rule allows. */
static Region classify(Checker *c, unsigned size, bool write)
{
    uint64_t from, to;

    if (is_checked_access(c, size, write)) {
        return REGION_GUEST;
    }
    if (!host_range(c, size, &from, &to)) {
        refuse(c, "an access to guest memory that no check covers");
    }
    if (in_context(c, from, to)) {
        return REGION_CONTEXT;
    }
    if (in_sites(c, from, to)) {
        return REGION_SITE;
    }
    if (in_cpu(c, from, to) || (!write && (in_tlb(c, from, to) || in_jumps(c, from, to)))) {
        return REGION_HOST;
    }
    refuse(c, "an access to memory that is not translated code's");
}

static Value *slot_at(Checker *c)
{
    return &c->slot[((uint64_t)c->x.disp - (uintptr_t)c->b->jit->ctx) / 8];
}

/* --- instructions ---------------------------------------------------------------------- */

static const X86Operand *memory_operand(const X86Insn *x, bool *write)
{
    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        if (x->op[i].kind == X86_OP_MEM) {
            *write = x86_insn_row(x)->operand_access[i] & 2;
            return &x->op[i];
        }
    }
    return NULL;
}

/* Constants that the guest's code itself has. */
static bool is_guests_constant(const Checker *c, uint64_t val)
{
    const X86Insn *x = c->guest ? &c->guest->x : NULL;

    if (!x) {
        return false;
    }
    uint64_t next = c->b->tb->rip + c->guest->guest + x->len;

    return val == x->imm || val == next || val == next + x->imm || val == (uint64_t)x->disp ||
           val == next + x->disp;
}

static bool guest_may_see(const Checker *c, const Value *v)
{
    return !is_host(v) && (!is_constant(v) || v->guests || !is_host_address(c, v->lin.disp) ||
                           is_guests_constant(c, v->lin.disp));
}

/* The value of operand n if it is a general register. */
static Value operand_value(const Checker *c, unsigned n)
{
    const X86Operand *op = &c->x.op[n];

    return op->kind == X86_OP_GPR ? c->reg[op->reg] : (Value){ 0 };
}

/* Does any register that the instruction reads, but for addresses, hold the host's? */
static bool reads_host(const Checker *c)
{
    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        Value v = operand_value(c, i);

        if ((x86_insn_row(&c->x)->operand_access[i] & 1) && !guest_may_see(c, &v)) {
            return true;
        }
    }
    return false;
}

static void write_gpr(Checker *c, unsigned reg, Value v)
{
    if (!is_scratch(reg) && !guest_may_see(c, &v)) {
        refuse(c, "a host address in a guest register");
    }
    if (reg == HOST_RSP) {
        refuse(c, "a change of the host's stack pointer");
    }
    v.guests |= !is_scratch(reg);
    set_reg(c, reg, v);
}

/* Loads the addend of the entry that a comparison has proved. */
static Value load_addend(Checker *c)
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

static bool is_addend_field(const Checker *c)
{
    uint64_t from, to;

    return host_range(c, 8, &from, &to) && in_tlb(c, from, to) &&
           (from - (uintptr_t)c->b->cpu->tlb->entry) % sizeof(X86TlbEntry) ==
               offsetof(X86TlbEntry, addend);
}

static Value load_value(Checker *c, Region region, unsigned size)
{
    if (region == REGION_CONTEXT && size == 8 && c->x.base == X86_NO_REG &&
        c->x.index == X86_NO_REG && (c->x.disp & 7) == 0) {
        return *slot_at(c);
    }
    if (region == REGION_HOST && size == 8 && is_addend_field(c)) {
        return load_addend(c);
    }
    if (region == REGION_SITE) {
        const X86TlbSite *site = site_at(c, c->x.disp, offsetof(X86TlbSite, addend));

        return (Value){ .kind = site && size == 8 ? VALUE_SITE : VALUE_HOST, .site = site,
                        .max = UINT64_MAX };
    }
    Value v = unknown(c);
    if (size < 8) {
        v.max = (1ull << size * 8) - 1;
    }
    return v;
}

/* A site gets the page and the addend of an entry that was compared, one after the other. Its
 * budget is nothing to anybody. */
static void store_to_site(Checker *c, unsigned size, const Value *v)
{
    const X86TlbSite *page = site_at(c, c->x.disp, offsetof(X86TlbSite, page));
    const X86TlbSite *addend = site_at(c, c->x.disp, offsetof(X86TlbSite, addend));
    const Value *found = &c->reg[JIT_T1];

    if (size == 4 && site_at(c, c->x.disp, offsetof(X86TlbSite, budget))) {
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
        refuse(c, "a site gets something that no comparison has shown");
    }
}

/* Stores to the context are values to be loaded again. */
static void store_value(Checker *c, Region region, unsigned size, Value v)
{
    if (region == REGION_SITE) {
        store_to_site(c, size, &v);
        return;
    }
    if (region == REGION_GUEST && !guest_may_see(c, &v)) {
        refuse(c, "a host address in guest memory");
    }
    if (region != REGION_CONTEXT) {
        return;
    }
    uint64_t offset = (uint64_t)c->x.disp - (uintptr_t)c->b->jit->ctx;
    if (offset < sizeof(c->b->jit->ctx->regs) && !guest_may_see(c, &v)) {
        refuse(c, "a host address in a guest register");
    }
    v = size == 8 && (offset & 7) == 0 ? v : unknown(c);
    v.when = c->clock;
    for (unsigned i = offset / 8; i <= (offset + size - 1) / 8 && i < SLOTS; i++) {
        c->slot[i] = v;
        v = unknown(c);
    }
}

/* CMP page, tag */
static void note_comparison(Checker *c)
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

/* CMP of what lies between the access and its site's page: with how far it may begin there. */
static void note_comparison_of_site(Checker *c)
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

/* JNZ after it */
static void prove(Checker *c)
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

static void exec_lea(Checker *c)
{
    const X86Insn *x = &c->x;
    Value base = register_value(c, x->base), index = register_value(c, x->index);
    Value v = effective_address(c);

    if (x->op_size == 8 && base.kind == VALUE_PLAIN && index.kind == VALUE_ADDEND && !x->scale &&
        same_base(&base.lin, &index.lin)) {
        v = index;
        v.kind = VALUE_CHECKED;
        v.lin = base.lin;
        v.lin.disp += x->disp;
    } else if (x->op_size == 4) {
        v = cut(c, &v);
    }
    write_gpr(c, x->op[0].reg, v);
}

static void exec_mov(Checker *c, Region region, unsigned size)
{
    const X86Insn *x = &c->x;
    const X86Operand *dst = &x->op[0], *src = &x->op[1];
    Value v;

    if (src->kind == X86_OP_IMM) {
        v = constant(c, dst->size == 4 && dst->kind == X86_OP_GPR ? (uint32_t)x->imm : x->imm);
    } else if (src->kind == X86_OP_GPR) {
        v = c->reg[src->reg];
    } else if (src->kind == X86_OP_MEM) {
        v = load_value(c, region, size);
    } else {
        v = unknown(c);
    }
    if (dst->kind == X86_OP_MEM) {
        store_value(c, region, size, v);
    } else if (dst->kind == X86_OP_GPR) {
        bool whole = dst->size == 8 || (dst->size == 4 && src->kind == X86_OP_IMM);

        write_gpr(c, dst->reg, whole ? v : dst->size == 4 ? cut(c, &v) : unknown(c));
    } else if (dst->kind == X86_OP_GPRH) {
        write_gpr(c, dst->reg, unknown(c));
    }
}

/* ADD, SUB, INC and DEC of a constant, 64 bits wide. */
static bool exec_constant_change(Checker *c)
{
    const X86Insn *x = &c->x;
    bool imm = x->op[1].kind == X86_OP_IMM, one = x->op[1].kind == X86_OP_NONE;
    int64_t by;

    switch (x->mnemonic) {
    case X86_MN_ADD:
        by = x->imm;
        break;
    case X86_MN_SUB:
        by = -x->imm;
        break;
    case X86_MN_INC: case X86_MN_DEC:
        by = x->mnemonic == X86_MN_INC ? 1 : -1;
        break;
    default:
        return false;
    }
    if (x->op[0].kind != X86_OP_GPR || x->op[0].size != 8 || !(imm || one)) {
        return false;
    }
    Value v = c->reg[x->op[0].reg];
    if (v.kind != VALUE_PLAIN) {
        return false;
    }
    v.lin.disp += by;
    v.low = v.lin;
    v.max = is_constant(&v) ? (uint64_t)v.lin.disp : UINT64_MAX;
    write_gpr(c, x->op[0].reg, v);
    return true;
}

/* What AND, SHR, XOR and ADD make of scratch registers on the way to an address. */
static bool exec_address_step(Checker *c, Region region)
{
    const X86Insn *x = &c->x;
    unsigned reg = x->op[0].reg;
    Value v = c->reg[reg & 15];

    if (x->op[0].kind != X86_OP_GPR || !is_scratch(reg) || is_host(&v)) {
        return false;
    }
    if (x->mnemonic == X86_MN_ADD && region == REGION_HOST && is_addend_field(c) &&
        is_constant(&v)) {
        Value addend = load_addend(c);

        addend.kind = addend.kind == VALUE_ADDEND && !addend.lin.id ? VALUE_CHECKED : VALUE_HOST;
        addend.lin = v.lin;
        write_gpr(c, reg, addend);
        return true;
    }
    if (x->mnemonic == X86_MN_SUB && region == REGION_SITE && v.kind == VALUE_PLAIN &&
        x->op_size == 8) {
        v.site = site_at(c, x->disp, offsetof(X86TlbSite, page));
        v.kind = v.site ? VALUE_INTO : VALUE_HOST;
        v.max = UINT64_MAX;
        v.guests = false;
        write_gpr(c, reg, v);
        return true;
    }
    if (x->op[1].kind != X86_OP_IMM) {
        return false;
    }
    if (x->mnemonic == X86_MN_SHR && x->op_size == 4) {
        bool index = v.kind == VALUE_PLAIN && x->imm == JIT_TLB_SHIFT;
        Value shifted = unknown(c);

        shifted.kind = index ? VALUE_SHIFTED : VALUE_PLAIN;
        shifted.low = v.low;
        shifted.max = MIN(v.max, UINT32_MAX) >> (x->imm & 31);
        write_gpr(c, reg, shifted);
        return true;
    }
    if (x->mnemonic == X86_MN_XOR) {
        uint64_t bits = v.max | (uint64_t)x->imm;
        Value mixed = unknown(c);

        mixed.max = bits ? UINT64_MAX >> __builtin_clzll(bits) : 0;
        write_gpr(c, reg, mixed);
        return true;
    }
    if (x->mnemonic != X86_MN_AND) {
        return false;
    }
    if (v.kind == VALUE_SHIFTED && x->imm == JIT_TLB_MASK) {
        v.kind = VALUE_INDEX;
    } else if (v.kind == VALUE_PLAIN && (int64_t)x->imm == -0x1000 && x->op_size == 8) {
        v.kind = VALUE_PAGE;
    } else {
        v = unknown(c);
    }
    v.guests = false;
    v.max = (int64_t)x->imm >= 0 ? x->imm
          : x->op_size == 4 ? MIN(c->reg[reg].max, UINT32_MAX) : c->reg[reg].max;
    v.proved = false;
    write_gpr(c, reg, v);
    return true;
}

/* Registers that are not among the operands. */
static uint32_t implicit_writes(const X86Insn *x)
{
    const uint32_t a = 1 << X86_RAX, d = 1 << X86_RDX;

    switch (x->mnemonic) {
    case X86_MN_IMUL:
        return x->op[1].kind == X86_OP_NONE ? a | d : 0;
    case X86_MN_MUL: case X86_MN_DIV: case X86_MN_IDIV: case X86_MN_CMPXCHG8B:
    case X86_MN_CMPXCHG16B:
        return a | d;
    case X86_MN_CMPXCHG: case X86_MN_LAHF: case X86_MN_CBW:
        return a;
    case X86_MN_CWD:
        return d;
    case X86_MN_PCMPESTRI: case X86_MN_PCMPISTRI: case X86_MN_VPCMPESTRI: case X86_MN_VPCMPISTRI:
        return 1 << X86_RCX;
    case X86_MN_PUSH: case X86_MN_POP: case X86_MN_PUSHF: case X86_MN_CALL: case X86_MN_RET:
        return 1 << X86_RSP;
    case X86_MN_LEAVE:
        return 1 << X86_RSP | 1 << X86_RBP;
    }
    return 0;
}

static void exec_other(Checker *c, Region region, unsigned size, bool write)
{
    const X86Insn *x = &c->x;
    uint32_t implicit = implicit_writes(x);
    bool taints = reads_host(c);
    Value tainted = { .kind = VALUE_HOST, .max = UINT64_MAX };

    if (write) {
        store_value(c, region, size, taints ? tainted : unknown(c));
    }
    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        bool gpr = x->op[i].kind == X86_OP_GPR || x->op[i].kind == X86_OP_GPRH;

        if (gpr && (x86_insn_row(x)->operand_access[i] & 2)) {
            write_gpr(c, x->op[i].reg, taints ? tainted : unknown(c));
        }
    }
    for (unsigned reg = 0; reg < 16; reg++) {
        if (implicit >> reg & 1) {
            set_reg(c, reg, unknown(c));
        }
    }
}

/* --- control ------------------------------------------------------------------------------ */

/* Cold code goes back to a body: with an addend? No guest register has changed there. */
static void note_site(const Checker *c, Target *t)
{
    const Value *addend = &c->reg[JIT_T1];

    if (c->filled) {
        refuse(c, "a site with a page and no addend");
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

static void note_target(Checker *c, const uint8_t *at, uint32_t when)
{
    if (c->target_count == MAX_TARGETS) {
        refuse(c, "more jumps than the checker has room for");
    }
    Target *t = &c->targets[c->target_count++];
    *t = (Target){ .at = at, .when = when, .max = { c->reg[JIT_T0].max, c->reg[JIT_T1].max,
                                                    c->reg[JIT_T2].max } };
    if (when == UINT32_MAX) {
        note_site(c, t);
    }
}

static void exec_jump(Checker *c, uint32_t when)
{
    const X86Jit *jit = c->b->jit;
    const X86Tb *tb = c->b->tb;
    const uint8_t *to = c->pc + c->x.len + c->x.imm;

    if (to >= tb->body && to < tb->end) {
        note_target(c, to, when);
    } else if (!(to >= c->cold && to < c->cold_end) &&
               !(to >= jit->code_rx && to < jit->code_rx + jit->stubs_size)) {
        refuse(c, "a jump out of the block that is no exit");
    }
}

static bool is_conditional(const X86Insn *x)
{
    return x->mnemonic >= X86_MN_JO && x->mnemonic <= X86_MN_JNLE;
}

/* Host instructions that the translator never emits and that reach memory unseen. */
static bool is_forbidden(const X86Insn *x)
{
    switch (x->mnemonic) {
    case X86_MN_PUSH: case X86_MN_POP: case X86_MN_PUSHF: case X86_MN_POPF: case X86_MN_PUSHA:
    case X86_MN_POPA: case X86_MN_RET: case X86_MN_ENTER: case X86_MN_LEAVE: case X86_MN_XLAT:
    case X86_MN_MASKMOVQ: case X86_MN_MASKMOVDQU: case X86_MN_VMASKMOVDQU: case X86_MN_SYSCALL:
    case X86_MN_SYSENTER: case X86_MN_INT: case X86_MN_SGDT: case X86_MN_SIDT: case X86_MN_SLDT:
    case X86_MN_STR: case X86_MN_SMSW: case X86_MN_CPUID: case X86_MN_RDTSC: case X86_MN_RDTSCP:
    case X86_MN_RDPID: case X86_MN_XGETBV: case X86_MN_XSAVE: case X86_MN_XRSTOR:
    case X86_MN_FXSAVE: case X86_MN_FXRSTOR: case X86_MN_RDFSBASE: case X86_MN_RDGSBASE:
    case X86_MN_WRFSBASE: case X86_MN_WRGSBASE: case X86_MN_RDRAND: case X86_MN_RDSEED:
        return true;
    }
    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        unsigned kind = x->op[i].kind;

        if (kind == X86_OP_STR_SI || kind == X86_OP_STR_DI || kind == X86_OP_SEG ||
            kind == X86_OP_CR || kind == X86_OP_DR || kind == X86_OP_FAR) {
            return true;
        }
    }
    return x->vsib || x->seg_override == X86_FS || x->seg_override == X86_GS;
}

/* CALL of the stack's look-up: what T1 is if it has found the span from T0 to T1. */
static Value look_up_stack(const Checker *c, const uint8_t *to)
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

/* Jcc: after the stack's look-up JZ has its addend. */
static void exec_conditional(Checker *c, uint32_t when)
{
    Value unknown_t1 = c->reg[JIT_T1];

    prove(c);
    if (c->stack.kind == VALUE_ADDEND && c->x.mnemonic == X86_MN_JZ) {
        c->reg[JIT_T1] = c->stack;
        exec_jump(c, when);
        c->reg[JIT_T1] = unknown_t1;
    } else {
        exec_jump(c, when);
    }
    c->stack.kind = VALUE_PLAIN;
}

/* JMP, Jcc and CALL; false if the instruction is something else. */
static bool exec_control(Checker *c, uint32_t when)
{
    const X86Insn *x = &c->x;
    uint64_t from, to;

    if (is_conditional(x)) {
        exec_conditional(c, when);
        return true;
    }
    c->stack.kind = VALUE_PLAIN;
    if (x->mnemonic != X86_MN_JMP && x->mnemonic != X86_MN_CALL) {
        return false;
    }
    if (x->op[0].kind == X86_OP_REL && x->mnemonic == X86_MN_CALL) {
        c->stack = look_up_stack(c, c->pc + x->len + x->imm);
        exec_jump(c, when);
    } else if (x->op[0].kind == X86_OP_REL) {
        exec_jump(c, when);
    } else if (x->op[0].kind != X86_OP_MEM || !host_range(c, 8, &from, &to) ||
               !in_jumps(c, from, to)) {
        refuse(c, "an indirect jump by way of something else than the jump cache");
    }
    forget_scratch(c);
    return true;
}

static void exec(Checker *c, uint32_t when)
{
    const X86Insn *x = &c->x;
    bool write = false;
    Region region = REGION_NONE;

    if (is_forbidden(x)) {
        refuse(c, "an instruction that the translator must not emit");
    }
    if (exec_control(c, when)) {
        c->pending.valid = false;
        return;
    }
    const X86Operand *mem = x->mnemonic == X86_MN_LEA || x->mnemonic == X86_MN_NOP
                                ? NULL : memory_operand(x, &write);
    if (mem) {
        region = classify(c, mem->size ? mem->size : 1, write);
    }
    c->pending.valid = false;
    if (x->mnemonic == X86_MN_LEA) {
        exec_lea(c);
    } else if (x->mnemonic == X86_MN_MOV) {
        exec_mov(c, region, mem ? mem->size : 0);
    } else if (x->mnemonic == X86_MN_CMP) {
        if (region == REGION_HOST) {
            note_comparison(c);
        } else if (!mem) {
            note_comparison_of_site(c);
        }
    } else if (!exec_constant_change(c) && !exec_address_step(c, region)) {
        exec_other(c, region, mem ? mem->size : 0, write);
    }
}

/* --- blocks ---------------------------------------------------------------------------------- */

static void decode(Checker *c, const uint8_t *end)
{
    unsigned features = X86_DECODE_HAS_LZCNT | X86_DECODE_HAS_BMI1;

    if (x86_decode(c->pc, end - c->pc, X86_MODE_64, features, &c->x) != X86_DECODE_OK) {
        c->x.len = 1;
        refuse(c, "bytes that are no instruction");
    }
    c->clock++;
}

/* Nothing is known of registers here, and nothing needs to be. */
static void check_cold(Checker *c)
{
    forget_all(c);
    c->guest = NULL;
    for (c->pc = c->cold; c->pc < c->cold_end; c->pc += c->x.len) {
        decode(c, c->cold_end);
        exec(c, UINT32_MAX);
        if (c->x.mnemonic == X86_MN_JMP) {
            forget_all(c);
        }
    }
}

static bool writes(const JitInsn *insn, unsigned reg)
{
    const X86Insn *x = &insn->x;

    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        bool high = x->op[i].kind == X86_OP_GPRH;

        if ((x->op[i].kind == X86_OP_GPR || high) && x->op[i].reg == reg &&
            (x86_insn_row(x)->operand_access[i] & 2)) {
            return true;
        }
    }
    return implicit_writes(x) >> reg & 1;
}

static const Value *guest_register(const Checker *c, unsigned reg)
{
    unsigned host = jit_host_reg(reg);

    return host == HOST_NONE ? &c->slot[reg] : &c->reg[host];
}

/* Which guest registers have other values now than they had before the instruction? */
static void check_writes(Checker *c, const Linear *before)
{
    for (unsigned reg = 0; c->guest && reg < 16; reg++) {
        const Linear *now = &guest_register(c, reg)->lin;

        if ((!same_base(now, &before[reg]) || now->disp != before[reg].disp) &&
            !writes(c->guest, reg)) {
            refuse(c, "a guest register changed by an instruction that does not write it");
        }
    }
}

static void note_registers(const Checker *c, Linear *to)
{
    for (unsigned reg = 0; reg < 16; reg++) {
        to[reg] = guest_register(c, reg)->lin;
    }
}

/* C may enter at a guest instruction's beginning. */
static void begin_guest_insn(Checker *c, unsigned i, Linear *registers)
{
    if (c->guest && c->guest->interpreted) {
        forget_all(c);
    } else {
        check_writes(c, registers);
        forget_scratch(c);
    }
    c->guest = i < c->b->count ? &c->b->insns[i] : NULL;
    note_registers(c, registers);
}

/* Does T1 hold the same, as far as it matters, when control comes from t? T2 is as it was. */
static bool same_addend(const Checker *c, const Target *t)
{
    const Value *addend = &c->reg[JIT_T1], *base = &c->reg[t->base];

    return t->site && addend->kind == VALUE_ADDEND && same_base(&addend->lin, &base->lin) &&
           addend->first - base->lin.disp >= t->first && addend->last - base->lin.disp <= t->last &&
           (t->write || !addend->write);
}

/* Nothing is known of scratch registers but what they are not above, wherever control comes from. */
static void forget_scratch_to(Checker *c, const uint64_t max[3])
{
    forget_scratch(c);
    for (unsigned k = 0; k < 3; k++) {
        c->reg[JIT_T0 + k].max = max[k];
    }
}

static void join_at_target(Checker *c)
{
    uint32_t when = UINT32_MAX;
    bool found = false, same = true;
    uint64_t max[3] = { c->reg[JIT_T0].max, c->reg[JIT_T1].max, c->reg[JIT_T2].max };

    for (unsigned i = 0; i < c->target_count; i++) {
        if (c->targets[i].at == c->pc) {
            when = MIN(when, c->targets[i].when);
            found = true;
            same = same && same_addend(c, &c->targets[i]);
            for (unsigned k = 0; k < 3; k++) {
                max[k] = MAX(max[k], c->targets[i].max[k]);
            }
        }
    }
    if (found) {
        join(c, when);
    }
    if (found && !same) {
        forget_scratch_to(c, max);
    }
}

static void check_hot(Checker *c)
{
    const X86Tb *tb = c->b->tb;
    Linear registers[16];
    unsigned next = 0;

    forget_all(c);
    c->guest = NULL;
    for (c->pc = tb->body; c->pc < tb->end; c->pc += c->x.len) {
        while (next <= tb->count && tb->body + tb->insns[next].host == c->pc) {
            begin_guest_insn(c, next++, registers);
        }
        join_at_target(c);
        decode(c, tb->end);
        exec(c, c->clock);
    }
}

void jit_check_block(const JitBuild *b, const uint8_t *cold)
{
    g_autofree Checker *c = g_new0(Checker, 1);

    c->b = b;
    c->cold = cold;
    c->cold_end = b->jit->code_rx + b->jit->code_size / 2 + b->jit->cold_used;
    check_cold(c);
    check_hot(c);
}

void x86_translator_check(X86CPU *cpu)
{
    cpu->translator->check = true;
}
