/*
 * Human monitor: CPUs and what runs them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "monitor/hmp-int.h"

static CPUState *cpu_at(Hmp *hmp, guint i)
{
    return g_ptr_array_index(hmp->machine->cpus, i);
}

/* --- info registers --------------------------------------------------------- */

static void dump_registers(CPUState *cpu, void *opaque)
{
    CPU_GET_CLASS(cpu)->dump_state(cpu, opaque);
}

/* On the CPU's own thread: between two of its instructions. */
static void print_registers(Hmp *hmp, CPUState *cpu)
{
    hmp_printf(hmp, "\nCPU#%d\n", cpu->cpu_index);
    cpu_run_on(cpu, dump_registers, hmp->out);
}

static void run_registers(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    int64_t index = hmp_arg_int(args, "vcpu", -1);
    GPtrArray *cpus = hmp->machine->cpus;

    if (hmp_arg_flag(args, 'a')) {
        for (guint i = 0; i < cpus->len; i++) {
            print_registers(hmp, cpu_at(hmp, i));
        }
    } else if (hmp_arg_given(args, "vcpu") && (index < 0 || index >= cpus->len)) {
        hmp_printf(hmp, "CPU#%d not available\n", (int)index);
    } else if (!cpus->len) {
        hmp_printf(hmp, "No CPU available\n");
    } else {
        print_registers(hmp, index >= 0 ? cpu_at(hmp, (guint)index) : hmp_cpu(hmp));
    }
}

/* --- info cpus, cpu ------------------------------------------------------------ */

static void run_cpus(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    for (guint i = 0; i < hmp->machine->cpus->len; i++) {
        CPUState *cpu = cpu_at(hmp, i);
        hmp_printf(hmp, "%c CPU #%d: thread_id=%d\n", cpu == hmp_cpu(hmp) ? '*' : ' ',
                   cpu->cpu_index, cpu->thread_id);
    }
}

static void run_cpu(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    int64_t index = hmp_arg_int(args, "index", 0);

    if (index < 0 || index >= hmp->machine->cpus->len) {
        hmp_printf(hmp, "invalid CPU index\n");
        return;
    }
    hmp->cpu_index = (int)index;
}

static void run_hotpluggable(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const MachineState *m = hmp->machine;
    unsigned per_socket = m->smp_cores * m->smp_threads;

    hmp_printf(hmp, "Hotpluggable CPUs:\n");
    for (guint i = m->cpus->len; i-- > 0; ) {
        CPUState *cpu = cpu_at(hmp, i);
        g_autofree char *path = object_get_canonical_path(cpu);
        hmp_printf(hmp, "  type: \"%s\"\n  vcpus_count: \"1\"\n  qom_path: \"%s\"\n"
                   "  CPUInstance Properties:\n    socket-id: \"%u\"\n    core-id: \"%u\"\n"
                   "    thread-id: \"%u\"\n", object_get_typename(cpu), path, i / per_socket,
                   i / m->smp_threads % m->smp_cores, i % m->smp_threads);
    }
}

static void run_numa(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    hmp_printf(hmp, "0 nodes\n");
}

/* --- info jit --------------------------------------------------------------------- */

static void print_engine(CPUState *cpu, void *opaque)
{
    CPU_GET_CLASS(cpu)->engine_info(cpu, opaque);
}

static void run_jit(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const AccelOps *accel = runstate_accel(runstate_of(hmp->machine));

    if (strcmp(accel->name, "tcg")) {
        error_setg(errp, "-accel %s has no engine with counters; -accel tcg has", accel->name);
        return;
    }
    for (guint i = 0; i < hmp->machine->cpus->len; i++) {
        CPUState *cpu = cpu_at(hmp, i);
        hmp_printf(hmp, "CPU #%d:\n", cpu->cpu_index);
        cpu_run_on(cpu, print_engine, hmp->out);
    }
}

static void print_diagnosis(CPUState *cpu, void *opaque)
{
    CPU_GET_CLASS(cpu)->dump_diagnosis(cpu, opaque);
}

static void run_last_events(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    CPUState *cpu = hmp_need_cpu(hmp, errp);
    if (cpu) {
        cpu_run_on(cpu, print_diagnosis, hmp->out);
    }
}

static void run_kvm(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    json_object *info = hmp_qmp(hmp, errp, "query-kvm", NULL);
    bool enabled = json_object_get_boolean(json_object_object_get(info, "enabled"));

    hmp_printf(hmp, "kvm support: %s\n", enabled ? "enabled" : "disabled");
    json_object_put(info);
}

static void run_nmi(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    json_object_put(hmp_qmp(hmp, errp, "inject-nmi", NULL));
}

const HmpCommand hmp_commands_cpu[] = {
    { "info registers", "-a vcpu:i?", "[-a|vcpu]", "show the CPU registers (-a: of all CPUs; "
      "vcpu: of this one)", run_registers },
    { "info cpus", NULL, NULL, "show each CPU and its thread", run_cpus },
    { "info hotpluggable-cpus", NULL, NULL, "show where CPUs can be plugged", run_hotpluggable },
    { "info numa", NULL, NULL, "show NUMA nodes", run_numa },
    { "info jit", NULL, NULL, "show counters of the engine that runs guest code", run_jit },
    { "info last-events", NULL, NULL, "show where the CPU is, what is pending, its last exceptions "
      "and accesses (not in QEMU)", run_last_events },
    { "info kvm", NULL, NULL, "show whether KVM is used", run_kvm },
    { "cpu", "index:i", "index", "choose the CPU that other commands look at", run_cpu },
    { "nmi", NULL, NULL, "send a non-maskable interrupt", run_nmi },
    { NULL },
};
