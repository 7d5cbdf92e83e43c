/*
 * Operands of an X86Insn: registers, immediates and memory, sizes 1 to 8, and
 * the address of larger memory operands.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_OPERAND_H
#define TARGET_I386_INTERP_OPERAND_H

#include <string.h>
#include "target/i386/cpu.h"
#include "target/i386/mmu.h"

/* The low size bytes of val. */
static inline uint64_t x86_zext(uint64_t val, unsigned size)
{
    return size == 8 ? val : val & ((1ull << size * 8) - 1);
}

static inline int64_t x86_sext(uint64_t val, unsigned size)
{
    unsigned unused = 64 - size * 8;

    return (int64_t)(val << unused) >> unused;
}

/* General register reg; size 1 is the low byte (for AH..BH see below). */
static inline uint64_t x86_gpr_read(const X86State *s, unsigned reg, unsigned size)
{
    return x86_zext(s->regs[reg], size);
}

/* Writes as the CPU does: 1 and 2 bytes keep the rest, 4 bytes clear bits 32-63. */
static inline void x86_gpr_write(X86State *s, unsigned reg, unsigned size, uint64_t val)
{
    switch (size) {
    case 1:
        s->regs[reg] = (s->regs[reg] & ~0xffull) | (val & 0xff);
        break;
    case 2:
        s->regs[reg] = (s->regs[reg] & ~0xffffull) | (val & 0xffff);
        break;
    case 4:
        s->regs[reg] = (uint32_t)val;
        break;
    default:
        s->regs[reg] = val;
    }
}

/* AH, CH, DH, BH (reg 0..3). */
static inline uint8_t x86_gprh_read(const X86State *s, unsigned reg)
{
    return s->regs[reg] >> 8;
}

static inline void x86_gprh_write(X86State *s, unsigned reg, uint8_t val)
{
    s->regs[reg] = (s->regs[reg] & ~0xff00ull) | (uint64_t)val << 8;
}

/* Effective address of the memory operand (offset in its segment), cut to addr_size. */
static inline uint64_t x86_insn_ea(X86CPU *cpu, const X86Insn *insn)
{
    const X86State *s = &cpu->state;
    uint64_t ea = insn->disp;

    if (insn->rip_relative) {
        ea += s->rip;
    }
    if (insn->base != X86_NO_REG) {
        ea += s->regs[insn->base];
    }
    if (insn->index != X86_NO_REG && !insn->vsib) {
        ea += s->regs[insn->index] << insn->scale;
    }
    return x86_zext(ea, insn->addr_size);
}

/* Checked linear address of the insn's memory operand plus offset, size bytes. */
static inline uint64_t x86_mem_lin(X86CPU *cpu, const X86Insn *insn, uint64_t offset,
                                   unsigned size, X86Access access)
{
    uint64_t ea = x86_zext(x86_insn_ea(cpu, insn) + offset, insn->addr_size);

    return x86_seg_linear(cpu, insn->seg, ea, size, access);
}

/* The same for operand i, which must be X86_OP_MEM. For read-modify-write pass WRITE. */
static inline uint64_t x86_op_lin(X86CPU *cpu, const X86Insn *insn, unsigned i, unsigned size,
                                  X86Access access)
{
    (void)i;
    return x86_mem_lin(cpu, insn, 0, size, access);
}

static inline bool x86_op_is_mem(const X86Insn *insn, unsigned i)
{
    return insn->op[i].kind == X86_OP_MEM;
}

/* Memory of 1, 2, 4 or 8 bytes at a linear address. */
uint64_t x86_lin_read_n(X86CPU *cpu, uint64_t lin, unsigned size);
void x86_lin_write_n(X86CPU *cpu, uint64_t lin, uint64_t val, unsigned size);

/*
 * The memory operand of an x87 or vector instruction: 1, 2, 4, 8, 10, 16 or 32
 * bytes, with the alignment check (16 bytes at most).
 */
void x86_mem_read(X86CPU *cpu, const X86Insn *insn, void *buf, unsigned size);
void x86_mem_write(X86CPU *cpu, const X86Insn *insn, const void *buf, unsigned size);
/* Raises what x86_mem_write() would; else nothing. */
void x86_mem_probe_write(X86CPU *cpu, const X86Insn *insn, unsigned size);

/*
 * Operand i (GPR, GPRH, MEM, IMM, IMM2; 1, 2, 4 or 8 bytes), zero-extended. An
 * immediate comes as the decoder extended it, cut to the instruction's op_size.
 */
uint64_t x86_op_read(X86CPU *cpu, const X86Insn *insn, unsigned i);
void x86_op_write(X86CPU *cpu, const X86Insn *insn, unsigned i, uint64_t val);

#endif
