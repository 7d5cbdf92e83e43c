/*
 * The tcg accelerator: each vCPU has a thread that runs guest code on
 * Doppel's own engines.
 *
 * The thread holds the big lock except inside CPUClass.exec() and while it
 * sleeps on the CPU's halt_cond.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <unistd.h>
#include "accel/accel.h"
#include "util/main-loop.h"

static bool cpu_must_sleep(CPUState *cpu)
{
    return cpu->stop || cpu->stopped ||
           (cpu->halted && !CPU_GET_CLASS(cpu)->has_work(cpu));
}

/* Handles pauses, queued work and HLT until there is guest code to run. */
static void wait_for_something_to_do(CPUState *cpu)
{
    cpu_process_work(cpu);
    while (!cpu->unplug && cpu_must_sleep(cpu)) {
        if (cpu->stop) {
            cpu->stop = false;
            cpu->stopped = true;
            g_cond_broadcast(&DEVICE(cpu)->machine->pause_cond);
            continue;
        }
        bql_cond_wait(&cpu->halt_cond);
        cpu_process_work(cpu);
    }
    cpu_reset_interrupt(cpu, CPU_INTERRUPT_EXIT);
    cpu->halted = cpu->halted && !CPU_GET_CLASS(cpu)->has_work(cpu);
}

/* Tells the machine's surroundings of what a CPU cannot handle itself. */
static void report_exit(CPUState *cpu, int reason)
{
    MachineState *machine = DEVICE(cpu)->machine;

    if (reason == CPU_EXIT_SHUTDOWN) {
        cpu->stop = true;
        machine->events->cpu_shutdown(machine, cpu);
    } else if (reason == CPU_EXIT_DEBUG) {
        cpu->stop = true;
        machine->events->cpu_debug(machine, cpu);
    }
}

static void *vcpu_thread(void *opaque)
{
    CPUState *cpu = opaque;
    CPUClass *cc = CPU_GET_CLASS(cpu);

    current_cpu = cpu;
    cpu->thread_id = gettid();
    bql_lock();
    cpu->created = true;
    while (!cpu->unplug) {
        wait_for_something_to_do(cpu);
        if (cpu->unplug) {
            break;
        }
        bql_unlock();
        int reason = cc->exec(cpu);
        bql_lock();
        report_exit(cpu, reason);
    }
    cpu->created = false;
    bql_unlock();
    return NULL;
}

/* --- options ------------------------------------------------------------------- */

enum { DEFAULT_CACHE = 128, MIN_CACHE = 1, MAX_CACHE = 1024 }; /* MiB for each CPU */

static bool take_engine(MachineState *machine, const char *engine, Error **errp)
{
    machine->translate = !engine || g_str_equal(engine, "translate");
    if (!machine->translate && !g_str_equal(engine, "interp")) {
        error_setg(errp, "-accel tcg,engine=%s: there is 'translate' and 'interp'", engine);
        return false;
    }
    return true;
}

static bool take_cache_size(MachineState *machine, OptDict *opts, Error **errp)
{
    uint64_t mib = DEFAULT_CACHE;

    if (opts && !optdict_get_u64(opts, "tb-size", &mib, errp)) {
        return false;
    }
    if (mib < MIN_CACHE || mib > MAX_CACHE) {
        error_setg(errp, "-accel tcg,tb-size=%" PRIu64 ": give %d to %d (MiB of translated code "
                         "for each CPU)", mib, MIN_CACHE, MAX_CACHE);
        return false;
    }
    machine->translation_cache = mib << 20;
    return true;
}

/* thread= of QEMU: one thread for each CPU is all there is. */
static bool take_thread(const char *thread, Error **errp)
{
    if (thread && !g_str_equal(thread, "multi")) {
        error_setg(errp, "-accel tcg,thread=%s: each CPU has its thread; leave it out or say "
                         "'multi'", thread);
        return false;
    }
    return true;
}

static bool tcg_init(MachineState *machine, OptDict *opts, Error **errp)
{
    return take_engine(machine, opts ? optdict_get(opts, "engine") : NULL, errp) &&
           take_cache_size(machine, opts, errp) &&
           (!opts || optdict_get_bool(opts, "perfmap", &machine->perf_map, errp)) &&
           take_thread(opts ? optdict_get(opts, "thread") : NULL, errp);
}

static void tcg_start_cpu(CPUState *cpu)
{
    g_autofree char *name = g_strdup_printf("CPU %d/TCG", cpu->cpu_index);
    cpu->stop = true; /* until vm_start() */
    cpu->thread = g_thread_new(name, vcpu_thread, cpu);
}

static void tcg_stop_cpu(CPUState *cpu)
{
    cpu->unplug = true;
    cpu_kick(cpu);
    bql_unlock();
    g_thread_join(cpu->thread);
    bql_lock();
    cpu->thread = NULL;
}

const AccelOps accel_tcg = {
    .name = "tcg",
    .desc = "Doppel's own translator and interpreter; works on every host",
    .init = tcg_init,
    .start_cpu = tcg_start_cpu,
    .stop_cpu = tcg_stop_cpu,
    .runs_guest_code = true,
};
