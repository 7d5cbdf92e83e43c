/*
 * Extended state: what XSAVE and its kin know of x87, SSE and AVX (SDM vol. 1,
 * chapter 13).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_XSAVE_H
#define TARGET_I386_INTERP_XSAVE_H

#include "target/i386/cpu.h"

/* State components: bits of XCR0, XSTATE_BV, XINUSE. */
#define X86_XSTATE_X87 X86_BIT(0)
#define X86_XSTATE_SSE X86_BIT(1)
#define X86_XSTATE_AVX X86_BIT(2)

enum {
    X86_XSAVE_HEADER = 512,   /* offset of the header behind the FXSAVE image */
    X86_XSAVE_EXTENDED = 576, /* offset of the first extended component, AVX */
    X86_XSAVE_AVX_SIZE = 256,
};

/* XINUSE: the components that differ from their initial state. XGETBV(1) is
 * this ANDed with XCR0. */
uint64_t x86_xinuse(const X86State *s);

#endif
