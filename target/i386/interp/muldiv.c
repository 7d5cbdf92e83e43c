/*
 * MUL, IMUL, MULX, DIV, IDIV.
 *
 * The host multiplies and divides, starting from the guest's flags: what the
 * manual leaves undefined is what a real CPU does. #DE is found beforehand.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/flags.h"
#include "target/i386/interp/interp.h"

/* The host's registers before and after a one-operand MUL or DIV. */
typedef struct Wide {
    uint64_t lo, hi; /* AX (byte forms); rAX, rDX */
    uint16_t flags;  /* x86_flags_for_host() */
} Wide;

#define WIDE_ASM(insn, suffix, T)                                              \
    __asm__(X86_SET_HOST_FLAGS                                                 \
            "movq %[lo], %%rax\n\t" insn suffix " %[src]\n\t"                  \
            "movq %%rax, %[lo]" X86_GET_HOST_FLAGS                             \
            : [lo] "+r"(w->lo), "+&d"(w->hi), "+&a"(w->flags)                  \
            : [src] "r"((T)src)                                                \
            : "cc")

#define WIDE_FN(name)                                                          \
    static void host_##name(Wide *w, uint64_t src, unsigned size)              \
    {                                                                          \
        X86_BY_SIZE(size, WIDE_##name);                                        \
    }
#define WIDE_mul(suffix, T) WIDE_ASM("mul", suffix, T)
#define WIDE_imul(suffix, T) WIDE_ASM("imul", suffix, T)
#define WIDE_div(suffix, T) WIDE_ASM("div", suffix, T)
#define WIDE_idiv(suffix, T) WIDE_ASM("idiv", suffix, T)
WIDE_FN(mul)
WIDE_FN(imul)
WIDE_FN(div)
WIDE_FN(idiv)

typedef void WideFn(Wide *w, uint64_t src, unsigned size);

/* Runs a one-operand instruction on rDX:rAX (AX for bytes) and commits. */
static void run_wide(X86State *s, WideFn *fn, uint64_t src, unsigned size)
{
    Wide w = { s->regs[X86_RAX], s->regs[X86_RDX], x86_flags_for_host(x86_arith_flags(s)) };

    fn(&w, src, size);
    x86_gpr_write(s, X86_RAX, size == 1 ? 2 : size, w.lo);
    if (size > 1) {
        x86_gpr_write(s, X86_RDX, size, w.hi);
    }
    x86_set_arith_flags(s, x86_host_flags(w.flags));
}

static void op_mul(X86CPU *cpu, const X86Insn *insn)
{
    run_wide(&cpu->state, host_mul, x86_op_read(cpu, insn, 0), insn->op[0].size);
}

#define IMUL2(suffix, T)                                                       \
    do {                                                                       \
        T val = a;                                                             \
        __asm__(X86_SET_HOST_FLAGS "imul" suffix " %[b], %[val]"               \
                X86_GET_HOST_FLAGS                                             \
                : [val] "+&r"(val), "+&a"(ax)                                  \
                : [b] "r"((T)b)                                                \
                : "cc");                                                       \
        a = val;                                                               \
    } while (0)

/* IMUL r, r/m and IMUL r, r/m, imm: truncated product. */
static void imul_truncated(X86CPU *cpu, const X86Insn *insn, uint64_t a, uint64_t b)
{
    X86State *s = &cpu->state;
    unsigned size = insn->op[0].size;
    uint16_t ax = x86_flags_for_host(x86_arith_flags(s));

    if (size == 2) {
        IMUL2("w", uint16_t);
    } else if (size == 4) {
        IMUL2("l", uint32_t);
    } else {
        IMUL2("q", uint64_t);
    }
    x86_op_write(cpu, insn, 0, a);
    x86_set_arith_flags(s, x86_host_flags(ax));
}

static void op_imul(X86CPU *cpu, const X86Insn *insn)
{
    if (insn->op[1].kind == X86_OP_NONE) {
        run_wide(&cpu->state, host_imul, x86_op_read(cpu, insn, 0), insn->op[0].size);
    } else if (insn->op[2].kind == X86_OP_NONE) {
        imul_truncated(cpu, insn, x86_op_read(cpu, insn, 0), x86_op_read(cpu, insn, 1));
    } else {
        imul_truncated(cpu, insn, x86_op_read(cpu, insn, 1), insn->imm);
    }
}

/* MULX: rDX times the source; the high half is written last. */
static void op_mulx(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    unsigned size = insn->op[0].size;
    unsigned __int128 a = x86_gpr_read(s, X86_RDX, size);
    unsigned __int128 prod = a * x86_op_read(cpu, insn, 2);

    x86_op_write(cpu, insn, 1, (uint64_t)prod);
    x86_op_write(cpu, insn, 0, (uint64_t)(prod >> size * 8));
}

/* The dividend of a DIV of this size. */
static unsigned __int128 dividend(const X86State *s, unsigned size)
{
    if (size == 1) {
        return (uint16_t)s->regs[X86_RAX];
    }
    return (unsigned __int128)x86_gpr_read(s, X86_RDX, size) << size * 8 |
           x86_gpr_read(s, X86_RAX, size);
}

static void op_div(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    unsigned size = insn->op[0].size;
    uint64_t src = x86_op_read(cpu, insn, 0);

    /* The quotient fits if the dividend's high half is below the divisor. */
    if (dividend(s, size) >> size * 8 >= src) {
        x86_raise(cpu, X86_EXCP_DE, 0);
    }
    run_wide(s, host_div, src, size);
}

static bool idiv_fits(const X86State *s, int64_t src, unsigned size)
{
    unsigned unused = 128 - size * 16;
    __int128 num = (__int128)(dividend(s, size) << unused) >> unused;

    if (src == 0 || (src == -1 && num == (__int128)1 << 127)) {
        return false;
    }
    __int128 quot = num / src;
    return quot == x86_sext(quot, size);
}

static void op_idiv(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    unsigned size = insn->op[0].size;
    int64_t src = x86_sext(x86_op_read(cpu, insn, 0), size);

    if (!idiv_fits(s, src, size)) {
        x86_raise(cpu, X86_EXCP_DE, 0);
    }
    run_wide(s, host_idiv, src, size);
}

const X86Handler x86_handlers_muldiv[] = {
    { X86_MN_MUL, op_mul }, { X86_MN_IMUL, op_imul }, { X86_MN_MULX, op_mulx },
    { X86_MN_DIV, op_div }, { X86_MN_IDIV, op_idiv }, { 0, NULL },
};
