/*
 * Vector instructions: operands, write-back and SIMD floating-point exceptions
 * (SDM vol. 1, 11.5 and appendix E.4).
 *
 * The interpreter's own code runs with the MXCSR a process starts with. A
 * floating-point handler loads the guest's MXCSR with all flags clear around the
 * one host instruction and looks at the flags afterwards. A guest that has
 * unmasked an exception gets just that from the host, too: the instruction may
 * raise SIGFPE, and the signal handler hands its flags to the one that waits.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>
#include "target/i386/interp/vec.h"
#include "target/i386/interp/x87.h"

void x86_vec_load_operand(X86CPU *cpu, const X86Insn *insn, unsigned i, X86Vector *out)
{
    const X86State *s = &cpu->state;
    const X86Operand *op = &insn->op[i];

    switch (op->kind) {
    case X86_OP_XMM:
        memcpy(out, &s->xmm[op->reg], 32);
        return;
    case X86_OP_MMX:
        out->u64[0] = s->fpu.st[op->reg].mant;
        return;
    case X86_OP_MEM:
        memset(out, 0, 32);
        x86_mem_read(cpu, insn, out, op->size);
        return;
    case X86_OP_IMM:
        memset(out, 0, 32);
        out->u64[0] = insn->imm & 0xff;
        return;
    default:
        memset(out, 0, 32);
        out->u64[0] = x86_op_read(cpu, insn, i);
    }
}

void x86_vec_load(X86CPU *cpu, const X86Insn *insn, X86VecShape shape, X86Vector *v)
{
    unsigned first = shape == X86_VEC_FMA ? 0 : x86_vec_first_source(insn);

    if (shape == X86_VEC_UNARY) {
        memset(&v[0], 0, 32);
        x86_vec_load_operand(cpu, insn, 1, &v[1]);
        return;
    }
    x86_vec_load_operand(cpu, insn, first, &v[0]);
    x86_vec_load_operand(cpu, insn, first + 1, &v[1]);
    if (shape == X86_VEC_BINARY) {
        return;
    }
    if (shape == X86_VEC_BLEND && !x86_insn_is_vex(insn)) {
        memcpy(&v[2], &cpu->state.xmm[0], 32);
    } else {
        x86_vec_load_operand(cpu, insn, first + 2, &v[2]);
    }
}

X86VecFn *x86_vec_fn(const X86Insn *insn, const X86VecOp *op)
{
    return x86_insn_uses_mmx(insn) ? op->mmx : insn->vex_l ? op->avx : op->sse;
}

void x86_vec_write_reg(X86State *s, const X86Insn *insn, unsigned reg, const X86Vector *result,
                       unsigned size)
{
    X86Vector *xmm = &s->xmm[reg];

    if (!x86_insn_is_vex(insn)) {
        memcpy(xmm, result, 16);
        return;
    }
    size = size == 32 ? 32 : 16;
    memcpy(xmm, result, size);
    memset(xmm->u8 + size, 0, sizeof(*xmm) - size);
}

void x86_vec_store(X86CPU *cpu, const X86Insn *insn, unsigned i, const X86Vector *result)
{
    const X86Operand *op = &insn->op[i];

    switch (op->kind) {
    case X86_OP_XMM:
        x86_vec_write_reg(&cpu->state, insn, op->reg, result, op->size);
        return;
    case X86_OP_MMX:
        x86_mmx_write(&cpu->state, op->reg, result->u64[0]);
        return;
    case X86_OP_MEM:
        x86_mem_write(cpu, insn, result, op->size);
        return;
    default:
        x86_gpr_write(&cpu->state, op->reg, op->size, result->u64[0]);
    }
}

void x86_vec_run(X86CPU *cpu, const X86Insn *insn, const X86VecOp *op)
{
    X86Vector v[X86_VEC_SOURCES];

    x86_vec_load(cpu, insn, op->shape, v);
    x86_vec_fn(insn, op)(v, insn->imm & 0xff);
    if (x86_insn_uses_mmx(insn)) {
        x86_mmx_enter(&cpu->state);
    }
    x86_vec_store(cpu, insn, 0, &v[0]);
}

/* The change to MMX use comes before a SIMD floating-point exception, a #PF too. */
void x86_vec_run_fp(X86CPU *cpu, const X86Insn *insn, const X86VecOp *op)
{
    X86Vector v[X86_VEC_SOURCES];

    x86_vec_load(cpu, insn, op->shape, v);
    if (x86_op_is_mem(insn, 0)) {
        x86_mem_probe_write(cpu, insn, insn->op[0].size);
    }
    if (x86_insn_uses_mmx(insn)) {
        x86_mmx_enter(&cpu->state);
    }
    x86_vec_call_fp(cpu, x86_vec_fn(insn, op), v, insn->imm & 0xff);
    x86_vec_store(cpu, insn, 0, &v[0]);
}

/* Runs fn with mxcsr and returns MXCSR as it leaves it. */
static uint32_t call_with_mxcsr(X86VecFn *fn, X86Vector *v, uintptr_t imm, uint32_t mxcsr)
{
    static const uint32_t host_mxcsr = X86_MXCSR_INIT;

    mxcsr &= ~X86_MXCSR_FLAGS;
    asm volatile("ldmxcsr %0" : : "m"(mxcsr) : "memory");
    fn(v, imm);
    asm volatile("stmxcsr %0\n\tldmxcsr %1" : "=m"(mxcsr) : "m"(host_mxcsr) : "memory");
    return mxcsr;
}

/* The host instruction of this thread that may raise SIGFPE. */
typedef struct SimdTrap {
    sigjmp_buf env;
    uint32_t mxcsr; /* with the exception's flags */
} SimdTrap;

static __thread SimdTrap *simd_trap;

static struct sigaction previous_action;

/* Linux starts a handler with the process's initial MXCSR and x87 state. */
static void sigfpe(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;

    if (simd_trap) {
        simd_trap->mxcsr = uc->uc_mcontext.fpregs->mxcsr;
        siglongjmp(simd_trap->env, 1);
    }
    if (previous_action.sa_flags & SA_SIGINFO) {
        previous_action.sa_sigaction(sig, info, context);
    } else {
        signal(SIGFPE, SIG_DFL); /* the instruction faults again */
    }
}

static void install_handler(void)
{
    static gsize done;
    struct sigaction action = {
        .sa_sigaction = sigfpe,
        .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK,
    };

    if (g_once_init_enter(&done)) {
        sigaction(SIGFPE, &action, &previous_action);
        g_once_init_leave(&done, 1);
    }
}

/* The same with exceptions unmasked; true if one was raised, and v is unchanged. */
static bool call_trapped(X86VecFn *fn, X86Vector *v, uintptr_t imm, uint32_t *mxcsr)
{
    SimdTrap trap;
    bool raised;

    install_handler();
    simd_trap = &trap;
    raised = sigsetjmp(trap.env, 0);
    if (!raised) {
        trap.mxcsr = call_with_mxcsr(fn, v, imm, *mxcsr);
    }
    simd_trap = NULL;
    *mxcsr = trap.mxcsr;
    return raised;
}

void x86_raise_simd_fp(X86CPU *cpu)
{
    x86_raise(cpu, cpu->state.cr4 & X86_CR4_OSXMMEXCPT ? X86_EXCP_XM : X86_EXCP_UD, 0);
}

void x86_vec_call_fp(X86CPU *cpu, X86VecFn *fn, X86Vector *v, uintptr_t imm)
{
    X86State *s = &cpu->state;
    uint32_t mxcsr = s->mxcsr;
    bool raised = false;

    if ((mxcsr & X86_MXCSR_MASKS) == X86_MXCSR_MASKS) {
        mxcsr = call_with_mxcsr(fn, v, imm, mxcsr);
    } else {
        raised = call_trapped(fn, v, imm, &mxcsr);
    }
    s->mxcsr |= mxcsr & X86_MXCSR_FLAGS;
    if (raised) {
        x86_raise_simd_fp(cpu);
    }
}
