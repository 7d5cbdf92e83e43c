/*
 * /tmp/perf-PID.map: tells perf(1) which host code belongs to which guest code.
 * One line for each block: address and size in hexadecimal, name.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <unistd.h>
#include "target/i386/translate/jit.h"

bool x86_translator_perf_map(X86CPU *cpu, Error **errp)
{
    X86Jit *jit = cpu->translator;
    g_autofree char *path = g_strdup_printf("/tmp/perf-%d.map", (int)getpid());

    jit->perf_map = fopen(path, "a");
    if (!jit->perf_map) {
        error_setg_errno(errp, errno, "-accel tcg,perfmap=on: %s", path);
        return false;
    }
    setlinebuf(jit->perf_map);
    fprintf(jit->perf_map, "%" PRIxPTR " %zx stubs\n", (uintptr_t)jit->code_rx, jit->stubs_size);
    return true;
}

void jit_perf_map_add(X86Jit *jit, const X86Tb *tb)
{
    if (jit->perf_map) {
        fprintf(jit->perf_map, "%" PRIxPTR " %tx guest-%" PRIx64 "\n", (uintptr_t)tb->body,
                tb->end - tb->body, tb->rip);
    }
}
