/*
 * From the command line to a running machine: see startup.h.
 *
 * Order: machine object and options, accelerator, back ends (character
 * devices, images), the board, -device, monitors and the qtest server.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "system/startup.h"
#include <string.h>
#include <time.h>
#include "accel/hang.h"
#include "accel/qtest/qtest.h"
#include "hw/core/device-add.h"
#include "monitor/hmp.h"
#include "gdbstub/gdbstub.h"
#include "monitor/monitor.h"
#include "qom/user-object.h"
#include "system/screens.h"
#include "util/main-loop.h"

struct Startup {
    MachineState *machine;
    const AccelOps *accel;
    RunState *rs;
    GPtrArray *monitors;   /* Monitor: QMP */
    GPtrArray *humans;     /* HmpSession: human monitors */
    QTestServer *qtest;
    HangWatch *hang;
    Screens *screens;
};

static const char *default_machine_name(void)
{
    return "pc";
}

/* --- the machine's options ------------------------------------------------ */

static bool set_machine_property(void *opaque, const char *key, const char *value, Error **errp)
{
    return object_property_parse(opaque, key, value, errp);
}

static bool apply_machine_opts(MachineState *machine, Config *config, Error **errp)
{
    if (!config->machine_opts) {
        return true;
    }
    optdict_get(config->machine_opts, "type");
    optdict_get(config->machine_opts, "accel");
    return optdict_foreach_unused(config->machine_opts, set_machine_property, machine, errp);
}

/* Parses -rtc base=2006-06-17T16:01:21 or a date; the offset is to the host's clock. */
static bool apply_rtc(MachineState *machine, const char *base, Error **errp)
{
    machine->rtc_utc = !base || !g_str_equal(base, "localtime");
    if (!base || g_str_equal(base, "utc") || g_str_equal(base, "localtime")) {
        return true;
    }
    g_autofree char *text = strchr(base, 'T') ? g_strdup(base)
                                              : g_strconcat(base, "T00:00:00", NULL);
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) when = g_date_time_new_from_iso8601(text, utc);
    if (!when) {
        error_setg(errp, "-rtc base=%s: write utc, localtime or a date as 2006-06-17T16:01:21",
                   base);
        return false;
    }
    machine->rtc_offset_ns = g_date_time_to_unix(when) * NS_PER_SECOND -
                             clock_get_ns(clock_host());
    return true;
}

static void copy_strings(GPtrArray *to, GPtrArray *from)
{
    for (guint i = 0; i < from->len; i++) {
        g_ptr_array_add(to, g_strdup(from->pdata[i]));
    }
}

static int64_t ms_or_none(uint64_t ms)
{
    return ms == UINT64_MAX ? -1 : (int64_t)ms;
}

/* The board's own adapter: none by default beside one from -device. */
static const char *choose_vga(const Config *config)
{
    static const char *const adapters[] = { "VGA", "isa-vga", "cirrus-vga", "isa-cirrus-vga", NULL };

    for (guint i = 0; i < config->devices->len && !config->vga; i++) {
        const char *driver = optdict_get(config->devices->pdata[i], "driver");
        if (driver && g_strv_contains(adapters, driver)) {
            return "none";
        }
    }
    return config->vga;
}

static bool configure_machine(MachineState *machine, Config *config, Error **errp)
{
    MachineClass *mc = MACHINE_GET_CLASS(machine);

    machine->ram_size = config->ram_size == UINT64_MAX ? mc->default_ram_size
                                                       : config->ram_size;
    machine->ram_size_given = config->ram_size != UINT64_MAX;
    machine->smp_cpus = config->cpus;
    machine->smp_sockets = config->sockets;
    machine->smp_cores = config->cores;
    machine->smp_threads = config->threads;
    machine->max_cpus = config->max_cpus;
    machine->cpu_model = g_strdup(config->cpu_model);
    machine->firmware = g_strdup(config->firmware);
    machine->kernel_filename = g_strdup(config->kernel);
    machine->initrd_filename = g_strdup(config->initrd);
    machine->kernel_cmdline = g_strdup(config->append ? config->append : "");
    machine->boot_order = g_strdup(config->boot_order);
    machine->boot_once = g_strdup(config->boot_once);
    machine->boot_menu = config->boot_menu;
    machine->boot_strict = config->boot_strict;
    machine->boot_menu_timeout = ms_or_none(config->boot_menu_timeout);
    machine->reboot_timeout = ms_or_none(config->reboot_timeout);
    machine->name = g_strdup(config->name);
    machine->uuid = g_strdup(config->uuid);
    machine->vga = g_strdup(choose_vga(config));
    machine->graphics = !config->nographic;
    machine->defaults = !config->nodefaults;
    copy_strings(machine->data_dirs, config->data_dirs);
    copy_strings(machine->globals, config->globals);
    for (guint i = 0; i < config->fw_cfgs->len; i++) {
        g_ptr_array_add(machine->fw_cfg_options, config->fw_cfgs->pdata[i]);
    }
    if (!config->kernel && (config->initrd || config->append)) {
        error_setg(errp, "-%s needs -kernel", config->initrd ? "initrd" : "append");
        return false;
    }
    return apply_rtc(machine, config->rtc_base, errp) && apply_machine_opts(machine, config, errp);
}

static const AccelOps *choose_accel(MachineState *machine, Config *config, Error **errp)
{
    static const AccelChoice fallback = { .name = "tcg" };
    g_autofree AccelChoice *choices = g_new0(AccelChoice, config->accels->len + 1);

    if (!config->accels->len) {
        return accel_select(machine, &fallback, 1, errp);
    }
    for (guint i = 0; i < config->accels->len; i++) {
        AccelOption *option = config->accels->pdata[i];
        choices[i] = (AccelChoice){ option->name, option->opts };
    }
    return accel_select(machine, choices, config->accels->len, errp);
}

static bool add_objects(Config *config, Error **errp)
{
    for (guint i = 0; i < config->objects->len; i++) {
        if (!user_object_add(config->objects->pdata[i], errp)) {
            error_prepend(errp, "-object: ");
            return false;
        }
    }
    return true;
}

/* --- back ends ------------------------------------------------------------- */

static bool add_monitor(Startup *up, Chardev *chr, bool control, bool pretty, Error **errp)
{
    void *mon = control ? (void *)monitor_new(up->rs, chr, pretty, errp)
                        : (void *)hmp_session_new(up->rs, chr, errp);
    if (mon) {
        g_ptr_array_add(control ? up->monitors : up->humans, mon);
    }
    return mon != NULL;
}

/* "mon:..." is shared with a human monitor, which comes before the device so that the
 * device has the keyboard at first. */
static bool add_serial(Startup *up, const char *text, const char *name, GPtrArray *out,
                       Error **errp)
{
    Chardev *chr = NULL;

    if (!g_str_equal(text, "none")) {
        chr = chardev_add_legacy(up->machine->chardevs, name, text, errp);
        if (!chr || (g_str_has_prefix(text, "mon:") && !add_monitor(up, chr, false, false, errp))) {
            return false;
        }
    }
    g_ptr_array_add(out, chr);
    return true;
}

static bool add_serial_like(Startup *up, GPtrArray *texts, GPtrArray *out, const char *label,
                            const char *fallback, Error **errp)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();

    for (guint i = 0; i < texts->len; i++) {
        g_ptr_array_add(all, texts->pdata[i]);
    }
    if (!texts->len && fallback) {
        g_ptr_array_add(all, (void *)fallback);
    }
    for (guint i = 0; i < all->len; i++) {
        g_autofree char *name = g_strdup_printf("%s%u", label, i);
        if (!add_serial(up, all->pdata[i], name, out, errp)) {
            return false;
        }
    }
    return true;
}

static const char *default_serial(const Config *config)
{
    if (config->nodefaults) {
        return NULL;
    }
    return config->nographic ? (config->monitors->len ? "stdio" : "mon:stdio") : "vc";
}

static bool add_chardevs(Startup *up, Config *config, Error **errp)
{
    MachineState *machine = up->machine;

    for (guint i = 0; i < config->chardevs->len; i++) {
        if (!chardev_add(machine->chardevs, config->chardevs->pdata[i], errp)) {
            return false;
        }
    }
    return add_serial_like(up, config->serials, machine->serials, "serial",
                           default_serial(config), errp) &&
           add_serial_like(up, config->parallels, machine->parallels, "parallel",
                           config->nodefaults ? NULL : "null", errp) &&
           add_serial_like(up, config->debugcons, machine->debugcons, "debugcon", NULL, errp);
}

static bool add_drives(Startup *up, Config *config, Error **errp)
{
    for (guint i = 0; i < config->nodes->len; i++) {
        if (!block_node_add(up->machine->drives, config->nodes->pdata[i], errp)) {
            return false;
        }
    }
    for (guint i = 0; i < config->drives->len; i++) {
        OptDict *dict = config->drives->pdata[i];
        if (config->snapshot) {
            optdict_set(dict, "snapshot", "on");
        }
        if (!block_drive_add(up->machine->drives, dict, errp)) {
            return false;
        }
    }
    return true;
}

/* --- -device --------------------------------------------------------------- */

static bool add_devices(Startup *up, Config *config, Error **errp)
{
    for (guint i = 0; i < config->devices->len; i++) {
        OptDict *opts = config->devices->pdata[i];
        if (!device_add(up->machine, opts, false, errp)) {
            const char *driver = optdict_get(opts, "driver");
            error_prepend(errp, "-device %s: ", driver ? driver : "");
            return false;
        }
    }
    return block_check_orphans(up->machine->drives, errp);
}

/* --- monitors, qtest -------------------------------------------------------- */

static bool add_mon_option(Startup *up, OptDict *opts, Error **errp)
{
    const char *id = optdict_get(opts, "chardev"), *mode = optdict_get(opts, "mode");
    bool pretty = false;
    Chardev *chr = id ? chardev_find(up->machine->chardevs, id) : NULL;

    if (!chr) {
        error_setg(errp, "-mon chardev=%s: there is no such -chardev", id ? id : "");
        return false;
    }
    if (mode && !g_str_equal(mode, "control") && !g_str_equal(mode, "readline")) {
        error_setg(errp, "-mon mode=%s: write control (QMP) or readline", mode);
        return false;
    }
    return optdict_get_bool(opts, "pretty", &pretty, errp) &&
           optdict_check_all_used(opts, errp) &&
           add_monitor(up, chr, mode && g_str_equal(mode, "control"), pretty, errp);
}

/* -qmp and -monitor, each with a character device in its short form or "none". */
static bool add_short_monitors(Startup *up, GPtrArray *texts, bool control, bool pretty,
                               Error **errp)
{
    for (guint i = 0; i < texts->len; i++) {
        g_autofree char *name = g_strdup_printf("compat_monitor%u",
                                                up->monitors->len + up->humans->len);
        if (g_str_equal(texts->pdata[i], "none")) {
            continue;
        }
        Chardev *chr = chardev_add_legacy(up->machine->chardevs, name, texts->pdata[i], errp);
        if (!chr || !add_monitor(up, chr, control, pretty, errp)) {
            return false;
        }
    }
    return true;
}

/* Unless something else was asked for, there is a monitor on a text console; with -nographic on
 * the terminal. */
static void add_default_monitor(Config *config)
{
    bool monitor = config->monitors->len || config->qmps->len || config->pretty_qmps->len ||
                   config->mons->len || config->nodefaults;
    bool terminal_taken = !config->serials->len; /* by the default serial port */

    for (guint i = 0; i < config->serials->len; i++) {
        const char *serial = g_ptr_array_index(config->serials, i);
        monitor |= g_str_has_prefix(serial, "mon:");
        terminal_taken |= g_str_equal(serial, "stdio");
    }
    if (!monitor && !(config->nographic && terminal_taken)) {
        g_ptr_array_add(config->monitors, g_strdup(config->nographic ? "stdio" : "vc"));
    }
}

static bool add_monitors(Startup *up, Config *config, Error **errp)
{
    add_default_monitor(config);
    for (guint i = 0; i < config->mons->len; i++) {
        if (!add_mon_option(up, config->mons->pdata[i], errp)) {
            return false;
        }
    }
    return add_short_monitors(up, config->qmps, true, false, errp) &&
           add_short_monitors(up, config->pretty_qmps, true, true, errp) &&
           add_short_monitors(up, config->monitors, false, false, errp);
}

static bool add_qtest(Startup *up, Config *config, Error **errp)
{
    if (!config->qtest) {
        return true;
    }
    Chardev *chr = chardev_add_legacy(up->machine->chardevs, "qtest", config->qtest, errp);
    up->qtest = chr ? qtest_server_new(up->machine, chr, config->qtest_log,
                                       !up->accel->runs_guest_code, errp) : NULL;
    return up->qtest != NULL;
}

static bool add_hang_watch(Startup *up, Config *config, Error **errp)
{
    if (!config->hang_timeout) {
        return true;
    }
    if (!up->accel->runs_guest_code) {
        error_setg(errp, "-hang-timeout: no guest runs with -accel %s; use tcg", up->accel->name);
        return false;
    }
    up->hang = hang_watch_new(up->rs, (int64_t)config->hang_timeout * NS_PER_SECOND,
                              !config->hang_report_only);
    return true;
}

static bool add_gdb(Startup *up, Config *config, Error **errp)
{
    if (config->gdb && !gdbstub_start(up->rs, config->gdb, errp)) {
        error_prepend(errp, "-gdb %s: ", config->gdb);
        return false;
    }
    return true;
}

/* --- all together ------------------------------------------------------------ */

/* --preconfig: monitors may look around and choose before the machine is built. False without
 * an error if they end the program instead. */
static bool wait_in_preconfig(Startup *up)
{
    if (runstate_in_preconfig(up->rs)) {
        main_loop_run();
    }
    return !runstate_in_preconfig(up->rs);
}

static bool build(Startup *up, Config *config, Error **errp)
{
    return configure_machine(up->machine, config, errp) &&
           (up->accel = choose_accel(up->machine, config, errp)) &&
           (up->rs = runstate_new(up->machine, up->accel, &config->run)) &&
           add_objects(config, errp) &&
           add_chardevs(up, config, errp) &&
           add_drives(up, config, errp) &&
           add_monitors(up, config, errp) &&
           wait_in_preconfig(up) &&
           machine_init_run(up->machine, errp) &&
           add_devices(up, config, errp) &&
           (!up->accel->machine_ready || up->accel->machine_ready(up->machine, errp)) &&
           (up->screens = screens_new(up->rs, config, errp)) &&
           add_qtest(up, config, errp) &&
           add_hang_watch(up, config, errp) &&
           add_gdb(up, config, errp);
}

Startup *startup_build(Config *config, Error **errp)
{
    MachineState *machine = machine_new(config->machine ? config->machine
                                                        : default_machine_name(), errp);
    if (!machine) {
        return NULL;
    }
    Startup *up = g_new0(Startup, 1);
    up->machine = machine;
    up->monitors = g_ptr_array_new_with_free_func((GDestroyNotify)monitor_free);
    up->humans = g_ptr_array_new_with_free_func((GDestroyNotify)hmp_session_free);
    if (!build(up, config, errp)) {
        startup_free(up);
        return NULL;
    }
    return up;
}

RunState *startup_runstate(Startup *up)
{
    return up->rs;
}

static void flush_drive(BlockBackend *blk, void *opaque)
{
    blk_drain(blk);
    blk_flush(blk);
}

void startup_free(Startup *up)
{
    if (up->rs) {
        vm_stop(up->rs, RUN_STATE_SHUTDOWN);
    }
    block_foreach(up->machine->drives, flush_drive, NULL);
    screens_free(up->screens);
    qtest_server_free(up->qtest);
    if (up->rs) {
        gdbstub_stop(up->rs);
    }
    g_ptr_array_unref(up->monitors);
    g_ptr_array_unref(up->humans);
    if (up->rs) {
        runstate_free(up->rs);
    }
    hang_watch_free(up->hang);
    chardev_close_all(up->machine->chardevs);
    g_free(up);
}
