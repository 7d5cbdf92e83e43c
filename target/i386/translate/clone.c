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

/* Are all guest addresses near rip encoded alike? */
static bool is_ordinary(uint32_t key, uint64_t rip)
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

static void add_fixup(X86Tb *tb, const Piece *piece, bool cold, const uint8_t *at,
                      JitFixupKind kind)
{
    tb->fixups[tb->fixup_count++] = (JitFixup){ .at = at - piece->from, .cold = cold,
                                                .kind = kind };
}

/* Branches within their piece move with it. */
static void add_branch(X86Tb *tb, const Piece piece[2], const uint8_t *at)
{
    bool cold = has(&piece[1], at);
    int32_t rel;

    memcpy(&rel, at, 4);
    const uint8_t *target = at + 4 + rel;
    if (has(&piece[!cold], target)) {
        add_fixup(tb, &piece[cold], cold, at, FIXUP_BRANCH_ACROSS);
    } else if (!has(&piece[cold], target)) {
        add_fixup(tb, &piece[cold], cold, at, FIXUP_BRANCH_OUT);
    }
}

void jit_keep_fixups(JitBuild *b, const Emit *hot_end, const Emit *cold_end)
{
    X86Tb *tb = b->tb;
    const Piece piece[2] = { { tb->body - hot_end->delta, hot_end->p },
                             { tb->cold - cold_end->delta, cold_end->p } };
    unsigned count = b->placed_count + b->branches.count;
    bool wide = (uintptr_t)b->jit->arena > UINT32_MAX; /* so are the constants that point there */

    tb->cold_len = cold_end->p - piece[1].from;
    if (tb->second || b->fixed || !wide || count > JIT_MAX_FIXUPS ||
        !is_ordinary(tb->key, tb->rip)) {
        return;
    }
    tb->fixups = jit_arena_alloc(b->jit, count * sizeof(JitFixup));
    if (!tb->fixups) {
        return;
    }
    for (unsigned i = 0; i < b->placed_count; i++) {
        bool cold = has(&piece[1], b->placed[i].at);
        add_fixup(tb, &piece[cold], cold, b->placed[i].at, b->placed[i].kind);
    }
    for (unsigned i = 0; i < b->branches.count; i++) {
        add_branch(tb, piece, b->branch_at[i]);
    }
}

/* --- origins -------------------------------------------------------------------------------- */

static uint64_t hash_of(const uint8_t *code, uint32_t key)
{
    return ((uintptr_t)code ^ (uint64_t)key << 20) * 0x9e3779b97f4a7c15ull;
}

static JitOrigins *origins(const X86Jit *jit, uint64_t h)
{
    return &jit->origins[h >> (64 - JIT_ORIGIN_BITS)];
}

static uint32_t tag_of(uint64_t h)
{
    return h >> 16;
}

static const X86Tb *origin(const X86Jit *jit, const JitOrigins *set, unsigned way)
{
    return (const X86Tb *)(jit->arena + set->way[way].tb - 1);
}

/* The way of the origin of a block of code for entry, or JIT_ORIGIN_WAYS. */
static unsigned find_way(const X86Jit *jit, uint64_t h, const uint8_t *code, uint32_t key,
                         JitEntry entry)
{
    const JitOrigins *set = origins(jit, h);
    unsigned i;

    for (i = 0; i < JIT_ORIGIN_WAYS; i++) {
        if (set->way[i].tb && set->way[i].tag == tag_of(h)) {
            const X86Tb *tb = origin(jit, set, i);

            if (tb->code == code && tb->key == key &&
                jit_same_entry(tb->entry, jit_useful_entry(tb, entry))) {
                break;
            }
        }
    }
    return i;
}

void jit_clone_offer(X86Jit *jit, X86Tb *tb)
{
    uint64_t h = hash_of(tb->code, tb->key);
    JitOrigins *set = origins(jit, h);

    if (!tb->fixups) {
        return;
    }
    unsigned way = find_way(jit, h, tb->code, tb->key, tb->entry);
    for (unsigned i = 0; i < JIT_ORIGIN_WAYS && way == JIT_ORIGIN_WAYS; i++) {
        way = set->way[i].tb ? way : i;
    }
    way = MIN(way, JIT_ORIGIN_WAYS - 1);
    memmove(&set->way[1], &set->way[0], way * sizeof(set->way[0]));
    set->way[0].tag = tag_of(h);
    set->way[0].tb = (uint8_t *)tb - jit->arena + 1;
}

void jit_clone_withdraw(X86Jit *jit, const X86Tb *tb)
{
    JitOrigins *set = origins(jit, hash_of(tb->code, tb->key));

    for (unsigned i = 0; i < JIT_ORIGIN_WAYS; i++) {
        if (set->way[i].tb && origin(jit, set, i) == tb) {
            set->way[i].tb = 0;
        }
    }
}

static const X86Tb *find_origin(X86Jit *jit, uint64_t rip, uint32_t key, JitEntry entry,
                                const uint8_t *code)
{
    uint64_t h = hash_of(code, key);

    if (jit->single || !is_ordinary(key, rip)) {
        return NULL;
    }
    unsigned way = find_way(jit, h, code, key, entry);
    return way < JIT_ORIGIN_WAYS ? origin(jit, origins(jit, h), way) : NULL;
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

static void *copy_array(X86Jit *jit, const void *from, size_t n)
{
    void *p = jit_arena_alloc(jit, n);

    return p ? memcpy(p, from, n) : NULL;
}

/* The structures; false if the arena is full. */
static bool copy_structures(Cloning *c, uint64_t rip)
{
    const X86Tb *from = c->from;
    X86Jit *jit = c->jit;
    X86Tb *tb = copy_array(jit, from, sizeof(X86Tb) + (from->count + 1) * sizeof(X86TbInsn));

    if (!tb) {
        return false;
    }
    c->tb = tb;
    c->rip_shift = rip - from->rip;
    tb->rip = rip;
    tb->bytes = copy_array(jit, from->bytes, from->len);
    tb->exits = copy_array(jit, from->exits, from->exit_count * sizeof(X86TbExit));
    tb->groups = copy_array(jit, from->groups, from->group_count * sizeof(X86TbGroup));
    tb->fixups = copy_array(jit, from->fixups, from->fixup_count * sizeof(JitFixup));
    tb->page[0] = tb->page[1] = NULL;
    tb->page_next[0] = tb->page_next[1] = tb->hash_next = NULL;
    tb->incoming = NULL;
    return tb->bytes && tb->exits && tb->groups && tb->fixups;
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

static void fix(const Cloning *c, const JitFixup *f)
{
    uint8_t *at = c->code[f->cold] + f->at;
    uint32_t tag;

    switch ((JitFixupKind)f->kind) {
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
        exit->from = c->tb;
        exit->to = NULL;
        exit->next = NULL;
        exit->disp = (uint8_t *)moved(c, exit->disp + delta) - delta;
        exit->unlinked = moved(c, exit->unlinked);
        emit_patch(exit->disp, delta, exit->unlinked);
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

X86Tb *jit_clone(X86Jit *jit, uint64_t rip, uint32_t key, JitEntry entry, const uint8_t *code,
                 bool *full)
{
    Cloning c = { .jit = jit, .from = find_origin(jit, rip, key, entry, code) };

    *full = false;
    if (!c.from) {
        return NULL;
    }
    *full = !copy_structures(&c, rip) || !copy_code(&c);
    if (*full) {
        return NULL;
    }
    for (unsigned i = 0; i < c.from->fixup_count; i++) {
        fix(&c, &c.from->fixups[i]);
    }
    move_entries(&c);
    move_exits(&c);
    jit->stats.cloned++;
    return c.tb;
}
