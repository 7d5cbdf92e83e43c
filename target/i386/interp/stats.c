/*
 * The interpreter's counters, for `info jit`.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include "target/i386/interp/block.h"

typedef struct Totals {
    size_t blocks, insns, bytes, max_bytes;
    size_t crossing, linked, buckets;
} Totals;

static void add_block(Totals *t, const X86Block *b, uint64_t generation)
{
    t->blocks++;
    t->insns += b->count;
    t->bytes += b->len;
    t->max_bytes = MAX(t->max_bytes, b->len);
    t->crossing += b->crossing;
    for (size_t i = 0; i < G_N_ELEMENTS(b->link); i++) {
        t->linked += b->link[i].ops && b->link[i].generation == generation;
    }
}

static Totals count_blocks(const X86CPU *cpu)
{
    Totals t = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(cpu->interp->hash); i++) {
        const X86Block *b = cpu->interp->hash[i];
        t.buckets += b != NULL;
        for (; b; b = b->hash_next) {
            add_block(&t, b, cpu->code_generation);
        }
    }
    return t;
}

void x86_interp_info(CPUState *cs, GString *out)
{
    const X86CPU *cpu = (X86CPU *)cs;
    const X86Interp *interp = cpu->interp;
    Totals t = count_blocks(cpu);
    size_t n = MAX(t.blocks, 1);

    g_string_append_printf(out, "Decoded blocks (interpreter):\n"
                           "block count         %zu\n"
                           "operations          %zu (%zu avg)\n"
                           "avg target size     %zu max=%zu bytes\n"
                           "cross page blocks   %zu\n"
                           "valid links         %zu\n"
                           "code pages          %u\n"
                           "arena used          %zu bytes\n"
                           "hash buckets        %zu/%zu\n",
                           t.blocks, t.insns, t.insns / n, t.bytes / n, t.max_bytes, t.crossing,
                           t.linked, g_hash_table_size(interp->pages), interp->arena_used,
                           t.buckets, G_N_ELEMENTS(interp->hash));
    g_string_append_printf(out, "Statistics:\n"
                           "blocks built        %" PRIu64 "\n"
                           "blocks invalidated  %" PRIu64 "\n"
                           "full flushes        %u\n"
                           "mapping changes     %" PRIu64 "\n",
                           interp->built, interp->staled, interp->flush_count,
                           cpu->code_generation);
}
