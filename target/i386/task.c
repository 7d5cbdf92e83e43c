/*
 * Task switches (SDM vol. 3, chapter 7).
 *
 *   32-bit TSS   0 link   1c CR3   20 EIP   24 EFLAGS  28-44 EAX ECX EDX EBX
 *                ESP EBP ESI EDI   48-5c ES CS SS DS FS GS   60 LDTR   64 T   66 I/O map
 *   16-bit TSS   0 link   0e IP    10 FLAGS  12-20 AX..DI   22-28 ES CS SS DS   2a LDTR
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/crdr.h"
#include "target/i386/seg.h"

typedef struct TssLayout {
    unsigned width; /* of its fields in bytes */
    unsigned ip, regs, segs, seg_count, ldt, min_limit;
} TssLayout;

static const TssLayout tss16 = { 2, 0x0e, 0x12, 0x22, 4, 0x2a, 0x2b };
static const TssLayout tss32 = { 4, 0x20, 0x28, 0x48, 6, 0x60, 0x67 };

/* What a TSS loads. */
typedef struct TaskState {
    uint32_t ip, flags, cr3;
    uint32_t regs[8];
    uint16_t segs[X86_SEG_COUNT];
    uint16_t ldt;
    bool trap;
} TaskState;

static const TssLayout *layout_of(unsigned type)
{
    return type >= X86_SYS_TSS_AVAIL ? &tss32 : &tss16;
}

static uint32_t read_field(X86CPU *cpu, uint64_t lin, unsigned width)
{
    return width == 2 ? x86_sys_read16(cpu, lin) : x86_sys_read32(cpu, lin);
}

static void write_field(X86CPU *cpu, uint64_t lin, unsigned width, uint32_t val)
{
    if (width == 2) {
        x86_sys_write16(cpu, lin, val);
    } else {
        x86_sys_write32(cpu, lin, val);
    }
}

static void save_task(X86CPU *cpu, uint32_t eflags)
{
    X86State *s = &cpu->state;
    const TssLayout *t = layout_of(s->tr.attr & X86_DESC_TYPE);
    uint64_t base = s->tr.base;

    x86_sys_probe(cpu, base + t->ip, t->ldt - t->ip, X86_ACCESS_WRITE);
    write_field(cpu, base + t->ip, t->width, s->rip);
    write_field(cpu, base + t->ip + t->width, t->width, eflags);
    for (unsigned i = 0; i < 8; i++) {
        write_field(cpu, base + t->regs + i * t->width, t->width, s->regs[i]);
    }
    for (unsigned i = 0; i < t->seg_count; i++) {
        x86_sys_write16(cpu, base + t->segs + i * t->width, s->segs[i].selector);
    }
}

static TaskState read_task(X86CPU *cpu, const TssLayout *t, uint64_t base)
{
    TaskState task = {
        .ip = read_field(cpu, base + t->ip, t->width),
        .flags = read_field(cpu, base + t->ip + t->width, t->width),
        .ldt = x86_sys_read16(cpu, base + t->ldt),
    };

    for (unsigned i = 0; i < 8; i++) {
        task.regs[i] = read_field(cpu, base + t->regs + i * t->width, t->width);
    }
    for (unsigned i = 0; i < t->seg_count; i++) {
        task.segs[i] = x86_sys_read16(cpu, base + t->segs + i * t->width);
    }
    if (t == &tss32) {
        task.cr3 = x86_sys_read32(cpu, base + 0x1c);
        task.trap = x86_sys_read16(cpu, base + 0x64) & 1;
    }
    return task;
}

/* Reads the new TSS's descriptor with the checks of SDM vol. 3, table 7-1. */
static X86Segment read_tss_desc(X86CPU *cpu, uint16_t sel, X86TaskReason reason, bool ext,
                                X86Desc *d)
{
    bool iret = reason == X86_TASK_IRET;
    unsigned vector = iret ? X86_EXCP_TS : X86_EXCP_GP;

    if (sel & 4 || x86_sel_null(sel)) {
        x86_raise(cpu, vector, x86_sel_error(sel, ext));
    }
    x86_desc_read(cpu, sel, vector, ext, d);
    unsigned type = x86_desc_type(d);
    bool fits = iret ? type == X86_SYS_TSS16_BUSY || type == X86_SYS_TSS_BUSY
                     : type == X86_SYS_TSS16_AVAIL || type == X86_SYS_TSS_AVAIL;
    if (x86_desc_s(d) || !fits) {
        x86_raise(cpu, vector, x86_sel_error(sel, ext));
    }
    if (!x86_desc_p(d)) {
        x86_raise(cpu, X86_EXCP_NP, x86_sel_error(sel, ext));
    }
    X86Segment tss = x86_segment_of(sel, d);
    if (tss.limit < layout_of(type)->min_limit) {
        x86_raise(cpu, X86_EXCP_TS, x86_sel_error(sel, ext));
    }
    return tss;
}

/* Sets or clears the busy bit of the TSS descriptor sel in the GDT. */
static void set_busy(X86CPU *cpu, uint16_t sel, bool busy)
{
    uint64_t lin = cpu->state.gdt.base + (sel & ~7u) + 4;
    uint32_t hi = x86_sys_read32(cpu, lin) & ~0x200u;

    x86_sys_write32(cpu, lin, hi | (busy ? 0x200 : 0));
}

static void load_task_cs(X86CPU *cpu, uint16_t sel)
{
    X86Desc d;
    unsigned rpl = sel & 3;

    if (x86_sel_null(sel)) {
        x86_raise(cpu, X86_EXCP_TS, 0);
    }
    x86_desc_read(cpu, sel, X86_EXCP_TS, false, &d);
    unsigned dpl = x86_desc_dpl(&d);
    if (!x86_desc_is_code(&d) || (x86_desc_is_conforming(&d) ? dpl > rpl : dpl != rpl)) {
        x86_raise(cpu, X86_EXCP_TS, x86_sel_error(sel, false));
    }
    if (!x86_desc_p(&d)) {
        x86_raise(cpu, X86_EXCP_NP, x86_sel_error(sel, false));
    }
    x86_set_cs(cpu, sel, &d, rpl);
}

/* The new task's selectors are in place, their descriptors are not: a fault
 * from here on is the new task's. */
static void place_task(X86CPU *cpu, const TaskState *task)
{
    X86State *s = &cpu->state;
    unsigned cpl = task->segs[X86_CS] & 3;

    s->rip = task->ip;
    for (unsigned i = 0; i < 8; i++) {
        s->regs[i] = task->regs[i];
    }
    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        s->segs[i] = (X86Segment) { .selector = task->segs[i], .attr = X86_DESC_UNUSABLE };
    }
    s->segs[X86_SS].attr |= cpl << X86_DESC_DPL_SHIFT;
    s->ldt = (X86Segment) { .selector = task->ldt, .attr = X86_DESC_UNUSABLE };
    x86_set_eflags(s, task->flags);
}

static void load_task_segs(X86CPU *cpu, const TaskState *task)
{
    static const uint8_t data[] = { X86_ES, X86_DS, X86_FS, X86_GS };
    X86State *s = &cpu->state;

    x86_load_ldtr(cpu, task->ldt, X86_EXCP_TS, X86_EXCP_TS);
    if (s->eflags & X86_EFLAGS_VM) {
        for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
            s->segs[i] = x86_segment_vm86(task->segs[i]);
        }
        x86_update_hflags(s);
        return;
    }
    load_task_cs(cpu, task->segs[X86_CS]);
    x86_load_ss(cpu, task->segs[X86_SS], task->segs[X86_CS] & 3, X86_EXCP_TS);
    for (unsigned i = 0; i < G_N_ELEMENTS(data); i++) {
        x86_load_data_seg(cpu, data[i], task->segs[data[i]], X86_EXCP_TS);
    }
    x86_update_hflags(s);
    if (s->rip > s->segs[X86_CS].limit) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
}

void x86_task_switch(X86CPU *cpu, uint16_t tss_sel, X86TaskReason reason, bool ext)
{
    X86State *s = &cpu->state;
    bool nests = reason == X86_TASK_CALL || reason == X86_TASK_EVENT;
    X86Desc d;
    X86Segment tss = read_tss_desc(cpu, tss_sel, reason, ext, &d);
    const TssLayout *layout = layout_of(x86_desc_type(&d));
    uint32_t eflags = x86_get_eflags(s);

    x86_sys_probe(cpu, tss.base, layout->min_limit + 1, nests ? X86_ACCESS_WRITE : X86_ACCESS_READ);
    TaskState task = read_task(cpu, layout, tss.base);
    save_task(cpu, reason == X86_TASK_IRET ? eflags & ~X86_EFLAGS_NT : eflags);
    if (nests) {
        x86_sys_write16(cpu, tss.base, s->tr.selector);
        task.flags |= X86_EFLAGS_NT;
    } else {
        set_busy(cpu, s->tr.selector, false);
    }
    set_busy(cpu, tss_sel, true);
    s->tr = tss;
    s->tr.attr |= 2;
    s->cr0 |= X86_CR0_TS;
    s->dr[7] &= ~(uint64_t)X86_DR7_LOCAL;
    if (layout == &tss32 && s->cr0 & X86_CR0_PG) {
        x86_write_cr3(cpu, task.cr3);
    }
    place_task(cpu, &task);
    load_task_segs(cpu, &task);
    if (task.trap) {
        s->pending_db = 1;
        s->pending_dr6 |= X86_DR6_BT;
    }
}

void x86_task_gate(X86CPU *cpu, const X86Desc *gate, X86TaskReason reason, bool ext)
{
    x86_task_switch(cpu, gate->lo >> 16, reason, ext);
}
