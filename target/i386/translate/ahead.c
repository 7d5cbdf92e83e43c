/*
 * Clones made ahead of their use.
 *
 * A program that is started again runs much the same blocks in much the same order. Records lie in the
 * arena in the order in which they were made; so what a process will need after a block that has been
 * cloned for it is what lies behind the block's origin. Those whose pages the TLB has are cloned at once.
 * All clones are linked as their origins are: most entries into C, to find and link one block at a time,
 * fall away, and what is copied is read in sequence.
 *
 * What is cloned without having been asked for may never run, nor its clones: after MAX_GUESSES in a
 * row a block has to be asked for again.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/jit.h"

enum {
    WALK = 6,        /* records that are looked at for JIT_AHEAD_STEP blocks */
    PREFETCH = 1536, /* so far ahead of them */
    MAX_MADE = 64,   /* for one block that was asked for */
    MAX_GUESSES = 16,
};

void jit_ahead_begin(const X86Jit *jit, JitAhead *a, const X86Tb *tb, X86Tb *from)
{
    *a = (JitAhead){ .at = from, .end = jit_records_end(jit, from), .key = from->key,
                     .shift = tb->rip - from->rip, .useful = true };
    if (tb > from && tb < a->end) {
        a->end = tb;
    }
}

/* Where a clone of from would be. */
static uint64_t new_rip(const JitAhead *a, const X86Tb *from)
{
    return jit_rip(a->key, from->rip + a->shift);
}

/* Does the TLB have its page there, for execution? */
static bool is_mapped(const X86Jit *jit, const JitAhead *a, const X86Tb *from)
{
    uint64_t rip = new_rip(a, from), page = rip & X86_PAGE_MASK;
    const X86TlbEntry *e = x86_tlb_entry(jit->cpu, rip);

    return x86_tlb_executes(e, rip) && !(e->exec & X86_TLB_SLOW) &&
           page + e->addend == ((uintptr_t)from->code & X86_PAGE_MASK);
}

static bool can_follow(X86Jit *jit, const JitAhead *a, const X86Tb *from)
{
    if (a->key & X86_KEY_WINDOW && *jit_window_strikes(jit, from->code) >= JIT_WINDOW_STRIKES) {
        return false; /* from may be from before */
    }
    return !from->stale && from->fixup_count && from->key == a->key && from->guesses < MAX_GUESSES &&
           jit_clone_may_lie(a->key, new_rip(a, from)) && is_mapped(jit, a, from);
}

static void prefetch_for(const X86Jit *jit, const JitAhead *a, const X86Tb *from)
{
    jit_table_prefetch(&jit->blocks, jit_hash(from->code, new_rip(a, from), a->key));
    jit_clone_prefetch(jit, from->code, a->key);
    jit_prefetch(from->body, from->end - from->body);
    jit_prefetch(from->cold, from->cold_len);
    for (unsigned i = 0; i < from->exit_count; i++) {
        if (from->exits[i].to) {
            __builtin_prefetch(&from->exits[i].to->clone);
        }
    }
}

/* Chooses what comes next, unless all that was chosen last was there already. */
static bool choose(X86Jit *jit, JitAhead *a)
{
    a->count = a->next = 0;
    if (!a->useful || a->made >= MAX_MADE) {
        return false;
    }
    a->useful = false;
    for (unsigned i = 0; i < WALK && a->count < JIT_AHEAD_STEP; i++) {
        X86Tb *from = jit_next_record(a->at);

        if (from >= a->end) {
            break;
        }
        a->at = from;
        jit_prefetch((const uint8_t *)from + PREFETCH, from->size);
        if (can_follow(jit, a, from)) {
            a->from[a->count++] = from;
            prefetch_for(jit, a, from);
        }
    }
    return a->count;
}

/* Is there a block where a clone of from would be? */
static bool exists(X86Jit *jit, const JitAhead *a, const X86Tb *from)
{
    JitEntry entry = from->entry;

    return jit_cache_find(jit, from->code, new_rip(a, from), a->key, &entry);
}

X86Tb *jit_ahead_next(X86Jit *jit, JitAhead *a, X86Tb **from)
{
    while (jit_region_has_room(jit) && (a->next < a->count || choose(jit, a))) {
        *from = a->from[a->next++];
        if (!exists(jit, a, *from)) {
            uint64_t rip = new_rip(a, *from);

            x86_tlb_number_code(jit->cpu, x86_tlb_entry(jit->cpu, rip), rip);
            X86Tb *tb = jit_translate_clone(jit, *from, rip);
            tb->guesses = (*from)->guesses + 1;
            a->useful = true;
            a->made++;
            return tb;
        }
    }
    return NULL;
}

/* --- links ---------------------------------------------------------------------------------- */

/* Links exit if it leads to tb. The block that exit's origin leads to may have wanted something else. */
static void link_to(X86Jit *jit, X86TbExit *exit, X86Tb *tb)
{
    if (!exit->to && exit->unlinked && exit->rip == tb->rip && exit->key == tb->key && !tb->stale &&
        (jit_is_plain(tb->entry) || jit_same_entry(tb->entry, jit_useful_entry(tb, exit->entry)))) {
        jit_cache_link(jit, exit, tb);
    }
}

/* Links it to the last clone of what its origin leads to, or has it wait for the next one. */
static void link_exit(X86Jit *jit, X86TbExit *exit, X86Tb *origins_target)
{
    X86Tb *to = jit_referenced(jit, origins_target->clone);

    if (to && to->rip == exit->rip) {
        link_to(jit, exit, to);
    } else {
        exit->waiting = origins_target->waiting;
        origins_target->waiting = (uint8_t *)exit - jit->arena;
    }
}

/* Exits that wait are younger than the block for whose clone they do: no region with one of them is
 * filled again before the block's. */
static void link_waiting(X86Jit *jit, X86Tb *tb, X86Tb *from)
{
    for (uint32_t at = from->waiting; at;) {
        X86TbExit *exit = (X86TbExit *)(jit->arena + at);

        at = exit->waiting;
        link_to(jit, exit, tb);
    }
    from->waiting = 0;
}

void jit_ahead_link(X86Jit *jit, X86Tb *tb, X86Tb *from)
{
    from->clone = jit_reference(jit, tb);
    for (unsigned i = 0; i < tb->exit_count; i++) {
        if (from->exits[i].to) {
            link_exit(jit, &tb->exits[i], from->exits[i].to);
        }
    }
    link_waiting(jit, tb, from);
    if (from->remembered) {
        jit_cache_remember(jit, tb);
    }
}
