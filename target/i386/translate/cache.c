/*
 * The code cache: memory that is written through one mapping and executed
 * through another (W^X), the blocks in it, and the links between them. Where in that memory
 * blocks are laid down, and which go when there is no more room: regions.c.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <sys/mman.h>
#include <unistd.h>
#include "target/i386/translate/jit.h"

/* Jumps remembered in a mode before its jump cache gets a large page. */
enum { BUSY_MODE = 2048 };

/* A block's record takes a little more than its code; of a small cache each region needs room for some. */
enum { MIN_ARENA = JIT_MAX_REGIONS * 4 * JIT_ARENA_ROOM };

/* --- memory --------------------------------------------------------------------- */

static bool map_code(X86Jit *jit, size_t size, Error **errp)
{
    int fd = memfd_create("doppel-code", MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, size) < 0) {
        error_setg_errno(errp, errno, "tcg: no memory for translated code");
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    jit->code_rw = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    jit->code_rx = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    close(fd);
    if (jit->code_rw == MAP_FAILED || jit->code_rx == MAP_FAILED) {
        error_setg_errno(errp, errno, "tcg: the host forbids executable memory for translated "
                                      "code; use -accel tcg,engine=interp");
        return false;
    }
    jit->code_size = size;
    jit->arena_size = MAX(size / 4 * 3, MIN_ARENA);
    jit_regions_init(jit);
    return true;
}

static void *map_data(size_t size, int flags)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

/* Of one mode. */
static size_t jumps_size(void)
{
    return sizeof(X86JumpEntry) << JIT_JUMP_BITS;
}

static size_t returns_size(void)
{
    return sizeof(X86JumpEntry) << JIT_RETURN_BITS;
}

/* An empty entry is one for RIP 0: whatever rip is, somebody may return there. */
static void clear_returns(const X86Jit *jit, X86JitMode *mode)
{
    for (unsigned i = 0; i < 1 << JIT_RETURN_BITS; i++) {
        mode->returns[i] = (X86JumpEntry){ .rip = 0, .host = jit->stubs.return_0 };
    }
}

void jit_cache_forget_returns(X86Jit *jit)
{
    for (unsigned i = 0; i < jit->mode_count; i++) {
        clear_returns(jit, &jit->modes[i]);
    }
}

/* Empties the jump cache of a mode. */
static void clear_jumps(X86JitMode *mode)
{
    madvise(mode->jumps, jumps_size(), MADV_DONTNEED);
    mode->jumps[0].rip = mode->jumps[1].rip = 1; /* an empty entry must not match RIP 0 */
}

/* Below the context there is room for what the stubs push and for frames of signals. */
enum { CONTEXT_STACK = 64 << 10 };

static X86JitContext *map_context(void)
{
    uint8_t *p = map_data(CONTEXT_STACK + sizeof(X86JitContext), MAP_32BIT);

    return p ? (X86JitContext *)(p + CONTEXT_STACK) : NULL;
}

static void unmap_context(X86JitContext *ctx)
{
    munmap((uint8_t *)ctx - CONTEXT_STACK, CONTEXT_STACK + sizeof(*ctx));
}

bool jit_cache_init(X86Jit *jit, size_t size, Error **errp)
{
    if (!map_code(jit, size, errp)) {
        return false;
    }
    jit->ctx = map_context();
    jit->arena = map_data(jit->arena_size, 0);
    jit->modes[0].jumps = map_data(JIT_MAX_MODES * jumps_size(), MAP_32BIT);
    jit->modes[0].returns = map_data(JIT_MAX_MODES * returns_size(), MAP_32BIT);
    if (!jit->ctx || !jit->arena || !jit->modes[0].jumps || !jit->modes[0].returns ||
        !jit_table_init(&jit->blocks, JIT_HASH_BITS) ||
        !jit_table_init(&jit->origins, JIT_ORIGIN_BITS)) {
        error_setg(errp, "tcg: no address space below 2 GiB for the translator; "
                         "use -accel tcg,engine=interp");
        return false;
    }
    for (unsigned i = 1; i < JIT_MAX_MODES; i++) {
        jit->modes[i].jumps = jit->modes[0].jumps + ((size_t)i << JIT_JUMP_BITS);
        jit->modes[i].returns = jit->modes[0].returns + ((size_t)i << JIT_RETURN_BITS);
    }
    return true;
}

void jit_cache_destroy(X86Jit *jit)
{
    if (jit->code_rw && jit->code_rw != MAP_FAILED) {
        munmap(jit->code_rw, jit->code_size);
    }
    if (jit->code_rx && jit->code_rx != MAP_FAILED) {
        munmap(jit->code_rx, jit->code_size);
    }
    if (jit->ctx) {
        unmap_context(jit->ctx);
    }
    if (jit->arena) {
        munmap(jit->arena, jit->arena_size);
    }
    g_free(jit->first_record);
    jit_table_destroy(&jit->blocks);
    jit_table_destroy(&jit->origins);
    if (jit->modes[0].jumps) {
        munmap(jit->modes[0].jumps, JIT_MAX_MODES * jumps_size());
    }
    if (jit->modes[0].returns) {
        munmap(jit->modes[0].returns, JIT_MAX_MODES * returns_size());
    }
}

/* --- finding -------------------------------------------------------------------- */

/* Says of most hashes without a block that they have none, from memory that is near. */
static uint64_t *filter_word(X86Jit *jit, uint32_t tag)
{
    return &jit->filter[tag >> 6 & (G_N_ELEMENTS(jit->filter) - 1)];
}

static void note_in_filter(X86Jit *jit, uint32_t tag)
{
    *filter_word(jit, tag) |= 1ull << (tag & 63);
}

X86Tb *jit_cache_find(X86Jit *jit, const uint8_t *code, uint64_t rip, uint32_t key,
                      JitEntry *entry)
{
    uint64_t h = jit_hash(code, rip, key);
    const JitSet *set = jit_table_set(&jit->blocks, h);
    X86Tb *plain = NULL;
    unsigned versions = 0;

    if (!(*filter_word(jit, h) >> (h & 63) & 1)) {
        return NULL;
    }
    for (unsigned i = 0; i < JIT_WAYS; i++) {
        X86Tb *tb = jit_set_block(jit, set, i, h);

        if (!tb || tb->code != code || tb->rip != rip || tb->key != key) {
            continue;
        }
        if (jit_same_entry(tb->entry, jit_useful_entry(tb, *entry))) {
            return tb;
        }
        if (jit_is_plain(tb->entry)) {
            plain = tb;
        } else {
            versions++;
        }
    }
    if (versions < JIT_MAX_VERSIONS) {
        return NULL;
    }
    *entry = (JitEntry){ 0 };
    return plain;
}

void jit_cache_insert(X86Jit *jit, X86Tb *tb)
{
    jit_regions_note(jit, tb);
    uint64_t h = jit_hash(tb->code, tb->rip, tb->key);

    tb->stale = false;
    note_in_filter(jit, h);
    jit_table_add(jit, &jit->blocks, h, JIT_WAYS, tb);
    jit_clone_offer(jit, tb);
}

void jit_cache_sweep(X86Jit *jit)
{
    memset(jit->filter, 0, sizeof(jit->filter));
    jit_table_sweep(&jit->blocks, note_in_filter, jit);
    jit_table_sweep(&jit->origins, NULL, jit);
}

X86JitMode *jit_mode(X86Jit *jit, uint32_t key)
{
    for (unsigned i = 0; i < jit->mode_count; i++) {
        if (jit->modes[i].key == key) {
            return &jit->modes[i];
        }
    }
    if (jit->mode_count == JIT_MAX_MODES) {
        return NULL;
    }
    X86JitMode *mode = &jit->modes[jit->mode_count++];
    mode->key = key;
    mode->remembered = 0;
    clear_jumps(mode);
    clear_returns(jit, mode);
    return mode;
}

void jit_cache_remember(X86Jit *jit, X86Tb *tb)
{
    X86JitMode *mode = jit_mode(jit, tb->key);

    tb->remembered = true;
    if (++mode->remembered == BUSY_MODE) {
        madvise(mode->jumps, jumps_size(), MADV_HUGEPAGE);
        clear_jumps(mode);
    }
    unsigned place = jit_jump_place(tb->rip);
    X86JumpEntry *entry = jit_jump_find(mode, tb->rip);
    if (!entry) {
        entry = &mode->jumps[place];
        if (entry->host) {
            mode->jumps[place ^ 1] = *entry;
        }
    }
    *entry = (X86JumpEntry){ .rip = tb->rip, .host = tb->entry_checked };
}

/* --- links ---------------------------------------------------------------------- */

void jit_cache_link(X86Jit *jit, X86TbExit *exit, X86Tb *tb)
{
    intptr_t delta = jit->code_rx - jit->code_rw;

    exit->to = tb;
    exit->next = tb->incoming;
    tb->incoming = exit;
    tb->in_returns |= exit->of_return;
    emit_patch(jit_exit_branch(jit, exit), delta, !exit->same_page ? tb->entry_checked
                                  : exit->entry.saved ? tb->entry_saved : tb->entry_host);
}

void jit_cache_unlink(X86Jit *jit, X86TbExit *exit)
{
    exit->to = NULL;
    emit_patch(jit_exit_branch(jit, exit), jit->code_rx - jit->code_rw, jit_exit_unlinked(jit, exit));
}

/* Takes the block's own exits off their targets' lists, for good. */
static void forget_exits(X86Tb *tb)
{
    for (unsigned i = 0; i < tb->exit_count; i++) {
        X86TbExit *exit = &tb->exits[i];

        if (exit->to) {
            X86TbExit **at = &exit->to->incoming;

            while (*at != exit) {
                at = &(*at)->next;
            }
            *at = exit->next;
            exit->to = NULL;
        }
        exit->unlinked = 0;
    }
}

void jit_cache_forget_jump(X86Jit *jit, X86Tb *tb)
{
    X86JumpEntry *jump = tb->remembered ? jit_jump_find(jit_mode(jit, tb->key), tb->rip) : NULL;

    tb->remembered = false;
    if (jump && jump->host == tb->entry_checked) {
        *jump = (X86JumpEntry){ .rip = tb->rip ^ 1 }; /* has another place: matches nothing */
    }
}

void jit_cache_remove(X86Jit *jit, X86Tb *tb)
{
    jit_table_remove(jit, &jit->blocks, jit_hash(tb->code, tb->rip, tb->key), tb);
    jit_cache_forget_jump(jit, tb);
    if (tb->in_returns) {
        clear_returns(jit, jit_mode(jit, tb->key));
    }
    jit_clone_withdraw(jit, tb);
    tb->stale = true;
    for (X86TbExit *exit = tb->incoming, *next; exit; exit = next) {
        next = exit->next;
        jit_cache_unlink(jit, exit);
    }
    tb->incoming = NULL;
    forget_exits(tb);
}

void x86_translator_flush(X86CPU *cpu)
{
    X86Jit *jit = cpu->translator;

    if (!jit) {
        return;
    }
    jit_table_clear(&jit->blocks);
    jit_table_clear(&jit->origins);
    memset(jit->filter, 0, sizeof(jit->filter));
    madvise(jit->modes[0].jumps, JIT_MAX_MODES * jumps_size(), MADV_DONTNEED);
    jit->mode_count = 0;
    memset(jit->recent, 0, sizeof(jit->recent));
    jit_regions_reset(jit);
    if (x86_tlb_code_numbers_full(cpu->tlb)) {
        x86_tlb_forget_code_numbers(cpu);
    }
    jit->drops++;
    jit->stats.flushes++;
}
