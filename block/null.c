/*
 * Protocols "null-co" and "null-aio": a disk of size= bytes (1 GiB) that keeps
 * nothing. For tests and measurements. Reads leave the buffer as it is, or
 * give zeros with read-zeroes=on; latency-ns= delays each request on its
 * worker.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "block/block-int.h"
#include <errno.h>
#include "util/iov.h"

typedef struct NullState {
    bool read_zeroes;
    uint64_t latency_ns;
} NullState;

static bool null_open(BlockNode *node, const BlockOpen *open, Error **errp)
{
    NullState *s = node->state;
    uint64_t size = UINT64_C(1) << 30;

    if (!bdrv_opt_size(open, "size", &size, errp)
        || !bdrv_opt_size(open, "latency-ns", &s->latency_ns, errp)
        || !bdrv_opt_bool(open, "read-zeroes", &s->read_zeroes, errp)) {
        return false;
    }
    node->length = ROUND_UP_SECTOR(size);
    return true;
}

static void null_delay(const NullState *s)
{
    if (s->latency_ns) {
        g_usleep(s->latency_ns / 1000);
    }
}

static int null_preadv(BlockNode *node, int64_t offset, const struct iovec *iov, int niov,
                       BlockWait wait)
{
    NullState *s = node->state;

    if (wait == BDRV_NO_WAIT && s->latency_ns) {
        return -EAGAIN;
    }
    null_delay(s);
    if (s->read_zeroes) {
        iov_memset(iov, niov, 0, 0, iov_size(iov, niov));
    }
    return 0;
}

static int null_pwritev(BlockNode *node, int64_t offset, const struct iovec *iov, int niov)
{
    null_delay(node->state);
    return 0;
}

static int null_flush(BlockNode *node)
{
    null_delay(node->state);
    return 0;
}

static void null_info(const BlockNode *node, BlockNodeInfo *info)
{
    info->allocated = 0;
}

#define NULL_DRIVER(nm)                                                        \
    { .name = (nm), .is_protocol = true, .state_size = sizeof(NullState),      \
      .open = null_open, .preadv = null_preadv, .pwritev = null_pwritev, .flush = null_flush, \
      .info = null_info }

static const BlockDriver null_co_driver = NULL_DRIVER("null-co");
static const BlockDriver null_aio_driver = NULL_DRIVER("null-aio");
block_driver_init(null_co_driver)
block_driver_init(null_aio_driver)
