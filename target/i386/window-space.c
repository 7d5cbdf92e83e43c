/*
 * Windows: which address space has one, and for how long (window.h).
 *
 * An address space is known by its PML4. It gets the CPU's window when it has been in force for
 * long enough, or has just computed for a while in few pages, and the owner until now has not been in
 * force lately. When mapping pages costs more than it brings, the blocks that want more of them do without
 * the window; if those are many the address space loses it, and must run for longer the next time.
 *
 * The owner's PML4 is watched as a page of code is: stores to it are told to root_written(), which
 * empties the window if an entry comes or goes.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <x86intrin.h>
#include "target/i386/phys.h"
#include "target/i386/window-internal.h"

/* In ticks of the host's time stamp counter, of which a millisecond has some millions. */
#define PATIENCE 40000000u    /* an address space runs for so long before it gets a window */
#define IDLE 40000000u        /* the owner has not been in force for so long: another one may have it */
/* A program that an interrupt finds after it has run for so long, in pages that it had before, and not in
 * many, is a loop whose window costs little. */
#define CALM 2000000u
enum { CALM_PAGES = 256, CALM_NEW_PAGES = 8, NOT_CALM = X86_TLB_SIZE };
#define TICKS_PER_CHANGE 200000u /* so that a tenth of the time goes into mapping and unmapping at most */
enum { FREE_CHANGES = 1000, MAX_REFUSALS = 200, MAX_FAILURES = 8 };

#define NO_ROOT UINT64_MAX
#define ROOT_MASK UINT64_C(0x000ffffffffff000)
#define PTE_P 1u
enum { USER_ENTRIES = 256 };

/* Tells for which user code the window is open: code of 64 bits, and of 32 bits if its addresses
 * are places, which are those in the first entry of the PML4. w->lock is held, or nobody else
 * knows of w. */
static void publish(X86CPU *cpu)
{
    const X86Window *w = cpu->window;
    bool open = w->open && !w->closed;
    uint8_t codes = (open ? X86_WINDOW_64 : 0) |
                    (open && w->dropped[0] == 0 ? X86_WINDOW_32 : 0);

    __atomic_store_n(&cpu->windowed, codes, __ATOMIC_RELAXED);
}

static void set_open(X86CPU *cpu, bool open)
{
    X86Window *w = cpu->window;

    if (w->open != open || w->closed) {
        g_mutex_lock(&w->lock);
        w->open = open;
        publish(cpu);
        g_mutex_unlock(&w->lock);
    }
}

/* Four-level paging of 64-bit mode, and no rights that change without an invalidation. */
static bool usable_mode(const X86State *s)
{
    return (s->hflags & (X86_HF_LMA | X86_HF_PG)) == (X86_HF_LMA | X86_HF_PG) &&
           !(s->cr4 & (X86_CR4_LA57 | X86_CR4_PKE));
}

static unsigned present_pcid(const X86State *s)
{
    return s->cr4 & X86_CR4_PCIDE ? s->cr3 & X86_CR3_PCID_MASK : 0;
}

/* --- the PML4 ----------------------------------------------------------------------------- */

static bool is_present(const uint64_t *root, unsigned i)
{
    return (__atomic_load_n(&root[i], __ATOMIC_RELAXED) & PTE_P) != 0;
}

/* Finds which entries of the PML4 are present; false if two of them would have one place. */
static bool look_at_root(X86Window *w)
{
    const uint64_t *root = (const uint64_t *)(w->root_block->host + w->root_offset);

    memset(w->dropped, X86_WINDOW_NO_ENTRY, sizeof(w->dropped));
    for (unsigned i = 0; i < USER_ENTRIES; i++) {
        uint64_t lin = (uint64_t)i << 39;
        uint8_t *dropped = &w->dropped[x86_window_group(lin)];

        if (!is_present(root, i)) {
            continue;
        }
        if (*dropped != X86_WINDOW_NO_ENTRY) {
            return false;
        }
        *dropped = x86_window_dropped(lin);
    }
    return true;
}

/* The page of the PML4, of which w has let go, is no longer watched: what is stored there is told to
 * all CPUs, and it may hold anything soon. */
static void unwatch_root(RAMBlock *block, uint64_t offset)
{
    if (block) {
        ram_page_clear_code(block, offset);
        ram_block_unref(block);
    }
}

/* RAMCodeListenerFn: any thread has written. If an entry comes or goes the window is closed until
 * its owner has been chosen again. */
static void root_written(void *opaque, RAMBlock *block, uint64_t offset, uint64_t len)
{
    X86Window *w = ((X86CPU *)opaque)->window;
    RAMBlock *left = NULL;
    uint64_t left_offset = 0;

    g_mutex_lock(&w->lock);
    if (w->root_block == block && offset < w->root_offset + USER_ENTRIES * sizeof(uint64_t) &&
        w->root_offset < offset + len && !w->closed) {
        uint8_t before[X86_WINDOW_GROUPS];

        memcpy(before, w->dropped, sizeof(before));
        if (!look_at_root(w) || memcmp(before, w->dropped, sizeof(before)) != 0) {
            x86_window_unmap_all(w);
            w->closed = true;
            publish(opaque);
            left = w->root_block;
            left_offset = w->root_offset;
            w->root_block = NULL;
        }
    }
    g_mutex_unlock(&w->lock);
    unwatch_root(left, left_offset);
}

void x86_window_watch(X86CPU *cpu)
{
    X86Window *w = cpu->window;

    for (unsigned i = 0; i < X86_WINDOW_SPACES; i++) {
        w->space[i].root = NO_ROOT;
    }
    w->in_force = NO_ROOT;
    ram_code_listener_add(root_written, cpu);
}

/* --- owners -------------------------------------------------------------------------------- */

static void let_go_of_root(X86CPU *cpu)
{
    X86Window *w = cpu->window;

    g_mutex_lock(&w->lock);
    RAMBlock *block = w->root_block;
    w->root_block = NULL;
    w->open = w->closed = false;
    publish(cpu);
    g_mutex_unlock(&w->lock);
    unwatch_root(block, w->root_offset);
}

static void release(X86CPU *cpu)
{
    X86Window *w = cpu->window;

    if (w->owner) {
        x86_window_empty(w);
        let_go_of_root(cpu);
        w->owner = NULL;
        w->waiting = false;
    }
}

void x86_window_unwatch(X86CPU *cpu)
{
    release(cpu);
    ram_code_listener_remove(root_written, cpu);
}

/* The owner has run on: may it map another page? */
bool x86_window_may_map(const X86Window *w)
{
    const X86WindowSpace *s = w->owner;

    return w->eager ||
           w->changes * MAX(w->cpus / 2, 1) <
               (FREE_CHANGES >> s->failures) + (s->ticks - w->opened) / TICKS_PER_CHANGE;
}

/* So long must s run until it is given a window. */
static uint64_t patience(const X86Window *w, const X86WindowSpace *s)
{
    return w->eager ? 0 : (uint64_t)PATIENCE << 2 * s->failures;
}

void x86_window_fail(X86CPU *cpu)
{
    X86Window *w = cpu->window;
    X86WindowSpace *s = w->owner;

    s->failures = MIN(s->failures + 1, MAX_FAILURES);
    s->wanted = s->ticks + patience(w, s);
    w->stats.failed++;
    release(cpu);
}

bool x86_window_refuse(X86CPU *cpu)
{
    X86Window *w = cpu->window;

    if (w->refusals < MAX_REFUSALS) {
        w->refusals++;
        return true;
    }
    x86_window_fail(cpu);
    return false;
}

/* s is, or may be, a new program. */
static void begin(const X86Window *w, X86WindowSpace *s)
{
    *s = (X86WindowSpace){ .root = s->root };
    s->wanted = patience(w, s);
}

/* The translations of s, which has no window, have been dropped. If that happens time and again a window does
 * not pay. */
static void begin_again(const X86Window *w, X86WindowSpace *s)
{
    s->ticks = 0;
    s->wanted = patience(w, s);
}

/* The space with this PML4; if it is not known it takes the place of the one that was in force
 * longest ago. */
static X86WindowSpace *space_of(X86Window *w, uint64_t root)
{
    X86WindowSpace *oldest = NULL;

    for (unsigned i = 0; i < X86_WINDOW_SPACES; i++) {
        X86WindowSpace *s = &w->space[i];

        if (s->root == root) {
            return s;
        }
        if (s != w->owner && (!oldest || s->last < oldest->last)) {
            oldest = s;
        }
    }
    oldest->root = root;
    begin(w, oldest);
    return oldest;
}

/* Opens the window for its owner, once no CPU can change the PML4 unseen. */
static void try_to_open(X86CPU *cpu)
{
    X86Window *w = cpu->window;

    if (!x86_tlb_peers_heeded(cpu, w->request)) {
        return;
    }
    w->waiting = false;
    g_mutex_lock(&w->lock);
    w->open = w->root_block && look_at_root(w);
    publish(cpu);
    g_mutex_unlock(&w->lock);
    if (w->open) {
        w->stats.opened++;
    } else {
        x86_window_fail(cpu);
    }
}

/* s, which is in force, becomes the owner. */
static void take(X86CPU *cpu, X86WindowSpace *s)
{
    X86Window *w = cpu->window;
    MemorySection sec;

    release(cpu);
    x86_phys_section(cpu, s->root, &sec);
    if (sec.block) {
        x86_window_use_ram(w, sec.block);
    }
    if (!sec.host || !sec.writable || sec.length < GUEST_PAGE_SIZE || !w->ram) {
        s->wanted = UINT64_MAX;
        return;
    }
    w->owner = s;
    w->pcid = present_pcid(&cpu->state);
    w->changes = 0;
    w->refusals = 0;
    w->opened = s->ticks;
    g_mutex_lock(&w->lock);
    w->root_block = ram_block_ref(sec.block);
    w->root_offset = sec.block_offset;
    g_mutex_unlock(&w->lock);
    ram_page_set_code(sec.block, sec.block_offset);
    x86_tlb_drop_writes_to(cpu, sec.host);
    w->request = x86_tlb_ask_peers(cpu);
    w->waiting = true;
    try_to_open(cpu);
}

void x86_window_interrupt(X86CPU *cpu)
{
    if (cpu->window && x86_cpl(&cpu->state) == 3) {
        cpu->window->computed = __rdtsc() - cpu->window->since;
    }
}

/* Looks at the present address space. True: it has computed since it was looked at last, in pages that it
 * had. */
static bool look_for_calm(X86CPU *cpu)
{
    unsigned before = cpu->window->used, now = cpu->tlb->used[X86_TLB_USER][X86_TLB_LOCAL].count;
    uint64_t computed = cpu->window->computed;

    cpu->window->used = now;
    cpu->window->computed = 0;
    return computed >= CALM && now <= CALM_PAGES && now <= before + CALM_NEW_PAGES && now >= before;
}

static bool may_take(const X86Window *w, const X86WindowSpace *s, bool calm, uint64_t now)
{
    bool patient = s->ticks >= s->wanted;

    return (patient || (calm && !s->failures)) &&
           (!w->owner || w->owner == s || w->eager || now - w->owner->last > (patient ? IDLE : IDLE / 2));
}

/* The CPU returns to where an access in an expected page faulted: with the page mapped now, it
 * will not leave translated code again. The page tables are looked at as for a load. */
static void map_expected(X86CPU *cpu)
{
    X86Window *w = cpu->window;
    uint64_t page = w->expected;

    w->expected = 0;
    if (page && x86_tlb_fill_user(cpu, page)) {
        x86_window_map(cpu, page);
    }
}

void x86_window_consider(X86CPU *cpu)
{
    X86Window *w = cpu->window;
    uint64_t now = __rdtsc();

    if (!w || !usable_mode(&cpu->state)) {
        return;
    }
    X86WindowSpace *s = space_of(w, w->in_force);
    bool calm = look_for_calm(cpu);
    s->ticks += MIN(now - w->since, PATIENCE / 4); /* it may have slept */
    s->last = w->since = now;
    if (cpu->windowed) {
        map_expected(cpu);
    } else if (w->owner == s && w->closed) {
        x86_window_fail(cpu); /* entries of its PML4 come and go */
    } else if (w->owner == s && w->waiting) {
        try_to_open(cpu);
    } else if (may_take(w, s, calm, now)) {
        take(cpu, s);
    }
}

/* --- translations go ------------------------------------------------------------------------ */

void x86_window_rest(X86CPU *cpu)
{
    if (cpu->window) {
        cpu->window->used = NOT_CALM;
    }
}

/* Is the owner in force? */
static void find_owner(X86CPU *cpu)
{
    X86Window *w = cpu->window;
    const X86State *s = &cpu->state;
    bool owners = w->owner && w->owner->root == w->in_force;

    if (owners && w->pcid != present_pcid(s)) {
        x86_window_empty(w); /* what its new PCID has cached is not known */
        w->pcid = present_pcid(s);
    }
    set_open(cpu, owners && !w->waiting && usable_mode(s));
}

void x86_window_switch(X86CPU *cpu, bool keep)
{
    X86Window *w = cpu->window;
    const X86State *s = &cpu->state;

    if (!w) {
        return;
    }
    uint64_t before = w->in_force;
    w->in_force = s->cr3 & ROOT_MASK;
    w->since = __rdtsc();
    w->used = NOT_CALM;
    if (w->owner && w->pcid == present_pcid(s)) {
        if (w->owner->root != w->in_force) {
            release(cpu); /* its PCID is another's now */
        } else if (!keep) {
            x86_window_empty(w);
        }
    }
    if (!keep && !(w->owner && w->owner->root == w->in_force)) {
        X86WindowSpace *sp = space_of(w, w->in_force);

        if (w->in_force == before) {
            begin_again(w, sp);
        } else {
            begin(w, sp); /* new for this CPU, at least */
        }
    }
    find_owner(cpu);
}

void x86_window_flush(X86CPU *cpu)
{
    X86Window *w = cpu->window;

    if (w) {
        x86_window_empty(w);
        w->in_force = cpu->state.cr3 & ROOT_MASK;
        find_owner(cpu);
    }
}

void x86_window_flush_present(X86CPU *cpu)
{
    if (cpu->window) {
        x86_window_flush_pcid(cpu, present_pcid(&cpu->state));
    }
}

void x86_window_flush_pcid(X86CPU *cpu, unsigned pcid)
{
    X86Window *w = cpu->window;

    if (w && w->owner && w->pcid == pcid) {
        x86_window_empty(w);
    }
}

void x86_window_info(const X86CPU *cpu, GString *out)
{
    const X86Window *w = cpu->window;

    if (w) {
        g_string_append_printf(out, "windows: %" PRIu64 " opened, %" PRIu64 " failed; pages: %" PRIu64
                               " mapped (%" PRIu64 " of 2 MiB), %" PRIu64 " unmapped, emptied %" PRIu64
                               " times\n", w->stats.opened, w->stats.failed, w->stats.mapped,
                               w->stats.large, w->stats.unmapped, w->stats.emptied);
    }
}
