/*
 * A vCPU's thread, whatever runs the guest's code: pauses, queued work and HLT.
 *
 * The thread holds the big lock except inside VcpuOps.exec and while it sleeps on the
 * CPU's halt_cond.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACCEL_VCPU_H
#define ACCEL_VCPU_H

#include "hw/core/machine.h"

typedef struct VcpuOps {
    const char *name;               /* the thread is called "CPU 0/NAME" */
    /* On the new thread, before anything else; NULL: nothing. */
    void (*enter)(CPUState *cpu);
    /* Runs guest code until something outside needs attention; returns a CPU_EXIT_...
     * reason. Without the big lock. */
    int (*exec)(CPUState *cpu);
    /* Others are about to look at or change the CPU's state; NULL: it is where they look. On the
     * thread, with the big lock. */
    void (*state_needed)(CPUState *cpu);
    /* True if exec() sleeps while the CPU is halted; NULL: the thread sleeps here. */
    bool (*sleeps_halted)(CPUState *cpu);
} VcpuOps;

/* Starts the thread of a realized CPU, paused until it is resumed; ops stays the caller's. */
void vcpu_start(CPUState *cpu, const VcpuOps *ops);
/* Ends it for good. With the big lock. */
void vcpu_stop(CPUState *cpu);

#endif
