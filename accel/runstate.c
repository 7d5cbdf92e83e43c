/*
 * The run state: see runstate.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "accel/runstate.h"
#include "accel/failure.h"
#include "util/log.h"
#include "util/main-loop.h"

typedef struct RunListener {
    RunListenerFn *fn;
    void *opaque;
} RunListener;

typedef struct EventListener {
    RunEventFn *fn;
    void *opaque;
} EventListener;

struct RunState {
    MachineState *machine;
    const AccelOps *accel;
    RunOptions options;
    RunStateKind state;
    GSList *listeners;          /* RunListener */
    GSList *event_listeners;    /* EventListener */
    BH *requests;               /* carries out what the fields below ask for */
    ShutdownCause reset_cause, shutdown_cause;
    bool panicked, debug, watchdog, failed;
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

static void request_shutdown(MachineState *machine, ShutdownCause cause);

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

void runstate_emit(RunState *rs, const char *name, json_object *data)
{
    for (GSList *l = rs->event_listeners; l; ) {
        EventListener *listener = l->data;
        l = l->next;
        listener->fn(listener->opaque, name, data);
    }
    json_object_put(data);
}

/* The QMP event of a run event. */
static void emit_run_event(RunState *rs, RunEvent event, ShutdownCause cause)
{
    static const char *const names[] = {
        [RUN_EVENT_SHUTDOWN] = "SHUTDOWN", [RUN_EVENT_RESET] = "RESET", [RUN_EVENT_STOP] = "STOP",
        [RUN_EVENT_RESUME] = "RESUME", [RUN_EVENT_POWERDOWN] = "POWERDOWN",
    };
    json_object *data = NULL;

    if (event == RUN_EVENT_SHUTDOWN || event == RUN_EVENT_RESET) {
        data = json_object_new_object();
        json_object_object_add(data, "guest", json_object_new_boolean(
                               cause >= SHUTDOWN_CAUSE_GUEST_SHUTDOWN));
        json_object_object_add(data, "reason",
                               json_object_new_string(shutdown_cause_name(cause)));
    }
    if (event < G_N_ELEMENTS(names)) {
        runstate_emit(rs, names[event], data);
    }
}

static void tell(RunState *rs, RunEvent event, ShutdownCause cause)
{
    emit_run_event(rs, event, cause);
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
        if (!cpu->debug.held) {
            cpu->stop = cpu->stopped = false;
            cpu_kick(cpu);
        }
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
    if (runstate_needs_reset(rs)) {
        rs->state = RUN_STATE_PRELAUNCH;
    }
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

static json_object *action_data(const char *action)
{
    json_object *data = json_object_new_object();
    json_object_object_add(data, "action", json_object_new_string(action));
    return data;
}

static void do_panic(RunState *rs)
{
    PanicAction action = rs->options.panic;
    bool pause = action == PANIC_PAUSE || (action == PANIC_SHUTDOWN && rs->options.no_shutdown);

    runstate_emit(rs, "GUEST_PANICKED", action_data(pause ? "pause" : action == PANIC_SHUTDOWN
                                                    ? "poweroff" : "run"));
    tell(rs, RUN_EVENT_GUEST_PANICKED, SHUTDOWN_CAUSE_GUEST_PANIC);
    if (action != PANIC_NONE) {
        vm_stop(rs, RUN_STATE_GUEST_PANICKED);
    }
    if (action == PANIC_SHUTDOWN && !pause) {
        request_shutdown(rs->machine, SHUTDOWN_CAUSE_GUEST_PANIC);
    }
}

static void do_watchdog(RunState *rs)
{
    WatchdogAction action = rs->options.watchdog;

    runstate_emit(rs, "WATCHDOG", action_data(watchdog_action_name(action)));
    switch (action) {
    case WATCHDOG_RESET:
        machine_request_reset(rs->machine, SHUTDOWN_CAUSE_GUEST_RESET);
        break;
    case WATCHDOG_SHUTDOWN:
        runstate_powerdown(rs);
        break;
    case WATCHDOG_POWEROFF:
        request_shutdown(rs->machine, SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
        break;
    case WATCHDOG_PAUSE:
        vm_stop(rs, RUN_STATE_WATCHDOG);
        break;
    case WATCHDOG_INJECT_NMI:
        runstate_inject_nmi(rs);
        break;
    default:
        break;
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
    if (rs->failed) {
        rs->failed = false;
        vm_stop(rs, RUN_STATE_INTERNAL_ERROR);
    }
    if (rs->panicked) {
        rs->panicked = false;
        do_panic(rs);
    }
    if (rs->watchdog) {
        rs->watchdog = false;
        do_watchdog(rs);
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
    if (rs->options.panic != PANIC_NONE) {
        stop_current_cpu();
    }
    bh_schedule(rs->requests);
}

static void watchdog_expired(MachineState *machine)
{
    RunState *rs = runstate_of(machine);
    rs->watchdog = true;
    bh_schedule(rs->requests);
}

static void emit_event(MachineState *machine, const char *name, json_object *data)
{
    runstate_emit(runstate_of(machine), name, data);
}

static void exit_now(MachineState *machine, int status)
{
    RunState *rs = runstate_of(machine);
    rs->exit_status = status;
    stop_current_cpu();
    main_loop_quit();
}

static void cpu_triple_fault(MachineState *machine, CPUState *cpu)
{
    RunState *rs = runstate_of(machine);
    if (rs->options.no_reboot) {
        failure_report(machine, false, "CPU %d: triple fault", cpu->cpu_index);
    }
    request_reset(machine, SHUTDOWN_CAUSE_GUEST_RESET);
}

static void cpu_debug(MachineState *machine, CPUState *cpu)
{
    RunState *rs = runstate_of(machine);
    rs->debug = true;
    bh_schedule(rs->requests);
}

static void cpu_failed(MachineState *machine, CPUState *cpu)
{
    RunState *rs = runstate_of(machine);
    rs->failed = true;
    bh_schedule(rs->requests);
}

static const MachineEvents machine_events = {
    .reset_request = request_reset,
    .shutdown_request = request_shutdown,
    .panicked = guest_panicked,
    .watchdog_expired = watchdog_expired,
    .emit = emit_event,
    .cpu_shutdown = cpu_triple_fault,
    .cpu_debug = cpu_debug,
    .cpu_failed = cpu_failed,
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
    g_slist_free_full(rs->event_listeners, g_free);
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

void runstate_add_event_listener(RunState *rs, RunEventFn *fn, void *opaque)
{
    EventListener *listener = g_new(EventListener, 1);
    *listener = (EventListener){ fn, opaque };
    rs->event_listeners = g_slist_append(rs->event_listeners, listener);
}

void runstate_remove_event_listener(RunState *rs, RunEventFn *fn, void *opaque)
{
    for (GSList *l = rs->event_listeners; l; l = l->next) {
        EventListener *listener = l->data;
        if (listener->fn == fn && listener->opaque == opaque) {
            rs->event_listeners = g_slist_delete_link(rs->event_listeners, l);
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

bool runstate_needs_reset(const RunState *rs)
{
    return rs->state == RUN_STATE_SHUTDOWN || rs->state == RUN_STATE_INTERNAL_ERROR;
}

bool runstate_in_preconfig(const RunState *rs)
{
    return rs->options.preconfig;
}

void runstate_exit_preconfig(RunState *rs)
{
    rs->options.preconfig = false;
    main_loop_quit();
}

const AccelOps *runstate_accel(const RunState *rs)
{
    return rs->accel;
}

RunOptions *runstate_options(RunState *rs)
{
    return &rs->options;
}

void runstate_inject_nmi(RunState *rs)
{
    for (guint i = 0; i < rs->machine->cpus->len; i++) {
        cpu_interrupt(cpu_at(rs, i), CPU_INTERRUPT_NMI);
    }
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
