/*
 * The translator: runs guest code as host code made from it.
 *
 * It is an engine beside the interpreter and shares all of its surroundings: the
 * exec loop (interp/exec.c) calls it for the modes that it knows, it calls the
 * interpreter for every instruction without a path of its own, and guest code is
 * tracked in the interpreter's code pages. docs/translator.md tells how.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_TRANSLATE_TRANSLATE_H
#define TARGET_I386_TRANSLATE_TRANSLATE_H

#include "target/i386/cpu.h"
#include "util/error.h"

typedef struct X86CodePage X86CodePage;

/*
 * Gives the CPU a translator with a code cache of cache_size bytes. false with an
 * error, and the CPU stays with the interpreter, if the host cannot: no
 * executable memory, no memory below 2 GiB, no AVX2.
 */
bool x86_translator_new(X86CPU *cpu, size_t cache_size, Error **errp);
void x86_translator_free(X86CPU *cpu);
/* From now on names each new block for perf(1), see perfmap.c. */
bool x86_translator_perf_map(X86CPU *cpu, Error **errp);

/* From now on compares all that translated code does with the interpreter, and ends the
 * process at a difference (lockstep.h). Before any code has run; no other CPU may. limit: how
 * often code from one address is compared, later it is now and then; 0: always. */
void x86_translator_lockstep(X86CPU *cpu, unsigned limit);

/* From now on checks each block that is made (check.h), and ends the process if one breaks a rule. */
void x86_translator_check(X86CPU *cpu);

/* Runs translated code from s->rip in the mode of key until something is due. False:
 * the interpreter must run what lies at s->rip. May raise (fetch faults, faults). */
bool x86_translator_run(X86CPU *cpu, uint32_t key);

/* The same for one instruction, in a block of its own that is linked to no other. */
bool x86_translator_run_one(X86CPU *cpu, uint32_t key);

/* x86_interp_step() by this engine (interp/exec.c). For tests. */
void x86_translator_step(X86CPU *cpu);

/* The blocks of a code page with bytes in [offset, offset + len) are no longer valid. */
void x86_translator_code_written(X86CPU *cpu, X86CodePage *page, unsigned offset, unsigned len);
/* Which granules of the page the translator's blocks are in. */
uint64_t x86_translator_granules(const X86CodePage *page);
/* All code is to be forgotten; called by x86_interp_flush_code(). */
void x86_translator_flush(X86CPU *cpu);

/* Appends what `info jit` prints. */
void x86_translator_info(X86CPU *cpu, GString *out);

#endif
