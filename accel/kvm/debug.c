/*
 * Breakpoints, watchpoints and single steps under KVM: by the host's debug registers, of which there
 * are four, and the trap flag (KVM_SET_GUEST_DEBUG; SDM vol. 3, 18.2). Watchpoints and hardware
 * breakpoints come first; other breakpoints take the registers that are left, and INT3s (int3.c) when
 * none is. The guest's own debug registers do not work meanwhile; a debug exception or an INT3 that is
 * not ours is given to it.
 *
 * A breakpoint is passed by a step of its CPU without it. The other CPUs run meanwhile: if it is an
 * INT3, they may miss it. gdb, which steps one thread alone, loses nothing.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "accel/kvm/kvm.h"
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include "accel/runstate.h"
#include "hw/core/cpu-debug.h"
#include "util/main-loop.h"
#include "util/trace.h"

TRACE_EVENT(kvm_debug_enter, "cpu %d control 0x%x dr7 0x%" PRIx64);
TRACE_EVENT(kvm_debug_exit, "cpu %d pc 0x%" PRIx64 " dr6 0x%" PRIx64);

enum { DEBUG_REGISTERS = 4, DR7_FIXED = 0x400, DR6_STEP = 1 << 14, VECTOR_DB = 1, VECTOR_BP = 3 };
enum { ON_EXECUTE = 0, ON_WRITE = 1, ON_ACCESS = 3 }; /* the R/W field of DR7 */

/* One debug register in use. */
typedef struct Point {
    uint64_t addr;
    unsigned len, kind;
    uint64_t watch_addr;     /* of the watchpoint that it is a part of */
    unsigned watch_access;
} Point;

typedef struct Points {
    Point at[DEBUG_REGISTERS];
    unsigned count;
    bool fits;
} Points;

static void add(Points *points, Point p)
{
    if (points->count == DEBUG_REGISTERS) {
        points->fits = false;
    } else {
        points->at[points->count++] = p;
    }
}

/* In pieces of 1, 2, 4 or 8 bytes, each aligned. */
static void add_watchpoint(Points *points, const CPUWatchpoint *w)
{
    uint64_t addr = w->addr, left = w->len;

    while (left && points->fits) {
        unsigned len = 8;
        while (len > left || addr % len) {
            len /= 2;
        }
        add(points, (Point) { addr, len, w->access == CPU_WATCH_WRITE ? ON_WRITE : ON_ACCESS,
                              w->addr, w->access });
        addr += len;
        left -= len;
    }
}

/* Breakpoints of one sort; but none at skip, unless that is NULL. Hardware breakpoints must fit; rest, if
 * not NULL, gets the others that do not. */
static void add_breakpoints(Points *points, const CPUState *cpu, bool hardware, const uint64_t *skip,
                            GArray *rest)
{
    const GArray *breaks = cpu->debug.breakpoints;

    for (guint i = 0; breaks && i < breaks->len; i++) {
        const CPUBreakpoint *b = &g_array_index(breaks, CPUBreakpoint, i);
        if (b->hardware != hardware || (skip && b->pc == *skip)) {
            continue;
        }
        if (hardware || points->count < DEBUG_REGISTERS) {
            add(points, (Point) { .addr = b->pc, .len = 1, .kind = ON_EXECUTE });
        } else if (rest) {
            g_array_append_val(rest, b->pc);
        }
    }
}

/* What the debugger wants of the registers; but no breakpoint at skip, unless that is NULL. rest, if not
 * NULL, gets the addresses of breakpoints for which none is left. */
static Points collect(const CPUState *cpu, const uint64_t *skip, GArray *rest)
{
    const GArray *watches = cpu->debug.watchpoints;
    Points points = { .fits = true };

    for (guint i = 0; watches && i < watches->len; i++) {
        add_watchpoint(&points, &g_array_index(watches, CPUWatchpoint, i));
    }
    add_breakpoints(&points, cpu, true, skip, NULL);
    add_breakpoints(&points, cpu, false, skip, rest);
    return points;
}

bool kvm_debug_fits(CPUState *cpu)
{
    g_autoptr(GArray) rest = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    bool fits = collect(cpu, NULL, rest).fits;

    for (guint i = 0; i < rest->len; i++) {
        fits = fits && kvm_int3_possible(cpu, g_array_index(rest, uint64_t, i));
    }
    return fits;
}

/* --- breakpoints in memory ---------------------------------------------------------------- */

static void insert_int3s(KvmState *kvm, CPUState *cpu)
{
    g_autoptr(GArray) rest = g_array_new(FALSE, FALSE, sizeof(uint64_t));

    collect(cpu, NULL, rest);
    for (guint i = 0; i < rest->len; i++) {
        kvm_int3_insert(kvm, cpu, g_array_index(rest, uint64_t, i));
    }
}

/* A step that ended because of the pause is no longer one to tell of. */
static void forget_step(CPUState *cpu)
{
    if (cpu->debug.due.kind == CPU_STOP_STEP) {
        cpu->debug.due.kind = CPU_STOP_NONE;
    }
}

static void run_event(void *opaque, RunEvent event, ShutdownCause cause)
{
    KvmState *kvm = opaque;
    bool runs = event == RUN_EVENT_RESUME ||
                (event == RUN_EVENT_RESET && runstate_is_running(runstate_of(kvm->machine)));

    if (event == RUN_EVENT_STOP || event == RUN_EVENT_RESET) {
        kvm_int3_remove_all(kvm);
    }
    for (guint i = 0; i < kvm->machine->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(kvm->machine->cpus, i);
        if (runs) {
            insert_int3s(kvm, cpu);
        } else if (event == RUN_EVENT_STOP) {
            forget_step(cpu);
        }
    }
}

void kvm_debug_follow(KvmState *kvm)
{
    runstate_add_listener(runstate_of(kvm->machine), run_event, kvm);
}

/* --- entry -------------------------------------------------------------------------------- */

/* DR7: G0 to G3 in bits 1, 3, 5, 7; R/W and LEN of each from bit 16 on. */
static void set_registers(struct kvm_guest_debug *debug, const Points *points)
{
    static const uint8_t len_field[] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };

    debug->arch.debugreg[7] = DR7_FIXED;
    for (unsigned i = 0; i < points->count; i++) {
        const Point *p = &points->at[i];
        debug->arch.debugreg[i] = p->addr;
        debug->arch.debugreg[7] |= UINT64_C(2) << (2 * i) |
                                   (uint64_t)(p->kind | len_field[p->len] << 2) << (16 + 4 * i);
    }
}

static void set_debug(KvmVcpu *v, unsigned step, const uint64_t *skip)
{
    struct kvm_guest_debug debug = { 0 };
    Points points = collect(&v->cpu->parent, skip, NULL);

    if (v->kvm->int3s->len) {
        debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
    }
    if (points.count) {
        debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
        set_registers(&debug, &points);
    }
    if (step & CPU_STEP_ONE) {
        debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
        if (step & CPU_STEP_NOIRQ && v->kvm->caps[KVM_HAS_GUEST_DEBUG2] & KVM_GUESTDBG_BLOCKIRQ) {
            debug.control |= KVM_GUESTDBG_BLOCKIRQ;
        }
    }
    trace(kvm_debug_enter, v->cpu->parent.cpu_index, debug.control,
          (uint64_t)debug.arch.debugreg[7]);
    v->debug_on = debug.control != 0;
    if (ioctl(v->fd, KVM_SET_GUEST_DEBUG, &debug) < 0) {
        warn_report("KVM_SET_GUEST_DEBUG: %s; breakpoints and steps do not work", g_strerror(errno));
    }
}

/* Runs the instruction at pc, of which a breakpoint is known, as a step with the breakpoint away. */
static void begin_passing(KvmVcpu *v, uint64_t pc)
{
    v->stepping_over = true;
    v->over_pc = pc;
    v->over_int3 = kvm_int3_at(v, pc, &v->over_place, NULL);
}

static void end_passing(KvmVcpu *v)
{
    if (v->stepping_over && v->over_int3) {
        kvm_int3_show(v->kvm, &v->over_place, true);
    }
    v->stepping_over = false;
}

static void set_debug_now(KvmVcpu *v)
{
    if (v->stepping_over && v->over_int3) {
        kvm_int3_show(v->kvm, &v->over_place, false);
    }
    if (v->stepping_over) {
        set_debug(v, CPU_STEP_ONE | CPU_STEP_NOIRQ, &v->over_pc);
    } else {
        set_debug(v, v->cpu->parent.debug.step, NULL);
    }
}

/* A breakpoint that has stopped the CPU must not do so again. The step may have been broken off by a kick
 * before. */
void kvm_debug_enter(KvmVcpu *v)
{
    CPUDebug *d = &v->cpu->parent.debug;

    bql_lock();
    if (d->passing && cpu_breakpoint_at(&v->cpu->parent, d->pass_pc)) {
        begin_passing(v, d->pass_pc);
    } else if (v->stepping_over) {
        begin_passing(v, v->over_pc);
    }
    d->passing = false;
    set_debug_now(v);
    bql_unlock();
}

/* --- exit --------------------------------------------------------------------------------- */

/* Makes the stop due that a debug exception stands for. */
static void find_stop(KvmVcpu *v, uint64_t pc, uint64_t dr6)
{
    CPUState *cpu = &v->cpu->parent;
    Points points = collect(cpu, v->stepping_over ? &v->over_pc : NULL, NULL);

    for (unsigned i = 0; i < points.count; i++) {
        const Point *p = &points.at[i];
        if (dr6 >> i & 1 && p->kind == ON_EXECUTE) {
            cpu_debug_stop(cpu, CPU_STOP_BREAKPOINT, p->addr, 0);
        } else if (dr6 >> i & 1) {
            cpu_debug_stop(cpu, CPU_STOP_WATCHPOINT, p->watch_addr, p->watch_access);
        }
    }
    if (dr6 & DR6_STEP && cpu->debug.step) {
        cpu_debug_stop(cpu, CPU_STOP_STEP, pc, 0);
    }
}

/* The guest's own exception, which KVM has kept from it. */
static void give_back(KvmVcpu *v, uint8_t vector, uint64_t dr6)
{
    struct kvm_vcpu_events events;

    if (ioctl(v->fd, KVM_GET_VCPU_EVENTS, &events) < 0) {
        return;
    }
    events.exception.nr = vector;
    events.exception.has_error_code = 0;
    if (events.flags & KVM_VCPUEVENT_VALID_PAYLOAD) {
        events.exception.pending = 1;
        events.exception_has_payload = vector == VECTOR_DB;
        events.exception_payload = dr6;
    } else {
        events.exception.injected = 1;
    }
    ioctl(v->fd, KVM_SET_VCPU_EVENTS, &events);
}

static bool is_prefix(uint8_t byte)
{
    static const uint8_t prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x48, 0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3 };

    return memchr(prefixes, byte, sizeof(prefixes));
}

/* INS, OUTS, MOVS, CMPS, STOS, LODS, SCAS. */
static bool is_string_opcode(uint8_t byte)
{
    return (byte & 0xfc) == 0x6c || (byte & 0xfc) == 0xa4 || (byte >= 0xaa && byte <= 0xaf);
}

/* A string instruction with REP: a step is one repetition of it. */
static bool is_repeated(KvmVcpu *v, uint64_t pc)
{
    uint8_t byte = 0;
    bool rep = false;

    for (unsigned i = 0; i < 8 && kvm_read_code(v, pc + i, &byte) && is_prefix(byte); i++) {
        rep |= byte == 0xf2 || byte == 0xf3;
    }
    return rep && is_string_opcode(byte);
}

static void take_debug_exception(KvmVcpu *v, uint64_t pc, uint64_t dr6)
{
    bool was_over = v->stepping_over;

    find_stop(v, pc, dr6);
    if (v->cpu->parent.debug.due.kind != CPU_STOP_NONE) {
        end_passing(v);
    } else if (was_over && dr6 & DR6_STEP) {
        if (pc != v->over_pc || !is_repeated(v, pc)) {
            end_passing(v);
        }
        set_debug_now(v);
    } else {
        give_back(v, VECTOR_DB, dr6);
    }
}

/* An INT3 was run: ours, ours by another address or back too early (another CPU has passed it), or the
 * guest's, which may lie under ours. The guest's trap flag must not be the step's when the exception is
 * delivered. */
static void take_int3(KvmVcpu *v, uint64_t pc)
{
    CPUState *cpu = &v->cpu->parent;
    KvmPlace place;
    bool hides_int3, found = kvm_int3_at(v, pc, &place, &hides_int3);
    bool passing = found && v->stepping_over && v->over_int3 && kvm_same_place(&v->over_place, &place);
    bool ours = found && !(passing && hides_int3);

    if (ours && !passing && cpu_breakpoint_at(cpu, pc)) {
        end_passing(v);
        cpu_debug_stop(cpu, CPU_STOP_BREAKPOINT, pc, 0);
    } else if (ours) {
        end_passing(v);
        begin_passing(v, pc);
        set_debug_now(v);
    } else {
        end_passing(v);
        set_debug_now(v);
        give_back(v, VECTOR_BP, 0);
    }
}

void kvm_debug_exit(KvmVcpu *v)
{
    const struct kvm_debug_exit_arch *arch = &v->run->debug.arch;

    trace(kvm_debug_exit, v->cpu->parent.cpu_index, (uint64_t)arch->pc, (uint64_t)arch->dr6);
    if (arch->exception == VECTOR_BP) {
        take_int3(v, arch->pc);
    } else {
        take_debug_exception(v, arch->pc, arch->dr6);
    }
}
