/*
 * Windows: which pages around one can be mapped with it (window.h).
 *
 * Pages that adjoin it in the guest's memory, too, cost little more than the page alone. They are mapped
 * as after an access: what has its accessed bit set, and for stores the dirty bit, needs nothing
 * done by the access, and processors may cache such translations, too.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/cpu-debug.h"
#include "target/i386/phys.h"
#include "target/i386/window-internal.h"

enum {
    PTE_P = 1 << 0, PTE_RW = 1 << 1, PTE_US = 1 << 2, PTE_A = 1 << 5, PTE_D = 1 << 6,
    PTE_PS = 1 << 7,
    ENTRIES = 512,
};
#define PTE_NX (UINT64_C(1) << 63)
#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)
#define AROUND UINT64_C(0x10000) /* bytes, aligned, from which pages are taken */

/* The page table of some address. */
typedef struct Table {
    const uint64_t *entries;
    uint64_t reserved; /* bits of its entries */
    bool writable;     /* by the entries above it */
} Table;

/* User code may read, and the accessed bit is set. */
static bool is_read(uint64_t entry, uint64_t reserved)
{
    const uint64_t needed = PTE_P | PTE_US | PTE_A;

    return (entry & (needed | reserved)) == needed;
}

static const uint64_t *table_at(X86CPU *cpu, uint64_t phys)
{
    MemorySection sec;

    x86_phys_section(cpu, phys, &sec);
    return sec.host && sec.length >= GUEST_PAGE_SIZE ? (const uint64_t *)sec.host : NULL;
}

static uint64_t entry_of(const uint64_t *table, uint64_t lin, unsigned shift)
{
    return __atomic_load_n(&table[lin >> shift & (ENTRIES - 1)], __ATOMIC_RELAXED);
}

/* False if no table that lies in memory leads there. */
static bool find_table(X86CPU *cpu, uint64_t lin, Table *out)
{
    const X86State *s = &cpu->state;

    out->reserved = (~UINT64_C(0) << cpu->phys_bits & PTE_ADDRESS) |
                    (s->efer & X86_EFER_NXE ? 0 : PTE_NX);
    out->writable = true;
    out->entries = table_at(cpu, s->cr3 & PTE_ADDRESS);
    for (unsigned shift = 39; shift > GUEST_PAGE_BITS && out->entries; shift -= 9) {
        uint64_t entry = entry_of(out->entries, lin, shift);

        if (!is_read(entry, out->reserved | PTE_PS)) {
            return false;
        }
        out->writable &= (entry & PTE_RW) != 0;
        out->entries = table_at(cpu, entry & PTE_ADDRESS);
    }
    return out->entries;
}

/* May lin, whose place in the RAM would be offset, be mapped as part of run, from phys? */
static bool fits(const X86Window *w, const Table *table, const X86WindowRun *run, uint64_t lin,
                 uint64_t phys, uint64_t offset)
{
    const uint64_t stored = PTE_RW | PTE_D;
    uint64_t entry = entry_of(table->entries, lin, GUEST_PAGE_BITS);
    bool writable = table->writable && (entry & stored) == stored;

    return is_read(entry, table->reserved) && (entry & PTE_ADDRESS) == phys &&
           writable == run->writable && offset < w->ram->length && !x86_window_has(w, lin) &&
           !(writable && x86_window_any_slow_write(w->ram, offset, GUEST_PAGE_SIZE));
}

/* Is the run plain memory from phys on? */
static bool is_memory(X86CPU *cpu, const X86WindowRun *run, uint64_t phys)
{
    MemorySection sec;

    x86_phys_section(cpu, phys, &sec);
    return sec.block == cpu->window->ram && sec.host && sec.length >= run->size &&
           sec.block_offset == run->offset && (sec.writable || !run->writable);
}

void x86_window_extend(X86CPU *cpu, X86WindowRun *run, uint64_t phys)
{
    const X86Window *w = cpu->window;
    uint64_t lin = run->lin, first = lin & ~(AROUND - 1), end = first + AROUND;
    uint64_t to_phys = phys - lin, to_offset = run->offset - lin; /* differences */
    X86WindowRun longer = *run;
    Table table;

    if (cpu->tlb->trial || cpu_debug_active(&cpu->parent) || !find_table(cpu, lin, &table)) {
        return;
    }
    for (uint64_t at = lin; at > first;) {
        at -= GUEST_PAGE_SIZE;
        if (!fits(w, &table, run, at, at + to_phys, at + to_offset)) {
            break;
        }
        longer.lin = at;
    }
    longer.size = lin + GUEST_PAGE_SIZE - longer.lin;
    for (uint64_t at = lin + GUEST_PAGE_SIZE; at < end; at += GUEST_PAGE_SIZE) {
        if (!fits(w, &table, run, at, at + to_phys, at + to_offset)) {
            break;
        }
        longer.size += GUEST_PAGE_SIZE;
    }
    longer.offset = longer.lin + to_offset;
    if (longer.size > run->size && is_memory(cpu, &longer, longer.lin + to_phys)) {
        *run = longer;
    }
}
