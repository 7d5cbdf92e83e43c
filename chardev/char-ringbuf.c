/*
 * "ringbuf": the latest output stays in memory for ringbuf-read; "vc": the
 * same, read by the user interface's text console.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include "chardev/char-int.h"
#include "util/module.h"

enum { RINGBUF_DEFAULT_SIZE = 64 * 1024 };

typedef struct RingChardev {
    Chardev parent;
    uint8_t *data;
    uint64_t size;      /* power of two */
    uint64_t head, tail; /* bytes ever written and ever read or lost */
} RingChardev;

static void ring_start(Chardev *chr, uint64_t size)
{
    RingChardev *ring = (RingChardev *)chr;

    ring->size = size;
    ring->data = g_malloc(size);
    chr_be_event(chr, CHR_EVENT_OPENED);
}

static bool ringbuf_open(Chardev *chr, OptDict *opts, Error **errp)
{
    uint64_t size = RINGBUF_DEFAULT_SIZE;

    if (!optdict_get_size(opts, "size", &size, errp)) {
        return false;
    }
    if (!size || (size & (size - 1)) || size > (1u << 30)) {
        error_setg(errp, "chardev %s: size=%" PRIu64 " must be a power of two up to 1G",
                   chr->label, size);
        return false;
    }
    ring_start(chr, size);
    return true;
}

static bool vc_open(Chardev *chr, OptDict *opts, Error **errp)
{
    static const char *const sizes[] = { "width", "height", "cols", "rows" };

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        uint64_t ignored; /* the user interface chooses the size of its text consoles */
        if (!optdict_get_u64(opts, sizes[i], &ignored, errp)) {
            return false;
        }
    }
    ring_start(chr, RINGBUF_DEFAULT_SIZE);
    return true;
}

static void ring_close(Chardev *chr)
{
    g_free(((RingChardev *)chr)->data);
}

static void ring_write(Chardev *chr, const uint8_t *buf, int len)
{
    RingChardev *ring = (RingChardev *)chr;

    for (int i = 0; i < len; i++) {
        ring->data[ring->head++ & (ring->size - 1)] = buf[i];
    }
    if (ring->head - ring->tail > ring->size) {
        ring->tail = ring->head - ring->size;
    }
}

int chr_ringbuf_read(Chardev *chr, uint8_t *buf, int len)
{
    RingChardev *ring = (RingChardev *)chr;
    int n = 0;

    if (chr->info->write != ring_write) {
        return -1;
    }
    while (n < len && ring->tail < ring->head) {
        buf[n++] = ring->data[ring->tail++ & (ring->size - 1)];
    }
    return n;
}

int chr_ringbuf_inject(Chardev *chr, const uint8_t *buf, int len)
{
    int done = 0, room;

    if (chr->info->write != ring_write) {
        return -1;
    }
    while (done < len && (room = chr_be_can_write(chr)) > 0) {
        int n = MIN(room, len - done);
        chr_be_write(chr, buf + done, n);
        done += n;
    }
    return done;
}

static const ChardevInfo ringbuf_info = {
    .name = "ringbuf",
    .alias = "memory",
    .desc = "the latest output, kept in memory (size=)",
    .size = sizeof(RingChardev),
    .open = ringbuf_open,
    .close = ring_close,
    .write = ring_write,
};
CHARDEV_TYPE(ringbuf_info)

static const ChardevInfo vc_info = {
    .name = "vc",
    .alias = "console",
    .desc = "text console of the user interface",
    .size = sizeof(RingChardev),
    .open = vc_open,
    .close = ring_close,
    .write = ring_write,
};
CHARDEV_TYPE(vc_info)
