/*
 * Breakpoints, watchpoints and single steps under KVM: by the host's debug registers, of which there
 * are four, and the trap flag (KVM_SET_GUEST_DEBUG; SDM vol. 3, 18.2). The guest's memory is not
 * touched. Its own debug registers do not work meanwhile; a debug exception that is not ours is
 * given to it.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "accel/kvm/kvm.h"
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include "hw/core/cpu-debug.h"
#include "util/main-loop.h"
#include "util/trace.h"

TRACE_EVENT(kvm_debug_enter, "cpu %d control 0x%x dr7 0x%" PRIx64);
TRACE_EVENT(kvm_debug_exit, "cpu %d pc 0x%" PRIx64 " dr6 0x%" PRIx64);

enum { DEBUG_REGISTERS = 4, DR7_FIXED = 0x400, DR6_STEP = 1 << 14, VECTOR_DB = 1 };
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

    if (w->access == CPU_WATCH_READ) {
        points->fits = false; /* there is write, and read or write */
    }
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

/* What the debugger wants; but no breakpoint at skip, unless that is NULL. */
static Points collect(const CPUState *cpu, const uint64_t *skip)
{
    const GArray *breaks = cpu->debug.breakpoints, *watches = cpu->debug.watchpoints;
    Points points = { .fits = true };

    for (guint i = 0; watches && i < watches->len; i++) {
        add_watchpoint(&points, &g_array_index(watches, CPUWatchpoint, i));
    }
    for (guint i = 0; breaks && i < breaks->len; i++) {
        uint64_t pc = g_array_index(breaks, uint64_t, i);
        if (!skip || pc != *skip) {
            add(&points, (Point) { .addr = pc, .len = 1, .kind = ON_EXECUTE });
        }
    }
    return points;
}

bool kvm_debug_fits(CPUState *cpu)
{
    return collect(cpu, NULL).fits;
}

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
    Points points = collect(&v->cpu->parent, skip);

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

/* A breakpoint that has stopped the CPU must not do so again: its instruction is run as a step with
 * the breakpoint away. */
void kvm_debug_enter(KvmVcpu *v)
{
    CPUDebug *d = &v->cpu->parent.debug;

    v->stepping_over = d->passing && cpu_breakpoint_at(&v->cpu->parent, d->pass_pc);
    d->passing = false;
    if (v->stepping_over) {
        set_debug(v, CPU_STEP_ONE | CPU_STEP_NOIRQ, &d->pass_pc);
    } else {
        set_debug(v, d->step, NULL);
    }
}

/* Makes the stop due that the exit stands for; false: it is none of ours. */
static bool find_stop(KvmVcpu *v, uint64_t pc, uint64_t dr6)
{
    CPUState *cpu = &v->cpu->parent;
    Points points = collect(cpu, v->stepping_over ? &cpu->debug.pass_pc : NULL);

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
    return cpu->debug.due.kind != CPU_STOP_NONE;
}

/* The guest's own exception, which KVM has kept from it. */
static void give_back(KvmVcpu *v, uint64_t dr6)
{
    struct kvm_vcpu_events events;

    if (ioctl(v->fd, KVM_GET_VCPU_EVENTS, &events) < 0) {
        return;
    }
    events.exception.nr = VECTOR_DB;
    events.exception.has_error_code = 0;
    if (events.flags & KVM_VCPUEVENT_VALID_PAYLOAD) {
        events.exception.pending = 1;
        events.exception_has_payload = 1;
        events.exception_payload = dr6;
    } else {
        events.exception.injected = 1;
    }
    ioctl(v->fd, KVM_SET_VCPU_EVENTS, &events);
}

int kvm_debug_exit(KvmVcpu *v)
{
    const struct kvm_debug_exit_arch *arch = &v->run->debug.arch;
    CPUState *cpu = &v->cpu->parent;
    bool was_over = v->stepping_over;

    trace(kvm_debug_exit, cpu->cpu_index, (uint64_t)arch->pc, (uint64_t)arch->dr6);
    if (find_stop(v, arch->pc, arch->dr6)) {
        v->stepping_over = false;
        bql_lock();
        kvm_state_needed(cpu);
        int reason = cpu_debug_exit(cpu);
        bql_unlock();
        return reason;
    }
    if (was_over && arch->dr6 & DR6_STEP) {
        v->stepping_over = false;
        set_debug(v, cpu->debug.step, NULL);
    } else {
        give_back(v, arch->dr6);
    }
    return -1;
}
