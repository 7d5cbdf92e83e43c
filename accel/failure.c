/*
 * Reports of what cannot go on: see failure.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "accel/failure.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void failure_describe_cpu(CPUState *cpu, GString *out)
{
    CPUClass *cc = CPU_GET_CLASS(cpu);

    g_string_append_printf(out, "CPU#%d\n", cpu->cpu_index);
    cc->dump_state(cpu, out);
    if (cc->dump_diagnosis) {
        cc->dump_diagnosis(cpu, out);
    }
}

static void describe(CPUState *cpu, void *opaque)
{
    failure_describe_cpu(cpu, opaque);
}

void failure_report(MachineState *machine, bool ask, const char *fmt, ...)
{
    GString *text = g_string_new(NULL);
    va_list ap;

    va_start(ap, fmt);
    g_string_append_vprintf(text, fmt, ap);
    va_end(ap);
    error_report("%s", text->str);
    g_string_truncate(text, 0);
    for (guint i = 0; i < machine->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(machine->cpus, i);
        if (ask) {
            cpu_run_on(cpu, describe, text);
        } else {
            failure_describe_cpu(cpu, text);
        }
    }
    fputs(text->str, stderr);
    g_string_free(text, TRUE);
}
