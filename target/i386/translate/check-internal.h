/*
 * The parts of the block checker (check.h): what is known of a block's values while its code is
 * followed.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_TRANSLATE_CHECK_INTERNAL_H
#define TARGET_I386_TRANSLATE_CHECK_INTERNAL_H

#include "target/i386/translate/check.h"

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
    VALUE_NOT,     /* ~lin */
    VALUE_ADDEND,  /* of a page; checked for [first, last] */
    VALUE_CHECKED, /* host address of lin; checked for [first, last] */
    VALUE_SITE,    /* the addend of a site, not yet compared */
    VALUE_WINDOW,  /* place of lin in the window */
    VALUE_ANCHOR,  /* the place of lin + low, less low */
    VALUE_HOST,    /* made of a host address */
} ValueKind;

typedef struct Value {
    uint8_t kind;
    bool write;    /* checked for stores */
    bool proved;   /* INDEX: the entry's tag was compared */
    bool guests;   /* a constant that the guest's code has */
    bool extended; /* PLAIN: 32 bits with a sign */
    Linear lin;    /* ADDEND, proved INDEX: the first byte's address */
    Linear low;    /* PLAIN, SHIFTED: something with the same lowest 32 bits as the value; ANCHOR: what
                    * moves in the loop, when the anchor was found */
    int64_t first, last; /* CHECKED, ADDEND, proved INDEX: displacements like lin's; WINDOW: first is
                          * lin's when the place was made */
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
    bool keeps[2];  /* T1 and T2 are what they were when hot code jumped to the cold code that jumps back */
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
    uint32_t came; /* clock at the beginning of this piece of cold code */
    const JitInsn *guest; /* the instruction that the host's belongs to, or NULL */
    Value before[16];     /* the guest's registers at its beginning */
    bool stored;          /* since then: to guest memory */
    bool flags_changed;   /* the host's, since then */
    const uint8_t *pc;    /* the present host instruction */
    X86Insn x;
} Checker;

typedef enum Region { REGION_NONE, REGION_CONTEXT, REGION_HOST, REGION_SITE, REGION_RETURNS,
               REGION_GUEST } Region;

/* --- check.c --- */

G_NORETURN void check_refuse(const Checker *c, const char *why);
void check_write_gpr(Checker *c, unsigned reg, Value v);

/* --- values (check-value.c) --- */

static inline bool is_constant(const Value *v)
{
    return v->kind == VALUE_PLAIN && !v->lin.id && !v->lin.index;
}

/* Values that the guest must not see. */
static inline bool is_host(const Value *v)
{
    return v->kind >= VALUE_ADDEND;
}

static inline bool same_base(const Linear *a, const Linear *b)
{
    return a->id == b->id && a->index == b->index && (!a->index || a->scale == b->scale);
}

static inline void set_reg(Checker *c, unsigned reg, Value v)
{
    v.when = c->clock;
    c->reg[reg] = v;
}

static inline bool is_scratch(unsigned reg)
{
    return reg == JIT_T0 || reg == JIT_T1 || reg == JIT_T2;
}

static inline Value register_value(const Checker *c, unsigned reg)
{
    return reg == X86_NO_REG ? (Value){ 0 } : c->reg[reg];
}

/* The value of operand n if it is a general register. */
static inline Value operand_value(const Checker *c, unsigned n)
{
    const X86Operand *op = &c->x.op[n];

    return op->kind == X86_OP_GPR ? c->reg[op->reg] : (Value){ 0 };
}

Value check_unknown(Checker *c);
Value check_constant(Checker *c, uint64_t val);
/* The lowest 32 bits of v. */
Value check_cut(Checker *c, const Value *v);
void check_forget_scratch(Checker *c);
void check_forget_all(Checker *c);
/* Control comes from elsewhere, too: what has been written since then is unknown. */
void check_join(Checker *c, uint32_t when);
bool check_in_context(const Checker *c, uint64_t from, uint64_t to);
bool check_in_tlb(const Checker *c, uint64_t from, uint64_t to);
bool check_in_sites(const Checker *c, uint64_t from, uint64_t to);
bool check_in_jumps(const Checker *c, uint64_t from, uint64_t to);
bool check_in_returns(const Checker *c, uint64_t from, uint64_t to);
bool check_in_cpu(const Checker *c, uint64_t from, uint64_t to);
/* Is val an address of something of the emulator's? */
bool check_is_host_address(const Checker *c, uint64_t val);
/* a + (b << scale); false if that is not linear. */
bool check_add_linear(Linear *a, const Linear *b, unsigned scale);
/* Where the memory operand points, as a linear value; its parts must be plain. */
Value check_effective_address(Checker *c);
/* An address without guest values: [from, to] at most. */
bool check_host_range(const Checker *c, unsigned size, uint64_t *from, uint64_t *to);
const Value *check_guest_register(const Checker *c, unsigned reg);
/* Has the guest's register another value now than before the instruction? */
bool check_has_changed(const Checker *c, unsigned reg);

/* --- look-ups and sites (check-lookup.c) --- */

/* The site at address at, a field of it; or NULL. */
const X86TlbSite *check_site_at(const Checker *c, uint64_t at, unsigned field);
/* Does the operand add a page's addend to an address that was checked with it? */
bool check_is_checked(Checker *c, unsigned size, bool write);
bool check_is_addend_field(const Checker *c);
/* Loads the addend of the entry that a comparison has proved. */
Value check_load_addend(Checker *c);
/* A site gets the page and the addend of an entry that was compared, one after the other. Its
 * budget is nothing to anybody. */
void check_store_to_site(Checker *c, unsigned size, const Value *v);
/* CMP of a page with a tag of the TLB. */
void check_note_comparison(Checker *c);
/* CMP of what lies between the access and its site's page: with how far it may begin there. */
void check_note_site_comparison(Checker *c);
/* The branch after it, or after that of a site: what has been shown? */
void check_prove(Checker *c);
/* CALL of the stack's look-up: what T1 is if it has found the span from T0 to T1. */
Value check_look_up_stack(const Checker *c, const uint8_t *to);
/* Cold code goes back to a body: with an addend? No guest register has changed there. */
void check_note_site(const Checker *c, Target *t);
/* Does T1 hold the same, as far as it matters, when control comes from t? T2 is as it was. */
bool check_same_addend(const Checker *c, const Target *t);

/* --- windows (check-window.c) --- */

/* Refuses an access of size bytes by GS that is not to the window, or must not fault there. */
void check_window_access(const Checker *c, unsigned size, bool write);
/* LEA of a place, an index and a displacement: a place within its reach, or unknown. */
Value check_moved_place(Checker *c);
/* The place or the anchor that T1 or T2 is, if it is that, too, when C has been called; else VALUE_PLAIN. */
Value check_kept_place(const Checker *c, unsigned reg);
/* The version of a block that relies on an anchor begins. */
void check_begin_anchored(Checker *c);
/* A branch of the hot code, to `to`: if it is an exit, or one stands in the cold code that it leads to,
 * does that hand over what it says? */
void check_handed_over(const Checker *c, const uint8_t *to);
/* NOT of a scratch register. False: it is something else. */
bool check_not(Checker *c);
/* PEXT of a linear address by the window's mask: its place there. False: it is something else. */
bool check_place(Checker *c);

#endif
