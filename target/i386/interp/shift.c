/*
 * ROL, ROR, RCL, RCR, SHL, SHR, SAR, SHLD, SHRD and the BMI2 shifts.
 *
 * The host executes the very instruction, so the flags that the manual leaves
 * undefined are those of a real CPU. A count of zero (after masking) changes
 * nothing; rotates change CF and OF only.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/alu.h"
#include "target/i386/interp/interp.h"
#include "target/i386/interp/rmw.h"

/* One host shift by CL with CF set beforehand; AX gets the flags. */
#define HOST_SHIFT(name, suffix, T)                                    \
    do {                                                               \
        T val = a;                                                     \
        __asm__("btl $0, %k[cf]\n\t" name suffix " %%cl, %[val]\n\t"   \
                X86_GET_HOST_FLAGS                                     \
                : [val] "+r"(val), "=&a"(ax)                           \
                : [cf] "r"(cf), "c"(count)                             \
                : "cc");                                               \
        a = val;                                                       \
    } while (0)

#define SHIFT_FN(name)                                                                     \
    static uint64_t host_##name(uint64_t a, uint32_t count, unsigned size, unsigned cf,    \
                                uint16_t *flags)                                           \
    {                                                                                      \
        uint16_t ax;                                                                       \
        X86_BY_SIZE(size, SHIFT_##name);                                                   \
        *flags = ax;                                                                       \
        return a;                                                                          \
    }
#define SHIFT_rol(suffix, T) HOST_SHIFT("rol", suffix, T)
#define SHIFT_ror(suffix, T) HOST_SHIFT("ror", suffix, T)
#define SHIFT_rcl(suffix, T) HOST_SHIFT("rcl", suffix, T)
#define SHIFT_rcr(suffix, T) HOST_SHIFT("rcr", suffix, T)
#define SHIFT_shl(suffix, T) HOST_SHIFT("shl", suffix, T)
#define SHIFT_shr(suffix, T) HOST_SHIFT("shr", suffix, T)
#define SHIFT_sar(suffix, T) HOST_SHIFT("sar", suffix, T)
SHIFT_FN(rol)
SHIFT_FN(ror)
SHIFT_FN(rcl)
SHIFT_FN(rcr)
SHIFT_FN(shl)
SHIFT_FN(shr)
SHIFT_FN(sar)

typedef uint64_t HostShiftFn(uint64_t a, uint32_t count, unsigned size, unsigned cf,
                             uint16_t *flags);

static HostShiftFn *const host_shifts[] = {
    [X86_ROL] = host_rol, [X86_ROR] = host_ror, [X86_RCL] = host_rcl, [X86_RCR] = host_rcr,
    [X86_SHL] = host_shl, [X86_SHR] = host_shr, [X86_SAL] = host_shl, [X86_SAR] = host_sar,
};

uint64_t x86_shift(X86State *s, X86ShiftOp op, uint64_t a, unsigned count, unsigned size)
{
    uint32_t rotate_flags = X86_EFLAGS_CF | X86_EFLAGS_OF;
    uint16_t ax;

    count &= size == 8 ? 63 : 31;
    if (count == 0) {
        return a;
    }
    a = host_shifts[op](a, count, size, x86_cf(s), &ax);
    if (op <= X86_RCR) {
        x86_change_arith_flags(s, rotate_flags, x86_host_flags(ax));
    } else {
        x86_set_arith_flags(s, x86_host_flags(ax));
    }
    return a;
}

#define SHIFT_OP(name, shift)                                                          \
    static uint64_t rmw_##name(X86State *s, uint64_t a, uint64_t b, unsigned size)     \
    {                                                                                  \
        return x86_shift(s, shift, a, b, size);                                        \
    }                                                                                  \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                            \
    {                                                                                  \
        x86_rmw(cpu, insn, rmw_##name, x86_op_read(cpu, insn, 1));                     \
    }
SHIFT_OP(rol, X86_ROL)
SHIFT_OP(ror, X86_ROR)
SHIFT_OP(rcl, X86_RCL)
SHIFT_OP(rcr, X86_RCR)
SHIFT_OP(shl, X86_SHL)
SHIFT_OP(shr, X86_SHR)
SHIFT_OP(sar, X86_SAR)

/* SHLD and SHRD: size 2, 4 or 8; counts above the size are undefined in 16 bits
 * and do what the host does. */
#define HOST_DOUBLE(name, suffix, T)                                                   \
    do {                                                                               \
        T val = a;                                                                     \
        __asm__(name suffix " %%cl, %[src], %[val]\n\t" X86_GET_HOST_FLAGS             \
                : [val] "+r"(val), "=&a"(ax)                                           \
                : [src] "r"((T)src), "c"(count)                                        \
                : "cc");                                                               \
        a = val;                                                                       \
    } while (0)
#define DOUBLE_SHIFT(name)                                                             \
    static uint64_t host_##name(uint64_t a, uint64_t src, uint32_t count,              \
                                unsigned size, uint16_t *flags)                        \
    {                                                                                  \
        uint16_t ax;                                                                   \
        if (size == 2) {                                                               \
            HOST_DOUBLE(#name, "w", uint16_t);                                         \
        } else if (size == 4) {                                                        \
            HOST_DOUBLE(#name, "l", uint32_t);                                         \
        } else {                                                                       \
            HOST_DOUBLE(#name, "q", uint64_t);                                         \
        }                                                                              \
        *flags = ax;                                                                   \
        return a;                                                                      \
    }
DOUBLE_SHIFT(shld)
DOUBLE_SHIFT(shrd)

typedef uint64_t HostDoubleFn(uint64_t a, uint64_t src, uint32_t count, unsigned size,
                              uint16_t *flags);

static void double_shift(X86CPU *cpu, const X86Insn *insn, HostDoubleFn *fn)
{
    unsigned size = insn->op[0].size;
    unsigned count = x86_op_read(cpu, insn, 2) & (size == 8 ? 63 : 31);
    uint64_t src = x86_op_read(cpu, insn, 1);
    uint16_t ax;

    if (!x86_op_is_mem(insn, 0)) {
        uint64_t val = x86_op_read(cpu, insn, 0);

        if (count) {
            val = fn(val, src, count, size, &ax);
            x86_set_arith_flags(&cpu->state, x86_host_flags(ax));
        }
        x86_op_write(cpu, insn, 0, val);
        return;
    }
    uint64_t lin = x86_op_lin(cpu, insn, 0, size, X86_ACCESS_WRITE);
    x86_lin_probe(cpu, lin, size, X86_ACCESS_WRITE);
    uint64_t val = x86_lin_read_n(cpu, lin, size);
    if (count) {
        val = fn(val, src, count, size, &ax);
        x86_lin_write_n(cpu, lin, val, size);
        x86_set_arith_flags(&cpu->state, x86_host_flags(ax));
    }
}

static void op_shld(X86CPU *cpu, const X86Insn *insn)
{
    double_shift(cpu, insn, host_shld);
}

static void op_shrd(X86CPU *cpu, const X86Insn *insn)
{
    double_shift(cpu, insn, host_shrd);
}

/* BMI2: no flags, three operands. */
static void op_rorx(X86CPU *cpu, const X86Insn *insn)
{
    unsigned bits = insn->op[0].size * 8;
    unsigned count = x86_op_read(cpu, insn, 2) & (bits - 1);
    uint64_t a = x86_op_read(cpu, insn, 1);

    x86_op_write(cpu, insn, 0, count ? a >> count | a << (bits - count) : a);
}

static void op_shlx(X86CPU *cpu, const X86Insn *insn)
{
    unsigned count = x86_op_read(cpu, insn, 2) & (insn->op[0].size * 8 - 1);

    x86_op_write(cpu, insn, 0, x86_op_read(cpu, insn, 1) << count);
}

static void op_shrx(X86CPU *cpu, const X86Insn *insn)
{
    unsigned count = x86_op_read(cpu, insn, 2) & (insn->op[0].size * 8 - 1);

    x86_op_write(cpu, insn, 0, x86_op_read(cpu, insn, 1) >> count);
}

static void op_sarx(X86CPU *cpu, const X86Insn *insn)
{
    unsigned size = insn->op[0].size;
    unsigned count = x86_op_read(cpu, insn, 2) & (size * 8 - 1);

    x86_op_write(cpu, insn, 0, x86_sext(x86_op_read(cpu, insn, 1), size) >> count);
}

const X86Handler x86_handlers_shift[] = {
    { X86_MN_ROL, op_rol },   { X86_MN_ROR, op_ror },   { X86_MN_RCL, op_rcl },
    { X86_MN_RCR, op_rcr },   { X86_MN_SHL, op_shl },   { X86_MN_SHR, op_shr },
    { X86_MN_SAR, op_sar },   { X86_MN_SHLD, op_shld }, { X86_MN_SHRD, op_shrd },
    { X86_MN_RORX, op_rorx }, { X86_MN_SHLX, op_shlx }, { X86_MN_SHRX, op_shrx },
    { X86_MN_SARX, op_sarx }, { 0, NULL },
};
