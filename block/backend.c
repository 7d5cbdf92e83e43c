/*
 * Backends: what a device holds. Requests run on the registry's worker pool,
 * short reads if possible at once; a finished request waits in its backend's
 * queue until the main loop (a drain, the thread that read at once) calls its
 * completion. See block.h for the promises.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "block/backend-int.h"
#include <errno.h>
#include <string.h>
#include "util/iov.h"
#include "util/trace.h"

TRACE_EVENT(blk_submit, "'%s' %s offset %" PRId64 " length %" PRId64);
TRACE_EVENT(blk_complete, "'%s' %s offset %" PRId64 " length %" PRId64 " ret %d");
TRACE_EVENT(blk_cancel, "'%s' %s offset %" PRId64 " length %" PRId64);

struct BlockRequest {
    BlockBackend *blk;
    BlockNode *node;       /* referenced: the medium may change under way */
    BlockOp op;
    int64_t offset, len;
    const struct iovec *iov;
    int niov;
    int ret;
    gint cancelled;        /* [atomic] */
    BlockCompletionFn *fn;
    void *opaque;
};

static const char *const op_names[BLOCK_OP_COUNT] = {
    [BLOCK_OP_READ] = "read", [BLOCK_OP_WRITE] = "write",
    [BLOCK_OP_FLUSH] = "flush", [BLOCK_OP_DISCARD] = "discard",
};

/* --- execution ------------------------------------------------------------ */

static int run_write(BlockRequest *req)
{
    int ret = bdrv_pwritev(req->node, req->offset, req->iov, req->niov);
    return ret == 0 && req->blk->writethrough ? bdrv_flush(req->node) : ret;
}

static int run_request(BlockRequest *req)
{
    switch (req->op) {
    case BLOCK_OP_READ:
        return bdrv_preadv(req->node, req->offset, req->iov, req->niov, BDRV_WAIT);
    case BLOCK_OP_WRITE:
        return run_write(req);
    case BLOCK_OP_FLUSH:
        return bdrv_flush(req->node);
    case BLOCK_OP_DISCARD:
        return bdrv_discard(req->node, req->offset, req->len);
    default:
        g_assert_not_reached();
    }
}

/* Any thread. */
static void request_done(BlockRequest *req)
{
    BlockBackend *blk = req->blk;

    g_mutex_lock(&blk->lock);
    g_queue_push_tail(&blk->completed, req);
    /* The backend lives until in_flight is 0, which takes this lock to see. */
    bh_schedule(blk->bh);
    g_cond_broadcast(&blk->cond);
    g_mutex_unlock(&blk->lock);
}

void blk_run_on_worker(void *opaque, void *unused)
{
    BlockRequest *req = opaque;

    req->ret = g_atomic_int_get(&req->cancelled) ? -ECANCELED : run_request(req);
    request_done(req);
}

static BlockRequest *take_completed(BlockBackend *blk)
{
    BlockRequest *req = g_queue_pop_head(&blk->completed);

    if (req) {
        blk->in_flight--;
    }
    return req;
}

static void account(BlockBackend *blk, const BlockRequest *req)
{
    BlockStats *st = &blk->stats;

    if (req->ret == 0) {
        st->ops[req->op]++;
        st->bytes[req->op] += req->len;
    } else {
        st->failed[req->op]++;
    }
}

/* With the big lock, without the backend's. */
static void finish_request(BlockRequest *req)
{
    BlockBackend *blk = req->blk;
    bool cancelled = g_atomic_int_get(&req->cancelled);
    int ret = req->ret;

    trace(blk_complete, blk_name(blk), op_names[req->op], req->offset, req->len, ret);
    account(blk, req);
    bool ignored = req->op == BLOCK_OP_READ ? blk->ignore_read_errors : blk->ignore_write_errors;
    if (ret < 0 && ret != -ECANCELED && ret != -ENOMEDIUM) {
        block_report_error(blk, req->op == BLOCK_OP_READ, ret, ignored);
    }
    if (ret < 0 && ignored) {
        ret = 0;
    }
    if (!cancelled) {
        req->fn(req->opaque, ret);
    }
    bdrv_unref(req->node);
    g_free(req);
}

void blk_run_completions(void *opaque)
{
    BlockBackend *blk = opaque;
    BlockRequest *req;

    g_mutex_lock(&blk->lock);
    while ((req = take_completed(blk))) {
        g_mutex_unlock(&blk->lock);
        finish_request(req);
        g_mutex_lock(&blk->lock);
    }
    g_mutex_unlock(&blk->lock);
}

void blk_drain(BlockBackend *blk)
{
    BlockRequest *req;

    g_mutex_lock(&blk->lock);
    while (blk->in_flight) {
        req = take_completed(blk);
        if (!req) {
            g_cond_wait(&blk->cond, &blk->lock);
            continue;
        }
        g_mutex_unlock(&blk->lock);
        finish_request(req);
        g_mutex_lock(&blk->lock);
    }
    g_mutex_unlock(&blk->lock);
}

/* A longer read would keep others from the big lock for too long. */
enum { MAX_READ_AT_ONCE = 256 << 10 };

/* With the big lock: whether a read could be done without waiting. It is then completed by this
 * thread, too: a worker would cost more than the read. */
static bool read_at_once(BlockRequest *req)
{
    BlockBackend *blk = req->blk;

    if (req->op != BLOCK_OP_READ || req->len > MAX_READ_AT_ONCE
        || bdrv_preadv(req->node, req->offset, req->iov, req->niov, BDRV_NO_WAIT) < 0) {
        return false;
    }
    g_mutex_lock(&blk->lock);
    g_queue_push_tail(&blk->completed, req);
    g_mutex_unlock(&blk->lock);
    bh_schedule_here(blk->bh);
    return true;
}

/* --- submission ----------------------------------------------------------- */

static int check_request(BlockBackend *blk, BlockOp op, int64_t offset, int64_t len)
{
    uint64_t size = blk_getlength(blk);

    if (!blk->root) {
        return -ENOMEDIUM;
    }
    if (offset < 0 || len < 0 || (uint64_t)offset > size || (uint64_t)len > size - offset) {
        return -EIO;
    }
    bool writes = op == BLOCK_OP_WRITE || op == BLOCK_OP_DISCARD;
    return writes && blk->root->flags.read_only ? -EPERM : 0;
}

static BlockRequest *submit(BlockBackend *blk, BlockOp op, int64_t offset, int64_t len,
                            const struct iovec *iov, int niov, BlockCompletionFn *fn, void *opaque)
{
    BlockRequest *req = g_new0(BlockRequest, 1);

    *req = (BlockRequest){ .blk = blk, .op = op, .offset = offset, .len = len, .iov = iov,
                           .niov = niov, .fn = fn, .opaque = opaque };
    trace(blk_submit, blk_name(blk), op_names[op], offset, len);
    g_mutex_lock(&blk->lock);
    blk->in_flight++;
    g_mutex_unlock(&blk->lock);
    req->ret = check_request(blk, op, offset, len);
    if (req->ret < 0) {
        request_done(req);
    } else {
        req->node = bdrv_ref(blk->root);
        if (!read_at_once(req)) {
            block_registry_push(blk->reg, req);
        }
    }
    return req;
}

BlockRequest *blk_aio_preadv(BlockBackend *blk, int64_t offset, const struct iovec *iov, int niov,
                             BlockCompletionFn *fn, void *opaque)
{
    return submit(blk, BLOCK_OP_READ, offset, iov_size(iov, niov), iov, niov, fn, opaque);
}

BlockRequest *blk_aio_pwritev(BlockBackend *blk, int64_t offset, const struct iovec *iov, int niov,
                              BlockCompletionFn *fn, void *opaque)
{
    return submit(blk, BLOCK_OP_WRITE, offset, iov_size(iov, niov), iov, niov, fn, opaque);
}

BlockRequest *blk_aio_flush(BlockBackend *blk, BlockCompletionFn *fn, void *opaque)
{
    return submit(blk, BLOCK_OP_FLUSH, 0, 0, NULL, 0, fn, opaque);
}

BlockRequest *blk_aio_discard(BlockBackend *blk, int64_t offset, int64_t len,
                              BlockCompletionFn *fn, void *opaque)
{
    return submit(blk, BLOCK_OP_DISCARD, offset, len, NULL, 0, fn, opaque);
}

void blk_aio_cancel(BlockRequest *req)
{
    trace(blk_cancel, blk_name(req->blk), op_names[req->op], req->offset, req->len);
    g_atomic_int_set(&req->cancelled, 1);
}

int blk_pread(BlockBackend *blk, int64_t offset, void *buf, size_t len)
{
    int ret = check_request(blk, BLOCK_OP_READ, offset, len);
    return ret < 0 ? ret : bdrv_pread(blk->root, offset, buf, len);
}

int blk_pwrite(BlockBackend *blk, int64_t offset, const void *buf, size_t len)
{
    int ret = check_request(blk, BLOCK_OP_WRITE, offset, len);

    if (ret == 0) {
        ret = bdrv_pwrite(blk->root, offset, buf, len);
    }
    return ret == 0 && blk->writethrough ? bdrv_flush(blk->root) : ret;
}

int blk_flush(BlockBackend *blk)
{
    return blk->root ? bdrv_flush(blk->root) : -ENOMEDIUM;
}

/* --- medium and device ---------------------------------------------------- */

BlockBackend *blk_new(BlockRegistry *reg, const char *name)
{
    BlockBackend *blk = g_new0(BlockBackend, 1);
    blk->reg = reg;
    blk->name = g_strdup(name);
    blk->bh = bh_new(blk_run_completions, blk);
    g_mutex_init(&blk->lock);
    g_cond_init(&blk->cond);
    g_queue_init(&blk->completed);
    return blk;
}

void blk_set_root(BlockBackend *blk, BlockNode *root)
{
    if (blk->root) {
        blk->root->user = NULL;
        bdrv_unref(blk->root);
    }
    blk->root = root;
    if (root) {
        root->user = blk;
    }
}

void blk_free(BlockBackend *blk)
{
    blk_drain(blk);
    blk_flush(blk);
    blk_set_root(blk, NULL);
    bh_delete(blk->bh);
    g_mutex_clear(&blk->lock);
    g_cond_clear(&blk->cond);
    g_free(blk->name);
    g_free(blk);
}

const char *blk_name(const BlockBackend *blk)
{
    return blk->name;
}

bool blk_is_inserted(BlockBackend *blk)
{
    return blk->root != NULL;
}

bool blk_is_writable(BlockBackend *blk)
{
    return blk->root ? !blk->root->flags.read_only : !blk->read_only;
}

bool blk_is_removable(BlockBackend *blk)
{
    return blk->dev_ops && blk->dev_ops->change_media;
}

bool blk_is_writethrough(const BlockBackend *blk)
{
    return blk->writethrough;
}

uint64_t blk_getlength(BlockBackend *blk)
{
    return blk->root ? ROUND_UP_SECTOR((uint64_t)blk->root->length) : 0;
}

const char *blk_filename(const BlockBackend *blk)
{
    return blk->root ? blk->root->filename : NULL;
}

const char *blk_format(const BlockBackend *blk)
{
    const BlockNode *node = blk->root;

    while (node && node->drv->internal) {
        node = node->backing;
    }
    return node ? node->drv->name : NULL;
}

const BlockStats *blk_stats(const BlockBackend *blk)
{
    return &blk->stats;
}

bool blk_attach(BlockBackend *blk, void *dev, const BlockDevOps *ops, Error **errp)
{
    if (blk->dev) {
        error_setg(errp, "drive '%s' is already in use by another device", blk->name);
        return false;
    }
    blk->dev = dev;
    blk->dev_ops = ops;
    return true;
}

void blk_detach(BlockBackend *blk, void *dev)
{
    g_assert(blk->dev == dev);
    blk_drain(blk);
    blk->dev = NULL;
    blk->dev_ops = NULL;
}

void *blk_dev(const BlockBackend *blk)
{
    return blk->dev;
}

bool blk_dev_is_tray_open(BlockBackend *blk)
{
    return blk->dev_ops && blk->dev_ops->is_tray_open && blk->dev_ops->is_tray_open(blk->dev);
}

bool blk_dev_is_medium_locked(BlockBackend *blk)
{
    return blk->dev_ops && blk->dev_ops->is_medium_locked
        && blk->dev_ops->is_medium_locked(blk->dev);
}

void blk_dev_eject_request(BlockBackend *blk, bool force)
{
    if (blk->dev_ops && blk->dev_ops->eject_request) {
        blk->dev_ops->eject_request(blk->dev, force);
    }
}

void blk_tell_device(BlockBackend *blk, bool load)
{
    if (blk_is_removable(blk)) {
        blk->dev_ops->change_media(blk->dev, load);
    }
}

void blk_eject(BlockBackend *blk)
{
    if (blk->root) {
        blk_remove_medium(blk);
        blk_tell_device(blk, false);
    }
}

bool blk_insert_file(BlockBackend *blk, const char *filename, const char *format, bool read_only,
                     Error **errp)
{
    BlockNode *node;

    if (!blk_open_medium(blk, filename, format, read_only, &node, errp)) {
        return false;
    }
    blk_eject(blk);
    blk_insert_opened(blk, node);
    blk_tell_device(blk, true);
    return true;
}
