/*
 * Arithmetic flags, lazily: what an operation leaves behind and what a
 * condition makes of it. The encoding is described at X86State in cpu.h.
 *
 * Where the manuals leave a flag undefined, or its value is awkward to derive,
 * handlers run the same instruction on the host and take the host's flags: see
 * x86_host_flags().
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_FLAGS_H
#define TARGET_I386_INTERP_FLAGS_H

#include <glib.h>
#include "target/i386/cpu.h"
#include "target/i386/interp/operand.h"

#define X86_INLINE static inline __attribute__((always_inline))
#define X86_NOINLINE __attribute__((noinline))

/*
 * result and carries may have garbage above size bytes. carries bit n is the
 * carry out of bit n.
 */
X86_INLINE void x86_cc_set(X86State *s, uint64_t result, uint64_t carries, unsigned size)
{
    s->cc_result = x86_sext(result, size);
    s->cc_carries = size == 8 ? carries : carries << (64 - size * 8) | (carries & 8);
    s->cc_lazy = 1;
}

/* Logic operations: no carries at all. */
X86_INLINE void x86_cc_set_logic(X86State *s, uint64_t result, unsigned size)
{
    s->cc_result = x86_sext(result, size);
    s->cc_carries = 0;
    s->cc_lazy = 1;
}

X86_INLINE bool x86_cf(const X86State *s)
{
    return G_LIKELY(s->cc_lazy) ? s->cc_carries >> 63 : s->eflags & X86_EFLAGS_CF;
}

X86_INLINE bool x86_of(const X86State *s)
{
    return G_LIKELY(s->cc_lazy) ? (s->cc_carries ^ s->cc_carries << 1) >> 63
                                : s->eflags >> 11 & 1;
}

X86_INLINE bool x86_zf(const X86State *s)
{
    return G_LIKELY(s->cc_lazy) ? s->cc_result == 0 : s->eflags >> 6 & 1;
}

X86_INLINE bool x86_sf(const X86State *s)
{
    return G_LIKELY(s->cc_lazy) ? s->cc_result >> 63 : s->eflags >> 7 & 1;
}

X86_INLINE bool x86_pf(const X86State *s)
{
    return G_LIKELY(s->cc_lazy) ? !__builtin_parity(s->cc_result & 0xff) : s->eflags >> 2 & 1;
}

X86_INLINE bool x86_af(const X86State *s)
{
    return s->cc_lazy ? s->cc_carries >> 3 & 1 : s->eflags >> 4 & 1;
}

X86_INLINE bool x86_less(const X86State *s)
{
    if (G_LIKELY(s->cc_lazy)) {
        return (s->cc_result ^ s->cc_carries ^ s->cc_carries << 1) >> 63;
    }
    return (s->eflags >> 7 ^ s->eflags >> 11) & 1;
}

/* cond is a constant wherever this is hot, so one arm remains. */
X86_INLINE bool x86_cond(const X86State *s, unsigned cond)
{
    bool res;

    switch (cond >> 1) {
    case 0:
        res = x86_of(s);
        break;
    case 1:
        res = x86_cf(s);
        break;
    case 2:
        res = x86_zf(s);
        break;
    case 3:
        res = x86_cf(s) || x86_zf(s);
        break;
    case 4:
        res = x86_sf(s);
        break;
    case 5:
        res = x86_pf(s);
        break;
    case 6:
        res = x86_less(s);
        break;
    default:
        res = x86_less(s) || x86_zf(s);
    }
    return res ^ (cond & 1);
}

/* The six arithmetic flags as EFLAGS bits. */
uint32_t x86_arith_flags(const X86State *s);

/* EFLAGS bits from "lahf; seto %al" of the host: AH holds SF, ZF, AF, PF, CF. */
X86_INLINE uint32_t x86_host_flags(uint16_t ax)
{
    return (ax >> 8 & 0xd5) | (uint32_t)(ax & 1) << 11;
}

/* The reverse: AX such that X86_SET_HOST_FLAGS gives the host these flags. */
X86_INLINE uint16_t x86_flags_for_host(uint32_t flags)
{
    return (flags & 0xd5) << 8 | (flags >> 11 & 1);
}

/*
 * Around a host instruction inside an asm statement: loads the guest's flags
 * (some instructions leave the ones they call undefined as they were) and
 * takes the outcome. Both use AX only.
 */
#define X86_SET_HOST_FLAGS "addb $127, %%al\n\tsahf\n\t"
#define X86_GET_HOST_FLAGS "\n\tlahf\n\tseto %%al\n\t"

/* The four operand sizes of a one-operand or two-operand host instruction. */
#define X86_BY_SIZE(size, ONE)                                                 \
    do {                                                                       \
        switch (size) {                                                        \
        case 1:                                                                \
            ONE("b", uint8_t);                                                 \
            break;                                                             \
        case 2:                                                                \
            ONE("w", uint16_t);                                                \
            break;                                                             \
        case 4:                                                                \
            ONE("l", uint32_t);                                                \
            break;                                                             \
        default:                                                               \
            ONE("q", uint64_t);                                                \
        }                                                                      \
    } while (0)

#endif
