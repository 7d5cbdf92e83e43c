/*
 * Interrupt lines: see irq.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/irq.h"
#include <glib.h>

struct IRQLine {
    IRQHandler *handler;
    void *opaque;
    int n;
    IRQHandler *observer;
    void *observer_opaque;
    int observer_n;
};

IRQLine *irq_new(IRQHandler *handler, void *opaque, int n)
{
    IRQLine *irq = g_new0(IRQLine, 1);
    irq->handler = handler;
    irq->opaque = opaque;
    irq->n = n;
    return irq;
}

void irq_free(IRQLine *irq)
{
    g_free(irq);
}

void irq_set(IRQLine *irq, int level)
{
    if (!irq) {
        return;
    }
    irq->handler(irq->opaque, irq->n, level);
    if (irq->observer) {
        irq->observer(irq->observer_opaque, irq->observer_n, level);
    }
}

static void irq_drive_inverse(void *opaque, int n, int level)
{
    irq_set(opaque, !level);
}

IRQLine *irq_invert(IRQLine *irq)
{
    irq_raise(irq);
    return irq_new(irq_drive_inverse, irq, 0);
}

void irq_intercept(IRQLine *irq, IRQHandler *observer, void *opaque, int n)
{
    irq->observer = observer;
    irq->observer_opaque = opaque;
    irq->observer_n = n;
}
