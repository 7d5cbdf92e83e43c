/*
 * The translator's life: blocks are found or made, entered, linked, and what
 * they leave to the interpreter is interpreted.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/runtime.h"
#include <asm/hwcap2.h>
#include <asm/prctl.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "target/i386/interp/flags.h"
#include "target/i386/interp/run.h"
#include "target/i386/interp/vec.h"
#include "target/i386/translate/build.h"
#include "target/i386/translate/lockstep.h"
#include "target/i386/window.h"

/* --- state -------------------------------------------------------------------------- */

void jit_sync_segments(X86JitContext *ctx)
{
    const X86State *s = &ctx->cpu->state;

    for (unsigned i = 0; i < 2; i++) {
        const X86Segment *sr = &s->segs[X86_FS + i];
        bool plain = !(sr->attr & (X86_DESC_UNUSABLE | X86_DESC_CODE | X86_DESC_E)) &&
                     (sr->attr & X86_DESC_W);

        ctx->seg_base[i] = sr->base;
        ctx->seg_limit[i] = plain ? sr->limit : 0;
    }
}

void jit_to_context(X86JitContext *ctx)
{
    const X86State *s = &ctx->cpu->state;

    memcpy(ctx->regs, s->regs, sizeof(ctx->regs));
    ctx->flags = x86_flags_for_host(x86_arith_flags(s));
    jit_sync_segments(ctx);
    jit_x87_to_context(ctx, s);
}

/* The same at the beginning of a block, which loads vector and x87 state when it uses them. */
static void into_block(X86JitContext *ctx)
{
    ctx->vec_live = ctx->x87_live = 0;
    jit_to_context(ctx);
}

void jit_from_context(X86JitContext *ctx)
{
    X86State *s = &ctx->cpu->state;

    memcpy(s->regs, ctx->regs, sizeof(ctx->regs));
    x86_set_arith_flags(s, x86_host_flags(ctx->flags));
    jit_x87_from_context(ctx, ctx->cpu);
}

/* --- one instruction interpreted ----------------------------------------------------- */

const X86Insn *jit_decoded(X86CPU *cpu, const X86TbInsn *insn)
{
    X86Jit *jit = cpu->translator;
    JitDecoded *d = &jit->decoded[((uintptr_t)insn >> 3) % JIT_DECODED];
    const X86Tb *tb = x86_insn_tb(insn);

    if (d->from != insn || d->drops != jit->drops) {
        d->from = insn;
        d->drops = jit->drops;
        x86_decode(tb->bytes + insn->guest, tb->len - insn->guest, x86_mode(&cpu->state),
                   cpu->interp->decode_features, &d->x);
    }
    return &d->x;
}

/* Is the code of tb still what lies at the present RIP, in the same page? Instructions that
 * change translations (and I/O, which may) ask. */
static bool code_unmoved(const X86CPU *cpu, const X86Tb *tb)
{
    uint64_t page = tb->rip & X86_PAGE_MASK;
    const X86TlbEntry *e = x86_tlb_entry(cpu, page);

    return x86_tlb_executes(e, page) && page + e->addend == ((uintptr_t)tb->code & X86_PAGE_MASK);
}

/* May translated code go on with the next instruction of the block? */
static bool may_go_on(X86CPU *cpu, const X86Tb *tb, const X86Insn *x, uint64_t next)
{
    const X86State *s = &cpu->state;
    uint32_t legality = x86_insn_row(x)->legality;

    if ((legality & X86_ROW_BRANCH) || s->rip != next || tb->stale || s->pending_db ||
        x86_current_key(cpu) != (tb->key & ~X86_KEY_CAREFUL) || x86_must_leave(cpu)) {
        return false;
    }
    return !(legality & (X86_ROW_END | X86_ROW_IO)) || code_unmoved(cpu, tb);
}

/* --- blocks ---------------------------------------------------------------------------- */

/* The bytes of tb in its page i. */
static void range_in_page(const X86Tb *tb, unsigned i, unsigned *start, unsigned *len)
{
    unsigned first = (uintptr_t)tb->code & 0xfff, in_first = MIN(tb->len, 0x1000 - first);

    *start = i ? 0 : first;
    *len = i ? tb->len - in_first : in_first;
}

uint64_t x86_translator_granules(const X86CodePage *page)
{
    uint64_t mask = 0;
    unsigned start, len;

    for (const X86Tb *tb = page->translated; tb;) {
        unsigned i = x86_tb_page_number(tb, page);

        range_in_page(tb, i, &start, &len);
        mask |= x86_granule_mask(start, len);
        tb = tb->page_next[i];
    }
    return mask;
}

void x86_tb_leave_page(X86Tb *tb, X86CodePage *page)
{
    X86Tb **at = &page->translated, *before = NULL;

    while (*at != tb) {
        before = *at;
        at = &before->page_next[x86_tb_page_number(before, page)];
    }
    *at = tb->page_next[x86_tb_page_number(tb, page)];
    if (page->last_translated == tb) {
        page->last_translated = before;
    }
}

static void remove_block(X86Jit *jit, X86Tb *tb)
{
    for (unsigned i = 0; i < 2 && tb->page[i]; i++) {
        x86_tb_leave_page(tb, tb->page[i]);
    }
    jit_cache_remove(jit, tb);
    jit->stats.invalidated++;
}

void x86_translator_code_written(X86CPU *cpu, X86CodePage *page, unsigned offset, unsigned len)
{
    unsigned start, size;

    for (X86Tb *tb = page->translated, *next; tb; tb = next) {
        unsigned i = x86_tb_page_number(tb, page);

        next = tb->page_next[i];
        range_in_page(tb, i, &start, &size);
        if (start < offset + len && offset < start + size) {
            remove_block(cpu->translator, tb);
        }
    }
}

static uint64_t following_page(const X86CPU *cpu, uint64_t rip)
{
    uint64_t next = (rip | 0xfff) + 1;

    return cpu->state.hflags & X86_HF_CS64 ? next : (uint32_t)next;
}

/* The host page after that of rip, if it is in memory. */
static const uint8_t *next_page(X86CPU *cpu, uint64_t rip)
{
    RAMBlock *block;
    uint64_t offset;

    return x86_code_page(cpu, following_page(cpu, rip), &block, &offset);
}

const uint8_t *jit_following_page(X86Jit *jit, uint64_t rip)
{
    X86CPU *cpu = jit->cpu;
    RAMBlock *block;
    uint64_t offset;

    if (!x86_code_page_guard(cpu, following_page(cpu, rip))) {
        return NULL;
    }
    const uint8_t *next = next_page(cpu, rip);
    /* one page at both addresses: a block can be on its list only once */
    return next == x86_code_page(cpu, rip, &block, &offset) ? NULL : next;
}

static void join_list(X86Tb *tb, unsigned i, X86CodePage *page)
{
    X86Tb *last = page->last_translated;

    tb->page[i] = page;
    tb->page_next[i] = NULL;
    *(page->translated ? &last->page_next[x86_tb_page_number(last, page)] : &page->translated) = tb;
    page->last_translated = tb;
}

static void join_page(X86CPU *cpu, X86Tb *tb, unsigned i, uint64_t lin)
{
    unsigned start, len;

    range_in_page(tb, i, &start, &len);
    join_list(tb, i, x86_code_page_note(cpu, lin, start, len));
}

/* There is room for a block afterwards; others may have been dropped for it. */
static void make_room(X86CPU *cpu)
{
    if (jit_region_has_room(cpu->translator)) {
        return;
    }
    if (x86_tlb_code_numbers_full(cpu->tlb)) {
        x86_interp_flush_code(cpu);
    } else {
        jit_region_next(cpu->translator);
    }
}

/* tb has just been made. If it is a clone, others follow. */
static void clone_ahead(X86Jit *jit, X86Tb *tb)
{
    X86Tb *from = jit->cloned_from;
    JitAhead ahead;

    if (!from) {
        return;
    }
    jit_ahead_link(jit, tb, from);
    jit_ahead_begin(jit, &ahead, tb, from);
    while ((tb = jit_ahead_next(jit, &ahead, &from))) {
        join_list(tb, 0, from->page[0]); /* the same bytes of the same host page */
        jit_cache_insert(jit, tb);
        jit_ahead_link(jit, tb, from);
    }
}

static X86Tb *make_block(X86CPU *cpu, const uint8_t *code, uint32_t key, JitEntry entry)
{
    X86Jit *jit = cpu->translator;
    uint64_t rip = cpu->state.rip;
    bool full;

    make_room(cpu);
    if (!x86_code_page_guard(cpu, rip)) {
        return NULL;
    }
    X86Tb *tb = jit_translate(jit, rip, key, entry, code, &full);

    if (full) {
        x86_interp_flush_code(cpu); /* and with it the page's guard */
        tb = x86_code_page_guard(cpu, rip) ? jit_translate(jit, rip, key, entry, code, &full)
                                           : NULL;
    }
    if (tb) {
        join_page(cpu, tb, 0, rip);
        if (tb->second) {
            join_page(cpu, tb, 1, following_page(cpu, rip));
        }
        jit_cache_insert(jit, tb);
        clone_ahead(jit, tb);
    }
    return tb;
}

/* The block at s->rip for entry; NULL if it is not for the translator. */
static X86Tb *find_version(X86CPU *cpu, uint32_t key, JitEntry entry)
{
    uint64_t rip = cpu->state.rip, offset;
    RAMBlock *block;

    cpu->interp->cur = NULL;
    const uint8_t *host = x86_code_page(cpu, rip, &block, &offset);
    if (!host) {
        return NULL;
    }
    const uint8_t *code = host + (rip & 0xfff);
    jit_clone_prefetch(cpu->translator, code, key);
    X86Tb *tb = jit_cache_find(cpu->translator, code, rip, key, &entry);
    if (tb && tb->second && next_page(cpu, rip) != tb->second) {
        remove_block(cpu->translator, tb);
        tb = NULL;
    }
    if (!tb) {
        return make_block(cpu, code, key, entry);
    }
    tb->guesses = 0;
    return tb;
}

/* The plain block at s->rip; NULL if it is not for the translator. */
static X86Tb *find_block(X86CPU *cpu, uint32_t key)
{
    return find_version(cpu, key, (JitEntry){ 0 });
}

/* Remembers tb as what indirect jumps to its address lead to. */
static void remember(X86Jit *jit, X86Tb *tb)
{
    jit_cache_remember(jit, tb);
    jit->stats.misses++;
}

/* The block at s->rip in the mode of key, or NULL. */
static X86Tb *look_up(X86CPU *cpu, uint32_t key)
{
    X86Jit *jit = cpu->translator;
    X86Tb *tb = find_block(cpu, key);

    if (tb && !jit->single) {
        remember(jit, tb);
    }
    return tb;
}

/* Anything for the exec loop to do? Otherwise polling begins anew. */
static bool due(X86CPU *cpu)
{
    uint32_t *poll = &cpu->translator->ctx->poll;

    if (__atomic_load_n(poll, __ATOMIC_RELAXED)) {
        __atomic_store_n(poll, 0, __ATOMIC_SEQ_CST);
    }
    return (x86_interrupted(cpu) && x86_must_leave(cpu)) || cpu->parent.halted ||
           cpu->state.pending_db || cpu->state.triple_fault;
}

static const uint8_t *leave(X86JitContext *ctx)
{
    ctx->rip = ctx->cpu->state.rip;
    into_block(ctx);
    return NULL;
}

/* The host address for s->rip in the mode entered. May raise a fetch fault. */
static const uint8_t *host_address(X86CPU *cpu)
{
    X86Jit *jit = cpu->translator;
    uint32_t key = cpu->interp->key;
    X86JitMode *mode = jit_mode(jit, key);
    const X86JumpEntry *entry = mode ? jit_jump_find(mode, cpu->state.rip) : NULL;

    if (entry) {
        return entry->host;
    }
    X86Tb *tb = look_up(cpu, key);
    return tb ? tb->entry_saved : NULL;
}

/* Interprets the instruction at s->rip if it goes on in the next page, which no block does. */
static bool run_crossing(X86CPU *cpu)
{
    uint64_t rip = cpu->state.rip, offset;
    unsigned first = 0x1000 - (rip & 0xfff), features = cpu->interp->decode_features;
    uint8_t bytes[X86_MAX_INSN_LEN];
    RAMBlock *block;
    X86Insn x;

    if (first >= sizeof(bytes)) {
        return false;
    }
    cpu->interp->cur = NULL;
    const uint8_t *host = x86_code_page(cpu, rip, &block, &offset);
    if (!host) {
        return false;
    }
    memcpy(bytes, host + (rip & 0xfff), first);
    if (x86_decode(bytes, first, x86_mode(&cpu->state), features, &x) != X86_DECODE_TRUNCATED) {
        return false;
    }
    host = x86_code_page(cpu, jit_rip(cpu->interp->key, rip + first), &block, &offset);
    if (!host) {
        return false;
    }
    memcpy(bytes + first, host, sizeof(bytes) - first);
    if (x86_decode(bytes, sizeof(bytes), x86_mode(&cpu->state), features, &x) != X86_DECODE_OK) {
        return false;
    }
    cpu->translator->stats.interpreted[x.mnemonic]++;
    x86_run_insn(cpu, &x);
    return true;
}

const uint8_t *jit_go_on(X86JitContext *ctx)
{
    X86CPU *cpu = ctx->cpu;
    const uint8_t *host = NULL;

    while (!due(cpu) && !cpu->translator->single) {
        x86_enter_mode(cpu);
        host = cpu->interp->key & X86_KEY_TRANSLATED ? host_address(cpu) : NULL;
        if (host) {
            into_block(ctx);
            return host;
        }
        if (!(cpu->interp->key & X86_KEY_TRANSLATED) || !run_crossing(cpu)) {
            break;
        }
    }
    return leave(ctx);
}

/* Brings the page of code at rip into the TLB, with its number; false if that is a fault or the
 * page is not in memory. */
static bool fill_code_page(X86CPU *cpu, uint64_t rip)
{
    X86TlbEntry *e = x86_tlb_entry(cpu, rip);
    uint32_t error;

    if (!x86_is_canonical(&cpu->state, rip) ||
        !x86_lin_fill(cpu, rip, X86_ACCESS_EXEC, &error) || (e->exec & X86_TLB_SLOW)) {
        return false;
    }
    x86_tlb_number_code(cpu, e, rip);
    return true;
}

/* Where indirect jumps to rip lead, if no more is missing than its page in the TLB. */
static const uint8_t *fill_for_code(X86JitContext *ctx, uint64_t rip)
{
    X86CPU *cpu = ctx->cpu;
    X86JitMode *mode = jit_mode(cpu->translator, cpu->interp->key);
    const X86JumpEntry *entry = mode ? jit_jump_find(mode, rip) : NULL;
    const X86TlbEntry *e = x86_tlb_entry(cpu, rip);
    uint64_t before = e->exec;

    if (__atomic_load_n(&ctx->poll, __ATOMIC_RELAXED) || !entry ||
        !fill_code_page(cpu, rip) || e->exec == before) {
        return NULL;
    }
    cpu->state.rip = rip;
    ctx->vec_live = 0;
    return entry->host;
}

const uint8_t *jit_miss(X86JitContext *ctx, uint64_t rip)
{
    X86CPU *cpu = ctx->cpu;
    const uint8_t *host = fill_for_code(ctx, rip);

    if (host) {
        return host;
    }
    jit_from_context(ctx);
    cpu->state.rip = rip;
    X86Tb *tb = cpu->translator->single || due(cpu) ? NULL : look_up(cpu, cpu->interp->key);
    if (!tb) {
        return jit_go_on(ctx);
    }
    into_block(ctx);
    return tb->entry_saved;
}

const uint8_t *jit_indirect(X86JitContext *ctx, const X86TbInsn *insn, uint64_t rip)
{
    X86CPU *cpu = ctx->cpu;
    X86Jit *jit = cpu->translator;
    const X86TlbEntry *e = x86_tlb_entry(cpu, rip);
    JitEntry plain = { 0 };

    if (jit->single || !fill_code_page(cpu, rip)) {
        return jit_interpret(ctx, insn);
    }
    X86Tb *tb = jit_cache_find(jit, (const uint8_t *)(rip + e->addend), rip, cpu->interp->key,
                               &plain);
    if (!tb || tb->second) {
        return jit_interpret(ctx, insn);
    }
    remember(jit, tb);
    jit_x87_leave(ctx, insn);
    return jit_again(ctx, insn);
}

const uint8_t *jit_follow(X86JitContext *ctx, X86TbExit *exit)
{
    X86CPU *cpu = ctx->cpu;
    X86Jit *jit = cpu->translator;
    unsigned drops = jit->drops;

    jit_from_context(ctx);
    cpu->state.rip = exit->rip;
    X86Tb *tb = jit->single || due(cpu) ? NULL
                                           : find_version(cpu, exit->key, exit->entry);
    if (!tb) {
        return jit_go_on(ctx);
    }
    if (jit->drops == drops && !exit->to && exit->unlinked) {
        jit_cache_link(jit, exit, tb);
        jit->stats.links++;
    }
    ctx->vec_live &= tb->entry.vec_known;
    ctx->x87_live &= tb->entry.x87_known;
    jit_to_context(ctx);
    return tb->entry_saved;
}

/* --- what a block leaves to C ------------------------------------------------------------ */

/* Is the group's span, with these registers, in two pages? */
static bool crosses_page(const X86TbGroup *group, const uint64_t *regs)
{
    uint64_t base = regs[group->base];

    return ((base + group->from) ^ (base + group->to - 1)) & X86_PAGE_MASK;
}

/* True if the group's check will succeed now. Looks at the page for reading only: that it
 * is written to later is not certain. */
static bool fill_for_group(X86CPU *cpu, const X86TbGroup *group)
{
    uint64_t base = cpu->state.regs[group->base];
    uint64_t first = base + group->from;
    const X86TlbEntry *e = x86_tlb_entry(cpu, first);
    uint32_t error;

    if (crosses_page(group, cpu->state.regs) || !x86_is_canonical(&cpu->state, first) ||
        !x86_lin_fill(cpu, first, X86_ACCESS_READ, &error)) {
        return false;
    }
    return (group->write ? e->write : e->read) == (first & X86_PAGE_MASK);
}

/* Where the careful variant begins, if no more than the registers is needed to go there: a recursion
 * may come here time and again. */
static const uint8_t *known_careful(X86JitContext *ctx, const X86TbInsn *insn)
{
    const X86TbGroup *group = x86_insn_group(insn);

    if (!group->careful || group->drops != ctx->cpu->translator->drops || group->careful->stale ||
        !crosses_page(group, ctx->regs)) {
        return NULL;
    }
    if (ctx->x87_live) {
        jit_x87_note_last(ctx, insn);
    }
    ctx->vec_live = 0;
    return group->careful->entry_saved;
}

/* The first access of a group missed: again, or the careful variant from here on. */
static const uint8_t *retry_group(X86JitContext *ctx, const X86Tb *tb, const X86TbInsn *insn)
{
    X86CPU *cpu = ctx->cpu;
    X86TbGroup *group = x86_insn_group(insn);
    unsigned drops = cpu->translator->drops;

    if (!fill_for_group(cpu, group)) {
        X86Tb *careful = find_block(cpu, tb->key | X86_KEY_CAREFUL);

        if (!careful) {
            return leave(ctx);
        }
        if (cpu->translator->drops == drops) {
            group->careful = careful;
            group->drops = drops;
        }
        into_block(ctx);
        return careful->entry_saved;
    }
    return jit_again(ctx, insn);
}

const uint8_t *jit_abandon(X86JitContext *ctx, const X86TbInsn *insn)
{
    X86CPU *cpu = ctx->cpu;
    X86Tb *tb = x86_insn_tb(insn);

    if (ctx->x87_live) {
        jit_x87_note_last(ctx, insn);
    }
    jit_from_context(ctx);
    cpu->state.rip = jit_rip(tb->key, tb->rip + insn->guest);
    if (!tb->stale) {
        remove_block(cpu->translator, tb);
    }
    return jit_go_on(ctx);
}

/*
 * An instruction of tb that faulted at the linear address in the window has been interpreted. Maps
 * the page, if the instruction did not fault in the guest, too. A block that goes on faulting where
 * nothing can be mapped (pages with code, I/O) is translated again without the window: true, it has
 * been removed.
 */
static bool after_window_fault(X86CPU *cpu, X86Tb *tb, uint64_t lin)
{
    uint8_t *strikes = jit_window_strikes(cpu->translator, tb->code);

    if (x86_cpl(&cpu->state) != 3) {
        return false;
    }
    x86_window_expect(cpu, 0);
    if (x86_window_map(cpu, lin) || ++*strikes < JIT_WINDOW_STRIKES) {
        return false;
    }
    if (!tb->stale) {
        remove_block(cpu->translator, tb);
    }
    return true;
}

const uint8_t *jit_interpret(X86JitContext *ctx, const X86TbInsn *insn)
{
    X86CPU *cpu = ctx->cpu;
    X86Jit *jit = cpu->translator;
    X86Tb *tb = x86_insn_tb(insn);
    unsigned drops = jit->drops;
    const uint8_t *careful = insn->group ? known_careful(ctx, insn) : NULL;
    uint64_t fault = jit->window_fault;

    if (careful) {
        return careful;
    }
    jit->window_fault = 0;
    if (ctx->x87_live) {
        jit_x87_note_last(ctx, insn);
    }
    jit_from_context(ctx);
    cpu->state.rip = tb->rip + insn->guest;
    if (insn->group) {
        return retry_group(ctx, tb, insn);
    }
    const X86Insn *x = jit_decoded(cpu, insn);
    uint64_t next = jit_rip(tb->key, cpu->state.rip + x->len);
    jit->stats.interpreted[x->mnemonic]++;
    if (fault) {
        x86_window_expect(cpu, fault); /* a page fault does not come back here */
    }
    x86_run_insn(cpu, x);
    if (fault && jit->drops == drops && after_window_fault(cpu, tb, fault)) {
        return jit_go_on(ctx);
    }
    if (jit->drops != drops || insn->fills_slot || !may_go_on(cpu, tb, x, next)) {
        return jit_go_on(ctx);
    }
    jit_to_context(ctx);
    return jit_after(ctx, insn);
}

const uint8_t *jit_poll(X86JitContext *ctx, const X86TbInsn *insn)
{
    __atomic_store_n(&ctx->poll, 0, __ATOMIC_SEQ_CST); /* before the requests are looked at */
    return jit_interpret(ctx, insn);
}

/* The thread's GS base; known: it is likely to be that already. Linux keeps it for the thread,
 * nothing else uses it. */
static void set_gs_base(uint64_t base, bool known)
{
    if (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) {
        asm volatile("wrgsbase %0" : : "r"(base));
    } else if (!known) {
        syscall(SYS_arch_prctl, ARCH_SET_GS, base);
    }
}

bool x86_translator_run(X86CPU *cpu, uint32_t key)
{
    X86Jit *jit = cpu->translator;
    X86JitContext *ctx = jit->ctx;
    X86Tb *tb = look_up(cpu, key);

    if (!tb) {
        return false;
    }
    __atomic_store_n(&ctx->poll, 0, __ATOMIC_SEQ_CST);
    if (x86_interrupted(cpu) && x86_must_leave(cpu)) {
        return true;
    }
    into_block(ctx);
    jit->stats.enters++;
    if (cpu->window) {
        set_gs_base(x86_window_base(cpu->window), jit_running == jit);
    }
    jit_running = jit;
    if (jit->lockstep) {
        jit_lockstep_begin(jit, tb->entry_saved);
    }
    ((void (*)(const uint8_t *))(uintptr_t)jit->stubs.enter)(tb->entry_saved);
    jit_from_context(ctx);
    cpu->state.rip = ctx->rip;
    return true;
}

bool x86_translator_run_one(X86CPU *cpu, uint32_t key)
{
    cpu->translator->single = true;
    return x86_translator_run(cpu, key);
}

/* --- life -------------------------------------------------------------------------------- */

bool x86_translator_new(X86CPU *cpu, size_t cache_size, Error **errp)
{
    X86Jit *jit = g_new0(X86Jit, 1);

    jit->cpu = cpu;
    if (!__builtin_cpu_supports("avx2")) {
        error_setg(errp, "tcg: the translator needs a host with AVX2; "
                         "use -accel tcg,engine=interp");
    } else if (jit_cache_init(jit, cache_size, errp)) {
        jit->ctx->cpu = cpu;
        jit->ctx->host_mxcsr = X86_MXCSR_INIT;
        jit->ctx->window_mask = X86_WINDOW_MASK;
        jit->build = g_new(JitBuild, 1);
        cpu->translator = jit;
        cpu->parent.poll = &jit->ctx->poll;
        jit_emit_stubs(jit);
        jit_gdb_register(jit);
        jit_install_fault_handler();
        return true;
    }
    jit_cache_destroy(jit);
    g_free(jit);
    return false;
}

void x86_translator_free(X86CPU *cpu)
{
    X86Jit *jit = cpu->translator;

    if (jit) {
        cpu->translator = NULL;
        cpu->parent.poll = NULL;
        jit_lockstep_free(jit);
        jit_gdb_unregister(jit);
        jit_cache_destroy(jit);
        if (jit->perf_map) {
            fclose(jit->perf_map);
        }
        g_free(jit->build);
        g_free(jit);
    }
}

static gint by_count(gconstpointer a, gconstpointer b, gpointer counts)
{
    const uint64_t *n = counts;
    uint64_t x = n[*(const unsigned *)a], y = n[*(const unsigned *)b];

    return x < y ? 1 : x > y ? -1 : 0;
}

void x86_translator_info(X86CPU *cpu, GString *out)
{
    const X86Jit *jit = cpu->translator;
    const X86JitStats *stats = jit ? &jit->stats : NULL;
    unsigned order[X86_MN_COUNT];
    size_t code, arena;

    if (!jit) {
        g_string_append(out, "engine: interpreter\n");
        return;
    }
    jit_regions_used(jit, &code, &arena);
    g_string_append_printf(out, "engine: translator\ncode cache: %zu of %zu bytes\n"
                           "block records: %zu of %zu bytes\n",
                           code, jit->code_size, arena, jit->arena_size);
    g_string_append_printf(out, "blocks: %" PRIu64 " (%" PRIu64 " cloned), %" PRIu64
                           " bytes of guest code, %" PRIu64 " of host code\n"
                           "invalidated: %" PRIu64 "\nflushes: %" PRIu64 "\n"
                           "evictions: %" PRIu64 " of %u regions, %" PRIu64 " blocks\n",
                           stats->blocks, stats->cloned, stats->guest_bytes, stats->host_bytes,
                           stats->invalidated, stats->flushes, stats->evictions,
                           jit->region_count, stats->evicted);
    g_string_append_printf(out, "entries from C: %" PRIu64 ", links: %" PRIu64
                           ", indirect misses: %" PRIu64 "\ninterpreted instructions:\n",
                           stats->enters, stats->links, stats->misses);
    x86_window_info(cpu, out);
    jit_lockstep_info(jit, out);
    for (unsigned i = 0; i < X86_MN_COUNT; i++) {
        order[i] = i;
    }
    g_qsort_with_data(order, X86_MN_COUNT, sizeof(order[0]), by_count,
                      (gpointer)jit->stats.interpreted);
    for (unsigned i = 0; i < 24 && jit->stats.interpreted[order[i]]; i++) {
        g_string_append_printf(out, "  %-12s %" PRIu64 "\n", x86_mnemonic_names[order[i]],
                               jit->stats.interpreted[order[i]]);
    }
}
