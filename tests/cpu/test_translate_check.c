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
#include "target/i386/translate/build.h"
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
    bool version;         /* the version that relies on the loop's anchor */
    bool in_cold;         /* find and put are of the cold code */
    bool call;            /* put stands for the call of load_vec in the cold code; if it is nothing, the call
                           * is one of what stands a byte behind */
    uint32_t entered, handed; /* if not 0, anchors that the block and its exits say they have */
} WindowDamage;

enum {
    MASK = offsetof(X86JitContext, window_mask),
    PLACE = offsetof(X86JitContext, place),
    SECOND = offsetof(X86JitContext, second_anchor),
    POLL = offsetof(X86JitContext, poll),
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

/* mov eax, [rdi]; mov [rdi+8], eax; add rdi, 16; dec ecx; jnz: pext r14, rdi, [mask]; lea r13, [rdi];
 * not r13; lea r14, [r14+r13+1]; mov [place], r14; and then gs:[rdi+r14], gs:[rdi+r14+8] */
static const uint8_t base_loop[] = {
    0x8b, 0x07, 0x89, 0x47, 0x08, 0x48, 0x83, 0xc7, 0x10, 0xff, 0xc9, 0x75, 0xf3, 0xf4,
};
/* mov eax, [rdi+rcx*4]; inc rcx; jnz: gs:[r14+rcx*4] */
static const uint8_t index_loop[] = { 0x8b, 0x04, 0x8f, 0x48, 0xff, 0xc1, 0x75, 0xf8, 0xf4 };
/* mov eax, [rdi+rcx*4]; add rdi, 8; inc rcx; jnz: lea r15, [rdi+rcx*4]; gs:[r14+r15] */
static const uint8_t both_loop[] = {
    0x8b, 0x04, 0x8f, 0x48, 0x83, 0xc7, 0x08, 0x48, 0xff, 0xc1, 0x75, 0xf4, 0xf4,
};
/* mov eax, [rdi+rsi*8]; dec ecx; jnz: gs:[r14] */
static const uint8_t fixed_loop[] = { 0x8b, 0x04, 0xf7, 0xff, 0xc9, 0x75, 0xf9, 0xf4 };
/* add rdi, 0x1000; mov eax, [rdi]; dec ecx; jnz */
static const uint8_t step_loop[] = {
    0x48, 0x81, 0xc7, 0, 0x10, 0, 0, 0x8b, 0x07, 0xff, 0xc9, 0x75, 0xf3, 0xf4,
};
/* vmovdqu xmm0, [rdi]; add rdi, 16; dec ecx; jnz: in cold code, call load_vec */
static const uint8_t vector_loop[] = {
    0xc5, 0xfa, 0x6f, 0x07, 0x48, 0x83, 0xc7, 0x10, 0xff, 0xc9, 0x75, 0xf4, 0xf4,
};
/* movzx esi, cl; mov eax, [rdi+rsi*4]; dec ecx; jnz */
static const uint8_t narrow_loop[] = { 0x0f, 0xb6, 0xf1, 0x8b, 0x04, 0xb7, 0xff, 0xc9, 0x75, 0xf6, 0xf4 };
/* mov eax, [rdi]; inc r15; add rdi, 16; dec ecx; jnz */
static const uint8_t count_loop[] = {
    0x8b, 0x07, 0x49, 0xff, 0xc7, 0x48, 0x83, 0xc7, 0x10, 0xff, 0xc9, 0x75, 0xf3, 0xf4,
};

/* mov eax, [rdi]; mov [rsi], eax; inc rdi; add rsi, 16; dec ecx; jnz: gs:[rdi+r14], gs:[rsi+r15] */
static const uint8_t two_loop[] = {
    0x8b, 0x07, 0x89, 0x06, 0x48, 0xff, 0xc7, 0x48, 0x83, 0xc6, 0x10, 0xff, 0xc9, 0x75, 0xf1, 0xf4,
};

/* mov eax, [rdi]; jnz */
static const uint8_t branch[] = { 0x8b, 0x07, 0x75, 0x00, 0xf4 };

/* lea rdi, [rdi+rsi]; jnz */
static const uint8_t sum_branch[] = { 0x48, 0x8d, 0x3c, 0x37, 0x75, 0x00, 0xf4 };

/* As jit_pack_anchor() has them: RDI moves; RSI does. */
enum { RDI_ANCHOR = 1 << 15 | X86_RDI << 9 | 16 << 4 | 2, RSI_ANCHOR = RDI_ANCHOR ^ 1 << 9 };
/* RDI moves, RSI does not; neither RDI nor RCX does. */
enum { RDI_RSI_ANCHOR = 1 << 15 | X86_RDI << 9 | X86_RSI << 4 | 2,
       RDI_RCX_ANCHOR = 1 << 15 | X86_RDI << 9 | X86_RCX << 4 };
/* In T1, in T2. */
#define TWO_ANCHORS(first, second) ((first) | (uint32_t)(second) << 16)

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
    { "anchor-base", NULL, base_loop },
    { "anchor-index", NULL, index_loop },
    { "anchor-both", NULL, both_loop },
    { "anchor-fixed", NULL, fixed_loop },
    { "anchor-step", NULL, step_loop },
    { "anchor-vector", NULL, vector_loop },
    { "anchor-narrow", NULL, narrow_loop },
    { "anchor-count", NULL, count_loop },
    { "anchor-two", NULL, two_loop },
    { .name = "version-base", .guest = base_loop, .version = true },
    { .name = "version-index", .guest = index_loop, .version = true },
    { .name = "version-both", .guest = both_loop, .version = true },
    { .name = "version-fixed", .guest = fixed_loop, .version = true },
    { .name = "version-step", .guest = step_loop, .version = true },
    { .name = "version-vector", .guest = vector_loop, .version = true },
    { .name = "version-narrow", .guest = narrow_loop, .version = true },
    { .name = "version-count", .guest = count_loop, .version = true },
    { .name = "version-two", .guest = two_loop, .version = true },
    /* pext r14, rsi */
    { "anchor-source", "*no place in the window*", base_loop, { 0xc4, 0x62, 0xc2, 0xf5 },
      { 0xc4, 0x62, 0xca, 0xf5 }, 4 },
    /* lea r13, [rsi]; no not; neg; not r13d */
    { "anchor-sum", "*no place in the window*", base_loop, { 0x4c, 0x8d, 0x2f }, { 0x4c, 0x8d, 0x2e }, 3 },
    { "anchor-no-not", "*no place in the window*", base_loop, { 0x49, 0xf7, 0xd5 }, { 0x0f, 0x1f, 0x00 }, 3 },
    { "anchor-neg", "*no place in the window*", base_loop, { 0x49, 0xf7, 0xd5 }, { 0x49, 0xf7, 0xdd }, 3 },
    { "anchor-narrow-not", "*no place in the window*", base_loop,
      { 0x49, 0xf7, 0xd5 }, { 0x41, 0xf7, 0xd5 }, 3 },
    /* lea r14, [r14+r13+2]; [r14+r13*2+1] */
    { "anchor-plus-two", "*no place in the window*", base_loop, { 0x4f, 0x8d, 0x74, 0x2e, 0x01 },
      { 0x4f, 0x8d, 0x74, 0x2e, 0x02 }, 5 },
    { "anchor-twice", "*no place in the window*", base_loop, { 0x4f, 0x8d, 0x74, 0x2e, 0x01 },
      { 0x4f, 0x8d, 0x74, 0x6e, 0x01 }, 5 },
    /* lea r13, [rcx*8] */
    { "anchor-scale", "*no place in the window*", index_loop, { 0x4c, 0x8d, 0x2c, 0x8d },
      { 0x4c, 0x8d, 0x2c, 0xcd }, 4 },
    /* what C will find is not the anchor */
    { "anchor-not-kept", "*no place in the window*", base_loop, { 0x4c, 0x89, 0x74, 0x24 },
      { 0x4c, 0x8b, 0x74, 0x24 }, 5, 4, PLACE, PLACE },
    { "anchor-kept-elsewhere", "*no place in the window*", base_loop, { 0x4c, 0x89, 0x74, 0x24 },
      { 0x4c, 0x89, 0x74, 0x24 }, 5, 4, PLACE, OPERAND },
    /* gs:[r14]; [rsi+r14]; [rdi*2+r14]; [rdi+r14*2]; [rdi+r14+9] */
    { "anchor-alone", "*no place in the window*", base_loop, { 0x65, 0x42, 0x8b, 0x04, 0x37 },
      { 0x65, 0x41, 0x8b, 0x06, 0x90 }, 5 },
    { "anchor-other-register", "*no place in the window*", base_loop, { 0x65, 0x42, 0x8b, 0x04, 0x37 },
      { 0x65, 0x42, 0x8b, 0x04, 0x36 }, 5 },
    { "anchor-register-twice", "*no place in the window*", base_loop, { 0x65, 0x42, 0x8b, 0x04, 0x37 },
      { 0x65, 0x41, 0x8b, 0x04, 0x7e }, 5 },
    { "anchor-times-two", "*no place in the window*", base_loop, { 0x65, 0x42, 0x8b, 0x04, 0x37 },
      { 0x65, 0x42, 0x8b, 0x04, 0x77 }, 5 },
    /* mov r13, r14 in front of NOT; mov gs:[rdi+r14+8], r14d */
    { "anchor-not-of-place", "*no place in the window*", base_loop, { 0x4c, 0x8d, 0x2f },
      { 0x4d, 0x89, 0xf5 }, 3 },
    { "anchor-leak", "*host address in guest memory*", base_loop, { 0x65, 0x42, 0x89, 0x44, 0x37, 0x08 },
      { 0x65, 0x46, 0x89, 0x74, 0x37, 0x08 }, 6 },
    { "anchor-displacement", "*not the guest instruction's*", base_loop,
      { 0x65, 0x42, 0x89, 0x44, 0x37, 0x08 },
      { 0x65, 0x42, 0x89, 0x44, 0x37, 0x09 }, 6 },
    /* gs:[r14+rcx*8]; lea r15, [rsi+rcx*4] */
    { "anchor-index-scale", "*no place in the window*", index_loop, { 0x65, 0x41, 0x8b, 0x04, 0x8e },
      { 0x65, 0x41, 0x8b, 0x04, 0xce }, 5 },
    { .name = "anchor-both-other", .report = "*no place in the window*", .guest = both_loop, .version = true,
      .find = { 0x4c, 0x8d, 0x3c, 0x8f }, .put = { 0x4c, 0x8d, 0x3c, 0x8e }, .len = 4 },
    /* gs:[rsi+r14]; it relies on another anchor */
    { .name = "version-other-register", .report = "*no place in the window*", .guest = base_loop,
      .version = true, .find = { 0x65, 0x42, 0x8b, 0x04, 0x37 }, .put = { 0x65, 0x42, 0x8b, 0x04, 0x36 },
      .len = 5 },
    { .name = "version-other-anchor", .report = "*no place in the window*", .guest = base_loop,
      .version = true, .entered = RSI_ANCHOR },
    /* add rdi, 0x7f001000 */
    { .name = "anchor-far", .report = "*no place in the window*", .guest = step_loop, .version = true,
      .find = { 0x48, 0x81, 0xc7, 0, 0x10, 0, 0 }, .put = { 0x48, 0x81, 0xc7, 0, 0x10, 0, 0x7f }, .len = 7 },
    /* mov rsi, rcx */
    { .name = "anchor-wide-index", .report = "*no place in the window*", .guest = narrow_loop,
      .version = true,
      .find = { 0x0f, 0xb6, 0xf1 }, .put = { 0x48, 0x89, 0xce }, .len = 3 },
    /* xor r14d, r14d instead of a call; the call of a place behind load_vec */
    { .name = "anchor-lost-in-cold", .report = "*no place in the window*", .guest = vector_loop,
      .version = true, .call = true, .put = { 0x45, 0x31, 0xf6, 0x66, 0x90 } },
    { .name = "anchor-other-call", .report = "*no place in the window*", .guest = vector_loop,
      .version = true, .call = true },
    /* its exits hand over others; mov r14, rdi; mov [place], r15 */
    { .name = "anchor-handed-over", .report = "*hands over another anchor*", .guest = base_loop,
      .handed = RSI_ANCHOR },
    { .name = "version-handed-over", .report = "*hands over another anchor*", .guest = base_loop,
      .version = true, .handed = RSI_ANCHOR },
    { .name = "anchor-none-handed-over", .report = "*hands over another anchor*", .guest = branch,
      .handed = RDI_ANCHOR },
    { .name = "anchor-lost", .report = "*hands over another anchor*", .guest = fixed_loop, .version = true,
      .find = { 0x65, 0x41, 0x8b, 0x06 }, .put = { 0x49, 0x89, 0xfe, 0x90 }, .len = 4 },
    { .name = "anchor-other-part", .report = "*hands over another anchor*", .guest = base_loop,
      .version = true, .handed = RDI_RSI_ANCHOR },
    { .name = "anchor-not-linear", .report = "*hands over another anchor*", .guest = sum_branch,
      .handed = RDI_RCX_ANCHOR },
    /* xor r14d, r14d instead of the poll in front of the exit */
    { .name = "anchor-lost-at-exit", .report = "*hands over another anchor*", .guest = base_loop,
      .version = true, .in_cold = true, .find = { 0x83, 0x7c, 0x24, 0, 0 },
      .put = { 0x45, 0x31, 0xf6, 0x66, 0x90 }, .len = 5, .at = 3, .from = POLL },
    { "anchor-overwritten", "*hands over another anchor*", count_loop, { 0x4c, 0x89, 0x7c, 0x24 },
      { 0x4c, 0x89, 0x7c, 0x24 }, 5, 4, R15, PLACE },
    /* mov [operand], r15; gs:[rsi+r14]; xor r15d, r15d instead of the poll in front of the exit */
    { "second-kept-elsewhere", "*no place in the window*", two_loop, { 0x4c, 0x89, 0x7c, 0x24 },
      { 0x4c, 0x89, 0x7c, 0x24 }, 5, 4, SECOND, OPERAND },
    { "second-is-first", "*no place in the window*", two_loop, { 0x65, 0x42, 0x89, 0x04, 0x3e },
      { 0x65, 0x42, 0x89, 0x04, 0x36 }, 5 },
    { .name = "second-lost-at-exit", .report = "*hands over another anchor*", .guest = two_loop,
      .version = true, .in_cold = true, .find = { 0x83, 0x7c, 0x24, 0, 0 },
      .put = { 0x45, 0x31, 0xff, 0x66, 0x90 }, .len = 5, .at = 3, .from = POLL },
    { .name = "second-handed-over", .report = "*hands over another anchor*", .guest = two_loop,
      .handed = TWO_ANCHORS(RDI_ANCHOR, RDI_ANCHOR) },
    { .name = "second-entered", .report = "*no place in the window*", .guest = two_loop, .version = true,
      .entered = TWO_ANCHORS(RDI_ANCHOR, RDI_ANCHOR) },
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
static void patch(const JitBuild *b, const WindowDamage *d, const uint8_t *cold)
{
    const uint8_t *from = d->in_cold ? cold : b->tb->body;
    const uint8_t *end = d->in_cold ? cold + b->tb->cold_len : b->tb->end;
    uint8_t find[16], put[16];

    memcpy(find, d->find, sizeof(find));
    memcpy(put, d->put, sizeof(put));
    if (d->at) {
        set_displacement(b, find + d->at, d->from);
        if (d->to) {
            set_displacement(b, put + d->at, d->to);
        }
    }
    for (const uint8_t *p = from; p + d->len < end; p++) {
        if (memcmp(p, find, d->len) == 0) {
            memcpy(b->jit->code_rw + (p - b->jit->code_rx), put, d->len);
            return;
        }
    }
    g_error("%s: the block has no such code; change this test with the translator", d->name);
}

/* Damages the call of load_vec. */
static void patch_call(const JitBuild *b, const WindowDamage *d, const uint8_t *cold)
{
    for (const uint8_t *p = cold; p + 5 <= cold + b->tb->cold_len; p++) {
        uint8_t *rw = b->jit->code_rw + (p - b->jit->code_rx);
        int32_t disp;

        memcpy(&disp, p + 1, 4);
        if (*p == 0xe8 && p + 5 + disp == b->jit->stubs.load_vec) {
            if (d->put[0]) {
                memcpy(rw, d->put, 5);
            } else {
                rw[1]++;
            }
            return;
        }
    }
    g_error("%s: the block has no such call; change this test with the translator", d->name);
}

/* The block of code again, with a window; it is not for running. */
static JitBuild *make_window_block(Guest *g, uint16_t cs, const uint8_t *code, bool version,
                                   const uint8_t **cold)
{
    const uint8_t *end = memchr(code, 0xf4, 16);
    X86Tb *tb = make_block(g, cs, code, end + 1 - code, cold)->tb;
    X86Jit *jit = guest_cpu(g)->translator;
    JitEntry entry = tb->entry;
    bool full = false;

    jit->single = false;
    for (unsigned i = 0; i < (version ? 2 : 1); i++) {
        *cold = jit->code_rx + jit->code_size / 2 + jit->cold_used;
        tb = jit_translate(jit, tb->rip, tb->key | X86_KEY_WINDOW, entry, tb->code, &full);
        g_assert_nonnull(tb);
        entry.anchor = tb->wants_anchor;
    }
    g_assert_true(!version || (tb->entry.anchor && tb->entry.anchor == tb->wants_anchor));
    return jit->build;
}

static void check_window_damaged(const WindowDamage *d)
{
    Guest *g = guest_new();
    const uint8_t *cold;
    JitBuild *b = make_window_block(g, d->narrow ? SEL_CODE32 : SEL_CODE64, d->guest, d->version, &cold);

    if (d->len) {
        patch(b, d, cold);
    }
    if (d->call) {
        patch_call(b, d, cold);
    }
    if (d->entered) {
        b->tb->entry.anchor = d->entered;
    }
    for (unsigned i = 0; i < b->tb->exit_count && d->handed; i++) {
        b->tb->exits[i].entry.anchor = d->handed;
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
