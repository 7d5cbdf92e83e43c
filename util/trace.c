/*
 * Trace events: see trace.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/trace.h"
#include "util/log.h"
#include <string.h>

static TraceEvent *events;

void trace_register(TraceEvent *event)
{
    event->next = events;
    events = event;
}

const TraceEvent *trace_first(void)
{
    return events;
}

void trace_print(const TraceEvent *event, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    log_printf("%s %s\n", event->name, text);
}

bool trace_enable(const char *glob, bool enable, Error **errp)
{
    bool any = false;
    for (TraceEvent *ev = events; ev; ev = ev->next) {
        if (g_pattern_match_simple(glob, ev->name)) {
            ev->enabled = enable;
            any = true;
        }
    }
    if (!any) {
        error_setg(errp, "-trace: no event matches '%s'; '-trace help' lists them", glob);
    }
    return any;
}

static bool trace_enable_from_file(const char *path, Error **errp)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) gerr = NULL;

    if (!g_file_get_contents(path, &text, NULL, &gerr)) {
        error_setg(errp, "-trace events=%s: %s", path, gerr->message);
        return false;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", 0);
    for (char **line = lines; *line; line++) {
        const char *glob = g_strstrip(*line);
        if (*glob && *glob != '#' && !trace_enable(glob, true, errp)) {
            return false;
        }
    }
    return true;
}

bool trace_parse_option(const char *arg, Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(arg, ",", 0);

    for (char **part = parts; *part; part++) {
        bool ok;
        if (g_str_has_prefix(*part, "file=")) {
            ok = log_set_file(*part + strlen("file="), errp);
        } else if (g_str_has_prefix(*part, "events=")) {
            ok = trace_enable_from_file(*part + strlen("events="), errp);
        } else if (g_str_has_prefix(*part, "enable=")) {
            ok = trace_enable(*part + strlen("enable="), true, errp);
        } else {
            ok = trace_enable(*part, true, errp);
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void trace_list(GString *out)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (TraceEvent *ev = events; ev; ev = ev->next) {
        g_ptr_array_add(names, (void *)ev->name);
    }
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++) {
        g_string_append_printf(out, "%s\n", (char *)names->pdata[i]);
    }
}
