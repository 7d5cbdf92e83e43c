/*
 * Bit instructions: BT, BTS, BTR, BTC, BSF, BSR, TZCNT, LZCNT, POPCNT, BSWAP,
 * BMI1, BMI2 (but the shifts), CRC32.
 *
 * Flags that the manual leaves undefined are the host's.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/flags.h"
#include "target/i386/interp/interp.h"
#include "target/i386/interp/rmw.h"

/* --- BT family ------------------------------------------------------------ */

static void set_cf(X86State *s, bool cf)
{
    x86_change_arith_flags(s, X86_EFLAGS_CF, cf ? X86_EFLAGS_CF : 0);
}

/* b is the bit number within the operand. CF is set by the caller. */
static uint64_t rmw_bts(X86State *s, uint64_t a, uint64_t b, unsigned size)
{
    return a | 1ull << b;
}

static uint64_t rmw_btr(X86State *s, uint64_t a, uint64_t b, unsigned size)
{
    return a & ~(1ull << b);
}

static uint64_t rmw_btc(X86State *s, uint64_t a, uint64_t b, unsigned size)
{
    return a ^ 1ull << b;
}

/*
 * A register bit offset with a memory operand reaches anywhere: it selects the
 * operand-sized word that many bits from the address, signed.
 */
static uint64_t bit_lin(X86CPU *cpu, const X86Insn *insn, uint64_t bit, X86Access access)
{
    unsigned size = insn->op[0].size;
    int64_t words = 0;

    if (insn->op[1].kind == X86_OP_GPR) {
        words = x86_sext(bit, size) >> (size == 8 ? 6 : size == 4 ? 5 : 4);
    }
    return x86_mem_lin(cpu, insn, words * (int64_t)size, size, access);
}

static void bit_test(X86CPU *cpu, const X86Insn *insn, X86RmwFn *fn)
{
    unsigned size = insn->op[0].size;
    uint64_t bit = x86_op_read(cpu, insn, 1), old;
    unsigned n = bit & (size * 8 - 1);

    if (!x86_op_is_mem(insn, 0)) {
        old = fn ? x86_rmw_op(cpu, insn, 0, fn, n, false) : x86_op_read(cpu, insn, 0);
    } else if (fn) {
        uint64_t lin = bit_lin(cpu, insn, bit, X86_ACCESS_WRITE);

        old = x86_rmw_lin(cpu, lin, size, fn, n, insn->prefixes & X86_PFX_LOCK);
    } else {
        old = x86_lin_read_n(cpu, bit_lin(cpu, insn, bit, X86_ACCESS_READ), size);
    }
    set_cf(&cpu->state, old >> n & 1);
}

static void op_bt(X86CPU *cpu, const X86Insn *insn)
{
    bit_test(cpu, insn, NULL);
}

static void op_bts(X86CPU *cpu, const X86Insn *insn)
{
    bit_test(cpu, insn, rmw_bts);
}

static void op_btr(X86CPU *cpu, const X86Insn *insn)
{
    bit_test(cpu, insn, rmw_btr);
}

static void op_btc(X86CPU *cpu, const X86Insn *insn)
{
    bit_test(cpu, insn, rmw_btc);
}

/* --- scans and counts: run on the host ------------------------------------ */

/* dst is both input and output: BSF and BSR of zero leave it alone. */
#define HOST_SCAN(insn, suffix, T)                                             \
    do {                                                                       \
        T val = dst;                                                           \
        __asm__(X86_SET_HOST_FLAGS insn suffix " %[src], %[val]"               \
                X86_GET_HOST_FLAGS                                             \
                : [val] "+&r"(val), "+&a"(*ax)                                 \
                : [src] "r"((T)src)                                            \
                : "cc");                                                       \
        return val;                                                            \
    } while (0)

/* 16-bit operands exist only for the older ones. */
#define SCAN_W(name) HOST_SCAN(#name, "w", uint16_t)
#define SCAN(name, sixteen)                                                            \
    static uint64_t host_##name(uint64_t dst, uint64_t src, unsigned size,             \
                                uint16_t *ax)                                          \
    {                                                                                  \
        if (size == 8) {                                                               \
            HOST_SCAN(#name, "q", uint64_t);                                           \
        } else if (size == 4) {                                                        \
            HOST_SCAN(#name, "l", uint32_t);                                           \
        }                                                                              \
        sixteen;                                                                       \
    }                                                                                  \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                            \
    {                                                                                  \
        scan(cpu, insn, host_##name);                                                  \
    }

typedef uint64_t HostScanFn(uint64_t dst, uint64_t src, unsigned size, uint16_t *ax);

static void scan(X86CPU *cpu, const X86Insn *insn, HostScanFn *fn)
{
    X86State *s = &cpu->state;
    unsigned size = insn->op[0].size;
    uint64_t src = x86_op_read(cpu, insn, 1);
    uint64_t dst = x86_gpr_read(s, insn->op[0].reg, size);
    uint16_t ax = x86_flags_for_host(x86_arith_flags(s));
    uint64_t res = fn(dst, src, size, &ax);

    /* BSF and BSR of zero do not even clear the upper half of a 32-bit register. */
    if (src || (insn->mnemonic != X86_MN_BSF && insn->mnemonic != X86_MN_BSR)) {
        x86_op_write(cpu, insn, 0, res);
    }
    x86_set_arith_flags(s, x86_host_flags(ax));
}

SCAN(bsf, SCAN_W(bsf))
SCAN(bsr, SCAN_W(bsr))
SCAN(tzcnt, SCAN_W(tzcnt))
SCAN(lzcnt, SCAN_W(lzcnt))
SCAN(popcnt, SCAN_W(popcnt))

/* Two-operand VEX forms: BLSI, BLSR, BLSMSK dst, src. */
SCAN(blsi, return dst)
SCAN(blsr, return dst)
SCAN(blsmsk, return dst)

/* Three-operand forms "insn src2, src1, dst" with flags. */
#define HOST_THREE(insn, suffix, T)                                            \
    do {                                                                       \
        T val;                                                                 \
        __asm__(X86_SET_HOST_FLAGS insn suffix " %[b], %[a], %[val]"           \
                X86_GET_HOST_FLAGS                                             \
                : [val] "=&r"(val), "+&a"(ax)                                  \
                : [a] "r"((T)a), [b] "r"((T)b)                                 \
                : "cc");                                                       \
        res = val;                                                             \
    } while (0)

#define THREE(name)                                                            \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                    \
    {                                                                          \
        X86State *s = &cpu->state;                                             \
        uint64_t a = x86_op_read(cpu, insn, 1), b = x86_op_read(cpu, insn, 2); \
        uint16_t ax = x86_flags_for_host(x86_arith_flags(s));                  \
        uint64_t res;                                                          \
                                                                               \
        if (insn->op[0].size == 8) {                                           \
            HOST_THREE(#name, "q", uint64_t);                                  \
        } else {                                                               \
            HOST_THREE(#name, "l", uint32_t);                                  \
        }                                                                      \
        x86_op_write(cpu, insn, 0, res);                                       \
        x86_set_arith_flags(s, x86_host_flags(ax));                            \
    }
THREE(andn)
THREE(bextr)
THREE(bzhi)

static void op_pdep(X86CPU *cpu, const X86Insn *insn)
{
    uint64_t src = x86_op_read(cpu, insn, 1), mask = x86_op_read(cpu, insn, 2), res = 0;

    for (; mask; mask &= mask - 1, src >>= 1) {
        if (src & 1) {
            res |= mask & -mask;
        }
    }
    x86_op_write(cpu, insn, 0, res);
}

static void op_pext(X86CPU *cpu, const X86Insn *insn)
{
    uint64_t src = x86_op_read(cpu, insn, 1), mask = x86_op_read(cpu, insn, 2), res = 0;

    for (uint64_t bit = 1; mask; mask &= mask - 1, bit <<= 1) {
        if (src & mask & -mask) {
            res |= bit;
        }
    }
    x86_op_write(cpu, insn, 0, res);
}

/* BSWAP of a 16-bit register is undefined; CPUs clear it. */
static void op_bswap(X86CPU *cpu, const X86Insn *insn)
{
    uint64_t val = x86_op_read(cpu, insn, 0);
    unsigned size = insn->op[0].size;

    val = size == 8 ? __builtin_bswap64(val) : size == 4 ? __builtin_bswap32(val) : 0;
    x86_op_write(cpu, insn, 0, val);
}

static void op_movbe(X86CPU *cpu, const X86Insn *insn)
{
    uint64_t val = x86_op_read(cpu, insn, 1);

    x86_op_write(cpu, insn, 0, __builtin_bswap64(val) >> (64 - insn->op[0].size * 8));
}

/* CRC-32C, one bit at a time from the least significant (SDM vol. 2, CRC32). */
static void op_crc32(X86CPU *cpu, const X86Insn *insn)
{
    uint32_t crc = x86_op_read(cpu, insn, 0);
    uint64_t src = x86_op_read(cpu, insn, 1);

    for (unsigned i = 0; i < insn->op[1].size; i++) {
        crc ^= src >> i * 8 & 0xff;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        }
    }
    x86_op_write(cpu, insn, 0, crc);
}

const X86Handler x86_handlers_bit[] = {
    { X86_MN_BT, op_bt },
    { X86_MN_BTS, op_bts },
    { X86_MN_BTR, op_btr },
    { X86_MN_BTC, op_btc },
    { X86_MN_BSF, op_bsf },
    { X86_MN_BSR, op_bsr },
    { X86_MN_TZCNT, op_tzcnt },
    { X86_MN_LZCNT, op_lzcnt },
    { X86_MN_POPCNT, op_popcnt },
    { X86_MN_BLSI, op_blsi },
    { X86_MN_BLSR, op_blsr },
    { X86_MN_BLSMSK, op_blsmsk },
    { X86_MN_ANDN, op_andn },
    { X86_MN_BEXTR, op_bextr },
    { X86_MN_BZHI, op_bzhi },
    { X86_MN_PDEP, op_pdep },
    { X86_MN_PEXT, op_pext },
    { X86_MN_BSWAP, op_bswap },
    { X86_MN_MOVBE, op_movbe },
    { X86_MN_CRC32, op_crc32 },
    { 0, NULL },
};
