/*
 * Operand access by kind and size (operand.h): the path of all instructions
 * that have no specialised form.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/operand.h"

uint64_t x86_lin_read_n(X86CPU *cpu, uint64_t lin, unsigned size)
{
    switch (size) {
    case 1:
        return x86_lin_read8(cpu, lin);
    case 2:
        return x86_lin_read16(cpu, lin);
    case 4:
        return x86_lin_read32(cpu, lin);
    default:
        return x86_lin_read64(cpu, lin);
    }
}

void x86_lin_write_n(X86CPU *cpu, uint64_t lin, uint64_t val, unsigned size)
{
    switch (size) {
    case 1:
        x86_lin_write8(cpu, lin, val);
        break;
    case 2:
        x86_lin_write16(cpu, lin, val);
        break;
    case 4:
        x86_lin_write32(cpu, lin, val);
        break;
    default:
        x86_lin_write64(cpu, lin, val);
    }
}

uint64_t x86_op_read(X86CPU *cpu, const X86Insn *insn, unsigned i)
{
    const X86Operand *op = &insn->op[i];

    switch (op->kind) {
    case X86_OP_GPR:
        return x86_gpr_read(&cpu->state, op->reg, op->size);
    case X86_OP_GPRH:
        return x86_gprh_read(&cpu->state, op->reg);
    case X86_OP_MEM:
        return x86_lin_read_n(cpu, x86_op_lin(cpu, insn, i, op->size, X86_ACCESS_READ), op->size);
    case X86_OP_IMM2:
        return insn->imm2;
    default:
        return x86_zext(insn->imm, insn->op_size);
    }
}

void x86_op_write(X86CPU *cpu, const X86Insn *insn, unsigned i, uint64_t val)
{
    const X86Operand *op = &insn->op[i];

    switch (op->kind) {
    case X86_OP_GPR:
        x86_gpr_write(&cpu->state, op->reg, op->size, val);
        break;
    case X86_OP_GPRH:
        x86_gprh_write(&cpu->state, op->reg, val);
        break;
    case X86_OP_MEM:
        x86_lin_write_n(cpu, x86_op_lin(cpu, insn, i, op->size, X86_ACCESS_WRITE), val, op->size);
        break;
    default:
        break; /* no row writes an immediate */
    }
}
