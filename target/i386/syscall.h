/*
 * Fast system calls and system-management mode.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_SYSCALL_H
#define TARGET_I386_SYSCALL_H

#include "target/i386/excp.h"

/* The segments that they load: CS for 64-bit or 32-bit code, SS. */
static inline X86Segment x86_flat_code(uint16_t sel, unsigned cpl, bool wide)
{
    return (X86Segment) {
        .selector = sel,
        .limit = UINT32_MAX,
        .attr = X86_DESC_P | cpl << X86_DESC_DPL_SHIFT | X86_DESC_S | X86_DESC_CODE |
                X86_DESC_R | X86_DESC_A | X86_DESC_G | (wide ? X86_DESC_L : X86_DESC_DB),
    };
}

static inline X86Segment x86_flat_stack(uint16_t sel, unsigned cpl)
{
    return (X86Segment) {
        .selector = sel,
        .limit = UINT32_MAX,
        .attr = X86_DESC_P | cpl << X86_DESC_DPL_SHIFT | X86_DESC_S | X86_DESC_W |
                X86_DESC_A | X86_DESC_G | X86_DESC_DB,
    };
}

/* The flags that SYSRET takes from R11. */
#define X86_SYSRET_FLAGS (X86_EFLAGS_ARITH | X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF | \
                          X86_EFLAGS_IOPL | X86_EFLAGS_NT | X86_EFLAGS_AC | X86_EFLAGS_VIF | \
                          X86_EFLAGS_VIP | X86_EFLAGS_ID)

/* The instructions; they follow the vendor of the CPU model where Intel and
 * AMD differ. Each raises #UD or #GP(0) before it changes anything. op_size is
 * 8 for the REX.W forms. */
void x86_syscall(X86CPU *cpu);
void x86_sysret(X86CPU *cpu, unsigned op_size);
void x86_sysenter(X86CPU *cpu);
void x86_sysexit(X86CPU *cpu, unsigned op_size);

/* Takes an SMI: saves the state at SMBASE + 0xfe00 (APM vol. 2, table 10-1)
 * and enters SMM. Between two instructions. */
void x86_smm_enter(X86CPU *cpu);
/* RSM: #UD outside SMM; a save area that cannot be loaded shuts the CPU down. */
void x86_smm_leave(X86CPU *cpu);

#endif
