/*
 * The page walk of SDM vol. 3, chapter 4: 32-bit paging with 4 MiB pages and
 * PSE-36, PAE, 4-level and 5-level paging; NX, SMEP, SMAP, WP, global pages,
 * reserved bits, accessed and dirty bits. Entries of page directories are cached as processors
 * cache them, until the TLB is told of a change.
 *
 *   entry:  63   62-M   M-1 ... 12   8   7    6  5    2    1    0
 *           XD   0/ign  address      G   PS   D  A   U/S  R/W   P
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/walk.h"
#include "target/i386/phys.h"
#include "target/i386/tlb.h"
#include "util/log.h"

enum {
    PTE_P = 1 << 0, PTE_RW = 1 << 1, PTE_US = 1 << 2, PTE_A = 1 << 5,
    PTE_D = 1 << 6, PTE_PS = 1 << 7, PTE_G = 1 << 8,
};
#define PTE_NX (1ull << 63)

/* What the kind of paging makes of the tables. */
typedef struct Paging {
    unsigned levels;      /* 2 to 5 */
    unsigned index_bits;  /* 9, or 10 in 32-bit paging */
    unsigned entry_size;  /* 8, or 4 */
    bool pae;             /* the top of three levels is the PDPTR registers */
    uint64_t root;
} Paging;

typedef struct Walker {
    X86CPU *cpu;
    uint64_t lin;
    X86WalkAccess how;
    Paging paging;
    uint64_t rights;   /* AND of RW and US over the levels, NX as ORed */
    X86Walk *out;
} Walker;

static Paging paging_kind(const X86State *s)
{
    if (s->efer & X86_EFER_LMA) {
        return (Paging){ .levels = s->cr4 & X86_CR4_LA57 ? 5 : 4, .index_bits = 9, .entry_size = 8,
                         .root = s->cr3 & 0x000ffffffffff000ull };
    }
    if (s->cr4 & X86_CR4_PAE) {
        return (Paging){ .levels = 3, .index_bits = 9, .entry_size = 8, .pae = true };
    }
    return (Paging){ .levels = 2, .index_bits = 10, .entry_size = 4,
                     .root = s->cr3 & 0xfffff000 };
}

static unsigned level_shift(const Paging *p, unsigned level)
{
    return 12 + (level - 1) * p->index_bits;
}

/* Bits that must be 0 in an entry of a level (SDM vol. 3, tables 4-5 to 4-20). */
static uint64_t reserved_bits(const Walker *w, unsigned level, uint64_t entry)
{
    const X86State *s = &w->cpu->state;
    uint64_t rsvd = 0;
    bool large = entry & PTE_PS;

    if (w->paging.entry_size == 4) {
        return level == 2 && large && (s->cr4 & X86_CR4_PSE) ? 1u << 21 : 0;
    }
    rsvd = ~0ull << w->cpu->phys_bits & 0x000fffffffffffffull;
    if (w->paging.pae) {
        rsvd |= 0x7ff0000000000000ull;
    }
    if (!(s->efer & X86_EFER_NXE)) {
        rsvd |= PTE_NX;
    }
    if (level >= 4) {
        rsvd |= PTE_PS;
    } else if (level > 1 && large) {
        rsvd |= ((1ull << level_shift(&w->paging, level)) - 1) & ~0x1fffull;
        if (level == 3 && !w->cpu->has_1g_pages) {
            rsvd |= PTE_PS;
        }
    }
    return rsvd;
}

static bool is_leaf(const Walker *w, unsigned level, uint64_t entry)
{
    if (level == 1) {
        return true;
    }
    if (!(entry & PTE_PS) || level > 3) {
        return false;
    }
    return w->paging.entry_size == 8 || (w->cpu->state.cr4 & X86_CR4_PSE);
}

/* Error code of a fault; P and RSVD are the caller's. */
static bool fault(Walker *w, uint32_t bits)
{
    const X86State *s = &w->cpu->state;
    bool fetch_reported = (s->cr4 & X86_CR4_SMEP) ||
                          ((s->cr4 & X86_CR4_PAE) && (s->efer & X86_EFER_NXE));

    bits |= w->how.user ? X86_PF_U : 0;
    bits |= w->how.access == X86_ACCESS_WRITE ? X86_PF_W : 0;
    bits |= w->how.access == X86_ACCESS_EXEC && fetch_reported ? X86_PF_I : 0;
    w->out->error = bits;
    log_mask(LOG_MMU, "page fault at 0x%016" PRIx64 " error 0x%x cr3 0x%" PRIx64 "\n", w->lin,
             bits, s->cr3);
    return false;
}

/* What the accumulated rights let this privilege do (SDM vol. 3, 4.6). */
static void compute_rights(Walker *w)
{
    const X86State *s = &w->cpu->state;
    bool user_page = w->rights & PTE_US, nx = w->rights & PTE_NX;
    X86Walk *out = w->out;

    if (w->how.user) {
        out->readable = user_page;
        out->writable = user_page && (w->rights & PTE_RW);
        out->executable = user_page && !nx;
        return;
    }
    out->readable = !(user_page && w->how.smap);
    out->writable = out->readable && ((w->rights & PTE_RW) || !(s->cr0 & X86_CR0_WP));
    out->executable = !nx && !(user_page && (s->cr4 & X86_CR4_SMEP));
}

static bool allowed(const Walker *w)
{
    switch (w->how.access) {
    case X86_ACCESS_READ:
        return w->out->readable;
    case X86_ACCESS_WRITE:
        return w->out->writable;
    default:
        return w->out->executable;
    }
}

static uint64_t leaf_phys(const Walker *w, unsigned level, uint64_t entry)
{
    unsigned shift = level_shift(&w->paging, level);
    uint64_t mask = (1ull << shift) - 1;
    uint64_t base = entry & 0x000fffffffffffffull & ~mask;

    if (w->paging.entry_size == 4 && level == 2) {
        base = (entry & 0xffc00000) | (entry & 0x1fe000) << 19; /* PSE-36 */
    }
    return base | (w->lin & mask);
}

static bool finish(Walker *w, unsigned level, uint64_t entry)
{
    X86Walk *out = w->out;

    out->page_bits = level_shift(&w->paging, level);
    out->phys = leaf_phys(w, level, entry);
    out->global = (entry & PTE_G) && (w->cpu->state.cr4 & X86_CR4_PGE);
    /* A page that is not dirty yet must come here again at its first store. */
    out->writable = out->writable && (entry & PTE_D);
    return true;
}

typedef enum Step { STEP_FAULT, STEP_RETRY, STEP_DOWN, STEP_DONE } Step;

/* Sets A (and D) unless they are set; false if the entry changed meanwhile. */
static bool mark(Walker *w, uint64_t addr, uint64_t *entry, uint64_t bits)
{
    uint64_t marked = *entry | bits;

    if (marked == *entry || w->how.debug) {
        return true;
    }
    if (!x86_phys_cmpxchg(w->cpu, addr, *entry, marked, w->paging.entry_size)) {
        return false;
    }
    *entry = marked;
    return true;
}

/* An entry of a level that stands at addr. *table becomes the next level's. */
static Step take_entry(Walker *w, unsigned level, uint64_t entry, uint64_t addr, uint64_t *table)
{
    w->rights &= entry | ~(uint64_t)(PTE_RW | PTE_US);
    if (w->paging.entry_size == 8) {
        w->rights |= entry & PTE_NX;
    }
    if (!is_leaf(w, level, entry)) {
        *table = entry & 0x000ffffffffff000ull;
        return mark(w, addr, &entry, PTE_A) ? STEP_DOWN : STEP_RETRY;
    }
    compute_rights(w);
    if (!allowed(w) && !w->how.debug) {
        fault(w, X86_PF_P);
        return STEP_FAULT;
    }
    bool dirty = w->how.access == X86_ACCESS_WRITE;
    if (!mark(w, addr, &entry, PTE_A | (dirty ? PTE_D : 0))) {
        return STEP_RETRY;
    }
    finish(w, level, entry);
    return STEP_DONE;
}

static X86PdeCache *pde_slot(const Walker *w)
{
    return &w->cpu->tlb->pde_cache[w->lin >> 21 & (X86_PDE_CACHE_SIZE - 1)];
}

/* Remembers an entry of level 2 once nothing is left to mark in it. */
static void note_pde(const Walker *w, uint64_t entry, uint64_t addr, uint64_t rights)
{
    uint64_t marked = PTE_A | (entry & PTE_PS ? PTE_D : 0);

    if (w->paging.entry_size == 8 && !w->how.debug && (entry & marked) == marked) {
        *pde_slot(w) = (X86PdeCache){ .region = w->lin >> 21, .entry = entry, .addr = addr,
                                      .rights = rights };
    }
}

/* One level. *table is the table's address, and becomes the next one's. */
static Step walk_level(Walker *w, unsigned level, uint64_t *table)
{
    const Paging *p = &w->paging;
    uint64_t index = w->lin >> level_shift(p, level) & ((1u << p->index_bits) - 1);
    uint64_t addr = *table + index * p->entry_size;
    uint64_t entry = p->entry_size == 8 ? x86_phys_read64(w->cpu, addr)
                                        : x86_phys_read32(w->cpu, addr);

    if (!(entry & PTE_P)) {
        fault(w, 0);
        return STEP_FAULT;
    }
    if (entry & reserved_bits(w, level, entry)) {
        fault(w, X86_PF_P | X86_PF_RSVD);
        return STEP_FAULT;
    }
    if (level == 2) {
        note_pde(w, entry, addr, w->rights);
    }
    return take_entry(w, level, entry, addr, table);
}

/* The rest of a walk, from a level whose table is known. */
static Step walk_down(Walker *w, unsigned level, uint64_t table)
{
    Step step;

    do {
        step = walk_level(w, level--, &table);
    } while (step == STEP_DOWN);
    return step;
}

/* By the cache. What ends in a fault is walked again from the top (STEP_RETRY), for a fault
 * forgets what was cached for its address (SDM vol. 3, 4.10.4.1). */
static Step walk_cached(Walker *w)
{
    X86PdeCache *pde = pde_slot(w);
    uint64_t table;

    w->rights = pde->rights;
    Step step = take_entry(w, 2, pde->entry, pde->addr, &table);
    if (step == STEP_DOWN) {
        step = walk_down(w, 1, table);
    }
    if (step != STEP_DONE) {
        pde->region = UINT64_MAX;
        return STEP_RETRY;
    }
    return step;
}

static Step walk_once(Walker *w)
{
    unsigned level = w->paging.levels;
    uint64_t table = w->paging.root;

    if (pde_slot(w)->region == w->lin >> 21 && !w->how.debug && w->paging.entry_size == 8) {
        return walk_cached(w);
    }
    w->rights = PTE_RW | PTE_US;
    if (w->paging.pae) {
        uint64_t pdpte = w->cpu->state.pdptr[w->lin >> 30 & 3];

        if (!(pdpte & PTE_P)) {
            fault(w, 0);
            return STEP_FAULT;
        }
        table = pdpte & 0x000ffffffffff000ull;
        level--;
    }
    return walk_down(w, level, table);
}

bool x86_walk(X86CPU *cpu, uint64_t lin, X86WalkAccess how, X86Walk *out)
{
    Walker w = { .cpu = cpu, .lin = lin, .how = how, .out = out };
    Step step;

    if (!(cpu->state.cr0 & X86_CR0_PG)) {
        *out = (X86Walk){ .phys = lin, .page_bits = 12, .writable = true, .readable = true,
                          .executable = true };
        return true;
    }
    w.paging = paging_kind(&cpu->state);
    do {
        step = walk_once(&w);
    } while (step == STEP_RETRY);
    return step == STEP_DONE;
}
