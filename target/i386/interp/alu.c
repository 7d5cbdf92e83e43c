/*
 * ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, INC, DEC, NEG, NOT, XADD, XCHG,
 * CMPXCHG, CMPXCHG8B/16B, ADCX, ADOX: the plain forms, with LOCK.
 *
 * A locked read-modify-write of RAM is a compare-and-swap loop on the host's
 * memory, so that it is atomic against other vCPUs and devices. Anything else
 * (MMIO, an operand across two pages) is read and written in turn.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/alu.h"
#include "target/i386/interp/interp.h"
#include "target/i386/interp/rmw.h"

#define ALU_OP(name, alu)                                                              \
    static uint64_t rmw_##name(X86State *s, uint64_t a, uint64_t b, unsigned size)     \
    {                                                                                  \
        return x86_alu(s, alu, a, b, size);                                            \
    }                                                                                  \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                            \
    {                                                                                  \
        x86_rmw(cpu, insn, rmw_##name, x86_op_read(cpu, insn, 1));                     \
    }
ALU_OP(add, X86_ALU_ADD)
ALU_OP(or, X86_ALU_OR)
ALU_OP(adc, X86_ALU_ADC)
ALU_OP(sbb, X86_ALU_SBB)
ALU_OP(and, X86_ALU_AND)
ALU_OP(sub, X86_ALU_SUB)
ALU_OP(xor, X86_ALU_XOR)

static void op_cmp(X86CPU *cpu, const X86Insn *insn)
{
    uint64_t a = x86_op_read(cpu, insn, 0);

    x86_alu(&cpu->state, X86_ALU_CMP, a, x86_op_read(cpu, insn, 1), insn->op[0].size);
}

static void op_test(X86CPU *cpu, const X86Insn *insn)
{
    uint64_t a = x86_op_read(cpu, insn, 0);

    x86_alu(&cpu->state, X86_ALU_AND, a, x86_op_read(cpu, insn, 1), insn->op[0].size);
}

static uint64_t rmw_inc(X86State *s, uint64_t a, uint64_t b, unsigned size)
{
    return x86_incdec(s, a, 1, size);
}

static uint64_t rmw_dec(X86State *s, uint64_t a, uint64_t b, unsigned size)
{
    return x86_incdec(s, a, -1, size);
}

static uint64_t rmw_neg(X86State *s, uint64_t a, uint64_t b, unsigned size)
{
    return x86_neg(s, a, size);
}

static uint64_t rmw_not(X86State *s, uint64_t a, uint64_t b, unsigned size)
{
    return ~a;
}

static void op_inc(X86CPU *cpu, const X86Insn *insn)
{
    x86_rmw(cpu, insn, rmw_inc, 0);
}

static void op_dec(X86CPU *cpu, const X86Insn *insn)
{
    x86_rmw(cpu, insn, rmw_dec, 0);
}

static void op_neg(X86CPU *cpu, const X86Insn *insn)
{
    x86_rmw(cpu, insn, rmw_neg, 0);
}

static void op_not(X86CPU *cpu, const X86Insn *insn)
{
    x86_rmw(cpu, insn, rmw_not, 0);
}

static uint64_t rmw_store(X86State *s, uint64_t a, uint64_t b, unsigned size)
{
    return b;
}

/* XCHG with memory is locked even without the prefix. */
static void op_xchg(X86CPU *cpu, const X86Insn *insn)
{
    unsigned mem = x86_op_is_mem(insn, 1) ? 1 : 0;
    uint64_t reg = x86_op_read(cpu, insn, !mem);
    uint64_t old = x86_rmw_op(cpu, insn, mem, rmw_store, reg, true);

    x86_op_write(cpu, insn, !mem, old);
}

/* XADD AL, AL must end with the sum: the destination is written last. */
static void op_xadd(X86CPU *cpu, const X86Insn *insn)
{
    uint64_t src = x86_op_read(cpu, insn, 1);

    if (x86_op_is_mem(insn, 0)) {
        uint64_t old = x86_rmw_op(cpu, insn, 0, rmw_add, src, insn->prefixes & X86_PFX_LOCK);

        x86_op_write(cpu, insn, 1, old);
        return;
    }
    uint64_t dst = x86_op_read(cpu, insn, 0);
    uint64_t sum = rmw_add(&cpu->state, dst, src, insn->op[0].size);

    x86_op_write(cpu, insn, 1, dst);
    x86_op_write(cpu, insn, 0, sum);
}

/* What CMPXCHG writes: the source if the accumulator matched, else what was
 * there (the write happens either way, SDM vol. 2). */
static uint64_t rmw_cmpxchg(X86State *s, uint64_t a, uint64_t b, unsigned size)
{
    return x86_zext(a ^ s->regs[X86_RAX], size) == 0 ? b : a;
}

static void op_cmpxchg(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    unsigned size = insn->op[0].size;
    uint64_t src = x86_op_read(cpu, insn, 1);
    uint64_t acc = s->regs[X86_RAX], old;

    if (x86_op_is_mem(insn, 0)) {
        old = x86_rmw_op(cpu, insn, 0, rmw_cmpxchg, src, insn->prefixes & X86_PFX_LOCK);
    } else {
        old = x86_op_read(cpu, insn, 0);
        /* On a mismatch a 32-bit register destination is not even zero-extended. */
        if (x86_zext(old ^ acc, size) == 0) {
            x86_op_write(cpu, insn, 0, src);
        }
    }
    x86_alu(s, X86_ALU_CMP, acc, old, size);
    if (x86_zext(old ^ acc, size) != 0) {
        x86_gpr_write(s, X86_RAX, size, old);
    }
}

static void change_zf(X86State *s, bool zf)
{
    x86_change_arith_flags(s, X86_EFLAGS_ZF, zf ? X86_EFLAGS_ZF : 0);
}

static void op_cmpxchg8b(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint64_t lin = x86_op_lin(cpu, insn, 0, 8, X86_ACCESS_WRITE);
    uint64_t expect = (uint32_t)s->regs[X86_RAX] | s->regs[X86_RDX] << 32;
    uint64_t desired = (uint32_t)s->regs[X86_RBX] | s->regs[X86_RCX] << 32;
    uint64_t *host = x86_lin_rmw_ptr(cpu, lin, 8);
    uint64_t old = expect;

    if (host) {
        __atomic_compare_exchange_n(host, &old, desired, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        x86_lin_rmw_done(cpu, 8);
    } else {
        old = x86_lin_read64(cpu, lin);
        x86_lin_write64(cpu, lin, old == expect ? desired : old);
    }
    change_zf(s, old == expect);
    if (old != expect) {
        s->regs[X86_RAX] = (uint32_t)old;
        s->regs[X86_RDX] = old >> 32;
    }
}

/* The host's CMPXCHG16B: true if *host was (rdx:rax) and now is (hi:lo). */
static bool host_cmpxchg16b(void *host, uint64_t *rax, uint64_t *rdx, uint64_t lo, uint64_t hi)
{
    bool equal;

    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(equal), "+m"(*(unsigned __int128 *)host), "+a"(*rax), "+d"(*rdx)
                     : "b"(lo), "c"(hi)
                     : "memory");
    return equal;
}

static void op_cmpxchg16b(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint64_t lin = x86_op_lin(cpu, insn, 0, 16, X86_ACCESS_WRITE);
    uint64_t old[2] = { s->regs[X86_RAX], s->regs[X86_RDX] };
    bool equal;

    if (lin & 15) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    void *host = x86_lin_rmw_ptr(cpu, lin, 16);
    if (host) {
        equal = host_cmpxchg16b(host, &old[0], &old[1], s->regs[X86_RBX], s->regs[X86_RCX]);
        x86_lin_rmw_done(cpu, 16);
    } else {
        x86_lin_read(cpu, lin, old, 16);
        equal = old[0] == s->regs[X86_RAX] && old[1] == s->regs[X86_RDX];
        uint64_t val[2] = { equal ? s->regs[X86_RBX] : old[0], equal ? s->regs[X86_RCX] : old[1] };
        x86_lin_write(cpu, lin, val, 16);
    }
    change_zf(s, equal);
    if (!equal) {
        s->regs[X86_RAX] = old[0];
        s->regs[X86_RDX] = old[1];
    }
}

/* ADCX and ADOX: an addition through CF or OF alone. */
static void add_through(X86CPU *cpu, const X86Insn *insn, uint32_t flag)
{
    X86State *s = &cpu->state;
    unsigned size = insn->op[0].size;
    uint64_t a = x86_op_read(cpu, insn, 0), b = x86_op_read(cpu, insn, 1);
    unsigned __int128 sum = (unsigned __int128)a + b + !!(x86_arith_flags(s) & flag);

    x86_op_write(cpu, insn, 0, (uint64_t)sum);
    x86_change_arith_flags(s, flag, sum >> size * 8 ? flag : 0);
}

static void op_adcx(X86CPU *cpu, const X86Insn *insn)
{
    add_through(cpu, insn, X86_EFLAGS_CF);
}

static void op_adox(X86CPU *cpu, const X86Insn *insn)
{
    add_through(cpu, insn, X86_EFLAGS_OF);
}

const X86Handler x86_handlers_alu[] = {
    { X86_MN_ADD, op_add },
    { X86_MN_OR, op_or },
    { X86_MN_ADC, op_adc },
    { X86_MN_SBB, op_sbb },
    { X86_MN_AND, op_and },
    { X86_MN_SUB, op_sub },
    { X86_MN_XOR, op_xor },
    { X86_MN_CMP, op_cmp },
    { X86_MN_TEST, op_test },
    { X86_MN_INC, op_inc },
    { X86_MN_DEC, op_dec },
    { X86_MN_NEG, op_neg },
    { X86_MN_NOT, op_not },
    { X86_MN_XCHG, op_xchg },
    { X86_MN_XADD, op_xadd },
    { X86_MN_CMPXCHG, op_cmpxchg },
    { X86_MN_CMPXCHG8B, op_cmpxchg8b },
    { X86_MN_CMPXCHG16B, op_cmpxchg16b },
    { X86_MN_ADCX, op_adcx },
    { X86_MN_ADOX, op_adox },
    { 0, NULL },
};
