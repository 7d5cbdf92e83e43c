/*
 * Stores that can be taken back (trial.h).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/trial.h"
#include <string.h>
#include "memory/memory.h"
#include "target/i386/excp.h"
#include "target/i386/tlb.h"

enum { MAX_BYTES = 64 << 10 }; /* that one trial may store */

void x86_trial_init(X86Trial *trial)
{
    *trial = (X86Trial){ .stores = g_array_new(false, false, sizeof(X86TrialStore)),
                         .bytes = g_byte_array_new() };
}

void x86_trial_destroy(X86Trial *trial)
{
    g_array_free(trial->stores, true);
    g_byte_array_free(trial->bytes, true);
}

void x86_trial_clear(X86Trial *trial)
{
    g_array_set_size(trial->stores, 0);
    g_byte_array_set_size(trial->bytes, 0);
    trial->step = trial->finished = 0;
}

void x86_trial_stop(X86CPU *cpu)
{
    x86_raise(cpu, X86_EXCP_FREEZE, 0);
}

static const X86TrialStore *store_at(const X86Trial *trial, unsigned i)
{
    return &g_array_index(trial->stores, X86TrialStore, i);
}

void x86_trial_note_store(X86CPU *cpu, const RAMBlock *block, uint64_t offset, uint8_t *host,
                          unsigned len)
{
    X86Trial *trial = cpu->tlb->trial;
    uint8_t flags = __atomic_load_n(&block->page_flags[offset >> GUEST_PAGE_BITS],
                                    __ATOMIC_SEQ_CST);

    if ((flags & RAM_PAGE_CODE) || trial->bytes->len + len > MAX_BYTES) {
        x86_trial_stop(cpu);
    }
    X86TrialStore store = { .host = host, .len = len, .step = trial->step,
                            .data = trial->bytes->len };
    g_array_append_val(trial->stores, store);
    g_byte_array_append(trial->bytes, host, len);
    g_byte_array_set_size(trial->bytes, trial->bytes->len + len);
}

void x86_trial_end_step(X86Trial *trial)
{
    for (; trial->finished < trial->stores->len; trial->finished++) {
        const X86TrialStore *store = store_at(trial, trial->finished);

        memcpy(trial->bytes->data + store->data + store->len, store->host, store->len);
    }
    trial->step++;
}

void x86_trial_undo(const X86Trial *trial)
{
    for (unsigned i = trial->stores->len; i-- > 0;) {
        const X86TrialStore *store = store_at(trial, i);

        memcpy(store->host, trial->bytes->data + store->data, store->len);
    }
}

void x86_trial_redo(const X86Trial *trial, uint32_t step)
{
    for (unsigned i = 0; i < trial->stores->len; i++) {
        const X86TrialStore *store = store_at(trial, i);

        if (store->step < step) {
            memcpy(store->host, trial->bytes->data + store->data + store->len, store->len);
        }
    }
}

uint8_t *x86_trial_memory(const X86Trial *trial)
{
    uint8_t *memory = g_malloc(trial->bytes->len + 1), *to = memory;

    for (unsigned i = 0; i < trial->stores->len; i++) {
        const X86TrialStore *store = store_at(trial, i);

        to = (uint8_t *)memcpy(to, store->host, store->len) + store->len;
    }
    return memory;
}

void x86_trial_set_memory(const X86Trial *trial, const uint8_t *memory)
{
    for (unsigned i = 0; i < trial->stores->len; i++) {
        const X86TrialStore *store = store_at(trial, i);

        memcpy(store->host, memory, store->len);
        memory += store->len;
    }
}
