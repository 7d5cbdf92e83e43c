/*
 * Runs cases in a guest; see guest.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/cpu/guest.h"
#include "target/i386/translate/jit.h"
#include "target/i386/window-internal.h"
#include "target/i386/translate/translate.h"
#include <stdlib.h>
#include <string.h>
#include "memory/memory.h"
#include "target/i386/cpuid.h"
#include "target/i386/interp/interp.h"
#include "util/module.h"

/* System structures: physical, and linear in the kernel's half where no user
 * address of a case can reach them. */
enum {
    SYSTEM_PHYS = 0x200000, SYSTEM_SIZE = 0x20000,
    SYS_PML4 = 0x0000, SYS_PDPT = 0x1000, SYS_PD = 0x2000, SYS_PT = 0x3000,
    SYS_PDPT_HIGH = 0x4000, SYS_PD_HIGH = 0x5000,
    SYS_GDT = 0x8000, SYS_LDT = 0x8400, SYS_TSS = 0x8800, SYS_IDT = 0x9000,
    SYS_STACK = 0x10000,
};
#define KERNEL_BASE 0xffff800000000000ull
#define HANDLER_BASE (KERNEL_BASE + 0x100000) /* entry of vector n: 16 * n; never executed */

enum { SEL_KERNEL_CODE = 0x10, SEL_TSS = 0x40, SEL_LDTR = 0x50 };

enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 32, PTE_D = 64, PTE_PS = 128 };
#define PTE_NX (1ull << 63)

struct Guest {
    X86CPU *cpu;
    AddressSpace as, io_as;
    MemoryRegion root, io_root, window, system;
    X86CpuModel model;
    uint8_t *window_ram, *system_ram;
    GThread *disturber;
};

const uint8_t window_pages[WINDOW_SIZE / 4096] = {
    [1] = PAGE_RX, [3] = PAGE_R, [4] = PAGE_RW, [5] = PAGE_RW, [6] = PAGE_RW, [7] = PAGE_RW,
    [10] = PAGE_RW, [11] = PAGE_RW, [15] = PAGE_RW,
};

const CpuDescriptor ldt_descriptors[LDT_COUNT] = {
    [LDT_CODE16] = { WINDOW_BASE, 0xffff, .code = true, .writable_readable = true },
    [LDT_DATA16] = { WINDOW_BASE, 0xffff, .writable_readable = true },
    [LDT_DATA32] = { WINDOW_BASE, 0xffff, .big = true, .writable_readable = true },
    [LDT_SMALL] = { WINDOW_BASE, 0x5fff, .big = true, .writable_readable = true },
    [LDT_EXPAND_DOWN] = { WINDOW_BASE, 0x4fff, .writable_readable = true,
                          .expand_down_conforming = true },
    [LDT_READ_ONLY] = { WINDOW_BASE, 0xffff, .big = true },
    [LDT_NOT_PRESENT] = { WINDOW_BASE, 0xffff, .big = true, .writable_readable = true,
                          .not_present = true },
    [LDT_EXECUTE_ONLY] = { WINDOW_BASE, 0xffff, .code = true, .big = true },
    [LDT_CODE32] = { WINDOW_BASE, 0xffff, .code = true, .big = true, .writable_readable = true },
};

/* Descriptor: | base 31-24 | G D L AVL limit | P DPL S type | base 23-0 | limit 15-0 |.
 * Linux marks the entries of modify_ldt() accessed, and so do we. */
static uint64_t pack_descriptor(const CpuDescriptor *d)
{
    uint64_t attr = X86_DESC_A | (d->writable_readable ? X86_DESC_W : 0) |
                    (d->expand_down_conforming ? X86_DESC_E : 0) |
                    (d->code ? X86_DESC_CODE : 0) | X86_DESC_S | X86_DESC_DPL |
                    (d->not_present ? 0 : X86_DESC_P) | (d->big ? X86_DESC_DB : 0) |
                    (d->pages ? X86_DESC_G : 0);

    return (d->limit & 0xffff) | (uint64_t)(d->base & 0xffffff) << 16 | attr << 40 |
           (uint64_t)(d->limit >> 16 & 15) << 48 | (uint64_t)(d->base >> 24) << 56;
}

static void put64(Guest *g, unsigned offset, uint64_t val)
{
    memcpy(g->system_ram + offset, &val, 8);
}

static uint64_t get64(const Guest *g, uint64_t lin)
{
    uint64_t val;

    memcpy(&val, g->system_ram + (lin - KERNEL_BASE) % SYSTEM_SIZE, 8);
    return val;
}

static void build_page_tables(Guest *g)
{
    const uint64_t table = PTE_P | PTE_W | PTE_U | PTE_A;

    put64(g, SYS_PML4, (SYSTEM_PHYS + SYS_PDPT) | table);
    put64(g, SYS_PDPT, (SYSTEM_PHYS + SYS_PD) | table);
    put64(g, SYS_PD, (SYSTEM_PHYS + SYS_PT) | table);
    for (unsigned i = 0; i < WINDOW_SIZE / 4096; i++) {
        static const uint64_t rights[] = {
            0, PTE_P | PTE_U | PTE_NX, PTE_P | PTE_U | PTE_W | PTE_NX, PTE_P | PTE_U,
        };
        uint64_t right = rights[window_pages[i]];
        uint64_t page = WINDOW_BASE + i * 4096;
        put64(g, SYS_PT + page / 4096 * 8, right ? page | right | PTE_A | PTE_D : 0);
    }
    put64(g, SYS_PML4 + 256 * 8, (SYSTEM_PHYS + SYS_PDPT_HIGH) | PTE_P | PTE_W | PTE_A);
    put64(g, SYS_PDPT_HIGH, (SYSTEM_PHYS + SYS_PD_HIGH) | PTE_P | PTE_W | PTE_A);
    put64(g, SYS_PD_HIGH, SYSTEM_PHYS | PTE_P | PTE_W | PTE_A | PTE_D | PTE_PS);
}

/* 16-byte descriptor of a TSS (type 11: busy) or LDT (type 2). */
static void put_system_descriptor(Guest *g, unsigned selector, unsigned type, uint64_t base,
                                  unsigned limit)
{
    CpuDescriptor d = { base, limit };
    uint64_t low = pack_descriptor(&d) & ~(0xffull << 40);

    put64(g, SYS_GDT + selector, low | (uint64_t)(X86_DESC_P | type) << 40);
    put64(g, SYS_GDT + selector + 8, base >> 32);
}

/* As Linux has them: user segments at the same places, so that LAR, LSL and
 * segment loads agree. */
static void build_descriptor_tables(Guest *g)
{
    static const uint64_t gdt[16] = {
        0, 0x00cf9b000000ffff, 0x00af9b000000ffff, 0x00cf93000000ffff,
        0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff,
        [15] = 0x0040f50000000000, /* its limit is the number of the host's CPU */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(gdt); i++) {
        put64(g, SYS_GDT + i * 8, gdt[i]);
    }
    for (unsigned i = 0; i < LDT_COUNT; i++) {
        put64(g, SYS_LDT + i * 8, pack_descriptor(&ldt_descriptors[i]));
    }
    put_system_descriptor(g, SEL_TSS, 11, KERNEL_BASE + SYS_TSS, 0x67);
    put_system_descriptor(g, SEL_LDTR, 2, KERNEL_BASE + SYS_LDT, LDT_COUNT * 8 - 1);
    put64(g, SYS_TSS + 4, KERNEL_BASE + SYS_STACK + 0x8000);
    put64(g, SYS_TSS + 0x60, 0xffffull << 48); /* no I/O permission bitmap */
    for (unsigned v = 0; v < 256; v++) {
        uint64_t handler = HANDLER_BASE + 16 * v;
        uint64_t dpl = v == X86_EXCP_BP || v == X86_EXCP_OF ? 0x60 : 0;
        put64(g, SYS_IDT + v * 16, (handler & 0xffff) | SEL_KERNEL_CODE << 16 |
              (0x8e | dpl) << 40 | (handler >> 16 & 0xffff) << 48);
        put64(g, SYS_IDT + v * 16 + 8, handler >> 32);
    }
}

static X86Segment segment_of(const Guest *g, uint16_t selector)
{
    uint64_t d;
    uint32_t limit;
    X86Segment seg = { .selector = selector };

    if (selector < 4) {
        seg.attr = X86_DESC_UNUSABLE;
        return seg;
    }
    memcpy(&d, g->system_ram + (selector & 4 ? SYS_LDT : SYS_GDT) + (selector & ~7u), 8);
    limit = (d & 0xffff) | (d >> 32 & 0xf0000);
    seg.attr = d >> 40 & 0xf0ff;
    seg.limit = seg.attr & X86_DESC_G ? limit << 12 | 0xfff : limit;
    seg.base = (d >> 16 & 0xffffff) | (d >> 32 & 0xff000000);
    return seg;
}

/* What stays the same in all cases. */
static void init_system_state(Guest *g)
{
    X86State *s = &g->cpu->state;

    s->cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM |
             X86_CR0_PG;
    s->cr3 = SYSTEM_PHYS + SYS_PML4;
    s->cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_OSXSAVE |
             X86_CR4_FSGSBASE | X86_CR4_UMIP;
    s->efer = X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE;
    s->xcr0 = 7;
    s->gdt = (X86TableReg){ KERNEL_BASE + SYS_GDT, 127 };
    s->idt = (X86TableReg){ KERNEL_BASE + SYS_IDT, 4095 };
    s->tr = (X86Segment){ SEL_TSS, X86_DESC_P | 11, 0x67, KERNEL_BASE + SYS_TSS };
    s->ldt = (X86Segment){ SEL_LDTR, X86_DESC_P | 2, LDT_COUNT * 8 - 1, KERNEL_BASE + SYS_LDT };
}

static Guest *new_guest(bool windowed)
{
    Guest *g = g_new0(Guest, 1);

    module_call_init(MODULE_QOM);
    ram_blocks_in_files(windowed);

    memory_region_init(&g->root, NULL, "root", UINT64_MAX);
    memory_region_init(&g->io_root, NULL, "io", 0x10000);
    if (!memory_region_init_ram(&g->window, NULL, "window", WINDOW_SIZE, NULL) ||
        !memory_region_init_ram(&g->system, NULL, "system", SYSTEM_SIZE, NULL)) {
        g_error("no memory for the guest");
    }
    memory_region_add_subregion(&g->root, WINDOW_BASE, &g->window);
    memory_region_add_subregion(&g->root, SYSTEM_PHYS, &g->system);
    address_space_init(&g->as, &g->root, "memory");
    address_space_init(&g->io_as, &g->io_root, "io");
    g->window_ram = memory_region_get_ram_ptr(&g->window);
    g->system_ram = memory_region_get_ram_ptr(&g->system);
    memset(g->window_ram + WINDOW_CODE, 0xcc, 4096);

    g->cpu = aligned_alloc(64, sizeof(X86CPU) + 63 - (sizeof(X86CPU) + 63) % 64);
    memset(g->cpu, 0, sizeof(X86CPU));
    g->cpu->parent.as = g->cpu->smm_as = &g->as;
    g->cpu->parent.io_as = &g->io_as;
    x86_cpu_model_parse("max", NULL, &g->model, NULL);
    x86_cpu_set_model(g->cpu, &g->model);
    x86_interp_init(g->cpu);
    if (x86_translator_new(g->cpu, 64 << 20, NULL)) {
        x86_translator_check(g->cpu);
    }
    if (windowed) {
        x86_window_new(g->cpu, true);
        x86_window_use_ram(g->cpu->window, g->window.block);
    }
    guest_reset(g);
    return g;
}

Guest *guest_new(void)
{
    return new_guest(false);
}

Guest *guest_new_windowed(void)
{
    return new_guest(true);
}

void guest_reset(Guest *g)
{
    memset(g->system_ram, 0, SYSTEM_SIZE);
    build_page_tables(g);
    build_descriptor_tables(g);
    x86_cpu_state_reset(g->cpu, false);
    init_system_state(g);
    x86_tlb_flush(g->cpu);
    x86_interp_flush_code(g->cpu);
    x86_update_hflags(&g->cpu->state);
    x86_window_consider(g->cpu);
}

static void *disturb(void *opaque)
{
    CPUState *cpu = opaque;

    while (!__atomic_load_n(&cpu->stop, __ATOMIC_RELAXED)) {
        __atomic_store_n(cpu->poll, 1, __ATOMIC_SEQ_CST);
        g_thread_yield();
    }
    return NULL;
}

void guest_disturb(Guest *g)
{
    g->cpu->parent.stop = false;
    g->disturber = g_thread_new("disturb", disturb, &g->cpu->parent);
}

void guest_leave_alone(Guest *g)
{
    __atomic_store_n(&g->cpu->parent.stop, true, __ATOMIC_RELAXED);
    g_thread_join(g->disturber);
}

void guest_free(Guest *g)
{
    x86_interp_destroy(g->cpu);
    free(g->cpu);
    address_space_destroy(&g->as);
    address_space_destroy(&g->io_as);
    memory_region_destroy(&g->window);
    memory_region_destroy(&g->system);
    memory_region_destroy(&g->root);
    memory_region_destroy(&g->io_root);
    g_free(g);
}

X86CPU *guest_cpu(Guest *g)
{
    return g->cpu;
}

uint8_t *guest_window(Guest *g)
{
    return g->window_ram;
}

GuestMemory guest_memory(const Guest *g)
{
    return (GuestMemory) {
        .system_phys = SYSTEM_PHYS, .system = g->system_ram, .system_size = SYSTEM_SIZE,
        .handlers_phys = SYSTEM_PHYS + (HANDLER_BASE - KERNEL_BASE),
    };
}

void guest_load(Guest *g, const CpuRegs *r)
{
    X86State *s = &g->cpu->state;
    unsigned top = r->fsw >> 11 & 7;

    memcpy(s->regs, r->gpr, sizeof(s->regs));
    s->rip = r->rip;
    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        s->segs[i] = segment_of(g, r->seg[i]);
    }
    if (r->seg[X86_FS] < 4) {
        s->segs[X86_FS].base = r->fs_base;
    }
    if (r->seg[X86_GS] < 4) {
        s->segs[X86_GS].base = r->gs_base;
    }
    s->mxcsr = r->mxcsr;
    s->fpu.fcw = r->fcw;
    s->fpu.fsw = r->fsw;
    s->fpu.ftw = r->ftw;
    s->fpu.fop = r->fop;
    s->fpu.fip = r->fip;
    s->fpu.fdp = r->fdp;
    s->fpu.fcs = s->fpu.fds = 0;
    for (unsigned i = 0; i < 8; i++) {
        s->fpu.st[(top + i) & 7] = r->st[i];
    }
    for (unsigned i = 0; i < 16; i++) {
        memcpy(s->xmm[i].u64, r->ymm[i], 32);
    }
    s->cr2 = 0;
    s->int_shadow = 0;
    s->pending_db = 0;
    s->triple_fault = 0;
    x86_set_eflags(s, r->eflags | X86_EFLAGS_IF | X86_EFLAGS_FIXED);
    x86_update_hflags(s);
}

static void store_regs(const X86State *s, CpuRegs *r)
{
    unsigned top = s->fpu.fsw >> 11 & 7;

    memcpy(r->gpr, s->regs, sizeof(s->regs));
    r->rip = s->rip;
    r->eflags = x86_get_eflags(s);
    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        r->seg[i] = s->segs[i].selector;
    }
    r->fs_base = s->segs[X86_FS].base;
    r->gs_base = s->segs[X86_GS].base;
    r->mxcsr = s->mxcsr;
    r->fcw = s->fpu.fcw;
    r->fsw = s->fpu.fsw;
    r->ftw = s->fpu.ftw;
    r->fop = s->fpu.fop;
    r->fip = s->fpu.fip;
    r->fdp = s->fpu.fdp;
    for (unsigned i = 0; i < 8; i++) {
        r->st[i] = s->fpu.st[(top + i) & 7];
    }
    for (unsigned i = 0; i < 16; i++) {
        memcpy(r->ymm[i], s->xmm[i].u64, 32);
    }
}

void guest_write_code(Guest *g, unsigned offset, const void *code, unsigned len)
{
    address_space_write(&g->as, WINDOW_BASE + offset, MEMTXATTRS_NONE, code, len);
}

int guest_exception(const Guest *g)
{
    uint64_t entry = g->cpu->state.rip - HANDLER_BASE;

    return g->cpu->state.triple_fault ? X86_EXCP_DF : entry < 256 * 16 ? (int)(entry / 16)
                                                                      : OUTCOME_NONE;
}

/* The interrupted state from the frame: [error,] RIP, CS, RFLAGS, RSP, SS. */
static void unwind_exception(const Guest *g, const CpuCase *c, CpuOutcome *o)
{
    static const uint32_t with_error = 1 << X86_EXCP_DF | 1 << X86_EXCP_TS | 1 << X86_EXCP_NP |
        1 << X86_EXCP_SS | 1 << X86_EXCP_GP | 1 << X86_EXCP_PF | 1 << X86_EXCP_AC;
    uint64_t frame = g->cpu->state.regs[X86_RSP];

    o->vector = guest_exception(g);
    o->error = 0;
    if (o->vector < 32 && with_error >> o->vector & 1) {
        o->error = get64(g, frame);
        frame += 8;
    }
    o->cr2 = g->cpu->state.cr2;
    o->out.rip = get64(g, frame);
    o->out.seg[X86_CS] = get64(g, frame + 8);
    o->out.eflags = get64(g, frame + 16);
    o->out.gpr[X86_RSP] = get64(g, frame + 24);
    o->out.seg[X86_SS] = get64(g, frame + 32);
}

void guest_return(Guest *g)
{
    X86State *s = &g->cpu->state;
    uint64_t frame = s->regs[X86_RSP];

    s->rip = get64(g, frame);
    s->segs[X86_CS] = segment_of(g, get64(g, frame + 8));
    x86_set_eflags(s, get64(g, frame + 16));
    s->regs[X86_RSP] = get64(g, frame + 24);
    s->segs[X86_SS] = segment_of(g, get64(g, frame + 32));
    x86_update_hflags(s);
}

/* An engine may leave a repeated instruction between two iterations. */
static bool is_unfinished_string(const Guest *g, const CpuCase *c)
{
    return c->insn.prefixes & (X86_PFX_REP | X86_PFX_REPNE) &&
           x86_insn_row(&c->insn)->legality & X86_ROW_REP &&
           g->cpu->state.rip == c->in.rip && x86_cpl(&g->cpu->state) == 3;
}

void guest_run(Guest *g, CpuEngineFn *engine, const CpuCase *c, CpuOutcome *o)
{
    bool code16 = c->in.seg[X86_CS] == LDT_SELECTOR(LDT_CODE16);
    unsigned offset = c->in.rip - (code16 ? 0 : WINDOW_BASE);
    unsigned len = MIN(c->insn.len, WINDOW_CODE + 4096 - offset);
    uint8_t int3[X86_MAX_INSN_LEN];

    memset(int3, 0xcc, sizeof(int3));
    guest_write_code(g, offset, c->code, len);
    guest_load(g, &c->in);
    if (g->cpu->windowed) { /* what faulted there was another case */
        *jit_window_strikes(g->cpu->translator, g->window_ram + offset) = 0;
    }
    do {
        engine(g->cpu);
    } while (is_unfinished_string(g, c));
    store_regs(&g->cpu->state, &o->out);
    guest_write_code(g, offset, int3, len);
    o->vector = guest_exception(g);
    o->error = 0;
    if (x86_cpl(&g->cpu->state) == 0) {
        unwind_exception(g, c, o);
    }
}
