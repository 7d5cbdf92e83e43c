/*
 * The table of accelerators: ways to run a CPU.
 *
 * Nothing outside accel/ asks which one runs; it asks for a capability.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACCEL_ACCEL_H
#define ACCEL_ACCEL_H

#include "hw/core/machine.h"
#include "util/option.h"

typedef struct AccelOps {
    const char *name;
    const char *desc;
    /* Proves that it can run a PC on this host; false with the reason in errp. */
    bool (*available)(Error **errp);
    /* Takes its options ("engine=interp") out of opts and prepares the machine
     * before devices are made. opts may be NULL. */
    bool (*init)(MachineState *machine, OptDict *opts, Error **errp);
    /* The machine is built, its CPUs have their models; before they are started and reset the first
     * time. NULL: nothing to do. */
    bool (*machine_ready)(MachineState *machine, Error **errp);
    /* Starts a realized vCPU's thread; NULL: no CPU runs. */
    void (*start_cpu)(CPUState *cpu);
    /* Ends a vCPU's thread for good. With the big lock. */
    void (*stop_cpu)(CPUState *cpu);
    bool runs_guest_code;
} AccelOps;

const AccelOps *accel_find(const char *name);
void accel_help(GString *out);

/* One -accel option, in the order they were given. */
typedef struct AccelChoice {
    const char *name;
    OptDict *opts; /* may be NULL */
} AccelChoice;

/*
 * Takes the first choice that works. One that does not is skipped with a
 * warning that says why if another follows, and is the error otherwise.
 */
const AccelOps *accel_select(MachineState *machine, const AccelChoice *choices, size_t n,
                             Error **errp);

extern const AccelOps accel_kvm, accel_tcg, accel_qtest;

#endif
