/*
 * The block checker (check.h).
 *
 * A value is known as "what a register or a load once held, scaled, plus another one, plus a
 * constant" (Linear). The check of a memory access is recognised by what it computes, not
 * by its instructions' order: page of the last byte compared with the tag of an entry that
 * the first byte's address chose. What is then loaded from the entry's addend is good for
 * accesses between the first byte and the last, as long as it is added to the same linear value.
 *
 * An access to the window needs no check: the host's MMU makes it. If it faults, the interpreter runs
 * the guest's instruction from its beginning, and must find everything as it was then.
 *
 * Code is followed from front to back. Whatever changes between a jump and its target is unknown at
 * the target, and so are the scratch registers wherever C may enter.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/check-internal.h"
#include <stdlib.h>
#include "target/i386/disas.h"

/* --- reports ------------------------------------------------------------------------- */

void jit_describe_block(GString *out, const X86Tb *tb)
{
    X86Mode mode = tb->key & X86_HF_CS64 ? X86_MODE_64 : X86_MODE_32;

    g_string_append_printf(out, "guest code of the block at %" PRIx64 ":\n", tb->rip);
    x86_disas(out, tb->bytes, tb->len, mode, tb->rip);
    g_string_append(out, "host code:\n");
    x86_disas(out, tb->body, tb->end - tb->body, X86_MODE_64, (uintptr_t)tb->body);
}

G_NORETURN void check_refuse(const Checker *c, const char *why)
{
    g_autoptr(GString) out = g_string_new(NULL);

    g_string_append_printf(out, "block checker: %s:\n", why);
    x86_disas(out, c->pc, c->x.len, X86_MODE_64, (uintptr_t)c->pc);
    jit_describe_block(out, c->b->tb);
    g_string_append(out, "cold code:\n");
    x86_disas(out, c->cold, c->cold_end - c->cold, X86_MODE_64, (uintptr_t)c->cold);
    fputs(out->str, stderr);
    fflush(NULL);
    _Exit(1);
}

/* --- memory -------------------------------------------------------------------------- */

/* What kind of memory the operand is; refuses what no rule allows. */
static Region classify(Checker *c, unsigned size, bool write)
{
    uint64_t from, to;

    if (c->x.seg_override == X86_GS) {
        check_window_access(c, size, write);
        return REGION_GUEST;
    }
    if (check_is_checked(c, size, write)) {
        return REGION_GUEST;
    }
    if (!check_host_range(c, size, &from, &to)) {
        check_refuse(c, "an access to guest memory that no check covers");
    }
    if (check_in_context(c, from, to)) {
        return REGION_CONTEXT;
    }
    if (check_in_sites(c, from, to)) {
        return REGION_SITE;
    }
    if (check_in_returns(c, from, to)) {
        return REGION_RETURNS;
    }
    if (check_in_cpu(c, from, to) ||
        (!write && (check_in_tlb(c, from, to) || check_in_jumps(c, from, to)))) {
        return REGION_HOST;
    }
    check_refuse(c, "an access to memory that is not translated code's");
}

static Value *slot_at(Checker *c)
{
    return &c->slot[((uint64_t)c->x.disp - (uintptr_t)c->b->jit->ctx) / 8];
}

/* --- instructions ---------------------------------------------------------------------- */

static const X86Operand *memory_operand(const X86Insn *x, bool *write)
{
    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        if (x->op[i].kind == X86_OP_MEM) {
            *write = x86_insn_row(x)->operand_access[i] & 2;
            return &x->op[i];
        }
    }
    return NULL;
}

/* Constants that the guest's code itself has. */
static bool is_guests_constant(const Checker *c, uint64_t val)
{
    const X86Insn *x = c->guest ? &c->guest->x : NULL;

    if (!x) {
        return false;
    }
    uint64_t next = c->b->tb->rip + c->guest->guest + x->len;

    return val == x->imm || val == next || val == next + x->imm || val == (uint64_t)x->disp ||
           val == next + x->disp;
}

static bool guest_may_see(const Checker *c, const Value *v)
{
    return !is_host(v) && (!is_constant(v) || v->guests || !check_is_host_address(c, v->lin.disp) ||
                           is_guests_constant(c, v->lin.disp));
}

/* Does any register that the instruction reads, but for addresses, hold the host's? */
static bool reads_host(const Checker *c)
{
    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        Value v = operand_value(c, i);

        if ((x86_insn_row(&c->x)->operand_access[i] & 1) && !guest_may_see(c, &v)) {
            return true;
        }
    }
    return false;
}

void check_write_gpr(Checker *c, unsigned reg, Value v)
{
    if (!is_scratch(reg) && !guest_may_see(c, &v)) {
        check_refuse(c, "a host address in a guest register");
    }
    if (reg == HOST_RSP) {
        check_refuse(c, "a change of the host's stack pointer");
    }
    if (!is_scratch(reg) && v.kind != VALUE_PLAIN) {
        v = check_unknown(c); /* the guest's own mask or shift */
    }
    v.guests |= !is_scratch(reg);
    set_reg(c, reg, v);
}

static Value load_value(Checker *c, Region region, unsigned size)
{
    if (region == REGION_CONTEXT && size == 8 && c->x.base == X86_NO_REG &&
        c->x.index == X86_NO_REG && (c->x.disp & 7) == 0) {
        return *slot_at(c);
    }
    if (region == REGION_HOST && size == 8 && check_is_addend_field(c)) {
        return check_load_addend(c);
    }
    if (region == REGION_SITE) {
        const X86TlbSite *site = check_site_at(c, c->x.disp, offsetof(X86TlbSite, addend));

        return (Value){ .kind = site && size == 8 ? VALUE_SITE : VALUE_HOST, .site = site,
                        .max = UINT64_MAX };
    }
    Value v = check_unknown(c);
    if (size < 8) {
        v.max = (1ull << size * 8) - 1;
    }
    return v;
}

/* A return address, or where in the code cache it leads. */
static void check_store_return(const Checker *c, unsigned size, const Value *v)
{
    const X86Jit *jit = c->b->jit;
    unsigned field = ((uint64_t)c->x.disp - (uintptr_t)jit->modes[0].returns) % sizeof(X86JumpEntry);
    bool code = is_constant(v) && (uint64_t)v->lin.disp - (uintptr_t)jit->code_rx < jit->code_size;

    if (field >= offsetof(X86JumpEntry, host) ? size != 8 || field != offsetof(X86JumpEntry, host) || !code
                                              : is_host(v)) {
        check_refuse(c, "a return that leads out of the code cache");
    }
}

/* Stores to the context are values to be loaded again. */
static void store_value(Checker *c, Region region, unsigned size, Value v)
{
    if (region == REGION_SITE) {
        check_store_to_site(c, size, &v);
        return;
    }
    if (region == REGION_RETURNS) {
        check_store_return(c, size, &v);
        return;
    }
    if (region == REGION_GUEST && !guest_may_see(c, &v)) {
        check_refuse(c, "a host address in guest memory");
    }
    c->stored |= region == REGION_GUEST;
    if (region != REGION_CONTEXT) {
        return;
    }
    uint64_t offset = (uint64_t)c->x.disp - (uintptr_t)c->b->jit->ctx;
    bool guests = offset < sizeof(c->b->jit->ctx->regs);
    if (guests && !guest_may_see(c, &v)) {
        check_refuse(c, "a host address in a guest register");
    }
    if (offset < offsetof(X86JitContext, window_mask) + 8 &&
        offset + size > offsetof(X86JitContext, window_mask)) {
        check_refuse(c, "a change of the window's mask");
    }
    v = size == 8 && (offset & 7) == 0 && !(guests && v.kind != VALUE_PLAIN) ? v
      : check_unknown(c);
    v.when = c->clock;
    for (unsigned i = offset / 8; i <= (offset + size - 1) / 8 && i < SLOTS; i++) {
        c->slot[i] = v;
        v = check_unknown(c);
    }
}

static void exec_lea(Checker *c)
{
    const X86Insn *x = &c->x;
    Value base = register_value(c, x->base), index = register_value(c, x->index);
    Value v = check_effective_address(c);

    if (x->op_size == 8 && base.kind == VALUE_WINDOW) {
        v = check_moved_place(c);
    } else if (x->op_size == 8 && base.kind == VALUE_PLAIN && index.kind == VALUE_ADDEND && !x->scale &&
        same_base(&base.lin, &index.lin)) {
        v = index;
        v.kind = VALUE_CHECKED;
        v.lin = base.lin;
        v.lin.disp += x->disp;
    } else if (x->op_size == 4) {
        v = check_cut(c, &v);
    }
    check_write_gpr(c, x->op[0].reg, v);
}

static void exec_mov(Checker *c, Region region, unsigned size)
{
    const X86Insn *x = &c->x;
    const X86Operand *dst = &x->op[0], *src = &x->op[1];
    Value v;

    if (src->kind == X86_OP_IMM) {
        v = check_constant(c, dst->size == 4 && dst->kind == X86_OP_GPR ? (uint32_t)x->imm : x->imm);
    } else if (src->kind == X86_OP_GPR) {
        v = c->reg[src->reg];
    } else if (src->kind == X86_OP_MEM) {
        v = load_value(c, region, size);
    } else {
        v = check_unknown(c);
    }
    if (dst->kind == X86_OP_MEM) {
        store_value(c, region, size, v);
    } else if (dst->kind == X86_OP_GPR) {
        bool whole = dst->size == 8 || (dst->size == 4 && src->kind == X86_OP_IMM);

        check_write_gpr(c, dst->reg, whole ? v
                                   : dst->size == 4 ? check_cut(c, &v) : check_unknown(c));
    } else if (dst->kind == X86_OP_GPRH) {
        check_write_gpr(c, dst->reg, check_unknown(c));
    }
}

/* ADD, SUB, INC and DEC of a constant, 64 bits wide. */
static bool exec_constant_change(Checker *c)
{
    const X86Insn *x = &c->x;
    bool imm = x->op[1].kind == X86_OP_IMM, one = x->op[1].kind == X86_OP_NONE;
    int64_t by;

    switch (x->mnemonic) {
    case X86_MN_ADD:
        by = x->imm;
        break;
    case X86_MN_SUB:
        by = -x->imm;
        break;
    case X86_MN_INC: case X86_MN_DEC:
        by = x->mnemonic == X86_MN_INC ? 1 : -1;
        break;
    default:
        return false;
    }
    if (x->op[0].kind != X86_OP_GPR || x->op[0].size != 8 || !(imm || one)) {
        return false;
    }
    Value v = c->reg[x->op[0].reg];
    if (v.kind != VALUE_PLAIN) {
        return false;
    }
    v.lin.disp += by;
    v.low = v.lin;
    v.max = is_constant(&v) ? (uint64_t)v.lin.disp : UINT64_MAX;
    check_write_gpr(c, x->op[0].reg, v);
    return true;
}

/* What AND, SHR, XOR and ADD make of scratch registers on the way to an address. */
static bool exec_address_step(Checker *c, Region region)
{
    const X86Insn *x = &c->x;
    unsigned reg = x->op[0].reg;
    Value v = c->reg[reg & 15];

    if (x->op[0].kind != X86_OP_GPR || !is_scratch(reg) || is_host(&v)) {
        return false;
    }
    if (x->mnemonic == X86_MN_ADD && region == REGION_HOST && check_is_addend_field(c) &&
        is_constant(&v)) {
        Value addend = check_load_addend(c);

        addend.kind = addend.kind == VALUE_ADDEND && !addend.lin.id ? VALUE_CHECKED : VALUE_HOST;
        addend.lin = v.lin;
        check_write_gpr(c, reg, addend);
        return true;
    }
    if (x->mnemonic == X86_MN_SUB && region == REGION_SITE && v.kind == VALUE_PLAIN &&
        x->op_size == 8) {
        v.site = check_site_at(c, x->disp, offsetof(X86TlbSite, page));
        v.kind = v.site ? VALUE_INTO : VALUE_HOST;
        v.max = UINT64_MAX;
        v.guests = false;
        check_write_gpr(c, reg, v);
        return true;
    }
    if (x->op[1].kind != X86_OP_IMM) {
        return false;
    }
    if (x->mnemonic == X86_MN_SHR && x->op_size == 4) {
        bool index = v.kind == VALUE_PLAIN && x->imm == JIT_TLB_SHIFT;
        Value shifted = check_unknown(c);

        shifted.kind = index ? VALUE_SHIFTED : VALUE_PLAIN;
        shifted.low = v.low;
        shifted.max = MIN(v.max, UINT32_MAX) >> (x->imm & 31);
        check_write_gpr(c, reg, shifted);
        return true;
    }
    if (x->mnemonic == X86_MN_XOR) {
        uint64_t bits = v.max | (uint64_t)x->imm;
        Value mixed = check_unknown(c);

        mixed.max = bits ? UINT64_MAX >> __builtin_clzll(bits) : 0;
        check_write_gpr(c, reg, mixed);
        return true;
    }
    if (x->mnemonic != X86_MN_AND) {
        return false;
    }
    if (v.kind == VALUE_SHIFTED && x->imm == JIT_TLB_MASK) {
        v.kind = VALUE_INDEX;
    } else if (v.kind == VALUE_PLAIN && (int64_t)x->imm == -0x1000 && x->op_size == 8) {
        v.kind = VALUE_PAGE;
    } else {
        v = check_unknown(c);
    }
    v.guests = false;
    v.max = (int64_t)x->imm >= 0 ? x->imm
          : x->op_size == 4 ? MIN(c->reg[reg].max, UINT32_MAX) : c->reg[reg].max;
    v.proved = false;
    check_write_gpr(c, reg, v);
    return true;
}

/* Registers that are not among the operands. */
static uint32_t implicit_writes(const X86Insn *x)
{
    const uint32_t a = 1 << X86_RAX, d = 1 << X86_RDX;

    switch (x->mnemonic) {
    case X86_MN_IMUL:
        return x->op[1].kind == X86_OP_NONE ? a | d : 0;
    case X86_MN_MUL: case X86_MN_DIV: case X86_MN_IDIV: case X86_MN_CMPXCHG8B:
    case X86_MN_CMPXCHG16B:
        return a | d;
    case X86_MN_CMPXCHG: case X86_MN_LAHF: case X86_MN_CBW:
        return a;
    case X86_MN_CWD:
        return d;
    case X86_MN_PCMPESTRI: case X86_MN_PCMPISTRI: case X86_MN_VPCMPESTRI: case X86_MN_VPCMPISTRI:
        return 1 << X86_RCX;
    case X86_MN_PUSH: case X86_MN_POP: case X86_MN_PUSHF: case X86_MN_CALL: case X86_MN_RET:
        return 1 << X86_RSP;
    case X86_MN_LEAVE:
        return 1 << X86_RSP | 1 << X86_RBP;
    }
    return 0;
}

/* What an instruction that is none of the others leaves in operand n, a register. */
static Value other_result(Checker *c, unsigned n)
{
    const X86Insn *x = &c->x;
    bool leaves_it = x->mnemonic == X86_MN_BSF || x->mnemonic == X86_MN_BSR ||
                     x->mnemonic == X86_MN_CMPXCHG;
    Value v = check_unknown(c);

    if (x->op[n].kind == X86_OP_GPR && !leaves_it) {
        bool positive = x->mnemonic == X86_MN_MOVZX ||
                        (x->mnemonic == X86_MN_AND && x->op[1].kind == X86_OP_IMM && (int64_t)x->imm >= 0);

        v.max = x->op[n].size == 4 || (x->op[n].size == 8 && positive) ? UINT32_MAX : UINT64_MAX;
        v.extended = x->op[n].size == 8 &&
                     (x->mnemonic == X86_MN_MOVSX || x->mnemonic == X86_MN_MOVSXD) && x->op[1].size <= 4;
    }
    return v;
}

static void exec_other(Checker *c, Region region, unsigned size, bool write)
{
    const X86Insn *x = &c->x;
    uint32_t implicit = implicit_writes(x);
    bool taints = reads_host(c);
    Value tainted = { .kind = VALUE_HOST, .max = UINT64_MAX };

    if (write) {
        store_value(c, region, size, taints ? tainted : check_unknown(c));
    }
    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        bool gpr = x->op[i].kind == X86_OP_GPR || x->op[i].kind == X86_OP_GPRH;

        if (gpr && (x86_insn_row(x)->operand_access[i] & 2)) {
            check_write_gpr(c, x->op[i].reg, taints ? tainted : other_result(c, i));
        }
    }
    for (unsigned reg = 0; reg < 16; reg++) {
        if (implicit >> reg & 1) {
            set_reg(c, reg, check_unknown(c));
        }
    }
}

/* --- control ------------------------------------------------------------------------------ */

static void note_target(Checker *c, const uint8_t *at, uint32_t when)
{
    if (c->target_count == MAX_TARGETS) {
        check_refuse(c, "more jumps than the checker has room for");
    }
    Target *t = &c->targets[c->target_count++];
    *t = (Target){ .at = at, .when = when, .max = { c->reg[JIT_T0].max, c->reg[JIT_T1].max,
                                                    c->reg[JIT_T2].max } };
    if (when == UINT32_MAX) {
        t->keeps[0] = c->reg[JIT_T1].when <= c->came;
        t->keeps[1] = c->reg[JIT_T2].when <= c->came;
        check_note_site(c, t);
    }
}

static void exec_jump(Checker *c, uint32_t when)
{
    const X86Jit *jit = c->b->jit;
    const X86Tb *tb = c->b->tb;
    const uint8_t *to = c->pc + c->x.len + c->x.imm;

    if (when != UINT32_MAX) {
        check_handed_over(c, to);
    }
    if (to >= tb->body && to < tb->end) {
        note_target(c, to, when);
    } else if (!(to >= c->cold && to < c->cold_end) &&
               !(to >= jit->code_rx && to < jit->code_rx + jit->stubs_size)) {
        check_refuse(c, "a jump out of the block that is no exit");
    }
}

static bool is_conditional(const X86Insn *x)
{
    return x->mnemonic >= X86_MN_JO && x->mnemonic <= X86_MN_JNLE;
}

/* Host instructions that the translator never emits and that reach memory unseen. */
static bool is_forbidden(const X86Insn *x)
{
    switch (x->mnemonic) {
    case X86_MN_PUSH: case X86_MN_POP: case X86_MN_PUSHF: case X86_MN_POPF: case X86_MN_PUSHA:
    case X86_MN_POPA: case X86_MN_RET: case X86_MN_ENTER: case X86_MN_LEAVE: case X86_MN_XLAT:
    case X86_MN_MASKMOVQ: case X86_MN_MASKMOVDQU: case X86_MN_VMASKMOVDQU: case X86_MN_SYSCALL:
    case X86_MN_SYSENTER: case X86_MN_INT: case X86_MN_SGDT: case X86_MN_SIDT: case X86_MN_SLDT:
    case X86_MN_STR: case X86_MN_SMSW: case X86_MN_CPUID: case X86_MN_RDTSC: case X86_MN_RDTSCP:
    case X86_MN_RDPID: case X86_MN_XGETBV: case X86_MN_XSAVE: case X86_MN_XRSTOR:
    case X86_MN_FXSAVE: case X86_MN_FXRSTOR: case X86_MN_RDFSBASE: case X86_MN_RDGSBASE:
    case X86_MN_WRFSBASE: case X86_MN_WRGSBASE: case X86_MN_RDRAND: case X86_MN_RDSEED:
        return true;
    }
    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        unsigned kind = x->op[i].kind;

        if (kind == X86_OP_STR_SI || kind == X86_OP_STR_DI || kind == X86_OP_SEG ||
            kind == X86_OP_CR || kind == X86_OP_DR || kind == X86_OP_FAR) {
            return true;
        }
    }
    return x->vsib || x->seg_override == X86_FS;
}

/* Jcc: after the stack's look-up JZ has its addend. */
static void exec_conditional(Checker *c, uint32_t when)
{
    Value unknown_t1 = c->reg[JIT_T1];

    check_prove(c);
    if (c->stack.kind == VALUE_ADDEND && c->x.mnemonic == X86_MN_JZ) {
        c->reg[JIT_T1] = c->stack;
        exec_jump(c, when);
        c->reg[JIT_T1] = unknown_t1;
    } else {
        exec_jump(c, when);
    }
    c->stack.kind = VALUE_PLAIN;
}

/* JMP, Jcc and CALL; false if the instruction is something else. */
static bool exec_control(Checker *c, uint32_t when)
{
    const X86Insn *x = &c->x;
    uint64_t from, to;

    if (is_conditional(x)) {
        exec_conditional(c, when);
        return true;
    }
    c->stack.kind = VALUE_PLAIN;
    if (x->mnemonic != X86_MN_JMP && x->mnemonic != X86_MN_CALL) {
        return false;
    }
    if (x->op[0].kind == X86_OP_REL && x->mnemonic == X86_MN_CALL) {
        c->stack = check_look_up_stack(c, c->pc + x->len + x->imm);
        exec_jump(c, when);
    } else if (x->op[0].kind == X86_OP_REL) {
        exec_jump(c, when);
    } else if (x->op[0].kind != X86_OP_MEM || x->seg_override == X86_GS ||
               !check_host_range(c, 8, &from, &to) ||
               !(check_in_jumps(c, from, to) || check_in_returns(c, from, to))) {
        check_refuse(c, "an indirect jump by way of something else than the jump cache");
    }
    Value t1 = c->reg[JIT_T1], t2 = c->reg[JIT_T2];
    check_forget_scratch(c);
    if (x->mnemonic == X86_MN_CALL && c->pc + x->len + x->imm == c->b->jit->stubs.load_vec) {
        c->reg[JIT_T1] = t1; /* it leaves them alone */
        c->reg[JIT_T2] = t2;
    }
    return true;
}

static bool changes_flags(const X86Insn *x)
{
    const X86Row *row = x86_insn_row(x);

    return row->flags_written | row->flags_undefined;
}

static void exec(Checker *c, uint32_t when)
{
    const X86Insn *x = &c->x;
    bool write = false;
    Region region = REGION_NONE;

    if (is_forbidden(x)) {
        check_refuse(c, "an instruction that the translator must not emit");
    }
    if (exec_control(c, when)) {
        c->pending.valid = false;
        return;
    }
    const X86Operand *mem = x->mnemonic == X86_MN_LEA || x->mnemonic == X86_MN_NOP
                                ? NULL : memory_operand(x, &write);
    if (mem) {
        region = classify(c, mem->size ? mem->size : 1, write);
    }
    c->pending.valid = false;
    if (x->mnemonic == X86_MN_LEA) {
        exec_lea(c);
    } else if (x->mnemonic == X86_MN_MOV) {
        exec_mov(c, region, mem ? mem->size : 0);
    } else if (x->mnemonic == X86_MN_CMP) {
        if (region == REGION_HOST) {
            check_note_comparison(c);
        } else if (!mem) {
            check_note_site_comparison(c);
        }
    } else if (!check_place(c) && !check_not(c) && !exec_constant_change(c) &&
               !exec_address_step(c, region)) {
        exec_other(c, region, mem ? mem->size : 0, write);
    }
    c->flags_changed |= changes_flags(x);
}

/* --- blocks ---------------------------------------------------------------------------------- */

static void decode(Checker *c, const uint8_t *end)
{
    unsigned features = X86_DECODE_HAS_LZCNT | X86_DECODE_HAS_BMI1;

    if (x86_decode(c->pc, end - c->pc, X86_MODE_64, features, &c->x) != X86_DECODE_OK) {
        c->x.len = 1;
        check_refuse(c, "bytes that are no instruction");
    }
    if (c->x.base == HOST_RSP && c->x.index == X86_NO_REG) {
        c->x.base = X86_NO_REG;
        c->x.disp += jit_context_rsp(c->b->jit);
    }
    c->clock++;
}

static void begin_cold(Checker *c)
{
    check_forget_all(c);
    c->came = c->clock;
}

/* Nothing is known of registers here, and nothing needs to be. */
static void check_cold(Checker *c)
{
    begin_cold(c);
    c->guest = NULL;
    for (c->pc = c->cold; c->pc < c->cold_end; c->pc += c->x.len) {
        decode(c, c->cold_end);
        exec(c, UINT32_MAX);
        if (c->x.mnemonic == X86_MN_JMP) {
            begin_cold(c);
        }
    }
}

static bool writes(const JitInsn *insn, unsigned reg)
{
    const X86Insn *x = &insn->x;

    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        bool high = x->op[i].kind == X86_OP_GPRH;

        if ((x->op[i].kind == X86_OP_GPR || high) && x->op[i].reg == reg &&
            (x86_insn_row(x)->operand_access[i] & 2)) {
            return true;
        }
    }
    return implicit_writes(x) >> reg & 1;
}

/* Which guest registers have other values now than they had before the instruction? */
static void check_writes(const Checker *c)
{
    for (unsigned reg = 0; c->guest && reg < 16; reg++) {
        if (check_has_changed(c, reg) && !writes(c->guest, reg)) {
            check_refuse(c, "a guest register changed by an instruction that does not write it");
        }
    }
}

static void note_registers(Checker *c)
{
    for (unsigned reg = 0; reg < 16; reg++) {
        c->before[reg] = *check_guest_register(c, reg);
    }
}

static void restore_kept(Checker *c, unsigned reg, Value v)
{
    if (v.kind != VALUE_PLAIN) {
        set_reg(c, reg, v);
    }
}

/* C may enter at a guest instruction's beginning. */
static void begin_guest_insn(Checker *c, unsigned i)
{
    Value t1 = check_kept_place(c, JIT_T1), t2 = check_kept_place(c, JIT_T2);

    if (c->guest && c->guest->interpreted) {
        check_forget_all(c);
    } else {
        check_writes(c);
        check_forget_scratch(c);
        restore_kept(c, JIT_T1, t1);
        restore_kept(c, JIT_T2, t2);
    }
    c->guest = i < c->b->count ? &c->b->insns[i] : NULL;
    c->stored = c->flags_changed = false;
    note_registers(c);
}

/* Nothing is known of scratch registers but what they are not above, wherever control comes from. */
static void forget_scratch_to(Checker *c, const uint64_t max[3])
{
    check_forget_scratch(c);
    for (unsigned k = 0; k < 3; k++) {
        c->reg[JIT_T0 + k].max = max[k];
    }
}

static void join_at_target(Checker *c)
{
    Value t1 = c->reg[JIT_T1], t2 = c->reg[JIT_T2];
    uint32_t when = UINT32_MAX;
    bool found = false, same = true;
    bool back = is_conditional(&c->x); /* cold code comes back to where hot code left */
    bool keeps[2] = { back, back };
    uint64_t max[3] = { c->reg[JIT_T0].max, c->reg[JIT_T1].max, c->reg[JIT_T2].max };

    for (unsigned i = 0; i < c->target_count; i++) {
        if (c->targets[i].at == c->pc) {
            when = MIN(when, c->targets[i].when);
            found = true;
            same = same && check_same_addend(c, &c->targets[i]);
            keeps[0] = keeps[0] && c->targets[i].keeps[0];
            keeps[1] = keeps[1] && c->targets[i].keeps[1];
            for (unsigned k = 0; k < 3; k++) {
                max[k] = MAX(max[k], c->targets[i].max[k]);
            }
        }
    }
    if (found) {
        check_join(c, when);
    }
    if (found && !same) {
        forget_scratch_to(c, max);
        c->reg[JIT_T1] = keeps[0] ? t1 : c->reg[JIT_T1];
        c->reg[JIT_T2] = keeps[1] ? t2 : c->reg[JIT_T2];
    }
}

static void check_hot(Checker *c)
{
    const X86Tb *tb = c->b->tb;
    unsigned next = 0;

    check_forget_all(c);
    c->guest = NULL;
    if (tb->entry.anchor) {
        check_begin_anchored(c);
    }
    for (c->pc = tb->body; c->pc < tb->end; c->pc += c->x.len) {
        while (next <= tb->count && tb->body + tb->insns[next].host == c->pc) {
            begin_guest_insn(c, next++);
        }
        join_at_target(c);
        decode(c, tb->end);
        exec(c, c->clock);
    }
}

void jit_check_block(const JitBuild *b, const uint8_t *cold)
{
    g_autofree Checker *c = g_new0(Checker, 1);

    c->b = b;
    c->cold = cold;
    c->cold_end = b->jit->code_rx + b->jit->code_size / 2 + b->jit->cold_used;
    check_cold(c);
    check_hot(c);
}

void x86_translator_check(X86CPU *cpu)
{
    cpu->translator->check = true;
}
