/*
 * Life of the Config: see config.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "system/config.h"

static void accel_option_free(gpointer opaque)
{
    AccelOption *choice = opaque;
    g_free(choice->name);
    optdict_free(choice->opts);
    g_free(choice);
}

static void dict_free(gpointer dict)
{
    optdict_free(dict);
}

Config *config_new(void)
{
    Config *config = g_new0(Config, 1);
    GPtrArray **dicts[] = { &config->drives, &config->nodes, &config->devices, &config->objects,
                            &config->chardevs,
                            &config->mons, &config->fw_cfgs, &config->vncs };
    GPtrArray **strings[] = { &config->globals, &config->serials, &config->parallels,
                              &config->debugcons, &config->monitors, &config->qmps, &config->pretty_qmps,
                              &config->data_dirs };

    config->accels = g_ptr_array_new_with_free_func(accel_option_free);
    for (size_t i = 0; i < G_N_ELEMENTS(dicts); i++) {
        *dicts[i] = g_ptr_array_new_with_free_func(dict_free);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++) {
        *strings[i] = g_ptr_array_new_with_free_func(g_free);
    }
    config->ram_size = UINT64_MAX;
    config->boot_menu_timeout = config->reboot_timeout = UINT64_MAX;
    config->cpus = config->max_cpus = config->sockets = config->cores = config->threads = 1;
    return config;
}

void config_free(Config *config)
{
    GPtrArray *arrays[] = { config->accels, config->drives, config->nodes, config->devices, config->objects,
                            config->chardevs, config->mons, config->fw_cfgs, config->globals,
                            config->serials, config->parallels, config->debugcons,
                            config->monitors, config->qmps, config->pretty_qmps,
                            config->data_dirs, config->vncs };
    char *strings[] = { config->machine, config->cpu_model, config->firmware, config->kernel,
                        config->initrd, config->append, config->boot_order, config->boot_once,
                        config->vga, config->keymap, config->name, config->uuid,
                        config->pidfile, config->qtest, config->qtest_log, config->gdb, config->rtc_base };

    for (size_t i = 0; i < G_N_ELEMENTS(arrays); i++) {
        g_ptr_array_unref(arrays[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++) {
        g_free(strings[i]);
    }
    optdict_free(config->machine_opts);
    optdict_free(config->display);
    g_free(config);
}
