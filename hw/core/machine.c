/*
 * Machines: creation, reset, files. See machine.h; state saving stands in
 * machine-state.c.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/machine.h"
#include "hw/core/hostmem.h"
#include "qom/user-object.h"
#include <errno.h>
#include <string.h>

typedef struct ResetHandler {
    void (*fn)(void *opaque);
    void *opaque;
} ResetHandler;

/* A request to an image failed: monitors hear of it. */
static void report_block_error(void *opaque, BlockBackend *blk, bool is_read, int error,
                               bool ignored)
{
    json_object *data = json_object_new_object();
    BlockNodeInfo info = { 0 };

    json_object_object_add(data, "device", json_object_new_string(blk_name(blk)));
    if (blk_root(blk)) {
        bdrv_get_info(blk_root(blk), &info);
    }
    if (info.name) {
        json_object_object_add(data, "node-name", json_object_new_string(info.name));
    }
    json_object_object_add(data, "operation", json_object_new_string(is_read ? "read" : "write"));
    json_object_object_add(data, "action",
                           json_object_new_string(ignored ? "ignore" : "report"));
    json_object_object_add(data, "nospace", json_object_new_boolean(error == -ENOSPC));
    json_object_object_add(data, "reason", json_object_new_string(g_strerror(-error)));
    machine_emit_event(opaque, "BLOCK_IO_ERROR", data);
}

static void machine_instance_init(Object *obj)
{
    MachineState *machine = MACHINE(obj);

    machine->clock = clock_new_virtual();
    machine->cpus = g_ptr_array_new();
    machine->serials = g_ptr_array_new();
    machine->parallels = g_ptr_array_new();
    machine->debugcons = g_ptr_array_new();
    machine->fw_cfg_options = g_ptr_array_new();
    machine->globals = g_ptr_array_new_with_free_func(g_free);
    machine->defaults = true;
    machine->data_dirs = g_ptr_array_new_with_free_func(g_free);
    machine->smp_cpus = machine->max_cpus = 1;
    machine->smp_sockets = machine->smp_cores = machine->smp_threads = 1;
    machine->boot_menu_timeout = machine->reboot_timeout = -1;
    machine->rtc_utc = true;
    machine->graphics = true;
    g_queue_init(&machine->reset_handlers);
    g_cond_init(&machine->pause_cond);
    machine->drives = block_registry_new();
    block_set_error_hook(machine->drives, report_block_error, machine);
    machine->chardevs = chardev_registry_new();
    machine->input = input_queue_new(machine->clock);
    machine->consoles = console_list_new();
    memory_region_init(&machine->system_memory, obj, "system", UINT64_MAX);
    memory_region_init(&machine->system_io, obj, "io", 0x10000);
    address_space_init(&machine->memory_as, &machine->system_memory, "memory");
    address_space_init(&machine->io_as, &machine->system_io, "I/O");
    machine->main_bus = bus_new("System", NULL, "main-system-bus");
    object_property_add_child(object_container_get(obj, "unattached"), "sysbus",
                              OBJECT(machine->main_bus));
}

static MemoryBackend *memory_backend(const MachineState *machine)
{
    const char *id = machine->memory_backend;
    return id ? (MemoryBackend *)user_object_find(id, TYPE_MEMORY_BACKEND) : NULL;
}

static void machine_finalize(Object *obj)
{
    MachineState *machine = MACHINE(obj);
    MemoryBackend *backend = machine->initialized ? memory_backend(machine) : NULL;

    if (backend) {
        backend->in_use = false;
    }

    object_unref(machine->main_bus);
    console_list_free(machine->consoles);
    input_queue_free(machine->input);
    chardev_registry_free(machine->chardevs);
    block_registry_free(machine->drives);
    g_cond_clear(&machine->pause_cond);
    address_space_destroy(&machine->memory_as);
    address_space_destroy(&machine->io_as);
    g_queue_clear_full(&machine->reset_handlers, g_free);
    GPtrArray *arrays[] = { machine->cpus, machine->serials, machine->parallels,
                            machine->debugcons, machine->fw_cfg_options, machine->globals,
                            machine->data_dirs };
    for (size_t i = 0; i < G_N_ELEMENTS(arrays); i++) {
        g_ptr_array_unref(arrays[i]);
    }
    g_free(machine->cpu_model);
    g_free(machine->firmware);
    g_free(machine->kernel_filename);
    g_free(machine->initrd_filename);
    g_free(machine->kernel_cmdline);
    g_free(machine->boot_order);
    g_free(machine->boot_once);
    g_free(machine->vga);
    g_free(machine->memory_backend);
    g_free(machine->name);
    g_free(machine->uuid);
    g_free(machine->kernel_irqchip);
    clock_free(machine->clock);
}

static void match_machine(ObjectClass *klass, void *opaque)
{
    struct { const char *name; MachineClass *found; } *find = opaque;
    MachineClass *mc = MACHINE_CLASS(klass);
    g_autofree char *type = g_strconcat(find->name, MACHINE_TYPE_NAME(""), NULL);

    if (g_str_equal(object_class_get_name(klass), type) ||
        (mc->alias && g_str_equal(mc->alias, find->name))) {
        find->found = mc;
    }
}

MachineClass *machine_class_find(const char *name)
{
    struct { const char *name; MachineClass *found; } find = { name, NULL };
    object_class_foreach(match_machine, TYPE_MACHINE, false, &find);
    return find.found;
}

MachineState *machine_new(const char *name, Error **errp)
{
    MachineClass *mc = machine_class_find(name);

    if (!mc) {
        error_setg(errp, "unsupported machine type '%s'; '-machine help' lists the machines", name);
        return NULL;
    }
    Object *obj = object_new(object_class_get_name(OBJECT_CLASS(mc)));
    Object *root = object_get_root();
    object_property_add_child(root, object_property_find(root, "machine") ? "machine[*]"
                                                                          : "machine", obj);
    object_unref(obj);
    object_container_get(obj, "peripheral");
    object_container_get(obj, "peripheral-anon");
    MACHINE(obj)->ram_size = mc->default_ram_size;
    return MACHINE(obj);
}

void machine_destroy(MachineState *machine)
{
    while (machine->main_bus->children) {
        qdev_unrealize(g_slist_last(machine->main_bus->children)->data);
    }
    object_unparent(OBJECT(machine));
}

static bool check_ram_size(MachineState *machine, MachineClass *mc, Error **errp)
{
    if (machine->ram_size < mc->min_ram_size ||
        (mc->max_ram_size && machine->ram_size > mc->max_ram_size)) {
        error_setg(errp, "-m: %" G_GUINT64_FORMAT "K is not a size for this machine; it takes %"
                   G_GUINT64_FORMAT "M to %" G_GUINT64_FORMAT "G", machine->ram_size >> 10,
                   mc->min_ram_size >> 20, mc->max_ram_size >> 30);
        return false;
    }
    return true;
}

/* -machine memory-backend= gives the size. */
static bool take_memory_backend(MachineState *machine, Error **errp)
{
    MemoryBackend *backend = memory_backend(machine);

    if (!machine->memory_backend) {
        return true;
    }
    if (!backend) {
        error_setg(errp, "Memory backend '%s' not found; make it with -object "
                   TYPE_MEMORY_BACKEND_RAM ",id=%s,size=SIZE", machine->memory_backend,
                   machine->memory_backend);
        return false;
    }
    if (backend->in_use) {
        error_setg(errp, "Memory backend '%s' is used by another machine",
                   machine->memory_backend);
        return false;
    }
    if (machine->ram_size_given && machine->ram_size != backend->size) {
        error_setg(errp, "Machine memory size does not match the size of the memory backend");
        return false;
    }
    machine->ram_size = backend->size;
    backend->in_use = true;
    return true;
}

static bool make_ram(MachineState *machine, Error **errp)
{
    MemoryBackend *backend = memory_backend(machine);
    const char *name = backend ? machine->memory_backend
                               : MACHINE_GET_CLASS(machine)->default_ram_id;

    if (!machine->ram_size) {
        return true;
    }
    return memory_region_init_ram(&machine->ram, machine, name, machine->ram_size, errp) &&
           (!backend || !backend->prealloc ||
            memory_preallocate(memory_region_get_ram_ptr(&machine->ram), machine->ram_size, errp));
}

bool machine_init_run(MachineState *machine, Error **errp)
{
    MachineClass *mc = MACHINE_GET_CLASS(machine);

    if (machine->smp_cpus > mc->max_cpus) {
        error_setg(errp, "-smp %u: machine '%s' takes at most %u CPUs", machine->smp_cpus,
                   object_get_typename(machine), mc->max_cpus);
        return false;
    }
    machine->initialized = true;
    if (!take_memory_backend(machine, errp) || !check_ram_size(machine, mc, errp) ||
        !make_ram(machine, errp)) {
        return false;
    }
    return !mc->init || mc->init(machine, errp);
}

void machine_add_reset(MachineState *machine, void (*fn)(void *opaque), void *opaque)
{
    ResetHandler *handler = g_new(ResetHandler, 1);
    *handler = (ResetHandler){ fn, opaque };
    g_queue_push_tail(&machine->reset_handlers, handler);
}

void machine_reset(MachineState *machine)
{
    bus_reset(machine->main_bus);
    for (GList *l = machine->reset_handlers.head; l; l = l->next) {
        ResetHandler *handler = l->data;
        handler->fn(handler->opaque);
    }
}

static char *find_in_dir(const char *dir, const char *name)
{
    char *path = g_build_filename(dir, name, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
        return path;
    }
    g_free(path);
    return NULL;
}

char *machine_find_file(MachineState *machine, const char *name)
{
    static const char *const packaged[] = {
        "/usr/share/seabios", "/usr/share/vgabios", "/usr/share/qemu", "/usr/lib/ipxe/qemu",
        "/usr/share/ovmf", "/usr/share/OVMF",
    };

    if (strchr(name, '/') || g_file_test(name, G_FILE_TEST_IS_REGULAR)) {
        return g_file_test(name, G_FILE_TEST_IS_REGULAR) ? g_strdup(name) : NULL;
    }
    for (guint i = 0; i < machine->data_dirs->len; i++) {
        char *path = find_in_dir(machine->data_dirs->pdata[i], name);
        if (path) {
            return path;
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(packaged); i++) {
        char *path = find_in_dir(packaged[i], name);
        if (path) {
            return path;
        }
    }
    return NULL;
}

/* No board, but what -m gives is there, at address 0. */
static bool none_init(MachineState *machine, Error **errp)
{
    if (machine->ram_size) {
        memory_region_add_subregion(&machine->system_memory, 0, &machine->ram);
    }
    return true;
}

static json_object *backend_get(Object *obj, const ObjectProperty *prop, Error **errp)
{
    const char *id = MACHINE(obj)->memory_backend;
    g_autofree char *path = id ? g_strconcat("/objects/", id, NULL) : NULL;
    return json_object_new_string(path ? path : "");
}

/* An id, before the machine is built. */
static bool backend_set(Object *obj, const ObjectProperty *prop, json_object *value, Error **errp)
{
    MachineState *machine = MACHINE(obj);

    if (machine->initialized) {
        error_setg(errp, "memory-backend cannot be changed once the machine is built");
        return false;
    }
    if (!json_object_is_type(value, json_type_string)) {
        error_setg(errp, "Invalid parameter type for 'memory-backend', expected: string");
        return false;
    }
    g_free(machine->memory_backend);
    machine->memory_backend = g_strdup(json_object_get_string(value));
    return true;
}

static json_object *irqchip_get(Object *obj, const ObjectProperty *prop, Error **errp)
{
    const char *mode = MACHINE(obj)->kernel_irqchip;

    return json_object_new_string(mode ? mode : "");
}

/* The accelerator decides what it can do of it. */
static bool irqchip_set(Object *obj, const ObjectProperty *prop, json_object *value, Error **errp)
{
    const char *mode = json_object_get_string(value);

    if (!g_str_equal(mode, "on") && !g_str_equal(mode, "split") && !g_str_equal(mode, "off")) {
        error_setg(errp, "-machine kernel-irqchip=%s: write on, split or off", mode);
        return false;
    }
    g_free(MACHINE(obj)->kernel_irqchip);
    MACHINE(obj)->kernel_irqchip = g_strdup(mode);
    return true;
}

static void machine_class_init(ObjectClass *klass, const void *data)
{
    ObjectProperty *prop;

    MACHINE_CLASS(klass)->default_ram_id = "ram";
    prop = object_class_property_add(klass, "memory-backend", "str", backend_get, backend_set,
                                     NULL);
    object_property_set_description(prop, "the id of a memory-backend-... object, instead of -m");
    prop = object_class_property_add(klass, "kernel-irqchip", "str", irqchip_get, irqchip_set, NULL);
    object_property_set_description(prop, "interrupt controllers in the kernel: on, split or off");
}

static void none_class_init(ObjectClass *klass, const void *data)
{
    MachineClass *mc = MACHINE_CLASS(klass);
    mc->desc = "empty machine";
    mc->init = none_init;
    mc->max_cpus = 1;
    mc->default_ram_size = 0;
    mc->no_floppy = mc->no_cdrom = mc->no_parallel = mc->no_serial = true;
}

static const TypeInfo machine_types[] = {
    { .name = TYPE_MACHINE, .parent = TYPE_OBJECT, .instance_size = sizeof(MachineState),
      .class_size = sizeof(MachineClass), .instance_init = machine_instance_init,
      .instance_finalize = machine_finalize, .class_init = machine_class_init,
      .abstract = true },
    { .name = MACHINE_TYPE_NAME("none"), .parent = TYPE_MACHINE, .class_init = none_class_init },
};

static void machine_register(void)
{
    type_register_array(machine_types);
}

type_init(machine_register)
