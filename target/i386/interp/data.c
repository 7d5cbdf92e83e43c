/*
 * Data movement and the instructions that do little else: MOV, MOVZX, MOVSX,
 * LEA, XLAT, sign extension, SETcc, CMOVcc, flag bits, hints and fences.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/flags.h"
#include "target/i386/interp/interp.h"

/* MOV, MOVZX, MOVNTI: sources come zero-extended. */
static void op_mov(X86CPU *cpu, const X86Insn *insn)
{
    bool imm64 = insn->op[1].kind == X86_OP_IMM;

    x86_op_write(cpu, insn, 0, imm64 ? insn->imm : x86_op_read(cpu, insn, 1));
}

static void op_movsx(X86CPU *cpu, const X86Insn *insn)
{
    uint64_t val = x86_op_read(cpu, insn, 1);

    x86_op_write(cpu, insn, 0, x86_sext(val, insn->op[1].size));
}

static void op_lea(X86CPU *cpu, const X86Insn *insn)
{
    x86_op_write(cpu, insn, 0, x86_insn_ea(cpu, insn));
}

/* AL = [rBX + AL] */
static void op_xlat(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    unsigned seg = insn->seg_override != X86_NO_REG ? insn->seg_override : X86_DS;
    uint64_t ea = x86_zext(s->regs[X86_RBX] + (uint8_t)s->regs[X86_RAX], insn->addr_size);
    uint64_t lin = x86_seg_linear(cpu, seg, ea, 1, X86_ACCESS_READ);

    x86_gpr_write(s, X86_RAX, 1, x86_lin_read8(cpu, lin));
}

/* CBW, CWDE, CDQE */
static void op_cbw(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;

    x86_gpr_write(s, X86_RAX, insn->op_size, x86_sext(s->regs[X86_RAX], insn->op_size / 2));
}

/* CWD, CDQ, CQO */
static void op_cwd(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;

    x86_gpr_write(s, X86_RDX, insn->op_size, x86_sext(s->regs[X86_RAX], insn->op_size) >> 63);
}

static void op_setcc(X86CPU *cpu, const X86Insn *insn)
{
    x86_op_write(cpu, insn, 0, x86_condition(&cpu->state, insn->mnemonic - X86_MN_SETO));
}

/* The source is read (and may fault) and a 32-bit destination is zero-extended
 * whatever the condition. */
static void op_cmovcc(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint64_t val = x86_op_read(cpu, insn, 1);

    if (!x86_condition(s, insn->mnemonic - X86_MN_CMOVO)) {
        val = x86_op_read(cpu, insn, 0);
    }
    x86_op_write(cpu, insn, 0, val);
}

static void op_lahf(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;

    x86_gprh_write(s, X86_RAX, (x86_arith_flags(s) & 0xd5) | X86_EFLAGS_FIXED);
}

static void op_sahf(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint32_t of = x86_of(s) ? X86_EFLAGS_OF : 0;

    x86_set_arith_flags(s, (x86_gprh_read(s, X86_RAX) & 0xd5) | of);
}

static void op_clc(X86CPU *cpu, const X86Insn *insn)
{
    x86_change_arith_flags(&cpu->state, X86_EFLAGS_CF, 0);
}

static void op_stc(X86CPU *cpu, const X86Insn *insn)
{
    x86_change_arith_flags(&cpu->state, X86_EFLAGS_CF, X86_EFLAGS_CF);
}

static void op_cmc(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;

    x86_change_arith_flags(s, X86_EFLAGS_CF, x86_cf(s) ? 0 : X86_EFLAGS_CF);
}

static void op_cld(X86CPU *cpu, const X86Insn *insn)
{
    cpu->state.eflags &= ~X86_EFLAGS_DF;
}

static void op_std(X86CPU *cpu, const X86Insn *insn)
{
    cpu->state.eflags |= X86_EFLAGS_DF;
}

static void op_salc(X86CPU *cpu, const X86Insn *insn)
{
    x86_gpr_write(&cpu->state, X86_RAX, 1, x86_cf(&cpu->state) ? 0xff : 0);
}

/* NOP, hints, prefetches: no effect, and no fault from their operand. */
static void op_nop(X86CPU *cpu, const X86Insn *insn)
{
}

static void op_fence(X86CPU *cpu, const X86Insn *insn)
{
    __builtin_ia32_mfence(); /* __atomic_thread_fence() is not known to ThreadSanitizer */
}

/* CLFLUSH and its like check their address as a byte read does. */
static void op_clflush(X86CPU *cpu, const X86Insn *insn)
{
    x86_lin_probe(cpu, x86_mem_lin(cpu, insn, 0, 1, X86_ACCESS_READ), 1, X86_ACCESS_READ);
}

#define BY_CONDITION(prefix, fn)                                                         \
    { X86_MN_##prefix##O, fn }, { X86_MN_##prefix##NO, fn }, { X86_MN_##prefix##B, fn }, \
    { X86_MN_##prefix##NB, fn }, { X86_MN_##prefix##Z, fn }, { X86_MN_##prefix##NZ, fn },\
    { X86_MN_##prefix##BE, fn }, { X86_MN_##prefix##NBE, fn }, { X86_MN_##prefix##S, fn },\
    { X86_MN_##prefix##NS, fn }, { X86_MN_##prefix##P, fn }, { X86_MN_##prefix##NP, fn },\
    { X86_MN_##prefix##L, fn }, { X86_MN_##prefix##NL, fn }, { X86_MN_##prefix##LE, fn },\
    { X86_MN_##prefix##NLE, fn }

const X86Handler x86_handlers_data[] = {
    { X86_MN_MOV, op_mov },
    { X86_MN_MOVZX, op_mov },
    { X86_MN_MOVNTI, op_mov },
    { X86_MN_MOVSX, op_movsx },
    { X86_MN_MOVSXD, op_movsx },
    { X86_MN_LEA, op_lea },
    { X86_MN_XLAT, op_xlat },
    { X86_MN_CBW, op_cbw },
    { X86_MN_CWD, op_cwd },
    BY_CONDITION(SET, op_setcc),
    BY_CONDITION(CMOV, op_cmovcc),
    { X86_MN_LAHF, op_lahf },
    { X86_MN_SAHF, op_sahf },
    { X86_MN_CLC, op_clc },
    { X86_MN_STC, op_stc },
    { X86_MN_CMC, op_cmc },
    { X86_MN_CLD, op_cld },
    { X86_MN_STD, op_std },
    { X86_MN_SALC, op_salc },
    { X86_MN_NOP, op_nop },
    { X86_MN_PAUSE, op_nop },
    { X86_MN_ENDBR32, op_nop },
    { X86_MN_ENDBR64, op_nop },
    { X86_MN_PREFETCH, op_nop },
    { X86_MN_PREFETCHW, op_nop },
    { X86_MN_PREFETCHNTA, op_nop },
    { X86_MN_PREFETCHT0, op_nop },
    { X86_MN_PREFETCHT1, op_nop },
    { X86_MN_PREFETCHT2, op_nop },
    { X86_MN_LFENCE, op_fence },
    { X86_MN_SFENCE, op_fence },
    { X86_MN_MFENCE, op_fence },
    { X86_MN_CLFLUSH, op_clflush },
    { X86_MN_CLFLUSHOPT, op_clflush },
    { X86_MN_CLWB, op_clflush },
    { 0, NULL },
};
