/*
 * Lockstep (lockstep.h).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/lockstep.h"
#include <stdlib.h>
#include "target/i386/cpu-state.h"
#include "target/i386/disas.h"
#include "target/i386/excp.h"
#include "target/i386/interp/flags.h"
#include "target/i386/interp/run.h"
#include "target/i386/interp/x87.h"
#include "target/i386/translate/check.h"
#include "target/i386/trial.h"

enum {
    LONG_STEPS = 256,
    MAX_STEPS = LONG_STEPS + 4096, /* no way forward through one page is longer */
    LONG_EVERY = 32,   /* runs */
    DECODED = 4096,
    ADDRESSES = 1 << 16,
    SAMPLE_EVERY = 64, /* runs from an address beyond the limit */
};

/* A place between two instructions, and the one that follows. */
typedef struct Step {
    JitCoreState core;
    const X86State *rest; /* what the core lacks */
    uint8_t bytes[X86_MAX_INSN_LEN];
    uint8_t len;
} Step;

typedef struct Decoded {
    uint32_t key;
    uint8_t bytes[X86_MAX_INSN_LEN];
    bool ok;
    X86Insn x;
} Decoded;

struct JitLockstep {
    X86Jit *jit;
    X86CPU *cpu;
    X86Tlb *tlb;          /* of trials */
    uint64_t generation;  /* cpu->code_generation when tlb was last flushed */
    X86Trial trials[2];   /* the present one, and the one before it */
    const uint8_t *host;  /* where translated code was entered */
    bool running;         /* it runs, or should */
    bool long_run;        /* let it run until it must call C */
    bool bounded;         /* it will surely call C after the last step */
    uint64_t runs, compared, repeated, skipped;
    unsigned limit;       /* of runs that are compared from one address; 0: none */
    unsigned drops;       /* jit->drops when translated code last called C */
    uint32_t runs_from[ADDRESSES]; /* by a hash */
    unsigned count, rest_count;
    Step steps[MAX_STEPS + 1];
    X86State rests[MAX_STEPS + 1]; /* [0]: before the first step */
    Decoded decoded[DECODED];
};

/* --- the interpreter's part --------------------------------------------------------------- */

/* Instructions of classes that are not tried, but may be: they change no more than X86State. */
static bool is_harmless(const X86Insn *x)
{
    switch (x->mnemonic) {
    case X86_MN_CLI: case X86_MN_STI: case X86_MN_PUSHF: case X86_MN_POPF: case X86_MN_SWAPGS:
    case X86_MN_STAC: case X86_MN_CLAC: case X86_MN_SYSCALL: case X86_MN_SYSRET:
    case X86_MN_IRET: case X86_MN_RDFSBASE: case X86_MN_RDGSBASE: case X86_MN_WRFSBASE:
    case X86_MN_WRGSBASE: case X86_MN_CLD: case X86_MN_STD: case X86_MN_SERIALIZE:
        return true;
    case X86_MN_MOV_CR: /* CR8 is the local APIC's */
        return x->op[0].kind == X86_OP_GPR && x->op[1].reg <= 4;
    case X86_MN_MOV_SEG:
        return x->op[0].kind == X86_OP_GPR;
    }
    return false;
}

/* Time, chance, and what is not over with the state. */
static bool must_happen_once(const X86Insn *x)
{
    switch (x->mnemonic) {
    case X86_MN_RDTSC: case X86_MN_RDTSCP: case X86_MN_RDPMC: case X86_MN_RDRAND:
    case X86_MN_RDSEED: case X86_MN_INT: case X86_MN_INT1: case X86_MN_INT3: case X86_MN_INTO:
        return true;
    }
    return (x86_insn_row(x)->legality & (X86_ROW_IO | X86_ROW_CPL0 | X86_ROW_CPL0_UD |
                                         X86_ROW_END)) && !is_harmless(x);
}

/* FERR# is a line to the board. */
static bool may_assert_ferr(const X86State *s, const X86Insn *x)
{
    return (s->fpu.fsw & X87_ES) && !(s->cr0 & X86_CR0_NE) &&
           (x86_insn_row(x)->legality & (X86_ROW_FP | X86_ROW_MMX));
}

/* Does x change X86State beyond what JitCoreState holds? */
static bool changes_rest(const X86Insn *x)
{
    const uint32_t core_only = X86_ROW_LOCK | X86_ROW_NO64 | X86_ROW_ONLY64 | X86_ROW_REP;
    uint32_t legality = x86_insn_row(x)->legality & ~core_only;

    if (legality == X86_ROW_BRANCH) {
        return x->op[0].kind == X86_OP_FAR || x->op[0].kind == X86_OP_MEM ||
               x->op[0].kind == X86_OP_NONE;
    }
    return legality || x->op[0].kind == X86_OP_SEG || is_harmless(x) ||
           x->mnemonic == X86_MN_FXRSTOR || x->mnemonic == X86_MN_XRSTOR;
}

static const Decoded *decode(JitLockstep *l, const uint8_t *bytes, unsigned avail)
{
    X86CPU *cpu = l->cpu;
    uint32_t key = cpu->interp->key & (X86_HF_CS64 | X86_HF_CS32);
    Decoded *d = &l->decoded[cpu->state.rip % DECODED];

    if (avail == X86_MAX_INSN_LEN && d->ok && d->key == key &&
        memcmp(d->bytes, bytes, sizeof(d->bytes)) == 0) {
        return d;
    }
    memcpy(d->bytes, bytes, sizeof(d->bytes));
    d->key = key;
    d->ok = x86_decode(bytes, avail, x86_mode(&cpu->state), cpu->interp->decode_features,
                       &d->x) == X86_DECODE_OK;
    return d;
}

/* Decodes what lies at RIP, in two pages if need be; NULL if it is no instruction. */
static const X86Insn *fetch(JitLockstep *l, uint8_t *bytes)
{
    X86CPU *cpu = l->cpu;
    uint64_t rip = cpu->state.rip, offset;
    unsigned first = MIN(0x1000 - (rip & 0xfff), X86_MAX_INSN_LEN);
    RAMBlock *block;
    const uint8_t *host = x86_code_page(cpu, rip, &block, &offset);

    if (!host) {
        return NULL;
    }
    memcpy(bytes, host + (rip & 0xfff), first);
    const Decoded *d = decode(l, bytes, first);
    if (!d->ok && first < X86_MAX_INSN_LEN) {
        host = x86_code_page(cpu, jit_rip(cpu->interp->key, rip + first), &block, &offset);
        if (!host) {
            return NULL;
        }
        memcpy(bytes + first, host, X86_MAX_INSN_LEN - first);
        d = decode(l, bytes, X86_MAX_INSN_LEN);
    }
    return d->ok ? &d->x : NULL;
}

/* Notes where the CPU is now. */
static void note_step(JitLockstep *l, bool rest_changed)
{
    X86State *s = &l->cpu->state;
    Step *step = &l->steps[l->count];

    x86_set_arith_flags(s, x86_arith_flags(s));
    if (rest_changed) {
        l->rests[l->rest_count++] = *s;
    }
    jit_core_state(&step->core, s);
    step->rest = &l->rests[l->rest_count - 1];
    step->len = 0;
}

/* May translated code go on without looking at its poll word? It does not after indirect
 * jumps, backwards, and into another page. */
static bool goes_straight_on(const X86Insn *x, uint64_t from, uint64_t to)
{
    bool indirect = (x86_insn_row(x)->legality & X86_ROW_BRANCH) && x->op[0].kind != X86_OP_REL;

    return !indirect && to > from && ((to ^ from) & X86_PAGE_MASK) == 0;
}

/* Tries one instruction; false if it is the last one, or there is none to try. */
static bool try_one(JitLockstep *l)
{
    X86CPU *cpu = l->cpu;
    X86State *s = &cpu->state;
    Step *step = &l->steps[l->count];

    s->int_shadow = 0;
    x86_enter_mode(cpu);
    const X86Insn *x = cpu->interp->key & X86_KEY_TRANSLATED ? fetch(l, step->bytes) : NULL;
    step->len = x ? x->len : 0;
    if (!x || must_happen_once(x) || may_assert_ferr(s, x)) {
        l->bounded = true;
        return false;
    }
    x86_run_insn(cpu, x);
    x86_trial_end_step(&l->trials[0]);
    l->count++;
    note_step(l, changes_rest(x));
    return goes_straight_on(x, step->core.rip, s->rip) ? l->count < MAX_STEPS
                                                       : l->long_run && l->count < LONG_STEPS;
}

static void try_all(JitLockstep *l)
{
    X86CPU *cpu = l->cpu;
    X86FaultFrame frame = { .outer = cpu->fault };

    cpu->fault = &frame;
    if (_setjmp(frame.env)) {
        l->bounded = true; /* a fault, or a device */
    } else {
        while (try_one(l)) {
        }
    }
    cpu->fault = frame.outer;
}

/* What other threads asked of the TLB that they took for the CPU's. */
static void forward_requests(X86Tlb *from, X86Tlb *to)
{
    if (__atomic_exchange_n(&from->flush_all, 0, __ATOMIC_ACQ_REL)) {
        __atomic_store_n(&to->flush_all, 1, __ATOMIC_RELEASE);
    }
    if (__atomic_exchange_n(&from->flush_writes, 0, __ATOMIC_ACQ_REL)) {
        __atomic_store_n(&to->flush_writes, 1, __ATOMIC_RELEASE);
    }
}

/* The interpreter goes from where the CPU is as far as it can, and back. */
static void try_run(JitLockstep *l)
{
    X86CPU *cpu = l->cpu;
    X86Tlb *tlb = cpu->tlb;
    uint64_t generation = cpu->code_generation;
    uint32_t key = cpu->interp->key;

    x86_trial_clear(&l->trials[0]);
    l->count = l->rest_count = 0;
    l->bounded = false;
    note_step(l, true);
    cpu->tlb = l->tlb;
    if (generation != l->generation) {
        x86_tlb_flush(cpu);
        l->generation = generation;
    }
    try_all(l);
    x86_trial_undo(&l->trials[0]);
    cpu->tlb = tlb;
    cpu->tlb_now = tlb->entry[x86_tlb_index(&l->rests[0])];
    cpu->code_generation = generation;
    cpu->interp->key = key;
    cpu->interp->cur = NULL;
    cpu->interp->started = false;
    cpu->state = l->rests[0];
    forward_requests(l->tlb, tlb);
}

/* --- the translator's part ------------------------------------------------------------------ */

/* Polls at the next opportunity, or only if something is asked. */
static void set_poll(JitLockstep *l, bool leave)
{
    uint32_t *poll = &l->jit->ctx->poll;

    __atomic_store_n(poll, leave, __ATOMIC_SEQ_CST);
    if (!leave && x86_must_leave(l->cpu)) {
        __atomic_store_n(poll, 1, __ATOMIC_SEQ_CST);
    }
}

/* Blocks in two pages poll at once: with that they would never begin. */
static bool begins_in_two_pages(const JitLockstep *l)
{
    return (l->steps[0].core.rip & 0xfff) + l->steps[0].len > 0x1000;
}

/* Has what follows been compared often enough? */
static bool is_known(JitLockstep *l)
{
    uint64_t rip = l->cpu->state.rip;
    uint32_t *n = &l->runs_from[(rip ^ rip >> 16) % ADDRESSES];

    ++*n;
    return l->limit && *n > l->limit && *n % SAMPLE_EVERY;
}

void jit_lockstep_begin(X86Jit *jit, const uint8_t *host)
{
    JitLockstep *l = jit->lockstep;

    l->host = host;
    l->long_run = l->runs++ % LONG_EVERY == 0;
    if (is_known(l)) {
        set_poll(l, false);
        l->running = false;
        l->skipped++;
        return;
    }
    try_run(l);
    bool two_pages = begins_in_two_pages(l);
    if (two_pages && !l->long_run) {
        l->long_run = true;
        try_run(l);
    }
    bool leave = !two_pages && !(l->long_run && l->bounded);
    set_poll(l, leave);
    l->running = leave || l->bounded;
    l->skipped += !l->running;
}

/* Is what the trial stored before step, and nothing else of it, in memory? */
static bool memory_matches(const JitLockstep *l, unsigned step)
{
    const X86Trial *trial = &l->trials[0];

    if (!trial->stores->len) {
        return true;
    }
    g_autofree uint8_t *memory = x86_trial_memory(trial);
    x86_trial_undo(trial);
    x86_trial_redo(trial, step);
    g_autofree uint8_t *expected = x86_trial_memory(trial);
    x86_trial_set_memory(trial, memory);
    return memcmp(memory, expected, trial->bytes->len / 2) == 0;
}

/* The step that the CPU is before, or -1 if there is none. Loops come by in equal states. */
static int find_step(const JitLockstep *l, const X86State *s)
{
    for (int i = l->count; i >= 0; i--) {
        const Step *step = &l->steps[i];

        if (jit_state_equal(s, &step->core, step->rest) && memory_matches(l, i)) {
            return i;
        }
    }
    return -1;
}

/* --- differences --------------------------------------------------------------------------- */

static void append_bytes(GString *out, const uint8_t *p, unsigned len)
{
    for (unsigned i = 0; i < MIN(len, 64); i++) {
        g_string_append_printf(out, " %02x", p[i]);
    }
}

static void report_memory(const JitLockstep *l, unsigned step, GString *out)
{
    const X86Trial *trial = &l->trials[0];
    g_autofree uint8_t *memory = x86_trial_memory(trial);

    x86_trial_undo(trial);
    x86_trial_redo(trial, step);
    for (unsigned i = 0, at = 0; i < trial->stores->len; i++) {
        const X86TrialStore *store = &g_array_index(trial->stores, X86TrialStore, i);

        if (memcmp(memory + at, store->host, store->len)) {
            g_string_append_printf(out, "  memory that instruction %u stores to (host %p): "
                                   "translated", store->step, store->host);
            append_bytes(out, memory + at, store->len);
            g_string_append(out, ", interpreted");
            append_bytes(out, store->host, store->len);
            g_string_append_c(out, '\n');
        }
        at += store->len;
    }
}

static void report_code(const JitLockstep *l, GString *out)
{
    const X86Tb *tb = jit_cache_find_host(l->jit, l->host);

    g_string_append(out, "instructions as interpreted:\n");
    for (unsigned i = 0; i < l->count; i++) {
        g_string_append_printf(out, "%4u  ", i);
        x86_disas(out, l->steps[i].bytes, l->steps[i].len, x86_mode(l->steps[i].rest),
                  l->steps[i].core.rip);
    }
    if (tb) {
        g_string_append_printf(out, "entered at host address %p\n", l->host);
        jit_describe_block(out, tb);
    }
}

static void report_state(JitLockstep *l, const char *title, const X86State *s, GString *out)
{
    g_string_append_printf(out, "%s:\n", title);
    l->cpu->state = *s;
    x86_cpu_dump_state(&l->cpu->parent, out);
}

static void state_at(const JitLockstep *l, unsigned step, X86State *s)
{
    *s = *l->steps[step].rest;
    jit_set_core_state(s, &l->steps[step].core);
}

/* The step to compare with: of those at the same address, the one that differs least. */
static unsigned nearest_step(const JitLockstep *l, const X86State *s)
{
    unsigned best = l->count;
    size_t least = SIZE_MAX;

    for (unsigned i = 0; i <= l->count; i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        X86State other;

        if (l->steps[i].core.rip == s->rip) {
            state_at(l, i, &other);
            jit_state_differences(text, s, &other);
            if (text->len < least) {
                best = i;
                least = text->len;
            }
        }
    }
    return best;
}

G_NORETURN static void report(JitLockstep *l, const X86State *translated)
{
    g_autoptr(GString) out = g_string_new(NULL);
    unsigned step = nearest_step(l, translated);
    X86State interpreted;

    g_string_append_printf(out, "lockstep: translated code at %" PRIx64 " (from %" PRIx64 ") "
                           "differs from the interpreter before instruction %u\n",
                           translated->rip, l->rests[0].rip, step);
    state_at(l, step, &interpreted);
    jit_state_differences(out, translated, &interpreted);
    report_memory(l, step, out);
    report_code(l, out);
    report_state(l, "state before", &l->rests[0], out);
    report_state(l, "translated", translated, out);
    report_state(l, "interpreted", &interpreted, out);
    fputs(out->str, stderr);
    fflush(NULL);
    _Exit(1); /* the other threads still run */
}

/* A device may have written what the instructions read: they are tried once more. */
static int compare_again(JitLockstep *l)
{
    X86State translated = l->cpu->state;
    g_autofree uint8_t *memory = x86_trial_memory(&l->trials[0]);

    x86_trial_undo(&l->trials[0]);
    X86Trial first = l->trials[0];
    l->trials[0] = l->trials[1];
    l->trials[1] = first;
    l->tlb->trial = &l->trials[0];
    l->cpu->state = l->rests[0];
    try_run(l);
    x86_trial_set_memory(&l->trials[1], memory);
    int step = find_step(l, &translated);
    if (step < 0) {
        report(l, &translated);
    }
    l->repeated++;
    l->cpu->state = translated;
    l->cpu->tlb_now = l->cpu->tlb->entry[x86_tlb_index(&translated)];
    return step;
}

/* --- calls into C ----------------------------------------------------------------------------- */

/*
 * Translated code calls C, with RIP rip: has it come here as it should? Returns the step that it
 * is before, or -1 if nothing was tried.
 */
static int compare(X86JitContext *ctx, uint64_t rip)
{
    JitLockstep *l = ctx->cpu->translator->lockstep;
    X86State *s = &ctx->cpu->state;

    jit_from_context(ctx);
    s->rip = rip;
    if (!l->running) {
        return -1;
    }
    l->running = false;
    int step = find_step(l, s);
    if (step < 0) {
        step = compare_again(l);
    }
    l->compared += step;
    return step;
}

static uint64_t rip_of(const X86TbInsn *insn)
{
    const X86Tb *tb = x86_insn_tb(insn);

    return jit_rip(tb->key, tb->rip + insn->guest);
}

/* RIP, too, is up to date after C has run insn, or has not, and says where to go on. What lies at
 * the end of a block is the next one in memory. */
static void complete_state(X86JitContext *ctx, const X86TbInsn *insn, const uint8_t *host)
{
    const X86Tb *tb = x86_insn_tb(insn);
    X86State *s = &ctx->cpu->state;

    jit_from_context(ctx);
    if (host == tb->body + insn->host) {
        s->rip = rip_of(insn);
    } else if (host == tb->body + insn[1].host && host != tb->end) {
        s->rip = rip_of(insn + 1);
    }
}

/* Does insn, which has called C, still exist? */
static bool has_survived(const X86Jit *jit)
{
    return jit->drops == jit->lockstep->drops;
}

/* Goes on at host, where C has said. insn may be NULL: RIP is up to date. */
static const uint8_t *go_on(X86JitContext *ctx, const X86TbInsn *insn, const uint8_t *host)
{
    if (!host) {
        return NULL;
    }
    if (insn && has_survived(ctx->cpu->translator)) {
        complete_state(ctx, insn, host);
    } else {
        jit_from_context(ctx);
    }
    jit_lockstep_begin(ctx->cpu->translator, host);
    return host;
}

static int compare_before(X86JitContext *ctx, const X86TbInsn *insn)
{
    X86Jit *jit = ctx->cpu->translator;

    jit->lockstep->drops = jit->drops;
    jit_x87_note_last(ctx, insn);
    return compare(ctx, rip_of(insn));
}

static const uint8_t *call_interpret(X86JitContext *ctx, const X86TbInsn *insn)
{
    compare_before(ctx, insn);
    return go_on(ctx, insn, jit_interpret(ctx, insn));
}

static const uint8_t *call_miss_read(X86JitContext *ctx, const X86TbInsn *insn, uint64_t page)
{
    compare_before(ctx, insn);
    return go_on(ctx, insn, jit_miss_read(ctx, insn, page));
}

static const uint8_t *call_miss_write(X86JitContext *ctx, const X86TbInsn *insn, uint64_t page)
{
    compare_before(ctx, insn);
    return go_on(ctx, insn, jit_miss_write(ctx, insn, page));
}

static const uint8_t *call_indirect(X86JitContext *ctx, const X86TbInsn *insn, uint64_t rip)
{
    compare_before(ctx, insn);
    return go_on(ctx, insn, jit_indirect(ctx, insn, rip));
}

/* Functions that stand for one instruction are compared as well, if it was tried. */
static const uint8_t *call_any(X86JitContext *ctx, const X86TbInsn *insn, uint64_t page,
                               JitCallFn *fn)
{
    X86Jit *jit = ctx->cpu->translator;
    JitLockstep *l = jit->lockstep;
    int step = compare_before(ctx, insn);
    const uint8_t *host = fn(ctx, insn);

    if (!host || !has_survived(jit)) {
        return go_on(ctx, NULL, host);
    }
    complete_state(ctx, insn, host);
    uint64_t rip = ctx->cpu->state.rip;
    /* long moves are more than one step for the interpreter */
    if (step >= 0 && (unsigned)step < l->count && l->steps[step + 1].core.rip == rip &&
        rip != rip_of(insn)) {
        l->running = true;
        compare(ctx, rip);
    }
    return go_on(ctx, insn, host);
}

static const uint8_t *call_follow(X86JitContext *ctx, X86TbExit *exit)
{
    compare(ctx, exit->rip);
    return go_on(ctx, NULL, jit_follow(ctx, exit));
}

static const uint8_t *call_miss(X86JitContext *ctx, uint64_t rip)
{
    compare(ctx, rip);
    return go_on(ctx, NULL, jit_miss(ctx, rip));
}

uintptr_t jit_lockstep_call(uintptr_t fn)
{
    static const struct {
        uintptr_t fn, wrapped;
    } calls[] = {
        { 0, (uintptr_t)call_any },
        { (uintptr_t)jit_interpret, (uintptr_t)call_interpret },
        { (uintptr_t)jit_miss_read, (uintptr_t)call_miss_read },
        { (uintptr_t)jit_miss_write, (uintptr_t)call_miss_write },
        { (uintptr_t)jit_indirect, (uintptr_t)call_indirect },
        { (uintptr_t)jit_follow, (uintptr_t)call_follow },
        { (uintptr_t)jit_miss, (uintptr_t)call_miss },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(calls); i++) {
        if (calls[i].fn == fn) {
            return calls[i].wrapped;
        }
    }
    return fn;
}

/* --- life ------------------------------------------------------------------------------------ */

void x86_translator_lockstep(X86CPU *cpu, unsigned limit)
{
    X86Jit *jit = cpu->translator;
    JitLockstep *l = g_new0(JitLockstep, 1);

    l->jit = jit;
    l->cpu = cpu;
    l->limit = limit;
    l->tlb = x86_tlb_new();
    l->generation = UINT64_MAX;
    x86_trial_init(&l->trials[0]);
    x86_trial_init(&l->trials[1]);
    l->tlb->trial = &l->trials[0];
    jit->lockstep = l;
    jit_emit_stubs(jit); /* anew: they call other functions */
}

void jit_lockstep_free(X86Jit *jit)
{
    JitLockstep *l = jit->lockstep;

    if (l) {
        x86_trial_destroy(&l->trials[0]);
        x86_trial_destroy(&l->trials[1]);
        x86_tlb_free(l->tlb);
        g_free(l);
        jit->lockstep = NULL;
    }
}

void jit_lockstep_info(const X86Jit *jit, GString *out)
{
    const JitLockstep *l = jit->lockstep;

    if (l) {
        g_string_append_printf(out, "lockstep: %" PRIu64 " runs, %" PRIu64 " instructions "
                               "compared, %" PRIu64 " runs tried twice, %" PRIu64 " not compared\n",
                               l->runs, l->compared, l->repeated, l->skipped);
    }
}
