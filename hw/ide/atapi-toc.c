/*
 * The table of contents of a disc with one data track. MMC-4 6.30.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/ide/atapi-int.h"
#include <string.h>

enum { FRAMES_PER_SECOND = 75, LEAD_IN_FRAMES = 150, LEAD_OUT_TRACK = 0xaa, DATA_TRACK = 0x14 };

void atapi_lba_to_msf(uint32_t lba, uint8_t *msf)
{
    uint32_t frame = lba + LEAD_IN_FRAMES;

    msf[0] = frame / FRAMES_PER_SECOND / 60;
    msf[1] = frame / FRAMES_PER_SECOND % 60;
    msf[2] = frame % FRAMES_PER_SECOND;
}

static void put_address(uint8_t *p, uint32_t lba, bool msf)
{
    if (msf) {
        p[0] = 0;
        atapi_lba_to_msf(lba, p + 1);
    } else {
        atapi_put32(p, lba);
    }
}

static uint8_t *put_track(uint8_t *p, uint8_t track, uint32_t lba, bool msf)
{
    memset(p, 0, 8);
    p[1] = DATA_TRACK;
    p[2] = track;
    put_address(p + 4, lba, msf);
    return p + 8;
}

/* Format 0: from the track asked for to the lead-out. */
static uint32_t toc_tracks(uint8_t *buf, uint32_t sectors, bool msf, uint8_t start)
{
    uint8_t *p = buf + 4;

    if (start > 1 && start != LEAD_OUT_TRACK) {
        return 0;
    }
    if (start <= 1) {
        p = put_track(p, 1, 0, msf);
    }
    p = put_track(p, LEAD_OUT_TRACK, sectors, msf);
    return p - buf;
}

/* Format 1: the first complete session. */
static uint32_t toc_session(uint8_t *buf, bool msf)
{
    return put_track(buf + 4, 1, 0, msf) - buf;
}

/* Format 2: the entries of the Q channel; POINT A0 first track, A1 last, A2 lead-out. */
static uint32_t toc_raw(uint8_t *buf, uint32_t sectors)
{
    static const uint8_t points[4] = { 0xa0, 0xa1, 0xa2, 1 };
    uint8_t *p = buf + 4;

    for (int i = 0; i < 4; i++, p += 11) {
        memset(p, 0, 11);
        p[0] = 1; /* session */
        p[1] = DATA_TRACK;
        p[3] = points[i];
        if (points[i] == 0xa2) {
            atapi_lba_to_msf(sectors, p + 8);
        } else if (points[i] == 1) {
            atapi_lba_to_msf(0, p + 8);
        } else {
            p[8] = 1; /* track number */
        }
    }
    return p - buf;
}

uint32_t atapi_toc(uint8_t *buf, uint32_t sectors, bool msf, uint8_t format, uint8_t start)
{
    uint32_t len = 0;

    if (format == 0) {
        len = toc_tracks(buf, sectors, msf, start);
    } else if (format == 1) {
        len = toc_session(buf, msf);
    } else if (format == 2) {
        len = toc_raw(buf, sectors);
    }
    if (len) {
        atapi_put16(buf, len - 2);
        buf[2] = buf[3] = 1; /* first and last track, or session */
    }
    return len;
}
