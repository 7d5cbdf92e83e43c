/*
 * The translator's own structures: what translated code, the stubs and the C
 * functions that they call know of each other.
 *
 * Registers. Eleven guest registers live in the host register of the same
 * encoding, guest RSP in host R12; guest R12 to R15 live in X86JitContext.regs.
 * Host R13 to R15 are free for each instruction, but for what R14 and R15 keep of the window
 * (memop.c, anchors.c). Host RSP points into X86JitContext. The guest's XMM/YMM registers are in the
 * host's while X86JitContext.vec_live, its x87 state while X86JitContext.x87_live.
 *
 * Flags. The arithmetic flags are in the host's flags (FLAGS_HOST), in
 * X86JitContext.flags (FLAGS_SAVED) or in both; each place in a block knows
 * which. A block has an entry for either.
 *
 * Addresses. The memory that translated code reads and writes (context, TLB, jump
 * cache) lies below 2 GiB: an absolute 32-bit displacement costs no register. What is used
 * most often is in reach of a displacement of 8 bits from RSP. Below RSP are the registers that are in the
 * host's: the stubs may push over them, and the red zone keeps the frames of signals away.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_TRANSLATE_JIT_H
#define TARGET_I386_TRANSLATE_JIT_H

#include <stdio.h>
#include "target/i386/interp/block.h"
#include "target/i386/tlb.h"
#include "target/i386/translate/emit.h"
#include "target/i386/translate/translate.h"

/* The offset in a table of the TLB: bits 12 and up of the address, times the entry's size. */
enum {
    JIT_TLB_SHIFT = 12 - 5,
    JIT_TLB_MASK = (X86_TLB_SIZE - 1) << 5,
};
G_STATIC_ASSERT(sizeof(X86TlbEntry) == 1 << 5);

enum {
    JIT_T0 = HOST_R13, /* scratch registers */
    JIT_T1 = HOST_R14,
    JIT_T2 = HOST_R15,
    JIT_RSP = HOST_R12, /* guest RSP */
};

enum {
    JIT_MAX_INSNS = 32,
    JIT_MEET_INSNS = 6, /* so long is a block that ends where another begins */
    JIT_BLOCK_ROOM = JIT_MAX_INSNS << 10, /* more than the code of any block */
    JIT_JUMP_BITS = 17,
    JIT_RETURN_BITS = 9,
    JIT_RETURN_MASK = ((1 << JIT_RETURN_BITS) - 1) << 4, /* of RSP: offset in X86JitMode.returns */
    JIT_MAX_MODES = 16,
    JIT_CONTEXT_ADDENDS = 32,
    JIT_HASH_BITS = 16,
    JIT_FILTER_BITS = 19,
    JIT_ARENA_ROOM = 16 << 10, /* more than any block takes of it */
    JIT_MAX_REGIONS = 8,
    JIT_JUMP_FACTOR = 0x1e3779b1, /* spreads addresses over the jump cache */
    JIT_DECODED = 4096,
    JIT_SCATTERED_BITS = 12,
    JIT_STRIKE_BITS = 12,
    JIT_WINDOW_STRIKES = 8, /* then a block goes without the window */
    JIT_ORIGIN_BITS = 15,
    JIT_WAYS = 8,
    JIT_MAX_VERSIONS = 3, /* of a block, for the flags that it is entered with */
};

typedef struct X86Tb X86Tb;
typedef struct X86TbInsn X86TbInsn;
typedef struct X86TbExit X86TbExit;
typedef struct X86Jit X86Jit;

/* Where an indirect jump to rip goes: an entry_checked, or a stub that looks it up. */
typedef struct X86JumpEntry {
    uint64_t rip;
    const uint8_t *host;
} X86JumpEntry;

/* What translated code reads and writes by address. */
typedef struct X86JitContext {
    uint64_t regs[16];
    uint64_t flags;        /* bits 8-15: as LAHF gives them, bit 0: OF */
    uint64_t window_mask;  /* X86_WINDOW_MASK */
    uint64_t place;        /* in the window, or an anchor: what T1 is when C has been called */
    uint64_t second_anchor; /* what T2 is then */
    uint32_t poll;         /* [atomic] not 0: leave */
    uint32_t vec_live;     /* vector registers are in the host's */
    uint64_t operand;      /* of the last comparison with memory */
    uint64_t addends[JIT_CONTEXT_ADDENDS]; /* of the groups of the block that runs */
    uint64_t rip;          /* of an exit */
    uint64_t seg_base[2];  /* FS, GS */
    uint64_t seg_limit[2]; /* last offset that needs no check; outside 64-bit mode */
    uint64_t stack;        /* RSP of C while translated code runs */
    uint64_t resume;       /* scratch of the stubs */
    X86CPU *cpu;
    uint32_t host_mxcsr;
    uint32_t x87_live;     /* x87 and MMX registers are in the host's; see x87.c */
    uint32_t x87_last;     /* offset in the arena of the last x87 instruction's X86TbInsn, or 0 */
    uint8_t x87_image[108]; /* as FNSAVE makes it */
} X86JitContext;

/* A block whose accesses are checked one by one. */
#define X86_KEY_CAREFUL (1u << 26)

/* Flags at some place of a block. */
typedef enum JitFlags {
    FLAGS_DEAD = 0, /* nothing will look at them */
    FLAGS_HOST = 1,
    FLAGS_SAVED = 2,
    FLAGS_BOTH = 3,
    FLAGS_REPLAY = 4, /* a recipe tells how to make them */
} JitFlags;

/* How to make flags again from what an instruction left (flags.c): op a, b of size bytes. */
typedef struct JitRecipe {
    uint8_t op, size;
    uint8_t a, b; /* a guest register, JIT_RECIPE_SLOT or, for b, JIT_RECIPE_IMM */
    int32_t imm;
} JitRecipe;

enum { JIT_RECIPE_NONE, JIT_RECIPE_CMP, JIT_RECIPE_TEST, JIT_RECIPE_ADD, JIT_RECIPE_SUB,
       JIT_RECIPE_NEG, JIT_RECIPE_SHL, JIT_RECIPE_SHR, JIT_RECIPE_SAR };
enum { JIT_RECIPE_SLOT = 16, /* X86JitContext.operand */ JIT_RECIPE_IMM };

/* What a block may rely on when it is entered. All zero: nothing, it is the plain one. */
typedef struct JitEntry {
    JitRecipe recipe;
    bool saved;     /* FLAGS_SAVED only; otherwise they are in the host's */
    bool vec_known, x87_known; /* that state is live */
    bool host;      /* nothing to rely on: whoever is known to come has them in the host's flags */
    uint32_t anchor; /* T1 and X86JitContext.place, T2 and .second_anchor are these (anchors.c); 0: unknown */
} JitEntry;

static inline bool jit_same_entry(JitEntry x, JitEntry y)
{
    uint64_t a, b;

    G_STATIC_ASSERT(sizeof(JitRecipe) == sizeof(a));
    memcpy(&a, &x.recipe, sizeof(a)); /* compilers call memcmp() */
    memcpy(&b, &y.recipe, sizeof(b));
    return a == b && x.saved == y.saved && x.vec_known == y.vec_known &&
           x.x87_known == y.x87_known && x.anchor == y.anchor;
}

static inline bool jit_is_plain(JitEntry x)
{
    return jit_same_entry(x, (JitEntry){ 0 });
}

/* An instruction of a block: what is needed to go on before it or after it. */
struct X86TbInsn {
    uint16_t host; /* offset of its code in the block's; flags may come in either way */
    uint16_t cold; /* where its code for the interpreter is: offset from X86Tb.cold, plus 1; or 0 */
    uint16_t guest : 10, index : 6; /* offset of its bytes from the block's RIP */
    uint8_t group; /* number of the group that it makes the check of, plus 1; or 0 */
    uint8_t x87 : 2; /* TB_X87_... */
    uint8_t vec_known : 1, x87_known : 1; /* that state is surely live before it */
    uint8_t two_accesses : 1; /* at different addresses: filling the TLB for one may evict the other */
    uint8_t fills_slot : 1;   /* X86JitContext.operand: what follows relies on it */
};
G_STATIC_ASSERT(sizeof(X86TbInsn) == 8);

/* The accesses of a group: a span from a base register. */
typedef struct X86TbGroup {
    int16_t from, to;
    uint8_t base;
    bool write;
    unsigned drops;  /* jit->drops when careful was found */
    X86Tb *careful;  /* the careful variant from the group's first access on; NULL: not needed yet */
} X86TbGroup;

/* What an instruction does with the pointers to the last x87 instruction. */
enum {
    TB_X87_NONE,
    TB_X87_COPIED,      /* it is the last one now */
    TB_X87_INTERPRETED, /* X86State has them */
};

/* A way out of a block to an address known beforehand. */
struct X86TbExit {
    uint64_t rip;
    X86Tb *to;
    X86TbExit *next;       /* of those that lead to `to` */
    /* Offsets in the code cache: of the branch, and of where it leads when not linked; 0: its block has
     * been removed. */
    uint32_t disp : 31, same_page : 1;
    uint32_t unlinked : 31, of_return : 1; /* it is where a call returns to: disp is that of an LEA */
    uint32_t key;          /* mode of the target */
    JitEntry entry;        /* what the target may rely on */
    uint32_t waiting;      /* the next one in X86Tb.waiting, by its offset in the arena; 0: none */
};
G_STATIC_ASSERT(sizeof(X86TbExit) == 56);

/* What of a block's code depends on where the block's guest and host code lie (clone.c). */
typedef enum JitFixupKind {
    FIXUP_BRANCH_OUT,    /* 32 bits: to a stub, relative */
    FIXUP_BRANCH_ACROSS, /* 32 bits: from hot to cold code or back, relative */
    FIXUP_RIP32,         /* a guest address in code */
    FIXUP_RIP64,
    FIXUP_INSN,          /* 64 bits: the address of an X86TbInsn of the block */
    FIXUP_EXIT,          /* 64 bits: that of one of its X86TbExits */
    FIXUP_ARENA,         /* 32 bits: an X86TbInsn as offset in the arena */
    FIXUP_TLB,           /* 32 bits: the address of something in a TLB entry for a guest address */
    FIXUP_PAGE_CHECK,    /* FIXUP_TLB, and behind it the low half of the exec tag */
    FIXUP_STEP,          /* nothing: the next one is too far away for one step */
    FIXUP_COLD,          /* nothing: the next ones are in the cold code */
} JitFixupKind;

/* They stand in the order of what they fix. */
typedef struct JitFixup {
    uint16_t step : 12; /* from the one before, or from the beginning of that code */
    uint16_t kind : 4;  /* a JitFixupKind */
} JitFixup;

/*
 * A translated block: one run of instructions in one page. Its record in the arena is one piece:
 * X86Tb, instructions, groups, the guest's bytes, exits, fixups.
 */
struct X86Tb {
    uint64_t rip;
    const uint8_t *code; /* host address of its first byte */
    uint32_t key;
    uint16_t len;
    uint16_t count;
    JitEntry entry;      /* what it relies on: unless plain, it has entry_host only */
    uint16_t size;       /* of the record */
    uint16_t exit_count, group_count, cold_len;
    uint16_t fixup_count; /* 0: the block cannot be cloned */
    bool wants_flags, wants_vec, wants_x87; /* what it might like to rely on */
    uint32_t wants_anchor;
    bool stale;          /* not inserted yet, or removed */
    bool in_returns;     /* calls may have put its entry_checked into X86JitMode.returns */
    bool remembered;     /* the jump cache may lead to it */
    /* ahead.c */
    uint8_t guesses;     /* clones in a row, up to this one, that were made unasked */
    uint32_t clone;      /* reference to the one made last */
    uint32_t waiting;    /* of clones: exits to where another clone of this block is to be */
    const uint8_t *entry_host, *entry_saved, *entry_checked;
    const uint8_t *body; /* what X86TbInsn.host counts from */
    const uint8_t *end, *cold;
    const uint8_t *bytes; /* all of the code in one piece, as it was translated */
    const uint8_t *second; /* host page of the rest of an instruction that crosses pages, or NULL */
    X86CodePage *page[2];
    X86Tb *page_next[2];
    X86TbExit *incoming;
    X86TbExit *exits;
    _Alignas(8) X86TbInsn insns[]; /* and behind them what has pointers */
};

/* runtime.c: tb is no longer on the list of page, which stays guarded. Blocks are there in the order in
 * which they were made, so that the oldest one leaves at once. */
void x86_tb_leave_page(X86Tb *tb, X86CodePage *page);

static inline X86TbGroup *x86_tb_groups(X86Tb *tb)
{
    return (X86TbGroup *)&tb->insns[tb->count + 1];
}

static inline JitFixup *x86_tb_fixups(const X86Tb *tb)
{
    return (JitFixup *)&tb->exits[tb->exit_count];
}

/* What of entry is of use to tb. */
static inline JitEntry jit_useful_entry(const X86Tb *tb, JitEntry entry)
{
    entry.vec_known &= tb->wants_vec;
    entry.x87_known &= tb->wants_x87;
    if (!tb->wants_flags) {
        entry.saved = false;
        entry.recipe = (JitRecipe){ 0 };
    }
    if (entry.anchor != tb->wants_anchor) {
        entry.anchor = 0;
    }
    /* the plain block takes flags from either place */
    entry.saved &= entry.vec_known || entry.x87_known || entry.anchor;
    return entry;
}

static inline X86Tb *x86_insn_tb(const X86TbInsn *insn)
{
    return (X86Tb *)((const char *)(insn - insn->index) - offsetof(X86Tb, insns));
}

/* 0 if page is the one that tb begins in, 1 if it is the second. */
static inline unsigned x86_tb_page_number(const X86Tb *tb, const X86CodePage *page)
{
    return tb->page[0] == page ? 0 : 1;
}

/* The group that insn makes the check of, or NULL. */
static inline X86TbGroup *x86_insn_group(const X86TbInsn *insn)
{
    return insn->group ? &x86_tb_groups(x86_insn_tb(insn))[insn->group - 1] : NULL;
}

/* What a stub calls: returns the host address to go on at, or NULL to leave translated code. */
typedef const uint8_t *JitCallFn(X86JitContext *ctx, const X86TbInsn *insn);

/* One set of mode bits and its jump cache. An address has its place there and, when another one
 * took that, the neighbour's. */
typedef struct X86JitMode {
    uint32_t key;
    X86JumpEntry *jumps; /* 1 << JIT_JUMP_BITS */
    X86JumpEntry *returns; /* 1 << JIT_RETURN_BITS: of calls, by where on the stack they return from */
    unsigned remembered; /* jumps */
} X86JitMode;

/* Code that all blocks share. */
typedef struct X86JitStubs {
    const uint8_t *enter;      /* void (*)(const uint8_t *host) */
    const uint8_t *link;       /* T1: X86TbExit that is not linked; flags saved */
    const uint8_t *link_host;
    const uint8_t *miss;       /* T1: guest RIP of an indirect jump; flags saved */
    const uint8_t *return_0;   /* the same for a return to RIP 0, which no call has remembered */
    const uint8_t *interpret;  /* T1: X86TbInsn to be interpreted; flags saved */
    const uint8_t *interpret_host;
    /* T1: X86TbInsn whose access misses the TLB, T0: page; flags saved */
    const uint8_t *miss_read, *miss_write;
    const uint8_t *miss_read_host, *miss_write_host; /* page in T2, flags in the host's */
    const uint8_t *indirect;   /* T1: X86TbInsn of an indirect branch, T0: target; flags saved */
    const uint8_t *call;       /* T1: X86TbInsn, T2: JitCallFn; flags saved */
    const uint8_t *load_vec;   /* called: makes vector state live; T0 is lost */
    const uint8_t *load_x87;   /* T1: X86TbInsn to go on with; flags saved */
    /* Called: looks up the span from T0 to T1, in each table, for loads and for stores. Z: found, one of
     * the stack's sites has it, T1 is the addend. NZ: T0 is the page of the last byte. */
    const uint8_t *stack[X86_TLB_COUNT][2];
} X86JitStubs;

typedef struct X86JitStats {
    uint64_t blocks, cloned, guest_bytes, host_bytes, flushes, enters, links, misses;
    uint64_t invalidated, evictions, evicted;
    uint64_t interpreted[X86_MN_COUNT];
} X86JitStats;

/* An instruction that was interpreted, decoded. */
typedef struct JitDecoded {
    const X86TbInsn *from;
    unsigned drops;
    X86Insn x;
} JitDecoded;

/* The code cache and the arena are filled in regions, one after the other, and emptied in the same
 * order: what was made first goes first. */
typedef struct JitRegion {
    size_t code, arena;  /* bytes used, once the next region is filled */
} JitRegion;

/* Blocks with hashes that begin alike: a line of the host's cache. */
typedef struct JitSet {
    struct {
        uint32_t tag; /* the hash's low half */
        uint32_t tb;  /* reference to a block; 0: none */
    } way[JIT_WAYS];
} JitSet;

/* A reference to a block is its offset in the arena in units of 8 bytes, plus 1, and above it the low bits of
 * X86Jit.fills when it was made: it ends by itself when the block's region is filled again. */
enum { JIT_REFERENCE_BITS = 27, JIT_FILLS = 1 << (32 - JIT_REFERENCE_BITS) };

/* Finds blocks by a hash. What is pushed out of a full set by a newer block is not found any more, but
 * stays as it is. */
typedef struct JitTable {
    JitSet *sets;
    unsigned bits; /* of the hash that say which set */
} JitTable;

/* What IRET loaded last, and the descriptors it came from. */
typedef struct JitIret {
    bool valid;
    uint64_t raw_cs, raw_ss;
    X86Segment cs, ss;
} JitIret;

struct X86Jit {
    X86CPU *cpu;
    X86JitContext *ctx;   /* below 2 GiB */
    uint8_t *code_rw;     /* writable mapping of the code cache */
    uint8_t *code_rx;
    size_t code_size, code_used, stubs_size;
    size_t cold_used;     /* of the second half */
    JitRegion regions[JIT_MAX_REGIONS];
    unsigned region, region_count; /* the one that is filled, in each half and in the arena */
    uint32_t fills;       /* regions begun so far */
    size_t region_size, region_arena; /* of each half, of the arena */
    uint32_t *first_record; /* for each 4 KiB of hot code: the first block that begins there, as offset in
                             * the arena plus 1; or 0 */
    size_t hot_populated, cold_populated; /* how far the host has been asked to map it */
    uint8_t *arena;       /* X86Tb and X86TbExit */
    size_t arena_size, arena_used;
    JitTable blocks;      /* by code, RIP and mode */
    JitTable origins;     /* of clones: by code and mode, for each entry the block made last */
    uint64_t filter[1 << JIT_FILTER_BITS >> 6]; /* a bit for each hash of a block */
    X86JitMode modes[JIT_MAX_MODES];
    unsigned mode_count;
    X86JitMode *recent[4]; /* entered last, by privilege (direct.c) */
    X86JitStubs stubs;
    unsigned drops;       /* flushes and evictions: X86TbInsn and X86TbExit from before are gone */
    uint64_t window_fault; /* the linear address at which the host has just faulted, or 0 */
    uint8_t window_strikes[1 << JIT_STRIKE_BITS]; /* by a hash of the code: faults without a remedy */
    bool single;          /* blocks have one instruction and are not linked */
    FILE *perf_map;       /* or NULL */
    struct JitGdbObject *gdb; /* what gdb knows of this code cache, or NULL */
    struct JitLockstep *lockstep; /* or NULL */
    X86Tb *cloned_from;   /* what the block that was made last is a clone of, or NULL */
    bool check;           /* each block is checked, see check.h */
    struct JitBuild *build;
    JitDecoded decoded[JIT_DECODED];
    uint64_t scattered[1 << JIT_SCATTERED_BITS >> 6]; /* loops that are to have no sites, hashed */
    JitIret iret;
    uint64_t spinning_since, last_pause; /* host's time stamps (direct.c) */
    X86JitStats stats;
};

/* What RSP is in translated code. */
static inline uint32_t jit_context_rsp(const X86Jit *jit)
{
    return (uintptr_t)&jit->ctx->regs[X86_R12];
}

#define JIT_ABS(jit, field) \
    host_abs((uint32_t)(uintptr_t)(jit)->ctx + offsetof(X86JitContext, field))

static inline HostMem jit_reg_home(const X86Jit *jit, unsigned reg)
{
    return host_abs((uint32_t)(uintptr_t)&jit->ctx->regs[reg]);
}

/* The host register of a guest register, or HOST_NONE if it lives in memory. */
static inline unsigned jit_host_reg(unsigned reg)
{
    return reg == X86_RSP ? JIT_RSP : reg < X86_R12 ? reg : HOST_NONE;
}

/* An exit's branch, and where it leads when not linked. */
static inline uint8_t *jit_exit_branch(const X86Jit *jit, const X86TbExit *exit)
{
    return jit->code_rw + exit->disp;
}
static inline const uint8_t *jit_exit_unlinked(const X86Jit *jit, const X86TbExit *exit)
{
    return jit->code_rx + exit->unlinked;
}

/* RIP has 32 bits outside 64-bit mode. */
static inline uint64_t jit_rip(uint32_t key, uint64_t rip)
{
    return key & X86_HF_CS64 ? rip : (uint32_t)rip;
}

static inline uint8_t *jit_window_strikes(X86Jit *jit, const uint8_t *code)
{
    return &jit->window_strikes[((uintptr_t)code * JIT_JUMP_FACTOR & UINT32_MAX) >>
                                (32 - JIT_STRIKE_BITS)];
}

/* stubs.c */
void jit_emit_stubs(X86Jit *jit);
/* Saves the host's flags to ctx->flags or restores them; T0 is lost, no flags are by
 * saving. */
void jit_emit_save_flags(X86Jit *jit, Emit *e);
void jit_emit_restore_flags(X86Jit *jit, Emit *e);

/* cache.c */
bool jit_cache_init(X86Jit *jit, size_t size, Error **errp);
void jit_cache_destroy(X86Jit *jit);
/* The block for *entry, which becomes plain if no more versions should be made. */
X86Tb *jit_cache_find(X86Jit *jit, const uint8_t *code, uint64_t rip, uint32_t key,
                      JitEntry *entry);
void jit_cache_insert(X86Jit *jit, X86Tb *tb);
void jit_cache_remove(X86Jit *jit, X86Tb *tb);
/* Indirect jumps no longer lead to tb. */
void jit_cache_forget_jump(X86Jit *jit, X86Tb *tb);
/* Returns are looked up as other indirect jumps are, until calls have been made again. */
void jit_cache_forget_returns(X86Jit *jit);
/* Forgets what is known of blocks that are no more. To be called before numbers of
 * fillings come again (JIT_FILLS). */
void jit_cache_sweep(X86Jit *jit);
/* Makes an exit lead to tb, whose RIP and mode are the exit's. */
void jit_cache_link(X86Jit *jit, X86TbExit *exit, X86Tb *tb);
void jit_cache_unlink(X86Jit *jit, X86TbExit *exit);
X86JitMode *jit_mode(X86Jit *jit, uint32_t key);
/* Indirect jumps to the address of tb lead to it from now on. */
void jit_cache_remember(X86Jit *jit, X86Tb *tb);
static inline unsigned jit_jump_place(uint64_t rip)
{
    return (uint32_t)rip * JIT_JUMP_FACTOR >> (32 - JIT_JUMP_BITS);
}
/* The entry for rip, or NULL. */
static inline X86JumpEntry *jit_jump_find(X86JitMode *mode, uint64_t rip)
{
    unsigned place = jit_jump_place(rip);

    return mode->jumps[place].rip == rip ? &mode->jumps[place]
         : mode->jumps[place ^ 1].rip == rip ? &mode->jumps[place ^ 1] : NULL;
}

/* tables.c */
bool jit_table_init(JitTable *table, unsigned bits);
void jit_table_destroy(JitTable *table);
void jit_table_clear(JitTable *table);
/* tb takes the place of way number way of its set; if that is JIT_WAYS, an empty one or any. */
void jit_table_add(const X86Jit *jit, JitTable *table, uint64_t hash, unsigned way, const X86Tb *tb);
void jit_table_remove(const X86Jit *jit, JitTable *table, uint64_t hash, const X86Tb *tb);
/* Removes references that have ended; calls fn, if any, for the others. */
void jit_table_sweep(JitTable *table, void (*fn)(X86Jit *jit, uint32_t tag), X86Jit *jit);
static inline uint64_t jit_hash(const uint8_t *code, uint64_t rip, uint32_t key)
{
    uint64_t h = (uintptr_t)code ^ (uint64_t)key << 20 ^ rip * 0xff51afd7ed558ccdull;

    return (h ^ h >> 29) * 0x9e3779b97f4a7c15ull;
}
static inline JitSet *jit_table_set(const JitTable *table, uint64_t hash)
{
    return &table->sets[hash >> (64 - table->bits)];
}
static inline void jit_table_prefetch(const JitTable *table, uint64_t hash)
{
    __builtin_prefetch(jit_table_set(table, hash));
}
/* Is there still a block? */
static inline bool jit_reference_holds(const X86Jit *jit, uint32_t tb)
{
    return tb && (jit->fills - (tb >> JIT_REFERENCE_BITS)) % JIT_FILLS < jit->region_count;
}
/* NULL if there is none. */
static inline X86Tb *jit_referenced(const X86Jit *jit, uint32_t tb)
{
    return jit_reference_holds(jit, tb)
               ? (X86Tb *)(jit->arena + ((tb & ((1u << JIT_REFERENCE_BITS) - 1)) - 1) * 8) : NULL;
}
/* Of a block in the region that is filled. */
static inline uint32_t jit_reference(const X86Jit *jit, const X86Tb *tb)
{
    return (((const uint8_t *)tb - jit->arena) / 8 + 1) | jit->fills << JIT_REFERENCE_BITS;
}
/* Number way of a set if it has the hash's tag, else NULL. */
static inline X86Tb *jit_set_block(const X86Jit *jit, const JitSet *set, unsigned way, uint64_t hash)
{
    uint32_t tb = set->way[way].tb;

    return set->way[way].tag == (uint32_t)hash ? jit_referenced(jit, tb) : NULL;
}

/* regions.c */
void jit_regions_init(X86Jit *jit);
/* All regions are empty. */
void jit_regions_reset(X86Jit *jit);
/* The rest of both halves of the present region; false if a block may not find room there. */
bool jit_cache_begin(X86Jit *jit, Emit *hot, Emit *cold);
void jit_cache_end(X86Jit *jit, const Emit *hot, const Emit *cold);
/* A record of size bytes, of which only X86Tb.size is set; NULL if the region's part of the arena is
 * full. */
X86Tb *jit_record_new(X86Jit *jit, size_t size);
/* Gives the record that was made last another size; false if that is too much. */
bool jit_record_resize(X86Jit *jit, X86Tb *tb, size_t size);
/* tb has been laid down. */
void jit_regions_note(X86Jit *jit, const X86Tb *tb);
/* The block whose code has the host address pc, or NULL. */
X86Tb *jit_cache_find_host(X86Jit *jit, const uint8_t *pc);
/* Is there room for another block? */
bool jit_region_has_room(const X86Jit *jit);
/* Goes on to the next region and drops the blocks that are in it (jit->drops). */
void jit_region_next(X86Jit *jit);
/* The end of the records of the region that tb's is in. */
const X86Tb *jit_records_end(const X86Jit *jit, const X86Tb *tb);
/* The record that was made after tb's, unless that is the region's last. */
static inline X86Tb *jit_next_record(const X86Tb *tb)
{
    return (X86Tb *)((const uint8_t *)tb + tb->size);
}
/* Has the host fetch what of its memory will soon be read. */
static inline void jit_prefetch(const void *from, size_t size)
{
    for (size_t i = 0; i < size; i += 64) {
        __builtin_prefetch((const uint8_t *)from + i);
    }
}
/* Bytes that blocks, stale ones too, take of the code cache and of the arena. */
void jit_regions_used(const X86Jit *jit, size_t *code, size_t *arena);

/* tb.c: translates what lies at code: instructions of one page, or one that crosses into
 * the next. NULL if there is nothing to translate or the cache is full (*full). */
X86Tb *jit_translate(X86Jit *jit, uint64_t rip, uint32_t key, JitEntry entry,
                     const uint8_t *code, bool *full);
/* A clone of from, at the guest address rip; there must be room for it. */
X86Tb *jit_translate_clone(X86Jit *jit, const X86Tb *from, uint64_t rip);
/* The host page that follows the one of rip, in guest addresses; NULL if it is not in
 * memory, or is the same one. May raise the fetch's fault. */
const uint8_t *jit_following_page(X86Jit *jit, uint64_t rip);

/* clone.c: a block of the same code that was made for another guest address becomes one for rip. NULL
 * if there is none, or the cache is full (*full). */
X86Tb *jit_clone(X86Jit *jit, uint64_t rip, uint32_t key, JitEntry entry, const uint8_t *code,
                 bool *full);
/* A clone of from; NULL if the cache is full. */
X86Tb *jit_clone_of(X86Jit *jit, const X86Tb *from, uint64_t rip);
/* May a block in the mode of key be cloned for rip? */
bool jit_clone_may_lie(uint32_t key, uint64_t rip);
/* Code will soon be looked for among what can be cloned. */
void jit_clone_prefetch(const X86Jit *jit, const uint8_t *code, uint32_t key);
/* Goes through a block's fixups. */
typedef struct JitFixupWalk {
    const JitFixup *next, *end;
    unsigned at;   /* offset in the code, hot or cold */
    bool cold;
    JitFixupKind kind;
} JitFixupWalk;
JitFixupWalk jit_fixups(const X86Tb *tb);
bool jit_fixups_next(JitFixupWalk *walk);
/* tb may be cloned from now on; it no longer may. */
void jit_clone_offer(X86Jit *jit, X86Tb *tb);
void jit_clone_withdraw(X86Jit *jit, const X86Tb *tb);

/* ahead.c: clones tb has been made, that of from; what was made after from is to be cloned as well. */
enum { JIT_AHEAD_STEP = 4 };
typedef struct JitAhead {
    X86Tb *from[JIT_AHEAD_STEP]; /* blocks that will be cloned next */
    unsigned count, next;  /* of them; the first that has not been looked for */
    unsigned made;         /* so far */
    bool useful;           /* one of those that were chosen last was not there */
    X86Tb *at;             /* the record looked at last */
    const X86Tb *end;      /* of the records */
    uint32_t key;
    uint64_t shift;        /* between the guest addresses */
} JitAhead;
void jit_ahead_begin(const X86Jit *jit, JitAhead *a, const X86Tb *tb, X86Tb *from);
/* A new block, which is the clone of *from, or NULL if there is nothing more. */
X86Tb *jit_ahead_next(X86Jit *jit, JitAhead *a, X86Tb **from);
/* Links tb, a clone of from that has been inserted, as from is linked. */
void jit_ahead_link(X86Jit *jit, X86Tb *tb, X86Tb *from);

/* log.c: for -d in_asm and out_asm, after the block has been made. */
void jit_log_block(const X86Jit *jit, const X86Tb *tb);

/* perfmap.c */
void jit_perf_map_add(X86Jit *jit, const X86Tb *tb);

/* gdbjit.c: a gdb that debugs the emulator gets to know the code cache, and forgets it. */
void jit_gdb_register(X86Jit *jit);
void jit_gdb_unregister(X86Jit *jit);

/* fault.c: host faults in translated code become guest instructions for the interpreter. */
void jit_install_fault_handler(void);
/* The translator whose code this thread ran last. */
extern __thread X86Jit *jit_running;

#endif
