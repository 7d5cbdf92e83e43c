/*
 * The exec loop: runs blocks, and between them everything that is not an
 * instruction: events in the order of SDM vol. 3, 6.9, faults, traps, HLT.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/cpu-debug.h"
#include "target/i386/apic-hooks.h"
#include "target/i386/crdr.h"
#include "target/i386/interp/block.h"
#include "target/i386/interp/run.h"
#include "target/i386/syscall.h"
#include "target/i386/tlb.h"
#include "target/i386/translate/translate.h"
#include "target/i386/window.h"
#include "util/log.h"
#include "util/main-loop.h"

/* --- faults ------------------------------------------------------------------------------ */

static void log_event(const X86CPU *cpu, const char *kind, unsigned vector, uint32_t error)
{
    const X86State *s = &cpu->state;

    log_mask(LOG_INT,
             "cpu %d: %s %02x error %04x at %04x:%016" PRIx64 " cpl %u sp %04x:%016" PRIx64
             " cr2 %016" PRIx64 " rax %016" PRIx64 "\n",
             cpu->parent.cpu_index, kind, vector, error, s->segs[X86_CS].selector, s->rip,
             x86_cpl(s), s->segs[X86_SS].selector, s->regs[X86_RSP], s->cr2, s->regs[X86_RAX]);
}

void x86_deliver_fault(X86CPU *cpu, unsigned vector, uint32_t error)
{
    log_event(cpu, "fault", vector, error);
    cpu->state.pending_db = 0;
    x86_deliver_event(cpu, X86_EVENT_FAULT, vector, x86_vector_has_error(vector), error);
}

/* The instruction did not happen: RIP goes back to it. */
static void deliver_fault(X86CPU *cpu, unsigned vector, uint32_t error)
{
    if (cpu->interp->cur) {
        cpu->state.rip = x86_op_rip(cpu->interp->cur);
    } else if (cpu->interp->started) {
        cpu->state.rip = cpu->interp->start;
    }
    cpu->interp->started = false;
    if (vector != X86_EXCP_FREEZE) {
        x86_deliver_fault(cpu, vector, error);
    }
}

/* --- events between instructions ------------------------------------------------------------ */

static bool take(X86CPU *cpu, uint32_t mask)
{
    bool set = __atomic_load_n(&cpu->parent.interrupt_request, __ATOMIC_ACQUIRE) & mask;

    if (set) {
        cpu_reset_interrupt(&cpu->parent, mask);
    }
    return set;
}

/* What other threads asked to be forgotten. */
static void housekeeping(X86CPU *cpu)
{
    uint32_t request = __atomic_load_n(&cpu->parent.interrupt_request, __ATOMIC_ACQUIRE);

    if (request & CPU_INTERRUPT_TLB) {
        x86_tlb_sync(cpu);
    }
    if (request & CPU_INTERRUPT_CODE) {
        x86_code_sync(cpu);
    }
    if (take(cpu, CPU_INTERRUPT_A20)) {
        x86_tlb_flush(cpu);
    }
}

/* SMI, INIT and SIPI; false if there was none. */
static bool external_intervention(X86CPU *cpu)
{
    X86State *s = &cpu->state;

    if (!s->in_smm && take(cpu, CPU_INTERRUPT_SMI)) {
        log_event(cpu, "smi", 0, 0);
        x86_smm_enter(cpu);
        return true;
    }
    if (take(cpu, CPU_INTERRUPT_INIT)) {
        log_event(cpu, "init", 0, 0);
        bql_lock();
        x86_apic_init(cpu);
        bql_unlock();
        return true;
    }
    if (take(cpu, CPU_INTERRUPT_SIPI)) {
        bql_lock();
        x86_apic_sipi(cpu);
        bql_unlock();
        return true;
    }
    return false;
}

static bool nmi_or_interrupt(X86CPU *cpu)
{
    X86State *s = &cpu->state;
    int vector;

    if (!s->nmi_blocked && !(s->int_shadow & X86_SHADOW_MOV_SS) && take(cpu, CPU_INTERRUPT_NMI)) {
        log_event(cpu, "nmi", X86_EXCP_NMI, 0);
        cpu->parent.halted = false;
        x86_deliver_event(cpu, X86_EVENT_EXTERNAL, X86_EXCP_NMI, false, 0);
        return true;
    }
    if (!(s->eflags & X86_EFLAGS_IF) || s->int_shadow || !cpu->hooks || !cpu->hooks->interrupt ||
        !(__atomic_load_n(&cpu->parent.interrupt_request, __ATOMIC_ACQUIRE) &
          CPU_INTERRUPT_HARD)) {
        return false;
    }
    bql_lock();
    vector = cpu->hooks->interrupt(cpu);
    bql_unlock();
    if (vector >= 0) {
        cpu->parent.halted = false;
        log_event(cpu, "interrupt", vector, 0);
        x86_window_interrupt(cpu);
        x86_deliver_event(cpu, X86_EVENT_EXTERNAL, vector, false, 0);
    }
    return vector >= 0;
}

/* The #DB trap of the instruction that has just ended. */
static void debug_trap(X86CPU *cpu, bool stepped)
{
    X86State *s = &cpu->state;

    if ((stepped || s->pending_db) && !(s->int_shadow & X86_SHADOW_MOV_SS)) {
        log_event(cpu, "debug trap", X86_EXCP_DB, 0);
        x86_deliver_debug_trap(cpu, stepped ? X86_DR6_BS : 0);
    }
}

/* Handles all that is due at this boundary. A CPU_EXIT_ reason, or -1 to go on. */
static int handle_events(X86CPU *cpu)
{
    X86State *s = &cpu->state;

    if (x86_interrupted(cpu)) {
        housekeeping(cpu);
        while (external_intervention(cpu) || nmi_or_interrupt(cpu)) {
            if (s->triple_fault) {
                return CPU_EXIT_SHUTDOWN;
            }
        }
        if (take(cpu, CPU_INTERRUPT_EXIT)) {
            return CPU_EXIT_INTERRUPT;
        }
    }
    if (s->triple_fault) {
        return CPU_EXIT_SHUTDOWN;
    }
    return cpu->parent.halted ? CPU_EXIT_HALTED : -1;
}

/* --- the debugger ----------------------------------------------------------------------------- */

/* Events while interrupts are held back: what the debugger runs is this instruction. */
static int handle_urgent_events(X86CPU *cpu)
{
    if (x86_interrupted(cpu)) {
        housekeeping(cpu);
        if (take(cpu, CPU_INTERRUPT_EXIT)) {
            return CPU_EXIT_INTERRUPT;
        }
    }
    if (cpu->state.triple_fault) {
        return CPU_EXIT_SHUTDOWN;
    }
    return cpu->parent.halted ? CPU_EXIT_HALTED : -1;
}

/* As handle_events(), with breakpoints, watchpoints and steps; sets interp->stepping if
 * only one instruction may run. */
static int handle_debug_events(X86CPU *cpu)
{
    CPUState *cs = &cpu->parent;
    CPUDebug *d = &cs->debug;
    uint64_t pc = CPU_GET_CLASS(cs)->get_pc(cs);
    bool pass = d->passing && d->pass_pc == pc && cpu_breakpoint_at(cs, pc);
    int reason = -1;

    if (d->due.kind == CPU_STOP_NONE) {
        reason = pass || d->step & CPU_STEP_NOIRQ ? handle_urgent_events(cpu) : handle_events(cpu);
    }
    if (reason >= 0) {
        return reason;
    }
    pc = CPU_GET_CLASS(cs)->get_pc(cs);
    bool hit = cpu_breakpoint_at(cs, pc);
    if (hit && !(d->passing && d->pass_pc == pc)) {
        cpu_debug_stop(cs, CPU_STOP_BREAKPOINT, pc, 0);
    }
    if (d->due.kind != CPU_STOP_NONE) {
        return cpu_debug_exit(cs);
    }
    d->passing = false;
    cpu->interp->stepping = d->step || hit || cpu->interp->at_breakpoint;
    cpu->interp->at_breakpoint = false;
    return -1;
}

/* An instruction (or the delivery of its fault) that had to run alone has ended. */
static void end_step(X86CPU *cpu)
{
    cpu->interp->stepping = false;
    if (cpu->parent.debug.step) {
        cpu_debug_stop(&cpu->parent, CPU_STOP_STEP, 0, 0);
    }
}

/* --- running ----------------------------------------------------------------------------------- */

static void log_entry(X86CPU *cpu)
{
    if (log_on(LOG_EXEC)) {
        log_printf("exec 0x%016" PRIx64 " flags 0x%08x\n", cpu->state.rip, cpu->state.hflags);
    }
    if (log_on(LOG_CPU)) {
        g_autoptr(GString) text = g_string_new(NULL);

        CPU_GET_CLASS(cpu)->dump_state(&cpu->parent, text);
        log_printf("%s", text->str);
    }
}

/* From the block at RIP until something makes it leave. */
static void run_blocks(X86CPU *cpu)
{
    x86_enter_mode(cpu);
    if ((cpu->interp->key & X86_KEY_TRANSLATED) && x86_translator_run(cpu, cpu->interp->key)) {
        return;
    }
    const X86Op *op = x86_dispatch(cpu);

    log_entry(cpu);
    do {
        op = op->fn(cpu, op);
    } while (op);
}

/*
 * One instruction, in a mode where every one has a boundary to look at: single
 * step, breakpoints, interrupt shadow.
 */
static void run_single(X86CPU *cpu)
{
    X86State *s = &cpu->state;
    bool step = s->hflags & X86_HF_TF;
    uint32_t rf = s->eflags & X86_EFLAGS_RF;

    x86_enter_mode(cpu);
    const X86Op *op = x86_dispatch(cpu);

    log_entry(cpu);
    s->int_shadow = 0;
    do {
        op = op->fn(cpu, op);
    } while (op);
    s->eflags &= ~rf; /* it holds for one instruction; IRET may have set it just now */
    debug_trap(cpu, step);
}

static bool single(const X86CPU *cpu)
{
    const X86State *s = &cpu->state;

    return G_UNLIKELY((s->hflags & X86_KEY_SINGLE) || s->int_shadow || cpu->interp->stepping);
}

static int next_events(X86CPU *cpu)
{
    return G_UNLIKELY(cpu_debug_active(&cpu->parent)) ? handle_debug_events(cpu)
                                                      : handle_events(cpu);
}

static int exec_loop(X86CPU *cpu)
{
    int reason;

    while ((reason = next_events(cpu)) < 0) {
        if (single(cpu)) {
            run_single(cpu);
            end_step(cpu);
        } else {
            run_blocks(cpu);
            if (G_UNLIKELY(cpu->state.pending_db)) {
                debug_trap(cpu, false);
            }
        }
    }
    return reason;
}

int x86_cpu_exec(CPUState *cs)
{
    X86CPU *cpu = (X86CPU *)cs;
    X86FaultFrame frame = { .outer = cpu->fault };
    int reason;

    x86_tlb_attend(cpu);
    cpu->fault = &frame;
    if (_setjmp(frame.env)) {
        cpu->fault = &frame;
        deliver_fault(cpu, frame.vector, frame.error);
        end_step(cpu);
    }
    reason = exec_loop(cpu);
    cpu->fault = frame.outer;
    x86_tlb_rest(cpu);
    return reason;
}

/* One instruction by the translator, if the mode is one that it knows. */
static void step_translated(X86CPU *cpu)
{
    x86_enter_mode(cpu);
    if (single(cpu) || !(cpu->interp->key & X86_KEY_TRANSLATED) ||
        !x86_translator_run_one(cpu, cpu->interp->key)) {
        cpu->interp->stepping = true;
        run_single(cpu);
    } else if (cpu->state.pending_db) {
        debug_trap(cpu, false);
    }
}

static void step_interpreted(X86CPU *cpu)
{
    cpu->interp->stepping = true;
    run_single(cpu);
}

static void step(X86CPU *cpu, void (*engine)(X86CPU *cpu))
{
    X86FaultFrame frame = { .outer = cpu->fault };

    cpu->fault = &frame;
    if (_setjmp(frame.env)) {
        cpu->fault = &frame;
        deliver_fault(cpu, frame.vector, frame.error);
    } else {
        engine(cpu);
    }
    cpu->interp->stepping = false;
    cpu->fault = frame.outer;
}

void x86_interp_step(X86CPU *cpu)
{
    step(cpu, step_interpreted);
}

void x86_translator_step(X86CPU *cpu)
{
    step(cpu, step_translated);
}
