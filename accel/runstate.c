/*
 * The run state: see runstate.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "accel/runstate.h"
#include <stdio.h>
#include "util/log.h"
#include "util/main-loop.h"

typedef struct RunListener {
    RunListenerFn *fn;
    void *opaque;
} RunListener;

struct RunState {
    MachineState *machine;
    const AccelOps *accel;
    RunOptions options;
    RunStateKind state;
    GSList *listeners;
    BH *requests;               /* carries out what the fields below ask for */
    ShutdownCause reset_cause, shutdown_cause;
    bool panicked, debug;
    int exit_status;
};

static const char *const state_names[] = {
#define X(id, name) [RUN_STATE_##id] = name,
    RUN_STATES(X)
#undef X
};

static const char *const cause_names[] = {
    [SHUTDOWN_CAUSE_NONE] = "none",
    [SHUTDOWN_CAUSE_HOST_ERROR] = "host-error",
    [SHUTDOWN_CAUSE_HOST_QMP_QUIT] = "host-qmp-quit",
    [SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET] = "host-qmp-system-reset",
    [SHUTDOWN_CAUSE_HOST_SIGNAL] = "host-signal",
    [SHUTDOWN_CAUSE_HOST_UI] = "host-ui",
    [SHUTDOWN_CAUSE_GUEST_SHUTDOWN] = "guest-shutdown",
    [SHUTDOWN_CAUSE_GUEST_RESET] = "guest-reset",
    [SHUTDOWN_CAUSE_GUEST_PANIC] = "guest-panic",
    [SHUTDOWN_CAUSE_SUBSYSTEM_RESET] = "subsystem-reset",
};

const char *shutdown_cause_name(ShutdownCause cause)
{
    return cause_names[cause];
}

const char *runstate_name(RunStateKind kind)
{
    return state_names[kind];
}

static CPUState *cpu_at(RunState *rs, guint i)
{
    return g_ptr_array_index(rs->machine->cpus, i);
}

static void tell(RunState *rs, RunEvent event, ShutdownCause cause)
{
    for (GSList *l = rs->listeners; l; ) {
        RunListener *listener = l->data;
        l = l->next;
        listener->fn(listener->opaque, event, cause);
    }
}

static void pause_cpus(RunState *rs)
{
    for (guint i = 0; i < rs->machine->cpus->len; i++) {
        CPUState *cpu = cpu_at(rs, i);
        if (cpu->thread && !cpu->stopped) {
            cpu->stop = true;
            cpu_kick(cpu);
        }
    }
    for (guint i = 0; i < rs->machine->cpus->len; i++) {
        CPUState *cpu = cpu_at(rs, i);
        while (cpu->thread && !cpu->stopped && cpu != current_cpu) {
            bql_cond_wait(&rs->machine->pause_cond);
        }
    }
}

static void resume_cpus(RunState *rs)
{
    for (guint i = 0; i < rs->machine->cpus->len; i++) {
        CPUState *cpu = cpu_at(rs, i);
        cpu->stop = cpu->stopped = false;
        cpu_kick(cpu);
    }
}

void vm_start(RunState *rs)
{
    if (runstate_is_running(rs)) {
        return;
    }
    rs->state = RUN_STATE_RUNNING;
    clock_start(rs->machine->clock);
    tell(rs, RUN_EVENT_RESUME, SHUTDOWN_CAUSE_NONE);
    resume_cpus(rs);
}

void vm_stop(RunState *rs, RunStateKind why)
{
    if (!runstate_is_running(rs)) {
        rs->state = why;
        return;
    }
    pause_cpus(rs);
    clock_stop(rs->machine->clock);
    rs->state = why;
    tell(rs, RUN_EVENT_STOP, SHUTDOWN_CAUSE_NONE);
}

static void log_registers(RunState *rs, uint32_t item)
{
    for (guint i = 0; log_on(item) && i < rs->machine->cpus->len; i++) {
        GString *text = g_string_new(NULL);
        CPU_GET_CLASS(cpu_at(rs, i))->dump_state(cpu_at(rs, i), text);
        log_printf("CPU Reset (CPU %u)\n%s", i, text->str);
        g_string_free(text, TRUE);
    }
}

static void do_reset(RunState *rs, ShutdownCause cause)
{
    bool running = runstate_is_running(rs);

    pause_cpus(rs);
    log_registers(rs, LOG_CPU_RESET);
    machine_reset(rs->machine);
    tell(rs, RUN_EVENT_RESET, cause);
    if (running) {
        resume_cpus(rs);
    }
}

static void do_shutdown(RunState *rs, ShutdownCause cause)
{
    tell(rs, RUN_EVENT_SHUTDOWN, cause);
    vm_stop(rs, RUN_STATE_SHUTDOWN);
    if (!rs->options.no_shutdown || cause == SHUTDOWN_CAUSE_HOST_QMP_QUIT ||
        cause == SHUTDOWN_CAUSE_HOST_SIGNAL) {
        main_loop_quit();
    }
}

static ShutdownCause take(ShutdownCause *cause)
{
    ShutdownCause was = *cause;
    *cause = SHUTDOWN_CAUSE_NONE;
    return was;
}

static void carry_out_requests(void *opaque)
{
    RunState *rs = opaque;
    ShutdownCause shutdown = take(&rs->shutdown_cause), reset = take(&rs->reset_cause);

    if (rs->debug) {
        rs->debug = false;
        vm_stop(rs, RUN_STATE_DEBUG);
        tell(rs, RUN_EVENT_DEBUG, SHUTDOWN_CAUSE_NONE);
    }
    if (rs->panicked) {
        rs->panicked = false;
        tell(rs, RUN_EVENT_GUEST_PANICKED, SHUTDOWN_CAUSE_GUEST_PANIC);
    }
    if (shutdown) {
        do_shutdown(rs, shutdown);
    } else if (reset) {
        do_reset(rs, reset);
    }
}

/* The vCPU that made the request must not run on. */
static void stop_current_cpu(void)
{
    if (current_cpu) {
        current_cpu->stop = true;
        cpu_kick(current_cpu);
    }
}

static void request_shutdown(MachineState *machine, ShutdownCause cause)
{
    RunState *rs = runstate_of(machine);
    rs->shutdown_cause = cause;
    stop_current_cpu();
    bh_schedule(rs->requests);
}

static void request_reset(MachineState *machine, ShutdownCause cause)
{
    RunState *rs = runstate_of(machine);

    if (rs->options.no_reboot && cause != SHUTDOWN_CAUSE_SUBSYSTEM_RESET) {
        request_shutdown(machine, cause);
        return;
    }
    rs->reset_cause = cause;
    stop_current_cpu();
    bh_schedule(rs->requests);
}

static void guest_panicked(MachineState *machine)
{
    RunState *rs = runstate_of(machine);
    rs->panicked = true;
    request_shutdown(machine, SHUTDOWN_CAUSE_GUEST_PANIC);
}

static void exit_now(MachineState *machine, int status)
{
    RunState *rs = runstate_of(machine);
    rs->exit_status = status;
    stop_current_cpu();
    main_loop_quit();
}

static void report_triple_fault(CPUState *cpu)
{
    GString *text = g_string_new(NULL);
    CPU_GET_CLASS(cpu)->dump_state(cpu, text);
    fprintf(stderr, "CPU %d: triple fault\n%s", cpu->cpu_index, text->str);
    g_string_free(text, TRUE);
}

static void cpu_triple_fault(MachineState *machine, CPUState *cpu)
{
    RunState *rs = runstate_of(machine);
    if (rs->options.no_reboot) {
        report_triple_fault(cpu);
    }
    request_reset(machine, SHUTDOWN_CAUSE_GUEST_RESET);
}

static void cpu_debug(MachineState *machine, CPUState *cpu)
{
    RunState *rs = runstate_of(machine);
    rs->debug = true;
    bh_schedule(rs->requests);
}

static const MachineEvents machine_events = {
    .reset_request = request_reset,
    .shutdown_request = request_shutdown,
    .panicked = guest_panicked,
    .cpu_shutdown = cpu_triple_fault,
    .cpu_debug = cpu_debug,
    .exit_now = exit_now,
};

RunState *runstate_new(MachineState *machine, const AccelOps *accel, const RunOptions *options)
{
    RunState *rs = g_new0(RunState, 1);
    rs->machine = machine;
    rs->accel = accel;
    rs->options = *options;
    rs->requests = bh_new(carry_out_requests, rs);
    machine->events = &machine_events;
    machine->events_opaque = rs;
    return rs;
}

RunState *runstate_of(MachineState *machine)
{
    return machine->events_opaque;
}

MachineState *runstate_machine(RunState *rs)
{
    return rs->machine;
}

void runstate_free(RunState *rs)
{
    for (guint i = 0; i < rs->machine->cpus->len; i++) {
        if (cpu_at(rs, i)->thread) {
            rs->accel->stop_cpu(cpu_at(rs, i));
        }
    }
    rs->machine->events = NULL;
    bh_delete(rs->requests);
    g_slist_free_full(rs->listeners, g_free);
    g_free(rs);
}

void runstate_add_listener(RunState *rs, RunListenerFn *fn, void *opaque)
{
    RunListener *listener = g_new(RunListener, 1);
    *listener = (RunListener){ fn, opaque };
    rs->listeners = g_slist_append(rs->listeners, listener);
}

void runstate_remove_listener(RunState *rs, RunListenerFn *fn, void *opaque)
{
    for (GSList *l = rs->listeners; l; l = l->next) {
        RunListener *listener = l->data;
        if (listener->fn == fn && listener->opaque == opaque) {
            rs->listeners = g_slist_delete_link(rs->listeners, l);
            g_free(listener);
            return;
        }
    }
}

void runstate_start(RunState *rs)
{
    machine_reset(rs->machine);
    for (guint i = 0; rs->accel->start_cpu && i < rs->machine->cpus->len; i++) {
        rs->accel->start_cpu(cpu_at(rs, i));
    }
    /* Without a CPU there is nothing to hold back: qtest clients expect "running". */
    if (!rs->options.start_paused || !rs->accel->runs_guest_code) {
        vm_start(rs);
    }
}

RunStateKind runstate_get(const RunState *rs)
{
    return rs->state;
}

bool runstate_is_running(const RunState *rs)
{
    return rs->state == RUN_STATE_RUNNING;
}

void runstate_powerdown(RunState *rs)
{
    tell(rs, RUN_EVENT_POWERDOWN, SHUTDOWN_CAUSE_NONE);
    if (rs->machine->powerdown) {
        rs->machine->powerdown(rs->machine->powerdown_opaque);
    }
}

void runstate_quit(RunState *rs, int status, ShutdownCause cause)
{
    rs->exit_status = status;
    request_shutdown(rs->machine, cause);
}

int runstate_exit_status(const RunState *rs)
{
    return rs->exit_status;
}
