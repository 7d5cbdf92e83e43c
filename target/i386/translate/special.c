/*
 * Instructions that cannot be copied as they are, but need no interpreter either:
 * the stack, LEA, bit strings, encodings that 64-bit mode does not have, hints.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/build.h"

static void emit_nothing(JitBuild *b, const JitInsn *insn)
{
}

static void emit_load_address(JitBuild *b, const JitInsn *insn)
{
    unsigned reg = insn->x.op[0].reg, host = jit_host_reg(reg);
    bool wide = insn->x.op_size == 8;

    jit_emit_lea(b, insn, host == HOST_NONE ? JIT_T0 : host, wide);
    if (host == HOST_NONE) {
        emit_store(&b->e, true, JIT_T0, jit_reg_home(b->jit, reg));
    }
}

/* --- stack ---------------------------------------------------------------------------- */

static unsigned slot_size(const JitBuild *b)
{
    return b->mode64 ? 8 : 4;
}

static void emit_adjust_rsp(JitBuild *b, int n)
{
    emit_lea(&b->e, b->mode64, JIT_RSP, host_mem(JIT_RSP, n));
}

static void emit_push_reg(JitBuild *b, const JitInsn *insn)
{
    unsigned size = slot_size(b), reg = insn->x.op[0].reg, host = jit_host_reg(reg);

    if (insn->accesses) {
        jit_flags_before_access(b, insn);
    }
    HostMem m = jit_mem_at(b, insn, JIT_RSP, -(int)size, size, true);
    if (host == HOST_NONE) {
        emit_load(&b->e, true, JIT_T0, jit_reg_home(b->jit, reg));
        host = JIT_T0;
    }
    emit_store(&b->e, size == 8, host, m);
    emit_adjust_rsp(b, -(int)size);
}

static void emit_push_imm(JitBuild *b, const JitInsn *insn)
{
    unsigned size = slot_size(b);

    if (insn->accesses) {
        jit_flags_before_access(b, insn);
    }
    HostMem m = jit_mem_at(b, insn, JIT_RSP, -(int)size, size, true);
    emit_store_imm(&b->e, size == 8, m, insn->x.imm);
    emit_adjust_rsp(b, -(int)size);
}

static void emit_push_mem(JitBuild *b, const JitInsn *insn)
{
    unsigned size = slot_size(b);
    HostMem scratch = JIT_ABS(b->jit, resume);

    jit_flags_save(b);
    emit_load(&b->e, size == 8, JIT_T0, jit_mem_operand(b, insn, size, false));
    emit_store(&b->e, true, JIT_T0, scratch);
    HostMem m = jit_mem_at(b, insn, JIT_RSP, -(int)size, size, true);
    emit_load(&b->e, true, JIT_T0, scratch);
    emit_store(&b->e, size == 8, JIT_T0, m);
    emit_adjust_rsp(b, -(int)size);
}

static void emit_pop_reg(JitBuild *b, const JitInsn *insn)
{
    unsigned size = slot_size(b), reg = insn->x.op[0].reg, host = jit_host_reg(reg);

    if (insn->accesses) {
        jit_flags_before_access(b, insn);
    }
    HostMem m = jit_mem_at(b, insn, JIT_RSP, 0, size, false);
    emit_load(&b->e, size == 8, host == HOST_NONE ? JIT_T0 : host, m);
    if (host == HOST_NONE) {
        emit_store(&b->e, true, JIT_T0, jit_reg_home(b->jit, reg));
    }
    if (reg != X86_RSP) {
        emit_adjust_rsp(b, size);
    }
}

static void emit_leave(JitBuild *b, const JitInsn *insn)
{
    unsigned size = slot_size(b);

    if (insn->accesses) {
        jit_flags_before_access(b, insn);
    }
    HostMem m = jit_mem_at(b, insn, HOST_RBP, 0, size, false);
    emit_load(&b->e, size == 8, JIT_T0, m);
    emit_lea(&b->e, b->mode64, JIT_RSP, host_mem(HOST_RBP, size));
    emit_mov(&b->e, size == 8, HOST_RBP, JIT_T0);
}

/* --- bit strings ---------------------------------------------------------------------- */

/* The bit number, sign-extended, to dst. */
static void load_bit_number(JitBuild *b, const JitInsn *insn, unsigned dst)
{
    unsigned reg = insn->x.op[1].reg, host = jit_host_reg(reg);
    unsigned opcode = insn->x.op_size == 8 ? 0x8b : 0x63; /* mov, movsxd */

    if (host == HOST_NONE) {
        emit_op_mem(&b->e, true, opcode, dst, jit_reg_home(b->jit, reg));
    } else {
        emit_op_reg(&b->e, true, opcode, dst, host);
    }
}

/* BT and its like with a bit number in a register, which may reach far from the operand: the word
 * with the bit is checked and then taken as the operand. Without the window: bit numbers come to
 * addresses that are not canonical. */
static void emit_bit_string(JitBuild *b, const JitInsn *insn)
{
    const X86Insn *x = &insn->x;
    Emit *e = &b->e;
    bool wide = x->op_size == 8, write = x->mnemonic != X86_MN_BT;
    unsigned opcode = x->mnemonic == X86_MN_BT ? 0x0fa3 : x->mnemonic == X86_MN_BTS ? 0x0fab
                    : x->mnemonic == X86_MN_BTR ? 0x0fb3 : 0x0fbb;

    jit_flags_save(b);
    jit_emit_lea(b, insn, JIT_T2, true);
    if (x->seg >= X86_FS) {
        emit_op_mem(e, true, 0x03, JIT_T2, JIT_ABS(b->jit, seg_base[x->seg - X86_FS]));
    }
    load_bit_number(b, insn, JIT_T0);
    emit_shift_imm(e, true, HOST_SAR, JIT_T0, wide ? 6 : 5);
    emit_lea(e, true, JIT_T2, (HostMem){ .base = JIT_T2, .index = JIT_T0, .scale = wide ? 3 : 2 });
    HostMem m = jit_one_register(b, jit_mem_checked(b, insn, JIT_T2, x->op_size, write), JIT_T2);
    load_bit_number(b, insn, JIT_T1);
    emit_alu_imm(e, false, HOST_AND, JIT_T1, wide ? 63 : 31);
    jit_flags_clobber(b);
    jit_flags_need_host(b);
    if (x->prefixes & X86_PFX_LOCK) {
        emit8(e, 0xf0);
    }
    emit_op_mem(e, wide, opcode, JIT_T1, m);
    b->flags = FLAGS_HOST;
}

static bool is_bit_string(const JitBuild *b, const X86Insn *x)
{
    return b->mode64 && x->addr_size == 8 && x->op_size >= 4 && x->op[0].kind == X86_OP_MEM &&
           x->op[1].kind == X86_OP_GPR;
}

/* --- encodings ------------------------------------------------------------------------- */

static uint8_t opcode_of(const JitInsn *insn)
{
    return insn->code.opcode;
}

/* A0-A3, MOV with an address and no ModRM, become 8A, 8B, 88, 89. */
static void recode_moffs(JitInsn *insn)
{
    static const uint8_t opcodes[] = { 0x8a, 0x8b, 0x88, 0x89 };
    bool store = insn->x.op[0].kind == X86_OP_MEM;

    insn->code.opcode = opcodes[opcode_of(insn) & 3];
    insn->row = (CopyRow){ .copyable = true, .has_modrm = true, .reg = store, .rm = !store,
                           .vvvv = COPY_NO_OPERAND, .opcode = COPY_NO_OPERAND };
    insn->code.reg = X86_RAX;
    insn->code.imm_len = 0;
}

/* 40-4F outside 64-bit mode, INC and DEC, become FF /0 and /1. */
static void recode_inc_dec(JitInsn *insn)
{
    insn->code.reg = opcode_of(insn) >> 3 & 1;
    insn->code.rm = opcode_of(insn) & 7;
    insn->code.opcode = 0xff;
    insn->row = (CopyRow){ .copyable = true, .has_modrm = true, .rm = 0, .reg = COPY_NO_OPERAND,
                           .vvvv = COPY_NO_OPERAND, .opcode = COPY_NO_OPERAND };
}

/* --- choice ----------------------------------------------------------------------------- */

static bool choose(JitInsn *insn, JitEmitFn *emit, bool accesses)
{
    insn->emit = emit;
    insn->accesses = accesses;
    return true;
}

/* The same for what leaves T1 alone. */
static bool choose_simple(JitInsn *insn, JitEmitFn *emit, bool accesses)
{
    insn->keeps_place = true;
    return choose(insn, emit, accesses);
}

static bool choose_push(const JitBuild *b, JitInsn *insn)
{
    if (insn->x.op_size != slot_size(b)) {
        return false;
    }
    switch (insn->x.op[0].kind) {
    case X86_OP_GPR:
        return choose_simple(insn, emit_push_reg, true);
    case X86_OP_IMM:
        return choose_simple(insn, emit_push_imm, true);
    case X86_OP_MEM:
        return choose(insn, emit_push_mem, true);
    default:
        return false;
    }
}

bool jit_choose_special(JitBuild *b, JitInsn *insn)
{
    const X86Insn *x = &insn->x;

    switch (x->mnemonic) {
    case X86_MN_NOP: case X86_MN_PREFETCH: case X86_MN_PREFETCHW: case X86_MN_PREFETCHNTA:
    case X86_MN_PREFETCHT0: case X86_MN_PREFETCHT1: case X86_MN_PREFETCHT2:
        return choose_simple(insn, emit_nothing, false);
    case X86_MN_LEA:
        return x->op_size != 2 && x->addr_size != 2 && choose_simple(insn, emit_load_address, false);
    case X86_MN_PUSH:
        return choose_push(b, insn);
    case X86_MN_POP:
        return x->op_size == slot_size(b) && x->op[0].kind == X86_OP_GPR &&
               choose_simple(insn, emit_pop_reg, true);
    case X86_MN_BT: case X86_MN_BTS: case X86_MN_BTR: case X86_MN_BTC:
        return is_bit_string(b, x) && choose(insn, emit_bit_string, true);
    case X86_MN_LEAVE:
        return x->op_size == slot_size(b) && choose(insn, emit_leave, true);
    case X86_MN_MOV:
        if (!insn->code.map && (opcode_of(insn) & 0xfc) == 0xa0) {
            recode_moffs(insn);
        }
        return false;
    case X86_MN_INC: case X86_MN_DEC:
        if (!insn->code.map && (opcode_of(insn) & 0xf0) == 0x40) {
            recode_inc_dec(insn);
        }
        return false;
    }
    return false;
}
