/*
 * What interrupt controllers tell about themselves: `info pic` and `info irq`.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_INTC_INTC_H
#define HW_INTC_INTC_H

#include <glib.h>
#include "qom/object.h"

#define TYPE_INTERRUPT_STATS_PROVIDER "intctrl"
OBJECT_DECLARE(InterruptStatsProvider, InterruptStatsProviderClass, INTERRUPT_STATS_PROVIDER,
               TYPE_INTERRUPT_STATS_PROVIDER)

struct InterruptStatsProviderClass {
    InterfaceClass parent;
    /* Appends the registers, as `info pic` prints them. With the big lock. */
    void (*print_info)(Object *obj, GString *out);
    /* How often each input was raised since the machine began; *first is the number of the
     * first input, *n how many there are. */
    const uint64_t *(*irq_counts)(Object *obj, unsigned *first, unsigned *n);
};

#endif
