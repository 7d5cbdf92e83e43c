/*
 * Fast system calls and system-management mode.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_SYSCALL_H
#define TARGET_I386_SYSCALL_H

#include "target/i386/excp.h"

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
