/*
 * The block checker: accesses to the window.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/check-internal.h"

enum { MAX_MOVED = 64 << 20 }; /* in a block, by constants */

/* May the block's accesses go through the window? */
static bool has_window(const Checker *c)
{
    const uint32_t needed = X86_KEY_WINDOW | X86_HF_CPL_MASK;

    return (c->b->tb->key & needed) == needed;
}

/* Does the index, if there is one, lead no further than the window's guard? */
static bool has_narrow_index(const Checker *c)
{
    Value index = register_value(c, c->x.index);

    return c->x.index == X86_NO_REG ||
           (index.kind == VALUE_PLAIN && (index.max <= UINT32_MAX || index.extended));
}

/* Is the operand a place in the window, in reach of where PEXT has put it, or of the window's start?
 * Addresses of 32 bits are places. */
static bool is_in_window(const Checker *c)
{
    const X86Insn *x = &c->x;
    Value base = register_value(c, x->base);
    int64_t reach = (uint64_t)base.lin.disp - base.first + x->disp;

    if (x->addr_size != 8) {
        return false;
    }
    if (x->base == X86_NO_REG) {
        return c->b->mode64 ? has_narrow_index(c) : x->index == X86_NO_REG && x->disp >= 0;
    }
    return c->b->mode64 ? base.kind == VALUE_WINDOW && reach == (int32_t)reach && has_narrow_index(c)
                        : base.kind == VALUE_PLAIN && base.max <= UINT32_MAX && !x->disp &&
                          x->index == X86_NO_REG;
}

/* Has what moves in the loop moved by constants only? */
static bool is_near(const Linear *now, const Linear *before)
{
    int64_t by = (uint64_t)now->disp - before->disp;

    return same_base(now, before) && by >= -MAX_MOVED && by <= MAX_MOVED;
}

/* The anchor that is one of the operand's registers, and what is added to it. */
static Value operand_anchor(const Checker *c, Linear *moving)
{
    Value base = register_value(c, c->x.base), index = register_value(c, c->x.index);

    *moving = (Linear){ 0 };
    if (index.kind == VALUE_ANCHOR && base.kind == VALUE_PLAIN && !c->x.scale) {
        *moving = base.lin;
        return index;
    }
    return check_add_linear(moving, &index.lin, c->x.scale) && index.kind == VALUE_PLAIN
               ? base : (Value){ 0 };
}

static bool is_at_anchor(const Checker *c)
{
    Linear moving;
    Value anchor = operand_anchor(c, &moving);

    return anchor.kind == VALUE_ANCHOR && is_near(&moving, &anchor.low);
}

/* What the cold code of the present guest instruction does with the flags. */
typedef enum ColdFlags { COLD_BROKEN, COLD_SAVES_HOST, COLD_LEAVES_HOST } ColdFlags;

/* It goes to the interpreter, with the instruction in T1, and may make flags before. */
static ColdFlags cold_flags(const Checker *c)
{
    const X86Tb *tb = c->b->tb;
    const X86TbInsn *insn = &tb->insns[c->guest - c->b->insns];
    const uint8_t *pc = tb->cold + insn->cold - 1;
    bool made = false, named = false;
    X86Insn x;

    for (; insn->cold && pc >= c->cold && pc < c->cold_end; pc += x.len) {
        if (x86_decode(pc, c->cold_end - pc, X86_MODE_64, 0, &x) != X86_DECODE_OK) {
            break;
        }
        if (x.mnemonic == X86_MN_JMP) {
            const uint8_t *to = pc + x.len + x.imm;
            bool saves = to == c->b->jit->stubs.interpret_host;

            return !named || !(saves || to == c->b->jit->stubs.interpret) ? COLD_BROKEN
                 : saves && !made ? COLD_SAVES_HOST : COLD_LEAVES_HOST;
        }
        named = x.mnemonic == X86_MN_MOV && x.op[0].kind == X86_OP_GPR && x.op[0].reg == JIT_T1 &&
                x.op[1].kind == X86_OP_IMM && (uint64_t)x.imm == (uintptr_t)insn;
        made |= x86_insn_row(&x)->flags_written != 0;
    }
    return COLD_BROKEN;
}

/* The access may fault; then the interpreter runs all of the instruction. */
static void check_repeatable(const Checker *c)
{
    ColdFlags flags = c->guest ? cold_flags(c) : COLD_BROKEN;

    if (flags == COLD_BROKEN) {
        check_refuse(c, "an access to the window without cold code for its fault");
    }
    if (flags == COLD_SAVES_HOST && c->flags_changed) {
        check_refuse(c, "an access to the window after the flags that its cold code saves were lost");
    }
    for (unsigned reg = 0; reg < 16; reg++) {
        if (check_has_changed(c, reg)) {
            check_refuse(c, "an access to the window after a register has changed");
        }
    }
    if (c->stored) {
        check_refuse(c, "an access to the window after a store");
    }
}

/* What addresses are made of: in 32-bit code only the lowest bits count. */
static Linear part(const Checker *c, const Value *v)
{
    return c->b->mode64 ? v->lin : v->low;
}

static bool add_segment_base(const Checker *c, unsigned seg, Linear *lin)
{
    const Value *base = &c->slot[offsetof(X86JitContext, seg_base) / 8 + seg - X86_FS];

    return c->b->mode64 && check_add_linear(lin, &base->lin, 0);
}

/* The linear address of the memory operand of the guest's instruction; false if it is not known. */
static bool guest_operand(const Checker *c, Linear *lin)
{
    const X86Insn *x = &c->guest->x;

    *lin = x->base == X86_NO_REG ? (Linear){ 0 } : part(c, &c->before[x->base]);
    lin->disp += x->disp + (x->rip_relative ? jit_rip_after(c->b, c->guest) : 0);
    if (x->addr_size != (c->b->mode64 ? 8 : 4)) {
        return false;
    }
    if (x->index != X86_NO_REG) {
        Linear index = part(c, &c->before[x->index]);

        if (!check_add_linear(lin, &index, x->scale)) {
            return false;
        }
    }
    return (x->seg != X86_FS && x->seg != X86_GS) || add_segment_base(c, x->seg, lin);
}

/* Is [first, first + size) within the span [from, to) from base? */
static bool covers(const Checker *c, Linear base, int64_t from, int64_t to, const Linear *first,
                   unsigned size)
{
    int64_t at = (uint64_t)first->disp - base.disp;

    at = c->b->mode64 ? at : (int32_t)at;
    return same_base(&base, first) && at >= from && at <= to - (int64_t)size;
}

/* Is the access to the stack's slot that the guest's instruction writes, or else reads? */
static bool is_slot(const Checker *c, const Linear *first, unsigned size, bool write)
{
    int64_t slot = c->b->mode64 ? 8 : 4;

    switch (c->guest->x.mnemonic) {
    case X86_MN_PUSH: case X86_MN_PUSHF: case X86_MN_CALL:
        return write && covers(c, part(c, &c->before[X86_RSP]), -slot, 0, first, size);
    case X86_MN_POP: case X86_MN_POPF: case X86_MN_RET:
        return !write && covers(c, part(c, &c->before[X86_RSP]), 0, slot, first, size);
    case X86_MN_LEAVE:
        return !write && covers(c, part(c, &c->before[X86_RBP]), 0, slot, first, size);
    }
    return false;
}

/* Bit strings reach far from their operand. */
static bool is_bit_string(const X86Insn *x)
{
    return (x->mnemonic == X86_MN_BT || x->mnemonic == X86_MN_BTS || x->mnemonic == X86_MN_BTR ||
            x->mnemonic == X86_MN_BTC) && x->op[1].kind == X86_OP_GPR;
}

/* Is the access to what the guest's instruction accesses? */
static bool is_guests(const Checker *c, unsigned size, bool write)
{
    const X86Insn *x = &c->guest->x;
    Value base = register_value(c, c->x.base), index = register_value(c, c->x.index);
    Linear first = part(c, &base), operand;

    first.disp += (uint64_t)c->x.disp;
    bool linear = check_add_linear(&first, &index.lin, c->x.scale);
    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        if (x->op[i].kind == X86_OP_MEM && (!write || (x86_insn_row(x)->operand_access[i] & 2)) &&
            (is_bit_string(x) || !guest_operand(c, &operand) ||
             (linear && covers(c, operand, 0, MAX(x->op[i].size, 1), &first, size)))) {
            return true;
        }
    }
    return linear && is_slot(c, &first, size, write);
}

void check_window_access(const Checker *c, unsigned size, bool write)
{
    if (!has_window(c)) {
        check_refuse(c, "an access to the window by a block that has none");
    }
    if (!is_in_window(c) && !is_at_anchor(c)) {
        check_refuse(c, "an access by GS to what is no place in the window");
    }
    check_repeatable(c);
    if (!is_guests(c, size, write)) {
        check_refuse(c, "an access to the window that is not the guest instruction's");
    }
}

/* *a -= *b, of which it is a part; false if it is not. */
static bool subtract(Linear *a, const Linear *b)
{
    Linear rest = { .disp = (uint64_t)a->disp - b->disp };

    if (!same_base(a, b)) {
        if (b->id && !b->index && a->id == b->id) {
            rest.id = a->scale ? 0 : a->index;
            rest.index = a->scale ? a->index : 0;
            rest.scale = a->scale;
        } else if ((b->id && !b->index && a->index == b->id && !a->scale) ||
                   (!b->id && b->index && a->index == b->index && a->scale == b->scale)) {
            rest.id = a->id;
        } else {
            return false;
        }
    }
    *a = rest;
    return true;
}

Value check_moved_place(Checker *c)
{
    Value place = register_value(c, c->x.base), index = register_value(c, c->x.index);

    if (index.kind == VALUE_NOT && !c->x.scale && c->x.disp == 1) {
        place.kind = VALUE_ANCHOR;
        place.low = index.lin;
        return subtract(&place.lin, &index.lin) ? place : check_unknown(c);
    }
    place.lin.disp += (uint64_t)c->x.disp;
    return has_narrow_index(c) && check_add_linear(&place.lin, &index.lin, c->x.scale)
               ? place : check_unknown(c);
}

static bool is_same_anchor(const Value *a, const Value *b)
{
    return a->kind == b->kind && same_base(&a->lin, &b->lin) && a->lin.disp == b->lin.disp &&
           same_base(&a->low, &b->low) && a->low.disp == b->low.disp;
}

/* What the register is when C has been called. */
static unsigned slot_of(unsigned reg)
{
    return (reg == JIT_T1 ? offsetof(X86JitContext, place) : offsetof(X86JitContext, second_anchor)) / 8;
}

Value check_kept_place(const Checker *c, unsigned reg)
{
    Value place = c->reg[reg], kept = c->slot[slot_of(reg)];
    bool same = place.kind == VALUE_WINDOW && kept.kind == VALUE_WINDOW &&
                same_base(&place.lin, &kept.lin) && place.lin.disp == kept.lin.disp &&
                place.first == kept.first;
    same |= place.kind == VALUE_ANCHOR && is_same_anchor(&place, &kept);

    return same ? place : (Value){ 0 };
}

/* --- anchors (anchors.c) ---------------------------------------------------------------------- */

/* The registers of an anchor that move, or those that do not, as they are now; false: they are not linear. */
static bool anchor_part(const Checker *c, JitAnchor a, bool moving, Linear *lin)
{
    *lin = a.base_moves == moving ? check_guest_register(c, a.base)->lin : (Linear){ 0 };
    return a.index == X86_NO_REG || a.index_moves != moving ||
           check_add_linear(lin, &check_guest_register(c, a.index)->lin, a.scale);
}

static Value anchor_now(const Checker *c, uint16_t packed)
{
    JitAnchor a = jit_unpack_anchor(packed);
    Value v = { .kind = VALUE_ANCHOR, .max = UINT64_MAX };

    if (!anchor_part(c, a, false, &v.lin) || !anchor_part(c, a, true, &v.low)) {
        return (Value){ 0 };
    }
    if (!a.base_moves && !a.index_moves) {
        v.kind = VALUE_WINDOW;
        v.first = v.lin.disp;
    }
    return v;
}

static void begin_anchored(Checker *c, unsigned reg, uint16_t anchor)
{
    if (anchor) {
        set_reg(c, reg, anchor_now(c, anchor));
        c->slot[slot_of(reg)] = c->reg[reg];
    }
}

void check_begin_anchored(Checker *c)
{
    uint32_t anchors = c->b->tb->entry.anchor;

    begin_anchored(c, JIT_T1, jit_anchor(anchors, 1));
    begin_anchored(c, JIT_T2, jit_anchor(anchors, 2));
}

/* What T1 and T2 are, as far as they are kept for when C has been called. */
typedef struct Kept {
    Value t1, t2;
} Kept;

/* Is that the anchor, as the guest's registers are now? */
static bool is_anchor_now(const Checker *c, const Value *kept, uint16_t anchor)
{
    Value now = anchor_now(c, anchor);

    return kept->kind != VALUE_PLAIN && kept->kind == now.kind && same_base(&kept->lin, &now.lin) &&
           kept->lin.disp == now.lin.disp && (kept->kind == VALUE_WINDOW || is_near(&now.low, &kept->low));
}

/* The exit at disp, if there is one, is taken. */
static void check_exit(const Checker *c, uint32_t disp, const Kept *kept)
{
    const X86Tb *tb = c->b->tb;

    for (unsigned i = 0; i < tb->exit_count; i++) {
        uint32_t anchors = tb->exits[i].entry.anchor;
        uint16_t second = jit_anchor(anchors, 2);

        if (tb->exits[i].disp == disp && anchors &&
            !(is_anchor_now(c, &kept->t1, jit_anchor(anchors, 1)) &&
              (!second || is_anchor_now(c, &kept->t2, second)))) {
            check_refuse(c, "an exit that hands over another anchor");
        }
    }
}

static bool writes_register(const X86Insn *x, unsigned reg)
{
    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        if (x->op[i].kind == X86_OP_GPR && x->op[i].reg == reg && (x86_insn_row(x)->operand_access[i] & 2)) {
            return true;
        }
    }
    return false;
}

void check_handed_over(const Checker *c, const uint8_t *to)
{
    const uint8_t *code = c->b->jit->code_rx;
    Kept kept = { .t1 = check_kept_place(c, JIT_T1), .t2 = check_kept_place(c, JIT_T2) };
    X86Insn x;

    check_exit(c, c->pc + c->x.len - 4 - code, &kept);
    for (; to >= c->cold && to < c->cold_end; to += x.len) { /* the exit's branch may be there */
        if (x86_decode(to, c->cold_end - to, X86_MODE_64, 0, &x) != X86_DECODE_OK) {
            return;
        }
        if (x.mnemonic == X86_MN_JMP) {
            check_exit(c, to + x.len - 4 - code, &kept);
            return;
        }
        kept.t1 = writes_register(&x, JIT_T1) ? (Value){ 0 } : kept.t1;
        kept.t2 = writes_register(&x, JIT_T2) ? (Value){ 0 } : kept.t2;
    }
}

bool check_not(Checker *c)
{
    Value v = operand_value(c, 0);

    if (c->x.mnemonic != X86_MN_NOT || c->x.op_size != 8 || c->x.op[0].kind != X86_OP_GPR ||
        !is_scratch(c->x.op[0].reg) || v.kind != VALUE_PLAIN) {
        return false;
    }
    v.kind = VALUE_NOT;
    v.max = UINT64_MAX;
    v.guests = false;
    check_write_gpr(c, c->x.op[0].reg, v);
    return true;
}

bool check_place(Checker *c)
{
    const X86Insn *x = &c->x;
    Value v = operand_value(c, 1);

    if (x->mnemonic != X86_MN_PEXT || x->op_size != 8 || x->op[2].kind != X86_OP_MEM ||
        x->base != X86_NO_REG || x->index != X86_NO_REG || x->rip_relative ||
        (uint64_t)x->disp != (uintptr_t)&c->b->jit->ctx->window_mask || v.kind != VALUE_PLAIN) {
        return false;
    }
    v.kind = VALUE_WINDOW;
    v.first = v.lin.disp;
    v.max = UINT64_MAX;
    v.guests = false;
    check_write_gpr(c, x->op[0].reg, v);
    return true;
}
