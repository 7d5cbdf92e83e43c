/*
 * Anchors: in the window (target/i386/window.h), the loop of a single block need not look for its places
 * each time round.
 *
 * A loop's address is a sum of registers of which some stay as they are in the loop and others move by
 * constants. Its anchor is the place of the address, less what moves: the same value each time round, as long
 * as the address stays where places follow each other as addresses do. It is kept in T1 all through the
 * loop, and an access adds what moves:
 *
 *   outside    pext t1, rax; t1 -= rax
 *   inside     mov xmm0, gs:[rax + t1]
 *
 * Nothing is mapped within 64 GiB of where places no longer follow each other. An address that moves by
 * little each time round and is accessed each time must fault there, again and again, until its block is
 * translated without the window (JIT_WINDOW_STRIKES).
 *
 * The plain block finds the anchor before its first instruction; its exits hand it over (JitEntry.anchor) to
 * whoever wants the same, which is the loop's version of the block. C comes back to the middle of it with
 * X86JitContext.place in T1, where it is, too.
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

/* Does insn leave T1 alone, as long as its own access does? */
static bool keeps_anchor(const JitInsn *insn)
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
static uint32_t anchor_of(const Motion *m, const JitInsn *insn)
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

/* The loop's most frequent anchor; 0: there is none. */
static uint32_t choose(const JitBuild *b, const Motion *m, unsigned last)
{
    uint32_t anchor[MAX_CANDIDATES];
    unsigned uses[MAX_CANDIDATES] = { 0 }, count = 0, best = 0;

    for (unsigned i = 0; i <= last; i++) {
        uint32_t a = anchor_of(m, &b->insns[i]);
        unsigned k = 0;

        while (k < count && anchor[k] != a) {
            k++;
        }
        if (!a || k == MAX_CANDIDATES) {
            continue;
        }
        if (k == count) {
            anchor[count++] = a;
        }
        uses[k] += b->insns[i].narrow_index && jit_unpack_anchor(a).index == X86_NO_REG ? NARROW_WEIGHT : 1;
        best = uses[k] > uses[best] ? k : best;
    }
    return count ? anchor[best] : 0;
}

void jit_find_anchor(JitBuild *b)
{
    Motion m = { 0 };
    unsigned last = b->first_loop;

    b->anchor = b->anchored = 0;
    if (!b->window || !b->mode64 || last >= b->count || !jit_is_own_loop(b, &b->insns[last])) {
        return;
    }
    for (unsigned i = 0; i < last; i++) {
        if (!keeps_anchor(&b->insns[i])) {
            return;
        }
        follow(&m, &b->insns[i]);
    }
    b->anchor_last = last;
    b->anchor = choose(b, &m, last);
    for (unsigned i = 0; i < last; i++) {
        b->insns[i].at_anchor = b->anchor && anchor_of(&m, &b->insns[i]) == b->anchor;
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

void jit_emit_anchor(JitBuild *b)
{
    JitAnchor a = jit_unpack_anchor(b->anchor);
    Emit *e = &b->e;

    if (a.index == X86_NO_REG) {
        jit_emit_place(b, JIT_T1, jit_in_register(b, a.base, JIT_T2));
    } else {
        emit_lea(e, true, JIT_T2, sum(b, a, true, true));
        jit_emit_place(b, JIT_T1, JIT_T2);
    }
    if (a.base_moves || a.index_moves) { /* SUB would change the flags */
        emit_lea(e, true, JIT_T0, sum(b, a, a.base_moves, a.index_moves));
        emit_op_reg(e, true, 0xf7, HOST_NOT, JIT_T0);
        emit_lea(e, true, JIT_T1, (HostMem){ .base = JIT_T1, .index = JIT_T0, .disp = 1 });
    }
    emit_store(e, true, JIT_T1, JIT_ABS(b->jit, place));
}

void jit_anchor_before(JitBuild *b, const JitInsn *insn)
{
    if (insn->index > b->anchor_last) {
        b->anchor = b->anchored = 0;
    }
}

HostMem jit_anchored_operand(JitBuild *b, const JitInsn *insn)
{
    JitAnchor a = jit_unpack_anchor(b->anchor);
    const X86Insn *x = &insn->x;
    bool base = a.base_moves, index = x->index != X86_NO_REG && (a.index_moves || a.index == X86_NO_REG);
    HostMem m = { .base = JIT_T1, .index = HOST_NONE };

    b->anchored = b->anchor;
    if (base && index) {
        emit_lea(&b->e, true, JIT_T2, sum(b, a, true, true));
        m.index = JIT_T2;
    } else if (base) {
        m = (HostMem){ .base = jit_in_register(b, a.base, JIT_T2), .index = JIT_T1 };
    } else if (index) {
        m.index = jit_in_register(b, x->index, JIT_T2);
        m.scale = x->scale;
    }
    m.disp = x->disp;
    m.window = true;
    return m;
}
