/*
 * A vCPU's thread: see vcpu.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "accel/vcpu.h"
#include <unistd.h>
#include "util/main-loop.h"

typedef struct Vcpu {
    CPUState *cpu;
    const VcpuOps *ops;
} Vcpu;

/* Halted, and it is this thread that waits for what wakes the CPU. */
static bool halted_here(const Vcpu *vcpu)
{
    CPUState *cpu = vcpu->cpu;

    return cpu->halted && !(vcpu->ops->sleeps_halted && vcpu->ops->sleeps_halted(cpu));
}

static bool cpu_must_sleep(const Vcpu *vcpu)
{
    CPUState *cpu = vcpu->cpu;

    return cpu->stop || cpu->stopped ||
           (halted_here(vcpu) && !CPU_GET_CLASS(cpu)->has_work(cpu));
}

static void state_needed(const Vcpu *vcpu)
{
    if (vcpu->ops->state_needed) {
        vcpu->ops->state_needed(vcpu->cpu);
    }
}

static void process_work(const Vcpu *vcpu)
{
    if (!g_queue_is_empty(&vcpu->cpu->work)) {
        state_needed(vcpu);
        cpu_process_work(vcpu->cpu);
    }
}

/* Handles pauses, queued work and HLT until there is guest code to run. */
static void wait_for_something_to_do(const Vcpu *vcpu)
{
    CPUState *cpu = vcpu->cpu;

    process_work(vcpu);
    while (!cpu->unplug && cpu_must_sleep(vcpu)) {
        if (cpu->stop) {
            state_needed(vcpu);
            cpu->stop = false;
            cpu->stopped = true;
            g_cond_broadcast(&DEVICE(cpu)->machine->pause_cond);
            continue;
        }
        bql_cond_wait(&cpu->halt_cond);
        process_work(vcpu);
    }
    cpu_reset_interrupt(cpu, CPU_INTERRUPT_EXIT);
    if (halted_here(vcpu)) {
        cpu->halted = !CPU_GET_CLASS(cpu)->has_work(cpu);
    }
}

/* Tells the machine's surroundings of what a CPU cannot handle itself. */
static void report_exit(const Vcpu *vcpu, int reason)
{
    CPUState *cpu = vcpu->cpu;
    MachineState *machine = DEVICE(cpu)->machine;

    if (reason == CPU_EXIT_SHUTDOWN) {
        cpu->stop = true;
        state_needed(vcpu);
        machine->events->cpu_shutdown(machine, cpu);
    } else if (reason == CPU_EXIT_DEBUG) {
        cpu->stop = true;
        machine->events->cpu_debug(machine, cpu);
    } else if (reason == CPU_EXIT_FAILED) {
        cpu->stop = true;
        machine->events->cpu_failed(machine, cpu);
    }
}

static void *vcpu_thread(void *opaque)
{
    g_autofree Vcpu *vcpu = opaque;
    CPUState *cpu = vcpu->cpu;

    current_cpu = cpu;
    cpu->thread_id = gettid();
    if (vcpu->ops->enter) {
        vcpu->ops->enter(cpu);
    }
    bql_lock();
    cpu->created = true;
    while (!cpu->unplug) {
        wait_for_something_to_do(vcpu);
        if (cpu->unplug) {
            break;
        }
        bql_unlock();
        int reason = vcpu->ops->exec(cpu);
        bql_lock();
        report_exit(vcpu, reason);
    }
    cpu->created = false;
    bql_unlock();
    return NULL;
}

void vcpu_start(CPUState *cpu, const VcpuOps *ops)
{
    g_autofree char *name = g_strdup_printf("CPU %d/%s", cpu->cpu_index, ops->name);
    Vcpu *vcpu = g_new(Vcpu, 1);

    *vcpu = (Vcpu){ cpu, ops };
    cpu->stop = true; /* until vm_start() */
    cpu->thread = g_thread_new(name, vcpu_thread, vcpu);
}

void vcpu_stop(CPUState *cpu)
{
    cpu->unplug = true;
    cpu_kick(cpu);
    bql_unlock();
    g_thread_join(cpu->thread);
    bql_lock();
    cpu->thread = NULL;
}
