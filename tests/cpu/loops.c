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
    NONE = 16, VECTOR_COUNT = 4, SEEN_FLAGS = 0x8c5, /* OF, SF, ZF, PF, CF */
};

/* --- instructions --------------------------------------------------------------------------- */

static unsigned below(Maker *m, unsigned n)
{
    return g_rand_int_range(m->rand, 0, n);
}

static bool chance(Maker *m, unsigned percent)
{
    return below(m, 100) < percent;
}

static void byte(Maker *m, unsigned val)
{
    g_assert_cmpuint(m->len, <, MAX_CODE);
    m->code[m->len++] = val;
}

static void bytes(Maker *m, uint64_t val, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        byte(m, val >> i * 8);
    }
}

static void modrm_memory(Maker *m, unsigned reg, const Mem *mem, unsigned imm_size)
{
    bool sib = mem->index != NONE || (mem->base & 7) == X86_RSP;
    unsigned size = !mem->disp && (mem->base & 7) != X86_RBP ? 0 : mem->disp == (int8_t)mem->disp ? 1 : 4;
    unsigned mode = size == 4 ? 2 : size;

    reg = (reg & 7) << 3;
    if (mem->rip) {
        byte(m, reg | 5);
        bytes(m, mem->disp - (CODE + m->len + 4 + imm_size), 4);
        return;
    }
    byte(m, mode << 6 | reg | (sib ? 4 : mem->base & 7));
    if (sib) {
        byte(m, mem->scale << 6 | (mem->index == NONE ? 4 : mem->index & 7) << 3 | (mem->base & 7));
    }
    bytes(m, mem->disp, size);
}

static unsigned high(unsigned reg)
{
    return reg < NONE ? reg >> 3 : 0;
}

/* One operand is mem, or else register rm; op: 0xpp0fxx with a prefix, 0x0fxx, or a byte; wide: 64 bits.
 * Always with REX: no AH. */
static void legacy(Maker *m, unsigned op, bool wide, unsigned reg, const Mem *mem, unsigned rm,
                   unsigned imm_size)
{
    if (mem && mem->narrow) {
        byte(m, 0x67);
    }
    if (op >> 16) {
        byte(m, op >> 16);
    }
    byte(m, 0x40 | wide << 3 | high(reg) << 2 | (mem ? high(mem->index) << 1 | high(mem->base) : high(rm)));
    if ((op >> 8 & 0xff) == 0x0f) {
        byte(m, 0x0f);
    }
    byte(m, op);
    if (mem) {
        modrm_memory(m, reg, mem, imm_size);
    } else {
        byte(m, 0xc0 | (reg & 7) << 3 | (rm & 7));
    }
}

/* The same of size bytes; bit 0 of the opcode says that it is not 1. */
static void sized(Maker *m, unsigned op, unsigned size, unsigned reg, const Mem *mem, unsigned rm,
                  unsigned imm_size)
{
    legacy(m, op | (size > 1) | (size == 2) * 0x660000, size == 8, reg, mem, rm, imm_size);
}

/* VEX with three bytes; pp: 0, 1: 66, 2: F3, 3: F2. */
static void vex(Maker *m, unsigned map, unsigned pp, bool wide, bool l, unsigned op, unsigned reg,
                unsigned vvvv, const Mem *mem)
{
    if (mem->narrow) {
        byte(m, 0x67);
    }
    byte(m, 0xc4);
    byte(m, (high(reg) ^ 1) << 7 | (high(mem->index) ^ 1) << 6 | (high(mem->base) ^ 1) << 5 | map);
    byte(m, wide << 7 | (~vvvv & 15) << 3 | l << 2 | pp);
    byte(m, op);
    modrm_memory(m, reg, mem, 0);
}

static Mem in_area(unsigned offset)
{
    return (Mem){ .base = NONE, .index = NONE, .disp = offset, .rip = true };
}

/* MOV, or another one of its shape, of a register and a qword of the area. */
static void with_area(Maker *m, unsigned op, unsigned reg, unsigned offset)
{
    Mem mem = in_area(offset);

    legacy(m, op, true, reg, &mem, 0, 0);
}

static void jump_back(Maker *m, unsigned cond, unsigned to)
{
    int disp = (int)to - (int)(m->len + 2);

    if (disp >= -128 && chance(m, 80)) {
        byte(m, 0x70 | cond);
        byte(m, disp);
    } else {
        byte(m, 0x0f);
        byte(m, 0x80 | cond);
        bytes(m, to - (m->len + 4), 4);
    }
}

/* Returns where the displacement is that land() fills in. */
static unsigned jump_ahead(Maker *m, unsigned cond)
{
    byte(m, 0x0f);
    byte(m, 0x80 | cond);
    bytes(m, 0, 4);
    return m->len - 4;
}

static void land(Maker *m, unsigned at)
{
    uint32_t disp = m->len - (at + 4);

    memcpy(m->code + at, &disp, 4);
}

/* --- what loops do --------------------------------------------------------------------------- */

static unsigned any_free(Maker *m)
{
    return m->free[below(m, m->free_count)];
}

static unsigned take_free(Maker *m)
{
    unsigned i = below(m, m->free_count), reg = m->free[i];

    m->free[i] = m->free[--m->free_count];
    return reg;
}

static unsigned any_size(Maker *m)
{
    return 1u << below(m, 4);
}

static unsigned any_condition(Maker *m)
{
    return m->flags_known ? below(m, 16) : 2 + below(m, 2);
}

static void immediate(Maker *m, unsigned size)
{
    bytes(m, below(m, 2) ? below(m, 4) : g_rand_int(m->rand), MIN(size, 4));
}

/* An instruction whose operand is mem, or else register rm. */
static void integer(Maker *m, const Mem *mem, unsigned rm)
{
    unsigned size = any_size(m), reg = any_free(m), op = below(m, 8);

    switch (below(m, 14)) {
    case 0: case 1:
        sized(m, 0x8a, size, reg, mem, rm, 0);
        break;
    case 2: case 3:
        sized(m, 0x88, size, reg, mem, rm, 0);
        break;
    case 4:
        sized(m, op << 3 | 2, size, reg, mem, rm, 0);
        m->flags_known = true;
        break;
    case 5:
        sized(m, op << 3, size, reg, mem, rm, 0);
        m->flags_known = true;
        break;
    case 6:
        sized(m, 0x80, size, op, mem, rm, MIN(size, 4));
        immediate(m, size);
        m->flags_known = true;
        break;
    case 7:
        sized(m, 0xfe, size, op & 1, mem, rm, 0);     /* INC, DEC */
        m->flags_known = true;
        break;
    case 8:
        sized(m, 0xf6, size, 2 + (op & 1), mem, rm, 0); /* NOT, NEG */
        break;
    case 9:
        if (op & 1) {
            legacy(m, 0x0fb6 + (op & 2) / 2 + (op & 4) * 2, size > 4, reg, mem, rm, 0); /* MOVZX, MOVSX */
        } else {
            legacy(m, 0x63, true, reg, mem, rm, 0);   /* MOVSXD */
        }
        break;
    case 10:
        legacy(m, 0x0f90 | any_condition(m), false, 0, mem, rm, 0);
        break;
    case 11:
        legacy(m, 0x0f40 | any_condition(m), size > 2, reg, mem, rm, 0);
        break;
    case 12:
        if (op & 1) {
            sized(m, 0xc0, size, (uint8_t[]){ 4, 5, 7, 0 }[op >> 1], mem, rm, 1);
            byte(m, 1 + below(m, 7));
            m->flags_known = false;
        } else {
            sized(m, op & 2 ? 0x0fc0 : 0x86, size, reg, mem, rm, 0); /* XADD, XCHG */
            m->flags_known |= op & 2;
        }
        break;
    case 13:
        if (op & 1) {
            legacy(m, 0x0fba, size == 8, 4 + (op >> 1), mem, rm, 1);   /* BT, BTS, BTR, BTC */
            byte(m, below(m, 32));
            m->flags_known = false;
        } else {
            sized(m, 0x84, size, reg, mem, rm, 0);    /* TEST */
            m->flags_known = true;
        }
        break;
    }
}

static void vector(Maker *m, const Mem *mem)
{
    unsigned reg = below(m, VECTOR_COUNT), other = below(m, VECTOR_COUNT);

    switch (below(m, 9)) {
    case 0:
        legacy(m, 0x0f10, false, reg, mem, 0, 0);     /* MOVUPS */
        break;
    case 1:
        legacy(m, 0x0f11, false, reg, mem, 0, 0);
        break;
    case 2:
        legacy(m, 0xf30f6f, false, reg, mem, 0, 0);   /* MOVDQU */
        break;
    case 3:
        legacy(m, 0x660f7e, chance(m, 50), reg, mem, 0, 0); /* MOVD, MOVQ */
        break;
    case 4:
        vex(m, 1, 2, false, chance(m, 70), 0x6f, reg, 0, mem); /* VMOVDQU */
        break;
    case 5:
        vex(m, 1, 2, false, chance(m, 70), 0x7f, reg, 0, mem);
        break;
    case 6:
        vex(m, 1, 1, false, chance(m, 70), 0xfe, reg, other, mem); /* VPADDD */
        break;
    case 7:
        vex(m, 1, 1, false, chance(m, 70), 0xef, reg, other, mem); /* VPXOR */
        break;
    case 8:
        vex(m, 2, 1, false, chance(m, 70), 0x17, reg, 0, mem);     /* VPTEST */
        m->flags_known = true;
        break;
    }
}

/* MULX, SHLX, SARX, SHRX, PDEP, PEXT, ANDN: what has a register in vvvv. */
static void three_operands(Maker *m, const Mem *mem)
{
    static const struct { uint8_t pp, op; } ops[] = {
        { 3, 0xf6 }, { 1, 0xf7 }, { 2, 0xf7 }, { 3, 0xf7 }, { 3, 0xf5 }, { 2, 0xf5 }, { 0, 0xf2 },
    };
    unsigned i = below(m, G_N_ELEMENTS(ops)), vvvv = any_free(m);

    vex(m, 2, ops[i].pp, chance(m, 60), false, ops[i].op, any_free(m), vvvv, mem);
    m->flags_known &= i != 6; /* ANDN leaves PF undefined */
}

/* Makes an index: one of less than 256, or -128, in any register that is free. */
static unsigned narrow_index(Maker *m, const Mem *mem)
{
    unsigned reg = any_free(m), from = any_free(m);

    switch (below(m, 7)) {
    case 0:
        legacy(m, 0x8b, false, reg, NULL, from, 0);
        legacy(m, 0x81, false, 4, NULL, reg, 4);      /* AND */
        bytes(m, 0xff, 4);
        m->flags_known = true;
        break;
    case 1:
        legacy(m, 0x0fb6, chance(m, 50), reg, NULL, from, 0);
        break;
    case 2:
        legacy(m, 0x0fb6, chance(m, 50), reg, mem, 0, 0);
        break;
    case 3:
        legacy(m, 0x0fbe, true, reg, NULL, from, 0);  /* MOVSX, MOVSXD of it */
        legacy(m, 0x63, true, reg, NULL, reg, 0);
        break;
    case 4:
        legacy(m, 0x83, true, 4, NULL, reg, 1);       /* AND of 64 bits */
        byte(m, 0x7f);
        m->flags_known = true;
        break;
    case 5:
        legacy(m, 0x8b, false, reg, mem, 0, 0);
        legacy(m, 0xc1, false, 5, NULL, reg, 1);      /* SHR */
        byte(m, 24);
        m->flags_known = false;
        break;
    case 6:
        legacy(m, 0x8b, true, reg, NULL, from, 0);
        legacy(m, 0x0fbe, true, reg, NULL, reg, 0);   /* MOVSX of a byte */
        break;
    }
    return reg;
}

/* Has an operand of the stream, its registers as they are now. */
static Mem stream_operand(Maker *m, const Stream *s)
{
    int64_t moved = m->loop->moved[s->base];
    int32_t near = (int)below(m, 600) - 300;
    Mem mem = { .base = s->base, .index = s->index, .scale = s->scale };

    if (s->index != NONE && s->kind == INDEX_PLAIN) {
        moved += m->loop->moved[s->index] * (1 << s->scale);
    }
    mem.disp = s->far + near - moved;
    g_assert_cmpint(mem.disp, ==, s->far + near - moved);
    mem.narrow = !m->plain && m->area >> 32 == 0 && chance(m, 8);
    return mem;
}

static void access_stream(Maker *m)
{
    const Stream *s = &m->streams[below(m, m->stream_count)];
    Mem mem = stream_operand(m, s), index_from = stream_operand(m, s);

    if (s->kind == INDEX_NARROW) {
        index_from.index = NONE;
        mem.index = narrow_index(m, &index_from);
    } else if (s->kind == INDEX_WIDE) {
        mem.index = any_free(m);
        with_area(m, 0x8b, mem.index, WIDE);
    } else if (!m->plain && chance(m, 10)) { /* a copy of one of the registers */
        unsigned copy = any_free(m), *reg = mem.index != NONE && chance(m, 50) ? &mem.index : &mem.base;

        legacy(m, 0x8b, true, copy, NULL, *reg, 0);
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
        legacy(m, 0x8d, true, any_free(m), &mem, 0, 0);
    } else {
        legacy(m, 0xff, false, 6, &mem, 0, 0);        /* PUSH, POP */
        mem = in_area(WORD + 8);
        legacy(m, 0x8f, false, 0, &mem, 0, 0);
    }
}

/* Adds by to reg, in one of the ways that the translator knows as constant, or not. */
static void move_register(Maker *m, unsigned reg, int64_t by)
{
    unsigned way = below(m, 10);

    m->loop->moved[reg] += by;
    if (way < 4) {
        const Mem mem = { .base = reg, .index = NONE, .disp = by };

        legacy(m, 0x8d, true, reg, &mem, 0, 0);
        return;
    }
    m->flags_known = true;
    if ((by == 1 || by == -1) && way < 8) {
        legacy(m, 0xff, true, by < 0, NULL, reg, 0);
        return;
    }
    bool sub = way < 7;
    by = sub ? -by : by;
    bool small = by == (int8_t)by;
    legacy(m, small ? 0x83 : 0x81, true, sub ? 5 : 0, NULL, reg, 0);
    bytes(m, by, small ? 1 : 4);
}

static void next_move(Maker *m)
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
static bool is_anywhere(Maker *m)
{
    for (unsigned i = 0; i < m->stream_count; i++) {
        const Stream *s = &m->streams[i];
        int64_t moved = m->loop->moved[s->base];

        if (s->index != NONE) {
            moved += m->loop->moved[s->index] * (1 << s->scale);
        }
        if (ABS(moved) > 0x400) {
            return false;
        }
    }
    return true;
}

/* Leaves the loop if the counter, or a byte that is free, is something. */
static void leave(Maker *m)
{
    if (m->out_count == G_N_ELEMENTS(m->outs) || !is_anywhere(m)) {
        return;
    }
    if (m->endless) {
        Mem mem = in_area(WORD);

        legacy(m, 0x83, false, 7, &mem, 0, 1);        /* CMP */
        byte(m, 0);
        m->outs[m->out_count++] = jump_ahead(m, 5);
    } else if (chance(m, 50)) {
        legacy(m, 0x81, true, 7, NULL, m->loop->counter, 4);
        bytes(m, below(m, m->loop->rounds + 2), 4);
        m->outs[m->out_count++] = jump_ahead(m, 4);
    } else {
        legacy(m, 0x80, false, 7, NULL, any_free(m), 1);
        byte(m, below(m, 256));
        m->outs[m->out_count++] = jump_ahead(m, 4);
    }
    m->flags_known = true;
}

static void item(Maker *m)
{
    unsigned kind = below(m, 100);

    if (kind < 60) {
        access_stream(m);
    } else if (kind < 75) {
        integer(m, NULL, any_free(m));
    } else if (m->plain) {
        next_move(m);
    } else if (kind < 78) {
        unsigned reg = any_free(m);
        byte(m, 0x48 | high(reg));
        byte(m, 0x50 | (reg & 7));                    /* PUSH, POP */
        reg = any_free(m);
        byte(m, 0x48 | high(reg));
        byte(m, 0x58 | (reg & 7));
    } else if (kind < 81) {
        Mem mem = in_area(DATA + below(m, DATA_END - DATA - 32));
        integer(m, &mem, 0);
    } else {
        next_move(m);
    }
}

/* Jcc over an item that moves nothing. */
static void skip(Maker *m)
{
    unsigned at = jump_ahead(m, any_condition(m));
    bool known = m->flags_known;

    access_stream(m);
    m->flags_known &= known;
    land(m, at);
}

/* The branch back, after the last change of the counter. */
static void end_loop(Maker *m, unsigned top)
{
    Loop *l = m->loop;
    unsigned reg = l->counter;

    m->flags_known = true;
    if (m->endless) {
        Mem mem = in_area(WORD);

        switch (below(m, 4)) {
        case 0:
            legacy(m, 0x83, false, 7, &mem, 0, 1);
            byte(m, 0);
            jump_back(m, 4, top);
            return;
        case 1:
            leave(m);
            legacy(m, 0x83, true, 1, NULL, reg, 1);   /* OR counter, 1 */
            byte(m, 1);
            jump_back(m, 5, top);
            return;
        default:
            leave(m);
            byte(m, 0xe9);
            bytes(m, top - (m->len + 4), 4);
            return;
        }
    }
    switch (below(m, 5)) {
    case 0:
        legacy(m, 0xff, true, 1, NULL, reg, 0);       /* DEC */
        break;
    case 1:
        legacy(m, 0x83, true, 5, NULL, reg, 1);       /* SUB reg, 1 */
        byte(m, 1);
        break;
    case 2:
        legacy(m, 0x83, true, 0, NULL, reg, 1);       /* ADD reg, -1 */
        byte(m, 0xff);
        break;
    case 3:
        legacy(m, 0x8d, true, reg, &(Mem){ .base = reg, .index = NONE, .disp = -1 }, 0, 0);
        legacy(m, 0x85, true, reg, NULL, reg, 0);     /* TEST */
        break;
    case 4:
        legacy(m, 0xff, true, 1, NULL, reg, 0);
        legacy(m, 0x83, true, 7, NULL, reg, 1);       /* CMP reg, 1; JNB */
        byte(m, 1);
        jump_back(m, 3, top);
        return;
    }
    jump_back(m, 5, top);
}

static void add_move(Loop *l, unsigned reg, int64_t by)
{
    g_assert_cmpuint(l->move_count, <, MAX_MOVES);
    l->moves[l->move_count].reg = reg;
    l->moves[l->move_count++].by = by;
}

static bool is_of_stream(const Maker *m, unsigned reg)
{
    for (unsigned i = 0; i < m->stream_count; i++) {
        if (m->streams[i].base == reg || m->streams[i].index == reg) {
            return true;
        }
    }
    return false;
}

/* Divides each register's step into changes, even if they come to nothing. */
static void plan_moves(Maker *m)
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

static void reload(Maker *m, unsigned reg)
{
    if (reg != NONE) {
        with_area(m, 0x8b, reg, INIT + 0x80 + reg * 8);
    }
}

/* Goes back to the loop, which begins elsewhere this time. */
static void begin_again(Maker *m, unsigned top)
{
    Mem outer = in_area(OUTER);

    for (unsigned i = 0; i < m->stream_count; i++) {
        reload(m, m->streams[i].base);
        reload(m, m->streams[i].index);
    }
    reload(m, m->loop->counter);
    if (!m->plain && chance(m, 50)) {
        three_operands(m, &outer);
    }
    legacy(m, 0xff, false, 1, &outer, 0, 0);          /* DEC */
    jump_back(m, 5, top);
}

static void make_loop(Maker *m)
{
    unsigned top = m->len, items = 2 + below(m, 8), leave_at = chance(m, 70) ? below(m, items) : items;
    unsigned skip_at = chance(m, 10) ? below(m, items) : items;

    plan_moves(m);
    m->flags_known = true;
    if (!m->plain && chance(m, 20)) { /* no anchor, but groups */
        Mem mem = in_area(OUTER);
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

static int64_t any_step(Maker *m, unsigned rounds)
{
    int64_t step = steps[below(m, G_N_ELEMENTS(steps))];

    return ABS(step) * rounds < LIMIT / 8 / MAX_STREAMS ? step : 0;
}

/* How far a stream goes in a loop. */
static int64_t stride(const Stream *s, const Loop *l)
{
    int64_t by = l->step[s->base];

    return s->index == NONE ? by : by + l->step[s->index] * (1 << s->scale);
}

static uint64_t any_value(Maker *m)
{
    return (uint64_t)g_rand_int(m->rand) << 32 | g_rand_int(m->rand);
}

/* What the registers of a stream begin with. */
static void place_stream(Maker *m, const Stream *s, uint64_t *init)
{
    int64_t low = 0, reach = 0;

    for (unsigned i = 0; i < m->loop_count; i++) {
        int64_t goes = stride(s, &m->loops[i]) * m->loops[i].rounds;

        low -= MIN(goes, 0);
        reach += ABS(goes);
    }
    g_assert_cmpint(reach, <, LIMIT);
    int64_t home = DATA + MARGIN + low + below(m, LIMIT - reach);
    uint64_t index = s->kind == INDEX_WIDE ? m->wide : s->index == NONE ? 0 : init[s->index];
    init[s->base] = m->area + home - (index << s->scale) - s->far;
}

/* Two streams may share an index, and it may be the counter. */
static void make_stream(Maker *m, Stream *s)
{
    unsigned kind = below(m, 100) | (m->plain ? 64 : 0);

    s->base = take_free(m);
    s->index = NONE;
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
        if (s->index != NONE && s->index != m->loops[0].counter) {
            l->step[s->index] = any_step(m, l->rounds);
            if (chance(m, 10)) { /* both far, and opposite */
                int64_t far = 1 << (18 + below(m, 4));

                l->step[s->index] += far >> s->scale;
                l->step[s->base] -= far;
            }
        }
        if (m->endless) {
            l->step[s->base] = 0;
            if (s->index != NONE) {
                l->step[s->index] = 0;
            }
        }
    }
}

static void choose_registers(Maker *m)
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

static void choose_values(Maker *m, uint64_t *init)
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

static void load_registers(Maker *m)
{
    for (unsigned reg = 0; reg < 16; reg++) {
        if (reg != X86_RSP) {
            with_area(m, 0x8b, reg, INIT + reg * 8);
        }
    }
}

static void load_vectors(Maker *m, unsigned op)
{
    for (unsigned i = 0; i < VECTOR_COUNT; i++) {
        Mem mem = in_area(VECTORS + i * 32);

        vex(m, 1, 2, false, true, op, i, 0, &mem);
    }
}

/* Registers and flags, added to what earlier rounds left. */
static void keep_results(Maker *m)
{
    Mem flags = in_area(FLAGS), seen = in_area(SEEN);

    byte(m, 0x9c);                                    /* PUSHF; POP */
    legacy(m, 0x8f, false, 0, &flags, 0, 0);
    for (unsigned reg = 0; reg < 16; reg++) {
        if (reg != X86_RSP) {
            with_area(m, 0x01, reg, RESULTS + reg * 8);
        }
    }
    legacy(m, 0x81, true, 4, &flags, 0, 4);
    bytes(m, SEEN_FLAGS, 4);
    with_area(m, 0x8b, X86_RAX, FLAGS);
    legacy(m, 0xc1, true, 0, &seen, 0, 1);            /* ROL */
    byte(m, 5);
    with_area(m, 0x01, X86_RAX, SEEN);
}

/* Where a place that is wrong in bits 42 or 43 leads to. */
uint64_t loop_alias(uint64_t area, unsigned n)
{
    return area ^ UINT64_C(1) << (45 + n);
}

static void touch_aliases(Maker *m)
{
    for (unsigned n = 0; n < 2 && m->area >> 32; n++) {
        for (unsigned half = 0; half < 2; half++) {
            byte(m, 0x48);
            byte(m, 0xb8);                            /* MOV RAX, address; NOT, NOT */
            bytes(m, loop_alias(m->area, n) + DATA + half * (PAGES << 11), 8);
            bytes(m, 0x10f6, 2);
            bytes(m, 0x10f6, 2);
        }
    }
}

/* The one with bits 45 and 46 has the places of its aliases below its own; in the last one, within 64 GiB of
 * where places do not follow each other, no window maps anything. */
static const uint64_t areas[] = { 0x20000000, 0x602005000000, 0xffffee0000, 0x3eff0000000, 0x602005000000,
                                  0x3fff0000000 };

void loop_make_function(Maker *m, uint32_t seed, bool endless)
{
    m->len = m->out_count = 0;
    m->rand = g_rand_new_with_seed(seed);
    m->endless = endless;
    m->area = areas[below(m, G_N_ELEMENTS(areas))];
    choose_registers(m);
    choose_values(m, m->init[0]);
    choose_values(m, m->init[1]);
    load_vectors(m, 0x6f);
    unsigned again = m->len;
    touch_aliases(m);
    Mem outer = in_area(OUTER);
    legacy(m, 0xc7, false, 0, &outer, 0, 4);          /* MOV */
    bytes(m, 1 + below(m, 3), 4);
    load_registers(m);
    legacy(m, 0x39, true, X86_RAX, NULL, X86_RBX, 0); /* CMP: all flags are known */
    for (unsigned i = 0; i < m->loop_count; i++) {
        m->loop = &m->loops[i];
        while (m->out_count) {
            land(m, m->outs[--m->out_count]);
        }
        make_loop(m);
    }
    while (m->out_count) {
        land(m, m->outs[--m->out_count]);
    }
    keep_results(m);
    m->flushes = m->len;
    bytes(m, 0x9090, 2);
    Mem rounds = in_area(ROUNDS);
    legacy(m, 0xff, false, 1, &rounds, 0, 0);
    byte(m, 0x0f);
    byte(m, 0x85);
    bytes(m, again - (m->len + 4), 4);
    load_vectors(m, 0x7f);
    m->end = m->len;
    bytes(m, 0x90c3, 2);
    g_rand_free(m->rand);
}

/* What memory begins with. */
void loop_fill(const Maker *m, uint32_t seed, uint8_t *area)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    const uint32_t rounds = 3;

    for (unsigned i = DATA; i < AREA_SIZE; i += 4) {
        uint32_t val = g_rand_int(rand);

        memcpy(area + i, &val, 4);
    }
    memcpy(area + INIT, m->init, sizeof(m->init));
    memcpy(area + WIDE, &m->wide, 8);
    memcpy(area + ROUNDS, &rounds, 4);
    memset(area + WORD, 0, 4);
}
