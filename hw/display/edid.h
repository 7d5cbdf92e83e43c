/*
 * The EDID of a virtual monitor (VESA E-EDID Standard, release A, revision 2; CTA-861).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_DISPLAY_EDID_H
#define HW_DISPLAY_EDID_H

#include <stdint.h>
#include "hw/core/qdev.h"

/* A base block and one extension. */
enum { EDID_BLOCK_SIZE = 128, EDID_SIZE = 2 * EDID_BLOCK_SIZE };

/* What a user may say of the monitor; 0 stands for a default. */
typedef struct EDIDSettings {
    uint32_t xres, yres;    /* preferred: 1280x800 */
    uint32_t xmax, ymax;    /* the largest mode listed: any */
    uint32_t refresh_rate;  /* mHz: 75000 */
} EDIDSettings;

#define EDID_PROPERTIES(T, f)                        \
    PROP_UINT32("xres", T, f.xres, 0),               \
    PROP_UINT32("yres", T, f.yres, 0),               \
    PROP_UINT32("xmax", T, f.xmax, 0),               \
    PROP_UINT32("ymax", T, f.ymax, 0),               \
    PROP_UINT32("refresh_rate", T, f.refresh_rate, 0)

/* Fails, naming the property of device, if a detailed timing cannot hold the preferred mode. */
bool edid_generate(uint8_t edid[EDID_SIZE], const EDIDSettings *settings, const char *device,
                   Error **errp);

#endif
