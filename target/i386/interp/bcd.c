/*
 * Decimal adjustment: DAA, DAS, AAA, AAS, AAM, AAD (none exists in 64-bit
 * mode). The flags the manual leaves undefined follow AMD's processors: OF
 * cleared where only SF, ZF, PF are defined.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/flags.h"
#include "target/i386/interp/interp.h"

/* SF, ZF and PF of a byte. */
static uint32_t byte_flags(uint8_t val)
{
    return (val & 0x80 ? X86_EFLAGS_SF : 0) | (val == 0 ? X86_EFLAGS_ZF : 0) |
           (__builtin_parity(val) ? 0 : X86_EFLAGS_PF);
}

/* DAA adds and DAS subtracts 6 and 60h (SDM vol. 2). */
static void decimal_adjust(X86State *s, int sign)
{
    uint8_t al = s->regs[X86_RAX], old = al;
    bool cf = x86_cf(s), old_cf = cf, af = x86_af(s);

    cf = false;
    if ((al & 15) > 9 || af) {
        cf = old_cf || (sign > 0 ? al > 0xf9 : al < 6);
        al += sign * 6;
        af = true;
    }
    if (old > 0x99 || old_cf) {
        al += sign * 0x60;
        cf = true;
    }
    x86_gpr_write(s, X86_RAX, 1, al);
    x86_set_arith_flags(s, byte_flags(al) | (cf ? X86_EFLAGS_CF : 0) | (af ? X86_EFLAGS_AF : 0));
}

static void op_daa(X86CPU *cpu, const X86Insn *insn)
{
    decimal_adjust(&cpu->state, 1);
}

static void op_das(X86CPU *cpu, const X86Insn *insn)
{
    decimal_adjust(&cpu->state, -1);
}

/* AAA and AAS: AX changes by 106h; AL keeps its low digit. */
static void ascii_adjust(X86State *s, int sign)
{
    uint16_t ax = s->regs[X86_RAX];
    bool adjust = (ax & 15) > 9 || x86_af(s);

    if (adjust) {
        ax += sign * 0x106;
    }
    ax &= 0xff0f;
    x86_gpr_write(s, X86_RAX, 2, ax);
    x86_set_arith_flags(s, byte_flags(ax) | (adjust ? X86_EFLAGS_CF | X86_EFLAGS_AF : 0));
}

static void op_aaa(X86CPU *cpu, const X86Insn *insn)
{
    ascii_adjust(&cpu->state, 1);
}

static void op_aas(X86CPU *cpu, const X86Insn *insn)
{
    ascii_adjust(&cpu->state, -1);
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

    al += ah * (uint8_t)insn->imm;
    x86_gpr_write(s, X86_RAX, 2, al);
    x86_set_arith_flags(s, byte_flags(al));
}

const X86Handler x86_handlers_bcd[] = {
    { X86_MN_DAA, op_daa }, { X86_MN_DAS, op_das }, { X86_MN_AAA, op_aaa },
    { X86_MN_AAS, op_aas }, { X86_MN_AAM, op_aam }, { X86_MN_AAD, op_aad },
    { 0, NULL },
};
