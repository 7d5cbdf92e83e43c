/*
 * Inside the packet device: what the protocol (atapi.c) and the commands
 * (atapi-reply.c) share. MMC-4, SPC-3.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_IDE_ATAPI_INT_H
#define HW_IDE_ATAPI_INT_H

#include "hw/ide/ide-int.h"

/* SPC-3 4.5.6, 4.5.7 */
enum { SENSE_NONE = 0, SENSE_NOT_READY = 2, SENSE_MEDIUM_ERROR = 3, SENSE_ILLEGAL_REQUEST = 5,
       SENSE_UNIT_ATTENTION = 6 };
enum { ASC_UNRECOVERED_READ_ERROR = 0x11, ASC_INVALID_OPCODE = 0x20, ASC_LBA_OUT_OF_RANGE = 0x21,
       ASC_INVALID_FIELD = 0x24, ASC_MEDIUM_MAY_HAVE_CHANGED = 0x28,
       ASC_INCOMPATIBLE_FORMAT = 0x30, ASC_SAVING_NOT_SUPPORTED = 0x39,
       ASC_MEDIUM_NOT_PRESENT = 0x3a, ASC_REMOVAL_PREVENTED = 0x53 };
/* Media events (MMC-4 6.7.2.4) */
enum { EVENT_NONE, EVENT_EJECT_REQUEST, EVENT_NEW_MEDIA, EVENT_MEDIA_REMOVAL };

enum {
    ATAPI_ANYTIME = 1, /* runs in spite of a unit attention */
    ATAPI_MEDIUM = 2,  /* needs a medium */
};
typedef struct AtapiCommand {
    void (*fn)(IDEDevice *d, const uint8_t *packet);
    uint8_t flags;
} AtapiCommand;
extern const AtapiCommand atapi_commands[256];

/* --- atapi.c -------------------------------------------------------------- */

void atapi_done(IDEDevice *d);
void atapi_fail(IDEDevice *d, uint8_t sense_key, uint8_t asc, uint8_t ascq);
void atapi_illegal(IDEDevice *d, uint8_t asc);
/* Sends the first len bytes of buf, at most the allocation length. */
void atapi_reply(IDEDevice *d, uint32_t len, uint32_t allocation);
void atapi_read_sectors(IDEDevice *d, uint32_t lba, uint32_t count, uint32_t sector_size);
void atapi_take_parameters(IDEDevice *d, uint32_t len);
/* Opens or closes the tray, with what the host sees of it; a lock is the caller's to look at. */
void atapi_move_tray(IDEDevice *d, bool open);
bool atapi_has_medium(const IDEDevice *d);
uint32_t atapi_sectors(const IDEDevice *d); /* of 2048 bytes */
/* atapi-toc.c: the table of contents at buf; its length, or 0 if there is no such track. */
uint32_t atapi_toc(uint8_t *buf, uint32_t sectors, bool msf, uint8_t format, uint8_t start);
/* Minute, second, frame of a logical block; 2 seconds of lead-in come first. */
void atapi_lba_to_msf(uint32_t lba, uint8_t *msf);

static inline uint32_t atapi_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static inline uint16_t atapi_be16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static inline void atapi_put16(uint8_t *p, uint16_t val)
{
    p[0] = val >> 8;
    p[1] = val;
}

static inline void atapi_put32(uint8_t *p, uint32_t val)
{
    atapi_put16(p, val >> 16);
    atapi_put16(p + 2, val);
}

#endif
