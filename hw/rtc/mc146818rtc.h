/*
 * The MC146818A real-time clock with 128 bytes of CMOS memory.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_RTC_MC146818RTC_H
#define HW_RTC_MC146818RTC_H

#include "hw/isa/isa.h"

#define TYPE_MC146818_RTC "mc146818rtc"

enum { RTC_CMOS_SIZE = 128 };

/* Creates the clock of a PC: ports 0x70 and 0x71, IRQ 8, years with a century byte at 0x32. It
 * starts at the host's time plus the machine's rtc_offset_ns, and then follows the
 * virtual clock. NULL with errp set if that fails. */
DeviceState *mc146818_rtc_create(ISABus *bus, Error **errp);
/* CMOS memory, for the board: what firmware expects to find there. addr is 0x0e to 0x7f. */
void mc146818_rtc_set_cmos(DeviceState *rtc, unsigned addr, uint8_t val);
uint8_t mc146818_rtc_get_cmos(DeviceState *rtc, unsigned addr);

#endif
