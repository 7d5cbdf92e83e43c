/*
 * The block checker can fail: a block that stores to memory is damaged in ways that each break
 * a rule, by a program of its own that must end with a report.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "target/i386/interp/vec.h"
#include "target/i386/interp/x87.h"
#include "target/i386/translate/check.h"
#include "tests/cpu/guest.h"

/* In the host code of MOV [RDI+8], EAX, or of PUSH RAX: bytes, and what to put at an offset from
 * them. of_table, of_site: the byte there is the lowest one of the address of the TLB, or of the
 * addend of the stack's site, more. */
typedef struct Damage {
    const char *name, *report;
    uint8_t find[5];
    uint8_t find_len, offset, old, val;
    bool of_table, push, of_site;
} Damage;

static const Damage damages[] = {
    { .name = "nothing" },
    /* cmp r13, [r14 + tag]: the tag of loads */
    { "tag", "*no check covers*", { 0x4d, 0x3b, 0xae }, 3, 3, 8, 0, true },
    /* the jnz behind it */
    { "branch", "*no check covers*", { 0x4d, 0x3b, 0xae }, 3, 8, 0x85, 0x84 },
    /* lea r13, [rdi + 11]: one byte less is checked */
    { "span", "*no check covers*", { 0x4c, 0x8d, 0x6f }, 3, 3, 11, 10 },
    /* lea r14d, [rdi + 8]: the entry of an address behind the first byte */
    { "index", "*no check covers*", { 0x44, 0x8d, 0x77 }, 3, 3, 8, 9 },
    /* and r14d, mask: beyond the table */
    { "mask", "*access to*", { 0x41, 0x81, 0xe6 }, 3, 5, (X86_TLB_SIZE - 1) << 5 >> 16,
      0x7f },
    /* mov [rdi + r14 + 8], eax: to eax */
    { "write", "*does not write it*", { 0x42, 0x89, 0x44, 0x37 }, 4, 1, 0x89, 0x8b },
    /* mov r14, [r14 + addend]: to rsi */
    { "leak", "*host address in a guest register*", { 0x4d, 0x8b, 0xb6 }, 3, 0, 0x4d, 0x49 },
    { .name = "stack", .push = true },
    /* lea r13, [r12 - 8]: a byte behind the first */
    { "stack-first", "*no check covers*", { 0x4d, 0x8d, 0x6c, 0x24 }, 4, 4, 0xf8, 0xf9,
      .push = true },
    /* cmp r13, 0x1000 - 8: one byte less is checked */
    { "stack-span", "*no check covers*", { 0x49, 0x81, 0xfd }, 3, 3, 0xf8, 0xf9, .push = true },
    /* the jnbe behind it */
    { "stack-branch", "*no check covers*", { 0x49, 0x81, 0xfd }, 3, 8, 0x87, 0x86, .push = true },
    /* mov r14, [addend]: the field behind it */
    { "stack-addend", "*no check covers*", { 0x4c, 0x8b, 0x34, 0x25 }, 4, 4, 0, 8, .push = true,
      .of_site = true },
};

/* Makes the block; *cold is where its cold code begins. */
static JitBuild *make_block(Guest *g, bool push, const uint8_t **cold)
{
    static const uint8_t mov[] = { 0x89, 0x47, 0x08 }, push_rax[] = { 0x50 };
    X86CPU *cpu = guest_cpu(g);
    X86Jit *jit = cpu->translator;
    CpuRegs in = {
        .rip = WINDOW_BASE + WINDOW_CODE, .mxcsr = X86_MXCSR_INIT, .fcw = X87_CW_INIT,
        .seg = { [X86_CS] = SEL_CODE64, [X86_SS] = SEL_DATA },
        .gpr = { [X86_RDI] = WINDOW_BASE + WINDOW_DATA, [X86_RSP] = WINDOW_BASE + WINDOW_DATA + 64 },
    };

    guest_write_code(g, WINDOW_CODE, push ? push_rax : mov, push ? sizeof(push_rax) : sizeof(mov));
    guest_load(g, &in);
    *cold = jit->code_rx + jit->code_size / 2 + jit->cold_used;
    x86_translator_step(cpu);
    return jit->build;
}

/* The executable address of the damage. */
static const uint8_t *find(const X86Tb *tb, const Damage *d, uint8_t low)
{
    for (const uint8_t *p = tb->body; p + d->find_len < tb->end; p++) {
        if (memcmp(p, d->find, d->find_len) == 0 && p[d->offset] == (uint8_t)(d->old + low)) {
            return p + d->offset;
        }
    }
    g_error("%s: the block has no such code; change this test with the translator", d->name);
}

static void check_damaged(const Damage *d)
{
    Guest *g = guest_new();
    const uint8_t *cold;
    JitBuild *b = make_block(g, d->push, &cold);
    X86Tlb *tlb = b->cpu->tlb;
    unsigned idx = (b->table - tlb->entry[0]) / X86_TLB_SIZE;
    uint8_t low = d->of_table ? (uintptr_t)b->table
                : d->of_site ? (uintptr_t)&tlb->site[idx][1][X86_TLB_STACK_SITE].addend : 0;

    if (d->find_len) {
        b->jit->code_rw[find(b->tb, d, low) - b->jit->code_rx] = d->val + low;
    }
    jit_check_block(b, cold);
    guest_free(g);
}

static void test_damage(gconstpointer data)
{
    const Damage *d = data;

    if (g_test_subprocess()) {
        check_damaged(d);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    if (d->report) {
        g_test_trap_assert_failed();
        g_test_trap_assert_stderr(d->report);
    } else {
        g_test_trap_assert_passed();
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_autofree char *path = g_strconcat("/translate/check/", damages[i].name, NULL);

        g_test_add_data_func(path, &damages[i], test_damage);
    }
    return g_test_run();
}
