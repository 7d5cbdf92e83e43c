/*
 * Handlers of the instructions whose effect on EFLAGS depends on privilege:
 * CLI, STI, PUSHF, POPF, CLAC, STAC (SDM vol. 2; VME and PVI: vol. 3, 20.3-20.4).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/interp.h"
#include "target/i386/interp/operand.h"
#include "target/i386/interp/stack.h"

/* Without the I/O privilege: do CLI and STI act on VIF instead of IF? */
static bool uses_vif(const X86State *s)
{
    return s->hflags & X86_HF_VM86 ? s->cr4 & X86_CR4_VME
                                   : x86_cpl(s) == 3 && s->cr4 & X86_CR4_PVI;
}

static void op_cli(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;

    if (s->hflags & X86_HF_IOPL_OK) {
        s->eflags &= ~X86_EFLAGS_IF;
    } else if (uses_vif(s)) {
        s->eflags &= ~X86_EFLAGS_VIF;
    } else {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
}

static void op_sti(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;

    if (s->hflags & X86_HF_IOPL_OK) {
        if (!(s->eflags & X86_EFLAGS_IF)) {
            s->eflags |= X86_EFLAGS_IF;
            s->int_shadow = X86_SHADOW_STI;
        }
    } else if (uses_vif(s) && !(s->eflags & X86_EFLAGS_VIP)) {
        s->eflags |= X86_EFLAGS_VIF;
    } else {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
}

/* VM86 without the I/O privilege: PUSHF and POPF need VME and 16-bit operands. */
static bool is_virtual(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;

    if (!(s->hflags & X86_HF_VM86) || s->hflags & X86_HF_IOPL_OK) {
        return false;
    }
    if (!(s->cr4 & X86_CR4_VME) || insn->op_size != 2) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    return true;
}

static void op_pushf(X86CPU *cpu, const X86Insn *insn)
{
    uint32_t eflags = x86_get_eflags(&cpu->state);

    if (is_virtual(cpu, insn)) {
        eflags = (eflags & ~X86_EFLAGS_IF) | X86_EFLAGS_IOPL |
                 (eflags & X86_EFLAGS_VIF ? X86_EFLAGS_IF : 0);
    }
    x86_push(cpu, eflags & ~(X86_EFLAGS_VM | X86_EFLAGS_RF), insn->op_size);
}

/* The flags that POPF may change at the present privilege. */
static uint32_t popf_mask(const X86State *s, unsigned op_size)
{
    uint32_t mask = X86_EFLAGS_ARITH | X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_NT;

    if (s->hflags & X86_HF_IOPL_OK) {
        mask |= X86_EFLAGS_IF;
    }
    if (x86_cpl(s) == 0) {
        mask |= X86_EFLAGS_IOPL;
    }
    if (op_size > 2) {
        mask |= X86_EFLAGS_AC | X86_EFLAGS_ID | X86_EFLAGS_RF;
    }
    return mask;
}

static void op_popf(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    bool virtual = is_virtual(cpu, insn);
    uint32_t val = x86_stack_read(cpu, 0, insn->op_size) & ~X86_EFLAGS_RF;
    uint32_t mask = popf_mask(s, insn->op_size);

    if (virtual) {
        if (val & X86_EFLAGS_TF || (s->eflags & X86_EFLAGS_VIP && val & X86_EFLAGS_IF)) {
            x86_raise(cpu, X86_EXCP_GP, 0);
        }
        val = (val & ~X86_EFLAGS_VIF) | (val & X86_EFLAGS_IF ? X86_EFLAGS_VIF : 0);
        mask |= X86_EFLAGS_VIF;
    }
    x86_stack_add(s, insn->op_size);
    x86_set_eflags(s, (x86_get_eflags(s) & ~mask) | (val & mask));
}

static void op_clac(X86CPU *cpu, const X86Insn *insn)
{
    cpu->state.eflags &= ~X86_EFLAGS_AC;
    x86_update_hflags(&cpu->state);
}

static void op_stac(X86CPU *cpu, const X86Insn *insn)
{
    cpu->state.eflags |= X86_EFLAGS_AC;
    x86_update_hflags(&cpu->state);
}

const X86Handler x86_handlers_sysflags[] = {
    { X86_MN_CLI, op_cli },   { X86_MN_STI, op_sti },   { X86_MN_PUSHF, op_pushf },
    { X86_MN_POPF, op_popf }, { X86_MN_CLAC, op_clac }, { X86_MN_STAC, op_stac },
    { 0, NULL },
};
