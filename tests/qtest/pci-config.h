/*
 * PCI configuration accesses for qtests, through ports 0xcf8 and 0xcfc.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_QTEST_PCI_CONFIG_H
#define TESTS_QTEST_PCI_CONFIG_H

#include "tests/qtest/libqtest.h"

#define QPCI_DEVFN(slot, fn) ((slot) << 3 | (fn))

static inline void qpci_select(QTest *qts, int devfn, int reg)
{
    qtest_outl(qts, 0xcf8, 0x80000000u | (uint32_t)devfn << 8 | (reg & 0xfc));
}

static inline uint8_t qpci_readb(QTest *qts, int devfn, int reg)
{
    qpci_select(qts, devfn, reg);
    return qtest_inb(qts, 0xcfc + (reg & 3));
}

static inline uint16_t qpci_readw(QTest *qts, int devfn, int reg)
{
    qpci_select(qts, devfn, reg);
    return qtest_inw(qts, 0xcfc + (reg & 3));
}

static inline uint32_t qpci_readl(QTest *qts, int devfn, int reg)
{
    qpci_select(qts, devfn, reg);
    return qtest_inl(qts, 0xcfc);
}

static inline void qpci_writeb(QTest *qts, int devfn, int reg, uint8_t val)
{
    qpci_select(qts, devfn, reg);
    qtest_outb(qts, 0xcfc + (reg & 3), val);
}

static inline void qpci_writew(QTest *qts, int devfn, int reg, uint16_t val)
{
    qpci_select(qts, devfn, reg);
    qtest_outw(qts, 0xcfc + (reg & 3), val);
}

static inline void qpci_writel(QTest *qts, int devfn, int reg, uint32_t val)
{
    qpci_select(qts, devfn, reg);
    qtest_outl(qts, 0xcfc, val);
}

#endif
