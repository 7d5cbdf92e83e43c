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
    .desc = "Doppel's own interpreter; works on every host",
    .start_cpu = tcg_start_cpu,
    .stop_cpu = tcg_stop_cpu,
    .runs_guest_code = true,
};
