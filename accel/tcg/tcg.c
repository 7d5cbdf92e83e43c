/*
 * The tcg accelerator: each vCPU has a thread that runs guest code on
 * Doppel's own engines.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "accel/accel.h"
#include "accel/vcpu.h"
#include "memory/memory.h"

/* --- options ------------------------------------------------------------------- */

enum { MIN_CACHE = 1, MAX_CACHE = 1024 }; /* MiB for each CPU */

/* Each CPU translates for itself what it runs, but a program runs on one at a time. */
static unsigned default_cache(const MachineState *machine)
{
    return 64 + 64 / MAX(machine->smp_cpus, 1);
}

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
    uint64_t mib = default_cache(machine);

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

/* Builds with AddressSanitizer are for finding mistakes. */
#ifdef __SANITIZE_ADDRESS__
enum { CHECK_BLOCKS = true };
#else
enum { CHECK_BLOCKS = false };
#endif

static bool take_check(MachineState *machine, OptDict *opts, Error **errp)
{
    machine->check_blocks = CHECK_BLOCKS;
    if (opts && !optdict_get_bool(opts, "check", &machine->check_blocks, errp)) {
        return false;
    }
    machine->check_blocks &= machine->translate;
    return true;
}

static bool take_lockstep(MachineState *machine, OptDict *opts, Error **errp)
{
    uint64_t limit = 0;

    if (opts && (!optdict_get_bool(opts, "lockstep", &machine->lockstep, errp) ||
                 !optdict_get_u64(opts, "lockstep-limit", &limit, errp))) {
        return false;
    }
    machine->lockstep_limit = MIN(limit, UINT32_MAX);
    if (machine->lockstep && (!machine->translate || machine->max_cpus > 1)) {
        error_setg(errp, "-accel tcg,lockstep=on compares the translator with the interpreter "
                         "on one CPU; leave out %s", machine->translate ? "-smp" : "engine=interp");
        return false;
    }
    return true;
}

/* Windows want guest memory that can be mapped a second time. */
static bool take_windows(MachineState *machine, const char *windows, Error **errp)
{
    static const char *const names[] = { "off", "on", "always" };
    unsigned i;

    for (i = 0; windows && i < G_N_ELEMENTS(names) && !g_str_equal(windows, names[i]); i++) {
    }
    if (windows && i == G_N_ELEMENTS(names)) {
        error_setg(errp, "-accel tcg,windows=%s: give off, on, or always (every program of a "
                         "64-bit system at once)", windows);
        return false;
    }
    bool possible = machine->translate && !machine->lockstep;
    machine->windows = !possible ? WINDOWS_OFF : windows ? i : WINDOWS_ON;
    ram_blocks_in_files(machine->windows != WINDOWS_OFF);
    return true;
}

static bool tcg_init(MachineState *machine, OptDict *opts, Error **errp)
{
    return take_engine(machine, opts ? optdict_get(opts, "engine") : NULL, errp) &&
           take_cache_size(machine, opts, errp) &&
           (!opts || optdict_get_bool(opts, "perfmap", &machine->perf_map, errp)) &&
           take_check(machine, opts, errp) && take_lockstep(machine, opts, errp) &&
           take_windows(machine, opts ? optdict_get(opts, "windows") : NULL, errp) &&
           take_thread(opts ? optdict_get(opts, "thread") : NULL, errp);
}

static int tcg_exec(CPUState *cpu)
{
    return CPU_GET_CLASS(cpu)->exec(cpu);
}

static void tcg_start_cpu(CPUState *cpu)
{
    static const VcpuOps ops = { .name = "TCG", .exec = tcg_exec };

    vcpu_start(cpu, &ops);
}

const AccelOps accel_tcg = {
    .name = "tcg",
    .desc = "Doppel's own translator and interpreter; works on every host",
    .init = tcg_init,
    .start_cpu = tcg_start_cpu,
    .stop_cpu = vcpu_stop,
    .runs_guest_code = true,
};
