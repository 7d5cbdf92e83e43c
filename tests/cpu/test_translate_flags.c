/*
 * The translator's flags over whole blocks: random functions of instructions that set and read
 * flags, accesses that miss the software TLB in between, and branches run as guest
 * code and as functions of the host. Memory, with the flags that they stored there, must be
 * the same in the end, also while another thread has translated code leave over and over.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include "hw/core/cpu.h"
#include "target/i386/interp/vec.h"
#include "tests/cpu/code-maker.h"
#include "tests/cpu/guest.h"

enum {
    SEL_KERNEL_CODE = 0x10, SEL_KERNEL_DATA = 0x18, ROUNDS = 8, FUNCTIONS = 400, ITEMS = 40,
    DATA_SIZE = WINDOW_DATA_END - WINDOW_DATA,
    REGISTERS_AT = 0x100, SCRATCH_SIZE = 0x100, PAGES = 3,
};

/* Calls what follows it R15 times and makes the TLB forget all after each. */
asm(".pushsection .text\n"
    "frame_code: 1: call 2f\n"
    "mov %cr3, %rax\n"
    "mov %rax, %cr3\n"
    "dec %r15\n"
    "jnz 1b\n"
    "hlt\n"
    "2:\n"
    "frame_code_end:\n"
    "run_native:\n" /* (data, code, rounds) */
    "push %rbx; push %rbp; push %r12; push %r13; push %r15\n"
    "mov %rsi, %rbp\n"
    "mov %rdx, %r15\n"
    "1: call *%rbp\n"
    "dec %r15\n"
    "jnz 1b\n"
    "pop %r15; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "ret\n"
    ".popsection");
extern const uint8_t frame_code[], frame_code_end[];
void run_native(uint8_t *data, const uint8_t *code, uint64_t rounds);

/* --- functions ----------------------------------------------------------------------- */

/* RDI points to the data; the host's frame has RBP and R15. */
static const uint8_t registers[] = { 0, 1, 2, 3, 6, 8, 9, 12, 13 };

static unsigned below(CodeMaker *m, unsigned n)
{
    return random_below(&m->random, n);
}

static unsigned any_register(CodeMaker *m)
{
    return registers[below(m, G_N_ELEMENTS(registers))];
}

/* At a random place of the data, at times across two pages. */
static CodeMem any_memory(CodeMaker *m)
{
    unsigned offset = below(m, 8) ? 0x200 + below(m, SCRATCH_SIZE) : 0xff9 + below(m, 7);

    return (CodeMem){ .base = X86_RDI, .index = CODE_NONE, .disp = below(m, PAGES) * 0x1000 + offset };
}

static void with_memory(CodeMaker *m, unsigned op, unsigned size, unsigned reg)
{
    CodeMem mem = any_memory(m);

    code_sized(m, op, size, reg, &mem, 0, 0);
}

/* ADD, OR, ADC, SBB, AND, SUB, XOR, CMP: by number. */
static void arithmetic(CodeMaker *m)
{
    unsigned size = code_any_size(m), op = below(m, 8), reg = any_register(m);

    switch (below(m, 5)) {
    case 0:
        code_sized(m, op << 3, size, reg, NULL, any_register(m), 0);
        break;
    case 1:
        code_sized(m, 0x80, size, op, NULL, reg, 0);
        code_immediate(m, size);
        break;
    case 2:
        with_memory(m, op << 3, size, reg);
        break;
    case 3:
        with_memory(m, op << 3 | 2, size, reg);
        break;
    case 4:
        with_memory(m, 0x80, size, op);
        code_immediate(m, size);
        break;
    }
}

static void test(CodeMaker *m)
{
    unsigned size = code_any_size(m);

    switch (below(m, 4)) {
    case 0:
        code_sized(m, 0x84, size, any_register(m), NULL, any_register(m), 0);
        break;
    case 1:
        code_sized(m, 0xf6, size, 0, NULL, any_register(m), 0);
        code_immediate(m, size);
        break;
    case 2:
        with_memory(m, 0x84, size, any_register(m));
        break;
    case 3:
        with_memory(m, 0xf6, size, 0);
        code_immediate(m, size);
        break;
    }
}

static void one_operand(CodeMaker *m)
{
    unsigned size = code_any_size(m), reg = any_register(m);

    switch (below(m, 4)) {
    case 0:
        code_sized(m, 0xf6, size, 2 + below(m, 2), NULL, reg, 0); /* NOT, NEG */
        break;
    case 1:
        code_sized(m, 0xfe, size, below(m, 2), NULL, reg, 0);     /* INC, DEC */
        break;
    case 2:
        code_sized(m, 0xd0, size, 4 + below(m, 2), NULL, reg, 0); /* SHL, SHR by 1 */
        break;
    case 3:
        code_legacy(m, 0x0fba, true, 4 + below(m, 4), NULL, reg, 1); /* BT, BTS, BTR, BTC */
        code_byte(m, below(m, 64));
        break;
    }
}

static void move(CodeMaker *m)
{
    unsigned size = code_any_size(m), reg = any_register(m);
    CodeMem mem;

    switch (below(m, 4)) {
    case 0:
        with_memory(m, 0x88, size, reg);
        break;
    case 1:
        with_memory(m, 0x8a, size, reg);
        break;
    case 2:
        code_sized(m, 0x88, size, reg, NULL, any_register(m), 0);
        break;
    case 3:
        mem = (CodeMem){ .base = X86_RBX, .index = CODE_NONE, .disp = (int)below(m, 256) - 128 };
        code_legacy(m, 0x8d, true, reg, &mem, 0, 0); /* LEA */
        break;
    }
}

static void conditional(CodeMaker *m)
{
    unsigned cond = below(m, 16);

    if (below(m, 2)) {
        code_legacy(m, 0x0f40 | cond, true, any_register(m), NULL, any_register(m), 0); /* CMOVcc */
    } else {
        code_legacy(m, 0x0f90 | cond, false, 0, NULL, any_register(m), 0); /* SETcc */
    }
}

/* PUSHF; POP reg; AND reg, CODE_FLAGS; XOR [..], reg */
static void look(CodeMaker *m)
{
    unsigned reg = any_register(m);

    code_byte(m, 0x9c);
    code_pop(m, reg);
    code_legacy(m, 0x81, false, 4, NULL, reg, 4);
    code_bytes(m, CODE_FLAGS, 4);
    with_memory(m, 0x31, 4, reg);
}

static void item(CodeMaker *m)
{
    static void (*const makers[])(CodeMaker *) = {
        arithmetic, arithmetic, test, one_operand, move, move, conditional, look,
    };

    makers[below(m, G_N_ELEMENTS(makers))](m);
}

/* Jcc over a few items. */
static void branch(CodeMaker *m)
{
    code_byte(m, 0x70 | below(m, 16));
    unsigned at = m->len;
    code_byte(m, 0);
    for (unsigned n = 1 + below(m, 3); n > 0; n--) {
        item(m);
    }
    m->code[at] = m->len - at - 1;
}

/* What ends a loop that R10 counts down, and its branch's opcode. */
static const struct {
    uint8_t len, bytes[9], jcc;
} loop_ends[] = {
    { 4, { 0x41, 0x83, 0xea, 1 }, 0x75 },                         /* sub r10d, 1; jnz */
    { 4, { 0x41, 0x83, 0xea, 1 }, 0x77 },                         /* ja */
    { 4, { 0x49, 0x83, 0xc2, 0xff }, 0x75 },                      /* add r10, -1; jnz */
    { 3, { 0x49, 0xff, 0xca }, 0x75 },                            /* dec r10; jnz */
    { 6, { 0x49, 0xff, 0xca, 0x4d, 0x85, 0xd2 }, 0x7f },          /* dec r10; test r10, r10; jg */
    { 7, { 0x41, 0xff, 0xca, 0x41, 0x80, 0xfa, 1 }, 0x73 },       /* dec r10d; cmp r10b, 1; jae */
    { 8, { 0x41, 0xff, 0xca, 0x66, 0x41, 0x83, 0xfa, 0 }, 0x75 }, /* dec r10d; cmp r10w, 0; jne */
    { 7, { 0x4d, 0x8d, 0x52, 0xff, 0x4d, 0x09, 0xd2 }, 0x75 },    /* lea r10, [r10 - 1]; or r10, r10; jnz */
    /* dec r10; mov r11, r10; neg r11; js */
    { 9, { 0x49, 0xff, 0xca, 0x4d, 0x89, 0xd3, 0x49, 0xf7, 0xdb }, 0x78 },
};

/* A loop of a few rounds that R10, which nothing else uses, counts down. */
static void register_loop(CodeMaker *m)
{
    unsigned end = below(m, G_N_ELEMENTS(loop_ends));

    code_bytes(m, 0xba41, 2); /* mov r10d, rounds */
    code_bytes(m, 1 + below(m, 6), 4);
    unsigned top = m->len;
    item(m);
    item(m);
    for (unsigned i = 0; i < loop_ends[end].len; i++) {
        code_byte(m, loop_ends[end].bytes[i]);
    }
    code_byte(m, loop_ends[end].jcc);
    code_byte(m, top - m->len - 1);
}

/* A loop of four rounds: its counter is in memory, its branch looks at a comparison. */
static void loop(CodeMaker *m)
{
    uint32_t counter = 0x80 + below(m, 8) * 8;

    code_bytes(m, 0x87c7, 2); /* mov dword [rdi + counter], 4 */
    code_bytes(m, counter, 4);
    code_bytes(m, 4, 4);
    unsigned top = m->len;
    item(m);
    item(m);
    code_bytes(m, 0xaf83, 2); /* sub dword [rdi + counter], 1 */
    code_bytes(m, counter, 4);
    code_byte(m, 1);
    code_bytes(m, 0xbf83, 2); /* cmp dword [rdi + counter], 0 */
    code_bytes(m, counter, 4);
    code_byte(m, 0);
    code_byte(m, 0x75);
    code_byte(m, top - m->len - 1);
}

static void move_registers(CodeMaker *m, unsigned op)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        const CodeMem mem = { .base = X86_RDI, .index = CODE_NONE, .disp = REGISTERS_AT + i * 8 };

        code_legacy(m, op, true, registers[i], &mem, 0, 0);
    }
}

static void make_function(CodeMaker *m, uint32_t seed)
{
    m->len = 0;
    m->random = random_from(seed);
    move_registers(m, 0x8b);
    code_legacy(m, 0x39, true, registers[0], NULL, registers[1], 0); /* CMP: all flags are known */
    for (unsigned i = 0; i < ITEMS; i++) {
        switch (below(m, 9)) {
        case 0:
            branch(m);
            break;
        case 1:
            loop(m);
            break;
        case 2:
            register_loop(m);
            break;
        default:
            item(m);
        }
    }
    move_registers(m, 0x89);
    code_byte(m, 0xc3);
}

/* --- running them --------------------------------------------------------------------------- */

static void fill(uint8_t *data, uint32_t seed)
{
    Random random = random_from(seed);

    for (unsigned i = 0; i < DATA_SIZE; i++) {
        data[i] = random64(&random);
    }
}

static void run_in_guest(Guest *g, const CodeMaker *m)
{
    CpuRegs in = {
        .rip = WINDOW_BASE + WINDOW_CODE, .mxcsr = X86_MXCSR_INIT,
        .seg = { [X86_CS] = SEL_KERNEL_CODE, [X86_SS] = SEL_KERNEL_DATA },
    };
    CPUState *cpu = &guest_cpu(g)->parent;
    int reason;

    guest_write_code(g, WINDOW_CODE, frame_code, frame_code_end - frame_code);
    guest_write_code(g, WINDOW_CODE + (frame_code_end - frame_code), m->code, m->len);
    in.gpr[X86_RSP] = WINDOW_BASE + WINDOW_STACK_END;
    in.gpr[X86_RDI] = WINDOW_BASE + WINDOW_DATA;
    in.gpr[X86_R15] = ROUNDS;
    guest_load(g, &in);
    cpu->halted = false;
    do {
        reason = x86_cpu_exec(cpu);
    } while (reason == CPU_EXIT_INTERRUPT);
    g_assert_cmpint(reason, ==, CPU_EXIT_HALTED);
}

static uint8_t *executable(const CodeMaker *m)
{
    uint8_t *p = mmap(NULL, CODE_MAX, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    g_assert_true(p != MAP_FAILED);
    memcpy(p, m->code, m->len);
    return p;
}

static void check_function(uint32_t seed, bool disturbed)
{
    static CodeMaker m;
    static uint8_t data[DATA_SIZE];
    Guest *g = guest_new();

    make_function(&m, seed);
    uint8_t *code = executable(&m);
    fill(data, seed);
    run_native(data, code, ROUNDS);
    munmap(code, CODE_MAX);

    uint8_t *guest_data = guest_window(g) + WINDOW_DATA;
    fill(guest_data, seed);
    if (disturbed) {
        guest_disturb(g);
    }
    run_in_guest(g, &m);
    if (disturbed) {
        guest_leave_alone(g);
    }
    if (memcmp(guest_data, data, DATA_SIZE) != 0) {
        g_test_message("seed %u", seed);
    }
    g_assert_cmpmem(guest_data, DATA_SIZE, data, DATA_SIZE);
    guest_free(g);
}

static void test_flags(void)
{
    for (uint32_t seed = 1; seed <= FUNCTIONS; seed++) {
        check_function(seed, false);
    }
}

static void test_disturbed(void)
{
    for (uint32_t seed = FUNCTIONS + 1; seed <= 2 * FUNCTIONS; seed++) {
        check_function(seed, true);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/translate-flags/functions", test_flags);
    g_test_add_func("/translate-flags/disturbed", test_disturbed);
    return g_test_run();
}
