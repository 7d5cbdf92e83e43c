/*
 * Registration before main(): see module.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/module.h"
#include <glib.h>

typedef struct ModuleFn {
    void (*fn)(void);
} ModuleFn;

static GArray *modules[MODULE_COUNT];

void module_register(ModuleKind kind, void (*fn)(void))
{
    ModuleFn entry = { fn };
    if (!modules[kind]) {
        modules[kind] = g_array_new(FALSE, FALSE, sizeof(ModuleFn));
    }
    g_array_append_val(modules[kind], entry);
}

void module_call_init(ModuleKind kind)
{
    GArray *fns = g_steal_pointer(&modules[kind]);
    if (!fns) {
        return;
    }
    for (guint i = 0; i < fns->len; i++) {
        g_array_index(fns, ModuleFn, i).fn();
    }
    g_array_unref(fns);
}
