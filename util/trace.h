/*
 * Trace events, declared beside the code that fires them:
 *
 *     TRACE_EVENT(serial_write, "port 0x%x value 0x%02x");
 *     ...
 *     trace(serial_write, port, val);
 *
 * The format is checked against the arguments by the compiler. Events are
 * switched on by name or pattern ("-trace serial_*", "-trace file=...").
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_TRACE_H
#define UTIL_TRACE_H

#include <glib.h>
#include <stdbool.h>
#include "util/error.h"

typedef struct TraceEvent TraceEvent;
struct TraceEvent {
    const char *name;
    bool enabled;
    TraceEvent *next;
};

void trace_register(TraceEvent *event);
void trace_print(const TraceEvent *event, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Enables every event whose name matches the glob; false if none does. */
bool trace_enable(const char *glob, bool enable, Error **errp);
/* Parses the argument of -trace: "[enable=]GLOB[,events=FILE][,file=FILE]". */
bool trace_parse_option(const char *arg, Error **errp);
void trace_list(GString *out);
/* Every event, through .next. */
const TraceEvent *trace_first(void);

#define TRACE_EVENT(id, format)                                                \
    static TraceEvent trace_event_##id = { .name = #id };                      \
    static const char trace_format_##id[] = format;                            \
    static void __attribute__((constructor)) trace_register_##id(void)         \
    {                                                                          \
        trace_register(&trace_event_##id);                                     \
    }                                                                          \
    struct trace_semicolon_##id

#define trace(id, ...)                                                         \
    do {                                                                       \
        if (G_UNLIKELY(trace_event_##id.enabled)) {                            \
            trace_print(&trace_event_##id, trace_format_##id, ##__VA_ARGS__);  \
        }                                                                      \
    } while (0)

#endif
