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

/* Makes the block of code for the segment cs; *cold is where its cold code begins. */
static JitBuild *make_block(Guest *g, uint16_t cs, const uint8_t *code, unsigned len,
                            const uint8_t **cold)
{
    X86CPU *cpu = guest_cpu(g);
    X86Jit *jit = cpu->translator;
    CpuRegs in = {
        .rip = WINDOW_BASE + WINDOW_CODE, .mxcsr = X86_MXCSR_INIT, .fcw = X87_CW_INIT,
        .seg = { [X86_CS] = cs, [X86_SS] = SEL_DATA, [X86_DS] = SEL_DATA, [X86_ES] = SEL_DATA },
        .gpr = { [X86_RDI] = WINDOW_BASE + WINDOW_DATA, [X86_RSP] = WINDOW_BASE + WINDOW_DATA + 64 },
    };

    guest_write_code(g, WINDOW_CODE, code, len);
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
    static const uint8_t mov[] = { 0x89, 0x47, 0x08 }, push_rax[] = { 0x50 };
    Guest *g = guest_new();
    const uint8_t *cold;
    JitBuild *b = d->push ? make_block(g, SEL_CODE64, push_rax, sizeof(push_rax), &cold)
                          : make_block(g, SEL_CODE64, mov, sizeof(mov), &cold);
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

/* --- accesses to the window ------------------------------------------------------------ */

/* In the host code of a block with a window: bytes, and what they become. */
typedef struct WindowDamage {
    const char *name, *report;
    const uint8_t *guest; /* code, ends with HLT */
    uint8_t find[16], put[16];
    uint8_t len, at;      /* of find and put; where they have a displacement from RSP */
    int16_t from, to;     /* offsets of that in the context */
    bool no_window, kernel, no_cold, other_cold, narrow; /* narrow: 32-bit code */
} WindowDamage;

enum {
    MASK = offsetof(X86JitContext, window_mask),
    PLACE = offsetof(X86JitContext, place),
    OPERAND = offsetof(X86JitContext, operand),
    R12 = offsetof(X86JitContext, regs[X86_R12]),
    R15 = offsetof(X86JitContext, regs[X86_R15]),
};

/* mov [rdi+8], eax: pext r14, rdi, [mask]; mov gs:[r14+8], eax */
static const uint8_t store[] = { 0x89, 0x47, 0x08, 0xf4 };
/* mov [rdi+8], eax; mov [rdi+16], eax */
static const uint8_t stores[] = { 0x89, 0x47, 0x08, 0x89, 0x47, 0x10, 0xf4 };
/* mov qword ptr [rdi], 42 */
static const uint8_t store_imm[] = { 0x48, 0xc7, 0x07, 0x2a, 0, 0, 0, 0xf4 };
/* push [rdi]: pext r14, rdi, [mask]; mov r13, gs:[r14]; pext r14, r12, [mask]; mov gs:[r14-8], r13 */
static const uint8_t push_mem[] = { 0xff, 0x37, 0xf4 };
/* cmp eax, ecx; mov edx, fs:[0x28]: ... lea r15, [r14+r15]; pext r14, r15, [mask];
 * mov edx, gs:[r14] */
static const uint8_t load_fs[] = { 0x39, 0xc8, 0x64, 0x8b, 0x14, 0x25, 0x28, 0, 0, 0, 0xf4 };
/* mov fs:[rdi], eax */
static const uint8_t store_fs[] = { 0x64, 0x89, 0x07, 0xf4 };
/* bts [rdi], rax, by way of the TLB */
static const uint8_t bit_string[] = { 0x48, 0x0f, 0xab, 0x07, 0xf4 };
/* mov r15, rdi, and r15 is in the context */
static const uint8_t move[] = { 0x49, 0x89, 0xff, 0xf4 };
/* and r12, -4096; mov eax, [r12], which is in the context: no page of a look-up */
static const uint8_t page[] = { 0x49, 0x81, 0xe4, 0x00, 0xf0, 0xff, 0xff, 0x41, 0x8b, 0x04, 0x24, 0xf4 };
/* lea eax, [edi+4]; and eax, -4096; mov [eax+ecx*4+8], eax; push eax; pop ecx; leave */
static const uint8_t narrow_page[] = { 0x8d, 0x47, 0x04, 0x25, 0x00, 0xf0, 0xff, 0xff, 0x89, 0x44, 0x88,
                                       0x08, 0x50, 0x59, 0xc9, 0xf4 };
/* andn esp, eax, [esi+8]: lea r15d, [rsi+8]; lea r14, [r15]; andn r12d, eax, gs:[r14] */
static const uint8_t narrow_andn[] = { 0xc4, 0xe2, 0x78, 0xf2, 0x66, 0x08, 0xf4 };

/* mov eax, [rdi]; mov ecx, [rdi+8]: pext r14, rdi, [mask]; mov [place], r14; mov eax, gs:[r14];
 * mov ecx, gs:[r14+8] */
static const uint8_t shared[] = { 0x8b, 0x07, 0x8b, 0x4f, 0x08, 0xf4 };
/* mov eax, [rdi]; mov rdi, rcx; mov ecx, [rdi+8] */
static const uint8_t not_shared[] = { 0x8b, 0x07, 0x48, 0x89, 0xcf, 0x8b, 0x4f, 0x08, 0xf4 };
/* mov r8d, ecx; mov edx, [rdi+r8*4+8]: pext r14, rdi, [mask]; mov edx, gs:[r14+r8*4+8] */
static const uint8_t positive_index[] = { 0x41, 0x89, 0xc8, 0x42, 0x8b, 0x54, 0x87, 0x08, 0xf4 };
/* movsxd r8, ecx; mov edx, [rdi+r8*4+8] */
static const uint8_t signed_index[] = { 0x4c, 0x63, 0xc1, 0x42, 0x8b, 0x54, 0x87, 0x08, 0xf4 };
/* mov r8d, ecx; mov edx, [r8*4+8] */
static const uint8_t low_index[] = { 0x41, 0x89, 0xc8, 0x42, 0x8b, 0x14, 0x85, 8, 0, 0, 0, 0xf4 };
/* mov edx, [0x1234] */
static const uint8_t low[] = { 0x8b, 0x14, 0x25, 0x34, 0x12, 0, 0, 0xf4 };
/* mov r8d, ecx; andn r12d, r13d, [r14+r8*4]: lea r14, [r14+r8*4] */
static const uint8_t lea_index[] = { 0x41, 0x89, 0xc8, 0xc4, 0x02, 0x10, 0xf2, 0x24, 0x86, 0xf4 };

/* call to the next instruction: mov dword ptr [r14+returns], eip; lea r13, [rip+...];
 * mov [r14+returns+8], r13 */
static const uint8_t call[] = { 0xe8, 0, 0, 0, 0, 0xf4 };
/* ret: and r14d, 0x1ff0; cmp r13, [r14+returns]; ... jmp [r14+returns+8] */
static const uint8_t ret[] = { 0xc3, 0xf4 };

static const WindowDamage window_damages[] = {
    { "store", NULL, store },
    { "push", NULL, push_mem },
    { "segment", NULL, load_fs },
    { "segment-register", NULL, store_fs },
    { "bit-string", NULL, bit_string },
    { "move", NULL, move },
    { "page", NULL, page },
    /* DS instead of GS */
    { "prefix", "*no check covers*", store, { 0x65, 0x41, 0x89, 0x46 }, { 0x3e, 0x41, 0x89, 0x46 }, 4 },
    /* [r15+8] */
    { "base", "*no place in the window*", store, { 0x65, 0x41, 0x89, 0x46 },
      { 0x65, 0x41, 0x89, 0x47 }, 4 },
    /* [r14+r9+8], with the instruction behind it */
    { "index", "*no place in the window*", push_mem, { 0x65, 0x4d, 0x89, 0x6e, 0xf8, 0x4d },
      { 0x65, 0x4f, 0x89, 0x6c, 0x0e, 0xf8 }, 6 },
    /* [r14d-8], with the first byte of the instruction behind it */
    { "address-size", "*no place in the window*", push_mem, { 0x65, 0x4d, 0x89, 0x6e, 0xf8, 0x4d },
      { 0x65, 0x67, 0x4d, 0x89, 0x6e, 0xf8 }, 6 },
    { "mask", "*no place in the window*", store, { 0xc4, 0x62, 0xc2, 0xf5, 0x74, 0x24 },
      { 0xc4, 0x62, 0xc2, 0xf5, 0x74, 0x24 }, 7, 6, MASK, MASK + 8 },
    /* pext r14d, edi */
    { "width", "*no place in the window*", store, { 0xc4, 0x62, 0xc2, 0xf5 },
      { 0xc4, 0x62, 0x42, 0xf5 }, 4 },
    /* pdep */
    { "pdep", "*no place in the window*", store, { 0xc4, 0x62, 0xc2, 0xf5 },
      { 0xc4, 0x62, 0xc3, 0xf5 }, 4 },
    /* the place of a place: pext r14, r14 */
    { "source", "*no place in the window*", push_mem, { 0xc4, 0x62, 0x9a, 0xf5 },
      { 0xc4, 0x62, 0x8a, 0xf5 }, 4 },
    /* pext rsi, rdi */
    { "leak", "*host address in a guest register*", store, { 0xc4, 0x62, 0xc2, 0xf5 },
      { 0xc4, 0xe2, 0xc2, 0xf5 }, 4 },
    /* mov gs:[r14+8], r14d */
    { "leak-to-memory", "*host address in guest memory*", store, { 0x65, 0x41, 0x89, 0x46 },
      { 0x65, 0x45, 0x89, 0x76 }, 4 },
    /* add r15, r14 */
    { "flags", "*flags that its cold code saves were lost*", load_fs, { 0x4f, 0x8d, 0x3c, 0x3e },
      { 0x4d, 0x01, 0xf7, 0x90 }, 4 },
    /* lea rdx, [r14+r15] */
    { "register", "*after a register has changed*", load_fs, { 0x4f, 0x8d, 0x3c, 0x3e },
      { 0x4b, 0x8d, 0x14, 0x3e }, 4 },
    /* gs:[r14+9]; eight bytes; a load; pext r14, rsi */
    { "displacement", "*not the guest instruction's*", store, { 0x65, 0x41, 0x89, 0x46, 0x08 },
      { 0x65, 0x41, 0x89, 0x46, 0x09 }, 5 },
    { "size", "*not the guest instruction's*", store, { 0x65, 0x41, 0x89 }, { 0x65, 0x49, 0x89 }, 3 },
    { "direction", "*not the guest instruction's*", load_fs, { 0x65, 0x41, 0x8b }, { 0x65, 0x41, 0x89 }, 3 },
    { "address", "*not the guest instruction's*", store, { 0xc4, 0x62, 0xc2, 0xf5 },
      { 0xc4, 0x62, 0xca, 0xf5 }, 4 },
    /* gs:[r14-16], one slot too far */
    { "slot", "*not the guest instruction's*", push_mem, { 0x65, 0x4d, 0x89, 0x6e, 0xf8 },
      { 0x65, 0x4d, 0x89, 0x6e, 0xf0 }, 5 },
    /* lea r15, [r14+r15*2] */
    { "segment-base", "*not the guest instruction's*", load_fs, { 0x4f, 0x8d, 0x3c, 0x3e },
      { 0x4f, 0x8d, 0x3c, 0x7e }, 4 },
    /* mov gs:[r14], al, twice */
    { "twice", "*after a store*", store_imm, { 0x65, 0x49, 0xc7, 0x06, 0x2a, 0, 0, 0 },
      { 0x65, 0x41, 0x88, 0x06, 0x65, 0x41, 0x88, 0x06 }, 8 },
    /* mov [mask], r14 */
    { "new-mask", "*change of the window's mask*", move, { 0x4c, 0x89, 0x7c, 0x24 },
      { 0x4c, 0x89, 0x7c, 0x24 }, 5, 4, R15, MASK },
    /* mov [rsp-128], r15 */
    { "below-context", "*not translated code's*", move, { 0x4c, 0x89, 0x7c, 0x24 },
      { 0x4c, 0x89, 0x7c, 0x24 }, 5, 4, R15, R12 - 128 },
    { "shared", NULL, shared },
    { "not-shared", NULL, not_shared },
    { "positive-index", NULL, positive_index },
    { "signed-index", NULL, signed_index },
    { "low-index", NULL, low_index },
    { "low", NULL, low },
    { "lea-index", NULL, lea_index },
    { "call", NULL, call },
    { "ret", NULL, ret },
    /* mov [r14+returns+8], rax */
    { "return-elsewhere", "*out of the code cache*", call, { 0x4d, 0x89, 0xae }, { 0x49, 0x89, 0x86 }, 3 },
    /* and r14d, 0x80001ff0; 0xfffff0 */
    { "return-place", "*not translated code's*", ret, { 0x41, 0x81, 0xe6, 0xf0, 0x1f, 0x00, 0x00 },
      { 0x41, 0x81, 0xe6, 0xf0, 0x1f, 0x00, 0x80 }, 7 },
    { "return-index", "*not translated code's*", ret, { 0x41, 0x81, 0xe6, 0xf0, 0x1f, 0x00, 0x00 },
      { 0x41, 0x81, 0xe6, 0xf0, 0xff, 0xff, 0x00 }, 7 },
    /* the place is not kept for whoever comes back from C; or it is kept elsewhere */
    { "not-kept", "*no place in the window*", shared, { 0x4c, 0x89, 0x74, 0x24 },
      { 0x4c, 0x8b, 0x74, 0x24 }, 5, 4, PLACE, PLACE },
    { "kept-elsewhere", "*no place in the window*", shared, { 0x4c, 0x89, 0x74, 0x24 },
      { 0x4c, 0x89, 0x74, 0x24 }, 5, 4, PLACE, OPERAND },
    /* gs:[r14+9] */
    { "shared-displacement", "*not the guest instruction's*", shared, { 0x65, 0x41, 0x8b, 0x4e, 0x08 },
      { 0x65, 0x41, 0x8b, 0x4e, 0x09 }, 5 },
    /* mov r8, rcx */
    { "wide-index", "*no place in the window*", positive_index, { 0x41, 0x89, 0xc8 },
      { 0x49, 0x89, 0xc8 }, 3 },
    { "wide-signed-index", "*no place in the window*", signed_index, { 0x4c, 0x63, 0xc1 },
      { 0x4c, 0x8b, 0xc1 }, 3 },
    { "wide-low-index", "*no place in the window*", low_index, { 0x41, 0x89, 0xc8 },
      { 0x49, 0x89, 0xc8 }, 3 },
    { "wide-lea-index", "*no place in the window*", lea_index, { 0x41, 0x89, 0xc8 },
      { 0x49, 0x89, 0xc8 }, 3 },
    /* gs:[r14+r9*4+8] */
    { "other-index", "*no place in the window*", positive_index, { 0x65, 0x43, 0x8b, 0x54, 0x86, 0x08 },
      { 0x65, 0x43, 0x8b, 0x54, 0x8e, 0x08 }, 6 },
    /* gs:[r14+r8*8+8] */
    { "scale", "*not the guest instruction's*", positive_index, { 0x65, 0x43, 0x8b, 0x54, 0x86, 0x08 },
      { 0x65, 0x43, 0x8b, 0x54, 0xc6, 0x08 }, 6 },
    { "low-address", "*not the guest instruction's*", low, { 0x65, 0x8b, 0x14, 0x25, 0x34 },
      { 0x65, 0x8b, 0x14, 0x25, 0x35 }, 5 },
    /* 32-bit code, lea r15d, [rdi+8]; mov gs:[r15], eax: 9; lea r15; lea r14d */
    { .name = "narrow", .guest = store, .narrow = true },
    { .name = "narrow-andn", .guest = narrow_andn, .narrow = true },
    { .name = "narrow-page", .guest = narrow_page, .narrow = true },
    { "narrow-displacement", "*not the guest instruction's*", store, { 0x44, 0x8d, 0x7f, 0x08 },
      { 0x44, 0x8d, 0x7f, 0x09 }, 4, .narrow = true },
    { "narrow-wide", "*no place in the window*", store, { 0x44, 0x8d, 0x7f, 0x08 },
      { 0x4c, 0x8d, 0x7f, 0x08 }, 4, .narrow = true },
    { "narrow-base", "*no place in the window*", store, { 0x44, 0x8d, 0x7f, 0x08 },
      { 0x44, 0x8d, 0x77, 0x08 }, 4, .narrow = true },
    { .name = "no-window", .report = "*block that has none*", .guest = store, .no_window = true },
    { .name = "kernel", .report = "*block that has none*", .guest = store, .kernel = true },
    { .name = "no-cold", .report = "*without cold code*", .guest = store, .no_cold = true },
    { .name = "other-cold", .report = "*without cold code*", .guest = stores, .other_cold = true },
};

static void set_displacement(const JitBuild *b, uint8_t *p, int offset)
{
    *p = (uintptr_t)b->jit->ctx + offset - jit_context_rsp(b->jit);
}

/* Damages the host code. */
static void patch(const JitBuild *b, const WindowDamage *d)
{
    uint8_t find[16], put[16];

    memcpy(find, d->find, sizeof(find));
    memcpy(put, d->put, sizeof(put));
    if (d->at) {
        set_displacement(b, find + d->at, d->from);
        set_displacement(b, put + d->at, d->to);
    }
    for (const uint8_t *p = b->tb->body; p + d->len < b->tb->end; p++) {
        if (memcmp(p, find, d->len) == 0) {
            memcpy(b->jit->code_rw + (p - b->jit->code_rx), put, d->len);
            return;
        }
    }
    g_error("%s: the block has no such code; change this test with the translator", d->name);
}

/* The block of code again, with a window; it is not for running. */
static JitBuild *make_window_block(Guest *g, uint16_t cs, const uint8_t *code, const uint8_t **cold)
{
    const uint8_t *end = memchr(code, 0xf4, 16);
    X86Tb *tb = make_block(g, cs, code, end + 1 - code, cold)->tb;
    X86Jit *jit = guest_cpu(g)->translator;
    bool full = false;

    *cold = jit->code_rx + jit->code_size / 2 + jit->cold_used;
    jit->single = false;
    tb = jit_translate(jit, tb->rip, tb->key | X86_KEY_WINDOW, tb->entry, tb->code, &full);
    g_assert_nonnull(tb);
    return jit->build;
}

static void check_window_damaged(const WindowDamage *d)
{
    Guest *g = guest_new();
    const uint8_t *cold;
    JitBuild *b = make_window_block(g, d->narrow ? SEL_CODE32 : SEL_CODE64, d->guest, &cold);

    if (d->len) {
        patch(b, d);
    }
    if (d->kernel) {
        b->tb->key &= ~(uint32_t)X86_HF_CPL_MASK;
    }
    if (d->no_window) {
        b->tb->key &= ~(uint32_t)X86_KEY_WINDOW;
    }
    if (d->no_cold) {
        b->tb->insns[0].cold = 0;
    }
    if (d->other_cold) {
        b->tb->insns[0].cold = b->tb->insns[1].cold;
    }
    jit_check_block(b, cold);
    guest_free(g);
}

/* --- programs ----------------------------------------------------------------------------- */

static void expect(const char *report)
{
    g_test_trap_subprocess(NULL, 0, 0);
    if (report) {
        g_test_trap_assert_failed();
        g_test_trap_assert_stderr(report);
    } else {
        g_test_trap_assert_passed();
    }
}

static void test_damage(gconstpointer data)
{
    const Damage *d = data;

    if (g_test_subprocess()) {
        check_damaged(d);
    } else {
        expect(d->report);
    }
}

static void test_window_damage(gconstpointer data)
{
    const WindowDamage *d = data;

    if (g_test_subprocess()) {
        check_window_damaged(d);
    } else {
        expect(d->report);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_autofree char *path = g_strconcat("/translate/check/", damages[i].name, NULL);

        g_test_add_data_func(path, &damages[i], test_damage);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(window_damages); i++) {
        g_autofree char *path = g_strconcat("/translate/check/window/", window_damages[i].name, NULL);

        g_test_add_data_func(path, &window_damages[i], test_window_damage);
    }
    return g_test_run();
}
