/*
 * Clones: the same guest code at another guest address.
 *
 * The pages of a library or of a program are shared by all processes that run it, and each has them
 * elsewhere (address space layout randomization). The second process does not translate them again:
 * a block of the same bytes in the same mode is copied, and what of its code depends on where it and
 * its guest code lie is changed. That was noted while the block was made (JitFixup): guest addresses
 * in code, TLB entries for them, branches out of the copied piece, and pointers to the block's own
 * structures.
 *
 * The sizes of such constants do not change with their values as long as those are in the lower half
 * of the address space and clear of its first 4 GiB, or RIP has 32 bits. Kernels, and programs that
 * are linked for low addresses, lie at the same ones every time.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/build.h"

enum {
    MAX_STEP = 4095,  /* JitFixup.step */
    MAX_STEPS = 2 * JIT_BLOCK_ROOM / MAX_STEP + 2, /* fixups that fix nothing, in a block */
};

/* Are all guest addresses near rip encoded alike? */
bool jit_clone_may_lie(uint32_t key, uint64_t rip)
{
    return !(key & X86_HF_CS64) || (rip >= 1ull << 33 && rip < (1ull << 47) - (1ull << 32));
}

/* --- while a block is made --------------------------------------------------------------- */

void jit_note_placed(JitBuild *b, unsigned back, JitFixupKind kind)
{
    if (b->placed_count < JIT_MAX_FIXUPS) {
        b->placed[b->placed_count] = (JitPlaced){ .at = b->e.p - back, .kind = kind };
    }
    b->placed_count++;
}

void jit_emit_placed(JitBuild *b, unsigned reg, uint64_t val, JitFixupKind kind)
{
    const uint8_t *begin = b->e.p;

    emit_mov_imm(&b->e, reg, val);
    if (kind == FIXUP_RIP64 && b->e.p - begin < 10) {
        jit_note_placed(b, 4, FIXUP_RIP32);
    } else {
        jit_note_placed(b, 8, kind);
    }
}

typedef struct Piece {
    const uint8_t *from, *to; /* writable mapping */
} Piece;

static bool has(const Piece *piece, const uint8_t *p)
{
    return p >= piece->from && p < piece->to;
}

/* Where the fixups of a block are put down. */
typedef struct Notes {
    X86Tb *tb;
    const Piece *piece; /* hot and cold */
    const uint8_t *last; /* what the last one is for */
    bool cold, disordered;
} Notes;

static void put(Notes *n, unsigned step, JitFixupKind kind)
{
    x86_tb_fixups(n->tb)[n->tb->fixup_count++] = (JitFixup){ .step = step, .kind = kind };
}

static void add_fixup(Notes *n, const uint8_t *at, JitFixupKind kind)
{
    if (!n->cold && has(&n->piece[1], at)) {
        put(n, 0, FIXUP_COLD);
        n->cold = true;
        n->last = n->piece[1].from;
    }
    for (; at > n->last + MAX_STEP; n->last += MAX_STEP) {
        put(n, MAX_STEP, FIXUP_STEP);
    }
    n->disordered |= at < n->last;
    put(n, at - n->last, kind);
    n->last = at;
}

/* Branches within their piece move with it. */
static void add_branch(Notes *n, const uint8_t *at)
{
    bool cold = has(&n->piece[1], at);
    int32_t rel;

    memcpy(&rel, at, 4);
    const uint8_t *target = at + 4 + rel;
    if (has(&n->piece[!cold], target)) {
        add_fixup(n, at, FIXUP_BRANCH_ACROSS);
    } else if (!has(&n->piece[cold], target)) {
        add_fixup(n, at, FIXUP_BRANCH_OUT);
    }
}

/* Both lists are in the order of addresses, for so was the code emitted, and so are the fixups. */
static void add_all(const JitBuild *b, Notes *n)
{
    unsigned p = 0, branch = 0;

    while (p < b->placed_count || branch < b->branches.count) {
        if (branch == b->branches.count ||
            (p < b->placed_count && b->placed[p].at < b->branch_at[branch])) {
            add_fixup(n, b->placed[p].at, b->placed[p].kind);
            p++;
        } else {
            add_branch(n, b->branch_at[branch++]);
        }
    }
}

void jit_keep_fixups(JitBuild *b, const Emit *hot_end, const Emit *cold_end)
{
    X86Tb *tb = b->tb;
    const Piece piece[2] = { { tb->body - hot_end->delta, hot_end->p },
                             { tb->cold - cold_end->delta, cold_end->p } };
    Notes n = { .tb = tb, .piece = piece, .last = piece[0].from };
    unsigned count = b->placed_count + b->branches.count;
    bool wide = (uintptr_t)b->jit->arena > UINT32_MAX; /* so are the constants that point there */
    size_t size = (uint8_t *)x86_tb_fixups(tb) - (uint8_t *)tb;

    tb->cold_len = cold_end->p - piece[1].from;
    if (!tb->second && !b->fixed && wide && count <= JIT_MAX_FIXUPS &&
        jit_clone_may_lie(tb->key, tb->rip) &&
        jit_record_resize(b->jit, tb, size + (count + MAX_STEPS) * sizeof(JitFixup))) {
        add_all(b, &n);
    }
    if (n.disordered) {
        tb->fixup_count = 0;
    }
    jit_record_resize(b->jit, tb, size + tb->fixup_count * sizeof(JitFixup));
}

JitFixupWalk jit_fixups(const X86Tb *tb)
{
    const JitFixup *first = x86_tb_fixups(tb);

    return (JitFixupWalk){ .next = first, .end = first + tb->fixup_count };
}

bool jit_fixups_next(JitFixupWalk *walk)
{
    while (walk->next < walk->end) {
        const JitFixup *f = walk->next++;

        walk->at += f->step;
        walk->kind = f->kind;
        if (walk->kind == FIXUP_COLD) {
            walk->cold = true;
            walk->at = 0;
        } else if (walk->kind != FIXUP_STEP) {
            return true;
        }
    }
    return false;
}

/* --- origins -------------------------------------------------------------------------------- */

static uint64_t origin_hash(const uint8_t *code, uint32_t key)
{
    return jit_hash(code, 0, key);
}

void jit_clone_prefetch(const X86Jit *jit, const uint8_t *code, uint32_t key)
{
    jit_table_prefetch(&jit->origins, origin_hash(code, key));
}

/* Which of the blocks that h leads to has been made of code for entry; JIT_WAYS: none. */
static unsigned find_way(const X86Jit *jit, uint64_t h, const uint8_t *code, uint32_t key,
                         JitEntry entry)
{
    const JitSet *set = jit_table_set(&jit->origins, h);
    unsigned i;

    for (i = 0; i < JIT_WAYS; i++) {
        const X86Tb *tb = jit_set_block(jit, set, i, h);

        if (tb && tb->code == code && tb->key == key &&
            jit_same_entry(tb->entry, jit_useful_entry(tb, entry))) {
            break;
        }
    }
    return i;
}

void jit_clone_offer(X86Jit *jit, X86Tb *tb)
{
    uint64_t h = origin_hash(tb->code, tb->key);

    if (tb->fixup_count) {
        jit_table_add(jit, &jit->origins, h, find_way(jit, h, tb->code, tb->key, tb->entry), tb);
    }
}

void jit_clone_withdraw(X86Jit *jit, const X86Tb *tb)
{
    jit_table_remove(jit, &jit->origins, origin_hash(tb->code, tb->key), tb);
}

static X86Tb *find_origin(X86Jit *jit, uint64_t rip, uint32_t key, JitEntry entry,
                                const uint8_t *code)
{
    uint64_t h = origin_hash(code, key);

    if (jit->single || !jit_clone_may_lie(key, rip)) {
        return NULL;
    }
    unsigned way = find_way(jit, h, code, key, entry);
    return way < JIT_WAYS ? jit_set_block(jit, jit_table_set(&jit->origins, h), way, h) : NULL;
}

/* --- copying -------------------------------------------------------------------------------- */

/* What a clone is made of and how far it lies from its origin. */
typedef struct Cloning {
    X86Jit *jit;
    const X86Tb *from;
    X86Tb *tb;
    uint8_t *code[2];  /* hot and cold, writable mapping */
    intptr_t shift[2]; /* of the host's code */
    uint64_t rip_shift;
} Cloning;

/* Where what lies at p of the origin's record lies in the clone's. */
static void *moved_record(const Cloning *c, const void *p)
{
    return (char *)c->tb + ((const char *)p - (const char *)c->from);
}

/* The record; false if the arena is full. */
static bool copy_record(Cloning *c, uint64_t rip)
{
    const X86Tb *from = c->from;
    X86Tb *tb = jit_record_new(c->jit, from->size);

    if (!tb) {
        return false;
    }
    jit_prefetch(from->body, from->end - from->body);
    jit_prefetch(from->cold, from->cold_len);
    memcpy(tb, from, from->size);
    c->tb = tb;
    c->rip_shift = rip - from->rip;
    tb->rip = rip;
    tb->bytes = moved_record(c, from->bytes);
    tb->exits = moved_record(c, from->exits);
    tb->stale = true;
    tb->page[0] = tb->page[1] = NULL;
    tb->page_next[0] = tb->page_next[1] = NULL;
    tb->incoming = NULL;
    tb->in_returns = false;
    tb->remembered = false;
    tb->guesses = 0;
    tb->clone = tb->waiting = 0;
    for (unsigned i = 0; i < tb->group_count; i++) {
        x86_tb_groups(tb)[i].careful = NULL;
    }
    return true;
}

static void add32(uint8_t *at, uint32_t delta)
{
    uint32_t val;

    memcpy(&val, at, 4);
    val += delta;
    memcpy(at, &val, 4);
}

static void add64(uint8_t *at, uint64_t delta)
{
    uint64_t val;

    memcpy(&val, at, 8);
    val += delta;
    memcpy(at, &val, 8);
}

/* The absolute address of something in a TLB entry becomes that of another page's. */
static const X86TlbEntry *move_to_page(const Cloning *c, uint8_t *at)
{
    X86TlbEntry *table = c->jit->cpu->tlb_now;
    uint32_t addr;

    memcpy(&addr, at, 4);
    uint32_t offset = addr - (uint32_t)(uintptr_t)table;
    unsigned page = (offset / sizeof(*table) + (c->rip_shift >> 12)) & (X86_TLB_SIZE - 1);
    addr = (uint32_t)(uintptr_t)&table[page] + offset % sizeof(*table);
    memcpy(at, &addr, 4);
    return &table[page];
}

static void fix(const Cloning *c, const JitFixupWalk *f)
{
    uint8_t *at = c->code[f->cold] + f->at;
    uint32_t tag;

    switch (f->kind) {
    case FIXUP_BRANCH_OUT:
        add32(at, -c->shift[f->cold]);
        break;
    case FIXUP_BRANCH_ACROSS:
        add32(at, c->shift[!f->cold] - c->shift[f->cold]);
        break;
    case FIXUP_RIP32:
        add32(at, c->rip_shift);
        break;
    case FIXUP_RIP64:
        add64(at, c->rip_shift);
        break;
    case FIXUP_INSN:
        add64(at, (uintptr_t)c->tb - (uintptr_t)c->from);
        break;
    case FIXUP_EXIT:
        add64(at, (uintptr_t)c->tb->exits - (uintptr_t)c->from->exits);
        break;
    case FIXUP_ARENA:
        add32(at, (uintptr_t)c->tb - (uintptr_t)c->from);
        break;
    case FIXUP_TLB:
        move_to_page(c, at);
        break;
    case FIXUP_PAGE_CHECK:
        tag = move_to_page(c, at)->exec;
        memcpy(at + 4, &tag, 4);
        break;
    case FIXUP_STEP: case FIXUP_COLD:
        break;
    }
}

/* Where what lies at p of the origin's code lies now. */
static const uint8_t *moved(const Cloning *c, const uint8_t *p)
{
    return !p ? NULL : p + c->shift[p < c->from->body || p > c->from->end];
}

static void move_entries(Cloning *c)
{
    X86Tb *tb = c->tb;
    const X86Tb *from = c->from;

    tb->entry_host = moved(c, from->entry_host);
    tb->entry_saved = moved(c, from->entry_saved);
    tb->entry_checked = moved(c, from->entry_checked);
    tb->body = moved(c, from->body);
    tb->end = moved(c, from->end);
    tb->cold = from->cold + c->shift[1];
}

/* None is linked yet. */
static void move_exits(Cloning *c)
{
    intptr_t delta = c->jit->code_rx - c->jit->code_rw;

    for (unsigned i = 0; i < c->tb->exit_count; i++) {
        X86TbExit *exit = &c->tb->exits[i];

        exit->rip = jit_rip(c->tb->key, exit->rip + c->rip_shift);
        exit->to = NULL;
        exit->next = NULL;
        exit->waiting = 0;
        exit->disp = moved(c, c->jit->code_rx + exit->disp) - c->jit->code_rx;
        exit->unlinked = moved(c, jit_exit_unlinked(c->jit, exit)) - c->jit->code_rx;
        emit_patch(jit_exit_branch(c->jit, exit), delta, jit_exit_unlinked(c->jit, exit));
    }
}

static bool copy_code(Cloning *c)
{
    const X86Tb *from = c->from;
    Emit hot, cold;

    if (!jit_cache_begin(c->jit, &hot, &cold)) {
        return false;
    }
    c->code[0] = hot.p;
    c->code[1] = cold.p;
    c->shift[0] = emit_here(&hot) - from->body;
    c->shift[1] = emit_here(&cold) - from->cold;
    emit_bytes(&hot, from->body, from->end - from->body);
    emit_bytes(&cold, from->cold, from->cold_len);
    jit_cache_end(c->jit, &hot, &cold);
    return true;
}

X86Tb *jit_clone_of(X86Jit *jit, const X86Tb *from, uint64_t rip)
{
    Cloning c = { .jit = jit, .from = from };

    if (!copy_record(&c, rip) || !copy_code(&c)) {
        return NULL;
    }
    for (JitFixupWalk walk = jit_fixups(from); jit_fixups_next(&walk);) {
        fix(&c, &walk);
    }
    move_entries(&c);
    move_exits(&c);
    jit->stats.cloned++;
    return c.tb;
}

X86Tb *jit_clone(X86Jit *jit, uint64_t rip, uint32_t key, JitEntry entry, const uint8_t *code,
                 bool *full)
{
    X86Tb *from = find_origin(jit, rip, key, entry, code);
    X86Tb *tb = from ? jit_clone_of(jit, from, rip) : NULL;

    *full = from && !tb;
    jit->cloned_from = from;
    return tb;
}
