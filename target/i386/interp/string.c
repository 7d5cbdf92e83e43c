/*
 * String instructions: MOVS, STOS, LODS, SCAS, CMPS, INS, OUTS, with REP.
 *
 * A repeated instruction moves whole runs within one page at a time where both
 * sides are plain memory. After every run or element the registers are those of
 * an instruction boundary, so that a fault, an interrupt or a single-step trap
 * leaves an instruction that simply continues: RIP stays at it until rCX is 0
 * or the condition ends it.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/alu.h"
#include "target/i386/interp/block.h"
#include "target/i386/interp/string-run.h"
#include "target/i386/io.h"

/* Elements between two looks at interrupts when no run is possible. */
enum { MAX_ELEMENTS = 4096 };

typedef struct Str {
    X86CPU *cpu;
    X86State *s;
    unsigned size; /* of an element */
    unsigned addr; /* address size */
    unsigned src_seg;
    int64_t step;  /* +size or -size */
} Str;

/* That of the string operand: INS and OUTS have none of 64 bits, whatever the operand size is. */
static unsigned element_size(const X86Insn *insn)
{
    unsigned i = insn->op[0].kind == X86_OP_STR_SI || insn->op[0].kind == X86_OP_STR_DI ? 0 : 1;

    return insn->op[i].size;
}

static Str str_begin(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    unsigned size = element_size(insn);

    return (Str){
        .cpu = cpu, .s = s, .size = size, .addr = insn->addr_size,
        .src_seg = insn->seg_override != X86_NO_REG ? insn->seg_override : X86_DS,
        .step = s->eflags & X86_EFLAGS_DF ? -(int64_t)size : size,
    };
}

static uint64_t src_lin(const Str *t)
{
    uint64_t ea = x86_zext(t->s->regs[X86_RSI], t->addr);

    return x86_seg_linear(t->cpu, t->src_seg, ea, t->size, X86_ACCESS_READ);
}

static uint64_t dst_lin(const Str *t, X86Access access)
{
    uint64_t ea = x86_zext(t->s->regs[X86_RDI], t->addr);

    return x86_seg_linear(t->cpu, X86_ES, ea, t->size, access);
}

/* 16-bit addressing keeps the upper part, 32-bit addressing clears it. */
static void advance(const Str *t, unsigned reg, int64_t elements)
{
    x86_gpr_write(t->s, reg, t->addr, t->s->regs[reg] + elements * t->step);
}

static uint64_t count(const Str *t)
{
    return x86_zext(t->s->regs[X86_RCX], t->addr);
}

/* --- one element of each instruction ---------------------------------------- */

typedef void StrFn(const Str *t);

static void one_movs(const Str *t)
{
    uint64_t val = x86_lin_read_n(t->cpu, src_lin(t), t->size);

    x86_lin_write_n(t->cpu, dst_lin(t, X86_ACCESS_WRITE), val, t->size);
    advance(t, X86_RSI, 1);
    advance(t, X86_RDI, 1);
}

static void one_stos(const Str *t)
{
    x86_lin_write_n(t->cpu, dst_lin(t, X86_ACCESS_WRITE), t->s->regs[X86_RAX], t->size);
    advance(t, X86_RDI, 1);
}

static void one_lods(const Str *t)
{
    x86_gpr_write(t->s, X86_RAX, t->size, x86_lin_read_n(t->cpu, src_lin(t), t->size));
    advance(t, X86_RSI, 1);
}

static void one_scas(const Str *t)
{
    uint64_t val = x86_lin_read_n(t->cpu, dst_lin(t, X86_ACCESS_READ), t->size);

    x86_alu(t->s, X86_ALU_CMP, t->s->regs[X86_RAX], val, t->size);
    advance(t, X86_RDI, 1);
}

static void one_cmps(const Str *t)
{
    uint64_t b = x86_lin_read_n(t->cpu, dst_lin(t, X86_ACCESS_READ), t->size);
    uint64_t a = x86_lin_read_n(t->cpu, src_lin(t), t->size);

    x86_alu(t->s, X86_ALU_CMP, a, b, t->size);
    advance(t, X86_RSI, 1);
    advance(t, X86_RDI, 1);
}

/* The destination is checked before the port is read: reading has effects. */
static void one_ins(const Str *t)
{
    uint64_t lin = dst_lin(t, X86_ACCESS_WRITE);

    x86_lin_probe(t->cpu, lin, t->size, X86_ACCESS_WRITE);
    x86_lin_write_n(t->cpu, lin, x86_io_in(t->cpu, t->s->regs[X86_RDX], t->size), t->size);
    advance(t, X86_RDI, 1);
}

static void one_outs(const Str *t)
{
    uint64_t val = x86_lin_read_n(t->cpu, src_lin(t), t->size);

    x86_io_out(t->cpu, t->s->regs[X86_RDX], val, t->size);
    advance(t, X86_RSI, 1);
}

/* --- runs within a page -------------------------------------------------------- */

/* True if n elements from ea on pass the segment's limit, looking at their far end only. */
static bool run_in_segment(const Str *t, unsigned seg, uint64_t ea, uint64_t n)
{
    const X86Segment *sr = &t->s->segs[seg];

    if (t->s->hflags & X86_HF_CS64) {
        return true;
    }
    bool expand_down = (sr->attr & (X86_DESC_CODE | X86_DESC_E)) == X86_DESC_E;
    return !expand_down && (t->step < 0 || ea + n * t->size - 1 <= sr->limit);
}

/*
 * How many of max elements at lin lie in its page in the direction of travel,
 * and fit the segment without its offset wrapping. 0: handle one by one.
 */
static uint64_t run_length(const Str *t, unsigned seg, unsigned reg, uint64_t lin, uint64_t max)
{
    uint64_t in_page = lin & 0xfff, ea = x86_zext(t->s->regs[reg], t->addr), n;

    if (t->step > 0) {
        n = (0x1000 - in_page) / t->size;
        if (t->addr < 8) {
            n = MIN(n, ((t->addr == 2 ? 0x10000 : 1ull << 32) - ea) / t->size);
        }
    } else {
        n = in_page + t->size <= 0x1000 ? in_page / t->size + 1 : 0;
        n = MIN(n, ea / t->size + 1);
    }
    n = MIN(n, max);
    return n > 1 && run_in_segment(t, seg, ea, n) ? n : 0;
}

/* The lowest byte of a run of n elements whose first one is at p. */
static uint8_t *run_base(const Str *t, uint8_t *p, uint64_t n)
{
    return t->step > 0 ? p : p - (n - 1) * t->size;
}

static uint64_t run_movs(const Str *t, uint64_t max)
{
    /* The source's faults come before the destination's. */
    uint64_t src = src_lin(t);
    uint64_t n = run_length(t, t->src_seg, X86_RSI, src, max);

    if (n < 2) {
        return 0;
    }
    uint8_t *from = x86_lin_host(t->cpu, src, X86_ACCESS_READ);
    uint64_t dst = dst_lin(t, X86_ACCESS_WRITE);
    n = run_length(t, X86_ES, X86_RDI, dst, n);
    if (n < 2) {
        return 0;
    }
    uint8_t *to = x86_lin_host(t->cpu, dst, X86_ACCESS_WRITE);
    if (!from || !to) {
        return 0;
    }
    x86_string_copy(run_base(t, to, n), run_base(t, from, n), n * t->size, t->size, t->step < 0);
    advance(t, X86_RSI, n);
    advance(t, X86_RDI, n);
    return n;
}

static uint64_t run_stos(const Str *t, uint64_t max)
{
    uint64_t dst = dst_lin(t, X86_ACCESS_WRITE);
    uint64_t n = run_length(t, X86_ES, X86_RDI, dst, max);
    uint8_t *to = n < 2 ? NULL : x86_lin_host(t->cpu, dst, X86_ACCESS_WRITE);

    if (!to) {
        return 0;
    }
    x86_string_fill(run_base(t, to, n), t->s->regs[X86_RAX], n * t->size, t->size);
    advance(t, X86_RDI, n);
    return n;
}

/* From a data port that gives many at a time, to plain memory. The destination is checked before
 * the port is read, and written with care: waiting for the port's device took time. */
static uint64_t run_ins(const Str *t, uint64_t max)
{
    uint8_t buf[512];
    uint64_t dst = dst_lin(t, X86_ACCESS_WRITE);
    uint64_t n = run_length(t, X86_ES, X86_RDI, dst, MIN(max, sizeof(buf) / t->size));

    if (n < 2 || t->step < 0 || !x86_lin_host(t->cpu, dst, X86_ACCESS_WRITE)) {
        return 0;
    }
    n = x86_io_in_run(t->cpu, t->s->regs[X86_RDX], buf, t->size, n);
    if (n) {
        x86_lin_write(t->cpu, dst, buf, n * t->size);
        advance(t, X86_RDI, n);
    }
    return n;
}

/* --- repetition -------------------------------------------------------------------- */

typedef struct StrOp {
    StrFn *one;
    uint64_t (*run)(const Str *t, uint64_t max); /* NULL: none; else elements done */
    bool compares; /* REPE and REPNE end on ZF */
} StrOp;

static bool must_pause(const Str *t)
{
    return (t->s->hflags & X86_HF_TF) || t->cpu->parent.debug.step || x86_must_leave(t->cpu);
}

/* Does some elements; true when the instruction has ended. */
static bool repeat_some(const Str *t, const StrOp *op, uint8_t prefixes)
{
    const uint32_t slow = X86_HF_TF | X86_HF_AC | X86_HF_BP_DATA;
    unsigned left = MAX_ELEMENTS;

    do {
        uint64_t rcx = count(t);
        bool fast = op->run && !(t->s->hflags & slow) && !t->cpu->parent.debug.step;
        uint64_t done = fast ? op->run(t, rcx) : 0;

        if (done == 0) {
            op->one(t);
            done = 1;
        }
        x86_gpr_write(t->s, X86_RCX, t->addr, rcx - done);
        if (rcx == done) {
            return true;
        }
        if (op->compares && x86_zf(t->s) == !!(prefixes & X86_PFX_REPNE)) {
            return true;
        }
    } while (--left && !must_pause(t));
    return false;
}

static void string_op(X86CPU *cpu, const X86Insn *insn, const StrOp *op)
{
    Str t = str_begin(cpu, insn);

    if (!(insn->prefixes & (X86_PFX_REP | X86_PFX_REPNE))) {
        op->one(&t);
        return;
    }
    if (count(&t) == 0) {
        return;
    }
    if (!repeat_some(&t, op, insn->prefixes)) {
        t.s->rip = (t.s->rip - insn->len) & (t.s->hflags & X86_HF_CS64 ? ~0ull : 0xffffffff);
    }
}

#define STRING_OP(name, run_fn, cmp)                                           \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                    \
    {                                                                          \
        static const StrOp op = { one_##name, run_fn, cmp };                   \
                                                                               \
        string_op(cpu, insn, &op);                                             \
    }
STRING_OP(movs, run_movs, false)
STRING_OP(stos, run_stos, false)
STRING_OP(lods, NULL, false)
STRING_OP(scas, NULL, true)
STRING_OP(cmps, NULL, true)

static void op_ins(X86CPU *cpu, const X86Insn *insn)
{
    static const StrOp op = { one_ins, run_ins, false };

    x86_io_check(cpu, cpu->state.regs[X86_RDX], element_size(insn));
    string_op(cpu, insn, &op);
}

static void op_outs(X86CPU *cpu, const X86Insn *insn)
{
    static const StrOp op = { one_outs, NULL, false };

    x86_io_check(cpu, cpu->state.regs[X86_RDX], element_size(insn));
    string_op(cpu, insn, &op);
}

const X86Handler x86_handlers_string[] = {
    { X86_MN_MOVS, op_movs }, { X86_MN_STOS, op_stos }, { X86_MN_LODS, op_lods },
    { X86_MN_SCAS, op_scas }, { X86_MN_CMPS, op_cmps }, { X86_MN_INS, op_ins },
    { X86_MN_OUTS, op_outs }, { 0, NULL },
};
