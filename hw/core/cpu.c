/*
 * The generic virtual CPU: see cpu.h.
 *
 * Waking a vCPU has two halves. One that runs guest code polls
 * interrupt_request, so setting a bit is enough. One that sleeps waits on
 * halt_cond, having looked at interrupt_request with the big lock held; the
 * condition is therefore signalled with the lock too, or the signal could fall between
 * look and sleep.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/cpu.h"
#include "util/main-loop.h"

__thread CPUState *current_cpu;

typedef struct CPUWork {
    CPUWorkFn *fn;
    void *opaque;
    bool *done; /* of a caller that waits on done_cond; NULL: nobody waits */
    GCond *done_cond;
} CPUWork;

static void cpu_wake(CPUState *cpu)
{
    bool locked = bql_locked();

    if (cpu == current_cpu) {
        return;
    }
    if (!locked) {
        bql_lock();
    }
    g_cond_broadcast(&cpu->halt_cond);
    if (!locked) {
        bql_unlock();
    }
}

/* After the request: whoever clears the word looks at the requests afterwards. */
static void set_poll(CPUState *cpu)
{
    if (cpu->poll) {
        __atomic_store_n(cpu->poll, 1, __ATOMIC_SEQ_CST);
    }
    if (cpu->kick) {
        cpu->kick(cpu);
    }
}

void cpu_interrupt(CPUState *cpu, uint32_t mask)
{
    uint32_t old = __atomic_fetch_or(&cpu->interrupt_request, mask, __ATOMIC_ACQ_REL);

    set_poll(cpu);
    if (mask & ~old) {
        cpu_wake(cpu);
    }
}

void cpu_reset_interrupt(CPUState *cpu, uint32_t mask)
{
    __atomic_fetch_and(&cpu->interrupt_request, ~mask, __ATOMIC_ACQ_REL);
}

void cpu_kick(CPUState *cpu)
{
    __atomic_fetch_or(&cpu->interrupt_request, CPU_INTERRUPT_EXIT, __ATOMIC_ACQ_REL);
    set_poll(cpu);
    cpu_wake(cpu);
}

static void cpu_queue_work(CPUState *cpu, CPUWork work)
{
    g_queue_push_tail(&cpu->work, g_memdup2(&work, sizeof(work)));
    cpu_kick(cpu);
}

void cpu_run_on(CPUState *cpu, CPUWorkFn *fn, void *opaque)
{
    GCond done_cond;
    bool done = false;

    if (cpu == current_cpu || !cpu->created) {
        fn(cpu, opaque);
        return;
    }
    g_cond_init(&done_cond);
    cpu_queue_work(cpu, (CPUWork){ fn, opaque, &done, &done_cond });
    while (!done) {
        bql_cond_wait(&done_cond);
    }
    g_cond_clear(&done_cond);
}

void cpu_async_run_on(CPUState *cpu, CPUWorkFn *fn, void *opaque)
{
    if (!cpu->created) {
        fn(cpu, opaque);
        return;
    }
    cpu_queue_work(cpu, (CPUWork){ fn, opaque });
}

void cpu_process_work(CPUState *cpu)
{
    CPUWork *work;

    while ((work = g_queue_pop_head(&cpu->work))) {
        work->fn(cpu, work->opaque);
        if (work->done) {
            *work->done = true;
            g_cond_signal(work->done_cond);
        }
        g_free(work);
    }
}

static void cpu_instance_init(Object *obj)
{
    CPUState *cpu = CPU(obj);

    g_cond_init(&cpu->halt_cond);
    g_queue_init(&cpu->work);
}

static void cpu_instance_finalize(Object *obj)
{
    CPUState *cpu = CPU(obj);

    g_queue_clear_full(&cpu->work, g_free);
    g_cond_clear(&cpu->halt_cond);
    g_clear_pointer(&cpu->debug.breakpoints, g_array_unref);
    g_clear_pointer(&cpu->debug.watchpoints, g_array_unref);
}

static const DeviceInfo cpu_info = {
    .name = TYPE_CPU,
    .instance_size = sizeof(CPUState),
    .class_size = sizeof(CPUClass),
    .desc = "virtual CPU",
    .abstract = true,
    .instance_init = cpu_instance_init,
    .instance_finalize = cpu_instance_finalize,
};
DEVICE_TYPE(cpu_info)
