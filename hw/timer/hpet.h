/*
 * The high precision event timer.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_TIMER_HPET_H
#define HW_TIMER_HPET_H

#include "hw/core/machine.h"

#define TYPE_HPET "hpet"
#define HPET_DEFAULT_ADDRESS UINT64_C(0xfed00000)

enum { HPET_OUTPUTS = 24, HPET_RTC_IRQ = 8 };

/*
 * Creates the timer block and maps it. route_mask says to which system interrupts its timers can be
 * routed. Lines, which the board connects:
 *   out, default group       the system interrupts, HPET_OUTPUTS of them
 *   out "pit-enable"         low while timer 0 replaces the 8254 on IRQ 0
 *   in "rtc"                 IRQ of the RTC, passed on to output 8 unless timer 1 replaces it
 * NULL with errp set if that fails.
 */
DeviceState *hpet_create(MachineState *machine, hwaddr address, uint32_t route_mask,
                         Error **errp);

#endif
