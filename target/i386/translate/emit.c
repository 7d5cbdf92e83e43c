/*
 * The assembler's encodings (SDM vol. 2, chapter 2).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/emit.h"

static bool fits_byte(int32_t val)
{
    return val == (int8_t)val;
}

static bool is_near_context(const Emit *e, HostMem m)
{
    return e->context && m.base == HOST_NONE && m.index == HOST_NONE && !m.window &&
           fits_byte(m.disp - (int32_t)e->context);
}

void emit_mem(Emit *e, unsigned reg, HostMem m)
{
    unsigned reg_bits = (reg & 7) << 3;

    if (is_near_context(e, m)) {
        m = host_mem(HOST_RSP, m.disp - e->context);
    }
    if (m.base == HOST_NONE) {
        /* SIB without base: absolute in 64-bit mode, where mod 0 rm 5 is RIP-relative */
        emit8(e, reg_bits | 4);
        emit8(e, m.scale << 6 | (m.index == HOST_NONE ? 4 : m.index & 7) << 3 | 5);
        emit32(e, m.disp);
        return;
    }
    bool no_disp = m.disp == 0 && (m.base & 7) != HOST_RBP;
    unsigned mod = no_disp ? 0x00 : fits_byte(m.disp) ? 0x40 : 0x80;

    if (m.index != HOST_NONE || (m.base & 7) == HOST_RSP) {
        emit8(e, mod | reg_bits | 4);
        emit8(e, m.scale << 6 | (m.index == HOST_NONE ? 4 : m.index & 7) << 3 | (m.base & 7));
    } else {
        emit8(e, mod | reg_bits | (m.base & 7));
    }
    if (mod == 0x40) {
        emit8(e, m.disp);
    } else if (mod == 0x80) {
        emit32(e, m.disp);
    }
}

static void emit_opcode(Emit *e, unsigned rex, unsigned opcode)
{
    if (rex) {
        emit8(e, 0x40 | rex);
    }
    if (opcode > 0xff) {
        emit8(e, opcode >> 8);
    }
    emit8(e, opcode);
}

void emit_op_reg(Emit *e, bool wide, unsigned opcode, unsigned reg, unsigned rm)
{
    emit_opcode(e, (wide ? 8 : 0) | (reg & 8 ? 4 : 0) | (rm & 8 ? 1 : 0), opcode);
    emit_modrm_reg(e, reg, rm);
}

void emit_op_mem(Emit *e, bool wide, unsigned opcode, unsigned reg, HostMem m)
{
    if (m.window) {
        emit8(e, 0x65);
    }
    emit_opcode(e, (wide ? 8 : 0) | (reg & 8 ? 4 : 0) | emit_mem_rex(m), opcode);
    emit_mem(e, reg, m);
}

void emit_mov_imm(Emit *e, unsigned reg, uint64_t val)
{
    unsigned b = reg & 8 ? 1 : 0;

    if (val <= UINT32_MAX) {
        emit_opcode(e, b, 0xb8 | (reg & 7));
        emit32(e, val);
    } else if ((int64_t)val == (int32_t)val) {
        emit_opcode(e, 8 | b, 0xc7);
        emit_modrm_reg(e, 0, reg);
        emit32(e, val);
    } else {
        emit_opcode(e, 8 | b, 0xb8 | (reg & 7));
        emit64(e, val);
    }
}

void emit_store_imm(Emit *e, bool wide, HostMem m, int32_t val)
{
    emit_op_mem(e, wide, 0xc7, 0, m);
    emit32(e, val);
}

void emit_alu_imm(Emit *e, bool wide, unsigned op, unsigned reg, int32_t imm)
{
    emit_op_reg(e, wide, fits_byte(imm) ? 0x83 : 0x81, op, reg);
    if (fits_byte(imm)) {
        emit8(e, imm);
    } else {
        emit32(e, imm);
    }
}

void emit_cmp_mem_imm8(Emit *e, unsigned size, HostMem m, int8_t imm)
{
    emit_op_mem(e, size == 8, size == 1 ? 0x80 : 0x83, HOST_CMP, m);
    emit8(e, imm);
}

void emit_shift_imm(Emit *e, bool wide, unsigned op, unsigned reg, uint8_t count)
{
    emit_op_reg(e, wide, 0xc1, op, reg);
    emit8(e, count);
}

void emit_rorx(Emit *e, unsigned dst, unsigned src, uint8_t count)
{
    emit8(e, 0xc4);
    emit8(e, (dst & 8 ? 0 : 0x80) | 0x40 | (src & 8 ? 0 : 0x20) | 3);
    emit8(e, 0xfb);
    emit8(e, 0xf0);
    emit_modrm_reg(e, dst, src);
    emit8(e, count);
}

static uint8_t *emit_rel32(Emit *e, const uint8_t *target)
{
    uint8_t *at = e->p;

    emit32(e, 0);
    if (e->branches && e->branches->count++ < e->branches->max) {
        e->branches->at[e->branches->count - 1] = at;
    }
    if (target) {
        emit_patch(at, e->delta, target);
    }
    return at;
}

uint8_t *emit_lea_code(Emit *e, unsigned reg, const uint8_t *target)
{
    emit8(e, 0x48 | (reg & 8 ? 4 : 0));
    emit8(e, 0x8d);
    emit8(e, (reg & 7) << 3 | 5);
    return emit_rel32(e, target);
}

uint8_t *emit_jmp(Emit *e, const uint8_t *target)
{
    emit8(e, 0xe9);
    return emit_rel32(e, target);
}

uint8_t *emit_jcc(Emit *e, unsigned cond, const uint8_t *target)
{
    emit8(e, 0x0f);
    emit8(e, 0x80 | cond);
    return emit_rel32(e, target);
}

uint8_t *emit_call(Emit *e, const uint8_t *target)
{
    emit8(e, 0xe8);
    return emit_rel32(e, target);
}
