/*
 * ACPI fixed hardware (ACPI Specification 6.4, chapter 4.8): PM1 event and
 * control registers, the power management timer, a general-purpose event
 * block. A chipset embeds it and maps its regions.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_ACPI_ACPI_PM_H
#define HW_ACPI_ACPI_PM_H

#include "hw/core/qdev.h"
#include "memory/memory.h"

enum {
    /* PM1 status and enable (4.8.3.1) */
    ACPI_PM1_TMR = 1 << 0,
    ACPI_PM1_BM = 1 << 4,
    ACPI_PM1_GBL = 1 << 5,
    ACPI_PM1_PWRBTN = 1 << 8,
    ACPI_PM1_RTC = 1 << 10,
    ACPI_PM1_WAK = 1 << 15,
    /* PM1 control (4.8.3.2) */
    ACPI_CNT_SCI_EN = 1 << 0,
    ACPI_CNT_SLP_TYP_SHIFT = 10,
    ACPI_CNT_SLP_EN = 1 << 13,

    ACPI_GPE_BITS = 16, /* events of the block: two status bytes, then two enable bytes */
};

#define ACPI_PM_TIMER_HZ 3579545

typedef struct ACPIPM {
    MemoryRegion evt, cnt, tmr, gpe; /* 4, 2, 4 and 4 bytes */
    DeviceState *dev;
    /* SLP_EN was written: enter the state that the chipset gives to slp_typ. */
    void (*sleep)(DeviceState *dev, unsigned slp_typ);
    IRQLine *sci;                    /* driven while an enabled event is pending */
    uint16_t pm1_sts, pm1_en, pm1_cnt;
    uint8_t gpe_sts[2], gpe_en[2];
    uint64_t timer_halves;           /* of 2^23 ticks, that TMR_STS has told of */
    Timer overflow;
} ACPIPM;

/* Makes the regions "acpi-evt", "acpi-cnt", "acpi-tmr" and "acpi-gpe0", owned by dev. From
 * realize(). */
void acpi_pm_init(ACPIPM *pm, DeviceState *dev,
                  void (*sleep)(DeviceState *dev, unsigned slp_typ));
void acpi_pm_deinit(ACPIPM *pm);
void acpi_pm_reset(ACPIPM *pm);
/* Hands the events to the operating system (SCI_EN) or takes them back. */
void acpi_pm_set_sci_en(ACPIPM *pm, bool enable);
/* Sets PM1 status bits (ACPI_PM1_...). */
void acpi_pm_event(ACPIPM *pm, uint16_t sts);
/* Sets status bit n of the general-purpose event block. */
void acpi_pm_gpe(ACPIPM *pm, unsigned n);

extern const VMStateDescription vmstate_acpi_pm;
#define VMSTATE_ACPI_PM(f, T) VMSTATE_STRUCT(f, T, vmstate_acpi_pm, ACPIPM)

#endif
