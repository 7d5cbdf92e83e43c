/*
 * The cache of decoded code: finding, linking and dropping blocks (block.h).
 *
 * Blocks live in an arena that is only ever emptied as a whole, between two
 * blocks. A stale block keeps its memory until then.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/block.h"
#include <string.h>
#include <sys/mman.h>
#include "hw/core/cpu.h"
#include "target/i386/cpuid.h"
#include "target/i386/crdr.h"
#include "target/i386/interp/vec.h"
#include "target/i386/interp/x87.h"
#include "target/i386/tlb.h"
#include "target/i386/translate/translate.h"
#include "target/i386/window.h"
#include "util/log.h"

enum { ARENA_SIZE = 64 << 20 };

/* --- pages with code -------------------------------------------------------- */

static const uint8_t *page_of(const uint8_t *host)
{
    return (const uint8_t *)((uintptr_t)host & X86_PAGE_MASK);
}

uint64_t x86_granule_mask(unsigned offset, unsigned len)
{
    unsigned first = offset >> 6, last = (offset + len - 1) >> 6;

    return (~0ull << first) & (~0ull >> (63 - last));
}

/* The page table's way of dropping a page. */
static void free_page(gpointer data)
{
    X86CodePage *page = data;

    ram_page_clear_code(page->block, page->offset);
    __atomic_fetch_sub(page->count, 1, __ATOMIC_RELAXED);
    g_free(page);
}

/* How many pages with code there are of those that the host page is counted with. */
static uint16_t *page_count(X86Interp *interp, const uint8_t *host)
{
    return &interp->code_pages[(uintptr_t)host >> 12 & (X86_CODE_COUNTS - 1)];
}

static X86CodePage **recent_page(X86Interp *interp, const uint8_t *host)
{
    return &interp->recent_pages[(uintptr_t)host >> 12 & (X86_RECENT_PAGES - 1)];
}

/* What is known of a host page, or NULL if it has no code. */
static X86CodePage *find_page(X86Interp *interp, const uint8_t *host)
{
    X86CodePage **recent = recent_page(interp, host);

    if (!*recent || (*recent)->host != host) {
        *recent = g_hash_table_lookup(interp->pages, host);
    }
    return *recent;
}

static void forget_page(X86Interp *interp, const X86CodePage *page)
{
    *recent_page(interp, page->host) = NULL;
    g_hash_table_remove(interp->pages, page->host);
}

static void forget_all_pages(X86Interp *interp)
{
    memset(interp->recent_pages, 0, sizeof(interp->recent_pages));
    g_hash_table_remove_all(interp->pages);
}

static X86CodePage *code_page(X86CPU *cpu, const uint8_t *host, RAMBlock *block, uint64_t offset)
{
    X86CodePage *page = find_page(cpu->interp, host);

    if (!page) {
        page = g_new0(X86CodePage, 1);
        page->host = host;
        page->block = block;
        page->offset = offset;
        page->count = page_count(cpu->interp, host);
        g_hash_table_insert(cpu->interp->pages, (void *)host, page);
        __atomic_fetch_add(page->count, 1, __ATOMIC_SEQ_CST); /* before others are to tell of their stores */
        ram_page_set_code(block, offset);
        page->request = x86_tlb_ask_peers(cpu);
        x86_tlb_drop_writes_to(cpu, host);
    }
    return page;
}

/* True once no CPU stores to page without telling. */
static bool page_guarded(const X86CPU *cpu, X86CodePage *page)
{
    if (page->request && x86_tlb_peers_heeded(cpu, page->request)) {
        page->request = 0;
    }
    return !page->request;
}

static void join_page(X86Block *b, unsigned i, X86CodePage *page, unsigned offset, unsigned len)
{
    b->page[i] = page;
    b->page_next[i] = page->blocks;
    page->blocks = b;
    page->granules |= x86_granule_mask(offset, len);
}

/* --- dropping ------------------------------------------------------------------ */

const X86Op *x86_op_stale(X86CPU *cpu, const X86Op *op)
{
    cpu->state.rip = x86_op_rip(op);
    return NULL;
}

/* The same code may be mapped at many addresses, so RIP counts too. */
static X86Block **bucket(X86Interp *interp, const uint8_t *code, uint32_t key, uint64_t rip)
{
    uint64_t h = (uintptr_t)code ^ (uint64_t)key << 20 ^ rip * 0xff51afd7ed558ccdull;

    h = (h ^ h >> 29) * 0x9e3779b97f4a7c15ull;
    return &interp->hash[h >> (64 - X86_BLOCK_HASH_BITS)];
}

static void unhash(X86Interp *interp, X86Block *b)
{
    X86Block **at = bucket(interp, b->code, b->key, b->rip);

    while (*at && *at != b) {
        at = &(*at)->hash_next;
    }
    if (*at) {
        *at = b->hash_next;
    }
}

static void make_stale(X86Interp *interp, X86Block *b)
{
    b->stale = true;
    interp->staled++;
    for (unsigned i = 0; i < b->count; i++) {
        b->ops[i].fn = x86_op_stale;
    }
    unhash(interp, b);
}

void x86_interp_leave(X86CPU *cpu)
{
    X86Interp *interp = cpu->interp;

    if (interp->cur) {
        make_stale(interp, (X86Block *)x86_op_block(interp->cur));
        cpu->code_generation++;
    }
}

/* True if b has code in the bytes [offset, offset + len) of page. */
static bool overlaps(const X86Block *b, const X86CodePage *page, unsigned offset, unsigned len)
{
    unsigned start = (uintptr_t)b->code & 0xfff, end = start + b->len;

    if (page->host != page_of(b->code)) {
        start = 0; /* the second page of a crossing instruction */
        end -= 0x1000;
    }
    return start < offset + len && offset < end;
}

/* Rebuilds the list of a page without its stale blocks. */
static void sweep_page(X86CodePage *page)
{
    X86Block *b = page->blocks;

    page->blocks = NULL;
    page->granules = x86_translator_granules(page);
    while (b) {
        unsigned i = b->page[0] == page ? 0 : 1;
        X86Block *next = b->page_next[i];

        if (!b->stale) {
            unsigned start = i ? 0 : (uintptr_t)b->code & 0xfff;
            unsigned end = ((uintptr_t)b->code & 0xfff) + b->len;

            join_page(b, i, page, start, i ? end - 0x1000 : MIN(end, 0x1000) - start);
        }
        b = next;
    }
}

void x86_code_written(X86CPU *cpu, const uint8_t *host, unsigned len)
{
    X86Interp *interp = cpu->interp;
    X86CodePage *page = find_page(interp, page_of(host));
    unsigned offset = (uintptr_t)host & 0xfff;

    if (!page) {
        return;
    }
    if (page->granules & x86_granule_mask(offset, len)) {
        x86_translator_code_written(cpu, page, offset, len);
        for (X86Block *b = page->blocks; b; b = b->page_next[b->page[0] == page ? 0 : 1]) {
            if (!b->stale && overlaps(b, page, offset, len)) {
                make_stale(interp, b);
                cpu->code_generation++;
            }
        }
        sweep_page(page);
    }
    if (page->blocks || page->translated) {
        page->idle_writes = 0;
    } else if (++page->idle_writes > X86_IDLE_WRITES) {
        forget_page(interp, page);
    }
}

void x86_interp_flush_code(X86CPU *cpu)
{
    X86Interp *interp = cpu->interp;

    memset(interp->hash, 0, sizeof(interp->hash));
    forget_all_pages(interp);
    interp->arena_used = 0;
    x86_translator_flush(cpu);
    interp->flush_count++;
    cpu->code_generation++;
}

/* Another thread has written. */
static void note_pending(X86Interp *interp, const uint8_t *host, uint64_t granules)
{
    void *page = (void *)page_of(host);

    g_mutex_lock(&interp->pending_lock);
    granules |= GPOINTER_TO_SIZE(g_hash_table_lookup(interp->pending, page));
    g_hash_table_insert(interp->pending, page, GSIZE_TO_POINTER(granules));
    g_mutex_unlock(&interp->pending_lock);
}

/* RAMCodeListenerFn. */
static void ram_code_event(void *opaque, RAMBlock *block, uint64_t offset, uint64_t len)
{
    X86CPU *cpu = opaque;
    const uint8_t *host = block->host + offset;
    bool own = &cpu->parent == current_cpu || !cpu->parent.thread;

    if (own) {
        x86_code_written(cpu, host, len);
    } else if (__atomic_load_n(page_count(cpu->interp, host), __ATOMIC_SEQ_CST)) {
        note_pending(cpu->interp, host, x86_granule_mask(offset & 0xfff, len));
        cpu_interrupt(&cpu->parent, CPU_INTERRUPT_CODE);
    }
}

static void granules_written(X86CPU *cpu, const uint8_t *page, uint64_t granules)
{
    for (unsigned from = 0, to; from < 64; from = to + 1) {
        for (to = from; to < 64 && (granules >> to & 1); to++) {
        }
        if (to > from) {
            x86_code_written(cpu, page + (from << 6), (to - from) << 6);
        }
    }
}

void x86_code_sync(X86CPU *cpu)
{
    X86Interp *interp = cpu->interp;
    GHashTableIter i;
    gpointer page, granules;

    cpu_reset_interrupt(&cpu->parent, CPU_INTERRUPT_CODE);
    g_mutex_lock(&interp->pending_lock);
    g_hash_table_iter_init(&i, interp->pending);
    while (g_hash_table_iter_next(&i, &page, &granules)) {
        granules_written(cpu, page, GPOINTER_TO_SIZE(granules));
    }
    g_hash_table_remove_all(interp->pending);
    g_mutex_unlock(&interp->pending_lock);
}

/* --- finding ---------------------------------------------------------------------- */

void *x86_arena_reserve(X86Interp *interp, size_t size)
{
    return interp->arena_used + size > ARENA_SIZE ? NULL : interp->arena + interp->arena_used;
}

void x86_arena_commit(X86Interp *interp, size_t used)
{
    interp->arena_used += (used + 31) & ~(size_t)31;
    interp->built++;
}

/* Flat code whose every instruction behaves the same wherever it stands. */
static bool is_translated(const X86CPU *cpu, uint32_t key)
{
    const uint32_t flat32 = X86_HF_CS32 | X86_HF_SS32 | X86_HF_PE | X86_HF_FLAT;

    if (!cpu->translator || (key & (X86_KEY_SINGLE | X86_HF_AC | X86_HF_VM86)) ||
        !(key & X86_KEY_CS_FLAT) || log_on(LOG_EXEC | LOG_CPU) ||
        cpu_debug_active(&cpu->parent)) {
        return false;
    }
    return (key & X86_HF_CS64) ||
           ((key & flat32) == flat32 && cpu->state.segs[X86_CS].base == 0);
}

uint32_t x86_current_key(const X86CPU *cpu)
{
    const X86State *s = &cpu->state;
    bool flat = s->hflags & X86_HF_CS64 || s->segs[X86_CS].limit == UINT32_MAX;
    bool shadow = s->int_shadow || cpu->interp->stepping;
    bool simd = (s->mxcsr & X86_MXCSR_MASKS) != X86_MXCSR_MASKS;
    bool x87 = (s->fpu.fcw & X87_EXCEPTIONS) != X87_EXCEPTIONS || (s->fpu.fsw & X87_ES);
    uint32_t key = s->hflags | (flat ? X86_KEY_CS_FLAT : 0) | (shadow ? X86_KEY_SHADOW : 0) |
                   (simd ? X86_KEY_SIMD_EXCP : 0) | (x87 ? X86_KEY_X87_EXCP : 0);

    return key | (is_translated(cpu, key) ? X86_KEY_TRANSLATED : 0) | x86_window_key(cpu, s->hflags);
}

static uint64_t code_lin(const X86State *s)
{
    return s->hflags & X86_HF_CS64 ? s->rip : (uint32_t)(s->segs[X86_CS].base + s->rip);
}

/* #GP(0) if the instruction at RIP would start beyond the limit of CS. */
static void check_limit(X86CPU *cpu)
{
    X86State *s = &cpu->state;

    if (!(s->hflags & X86_HF_CS64) && s->rip > s->segs[X86_CS].limit) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
}

static uint64_t following_page(const X86State *s, uint64_t lin)
{
    uint64_t next = (lin | 0xfff) + 1;

    return s->hflags & X86_HF_CS64 ? next : (uint32_t)next;
}

static X86Block *hash_lookup(X86Interp *interp, const uint8_t *code, uint32_t key, uint64_t rip)
{
    X86Block *b = *bucket(interp, code, key, rip);

    while (b && (b->code != code || b->rip != rip || b->key != key)) {
        b = b->hash_next;
    }
    return b;
}

static void enter_block(X86CPU *cpu, X86Block *b, uint64_t lin)
{
    X86Interp *interp = cpu->interp;
    X86Block **at = bucket(interp, b->code, b->key, b->rip);
    unsigned start = (uintptr_t)b->code & 0xfff;
    RAMBlock *block;
    uint64_t offset;
    uint8_t *host = x86_code_page(cpu, lin, &block, &offset);

    b->hash_next = *at;
    *at = b;
    join_page(b, 0, code_page(cpu, host, block, offset), start, MIN(b->len, 0x1000 - start));
    if (b->crossing) {
        host = x86_code_page(cpu, following_page(&cpu->state, lin), &block, &offset);
        b->second = host;
        join_page(b, 1, code_page(cpu, host, block, offset), 0, start + b->len - 0x1000);
    }
}

bool x86_code_page_guard(X86CPU *cpu, uint64_t lin)
{
    RAMBlock *block;
    uint64_t offset;
    uint8_t *host = x86_code_page(cpu, lin, &block, &offset);

    return host && page_guarded(cpu, code_page(cpu, host, block, offset));
}

X86CodePage *x86_code_page_note(X86CPU *cpu, uint64_t lin, unsigned offset, unsigned len)
{
    RAMBlock *block;
    uint64_t block_offset;
    uint8_t *host = x86_code_page(cpu, lin, &block, &block_offset);
    X86CodePage *page = code_page(cpu, host, block, block_offset);

    page->granules |= x86_granule_mask(offset, len);
    return page;
}

/* A crossing block also depends on where its second page is. */
static bool second_page_matches(X86CPU *cpu, const X86Block *b, uint64_t lin)
{
    RAMBlock *block;
    uint64_t offset;

    return x86_code_page(cpu, following_page(&cpu->state, lin), &block, &offset) == b->second;
}

void x86_enter_mode(X86CPU *cpu)
{
    cpu->interp->cur = NULL;
    cpu->interp->key = x86_current_key(cpu);
    cpu->tlb_now = cpu->tlb->entry[x86_tlb_index(&cpu->state)];
}

/* Was the page at lin guarded when it was last looked at? If not, it is asked for. */
static bool was_guarded(X86CPU *cpu, uint64_t lin)
{
    RAMBlock *block;
    uint64_t offset;
    uint8_t *host = x86_code_page(cpu, lin, &block, &offset);
    const X86CodePage *page = find_page(cpu->interp, host);

    if (!page || page->request) {
        x86_code_page_guard(cpu, lin);
        return false;
    }
    return true;
}

/* A block of the code at lin; of one instruction, and not to be kept, if other CPUs may yet
 * change it unseen. */
static X86Block *new_block(X86CPU *cpu, uint64_t lin, const uint8_t *code)
{
    X86Block *b = x86_block_build(cpu, lin, x86_code_page_guard(cpu, lin) ? code : NULL);

    if (b->code && b->crossing && !was_guarded(cpu, following_page(&cpu->state, lin))) {
        b = x86_block_build(cpu, lin, NULL);
    }
    return b;
}

/* The block at s->rip in the current mode, built if need be; raises fetch faults. */
static X86Block *find_block(X86CPU *cpu)
{
    X86State *s = &cpu->state;
    X86Interp *interp = cpu->interp;
    uint64_t lin = code_lin(s), offset;
    RAMBlock *block;

    interp->cur = NULL;
    check_limit(cpu);
    if (G_UNLIKELY(s->hflags & X86_HF_BP_CODE)) {
        x86_check_code_breakpoint(cpu, lin);
    }
    uint8_t *host = x86_code_page(cpu, lin, &block, &offset);
    if (!host) {
        return x86_block_build(cpu, lin, NULL);
    }
    const uint8_t *code = host + (lin & 0xfff);
    X86Block *b = hash_lookup(interp, code, interp->key, s->rip);
    if (b && G_UNLIKELY(b->crossing) && !second_page_matches(cpu, b, lin)) {
        make_stale(interp, b);
        b = NULL;
    }
    if (!b) {
        b = new_block(cpu, lin, code);
        if (!b->code) {
            return b;
        }
        enter_block(cpu, b, lin);
    }
    if (!(b->key & X86_KEY_CS_FLAT) && s->rip + b->len - 1 > s->segs[X86_CS].limit) {
        return x86_block_build(cpu, lin, NULL);
    }
    return b;
}

/* Blocks that stand alone: where they lie says all about them. */
static bool may_remember(const X86Block *b)
{
    return b->code && !b->crossing && (b->key & (X86_KEY_CS_FLAT | X86_KEY_SINGLE)) ==
                                          X86_KEY_CS_FLAT;
}

/*
 * After a change of translations: is the block of ops, remembered for s->rip and
 * the current key, still what lies there? May raise a fetch fault.
 */
static bool still_there(X86CPU *cpu, const X86Op *ops)
{
    const X86Block *b = x86_op_block(ops);
    uint64_t lin = code_lin(&cpu->state), offset;
    RAMBlock *block;

    cpu->interp->cur = NULL;
    return !b->stale && x86_code_page(cpu, lin, &block, &offset) == page_of(b->code);
}

static X86JumpCache *jump_slot(X86Interp *interp, uint64_t rip)
{
    return &interp->jumps[(rip ^ rip >> X86_JUMP_CACHE_BITS) & ((1 << X86_JUMP_CACHE_BITS) - 1)];
}

/* The block at s->rip by way of the jump cache. */
static const X86Op *lookup(X86CPU *cpu)
{
    uint64_t rip = cpu->state.rip;
    X86Interp *interp = cpu->interp;
    X86JumpCache *j = jump_slot(interp, rip);

    if (j->rip == rip && j->key == interp->key && j->flush_count == interp->flush_count) {
        if (j->generation == cpu->code_generation) {
            return j->ops;
        }
        if (still_there(cpu, j->ops)) {
            j->generation = cpu->code_generation;
            return j->ops;
        }
    }
    X86Block *b = find_block(cpu);
    if (may_remember(b)) {
        *j = (X86JumpCache){ .rip = rip, .generation = cpu->code_generation, .ops = b->ops,
                             .key = b->key, .flush_count = interp->flush_count };
    }
    return b->ops;
}

const X86Op *x86_dispatch(X86CPU *cpu)
{
    return lookup(cpu);
}

const X86Op *x86_jump_dispatch(X86CPU *cpu)
{
    uint64_t rip = cpu->state.rip;
    X86JumpCache *j = jump_slot(cpu->interp, rip);
    const X86Op *ops = j->ops;

    if ((x86_interrupted(cpu) && x86_must_leave(cpu)) ||
        (cpu->interp->key & X86_KEY_TRANSLATED)) {
        return NULL;
    }
    if (G_UNLIKELY(j->rip != rip || j->generation != cpu->code_generation ||
                   j->key != cpu->interp->key)) {
        ops = lookup(cpu);
    }
    X86_GOTO_OP(cpu, ops);
}

const X86Op *x86_link_slow(X86CPU *cpu, X86Link *link)
{
    X86Interp *interp = cpu->interp;
    unsigned flushes = interp->flush_count;

    cpu->state.rip = link->rip;
    if (x86_must_leave(cpu) || (interp->key & X86_KEY_TRANSLATED)) {
        return NULL;
    }
    if (link->generation == cpu->code_generation) {
        return link->ops;
    }
    if (link->ops && still_there(cpu, link->ops)) {
        link->generation = cpu->code_generation;
        return link->ops;
    }
    X86Block *b = find_block(cpu);
    if (may_remember(b) && interp->flush_count == flushes) {
        link->ops = b->ops;
        link->generation = cpu->code_generation;
    }
    return b->ops;
}

/* --- life -------------------------------------------------------------------------- */

void x86_interp_init(X86CPU *cpu)
{
    X86Interp *interp = g_new0(X86Interp, 1);

    interp->pages = g_hash_table_new_full(NULL, NULL, NULL, free_page);
    interp->arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    g_assert(interp->arena != MAP_FAILED);
    g_mutex_init(&interp->pending_lock);
    interp->pending = g_hash_table_new(NULL, NULL);
    interp->decode_features = (x86_has_feature(cpu, X86_FEAT_LZCNT) ? X86_DECODE_HAS_LZCNT : 0) |
                              (x86_has_feature(cpu, X86_FEAT_BMI1) ? X86_DECODE_HAS_BMI1 : 0);
    interp->scratch = g_malloc(x86_block_size(2) + sizeof(X86PlainInsn));
    cpu->interp = interp;
    cpu->tlb = x86_tlb_new();
    cpu->phys_bits = x86_phys_bits(cpu);
    cpu->has_1g_pages = x86_cpuid_bit(cpu, X86_FW_80000001_EDX, 26);
    cpu->tlb_now = cpu->tlb->entry[X86_TLB_KERNEL];
    cpu->code_generation = 1;
    ram_code_listener_add(ram_code_event, cpu);
}

void x86_interp_destroy(X86CPU *cpu)
{
    ram_code_listener_remove(ram_code_event, cpu);
    x86_translator_free(cpu);
    x86_window_free(cpu);
    g_hash_table_destroy(cpu->interp->pages);
    munmap(cpu->interp->arena, ARENA_SIZE);
    g_mutex_clear(&cpu->interp->pending_lock);
    g_hash_table_destroy(cpu->interp->pending);
    g_free(cpu->interp->scratch);
    g_free(cpu->interp);
    x86_tlb_free(cpu->tlb);
    cpu->interp = NULL;
    cpu->tlb = NULL;
}
