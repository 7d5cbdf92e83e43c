/*
 * TLB entries of other address spaces (tlb-space.h).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/tlb-space.h"
#include "memory/memory.h"

enum {
    SPACES = 8,        /* Linux uses six PCIDs, twice that with page-table isolation */
    SPACE_MAX = 1024,  /* entries of one */
};

typedef struct SavedEntry {
    X86TlbEntry entry;
    X86TlbInfo info;
    uint16_t n;
    uint8_t idx;
} SavedEntry;

typedef struct Space {
    unsigned pcid;
    unsigned count; /* 0: unused */
    uint64_t age;
    SavedEntry *entries;
} Space;

struct X86TlbSpaces {
    uint64_t clock;
    Space space[SPACES];
};

static Space *find(X86Tlb *tlb, unsigned pcid)
{
    for (unsigned i = 0; tlb->spaces && i < SPACES; i++) {
        Space *sp = &tlb->spaces->space[i];

        if (sp->count && sp->pcid == pcid) {
            return sp;
        }
    }
    return NULL;
}

/* An unused one, or the one that was left longest ago. */
static Space *take(X86Tlb *tlb, unsigned pcid)
{
    if (!tlb->spaces) {
        tlb->spaces = g_new0(X86TlbSpaces, 1);
    }
    Space *best = &tlb->spaces->space[0];

    for (unsigned i = 0; i < SPACES; i++) {
        Space *sp = &tlb->spaces->space[i];

        if (!sp->count || (sp->pcid == pcid)) {
            best = sp;
            break;
        }
        if (sp->age < best->age) {
            best = sp;
        }
    }
    if (!best->entries) {
        best->entries = g_new(SavedEntry, SPACE_MAX);
    }
    best->pcid = pcid;
    best->count = 0;
    best->age = ++tlb->spaces->clock;
    return best;
}

static void clear(X86Tlb *tlb, unsigned idx, unsigned n)
{
    X86TlbEntry *e = &tlb->entry[idx][n];

    e->read = e->write = e->exec = X86_TLB_NONE;
    tlb->info[idx][n].listed &= ~(1 << X86_TLB_LOCAL);
}

static bool is_empty(const X86TlbEntry *e)
{
    return e->read == X86_TLB_NONE && e->write == X86_TLB_NONE && e->exec == X86_TLB_NONE;
}

static void save_entry(X86Tlb *tlb, Space *sp, unsigned idx, unsigned n)
{
    if (sp->count < SPACE_MAX && !is_empty(&tlb->entry[idx][n])) {
        sp->entries[sp->count++] = (SavedEntry){
            .entry = tlb->entry[idx][n], .info = tlb->info[idx][n], .n = n, .idx = idx,
        };
    }
    clear(tlb, idx, n);
}

/* Moves all that is not global out of the table. */
static void save(X86Tlb *tlb, Space *sp)
{
    for (unsigned idx = 0; idx < X86_TLB_COUNT; idx++) {
        X86TlbList *list = &tlb->used[idx][X86_TLB_LOCAL];

        for (unsigned i = 0; i < list->count; i++) {
            unsigned n = list->n[i];

            if (tlb->info[idx][n].global) {
                tlb->info[idx][n].listed &= ~(1 << X86_TLB_LOCAL);
            } else {
                save_entry(tlb, sp, idx, n);
            }
        }
        list->count = 0;
    }
}

/* Stores to pages that meanwhile have code or are logged must be seen. */
static void restore_entry(X86Tlb *tlb, const SavedEntry *saved)
{
    X86TlbEntry *e = &tlb->entry[saved->idx][saved->n];
    X86TlbInfo *info = &tlb->info[saved->idx][saved->n];

    uint8_t listed = info->listed;

    *e = saved->entry;
    *info = saved->info;
    x86_tlb_list(tlb, saved->idx, saved->n, listed);
    if (info->block && (__atomic_load_n(&info->block->page_flags[info->offset >> GUEST_PAGE_BITS],
                                        __ATOMIC_SEQ_CST) & RAM_PAGE_SLOW_WRITE)) {
        e->write = X86_TLB_NONE;
    }
}

void x86_tlb_switch_space(X86CPU *cpu, unsigned from, unsigned to, bool keep)
{
    X86Tlb *tlb = cpu->tlb;

    if (from == to && keep) {
        return;
    }
    if (from == to) {
        x86_tlb_flush_nonglobal(cpu);
        return;
    }
    save(tlb, take(tlb, from));
    Space *sp = find(tlb, to);
    for (unsigned i = 0; sp && keep && i < sp->count; i++) {
        restore_entry(tlb, &sp->entries[i]);
    }
    x86_tlb_space_drop(tlb, to);
    x86_tlb_clear_sites(tlb);
    x86_pde_cache_clear(tlb);
    cpu->code_generation++;
}

void x86_tlb_space_drop(X86Tlb *tlb, unsigned pcid)
{
    Space *sp = find(tlb, pcid);

    if (sp) {
        sp->count = 0;
    }
}

static bool maps(const SavedEntry *saved, uint64_t lin)
{
    const X86TlbEntry *e = &saved->entry;

    return saved->info.large || x86_tlb_maps(e->read, lin) || x86_tlb_maps(e->write, lin) ||
           x86_tlb_executes(e, lin);
}

void x86_tlb_space_drop_page(X86Tlb *tlb, unsigned pcid, uint64_t lin)
{
    Space *sp = find(tlb, pcid);

    for (unsigned i = 0; sp && i < sp->count;) {
        if (maps(&sp->entries[i], lin)) {
            sp->entries[i] = sp->entries[--sp->count];
        } else {
            i++;
        }
    }
}

void x86_tlb_space_drop_all(X86Tlb *tlb)
{
    for (unsigned i = 0; tlb->spaces && i < SPACES; i++) {
        tlb->spaces->space[i].count = 0;
    }
}

void x86_tlb_space_free(X86Tlb *tlb)
{
    for (unsigned i = 0; tlb->spaces && i < SPACES; i++) {
        g_free(tlb->spaces->space[i].entries);
    }
    g_free(tlb->spaces);
}
