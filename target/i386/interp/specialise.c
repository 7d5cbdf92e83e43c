/*
 * Chooses specialised operations and fills in their operands; and the slow
 * paths they share.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/ops.h"

/* --- slow paths ------------------------------------------------------------------------ */

static void enter_slow(X86CPU *cpu, const X86Op *op)
{
    cpu->interp->cur = op;
}

uint64_t x86_op_any_lin(X86CPU *cpu, const X86Op *op, unsigned size, X86Access access)
{
    const X86State *s = &cpu->state;
    uint64_t ea = x86_zext(x86_op_ea(s, op, X86_EA_BI), op->addr_size);

    enter_slow(cpu, op);
    return x86_seg_linear(cpu, op->seg, ea, size, access);
}

/* In 64-bit mode nobody has looked yet whether the address is canonical; in a flat segment,
 * whether the access goes over 4 GiB. */
static void check_range(X86CPU *cpu, uint64_t lin, unsigned size, unsigned seg)
{
    const X86State *s = &cpu->state;
    bool ok = s->hflags & X86_HF_CS64
            ? x86_is_canonical(s, lin) && x86_is_canonical(s, lin + size - 1)
            : lin + size - 1 <= UINT32_MAX;

    if (!ok) {
        x86_raise(cpu, seg == X86_SS ? X86_EXCP_SS : X86_EXCP_GP, 0);
    }
}

uint64_t x86_op_load_slow(X86CPU *cpu, const X86Op *op, uint64_t lin, unsigned size, unsigned seg)
{
    enter_slow(cpu, op);
    check_range(cpu, lin, size, seg);
    return x86_lin_read_n(cpu, lin, size);
}

void x86_op_store_slow(X86CPU *cpu, const X86Op *op, uint64_t lin, uint64_t val, unsigned size,
                       unsigned seg)
{
    enter_slow(cpu, op);
    check_range(cpu, lin, size, seg);
    x86_lin_write_n(cpu, lin, val, size);
}

void x86_op_probe_slow(X86CPU *cpu, const X86Op *op, uint64_t lin, unsigned size, unsigned seg)
{
    enter_slow(cpu, op);
    check_range(cpu, lin, size, seg);
    x86_lin_probe(cpu, lin, size, X86_ACCESS_WRITE);
}

void x86_op_bad_target(X86CPU *cpu, const X86Op *op)
{
    enter_slow(cpu, op);
    x86_raise(cpu, X86_EXCP_GP, 0);
}

/* --- operands -------------------------------------------------------------------------- */

enum { ZERO_REG = offsetof(X86State, zero) };
_Static_assert(ZERO_REG == 16 * 8, "the absent register follows the general ones");

static uint8_t reg_at(const X86Operand *op)
{
    return op->reg * 8 + (op->kind == X86_OP_GPRH);
}

static uint8_t address_reg(uint8_t reg)
{
    return reg == X86_NO_REG ? ZERO_REG : reg * 8;
}

static X86Ea ea_kind(const X86CPU *cpu, const X86Insn *insn)
{
    uint32_t key = cpu->interp->key;

    if (key & X86_HF_CS64) {
        if (insn->seg >= X86_FS) {
            return X86_EA_ANY;
        }
        return insn->addr_size == 4 ? X86_EA_32 : insn->index == X86_NO_REG ? X86_EA_B : X86_EA_BI;
    }
    bool flat = (key & X86_HF_FLAT) && (insn->seg == X86_DS || insn->seg == X86_ES ||
                                        insn->seg == X86_SS);
    return flat && insn->addr_size == 4 ? X86_EA_32 : X86_EA_ANY;
}

static void set_address(X86Op *op, const X86Insn *insn, uint64_t next_rip)
{
    op->base = address_reg(insn->base);
    op->idx = address_reg(insn->index);
    op->scale = insn->scale;
    op->seg = insn->seg;
    op->addr_size = insn->addr_size;
    op->disp = insn->disp + (insn->rip_relative ? next_rip : 0);
}

/* False for operands that the specialised operations do not know. */
static bool set_operands(X86Op *op, const X86Insn *insn, uint64_t next_rip)
{
    for (int i = 0; i < 3; i++) {
        const X86Operand *o = &insn->op[i];

        switch (o->kind) {
        case X86_OP_NONE:
        case X86_OP_REL:
            break;
        case X86_OP_GPR:
        case X86_OP_GPRH:
            *(i ? &op->src : &op->dst) = reg_at(o);
            break;
        case X86_OP_MEM:
            set_address(op, insn, next_rip);
            break;
        case X86_OP_IMM:
            op->imm = insn->imm;
            break;
        default:
            return false;
        }
    }
    return true;
}

/* 64-bit immediates that do not fit: only MOV has them, and no memory operand beside. */
static bool set_wide_immediate(X86Op *op, const X86Insn *insn)
{
    bool wide = insn->op[1].kind == X86_OP_IMM && insn->op[0].size == 8 &&
                (int64_t)insn->imm != (int32_t)insn->imm;

    if (!wide) {
        return true;
    }
    op->imm64 = insn->imm;
    return insn->mnemonic == X86_MN_MOV && insn->op[0].kind == X86_OP_GPR;
}

static void set_links(X86Block *block, const X86Insn *insn, uint64_t next_rip)
{
    uint64_t target = next_rip + insn->imm;

    block->link[0].rip = next_rip;
    block->link[1].rip = block->key & X86_HF_CS64 ? target : (uint32_t)target;
}

bool x86_specialise(X86CPU *cpu, X86Block *block, const X86Insn *insn, X86Op *op)
{
    X86Op filled = *op;
    uint64_t next_rip = x86_op_next_rip(op);
    X86Ea ea = ea_kind(cpu, insn);

    if ((insn->prefixes & X86_PFX_LOCK) || insn->vsib || cpu->interp->no_special ||
        (block->key & (X86_HF_AC | X86_HF_BP_DATA)) ||
        !set_operands(&filled, insn, next_rip) || !set_wide_immediate(&filled, insn)) {
        return false;
    }
    filled.fn = x86_ops_data(insn, ea);
    if (!filled.fn) {
        filled.fn = x86_ops_alu(insn, ea);
    }
    if (!filled.fn) {
        filled.fn = x86_ops_shift(insn, ea);
    }
    if (!filled.fn) {
        filled.fn = x86_ops_branch(cpu, insn, ea);
    }
    if (!filled.fn) {
        return false;
    }
    if (insn->op[0].kind == X86_OP_REL) {
        set_links(block, insn, next_rip);
        if ((block->key & X86_HF_CS64) && !x86_is_canonical(&cpu->state, block->link[1].rip)) {
            return false;
        }
    }
    *op = filled;
    return true;
}
