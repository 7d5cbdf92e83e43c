/*
 * Turns code into blocks: decodes, checks each row once, and picks the
 * function that will execute each instruction.
 *
 * All that a row demands (mode, feature, privilege, FPU availability) depends
 * on the mode bits that the block is keyed by, so an instruction that may not
 * execute becomes an operation that raises its fault.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/core/cpu-debug.h"
#include "target/i386/disas.h"
#include "target/i386/interp/block.h"
#include "target/i386/interp/operand.h"
#include "target/i386/interp/run.h"
#include "target/i386/interp/vec.h"
#include "target/i386/interp/x87.h"
#include "target/i386/tlb.h"
#include "util/log.h"

typedef struct Builder {
    X86CPU *cpu;
    X86Block *block;
    uint64_t lin;
    unsigned pos;     /* bytes decoded */
    unsigned max;     /* instructions */
    unsigned plain_count;
    X86PlainInsn plain[X86_BLOCK_MAX_INSNS];
} Builder;

/* --- handlers by mnemonic ------------------------------------------------------- */

static X86InsnFn *handlers[X86_MN_COUNT];

static void collect(const X86Handler *table)
{
    for (; table->fn; table++) {
        handlers[table->mnemonic] = table->fn;
    }
}

static gpointer collect_all(gpointer unused)
{
#define X(area) collect(x86_handlers_##area);
    X86_HANDLER_AREAS(X)
#undef X
    return NULL;
}

X86InsnFn *x86_interp_handler(unsigned mnemonic)
{
    static GOnce once = G_ONCE_INIT;

    g_once(&once, collect_all, NULL);
    return handlers[mnemonic];
}

/* --- operations without specialisation ----------------------------------------------- */

static void run_plain(X86CPU *cpu, const X86Op *op)
{
    cpu->interp->cur = op;
    cpu->state.rip = x86_op_next_rip(op);
    op->plain->fn(cpu, &op->plain->insn);
}

static const X86Op *op_plain(X86CPU *cpu, const X86Op *op)
{
    run_plain(cpu, op);
    X86_NEXT_OP(cpu, op);
}

/* May have changed the mode, interrupts or the memory map. */
static const X86Op *op_plain_end(X86CPU *cpu, const X86Op *op)
{
    run_plain(cpu, op);
    return NULL;
}

static const X86Op *op_plain_jump(X86CPU *cpu, const X86Op *op)
{
    run_plain(cpu, op);
    return x86_jump_dispatch(cpu);
}

/* A repeated string instruction stays where it is when it pauses. */
static const X86Op *op_plain_rep(X86CPU *cpu, const X86Op *op)
{
    run_plain(cpu, op);
    if (cpu->state.rip != x86_op_next_rip(op)) {
        return NULL;
    }
    X86_NEXT_OP(cpu, op);
}

/* MXCSR.MM allows misaligned operands of all but moves. */
static bool misaligned_allowed(const X86CPU *cpu, const X86Insn *insn)
{
    static const uint16_t moves[] = {
        X86_MN_MOVAPS, X86_MN_MOVAPD, X86_MN_MOVDQA, X86_MN_MOVNTPS, X86_MN_MOVNTPD,
        X86_MN_MOVNTDQ, X86_MN_MOVNTDQA,
    };

    if (!(cpu->state.mxcsr & X86_MXCSR_MM) || !(x86_insn_row(insn)->legality & X86_ROW_SSE)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(moves); i++) {
        if (insn->mnemonic == moves[i]) {
            return false;
        }
    }
    return true;
}

/* #GP(0) for a vector in memory that is not aligned. */
static void check_vector_alignment(X86CPU *cpu, const X86Insn *insn)
{
    if (misaligned_allowed(cpu, insn)) {
        return;
    }
    for (int i = 0; i < X86_MAX_OPERANDS; i++) {
        unsigned size = insn->op[i].size;

        if (insn->op[i].kind == X86_OP_MEM && size > 8 &&
            (x86_insn_ea(cpu, insn) + (cpu->state.hflags & X86_HF_CS64 && insn->seg < X86_FS
                                       ? 0 : cpu->state.segs[insn->seg].base)) & (size - 1)) {
            x86_raise(cpu, X86_EXCP_GP, 0);
        }
    }
}

static const X86Op *op_plain_aligned(X86CPU *cpu, const X86Op *op)
{
    cpu->interp->cur = op;
    cpu->state.rip = x86_op_next_rip(op);
    check_vector_alignment(cpu, &op->plain->insn);
    op->plain->fn(cpu, &op->plain->insn);
    X86_NEXT_OP(cpu, op);
}

/* An unmasked x87 exception waits for the next instruction. */
static const X86Op *op_plain_x87(X86CPU *cpu, const X86Op *op)
{
    const X86Insn *insn = &op->plain->insn;

    cpu->interp->cur = op;
    cpu->state.rip = x86_op_next_rip(op);
    x87_check_pending(cpu);
    if (x86_insn_row(insn)->legality & X86_ROW_ALIGNED) {
        check_vector_alignment(cpu, insn);
    }
    op->plain->fn(cpu, insn);
    X86_NEXT_OP(cpu, op);
}

static const X86Op *op_raise(X86CPU *cpu, const X86Op *op)
{
    cpu->interp->cur = op;
    x86_raise(cpu, op->vector, 0);
}

/* #UD if the control registers forbid the instruction set, #NM if the state is switched out. */
static G_NORETURN void raise_unavailable(X86CPU *cpu, const X86Row *row)
{
    const X86State *s = &cpu->state;
    uint32_t legality = row->legality;
    bool em = s->cr0 & X86_CR0_EM, ud = false;

    if (legality & X86_ROW_AVX) {
        ud = !(s->cr4 & X86_CR4_OSXSAVE) || (s->xcr0 & 6) != 6 ||
             (s->hflags & (X86_HF_PE | X86_HF_VM86)) != X86_HF_PE;
    } else if (legality & X86_ROW_SSE) {
        ud = em || !(s->cr4 & X86_CR4_OSFXSR);
    } else if (legality & X86_ROW_MMX) {
        ud = em;
    }
    x86_raise(cpu, ud ? X86_EXCP_UD : X86_EXCP_NM, 0);
}

static const X86Op *op_unavailable(X86CPU *cpu, const X86Op *op)
{
    cpu->interp->cur = op;
    raise_unavailable(cpu, x86_insn_row(&op->plain->insn));
}

/* Goes on with the next block, when neither interrupted nor limited by CS. */
static const X86Op *op_link(X86CPU *cpu, const X86Op *op)
{
    X86Link *l = &((X86Block *)x86_op_block(op))->link[0];

    if (G_LIKELY(l->generation == cpu->code_generation) && !x86_interrupted(cpu)) {
        const X86Op *next = l->ops;

        X86_GOTO_OP(cpu, next);
    }
    const X86Op *next = x86_link_slow(cpu, l);
    if (!next) {
        return NULL;
    }
    X86_GOTO_OP(cpu, next);
}

static const X86Op *op_leave(X86CPU *cpu, const X86Op *op)
{
    cpu->state.rip = x86_op_next_rip(op);
    return NULL;
}

/* --- checks of a row ------------------------------------------------------------------- */

/* The fault that the instruction always raises in this mode, or -1. */
static int row_fault(const X86CPU *cpu, const X86Row *row)
{
    uint32_t hflags = cpu->state.hflags;

    bool lacking = row->feature != X86_FEAT_NONE && !x86_has_feature(cpu, row->feature);

    if ((row->legality & X86_ROW_UNDEF) || lacking ||
        ((row->legality & X86_ROW_PROTECTED) &&
         (hflags & (X86_HF_PE | X86_HF_VM86)) != X86_HF_PE) ||
        ((row->legality & X86_ROW_CPL0_UD) && x86_cpl(&cpu->state) != 0)) {
        return X86_EXCP_UD;
    }
    if ((row->legality & X86_ROW_CPL0) && x86_cpl(&cpu->state) != 0) {
        return X86_EXCP_GP;
    }
    return -1;
}

static bool available(const X86CPU *cpu, const X86Row *row)
{
    uint32_t hflags = cpu->state.hflags;

    if (row->legality & X86_ROW_AVX) {
        return hflags & X86_HF_AVX_OK;
    }
    if ((row->legality & X86_ROW_SSE) && !(hflags & X86_HF_SSE_OK)) {
        return false;
    }
    return !(row->legality & (X86_ROW_FP | X86_ROW_MMX)) || (hflags & X86_HF_FPU_OK);
}

/* A conversion to or from MMX registers is not one of them if its operand is in memory. */
static bool uses_mmx_registers(const X86Insn *insn)
{
    return insn->op[1].kind != X86_OP_MEM || insn->op[0].kind != X86_OP_XMM;
}

static bool waits_for_x87(const X86Row *row, const X86Insn *insn)
{
    return ((row->legality & X86_ROW_MMX) && uses_mmx_registers(insn)) ||
           (row->legality & (X86_ROW_FP | X86_ROW_FP_NOWAIT)) == X86_ROW_FP;
}

enum { ENDS_BLOCK = X86_ROW_BRANCH | X86_ROW_END | X86_ROW_IO };

static X86OpFn *plain_fn(const X86Block *block, const X86Row *row, const X86Insn *insn)
{
    if (row->legality & (X86_ROW_END | X86_ROW_IO)) {
        return op_plain_end;
    }
    if (row->legality & X86_ROW_BRANCH) {
        return block->key & X86_KEY_SINGLE ? op_plain_end : op_plain_jump;
    }
    if (row->legality & X86_ROW_REP) {
        return op_plain_rep;
    }
    if (waits_for_x87(row, insn)) {
        return op_plain_x87;
    }
    return row->legality & X86_ROW_ALIGNED ? op_plain_aligned : op_plain;
}

/* --- single instructions (run.h) ----------------------------------------------------------- */

bool x86_insn_may_run(const X86CPU *cpu, const X86Insn *insn)
{
    const X86Row *row = x86_insn_row(insn);

    return row_fault(cpu, row) < 0 && available(cpu, row) && x86_interp_handler(insn->mnemonic);
}

void x86_run_insn(X86CPU *cpu, const X86Insn *insn)
{
    const X86Row *row = x86_insn_row(insn);
    X86State *s = &cpu->state;
    int vector = row_fault(cpu, row);

    cpu->interp->cur = NULL;
    cpu->interp->start = s->rip;
    cpu->interp->started = true;
    s->rip += insn->len;
    if (!(cpu->interp->key & X86_HF_CS64)) {
        s->rip = (uint32_t)s->rip;
    }
    if (vector >= 0) {
        x86_raise(cpu, vector, 0);
    }
    if (!available(cpu, row)) {
        raise_unavailable(cpu, row);
    }
    if (waits_for_x87(row, insn)) {
        x87_check_pending(cpu);
    }
    if (row->legality & X86_ROW_ALIGNED) {
        check_vector_alignment(cpu, insn);
    }
    X86InsnFn *fn = x86_interp_handler(insn->mnemonic);
    if (!fn) {
        x86_raise(cpu, X86_EXCP_UD, 0);
    }
    fn(cpu, insn);
    cpu->interp->started = false;
}

/* --- building ------------------------------------------------------------------------------ */

static X86Op *new_op(Builder *b, unsigned len)
{
    X86Op *op = &b->block->ops[b->block->count];

    b->pos += len;
    *op = (X86Op){ .end = b->pos, .index = b->block->count++, .len = len };
    return op;
}

static void set_plain(Builder *b, X86Op *op, X86OpFn *fn, const X86Insn *insn)
{
    X86PlainInsn *plain = &b->plain[b->plain_count++];

    plain->fn = x86_interp_handler(insn->mnemonic);
    plain->insn = *insn;
    op->fn = fn;
    op->plain = plain;
}

static bool add_fault(Builder *b, unsigned len, unsigned vector)
{
    X86Op *op = new_op(b, len);

    op->fn = op_raise;
    op->vector = vector;
    return false;
}

/* Adds one decoded instruction; false if it ends the block. */
static bool add_insn(Builder *b, const X86Insn *insn)
{
    const X86Row *row = x86_insn_row(insn);
    int vector = row_fault(b->cpu, row);

    if (vector >= 0) {
        return add_fault(b, insn->len, vector);
    }
    if (!available(b->cpu, row)) {
        set_plain(b, new_op(b, insn->len), op_unavailable, insn);
        return false;
    }
    X86Op *op = new_op(b, insn->len);
    if (!x86_specialise(b->cpu, b->block, insn, op)) {
        if (!x86_interp_handler(insn->mnemonic)) {
            log_mask(LOG_UNIMP, "instruction not implemented: %s\n", row->name);
            op->fn = op_raise;
            op->vector = X86_EXCP_UD;
            return false;
        }
        set_plain(b, op, plain_fn(b->block, row, insn), insn);
    }
    return !(row->legality & ENDS_BLOCK);
}

/* Up to 15 bytes of code at lin; more pages than the first only if need be. */
static unsigned fetch(Builder *b, uint8_t *buf, unsigned from, unsigned to)
{
    bool wide = b->block->key & X86_HF_CS64;

    for (unsigned i = from; i < to; i++) {
        uint64_t at = b->lin + i;

        buf[i] = x86_code_byte(b->cpu, wide ? at : (uint32_t)at);
    }
    return to;
}

/* One instruction that lies across a page, or not in memory. */
static X86DecodeResult decode_bytewise(Builder *b, X86Mode mode, X86Insn *insn)
{
    uint8_t buf[X86_MAX_INSN_LEN];
    unsigned features = b->cpu->interp->decode_features;
    unsigned in_page = 0x1000 - (b->lin & 0xfff);
    unsigned avail = fetch(b, buf, 0, MIN(in_page, X86_MAX_INSN_LEN));
    X86DecodeResult res = x86_decode(buf, avail, mode, features, insn);

    if (res == X86_DECODE_TRUNCATED && avail < X86_MAX_INSN_LEN) {
        /* Longer by one byte at a time: nothing beyond the instruction is touched. */
        while (res == X86_DECODE_TRUNCATED && avail < X86_MAX_INSN_LEN) {
            avail = fetch(b, buf, avail, avail + 1);
            res = x86_decode(buf, avail, mode, features, insn);
        }
    }
    return res == X86_DECODE_TRUNCATED ? X86_DECODE_TOO_LONG : res;
}

static bool beyond_limit(const Builder *b, unsigned len)
{
    const X86State *s = &b->cpu->state;

    return !(b->block->key & X86_KEY_CS_FLAT) && s->rip + b->pos + len - 1 > s->segs[X86_CS].limit;
}

/* The debugger wants to stop before the next instruction: it begins its own block. */
static bool breakpoint_ahead(const Builder *b)
{
    uint64_t at = b->lin + b->pos;

    return G_UNLIKELY(cpu_debug_active(&b->cpu->parent)) && !(b->block->key & X86_KEY_SINGLE) &&
           cpu_breakpoint_at(&b->cpu->parent, b->block->key & X86_HF_CS64 ? at : (uint32_t)at);
}

/* All that a block at a breakpoint does: the exec loop decides what happens. */
static const X86Op *op_breakpoint(X86CPU *cpu, const X86Op *op)
{
    cpu->state.rip = x86_op_rip(op);
    cpu->interp->at_breakpoint = true;
    return NULL;
}

/* Decodes what code holds; false if the block has ended of itself. */
static bool add_code(Builder *b, const uint8_t *code, unsigned avail)
{
    X86Mode mode = x86_mode(&b->cpu->state);
    X86Insn insn;

    for (unsigned n = 0; n < b->max; n++) {
        X86DecodeResult res = code ? x86_decode(code + b->pos, avail - b->pos, mode,
                                                b->cpu->interp->decode_features, &insn)
                                   : X86_DECODE_TRUNCATED;

        if (b->pos && breakpoint_ahead(b)) {
            return true;
        }
        if (res == X86_DECODE_TRUNCATED) {
            if (b->pos) {
                return true;
            }
            res = decode_bytewise(b, mode, &insn);
            n = b->max;
        }
        if (res != X86_DECODE_OK) {
            return add_fault(b, 1, res == X86_DECODE_UD ? X86_EXCP_UD : X86_EXCP_GP);
        }
        if (beyond_limit(b, insn.len)) {
            return b->pos ? true : add_fault(b, insn.len, X86_EXCP_GP);
        }
        if (!add_insn(b, &insn)) {
            return false;
        }
    }
    return true;
}

/* Moves the plain instructions behind the operations, where they stay. */
static void place_plain(Builder *b)
{
    X86Block *block = b->block;
    X86PlainInsn *to = (X86PlainInsn *)((char *)block + x86_block_size(block->count));

    memcpy(to, b->plain, b->plain_count * sizeof(*to));
    for (unsigned i = 0; i < block->count; i++) {
        const X86PlainInsn *plain = block->ops[i].plain;

        if (plain >= b->plain && plain < b->plain + b->plain_count) {
            block->ops[i].plain = to + (plain - b->plain);
        }
    }
}

static void add_exit(Builder *b)
{
    X86Op *op = new_op(b, 0);
    bool linked = (b->block->key & (X86_KEY_CS_FLAT | X86_KEY_SINGLE)) == X86_KEY_CS_FLAT;

    op->fn = linked && b->block->code ? op_link : op_leave;
    b->block->link[0].rip = x86_op_next_rip(op);
}

static void log_block(Builder *b)
{
    uint8_t code[X86_BLOCK_MAX_INSNS * X86_MAX_INSN_LEN];
    g_autoptr(GString) listing = NULL;

    if (!log_on(LOG_IN_ASM)) {
        return;
    }
    listing = g_string_new(NULL);
    x86_disas(listing, code, fetch(b, code, 0, b->pos), x86_mode(&b->cpu->state), b->block->rip);
    log_printf("block at 0x%016" PRIx64 " (0x%016" PRIx64 "): %u instructions, %u bytes\n%s",
               b->block->rip, b->lin, b->block->count, b->block->len, listing->str);
}

X86Block *x86_block_build(X86CPU *cpu, uint64_t lin, const uint8_t *code)
{
    X86Interp *interp = cpu->interp;
    const size_t largest = x86_block_size(X86_BLOCK_MAX_INSNS + 1) +
                           X86_BLOCK_MAX_INSNS * sizeof(X86PlainInsn);
    bool single = !code || (interp->key & X86_KEY_SINGLE);
    Builder b;

    b.cpu = cpu;
    b.lin = lin;
    b.pos = b.plain_count = 0;
    b.max = single ? 1 : X86_BLOCK_MAX_INSNS;
    b.block = code ? x86_arena_reserve(interp, largest) : interp->scratch;
    if (!b.block) { /* with the blocks go the guards of their pages */
        x86_interp_flush_code(cpu);
        return x86_block_build(cpu, lin, NULL);
    }
    memset(b.block, 0, sizeof(X86Block));
    b.block->rip = cpu->state.rip;
    b.block->key = interp->key;
    b.block->code = code;
    unsigned in_page = 0x1000 - (lin & 0xfff);
    if (breakpoint_ahead(&b)) {
        new_op(&b, 0)->fn = op_breakpoint;
    } else if (add_code(&b, code, in_page)) {
        add_exit(&b);
    }
    b.block->len = MAX(b.pos, 1);
    b.block->crossing = b.pos > in_page;
    place_plain(&b);
    if (code) {
        x86_arena_commit(interp, x86_block_size(b.block->count) +
                                 b.plain_count * sizeof(X86PlainInsn));
    }
    log_block(&b);
    return b.block;
}
