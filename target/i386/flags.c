/*
 * EFLAGS as a whole: collects the lazy arithmetic flags (interp/flags.h).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/flags.h"
#include "target/i386/interp/interp.h"

uint32_t x86_arith_flags(const X86State *s)
{
    if (!s->cc_lazy) {
        return s->eflags & X86_EFLAGS_ARITH;
    }
    return (x86_cf(s) ? X86_EFLAGS_CF : 0) | (x86_pf(s) ? X86_EFLAGS_PF : 0) |
           (x86_af(s) ? X86_EFLAGS_AF : 0) | (x86_zf(s) ? X86_EFLAGS_ZF : 0) |
           (x86_sf(s) ? X86_EFLAGS_SF : 0) | (x86_of(s) ? X86_EFLAGS_OF : 0);
}

uint32_t x86_get_eflags(const X86State *s)
{
    return (s->eflags & ~X86_EFLAGS_ARITH) | x86_arith_flags(s);
}

void x86_change_arith_flags(X86State *s, uint32_t mask, uint32_t flags)
{
    x86_set_arith_flags(s, (x86_arith_flags(s) & ~mask) | (flags & mask));
}

bool x86_condition(const X86State *s, unsigned cond)
{
    return x86_cond(s, cond);
}
