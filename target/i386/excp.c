/*
 * Faults and the delivery of events through the IVT, the IDT and the TSS
 * (SDM vol. 3, chapter 6; VM86: chapter 20).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include "target/i386/seg.h"
#include "util/log.h"

void x86_raise(X86CPU *cpu, unsigned vector, uint32_t error)
{
    X86FaultFrame *frame = cpu->fault;

    frame->vector = vector;
    frame->error = error;
    longjmp(frame->env, 1);
}

void x86_raise_pf(X86CPU *cpu, uint64_t lin, uint32_t error)
{
    cpu->state.cr2 = lin;
    x86_raise(cpu, X86_EXCP_PF, error);
}

typedef struct Event {
    X86EventKind kind;
    uint8_t vector;
    bool has_error;
    bool ext; /* EXT bit of error codes raised during delivery */
    uint32_t error;
} Event;

/* The error code that names an IDT entry. */
static uint32_t idt_error(const Event *ev)
{
    return ev->vector * 8 + 2 + ev->ext;
}

/* RF in the saved image is 1 for faults, except code breakpoints, so that the
 * restarted instruction does not break again (SDM vol. 3, 17.3.1.1). */
static uint32_t saved_eflags(X86State *s, const Event *ev)
{
    uint32_t eflags = x86_get_eflags(s);

    return ev->kind == X86_EVENT_FAULT && ev->vector != X86_EXCP_DB ? eflags | X86_EFLAGS_RF
                                                                    : eflags;
}

static void deliver_real(X86CPU *cpu, const Event *ev)
{
    X86State *s = &cpu->state;
    X86Stack st = x86_stack_current(s, 0);

    if (ev->vector * 4u + 3 > s->idt.limit) {
        x86_raise(cpu, X86_EXCP_GP, idt_error(ev));
    }
    uint32_t entry = x86_sys_read32(cpu, s->idt.base + ev->vector * 4);
    uint32_t eflags = x86_get_eflags(s);

    x86_stack_push(cpu, &st, eflags, 2);
    x86_stack_push(cpu, &st, s->segs[X86_CS].selector, 2);
    x86_stack_push(cpu, &st, s->rip, 2);
    x86_stack_commit(s, &st);
    s->segs[X86_CS].selector = entry >> 16;
    s->segs[X86_CS].base = entry >> 16 << 4;
    s->rip = entry & 0xffff;
    x86_set_eflags(s, eflags & ~(X86_EFLAGS_IF | X86_EFLAGS_TF | X86_EFLAGS_RF | X86_EFLAGS_AC));
}

/* Reads and checks the gate; upper half for long mode. */
static void read_gate(X86CPU *cpu, const Event *ev, X86Desc *gate)
{
    X86State *s = &cpu->state;
    bool lma = s->hflags & X86_HF_LMA;
    unsigned size = lma ? 16 : 8;
    uint32_t allowed = lma ? 1u << X86_SYS_INT | 1u << X86_SYS_TRAP
                           : 1u << X86_SYS_INT | 1u << X86_SYS_TRAP | 1u << X86_SYS_INT16 |
                             1u << X86_SYS_TRAP16 | 1u << X86_SYS_TASK;

    if (ev->vector * size + size - 1 > s->idt.limit) {
        x86_raise(cpu, X86_EXCP_GP, idt_error(ev));
    }
    gate->addr = s->idt.base + ev->vector * size;
    uint64_t raw = x86_sys_read64(cpu, gate->addr);
    gate->lo = raw;
    gate->hi = raw >> 32;
    gate->base_hi = lma ? x86_sys_read32(cpu, gate->addr + 8) : 0;
    if (x86_desc_s(gate) || !(allowed >> x86_desc_type(gate) & 1) ||
        (ev->kind == X86_EVENT_SOFT_INT && x86_desc_dpl(gate) < x86_cpl(s))) {
        x86_raise(cpu, X86_EXCP_GP, idt_error(ev));
    }
    if (!x86_desc_p(gate)) {
        x86_raise(cpu, X86_EXCP_NP, idt_error(ev));
    }
}

/* Checks the code segment behind an interrupt or trap gate; returns the new CPL. */
static unsigned read_handler_code(X86CPU *cpu, const Event *ev, uint16_t sel, X86Desc *code)
{
    X86State *s = &cpu->state;
    unsigned cpl = x86_cpl(s);

    if (x86_sel_null(sel)) {
        x86_raise(cpu, X86_EXCP_GP, ev->ext);
    }
    x86_desc_read(cpu, sel, X86_EXCP_GP, ev->ext, code);
    unsigned dpl = x86_desc_dpl(code);
    bool lma = s->hflags & X86_HF_LMA;
    uint32_t width = x86_desc_attr(code) & (X86_DESC_L | X86_DESC_DB);
    unsigned new_cpl = x86_desc_is_conforming(code) ? cpl : dpl;
    if (!x86_desc_is_code(code) || dpl > cpl || (lma && width != X86_DESC_L) ||
        (s->hflags & X86_HF_VM86 && new_cpl != 0)) {
        x86_raise(cpu, X86_EXCP_GP, x86_sel_error(sel, ev->ext));
    }
    if (!x86_desc_p(code)) {
        x86_raise(cpu, X86_EXCP_NP, x86_sel_error(sel, ev->ext));
    }
    return new_cpl;
}

static void push_frame(X86CPU *cpu, X86Stack *st, const Event *ev, unsigned size)
{
    X86State *s = &cpu->state;

    x86_stack_push(cpu, st, saved_eflags(s, ev), size);
    x86_stack_push(cpu, st, s->segs[X86_CS].selector, size);
    x86_stack_push(cpu, st, s->rip, size);
    if (ev->has_error) {
        x86_stack_push(cpu, st, ev->error, size);
    }
}

static void enter_handler(X86CPU *cpu, const X86Desc *gate, X86Desc *code, unsigned cpl,
                          uint64_t offset, const X86Stack *st)
{
    X86State *s = &cpu->state;
    uint32_t clear = X86_EFLAGS_TF | X86_EFLAGS_VM | X86_EFLAGS_RF | X86_EFLAGS_NT;

    if (!(x86_desc_type(gate) & 1)) {
        clear |= X86_EFLAGS_IF; /* an interrupt gate, not a trap gate */
    }
    x86_set_cs(cpu, gate->lo >> 16, code, cpl);
    x86_stack_commit(s, st);
    s->rip = offset;
    x86_set_eflags(s, x86_get_eflags(s) & ~clear);
}

/* Leaving VM86: the data segments go on the stack and become null. */
static void push_vm86_segs(X86CPU *cpu, X86Stack *st, unsigned size)
{
    static const uint8_t order[] = { X86_GS, X86_FS, X86_DS, X86_ES };

    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        x86_stack_push(cpu, st, cpu->state.segs[order[i]].selector, size);
    }
}

static void null_data_segs(X86State *s)
{
    static const uint8_t data[] = { X86_ES, X86_DS, X86_FS, X86_GS };

    for (unsigned i = 0; i < G_N_ELEMENTS(data); i++) {
        s->segs[data[i]] = (X86Segment) { .attr = X86_DESC_UNUSABLE };
    }
}

static void deliver_inner(X86CPU *cpu, const Event *ev, const X86Desc *gate, X86Desc *code,
                          unsigned cpl, uint32_t offset)
{
    X86State *s = &cpu->state;
    unsigned size = x86_desc_type(gate) & 8 ? 4 : 2;
    bool vm86 = s->hflags & X86_HF_VM86;
    uint16_t ss;
    uint32_t esp;
    X86Desc d;

    x86_tss_stack(cpu, cpl, ev->ext, &ss, &esp);
    x86_check_inner_ss(cpu, ss, cpl, ev->ext, &d);
    x86_check_code_offset(cpu, code, offset, ev->ext);
    X86Segment seg = x86_segment_of(ss, &d);
    X86Stack st = x86_stack_at(&seg, esp, false, cpl, x86_sel_error(ss, ev->ext));
    if (vm86) {
        push_vm86_segs(cpu, &st, size);
    }
    x86_stack_push(cpu, &st, s->segs[X86_SS].selector, size);
    x86_stack_push(cpu, &st, s->regs[X86_RSP], size);
    push_frame(cpu, &st, ev, size);
    x86_desc_set_accessed(cpu, &d);
    x86_desc_set_accessed(cpu, code);
    if (vm86) {
        null_data_segs(s);
    }
    s->segs[X86_SS] = x86_segment_of(ss, &d);
    enter_handler(cpu, gate, code, cpl, offset, &st);
}

static void deliver_task_gate(X86CPU *cpu, const Event *ev, const X86Desc *gate)
{
    X86State *s = &cpu->state;

    x86_task_gate(cpu, gate, X86_TASK_EVENT, ev->ext);
    if (ev->has_error) {
        X86Stack st = x86_stack_current(s, ev->ext);
        bool wide = (s->tr.attr & X86_DESC_TYPE) >= X86_SYS_TSS_AVAIL;
        x86_stack_push(cpu, &st, ev->error, wide ? 4 : 2);
        x86_stack_commit(s, &st);
    }
}

static void deliver_protected(X86CPU *cpu, const Event *ev)
{
    X86State *s = &cpu->state;
    X86Desc gate, code;

    read_gate(cpu, ev, &gate);
    if (x86_desc_type(&gate) == X86_SYS_TASK) {
        deliver_task_gate(cpu, ev, &gate);
        return;
    }
    unsigned cpl = read_handler_code(cpu, ev, gate.lo >> 16, &code);
    unsigned size = x86_desc_type(&gate) & 8 ? 4 : 2;
    uint32_t offset = (gate.lo & 0xffff) | (size == 4 ? gate.hi & 0xffff0000 : 0);

    if (cpl < x86_cpl(s)) {
        deliver_inner(cpu, ev, &gate, &code, cpl, offset);
        return;
    }
    X86Stack st = x86_stack_current(s, ev->ext);
    x86_check_code_offset(cpu, &code, offset, ev->ext);
    push_frame(cpu, &st, ev, size);
    enter_handler(cpu, &gate, &code, cpl, offset, &st);
}

static void deliver_long(X86CPU *cpu, const Event *ev)
{
    X86State *s = &cpu->state;
    X86Desc gate, code;

    read_gate(cpu, ev, &gate);
    unsigned cpl = read_handler_code(cpu, ev, gate.lo >> 16, &code);
    uint64_t offset = (gate.lo & 0xffff) | (gate.hi & 0xffff0000) | (uint64_t)gate.base_hi << 32;
    unsigned ist = gate.hi & 7;
    bool inner = cpl < x86_cpl(s);
    uint64_t rsp = inner || ist ? x86_tss_rsp(cpu, cpl, ist, ev->ext) : s->regs[X86_RSP];
    X86Stack st = x86_stack_at(&s->segs[X86_SS], rsp & ~15ull, true, cpl, ev->ext);

    x86_check_code_offset(cpu, &code, offset, ev->ext);
    x86_stack_push(cpu, &st, s->segs[X86_SS].selector, 8);
    x86_stack_push(cpu, &st, s->regs[X86_RSP], 8);
    push_frame(cpu, &st, ev, 8);
    x86_desc_set_accessed(cpu, &code);
    if (inner) {
        s->segs[X86_SS] = x86_segment_null_ss(cpl);
    }
    enter_handler(cpu, &gate, &code, cpl, offset, &st);
}

static void deliver(X86CPU *cpu, const Event *ev)
{
    X86State *s = &cpu->state;

    if (!(s->hflags & X86_HF_PE)) {
        deliver_real(cpu, ev);
    } else if (s->hflags & X86_HF_LMA) {
        deliver_long(cpu, ev);
    } else {
        deliver_protected(cpu, ev);
    }
    if (ev->vector == X86_EXCP_DB && ev->kind != X86_EVENT_SOFT_INT) {
        s->dr[7] &= ~X86_DR7_GD;
    }
    if (ev->vector == X86_EXCP_NMI && ev->kind == X86_EVENT_EXTERNAL) {
        s->nmi_blocked = 1;
    }
    s->int_shadow = 0;
}

/* Delivers *ev; on a fault returns false with *frame telling which. */
static bool try_deliver(X86CPU *cpu, const Event *ev, X86FaultFrame *frame)
{
    frame->outer = cpu->fault;
    cpu->fault = frame;
    bool faulted = _setjmp(frame->env);
    if (!faulted) {
        deliver(cpu, ev);
    }
    cpu->fault = frame->outer;
    return !faulted;
}

static bool is_contributory(unsigned vector)
{
    return vector == X86_EXCP_DE || (vector >= X86_EXCP_TS && vector <= X86_EXCP_GP);
}

/* SDM vol. 3, table 6-5: does second on top of the first make a double fault? */
static bool makes_double_fault(const Event *first, unsigned second)
{
    if (first->kind != X86_EVENT_FAULT) {
        return false;
    }
    if (first->vector == X86_EXCP_PF) {
        return second == X86_EXCP_PF || is_contributory(second);
    }
    return is_contributory(first->vector) && is_contributory(second);
}

static void log_event(const X86State *s, const Event *ev)
{
    log_mask(LOG_INT, "event %d vector %02x error %04x cpl %u cs:rip %04x:%016" PRIx64
             " ss:rsp %04x:%016" PRIx64 " rax %016" PRIx64 " cr2 %016" PRIx64 "\n", ev->kind,
             ev->vector, ev->error, x86_cpl(s), s->segs[X86_CS].selector, s->rip,
             s->segs[X86_SS].selector, s->regs[X86_RSP], s->regs[X86_RAX], s->cr2);
}

static void note_event(X86CPU *cpu, const Event *ev)
{
    bool exception = ev->kind == X86_EVENT_FAULT || ev->kind == X86_EVENT_TRAP;
    X86TrailRing *ring = exception ? &cpu->trail.exceptions : &cpu->trail.interrupts;
    const X86State *s = &cpu->state;

    ring->event[ring->count++ % X86_TRAIL_EVENTS] = (X86TrailEvent) {
        .rip = s->rip, .rsp = s->regs[X86_RSP], .cr2 = s->cr2, .error = ev->error,
        .cs = s->segs[X86_CS].selector, .ss = s->segs[X86_SS].selector, .vector = ev->vector,
        .cpl = x86_cpl(s), .has_error = ev->has_error,
    };
}

void x86_deliver_event(X86CPU *cpu, X86EventKind kind, unsigned vector,
                       bool has_error, uint32_t error)
{
    X86State *s = &cpu->state;
    X86FaultFrame frame;
    Event ev = {
        .kind = kind, .vector = vector, .has_error = has_error, .error = error,
        .ext = kind != X86_EVENT_SOFT_INT,
    };

    note_event(cpu, &ev);
    if (kind == X86_EVENT_SOFT_INT) {
        log_event(s, &ev);
        deliver(cpu, &ev);
        return;
    }
    while (!try_deliver(cpu, &ev, &frame)) {
        if (ev.vector == X86_EXCP_DF && ev.kind == X86_EVENT_FAULT &&
            (frame.vector == X86_EXCP_PF || is_contributory(frame.vector))) {
            ev.vector = frame.vector;
            ev.error = frame.error;
            ev.has_error = x86_vector_has_error(frame.vector);
            note_event(cpu, &ev);
            s->triple_fault = 1;
            return;
        }
        bool twice = makes_double_fault(&ev, frame.vector);
        ev = (Event) {
            .kind = X86_EVENT_FAULT,
            .vector = twice ? X86_EXCP_DF : frame.vector,
            .error = twice ? 0 : frame.error,
            .has_error = twice || x86_vector_has_error(frame.vector),
            .ext = true,
        };
        note_event(cpu, &ev);
        log_event(s, &ev);
    }
}
