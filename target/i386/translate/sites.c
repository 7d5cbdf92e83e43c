/*
 * Sites: accesses of loops that remember the page they were in last.
 *
 * The address of an access in a loop mostly lies in the page of the time before. Its site has that
 * page and its addend: to compare with them is shorter than to look into the TLB, and the
 * host address does not wait for the look-up. An access elsewhere looks there (cold code) and brings
 * the site up to date. Loops of a single block have sites; a loop whose accesses are scattered
 * over many pages is translated again without. All accesses through RSP share one: the stack's.
 *
 * A site belongs to a table of the TLB and to loads or stores, and is as true as a TLB entry:
 * whatever drops entries drops all sites (x86_tlb_clear_sites). Blocks share them, by chance.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <x86intrin.h>
#include "target/i386/translate/build.h"
#include "target/i386/translate/runtime.h"

enum {
    SITE_BUDGET = 1000, /* accesses elsewhere, until it is asked how long they took */
    SITE_WORTH = 200,   /* host cycles between two of them that make a site worth having */
};

static uint64_t *scattered_word(X86Jit *jit, const uint8_t *code, uint64_t *bit)
{
    unsigned n = ((uintptr_t)code * JIT_JUMP_FACTOR & UINT32_MAX) >> (32 - JIT_SCATTERED_BITS);

    *bit = 1ull << (n & 63);
    return &jit->scattered[n >> 6];
}

static bool jumps_to_start(const JitBuild *b, const JitInsn *insn)
{
    return insn->x.op[0].kind == X86_OP_REL && insn->x.mnemonic != X86_MN_CALL &&
           jit_rip(b->tb->key, jit_rip_after(b, insn) + insn->x.imm) == b->tb->rip;
}

void jit_find_sites(JitBuild *b)
{
    uint64_t bit;

    b->sites_left = 0;
    for (unsigned i = 0; i < b->count && !b->jit->single && !b->window; i++) {
        if (jumps_to_start(b, &b->insns[i]) &&
            !(*scattered_word(b->jit, b->tb->code, &bit) & bit)) {
            b->sites_left = X86_TLB_LOOP_SITES;
        }
    }
}

static unsigned table_index(const JitBuild *b)
{
    return (b->table - b->cpu->tlb->entry[0]) / X86_TLB_SIZE;
}

/* The next site for the block's accesses of this kind; NULL if there is none. */
static X86TlbSite *take_site(JitBuild *b, HostMem first, bool write)
{
    X86TlbSite *sites = b->cpu->tlb->site[table_index(b)][write];

    if (first.base == JIT_RSP) {
        return &sites[X86_TLB_STACK_SITE];
    }
    if (!b->sites_left) {
        return NULL;
    }
    b->sites_left--;
    return &sites[((b->tb->rip >> 4) + b->sites_left) % X86_TLB_LOOP_SITES];
}

static HostMem field(const X86TlbSite *site, unsigned offset)
{
    return host_abs((uint32_t)(uintptr_t)site + offset);
}

/* T0: how far the access is behind the beginning of the site's page. */
bool jit_site_check(JitBuild *b, const JitInsn *insn, HostMem first, HostMem last, bool write)
{
    Emit *e = &b->e;

    X86TlbSite *site = take_site(b, first, write);

    if (!site) {
        return false;
    }
    emit_load(e, true, JIT_T1, field(site, offsetof(X86TlbSite, addend)));
    emit_lea(e, true, JIT_T0, first);
    emit_op_mem(e, true, 0x2b, JIT_T0, field(site, offsetof(X86TlbSite, page)));
    emit_alu_imm(e, true, HOST_CMP, JIT_T0, 0x1000 - (last.disp - first.disp + 1));
    uint8_t *disp = emit_jcc(e, HOST_NBE, NULL);
    jit_add_cold(b, (JitCold){ .kind = first.base == JIT_RSP ? COLD_STACK : COLD_SITE,
                               .disp = disp, .back = emit_here(e), .insn = insn->index,
                               .first = first, .last = last, .write = write, .site = site });
    /* an unused site's page is no address: with it the host's instruction faults */
    jit_add_cold(b, (JitCold){ .kind = COLD_INTERPRET, .insn = insn->index });
    jit_flags_clobber(b);
    return true;
}

void jit_emit_site_miss(JitBuild *b, const JitCold *cold)
{
    Emit *e = &b->e;
    const JitInsn *insn = &b->insns[cold->insn];

    jit_table_check(b, insn, cold->first, cold->last, cold->write);
    emit_store(e, true, JIT_T0, field(cold->site, offsetof(X86TlbSite, page)));
    emit_store(e, true, JIT_T1, field(cold->site, offsetof(X86TlbSite, addend)));
    emit_op_mem(e, false, 0x83, HOST_SUB, field(cold->site, offsetof(X86TlbSite, budget)));
    emit8(e, 1);
    uint8_t *spent = emit_jcc(e, HOST_S, NULL);
    emit_jmp(e, cold->back);
    emit_patch_here(e, spent);
    jit_emit_call(b, insn, jit_sites_spent);
}

void jit_emit_stack_miss(JitBuild *b, const JitCold *cold)
{
    Emit *e = &b->e;

    emit_lea(e, true, JIT_T0, cold->first);
    emit_lea(e, true, JIT_T1, cold->last);
    emit_call(e, b->jit->stubs.stack[table_index(b)][cold->write]);
    emit_jcc(e, HOST_Z, cold->back);
    jit_emit_miss(b, cold->insn, cold->write);
}

/* Refills the budgets that are spent; true if one was spent too fast. */
static bool refill(X86Tlb *tlb)
{
    X86TlbSite *site = (X86TlbSite *)tlb->site;
    uint64_t now = __rdtsc();
    bool fast = false;

    for (unsigned i = 0; i < sizeof(tlb->site) / sizeof(*site); i++, site++) {
        if (site->budget < 0) {
            fast |= now - site->since < SITE_BUDGET * SITE_WORTH;
            site->budget = SITE_BUDGET;
            site->since = now;
        }
    }
    return fast;
}

const uint8_t *jit_sites_spent(X86JitContext *ctx, const X86TbInsn *insn)
{
    X86CPU *cpu = ctx->cpu;
    X86Tb *tb = x86_insn_tb(insn);
    uint64_t bit;

    if (!refill(cpu->tlb)) {
        jit_x87_leave(ctx, insn);
        return jit_again(ctx, insn);
    }
    *scattered_word(cpu->translator, tb->code, &bit) |= bit;
    return jit_abandon(ctx, insn);
}
