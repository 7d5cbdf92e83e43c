/*
 * The interface that interrupt controllers implement for monitors: see intc.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/intc/intc.h"

static const TypeInfo intctrl_info = {
    .name = TYPE_INTERRUPT_STATS_PROVIDER,
    .parent = TYPE_INTERFACE,
    .class_size = sizeof(InterruptStatsProviderClass),
    .abstract = true,
};

static void register_types(void)
{
    type_register_static(&intctrl_info);
}
type_init(register_types)
