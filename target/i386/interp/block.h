/*
 * Decoded code: a block is a run of instructions of one page, as an array of
 * operations that each know the function that executes them.
 *
 * An operation ends by calling the next one's function (a tail call); a block
 * ends by following a link to the next block, by looking the next one up, or
 * by returning NULL to the exec loop (exec.c). A block is valid for one host
 * address of its code, one RIP and one set of mode bits; it never knows the
 * registers.
 *
 *   block --link[0]--> not taken, or simply next
 *         --link[1]--> taken
 *
 * Links hold as long as cpu->code_generation does not change; then they are
 * checked again. A block whose code was written to is stale: every operation of
 * it becomes one that leaves to the loop, so that even the running block stops
 * after the store.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_INTERP_BLOCK_H
#define TARGET_I386_INTERP_BLOCK_H

#include "target/i386/window.h"
#include "target/i386/interp/interp.h"

typedef struct X86Op X86Op;
typedef struct X86Block X86Block;
typedef struct X86CodePage X86CodePage;

/* Executes the operation and what follows. NULL: back to the exec loop, with
 * s->rip up to date. Without tail calls it may return the next operation. */
typedef const X86Op *X86OpFn(X86CPU *cpu, const X86Op *op);

/* An instruction without a specialised operation. */
typedef struct X86PlainInsn {
    X86InsnFn *fn;
    X86Insn insn;
} X86PlainInsn;

struct X86Op {
    X86OpFn *fn;
    union {
        int64_t disp;              /* of the memory operand (absolute if RIP-relative) */
        uint64_t imm64;            /* MOV r64, imm64 */
        const X86PlainInsn *plain;
    };
    int32_t imm;
    uint16_t end;    /* offset of the next instruction from the block's RIP */
    uint8_t index;   /* place in the block's ops[] */
    uint8_t len;     /* of the instruction in bytes; 0: not an instruction */
    /* Byte offsets into X86State.regs: AH is 1, RCX 8; an absent base or index
     * points at X86State.zero. */
    uint8_t dst, src, base, idx;
    uint8_t scale, seg, addr_size, vector;
};

typedef struct X86Link {
    const X86Op *ops;
    uint64_t generation; /* of the CPU when the target was last checked */
    uint64_t rip;
} X86Link;

struct X86Block {
    uint64_t rip;
    uint32_t key;          /* X86_HF_... and X86_KEY_CS_FLAT */
    uint16_t len;          /* bytes of code */
    uint8_t count;         /* operations */
    bool stale;
    bool crossing;         /* a single instruction that goes on in a second page */
    const uint8_t *code;   /* host address of its first byte */
    const uint8_t *second; /* host page of the second part, if crossing */
    X86Block *hash_next;
    X86CodePage *page[2];
    X86Block *page_next[2];
    X86Link link[2];
    X86Op ops[];
};

/* Beside the mode bits: CS reaches over all 4 GiB (or 64-bit mode), so that
 * branches need no limit check. */
#define X86_KEY_CS_FLAT (1u << 31)
/* The interrupt shadow of STI, MOV SS or POP SS is on, or one step is asked for. */
#define X86_KEY_SHADOW (1u << 30)
/* A SIMD floating-point exception is not masked. */
#define X86_KEY_SIMD_EXCP (1u << 29)
/* An x87 exception is not masked, or pending. */
#define X86_KEY_X87_EXCP (1u << 27)
/* The translator runs this kind of code: the interpreter does one block of it. */
#define X86_KEY_TRANSLATED (1u << 28)
/* Accesses of translated code go through the window. */
#define X86_KEY_WINDOW (1u << 25)
static inline uint32_t x86_window_key(const X86CPU *cpu, uint32_t hflags)
{
    uint8_t codes = __atomic_load_n(&cpu->windowed, __ATOMIC_RELAXED);

    return codes && (hflags & X86_HF_CPL_MASK) == 3 &&
                   (codes & (hflags & X86_HF_CS64 ? X86_WINDOW_64 : X86_WINDOW_32))
               ? X86_KEY_WINDOW : 0;
}
/* One instruction at a time, with checks between them. */
#define X86_KEY_SINGLE                                                         \
    (X86_HF_TF | X86_HF_BP_CODE | X86_HF_BP_DATA | X86_HF_BP_IO | X86_KEY_SHADOW)

enum {
    X86_BLOCK_MAX_INSNS = 64,
    X86_BLOCK_HASH_BITS = 16,
    X86_JUMP_CACHE_BITS = 12,
};

/* Where an indirect jump went last time. */
typedef struct X86JumpCache {
    uint64_t rip, generation;
    const X86Op *ops;
    uint32_t key, flush_count;
} X86JumpCache;

/* A page with decoded code. One bit of granules for each 64 bytes with code. */
struct X86CodePage {
    const uint8_t *host;
    RAMBlock *block;
    uint64_t offset;
    uint64_t granules;
    X86Block *blocks;
    struct X86Tb *translated; /* the translator's blocks, in the order they were made */
    struct X86Tb *last_translated;
    uint16_t *count;          /* the one of X86Interp.code_pages that it is in */
    uint64_t request;         /* to the other CPUs, to tell of their stores; 0: they do */
    unsigned idle_writes;     /* since it has no blocks any more */
};

/* Stores that a page sees as one with code after its last block has gone. Code that is changed
 * tends to run again. */
enum { X86_IDLE_WRITES = 64 };

enum { X86_RECENT_PAGES = 64, X86_CODE_COUNTS = 1 << 14 };

struct X86Interp {
    const X86Op *cur;      /* the operation that may fault; NULL: fetching */
    bool started;          /* cur is NULL, but the instruction at start may fault */
    uint64_t start;
    uint32_t key;          /* of the code that runs */
    unsigned decode_features;
    bool stepping;         /* x86_interp_step(): one instruction */
    bool no_special;       /* tests: plain handlers only */
    bool at_breakpoint;    /* a block that begins at a breakpoint was entered */
    unsigned flush_count;  /* how often all blocks were dropped */
    uint64_t built, staled; /* blocks, since the CPU was made */
    X86JumpCache jumps[1 << X86_JUMP_CACHE_BITS];
    X86Block *hash[1 << X86_BLOCK_HASH_BITS];
    GHashTable *pages;     /* host page -> X86CodePage */
    X86CodePage *recent_pages[X86_RECENT_PAGES]; /* some of them, by the host page's number */
    uint8_t *arena;
    size_t arena_used;
    X86Block *scratch;     /* for one instruction that cannot be cached */
    uint16_t code_pages[X86_CODE_COUNTS]; /* [atomic] by the host page's number, how many of pages there are:
                                             what others write elsewhere needs no look */
    /* Writes to code by other threads, to be looked at between blocks: host page -> granules. */
    GMutex pending_lock;
    GHashTable *pending;
};

static inline const X86Block *x86_op_block(const X86Op *op)
{
    return (const X86Block *)((const char *)(op - op->index) - offsetof(X86Block, ops));
}

/* RIP after the instruction. Outside 64-bit mode it has 32 bits. */
static inline uint64_t x86_op_next_rip(const X86Op *op)
{
    const X86Block *b = x86_op_block(op);
    uint64_t rip = b->rip + op->end;

    return b->key & X86_HF_CS64 ? rip : (uint32_t)rip;
}

static inline uint64_t x86_op_rip(const X86Op *op)
{
    const X86Block *b = x86_op_block(op);
    uint64_t rip = b->rip + op->end - op->len;

    return b->key & X86_HF_CS64 ? rip : (uint32_t)rip;
}

/*
 * Goes on with the operation at p. With optimisation this is a jump; otherwise
 * (and under sanitizers) the stack would grow, and the exec loop makes the
 * call instead.
 */
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define X86_GOTO_OP(cpu, p) return (p)->fn((cpu), (p))
#else
#define X86_GOTO_OP(cpu, p) return (p)
#endif
#define X86_NEXT_OP(cpu, op)                                                   \
    do {                                                                       \
        const X86Op *next_op = (op) + 1;                                       \
        X86_GOTO_OP(cpu, next_op);                                             \
    } while (0)

/*
 * Decodes a new block (build.c). code is the host address of lin; NULL: a single
 * instruction, fetched byte by byte, in a block that is valid until the next call; so
 * it is, too, when there was no room.
 */
X86Block *x86_block_build(X86CPU *cpu, uint64_t lin, const uint8_t *code);
/* The key of the present mode. */
uint32_t x86_current_key(const X86CPU *cpu);
/* Makes the mode's key and TLB current. */
void x86_enter_mode(X86CPU *cpu);
/* The first operation of the block at s->rip; the mode has been entered. */
const X86Op *x86_dispatch(X86CPU *cpu);
/* The same by way of the jump cache, after an indirect jump; polls interrupts. */
const X86Op *x86_jump_dispatch(X86CPU *cpu);
/* The slow half of following a link: NULL if the loop must look at something. */
const X86Op *x86_link_slow(X86CPU *cpu, X86Link *link);
/* Drops the blocks with code in [host, host + len) of one page. */
void x86_code_written(X86CPU *cpu, const uint8_t *host, unsigned len);
/* The entry for a page with code, made if need be; offset and len say where the code is. */
X86CodePage *x86_code_page_note(X86CPU *cpu, uint64_t lin, unsigned offset, unsigned len);
/* To be asked before code at lin is read that will be kept: true if no CPU stores to its page
 * without telling. If not, it will be so some time later. */
bool x86_code_page_guard(X86CPU *cpu, uint64_t lin);
/* Handles what other threads wrote (interrupt_request CODE). */
void x86_code_sync(X86CPU *cpu);

/* One bit for each 64 bytes of a page that [offset, offset + len) touches. */
uint64_t x86_granule_mask(unsigned offset, unsigned len);

/* Room for size bytes at the end of the arena; NULL if it is full. Nothing is taken
 * until x86_arena_commit(), so that a fetch fault may abandon it. */
void *x86_arena_reserve(X86Interp *interp, size_t size);
void x86_arena_commit(X86Interp *interp, size_t used);

/* Bytes of a block with n operations, without what follows them. */
static inline size_t x86_block_size(unsigned n)
{
    return sizeof(X86Block) + n * sizeof(X86Op);
}

/* The operation that a stale block is made of. */
X86OpFn x86_op_stale;

/* Chooses a specialised operation and fills in op; false if there is none. */
bool x86_specialise(X86CPU *cpu, X86Block *block, const X86Insn *insn, X86Op *op);

/* Anything asked of the CPU, be it something that it cannot take now. */
static inline bool x86_interrupted(const X86CPU *cpu)
{
    return G_UNLIKELY(__atomic_load_n(&cpu->parent.interrupt_request, __ATOMIC_RELAXED));
}

/* Something for the exec loop: not a mere INTR while interrupts are off. */
static inline bool x86_must_leave(const X86CPU *cpu)
{
    uint32_t request = __atomic_load_n(&cpu->parent.interrupt_request, __ATOMIC_RELAXED);

    return (request & ~(uint32_t)CPU_INTERRUPT_HARD) ||
           (request && (cpu->state.eflags & X86_EFLAGS_IF));
}

#endif
