/*
 * The table of accelerators: see accel.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "accel/accel.h"

static const AccelOps *const accelerators[] = { &accel_kvm, &accel_tcg, &accel_qtest };

const AccelOps *accel_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(accelerators); i++) {
        if (g_str_equal(accelerators[i]->name, name)) {
            return accelerators[i];
        }
    }
    return NULL;
}

void accel_help(GString *out)
{
    g_string_append(out, "Accelerators supported in Doppel:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(accelerators); i++) {
        g_string_append_printf(out, "%-8s %s\n", accelerators[i]->name, accelerators[i]->desc);
    }
}

static const AccelOps *try_choice(MachineState *machine, const AccelChoice *choice, Error **errp)
{
    const AccelOps *ops = accel_find(choice->name);

    if (!ops) {
        error_setg(errp, "-accel %s: invalid accelerator; '-accel help' lists them",
                   choice->name);
        return NULL;
    }
    if ((ops->available && !ops->available(errp)) ||
        (ops->init && !ops->init(machine, choice->opts, errp)) ||
        (choice->opts && !optdict_check_all_used(choice->opts, errp))) {
        return NULL;
    }
    return ops;
}

const AccelOps *accel_select(MachineState *machine, const AccelChoice *choices, size_t n,
                             Error **errp)
{
    for (size_t i = 0; i < n; i++) {
        Error *err = NULL;
        const AccelOps *ops = try_choice(machine, &choices[i], &err);
        if (ops) {
            machine->accel_name = ops->name;
            return ops;
        }
        if (i + 1 == n) {
            error_propagate(errp, err);
        } else {
            warn_report("%s; trying '%s'", error_text(err), choices[i + 1].name);
            error_free(err);
        }
    }
    return NULL;
}
