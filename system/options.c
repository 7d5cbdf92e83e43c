/*
 * The command-line options: parser, help and manual come from one table.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>
#include "chardev/char.h"
#include "system/config.h"
#include "target/i386/cpuid.h"
#include "ui/display.h"
#include "util/log.h"
#include "util/trace.h"

typedef struct Option {
    const char *name;
    const char *arg;   /* NULL: takes none */
    const char *help;
    /* arg is NULL for options without one. *done stops start-up with success. */
    bool (*apply)(Config *config, const struct Option *opt, const char *arg, bool *done,
                  Error **errp);
    size_t field;      /* offset in Config, for the common kinds */
    const char *text;  /* a constant of the option: -hda's "index=0,media=disk" */
} Option;

#define APPLY(name)                                                                        \
    static bool name(Config *config, const Option *opt, const char *arg, bool *done,       \
                     Error **errp)

static void *field_of(Config *config, const Option *opt)
{
    return (char *)config + opt->field;
}

static char *option_name(const Option *opt)
{
    return g_strconcat("-", opt->name, NULL);
}

/* --- common kinds -------------------------------------------------------- */

APPLY(set_flag)
{
    *(bool *)field_of(config, opt) = true;
    return true;
}

APPLY(set_string)
{
    char **field = field_of(config, opt);
    g_free(*field);
    *field = g_strdup(arg);
    return true;
}

APPLY(set_constant)
{
    return set_string(config, opt, opt->text, done, errp);
}

APPLY(add_string)
{
    g_ptr_array_add(*(GPtrArray **)field_of(config, opt), g_strdup(arg));
    return true;
}

/* opt->text names the key that may be left out. */
APPLY(add_dict)
{
    g_autofree char *name = option_name(opt);
    OptDict *dict = optdict_parse(name, arg, opt->text, errp);
    if (dict) {
        g_ptr_array_add(*(GPtrArray **)field_of(config, opt), dict);
    }
    return dict != NULL;
}

APPLY(refuse)
{
    error_setg(errp, "-%s is not implemented%s%s", opt->name, opt->text ? "; " : "",
               opt->text ? opt->text : "");
    return false;
}

/* --- machine, accelerator, CPU, memory ----------------------------------- */

static void print_machine(ObjectClass *klass, void *opaque)
{
    MachineClass *mc = MACHINE_CLASS(klass);
    const char *type = object_class_get_name(klass);
    int len = (int)(strlen(type) - strlen(MACHINE_TYPE_NAME("")));

    if (mc->alias) {
        printf("%-20s %s (alias of %.*s)\n", mc->alias, mc->desc, len, type);
    }
    printf("%-*.*s %s%s\n", 20, len, type, mc->desc, mc->is_default ? " (default)" : "");
}

APPLY(apply_machine)
{
    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        printf("Supported machines are:\n");
        object_class_foreach(print_machine, TYPE_MACHINE, false, NULL);
        *done = true;
        return true;
    }
    g_autoptr(OptDict) dict = optdict_parse("-machine", arg, "type", errp);
    if (!dict) {
        return false;
    }
    const char *type = optdict_get(dict, "type"), *accel = optdict_get(dict, "accel");
    if (type) {
        g_free(config->machine);
        config->machine = g_strdup(type);
    }
    g_auto(GStrv) accels = g_strsplit(accel ? accel : "", ":", 0);
    for (char **name = accels; *name; name++) {
        AccelOption *choice = g_new0(AccelOption, 1);
        choice->name = g_strdup(*name);
        g_ptr_array_add(config->accels, choice);
    }
    optdict_free(config->machine_opts);
    config->machine_opts = g_steal_pointer(&dict);
    return true;
}

APPLY(apply_accel)
{
    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        GString *text = g_string_new(NULL);
        accel_help(text);
        fputs(text->str, stdout);
        g_string_free(text, TRUE);
        *done = true;
        return true;
    }
    OptDict *dict = optdict_parse("-accel", arg, "accel", errp);
    if (!dict) {
        return false;
    }
    const char *name = optdict_get(dict, "accel");
    if (!name) {
        error_setg(errp, "-accel %s: the accelerator's name is missing", arg);
        optdict_free(dict);
        return false;
    }
    AccelOption *choice = g_new0(AccelOption, 1);
    choice->name = g_strdup(name);
    choice->opts = dict;
    g_ptr_array_add(config->accels, choice);
    return true;
}

APPLY(apply_enable_kvm)
{
    AccelOption *choice = g_new0(AccelOption, 1);
    choice->name = g_strdup("kvm");
    g_ptr_array_add(config->accels, choice);
    return true;
}

APPLY(apply_cpu)
{
    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        GString *text = g_string_new(NULL);
        x86_cpu_model_help(text);
        fputs(text->str, stdout);
        g_string_free(text, TRUE);
        *done = true;
        return true;
    }
    return set_string(config, opt, arg, done, errp);
}

APPLY(apply_memory)
{
    g_autoptr(OptDict) dict = optdict_parse("-m", arg, "size", errp);
    const char *size = dict ? optdict_get(dict, "size") : NULL;

    if (!dict || !optdict_check_all_used(dict, errp)) {
        return false;
    }
    if (!size || !parse_size("-m", size, 1024 * 1024, &config->ram_size, errp)) {
        if (!size) {
            error_setg(errp, "-m %s: the size is missing; write -m 512M", arg);
        }
        return false;
    }
    if (config->ram_size == 0) {
        error_setg(errp, "-m %s: a machine needs memory; write -m 512M", arg);
        return false;
    }
    config->ram_size = (config->ram_size + 8191) & ~UINT64_C(8191);
    return true;
}

static bool get_count(OptDict *dict, const char *key, unsigned *out, Error **errp)
{
    uint64_t val = *out;
    if (!optdict_get_u64(dict, key, &val, errp)) {
        return false;
    }
    if (val > 255 || (val == 0 && optdict_get(dict, key))) {
        error_setg(errp, "-smp: %s=%s is not in 1..255", key, optdict_get(dict, key));
        return false;
    }
    *out = (unsigned)val;
    return true;
}

/* Fills in what -smp left out; threads and cores default to 1, sockets follow. */
static bool complete_topology(Config *config, Error **errp)
{
    unsigned cores = MAX(config->cores, 1), threads = MAX(config->threads, 1);
    unsigned sockets = config->sockets;

    if (!config->cpus) {
        config->cpus = config->max_cpus ? config->max_cpus : MAX(sockets, 1) * cores * threads;
    }
    config->max_cpus = MAX(config->max_cpus, config->cpus);
    if (!sockets) {
        sockets = MAX(config->max_cpus / (cores * threads), 1);
    }
    if (sockets * cores * threads != config->max_cpus) {
        error_setg(errp, "-smp: sockets (%u) * cores (%u) * threads (%u) must be maxcpus (%u)",
                   sockets, cores, threads, config->max_cpus);
        return false;
    }
    config->sockets = sockets;
    config->cores = cores;
    config->threads = threads;
    return true;
}

APPLY(apply_smp)
{
    g_autoptr(OptDict) dict = optdict_parse("-smp", arg, "cpus", errp);

    config->cpus = config->max_cpus = config->sockets = config->cores = config->threads = 0;
    return dict && get_count(dict, "cpus", &config->cpus, errp) &&
           get_count(dict, "maxcpus", &config->max_cpus, errp) &&
           get_count(dict, "sockets", &config->sockets, errp) &&
           get_count(dict, "cores", &config->cores, errp) &&
           get_count(dict, "threads", &config->threads, errp) &&
           optdict_check_all_used(dict, errp) && complete_topology(config, errp);
}

/* --- boot ---------------------------------------------------------------- */

static bool take_boot_devices(OptDict *dict, const char *key, char **out, Error **errp)
{
    const char *letters = optdict_get(dict, key);
    if (!letters) {
        return true;
    }
    for (const char *p = letters; *p; p++) {
        if (!strchr("acdnp", *p) || strchr(p + 1, *p)) {
            error_setg(errp, "-boot %s=%s: write each of a (floppy), c (disk), d (CD-ROM), "
                       "n (network) at most once", key, letters);
            return false;
        }
    }
    g_free(*out);
    *out = g_strdup(letters);
    return true;
}

APPLY(apply_boot)
{
    g_autoptr(OptDict) dict = optdict_parse("-boot", arg, "order", errp);
    return dict && take_boot_devices(dict, "order", &config->boot_order, errp) &&
           take_boot_devices(dict, "once", &config->boot_once, errp) &&
           optdict_get_bool(dict, "menu", &config->boot_menu, errp) &&
           optdict_get_bool(dict, "strict", &config->boot_strict, errp) &&
           optdict_get_u64(dict, "splash-time", &config->boot_menu_timeout, errp) &&
           optdict_get_u64(dict, "reboot-timeout", &config->reboot_timeout, errp) &&
           optdict_check_all_used(dict, errp);
}

/* --- drives, devices ----------------------------------------------------- */

/* -hda FILE and its like: opt->text has the rest of the drive's keys. */
APPLY(apply_drive_file)
{
    g_autofree char *name = option_name(opt);
    OptDict *dict = optdict_parse(name, opt->text, NULL, errp);
    optdict_set(dict, "file", arg);
    g_ptr_array_add(config->drives, dict);
    return true;
}

static void print_device(ObjectClass *klass, void *opaque)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    if (dc->user_creatable) {
        printf("name \"%s\"%s%s%s%s%s\n", object_class_get_name(klass),
               dc->bus_type ? ", bus " : "", dc->bus_type ? dc->bus_type : "",
               dc->desc ? ", desc \"" : "", dc->desc ? dc->desc : "", dc->desc ? "\"" : "");
    }
}

static void print_property(ObjectProperty *prop, void *opaque)
{
    if (prop->set) {
        const char *value = prop->default_value ? json_object_get_string(prop->default_value)
                                                : NULL;
        printf("  %s=<%s>%s%s%s%s%s\n", prop->name, prop->type, prop->description ? " - " : "",
               prop->description ? prop->description : "", value ? " (default: " : "",
               value ? value : "", value ? ")" : "");
    }
}

static bool device_help(const char *arg, bool *done, Error **errp)
{
    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        object_class_foreach(print_device, TYPE_DEVICE, false, NULL);
        *done = true;
        return true;
    }
    const char *comma = strchr(arg, ',');
    if (comma && (g_str_equal(comma, ",help") || g_str_equal(comma, ",?"))) {
        g_autofree char *type = g_strndup(arg, comma - arg);
        ObjectClass *klass = object_class_by_name(type);
        if (!klass || !object_class_dynamic_cast(klass, TYPE_DEVICE)) {
            error_setg(errp, "-device %s: there is no such device; '-device help' lists them",
                       type);
            return false;
        }
        printf("%s options:\n", type);
        object_class_property_foreach(klass, print_property, NULL);
        *done = true;
    }
    return true;
}

APPLY(apply_device)
{
    return device_help(arg, done, errp) && (*done || add_dict(config, opt, arg, done, errp));
}

/* --- character devices, network ------------------------------------------ */

APPLY(apply_chardev)
{
    if (g_str_equal(arg, "help")) {
        GString *text = g_string_new(NULL);
        chardev_help(text);
        fputs(text->str, stdout);
        g_string_free(text, TRUE);
        *done = true;
        return true;
    }
    return add_dict(config, opt, arg, done, errp);
}

APPLY(apply_network)
{
    if (!g_str_equal(arg, "none")) {
        error_setg(errp, "-%s %s: networking is not implemented; '-%s none' works", opt->name,
                   arg, opt->name);
        return false;
    }
    config->default_net_given = true;
    return true;
}

/* --- run control, logs --------------------------------------------------- */

APPLY(apply_rtc)
{
    g_autoptr(OptDict) dict = optdict_parse("-rtc", arg, "base", errp);
    const char *base = dict ? optdict_get(dict, "base") : NULL;
    const char *clock = dict ? optdict_get(dict, "clock") : NULL;

    if (!dict || !optdict_check_all_used(dict, errp)) {
        return false;
    }
    if (clock && !g_str_equal(clock, "host") && !g_str_equal(clock, "vm")) {
        error_setg(errp, "-rtc clock=%s: write host or vm", clock);
        return false;
    }
    g_free(config->rtc_base);
    config->rtc_base = g_strdup(base);
    return true;
}

static bool set_action(void *opaque, const char *key, const char *value, Error **errp)
{
    Config *config = opaque;
    if (!run_options_set_action(&config->run, key, value, errp)) {
        error_prepend(errp, "-action %s=%s: ", key, value);
        return false;
    }
    return true;
}

APPLY(apply_action)
{
    g_autoptr(OptDict) dict = optdict_parse("-action", arg, NULL, errp);
    return dict && optdict_foreach_unused(dict, set_action, config, errp);
}

APPLY(apply_watchdog_action)
{
    if (!run_options_set_action(&config->run, "watchdog", arg, errp)) {
        error_prepend(errp, "-watchdog-action %s: ", arg);
        return false;
    }
    return true;
}

APPLY(apply_log_items)
{
    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        GString *text = g_string_new("Log items (comma separated):\n");
        log_help(text);
        fputs(text->str, stdout);
        g_string_free(text, TRUE);
        *done = true;
        return true;
    }
    return log_set_items(arg, errp);
}

APPLY(apply_log_file)
{
    return log_set_file(arg, errp);
}

APPLY(apply_trace)
{
    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        GString *text = g_string_new(NULL);
        trace_list(text);
        fputs(text->str, stdout);
        g_string_free(text, TRUE);
        *done = true;
        return true;
    }
    return trace_parse_option(arg, errp);
}

/* Display types of QEMU that are refused by name. */
static bool check_display_type(const char *type, Error **errp)
{
    static const char *const others[] = { "gtk", "cocoa", "spice-app", "egl-headless", "dbus",
                                          NULL };

    if (g_strv_contains(others, type)) {
        error_setg(errp, "-display %s is not implemented; write none, sdl, curses or vnc=:0", type);
        return false;
    }
    return g_str_equal(type, "none") || display_available(type, errp);
}

APPLY(apply_vnc)
{
    OptDict *dict = g_str_equal(arg, "none") ? NULL : optdict_parse("-vnc", arg, "vnc", errp);

    if (dict) {
        g_ptr_array_add(config->vncs, dict);
    } else if (g_str_equal(arg, "none")) {
        g_ptr_array_set_size(config->vncs, 0);
        return true;
    }
    return dict && display_available("vnc", errp);
}

APPLY(apply_display)
{
    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        g_autoptr(GString) text = g_string_new("Available display backend types:\n");
        display_help(text);
        fputs(text->str, stdout);
        *done = true;
        return true;
    }
    if (g_str_has_prefix(arg, "vnc=")) {
        return apply_vnc(config, opt, arg + strlen("vnc="), done, errp);
    }
    OptDict *dict = optdict_parse("-display", arg, "type", errp);
    const char *type = dict ? optdict_get(dict, "type") : NULL;
    if (dict && (!type || g_str_equal(type, "default"))) {
        optdict_free(dict); /* what would be shown without -display */
        dict = NULL;
    } else if (!dict || !check_display_type(type, errp)) {
        optdict_free(dict);
        return false;
    }
    optdict_free(config->display);
    config->display = dict;
    return true;
}

APPLY(apply_keymap)
{
    return keymap_find(arg, errp) && set_string(config, opt, arg, done, errp);
}

/* Beyond a week the watch would not be one. */
enum { HANG_TIMEOUT_MAX = 7 * 24 * 3600 };

APPLY(apply_hang_timeout)
{
    g_autoptr(OptDict) dict = optdict_parse("-hang-timeout", arg, "seconds", errp);
    const char *seconds = dict ? optdict_get(dict, "seconds") : NULL;
    const char *action = dict ? optdict_get(dict, "action") : NULL;

    if (!dict || (seconds && !parse_u64("-hang-timeout", seconds, &config->hang_timeout, errp))) {
        return false;
    }
    if (!seconds || !config->hang_timeout || config->hang_timeout > HANG_TIMEOUT_MAX) {
        error_setg(errp, "-hang-timeout %s: write a number of seconds from 1 to %d", arg,
                   HANG_TIMEOUT_MAX);
        return false;
    }
    if (action && !g_str_equal(action, "exit") && !g_str_equal(action, "report")) {
        error_setg(errp, "-hang-timeout action=%s: write exit or report", action);
        return false;
    }
    config->hang_report_only = action && g_str_equal(action, "report");
    return optdict_check_all_used(dict, errp);
}

APPLY(apply_name)
{
    g_autoptr(OptDict) dict = optdict_parse("-name", arg, "guest", errp);
    if (!dict) {
        return false;
    }
    g_free(config->name);
    config->name = g_strdup(optdict_get(dict, "guest"));
    optdict_get(dict, "process");
    optdict_get(dict, "debug-threads");
    return optdict_check_all_used(dict, errp);
}

APPLY(print_help)
{
    GString *text = g_string_new(NULL);
    config_help(text);
    fputs(text->str, stdout);
    g_string_free(text, TRUE);
    *done = true;
    return true;
}

APPLY(print_version)
{
    printf("Doppel emulator version " DOPPEL_VERSION "\n");
    *done = true;
    return true;
}

APPLY(apply_nothing)
{
    return true;
}

#define F(member) .field = offsetof(Config, member)

static const Option options[] = {
    { "h", NULL, "show this text", print_help },
    { "help", NULL, "show this text", print_help },
    { "version", NULL, "show the version", print_version },
    { "machine", "[type=]NAME[,prop=value...]", "the machine; '-machine help' lists them",
      apply_machine },
    { "M", "[type=]NAME[,prop=value...]", "the same", apply_machine },
    { "enable-kvm", NULL, "the same as -accel kvm", apply_enable_kvm },
    { "accel", "NAME[,prop=value...]", "the accelerator; several are tried in order",
      apply_accel },
    { "cpu", "MODEL[,+feature,-feature...]", "the CPU model; '-cpu help' lists them", apply_cpu,
      F(cpu_model) },
    { "smp", "[cpus=]N[,maxcpus=,sockets=,cores=,threads=]", "number of CPUs", apply_smp },
    { "m", "[size=]SIZE", "memory in MiB or with suffix K, M, G, T (default 128)",
      apply_memory },
    { "boot", "[order=]acdn[,once=,menu=on|off,splash-time=,reboot-timeout=,strict=on|off]",
      "boot order", apply_boot },
    { "bios", "FILE", "firmware image (default bios-256k.bin)", set_string, F(firmware) },
    { "kernel", "FILE", "boot this Linux or multiboot kernel", set_string, F(kernel) },
    { "initrd", "FILE", "initial RAM disk, or multiboot modules", set_string, F(initrd) },
    { "append", "TEXT", "kernel command line", set_string, F(append) },
    { "drive", "file=FILE[,if=,index=,media=,format=,cache=,snapshot=,readonly=,id=...]",
      "a disk, CD or floppy image", add_dict, F(drives) },
    { "blockdev", "driver=DRIVER,node-name=NAME,...", "an image for -device drive=NAME",
      add_dict, F(nodes), .text = "driver" },
    { "hda", "FILE", "first IDE disk", apply_drive_file, .text = "index=0,media=disk" },
    { "hdb", "FILE", "second IDE disk", apply_drive_file, .text = "index=1,media=disk" },
    { "hdc", "FILE", "third IDE disk", apply_drive_file, .text = "index=2,media=disk" },
    { "hdd", "FILE", "fourth IDE disk", apply_drive_file, .text = "index=3,media=disk" },
    { "cdrom", "FILE", "CD image, as third IDE drive", apply_drive_file,
      .text = "index=2,media=cdrom" },
    { "fda", "FILE", "first floppy", apply_drive_file, .text = "if=floppy,index=0" },
    { "fdb", "FILE", "second floppy", apply_drive_file, .text = "if=floppy,index=1" },
    { "snapshot", NULL, "keep writes in temporary files", set_flag, F(snapshot) },
    { "device", "TYPE[,prop=value...]", "add a device; '-device help', '-device TYPE,help'",
      apply_device, F(devices), .text = "driver" },
    { "object", "[qom-type=]memory-backend-ram,id=ID[,size=SIZE][,prealloc=on|off]",
      "an object that others refer to", add_dict, F(objects), .text = "qom-type" },
    { "global", "DRIVER.PROP=VALUE", "default of a device property", add_string, F(globals) },
    { "chardev", "BACKEND,id=ID[,prop=value...]", "a character device", apply_chardev,
      F(chardevs), .text = "backend" },
    { "serial", "DEV", "serial port: stdio, mon:stdio, file:F, pipe:P, pty, unix:, tcp:, null, "
      "none, chardev:ID", add_string, F(serials) },
    { "parallel", "DEV", "parallel port, as -serial", add_string, F(parallels) },
    { "debugcon", "DEV", "debug console on port 0xe9, as -serial", add_string, F(debugcons) },
    { "monitor", "DEV", "human monitor, as -serial", add_string, F(monitors) },
    { "qmp", "DEV", "QMP monitor, as -serial", add_string, F(qmps) },
    { "qmp-pretty", "DEV", "the same, indented", add_string, F(pretty_qmps) },
    { "mon", "[chardev=]ID[,mode=readline|control]", "monitor on a -chardev", add_dict, F(mons),
      .text = "chardev" },
    { "fw_cfg", "[name=]NAME,file=FILE|string=TEXT", "a file for the firmware", add_dict,
      F(fw_cfgs), .text = "name" },
    { "L", "DIR", "look for firmware here first", add_string, F(data_dirs) },
    { "vga", "std|cirrus|none", "the display adapter", set_string, F(vga) },
    { "display", "none|sdl[,grab-mod=MOD][,show-cursor=,window-close=,full-screen=,gl=on|off]|curses|"
      "vnc=DISPLAY[,...]", "how the screen is shown; '-display help'", apply_display },
    { "vnc", "[HOST]:D[,to=L,password=on|off,websocket=PORT|on,share=POLICY]|unix:PATH|none",
      "a VNC server on port 5900+D", apply_vnc },
    { "k", "LAYOUT", "keyboard layout of VNC clients, terminals and pasted text (default en-us)",
      apply_keymap, F(keymap) },
    { "full-screen", NULL, "the window begins in full screen", set_flag, F(full_screen) },
    { "nographic", NULL, "no screen; serial port and monitor on the terminal", set_flag,
      F(nographic) },
    { "nodefaults", NULL, "no devices but those named", set_flag, F(nodefaults) },
    { "no-user-config", NULL, "accepted: there is no user configuration file", apply_nothing },
    { "nic", "none", "no network", apply_network },
    { "net", "none", "no network", apply_network },
    { "name", "NAME", "the guest's name", apply_name },
    { "uuid", "UUID", "the guest's UUID", set_string, F(uuid) },
    { "rtc", "[base=]utc|localtime|DATE[,clock=host|vm]", "the real-time clock", apply_rtc },
    { "S", NULL, "do not start the CPU: wait for 'cont'", set_flag, F(run.start_paused) },
    { "no-reboot", NULL, "exit instead of rebooting", set_flag, F(run.no_reboot) },
    { "no-shutdown", NULL, "stop instead of exiting at shutdown", set_flag,
      F(run.no_shutdown) },
    { "action", "reboot=reset|shutdown,shutdown=poweroff|pause,panic=shutdown|pause|none,"
      "watchdog=reset|shutdown|poweroff|pause|none|inject-nmi", "what events lead to",
      apply_action },
    { "watchdog-action", "ACTION", "as -action watchdog=ACTION", apply_watchdog_action },
    { "preconfig", NULL, "wait for 'x-exit-preconfig' before the machine is built", set_flag,
      F(run.preconfig) },
    { "hang-timeout", "[seconds=]N[,action=exit|report]", "tell where the guest hangs when it has "
      "made no progress for that long (not in QEMU)", apply_hang_timeout },
    { "daemonize", NULL, "go to the background after start-up", set_flag, F(daemonize) },
    { "pidfile", "FILE", "write the process id there", set_string, F(pidfile) },
    { "d", "ITEM,...", "log these; '-d help' lists them", apply_log_items },
    { "D", "FILE", "log to this file", apply_log_file },
    { "trace", "[enable=]GLOB[,events=FILE][,file=FILE]", "trace events; '-trace help'",
      apply_trace },
    { "gdb", "DEV", "gdb stub: tcp::PORT, unix:PATH,server=on,wait=off, stdio, chardev:ID, none",
      set_string, F(gdb) },
    { "s", NULL, "the same as -gdb tcp::1234", set_constant, F(gdb), .text = "tcp::1234" },
    { "qtest", "DEV", "qtest server, as -serial", set_string, F(qtest) },
    { "qtest-log", "FILE", "log of the qtest server", set_string, F(qtest_log) },
    { "netdev", "TEXT", "not implemented", refuse, .text = "'-nic none' works" },
    { "readconfig", "FILE", "not implemented", refuse, .text = "give the options themselves" },
    { "incoming", "URI", "not implemented", refuse },
    { "loadvm", "NAME", "not implemented", refuse },
    { "usb", NULL, "not implemented", refuse },
    { "sdl", NULL, "not implemented", refuse, .text = "write -display sdl" },
    { "curses", NULL, "not implemented", refuse, .text = "write -display curses" },
    { "sandbox", "on", "not implemented", refuse },
};

void config_help(GString *out)
{
    g_string_append(out, "usage: doppel [options] [disk_image]\n\n"
                    "disk_image is a raw hard disk image for the first IDE disk\n\n");
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        const Option *opt = &options[i];
        if (opt->apply != refuse) {
            g_string_append_printf(out, "-%s%s%s\n                %s\n", opt->name,
                                   opt->arg ? " " : "", opt->arg ? opt->arg : "", opt->help);
        }
    }
}

void config_option_foreach(void (*fn)(const char *name, const char *arg, const char *help,
                                      void *opaque), void *opaque)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        if (options[i].apply != refuse) {
            fn(options[i].name, options[i].arg, options[i].help, opaque);
        }
    }
}

static const Option *find_option(const char *text)
{
    const char *name = text[1] == '-' ? text + 2 : text + 1;
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        if (g_str_equal(options[i].name, name)) {
            return &options[i];
        }
    }
    return NULL;
}

static bool add_disk_image(Config *config, const char *path)
{
    OptDict *dict = optdict_new("disk_image");
    optdict_set(dict, "index", "0");
    optdict_set(dict, "media", "disk");
    optdict_set(dict, "file", path);
    g_ptr_array_add(config->drives, dict);
    return true;
}

/* Handles argv[i]; returns how many words it took, 0 with errp set on failure. */
static int parse_one(Config *config, int argc, char **argv, int i, bool *done, Error **errp)
{
    if (argv[i][0] != '-' || !argv[i][1]) {
        return add_disk_image(config, argv[i]);
    }
    const Option *opt = find_option(argv[i]);
    if (!opt) {
        error_setg(errp, "%s: invalid option; '-help' lists the options", argv[i]);
        return 0;
    }
    if (opt->arg && i + 1 >= argc) {
        error_setg(errp, "-%s: requires an argument: %s", opt->name, opt->arg);
        return 0;
    }
    if (!opt->apply(config, opt, opt->arg ? argv[i + 1] : NULL, done, errp)) {
        return 0;
    }
    return opt->arg ? 2 : 1;
}

bool config_parse(Config *config, int argc, char **argv, bool *done, Error **errp)
{
    *done = false;
    for (int i = 1; i < argc && !*done; ) {
        int taken = parse_one(config, argc, argv, i, done, errp);
        if (!taken) {
            return false;
        }
        i += taken;
    }
    return true;
}
