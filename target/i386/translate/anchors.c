/*
 * Anchors: in the window (target/i386/window.h), the loop of a single block need not look for its places
 * each time round.
 *
 * A loop's address is a sum of registers of which some stay as they are in the loop and others move by
 * constants. Its anchor is the place of the address, less what moves: the same value each time round, as long
 * as the address stays where places follow each other as addresses do. T1 holds it all through the loop, and
 * T2 a second one if the loop has two and needs T2 for nothing else. An access adds what moves:
 *
 *   outside    pext t1, rax; t1 -= rax
 *   inside     mov xmm0, gs:[rax + t1]
 *
 * Nothing is mapped within 64 GiB of where places no longer follow each other. An address that moves by
 * little each time round and is accessed each time must fault there, again and again, until its block is
 * translated without the window (JIT_WINDOW_STRIKES).
 *
 * The plain block finds the anchors before its first instruction; its exits hand them over (JitEntry.anchor)
 * to whoever wants the same, which is the loop's version of the block. C comes back to the middle of it with
 * X86JitContext.place in T1 and .second_anchor in T2: they are there, too.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/build.h"

enum { MAX_STEP = 1 << 20, MAX_CANDIDATES = 8 };
/* Without an anchor the index would be added before PEXT, and what the loop waits for may be the index. */
enum { NARROW_WEIGHT = 4 };

/* What the loop does to the general registers, a bit each. */
typedef struct Motion {
    uint32_t moved;   /* by constants only */
    uint32_t changed; /* in other ways */
} Motion;

/* An anchor that the loop could have, and how much would be won by it. */
typedef struct Candidate {
    uint16_t anchor;
    uint16_t uses;
} Candidate;

/* Does insn leave T1 alone, and T2 unless it needs that, as long as its own access does? */
static bool keeps_anchors(const JitInsn *insn)
{
    if (insn->emit == jit_emit_copy) {
        unsigned vvvv = insn->row.vvvv;

        return (vvvv == COPY_NO_OPERAND || insn->x.op[vvvv].kind != X86_OP_GPR) &&
               !(insn->accesses && insn->x.seg >= X86_FS);
    }
    return insn->keeps_place && !insn->accesses;
}

static void follow(Motion *m, const JitInsn *insn)
{
    int64_t by;

    if (jit_constant_change(&insn->x, &by) && by >= -MAX_STEP && by <= MAX_STEP) {
        m->moved |= 1u << insn->x.op[0].reg;
    } else {
        m->changed |= jit_written_regs(insn);
    }
}

static bool is_in(uint32_t regs, unsigned reg)
{
    return reg != X86_NO_REG && (regs >> reg & 1);
}

/* The anchor of insn's operand; 0: it has none. */
static uint16_t anchor_of(const Motion *m, const JitInsn *insn)
{
    const X86Insn *x = &insn->x;
    JitAnchor a = { .base = x->base, .index = x->index, .scale = x->scale };

    if (!insn->accesses || x->addr_size != 8 || x->rip_relative || x->base == X86_NO_REG ||
        is_in(m->changed, x->base)) {
        return 0;
    }
    a.base_moves = is_in(m->moved, x->base);
    if (!is_in(m->changed, x->index)) {
        a.index_moves = is_in(m->moved, x->index);
    } else if (insn->narrow_index && !a.base_moves) {
        a.index = X86_NO_REG; /* within reach of the base's place */
        a.scale = 0;
    } else {
        return 0;
    }
    return jit_pack_anchor(a);
}

static bool has_narrow_index(const JitInsn *insn, uint16_t anchor)
{
    return insn->narrow_index && jit_unpack_anchor(anchor).index == X86_NO_REG;
}

/* The loop's anchors; how many. */
static unsigned find_candidates(const JitBuild *b, const Motion *m, Candidate *found)
{
    unsigned count = 0;

    for (unsigned i = 0; i < b->anchor_last; i++) {
        const JitInsn *insn = &b->insns[i];
        uint16_t a = anchor_of(m, insn);
        unsigned k = 0;

        while (k < count && found[k].anchor != a) {
            k++;
        }
        if (!a || k == MAX_CANDIDATES) {
            continue;
        }
        if (k == count) {
            found[count++] = (Candidate){ .anchor = a };
        }
        found[k].uses += has_narrow_index(insn, a) ? NARROW_WEIGHT : 1;
    }
    return count;
}

static bool is_in_memory(unsigned reg)
{
    return reg < 16 && jit_host_reg(reg) == HOST_NONE;
}

/* Does insn need T2, be it for a register that lives in memory, or for a place? */
static bool needs_t2(const JitInsn *insn, uint16_t anchor)
{
    const X86Insn *x = &insn->x;
    JitAnchor a = jit_unpack_anchor(anchor);
    bool needs = is_in_memory(x->base) || is_in_memory(x->index);

    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        needs |= x->op[i].kind == X86_OP_GPR && is_in_memory(x->op[i].reg);
    }
    return needs || (insn->accesses && (!anchor || (a.base_moves && a.index_moves)));
}

/* May T2 be an anchor, too, so that the two are all that the loop has? */
static bool is_t2_free(const JitBuild *b, const Motion *m)
{
    for (unsigned i = 0; i < b->anchor_last; i++) {
        if (needs_t2(&b->insns[i], anchor_of(m, &b->insns[i]))) {
            return false;
        }
    }
    return true;
}

static void choose(JitBuild *b, const Motion *m)
{
    Candidate found[MAX_CANDIDATES];
    unsigned count = find_candidates(b, m, found), best = 0;

    for (unsigned k = 1; k < count; k++) {
        best = found[k].uses > found[best].uses ? k : best;
    }
    if (count == 2 && is_t2_free(b, m)) {
        b->anchor = jit_two_anchors(found[0].anchor, found[1].anchor);
    } else if (count) {
        b->anchor = found[best].anchor;
    }
}

/* Which anchor is the access of the insn by? */
static unsigned number_of(const JitBuild *b, const Motion *m, const JitInsn *insn)
{
    uint16_t a = anchor_of(m, insn);

    return !a ? 0 : a == jit_anchor(b->anchor, 1) ? 1 : a == jit_anchor(b->anchor, 2) ? 2 : 0;
}

void jit_find_anchors(JitBuild *b)
{
    Motion m = { 0 };

    b->anchor = b->handed_over = b->anchors_used = 0;
    b->anchor_last = b->first_loop;
    if (!b->window || !b->mode64 || b->first_loop >= b->count ||
        !jit_is_own_loop(b, &b->insns[b->first_loop])) {
        return;
    }
    for (unsigned i = 0; i < b->anchor_last; i++) {
        if (!keeps_anchors(&b->insns[i])) {
            return;
        }
        follow(&m, &b->insns[i]);
    }
    choose(b, &m);
    for (unsigned i = 0; i < b->anchor_last; i++) {
        b->insns[i].at_anchor = number_of(b, &m, &b->insns[i]);
    }
}

/* --- code ------------------------------------------------------------------------------------ */

/* The sum of what of the address is in the loop's registers, as an operand of LEA; T2 and T0 are lost. */
static HostMem sum(JitBuild *b, JitAnchor a, bool base, bool index)
{
    HostMem m = { .base = HOST_NONE, .index = HOST_NONE };

    if (base) {
        m.base = jit_in_register(b, a.base, JIT_T2);
    }
    if (index) {
        m.index = jit_in_register(b, a.index, JIT_T0);
        m.scale = a.scale;
    }
    return m;
}

/* The register that an anchor is in. */
static unsigned anchor_register(unsigned number)
{
    return number == 1 ? JIT_T1 : JIT_T2;
}

static void emit_anchor(JitBuild *b, unsigned number)
{
    JitAnchor a = jit_unpack_anchor(jit_anchor(b->anchor, number));
    unsigned dst = anchor_register(number);
    Emit *e = &b->e;

    if (a.index == X86_NO_REG) {
        jit_emit_place(b, dst, jit_in_register(b, a.base, JIT_T2));
    } else {
        emit_lea(e, true, JIT_T2, sum(b, a, true, true));
        jit_emit_place(b, dst, JIT_T2);
    }
    if (a.base_moves || a.index_moves) { /* SUB would change the flags */
        emit_lea(e, true, JIT_T0, sum(b, a, a.base_moves, a.index_moves));
        emit_op_reg(e, true, 0xf7, HOST_NOT, JIT_T0);
        emit_lea(e, true, dst, (HostMem){ .base = dst, .index = JIT_T0, .disp = 1 });
    }
}

void jit_emit_anchors(JitBuild *b)
{
    if (!b->anchor || b->tb->entry.anchor) {
        return;
    }
    emit_anchor(b, 1);
    emit_store(&b->e, true, JIT_T1, JIT_ABS(b->jit, place));
    if (jit_anchor(b->anchor, 2)) {
        emit_anchor(b, 2);
        emit_store(&b->e, true, JIT_T2, JIT_ABS(b->jit, second_anchor));
    }
}

void jit_anchors_before(JitBuild *b, const JitInsn *insn)
{
    if (insn->index > b->anchor_last) {
        b->anchor = b->handed_over = b->anchors_used = 0;
    }
}

/* A loop hands its anchors over only when it has made accesses by them, which would have faulted. */
static void note_use(JitBuild *b, unsigned number)
{
    unsigned all = jit_anchor(b->anchor, 2) ? 3 : 1;

    b->anchors_used |= number;
    b->handed_over = b->anchors_used == all ? b->anchor : 0;
}

HostMem jit_anchored_operand(JitBuild *b, const JitInsn *insn)
{
    JitAnchor a = jit_unpack_anchor(jit_anchor(b->anchor, insn->at_anchor));
    const X86Insn *x = &insn->x;
    bool base = a.base_moves, index = x->index != X86_NO_REG && (a.index_moves || a.index == X86_NO_REG);
    unsigned anchor = anchor_register(insn->at_anchor);
    HostMem m = { .base = anchor, .index = HOST_NONE };

    note_use(b, insn->at_anchor);
    if (base && index) {
        emit_lea(&b->e, true, JIT_T2, sum(b, a, true, true));
        m.index = JIT_T2;
    } else if (base) {
        m = (HostMem){ .base = jit_in_register(b, a.base, JIT_T2), .index = anchor };
    } else if (index) {
        m.index = jit_in_register(b, x->index, JIT_T2);
        m.scale = x->scale;
    }
    m.disp = x->disp;
    m.window = true;
    return m;
}
