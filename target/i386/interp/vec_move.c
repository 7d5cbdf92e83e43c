/*
 * Vector moves, non-temporal moves, EMMS, VZEROUPPER, VZEROALL (SDM vol. 1,
 * 10.4.1, 10.4.6, 11.4.1, 12.3, 14.8).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/vec.h"
#include "target/i386/interp/x87.h"

/*
 * A plain copy of the operands' common size, up to a whole vector; a shorter
 * value is zero-extended in a register.
 */
static void op_move(X86CPU *cpu, const X86Insn *insn)
{
    unsigned size = MIN(insn->op[0].size, insn->op[1].size);
    X86Vector val;

    x86_vec_load_operand(cpu, insn, 1, &val);
    memset(val.u8 + size, 0, sizeof(val) - size);
    x86_vec_store(cpu, insn, 0, &val);
    if (x86_insn_uses_mmx(insn)) {
        x86_mmx_enter(&cpu->state);
    }
}

/*
 * MOVSS, MOVSD: to memory or from it (zero-extended) a copy; between registers
 * the low element joins the rest of the first source.
 */
static void move_scalar(X86CPU *cpu, const X86Insn *insn, unsigned size)
{
    X86Vector v[X86_VEC_SOURCES];

    if (x86_op_is_mem(insn, 0) || x86_op_is_mem(insn, 1)) {
        op_move(cpu, insn);
        return;
    }
    x86_vec_load(cpu, insn, X86_VEC_BINARY, v);
    memcpy(v[0].u8, v[1].u8, size);
    x86_vec_write_reg(&cpu->state, insn, insn->op[0].reg, &v[0], 16);
}

static void op_MOVSS(X86CPU *cpu, const X86Insn *insn)
{
    move_scalar(cpu, insn, 4);
}

static void op_MOVSD(X86CPU *cpu, const X86Insn *insn)
{
    move_scalar(cpu, insn, 8);
}

/*
 * A 64-bit half: into half "to" of a register from half "from" of another or
 * from memory, the other half from the first source; or half "to" into memory.
 */
static void move_half(X86CPU *cpu, const X86Insn *insn, unsigned to, unsigned from)
{
    X86Vector v[X86_VEC_SOURCES];

    if (x86_op_is_mem(insn, 0)) {
        x86_lin_write64(cpu, x86_op_lin(cpu, insn, 0, 8, X86_ACCESS_WRITE),
                        cpu->state.xmm[insn->op[1].reg].u64[to]);
        return;
    }
    x86_vec_load(cpu, insn, X86_VEC_BINARY, v);
    v[0].u64[to] = v[1].u64[from];
    x86_vec_write_reg(&cpu->state, insn, insn->op[0].reg, &v[0], 16);
}

static void op_move_low(X86CPU *cpu, const X86Insn *insn)
{
    move_half(cpu, insn, 0, 0);
}

static void op_move_high(X86CPU *cpu, const X86Insn *insn)
{
    move_half(cpu, insn, 1, 0);
}

static void op_MOVHLPS(X86CPU *cpu, const X86Insn *insn)
{
    move_half(cpu, insn, 0, 1);
}

/* MOVNTI: a general register into memory; its hint means nothing here. */
static void op_MOVNTI(X86CPU *cpu, const X86Insn *insn)
{
    x86_op_write(cpu, insn, 0, x86_op_read(cpu, insn, 1));
}

static void op_EMMS(X86CPU *cpu, const X86Insn *insn)
{
    x87_set_top(&cpu->state, 0);
    cpu->state.fpu.ftw = 0;
}

/* 8 registers outside 64-bit mode. */
static unsigned register_count(const X86State *s)
{
    return s->hflags & X86_HF_CS64 ? 16 : 8;
}

/* VZEROUPPER (vex_l 0) and VZEROALL (1) are one opcode. */
static void zero_from(X86State *s, unsigned offset)
{
    for (unsigned i = 0; i < register_count(s); i++) {
        memset(s->xmm[i].u8 + offset, 0, sizeof(s->xmm[i]) - offset);
    }
}

static void op_VZEROUPPER(X86CPU *cpu, const X86Insn *insn)
{
    zero_from(&cpu->state, 16);
}

static void op_VZEROALL(X86CPU *cpu, const X86Insn *insn)
{
    zero_from(&cpu->state, 0);
}

#define COPIES(X)                                                                   \
    X(MOVAPS) X(MOVAPD) X(MOVUPS) X(MOVUPD) X(MOVDQA) X(MOVDQU) X(LDDQU)            \
    X(MOVNTDQA) X(MOVNTPS) X(MOVNTPD) X(MOVNTDQ) X(MOVD) X(MOVQ)
/* Without a VEX form. */
#define LEGACY_COPIES(X) X(MOVNTQ) X(MOVQ2DQ) X(MOVDQ2Q) X(MOVNTSS) X(MOVNTSD)

#define COPY_ROW(name) { X86_MN_##name, op_move },
#define COPY_ROW_BOTH(name) COPY_ROW(name) COPY_ROW(V##name)

const X86Handler x86_handlers_vec_move[] = {
    COPIES(COPY_ROW_BOTH)
    LEGACY_COPIES(COPY_ROW)
    VEC_ROW_BOTH(MOVSS)
    VEC_ROW_BOTH(MOVSD)
    { X86_MN_MOVLPS, op_move_low },
    { X86_MN_VMOVLPS, op_move_low },
    { X86_MN_MOVLPD, op_move_low },
    { X86_MN_VMOVLPD, op_move_low },
    { X86_MN_MOVHPS, op_move_high },
    { X86_MN_VMOVHPS, op_move_high },
    { X86_MN_MOVHPD, op_move_high },
    { X86_MN_VMOVHPD, op_move_high },
    { X86_MN_MOVLHPS, op_move_high },
    { X86_MN_VMOVLHPS, op_move_high },
    VEC_ROW_BOTH(MOVHLPS)
    VEC_ROW(MOVNTI)
    VEC_ROW(EMMS)
    VEC_ROW(VZEROUPPER)
    VEC_ROW(VZEROALL)
    { 0, NULL },
};
