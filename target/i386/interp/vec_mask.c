/*
 * Vector memory accesses element by element: masked moves and gathers
 * (SDM vol. 2: VMASKMOV, VPMASKMOV, MASKMOVDQU, VPGATHERDD...).
 *
 * An element whose mask bit is clear is not accessed and cannot fault. Of
 * these instructions MASKMOVQ and MASKMOVDQU alone check alignment.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/vec.h"
#include "target/i386/interp/x87.h"

/* The sign bit of element i of size bytes selects it. */
static bool selected(const X86Vector *mask, unsigned i, unsigned size)
{
    return mask->u8[i * size + size - 1] >> 7;
}

static void masked_load(X86CPU *cpu, const X86Insn *insn, unsigned size)
{
    const X86Vector *mask = &cpu->state.xmm[insn->op[1].reg];
    X86Vector result;

    memset(&result, 0, sizeof(result));
    for (unsigned i = 0; i < x86_vec_len(insn) / size; i++) {
        if (selected(mask, i, size)) {
            x86_lin_read(cpu, x86_mem_lin(cpu, insn, i * size, size, X86_ACCESS_READ),
                         result.u8 + i * size, size);
        }
    }
    x86_vec_store(cpu, insn, 0, &result);
}

/* A write of size bytes, in both pages but without an alignment check. */
static void probe_element(X86CPU *cpu, uint64_t lin, unsigned size)
{
    uint64_t last = lin + size - 1;

    x86_lin_probe(cpu, lin, 1, X86_ACCESS_WRITE);
    if ((lin ^ last) >> 12) {
        x86_lin_probe(cpu, last & ~0xfffull, 1, X86_ACCESS_WRITE);
    }
}

/* All selected elements are checked before the first is written. */
static void masked_store(X86CPU *cpu, const X86Insn *insn, unsigned size)
{
    const X86Vector *mask = &cpu->state.xmm[insn->op[1].reg];
    const X86Vector *src = &cpu->state.xmm[insn->op[2].reg];
    unsigned elements = x86_vec_len(insn) / size;
    uint64_t lin[8];

    for (unsigned i = 0; i < elements; i++) {
        if (selected(mask, i, size)) {
            lin[i] = x86_mem_lin(cpu, insn, i * size, size, X86_ACCESS_WRITE);
            probe_element(cpu, lin[i], size);
        }
    }
    for (unsigned i = 0; i < elements; i++) {
        if (selected(mask, i, size)) {
            x86_lin_write(cpu, lin[i], src->u8 + i * size, size);
        }
    }
}

static void masked_move(X86CPU *cpu, const X86Insn *insn, unsigned size)
{
    if (x86_op_is_mem(insn, 0)) {
        masked_store(cpu, insn, size);
    } else {
        masked_load(cpu, insn, size);
    }
}

static void op_masked_move32(X86CPU *cpu, const X86Insn *insn)
{
    masked_move(cpu, insn, 4);
}

static void op_masked_move64(X86CPU *cpu, const X86Insn *insn)
{
    masked_move(cpu, insn, 8);
}

/*
 * MASKMOVQ, MASKMOVDQU: bytes of op0 under mask op1, to DS:rDI. The whole operand
 * is checked, selected or not: the manual leaves that to the processor.
 */
static void op_masked_bytes(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    unsigned seg = insn->seg_override == X86_NO_REG ? X86_DS : insn->seg_override;
    unsigned len = x86_insn_uses_mmx(insn) ? 8 : 16;
    X86Vector src, mask;
    uint64_t lin;

    x86_vec_load_operand(cpu, insn, 0, &src);
    x86_vec_load_operand(cpu, insn, 1, &mask);
    if (x86_insn_uses_mmx(insn)) {
        x86_mmx_enter(s);
    }
    lin = x86_seg_linear(cpu, seg, x86_zext(s->regs[X86_RDI], insn->addr_size), len,
                         X86_ACCESS_WRITE);
    x86_check_alignment(cpu, lin, 8);
    x86_lin_probe(cpu, lin, len, X86_ACCESS_WRITE);
    for (unsigned i = 0; i < len; i++) {
        if (selected(&mask, i, 1)) {
            x86_lin_write(cpu, lin + i, &src.u8[i], 1);
        }
    }
}

/* Address of element i of a gather: base + scaled element of the index register. */
static uint64_t gather_lin(X86CPU *cpu, const X86Insn *insn, unsigned i, unsigned index_size,
                           unsigned size)
{
    const X86Vector *index = &cpu->state.xmm[insn->index];
    int64_t offset = index_size == 8 ? (int64_t)index->u64[i] : (int32_t)index->u32[i];

    return x86_mem_lin(cpu, insn, (uint64_t)offset << insn->scale, size, X86_ACCESS_READ);
}

/*
 * VGATHERxx op0, vsib, op2. The mask of an element is cleared once it is done, so
 * that after a fault the instruction goes on with the rest.
 */
static void gather(X86CPU *cpu, const X86Insn *insn, unsigned index_size, unsigned size)
{
    X86State *s = &cpu->state;
    X86Vector *dst = &s->xmm[insn->op[0].reg], *mask = &s->xmm[insn->op[2].reg];
    unsigned elements = x86_vec_len(insn) / MAX(index_size, size);
    unsigned used = elements * size;

    if (dst == mask || insn->op[0].reg == insn->index || insn->op[2].reg == insn->index) {
        x86_raise(cpu, X86_EXCP_UD, 0);
    }
    for (unsigned i = 0; i < elements; i++) {
        if (selected(mask, i, size)) {
            x86_lin_read(cpu, gather_lin(cpu, insn, i, index_size, size), dst->u8 + i * size, size);
        }
        memset(mask->u8 + i * size, 0, size);
    }
    memset(mask, 0, sizeof(*mask));
    memset(dst->u8 + used, 0, sizeof(*dst) - used);
}

#define GATHERS(X)                                                                  \
    X(VGATHERDPS, 4, 4) X(VGATHERDPD, 4, 8) X(VGATHERQPS, 8, 4) X(VGATHERQPD, 8, 8) \
    X(VPGATHERDD, 4, 4) X(VPGATHERDQ, 4, 8) X(VPGATHERQD, 8, 4) X(VPGATHERQQ, 8, 8)

#define DEFINE(name, index_size, size)                                              \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                         \
    {                                                                               \
        gather(cpu, insn, index_size, size);                                        \
    }
GATHERS(DEFINE)
#undef DEFINE

#define GATHER_ROW(name, index_size, size) { X86_MN_##name, op_##name },

const X86Handler x86_handlers_vec_mask[] = {
    { X86_MN_VMASKMOVPS, op_masked_move32 },
    { X86_MN_VPMASKMOVD, op_masked_move32 },
    { X86_MN_VMASKMOVPD, op_masked_move64 },
    { X86_MN_VPMASKMOVQ, op_masked_move64 },
    { X86_MN_MASKMOVQ, op_masked_bytes },
    { X86_MN_MASKMOVDQU, op_masked_bytes },
    { X86_MN_VMASKMOVDQU, op_masked_bytes },
    GATHERS(GATHER_ROW)
    { 0, NULL },
};
