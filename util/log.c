/*
 * Log items: see log.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/log.h"
#include <errno.h>
#include <stdio.h>

uint32_t log_enabled;
static FILE *log_file;

static const struct {
    const char *name;
    uint32_t bit;
    const char *help;
} log_items[] = {
#define X(name, bit, help) { #name, bit, help },
    LOG_ITEMS(X)
#undef X
};

void log_printf(const char *fmt, ...)
{
    FILE *out = log_file ? log_file : stderr;
    va_list ap;
    va_start(ap, fmt);
    vfprintf(out, fmt, ap);
    va_end(ap);
}

static uint32_t log_item_bit(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(log_items); i++) {
        if (g_str_equal(name, log_items[i].name)) {
            return log_items[i].bit;
        }
    }
    return 0;
}

bool log_set_items(const char *items, Error **errp)
{
    g_auto(GStrv) names = g_strsplit(items, ",", 0);
    uint32_t mask = 0;

    for (char **name = names; *name; name++) {
        uint32_t bit = g_str_equal(*name, "all") ? ~0u : log_item_bit(*name);
        if (!bit && !g_str_equal(*name, "none")) {
            error_setg(errp, "-d %s: unknown log item '%s'; '-d help' lists them", items, *name);
            return false;
        }
        mask |= bit;
    }
    log_enabled = mask;
    return true;
}

bool log_set_file(const char *path, Error **errp)
{
    FILE *f = path ? fopen(path, "w") : NULL;
    if (path && !f) {
        error_setg_errno(errp, errno, "-D %s: cannot open the log file", path);
        return false;
    }
    if (f) {
        setvbuf(f, NULL, _IOLBF, 0);
    }
    if (log_file) {
        fclose(log_file);
    }
    log_file = f;
    return true;
}

void log_help(GString *out)
{
    for (size_t i = 0; i < G_N_ELEMENTS(log_items); i++) {
        g_string_append_printf(out, "%-15s %s\n", log_items[i].name, log_items[i].help);
    }
}
