/*
 * Host functions for x87 instructions: the asm block that x87.h describes.
 *
 * text runs between loading and saving. It addresses the memory operand as
 * X87_MEM and may use rax.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_X87_ASM_H
#define TARGET_I386_INTERP_X87_ASM_H

#include "target/i386/interp/x87.h"

_Static_assert(offsetof(X87Work, b) == 16 && offsetof(X87Work, r0) == 32 &&
               offsetof(X87Work, r1) == 48 && offsetof(X87Work, mem) == 64 &&
               offsetof(X87Work, cw) == 80 && offsetof(X87Work, sw) == 82 &&
               offsetof(X87Work, host_cw) == 84 && offsetof(X87Work, empty) == 86,
               "the asm below knows these offsets");

#define X87_MEM "64(%0)"

#define X87_LOAD_NONE ""
#define X87_LOAD_A \
    "fldt (%0)\n\ttestb $1, 86(%0)\n\tjz 2f\n\tffree %%st(0)\n2:\n\t"
#define X87_LOAD_AB                                                                 \
    "fldt 16(%0)\n\tfldt (%0)\n\ttestb $3, 86(%0)\n\tjz 2f\n\t"                     \
    "testb $1, 86(%0)\n\tjz 3f\n\tffree %%st(0)\n"                                  \
    "3:\ttestb $2, 86(%0)\n\tjz 2f\n\tffree %%st(1)\n2:\n\t"

#define X87_SAVE_NONE ""
#define X87_SAVE_R0 "fstpt 32(%0)\n\t"
#define X87_DROP "fstp %%st(0)\n\t"
/* Two results, or an unknown number of them: the host's stack is made empty. */
#define X87_SAVE_ALL "fstpt 32(%0)\n\tfstpt 48(%0)\n\tfninit\n\t"

/* FNCLEX comes first: flags that other code of this thread has left would become exceptions
 * under the guest's control word. */
#define X87_FN(name, load, text, save)                                              \
    static void name(X87Work *w)                                                    \
    {                                                                               \
        asm volatile("fnclex\n\tfldcw 80(%0)\n\t" load text "\n\tfnstsw 82(%0)\n\t"           \
                     "testb $0x7f, 82(%0)\n\tjz 1f\n\tfnclex\n1:\tfldcw 84(%0)\n\t" \
                     save : : "r"(w) : "memory", "cc", "rax");                      \
    }

#endif
