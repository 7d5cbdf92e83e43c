/*
 * Tables that find blocks by a hash (JitTable): each look-up reads one line of the host's cache, and
 * the record only of what is very probably meant.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <sys/mman.h>
#include "target/i386/translate/jit.h"

static size_t table_size(unsigned bits)
{
    return sizeof(JitSet) << bits;
}

bool jit_table_init(JitTable *table, unsigned bits)
{
    void *p = mmap(NULL, table_size(bits), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        return false;
    }
    madvise(p, table_size(bits), MADV_HUGEPAGE); /* what is looked up is scattered */
    *table = (JitTable){ .sets = p, .bits = bits };
    return true;
}

void jit_table_destroy(JitTable *table)
{
    if (table->sets) {
        munmap(table->sets, table_size(table->bits));
    }
}

void jit_table_clear(JitTable *table)
{
    memset(table->sets, 0, table_size(table->bits));
}

void jit_table_add(const X86Jit *jit, JitTable *table, uint64_t hash, unsigned way, const X86Tb *tb)
{
    JitSet *set = jit_table_set(table, hash);

    for (unsigned i = 0; i < JIT_WAYS && way == JIT_WAYS; i++) {
        way = jit_reference_holds(jit, set->way[i].tb) ? way : i;
    }
    way = way == JIT_WAYS ? hash >> 32 & (JIT_WAYS - 1) : way;
    set->way[way].tag = hash;
    set->way[way].tb = jit_reference(jit, tb);
}

void jit_table_remove(const X86Jit *jit, JitTable *table, uint64_t hash, const X86Tb *tb)
{
    JitSet *set = jit_table_set(table, hash);

    for (unsigned i = 0; i < JIT_WAYS; i++) {
        if (jit_set_block(jit, set, i, hash) == tb) {
            set->way[i].tb = 0;
        }
    }
}

void jit_table_sweep(JitTable *table, void (*fn)(X86Jit *jit, uint32_t tag), X86Jit *jit)
{
    for (size_t i = 0; i < (size_t)JIT_WAYS << table->bits; i++) {
        JitSet *set = &table->sets[i / JIT_WAYS];
        uint32_t *tb = &set->way[i % JIT_WAYS].tb;

        if (!jit_reference_holds(jit, *tb)) {
            *tb = 0;
        } else if (fn) {
            fn(jit, set->way[i % JIT_WAYS].tag);
        }
    }
}
