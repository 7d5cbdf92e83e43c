/*
 * Where a block keeps the arithmetic flags.
 *
 * Nearly all flags that are set are overwritten unseen, but a fault could look at them any
 * time, and the check of a memory access destroys the host's. Saving them costs more than
 * the check. So for most instructions the block only remembers how to make their flags again
 * from what they left in registers, a recipe; it is followed when somebody does look: on
 * the way to a fault, a branch, an exit.
 *
 *   CMP a, b     again
 *   AND a, b     TEST a, a (OR and XOR, too)
 *   ADD a, b     t = a - b, ADD t, b
 *   SUB a, b     t = a + b, SUB t, b
 *   NEG a        t = -a, NEG t
 *   SHL a, n     t = a as it was before, SHL t, n (SHR and SAR, too)
 *
 * A comparison with memory keeps its operand in the context, and so does a shift. A recipe is
 * good as long as its registers are; when one of them is about to be lost it moves to the
 * context: jit_flags_before() and jit_flags_after() see to that.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/build.h"

/* --- following a recipe ----------------------------------------------------------- */

/* Operand of a host instruction: a register, or memory. */
typedef struct Place {
    unsigned reg; /* HOST_NONE: mem */
    HostMem mem;
} Place;

static Place register_place(const JitBuild *b, unsigned reg)
{
    if (reg == JIT_RECIPE_SLOT) {
        return (Place){ .reg = HOST_NONE, .mem = JIT_ABS(b->jit, operand) };
    }
    return (Place){ .reg = jit_host_reg(reg), .mem = jit_reg_home(b->jit, reg) };
}

/* An instruction with a ModRM whose opcode says the width by its last bit. */
static void emit_sized(Emit *e, unsigned size, unsigned opcode, unsigned reg, Place rm)
{
    bool in_reg = rm.reg != HOST_NONE;
    unsigned rex = (size == 8 ? 8 : 0) | (reg & 8 ? 4 : 0) |
                   (!in_reg ? emit_mem_rex(rm.mem) : rm.reg & 8 ? 1 : 0);

    if (size == 2) {
        emit8(e, 0x66);
    }
    if (rex || size == 1) { /* with REX, 4 to 7 are SPL to DIL */
        emit8(e, 0x40 | rex);
    }
    emit8(e, opcode | (size > 1));
    if (in_reg) {
        emit_modrm_reg(e, reg, rm.reg);
    } else {
        emit_mem(e, reg, rm.mem);
    }
}

static void emit_imm(Emit *e, unsigned size, int32_t imm)
{
    emit_bytes(e, &imm, MIN(size, 4));
}

enum { OP_ADD = 0, OP_SUB = 5, OP_CMP = 7 };

/* op a, b of the recipe, a in the host register reg */
static void emit_op(JitBuild *b, JitRecipe r, unsigned op, unsigned reg)
{
    if (r.b == JIT_RECIPE_IMM) {
        emit_sized(&b->e, r.size, 0x80, op, (Place){ .reg = reg });
        emit_imm(&b->e, r.size, r.imm);
    } else {
        emit_sized(&b->e, r.size, op << 3 | 2, reg, register_place(b, r.b));
    }
}

static void emit_test(JitBuild *b, JitRecipe r, unsigned reg)
{
    if (r.b == JIT_RECIPE_IMM) {
        emit_sized(&b->e, r.size, 0xf6, 0, (Place){ .reg = reg });
        emit_imm(&b->e, r.size, r.imm);
    } else if (r.b == r.a) {
        emit_sized(&b->e, r.size, 0x84, reg, (Place){ .reg = reg });
    } else {
        emit_sized(&b->e, r.size, 0x84, reg, register_place(b, r.b));
    }
}

static void to_scratch(JitBuild *b, Place a)
{
    if (a.reg == HOST_NONE) {
        emit_load(&b->e, true, JIT_T0, a.mem);
    } else {
        emit_mov(&b->e, true, JIT_T0, a.reg);
    }
}

static const uint8_t shift_op[] = { 4, 5, 7 }; /* SHL, SHR, SAR: in ModRM */

/* Makes the flags of the recipe in the host's; T0 is lost. */
static void follow(JitBuild *b)
{
    JitRecipe r = b->recipe;
    Place a = register_place(b, r.a);
    bool comparison = r.op == JIT_RECIPE_CMP || r.op == JIT_RECIPE_TEST;

    if (!comparison || a.reg == HOST_NONE) {
        to_scratch(b, a);
        a.reg = JIT_T0;
    }
    switch (r.op) {
    case JIT_RECIPE_CMP:
        emit_op(b, r, OP_CMP, a.reg);
        break;
    case JIT_RECIPE_TEST:
        emit_test(b, r, a.reg);
        break;
    case JIT_RECIPE_ADD:
        emit_op(b, r, OP_SUB, JIT_T0);
        emit_op(b, r, OP_ADD, JIT_T0);
        break;
    case JIT_RECIPE_SUB:
        emit_op(b, r, OP_ADD, JIT_T0);
        emit_op(b, r, OP_SUB, JIT_T0);
        break;
    case JIT_RECIPE_NEG:
        emit_sized(&b->e, r.size, 0xf6, 3, (Place){ .reg = JIT_T0 });
        emit_sized(&b->e, r.size, 0xf6, 3, (Place){ .reg = JIT_T0 });
        break;
    case JIT_RECIPE_SHL: case JIT_RECIPE_SHR: case JIT_RECIPE_SAR:
        emit_sized(&b->e, r.size, 0xc0, shift_op[r.op - JIT_RECIPE_SHL], (Place){ .reg = JIT_T0 });
        emit8(&b->e, r.imm);
        break;
    }
}

void jit_flags_need_host(JitBuild *b)
{
    if (b->flags & FLAGS_HOST) {
        return;
    }
    if (b->flags & FLAGS_REPLAY) {
        follow(b);
        b->flags |= FLAGS_HOST;
    } else if (b->flags & FLAGS_SAVED) {
        jit_emit_restore_flags(b->jit, &b->e);
        b->flags |= FLAGS_HOST;
    }
}

void jit_flags_save(JitBuild *b)
{
    if (b->flags == FLAGS_DEAD || (b->flags & FLAGS_SAVED)) {
        return;
    }
    jit_flags_need_host(b);
    jit_emit_save_flags(b->jit, &b->e);
    b->flags |= FLAGS_SAVED;
}

void jit_flags_keep(JitBuild *b)
{
    if (b->flags == FLAGS_HOST) {
        jit_flags_save(b);
    }
}

/* --- finding one --------------------------------------------------------------------- */

static bool is_register(const X86Operand *op)
{
    return op->kind == X86_OP_GPR;
}

/* The second operand of the recipe, if it is a register or a constant. */
static bool take_second(const X86Insn *x, JitRecipe *r)
{
    const X86Operand *op = &x->op[1];

    if (op->kind == X86_OP_IMM) {
        r->b = JIT_RECIPE_IMM;
        r->imm = x->imm;
        return true;
    }
    r->b = op->reg;
    return is_register(op);
}

static JitRecipe none(void)
{
    return (JitRecipe){ .op = JIT_RECIPE_NONE };
}

/* The recipe of an instruction that has been emitted. */
static JitRecipe recipe_of(const X86Insn *x)
{
    JitRecipe r = { .size = x->op[0].size, .a = x->op[0].reg };

    if (!is_register(&x->op[0])) {
        return none();
    }
    switch (x->mnemonic) {
    case X86_MN_CMP:
        r.op = JIT_RECIPE_CMP;
        return take_second(x, &r) ? r : none();
    case X86_MN_TEST:
        r.op = JIT_RECIPE_TEST;
        return take_second(x, &r) ? r : none();
    case X86_MN_AND: case X86_MN_OR: case X86_MN_XOR:
        r.op = JIT_RECIPE_TEST;
        r.b = r.a;
        return r;
    case X86_MN_ADD:
        r.op = JIT_RECIPE_ADD;
        return take_second(x, &r) && r.b != r.a ? r : none();
    case X86_MN_SUB:
        r.op = JIT_RECIPE_SUB;
        if (!take_second(x, &r)) {
            return none();
        }
        if (r.b == r.a) {
            r.op = JIT_RECIPE_CMP; /* 0 - 0 */
        }
        return r;
    case X86_MN_NEG:
        r.op = JIT_RECIPE_NEG;
        return r;
    }
    return none();
}

/* The recipe of a shift by a constant, with its operand kept. */
static JitRecipe shift_recipe(const X86Insn *x)
{
    JitRecipe r = { .size = x->op[0].size, .a = JIT_RECIPE_SLOT, .b = JIT_RECIPE_IMM,
                    .imm = x->imm & (x->op[0].size == 8 ? 63 : 31) };

    if (!is_register(&x->op[0]) || x->op[1].kind != X86_OP_IMM || !r.imm) {
        return none();
    }
    switch (x->mnemonic) {
    case X86_MN_SHL:
        r.op = JIT_RECIPE_SHL;
        return r;
    case X86_MN_SHR:
        r.op = JIT_RECIPE_SHR;
        return r;
    case X86_MN_SAR:
        r.op = JIT_RECIPE_SAR;
        return r;
    }
    return none();
}

static void keep_in_slot(JitBuild *b, const JitInsn *insn, unsigned reg)
{
    emit_store(&b->e, true, reg, JIT_ABS(b->jit, operand));
    b->tb->insns[insn->index].fills_slot = true;
}

/* A branch that follows at once uses the flags where they are. */
static bool read_at_once(const JitBuild *b, const JitInsn *insn)
{
    return insn->index + 1u < b->count && insn[1].flags_read;
}

void jit_flags_keep_operand(JitBuild *b, const JitInsn *insn, unsigned reg)
{
    if (insn->need_after && !read_at_once(b, insn) &&
        shift_recipe(&insn->x).op != JIT_RECIPE_NONE) {
        keep_in_slot(b, insn, reg);
        b->kept_for = insn;
    }
}

static bool depends_on(JitRecipe r, uint32_t regs)
{
    return (r.a < 16 && (regs >> r.a & 1)) || (r.b < 16 && (regs >> r.b & 1));
}

static void drop_recipe(JitBuild *b)
{
    b->flags &= ~FLAGS_REPLAY;
    b->recipe = none();
}

static bool keeps_host_flags(const JitBuild *b, const JitInsn *insn)
{
    return insn->x.mnemonic == X86_MN_LEA ||
           (insn->emit == jit_emit_copy && (!insn->accesses || b->window) && !insn->vector && !insn->x87);
}

/* Makes the recipe depend on a register no more that insn writes; false if it needs two. */
static bool move_to_slot(JitBuild *b, const JitInsn *insn)
{
    JitRecipe *r = &b->recipe;

    if (b->flags & FLAGS_SAVED || r->a >= 16 || r->b == JIT_RECIPE_SLOT ||
        (r->b < 16 && r->b != r->a)) {
        return false;
    }
    Place a = register_place(b, r->a);
    if (a.reg == HOST_NONE) {
        emit_load(&b->e, true, JIT_T0, a.mem);
        a.reg = JIT_T0;
    }
    keep_in_slot(b, insn, a.reg);
    r->b = r->b == r->a ? JIT_RECIPE_SLOT : r->b;
    r->a = JIT_RECIPE_SLOT;
    b->flags &= ~FLAGS_HOST;
    return true;
}

void jit_flags_before(JitBuild *b, const JitInsn *insn)
{
    bool lost = b->flags & FLAGS_REPLAY && depends_on(b->recipe, jit_written_regs(insn));
    bool wanted = insn->need_after & ~insn->flags_killed;

    if (!lost || !wanted || (b->flags & FLAGS_HOST && keeps_host_flags(b, insn))) {
        return;
    }
    if (!move_to_slot(b, insn)) {
        jit_flags_save(b);
    }
}

void jit_flags_after(JitBuild *b, const JitInsn *insn)
{
    bool own = b->recipe_from == insn; /* it is about what the instruction has written */

    if ((b->flags & FLAGS_REPLAY) && !own && depends_on(b->recipe, jit_written_regs(insn))) {
        drop_recipe(b);
    }
}

void jit_flags_set(JitBuild *b, const JitInsn *insn)
{
    b->flags = FLAGS_HOST;
    b->recipe = b->kept_for == insn ? shift_recipe(&insn->x) : recipe_of(&insn->x);
    b->recipe_from = insn;
    if (b->recipe.op != JIT_RECIPE_NONE) {
        b->flags |= FLAGS_REPLAY;
    }
}

/* --- comparisons with memory ------------------------------------------------------------ */

/* With the memory operand where it is kept. */
static JitRecipe slot_recipe(const X86Insn *x)
{
    JitRecipe r = { .op = x->mnemonic == X86_MN_CMP ? JIT_RECIPE_CMP : JIT_RECIPE_TEST,
                    .size = x->op[0].size, .a = x->op[0].reg, .b = JIT_RECIPE_SLOT };

    if (x->op[0].kind == X86_OP_MEM) {
        r.a = JIT_RECIPE_SLOT;
        return take_second(x, &r) ? r : none();
    }
    return is_register(&x->op[0]) && x->op[1].kind == X86_OP_MEM ? r : none();
}

void jit_flags_before_access(JitBuild *b, const JitInsn *insn)
{
    bool limited = !b->mode64 && insn->x.seg >= X86_FS; /* has a check of its own */

    if (!b->window || limited) {
        jit_flags_keep(b);
    }
}

bool jit_emit_memory_comparison(JitBuild *b, const JitInsn *insn, HostMem m)
{
    const X86Insn *x = &insn->x;
    Emit *e = &b->e;

    if ((x->mnemonic != X86_MN_CMP && x->mnemonic != X86_MN_TEST) || !insn->need_after || b->window) {
        return false;
    }
    JitRecipe r = slot_recipe(x);
    if (r.op == JIT_RECIPE_NONE) {
        return false;
    }
    if (r.size < 4) {
        emit_op_mem(e, false, r.size == 1 ? 0x0fb6 : 0x0fb7, JIT_T0, m); /* movzx */
    } else {
        emit_load(e, r.size == 8, JIT_T0, m);
    }
    emit_store(e, true, JIT_T0, JIT_ABS(b->jit, operand));
    b->tb->insns[insn->index].fills_slot = true;
    b->recipe = r;
    b->recipe_from = insn;
    b->flags = FLAGS_HOST | FLAGS_REPLAY;
    if (r.a != JIT_RECIPE_SLOT) {
        follow(b);
    } else if (r.op == JIT_RECIPE_CMP) {
        emit_op(b, r, OP_CMP, JIT_T0);
    } else {
        emit_test(b, r, JIT_T0);
    }
    return true;
}
