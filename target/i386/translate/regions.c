/*
 * Where blocks are laid down, and which go when there is no more room.
 *
 * Hot code lies in the first half of the code cache, so that it is dense, cold code in the
 * second, X86Tb and what belongs to it in the arena. Each of the three is divided into as many
 * regions; region i of all three is filled before region i + 1. After the last one comes the first
 * again: the blocks that are in it, the oldest ones, are dropped, all others stay, linked as they
 * are. A block that is removed earlier keeps its memory until then, so that a vCPU that is still in
 * it may finish the instruction that removed it.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <sys/mman.h>
#include "target/i386/translate/jit.h"

enum {
    PLACE_BITS = 12, /* of hot code that has an entry in X86Jit.first_record */
    MIN_REGION = 4 * JIT_BLOCK_ROOM, /* of a half: the last block may leave one room empty */
    POPULATE = 1 << 20,
    PREFETCH = 2048, /* so far ahead of the records that are gone through */
    SWEEP_FILLS = 4, /* regions between two sweeps of the tables */
    KEEP_WRITABLE = 2 << 20, /* behind that: blocks are linked soon after they were made */
};

/* No reference is still in a table when its number comes again. */
G_STATIC_ASSERT(SWEEP_FILLS + JIT_MAX_REGIONS < JIT_FILLS);

/* --- the layout -------------------------------------------------------------------------- */

/* Where code of region i begins in the first half. */
static size_t hot_start(const X86Jit *jit, unsigned i)
{
    return i ? i * jit->region_size : jit->stubs_size;
}

/* In both halves. */
static size_t region_end(const X86Jit *jit)
{
    return (jit->region + 1) * jit->region_size;
}

/* Region i is filled from its beginning. */
static void begin_region(X86Jit *jit, unsigned i)
{
    jit->region = i;
    jit->fills++;
    jit->code_used = hot_start(jit, i);
    jit->cold_used = i * jit->region_size;
    jit->arena_used = i * jit->region_arena;
    jit->hot_populated = i * jit->region_size;
    memset(&jit->first_record[i * jit->region_size >> PLACE_BITS], 0,
           (jit->region_size >> PLACE_BITS) * sizeof(jit->first_record[0]));
    jit->cold_populated = jit->code_size / 2 + i * jit->region_size;
}

void jit_regions_init(X86Jit *jit)
{
    size_t half = jit->code_size / 2;

    jit->region_count = CLAMP(half / MIN_REGION, 1, JIT_MAX_REGIONS);
    jit->region_size = half / jit->region_count & ~(size_t)0xfff;
    jit->first_record = g_renew(uint32_t, jit->first_record, (half >> PLACE_BITS) + 1);
    jit->region_arena = jit->arena_size / jit->region_count & ~(size_t)15;
    jit_regions_reset(jit);
}

void jit_regions_reset(X86Jit *jit)
{
    memset(jit->regions, 0, sizeof(jit->regions));
    begin_region(jit, 0);
}

/* What the present region has of code and of the arena. */
static JitRegion present_use(const X86Jit *jit)
{
    size_t start = jit->region * jit->region_size;

    return (JitRegion){
        .code = jit->code_used - hot_start(jit, jit->region) + jit->cold_used - start,
        .arena = jit->arena_used - jit->region * jit->region_arena,
    };
}

void jit_regions_used(const X86Jit *jit, size_t *code, size_t *arena)
{
    JitRegion present = present_use(jit);

    *code = jit->stubs_size + present.code;
    *arena = present.arena;
    for (unsigned i = 0; i < jit->region_count; i++) {
        *code += i == jit->region ? 0 : jit->regions[i].code;
        *arena += i == jit->region ? 0 : jit->regions[i].arena;
    }
}

/* --- memory for a block ------------------------------------------------------------------- */

/* Has the host map what comes next of a half of the cache in both mappings, for that costs less
 * than a fault for each page. What was written some time ago is unmapped where it is writable, with what
 * links have brought back of it: it would count twice as memory of the process. */
static void populate(X86Jit *jit, size_t start, size_t used, size_t *populated)
{
    size_t end = MIN(*populated + POPULATE, start + region_end(jit));

    if (used + POPULATE / 4 > *populated && *populated < end) {
        madvise(jit->code_rw + *populated, end - *populated, MADV_POPULATE_WRITE);
        madvise(jit->code_rx + *populated, end - *populated, MADV_POPULATE_READ);
        if (*populated >= start + KEEP_WRITABLE) {
            madvise(jit->code_rw + start, *populated - KEEP_WRITABLE - start, MADV_DONTNEED);
        }
        *populated = end;
    }
}

bool jit_cache_begin(X86Jit *jit, Emit *hot, Emit *cold)
{
    intptr_t delta = jit->code_rx - jit->code_rw;
    size_t half = jit->code_size / 2;

    populate(jit, 0, jit->code_used, &jit->hot_populated);
    populate(jit, half, half + jit->cold_used, &jit->cold_populated);
    *hot = (Emit){ .p = jit->code_rw + jit->code_used, .delta = delta, .context = jit_context_rsp(jit) };
    *cold = (Emit){ .p = jit->code_rw + half + jit->cold_used, .delta = delta,
                    .context = jit_context_rsp(jit) };
    return MAX(jit->code_used, jit->cold_used) + JIT_BLOCK_ROOM <= region_end(jit);
}

void jit_cache_end(X86Jit *jit, const Emit *hot, const Emit *cold)
{
    jit->code_used = (hot->p - jit->code_rw + 15) & ~(size_t)15;
    jit->cold_used = cold->p - (jit->code_rw + jit->code_size / 2);
}

bool jit_record_resize(X86Jit *jit, X86Tb *tb, size_t size)
{
    size_t start = (uint8_t *)tb - jit->arena, rounded = (size + 7) & ~(size_t)7;

    if (start + rounded > (jit->region + 1) * jit->region_arena) {
        return false;
    }
    tb->size = rounded;
    jit->arena_used = start + rounded;
    return true;
}

X86Tb *jit_record_new(X86Jit *jit, size_t size)
{
    X86Tb *tb = (X86Tb *)(jit->arena + jit->arena_used);

    return jit_record_resize(jit, tb, size) ? tb : NULL;
}

bool jit_region_has_room(const X86Jit *jit)
{
    return MAX(jit->code_used, jit->cold_used) + JIT_BLOCK_ROOM <= region_end(jit) &&
           jit->arena_used + JIT_ARENA_ROOM <= (jit->region + 1) * jit->region_arena;
}

/* --- eviction ----------------------------------------------------------------------------- */

static unsigned region_of(const X86Jit *jit, const void *in_arena)
{
    return ((const uint8_t *)in_arena - jit->arena) / jit->region_arena;
}

/* Exits of region i no longer lead to tb, which stays. All of them at once: to look for one after the
 * other would take the square of the list's length. */
static void clear_incoming(const X86Jit *jit, X86Tb *tb, unsigned i)
{
    for (X86TbExit **at = &tb->incoming; *at;) {
        X86TbExit *exit = *at;

        if (region_of(jit, exit) == i) {
            *at = exit->next;
            exit->to = NULL;
        } else {
            at = &exit->next;
        }
    }
}

/* Links from tb, of region i, to other regions and back. Those within the region go with it. */
static void clear_links(X86Jit *jit, X86Tb *tb, unsigned i)
{
    for (X86TbExit *exit = tb->incoming; exit; exit = exit->next) {
        if (region_of(jit, exit) != i) {
            jit_cache_unlink(jit, exit);
        }
    }
    for (unsigned n = 0; n < tb->exit_count; n++) {
        X86Tb *to = tb->exits[n].to;

        if (to && region_of(jit, to) != i) {
            clear_incoming(jit, to, i);
        }
    }
}

/* The first record of region i, and the end of the last one. */
static X86Tb *records(const X86Jit *jit, unsigned i, const X86Tb **end)
{
    uint8_t *start = jit->arena + i * jit->region_arena;
    size_t used = i == jit->region ? present_use(jit).arena : jit->regions[i].arena;

    *end = (X86Tb *)(start + used);
    return (X86Tb *)start;
}

const X86Tb *jit_records_end(const X86Jit *jit, const X86Tb *tb)
{
    const X86Tb *end;

    records(jit, region_of(jit, tb), &end);
    return end;
}

void jit_regions_note(X86Jit *jit, const X86Tb *tb)
{
    uint32_t *first = &jit->first_record[(tb->body - jit->code_rx) >> PLACE_BITS];

    if (!*first) {
        *first = (const uint8_t *)tb - jit->arena + 1;
    }
}

X86Tb *jit_cache_find_host(X86Jit *jit, const uint8_t *pc)
{
    size_t region = (size_t)(pc - jit->code_rx) / jit->region_size;
    const X86Tb *end;

    if (pc < jit->code_rx || region >= jit->region_count) {
        return NULL;
    }
    X86Tb *tb = records(jit, region, &end);
    for (size_t place = (pc - jit->code_rx) >> PLACE_BITS, lowest = region * jit->region_size >> PLACE_BITS;
         place >= lowest && place != SIZE_MAX; place--) {
        X86Tb *first = (X86Tb *)(jit->arena + jit->first_record[place] - 1);

        if (jit->first_record[place] && first->body <= pc) {
            tb = first;
            break;
        }
    }
    for (; tb < end; tb = jit_next_record(tb)) {
        if (pc >= tb->body && pc < tb->end) {
            return tb;
        }
    }
    return NULL;
}

/* Drops the blocks of region i. */
static void evict(X86Jit *jit, unsigned i)
{
    const X86Tb *end;

    for (X86Tb *tb = records(jit, i, &end); tb < end; tb = jit_next_record(tb)) {
        jit_prefetch((const uint8_t *)tb + PREFETCH, tb->size);
        if (tb->stale) {
            continue; /* nothing knows it any more */
        }
        for (unsigned n = 0; n < 2 && tb->page[n]; n++) {
            x86_tb_leave_page(tb, tb->page[n]);
        }
        jit_cache_forget_jump(jit, tb);
        clear_links(jit, tb, i);
        tb->stale = true;
        jit->stats.evicted++;
    }
    jit_cache_forget_returns(jit);
    jit->regions[i] = (JitRegion){ 0 };
    jit->drops++;
    jit->stats.evictions++;
}

/* Only region i stays mapped where it is writable: links may have been undone anywhere. */
static void forget_writable(const X86Jit *jit, unsigned i)
{
    for (unsigned n = 0; n < 2 * jit->region_count; n++) {
        unsigned region = n % jit->region_count;
        size_t half = n < jit->region_count ? 0 : jit->code_size / 2;

        if (region != i) {
            madvise(jit->code_rw + half + region * jit->region_size, jit->region_size,
                    MADV_DONTNEED);
        }
    }
}

void jit_region_next(X86Jit *jit)
{
    unsigned full = jit->region, next = (full + 1) % jit->region_count;
    JitRegion use = present_use(jit);

    jit->regions[full].code = use.code;
    jit->regions[full].arena = use.arena;
    if (jit->regions[next].arena) {
        evict(jit, next);
        forget_writable(jit, full);
    }
    begin_region(jit, next);
    if (jit->fills % SWEEP_FILLS == 0) {
        jit_cache_sweep(jit);
    }
}
