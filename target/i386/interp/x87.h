/*
 * x87 handlers: the register stack and how the host's x87 executes the guest's
 * instructions (SDM vol. 1, chapter 8).
 *
 * The host's x87 stack is empty between handlers, its flags are clear, TOP is 0
 * and its control word is the one a process starts with. A handler copies the
 * operands into an X87Work, and one asm block of a host function loads the
 * guest's control word (unmasked exceptions included) and the operands, executes
 * the instruction, saves the status word with a non-waiting FNSTSW, clears the
 * flags, restores the control word and only then stores results: a pending
 * exception is seen in the status word and never taken by the host. Registers
 * the guest has empty are freed on the host too, and x87_run() fills the host's
 * stack when the guest's would overflow, so that stack faults, too, are the
 * host's own.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_X87_H
#define TARGET_I386_INTERP_X87_H

#include "target/i386/interp/interp.h"
#include "target/i386/interp/operand.h"

/* Status word (SDM vol. 1, 8.1.3); exceptions stand at the same bits of the control word. */
#define X87_IE X86_BIT(0)
#define X87_DE X86_BIT(1)
#define X87_ZE X86_BIT(2)
#define X87_OE X86_BIT(3)
#define X87_UE X86_BIT(4)
#define X87_PE X86_BIT(5)
#define X87_EXCEPTIONS 0x3fu
#define X87_SF X86_BIT(6)
#define X87_ES X86_BIT(7)
#define X87_C0 X86_BIT(8)
#define X87_C1 X86_BIT(9)
#define X87_C2 X86_BIT(10)
#define X87_TOP_SHIFT 11
#define X87_TOP (7u << X87_TOP_SHIFT)
#define X87_C3 X86_BIT(14)
#define X87_B X86_BIT(15)
#define X87_CONDITIONS (X87_C0 | X87_C1 | X87_C2 | X87_C3)

#define X87_CW_INIT 0x037f
#define X87_CW_WRITABLE 0x1f3fu
#define X87_CW_FIXED 0x0040u

/* Operands and results of a host function; x87_asm.h knows the offsets. */
typedef struct X87Work {
    X86Float80 a;      /* becomes ST(0) */
    X86Float80 b;      /* becomes ST(1) */
    X86Float80 r0, r1; /* ST(0) and ST(1) afterwards */
    uint8_t mem[16];   /* memory operand */
    uint16_t cw;       /* guest's control word */
    uint16_t sw;       /* status word afterwards */
    uint16_t host_cw;
    uint8_t empty;     /* X87_EMPTY_A, X87_EMPTY_B */
} X87Work;

enum { X87_EMPTY_A = 1, X87_EMPTY_B = 2 };

typedef void X87Fn(X87Work *w);

/* An unmasked exception of an earlier instruction. */
static inline void x87_check_pending(X86CPU *cpu)
{
    if (G_UNLIKELY(cpu->state.fpu.fsw & X87_ES)) {
        x86_fpu_error(cpu);
    }
}
/* The instruction pointer and opcode of insn, which lies at rip. */
void x87_save_fip(X86CPU *cpu, const X86Insn *insn, uint64_t rip);
/* The same for the instruction just before s->rip and, with a memory operand, the data pointer. */
void x87_save_pointers(X86CPU *cpu, const X86Insn *insn);
/* ES and B as flags and masks make them; after either has changed. */
void x87_update_es(X86State *s);
/* The tag word with two bits for each register, and back to the form of X86Fpu.ftw. */
uint16_t x87_full_tags(const X86Fpu *fpu);
uint8_t x87_abridged_tags(uint16_t tags);
/* FNINIT. */
void x87_init(X86State *s);

/* Prepares w for the guest's control word, without operands. */
void x87_work_init(const X86State *s, X87Work *w);
/* ST(i) as operand a or b. */
void x87_load_a(const X86State *s, X87Work *w, unsigned i);
void x87_load_b(const X86State *s, X87Work *w, unsigned i);
/*
 * Runs fn. fill is the number of registers to occupy beforehand: 0, or for an
 * instruction that would overflow the guest's stack 8 less its operands.
 */
void x87_run(X87Fn *fn, X87Work *w, unsigned fill);
/* How many registers fn left pushed (negative: popped), of the operands it was given. */
int x87_pushed(const X87Work *w, unsigned fill, unsigned operands);
/* An unmasked exception that suppresses the result (invalid, denormal, zero divide). */
static inline bool x87_suppressed(const X87Work *w)
{
    return w->sw & ~w->cw & (X87_IE | X87_DE | X87_ZE);
}
/* C1 for instructions that define it only after a stack fault. */
static inline unsigned x87_fault_c1(const X87Work *w)
{
    return w->sw & X87_SF ? X87_C1 : 0;
}
/*
 * Accumulates the exceptions of w, takes the condition bits named by conditions
 * from it, and saves the pointers.
 */
void x87_commit(X86CPU *cpu, const X86Insn *insn, const X87Work *w, unsigned conditions);

static inline unsigned x87_top(const X86State *s)
{
    return (s->fpu.fsw & X87_TOP) >> X87_TOP_SHIFT;
}

static inline void x87_set_top(X86State *s, unsigned top)
{
    s->fpu.fsw = (s->fpu.fsw & ~X87_TOP) | (top & 7) << X87_TOP_SHIFT;
}

/* Physical register of ST(i). */
static inline unsigned x87_phys(const X86State *s, unsigned i)
{
    return (x87_top(s) + i) & 7;
}

static inline bool x87_is_empty(const X86State *s, unsigned i)
{
    return !(s->fpu.ftw >> x87_phys(s, i) & 1);
}

static inline void x87_set_empty(X86State *s, unsigned i)
{
    s->fpu.ftw &= ~(1u << x87_phys(s, i));
}

static inline void x87_write_st(X86State *s, unsigned i, const X86Float80 *val)
{
    unsigned reg = x87_phys(s, i);

    s->fpu.st[reg].mant = val->mant;
    s->fpu.st[reg].sign_exp = val->sign_exp;
    s->fpu.ftw |= 1u << reg;
}

static inline void x87_pop(X86State *s)
{
    x87_set_empty(s, 0);
    x87_set_top(s, x87_top(s) + 1);
}

static inline void x87_push(X86State *s, const X86Float80 *val)
{
    x87_set_top(s, x87_top(s) - 1);
    x87_write_st(s, 0, val);
}

/* Every MMX instruction but EMMS (SDM vol. 3, table 12-1). */
static inline void x86_mmx_enter(X86State *s)
{
    s->fpu.fsw &= ~X87_TOP;
    s->fpu.ftw = 0xff;
}

static inline void x86_mmx_write(X86State *s, unsigned reg, uint64_t val)
{
    s->fpu.st[reg].mant = val;
    s->fpu.st[reg].sign_exp = 0xffff;
}

#endif
