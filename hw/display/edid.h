/*
 * The EDID of a virtual monitor (VESA E-EDID Standard, release A, revision 2).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_DISPLAY_EDID_H
#define HW_DISPLAY_EDID_H

#include <stdint.h>

enum { EDID_SIZE = 128 };

/* Fills a base block for a monitor that prefers width x height at 60 Hz. Both up to 4095. */
void edid_generate(uint8_t edid[EDID_SIZE], unsigned width, unsigned height);

#endif
