/*
 * Random functions with loops of one block, for test_translate_loops.c: code for the guest and for the host
 * that depends on nothing outside its area.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_CPU_LOOPS_H
#define TESTS_CPU_LOOPS_H

#include "tests/cpu/code-maker.h"
#include "tests/cpu/guest.h"

/* An area of linear addresses: code, data, and in the last page what functions begin and end with. */
enum {
    AREA_SIZE = WINDOW_SIZE, CODE = WINDOW_CODE, DATA = 0x4000, DATA_END = 0xf000,
    INIT = 0xf000,       /* two tables of what registers begin with */
    VECTORS = 0xf100, RESULTS = 0xf200,
    ROUNDS = 0xf300, OUTER = 0xf308, FLAGS = 0xf310, SEEN = 0xf318, WIDE = 0xf320, WORD = 0xf330,
    STACK = 0xf800, STACK_END = AREA_SIZE,
    FIRST_PAGE = DATA >> 12, PAGES = (AREA_SIZE - DATA) >> 12,
};

enum { MAX_STREAMS = 4, MAX_MOVES = 24 };

/* Addresses that go together: [base + index * scale], of which either, both or none move. */
typedef struct Stream {
    unsigned base, index, scale;
    enum { INDEX_PLAIN, INDEX_NARROW, INDEX_WIDE } kind;
    int32_t far;         /* from the registers' sum to the data */
} Stream;

/* How a loop changes its registers. */
typedef struct Loop {
    unsigned rounds, counter;
    int64_t step[16];
    unsigned move_count;
    struct { unsigned reg; int64_t by; } moves[MAX_MOVES];
    int64_t moved[16];   /* in the present round, so far */
} Loop;

typedef struct LoopMaker {
    CodeMaker out;
    uint64_t area;
    uint64_t init[2][16];
    uint64_t wide;       /* an index that changes bits of addresses that places do not have */
    unsigned wide_scale;
    unsigned free[15], free_count;  /* registers that are nobody's: data */
    Stream streams[MAX_STREAMS];
    unsigned stream_count;
    Loop loops[2], *loop;
    unsigned loop_count;
    bool flags_known;    /* all of SEEN_FLAGS are defined, not CF only */
    bool endless;
    bool plain;          /* two streams, and nothing that keeps them from having an anchor each */
    unsigned outs[16], out_count; /* displacements of branches out of the present loop */
    unsigned flushes, end;        /* where guest and host have different code */
} LoopMaker;

/* Makes a function; endless: of one loop, which ends when the word at WORD is no longer 0. */
void loop_make_function(LoopMaker *m, uint32_t seed, bool endless);
/* What the area begins with, but for the code. */
void loop_fill(const LoopMaker *m, uint32_t seed, uint8_t *area);
/* The n-th of two areas, 0 or 1, that wrong places would lead to. */
uint64_t loop_alias(uint64_t area, unsigned n);

#endif
