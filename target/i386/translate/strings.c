/*
 * MOVS and STOS, with or without REP, between pages that the software TLB maps for direct
 * access. Whatever else there is (misses, backward, overlapping or page-crossing moves) is
 * the interpreter's, which goes on where this has stopped.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/runtime.h"
#include "target/i386/interp/operand.h"
#include "target/i386/translate/build.h"

/* Bytes before the interpreter looks at interrupts. */
enum { MAX_BYTES = 1 << 20 };

typedef struct StringOp {
    X86CPU *cpu;
    uint64_t *regs;
    unsigned size; /* of an element */
    bool wide;     /* 64-bit registers */
} StringOp;

static uint64_t address(const StringOp *t, unsigned reg)
{
    return t->wide ? t->regs[reg] : (uint32_t)t->regs[reg];
}

static void set(const StringOp *t, unsigned reg, uint64_t val)
{
    t->regs[reg] = t->wide ? val : (uint32_t)val;
}

static uint64_t left_in_page(uint64_t lin)
{
    return 0x1000 - (lin & 0xfff);
}

static void fill(uint8_t *to, uint64_t val, uint64_t len, unsigned size)
{
    if (size == 1 || val == 0) {
        memset(to, val, len);
        return;
    }
    for (uint64_t i = 0; i < len; i += size) {
        memcpy(to + i, &val, size);
    }
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
    uint64_t lin = address(t, X86_RDI), len = MIN(max, left_in_page(lin)) & -(uint64_t)t->size;
    uint8_t *to = host_address(t->cpu, lin, X86_ACCESS_WRITE);

    if (!to) {
        return 0;
    }
    fill(to, x86_zext(t->regs[X86_RAX], t->size), len, t->size);
    set(t, X86_RDI, lin + len);
    return len;
}

static uint64_t some_movs(const StringOp *t, uint64_t max)
{
    uint64_t src = address(t, X86_RSI), dst = address(t, X86_RDI);
    uint64_t len = MIN(MIN(max, left_in_page(src)), left_in_page(dst)) & -(uint64_t)t->size;
    const uint8_t *from = host_address(t->cpu, src, X86_ACCESS_READ);
    uint8_t *to = from ? host_address(t->cpu, dst, X86_ACCESS_WRITE) : NULL;

    if (!to) {
        return 0;
    }
    if (to > from && to < from + len) {
        return 0; /* each element may be one that was just written */
    }
    memmove(to, from, len);
    set(t, X86_RSI, src + len);
    set(t, X86_RDI, dst + len);
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
                   .wide = x->addr_size == 8 };
    bool done = false;

    jit_x87_leave(ctx, insn);
    if (!(cpu->state.eflags & X86_EFLAGS_DF)) {
        done = x->prefixes & (X86_PFX_REP | X86_PFX_REPNE) ? repeat(&t, moves)
                                                           : some(&t, moves, t.size) != 0;
    }
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
