/*
 * Exceptions, interrupts and everything that loads a segment register.
 *
 * How an instruction faults: the handler calls x86_raise(), which does not
 * return; the exec loop rewinds RIP to the instruction's start and delivers.
 * While a handler runs, s->rip is already the next instruction's address.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_EXCP_H
#define TARGET_I386_EXCP_H

#include <glib.h>
#include <setjmp.h>
#include "target/i386/cpu.h"

/*
 * Where a fault unwinds to. The exec loop keeps one on its stack while it runs
 * guest code: it links it into cpu->fault and calls _setjmp(frame.env); a
 * nonzero return is a fault of the current instruction, with vector and error
 * filled in. Event delivery stacks its own frame above it to find double faults.
 */
struct X86FaultFrame {
    jmp_buf env;
    X86FaultFrame *outer;
    unsigned vector;
    uint32_t error;
};

/* True for the vectors that push an error code (SDM vol. 3, table 6-1). */
static inline bool x86_vector_has_error(unsigned vector)
{
    const uint32_t with_error = 1u << X86_EXCP_DF | 1u << X86_EXCP_TS | 1u << X86_EXCP_NP |
                                1u << X86_EXCP_SS | 1u << X86_EXCP_GP | 1u << X86_EXCP_PF |
                                1u << X86_EXCP_AC;
    return vector < 32 && (with_error >> vector & 1);
}

/* Faults of the current instruction: both longjmp to cpu->fault. error is
 * pushed only by the vectors that have one. x86_raise_pf() sets CR2. */
G_NORETURN void x86_raise(X86CPU *cpu, unsigned vector, uint32_t error);
G_NORETURN void x86_raise_pf(X86CPU *cpu, uint64_t lin, uint32_t error);

/* A vector for the exec loop alone: the current instruction begins again when something ends
 * the CPU's halt, and no event is delivered. */
enum { X86_EXCP_FREEZE = 0x100 };

/*
 * An unmasked x87 exception that the next waiting instruction finds: #MF, or with CR0.NE = 0 what
 * a PC makes of it outside the CPU (SDM vol. 1, 8.7.2): FERR# is asserted and the CPU freezes
 * before the instruction until an interrupt comes. Returns if IGNNE# lets the instruction run.
 */
void x86_fpu_error(X86CPU *cpu);
/* Negates FERR#: ES is clear. */
void x86_fpu_error_gone(X86CPU *cpu);

/* Where an event comes from: it decides the EXT bit, DPL check and pushed RIP. */
typedef enum X86EventKind {
    X86_EVENT_FAULT,     /* exception; RIP pushed is the faulting instruction */
    X86_EVENT_TRAP,      /* #DB after an instruction */
    X86_EVENT_SOFT_INT,  /* INT n, INT3, INTO: gate DPL checked, next RIP pushed */
    X86_EVENT_ICEBP,     /* INT1: like an exception, next RIP pushed */
    X86_EVENT_EXTERNAL,  /* INTR, NMI */
} X86EventKind;

/*
 * Delivers one event through the IVT, IDT or TSS. s->rip is what the frame
 * saves: for a FAULT the caller has rewound it. A fault during delivery becomes
 * the contributory, double or triple fault of SDM vol. 3, 6.15; a triple fault
 * sets s->triple_fault and returns. Only SOFT_INT may raise: it is called by
 * the handler of the INT instruction, and a bad gate is that instruction's fault.
 */
void x86_deliver_event(X86CPU *cpu, X86EventKind kind, unsigned vector,
                       bool has_error, uint32_t error);

/* Interpreter handlers that change segments or privilege (seg.c, task.c). */
void x86_load_seg(X86CPU *cpu, unsigned seg, uint16_t selector);
void x86_far_jmp(X86CPU *cpu, uint16_t selector, uint64_t offset, unsigned op_size);
void x86_far_call(X86CPU *cpu, uint16_t selector, uint64_t offset, unsigned op_size);
void x86_far_ret(X86CPU *cpu, unsigned op_size, uint16_t pop_bytes);
void x86_iret(X86CPU *cpu, unsigned op_size);

#endif
