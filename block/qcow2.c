/*
 * Format "qcow2", versions 2 and 3: the driver. Clusters that are missing come
 * from the backing file; compressed ones are read, and written anew when they
 * change. See qcow2-int.h for the layout and the order of writes.
 *
 * Refused: encryption, external data files, extended L2 entries, compression
 * other than deflate, writing to an image marked dirty or corrupt.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "block/qcow2-int.h"
#include <errno.h>
#include <string.h>
#include "util/iov.h"

typedef struct Qcow2Header {
    uint32_t magic, version;
    uint64_t backing_offset;
    uint32_t backing_size, cluster_bits;
    uint64_t size;
    uint32_t crypt_method, l1_size;
    uint64_t l1_offset, reftable_offset;
    uint32_t reftable_clusters, nb_snapshots;
    uint64_t snapshots_offset;
    /* version 3 */
    uint64_t incompatible, compatible, autoclear;
    uint32_t refcount_order, header_length;
} __attribute__((packed)) Qcow2Header;

enum { MAGIC = 0x514649fb, V2_HEADER_SIZE = 72, V3_HEADER_SIZE = 104, HEADER_AUTOCLEAR = 88 };
enum { EXTENSION_END = 0, MAX_BACKING_NAME = 1023, MAX_BACKING_DEPTH = 64 };
#define EXTENSION_BACKING_FORMAT 0xe2792acau
enum { MAX_L1_BYTES = 32 << 20 };

static int qcow2_probe(const uint8_t *head, size_t len)
{
    return len >= V2_HEADER_SIZE && (!memcmp(head, "QFI\xfb\0\0\0\2", 8)
                                     || !memcmp(head, "QFI\xfb\0\0\0\3", 8)) ? 100 : 0;
}

/* --- header --------------------------------------------------------------- */

static void header_from_be(Qcow2Header *h)
{
    h->magic = GUINT32_FROM_BE(h->magic);
    h->version = GUINT32_FROM_BE(h->version);
    h->backing_offset = GUINT64_FROM_BE(h->backing_offset);
    h->backing_size = GUINT32_FROM_BE(h->backing_size);
    h->cluster_bits = GUINT32_FROM_BE(h->cluster_bits);
    h->size = GUINT64_FROM_BE(h->size);
    h->crypt_method = GUINT32_FROM_BE(h->crypt_method);
    h->l1_size = GUINT32_FROM_BE(h->l1_size);
    h->l1_offset = GUINT64_FROM_BE(h->l1_offset);
    h->reftable_offset = GUINT64_FROM_BE(h->reftable_offset);
    h->reftable_clusters = GUINT32_FROM_BE(h->reftable_clusters);
    h->incompatible = GUINT64_FROM_BE(h->incompatible);
    h->autoclear = GUINT64_FROM_BE(h->autoclear);
    h->refcount_order = GUINT32_FROM_BE(h->refcount_order);
    h->header_length = GUINT32_FROM_BE(h->header_length);
}

static int read_header(BlockNode *node, Qcow2Header *h)
{
    int ret = bdrv_pread(node->file, 0, h, sizeof(*h));

    header_from_be(h);
    if (h->version < 3) {
        h->incompatible = h->autoclear = 0;
        h->refcount_order = 4;
        h->header_length = V2_HEADER_SIZE;
    }
    return ret;
}

/* Why an image cannot be used, or NULL. */
static const char *check_header(const BlockNode *node, const Qcow2Header *h)
{
    if (h->magic != MAGIC || h->version < 2 || h->version > 3) {
        return "it is not a qcow2 image of version 2 or 3";
    }
    if (h->cluster_bits < 9 || h->cluster_bits > 21 || h->refcount_order > 6
        || h->header_length < (h->version == 2 ? V2_HEADER_SIZE : V3_HEADER_SIZE)
        || h->header_length > 1u << h->cluster_bits || h->size > INT64_MAX - (1 << 21)) {
        return "its header is not valid";
    }
    if (h->crypt_method) {
        return "encrypted images are not supported; decrypt it with qemu-img convert";
    }
    if (h->incompatible & ~(uint64_t)(QCOW2_DIRTY | QCOW2_CORRUPT)) {
        return "it uses a feature that is not supported (external data, zstd or extended L2 "
               "entries); convert it with qemu-img convert -O qcow2";
    }
    if (h->incompatible && !node->flags.read_only) {
        return "it was not closed cleanly or is corrupt; repair it with qemu-img check -r all, or "
               "open it with readonly=on";
    }
    unsigned bits = h->cluster_bits + h->cluster_bits - 3;
    uint64_t needed = (h->size + (UINT64_C(1) << bits) - 1) >> bits;
    if (h->l1_size < needed || h->l1_size > MAX_L1_BYTES / 8
        || (h->l1_size && h->l1_offset % (1u << h->cluster_bits))
        || h->l1_offset > INT64_MAX / 2) {
        return "its L1 table is not valid";
    }
    return NULL;
}

/* --- backing file --------------------------------------------------------- */

/* The format that a header extension names; NULL: probe. Caller frees. */
static char *backing_format(BlockNode *node, const Qcow2Header *h)
{
    uint64_t at = h->header_length, end = h->backing_offset;

    while (at + 8 <= end) {
        uint32_t ext[2];
        if (bdrv_pread(node->file, at, ext, sizeof(ext)) < 0) {
            break;
        }
        uint32_t type = GUINT32_FROM_BE(ext[0]), len = GUINT32_FROM_BE(ext[1]);
        at += 8;
        if (type == EXTENSION_END || len > end - at) {
            break;
        }
        if (type == EXTENSION_BACKING_FORMAT && len < 64) {
            char *name = g_malloc0(len + 1);
            bdrv_pread(node->file, at, name, len);
            return name;
        }
        at += (len + 7) & ~7u;
    }
    return NULL;
}

/* A relative name is relative to the image. */
static char *backing_path(const BlockNode *node, const char *name)
{
    if (g_path_is_absolute(name)) {
        return g_strdup(name);
    }
    g_autofree char *dir = g_path_get_dirname(node->filename);
    return g_build_filename(dir, name, NULL);
}

static bool open_backing(BlockNode *node, const BlockOpen *open, const Qcow2Header *h,
                         Error **errp)
{
    char name[MAX_BACKING_NAME + 1] = "";

    if (!h->backing_offset || !h->backing_size) {
        return true;
    }
    if (h->backing_size > MAX_BACKING_NAME || h->backing_offset > INT64_MAX / 2
        || open->depth >= MAX_BACKING_DEPTH
        || bdrv_pread(node->file, h->backing_offset, name, h->backing_size) < 0) {
        error_setg(errp, "the name of its backing file cannot be read, or the chain of them has "
                   "more than %d", MAX_BACKING_DEPTH);
        return false;
    }
    g_autofree char *path = backing_path(node, name);
    g_autofree char *format = backing_format(node, h);
    g_autoptr(OptDict) opts = optdict_new(optdict_option(open->opts));
    BlockOpen backing = { open->reg, opts, "", path, open->depth + 1 };
    BlockFlags flags = node->flags;
    flags.read_only = true;
    flags.snapshot = false;
    node->backing = bdrv_open(&backing, format, flags, errp);
    if (!node->backing) {
        error_prepend(errp, "backing file: ");
    }
    return node->backing != NULL;
}

/* --- open, close ---------------------------------------------------------- */

static void release(BlockNode *node)
{
    Qcow2State *s = node->state;

    qcow2_compressed_close(node);
    qcow2_map_close(node);
    qcow2_refcount_close(node);
    g_mutex_clear(&s->lock);
}

static void use_header(BlockNode *node, const Qcow2Header *h)
{
    Qcow2State *s = node->state;

    g_mutex_init(&s->lock);
    qcow2_compressed_open(node);
    s->version = h->version;
    s->cluster_bits = h->cluster_bits;
    s->cluster_size = 1u << h->cluster_bits;
    s->l2_bits = h->cluster_bits - 3;
    s->refcount_order = h->refcount_order;
    s->lazy_refcounts = h->compatible & 1;
    s->l1_size = h->l1_size;
    s->l1_offset = h->l1_offset;
    node->length = ROUND_UP_SECTOR(h->size);
}

/* Data that only programs which know a feature keep right (dirty bitmaps) become void. */
static bool clear_autoclear(BlockNode *node, const Qcow2Header *h, Error **errp)
{
    uint64_t zero = 0;
    int ret = 0;

    if (!node->flags.read_only && h->autoclear) {
        ret = bdrv_pwrite(node->file, HEADER_AUTOCLEAR, &zero, sizeof(zero));
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret, "its header cannot be written");
    }
    return ret == 0;
}

static bool qcow2_open(BlockNode *node, const BlockOpen *open, Error **errp)
{
    Qcow2Header h;
    int ret = read_header(node, &h);
    const char *why = ret < 0 ? "its header cannot be read" : check_header(node, &h);

    if (why) {
        error_setg(errp, "%s: '%s': %s", optdict_option(open->opts), node->filename, why);
        return false;
    }
    use_header(node, &h);
    if (!qcow2_map_open(node, errp)
        || !qcow2_refcount_open(node, h.reftable_offset, h.reftable_clusters, errp)
        || !open_backing(node, open, &h, errp) || !clear_autoclear(node, &h, errp)) {
        error_prepend(errp, "%s: '%s': ", optdict_option(open->opts), node->filename);
        release(node);
        return false;
    }
    return true;
}

static int qcow2_flush(BlockNode *node)
{
    Qcow2State *s = node->state;

    g_mutex_lock(&s->lock);
    int ret = qcow2_flush_tables(node);
    g_mutex_unlock(&s->lock);
    return ret < 0 ? ret : bdrv_flush(node->file);
}

static void qcow2_close(BlockNode *node)
{
    if (!node->flags.read_only) {
        Qcow2State *s = node->state;
        g_mutex_lock(&s->lock);
        qcow2_flush_tables(node);
        g_mutex_unlock(&s->lock);
    }
    release(node);
}

/* --- reading -------------------------------------------------------------- */

/* From the backing file, or zeros past its end and without one. */
static int read_backing(BlockNode *node, int64_t offset, const struct iovec *iov, int niov,
                        BlockWait wait)
{
    size_t len = iov_size(iov, niov), there = 0;

    if (node->backing && offset < node->backing->length) {
        g_autofree struct iovec *part = g_new(struct iovec, niov);
        there = MIN((uint64_t)(node->backing->length - offset), len);
        int n = iov_slice(iov, niov, 0, there, part);
        int ret = bdrv_preadv(node->backing, offset, part, n, wait);
        if (ret < 0) {
            return ret;
        }
    }
    iov_memset(iov, niov, there, 0, len - there);
    return 0;
}

/* Inside one cluster, which the entry maps. */
static int read_entry(BlockNode *node, uint64_t entry, int64_t offset, const struct iovec *iov,
                      int niov, BlockWait wait)
{
    Qcow2State *s = node->state;
    uint64_t host = entry & QCOW2_OFFSET_MASK;
    uint32_t in_cluster = offset & (s->cluster_size - 1);
    size_t len = iov_size(iov, niov);

    if (entry & QCOW2_COMPRESSED) {
        return qcow2_read_compressed(node, entry, in_cluster, iov, niov, wait);
    }
    if (s->version >= 3 && (entry & QCOW2_ZERO)) {
        iov_memset(iov, niov, 0, 0, len);
        return 0;
    }
    if (!host) {
        return read_backing(node, offset, iov, niov, wait);
    }
    return host % s->cluster_size ? -EIO
                                  : bdrv_preadv(node->file, host + in_cluster, iov, niov, wait);
}

static bool is_plain(const Qcow2State *s, uint64_t entry)
{
    return !(entry & QCOW2_COMPRESSED) && !(s->version >= 3 && (entry & QCOW2_ZERO))
        && (entry & QCOW2_OFFSET_MASK);
}

/* Bytes from offset, at most len, that one host range holds; with the lock. writable: only
 * clusters that may be written in place. *entry is that of the first cluster. */
static int find_run(BlockNode *node, int64_t offset, size_t len, bool writable, uint64_t *entry,
                    size_t *run)
{
    Qcow2State *s = node->state;
    uint64_t next;
    int ret = qcow2_get_entry(node, offset, entry);

    *run = MIN(len, s->cluster_size - (size_t)(offset & (s->cluster_size - 1)));
    if (!is_plain(s, *entry) || (writable && !(*entry & QCOW2_COPIED))) {
        return ret;
    }
    uint64_t host = *entry & QCOW2_OFFSET_MASK;
    while (ret == 0 && *run < len) {
        host += s->cluster_size;
        ret = qcow2_get_entry(node, offset + *run, &next);
        if (!is_plain(s, next) || (next & QCOW2_OFFSET_MASK) != host
            || (writable && !(next & QCOW2_COPIED))) {
            break;
        }
        *run = MIN(len, *run + s->cluster_size);
    }
    return ret;
}

/* With BDRV_NO_WAIT the lock is not taken, and -EAGAIN, if that would mean waiting. */
static int lock_entries(BlockNode *node, int64_t offset, size_t len, BlockWait wait)
{
    Qcow2State *s = node->state;

    if (wait == BDRV_WAIT) {
        g_mutex_lock(&s->lock);
    } else if (!g_mutex_trylock(&s->lock)) {
        return -EAGAIN;
    } else if (!qcow2_entries_loaded(node, offset, len)) {
        g_mutex_unlock(&s->lock);
        return -EAGAIN;
    }
    return 0;
}

static int qcow2_preadv(BlockNode *node, int64_t offset, const struct iovec *iov, int niov,
                        BlockWait wait)
{
    Qcow2State *s = node->state;
    size_t len = iov_size(iov, niov), done = 0;
    g_autofree struct iovec *part = g_new(struct iovec, niov);
    int ret = 0;

    while (done < len && ret == 0) {
        uint64_t entry;
        size_t run;
        ret = lock_entries(node, offset + done, len - done, wait);
        if (ret < 0) {
            break;
        }
        ret = find_run(node, offset + done, len - done, false, &entry, &run);
        g_mutex_unlock(&s->lock);
        if (ret == 0) {
            int n = iov_slice(iov, niov, done, run, part);
            ret = read_entry(node, entry, offset + done, part, n, wait);
            done += run;
        }
    }
    return ret;
}

/* --- writing -------------------------------------------------------------- */

/* With the lock: gives the cluster a place of its own, filled with what it held and the new
 * data; the entry changes when all is written. */
static int write_new_cluster(BlockNode *node, uint64_t old, int64_t offset,
                             const struct iovec *iov, int niov)
{
    Qcow2State *s = node->state;
    uint32_t in_cluster = offset & (s->cluster_size - 1);
    size_t len = iov_size(iov, niov);
    uint64_t host;
    int ret = qcow2_alloc_cluster(node, &host);

    if (ret == 0 && len == s->cluster_size) {
        ret = bdrv_pwritev(node->file, host, iov, niov);
    } else if (ret == 0) {
        g_autofree uint8_t *cluster = g_malloc(s->cluster_size);
        struct iovec whole = { cluster, s->cluster_size };
        ret = read_entry(node, old, offset - in_cluster, &whole, 1, BDRV_WAIT);
        iov_to_buf(iov, niov, 0, cluster + in_cluster, len);
        if (ret == 0) {
            ret = bdrv_pwritev(node->file, host, &whole, 1);
        }
    }
    return ret == 0 ? qcow2_set_entry(node, offset - in_cluster, host) : ret;
}

/* Writes one run; *done bytes of it. */
static int write_run(BlockNode *node, int64_t offset, const struct iovec *iov, int niov,
                     size_t *done)
{
    Qcow2State *s = node->state;
    g_autofree struct iovec *part = g_new(struct iovec, niov);
    uint64_t entry;

    g_mutex_lock(&s->lock);
    int ret = find_run(node, offset, iov_size(iov, niov), true, &entry, done);
    int n = iov_slice(iov, niov, 0, *done, part);
    bool in_place = is_plain(s, entry) && (entry & QCOW2_COPIED);
    if (ret == 0 && !in_place) {
        ret = write_new_cluster(node, entry, offset, part, n);
    }
    g_mutex_unlock(&s->lock);
    if (ret < 0 || !in_place) {
        return ret;
    }
    uint64_t host = entry & QCOW2_OFFSET_MASK;
    if (host % s->cluster_size) {
        return -EIO;
    }
    return bdrv_pwritev(node->file, host + (offset & (s->cluster_size - 1)), part, n);
}

static int qcow2_pwritev(BlockNode *node, int64_t offset, const struct iovec *iov, int niov)
{
    size_t len = iov_size(iov, niov), done = 0, run;
    g_autofree struct iovec *rest = g_new(struct iovec, niov);
    int ret = 0;

    while (done < len && ret == 0) {
        int n = iov_slice(iov, niov, done, len - done, rest);
        ret = write_run(node, offset + done, rest, n, &run);
        done += run;
    }
    return ret;
}

static void qcow2_info(const BlockNode *node, BlockNodeInfo *info)
{
    const Qcow2State *s = node->state;

    info->cluster_size = s->cluster_size;
    info->qcow2.version = s->version;
    info->qcow2.refcount_bits = 1u << s->refcount_order;
    info->qcow2.lazy_refcounts = s->lazy_refcounts;
}

static const BlockDriver qcow2_driver = {
    .name = "qcow2", .state_size = sizeof(Qcow2State), .probe = qcow2_probe, .open = qcow2_open,
    .close = qcow2_close, .preadv = qcow2_preadv, .pwritev = qcow2_pwritev, .flush = qcow2_flush,
    .info = qcow2_info,
};
block_driver_init(qcow2_driver)
