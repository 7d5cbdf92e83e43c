/*
 * The command line as data: what the options asked for, before anything is built.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SYSTEM_CONFIG_H
#define SYSTEM_CONFIG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include "accel/runstate.h"
#include "util/option.h"

typedef struct AccelOption {
    char *name;
    OptDict *opts;
} AccelOption;

typedef struct Config {
    char *machine;               /* NULL: the default machine */
    OptDict *machine_opts;       /* properties of -machine; NULL: none */
    GPtrArray *accels;           /* AccelOption */
    GPtrArray *drives;           /* OptDict: -drive, -hda..., in order */
    GPtrArray *nodes;            /* OptDict: -blockdev */
    GPtrArray *devices;          /* OptDict: -device */
    GPtrArray *objects;          /* OptDict: -object */
    GPtrArray *globals;          /* char *: "driver.prop=value" */
    GPtrArray *chardevs;         /* OptDict: -chardev */
    GPtrArray *serials;          /* char *: -serial */
    GPtrArray *parallels;        /* char *: -parallel */
    GPtrArray *debugcons;        /* char *: -debugcon */
    GPtrArray *monitors;         /* char *: -monitor */
    GPtrArray *qmps;             /* char *: -qmp */
    GPtrArray *pretty_qmps;      /* char *: -qmp-pretty */
    GPtrArray *mons;             /* OptDict: -mon */
    char *gdb;                   /* -gdb, -s; NULL: no gdb stub */
    GPtrArray *fw_cfgs;          /* OptDict: -fw_cfg */
    GPtrArray *data_dirs;        /* char *: -L */
    uint64_t ram_size;           /* bytes; UINT64_MAX: the machine's default */
    unsigned cpus, sockets, cores, threads, max_cpus;
    char *cpu_model, *firmware, *kernel, *initrd, *append;
    char *boot_order, *boot_once;
    bool boot_menu, boot_strict;
    uint64_t boot_menu_timeout, reboot_timeout; /* ms; UINT64_MAX: not given */
    char *vga;                   /* NULL: the machine's default */
    OptDict *display;            /* -display, key "type"; NULL: the best there is */
    GPtrArray *vncs;             /* OptDict: -vnc, key "vnc" */
    char *keymap;                /* -k; NULL: en-us */
    bool full_screen;
    char *name, *uuid, *pidfile, *qtest, *qtest_log;
    char *rtc_base;              /* "utc", "localtime" or a date; NULL: utc */
    uint64_t hang_timeout;       /* seconds; 0: -hang-timeout was not given */
    bool hang_report_only;
    bool snapshot, nodefaults, nographic, daemonize;
    bool default_net_given;      /* any of -nic, -net, -netdev */
    RunOptions run;
} Config;

Config *config_new(void);
void config_free(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

/*
 * Reads argv into config. Options that only print (-help, -version, "-machine help"...)
 * set *done. Returns false with errp set on a wrong option.
 */
bool config_parse(Config *config, int argc, char **argv, bool *done, Error **errp);

/* Calls fn for each option that is implemented; arg is the description of its argument, NULL
 * without one. */
void config_option_foreach(void (*fn)(const char *name, const char *arg, const char *help,
                                      void *opaque), void *opaque);

/* The option table's help text. */
void config_help(GString *out);

#endif
