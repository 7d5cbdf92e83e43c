/*
 * Linear accesses: the software TLB's slow paths, fills and flushes, and the
 * segmentation in front of them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/mmu.h"
#include <string.h>
#include <sys/mman.h>
#include "hw/core/cpu-debug.h"
#include "target/i386/crdr.h"
#include "target/i386/excp.h"
#include "target/i386/interp/flags.h"
#include "target/i386/interp/interp.h"
#include "target/i386/phys.h"
#include "target/i386/tlb-space.h"
#include "target/i386/trial.h"
#include "target/i386/walk.h"
#include "target/i386/window.h"

/* --- flushing ------------------------------------------------------------- */

static void clear_entry(X86TlbEntry *e)
{
    e->read = e->write = e->exec = X86_TLB_NONE;
}

void x86_tlb_clear_sites(X86Tlb *tlb)
{
    X86TlbSite *site = (X86TlbSite *)tlb->site;

    for (unsigned i = 0; i < sizeof(tlb->site) / sizeof(*site); i++) {
        site[i].page = X86_TLB_NO_PAGE;
    }
}

X86Tlb *x86_tlb_new(void)
{
    /* below 2 GiB: translated code has the table's address in its instructions */
    X86Tlb *tlb = mmap(NULL, sizeof(X86Tlb), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

    g_assert(tlb != MAP_FAILED);
    for (unsigned idx = 0; idx < X86_TLB_COUNT; idx++) {
        for (unsigned i = 0; i < X86_TLB_SIZE; i++) {
            clear_entry(&tlb->entry[idx][i]);
        }
    }
    tlb->heeded = UINT64_MAX;
    for (unsigned i = 0; i < X86_PHYS_CACHE_SIZE; i++) {
        tlb->phys_cache[i].page = UINT64_MAX;
    }
    x86_tlb_clear_sites(tlb);
    x86_pde_cache_clear(tlb);
    return tlb;
}

void x86_tlb_free(X86Tlb *tlb)
{
    x86_tlb_space_free(tlb);
    g_clear_pointer(&tlb->code_numbers, g_hash_table_destroy);
    munmap(tlb, sizeof(X86Tlb));
}

/* Keeps the entries of a list for which keep says so; NULL: none. */
static void flush_list(X86Tlb *tlb, unsigned idx, unsigned which,
                       bool (*keep)(const X86TlbInfo *info))
{
    X86TlbList *list = &tlb->used[idx][which];
    unsigned kept = 0;

    for (unsigned i = 0; i < list->count; i++) {
        unsigned n = list->n[i];
        X86TlbInfo *info = &tlb->info[idx][n];
        bool own = info->global == which;

        if (own && keep && keep(info)) {
            list->n[kept++] = n;
            continue;
        }
        info->listed &= ~(1 << which);
        if (own) {
            clear_entry(&tlb->entry[idx][n]);
        }
    }
    list->count = kept;
}

static void flush_where(X86CPU *cpu, bool (*keep)(const X86TlbInfo *info))
{
    for (unsigned idx = 0; idx < X86_TLB_COUNT; idx++) {
        flush_list(cpu->tlb, idx, X86_TLB_LOCAL, keep);
        flush_list(cpu->tlb, idx, X86_TLB_GLOBAL, keep);
    }
    x86_tlb_clear_sites(cpu->tlb);
    x86_pde_cache_clear(cpu->tlb);
    cpu->code_generation++;
}

void x86_tlb_flush(X86CPU *cpu)
{
    X86Tlb *tlb = cpu->tlb;

    flush_where(cpu, NULL);
    x86_tlb_space_drop_all(tlb);
    x86_window_flush(cpu);
    tlb->last_section.sec.length = 0;
    memset(tlb->large_2m, 0, sizeof(tlb->large_2m));
    memset(tlb->large_1g, 0, sizeof(tlb->large_1g));
    for (unsigned i = 0; i < X86_PHYS_CACHE_SIZE; i++) {
        tlb->phys_cache[i].page = UINT64_MAX;
    }
}

void x86_tlb_flush_nonglobal(X86CPU *cpu)
{
    for (unsigned idx = 0; idx < X86_TLB_COUNT; idx++) {
        flush_list(cpu->tlb, idx, X86_TLB_LOCAL, NULL);
    }
    x86_tlb_clear_sites(cpu->tlb);
    x86_window_flush_present(cpu);
    x86_pde_cache_clear(cpu->tlb);
    cpu->code_generation++;
}

static bool is_small(const X86TlbInfo *info)
{
    return !info->large;
}

static bool test_hashed(const uint64_t *bits, uint64_t n)
{
    n ^= n >> 10;
    return bits[n >> 6 & 15] >> (n & 63) & 1;
}

static void set_hashed(uint64_t *bits, uint64_t n)
{
    n ^= n >> 10;
    bits[n >> 6 & 15] |= 1ull << (n & 63);
}

void x86_tlb_flush_page(X86CPU *cpu, uint64_t lin)
{
    X86Tlb *tlb = cpu->tlb;
    unsigned n = lin >> 12 & (X86_TLB_SIZE - 1);

    if (test_hashed(tlb->large_2m, lin >> 21) || test_hashed(tlb->large_1g, lin >> 30)) {
        flush_where(cpu, is_small);
        x86_window_drop_2m(cpu, lin);
    }
    if (test_hashed(tlb->large_1g, lin >> 30)) {
        x86_window_drop_large(cpu);
    }
    for (unsigned idx = 0; idx < X86_TLB_COUNT; idx++) {
        X86TlbEntry *e = &tlb->entry[idx][n];

        if (x86_tlb_maps(e->read, lin) || x86_tlb_maps(e->write, lin) ||
            x86_tlb_executes(e, lin)) {
            clear_entry(e);
        }
    }
    x86_tlb_clear_sites(tlb);
    x86_window_drop_page(cpu, lin);
    x86_pde_cache_clear(tlb);
    cpu->code_generation++;
}

void x86_tlb_drop_writes(X86CPU *cpu)
{
    X86Tlb *tlb = cpu->tlb;

    x86_tlb_clear_sites(tlb);
    x86_window_drop_writes(cpu);
    for (unsigned i = 0; i < X86_TLB_COUNT * X86_TLB_LISTS; i++) {
        const X86TlbList *list = &tlb->used[i / X86_TLB_LISTS][i % X86_TLB_LISTS];

        for (unsigned k = 0; k < list->count; k++) {
            tlb->entry[i / X86_TLB_LISTS][list->n[k]].write = X86_TLB_NONE;
        }
    }
}

void x86_tlb_drop_writes_to(X86CPU *cpu, const uint8_t *host_page)
{
    X86Tlb *tlb = cpu->tlb;

    x86_tlb_clear_sites(tlb);
    x86_window_drop_writes_to(cpu, host_page);
    for (unsigned i = 0; i < X86_TLB_COUNT * X86_TLB_LISTS; i++) {
        const X86TlbList *list = &tlb->used[i / X86_TLB_LISTS][i % X86_TLB_LISTS];

        for (unsigned k = 0; k < list->count; k++) {
            X86TlbEntry *e = &tlb->entry[i / X86_TLB_LISTS][list->n[k]];

            if (e->write != X86_TLB_NONE &&
                (e->write & X86_PAGE_MASK) + e->addend == (uintptr_t)host_page) {
                e->write = X86_TLB_NONE;
            }
        }
    }
}

/* --- filling ---------------------------------------------------------------- */

/* The debugger's watchpoints keep direct accesses off their pages. */
static bool page_watched(const X86CPU *cpu, uint64_t lin)
{
    return G_UNLIKELY(cpu_debug_active(&cpu->parent)) &&
           cpu_watched(&cpu->parent, lin & X86_PAGE_MASK, GUEST_PAGE_SIZE);
}

/* The tags of a page for what the walk and the memory behind it allow. */
static void set_tags(X86TlbEntry *e, const X86TlbInfo *info, uint64_t page, const X86Walk *walk,
                     const MemorySection *sec, bool watched, bool tried)
{
    uint64_t direct = sec->host ? page : page | X86_TLB_SLOW;
    uint64_t data = watched ? page | X86_TLB_SLOW : direct;
    uint64_t write = data;

    if (tried || !info->writable ||
        (__atomic_load_n(&info->block->page_flags[info->offset >> 12], __ATOMIC_SEQ_CST) &
         RAM_PAGE_SLOW_WRITE)) {
        write = page | X86_TLB_SLOW;
    }
    e->read = walk->readable ? data : X86_TLB_NONE;
    e->exec = !walk->executable ? X86_TLB_NONE
            : x86_tlb_exec_tag(page) | (sec->host ? 0 : X86_TLB_SLOW);
    e->write = walk->writable ? write : X86_TLB_NONE;
    e->addend = sec->host ? (uint64_t)sec->host - page : 0;
}

static void note_large(X86Tlb *tlb, uint64_t lin, unsigned page_bits)
{
    if (page_bits == 21) {
        set_hashed(tlb->large_2m, lin >> 21);
    } else if (page_bits > 21) {
        set_hashed(tlb->large_1g, lin >> 30);
    }
}

/* x86_phys_section() of a page. Most pages are in the same RAM as the last one. */
static void find_section(X86CPU *cpu, uint64_t page, MemorySection *out)
{
    const MemorySection *last = &cpu->tlb->last_section.sec;
    uint64_t into = x86_phys_addr(cpu, page) - cpu->tlb->last_section.start;

    if (into < last->length) {
        *out = *last;
        out->offset += into;
        out->host += into;
        out->block_offset += into;
        out->length -= into;
        return;
    }
    x86_phys_section(cpu, page, out);
    if (out->host && out->writable) {
        cpu->tlb->last_section.start = x86_phys_addr(cpu, page);
        cpu->tlb->last_section.sec = *out;
    }
}

/* Walks and enters the page of lin. Returns false with the error code if the
 * access is a page fault. */
static bool fill(X86CPU *cpu, uint64_t lin, X86Access access, X86TlbIndex idx, uint32_t *error)
{
    X86Tlb *tlb = cpu->tlb;
    unsigned n = lin >> 12 & (X86_TLB_SIZE - 1);
    X86TlbInfo *info = &tlb->info[idx][n];
    X86WalkAccess how = { .access = access, .user = idx == X86_TLB_USER,
                          .smap = idx == X86_TLB_KERNEL_SMAP };
    X86Walk walk;
    MemorySection sec;

    if (!x86_walk(cpu, lin, how, &walk)) {
        *error = walk.error;
        return false;
    }
    find_section(cpu, walk.phys & X86_PAGE_MASK, &sec);
    if (sec.length < GUEST_PAGE_SIZE) {
        sec.host = NULL; /* more than one thing in this page */
    }
    if (sec.host) {
        ram_block_gather(sec.block, sec.block_offset);
    }
    uint8_t listed = info->listed;
    *info = (X86TlbInfo){
        .phys = walk.phys & X86_PAGE_MASK, .block = sec.host ? sec.block : NULL,
        .offset = sec.block_offset, .writable = sec.host && sec.writable,
        .global = walk.global, .large = walk.page_bits > 12,
    };
    x86_tlb_list(tlb, idx, n, listed);
    note_large(tlb, lin, walk.page_bits);
    set_tags(&tlb->entry[idx][n], info, lin & X86_PAGE_MASK, &walk, &sec,
             page_watched(cpu, lin), tlb->trial);
    return true;
}

/* --- access by access ----------------------------------------------------------- */

static uint64_t next_page(const X86CPU *cpu, uint64_t lin)
{
    uint64_t next = (lin | 0xfff) + 1;

    return cpu->state.hflags & X86_HF_LMA ? next : (uint32_t)next;
}

static bool allows(const X86TlbEntry *e, uint64_t lin, X86Access access)
{
    return access == X86_ACCESS_EXEC ? x86_tlb_executes(e, lin)
         : x86_tlb_maps(access == X86_ACCESS_READ ? e->read : e->write, lin);
}

/* The entry that maps lin for access; raises #PF if nothing does. */
static X86TlbEntry *entry_for(X86CPU *cpu, uint64_t lin, X86Access access, X86TlbIndex idx)
{
    X86TlbEntry *e = &cpu->tlb->entry[idx][lin >> 12 & (X86_TLB_SIZE - 1)];
    uint32_t error;

    if (!allows(e, lin, access) && !fill(cpu, lin, access, idx, &error)) {
        x86_raise_pf(cpu, lin, error);
    }
    return e;
}

bool x86_lin_fill(X86CPU *cpu, uint64_t lin, X86Access access, uint32_t *error)
{
    X86TlbIndex idx = x86_tlb_index(&cpu->state);
    X86TlbEntry *e = &cpu->tlb->entry[idx][lin >> 12 & (X86_TLB_SIZE - 1)];

    return allows(e, lin, access) || fill(cpu, lin, access, idx, error);
}

bool x86_tlb_fill_user(X86CPU *cpu, uint64_t lin)
{
    X86TlbEntry *e = &cpu->tlb->entry[X86_TLB_USER][lin >> 12 & (X86_TLB_SIZE - 1)];
    uint32_t error;

    return allows(e, lin, X86_ACCESS_READ) ||
           fill(cpu, lin, X86_ACCESS_READ, X86_TLB_USER, &error);
}

static X86TlbInfo *info_of(X86CPU *cpu, uint64_t lin, X86TlbIndex idx)
{
    return &cpu->tlb->info[idx][lin >> 12 & (X86_TLB_SIZE - 1)];
}

static bool crosses_page(uint64_t lin, unsigned len)
{
    return (lin & 0xfff) + len > 0x1000;
}

/* A device may have changed the memory map: what follows must see it. */
static void after_io(X86CPU *cpu)
{
    if (__atomic_load_n(&cpu->parent.interrupt_request, __ATOMIC_RELAXED) & CPU_INTERRUPT_TLB) {
        x86_tlb_sync(cpu);
    }
}

/* Device accesses are not for trials. */
static void stop_trial(X86CPU *cpu)
{
    if (G_UNLIKELY(cpu->tlb->trial)) {
        x86_trial_stop(cpu);
    }
}

/* Every slow access: is it one that the debugger waits for? */
static void watch(X86CPU *cpu, uint64_t lin, unsigned size, unsigned access)
{
    if (G_UNLIKELY(cpu_debug_active(&cpu->parent)) &&
        cpu_watch(&cpu->parent, lin, size, access)) {
        x86_interp_leave(cpu);
    }
}

static void lin_probe(X86CPU *cpu, uint64_t lin, unsigned len, X86Access access, X86TlbIndex idx)
{
    entry_for(cpu, lin, access, idx);
    if (crosses_page(lin, len)) {
        entry_for(cpu, next_page(cpu, lin), access, idx);
    }
}

static uint64_t load_slow(X86CPU *cpu, uint64_t lin, unsigned size, X86TlbIndex idx);
static void store_slow(X86CPU *cpu, uint64_t lin, uint64_t val, unsigned size, X86TlbIndex idx);

static uint64_t load_crossing(X86CPU *cpu, uint64_t lin, unsigned size, X86TlbIndex idx)
{
    uint64_t next = next_page(cpu, lin), val = 0;
    unsigned first = 0x1000 - (lin & 0xfff);

    lin_probe(cpu, lin, size, X86_ACCESS_READ, idx);
    for (unsigned i = 0; i < size; i++) {
        uint64_t at = i < first ? lin + i : next + i - first;

        val |= load_slow(cpu, at, 1, idx) << i * 8;
    }
    return val;
}

static void store_crossing(X86CPU *cpu, uint64_t lin, uint64_t val, unsigned size, X86TlbIndex idx)
{
    uint64_t next = next_page(cpu, lin);
    unsigned first = 0x1000 - (lin & 0xfff);

    lin_probe(cpu, lin, size, X86_ACCESS_WRITE, idx);
    for (unsigned i = 0; i < size; i++) {
        store_slow(cpu, i < first ? lin + i : next + i - first, val >> i * 8 & 0xff, 1, idx);
    }
}

static uint64_t load_slow(X86CPU *cpu, uint64_t lin, unsigned size, X86TlbIndex idx)
{
    if (crosses_page(lin, size)) {
        return load_crossing(cpu, lin, size, idx);
    }
    X86TlbEntry *e = entry_for(cpu, lin, X86_ACCESS_READ, idx);
    if (!(e->read & X86_TLB_SLOW)) {
        return x86_host_load(lin + e->addend, size);
    }
    watch(cpu, lin, size, CPU_WATCH_READ);
    if (info_of(cpu, lin, idx)->block) {
        return x86_host_load(lin + e->addend, size);
    }
    stop_trial(cpu);
    uint64_t val = x86_phys_load(cpu, info_of(cpu, lin, idx)->phys | (lin & 0xfff), size);
    after_io(cpu);
    return val;
}

/* A store to RAM by a slow path is about to be made. */
static void note_trial(X86CPU *cpu, const X86TlbEntry *e, const X86TlbInfo *info, uint64_t lin,
                       unsigned size)
{
    if (G_UNLIKELY(cpu->tlb->trial)) {
        x86_trial_note_store(cpu, info->block, info->offset | (lin & 0xfff),
                             (uint8_t *)(lin + e->addend), size);
    }
}

/* Tells whoever cares for a RAM page; later stores go direct if nobody does any more. */
static void ram_written(const X86CPU *cpu, X86TlbEntry *e, X86TlbInfo *info, uint64_t lin,
                        unsigned size)
{
    uint8_t *flags = &info->block->page_flags[info->offset >> GUEST_PAGE_BITS];

    if (G_UNLIKELY(cpu->tlb->trial)) {
        return;
    }
    ram_block_written(info->block, info->offset | (lin & 0xfff), size);
    if (!(__atomic_load_n(flags, __ATOMIC_SEQ_CST) & RAM_PAGE_SLOW_WRITE) &&
        x86_tlb_maps(e->write, lin) && !page_watched(cpu, lin)) {
        e->write = lin & X86_PAGE_MASK;
    }
}

static void store_slow(X86CPU *cpu, uint64_t lin, uint64_t val, unsigned size, X86TlbIndex idx)
{
    if (crosses_page(lin, size)) {
        store_crossing(cpu, lin, val, size, idx);
        return;
    }
    X86TlbEntry *e = entry_for(cpu, lin, X86_ACCESS_WRITE, idx);
    X86TlbInfo *info = info_of(cpu, lin, idx);
    if (!(e->write & X86_TLB_SLOW)) {
        x86_host_store(lin + e->addend, size, val);
        return;
    }
    watch(cpu, lin, size, CPU_WATCH_WRITE);
    if (info->writable) {
        note_trial(cpu, e, info, lin, size);
        x86_host_store(lin + e->addend, size, val);
        ram_written(cpu, e, info, lin, size);
    } else {
        stop_trial(cpu);
        x86_phys_store(cpu, info->phys | (lin & 0xfff), val, size);
        after_io(cpu);
    }
}

X86_INLINE uint64_t load(X86CPU *cpu, uint64_t lin, unsigned size, X86TlbIndex idx)
{
    X86TlbEntry *e = &cpu->tlb->entry[idx][lin >> 12 & (X86_TLB_SIZE - 1)];

    if (G_LIKELY(((lin + size - 1) & X86_PAGE_MASK) == e->read)) {
        return x86_host_load(lin + e->addend, size);
    }
    return load_slow(cpu, lin, size, idx);
}

X86_INLINE void store(X86CPU *cpu, uint64_t lin, uint64_t val, unsigned size, X86TlbIndex idx)
{
    X86TlbEntry *e = &cpu->tlb->entry[idx][lin >> 12 & (X86_TLB_SIZE - 1)];

    if (G_LIKELY(((lin + size - 1) & X86_PAGE_MASK) == e->write)) {
        x86_host_store(lin + e->addend, size, val);
        return;
    }
    store_slow(cpu, lin, val, size, idx);
}

void x86_check_alignment(X86CPU *cpu, uint64_t lin, unsigned alignment)
{
    if ((cpu->state.hflags & X86_HF_AC) && (lin & (alignment - 1))) {
        x86_raise(cpu, X86_EXCP_AC, 0);
    }
}

/* #AC before, and data breakpoints after, an access of CPL's own. */
X86_INLINE uint64_t load_checked(X86CPU *cpu, uint64_t lin, unsigned size)
{
    X86TlbIndex idx = x86_tlb_index(&cpu->state);
    uint64_t val;

    if (G_LIKELY(!(cpu->state.hflags & (X86_HF_AC | X86_HF_BP_DATA)))) {
        return load(cpu, lin, size, idx);
    }
    x86_check_alignment(cpu, lin, size);
    val = load(cpu, lin, size, idx);
    if (cpu->state.hflags & X86_HF_BP_DATA) {
        x86_note_data_breakpoint(cpu, lin, size, false);
    }
    return val;
}

X86_INLINE void store_checked(X86CPU *cpu, uint64_t lin, uint64_t val, unsigned size)
{
    X86TlbIndex idx = x86_tlb_index(&cpu->state);

    if (G_LIKELY(!(cpu->state.hflags & (X86_HF_AC | X86_HF_BP_DATA)))) {
        store(cpu, lin, val, size, idx);
        return;
    }
    x86_check_alignment(cpu, lin, size);
    store(cpu, lin, val, size, idx);
    if (cpu->state.hflags & X86_HF_BP_DATA) {
        x86_note_data_breakpoint(cpu, lin, size, true);
    }
}

static X86TlbIndex sys_index(const X86CPU *cpu)
{
    return cpu->state.cr4 & X86_CR4_SMAP ? X86_TLB_KERNEL_SMAP : X86_TLB_KERNEL;
}

#define LIN_ACCESS(bits, T)                                                    \
    T x86_lin_read##bits(X86CPU *cpu, uint64_t lin)                            \
    {                                                                          \
        return load_checked(cpu, lin, bits / 8);                               \
    }                                                                          \
    void x86_lin_write##bits(X86CPU *cpu, uint64_t lin, T val)                 \
    {                                                                          \
        store_checked(cpu, lin, val, bits / 8);                                \
    }                                                                          \
    T x86_sys_read##bits(X86CPU *cpu, uint64_t lin)                            \
    {                                                                          \
        return load(cpu, lin, bits / 8, sys_index(cpu));                       \
    }                                                                          \
    void x86_sys_write##bits(X86CPU *cpu, uint64_t lin, T val)                 \
    {                                                                          \
        store(cpu, lin, val, bits / 8, sys_index(cpu));                        \
    }
LIN_ACCESS(8, uint8_t)
LIN_ACCESS(16, uint16_t)
LIN_ACCESS(32, uint32_t)
LIN_ACCESS(64, uint64_t)

void x86_lin_probe(X86CPU *cpu, uint64_t lin, unsigned len, X86Access access)
{
    if (len <= 8) {
        x86_check_alignment(cpu, lin, len);
    }
    lin_probe(cpu, lin, len, access, x86_tlb_index(&cpu->state));
}

void x86_sys_probe(X86CPU *cpu, uint64_t lin, unsigned len, X86Access access)
{
    lin_probe(cpu, lin, len, access, sys_index(cpu));
}

/* Bytes of [lin, lin + len) in its first page, at most. */
static unsigned chunk(uint64_t lin, unsigned len)
{
    return MIN(len, 0x1000 - (lin & 0xfff));
}

/* I/O is read in the largest naturally aligned pieces. */
static unsigned io_piece(uint64_t lin, unsigned len)
{
    unsigned size = 8;

    while (size > len || (lin & (size - 1))) {
        size /= 2;
    }
    return size;
}

static void read_in_page(X86CPU *cpu, uint64_t lin, uint8_t *buf, unsigned len, X86TlbIndex idx)
{
    X86TlbEntry *e = entry_for(cpu, lin, X86_ACCESS_READ, idx);

    if (!(e->read & X86_TLB_SLOW)) {
        memcpy(buf, (void *)(lin + e->addend), len);
        return;
    }
    for (unsigned i = 0, size; i < len; i += size) {
        size = io_piece(lin + i, len - i);
        x86_host_store((uintptr_t)(buf + i), size, load_slow(cpu, lin + i, size, idx));
    }
}

static void write_in_page(X86CPU *cpu, uint64_t lin, const uint8_t *buf, unsigned len,
                          X86TlbIndex idx)
{
    X86TlbEntry *e = entry_for(cpu, lin, X86_ACCESS_WRITE, idx);
    X86TlbInfo *info = info_of(cpu, lin, idx);

    if (!(e->write & X86_TLB_SLOW) || info->writable) {
        note_trial(cpu, e, info, lin, len);
        memcpy((void *)(lin + e->addend), buf, len);
        if (e->write & X86_TLB_SLOW) {
            watch(cpu, lin, len, CPU_WATCH_WRITE);
            ram_written(cpu, e, info, lin, len);
        }
        return;
    }
    for (unsigned i = 0, size; i < len; i += size) {
        size = io_piece(lin + i, len - i);
        store_slow(cpu, lin + i, x86_host_load((uintptr_t)(buf + i), size), size, idx);
    }
}

void x86_lin_read(X86CPU *cpu, uint64_t lin, void *buf, unsigned len)
{
    X86TlbIndex idx = x86_tlb_index(&cpu->state);
    unsigned first = chunk(lin, len);

    lin_probe(cpu, lin, len, X86_ACCESS_READ, idx);
    if (cpu->state.hflags & X86_HF_BP_DATA) {
        x86_note_data_breakpoint(cpu, lin, len, false);
    }
    read_in_page(cpu, lin, buf, first, idx);
    if (first < len) {
        read_in_page(cpu, next_page(cpu, lin), (uint8_t *)buf + first, len - first, idx);
    }
}

void x86_lin_write(X86CPU *cpu, uint64_t lin, const void *buf, unsigned len)
{
    X86TlbIndex idx = x86_tlb_index(&cpu->state);
    unsigned first = chunk(lin, len);

    lin_probe(cpu, lin, len, X86_ACCESS_WRITE, idx);
    if (cpu->state.hflags & X86_HF_BP_DATA) {
        x86_note_data_breakpoint(cpu, lin, len, true);
    }
    write_in_page(cpu, lin, buf, first, idx);
    if (first < len) {
        write_in_page(cpu, next_page(cpu, lin), (const uint8_t *)buf + first, len - first, idx);
    }
}

void *x86_lin_host(X86CPU *cpu, uint64_t lin, X86Access access)
{
    X86TlbEntry *e = entry_for(cpu, lin, access, x86_tlb_index(&cpu->state));

    return (access == X86_ACCESS_EXEC ? e->exec : access == X86_ACCESS_READ ? e->read : e->write) &
           X86_TLB_SLOW ? NULL : (void *)(lin + e->addend);
}

void *x86_lin_rmw_ptr(X86CPU *cpu, uint64_t lin, unsigned size)
{
    X86TlbIndex idx = x86_tlb_index(&cpu->state);
    X86TlbInfo *info;

    x86_check_alignment(cpu, lin, size);
    if (cpu->state.hflags & X86_HF_BP_DATA) {
        x86_note_data_breakpoint(cpu, lin, size, true);
    }
    if (crosses_page(lin, size)) {
        lin_probe(cpu, lin, size, X86_ACCESS_WRITE, idx);
        return NULL;
    }
    X86TlbEntry *e = entry_for(cpu, lin, X86_ACCESS_WRITE, idx);
    if (e->write & X86_TLB_SLOW) {
        info = info_of(cpu, lin, idx);
        if (!info->writable) {
            return NULL;
        }
        watch(cpu, lin, size, CPU_WATCH_READ | CPU_WATCH_WRITE);
        note_trial(cpu, e, info, lin, size);
        cpu->tlb->rmw_block = info->block;
        cpu->tlb->rmw_offset = info->offset | (lin & 0xfff);
    }
    return (void *)(lin + e->addend);
}

void x86_lin_rmw_done(X86CPU *cpu, unsigned size)
{
    RAMBlock *block = cpu->tlb->rmw_block;

    if (G_UNLIKELY(block)) {
        cpu->tlb->rmw_block = NULL;
        if (!cpu->tlb->trial) {
            ram_block_written(block, cpu->tlb->rmw_offset, size);
        }
    }
}

uint8_t *x86_code_page(X86CPU *cpu, uint64_t lin, RAMBlock **block, uint64_t *offset)
{
    X86TlbIndex idx = x86_tlb_index(&cpu->state);
    X86TlbEntry *e;

    if ((cpu->state.hflags & X86_HF_CS64) && !x86_is_canonical(&cpu->state, lin)) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    e = entry_for(cpu, lin, X86_ACCESS_EXEC, idx);
    if (e->exec & X86_TLB_SLOW) {
        return NULL;
    }
    x86_tlb_number_code(cpu, e, lin);
    *block = info_of(cpu, lin, idx)->block;
    *offset = info_of(cpu, lin, idx)->offset;
    return (uint8_t *)((lin & X86_PAGE_MASK) + e->addend);
}

uint8_t x86_code_byte(X86CPU *cpu, uint64_t lin)
{
    X86TlbIndex idx = x86_tlb_index(&cpu->state);
    X86TlbEntry *e = entry_for(cpu, lin, X86_ACCESS_EXEC, idx);

    if (!(e->exec & X86_TLB_SLOW)) {
        return *(uint8_t *)(lin + e->addend);
    }
    return x86_phys_load(cpu, info_of(cpu, lin, idx)->phys | (lin & 0xfff), 1);
}

/* --- segmentation -------------------------------------------------------------------- */

static bool type_allows(const X86Segment *sr, X86Access access)
{
    if (sr->attr & X86_DESC_UNUSABLE) {
        return false;
    }
    if (sr->attr & X86_DESC_CODE) {
        return access == X86_ACCESS_EXEC || (access == X86_ACCESS_READ && sr->attr & X86_DESC_R);
    }
    return access != X86_ACCESS_WRITE || (sr->attr & X86_DESC_W);
}

static bool in_limit(const X86Segment *sr, uint64_t ea, unsigned size)
{
    uint64_t last = ea + (size ? size - 1 : 0);

    if ((sr->attr & (X86_DESC_CODE | X86_DESC_E)) == X86_DESC_E) {
        return ea > sr->limit && last <= (sr->attr & X86_DESC_DB ? 0xffffffff : 0xffff);
    }
    return last <= sr->limit;
}

uint64_t x86_seg_linear(X86CPU *cpu, unsigned seg, uint64_t ea, unsigned size, X86Access access)
{
    const X86State *s = &cpu->state;
    const X86Segment *sr = &s->segs[seg];

    if (s->hflags & X86_HF_CS64) {
        uint64_t lin = seg >= X86_FS ? ea + sr->base : ea;

        if (!x86_is_canonical(s, lin) || !x86_is_canonical(s, lin + (size ? size - 1 : 0))) {
            x86_raise(cpu, seg == X86_SS ? X86_EXCP_SS : X86_EXCP_GP, 0);
        }
        return lin;
    }
    bool typed = (s->hflags & (X86_HF_PE | X86_HF_VM86)) == X86_HF_PE;
    if ((typed && !type_allows(sr, access)) || !in_limit(sr, ea, size)) {
        x86_raise(cpu, seg == X86_SS ? X86_EXCP_SS : X86_EXCP_GP, 0);
    }
    return (uint32_t)(sr->base + ea);
}

/* --- debuggers -------------------------------------------------------------------------- */

bool x86_translate_debug(X86CPU *cpu, uint64_t lin, uint64_t *phys)
{
    X86WalkAccess how = { .access = X86_ACCESS_READ, .debug = true };
    X86Walk walk;

    if (!x86_walk(cpu, lin, how, &walk)) {
        return false;
    }
    *phys = x86_phys_addr(cpu, walk.phys);
    return true;
}
