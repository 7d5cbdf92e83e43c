/*
 * Reports of fatal signals: see crash.h.
 *
 * A handler may do little. It writes what it can by write() alone, then tries the
 * full report, which allocates memory and reads what another thread may be changing:
 * a second signal of this kind, or an alarm, ends the attempt.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "system/crash.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "accel/failure.h"
#include "chardev/char.h"

enum { REPORT_SECONDS = 5, STACK_SIZE = 256 << 10 };

/* Signals belong to the process, and their handlers have no argument of their own. */
static MachineState *the_machine;

static const struct { int number; const char *cause; } fatal[] = {
    { SIGSEGV, "segmentation fault" }, { SIGBUS, "bus error" }, { SIGILL, "illegal instruction" },
    { SIGFPE, "arithmetic exception" }, { SIGABRT, "aborted (a failed assertion or the like)" },
};

static const char *cause_of(int sig)
{
    for (size_t i = 0; i < G_N_ELEMENTS(fatal); i++) {
        if (fatal[i].number == sig) {
            return fatal[i].cause;
        }
    }
    return "signal";
}

static void write_cause(int sig, const siginfo_t *info)
{
    char line[200];
    int len = snprintf(line, sizeof(line), "\ndoppel: internal error: %s (signal %d), address %p, "
                       "thread of %s\n", cause_of(sig), sig,
                       sig == SIGABRT ? NULL : info->si_addr,
                       current_cpu ? "a CPU" : "the main loop or a worker");

    if (write(STDERR_FILENO, line, (size_t)len) < 0) {
        return; /* nobody listens; the status still tells */
    }
}

static void handler(int sig, siginfo_t *info, void *context)
{
    chardev_restore_terminal();
    write_cause(sig, info);
    for (size_t i = 0; i < G_N_ELEMENTS(fatal); i++) {
        signal(fatal[i].number, SIG_DFL);
    }
    if (the_machine) {
        signal(SIGALRM, SIG_DFL);
        alarm(REPORT_SECONDS);
        failure_report(the_machine, false, "the machine's CPUs, perhaps in the middle of something:");
    }
    raise(sig);
}

void crash_install(void)
{
    static uint8_t stack[STACK_SIZE]; /* the main thread's own may be what overflowed */
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
    struct sigaction old, action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };

    sigaltstack(&alternate, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(fatal); i++) {
        if (sigaction(fatal[i].number, NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
            sigaction(fatal[i].number, &action, NULL);
        }
    }
}

void crash_set_machine(MachineState *machine)
{
    the_machine = machine;
}
