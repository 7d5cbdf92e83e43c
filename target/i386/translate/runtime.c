/*
 * The translator's life: blocks are found or made, entered, linked, and what
 * they leave to the interpreter is interpreted.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/runtime.h"
#include "target/i386/interp/flags.h"
#include "target/i386/interp/run.h"
#include "target/i386/interp/vec.h"
#include "target/i386/translate/build.h"

/* --- state -------------------------------------------------------------------------- */

/* What translated code needs to know of the state beside registers and flags. */
static void sync_segments(X86JitContext *ctx, const X86State *s)
{
    for (unsigned i = 0; i < 2; i++) {
        const X86Segment *sr = &s->segs[X86_FS + i];
        bool plain = !(sr->attr & (X86_DESC_UNUSABLE | X86_DESC_CODE | X86_DESC_E)) &&
                     (sr->attr & X86_DESC_W);

        ctx->seg_base[i] = sr->base;
        ctx->seg_limit[i] = plain ? sr->limit : 0;
    }
}

static void to_context(X86JitContext *ctx, const X86State *s)
{
    memcpy(ctx->regs, s->regs, sizeof(ctx->regs));
    ctx->flags = x86_flags_for_host(x86_arith_flags(s));
    sync_segments(ctx, s);
    jit_x87_to_context(ctx, s);
}

static void from_context(X86JitContext *ctx)
{
    X86State *s = &ctx->cpu->state;

    memcpy(s->regs, ctx->regs, sizeof(ctx->regs));
    x86_set_arith_flags(s, x86_host_flags(ctx->flags));
    jit_x87_from_context(ctx, ctx->cpu);
}

/* --- one instruction interpreted ----------------------------------------------------- */

static void decode_insn(X86CPU *cpu, const X86Tb *tb, const X86TbInsn *insn, X86Insn *x)
{
    const uint8_t *bytes = tb->code + insn->guest;
    unsigned avail = tb->len - insn->guest;

    x86_decode(bytes, avail, x86_mode(&cpu->state), cpu->interp->decode_features, x);
}

/* May translated code go on with the next instruction? */
static bool may_go_on(X86CPU *cpu, const X86Tb *tb, const X86Insn *x, uint64_t next)
{
    const X86State *s = &cpu->state;
    uint32_t legality = x86_insn_row(x)->legality;

    return !(legality & (X86_ROW_BRANCH | X86_ROW_END | X86_ROW_IO)) && s->rip == next &&
           !tb->stale && !s->int_shadow && !s->pending_db && x86_current_key(cpu) == tb->key &&
           !x86_must_leave(cpu);
}

const uint8_t *jit_interpret(X86JitContext *ctx, const X86TbInsn *insn)
{
    X86CPU *cpu = ctx->cpu;
    X86Jit *jit = cpu->translator;
    X86Tb *tb = x86_insn_tb(insn);
    unsigned flushes = jit->flush_count;
    X86Insn x;

    jit_x87_note_last(ctx, insn);
    from_context(ctx);
    cpu->state.rip = tb->rip + insn->guest;
    decode_insn(cpu, tb, insn, &x);
    uint64_t next = cpu->state.rip + x.len;
    jit->stats.interpreted[x.mnemonic]++;
    x86_run_insn(cpu, &x);
    ctx->exit = NULL;
    if (jit->flush_count != flushes || !may_go_on(cpu, tb, &x, next)) {
        ctx->x87_live = 0;
        to_context(ctx, &cpu->state);
        ctx->rip = cpu->state.rip;
        return NULL;
    }
    to_context(ctx, &cpu->state);
    return tb->body + insn[1].host;
}

/* --- blocks ---------------------------------------------------------------------------- */

uint64_t x86_translator_granules(const X86CodePage *page)
{
    uint64_t mask = 0;

    for (const X86Tb *tb = page->translated; tb; tb = tb->page_next) {
        mask |= x86_granule_mask((uintptr_t)tb->code & 0xfff, tb->len);
    }
    return mask;
}

void x86_translator_code_written(X86CPU *cpu, X86CodePage *page, unsigned offset, unsigned len)
{
    X86Tb **at = &page->translated, *tb;

    while ((tb = *at)) {
        unsigned start = (uintptr_t)tb->code & 0xfff;

        if (start < offset + len && offset < start + tb->len) {
            *at = tb->page_next;
            jit_cache_remove(cpu->translator, tb);
            cpu->translator->stats.invalidated++;
        } else {
            at = &tb->page_next;
        }
    }
}

static X86Tb *make_block(X86CPU *cpu, const uint8_t *code, uint32_t key)
{
    X86Jit *jit = cpu->translator;
    uint64_t rip = cpu->state.rip;
    bool full;
    X86Tb *tb = jit_translate(jit, rip, key, code, &full);

    if (full) {
        x86_interp_flush_code(cpu);
        tb = jit_translate(jit, rip, key, code, &full);
    }
    if (tb) {
        tb->page = x86_code_page_note(cpu, rip, (uintptr_t)code & 0xfff, tb->len);
        tb->page_next = tb->page->translated;
        tb->page->translated = tb;
        jit_cache_insert(jit, tb);
    }
    return tb;
}

/* The block at s->rip; NULL if it is not for the translator. */
static X86Tb *find_block(X86CPU *cpu, uint32_t key)
{
    uint64_t rip = cpu->state.rip, offset;
    RAMBlock *block;

    cpu->interp->cur = NULL;
    const uint8_t *host = x86_code_page(cpu, rip, &block, &offset);
    if (!host) {
        return NULL;
    }
    const uint8_t *code = host + (rip & 0xfff);
    X86Tb *tb = jit_cache_find(cpu->translator, code, rip, key);
    return tb ? tb : make_block(cpu, code, key);
}

/* Makes the exit taken last, or the indirect jump, go straight to tb next time. */
static void connect(X86Jit *jit, X86Tb *tb)
{
    X86TbExit *exit = jit->pending;

    if (!exit) {
        X86JumpEntry *entry = jit_jump_entry(jit_mode(jit, tb->key), tb->rip);

        *entry = (X86JumpEntry){ .rip = tb->rip, .host = tb->entry_checked };
        jit->stats.misses++;
    } else if (jit->pending_flush == jit->flush_count && !exit->to && !exit->from->stale &&
               exit->rip == tb->rip && exit->from->key == tb->key) {
        jit_cache_link(jit, exit, tb);
        jit->stats.links++;
    }
}

bool x86_translator_run(X86CPU *cpu, uint32_t key)
{
    X86Jit *jit = cpu->translator;
    X86JitContext *ctx = jit->ctx;
    X86Tb *tb = find_block(cpu, key);

    if (!tb) {
        jit->pending = NULL;
        return false;
    }
    if (!jit->single) {
        connect(jit, tb);
    }
    jit->pending = NULL;
    __atomic_store_n(&ctx->poll, 0, __ATOMIC_SEQ_CST);
    if (x86_interrupted(cpu) && x86_must_leave(cpu)) {
        return true;
    }
    ctx->vec_live = ctx->x87_live = 0;
    to_context(ctx, &cpu->state);
    ctx->exit = NULL;
    jit->stats.enters++;
    jit_running = jit;
    ((void (*)(const uint8_t *))(uintptr_t)jit->stubs.enter)(tb->entry_saved);
    from_context(ctx);
    jit->pending = ctx->exit;
    jit->pending_flush = jit->flush_count;
    cpu->state.rip = ctx->exit ? ctx->exit->rip : ctx->rip;
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
        jit->build = g_new(JitBuild, 1);
        cpu->translator = jit;
        cpu->parent.poll = &jit->ctx->poll;
        jit_emit_stubs(jit);
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
        jit_cache_destroy(jit);
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
    unsigned order[X86_MN_COUNT];

    if (!jit) {
        g_string_append(out, "engine: interpreter\n");
        return;
    }
    g_string_append_printf(out, "engine: translator\ncode cache: %zu of %zu bytes\n"
                           "blocks: %" PRIu64 ", %" PRIu64 " bytes of guest code, %" PRIu64
                           " of host code\ninvalidated: %" PRIu64 "\nflushes: %" PRIu64 "\n"
                           "entries from C: %" PRIu64 ", links: %" PRIu64
                           ", indirect misses: %" PRIu64 "\ninterpreted instructions:\n",
                           jit->code_used, jit->code_size, jit->stats.blocks,
                           jit->stats.guest_bytes, jit->stats.host_bytes, jit->stats.invalidated,
                           jit->stats.flushes, jit->stats.enters, jit->stats.links,
                           jit->stats.misses);
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
