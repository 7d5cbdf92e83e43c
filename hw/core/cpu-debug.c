/*
 * Breakpoints, watchpoints and single steps: see cpu-debug.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/cpu-debug.h"

/* --- the lists ------------------------------------------------------------------------- */

static unsigned length(const GArray *array)
{
    return array ? array->len : 0;
}

static void append(GArray **array, const void *element, unsigned size)
{
    if (!*array) {
        *array = g_array_new(FALSE, FALSE, size);
    }
    g_array_append_vals(*array, element, 1);
}

/* After any change: is there still something to look for? */
static void update(CPUState *cpu)
{
    CPUDebug *d = &cpu->debug;

    d->active = length(d->breakpoints) || length(d->watchpoints) || d->step;
    if (!d->active) {
        d->due.kind = CPU_STOP_NONE;
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_DEBUG);
    }
}

static void changed(CPUState *cpu)
{
    CPUClass *cc = CPU_GET_CLASS(cpu);

    update(cpu);
    if (cc->debug_changed) {
        cc->debug_changed(cpu);
    }
}

void cpu_breakpoint_insert(CPUState *cpu, uint64_t pc, bool hardware)
{
    CPUBreakpoint b = { pc, hardware };

    append(&cpu->debug.breakpoints, &b, sizeof(b));
    changed(cpu);
}

bool cpu_breakpoint_remove(CPUState *cpu, uint64_t pc, bool hardware)
{
    GArray *list = cpu->debug.breakpoints;

    for (unsigned i = 0; i < length(list); i++) {
        const CPUBreakpoint *b = &g_array_index(list, CPUBreakpoint, i);
        if (b->pc == pc && b->hardware == hardware) {
            g_array_remove_index(list, i);
            changed(cpu);
            return true;
        }
    }
    return false;
}

void cpu_watchpoint_insert(CPUState *cpu, uint64_t addr, uint64_t len, unsigned access)
{
    CPUWatchpoint w = { addr, len, access };

    append(&cpu->debug.watchpoints, &w, sizeof(w));
    changed(cpu);
}

bool cpu_watchpoint_remove(CPUState *cpu, uint64_t addr, uint64_t len, unsigned access)
{
    GArray *list = cpu->debug.watchpoints;

    for (unsigned i = 0; i < length(list); i++) {
        const CPUWatchpoint *w = &g_array_index(list, CPUWatchpoint, i);
        if (w->addr == addr && w->len == len && w->access == access) {
            g_array_remove_index_fast(list, i);
            changed(cpu);
            return true;
        }
    }
    return false;
}

bool cpu_debug_fits(CPUState *cpu)
{
    return !cpu->debug_fits || cpu->debug_fits(cpu);
}

void cpu_set_step(CPUState *cpu, unsigned how)
{
    cpu->debug.step = how;
    update(cpu);
}

void cpu_debug_clear(CPUState *cpu)
{
    CPUDebug *d = &cpu->debug;
    bool had_points = length(d->breakpoints) || length(d->watchpoints);

    g_clear_pointer(&d->breakpoints, g_array_unref);
    g_clear_pointer(&d->watchpoints, g_array_unref);
    d->step = 0;
    d->passing = false;
    d->stop.kind = CPU_STOP_NONE;
    if (had_points) {
        changed(cpu);
    } else {
        update(cpu);
    }
}

/* --- for the engine --------------------------------------------------------------------- */

bool cpu_breakpoint_at(const CPUState *cpu, uint64_t pc)
{
    const GArray *list = cpu->debug.breakpoints;

    for (unsigned i = 0; i < length(list); i++) {
        if (g_array_index(list, CPUBreakpoint, i).pc == pc) {
            return true;
        }
    }
    return false;
}

static bool overlaps(const CPUWatchpoint *w, uint64_t addr, uint64_t len)
{
    return addr - w->addr < w->len || w->addr - addr < len;
}

bool cpu_watched(const CPUState *cpu, uint64_t lin, uint64_t len)
{
    const GArray *list = cpu->debug.watchpoints;

    for (unsigned i = 0; i < length(list); i++) {
        if (overlaps(&g_array_index(list, CPUWatchpoint, i), lin, len)) {
            return true;
        }
    }
    return false;
}

bool cpu_watch(CPUState *cpu, uint64_t lin, unsigned len, unsigned access)
{
    const GArray *list = cpu->debug.watchpoints;

    for (unsigned i = 0; i < length(list); i++) {
        const CPUWatchpoint *w = &g_array_index(list, CPUWatchpoint, i);
        if (w->access & access && overlaps(w, lin, len)) {
            cpu_debug_stop(cpu, CPU_STOP_WATCHPOINT, w->addr, w->access);
            __atomic_fetch_or(&cpu->interrupt_request, CPU_INTERRUPT_DEBUG, __ATOMIC_RELAXED);
            return true;
        }
    }
    return false;
}

void cpu_debug_stop(CPUState *cpu, CPUStopKind kind, uint64_t addr, unsigned access)
{
    CPUDebug *d = &cpu->debug;

    if (d->due.kind == CPU_STOP_NONE) {
        d->due = (CPUStop){ kind, addr, access };
    }
}

int cpu_debug_exit(CPUState *cpu)
{
    CPUDebug *d = &cpu->debug;

    d->stop = d->due;
    d->due.kind = CPU_STOP_NONE;
    d->step = 0;
    d->passing = true;
    d->pass_pc = CPU_GET_CLASS(cpu)->get_pc(cpu);
    update(cpu);
    cpu_reset_interrupt(cpu, CPU_INTERRUPT_DEBUG);
    return CPU_EXIT_DEBUG;
}

/* --- memory -------------------------------------------------------------------------------- */

static bool copy_in_page(CPUState *cpu, uint64_t lin, void *buf, size_t len, bool is_write)
{
    CPUClass *cc = CPU_GET_CLASS(cpu);
    AddressSpace *as = cc->debug_as ? cc->debug_as(cpu) : cpu->as;
    uint64_t phys = lin;

    if (cc->translate_debug && !cc->translate_debug(cpu, lin, &phys)) {
        return false;
    }
    if (!is_write) {
        address_space_read(as, phys, MEMTXATTRS_NONE, buf, len);
    } else if (address_space_write_rom(as, phys, buf, len) != MEMTX_OK) {
        address_space_write(as, phys, MEMTXATTRS_NONE, buf, len);
    }
    return true;
}

bool cpu_memory_rw_debug(CPUState *cpu, uint64_t lin, void *buf, size_t len, bool is_write)
{
    while (len) {
        size_t n = MIN(len, GUEST_PAGE_SIZE - (lin & (GUEST_PAGE_SIZE - 1)));

        if (!copy_in_page(cpu, lin, buf, n, is_write)) {
            return false;
        }
        buf = (char *)buf + n;
        lin += n;
        len -= n;
    }
    return true;
}
