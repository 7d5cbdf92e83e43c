/*
 * The packet commands. MMC-4 chapter 6, SPC-3 chapter 6.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/ide/atapi-int.h"
#include <string.h>

/* The largest CD: 80 minutes. What is larger is a DVD. */
enum { CD_MAX_SECTORS = 80 * 60 * 75, PROFILE_CD_ROM = 0x08, PROFILE_DVD_ROM = 0x10 };

static bool is_dvd(const IDEDevice *d)
{
    return atapi_sectors(d) > CD_MAX_SECTORS;
}

static void cmd_test_unit_ready(IDEDevice *d, const uint8_t *packet)
{
    atapi_done(d);
}

static void cmd_request_sense(IDEDevice *d, const uint8_t *packet)
{
    AtapiState *a = &d->atapi;
    uint8_t *buf = d->buf;

    if (a->unit_attention && !a->sense_key) {
        a->unit_attention = false;
        a->sense_key = SENSE_UNIT_ATTENTION;
        a->asc = ASC_MEDIUM_MAY_HAVE_CHANGED;
    }
    memset(buf, 0, 18);
    buf[0] = 0x70; /* current error, fixed format */
    buf[2] = a->sense_key;
    buf[7] = 10;   /* bytes that follow */
    buf[12] = a->asc;
    buf[13] = a->ascq;
    a->sense_key = a->asc = a->ascq = 0;
    atapi_reply(d, 18, packet[4]);
}

static void put_padded(uint8_t *p, unsigned len, const char *text)
{
    size_t n = strlen(text);

    for (unsigned i = 0; i < len; i++) {
        p[i] = i < n ? text[i] : ' ';
    }
}

/* Vital product data: the list of pages, the device's identification. */
static uint32_t inquiry_page(IDEDevice *d, uint8_t page)
{
    uint8_t *buf = d->buf;
    size_t len = strlen(d->serial);

    buf[0] = 0x05;
    buf[1] = page;
    if (page == 0x00) {
        buf[3] = 2;
        buf[5] = 0x83;
        return 6;
    }
    if (page == 0x83) {
        buf[3] = 4 + len;
        buf[4] = 0x02; /* ASCII */
        buf[7] = len;
        memcpy(buf + 8, d->serial, len);
        return 8 + len;
    }
    return 0;
}

static void cmd_inquiry(IDEDevice *d, const uint8_t *packet)
{
    uint8_t *buf = d->buf;
    uint32_t len = 36;

    memset(buf, 0, 96);
    if (packet[1] & 1) {
        len = inquiry_page(d, packet[2]);
    } else if (packet[2]) {
        len = 0;
    } else {
        buf[0] = 0x05; /* CD/DVD */
        buf[1] = 0x80; /* removable */
        buf[3] = 0x21; /* ATAPI-2, response format 1 */
        buf[4] = 36 - 5;
        put_padded(buf + 8, 8, "QEMU");
        put_padded(buf + 16, 16, d->model);
        put_padded(buf + 32, 4, d->version);
    }
    if (!len) {
        atapi_illegal(d, ASC_INVALID_FIELD);
        return;
    }
    atapi_reply(d, len, atapi_be16(packet + 3));
}

static void cmd_read_capacity(IDEDevice *d, const uint8_t *packet)
{
    uint32_t sectors = atapi_sectors(d);

    atapi_put32(d->buf, sectors ? sectors - 1 : 0);
    atapi_put32(d->buf + 4, CD_SECTOR_SIZE);
    atapi_reply(d, 8, 8);
}

static void cmd_read_10(IDEDevice *d, const uint8_t *packet)
{
    atapi_read_sectors(d, atapi_be32(packet + 2), atapi_be16(packet + 7), CD_SECTOR_SIZE);
}

static void cmd_read_12(IDEDevice *d, const uint8_t *packet)
{
    atapi_read_sectors(d, atapi_be32(packet + 2), atapi_be32(packet + 6), CD_SECTOR_SIZE);
}

/* READ CD: user data, or whole raw sectors; other selections do not exist on this medium. */
static void cmd_read_cd(IDEDevice *d, const uint8_t *packet)
{
    uint32_t count = packet[6] << 16 | atapi_be16(packet + 7);
    uint8_t fields = packet[9] & 0xf8;

    if (fields == 0 || !count) {
        atapi_done(d);
    } else if (fields == 0x10 || fields == 0xf8) {
        atapi_read_sectors(d, atapi_be32(packet + 2), count,
                           fields == 0x10 ? CD_SECTOR_SIZE : CD_RAW_SIZE);
    } else {
        atapi_illegal(d, ASC_INVALID_FIELD);
    }
}

static void cmd_seek(IDEDevice *d, const uint8_t *packet)
{
    if (atapi_be32(packet + 2) >= atapi_sectors(d)) {
        atapi_illegal(d, ASC_LBA_OUT_OF_RANGE);
    } else {
        atapi_done(d);
    }
}

static void cmd_read_toc(IDEDevice *d, const uint8_t *packet)
{
    uint8_t format = packet[2] & 0x0f;
    uint32_t len;

    if (!format) {
        format = packet[9] >> 6; /* where SFF-8020 had it */
    }
    len = atapi_toc(d->buf, atapi_sectors(d), packet[1] & 2, format, packet[6]);
    if (!len) {
        atapi_illegal(d, ASC_INVALID_FIELD);
        return;
    }
    atapi_reply(d, len, atapi_be16(packet + 7));
}

/* --- tray ----------------------------------------------------------------- */

static void cmd_prevent_allow(IDEDevice *d, const uint8_t *packet)
{
    d->atapi.tray_locked = packet[4] & 1;
    atapi_done(d);
}

static void cmd_start_stop(IDEDevice *d, const uint8_t *packet)
{
    AtapiState *a = &d->atapi;
    bool start = packet[4] & 1, load_eject = packet[4] & 2;

    if (packet[4] & 0xf0) { /* a power condition: nothing spins here */
        atapi_done(d);
        return;
    }
    if (load_eject && !start && !a->tray_open && a->tray_locked) {
        atapi_fail(d, blk_is_inserted(ide_blk(d)) ? SENSE_ILLEGAL_REQUEST : SENSE_NOT_READY,
                   ASC_REMOVAL_PREVENTED, 2);
        return;
    }
    if (load_eject) {
        atapi_move_tray(d, !start);
    }
    atapi_done(d);
}

static void cmd_mechanism_status(IDEDevice *d, const uint8_t *packet)
{
    memset(d->buf, 0, 8);
    d->buf[1] = d->atapi.tray_open ? 0x10 : 0;
    d->buf[5] = 1; /* slots */
    atapi_reply(d, 8, atapi_be16(packet + 8));
}

static void cmd_event_status(IDEDevice *d, const uint8_t *packet)
{
    enum { CLASS_MEDIA = 4, NO_EVENT = 0x80 };
    AtapiState *a = &d->atapi;
    uint8_t *buf = d->buf;

    if (!(packet[1] & 1)) { /* asynchronous notification is not there */
        atapi_illegal(d, ASC_INVALID_FIELD);
        return;
    }
    memset(buf, 0, 8);
    buf[3] = 1 << CLASS_MEDIA;
    if (!(packet[4] & 1 << CLASS_MEDIA)) {
        buf[1] = 2;
        buf[2] = NO_EVENT;
        atapi_reply(d, 4, atapi_be16(packet + 7));
        return;
    }
    buf[1] = 6;
    buf[2] = CLASS_MEDIA;
    buf[4] = a->event;
    buf[5] = (a->tray_open ? 1 : 0) | (atapi_has_medium(d) ? 2 : 0);
    a->event = EVENT_NONE;
    atapi_reply(d, 8, atapi_be16(packet + 7));
}

/* --- tables that describe drive and disc ---------------------------------- */

typedef struct Feature {
    uint16_t code;
    uint8_t flags; /* version << 2 | persistent << 1 | current */
    uint8_t len;
    uint8_t data[8];
} Feature;

static const Feature features[] = {
    { 0x0001, 0x0b, 8, { 0, 0, 0, 2, 1 } },                   /* core: ATAPI */
    { 0x0003, 0x03, 4, { 0x29 } },                            /* removable: tray, eject, lock */
    { 0x0010, 0x01, 8, { 0, 0, 8, 0, 0, 1, 1 } },             /* random readable, 2048 a block */
    { 0x001e, 0x08, 4, { 0 } },                               /* CD read */
    { 0x001f, 0x08, 4, { 0 } },                               /* DVD read */
};

static uint8_t *put_profiles(uint8_t *p, uint16_t current)
{
    static const uint16_t profiles[] = { PROFILE_DVD_ROM, PROFILE_CD_ROM };

    atapi_put16(p, 0x0000);
    p[2] = 0x03;
    p[3] = 4 * G_N_ELEMENTS(profiles);
    p += 4;
    for (size_t i = 0; i < G_N_ELEMENTS(profiles); i++, p += 4) {
        atapi_put16(p, profiles[i]);
        p[2] = profiles[i] == current;
        p[3] = 0;
    }
    return p;
}

static uint8_t *put_feature(uint8_t *p, const Feature *f, uint16_t profile)
{
    bool current = (f->code == 0x001e && profile == PROFILE_CD_ROM)
                || (f->code == 0x001f && profile == PROFILE_DVD_ROM)
                || ((f->flags & 1) && (f->code != 0x0010 || profile));

    atapi_put16(p, f->code);
    p[2] = (f->flags & ~1) | current;
    p[3] = f->len;
    memcpy(p + 4, f->data, f->len);
    return p + 4 + f->len;
}

static void cmd_get_configuration(IDEDevice *d, const uint8_t *packet)
{
    uint8_t request = packet[1] & 3;
    uint16_t start = atapi_be16(packet + 2);
    uint16_t profile = !atapi_has_medium(d) ? 0 : is_dvd(d) ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
    uint8_t *p = d->buf + 8;

    if (request == 3) {
        atapi_illegal(d, ASC_INVALID_FIELD);
        return;
    }
    memset(d->buf, 0, 8);
    atapi_put16(d->buf + 6, profile);
    if (start == 0) {
        p = put_profiles(p, profile);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(features); i++) {
        const Feature *f = &features[i];
        if (request == 2 ? f->code == start : f->code >= start) {
            p = put_feature(p, f, profile);
        }
    }
    atapi_put32(d->buf, p - d->buf - 4);
    atapi_reply(d, p - d->buf, atapi_be16(packet + 7));
}

/* Mode pages: code, length, bytes. */
static const uint8_t page_error_recovery[] = { 0x01, 0x06, 0x00, 0x05, 0, 0, 0, 0 };
static const uint8_t page_audio_control[] = { 0x0e, 0x0e, 0x04, 0, 0, 0, 0, 0x4b, 1, 0xff, 2, 0xff,
                                              0, 0, 0, 0 };
static const uint8_t page_capabilities[] = {
    0x2a, 0x14,
    0x3b,       /* reads CD-R, CD-RW, DVD-ROM, DVD-R and fixed packets */
    0x00,       /* writes nothing */
    0x70,       /* mode 2 form 1 and 2, multi-session */
    0x00,
    0x29,       /* tray, eject, lock; bit 1: locked */
    0x00,
    0x02, 0xc2, /* fastest, kB/s */
    0x00, 0x02, /* volume levels */
    0x02, 0x00, /* buffer, KiB */
    0x02, 0xc2, /* present speed */
    0, 0, 0, 0, 0, 0,
};

static const struct {
    const uint8_t *data;
    uint8_t len;
} mode_pages[] = {
    { page_error_recovery, sizeof(page_error_recovery) },
    { page_audio_control, sizeof(page_audio_control) },
    { page_capabilities, sizeof(page_capabilities) },
};

/* Appends the pages asked for at p; returns the bytes, 0 if there is no such page. */
static uint32_t put_mode_pages(const IDEDevice *d, uint8_t *p, uint8_t code, bool changeable)
{
    uint8_t *start = p;

    for (size_t i = 0; i < G_N_ELEMENTS(mode_pages); i++) {
        const uint8_t *page = mode_pages[i].data;
        if (code != 0x3f && code != page[0]) {
            continue;
        }
        memcpy(p, page, mode_pages[i].len);
        if (changeable) {
            memset(p + 2, 0, mode_pages[i].len - 2); /* no bit can be changed */
        } else if (page[0] == 0x2a && d->atapi.tray_locked) {
            p[6] |= 0x02;
        }
        p += mode_pages[i].len;
    }
    return p - start;
}

static uint8_t medium_type(const IDEDevice *d)
{
    if (d->atapi.tray_open) {
        return 0x71;
    }
    return atapi_has_medium(d) ? 0x01 : 0x70; /* data disc, no disc */
}

static void mode_sense(IDEDevice *d, const uint8_t *packet, unsigned header, uint32_t allocation)
{
    uint8_t control = packet[2] >> 6;
    uint32_t len;

    if (control == 3) {
        atapi_illegal(d, ASC_SAVING_NOT_SUPPORTED);
        return;
    }
    memset(d->buf, 0, header);
    len = put_mode_pages(d, d->buf + header, packet[2] & 0x3f, control == 1);
    if (!len) {
        atapi_illegal(d, ASC_INVALID_FIELD);
        return;
    }
    len += header;
    if (header == 4) {
        d->buf[0] = len - 1;
        d->buf[1] = medium_type(d);
    } else {
        atapi_put16(d->buf, len - 2);
        d->buf[2] = medium_type(d);
    }
    atapi_reply(d, len, allocation);
}

static void cmd_mode_sense_6(IDEDevice *d, const uint8_t *packet)
{
    mode_sense(d, packet, 4, packet[4]);
}

static void cmd_mode_sense_10(IDEDevice *d, const uint8_t *packet)
{
    mode_sense(d, packet, 8, atapi_be16(packet + 7));
}

static void cmd_mode_select_6(IDEDevice *d, const uint8_t *packet)
{
    atapi_take_parameters(d, packet[4]);
}

static void cmd_mode_select_10(IDEDevice *d, const uint8_t *packet)
{
    atapi_take_parameters(d, atapi_be16(packet + 7));
}

static void cmd_read_disc_information(IDEDevice *d, const uint8_t *packet)
{
    uint8_t *buf = d->buf;

    if (packet[1] & 7) {
        atapi_illegal(d, ASC_INVALID_FIELD);
        return;
    }
    memset(buf, 0, 34);
    buf[1] = 32;
    buf[2] = 0x0e; /* last session complete, disc finalized */
    buf[3] = 1;    /* first track */
    buf[4] = 1;    /* sessions */
    buf[5] = 1;    /* first track of the last session */
    buf[6] = 1;    /* last track of it */
    buf[7] = 0x20; /* unrestricted use */
    atapi_reply(d, 34, atapi_be16(packet + 7));
}

static void cmd_read_track_information(IDEDevice *d, const uint8_t *packet)
{
    uint8_t *buf = d->buf;

    memset(buf, 0, 36);
    atapi_put16(buf, 34);
    buf[2] = 1;    /* track */
    buf[3] = 1;    /* session */
    buf[5] = 0x04; /* data track */
    buf[6] = 0x01; /* mode 1 */
    atapi_put32(buf + 24, atapi_sectors(d));
    atapi_reply(d, 36, atapi_be16(packet + 7));
}

/* The physical format of a single-layer DVD-ROM (MMC-4 6.25.3.1). */
static uint32_t dvd_physical(IDEDevice *d, uint8_t *p)
{
    enum { DVD_FIRST_SECTOR = 0x30000 };

    p[0] = 0x01; /* DVD-ROM, version 1 */
    p[1] = 0x0f; /* 120 mm, no maximum rate given */
    p[2] = 0x01; /* one layer, read-only */
    p[3] = 0x10; /* densities */
    atapi_put32(p + 4, DVD_FIRST_SECTOR);
    atapi_put32(p + 8, DVD_FIRST_SECTOR + atapi_sectors(d) - 1);
    atapi_put32(p + 12, DVD_FIRST_SECTOR + atapi_sectors(d) - 1);
    return 2048;
}

/* Format FFh: which formats there are. */
static uint32_t dvd_list(uint8_t *p)
{
    static const struct { uint8_t format; uint16_t len; } known[] = {
        { 0x00, 2052 }, { 0x01, 8 }, { 0x04, 2052 }, { 0xff, 20 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(known); i++, p += 4) {
        p[0] = known[i].format;
        p[1] = 0x40; /* readable */
        atapi_put16(p + 2, known[i].len);
    }
    return 4 * G_N_ELEMENTS(known);
}

static void cmd_read_dvd_structure(IDEDevice *d, const uint8_t *packet)
{
    uint8_t format = packet[7];
    uint8_t *buf = d->buf;
    uint32_t len;

    memset(buf, 0, 4 + 2048);
    if (format != 0xff && !is_dvd(d)) {
        atapi_illegal(d, ASC_INCOMPATIBLE_FORMAT);
        return;
    }
    switch (format) {
    case 0x00:
        len = dvd_physical(d, buf + 4);
        break;
    case 0x01: /* copyright: none */
        len = 4;
        break;
    case 0x04: /* manufacturing information: empty */
        len = 2048;
        break;
    case 0xff:
        len = dvd_list(buf + 4);
        break;
    default:
        atapi_illegal(d, ASC_INVALID_FIELD);
        return;
    }
    atapi_put16(buf, len + 2);
    atapi_reply(d, len + 4, atapi_be16(packet + 8));
}

const AtapiCommand atapi_commands[256] = {
    [0x00] = { cmd_test_unit_ready, ATAPI_MEDIUM },
    [0x03] = { cmd_request_sense, ATAPI_ANYTIME },
    [0x12] = { cmd_inquiry, ATAPI_ANYTIME },
    [0x15] = { cmd_mode_select_6 },
    [0x1a] = { cmd_mode_sense_6 },
    [0x1b] = { cmd_start_stop },
    [0x1e] = { cmd_prevent_allow },
    [0x25] = { cmd_read_capacity, ATAPI_MEDIUM },
    [0x28] = { cmd_read_10, ATAPI_MEDIUM },
    [0x2b] = { cmd_seek, ATAPI_MEDIUM },
    [0x43] = { cmd_read_toc, ATAPI_MEDIUM },
    [0x46] = { cmd_get_configuration, ATAPI_ANYTIME },
    [0x4a] = { cmd_event_status, ATAPI_ANYTIME },
    [0x51] = { cmd_read_disc_information, ATAPI_MEDIUM },
    [0x52] = { cmd_read_track_information, ATAPI_MEDIUM },
    [0x55] = { cmd_mode_select_10 },
    [0x5a] = { cmd_mode_sense_10 },
    [0xa8] = { cmd_read_12, ATAPI_MEDIUM },
    [0xad] = { cmd_read_dvd_structure, ATAPI_MEDIUM },
    [0xbb] = { cmd_test_unit_ready }, /* SET CD SPEED */
    [0xbd] = { cmd_mechanism_status },
    [0xbe] = { cmd_read_cd, ATAPI_MEDIUM },
};
