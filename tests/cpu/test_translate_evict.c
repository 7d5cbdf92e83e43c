/*
 * Regions of the code cache: a guest runs more functions than a small cache holds, in order and at
 * random, while their code changes, and its results are those of the same functions in C. Blocks of
 * a region that is filled again are dropped, and only those.
 *
 * The functions call each other directly, so that links lead from new blocks to old ones, have
 * an instruction that is interpreted with its operands decoded beforehand, and x87 instructions whose
 * address FNSTENV tells.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "hw/core/cpu.h"
#include "target/i386/interp/vec.h"
#include "target/i386/interp/x87.h"
#include "target/i386/translate/jit.h"
#include "tests/cpu/guest.h"

enum {
    CACHE_SIZE = 1 << 20,
    FUNCTIONS = 3000, SHARED = 16, WORDS = 8,
    BACK = 997,            /* so many functions before it lies the one that a function calls */
    CALLS = 2 * FUNCTIONS, /* in random order */
    CHANGES = 1000,        /* of code between two runs */
    RAM = 0x1000000, RAM_SIZE = 2 << 20, /* one large page, linear and physical */
    DRIVER = 0, SHARED_AT = 0x1000, TABLE = 0x20000, DATA = 0x38000, STACK = 0x3c000,
    FUNCTIONS_AT = 0x40000, SLOT = 128,
    ENVIRONMENT = 64,      /* in the data: of FNSTENV */
    FIP = 12,
    SEL_KERNEL_CODE = 0x10, SEL_KERNEL_DATA = 0x18,
};

typedef struct Function {
    uint32_t add, mul, mask;
    uint32_t x87; /* address of its last x87 instruction, or 0 */
} Function;

typedef struct Test {
    Guest *guest;
    MemoryRegion region;
    uint8_t *ram;
    Function functions[FUNCTIONS];
    uint32_t shared[SHARED];
    uint32_t eax, data[WORDS], fip; /* as they should be */
} Test;

/* --- the functions in C ---------------------------------------------------------------------- */

static bool calls_back(unsigned i)
{
    return i % 3 == 0 && i >= BACK;
}

static bool has_x87(unsigned i)
{
    return i % 7 == 0;
}

static void model_call(Test *t, unsigned i)
{
    const Function *f = &t->functions[i];
    uint32_t a = (t->eax + f->add) * f->mul;

    if (a & 1) {
        a ^= f->mask;
    }
    a += t->shared[i % SHARED];
    t->eax = a << 7 | a >> 25;
    if (calls_back(i)) {
        model_call(t, i - BACK);
    }
    t->data[i % WORDS] ^= 1u << i % 32;
    t->fip = f->x87 ? f->x87 : t->fip;
    t->eax ^= t->data[i % WORDS];
}

/* --- the functions in guest code --------------------------------------------------------------- */

static uint8_t *put(uint8_t *p, const void *bytes, unsigned len)
{
    memcpy(p, bytes, len);
    return p + len;
}
#define PUT(p, ...) put(p, (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))

static uint8_t *put32(uint8_t *p, uint32_t val)
{
    return put(p, &val, sizeof(val));
}

static uint8_t *put_call(const Test *t, uint8_t *p, unsigned target)
{
    p = PUT(p, 0xe8);
    return put32(p, target - (p + 4 - t->ram));
}

static void make_function(Test *t, unsigned i, GRand *rand)
{
    Function *f = &t->functions[i];
    uint8_t *start = t->ram + FUNCTIONS_AT + i * SLOT, *p = start;

    *f = (Function){ g_rand_int(rand), g_rand_int(rand) | 1, g_rand_int(rand), 0 };
    p = put32(PUT(p, 0x05), f->add);                  /* add eax, add */
    p = put32(PUT(p, 0x69, 0xc0), f->mul);            /* imul eax, eax, mul */
    p = PUT(p, 0xa8, 1, 0x74, 5);                     /* test al, 1; jz over the next one */
    p = put32(PUT(p, 0x35), f->mask);                 /* xor eax, mask */
    p = put_call(t, p, SHARED_AT + i % SHARED * 0x1000);
    if (calls_back(i)) {
        p = put_call(t, p, FUNCTIONS_AT + (i - BACK) * SLOT);
    }
    p = put32(PUT(p, 0xb9), i % 32);                  /* mov ecx, bit */
    p = PUT(p, 0x0f, 0xbb, 0x4f, i % WORDS * 4);      /* btc [rdi + word], ecx */
    if (has_x87(i)) {
        p = PUT(p, 0xd9, 0xe8);                       /* fld1 */
        f->x87 = RAM + (p - t->ram);
        p = PUT(p, 0xdd, 0xd8);                       /* fstp st(0) */
    }
    p = PUT(p, 0xeb, 0);                              /* jmp to the next one */
    p = PUT(p, 0x33, 0x47, i % WORDS * 4, 0xc3);      /* xor eax, [rdi + word]; ret */
    g_assert_cmpint(p - start, <=, SLOT);
}

static void make_code(Test *t)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    PUT(t->ram + DRIVER, 0xff, 0x13,                  /* 1: call [rbx] */
        0x48, 0x83, 0xc3, 8, 0x49, 0xff, 0xcf,        /* add rbx, 8; dec r15 */
        0x75, 0xf5, 0xd9, 0x77, ENVIRONMENT, 0xf4);   /* jnz 1b; fnstenv [rdi + 64]; hlt */
    for (unsigned i = 0; i < SHARED; i++) {
        uint8_t *p = t->ram + SHARED_AT + i * 0x1000;

        t->shared[i] = g_rand_int(rand);
        p = put32(PUT(p, 0x05), t->shared[i]);        /* add eax, shared */
        PUT(p, 0xc1, 0xc0, 7, 0xc3);                  /* rol eax, 7; ret */
    }
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        make_function(t, i, rand);
    }
}

/* Other constants for some functions, in the guest's memory and in C. */
static void change_code(Test *t, GRand *rand)
{
    for (unsigned n = 0; n < CHANGES; n++) {
        unsigned i = g_rand_int_range(rand, 0, FUNCTIONS);
        uint64_t add_at = RAM + FUNCTIONS_AT + i * SLOT + 1;

        t->functions[i].add = g_rand_int(rand);
        address_space_write(guest_cpu(t->guest)->parent.as, add_at, MEMTXATTRS_NONE,
                            &t->functions[i].add, 4);
    }
}

/* --- running them ------------------------------------------------------------------------------ */

/* The RAM as a large page, at the same linear address. */
static void map_ram(Test *t)
{
    X86CPU *cpu = guest_cpu(t->guest);
    GuestMemory m = guest_memory(t->guest);
    uint64_t at = cpu->state.cr3 - m.system_phys, entry = RAM | 0xe7; /* P, W, U, A, D, PS */

    g_assert_true(memory_region_init_ram(&t->region, NULL, "code", RAM_SIZE, NULL));
    memory_region_add_subregion(cpu->parent.as->root, RAM, &t->region);
    t->ram = memory_region_get_ram_ptr(&t->region);
    for (unsigned level = 0; level < 2; level++) { /* PML4, PDPT: the first entries */
        memcpy(&at, m.system + at, sizeof(at));
        at = (at & X86_PAGE_MASK) - m.system_phys;
    }
    memcpy(m.system + at + (RAM >> 21) * 8, &entry, sizeof(entry));
}

static void set_up(Test *t, gconstpointer data)
{
    X86CPU *cpu;

    t->guest = guest_new();
    cpu = guest_cpu(t->guest);
    x86_translator_free(cpu);
    if (!x86_translator_new(cpu, CACHE_SIZE, NULL)) {
        return;
    }
    x86_translator_check(cpu);
    map_ram(t);
    make_code(t);
}

static void tear_down(Test *t, gconstpointer data)
{
    if (t->ram) {
        memory_region_del_subregion(guest_cpu(t->guest)->parent.as->root, &t->region);
    }
    guest_free(t->guest);
    if (t->ram) {
        memory_region_destroy(&t->region);
    }
}

/* Runs functions first to first + count - 1, or random ones, in the guest and in C. */
static void run(Test *t, unsigned first, unsigned count, GRand *rand)
{
    X86CPU *cpu = guest_cpu(t->guest);
    CpuRegs in = {
        .rip = RAM + DRIVER, .mxcsr = X86_MXCSR_INIT, .fcw = X87_CW_INIT,
        .seg = { [X86_CS] = SEL_KERNEL_CODE, [X86_SS] = SEL_KERNEL_DATA },
        .gpr = { [X86_RAX] = t->eax, [X86_RBX] = RAM + TABLE, [X86_RSP] = RAM + STACK,
                 [X86_RDI] = RAM + DATA, [X86_R15] = count },
    };
    int reason;

    g_assert_cmpuint(count, <=, (DATA - TABLE) / 8);
    t->fip = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned f = rand ? (unsigned)g_rand_int_range(rand, 0, FUNCTIONS) : first + i;
        uint64_t address = RAM + FUNCTIONS_AT + f * SLOT;

        memcpy(t->ram + TABLE + i * 8, &address, sizeof(address));
        model_call(t, f);
    }
    guest_load(t->guest, &in);
    cpu->parent.halted = false;
    do {
        reason = x86_cpu_exec(&cpu->parent);
    } while (reason == CPU_EXIT_INTERRUPT);
    g_assert_cmpint(reason, ==, CPU_EXIT_HALTED);
    g_assert_cmphex((uint32_t)cpu->state.regs[X86_RAX], ==, t->eax);
    g_assert_cmpmem(t->ram + DATA, sizeof(t->data), t->data, sizeof(t->data));
    g_assert_cmpmem(t->ram + DATA + ENVIRONMENT + FIP, 4, &t->fip, 4);
}

static bool have_translator(const Test *t)
{
    if (!t->ram) {
        g_test_skip("no translator on this host");
    }
    return t->ram;
}

/* --- the tests ---------------------------------------------------------------------------------- */

static void test_results(Test *t, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(2);

    if (!have_translator(t)) {
        return;
    }
    const X86Jit *jit = guest_cpu(t->guest)->translator;
    unsigned flushes = jit->stats.flushes;

    run(t, 0, FUNCTIONS, NULL);
    g_assert_cmpuint(jit->stats.evictions, >, jit->region_count); /* more than once around */
    for (unsigned i = 0; i < 3; i++) {
        run(t, 0, CALLS, rand);
        change_code(t, rand);
    }
    g_assert_cmpuint(jit->stats.flushes, ==, flushes);
}

/* Blocks made since by running functions. */
static unsigned made(Test *t, unsigned first, unsigned count)
{
    const X86Jit *jit = guest_cpu(t->guest)->translator;
    uint64_t before = jit->stats.blocks;

    run(t, first, count, NULL);
    return jit->stats.blocks - before;
}

/* After the first eviction the younger half of the functions is still there, but for what they
 * share and jumps that were not taken before: less than a block for each, while each has four. The
 * oldest ones are not there. */
static void test_survivors(Test *t, gconstpointer data)
{
    unsigned n = 0;

    if (!have_translator(t)) {
        return;
    }
    const X86Jit *jit = guest_cpu(t->guest)->translator;

    while (jit->stats.evictions == 0) {
        g_assert_cmpuint(n, <, BACK);
        run(t, n++, 1, NULL);
    }
    uint64_t evicted = jit->stats.evicted, blocks = jit->stats.blocks;
    g_assert_cmpuint(evicted, >, 0);
    g_assert_cmpuint(evicted * 2, <, blocks);
    g_assert_cmpuint(made(t, n / 2, n - n / 2), <, n - n / 2);
    g_assert_cmpuint(jit->stats.evictions, ==, 1);
    g_assert_cmpuint(made(t, 0, 8), >=, 8);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/translate-evict/results", Test, NULL, set_up, test_results, tear_down);
    g_test_add("/translate-evict/survivors", Test, NULL, set_up, test_survivors, tear_down);
    return g_test_run();
}
