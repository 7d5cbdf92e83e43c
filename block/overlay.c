/*
 * The copy-on-write overlay behind snapshot=on: writes go to an unlinked
 * temporary file, at the same offsets; a bitmap says which grains are there.
 * The base is never written, and nothing is left behind.
 *
 * A write that takes a grain into the overlay for the first time holds the
 * lock until data and bitmap agree; all other I/O only looks the bitmap up.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "block/block-int.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "util/iov.h"

enum { GRAIN = 4096 };

typedef struct OverlayState {
    GMutex lock;
    uint64_t *bitmap; /* one bit a grain: it is in the overlay */
    int fd;
} OverlayState;

static bool grain_present(const OverlayState *s, int64_t grain)
{
    return s->bitmap[grain / 64] >> (grain % 64) & 1;
}

/* Bytes from offset, at most len, that are all on one side; *present says which. */
static size_t run_length(OverlayState *s, int64_t offset, size_t len, bool *present)
{
    int64_t grain = offset / GRAIN, last = (offset + (int64_t)len - 1) / GRAIN;

    *present = grain_present(s, grain);
    do {
        grain++;
    } while (grain <= last && grain_present(s, grain) == *present);
    return MIN(len, (size_t)(grain * GRAIN - offset));
}

static int pwrite_all(int fd, const void *buf, size_t len, int64_t offset)
{
    for (size_t done = 0; done < len;) {
        ssize_t ret = pwrite(fd, (const uint8_t *)buf + done, len - done, offset + done);
        if (ret < 0 && errno != EINTR) {
            return -errno;
        }
        done += MAX(ret, 0);
    }
    return 0;
}

/* Overlay data never ends before a present grain, so a short read is an error. */
static int pread_all(int fd, void *buf, size_t len, int64_t offset)
{
    for (size_t done = 0; done < len;) {
        ssize_t ret = pread(fd, (uint8_t *)buf + done, len - done, offset + done);
        if (ret == 0 || (ret < 0 && errno != EINTR)) {
            return ret ? -errno : -EIO;
        }
        done += MAX(ret, 0);
    }
    return 0;
}

/* As bdrv_preadv() with BDRV_NO_WAIT. */
static int pread_cached(int fd, void *buf, size_t len, int64_t offset)
{
    struct iovec iov = { buf, len };

    return preadv2(fd, &iov, 1, offset, RWF_NOWAIT) == (ssize_t)len ? 0 : -EAGAIN;
}

typedef int PieceFn(int fd, void *buf, size_t len, int64_t offset);

static int each_piece(OverlayState *s, PieceFn *fn, int64_t offset, const struct iovec *iov,
                      int niov)
{
    int ret = 0;

    for (int i = 0; i < niov && ret == 0; i++) {
        ret = fn(s->fd, iov[i].iov_base, iov[i].iov_len, offset);
        offset += iov[i].iov_len;
    }
    return ret;
}

static int write_piece(int fd, void *buf, size_t len, int64_t offset)
{
    return pwrite_all(fd, buf, len, offset);
}

static bool lock_bitmap(OverlayState *s, BlockWait wait)
{
    if (wait == BDRV_NO_WAIT) {
        return g_mutex_trylock(&s->lock);
    }
    g_mutex_lock(&s->lock);
    return true;
}

static int overlay_preadv(BlockNode *node, int64_t offset, const struct iovec *iov, int niov,
                          BlockWait wait)
{
    OverlayState *s = node->state;
    PieceFn *read_piece = wait == BDRV_WAIT ? pread_all : pread_cached;
    size_t len = iov_size(iov, niov), done = 0;
    g_autofree struct iovec *part = g_new(struct iovec, niov);
    int ret = 0;

    while (done < len && ret == 0) {
        bool present;
        if (!lock_bitmap(s, wait)) {
            return -EAGAIN;
        }
        size_t run = run_length(s, offset + done, len - done, &present);
        g_mutex_unlock(&s->lock);
        int n = iov_slice(iov, niov, done, run, part);
        ret = present ? each_piece(s, read_piece, offset + done, part, n)
                      : bdrv_preadv(node->backing, offset + done, part, n, wait);
        done += run;
    }
    return ret;
}

/* Copies a grain that a write covers only in part; its end may lie past the base's. */
static int copy_grain(BlockNode *node, int64_t grain)
{
    OverlayState *s = node->state;
    uint8_t buf[GRAIN] = { 0 };
    int64_t offset = grain * GRAIN;
    int ret = bdrv_pread(node->backing, offset, buf, MIN(GRAIN, node->length - offset));

    return ret < 0 ? ret : pwrite_all(s->fd, buf, GRAIN, offset);
}

/* With the lock held: makes every grain of the range present, then writes. */
static int write_allocating(BlockNode *node, int64_t offset, const struct iovec *iov, int niov)
{
    OverlayState *s = node->state;
    int64_t end = offset + iov_size(iov, niov);
    int64_t first = offset / GRAIN, last = (end - 1) / GRAIN;
    int ret = 0;

    if (offset % GRAIN && !grain_present(s, first)) {
        ret = copy_grain(node, first);
    }
    if (ret == 0 && end % GRAIN && !grain_present(s, last)
        && !(last == first && offset % GRAIN)) {
        ret = copy_grain(node, last);
    }
    if (ret == 0) {
        ret = each_piece(s, write_piece, offset, iov, niov);
    }
    for (int64_t grain = first; grain <= last && ret == 0; grain++) {
        s->bitmap[grain / 64] |= UINT64_C(1) << (grain % 64);
    }
    return ret;
}

static int overlay_pwritev(BlockNode *node, int64_t offset, const struct iovec *iov, int niov)
{
    OverlayState *s = node->state;
    size_t len = iov_size(iov, niov);
    bool present;
    int ret;

    if (!len) {
        return 0;
    }
    g_mutex_lock(&s->lock);
    if (run_length(s, offset, len, &present) < len || !present) {
        ret = write_allocating(node, offset, iov, niov);
        g_mutex_unlock(&s->lock);
    } else {
        g_mutex_unlock(&s->lock);
        ret = each_piece(s, write_piece, offset, iov, niov);
    }
    return ret;
}

static void overlay_close(BlockNode *node)
{
    OverlayState *s = node->state;

    close(s->fd);
    g_free(s->bitmap);
    g_mutex_clear(&s->lock);
}

static const BlockDriver overlay_driver = {
    .name = "overlay", .internal = true, .state_size = sizeof(OverlayState),
    .close = overlay_close, .preadv = overlay_preadv, .pwritev = overlay_pwritev,
};

static int open_temporary(const char *dir)
{
    g_autofree char *name = g_build_filename(dir, "doppel.XXXXXX", NULL);
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0) {
        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0) {
            unlink(name);
        }
    }
    return fd;
}

BlockNode *bdrv_open_overlay(BlockNode *base, Error **errp)
{
    const char *tmpdir = g_getenv("TMPDIR");
    const char *dir = tmpdir ? tmpdir : "/var/tmp";
    int fd = open_temporary(dir);

    if (fd < 0) {
        error_setg_errno(errp, errno, "snapshot=on: no temporary file can be made in '%s'; set "
                         "TMPDIR to a directory that can be written", dir);
        bdrv_unref(base);
        return NULL;
    }
    BlockNode *node = bdrv_new(&overlay_driver, base->filename, base->flags);
    OverlayState *s = node->state;
    g_mutex_init(&s->lock);
    s->fd = fd;
    s->bitmap = g_new0(uint64_t, base->length / GRAIN / 64 + 1);
    node->flags.read_only = false;
    node->backing = base;
    node->length = base->length;
    return node;
}
