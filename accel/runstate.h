/*
 * The run state: starting, pausing, resetting and ending the machine.
 *
 * Requests may come from any thread that holds the big lock; they are carried
 * out on the main thread with all vCPUs paused.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACCEL_RUNSTATE_H
#define ACCEL_RUNSTATE_H

#include "accel/accel.h"
#include "hw/core/machine.h"

/* Names as in QMP's RunState. */
#define RUN_STATES(X)                                                          \
    X(PRELAUNCH, "prelaunch") X(RUNNING, "running") X(PAUSED, "paused")        \
    X(SHUTDOWN, "shutdown") X(GUEST_PANICKED, "guest-panicked")                \
    X(INTERNAL_ERROR, "internal-error") X(DEBUG, "debug") X(WATCHDOG, "watchdog") \
    X(SAVE_VM, "save-vm")

typedef enum RunStateKind {
#define X(id, name) RUN_STATE_##id,
    RUN_STATES(X)
#undef X
} RunStateKind;

typedef struct RunState RunState;

/* What happens, for those who act on it. Monitors listen to QMP events, below. */
typedef enum RunEvent {
    RUN_EVENT_SHUTDOWN, RUN_EVENT_RESET, RUN_EVENT_STOP, RUN_EVENT_RESUME, RUN_EVENT_POWERDOWN,
    RUN_EVENT_GUEST_PANICKED, RUN_EVENT_DEBUG,
} RunEvent;
typedef void RunListenerFn(void *opaque, RunEvent event, ShutdownCause cause);

/* A QMP event; data (may be NULL) stays the caller's. */
typedef void RunEventFn(void *opaque, const char *name, json_object *data);

/* What a guest's panic and an expired watchdog lead to; names as in QMP. */
typedef enum PanicAction { PANIC_SHUTDOWN, PANIC_PAUSE, PANIC_NONE, PANIC_ACTION_COUNT } PanicAction;
typedef enum WatchdogAction {
    WATCHDOG_RESET, WATCHDOG_SHUTDOWN, WATCHDOG_POWEROFF, WATCHDOG_PAUSE, WATCHDOG_NONE,
    WATCHDOG_INJECT_NMI, WATCHDOG_ACTION_COUNT
} WatchdogAction;

typedef struct RunOptions {
    bool no_reboot, no_shutdown, start_paused, preconfig;
    PanicAction panic;
    WatchdogAction watchdog;
} RunOptions;

/* Sets what "reboot", "shutdown", "panic" or "watchdog" leads to, as -action and set-action
 * name it; false with errp set if there is no such pair. */
bool run_options_set_action(RunOptions *options, const char *event, const char *action,
                            Error **errp);
const char *watchdog_action_name(WatchdogAction action);

/* One per machine; becomes machine->events' receiver. */
RunState *runstate_new(MachineState *machine, const AccelOps *accel, const RunOptions *options);
RunState *runstate_of(MachineState *machine);
void runstate_free(RunState *rs);
MachineState *runstate_machine(RunState *rs);
void runstate_add_listener(RunState *rs, RunListenerFn *fn, void *opaque);
void runstate_remove_listener(RunState *rs, RunListenerFn *fn, void *opaque);
void runstate_add_event_listener(RunState *rs, RunEventFn *fn, void *opaque);
void runstate_remove_event_listener(RunState *rs, RunEventFn *fn, void *opaque);
/* Tells the event listeners. Takes over the reference to data, which may be NULL. */
void runstate_emit(RunState *rs, const char *name, json_object *data);

/* --preconfig: true until the machine may be built; leaving it ends the main loop that waits. */
bool runstate_in_preconfig(const RunState *rs);
void runstate_exit_preconfig(RunState *rs);
const AccelOps *runstate_accel(const RunState *rs);
/* May be changed at any time. */
RunOptions *runstate_options(RunState *rs);

/* Starts the vCPU threads, resets the machine and runs it unless start_paused. */
void runstate_start(RunState *rs);
void vm_start(RunState *rs);
/* Pauses every vCPU and the virtual clock; returns when they are paused. */
void vm_stop(RunState *rs, RunStateKind why);
RunStateKind runstate_get(const RunState *rs);
const char *runstate_name(RunStateKind kind);
bool runstate_is_running(const RunState *rs);

/* True if only a reset makes a machine of this state run again. */
bool runstate_needs_reset(const RunState *rs);
/* A non-maskable interrupt for every CPU. */
void runstate_inject_nmi(RunState *rs);
/* The power button: the guest decides what to do. */
void runstate_powerdown(RunState *rs);
/* Ends the program with the status after the current event. */
void runstate_quit(RunState *rs, int status, ShutdownCause cause);
/* The status that quit asked for. */
int runstate_exit_status(const RunState *rs);
const char *shutdown_cause_name(ShutdownCause cause);

#endif
