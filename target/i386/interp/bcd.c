/*
 * Decimal adjustment: DAA, DAS, AAA, AAS, AAM, AAD (none exists in 64-bit
 * mode). The flags the manual leaves undefined follow AMD's processors: OF
 * cleared where only SF, ZF, PF are defined.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/alu.h"
#include "target/i386/interp/flags.h"
#include "target/i386/interp/interp.h"

/* SF, ZF and PF of a byte. */
static uint32_t byte_flags(uint8_t val)
{
    return (val & 0x80 ? X86_EFLAGS_SF : 0) | (val == 0 ? X86_EFLAGS_ZF : 0) |
           (__builtin_parity(val) ? 0 : X86_EFLAGS_PF);
}

/*
 * DAA adds and DAS subtracts 6 and 60h (SDM vol. 2). OF, which the manuals leave
 * undefined, comes from that one addition or subtraction on AMD CPUs.
 */
static void decimal_adjust(X86State *s, X86AluOp op)
{
    uint8_t al = s->regs[X86_RAX], adjust;
    bool high = al > 0x99 || x86_cf(s), af = (al & 15) > 9 || x86_af(s);
    bool cf = high || (op == X86_ALU_SUB && af && al < 6);

    adjust = (af ? 6 : 0) + (high ? 0x60 : 0);
    x86_gpr_write(s, X86_RAX, 1, x86_alu(s, op, al, adjust, 1));
    x86_change_arith_flags(s, X86_EFLAGS_CF | X86_EFLAGS_AF,
                           (cf ? X86_EFLAGS_CF : 0) | (af ? X86_EFLAGS_AF : 0));
}

static void op_daa(X86CPU *cpu, const X86Insn *insn)
{
    decimal_adjust(&cpu->state, X86_ALU_ADD);
}

static void op_das(X86CPU *cpu, const X86Insn *insn)
{
    decimal_adjust(&cpu->state, X86_ALU_SUB);
}

/* AAA and AAS: AX changes by 106h; AL keeps its low digit. The other flags, undefined in the
 * manuals, are those of the 16-bit addition or subtraction on AMD CPUs. */
static void ascii_adjust(X86State *s, X86AluOp op)
{
    uint16_t ax = s->regs[X86_RAX];
    bool adjust = (ax & 15) > 9 || x86_af(s);

    ax = x86_alu(s, op, ax, adjust ? 0x106 : 0, 2);
    x86_gpr_write(s, X86_RAX, 2, ax & 0xff0f);
    x86_change_arith_flags(s, X86_EFLAGS_CF | X86_EFLAGS_AF,
                           adjust ? X86_EFLAGS_CF | X86_EFLAGS_AF : 0);
}

static void op_aaa(X86CPU *cpu, const X86Insn *insn)
{
    ascii_adjust(&cpu->state, X86_ALU_ADD);
}

static void op_aas(X86CPU *cpu, const X86Insn *insn)
{
    ascii_adjust(&cpu->state, X86_ALU_SUB);
}

static void op_aam(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint8_t base = insn->imm, al = s->regs[X86_RAX];

    if (base == 0) {
        x86_raise(cpu, X86_EXCP_DE, 0);
    }
    x86_gpr_write(s, X86_RAX, 2, al / base << 8 | al % base);
    x86_set_arith_flags(s, byte_flags(al % base));
}

static void op_aad(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint8_t al = s->regs[X86_RAX], ah = s->regs[X86_RAX] >> 8;

    al = x86_alu(s, X86_ALU_ADD, al, (uint8_t)(ah * insn->imm), 1);
    x86_gpr_write(s, X86_RAX, 2, al);
}

const X86Handler x86_handlers_bcd[] = {
    { X86_MN_DAA, op_daa }, { X86_MN_DAS, op_das }, { X86_MN_AAA, op_aaa },
    { X86_MN_AAS, op_aas }, { X86_MN_AAM, op_aam }, { X86_MN_AAD, op_aad },
    { 0, NULL },
};
