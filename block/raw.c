/*
 * Format "raw": the bytes of the node below, or a window of them (offset=,
 * size=). The length is rounded up to whole sectors; what is missing in the
 * last one reads as zeros.
 *
 * A guest that writes another format's header into sector 0 of an image whose
 * format was guessed would make the next start take it for that format, with
 * backing file names of the guest's choice. Such a write fails with -EPERM.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "block/block-int.h"
#include <errno.h>
#include <string.h>
#include "util/iov.h"
#include "util/trace.h"

TRACE_EVENT(raw_write_refused, "'%s': sector 0 would turn into the header of a %s image");

typedef struct RawState {
    int64_t offset;
} RawState;

static int raw_probe(const uint8_t *head, size_t len)
{
    return 1;
}

static bool raw_window(BlockNode *node, const BlockOpen *open, Error **errp)
{
    RawState *s = node->state;
    uint64_t offset = 0, size, limit = node->file->length;

    if (!bdrv_opt_size(open, "offset", &offset, errp)) {
        return false;
    }
    size = limit - MIN(offset, limit);
    if (!bdrv_opt_size(open, "size", &size, errp)) {
        return false;
    }
    if (offset > limit || size > limit - offset) {
        error_setg(errp, "%s: offset %" PRIu64 " and size %" PRIu64 " reach past the end of '%s' "
                   "(%" PRIu64 " bytes)", optdict_option(open->opts), offset, size,
                   node->filename, limit);
        return false;
    }
    s->offset = offset;
    node->length = ROUND_UP_SECTOR(size);
    return true;
}

static bool raw_open(BlockNode *node, const BlockOpen *open, Error **errp)
{
    if (!raw_window(node, open, errp)) {
        return false;
    }
    if (node->probed && !node->flags.read_only && node->length > 0) {
        warn_report("%s: the format of '%s' was not given and looks like raw; writes to its "
                    "first sector are restricted, add format=raw to lift that",
                    optdict_option(open->opts), node->filename);
    }
    return true;
}

static bool write_is_refused(BlockNode *node, int64_t offset, const struct iovec *iov, int niov)
{
    uint8_t head[BDRV_SECTOR_SIZE];

    if (!node->probed || offset >= BDRV_SECTOR_SIZE) {
        return false;
    }
    if (bdrv_pread(node, 0, head, sizeof(head)) < 0) {
        return true;
    }
    iov_to_buf(iov, niov, 0, head + offset, sizeof(head) - offset);
    const char *foreign = bdrv_probe_foreign(head, sizeof(head));
    const char *format = foreign ? foreign : bdrv_probe_format(head, sizeof(head))->name;
    if (format == node->drv->name) {
        return false;
    }
    trace(raw_write_refused, node->filename, format);
    return true;
}

static int raw_preadv(BlockNode *node, int64_t offset, const struct iovec *iov, int niov,
                      BlockWait wait)
{
    RawState *s = node->state;
    return bdrv_preadv(node->file, s->offset + offset, iov, niov, wait);
}

static int raw_pwritev(BlockNode *node, int64_t offset, const struct iovec *iov, int niov)
{
    RawState *s = node->state;

    if (write_is_refused(node, offset, iov, niov)) {
        return -EPERM;
    }
    return bdrv_pwritev(node->file, s->offset + offset, iov, niov);
}

static int raw_flush(BlockNode *node)
{
    return bdrv_flush(node->file);
}

static int raw_discard(BlockNode *node, int64_t offset, int64_t len)
{
    RawState *s = node->state;
    return bdrv_discard(node->file, s->offset + offset, len);
}

static int raw_truncate(BlockNode *node, int64_t length)
{
    RawState *s = node->state;
    int ret = bdrv_truncate(node->file, s->offset + length);

    if (ret == 0) {
        node->length = ROUND_UP_SECTOR(length);
    }
    return ret;
}

static const BlockDriver raw_driver = {
    .name = "raw", .state_size = sizeof(RawState), .probe = raw_probe, .open = raw_open,
    .preadv = raw_preadv, .pwritev = raw_pwritev, .flush = raw_flush, .discard = raw_discard,
    .truncate = raw_truncate,
};
block_driver_init(raw_driver)
