/*
 * Numbers for pages of code: one for each pair of a linear and a host page that code was
 * fetched from. The translator compares them instead of the pages: a block was made at a linear
 * address from a host page, and a jump to it must know that this is still so.
 *
 * A number stands in the low half of an exec tag; 0 is a page from which nothing was
 * fetched since it was entered.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/tlb.h"

enum { MAX_NUMBERS = 1 << 18 };

typedef struct Pair {
    uint64_t page, host;
    uint32_t number;
} Pair;

static guint hash(gconstpointer key)
{
    const Pair *p = key;

    return (p->page ^ p->host * 3) * 0x9e3779b97f4a7c15ull >> 32;
}

static gboolean equal(gconstpointer a, gconstpointer b)
{
    const Pair *x = a, *y = b;

    return x->page == y->page && x->host == y->host;
}

/* Bit 0 is X86_TLB_SLOW. */
static uint32_t number_of(X86CPU *cpu, uint64_t page, uint64_t host)
{
    X86Tlb *tlb = cpu->tlb;
    Pair key = { .page = page, .host = host };

    if (!tlb->code_numbers) {
        tlb->code_numbers = g_hash_table_new_full(hash, equal, g_free, NULL);
    }
    const Pair *known = g_hash_table_lookup(tlb->code_numbers, &key);
    if (known) {
        return known->number;
    }
    tlb->last_code_number += 2;
    key.number = tlb->last_code_number;
    g_hash_table_add(tlb->code_numbers, g_memdup2(&key, sizeof(key)));
    return key.number;
}

void x86_tlb_number_code(X86CPU *cpu, X86TlbEntry *e, uint64_t lin)
{
    uint64_t page = lin & X86_PAGE_MASK;

    if (!(uint32_t)e->exec) {
        e->exec |= number_of(cpu, page, page + e->addend);
    }
}

bool x86_tlb_code_numbers_full(const X86Tlb *tlb)
{
    return tlb->code_numbers && g_hash_table_size(tlb->code_numbers) > MAX_NUMBERS;
}

void x86_tlb_forget_code_numbers(X86CPU *cpu)
{
    if (cpu->tlb->code_numbers) {
        g_hash_table_remove_all(cpu->tlb->code_numbers);
    }
    x86_tlb_flush(cpu); /* entries have numbers that nobody will find again */
}
