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

/* An 80-bit real is aligned to 8 bytes, a vector to 16 at most. */
static unsigned natural_alignment(unsigned size)
{
    return size == 10 ? 8 : MIN(size, 16);
}

void x86_mem_probe_write(X86CPU *cpu, const X86Insn *insn, unsigned size)
{
    uint64_t lin = x86_mem_lin(cpu, insn, 0, size, X86_ACCESS_WRITE);

    x86_check_alignment(cpu, lin, natural_alignment(size));
    x86_lin_probe(cpu, lin, size, X86_ACCESS_WRITE);
}

void x86_mem_read(X86CPU *cpu, const X86Insn *insn, void *buf, unsigned size)
{
    uint64_t lin = x86_mem_lin(cpu, insn, 0, size, X86_ACCESS_READ);

    if (size <= 8) {
        uint64_t val = x86_lin_read_n(cpu, lin, size);

        memcpy(buf, &val, size);
        return;
    }
    x86_check_alignment(cpu, lin, natural_alignment(size));
    x86_lin_read(cpu, lin, buf, size);
}

void x86_mem_write(X86CPU *cpu, const X86Insn *insn, const void *buf, unsigned size)
{
    uint64_t lin = x86_mem_lin(cpu, insn, 0, size, X86_ACCESS_WRITE), val = 0;

    if (size <= 8) {
        memcpy(&val, buf, size);
        x86_lin_write_n(cpu, lin, val, size);
        return;
    }
    x86_check_alignment(cpu, lin, natural_alignment(size));
    x86_lin_write(cpu, lin, buf, size);
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
