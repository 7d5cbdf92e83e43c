/*
 * Building bricks of specialised operations: registers by byte offset, memory
 * operands through the TLB, and what happens when that misses.
 *
 * Everything here is inlined with constant sizes and address kinds.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_OPS_H
#define TARGET_I386_INTERP_OPS_H

#include "target/i386/interp/alu.h"
#include "target/i386/interp/block.h"
#include "target/i386/tlb.h"

/* How the linear address of a memory operand comes about. */
typedef enum X86Ea {
    X86_EA_B,   /* 64-bit: base + displacement */
    X86_EA_BI,  /* 64-bit: base + index * scale + displacement */
    X86_EA_32,  /* the same cut to 32 bits; flat segment */
    X86_EA_ANY, /* any address size, any segment */
    X86_EA_COUNT,
} X86Ea;

X86_INLINE uint64_t x86_reg(const X86State *s, unsigned at, unsigned size)
{
    const char *p = (const char *)s->regs + at;

    switch (size) {
    case 1:
        return *(const uint8_t *)p;
    case 2:
        return *(const uint16_t *)p;
    case 4:
        return *(const uint32_t *)p;
    default:
        return *(const uint64_t *)p;
    }
}

X86_INLINE void x86_set_reg(X86State *s, unsigned at, unsigned size, uint64_t val)
{
    char *p = (char *)s->regs + at;

    switch (size) {
    case 1:
        *(uint8_t *)p = val;
        break;
    case 2:
        *(uint16_t *)p = val;
        break;
    case 4:
        *(uint64_t *)p = (uint32_t)val;
        break;
    default:
        *(uint64_t *)p = val;
    }
}

X86_INLINE uint64_t x86_op_ea(const X86State *s, const X86Op *op, X86Ea kind)
{
    uint64_t ea = x86_reg(s, op->base, 8) + op->disp;

    if (kind != X86_EA_B) {
        ea += x86_reg(s, op->idx, 8) << op->scale;
    }
    return kind == X86_EA_32 ? (uint32_t)ea : ea;
}

/* The linear address for X86_EA_ANY, checked for the access. */
uint64_t x86_op_any_lin(X86CPU *cpu, const X86Op *op, unsigned size, X86Access access);

X86_INLINE uint64_t x86_op_linear(X86CPU *cpu, const X86Op *op, X86Ea kind, unsigned size,
                                  X86Access access)
{
    return kind == X86_EA_ANY ? x86_op_any_lin(cpu, op, size, access)
                              : x86_op_ea(&cpu->state, op, kind);
}

/* After a TLB miss: with all checks. seg names the fault of a non-canonical address. */
uint64_t x86_op_load_slow(X86CPU *cpu, const X86Op *op, uint64_t lin, unsigned size, unsigned seg);
void x86_op_store_slow(X86CPU *cpu, const X86Op *op, uint64_t lin, uint64_t val, unsigned size,
                       unsigned seg);
/* Makes sure that a read-modify-write at lin will succeed. */
void x86_op_probe_slow(X86CPU *cpu, const X86Op *op, uint64_t lin, unsigned size, unsigned seg);

/* #GP(0): an indirect jump to a non-canonical address. */
G_NORETURN void x86_op_bad_target(X86CPU *cpu, const X86Op *op);

X86_INLINE bool x86_tag_hit(uint64_t tag, uint64_t lin, unsigned size)
{
    return G_LIKELY(((lin + size - 1) & X86_PAGE_MASK) == tag);
}

X86_INLINE uint64_t x86_load_at(X86CPU *cpu, const X86Op *op, uint64_t lin, unsigned size,
                                unsigned seg)
{
    const X86TlbEntry *e = x86_tlb_entry(cpu, lin);

    if (x86_tag_hit(e->read, lin, size)) {
        return x86_host_load(lin + e->addend, size);
    }
    return x86_op_load_slow(cpu, op, lin, size, seg);
}

X86_INLINE void x86_store_at(X86CPU *cpu, const X86Op *op, uint64_t lin, uint64_t val,
                             unsigned size, unsigned seg)
{
    const X86TlbEntry *e = x86_tlb_entry(cpu, lin);

    if (x86_tag_hit(e->write, lin, size)) {
        x86_host_store(lin + e->addend, size, val);
        return;
    }
    x86_op_store_slow(cpu, op, lin, val, size, seg);
}

X86_INLINE uint64_t x86_load_op(X86CPU *cpu, const X86Op *op, X86Ea kind, unsigned size)
{
    uint64_t lin = x86_op_linear(cpu, op, kind, size, X86_ACCESS_READ);

    return x86_load_at(cpu, op, lin, size, op->seg);
}

X86_INLINE void x86_store_op(X86CPU *cpu, const X86Op *op, X86Ea kind, unsigned size, uint64_t val)
{
    uint64_t lin = x86_op_linear(cpu, op, kind, size, X86_ACCESS_WRITE);

    x86_store_at(cpu, op, lin, val, size, op->seg);
}

/* Follows one of the two links of the operation's block. */
X86_INLINE const X86Op *x86_follow(X86CPU *cpu, const X86Op *op, unsigned which)
{
    X86Link *l = &((X86Block *)x86_op_block(op))->link[which];
    const X86Op *next = l->ops;

    if (G_UNLIKELY(l->generation != cpu->code_generation || x86_interrupted(cpu))) {
        next = x86_link_slow(cpu, l);
        if (!next) {
            return NULL;
        }
    }
    X86_GOTO_OP(cpu, next);
}

/* Families of specialised operations; each returns NULL if it has none. */
X86OpFn *x86_ops_alu(const X86Insn *insn, X86Ea ea);
X86OpFn *x86_ops_data(const X86Insn *insn, X86Ea ea);
X86OpFn *x86_ops_shift(const X86Insn *insn, X86Ea ea);
X86OpFn *x86_ops_branch(const X86CPU *cpu, const X86Insn *insn, X86Ea ea);

/* Index of a size in tables: 1, 2, 4, 8. */
static inline unsigned x86_size_index(unsigned size)
{
    return size == 8 ? 3 : size >> 1;
}

#endif
