/*
 * C functions that translated code calls (by way of stubs.c).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_TRANSLATE_RUNTIME_H
#define TARGET_I386_TRANSLATE_RUNTIME_H

#include "target/i386/translate/jit.h"

/* Interprets insn with the registers in ctx. Returns the host address to go on at, or
 * NULL to leave translated code; may raise. */
JitCallFn jit_interpret;
/* The same where the poll word was found set. */
JitCallFn jit_poll;
/* The same for MOVS and STOS (strings.c) and for instructions of direct.c. */
JitCallFn jit_string, jit_syscall, jit_sysret, jit_sysret32, jit_iret, jit_rdtsc, jit_rdtscp,
    jit_write_base, jit_pause;

/* An access in page, for reading or for writing, misses the TLB: fills it and begins insn
 * again, delivers the page fault, or interprets. */
typedef const uint8_t *JitMissFn(X86JitContext *ctx, const X86TbInsn *insn, uint64_t page);
JitMissFn jit_miss_read, jit_miss_write;
/* The same for an indirect branch whose target the jump cache does not have. */
JitMissFn jit_indirect;

/* Sites of insn's block had to be brought up to date often. */
JitCallFn jit_sites_spent;

/* Where to go on after insn, or with it, by the registers in ctx. */
JitCallFn jit_after, jit_again;

/* Moves the registers between ctx and X86State. */
void jit_from_context(X86JitContext *ctx);
void jit_to_context(X86JitContext *ctx);
/* Segments have changed. */
void jit_sync_segments(X86JitContext *ctx);

/* The instruction decoded, which is remembered: the same few are interpreted over and over. */
const X86Insn *jit_decoded(X86CPU *cpu, const X86TbInsn *insn);

/* --- x87.c --- */

/* Makes x87 state live and goes on with insn. */
JitCallFn jit_load_x87;
/* Moves live x87 state between the context's image and X86State. */
void jit_x87_from_context(X86JitContext *ctx, X86CPU *cpu);
void jit_x87_to_context(X86JitContext *ctx, const X86State *s);
/* Moves live x87 state to X86State before a C function that stands for insn. */
void jit_x87_leave(X86JitContext *ctx, const X86TbInsn *insn);
/* Notes that the last x87 instruction of the block before insn, if there is one, was the last
 * one to run. */
void jit_x87_note_last(X86JitContext *ctx, const X86TbInsn *insn);

/* An exit that is not linked (or must look at what is due) was taken: links it. Returns
 * as jit_interpret() does. */
const uint8_t *jit_follow(X86JitContext *ctx, X86TbExit *exit);

/* An indirect jump to rip found no block, or one that may no longer be there. */
const uint8_t *jit_miss(X86JitContext *ctx, uint64_t rip);

/* Drops insn's block and goes on with insn in a new one. */
JitCallFn jit_abandon;

/* On at s->rip in whatever mode there is now. The registers are in X86State. */
const uint8_t *jit_go_on(X86JitContext *ctx);

#endif
