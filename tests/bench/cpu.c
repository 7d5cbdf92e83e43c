/*
 * Speed of the interpreter on small loops: millions of guest instructions a
 * second. Each loop is 64-bit code that counts RCX down and ends with HLT.
 *
 *   cpu [NAME...] [SCALE]
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hw/core/cpu.h"
#include "memory/memory.h"
#include "target/i386/cpuid.h"
#include "target/i386/interp/interp.h"
#include "util/module.h"

enum { RAM_SIZE = 64 << 20, TABLES = 0x1000, CODE = 0x10000, STACK = 0x80000, DATA = 0x100000 };

/* name, instructions in one turn, code; RBX points at 1 MiB of data. */
#define LOOP(name, text)                                                       \
    __asm__(".pushsection .rodata\n" #name "_start:\n" text "\n hlt\n" #name   \
            "_end:\n.popsection\n");                                           \
    extern const uint8_t name##_start[], name##_end[];

LOOP(alu, "1: add %rax, %rdx\n xor %rsi, %rax\n lea 3(%rax,%rdx,4), %rsi\n and $0xffff, %edi\n"
          " sub %rdx, %r8\n or %r8, %r9\n dec %rcx\n jnz 1b")
LOOP(memory, "1: mov (%rbx), %rax\n add %rax, 8(%rbx)\n mov %rax, 16(%rbx,%rdx,8)\n"
             " movzbl 24(%rbx), %esi\n add $1, %rdx\n and $0x3ff, %edx\n cmp 32(%rbx), %rcx\n"
             " je 2f\n dec %rcx\n jnz 1b\n2:")
LOOP(branch, "1: test $1, %cl\n jz 2f\n add $1, %rax\n jmp 3f\n2: add $2, %rdx\n3: cmp $5, %cl\n"
             " jl 4f\n inc %rsi\n4: dec %rcx\n jnz 1b")
LOOP(call, " jmp 1f\n5: push %rbp\n mov %rsp, %rbp\n add $1, %rax\n pop %rbp\n ret\n"
           "1: call 5b\n dec %rcx\n jnz 1b")
LOOP(indirect, " lea 1f(%rip), %rdi\n1: add $1, %rax\n dec %rcx\n jz 2f\n jmp *%rdi\n2:")
LOOP(mix, "1: imul $37, %rax, %rax\n shl $3, %rdx\n shr $5, %rsi\n cmovz %rsi, %rdx\n"
          " movzbl %al, %edi\n setne %al\n movslq %edi, %r8\n bswap %r9\n dec %rcx\n jnz 1b")
LOOP(sse, "1: paddd %xmm0, %xmm1\n pxor %xmm1, %xmm2\n movdqu (%rbx), %xmm3\n"
          " addsd %xmm4, %xmm5\n mulsd %xmm5, %xmm4\n movdqu %xmm3, 16(%rbx)\n dec %rcx\n jnz 1b")

typedef struct Loop {
    const char *name;
    const uint8_t *start, *end;
    unsigned instructions;
} Loop;

#define ENTRY(name, n) { #name, name##_start, name##_end, n }
static const Loop loops[] = {
    ENTRY(alu, 8), ENTRY(memory, 10), ENTRY(branch, 8), ENTRY(call, 8), ENTRY(indirect, 4),
    ENTRY(mix, 10), ENTRY(sse, 8),
};

typedef struct Bench {
    MemoryRegion root, io_root, ram;
    AddressSpace as, io_as;
    uint8_t *host;
    X86CpuModel model;
    X86CPU *cpu;
} Bench;

/* Identity mapping of the first GiB in 2 MiB pages. */
static void build_tables(Bench *b)
{
    uint64_t *pml4 = (uint64_t *)(b->host + TABLES), *pdpt = pml4 + 512, *pd = pdpt + 512;

    pml4[0] = (TABLES + 0x1000) | 7;
    pdpt[0] = (TABLES + 0x2000) | 7;
    for (uint64_t i = 0; i < 512; i++) {
        pd[i] = i << 21 | 0xe7;
    }
}

static void enter_long_mode(X86State *s)
{
    const uint16_t data = X86_DESC_P | X86_DESC_S | X86_DESC_W | X86_DESC_A | X86_DESC_DB |
                          X86_DESC_G;

    s->cr0 = X86_CR0_PE | X86_CR0_PG | X86_CR0_ET | X86_CR0_WP | X86_CR0_MP;
    s->cr3 = TABLES;
    s->cr4 = X86_CR4_PAE | X86_CR4_PGE | X86_CR4_OSFXSR;
    s->efer = X86_EFER_LME | X86_EFER_LMA;
    for (int i = 0; i < X86_SEG_COUNT; i++) {
        s->segs[i] = (X86Segment){ .selector = 16, .attr = data, .limit = UINT32_MAX };
    }
    s->segs[X86_CS] = (X86Segment){
        .selector = 8, .limit = UINT32_MAX,
        .attr = X86_DESC_P | X86_DESC_S | X86_DESC_CODE | X86_DESC_R | X86_DESC_A | X86_DESC_L |
                X86_DESC_G,
    };
    x86_set_eflags(s, X86_EFLAGS_FIXED);
}

static Bench *bench_new(void)
{
    Bench *b = g_new0(Bench, 1);

    memory_region_init(&b->root, NULL, "root", UINT64_MAX);
    memory_region_init(&b->io_root, NULL, "io", 0x10000);
    memory_region_init_ram(&b->ram, NULL, "ram", RAM_SIZE, NULL);
    memory_region_add_subregion(&b->root, 0, &b->ram);
    address_space_init(&b->as, &b->root, "memory");
    address_space_init(&b->io_as, &b->io_root, "io");
    b->host = memory_region_get_ram_ptr(&b->ram);
    build_tables(b);
    b->cpu = aligned_alloc(64, (sizeof(X86CPU) + 63) & ~(size_t)63);
    memset(b->cpu, 0, sizeof(X86CPU));
    b->cpu->parent.as = &b->as;
    b->cpu->parent.io_as = &b->io_as;
    x86_cpu_model_parse("max", NULL, &b->model, NULL);
    x86_cpu_set_model(b->cpu, &b->model);
    x86_interp_init(b->cpu);
    return b;
}

static void run(Bench *b, const Loop *loop, uint64_t turns)
{
    X86State *s = &b->cpu->state;

    x86_cpu_state_reset(b->cpu, false);
    enter_long_mode(s);
    address_space_write(&b->as, CODE, MEMTXATTRS_NONE, loop->start, loop->end - loop->start);
    s->rip = CODE;
    s->regs[X86_RSP] = STACK;
    s->regs[X86_RBX] = DATA;
    s->regs[X86_RCX] = turns;
    b->cpu->parent.halted = false;
    gint64 start = g_get_monotonic_time();
    int reason = x86_cpu_exec(&b->cpu->parent);
    double us = g_get_monotonic_time() - start;
    if (reason != CPU_EXIT_HALTED || s->regs[X86_RCX] > 1) {
        printf("%-10s stopped: reason %d rip 0x%" PRIx64 " rcx %" PRIu64 "\n", loop->name, reason,
               s->rip, s->regs[X86_RCX]);
        exit(1);
    }
    printf("%-10s %7.1f MIPS\n", loop->name, turns * loop->instructions / us);
}

int main(int argc, char **argv)
{
    uint64_t turns = 2000000;
    bool chosen = false;
    Bench *b;

    module_call_init(MODULE_QOM);
    b = bench_new();
    for (int i = 1; i < argc; i++) {
        for (unsigned n = 0; n < G_N_ELEMENTS(loops); n++) {
            if (!strcmp(argv[i], loops[n].name)) {
                run(b, &loops[n], turns);
                chosen = true;
            }
        }
        turns *= g_ascii_isdigit(argv[i][0]) ? strtoull(argv[i], NULL, 0) : 1;
    }
    for (unsigned n = 0; !chosen && n < G_N_ELEMENTS(loops); n++) {
        run(b, &loops[n], turns);
    }
    return 0;
}
