/*
 * What translated code has C functions of its own for, instead of the interpreter: system
 * calls and returns, time, accesses that miss the software TLB.
 *
 * Each works on the registers in the context and leaves to jit_interpret() whatever is not
 * plain: other modes, traps, faults of its own.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/runtime.h"
#include <sched.h>
#include <x86intrin.h>
#include "target/i386/cpuid.h"
#include "target/i386/interp/flags.h"
#include "target/i386/interp/operand.h"
#include "target/i386/interp/run.h"
#include "target/i386/msr.h"
#include "target/i386/seg.h"
#include "target/i386/syscall.h"

/* Mode bits that the interpreter and the exec loop must see. */
#define UNUSUAL (X86_HF_TF | X86_HF_AC | X86_HF_BP_CODE | X86_HF_BP_DATA | X86_HF_BP_IO)
/* What a key has beside the mode bits. */
#define KEY_EXTRA (X86_KEY_CS_FLAT | X86_KEY_SHADOW | X86_KEY_SIMD_EXCP | X86_KEY_X87_EXCP | \
                   X86_KEY_TRANSLATED)

/* In ticks of the host's time stamp counter, of which a millisecond has some millions. */
enum {
    PAUSE_APART = 5000, /* the guest does something else in between */
    LONG_SPIN = 100000,
};

/* --- flags and modes -------------------------------------------------------------------- */

static uint32_t all_flags(const X86JitContext *ctx)
{
    return (ctx->cpu->state.eflags & ~X86_EFLAGS_ARITH) | x86_host_flags(ctx->flags);
}

static void set_all_flags(X86JitContext *ctx, uint32_t eflags)
{
    X86State *s = &ctx->cpu->state;

    s->eflags = (eflags & X86_EFLAGS_DEFINED) | X86_EFLAGS_FIXED;
    s->cc_lazy = 0;
    ctx->flags = x86_flags_for_host(eflags);
}

/* The mode bits for other flags and another privilege. */
static uint32_t mode_with(const X86State *s, uint32_t eflags, unsigned cpl)
{
    const uint32_t depends = X86_HF_CPL_MASK | X86_HF_TF | X86_HF_AC | X86_HF_SMAP |
                             X86_HF_IOPL_OK;
    unsigned iopl = (eflags & X86_EFLAGS_IOPL) >> X86_EFLAGS_IOPL_SHIFT;
    bool ac = eflags & X86_EFLAGS_AC;

    return (s->hflags & ~depends) | cpl | (eflags & X86_EFLAGS_TF ? X86_HF_TF : 0) |
           (ac && cpl == 3 && s->cr0 & X86_CR0_AM ? X86_HF_AC : 0) |
           (!ac && cpl < 3 && s->cr4 & X86_CR4_SMAP ? X86_HF_SMAP : 0) |
           (cpl <= iopl ? X86_HF_IOPL_OK : 0);
}

/* The same after a change between 64-bit and flat 32-bit code. */
static uint32_t mode_of_width(const X86State *s, uint32_t hflags, bool wide)
{
    bool flat = !wide && x86_is_flat(&s->segs[X86_DS]) && x86_is_flat(&s->segs[X86_ES]);

    return (hflags & ~(X86_HF_CS64 | X86_HF_CS32 | X86_HF_FLAT)) | X86_HF_SS32 |
           (wide ? X86_HF_CS64 : X86_HF_CS32) | (flat ? X86_HF_FLAT : 0);
}

const uint8_t *jit_again(X86JitContext *ctx, const X86TbInsn *insn)
{
    ctx->vec_live &= insn->vec_known;
    ctx->x87_live &= insn->x87_known;
    jit_x87_to_context(ctx, &ctx->cpu->state);
    return x86_insn_tb(insn)->body + insn->host;
}

/* That of rip in the jump cache for key, or NULL; the modes that were entered last, by privilege, are
 * at hand. */
static const X86JumpEntry *jump_entry(X86Jit *jit, uint32_t key, uint64_t rip)
{
    X86JitMode **recent = &jit->recent[key & X86_HF_CPL_MASK];

    if (!*recent || (*recent)->key != key) {
        *recent = jit_mode(jit, key);
    }
    return *recent ? jit_jump_find(*recent, rip) : NULL;
}

/* On at rip in flat code with these mode bits. The registers are in the context. */
static const uint8_t *enter(X86JitContext *ctx, uint64_t rip, uint32_t hflags)
{
    X86CPU *cpu = ctx->cpu;
    X86Jit *jit = cpu->translator;
    X86Interp *interp = cpu->interp;

    cpu->state.rip = rip;
    cpu->state.hflags = hflags;
    if (!x86_interrupted(cpu) && !jit->single) {
        interp->cur = NULL;
        interp->key = (interp->key & KEY_EXTRA) | hflags | x86_window_key(cpu, hflags);
        cpu->tlb_now = cpu->tlb->entry[x86_tlb_index(&cpu->state)];
        const X86JumpEntry *entry = jump_entry(jit, interp->key, rip);
        if (entry) {
            ctx->vec_live = ctx->x87_live = 0;
            return entry->host;
        }
    }
    jit_from_context(ctx);
    return jit_go_on(ctx);
}

static uint64_t rip_of(const X86TbInsn *insn)
{
    const X86Tb *tb = x86_insn_tb(insn);

    return jit_rip(tb->key, tb->rip + insn->guest);
}

/* --- system calls ------------------------------------------------------------------------- */

const uint8_t *jit_syscall(X86JitContext *ctx, const X86TbInsn *insn)
{
    X86State *s = &ctx->cpu->state;
    uint32_t old = all_flags(ctx) & ~X86_EFLAGS_RF, eflags = old & ~(uint32_t)s->fmask;
    uint32_t hflags = mode_of_width(s, mode_with(s, eflags, 0), true);
    uint16_t sel = s->star >> 32 & 0xfffc;
    bool from_64 = s->hflags & X86_HF_CS64;

    if (!(s->efer & X86_EFER_SCE) || (hflags & UNUSUAL) || !(from_64 || x86_is_amd(ctx->cpu))) {
        return jit_interpret(ctx, insn);
    }
    jit_x87_leave(ctx, insn);
    ctx->regs[X86_RCX] = rip_of(insn + 1);
    ctx->regs[X86_R11] = old;
    s->segs[X86_CS] = x86_flat_code(sel, 0, true);
    s->segs[X86_SS] = x86_flat_stack(sel + 8, 0);
    set_all_flags(ctx, eflags);
    return enter(ctx, from_64 ? s->lstar : s->cstar, hflags);
}

static const uint8_t *sysret(X86JitContext *ctx, const X86TbInsn *insn, bool wide)
{
    X86State *s = &ctx->cpu->state;
    uint64_t rip = wide ? ctx->regs[X86_RCX] : (uint32_t)ctx->regs[X86_RCX];
    uint32_t eflags = ctx->regs[X86_R11] & X86_SYSRET_FLAGS;
    uint32_t hflags = mode_of_width(s, mode_with(s, eflags, 3), wide);
    uint16_t sel = s->star >> 48;

    if (!(s->efer & X86_EFER_SCE) || (hflags & UNUSUAL) || !x86_canonical(s, rip) ||
        !(hflags & (X86_HF_CS64 | X86_HF_FLAT))) {
        return jit_interpret(ctx, insn);
    }
    jit_x87_leave(ctx, insn);
    s->segs[X86_CS] = x86_flat_code((sel + (wide ? 16 : 0)) | 3, 3, wide);
    s->segs[X86_SS] = x86_flat_stack((sel + 8) | 3, 3);
    set_all_flags(ctx, eflags);
    return enter(ctx, rip, hflags);
}

const uint8_t *jit_sysret(X86JitContext *ctx, const X86TbInsn *insn)
{
    return sysret(ctx, insn, true);
}

const uint8_t *jit_sysret32(X86JitContext *ctx, const X86TbInsn *insn)
{
    return sysret(ctx, insn, false);
}

/* --- IRET ----------------------------------------------------------------------------------- */

enum { FRAME_RIP, FRAME_CS, FRAME_FLAGS, FRAME_RSP, FRAME_SS, FRAME_WORDS };

/* Reads memory, of one page, that is for direct access; false if it is not. Where the kernel's code lies
 * is random, and its entry of the TLB may be the GDT's, too: then that is missing each time. */
static bool peek(X86CPU *cpu, uint64_t lin, void *buf, unsigned len)
{
    const X86TlbEntry *e = x86_tlb_entry(cpu, lin);
    uint64_t last = (lin + len - 1) & X86_PAGE_MASK;
    uint32_t error;

    if (last != e->read && (!x86_canonical(&cpu->state, lin) ||
                            !x86_lin_fill(cpu, lin, X86_ACCESS_READ, &error) || last != e->read)) {
        return false;
    }
    memcpy(buf, (const void *)(lin + e->addend), len);
    return true;
}

/* The descriptor behind a selector of the GDT as it stands in memory, 0 for a null selector. */
static bool raw_descriptor(X86CPU *cpu, uint16_t sel, uint64_t *raw)
{
    const X86State *s = &cpu->state;

    *raw = 0;
    if (x86_sel_null(sel)) {
        return true;
    }
    return !(sel & 4) && (sel | 7u) <= s->gdt.limit &&
           peek(cpu, s->gdt.base + (sel & ~7u), raw, sizeof(*raw));
}

/* 64-bit code, or flat 32-bit code with a flat stack. */
static bool is_plain_code(const X86State *s)
{
    const X86Segment *cs = &s->segs[X86_CS];

    return (s->hflags & X86_HF_CS64) ||
           ((s->hflags & X86_HF_CS32) && cs->base == 0 && cs->limit == UINT32_MAX &&
            x86_is_flat(&s->segs[X86_SS]) && (s->hflags & X86_HF_SS32));
}

/* By the interpreter, which makes all checks. Remembers what it made of the selectors. */
static const uint8_t *iret_checked(X86JitContext *ctx, const X86TbInsn *insn, const JitIret *now)
{
    X86CPU *cpu = ctx->cpu;
    const X86State *s = &cpu->state;
    JitIret *last = &cpu->translator->iret;

    last->valid = false;
    const uint8_t *host = jit_interpret(ctx, insn);
    *last = *now;
    last->valid = is_plain_code(s) && s->segs[X86_CS].selector == now->cs.selector &&
                  s->segs[X86_SS].selector == now->ss.selector;
    last->cs = s->segs[X86_CS];
    last->ss = s->segs[X86_SS];
    return host;
}

/* The same selectors and descriptors have passed all checks before, at this privilege. */
static bool is_known(const JitIret *last, const JitIret *now)
{
    return last->valid && last->cs.selector == now->cs.selector && last->raw_cs == now->raw_cs &&
           last->ss.selector == now->ss.selector && last->raw_ss == now->raw_ss;
}

static void leave_ring_0(X86JitContext *ctx, unsigned cpl)
{
    if (cpl) {
        x86_drop_inner_segs(ctx->cpu, cpl);
        jit_sync_segments(ctx);
    }
}

const uint8_t *jit_iret(X86JitContext *ctx, const X86TbInsn *insn)
{
    const uint32_t mask = X86_EFLAGS_ARITH | X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF |
                          X86_EFLAGS_IOPL | X86_EFLAGS_NT | X86_EFLAGS_RF | X86_EFLAGS_AC |
                          X86_EFLAGS_VIF | X86_EFLAGS_VIP | X86_EFLAGS_ID;
    X86CPU *cpu = ctx->cpu;
    X86State *s = &cpu->state;
    const JitIret *last = &cpu->translator->iret;
    uint64_t frame[FRAME_WORDS];
    JitIret now = { 0 };

    if ((s->eflags & X86_EFLAGS_NT) || !peek(cpu, ctx->regs[X86_RSP], frame, sizeof(frame)) ||
        !raw_descriptor(cpu, frame[FRAME_CS], &now.raw_cs) ||
        !raw_descriptor(cpu, frame[FRAME_SS], &now.raw_ss)) {
        return jit_interpret(ctx, insn);
    }
    now.cs.selector = frame[FRAME_CS];
    now.ss.selector = frame[FRAME_SS];
    if (!is_known(last, &now)) {
        return iret_checked(ctx, insn, &now);
    }
    unsigned cpl = now.cs.selector & 3;
    uint32_t eflags = (all_flags(ctx) & ~mask) | (frame[FRAME_FLAGS] & mask);
    bool wide = last->cs.attr & X86_DESC_L;
    uint32_t hflags = mode_of_width(s, mode_with(s, eflags, cpl), wide);
    bool fits = wide ? x86_canonical(s, frame[FRAME_RIP])
                     : (frame[FRAME_RIP] | frame[FRAME_RSP]) <= UINT32_MAX;
    if ((hflags & UNUSUAL) || !fits || !(hflags & (X86_HF_CS64 | X86_HF_FLAT))) {
        return jit_interpret(ctx, insn);
    }
    jit_x87_leave(ctx, insn);
    s->segs[X86_CS] = last->cs;
    s->segs[X86_SS] = last->ss;
    leave_ring_0(ctx, cpl);
    hflags = mode_of_width(s, hflags, wide); /* DS and ES may have been lost */
    ctx->regs[X86_RSP] = frame[FRAME_RSP];
    set_all_flags(ctx, eflags);
    s->nmi_blocked = 0;
    x86_window_consider(ctx->cpu);
    return enter(ctx, frame[FRAME_RIP], hflags);
}

/* --- instructions within a block ---------------------------------------------------------- */

const uint8_t *jit_after(X86JitContext *ctx, const X86TbInsn *insn)
{
    ctx->vec_live &= insn[1].vec_known;
    ctx->x87_live &= insn[1].x87_known;
    jit_x87_to_context(ctx, &ctx->cpu->state);
    return x86_insn_tb(insn)->body + insn[1].host;
}

static bool may_read_tsc(const X86State *s)
{
    return !(s->cr4 & X86_CR4_TSD) || x86_cpl(s) == 0;
}

static void read_tsc(X86JitContext *ctx)
{
    uint64_t tsc = x86_read_tsc(ctx->cpu);

    ctx->regs[X86_RAX] = (uint32_t)tsc;
    ctx->regs[X86_RDX] = tsc >> 32;
}

const uint8_t *jit_rdtsc(X86JitContext *ctx, const X86TbInsn *insn)
{
    if (!may_read_tsc(&ctx->cpu->state)) {
        return jit_interpret(ctx, insn);
    }
    jit_x87_leave(ctx, insn);
    read_tsc(ctx);
    return jit_after(ctx, insn);
}

const uint8_t *jit_rdtscp(X86JitContext *ctx, const X86TbInsn *insn)
{
    if (!may_read_tsc(&ctx->cpu->state)) {
        return jit_interpret(ctx, insn);
    }
    jit_x87_leave(ctx, insn);
    read_tsc(ctx);
    ctx->regs[X86_RCX] = (uint32_t)ctx->cpu->state.tsc_aux;
    return jit_after(ctx, insn);
}

/* PAUSE where there are other CPUs: of one that waits for long the host may not have run the other's thread,
 * which has what it waits for. */
const uint8_t *jit_pause(X86JitContext *ctx, const X86TbInsn *insn)
{
    X86Jit *jit = ctx->cpu->translator;
    uint64_t now = __rdtsc();

    if (now - jit->last_pause > PAUSE_APART) {
        jit->spinning_since = now;
    } else if (now - jit->spinning_since > LONG_SPIN) {
        sched_yield();
        now = jit->spinning_since = __rdtsc();
    }
    jit->last_pause = now;
    _mm_pause();
    jit_x87_leave(ctx, insn);
    return jit_after(ctx, insn);
}

/* WRFSBASE and WRGSBASE of a 64-bit register. */
const uint8_t *jit_write_base(X86JitContext *ctx, const X86TbInsn *insn)
{
    X86State *s = &ctx->cpu->state;
    const X86Insn *x = jit_decoded(ctx->cpu, insn);
    unsigned i = x->mnemonic == X86_MN_WRFSBASE ? 0 : 1;
    uint64_t base = ctx->regs[x->op[0].reg];

    if (!(s->cr4 & X86_CR4_FSGSBASE) || !x86_canonical(s, base)) {
        return jit_interpret(ctx, insn);
    }
    jit_x87_leave(ctx, insn);
    s->segs[X86_FS + i].base = ctx->seg_base[i] = base;
    return jit_after(ctx, insn);
}

/* --- misses --------------------------------------------------------------------------------- */

/* Elements that are masked out have no fault, and a bit string's operand is only its beginning. */
static bool is_elsewhere(const X86Insn *x)
{
    switch (x->mnemonic) {
    case X86_MN_BT: case X86_MN_BTS: case X86_MN_BTR: case X86_MN_BTC:
        return x->op[1].kind == X86_OP_GPR;
    case X86_MN_VMASKMOVPS: case X86_MN_VMASKMOVPD: case X86_MN_VPMASKMOVD: case X86_MN_VPMASKMOVQ:
        return true;
    }
    return false;
}

/* The linear address of insn's one access if it lies in page and has no fault before its page
 * fault. */
static bool faulting_address(X86CPU *cpu, const X86TbInsn *insn, const X86Insn *x, uint64_t page,
                             uint64_t *lin)
{
    const X86Row *row = x86_insn_row(x);
    bool has_operand = false;

    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        has_operand |= x->op[i].kind == X86_OP_MEM;
    }
    if (!has_operand || is_elsewhere(x) || insn->two_accesses || x->vsib ||
        (row->legality & X86_ROW_ALIGNED) ||
        !(cpu->state.hflags & X86_HF_CS64)) {
        return false;
    }
    cpu->state.rip = rip_of(insn + 1);
    *lin = x86_insn_ea(cpu, x);
    if (x->seg == X86_FS || x->seg == X86_GS) {
        *lin += cpu->state.segs[x->seg].base;
    }
    cpu->state.rip = rip_of(insn);
    return (*lin & X86_PAGE_MASK) == page;
}

static const uint8_t *page_fault(X86JitContext *ctx, const X86TbInsn *insn, uint64_t page,
                                 uint32_t error)
{
    X86CPU *cpu = ctx->cpu;
    const X86Insn *x = jit_decoded(cpu, insn);
    uint64_t lin;

    jit_from_context(ctx);
    if (!faulting_address(cpu, insn, x, page, &lin)) {
        return jit_interpret(ctx, insn);
    }
    cpu->state.cr2 = lin;
    cpu->interp->cur = NULL;
    x86_deliver_fault(cpu, X86_EXCP_PF, error);
    return jit_go_on(ctx);
}

/*
 * An access in page is not answered by the TLB. If its entry is there nevertheless, the access
 * goes on from the page before, and if it is not there after all, the page is not for direct
 * access: the interpreter knows what to do.
 */
static const uint8_t *miss(X86JitContext *ctx, const X86TbInsn *insn, uint64_t page,
                           X86Access access)
{
    X86CPU *cpu = ctx->cpu;
    const X86TlbEntry *e = x86_tlb_entry(cpu, page);
    const uint64_t *tag = access == X86_ACCESS_WRITE ? &e->write : &e->read;
    bool possible = cpu->state.hflags & X86_HF_CS64 ? x86_canonical(&cpu->state, page)
                                                    : page <= UINT32_MAX;
    uint32_t error;

    if (insn->two_accesses || insn->group || !possible || *tag == page) {
        return jit_interpret(ctx, insn);
    }
    jit_x87_leave(ctx, insn);
    if (!x86_lin_fill(cpu, page, access, &error)) {
        return page_fault(ctx, insn, page, error);
    }
    return *tag == page ? jit_again(ctx, insn) : jit_interpret(ctx, insn);
}

const uint8_t *jit_miss_read(X86JitContext *ctx, const X86TbInsn *insn, uint64_t page)
{
    return miss(ctx, insn, page, X86_ACCESS_READ);
}

const uint8_t *jit_miss_write(X86JitContext *ctx, const X86TbInsn *insn, uint64_t page)
{
    return miss(ctx, insn, page, X86_ACCESS_WRITE);
}
