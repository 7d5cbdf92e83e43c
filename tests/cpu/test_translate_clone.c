/*
 * A cloned block is the block that translating the code at its new address gives: the same
 * structures, and code that differs only in where it lies.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "target/i386/interp/vec.h"
#include "target/i386/interp/x87.h"
#include "target/i386/translate/build.h"
#include "tests/cpu/guest.h"

#define FROM UINT64_C(0x7f0123456000)
#define TO UINT64_C(0x55aabbcde000)

typedef struct Code {
    const char *name;
    uint8_t bytes[48];
    bool not_cloned;
} Code;

static const Code codes[] = {
    /* mov eax, [rip+256]; mov [rip+512], ecx; ret */
    { "load-store", { 0x8b, 5, 0, 1, 0, 0, 0x89, 0x0d, 0, 2, 0, 0, 0xc3 } },
    /* lea rdx, [rip+768]; lea esi, [rip-256]; ret */
    { "lea", { 0x48, 0x8d, 0x15, 0, 3, 0, 0, 0x8d, 0x35, 0, 0xff, 0xff, 0xff, 0xc3 } },
    /* cmp dword [rip+16], 5; jz +3; mov eax, [rip+8192]; jnz -21; add rax, [rsp+8]; ret */
    { "branches", { 0x83, 0x3d, 16, 0, 0, 0, 5, 0x74, 3, 0x8b, 5, 0, 0x20, 0, 0, 0x75, 0xef, 0x48,
                    3, 0x44, 0x24, 8, 0xc3 } },
    /* call +80 */
    { "call", { 0xe8, 80, 0, 0, 0 } },
    { "call-next-page", { 0xe8, 0, 0x10, 0, 0 } },
    { "call-register", { 0xff, 0xd0 } },
    /* call [rip+64]; jmp [rip+64] */
    { "call-memory", { 0xff, 0x15, 64, 0, 0, 0 } },
    { "jump-memory", { 0xff, 0x25, 64, 0, 0, 0 } },
    /* mov [rdi], al; inc rdi; dec ecx; jnz -9; ret */
    { "loop", { 0x88, 7, 0x48, 0xff, 0xc7, 0xff, 0xc9, 0x75, 0xf7, 0xc3 } },
    /* movaps xmm0, [rip+64]; addps xmm1, xmm0; movaps [rip+96], xmm1; ret */
    { "sse", { 0x0f, 0x28, 5, 64, 0, 0, 0, 0x0f, 0x58, 0xc8, 0x0f, 0x29, 0x0d, 96, 0, 0, 0, 0xc3 } },
    /* fld1; fadd qword [rip+8]; fstp qword [rip+8]; jmp +0 */
    { "x87", { 0xd9, 0xe8, 0xdc, 5, 8, 0, 0, 0, 0xdd, 0x1d, 8, 0, 0, 0, 0xeb, 0 } },
    /* push rax; pop rcx; rep movsb; rdtsc; div ecx; mov rax, fs:[rip+8]; syscall */
    { "calls-of-c", { 0x50, 0x59, 0xf3, 0xa4, 0x0f, 0x31, 0xf7, 0xf1, 0x64, 0x48, 0x8b, 5, 8, 0, 0, 0,
                      0x0f, 5 } },
    /* mov eax, [eip+256]; ret: the constant's size depends on the address */
    { "eip", { 0x67, 0x8b, 5, 0, 1, 0, 0, 0xc3 }, true },
};

static const JitEntry entries[] = {
    { .saved = false }, { .vec_known = true, .saved = true }, { .x87_known = true },
    { .recipe = { JIT_RECIPE_CMP, 4, X86_RAX, X86_RCX } },
};

typedef struct Fixture {
    Guest *guest;
    X86Jit *jit;
    uint32_t key;
    const uint8_t *code;
} Fixture;

/* A guest in user mode with an instruction behind it, so that its tables stand. */
static void set_up(Fixture *f, const Code *c)
{
    static const uint8_t nop = 0x90;
    CpuRegs in = {
        .rip = WINDOW_BASE + WINDOW_CODE, .mxcsr = X86_MXCSR_INIT, .fcw = X87_CW_INIT,
        .seg = { [X86_CS] = SEL_CODE64, [X86_SS] = SEL_DATA },
    };

    f->guest = guest_new();
    guest_write_code(f->guest, WINDOW_CODE, &nop, 1);
    guest_load(f->guest, &in);
    x86_translator_step(guest_cpu(f->guest));
    f->jit = guest_cpu(f->guest)->translator;
    f->jit->single = false;
    f->key = f->jit->build->tb->key;
    guest_write_code(f->guest, WINDOW_CODE, c->bytes, sizeof(c->bytes));
    f->code = guest_window(f->guest) + WINDOW_CODE;
}

static X86Tb *translate(Fixture *f, uint64_t rip, JitEntry entry)
{
    bool full;
    X86Tb *tb = jit_translate(f->jit, rip, f->key, entry, f->code, &full);

    g_assert_nonnull(tb);
    return tb;
}

static uint8_t *writable(const Fixture *f, const X86Tb *tb, const JitFixupWalk *fixup)
{
    const uint8_t *at = (fixup->cold ? tb->cold : tb->body) + fixup->at;

    return f->jit->code_rw + (at - f->jit->code_rx);
}

/* Subtracts from what a fixup stands for where it lies or leads: equal blocks become the same. */
static void normalize(const Fixture *f, X86Tb *tb)
{
    for (JitFixupWalk fixup = jit_fixups(tb); jit_fixups_next(&fixup);) {
        uint8_t *at = writable(f, tb, &fixup);
        uint64_t val = 0;
        unsigned size = fixup.kind == FIXUP_INSN || fixup.kind == FIXUP_EXIT ? 8 : 4;

        memcpy(&val, at, size);
        switch (fixup.kind) {
        case FIXUP_BRANCH_OUT:
            val += at - f->jit->code_rw;
            break;
        case FIXUP_BRANCH_ACROSS:
            val += fixup.cold ? tb->cold - tb->body : tb->body - tb->cold;
            break;
        case FIXUP_INSN: case FIXUP_ARENA:
            val -= (uintptr_t)tb - (size == 4 ? (uintptr_t)f->jit->arena : 0);
            break;
        case FIXUP_EXIT:
            val -= (uintptr_t)tb->exits;
            break;
        case FIXUP_RIP32: case FIXUP_RIP64: case FIXUP_TLB: case FIXUP_PAGE_CHECK:
        case FIXUP_STEP: case FIXUP_COLD:
            break;
        }
        memcpy(at, &val, size);
    }
}

/* An address in a block's code as an offset, cold code above hot. */
static int64_t place(const X86Tb *tb, const uint8_t *p)
{
    return !p ? -1 : p >= tb->body && p <= tb->end ? p - tb->body : (p - tb->cold) + (1 << 20);
}

static void compare_exits(const Fixture *f, const X86Tb *a, const X86Tb *b)
{
    const uint8_t *code = f->jit->code_rx;

    g_assert_cmpuint(a->exit_count, ==, b->exit_count);
    for (unsigned i = 0; i < a->exit_count; i++) {
        const X86TbExit *x = &a->exits[i], *y = &b->exits[i];

        g_assert_cmphex(x->rip, ==, y->rip);
        g_assert_cmphex(x->key, ==, y->key);
        g_assert_true(!x->to && !y->to);
        g_assert_cmpint(place(a, code + x->disp), ==, place(b, code + y->disp));
        g_assert_cmpint(place(a, code + x->unlinked), ==, place(b, code + y->unlinked));
        g_assert_true(jit_same_entry(x->entry, y->entry) && x->same_page == y->same_page);
    }
}

static void compare(const Fixture *f, X86Tb *a, X86Tb *b)
{
    g_assert_cmphex(a->rip, ==, b->rip);
    g_assert_cmpuint(a->count, ==, b->count);
    g_assert_cmpmem(a->bytes, a->len, b->bytes, b->len);
    g_assert_cmpmem(a->insns, (a->count + 1) * sizeof(X86TbInsn), b->insns,
                    (b->count + 1) * sizeof(X86TbInsn));
    g_assert_cmpmem(x86_tb_groups(a), a->group_count * sizeof(X86TbGroup), x86_tb_groups(b),
                    b->group_count * sizeof(X86TbGroup));
    g_assert_cmpmem(x86_tb_fixups(a), a->fixup_count * sizeof(JitFixup), x86_tb_fixups(b),
                    b->fixup_count * sizeof(JitFixup));
    g_assert_cmpuint(a->size, ==, b->size);
    g_assert_cmpint(place(a, a->entry_host), ==, place(b, b->entry_host));
    g_assert_cmpint(place(a, a->entry_saved), ==, place(b, b->entry_saved));
    g_assert_cmpint(place(a, a->entry_checked), ==, place(b, b->entry_checked));
    compare_exits(f, a, b);
    normalize(f, a);
    normalize(f, b);
    g_assert_cmpmem(a->body, a->end - a->body, b->body, b->end - b->body);
    g_assert_cmpmem(a->cold, a->cold_len, b->cold, b->cold_len);
}

static void test_clone(gconstpointer data)
{
    const Code *c = data;

    for (unsigned i = 0; i < G_N_ELEMENTS(entries); i++) {
        Fixture f;
        bool full;

        set_up(&f, c);
        X86Tb *fresh = translate(&f, TO, entries[i]);
        jit_cache_insert(f.jit, translate(&f, FROM, entries[i]));
        X86Tb *clone = jit_clone(f.jit, TO, f.key, entries[i], f.code, &full);
        g_assert_false(full);
        g_assert_true(!clone == c->not_cloned);
        if (clone) {
            compare(&f, clone, fresh);
        }
        guest_free(f.guest);
    }
}

/* At addresses whose constants have other sizes nothing is cloned, nor what has been removed, nor in
 * another mode. */
static void test_refused(void)
{
    static const uint64_t elsewhere[] = { 0x401000, UINT64_C(0xffffffff81000000), UINT64_C(0x7fffff000) };
    const JitEntry plain = { 0 };
    Fixture f;
    bool full;

    set_up(&f, &codes[0]);
    X86Tb *tb = translate(&f, FROM, plain);
    jit_cache_insert(f.jit, tb);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_null(jit_clone(f.jit, elsewhere[i], f.key, plain, f.code, &full));
    }
    g_assert_nonnull(jit_clone(f.jit, elsewhere[2], f.key, plain, f.code, &full));
    g_assert_null(jit_clone(f.jit, TO, f.key ^ X86_KEY_CAREFUL, plain, f.code, &full));
    g_assert_null(jit_clone(f.jit, TO, f.key, plain, f.code + 1, &full));
    jit_cache_remove(f.jit, tb);
    g_assert_null(jit_clone(f.jit, TO, f.key, plain, f.code, &full));
    guest_free(f.guest);
}

/* Each version of a block is cloned from the one that was made for the same entry. */
static void test_versions(void)
{
    /* jz +2; addps xmm1, xmm0; fld1; ret: it likes to know flags and both states */
    static const Code code = { .bytes = { 0x74, 2, 0x0f, 0x58, 0xc8, 0xd9, 0xe8, 0xc3 } };
    Fixture f;
    bool full;

    set_up(&f, &code);
    for (unsigned i = 0; i < G_N_ELEMENTS(entries); i++) {
        jit_cache_insert(f.jit, translate(&f, FROM, entries[i]));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(entries); i++) {
        JitEntry entry = entries[i];
        X86Tb *clone = jit_clone(f.jit, TO, f.key, entry, f.code, &full);

        g_assert_nonnull(clone);
        g_assert_true(jit_same_entry(clone->entry, entry));
        jit_cache_remove(f.jit, jit_cache_find(f.jit, f.code, FROM, f.key, &entry));
        g_assert_null(jit_clone(f.jit, TO, f.key, entry, f.code, &full));
    }
    guest_free(f.guest);
}

/* --- clones ahead ------------------------------------------------------------------------- */

/* test eax, eax; jz +5; inc eax; jmp +1; int3; ret: both exits of the first block lead to the second. */
static const Code pair_code = { .bytes = { 0x85, 0xc0, 0x74, 5, 0xff, 0xc0, 0xeb, 1, 0xcc, 0xc3 } };
enum { SECOND = 9 };

typedef struct Pair {
    Fixture f;
    X86Tb *first, *second;
} Pair;

static X86Tb *translate_at(Pair *p, unsigned offset)
{
    bool full;
    const uint8_t *code = p->f.code + offset;
    X86Tb *tb = jit_translate(p->f.jit, FROM + offset, p->f.key, (JitEntry){ 0 }, code, &full);

    g_assert_nonnull(tb);
    jit_cache_insert(p->f.jit, tb);
    return tb;
}

static void set_up_pair(Pair *p)
{
    set_up(&p->f, &pair_code);
    p->first = translate_at(p, 0);
    p->second = translate_at(p, SECOND);
    g_assert_cmpuint(p->first->exit_count, ==, 2);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmphex(p->first->exits[i].rip, ==, FROM + SECOND);
        jit_cache_link(p->f.jit, &p->first->exits[i], p->second);
    }
}

static void map(const Pair *p, uint64_t rip, const uint8_t *code)
{
    X86TlbEntry *e = x86_tlb_entry(p->f.jit->cpu, rip);

    e->exec = x86_tlb_exec_tag(rip);
    e->addend = (uintptr_t)code - rip;
}

/* A clone as the run time makes it when it is asked for. */
static X86Tb *ask(Pair *p, uint64_t to, unsigned offset)
{
    bool full;
    X86Tb *tb = jit_clone(p->f.jit, to + offset, p->f.key, (JitEntry){ 0 }, p->f.code + offset, &full);

    g_assert_nonnull(tb);
    X86Tb *from = p->f.jit->cloned_from;
    jit_cache_insert(p->f.jit, tb);
    jit_ahead_link(p->f.jit, tb, from);
    return tb;
}

/* What follows tb, which has just been asked for, or NULL. */
static X86Tb *follow(Pair *p, X86Tb *tb)
{
    JitAhead ahead;
    X86Tb *from = p->f.jit->cloned_from;

    jit_ahead_begin(p->f.jit, &ahead, tb, from);
    X86Tb *next = jit_ahead_next(p->f.jit, &ahead, &from);
    if (next) {
        jit_cache_insert(p->f.jit, next);
        jit_ahead_link(p->f.jit, next, from);
        g_assert_null(jit_ahead_next(p->f.jit, &ahead, &from));
    }
    return next;
}

static bool linked(const X86Tb *first, const X86Tb *second)
{
    return first->exits[0].to == second && first->exits[1].to == second;
}

static void test_ahead(void)
{
    Pair p;

    set_up_pair(&p);
    map(&p, TO, p.f.code);
    X86Tb *fresh = translate(&p.f, TO, (JitEntry){ 0 });
    X86Tb *first = ask(&p, TO, 0), *second = follow(&p, first);
    g_assert_nonnull(second);
    g_assert_cmphex(second->rip, ==, TO + SECOND);
    g_assert_true(second->code == p.second->code);
    g_assert_true(linked(first, second) && linked(p.first, p.second));
    jit_cache_remove(p.f.jit, second);
    g_assert_true(linked(first, NULL));
    compare(&p.f, first, fresh);
    guest_free(p.f.guest);
}

/* Neither where the page is not known to be, nor what is there already. */
static void test_ahead_refused(void)
{
    Pair p;

    set_up_pair(&p);
    g_assert_null(follow(&p, ask(&p, TO, 0)));
    map(&p, TO + 0x10000, p.f.code + 0x1000);
    g_assert_null(follow(&p, ask(&p, TO + 0x10000, 0)));
    map(&p, TO + 0x20000, p.f.code);
    ask(&p, TO + 0x20000, SECOND);
    g_assert_null(follow(&p, ask(&p, TO + 0x20000, 0)));
    guest_free(p.f.guest);
}

/* Whichever is cloned first, and not to what is gone. */
static void test_ahead_links(void)
{
    Pair p;

    set_up_pair(&p);
    X86Tb *first = ask(&p, TO, 0);
    g_assert_true(linked(first, NULL));
    g_assert_true(linked(first, ask(&p, TO, SECOND)));
    guest_free(p.f.guest);

    set_up_pair(&p);
    X86Tb *second = ask(&p, TO, SECOND);
    g_assert_true(linked(ask(&p, TO, 0), second));
    guest_free(p.f.guest);

    set_up_pair(&p);
    jit_cache_remove(p.f.jit, ask(&p, TO, SECOND));
    g_assert_true(linked(ask(&p, TO, 0), NULL));
    guest_free(p.f.guest);

    set_up_pair(&p);
    jit_cache_remove(p.f.jit, ask(&p, TO, 0));
    g_assert_null(ask(&p, TO, SECOND)->incoming);
    guest_free(p.f.guest);
}

/* What is never asked for is not cloned for ever. */
static void test_ahead_ends(void)
{
    Pair p;
    unsigned made = 0, n = 0;

    set_up_pair(&p);
    for (X86Tb *second = p.second; second; made += second != NULL) {
        uint64_t to = TO + 0x10000 * ++n;

        map(&p, to, p.f.code);
        second = follow(&p, ask(&p, to, 0));
        g_assert_cmpuint(n, <, 100);
    }
    g_assert_cmpuint(made, >, 4);
    guest_free(p.f.guest);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++) {
        g_autofree char *path = g_strconcat("/translate/clone/", codes[i].name, NULL);

        g_test_add_data_func(path, &codes[i], test_clone);
    }
    g_test_add_func("/translate/clone/refused", test_refused);
    g_test_add_func("/translate/clone/versions", test_versions);
    g_test_add_func("/translate/ahead/clone", test_ahead);
    g_test_add_func("/translate/ahead/refused", test_ahead_refused);
    g_test_add_func("/translate/ahead/links", test_ahead_links);
    g_test_add_func("/translate/ahead/ends", test_ahead_ends);
    return g_test_run();
}
