/*
 * Windows: what is mapped in them (window.h).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <sys/mman.h>
#include <x86intrin.h>
#include "hw/core/machine.h"
#include "target/i386/phys.h"
#include "target/i386/window-internal.h"

#define PLACES (UINT64_C(1) << 45) /* bytes of a window */
#define USED_PLACES (PLACES / 2)   /* the others stand for the upper half of the addresses */
#define GUARD (UINT64_C(1) << 36)  /* before and behind it: displacements and indices are added to places */
#define LOWEST UINT64_C(0x140000000000) /* of the host's addresses that windows may have */
#define HIGHEST UINT64_C(0x780000000000)
#define GROUP_SIZE (UINT64_C(1) << 39)
#define LARGE_SIZE UINT64_C(0x200000)
#define NO_ADDRESS UINT64_C(0x8000000000000000)

enum {
    WRITABLE = 1,      /* in the values of X86Window.pages */
    PART = 2,          /* a small page that is part of a large one of the guest's */
    MAX_PAGES = 24000, /* a Linux process has 65530 mappings */
};

/* --- places ------------------------------------------------------------------------- */

static uint64_t __attribute__((target("bmi2"))) place_of(uint64_t lin)
{
    return _pext_u64(lin, X86_WINDOW_MASK);
}

/* The only linear address at a place; NO_ADDRESS if there is none. */
static uint64_t address_at(const X86Window *w, uint64_t place)
{
    unsigned group = place >> 39 & (X86_WINDOW_GROUPS - 1);

    if (place >= USED_PLACES || w->dropped[group] == X86_WINDOW_NO_ENTRY) {
        return NO_ADDRESS;
    }
    return (place & ((UINT64_C(1) << 42) - 1)) | (uint64_t)w->dropped[group] << 42 |
           (place >> 42 & 3) << 45;
}

uint64_t x86_window_base(const X86Window *w)
{
    return (uintptr_t)w->base;
}

bool x86_window_holds(const X86Window *w, uint64_t host, uint64_t *lin)
{
    uint64_t place = host - (uintptr_t)w->base;

    *lin = NO_ADDRESS;
    if (place < PLACES) {
        *lin = address_at(w, place);
    }
    return place + GUARD < PLACES + 2 * GUARD;
}

/* --- mapping --------------------------------------------------------------------------- */

static gpointer small_key(uint64_t lin)
{
    return GSIZE_TO_POINTER(lin >> GUEST_PAGE_BITS << 1);
}

static gpointer large_key(uint64_t lin)
{
    return GSIZE_TO_POINTER(lin / LARGE_SIZE << 1 | 1);
}

/* The linear address and the size that a key stands for. */
static uint64_t key_address(gconstpointer key, uint64_t *size)
{
    uint64_t n = GPOINTER_TO_SIZE(key);

    *size = n & 1 ? LARGE_SIZE : GUEST_PAGE_SIZE;
    return (n >> 1) * *size;
}

void x86_window_unmap_all(X86Window *w)
{
    munmap(w->base, USED_PLACES);
}

/* Notes whether [host, host + size), host a value of X86Window.pages, may be written. */
static void note_stored(X86Window *w, uint64_t host, uint64_t size, bool stored)
{
    if (host & WRITABLE) {
        memset(w->stored + (((host & X86_PAGE_MASK) - (uintptr_t)w->ram->host) >> GUEST_PAGE_BITS),
               stored, size >> GUEST_PAGE_BITS);
    }
}

void x86_window_empty(X86Window *w)
{
    GHashTableIter i;
    gpointer key, host;
    uint64_t size;

    if (!g_hash_table_size(w->pages)) {
        return;
    }
    x86_window_unmap_all(w);
    g_hash_table_iter_init(&i, w->pages);
    while (g_hash_table_iter_next(&i, &key, &host)) {
        key_address(key, &size);
        note_stored(w, GPOINTER_TO_SIZE(host), size, false);
    }
    g_hash_table_remove_all(w->pages);
    w->torn = w->parts = false;
    w->stats.emptied++;
}

static void unmap(X86Window *w, gconstpointer key)
{
    uint64_t size, lin = key_address(key, &size);

    if (munmap(w->base + place_of(lin), size) < 0) { /* one mapping becomes three */
        x86_window_unmap_all(w);
        w->torn = true;
    }
    w->changes++;
    w->stats.unmapped++;
}

static void drop(X86Window *w, gpointer key)
{
    if (g_hash_table_remove(w->pages, key)) {
        unmap(w, key);
    }
}

void x86_window_use_ram(X86Window *w, RAMBlock *block)
{
    if (!w->ram && block->fd >= 0) {
        void *stored = mmap(NULL, block->length >> GUEST_PAGE_BITS, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (stored != MAP_FAILED) {
            w->stored = stored;
            w->ram = ram_block_ref(block);
        }
    }
}

/* Enters and maps the pages of a run, or one large page. */
static bool map(X86Window *w, const X86WindowRun *run)
{
    bool large = run->size == LARGE_SIZE;
    void *at = mmap(w->base + place_of(run->lin), run->size,
                    PROT_READ | (run->writable ? PROT_WRITE : 0),
                    MAP_SHARED | MAP_FIXED | MAP_POPULATE, w->ram->fd, run->offset);

    if (at == MAP_FAILED) {
        x86_window_empty(w);
        return false;
    }
    uint64_t host = (uintptr_t)w->ram->host + run->offset + (run->writable ? WRITABLE : 0);
    if (large) {
        g_hash_table_insert(w->pages, large_key(run->lin), GSIZE_TO_POINTER(host));
    }
    host += run->part ? PART : 0;
    for (uint64_t into = 0; !large && into < run->size; into += GUEST_PAGE_SIZE) {
        g_hash_table_insert(w->pages, small_key(run->lin + into), GSIZE_TO_POINTER(host + into));
    }
    w->parts |= large || run->part;
    note_stored(w, host, run->size, true);
    w->changes++;
    w->stats.mapped += large ? 1 : run->size >> GUEST_PAGE_BITS;
    w->stats.large += large;
    return true;
}

bool x86_window_any_slow_write(const RAMBlock *block, uint64_t offset, uint64_t size)
{
    uint8_t all = 0;

    for (uint64_t n = offset >> GUEST_PAGE_BITS; n < (offset + size) >> GUEST_PAGE_BITS; n++) {
        all |= __atomic_load_n(&block->page_flags[n], __ATOMIC_RELAXED);
    }
    return all & RAM_PAGE_SLOW_WRITE;
}

/* All pages of the 2 MiB around lin, or parts: those that are parts of large ones. */
static void drop_2m(X86Window *w, uint64_t lin, bool parts)
{
    uint64_t start = lin & ~(LARGE_SIZE - 1);

    for (uint64_t at = start; at < start + LARGE_SIZE; at += GUEST_PAGE_SIZE) {
        uint64_t host = GPOINTER_TO_SIZE(g_hash_table_lookup(w->pages, small_key(at)));

        if (host && (!parts || (host & PART))) {
            drop(w, small_key(at));
        }
    }
    drop(w, large_key(lin));
}

/* The 2 MiB around lin, which are part of a large page, if they are plain memory. */
static bool map_large(X86CPU *cpu, uint64_t lin, const X86TlbInfo *info, bool writable)
{
    X86Window *w = cpu->window;
    uint64_t start = info->phys & ~(LARGE_SIZE - 1);
    MemorySection sec;

    x86_phys_section(cpu, start, &sec);
    if (sec.length < LARGE_SIZE || sec.block != w->ram || !sec.host || !sec.writable ||
        x86_window_any_slow_write(sec.block, sec.block_offset, LARGE_SIZE)) {
        return false;
    }
    drop_2m(w, lin, false);
    return map(w, &(X86WindowRun){ .lin = lin & ~(LARGE_SIZE - 1), .offset = sec.block_offset,
                                   .size = LARGE_SIZE, .writable = writable });
}

static bool has(const X86Window *w, gpointer key, bool writable)
{
    uint64_t host = GPOINTER_TO_SIZE(g_hash_table_lookup(w->pages, key));

    return host && (!writable || (host & WRITABLE));
}

bool x86_window_has(const X86Window *w, uint64_t page)
{
    return has(w, small_key(page), false) || has(w, large_key(page), false);
}

/* May what is mapped in group b be taken for what follows on group a? It does not follow if a's
 * bits 39 to 41 are set: the next address has others of the bits that places do not keep. */
static bool may_adjoin(const X86Window *w, unsigned a, unsigned b)
{
    return (a & 7) != 7 &&
           (w->dropped[a] == w->dropped[b] || w->dropped[a] == X86_WINDOW_NO_ENTRY ||
            w->dropped[b] == X86_WINDOW_NO_ENTRY);
}

/* Is the place within reach of a displacement or an index from another group, whose places do not follow or
 * precede it as the addresses do? Nothing is mapped there. */
static bool is_at_edge(const X86Window *w, uint64_t place)
{
    unsigned group = place >> 39 & (X86_WINDOW_GROUPS - 1);
    uint64_t into = place & (GROUP_SIZE - 1);

    return (into < GUARD && group > 0 && !may_adjoin(w, group - 1, group)) ||
           (into >= GROUP_SIZE - GUARD && group < X86_WINDOW_GROUPS - 1 &&
            !may_adjoin(w, group, group + 1));
}

/* The window is not closed, and stays so. */
static bool map_locked(X86CPU *cpu, uint64_t page)
{
    X86Window *w = cpu->window;
    unsigned n = page >> GUEST_PAGE_BITS & (X86_TLB_SIZE - 1);
    const X86TlbEntry *e = &cpu->tlb->entry[X86_TLB_USER][n];
    const X86TlbInfo *info = &cpu->tlb->info[X86_TLB_USER][n];
    bool writable = e->write == page;

    if (e->read != page || address_at(w, place_of(page)) != page ||
        is_at_edge(w, place_of(page)) || info->block != w->ram) {
        return false;
    }
    if (w->torn || g_hash_table_size(w->pages) >= MAX_PAGES / w->cpus) {
        x86_window_empty(w);
    }
    if (has(w, small_key(page), writable) || has(w, large_key(page), writable)) {
        return false; /* it was something else that faulted */
    }
    if (info->large && map_large(cpu, page, info, writable)) {
        return true;
    }
    drop(w, large_key(page));
    X86WindowRun run = { .lin = page, .offset = info->offset, .size = GUEST_PAGE_SIZE,
                         .writable = writable };
    run.part = info->large;
    if (!info->large) {
        x86_window_extend(cpu, &run, info->phys);
    }
    return map(w, &run);
}

bool x86_window_map(X86CPU *cpu, uint64_t lin)
{
    X86Window *w = cpu->window;

    if (!w->open) {
        return true;
    }
    if (!x86_window_may_map(w)) {
        return !x86_window_refuse(cpu);
    }
    g_mutex_lock(&w->lock);
    bool done = w->closed || map_locked(cpu, lin & X86_PAGE_MASK);
    g_mutex_unlock(&w->lock);
    return done;
}

void x86_window_expect(X86CPU *cpu, uint64_t lin)
{
    cpu->window->expected = lin < NO_ADDRESS ? lin & X86_PAGE_MASK : 0;
}

/* --- dropping ----------------------------------------------------------------------------- */

void x86_window_drop_page(X86CPU *cpu, uint64_t lin)
{
    if (cpu->window) {
        drop(cpu->window, small_key(lin & X86_PAGE_MASK));
        drop(cpu->window, large_key(lin));
    }
}

void x86_window_drop_2m(X86CPU *cpu, uint64_t lin)
{
    if (cpu->window && cpu->window->parts) {
        drop_2m(cpu->window, lin, true);
    }
}

void x86_window_drop_large(X86CPU *cpu)
{
    if (cpu->window && cpu->window->parts) {
        x86_window_empty(cpu->window);
    }
}

/* Is any page that host, a value of X86Window.pages, stands for flagged? */
static bool is_slow(const X86Window *w, uint64_t host, uint64_t size)
{
    uint64_t offset = (host & X86_PAGE_MASK) - (uintptr_t)w->ram->host;

    return (host & WRITABLE) && x86_window_any_slow_write(w->ram, offset, size);
}

void x86_window_drop_writes(X86CPU *cpu)
{
    X86Window *w = cpu->window;
    GHashTableIter i;
    gpointer key, host;
    uint64_t size;

    if (!w) {
        return;
    }
    g_hash_table_iter_init(&i, w->pages);
    while (g_hash_table_iter_next(&i, &key, &host)) {
        key_address(key, &size);
        if (is_slow(w, GPOINTER_TO_SIZE(host), size)) {
            unmap(w, key);
            g_hash_table_iter_remove(&i);
        }
    }
}

void x86_window_drop_writes_to(X86CPU *cpu, const uint8_t *host_page)
{
    X86Window *w = cpu->window;
    GHashTableIter i;
    gpointer key, host;
    uint64_t size;

    if (!w || !w->ram || (uint64_t)(host_page - w->ram->host) >= w->ram->length ||
        !w->stored[(host_page - w->ram->host) >> GUEST_PAGE_BITS]) {
        return;
    }
    g_hash_table_iter_init(&i, w->pages);
    while (g_hash_table_iter_next(&i, &key, &host)) {
        uint64_t start = GPOINTER_TO_SIZE(host);

        key_address(key, &size);
        if ((start & WRITABLE) && (uintptr_t)host_page - (start & X86_PAGE_MASK) < size) {
            unmap(w, key);
            g_hash_table_iter_remove(&i);
        }
    }
    w->stored[(host_page - w->ram->host) >> GUEST_PAGE_BITS] = 0;
}

/* --- life ----------------------------------------------------------------------------------- */

static unsigned cpu_count(const X86CPU *cpu)
{
    const MachineState *machine = cpu->parent.parent.machine;

    return machine && machine->max_cpus ? machine->max_cpus : 1;
}

/*
 * Where pages may come to lie nothing is reserved: to make a hole in another mapping for each of them costs
 * half as much again. So that no mapping of somebody else gets there, windows are far below the addresses
 * that Linux gives to those who ask for none: it goes down from the stack, and terabytes are free
 * between. The program itself lies at two thirds of the address space.
 */
static uint8_t *find_room(void)
{
    const uint64_t size = PLACES + 2 * GUARD, step = UINT64_C(1) << 40;

    for (uint64_t at = LOWEST; at + size <= HIGHEST; at += step) {
        uint8_t *found = mmap((void *)at, size, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (found == (uint8_t *)at) {
            munmap(found + GUARD, USED_PLACES);
            return found;
        }
        if (found != MAP_FAILED) {
            munmap(found, size);
        }
    }
    return NULL;
}

void x86_window_new(X86CPU *cpu, bool eager)
{
    uint8_t *start = find_room();

    if (!start) {
        return; /* the software TLB does */
    }
    X86Window *w = cpu->window = g_new0(X86Window, 1);
    w->base = start + GUARD;
    w->eager = eager;
    w->cpus = cpu_count(cpu);
    w->pages = g_hash_table_new(NULL, NULL);
    g_mutex_init(&w->lock);
    x86_window_watch(cpu);
}

void x86_window_free(X86CPU *cpu)
{
    X86Window *w = cpu->window;

    if (!w) {
        return;
    }
    x86_window_unwatch(cpu);
    munmap(w->base - GUARD, PLACES + 2 * GUARD);
    if (w->ram) {
        munmap(w->stored, w->ram->length >> GUEST_PAGE_BITS);
        ram_block_unref(w->ram);
    }
    g_hash_table_destroy(w->pages);
    g_mutex_clear(&w->lock);
    g_free(w);
    cpu->window = NULL;
}
