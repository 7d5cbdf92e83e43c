/*
 * The tables that find blocks: what was added is found until it is removed, swept away or pushed out
 * of a full set.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include "target/i386/translate/jit.h"

enum { BITS = 4, RECORD = 512, RECORDS = 40 };

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

static void test_sweep(void)
{
    Fixture f;

    set_up(&f, JIT_WAYS);
    sweeping = &f;
    jit_table_sweep(&f.table, 2 * RECORD, 5 * RECORD, note, f.jit);
    for (unsigned i = 0; i < JIT_WAYS; i++) {
        g_assert_cmpuint(found(&f, i, hash(i)), ==, i < 2 || i >= 5);
        g_assert_cmpuint(f.swept[i], ==, i < 2 || i >= 5);
    }
    jit_table_sweep(&f.table, 0, RECORD, NULL, f.jit);
    g_assert_cmpuint(found(&f, 0, hash(0)), ==, 0);
    g_assert_cmpuint(found(&f, 1, hash(1)), ==, 1);
    tear_down(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/translate/tables/find", test_find);
    g_test_add_func("/translate/tables/full", test_full);
    g_test_add_func("/translate/tables/replace", test_replace);
    g_test_add_func("/translate/tables/sweep", test_sweep);
    return g_test_run();
}
