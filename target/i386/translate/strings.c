/*
 * MOVS and STOS, with or without REP, between pages that the software TLB maps for direct
 * access. Whatever else there is (faults, I/O, elements in two pages) is the interpreter's, which
 * goes on where this has stopped.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/runtime.h"
#include "target/i386/interp/operand.h"
#include "target/i386/interp/string-run.h"
#include "target/i386/translate/build.h"

/* Bytes before the interpreter looks at interrupts. */
enum { MAX_BYTES = 1 << 20 };

typedef struct StringOp {
    X86CPU *cpu;
    uint64_t *regs;
    unsigned size; /* of an element */
    bool wide;     /* 64-bit registers */
    bool down;     /* EFLAGS.DF */
} StringOp;

static uint64_t address(const StringOp *t, unsigned reg)
{
    return t->wide ? t->regs[reg] : (uint32_t)t->regs[reg];
}

static void set(const StringOp *t, unsigned reg, uint64_t val)
{
    t->regs[reg] = t->wide ? val : (uint32_t)val;
}

/* Bytes of whole elements from the one at lin on, in the direction of the move, within its
 * page; 0 if that element is in two. */
static uint64_t left_in_page(const StringOp *t, uint64_t lin)
{
    uint64_t offset = lin & 0xfff;

    if (offset + t->size > 0x1000) {
        return 0;
    }
    return t->down ? offset - offset % t->size + t->size
                   : (0x1000 - offset) & -(uint64_t)t->size;
}

/* Adds len to an index register, or subtracts it. */
static void advance(const StringOp *t, unsigned reg, uint64_t len)
{
    set(t, reg, t->regs[reg] + (t->down ? -len : len));
}

/* The lowest of len bytes that begin with the element at host. */
static uint8_t *lowest(const StringOp *t, uint8_t *host, uint64_t len)
{
    return t->down ? host - (len - t->size) : host;
}

/* The host address of lin if the software TLB has it, or gets it now, for direct access. */
static uint8_t *host_address(X86CPU *cpu, uint64_t lin, X86Access access)
{
    const X86TlbEntry *e = x86_tlb_entry(cpu, lin);
    const uint64_t *tag = access == X86_ACCESS_WRITE ? &e->write : &e->read;
    uint64_t page = lin & X86_PAGE_MASK;
    uint32_t error;

    if (G_UNLIKELY(*tag != page) &&
        (!x86_is_canonical(&cpu->state, lin) || !x86_lin_fill(cpu, lin, access, &error) ||
         *tag != page)) {
        return NULL;
    }
    return (uint8_t *)(lin + e->addend);
}

/* Stores up to max bytes; returns how many, 0 for none. */
static uint64_t some_stos(const StringOp *t, uint64_t max)
{
    uint64_t lin = address(t, X86_RDI), len = MIN(max, left_in_page(t, lin));
    uint8_t *to = len ? host_address(t->cpu, lin, X86_ACCESS_WRITE) : NULL;

    if (!to) {
        return 0;
    }
    x86_string_fill(lowest(t, to, len), t->regs[X86_RAX], len, t->size);
    advance(t, X86_RDI, len);
    return len;
}

static uint64_t some_movs(const StringOp *t, uint64_t max)
{
    uint64_t src = address(t, X86_RSI), dst = address(t, X86_RDI);
    uint64_t len = MIN(MIN(max, left_in_page(t, src)), left_in_page(t, dst));
    uint8_t *from = len ? host_address(t->cpu, src, X86_ACCESS_READ) : NULL;
    uint8_t *to = from ? host_address(t->cpu, dst, X86_ACCESS_WRITE) : NULL;

    if (!to) {
        return 0;
    }
    x86_string_copy(lowest(t, to, len), lowest(t, from, len), len, t->size, t->down);
    advance(t, X86_RSI, len);
    advance(t, X86_RDI, len);
    return len;
}

static uint64_t some(const StringOp *t, bool moves, uint64_t max)
{
    return moves ? some_movs(t, max) : some_stos(t, max);
}

/* True if the instruction has been carried out to its end. */
static bool repeat(const StringOp *t, bool moves)
{
    unsigned budget = MAX_BYTES;
    uint64_t count = address(t, X86_RCX), done;

    while (count && budget >= 0x1000) { /* a step is a page at most */
        uint64_t bytes = count > MAX_BYTES ? MAX_BYTES : count * t->size;

        done = some(t, moves, bytes);
        if (!done) {
            break;
        }
        budget -= done;
        count -= done / t->size;
        set(t, X86_RCX, count);
    }
    return count == 0;
}

const uint8_t *jit_string(X86JitContext *ctx, const X86TbInsn *insn)
{
    X86CPU *cpu = ctx->cpu;
    const X86Insn *x = jit_decoded(cpu, insn);
    bool moves = x->mnemonic == X86_MN_MOVS;
    StringOp t = { .cpu = cpu, .regs = ctx->regs, .size = x->op[0].size,
                   .wide = x->addr_size == 8, .down = cpu->state.eflags & X86_EFLAGS_DF };
    bool done;

    jit_x87_leave(ctx, insn);
    done = x->prefixes & (X86_PFX_REP | X86_PFX_REPNE) ? repeat(&t, moves)
                                                       : some(&t, moves, t.size) != 0;
    if (!done) {
        return jit_interpret(ctx, insn);
    }
    return jit_after(ctx, insn);
}

static void emit_string(JitBuild *b, const JitInsn *insn)
{
    jit_emit_call(b, insn, jit_string);
}

bool jit_choose_string(JitBuild *b, JitInsn *insn)
{
    const X86Insn *x = &insn->x;
    bool based = x->seg_override == X86_FS || x->seg_override == X86_GS ||
                 (x->seg_override == X86_CS && !b->mode64);

    if ((x->mnemonic != X86_MN_MOVS && x->mnemonic != X86_MN_STOS) || based ||
        x->addr_size != (b->mode64 ? 8 : 4)) {
        return false;
    }
    insn->emit = emit_string;
    insn->interpreted = true;
    return true;
}
