/*
 * Random functions with loops of one block (loops.h).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "target/i386/translate/build.h"
#include "tests/cpu/loops.h"

enum {
    MARGIN = 0xd00,      /* how far accesses go from where their loops lead */
    LIMIT = DATA_END - DATA - 2 * MARGIN,
    VECTOR_COUNT = 4,
};

/* --- instructions --------------------------------------------------------------------------- */

static unsigned below(LoopMaker *m, unsigned n)
{
    return random_below(&m->out.random, n);
}

static bool chance(LoopMaker *m, unsigned percent)
{
    return random_chance(&m->out.random, percent);
}

static CodeMem in_area(unsigned offset)
{
    return (CodeMem){ .base = CODE_NONE, .index = CODE_NONE, .disp = (int)offset - CODE, .rip = true };
}

/* MOV, or another one of its shape, of a register and a qword of the area. */
static void with_area(LoopMaker *m, unsigned op, unsigned reg, unsigned offset)
{
    CodeMem mem = in_area(offset);

    code_legacy(&m->out, op, true, reg, &mem, 0, 0);
}

/* --- what loops do --------------------------------------------------------------------------- */

static unsigned any_free(LoopMaker *m)
{
    return m->free[below(m, m->free_count)];
}

static unsigned take_free(LoopMaker *m)
{
    unsigned i = below(m, m->free_count), reg = m->free[i];

    m->free[i] = m->free[--m->free_count];
    return reg;
}

static unsigned any_condition(LoopMaker *m)
{
    return m->flags_known ? below(m, 16) : 2 + below(m, 2);
}

/* An instruction whose operand is mem, or else register rm. */
static void integer(LoopMaker *m, const CodeMem *mem, unsigned rm)
{
    unsigned size = code_any_size(&m->out), reg = any_free(m), op = below(m, 8);

    switch (below(m, 14)) {
    case 0: case 1:
        code_sized(&m->out, 0x8a, size, reg, mem, rm, 0);
        break;
    case 2: case 3:
        code_sized(&m->out, 0x88, size, reg, mem, rm, 0);
        break;
    case 4:
        code_sized(&m->out, op << 3 | 2, size, reg, mem, rm, 0);
        m->flags_known = true;
        break;
    case 5:
        code_sized(&m->out, op << 3, size, reg, mem, rm, 0);
        m->flags_known = true;
        break;
    case 6:
        code_sized(&m->out, 0x80, size, op, mem, rm, MIN(size, 4));
        code_immediate(&m->out, size);
        m->flags_known = true;
        break;
    case 7:
        code_sized(&m->out, 0xfe, size, op & 1, mem, rm, 0);     /* INC, DEC */
        m->flags_known = true;
        break;
    case 8:
        code_sized(&m->out, 0xf6, size, 2 + (op & 1), mem, rm, 0); /* NOT, NEG */
        break;
    case 9:
        if (op & 1) {
            /* MOVZX, MOVSX */
            code_legacy(&m->out, 0x0fb6 + (op & 2) / 2 + (op & 4) * 2, size > 4, reg, mem, rm, 0);
        } else {
            code_legacy(&m->out, 0x63, true, reg, mem, rm, 0);   /* MOVSXD */
        }
        break;
    case 10:
        code_legacy(&m->out, 0x0f90 | any_condition(m), false, 0, mem, rm, 0);
        break;
    case 11:
        code_legacy(&m->out, 0x0f40 | any_condition(m), size > 2, reg, mem, rm, 0);
        break;
    case 12:
        if (op & 1) {
            code_sized(&m->out, 0xc0, size, (uint8_t[]){ 4, 5, 7, 0 }[op >> 1], mem, rm, 1);
            code_byte(&m->out, 1 + below(m, 7));
            m->flags_known = false;
        } else {
            code_sized(&m->out, op & 2 ? 0x0fc0 : 0x86, size, reg, mem, rm, 0); /* XADD, XCHG */
            m->flags_known |= op & 2;
        }
        break;
    case 13:
        if (op & 1) {
            code_legacy(&m->out, 0x0fba, size == 8, 4 + (op >> 1), mem, rm, 1);   /* BT, BTS, BTR, BTC */
            code_byte(&m->out, below(m, 32));
            m->flags_known = false;
        } else {
            code_sized(&m->out, 0x84, size, reg, mem, rm, 0);    /* TEST */
            m->flags_known = true;
        }
        break;
    }
}

static void vector(LoopMaker *m, const CodeMem *mem)
{
    unsigned reg = below(m, VECTOR_COUNT), other = below(m, VECTOR_COUNT);

    switch (below(m, 9)) {
    case 0:
        code_legacy(&m->out, 0x0f10, false, reg, mem, 0, 0);     /* MOVUPS */
        break;
    case 1:
        code_legacy(&m->out, 0x0f11, false, reg, mem, 0, 0);
        break;
    case 2:
        code_legacy(&m->out, 0xf30f6f, false, reg, mem, 0, 0);   /* MOVDQU */
        break;
    case 3:
        code_legacy(&m->out, 0x660f7e, chance(m, 50), reg, mem, 0, 0); /* MOVD, MOVQ */
        break;
    case 4:
        code_vex(&m->out, 1, 2, false, chance(m, 70), 0x6f, reg, 0, mem); /* VMOVDQU */
        break;
    case 5:
        code_vex(&m->out, 1, 2, false, chance(m, 70), 0x7f, reg, 0, mem);
        break;
    case 6:
        code_vex(&m->out, 1, 1, false, chance(m, 70), 0xfe, reg, other, mem); /* VPADDD */
        break;
    case 7:
        code_vex(&m->out, 1, 1, false, chance(m, 70), 0xef, reg, other, mem); /* VPXOR */
        break;
    case 8:
        code_vex(&m->out, 2, 1, false, chance(m, 70), 0x17, reg, 0, mem);     /* VPTEST */
        m->flags_known = true;
        break;
    }
}

/* MULX, SHLX, SARX, SHRX, PDEP, PEXT, ANDN: what has a register in vvvv. */
static void three_operands(LoopMaker *m, const CodeMem *mem)
{
    static const struct { uint8_t pp, op; } ops[] = {
        { 3, 0xf6 }, { 1, 0xf7 }, { 2, 0xf7 }, { 3, 0xf7 }, { 3, 0xf5 }, { 2, 0xf5 }, { 0, 0xf2 },
    };
    unsigned i = below(m, G_N_ELEMENTS(ops)), vvvv = any_free(m);

    code_vex(&m->out, 2, ops[i].pp, chance(m, 60), false, ops[i].op, any_free(m), vvvv, mem);
    m->flags_known &= i != 6; /* ANDN leaves PF undefined */
}

/* Makes an index: one of less than 256, or -128, in any register that is free. */
static unsigned narrow_index(LoopMaker *m, const CodeMem *mem)
{
    unsigned reg = any_free(m), from = any_free(m);

    switch (below(m, 7)) {
    case 0:
        code_legacy(&m->out, 0x8b, false, reg, NULL, from, 0);
        code_legacy(&m->out, 0x81, false, 4, NULL, reg, 4);      /* AND */
        code_bytes(&m->out, 0xff, 4);
        m->flags_known = true;
        break;
    case 1:
        code_legacy(&m->out, 0x0fb6, chance(m, 50), reg, NULL, from, 0);
        break;
    case 2:
        code_legacy(&m->out, 0x0fb6, chance(m, 50), reg, mem, 0, 0);
        break;
    case 3:
        code_legacy(&m->out, 0x0fbe, true, reg, NULL, from, 0);  /* MOVSX, MOVSXD of it */
        code_legacy(&m->out, 0x63, true, reg, NULL, reg, 0);
        break;
    case 4:
        code_legacy(&m->out, 0x83, true, 4, NULL, reg, 1);       /* AND of 64 bits */
        code_byte(&m->out, 0x7f);
        m->flags_known = true;
        break;
    case 5:
        code_legacy(&m->out, 0x8b, false, reg, mem, 0, 0);
        code_legacy(&m->out, 0xc1, false, 5, NULL, reg, 1);      /* SHR */
        code_byte(&m->out, 24);
        m->flags_known = false;
        break;
    case 6:
        code_legacy(&m->out, 0x8b, true, reg, NULL, from, 0);
        code_legacy(&m->out, 0x0fbe, true, reg, NULL, reg, 0);   /* MOVSX of a byte */
        break;
    }
    return reg;
}

/* Has an operand of the stream, its registers as they are now. */
static CodeMem stream_operand(LoopMaker *m, const Stream *s)
{
    int64_t moved = m->loop->moved[s->base];
    int32_t near = (int)below(m, 600) - 300;
    CodeMem mem = { .base = s->base, .index = s->index, .scale = s->scale };

    if (s->index != CODE_NONE && s->kind == INDEX_PLAIN) {
        moved += m->loop->moved[s->index] * (1 << s->scale);
    }
    mem.disp = s->far + near - moved;
    g_assert_cmpint(mem.disp, ==, s->far + near - moved);
    mem.narrow = !m->plain && m->area >> 32 == 0 && chance(m, 8);
    return mem;
}

static void access_stream(LoopMaker *m)
{
    const Stream *s = &m->streams[below(m, m->stream_count)];
    CodeMem mem = stream_operand(m, s), index_from = stream_operand(m, s);

    if (s->kind == INDEX_NARROW) {
        index_from.index = CODE_NONE;
        mem.index = narrow_index(m, &index_from);
    } else if (s->kind == INDEX_WIDE) {
        mem.index = any_free(m);
        with_area(m, 0x8b, mem.index, WIDE);
    } else if (!m->plain && chance(m, 10)) { /* a copy of one of the registers */
        unsigned copy = any_free(m), *reg = mem.index != CODE_NONE && chance(m, 50) ? &mem.index : &mem.base;

        code_legacy(&m->out, 0x8b, true, copy, NULL, *reg, 0);
        *reg = copy;
    }
    unsigned kind = below(m, m->plain ? 93 : 100);
    if (kind < 70) {
        integer(m, &mem, 0);
    } else if (kind < 93) {
        vector(m, &mem);
    } else if (kind < 95) {
        three_operands(m, &mem);
    } else if (kind < 98) {
        code_legacy(&m->out, 0x8d, true, any_free(m), &mem, 0, 0);
    } else {
        code_legacy(&m->out, 0xff, false, 6, &mem, 0, 0);        /* PUSH, POP */
        mem = in_area(WORD + 8);
        code_legacy(&m->out, 0x8f, false, 0, &mem, 0, 0);
    }
}

/* Adds by to reg, in one of the ways that the translator knows as constant, or not. */
static void move_register(LoopMaker *m, unsigned reg, int64_t by)
{
    unsigned way = below(m, 10);

    m->loop->moved[reg] += by;
    if (way < 4) {
        const CodeMem mem = { .base = reg, .index = CODE_NONE, .disp = by };

        code_legacy(&m->out, 0x8d, true, reg, &mem, 0, 0);
        return;
    }
    m->flags_known = true;
    if ((by == 1 || by == -1) && way < 8) {
        code_legacy(&m->out, 0xff, true, by < 0, NULL, reg, 0);
        return;
    }
    bool sub = way < 7;
    by = sub ? -by : by;
    bool small = by == (int8_t)by;
    code_legacy(&m->out, small ? 0x83 : 0x81, true, sub ? 5 : 0, NULL, reg, 0);
    code_bytes(&m->out, by, small ? 1 : 4);
}

static void next_move(LoopMaker *m)
{
    Loop *l = m->loop;

    if (l->move_count) {
        unsigned i = below(m, l->move_count);
        unsigned reg = l->moves[i].reg;
        int64_t by = l->moves[i].by;

        l->moves[i] = l->moves[--l->move_count];
        move_register(m, reg, by);
    }
}

/* Are all streams where the next loop may go on with them? */
static bool is_anywhere(LoopMaker *m)
{
    for (unsigned i = 0; i < m->stream_count; i++) {
        const Stream *s = &m->streams[i];
        int64_t moved = m->loop->moved[s->base];

        if (s->index != CODE_NONE) {
            moved += m->loop->moved[s->index] * (1 << s->scale);
        }
        if (ABS(moved) > 0x400) {
            return false;
        }
    }
    return true;
}

/* Leaves the loop if the counter, or a byte that is free, is something. */
static void leave(LoopMaker *m)
{
    if (m->out_count == G_N_ELEMENTS(m->outs) || !is_anywhere(m)) {
        return;
    }
    if (m->endless) {
        CodeMem mem = in_area(WORD);

        code_legacy(&m->out, 0x83, false, 7, &mem, 0, 1);        /* CMP */
        code_byte(&m->out, 0);
        m->outs[m->out_count++] = code_jump_ahead(&m->out, 5);
    } else if (chance(m, 50)) {
        code_legacy(&m->out, 0x81, true, 7, NULL, m->loop->counter, 4);
        code_bytes(&m->out, below(m, m->loop->rounds + 2), 4);
        m->outs[m->out_count++] = code_jump_ahead(&m->out, 4);
    } else {
        code_legacy(&m->out, 0x80, false, 7, NULL, any_free(m), 1);
        code_byte(&m->out, below(m, 256));
        m->outs[m->out_count++] = code_jump_ahead(&m->out, 4);
    }
    m->flags_known = true;
}

static void item(LoopMaker *m)
{
    unsigned kind = below(m, 100);

    if (kind < 60) {
        access_stream(m);
    } else if (kind < 75) {
        integer(m, NULL, any_free(m));
    } else if (m->plain) {
        next_move(m);
    } else if (kind < 78) {
        code_push(&m->out, any_free(m));
        code_pop(&m->out, any_free(m));
    } else if (kind < 81) {
        CodeMem mem = in_area(DATA + below(m, DATA_END - DATA - 32));
        integer(m, &mem, 0);
    } else {
        next_move(m);
    }
}

/* Jcc over an item that moves nothing. */
static void skip(LoopMaker *m)
{
    unsigned at = code_jump_ahead(&m->out, any_condition(m));
    bool known = m->flags_known;

    access_stream(m);
    m->flags_known &= known;
    code_land(&m->out, at);
}

/* The branch back, after the last change of the counter. */
static void end_loop(LoopMaker *m, unsigned top)
{
    Loop *l = m->loop;
    unsigned reg = l->counter;
    const CodeMem less = { .base = reg, .index = CODE_NONE, .disp = -1 };

    m->flags_known = true;
    if (m->endless) {
        CodeMem mem = in_area(WORD);

        switch (below(m, 4)) {
        case 0:
            code_legacy(&m->out, 0x83, false, 7, &mem, 0, 1);
            code_byte(&m->out, 0);
            code_jump_back(&m->out, 4, top);
            return;
        case 1:
            leave(m);
            code_legacy(&m->out, 0x83, true, 1, NULL, reg, 1);   /* OR counter, 1 */
            code_byte(&m->out, 1);
            code_jump_back(&m->out, 5, top);
            return;
        default:
            leave(m);
            code_byte(&m->out, 0xe9);
            code_bytes(&m->out, top - (m->out.len + 4), 4);
            return;
        }
    }
    switch (below(m, 5)) {
    case 0:
        code_legacy(&m->out, 0xff, true, 1, NULL, reg, 0);       /* DEC */
        break;
    case 1:
        code_legacy(&m->out, 0x83, true, 5, NULL, reg, 1);       /* SUB reg, 1 */
        code_byte(&m->out, 1);
        break;
    case 2:
        code_legacy(&m->out, 0x83, true, 0, NULL, reg, 1);       /* ADD reg, -1 */
        code_byte(&m->out, 0xff);
        break;
    case 3:
        code_legacy(&m->out, 0x8d, true, reg, &less, 0, 0);
        code_legacy(&m->out, 0x85, true, reg, NULL, reg, 0);     /* TEST */
        break;
    case 4:
        code_legacy(&m->out, 0xff, true, 1, NULL, reg, 0);
        code_legacy(&m->out, 0x83, true, 7, NULL, reg, 1);       /* CMP reg, 1; JNB */
        code_byte(&m->out, 1);
        code_jump_back(&m->out, 3, top);
        return;
    }
    code_jump_back(&m->out, 5, top);
}

static void add_move(Loop *l, unsigned reg, int64_t by)
{
    g_assert_cmpuint(l->move_count, <, MAX_MOVES);
    l->moves[l->move_count].reg = reg;
    l->moves[l->move_count++].by = by;
}

static bool is_of_stream(const LoopMaker *m, unsigned reg)
{
    for (unsigned i = 0; i < m->stream_count; i++) {
        if (m->streams[i].base == reg || m->streams[i].index == reg) {
            return true;
        }
    }
    return false;
}

/* Divides each register's step into changes, even if they come to nothing. */
static void plan_moves(LoopMaker *m)
{
    Loop *l = m->loop;

    l->move_count = 0;
    memset(l->moved, 0, sizeof(l->moved));
    for (unsigned reg = 0; reg < 16; reg++) {
        int64_t step = l->step[reg];
        int64_t part = chance(m, 10) ? (1 << 20) + 1 + below(m, 1 << 24) : chance(m, 50) ? below(m, 64) : 0;

        if (reg == l->counter || !is_of_stream(m, reg) || (!step && !m->endless && chance(m, 90))) {
            continue;
        }
        if (part) {
            add_move(l, reg, part);
        }
        if (step != part) {
            add_move(l, reg, step - part);
        }
    }
}

static void reload(LoopMaker *m, unsigned reg)
{
    if (reg != CODE_NONE) {
        with_area(m, 0x8b, reg, INIT + 0x80 + reg * 8);
    }
}

/* Goes back to the loop, which begins elsewhere this time. */
static void begin_again(LoopMaker *m, unsigned top)
{
    CodeMem outer = in_area(OUTER);

    for (unsigned i = 0; i < m->stream_count; i++) {
        reload(m, m->streams[i].base);
        reload(m, m->streams[i].index);
    }
    reload(m, m->loop->counter);
    if (!m->plain && chance(m, 50)) {
        three_operands(m, &outer);
    }
    code_legacy(&m->out, 0xff, false, 1, &outer, 0, 0);          /* DEC */
    code_jump_back(&m->out, 5, top);
}

static void make_loop(LoopMaker *m)
{
    unsigned top = m->out.len, items = 2 + below(m, 8), leave_at = chance(m, 70) ? below(m, items) : items;
    unsigned skip_at = chance(m, 10) ? below(m, items) : items;

    plan_moves(m);
    m->flags_known = true;
    if (!m->plain && chance(m, 20)) { /* no anchor, but groups */
        CodeMem mem = in_area(OUTER);
        three_operands(m, &mem);
    }
    for (unsigned i = 0; i < items; i++) {
        if (i == leave_at) {
            leave(m);
        }
        if (i == skip_at) {
            skip(m);
        }
        item(m);
    }
    while (m->loop->move_count) {
        next_move(m);
    }
    end_loop(m, top);
    if (m->loop == m->loops && !m->endless && chance(m, 40)) {
        begin_again(m, top);
    }
}

/* --- functions -------------------------------------------------------------------------------- */

static const int steps[] = { 0, 0, 0, 0, 0, 0, 0, 1, -1, 2, 4, -4, 8, 8, 16, -8, -16, 32, -32, 3, -5, 24,
                             100, -200, 1024 };

static int64_t any_step(LoopMaker *m, unsigned rounds)
{
    int64_t step = steps[below(m, G_N_ELEMENTS(steps))];

    return ABS(step) * rounds < LIMIT / 8 / MAX_STREAMS ? step : 0;
}

/* How far a stream goes in a loop. */
static int64_t stride(const Stream *s, const Loop *l)
{
    int64_t by = l->step[s->base];

    return s->index == CODE_NONE ? by : by + l->step[s->index] * (1 << s->scale);
}

static uint64_t any_value(LoopMaker *m)
{
    return random64(&m->out.random);
}

/* What the registers of a stream begin with. */
static void place_stream(LoopMaker *m, const Stream *s, uint64_t *init)
{
    int64_t low = 0, reach = 0;

    for (unsigned i = 0; i < m->loop_count; i++) {
        int64_t goes = stride(s, &m->loops[i]) * m->loops[i].rounds;

        low -= MIN(goes, 0);
        reach += ABS(goes);
    }
    g_assert_cmpint(reach, <, LIMIT);
    int64_t home = DATA + MARGIN + low + below(m, LIMIT - reach);
    uint64_t index = s->kind == INDEX_WIDE ? m->wide : s->index == CODE_NONE ? 0 : init[s->index];
    init[s->base] = m->area + home - (index << s->scale) - s->far;
}

/* Two streams may share an index, and it may be the counter. */
static void make_stream(LoopMaker *m, Stream *s)
{
    unsigned kind = below(m, 100) | (m->plain ? 64 : 0);

    s->base = take_free(m);
    s->index = CODE_NONE;
    s->scale = 0;
    s->kind = kind < 15 ? INDEX_NARROW : kind < 25 ? INDEX_WIDE : INDEX_PLAIN;
    s->far = chance(m, 60) ? 0 : chance(m, 80) ? (int)below(m, 4096) - 2048 : 1 << (12 + below(m, 17));
    if (s->kind != INDEX_PLAIN) {
        s->scale = s->kind == INDEX_WIDE ? m->wide_scale : below(m, 4);
    } else if (kind < 60) {
        s->scale = below(m, 4);
        s->index = chance(m, 20) ? m->loops[0].counter : take_free(m);
    }
    for (unsigned i = 0; i < m->loop_count; i++) {
        Loop *l = &m->loops[i];

        l->step[s->base] = s->kind == INDEX_WIDE && chance(m, 70) ? 0 : any_step(m, l->rounds);
        if (s->index != CODE_NONE && s->index != m->loops[0].counter) {
            l->step[s->index] = any_step(m, l->rounds);
            if (chance(m, 10)) { /* both far, and opposite */
                int64_t far = 1 << (18 + below(m, 4));

                l->step[s->index] += far >> s->scale;
                l->step[s->base] -= far;
            }
        }
        if (m->endless) {
            l->step[s->base] = 0;
            if (s->index != CODE_NONE) {
                l->step[s->index] = 0;
            }
        }
    }
}

static void choose_registers(LoopMaker *m)
{
    m->free_count = 0;
    m->plain = chance(m, 30);
    for (unsigned reg = 0; reg < (m->plain ? X86_R12 : 16); reg++) {
        if (reg != X86_RSP) {
            m->free[m->free_count++] = reg;
        }
    }
    memset(m->loops, 0, sizeof(m->loops));
    m->loop_count = m->endless ? 1 : 1 + below(m, 2);
    m->wide_scale = below(m, 4);
    m->wide = (UINT64_C(1) << (42 + below(m, 2) - m->wide_scale)) + below(m, 256);
    m->wide = chance(m, 75) ? -m->wide : m->wide;
    for (unsigned i = 0; i < m->loop_count; i++) {
        m->loops[i].counter = take_free(m);
        m->loops[i].rounds = 1 + below(m, chance(m, 50) ? 12 : 300);
        m->loops[i].step[m->loops[i].counter] = m->endless ? 0 : -1;
    }
    m->stream_count = m->plain ? 2 : 1 + below(m, MAX_STREAMS);
    for (unsigned i = 0; i < m->stream_count; i++) {
        make_stream(m, &m->streams[i]);
    }
}

static void choose_values(LoopMaker *m, uint64_t *init)
{
    for (unsigned reg = 0; reg < 16; reg++) {
        init[reg] = chance(m, 60) ? below(m, 256) : any_value(m);
    }
    for (unsigned i = 0; i < m->loop_count; i++) {
        init[m->loops[i].counter] = m->loops[i].rounds;
    }
    for (unsigned i = 0; i < m->stream_count; i++) {
        place_stream(m, &m->streams[i], init);
    }
}

static void load_registers(LoopMaker *m)
{
    for (unsigned reg = 0; reg < 16; reg++) {
        if (reg != X86_RSP) {
            with_area(m, 0x8b, reg, INIT + reg * 8);
        }
    }
}

static void load_vectors(LoopMaker *m, unsigned op)
{
    for (unsigned i = 0; i < VECTOR_COUNT; i++) {
        CodeMem mem = in_area(VECTORS + i * 32);

        code_vex(&m->out, 1, 2, false, true, op, i, 0, &mem);
    }
}

/* Registers and flags, added to what earlier rounds left. */
static void keep_results(LoopMaker *m)
{
    CodeMem flags = in_area(FLAGS), seen = in_area(SEEN);

    code_byte(&m->out, 0x9c);                                    /* PUSHF; POP */
    code_legacy(&m->out, 0x8f, false, 0, &flags, 0, 0);
    for (unsigned reg = 0; reg < 16; reg++) {
        if (reg != X86_RSP) {
            with_area(m, 0x01, reg, RESULTS + reg * 8);
        }
    }
    code_legacy(&m->out, 0x81, true, 4, &flags, 0, 4);
    code_bytes(&m->out, CODE_FLAGS, 4);
    with_area(m, 0x8b, X86_RAX, FLAGS);
    code_legacy(&m->out, 0xc1, true, 0, &seen, 0, 1);            /* ROL */
    code_byte(&m->out, 5);
    with_area(m, 0x01, X86_RAX, SEEN);
}

/* Where a place that is wrong in bits 42 or 43 leads to. */
uint64_t loop_alias(uint64_t area, unsigned n)
{
    return area ^ UINT64_C(1) << (45 + n);
}

static void touch_aliases(LoopMaker *m)
{
    for (unsigned n = 0; n < 2 && m->area >> 32; n++) {
        for (unsigned half = 0; half < 2; half++) {
            code_byte(&m->out, 0x48);
            code_byte(&m->out, 0xb8);                            /* MOV RAX, address; NOT, NOT */
            code_bytes(&m->out, loop_alias(m->area, n) + DATA + half * (PAGES << 11), 8);
            code_bytes(&m->out, 0x10f6, 2);
            code_bytes(&m->out, 0x10f6, 2);
        }
    }
}

/* The one with bits 45 and 46 has the places of its aliases below its own; in the last one, within 64 GiB of
 * where places do not follow each other, no window maps anything. */
static const uint64_t areas[] = { 0x20000000, 0x602005000000, 0xffffee0000, 0x3eff0000000, 0x602005000000,
                                  0x3fff0000000 };

void loop_make_function(LoopMaker *m, uint32_t seed, bool endless)
{
    m->out.len = m->out_count = 0;
    m->out.random = random_from(seed);
    m->endless = endless;
    m->area = areas[below(m, G_N_ELEMENTS(areas))];
    choose_registers(m);
    choose_values(m, m->init[0]);
    choose_values(m, m->init[1]);
    load_vectors(m, 0x6f);
    unsigned again = m->out.len;
    touch_aliases(m);
    CodeMem outer = in_area(OUTER);
    code_legacy(&m->out, 0xc7, false, 0, &outer, 0, 4);          /* MOV */
    code_bytes(&m->out, 1 + below(m, 3), 4);
    load_registers(m);
    code_legacy(&m->out, 0x39, true, X86_RAX, NULL, X86_RBX, 0); /* CMP: all flags are known */
    for (unsigned i = 0; i < m->loop_count; i++) {
        m->loop = &m->loops[i];
        while (m->out_count) {
            code_land(&m->out, m->outs[--m->out_count]);
        }
        make_loop(m);
    }
    while (m->out_count) {
        code_land(&m->out, m->outs[--m->out_count]);
    }
    keep_results(m);
    m->flushes = m->out.len;
    code_bytes(&m->out, 0x9090, 2);
    CodeMem rounds = in_area(ROUNDS);
    code_legacy(&m->out, 0xff, false, 1, &rounds, 0, 0);
    code_byte(&m->out, 0x0f);
    code_byte(&m->out, 0x85);
    code_bytes(&m->out, again - (m->out.len + 4), 4);
    load_vectors(m, 0x7f);
    m->end = m->out.len;
    code_bytes(&m->out, 0x90c3, 2);
}

/* What memory begins with. */
void loop_fill(const LoopMaker *m, uint32_t seed, uint8_t *area)
{
    Random random = random_from(seed);
    const uint32_t rounds = 3;

    for (unsigned i = DATA; i < AREA_SIZE; i += 4) {
        uint32_t val = random64(&random);

        memcpy(area + i, &val, 4);
    }
    memcpy(area + INIT, m->init, sizeof(m->init));
    memcpy(area + WIDE, &m->wide, 8);
    memcpy(area + ROUNDS, &rounds, 4);
    memset(area + WORD, 0, 4);
}
