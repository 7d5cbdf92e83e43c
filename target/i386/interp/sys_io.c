/*
 * Handlers of IN and OUT (SDM vol. 2). INS and OUTS are string instructions.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/interp.h"
#include "target/i386/interp/operand.h"
#include "target/i386/io.h"

/* The port: an immediate byte or DX. */
static uint16_t port_of(X86CPU *cpu, const X86Insn *insn, unsigned i)
{
    return insn->op[i].kind == X86_OP_IMM ? (uint8_t)insn->imm : cpu->state.regs[X86_RDX];
}

static void op_in(X86CPU *cpu, const X86Insn *insn)
{
    uint16_t port = port_of(cpu, insn, 1);
    unsigned size = insn->op[0].size;

    x86_io_check(cpu, port, size);
    x86_gpr_write(&cpu->state, X86_RAX, size, x86_io_in(cpu, port, size));
}

static void op_out(X86CPU *cpu, const X86Insn *insn)
{
    uint16_t port = port_of(cpu, insn, 0);
    unsigned size = insn->op[1].size;

    x86_io_check(cpu, port, size);
    x86_io_out(cpu, port, x86_gpr_read(&cpu->state, X86_RAX, size), size);
}

const X86Handler x86_handlers_io[] = {
    { X86_MN_IN, op_in }, { X86_MN_OUT, op_out }, { 0, NULL },
};
