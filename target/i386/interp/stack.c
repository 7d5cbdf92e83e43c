/*
 * The stack (stack.h) and the instructions that do nothing but move words to
 * and from it: PUSH, POP, PUSHA, POPA, ENTER, LEAVE.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/stack.h"
#include "target/i386/interp/interp.h"
#include "target/i386/interp/operand.h"

uint64_t x86_stack_pointer(const X86State *s)
{
    return x86_zext(s->regs[X86_RSP], x86_stack_size(s));
}

void x86_set_stack_pointer(X86State *s, uint64_t sp)
{
    x86_gpr_write(s, X86_RSP, x86_stack_size(s), sp);
}

void x86_stack_add(X86State *s, int64_t delta)
{
    x86_set_stack_pointer(s, s->regs[X86_RSP] + delta);
}

static uint64_t stack_lin(X86CPU *cpu, int64_t offset, unsigned size, X86Access access)
{
    X86State *s = &cpu->state;
    uint64_t ea = x86_zext(s->regs[X86_RSP] + offset, x86_stack_size(s));

    return x86_seg_linear(cpu, X86_SS, ea, size, access);
}

uint64_t x86_stack_read(X86CPU *cpu, int64_t offset, unsigned size)
{
    return x86_lin_read_n(cpu, stack_lin(cpu, offset, size, X86_ACCESS_READ), size);
}

void x86_stack_write(X86CPU *cpu, int64_t offset, uint64_t val, unsigned size)
{
    x86_lin_write_n(cpu, stack_lin(cpu, offset, size, X86_ACCESS_WRITE), val, size);
}

void x86_stack_probe(X86CPU *cpu, int64_t offset, unsigned size)
{
    x86_lin_probe(cpu, stack_lin(cpu, offset, size, X86_ACCESS_WRITE), size, X86_ACCESS_WRITE);
}

void x86_push(X86CPU *cpu, uint64_t val, unsigned size)
{
    x86_stack_write(cpu, -(int64_t)size, val, size);
    x86_stack_add(&cpu->state, -(int64_t)size);
}

uint64_t x86_pop(X86CPU *cpu, unsigned size)
{
    uint64_t val = x86_stack_read(cpu, 0, size);

    x86_stack_add(&cpu->state, size);
    return val;
}

static void op_push(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    const X86Operand *op = &insn->op[0];
    uint64_t val;

    if (op->kind == X86_OP_SEG) {
        val = s->segs[op->reg].selector;
    } else if (op->kind == X86_OP_IMM) {
        val = insn->imm;
    } else {
        val = x86_op_read(cpu, insn, 0);
    }
    x86_push(cpu, val, insn->op_size);
}

/* POP computes a memory destination's address with RSP already incremented. */
static void op_pop(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    unsigned size = insn->op_size;
    uint64_t val = x86_stack_read(cpu, 0, size);
    uint64_t old_sp = s->regs[X86_RSP];

    if (insn->op[0].kind == X86_OP_SEG) {
        x86_load_seg(cpu, insn->op[0].reg, val);
        /* POP SS may have changed the width of the stack pointer; POP used the old one
         * only for the read, and the increment follows the new attributes. */
        x86_stack_add(s, size);
        if (insn->op[0].reg == X86_SS) {
            s->int_shadow = X86_SHADOW_MOV_SS;
        }
        return;
    }
    if (insn->op[0].kind == X86_OP_GPR) {
        x86_stack_add(s, size);
        x86_gpr_write(s, insn->op[0].reg, size, val);
        return;
    }
    x86_stack_add(s, size);
    uint64_t ea = x86_insn_ea(cpu, insn);
    uint64_t new_sp = s->regs[X86_RSP];
    s->regs[X86_RSP] = old_sp; /* the store below may fault */
    x86_lin_write_n(cpu, x86_seg_linear(cpu, insn->seg, ea, size, X86_ACCESS_WRITE), val, size);
    s->regs[X86_RSP] = new_sp;
}

/* PUSHA: AX CX DX BX SP BP SI DI, highest address first. */
static void op_pusha(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    int size = insn->op_size;

    /* All eight words must be writable before the first one is. */
    x86_stack_probe(cpu, -size, size);
    x86_stack_probe(cpu, -8 * size, size);
    for (int i = 0; i < 8; i++) {
        x86_stack_write(cpu, -(i + 1) * size, s->regs[i], size);
    }
    x86_stack_add(s, -8 * size);
}

/* POPA skips the stored SP. */
static void op_popa(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    int size = insn->op_size;
    uint64_t val[8];

    for (int i = 7; i >= 0; i--) {
        val[i] = x86_stack_read(cpu, (7 - i) * size, size);
    }
    for (int i = 0; i < 8; i++) {
        if (i != X86_RSP) {
            x86_gpr_write(s, i, size, val[i]);
        }
    }
    x86_stack_add(s, 8 * size);
}

/*
 * ENTER (SDM vol. 2): push the frame pointer, copy level - 1 frame pointers of
 * the enclosing frames, push the new one, reserve space. The last stack word
 * must be writable although nothing is written there.
 */
static void op_enter(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    int size = insn->op_size;
    unsigned stack = x86_stack_size(s);
    uint64_t alloc = insn->imm & 0xffff;
    int level = insn->imm2 & 31;
    /* All of rSP goes to rBP, though a 16-bit stack only moves its low half. */
    uint64_t sp = x86_zext(x86_stack_pointer(s) - size, stack);
    uint64_t frame = (s->regs[X86_RSP] - x86_stack_pointer(s)) | sp;

    x86_stack_write(cpu, -size, s->regs[X86_RBP], size);
    for (int i = 1; i < level; i++) {
        uint64_t ea = x86_zext(s->regs[X86_RBP] - (uint64_t)i * size, stack);
        uint64_t lin = x86_seg_linear(cpu, X86_SS, ea, size, X86_ACCESS_READ);

        x86_stack_write(cpu, -(i + 1) * size, x86_lin_read_n(cpu, lin, size), size);
    }
    if (level > 0) {
        x86_stack_write(cpu, -(level + 1) * size, frame, size);
    }
    int64_t delta = -(int64_t)((level + 1) * size + alloc);
    x86_stack_probe(cpu, delta, size);
    x86_gpr_write(s, X86_RBP, size, frame);
    x86_stack_add(s, delta);
}

static void op_leave(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    unsigned size = insn->op_size;
    uint64_t sp = x86_zext(s->regs[X86_RBP], x86_stack_size(s));
    uint64_t lin = x86_seg_linear(cpu, X86_SS, sp, size, X86_ACCESS_READ);
    uint64_t val = x86_lin_read_n(cpu, lin, size);

    x86_set_stack_pointer(s, sp + size);
    x86_gpr_write(s, X86_RBP, size, val);
}

const X86Handler x86_handlers_stack[] = {
    { X86_MN_PUSH, op_push },   { X86_MN_POP, op_pop },     { X86_MN_PUSHA, op_pusha },
    { X86_MN_POPA, op_popa },   { X86_MN_ENTER, op_enter }, { X86_MN_LEAVE, op_leave },
    { 0, NULL },
};
