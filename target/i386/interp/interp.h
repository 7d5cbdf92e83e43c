/*
 * What the interpreter asks of instruction handlers, and offers them.
 *
 * A handler executes one instruction whose row has already been checked: LOCK,
 * mode, CPU feature, CPL 0, protected mode, x87/SSE/AVX availability, pending
 * x87 exceptions and 16/32-byte alignment. On entry s->rip is the next
 * instruction. A handler that finds a fault calls x86_raise() (excp.h) before
 * it has changed anything; the exec loop rewinds s->rip and delivers.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_INTERP_H
#define TARGET_I386_INTERP_INTERP_H

#include "target/i386/cpu.h"
#include "target/i386/excp.h"
#include "target/i386/mmu.h"

typedef void X86InsnFn(X86CPU *cpu, const X86Insn *insn);

typedef struct X86Handler {
    uint16_t mnemonic; /* X86_MN_... */
    X86InsnFn *fn;     /* NULL ends a table */
} X86Handler;

/*
 * Every area of handlers: a file that defines x86_handlers_<area>[] adds its
 * line here. Of two entries for one mnemonic the later line wins.
 */
#define X86_HANDLER_AREAS(X) \
    X(alu)                   \
    X(shift)                 \
    X(muldiv)                \
    X(bit)                   \
    X(bcd)                   \
    X(data)                  \
    X(stack)                 \
    X(branch)                \
    X(string)                \
    X(vec_int)               \
    X(vec_float)             \
    X(vec_convert)           \
    X(vec_shuffle)           \
    X(vec_move)              \
    X(vec_test)              \
    X(vec_mask)              \
    X(vec_crypto)            \
    X(x87_arith)             \
    X(x87_transcendental)    \
    X(x87_compare)           \
    X(x87_move)              \
    X(x87_control)           \
    X(xsave)                 \
    X(far)                   \
    X(sysflags)              \
    X(desc)                  \
    X(sysreg)                \
    X(io)

#define X(area) extern const X86Handler x86_handlers_##area[];
X86_HANDLER_AREAS(X)
#undef X

/* The handler of a mnemonic, or NULL: the instruction raises #UD. */
X86InsnFn *x86_interp_handler(unsigned mnemonic);

/*
 * Executes exactly one instruction at s->rip, with delivery of the fault or
 * trap it causes; pending interrupts are not looked at. For tests and tracing.
 */
void x86_interp_step(X86CPU *cpu);

/* Builds and frees cpu->interp and cpu->tlb. */
void x86_interp_init(X86CPU *cpu);
void x86_interp_destroy(X86CPU *cpu);

/* CPUClass.exec. */
int x86_cpu_exec(CPUState *cs);

/* Makes the code that runs return to the exec loop after the present instruction. */
void x86_interp_leave(X86CPU *cpu);

/* CPUClass.engine_info. */
void x86_interp_info(CPUState *cs, GString *out);

/* Forgets all decoded code (the CPU model or the memory map changed). */
void x86_interp_flush_code(X86CPU *cpu);

/*
 * Replaces the six arithmetic flags by those given as EFLAGS bits; all other
 * bits of flags are ignored. For COMISS, PTEST, VERR, ARPL, PCMPISTRI...
 */
static inline void x86_set_arith_flags(X86State *s, uint32_t flags)
{
    s->eflags = (s->eflags & ~X86_EFLAGS_ARITH) | (flags & X86_EFLAGS_ARITH);
    s->cc_lazy = 0;
}

/* Replaces the arithmetic flags named by mask. */
void x86_change_arith_flags(X86State *s, uint32_t mask, uint32_t flags);

/* Condition 0..15 as encoded in Jcc: O, NO, B, NB, Z, NZ, BE, NBE, S, NS, P, NP, L, NL, LE, NLE. */
bool x86_condition(const X86State *s, unsigned cond);

#endif
