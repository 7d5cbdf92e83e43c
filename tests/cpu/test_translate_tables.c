/*
 * The tables that find blocks: what was added is found until it is removed, swept away or pushed out
 * of a full set. The jump cache: of two addresses with one place both are found, of more the last two.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <sys/mman.h>
#include "target/i386/translate/jit.h"

enum { BITS = 4, RECORD = 512, RECORDS = 40, REGIONS = 3 };

typedef struct Fixture {
    X86Jit *jit;
    JitTable table;
    unsigned swept[RECORDS]; /* how often a sweep has told of a tag */
} Fixture;

static X86Tb *record(const Fixture *f, unsigned i)
{
    return (X86Tb *)(f->jit->arena + i * RECORD);
}

/* Of set 5, with i as its tag. */
static uint64_t hash(unsigned i)
{
    return 5ull << 60 | i;
}

static void set_up(Fixture *f, unsigned count)
{
    *f = (Fixture){ .jit = g_new0(X86Jit, 1) };
    f->jit->region_count = REGIONS;
    f->jit->arena = g_malloc0(RECORD * RECORDS);
    g_assert_true(jit_table_init(&f->table, BITS));
    for (unsigned i = 0; i < count; i++) {
        jit_table_add(f->jit, &f->table, hash(i), JIT_WAYS, record(f, i));
    }
}

static void tear_down(Fixture *f)
{
    jit_table_destroy(&f->table);
    g_free(f->jit->arena);
    g_free(f->jit);
}

/* In how many ways of its set a hash leads to record i. */
static unsigned found(const Fixture *f, unsigned i, uint64_t h)
{
    const JitSet *set = jit_table_set(&f->table, h);
    unsigned n = 0;

    for (unsigned way = 0; way < JIT_WAYS; way++) {
        n += jit_set_block(f->jit, set, way, h) == record(f, i);
    }
    return n;
}

static unsigned found_of(const Fixture *f, unsigned count)
{
    unsigned n = 0;

    for (unsigned i = 0; i < count; i++) {
        n += found(f, i, hash(i));
    }
    return n;
}

static void test_find(void)
{
    Fixture f;

    set_up(&f, JIT_WAYS);
    for (unsigned i = 0; i < JIT_WAYS; i++) {
        g_assert_cmpuint(found(&f, i, hash(i)), ==, 1);
        g_assert_cmpuint(found(&f, i, hash(i + 1)), ==, 0);
        g_assert_cmpuint(found(&f, i, hash(i) ^ 1ull << 60), ==, 0);
    }
    jit_table_remove(f.jit, &f.table, hash(3), record(&f, 3));
    g_assert_cmpuint(found(&f, 3, hash(3)), ==, 0);
    g_assert_cmpuint(found_of(&f, JIT_WAYS), ==, JIT_WAYS - 1);
    jit_table_clear(&f.table);
    g_assert_cmpuint(found_of(&f, JIT_WAYS), ==, 0);
    tear_down(&f);
}

/* The newest is always found, and as many others as there is room for. */
static void test_full(void)
{
    Fixture f;

    set_up(&f, 0);
    for (unsigned i = 0; i < RECORDS; i++) {
        jit_table_add(f.jit, &f.table, hash(i), JIT_WAYS, record(&f, i));
        g_assert_cmpuint(found(&f, i, hash(i)), ==, 1);
        g_assert_cmpuint(found_of(&f, RECORDS), ==, MIN(i + 1, JIT_WAYS));
    }
    tear_down(&f);
}

static void test_replace(void)
{
    Fixture f;

    set_up(&f, 3);
    g_assert_true(jit_set_block(f.jit, jit_table_set(&f.table, hash(1)), 1, hash(1)) == record(&f, 1));
    jit_table_add(f.jit, &f.table, hash(1), 1, record(&f, 9));
    g_assert_cmpuint(found(&f, 1, hash(1)), ==, 0);
    g_assert_cmpuint(found(&f, 9, hash(1)), ==, 1);
    g_assert_cmpuint(found_of(&f, 3), ==, 2);
    tear_down(&f);
}

static Fixture *sweeping;

static void note(X86Jit *jit, uint32_t tag)
{
    g_assert_true(jit == sweeping->jit);
    sweeping->swept[tag]++;
}

/* As many regions after its own are filled without an end to a block as there are others. */
static void test_end(void)
{
    for (unsigned first = 0; first < 2 * JIT_FILLS; first++) {
        Fixture f;

        set_up(&f, 0);
        f.jit->fills = first;
        jit_table_add(f.jit, &f.table, hash(1), JIT_WAYS, record(&f, 1));
        for (unsigned i = 0; i < JIT_FILLS; i++) {
            g_assert_cmpuint(found(&f, 1, hash(1)), ==, i < REGIONS);
            f.jit->fills++;
        }
        tear_down(&f);
    }
}

/* The place of a block that is no more is taken before any other. */
static void test_end_replaced(void)
{
    Fixture f;

    set_up(&f, 1);
    f.jit->fills = REGIONS - 1;
    for (unsigned i = 1; i < JIT_WAYS; i++) {
        jit_table_add(f.jit, &f.table, hash(i), JIT_WAYS, record(&f, i));
    }
    g_assert_cmpuint(found_of(&f, JIT_WAYS), ==, JIT_WAYS);
    f.jit->fills++;
    jit_table_add(f.jit, &f.table, hash(JIT_WAYS), JIT_WAYS, record(&f, JIT_WAYS));
    g_assert_cmpuint(found_of(&f, JIT_WAYS + 1), ==, JIT_WAYS);
    g_assert_cmpuint(found(&f, 0, hash(0)), ==, 0);
    tear_down(&f);
}

static void test_sweep(void)
{
    Fixture f;

    set_up(&f, 3);
    sweeping = &f;
    f.jit->fills = REGIONS;
    for (unsigned i = 3; i < JIT_WAYS; i++) {
        jit_table_add(f.jit, &f.table, hash(i), JIT_WAYS, record(&f, i));
    }
    jit_table_sweep(&f.table, note, f.jit);
    f.jit->fills = 1; /* what has been swept away does not come back */
    for (unsigned i = 0; i < JIT_WAYS; i++) {
        g_assert_cmpuint(found(&f, i, hash(i)), ==, 0);
        g_assert_cmpuint(f.swept[i], ==, i >= 3);
    }
    f.jit->fills = REGIONS;
    g_assert_cmpuint(found_of(&f, JIT_WAYS), ==, JIT_WAYS - 3);
    jit_table_sweep(&f.table, NULL, f.jit);
    g_assert_cmpuint(found_of(&f, JIT_WAYS), ==, JIT_WAYS - 3);
    tear_down(&f);
}

/* --- the jump cache ------------------------------------------------------------------ */

enum { PLACE = 7, JUMPS = 3 };

typedef struct JumpFixture {
    X86Jit *jit;
    X86JitMode *mode;
    X86Tb *tb[JUMPS]; /* for addresses that have one place */
} JumpFixture;

static X86Tb *block_at(uint64_t rip)
{
    X86Tb *tb = g_malloc0(RECORD);

    tb->rip = rip;
    tb->entry_checked = (const uint8_t *)tb;
    return tb;
}

static void set_up_jumps(JumpFixture *f)
{
    size_t size = sizeof(X86JumpEntry) << JIT_JUMP_BITS;
    unsigned n = 0;

    *f = (JumpFixture){ .jit = g_new0(X86Jit, 1) };
    f->jit->modes[0].jumps = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                  -1, 0);
    g_assert_true(f->jit->modes[0].jumps != MAP_FAILED);
    f->jit->modes[0].returns = g_new(X86JumpEntry, 1 << JIT_RETURN_BITS);
    f->mode = jit_mode(f->jit, 0);
    for (uint64_t rip = 0x400000; n < JUMPS; rip++) {
        if (jit_jump_place(rip) == PLACE) {
            f->tb[n++] = block_at(rip);
        }
    }
}

static void tear_down_jumps(JumpFixture *f)
{
    munmap(f->jit->modes[0].jumps, sizeof(X86JumpEntry) << JIT_JUMP_BITS);
    g_free(f->jit->modes[0].returns);
    for (unsigned i = 0; i < JUMPS; i++) {
        g_free(f->tb[i]);
    }
    g_free(f->jit);
}

/* A bit for each block that the cache leads to. */
static unsigned jumps_found(const JumpFixture *f)
{
    unsigned found = 0;

    for (unsigned i = 0; i < JUMPS; i++) {
        const X86JumpEntry *entry = jit_jump_find(f->mode, f->tb[i]->rip);

        if (entry) {
            g_assert_true(entry->host == f->tb[i]->entry_checked);
            found |= 1u << i;
        }
    }
    return found;
}

static void test_jump_places(void)
{
    JumpFixture f;

    set_up_jumps(&f);
    g_assert_cmphex(jumps_found(&f), ==, 0);
    jit_cache_remember(f.jit, f.tb[0]);
    g_assert_cmphex(jumps_found(&f), ==, 1);
    jit_cache_remember(f.jit, f.tb[1]);
    g_assert_cmphex(jumps_found(&f), ==, 3);
    jit_cache_remember(f.jit, f.tb[0]); /* known: nothing moves */
    g_assert_cmphex(jumps_found(&f), ==, 3);
    jit_cache_remember(f.jit, f.tb[2]);
    g_assert_cmphex(jumps_found(&f), ==, 6);
    tear_down_jumps(&f);
}

static void test_jump_forgotten(void)
{
    JumpFixture f;

    set_up_jumps(&f);
    jit_cache_remember(f.jit, f.tb[0]);
    jit_cache_remember(f.jit, f.tb[1]);
    jit_cache_forget_jump(f.jit, f.tb[0]); /* in the neighbour's place */
    g_assert_cmphex(jumps_found(&f), ==, 2);
    jit_cache_remember(f.jit, f.tb[2]);
    g_assert_cmphex(jumps_found(&f), ==, 6);
    jit_cache_forget_jump(f.jit, f.tb[2]);
    jit_cache_remember(f.jit, f.tb[0]); /* the free place is taken, nothing is driven out */
    g_assert_cmphex(jumps_found(&f), ==, 3);
    tear_down_jumps(&f);
}

/* No entry, not even an empty one, is for the address that an empty one has. */
static void test_jump_zero(void)
{
    JumpFixture f;

    set_up_jumps(&f);
    g_assert_null(jit_jump_find(f.mode, 0));
    tear_down_jumps(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/translate/tables/find", test_find);
    g_test_add_func("/translate/tables/full", test_full);
    g_test_add_func("/translate/tables/replace", test_replace);
    g_test_add_func("/translate/tables/end", test_end);
    g_test_add_func("/translate/tables/end-replaced", test_end_replaced);
    g_test_add_func("/translate/tables/sweep", test_sweep);
    g_test_add_func("/translate/jumps/places", test_jump_places);
    g_test_add_func("/translate/jumps/forgotten", test_jump_forgotten);
    g_test_add_func("/translate/jumps/zero", test_jump_zero);
    return g_test_run();
}
