/*
 * Physical accesses (phys.h, x86_phys_* of mmu.h).
 *
 * The page walker reads the same few pages again and again, so host pages of
 * RAM are kept in a small direct-mapped cache, emptied when the map changes.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "target/i386/phys.h"
#include "target/i386/tlb.h"
#include "util/rcu.h"

AddressSpace *x86_phys_space(X86CPU *cpu)
{
    return cpu->state.hflags & X86_HF_SMM && cpu->smm_as ? cpu->smm_as : cpu->parent.as;
}

uint64_t x86_phys_addr(const X86CPU *cpu, uint64_t phys)
{
    return cpu->state.a20_masked ? phys & ~(1ull << 20) : phys;
}

void x86_phys_section(X86CPU *cpu, uint64_t phys, MemorySection *out)
{
    rcu_reader_enter();
    address_space_lookup(x86_phys_space(cpu), x86_phys_addr(cpu, phys), out);
    rcu_reader_leave();
}

static MemTxAttrs attrs(const X86CPU *cpu)
{
    return (MemTxAttrs){ .smm = cpu->state.hflags & X86_HF_SMM };
}

uint64_t x86_phys_load(X86CPU *cpu, uint64_t phys, unsigned size)
{
    uint64_t val = ~0ull;

    address_space_load(x86_phys_space(cpu), x86_phys_addr(cpu, phys), size, attrs(cpu), &val);
    x86_trail_access(&cpu->trail.mmio, phys, val, size, false);
    return val;
}

void x86_phys_store(X86CPU *cpu, uint64_t phys, uint64_t val, unsigned size)
{
    address_space_store(x86_phys_space(cpu), x86_phys_addr(cpu, phys), size, attrs(cpu), val);
    x86_trail_access(&cpu->trail.mmio, phys, val, size, true);
}

/* The host page of phys if it is plain, writable RAM; else NULL. */
static uint8_t *ram_page(X86CPU *cpu, uint64_t phys)
{
    uint64_t page = x86_phys_addr(cpu, phys) & X86_PAGE_MASK;
    unsigned slot = page >> 12 & (X86_PHYS_CACHE_SIZE - 1);
    MemorySection sec;

    if (G_LIKELY(cpu->tlb->phys_cache[slot].page == page)) {
        return cpu->tlb->phys_cache[slot].host;
    }
    x86_phys_section(cpu, page, &sec);
    if (!sec.host || !sec.writable || sec.length < GUEST_PAGE_SIZE) {
        return NULL;
    }
    cpu->tlb->phys_cache[slot].page = page;
    cpu->tlb->phys_cache[slot].host = sec.host;
    return sec.host;
}

uint32_t x86_phys_read32(X86CPU *cpu, uint64_t phys)
{
    uint8_t *host = ram_page(cpu, phys);

    return host ? __atomic_load_n((uint32_t *)(host + (phys & 0xfff)), __ATOMIC_RELAXED)
                : x86_phys_load(cpu, phys, 4);
}

uint64_t x86_phys_read64(X86CPU *cpu, uint64_t phys)
{
    uint8_t *host = ram_page(cpu, phys);

    return host ? __atomic_load_n((uint64_t *)(host + (phys & 0xfff)), __ATOMIC_RELAXED)
                : x86_phys_load(cpu, phys, 8);
}

void x86_phys_write32(X86CPU *cpu, uint64_t phys, uint32_t val)
{
    x86_phys_store(cpu, phys, val, 4);
}

void x86_phys_write64(X86CPU *cpu, uint64_t phys, uint64_t val)
{
    x86_phys_store(cpu, phys, val, 8);
}

/* Tables in ROM or I/O cannot be marked: reported as done. */
bool x86_phys_cmpxchg(X86CPU *cpu, uint64_t phys, uint64_t old, uint64_t val, unsigned size)
{
    uint8_t *host = ram_page(cpu, phys);
    uint32_t old32 = old;
    MemorySection sec;
    bool done;

    if (!host) {
        return true;
    }
    host += phys & 0xfff;
    done = size == 8 ? __atomic_compare_exchange_n((uint64_t *)host, &old, val, false,
                                                   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
                     : __atomic_compare_exchange_n((uint32_t *)host, &old32, val, false,
                                                   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    if (done) {
        x86_phys_section(cpu, phys, &sec);
        if (sec.block->page_flags[sec.block_offset >> GUEST_PAGE_BITS] & RAM_PAGE_SLOW_WRITE) {
            ram_block_written(sec.block, sec.block_offset, size);
        }
    }
    return done;
}
