/*
 * QMP commands about machine types, the machine and its CPUs.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/core/hostmem.h"
#include "monitor/monitor.h"
#include "target/i386/cpuid.h"
#include "util/module.h"

static const char target_name[] = "x86_64";

/* --- machines -------------------------------------------------------------------------- */

static void add_machine(ObjectClass *klass, void *opaque)
{
    MachineClass *mc = MACHINE_CLASS(klass);
    g_autofree char *name = g_strndup(object_class_get_name(klass),
                                      strlen(object_class_get_name(klass)) -
                                      strlen(MACHINE_TYPE_NAME("")));
    json_object *info = json_object_new_object();

    json_add_str(info, "name", name);
    if (mc->alias) {
        json_add_str(info, "alias", mc->alias);
    }
    if (mc->is_default) {
        json_add_bool(info, "is-default", true);
    }
    json_add_int(info, "cpu-max", mc->max_cpus);
    json_add_bool(info, "hotpluggable-cpus", false);
    json_add_bool(info, "numa-mem-supported", false);
    json_add_bool(info, "deprecated", false);
    if (mc->default_cpu_type) {
        json_add_str(info, "default-cpu-type", mc->default_cpu_type);
    }
    json_add_str(info, "default-ram-id", mc->default_ram_id);
    json_object_array_add(opaque, info);
}

static json_object *qmp_query_machines(Monitor *mon, json_object *args, Error **errp)
{
    json_object *list = json_object_new_array();

    object_class_foreach(add_machine, TYPE_MACHINE, false, list);
    return list;
}

static json_object *qmp_query_current_machine(Monitor *mon, json_object *args, Error **errp)
{
    json_object *info = json_object_new_object();

    json_add_bool(info, "wakeup-suspend-support", false);
    return info;
}

static json_object *qmp_query_target(Monitor *mon, json_object *args, Error **errp)
{
    json_object *info = json_object_new_object();

    json_add_str(info, "arch", target_name);
    return info;
}

static json_object *qmp_query_kvm(Monitor *mon, json_object *args, Error **errp)
{
    const AccelOps *kvm = accel_find("kvm");
    json_object *info = json_object_new_object();

    json_add_bool(info, "enabled", kvm && runstate_accel(monitor_runstate(mon)) == kvm);
    json_add_bool(info, "present", kvm != NULL);
    return info;
}

static json_object *qmp_query_name(Monitor *mon, json_object *args, Error **errp)
{
    json_object *info = json_object_new_object();

    if (monitor_machine(mon)->name) {
        json_add_str(info, "name", monitor_machine(mon)->name);
    }
    return info;
}

static json_object *qmp_query_uuid(Monitor *mon, json_object *args, Error **errp)
{
    const char *uuid = monitor_machine(mon)->uuid;
    json_object *info = json_object_new_object();

    json_add_str(info, "UUID", uuid ? uuid : "00000000-0000-0000-0000-000000000000");
    return info;
}

static json_object *qmp_query_memory_size_summary(Monitor *mon, json_object *args, Error **errp)
{
    json_object *info = json_object_new_object();

    json_add_uint(info, "base-memory", monitor_machine(mon)->ram_size);
    json_add_uint(info, "plugged-memory", 0);
    return info;
}

static json_object *memdev(const char *id, uint64_t size, bool prealloc)
{
    json_object *info = json_object_new_object();

    json_add_str(info, "id", id);
    json_add_uint(info, "size", size);
    json_add_bool(info, "merge", false);
    json_add_bool(info, "dump", true);
    json_add_bool(info, "prealloc", prealloc);
    json_add_bool(info, "share", true); /* all guest memory is */
    json_add_bool(info, "reserve", true);
    json_object_object_add(info, "host-nodes", json_object_new_array());
    json_add_str(info, "policy", "default");
    return info;
}

static int add_memdev(Object *child, void *opaque)
{
    MemoryBackend *backend;

    if (object_dynamic_cast(child, TYPE_MEMORY_BACKEND)) {
        backend = MEMORY_BACKEND(child);
        json_object_array_add(opaque, memdev(child->name, backend->size, backend->prealloc));
    }
    return 0;
}

/* The back ends that the user made, and what -m made if they are not the machine's memory. */
static json_object *qmp_query_memdev(Monitor *mon, json_object *args, Error **errp)
{
    MachineState *machine = monitor_machine(mon);
    json_object *list = json_object_new_array();

    object_child_foreach(object_container_get(object_get_root(), "objects"), add_memdev, list);
    if (machine->ram_size && !machine->memory_backend) {
        json_object_array_add(list, memdev(MACHINE_GET_CLASS(machine)->default_ram_id,
                                           machine->ram_size, false));
    }
    return list;
}

/* --- CPUs ------------------------------------------------------------------------------ */

/* Which thread of which core in which socket a CPU is. */
static json_object *cpu_place(const MachineState *machine, unsigned index)
{
    unsigned per_core = MAX(machine->smp_threads, 1), cores = MAX(machine->smp_cores, 1);
    json_object *props = json_object_new_object();

    json_add_int(props, "core-id", index / per_core % cores);
    json_add_int(props, "thread-id", index % per_core);
    json_add_int(props, "socket-id", index / per_core / cores);
    return props;
}

static json_object *qmp_query_cpus_fast(Monitor *mon, json_object *args, Error **errp)
{
    MachineState *machine = monitor_machine(mon);
    json_object *list = json_object_new_array();

    for (guint i = 0; i < machine->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(machine->cpus, i);
        g_autofree char *path = object_get_canonical_path(cpu);
        json_object *info = json_object_new_object();

        json_add_int(info, "cpu-index", cpu->cpu_index);
        json_add_str(info, "qom-path", path);
        json_add_int(info, "thread-id", cpu->thread_id);
        json_object_object_add(info, "props", cpu_place(machine, i));
        json_add_str(info, "target", target_name);
        json_object_array_add(list, info);
    }
    return list;
}

static json_object *qmp_query_hotpluggable_cpus(Monitor *mon, json_object *args, Error **errp)
{
    MachineState *machine = monitor_machine(mon);
    const char *type = MACHINE_GET_CLASS(machine)->default_cpu_type;
    json_object *list;

    if (!type) {
        error_setg(errp, "The feature 'query-hotpluggable-cpus' is not enabled");
        return NULL;
    }
    list = json_object_new_array();
    for (guint i = MAX(machine->max_cpus, machine->smp_cpus); i-- > 0; ) {
        json_object *info = json_object_new_object();
        if (i < machine->cpus->len) {
            CPUState *cpu = g_ptr_array_index(machine->cpus, i);
            g_autofree char *path = object_get_canonical_path(cpu);
            json_add_str(info, "qom-path", path);
            type = object_get_typename(cpu);
        }
        json_add_str(info, "type", type);
        json_add_int(info, "vcpus-count", 1);
        json_object_object_add(info, "props", cpu_place(machine, i));
        json_object_array_add(list, info);
    }
    return list;
}

/* The names of what the model has and Doppel cannot give. */
static json_object *missing_features(MachineState *machine, const char *model)
{
    json_object *list = json_object_new_array();
    g_autoptr(GString) names = g_string_new(NULL);

    x86_cpu_model_missing(model, machine->cpu_host, names);
    g_auto(GStrv) words = g_strsplit(names->str, ", ", 0);
    for (char **word = words; *word; word++) {
        json_object_array_add(list, json_object_new_string(*word));
    }
    return list;
}

static json_object *qmp_query_cpu_definitions(Monitor *mon, json_object *args, Error **errp)
{
    json_object *list = json_object_new_array();
    const char *name;

    for (unsigned i = 0; (name = x86_cpu_model_name(i)); i++) {
        g_autofree char *type = g_strconcat(name, "-x86_64-cpu", NULL);
        json_object *info = json_object_new_object();

        json_add_str(info, "name", name);
        json_add_bool(info, "migration-safe", !g_str_equal(name, "max"));
        json_add_bool(info, "static", false);
        json_object_object_add(info, "unavailable-features", missing_features(monitor_machine(mon), name));
        json_add_str(info, "typename", type);
        json_add_bool(info, "deprecated", false);
        json_object_array_add(list, info);
    }
    return list;
}

static const QmpHandler machine_commands[] = {
    { "query-machines", qmp_query_machines },
    { "query-current-machine", qmp_query_current_machine },
    { "query-target", qmp_query_target },
    { "query-kvm", qmp_query_kvm },
    { "query-name", qmp_query_name },
    { "query-uuid", qmp_query_uuid },
    { "query-memory-size-summary", qmp_query_memory_size_summary },
    { "query-memdev", qmp_query_memdev },
    { "query-cpus-fast", qmp_query_cpus_fast },
    { "query-hotpluggable-cpus", qmp_query_hotpluggable_cpus },
    { "query-cpu-definitions", qmp_query_cpu_definitions },
};
QMP_COMMANDS(machine_commands)
