/*
 * Interrupt and other signal lines between devices.
 *
 * A line is a handler at the receiving end. The sender holds an IRQLine
 * pointer (NULL: not connected) and drives levels; it never knows who listens.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_IRQ_H
#define HW_CORE_IRQ_H

typedef struct IRQLine IRQLine;
typedef void IRQHandler(void *opaque, int n, int level);

IRQLine *irq_new(IRQHandler *handler, void *opaque, int n);
void irq_free(IRQLine *irq);
/* Drives the line; with the big lock. NULL is allowed and does nothing. */
void irq_set(IRQLine *irq, int level);
static inline void irq_raise(IRQLine *irq) { irq_set(irq, 1); }
static inline void irq_lower(IRQLine *irq) { irq_set(irq, 0); }
static inline void irq_pulse(IRQLine *irq) { irq_set(irq, 1); irq_set(irq, 0); }
/* A line that drives the inverse level. */
IRQLine *irq_invert(IRQLine *irq);
/* qtest: an observer that is told (opaque, n, level) after the handler of an existing line. */
void irq_intercept(IRQLine *irq, IRQHandler *observer, void *opaque, int n);

#endif
