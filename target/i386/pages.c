/*
 * Lists the page tables (SDM vol. 3, chapter 4). The walk that translates one
 * address, with its checks, is walk.c.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/pages.h"
#include "target/i386/mmu.h"

enum { PTE_P = 1 << 0, PTE_RW = 1 << 1, PTE_US = 1 << 2, PTE_PS = 1 << 7 };
#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)

typedef struct Lister {
    X86CPU *cpu;
    void (*fn)(const X86Page *page, void *opaque);
    void *opaque;
    unsigned entry_size; /* 4 or 8 */
    unsigned index_bits; /* 10 or 9 */
    unsigned budget;     /* entries that may still be read */
    unsigned lin_bits;   /* of a canonical address; 32 outside long mode */
} Lister;

static uint64_t canonical(const Lister *l, uint64_t lin)
{
    unsigned unused = 64 - l->lin_bits;
    return l->lin_bits == 32 ? lin : (uint64_t)((int64_t)(lin << unused) >> unused);
}

static bool is_leaf(const Lister *l, unsigned level, uint64_t entry)
{
    bool large_allowed = l->entry_size == 8 ? level <= 3
                                            : (l->cpu->state.cr4 & X86_CR4_PSE) != 0;
    return level == 1 || ((entry & PTE_PS) && large_allowed);
}

static void report(const Lister *l, uint64_t lin, unsigned shift, uint64_t entry, uint64_t rights)
{
    uint64_t size = UINT64_C(1) << shift;
    uint64_t phys = entry & PTE_ADDRESS & ~(size - 1);

    if (l->entry_size == 4 && shift == 22) {
        phys = (entry & 0xffc00000) | (entry & 0x1fe000) << 19; /* PSE-36 */
    }
    X86Page page = {
        .lin = canonical(l, lin), .phys = phys, .size = size, .entry = entry,
        .user = rights & PTE_US, .writable = rights & PTE_RW,
    };
    l->fn(&page, l->opaque);
}

/* The entries of one table; lin is what the levels above made of the address. */
static void list_table(Lister *l, uint64_t table, unsigned level, uint64_t lin,
                       uint64_t rights)
{
    unsigned shift = 12 + (level - 1) * l->index_bits;

    for (uint64_t i = 0; i < UINT64_C(1) << l->index_bits && l->budget; i++) {
        uint64_t at = table + i * l->entry_size, here = lin | i << shift;
        uint64_t entry = l->entry_size == 8 ? x86_phys_read64(l->cpu, at)
                                            : x86_phys_read32(l->cpu, at);
        l->budget--;
        if (!(entry & PTE_P)) {
            continue;
        }
        if (is_leaf(l, level, entry)) {
            report(l, here, shift, entry, rights & entry);
        } else {
            list_table(l, entry & PTE_ADDRESS, level - 1, here, rights & entry);
        }
    }
}

static void list_pae(Lister *l)
{
    for (uint64_t i = 0; i < 4; i++) {
        uint64_t pdpte = l->cpu->state.pdptr[i];
        if (pdpte & PTE_P) {
            list_table(l, pdpte & PTE_ADDRESS, 2, i << 30, PTE_RW | PTE_US);
        }
    }
}

bool x86_pages_foreach(X86CPU *cpu, void (*fn)(const X86Page *page, void *opaque), void *opaque)
{
    const X86State *s = &cpu->state;
    bool la57 = s->cr4 & X86_CR4_LA57;
    Lister l = { .cpu = cpu, .fn = fn, .opaque = opaque, .entry_size = 8, .index_bits = 9,
                 .budget = X86_PAGES_BUDGET, .lin_bits = 32 };

    if (!(s->cr0 & X86_CR0_PG)) {
        return true;
    }
    if (s->efer & X86_EFER_LMA) {
        l.lin_bits = la57 ? 57 : 48;
        list_table(&l, s->cr3 & PTE_ADDRESS, la57 ? 5 : 4, 0, PTE_RW | PTE_US);
    } else if (s->cr4 & X86_CR4_PAE) {
        list_pae(&l);
    } else {
        l.entry_size = 4;
        l.index_bits = 10;
        list_table(&l, s->cr3 & 0xfffff000, 2, 0, PTE_RW | PTE_US);
    }
    return l.budget > 0;
}
