/*
 * Groups of accesses that share one check.
 *
 * Accesses through one base register, whose value changes by constants at most, lie
 * near each other: a stack frame, the fields of a structure. The first one checks the
 * whole span of its group and keeps the difference between host and guest addresses in
 * the context; the others only load it. They cannot fault, so that flags need not be
 * saved for them.
 *
 * If the span is not in one page, or the page not for direct access, the block goes on
 * as its careful variant (X86_KEY_CAREFUL), which has no groups.
 *
 * With a window there is no check, and a group is of any span: its accesses share a place, from which
 * they are displacements. What is relative to RIP is a group, too.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/build.h"

enum { MAX_SPAN = 512, MAX_WINDOW_SPAN = 1 << 30, RIP = 16 };

/* What a general register is worth: the value it had at some time, plus a constant. */
typedef struct Value {
    unsigned version;
    int32_t delta;
    JitGroup *open; /* the group that accesses through this version may join */
} Value;

typedef struct Tracker {
    JitBuild *b;
    Value reg[17]; /* the last one is the block's RIP */
    uint32_t narrow; /* registers whose values have 32 bits, extended; one bit each */
} Tracker;

static void forget(Tracker *t, unsigned reg)
{
    t->reg[reg].version++;
    t->reg[reg].delta = 0;
    t->reg[reg].open = NULL;
}

static void forget_all(Tracker *t)
{
    for (unsigned i = 0; i < 16; i++) {
        forget(t, i);
    }
    t->narrow = 0;
}

static void move(Tracker *t, unsigned reg, int64_t by)
{
    int64_t delta = t->reg[reg].delta + by;

    if (delta == (int16_t)delta) {
        t->reg[reg].delta = delta;
    } else {
        forget(t, reg);
    }
}

/* --- joining ------------------------------------------------------------------------- */

static JitGroup *new_group(JitBuild *b, int32_t from, int32_t to)
{
    if (b->group_count == JIT_MAX_GROUPS) {
        return NULL;
    }
    JitGroup *g = &b->groups[b->group_count];
    *g = (JitGroup){ .from = from, .to = to, .number = b->group_count++ };
    return g;
}

/* insn accesses size bytes at disp from base. */
static void join(Tracker *t, JitInsn *insn, unsigned base, int64_t disp, unsigned size, bool write)
{
    Value *v = &t->reg[base];
    int64_t from = v->delta + disp, to = from + size;
    int64_t max_span = t->b->window ? MAX_WINDOW_SPAN : MAX_SPAN;
    bool near = t->b->window ? ABS(from) < MAX_WINDOW_SPAN / 2 : from == (int16_t)from;
    JitGroup *g = v->open;

    if (!near || size == 0) {
        return;
    }
    if (!g || MAX(g->to, to) - MIN(g->from, from) > max_span) {
        v->open = g = new_group(t->b, from, to);
        if (!g) {
            return;
        }
    }
    g->from = MIN(g->from, from);
    g->to = MAX(g->to, to);
    g->write |= write;
    g->last = insn->index;
    insn->group = g;
    insn->group_delta = v->delta;
    insn->group_at = from;
    insn->group_first = g->count++ == 0;
}

/* --- instructions ---------------------------------------------------------------------- */

static bool is_simple_address(const X86Insn *x)
{
    return x->addr_size == 8 && x->base != X86_NO_REG && x->index == X86_NO_REG &&
           !x->rip_relative && x->seg < X86_FS;
}

/* The base of an operand that may be reached from a place in the window: a register, or RIP; X86_NO_REG:
 * there is none, or the index may lead anywhere. *disp: from the base to the operand, or to where the index
 * begins to count. */
static unsigned window_base(const Tracker *t, JitInsn *insn, int64_t *disp)
{
    const X86Insn *x = &insn->x;

    *disp = x->disp;
    if (x->addr_size != 8 || x->seg >= X86_FS) {
        return X86_NO_REG;
    }
    if (x->rip_relative) {
        *disp += insn->guest + x->len;
        return RIP;
    }
    if (x->index != X86_NO_REG && !(t->narrow >> x->index & 1)) {
        return X86_NO_REG;
    }
    insn->narrow_index = x->index != X86_NO_REG;
    return x->base;
}

/* Their operand only says where to begin. */
static bool is_bit_string(const X86Insn *x)
{
    return x->op[1].kind == X86_OP_GPR && (x->mnemonic == X86_MN_BT || x->mnemonic == X86_MN_BTS ||
                                           x->mnemonic == X86_MN_BTR || x->mnemonic == X86_MN_BTC);
}

static void join_operand(Tracker *t, JitInsn *insn)
{
    const X86Insn *x = &insn->x;
    int64_t disp = x->disp;

    if (is_bit_string(x)) {
        return;
    }
    unsigned base = t->b->window ? window_base(t, insn, &disp)
                  : is_simple_address(x) ? x->base : X86_NO_REG;
    for (unsigned i = 0; i < X86_MAX_OPERANDS && base != X86_NO_REG; i++) {
        if (x->op[i].kind == X86_OP_MEM) {
            join(t, insn, base, disp, x->op[i].size, x86_insn_row(x)->operand_access[i] & 2);
            return;
        }
    }
}

/* General registers that an instruction writes beside its operands; all if that is not known. */
static uint32_t implicit_writes(const X86Insn *x)
{
    enum { ALL = UINT16_MAX, RAX = 1 << X86_RAX, RDX = 1 << X86_RDX };

    switch (x->mnemonic) {
    case X86_MN_MOV: case X86_MN_MOVZX: case X86_MN_MOVSX: case X86_MN_MOVSXD: case X86_MN_LEA:
    case X86_MN_ADD: case X86_MN_ADC: case X86_MN_SUB: case X86_MN_SBB: case X86_MN_AND:
    case X86_MN_OR: case X86_MN_XOR: case X86_MN_CMP: case X86_MN_TEST: case X86_MN_INC:
    case X86_MN_DEC: case X86_MN_NEG: case X86_MN_NOT: case X86_MN_SHL: case X86_MN_SHR:
    case X86_MN_SAR: case X86_MN_ROL: case X86_MN_ROR: case X86_MN_BT: case X86_MN_BTS:
    case X86_MN_BTR: case X86_MN_BTC: case X86_MN_NOP: case X86_MN_BSWAP: case X86_MN_SHLD:
    case X86_MN_SHRD: case X86_MN_POPCNT: case X86_MN_TZCNT: case X86_MN_LZCNT: case X86_MN_BSF:
    case X86_MN_BSR: case X86_MN_XCHG: case X86_MN_XADD: case X86_MN_ANDN: case X86_MN_BZHI:
    case X86_MN_BEXTR: case X86_MN_BLSR: case X86_MN_BLSI: case X86_MN_BLSMSK: case X86_MN_SHLX:
    case X86_MN_SHRX: case X86_MN_SARX: case X86_MN_RORX: case X86_MN_MULX: case X86_MN_MOVBE:
    case X86_MN_JMP:
        return 0;
    case X86_MN_MUL: case X86_MN_DIV: case X86_MN_IDIV: case X86_MN_CWD:
        return RAX | RDX;
    case X86_MN_IMUL:
        return x->op[1].kind != X86_OP_NONE ? 0 : RAX | RDX;
    case X86_MN_CBW: case X86_MN_CMPXCHG:
        return RAX;
    case X86_MN_PCMPESTRI: case X86_MN_PCMPISTRI:
    case X86_MN_VPCMPESTRI: case X86_MN_VPCMPISTRI:
        return 1 << X86_RCX;
    case X86_MN_PUSH: case X86_MN_POP: case X86_MN_CALL: case X86_MN_RET:
        return 1 << X86_RSP;
    }
    if ((x->mnemonic >= X86_MN_JO && x->mnemonic <= X86_MN_JNLE) ||
        (x->mnemonic >= X86_MN_CMOVO && x->mnemonic <= X86_MN_CMOVNLE) ||
        (x->mnemonic >= X86_MN_SETO && x->mnemonic <= X86_MN_SETNLE) ||
        (x86_insn_row(x)->legality & (X86_ROW_SSE | X86_ROW_AVX))) {
        return 0;
    }
    return ALL;
}

bool jit_constant_change(const X86Insn *x, int64_t *by)
{
    if (x->op[0].kind != X86_OP_GPR || x->op[0].size != 8) {
        return false;
    }
    switch (x->mnemonic) {
    case X86_MN_ADD:
        *by = x->imm;
        return x->op[1].kind == X86_OP_IMM;
    case X86_MN_SUB:
        *by = -x->imm;
        return x->op[1].kind == X86_OP_IMM;
    case X86_MN_INC:
        *by = 1;
        return true;
    case X86_MN_DEC:
        *by = -1;
        return true;
    case X86_MN_LEA:
        *by = x->disp;
        return is_simple_address(x) && x->base == x->op[0].reg;
    }
    return false;
}

static uint32_t written_operands(const X86Insn *x)
{
    uint32_t regs = 0;

    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        bool gpr = x->op[i].kind == X86_OP_GPR || x->op[i].kind == X86_OP_GPRH;

        if (gpr && (x86_insn_row(x)->operand_access[i] & 2)) {
            regs |= 1u << x->op[i].reg;
        }
    }
    return regs;
}

uint32_t jit_written_regs(const JitInsn *insn)
{
    return insn->interpreted ? UINT16_MAX
                             : implicit_writes(&insn->x) | written_operands(&insn->x);
}

/* Does insn leave 32 bits, extended, in its first operand, a register, whatever was there? */
static bool makes_narrow(const X86Insn *x)
{
    unsigned size = x->op[0].size;

    switch (x->mnemonic) {
    case X86_MN_MOVZX: case X86_MN_MOVSX: case X86_MN_MOVSXD:
        return size >= 4 && x->op[1].size <= 4;
    case X86_MN_AND:
        return size == 4 || (size == 8 && x->op[1].kind == X86_OP_IMM && (int64_t)x->imm >= 0);
    case X86_MN_MOV:
        return size == 4 && (x->op[1].kind == X86_OP_GPR || x->op[1].kind == X86_OP_IMM ||
                             x->op[1].kind == X86_OP_MEM);
    case X86_MN_SHL: case X86_MN_SHR: case X86_MN_SAR:
        return size == 4 && x->op[1].kind == X86_OP_IMM;
    case X86_MN_IMUL:
        return size == 4 && x->op[1].kind != X86_OP_NONE;
    case X86_MN_LEA: case X86_MN_ADD: case X86_MN_SUB: case X86_MN_OR: case X86_MN_XOR:
    case X86_MN_INC: case X86_MN_DEC: case X86_MN_NEG: case X86_MN_NOT:
        return size == 4;
    }
    return false;
}

static void track_narrow(Tracker *t, const JitInsn *insn)
{
    t->narrow &= ~jit_written_regs(insn);
    if (insn->x.op[0].kind == X86_OP_GPR && makes_narrow(&insn->x)) {
        t->narrow |= 1u << insn->x.op[0].reg;
    }
}

static void track_writes(Tracker *t, const JitInsn *insn)
{
    uint32_t regs = jit_written_regs(insn);
    int64_t by;

    if (jit_constant_change(&insn->x, &by)) {
        move(t, insn->x.op[0].reg, by);
        return;
    }
    for (; regs; regs &= regs - 1) {
        forget(t, __builtin_ctz(regs));
    }
}

static void visit(Tracker *t, JitInsn *insn)
{
    const X86Insn *x = &insn->x;

    if (insn->interpreted) {
        forget_all(t);
        return;
    }
    switch (x->mnemonic) {
    case X86_MN_PUSH:
        if (x->op[0].kind == X86_OP_MEM) { /* two accesses */
            forget(t, X86_RSP);
            return;
        }
        join(t, insn, X86_RSP, -8, 8, true);
        move(t, X86_RSP, -8);
        return;
    case X86_MN_CALL:
        if (x->op[0].kind != X86_OP_MEM) {
            join(t, insn, X86_RSP, -8, 8, true);
        }
        return;
    case X86_MN_POP:
        join(t, insn, X86_RSP, 0, 8, false);
        move(t, X86_RSP, 8);
        if (x->op[0].kind == X86_OP_GPR) {
            forget(t, x->op[0].reg);
            t->narrow &= ~(1u << x->op[0].reg);
        }
        return;
    case X86_MN_RET:
        join(t, insn, X86_RSP, 0, 8, false);
        return;
    case X86_MN_LEAVE:
        join(t, insn, X86_RBP, 0, 8, false);
        forget(t, X86_RBP);
        forget(t, X86_RSP);
        return;
    case X86_MN_LEA:
        break;
    default:
        if (insn->accesses) {
            join_operand(t, insn);
        }
    }
    track_writes(t, insn);
    track_narrow(t, insn);
}

/* A span that is checked as a whole: what of its accesses is left. */
static void cover(JitInsn *insn)
{
    bool aligned = x86_insn_row(&insn->x)->legality & X86_ROW_ALIGNED;

    if (insn->group && insn->group->count == 1) {
        insn->group = NULL;
    }
    insn->covered = insn->group && !insn->group_first;
    if (insn->covered && !aligned) {
        insn->accesses = false; /* it cannot fault */
    }
}

void jit_find_groups(JitBuild *b)
{
    Tracker t = { .b = b };

    b->group_count = 0;
    if (!b->mode64 || (b->tb->key & X86_KEY_CAREFUL)) {
        return;
    }
    for (unsigned i = 0; i < b->count; i++) {
        visit(&t, &b->insns[i]);
    }
    for (unsigned i = 0; i < b->count && !b->window; i++) {
        cover(&b->insns[i]);
    }
    b->group_count = b->window ? 0 : b->group_count; /* nothing of them is looked at later */
}
