/*
 * Loops of one block, whose places in the window are found outside them (translate/anchors.c): random loops
 * run as user code of the guest and as functions of the host, at the same addresses. Memory, with the
 * registers and flags that they stored there, must be the same in the end, also while another thread makes
 * translated code leave over and over. Loops without an end must notice that somebody asks for the CPU.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include "hw/core/cpu.h"
#include "target/i386/interp/vec.h"
#include "target/i386/translate/build.h"
#include "target/i386/window.h"
#include "tests/cpu/loops.h"

enum {
    FUNCTIONS = 8,       /* of a guest, which may map so many pages only */
    GUESTS = 100, DISTURBED_GUESTS = 100, ENDLESS = 60,
    PATIENCE = 20,       /* seconds */
};

/* --- on the host ------------------------------------------------------------------------------ */

asm(".pushsection .text\n"
    "run_native:\n" /* (code) */
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "call *%rdi\n"
    "vzeroupper\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "ret\n"
    ".popsection");
void run_native(const uint8_t *code);

static uint8_t *map_area(uint64_t at)
{
    uint8_t *p = mmap((void *)at, AREA_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    g_assert_cmphex((uintptr_t)p, ==, at);
    return p;
}

static void run_on_host(const LoopMaker *m, uint32_t seed, uint8_t *after)
{
    bool high = m->area >> 32;
    uint8_t *area = map_area(m->area);

    for (unsigned n = 0; n < 2 && high; n++) {
        map_area(loop_alias(m->area, n));
    }
    loop_fill(m, seed, area);
    memcpy(area + CODE, m->out.code, m->out.len);
    run_native(area + CODE);
    memcpy(after, area, AREA_SIZE);
    munmap(area, AREA_SIZE);
    for (unsigned n = 0; n < 2 && high; n++) {
        munmap((void *)loop_alias(m->area, n), AREA_SIZE);
    }
}

/* --- in the guest ------------------------------------------------------------------------------ */

enum {
    TABLES = 0xa000, MAX_TABLES = 9, KERNEL = 0x6000, FLUSH_VECTOR = 0x81, END_VECTOR = 0x80,
    END_CODE = 0, FLUSH_CODE = 16, OTHER_CODE = 32, ENTRY_BITS = 0x27, DIRTY = 0x40,
};

/* Ends; makes all pages of the window be mapped again; an exception, which none expects. */
static const uint8_t kernel_code[] = {
    [END_CODE] = 0xf4,
    [FLUSH_CODE] = 0x50, 0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8, 0x58, 0x48, 0xcf,
    [OTHER_CODE] = 0xf4,
};

typedef struct Run {
    Guest *g;
    uint8_t *system;
    uint64_t phys, kernel; /* of system; where it is mapped */
    unsigned tables;       /* that are used */
} Run;

static uint64_t *entry_at(const Run *r, uint64_t table, unsigned i)
{
    return (uint64_t *)(r->system + (table & X86_PAGE_MASK & UINT32_MAX) - r->phys) + i;
}

/* The entry of the page of lin; tables are made. */
static uint64_t *page_entry(Run *r, uint64_t lin)
{
    uint64_t *entry = entry_at(r, guest_cpu(r->g)->state.cr3, lin >> 39 & 511);

    for (unsigned shift = 30; shift >= 12; shift -= 9) {
        if (!*entry) {
            *entry = (r->phys + TABLES + r->tables++ * 0x1000) | ENTRY_BITS;
            g_assert_cmpuint(r->tables, <=, MAX_TABLES);
        }
        entry = entry_at(r, *entry, lin >> shift & 511);
    }
    return entry;
}

/* Where page number n of an area is in memory: no two that adjoin lie together, so that each is mapped
 * alone. */
static unsigned frame(unsigned n)
{
    return n < FIRST_PAGE ? n : FIRST_PAGE + (n - FIRST_PAGE) * 5 % PAGES;
}

static void map_areas(Run *r, uint64_t area)
{
    memset(r->system + TABLES, 0, MAX_TABLES << 12);
    r->tables = 0;
    *page_entry(r, area + CODE) = (WINDOW_BASE + WINDOW_CODE) | 0x25;
    for (unsigned n = FIRST_PAGE; n < AREA_SIZE >> 12; n++) {
        *page_entry(r, area + (n << 12)) = (WINDOW_BASE + (frame(n) << 12)) | 7;
        for (unsigned k = 0; k < 2 && area >> 32; k++) {
            unsigned other = FIRST_PAGE + (n - FIRST_PAGE + PAGES / 2) % PAGES;

            *page_entry(r, loop_alias(area, k) + (n << 12)) =
                (WINDOW_BASE + (other << 12)) | ENTRY_BITS | DIRTY;
        }
    }
}

static void set_gate(Run *r, unsigned vector, unsigned offset)
{
    uint64_t to = r->kernel + KERNEL + offset;
    uint64_t gate[2] = { (to & 0xffff) | 0x10 << 16 | UINT64_C(0xee00) << 32 | (to >> 16 & 0xffff) << 48,
                         to >> 32 };
    uint64_t idt = guest_cpu(r->g)->state.idt.base - r->kernel;

    memcpy(r->system + idt + vector * 16, gate, sizeof(gate));
}

static void begin_run(Run *r)
{
    r->g = guest_new_windowed();
    GuestMemory memory = guest_memory(r->g);

    r->system = memory.system;
    r->phys = memory.system_phys;
    r->kernel = guest_cpu(r->g)->state.tr.base & -(uint64_t)memory.system_size;
}

static uint8_t *guest_page(const Run *r, unsigned n)
{
    return guest_window(r->g) + (frame(n) << 12);
}

/* Memory, code and registers. */
static void prepare(Run *r, const LoopMaker *m, uint32_t seed)
{
    static uint8_t area[AREA_SIZE];
    X86CPU *cpu = guest_cpu(r->g);
    uint8_t code[CODE_MAX];
    CpuRegs in = {
        .rip = m->area + CODE, .mxcsr = X86_MXCSR_INIT,
        .seg = { [X86_CS] = SEL_CODE64, [X86_SS] = SEL_DATA, [X86_DS] = SEL_DATA, [X86_ES] = SEL_DATA },
        .gpr = { [X86_RSP] = m->area + STACK_END - 16 },
    };

    guest_reset(r->g);
    memcpy(r->system + KERNEL, kernel_code, sizeof(kernel_code));
    for (unsigned vector = 0; vector < 256; vector++) {
        set_gate(r, vector, OTHER_CODE);
    }
    set_gate(r, END_VECTOR, END_CODE);
    set_gate(r, FLUSH_VECTOR, FLUSH_CODE);
    map_areas(r, m->area);
    loop_fill(m, seed, area);
    for (unsigned n = FIRST_PAGE; n < AREA_SIZE >> 12; n++) {
        memcpy(guest_page(r, n), area + (n << 12), 0x1000);
    }
    memcpy(code, m->out.code, m->out.len);
    memcpy(code + m->flushes, (uint8_t[]){ 0xcd, FLUSH_VECTOR }, 2);
    memcpy(code + m->end, (uint8_t[]){ 0xcd, END_VECTOR }, 2);
    guest_write_code(r->g, WINDOW_CODE, code, m->out.len);
    guest_load(r->g, &in);
    x86_tlb_flush(cpu);
    x86_window_consider(cpu);
    g_assert_true(cpu->windowed & X86_WINDOW_64);
    memset(cpu->translator->window_strikes, 0, sizeof(cpu->translator->window_strikes));
    cpu->parent.halted = false;
}

/* Runs until the function has come to its end or, if that is allowed, has been interrupted. */
static bool run_in_guest(Run *r, bool interrupted)
{
    X86CPU *cpu = guest_cpu(r->g);
    int reason;

    do {
        reason = x86_cpu_exec(&cpu->parent);
    } while (reason == CPU_EXIT_INTERRUPT && !interrupted);
    if (reason == CPU_EXIT_INTERRUPT) {
        return false;
    }
    g_assert_cmpint(reason, ==, CPU_EXIT_HALTED);
    g_assert_cmphex(cpu->state.rip, ==, r->kernel + KERNEL + END_CODE + 1);
    return true;
}

/* Blocks that rely on an anchor, and on two. */
typedef struct Anchored {
    unsigned any, two;
} Anchored;

/* Adds those that the translator has made. */
static void count_anchored(const X86Jit *jit, Anchored *count)
{
    const uint8_t *end = jit->arena + jit->arena_used;

    for (const X86Tb *tb = (const X86Tb *)jit->arena; (const uint8_t *)tb < end; tb = jit_next_record(tb)) {
        count->any += tb->entry.anchor != 0;
        count->two += jit_anchor(tb->entry.anchor, 2) != 0;
    }
}

static void compare(const Run *r, const LoopMaker *m, const uint8_t *expected, uint32_t seed)
{
    for (unsigned n = FIRST_PAGE; n < AREA_SIZE >> 12; n++) {
        unsigned size = n == STACK >> 12 ? STACK & 0xfff : 0x1000;
        const uint8_t *found = guest_page(r, n);

        for (unsigned i = 0; i < size; i += 8) {
            if (memcmp(found + i, expected + (n << 12) + i, 8) != 0) {
                g_error("seed %u, area %" PRIx64 ": the memory at %x differs", seed, m->area, (n << 12) + i);
            }
        }
    }
}

static void check_functions(uint32_t seed, bool disturbed, Anchored *anchored)
{
    static LoopMaker makers[FUNCTIONS];
    static uint8_t expected[FUNCTIONS][AREA_SIZE];
    Run r;

    for (unsigned i = 0; i < FUNCTIONS; i++) { /* while there is no window, which may be in the way */
        loop_make_function(&makers[i], seed + i, false);
        run_on_host(&makers[i], seed + i, expected[i]);
    }
    begin_run(&r);
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        prepare(&r, &makers[i], seed + i);
        if (disturbed) {
            guest_disturb(r.g);
        }
        run_in_guest(&r, false);
        if (disturbed) {
            guest_leave_alone(r.g);
        }
        compare(&r, &makers[i], expected[i], seed + i);
        count_anchored(guest_cpu(r.g)->translator, anchored);
    }
    guest_free(r.g);
}

static void check_guests(uint32_t seed, unsigned guests, bool disturbed)
{
    Anchored anchored = { 0 };

    for (unsigned i = 0; i < guests; i++) {
        check_functions(seed + i * FUNCTIONS, disturbed, &anchored);
    }
    g_test_message("%u blocks with an anchor, %u with two", anchored.any, anchored.two);
    g_assert_cmpuint(anchored.any, >, guests * FUNCTIONS / 3);
    g_assert_cmpuint(anchored.two, >, guests * FUNCTIONS / 100);
}

static void test_loops(void)
{
    check_guests(1, GUESTS, false);
}

static void test_disturbed(void)
{
    check_guests(100000, DISTURBED_GUESTS, true);
}

/* --- loops without an end ---------------------------------------------------------------------- */

/* What another thread does while the CPU runs. */
typedef struct Request {
    CPUState *cpu;
    uint32_t *word;      /* not NULL: gets another value; else somebody asks for the CPU */
    GMutex lock;
    GCond cond;
    bool noticed;
} Request;

static void *request(void *opaque)
{
    Request *q = opaque;
    int64_t until = g_get_monotonic_time() + PATIENCE * G_TIME_SPAN_SECOND;

    g_usleep(500);
    if (q->word) {
        __atomic_store_n(q->word, 1, __ATOMIC_SEQ_CST);
    } else {
        cpu_interrupt(q->cpu, CPU_INTERRUPT_EXIT);
    }
    g_mutex_lock(&q->lock);
    while (!q->noticed) {
        if (!g_cond_wait_until(&q->cond, &q->lock, until)) {
            g_error("a loop does not notice that somebody %s", q->word ? "ends it" : "asks for the CPU");
        }
    }
    g_mutex_unlock(&q->lock);
    return NULL;
}

/* Runs a loop until it has noticed. */
static bool run_until(Run *r, uint32_t *word)
{
    Request q = { .cpu = &guest_cpu(r->g)->parent, .word = word };

    g_mutex_init(&q.lock);
    g_cond_init(&q.cond);
    GThread *thread = g_thread_new("request", request, &q);
    bool ended = run_in_guest(r, !word);
    g_mutex_lock(&q.lock);
    q.noticed = true;
    g_cond_signal(&q.cond);
    g_mutex_unlock(&q.lock);
    g_thread_join(thread);
    g_mutex_clear(&q.lock);
    g_cond_clear(&q.cond);
    return ended;
}

static void test_endless(void)
{
    static LoopMaker m;
    Anchored anchored = { 0 };
    Run r;

    begin_run(&r);
    for (uint32_t seed = 1; seed <= ENDLESS; seed++) {
        loop_make_function(&m, seed, true);
        prepare(&r, &m, seed);
        for (unsigned i = 0; i < 3; i++) {
            g_assert_false(run_until(&r, NULL));
        }
        count_anchored(guest_cpu(r.g)->translator, &anchored);
        run_until(&r, (uint32_t *)(guest_page(&r, WORD >> 12) + (WORD & 0xfff)));
    }
    guest_free(r.g);
    g_test_message("%u blocks with an anchor", anchored.any);
    g_assert_cmpuint(anchored.any, >, ENDLESS / 8);
}

int main(int argc, char **argv)
{
    enum { SKIPPED = 77 }; /* to meson */

    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2")) {
        return SKIPPED;
    }
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/translate-loops/functions", test_loops);
    g_test_add_func("/translate-loops/disturbed", test_disturbed);
    g_test_add_func("/translate-loops/endless", test_endless);
    return g_test_run();
}
