/*
 * "ringbuf": the latest output stays in memory for ringbuf-read; "vc": the
 * same, until a text console of the user interface shows it.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include "chardev/char-int.h"
#include "util/module.h"

enum { RINGBUF_DEFAULT_SIZE = 64 * 1024 };
enum { VC_CELL_WIDTH = 8, VC_CELL_HEIGHT = 16, VC_CELLS_MIN = 4, VC_CELLS_MAX = 500 }; /* pixels */

typedef struct RingChardev {
    Chardev parent;
    uint8_t *data;
    uint64_t size;      /* power of two */
    uint64_t head, tail; /* bytes ever written and ever read or lost */
    const CharView *view; /* of a vc; NULL: nobody shows it */
    void *view_opaque;
    int columns, rows;
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

static void ring_close(Chardev *chr)
{
    g_free(((RingChardev *)chr)->data);
}

static void ring_write(Chardev *chr, const uint8_t *buf, int len)
{
    RingChardev *ring = (RingChardev *)chr;

    if (ring->view) {
        ring->view->output(ring->view_opaque, buf, len);
        return;
    }
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

/* --- vc --------------------------------------------------------------------------- */

static bool size_option(OptDict *opts, const char *key, unsigned unit, int *cells, Error **errp)
{
    uint64_t size = 0;

    if (!optdict_get_u64(opts, key, &size, errp)) {
        return false;
    }
    if (size) {
        *cells = (int)CLAMP(size / unit, VC_CELLS_MIN, VC_CELLS_MAX);
    }
    return true;
}

static bool vc_open(Chardev *chr, OptDict *opts, Error **errp)
{
    RingChardev *vc = (RingChardev *)chr;

    if (!size_option(opts, "width", VC_CELL_WIDTH, &vc->columns, errp) ||
        !size_option(opts, "height", VC_CELL_HEIGHT, &vc->rows, errp) ||
        !size_option(opts, "cols", 1, &vc->columns, errp) ||
        !size_option(opts, "rows", 1, &vc->rows, errp)) {
        return false;
    }
    ring_start(chr, RINGBUF_DEFAULT_SIZE);
    return true;
}

static void vc_update_read(Chardev *chr)
{
    RingChardev *vc = (RingChardev *)chr;

    if (vc->view) {
        vc->view->accept(vc->view_opaque);
    }
}

static const ChardevInfo vc_info = {
    .name = "vc",
    .alias = "console",
    .desc = "text console of the user interface",
    .size = sizeof(RingChardev),
    .open = vc_open,
    .close = ring_close,
    .write = ring_write,
    .update_read = vc_update_read,
};
CHARDEV_TYPE(vc_info)

bool chardev_is_vc(const Chardev *chr)
{
    return chr->info == &vc_info;
}

void chr_vc_attach(Chardev *chr, const CharView *view, void *opaque)
{
    RingChardev *vc = (RingChardev *)chr;
    uint8_t old[256];
    int n;

    while ((n = chr_ringbuf_read(chr, old, sizeof(old))) > 0) {
        view->output(opaque, old, n);
    }
    vc->view = view;
    vc->view_opaque = opaque;
}

void chr_vc_detach(Chardev *chr)
{
    ((RingChardev *)chr)->view = NULL;
}

void chr_vc_size(const Chardev *chr, int *columns, int *rows)
{
    const RingChardev *vc = (const RingChardev *)chr;

    *columns = vc->columns;
    *rows = vc->rows;
}
