/*
 * The protocols "file" and "host_device": a regular file or a block device of
 * the host, with or without the host's page cache (cache.direct).
 *
 * Double use is prevented by the byte-range locks that QEMU uses, so that the
 * two see each other: byte 100+p is read-locked by who has permission p,
 * byte 200+p by who does not let others have it (see FilePerm).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "block/block-int.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/iov.h"
#include "util/trace.h"

TRACE_EVENT(file_flush_failed, "'%s' errno %d: no later flush can succeed");

typedef struct FileState {
    int fd;
    bool is_device;
    unsigned align;    /* of offset, length and memory; 1 unless direct */
    GRWLock rmw;       /* direct only: written by who rewrites parts of blocks */
    gint must_wait;    /* [atomic] the file system cannot tell what is in its cache */
    gint flush_errno;  /* [atomic] set once a flush failed: the page cache may have lost data */
} FileState;

/* --- locks ---------------------------------------------------------------- */

enum { LOCK_PERM_BASE = 100, LOCK_UNSHARED_BASE = 200 };
typedef enum FilePerm { PERM_CONSISTENT_READ, PERM_WRITE, PERM_WRITE_UNCHANGED,
                        PERM_RESIZE } FilePerm;

static struct flock lock_byte(short type, off_t at)
{
    return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
}

static bool lock_shared(int fd, off_t at)
{
    struct flock lock = lock_byte(F_RDLCK, at);
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static bool locked_by_other(int fd, off_t at)
{
    struct flock lock = lock_byte(F_WRLCK, at);
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* A reader and a writer each keep other writers out; readers share. */
static bool take_locks(int fd, bool writable)
{
    if (!lock_shared(fd, LOCK_PERM_BASE + PERM_CONSISTENT_READ)
        || !lock_shared(fd, LOCK_UNSHARED_BASE + PERM_WRITE)
        || (writable && !lock_shared(fd, LOCK_PERM_BASE + PERM_WRITE))) {
        return false;
    }
    return !locked_by_other(fd, LOCK_PERM_BASE + PERM_WRITE)
        && !locked_by_other(fd, LOCK_UNSHARED_BASE + PERM_CONSISTENT_READ)
        && !(writable && locked_by_other(fd, LOCK_UNSHARED_BASE + PERM_WRITE));
}

static bool lock_file(int fd, const BlockOpen *open, const char *filename, bool writable,
                      Error **errp)
{
    const char *locking = bdrv_opt(open, "locking");
    bool wanted = !locking || !g_str_equal(locking, "off");

    if (locking && wanted && !g_str_equal(locking, "on") && !g_str_equal(locking, "auto")) {
        error_setg(errp, "%s: %slocking='%s' is not known; use on, off or auto",
                   optdict_option(open->opts), open->prefix, locking);
        return false;
    }
    if (!wanted || take_locks(fd, writable)) {
        return true;
    }
    error_setg(errp, "%s: '%s' is in use by another process or drive and cannot be locked for %s; "
               "end that use, or give both sides snapshot=on or readonly=on",
               optdict_option(open->opts), filename, writable ? "writing" : "reading");
    return false;
}

/* --- opening -------------------------------------------------------------- */

static void explain_open_error(const BlockOpen *open, const char *filename, BlockFlags flags,
                               int err, Error **errp)
{
    const char *option = optdict_option(open->opts);

    if (err == ENOENT) {
        error_setg(errp, "%s: there is no file '%s'; create it with qemu-img create or "
                   "truncate -s SIZE", option, filename);
    } else if (err == EISDIR) {
        error_setg(errp, "%s: '%s' is a directory; name an image file", option, filename);
    } else if ((err == EACCES || err == EROFS || err == EPERM) && !flags.read_only) {
        error_setg_errno(errp, err, "%s: '%s' cannot be opened for writing (readonly=on or "
                         "snapshot=on needs read permission only)", option, filename);
    } else if (err == EINVAL && flags.direct) {
        error_setg(errp, "%s: the file system of '%s' does not support O_DIRECT; use "
                   "cache=writeback", option, filename);
    } else {
        error_setg_errno(errp, err, "%s: '%s' cannot be opened", option, filename);
    }
}

/* The smallest unit of an uncached read that the file accepts. */
static unsigned probe_alignment(int fd)
{
    g_autofree uint8_t *mem = NULL;
    unsigned align = BDRV_SECTOR_SIZE;
    uint8_t *buf;

    mem = g_malloc(2 * 4096);
    buf = (uint8_t *)(((uintptr_t)mem + 4095) & ~(uintptr_t)4095);
    while (align < 4096 && pread(fd, buf, align, 0) < 0 && errno == EINVAL) {
        align *= 2;
    }
    return align;
}

static bool set_length(BlockNode *node, const BlockOpen *open, Error **errp)
{
    FileState *s = node->state;
    struct stat st;
    uint64_t bytes;

    if (fstat(s->fd, &st) < 0) {
        explain_open_error(open, node->filename, node->flags, errno, errp);
        return false;
    }
    if (S_ISDIR(st.st_mode)) {
        explain_open_error(open, node->filename, node->flags, EISDIR, errp);
        return false;
    }
    s->is_device = S_ISBLK(st.st_mode);
    if (!S_ISREG(st.st_mode) && !s->is_device) {
        error_setg(errp, "%s: '%s' is neither a regular file nor a block device",
                   optdict_option(open->opts), node->filename);
        return false;
    }
    if (s->is_device && ioctl(s->fd, BLKGETSIZE64, &bytes) == 0) {
        node->length = bytes;
    } else {
        node->length = st.st_size;
    }
    s->align = node->flags.direct ? probe_alignment(s->fd) : 1;
    return true;
}

static void file_close(BlockNode *node)
{
    FileState *s = node->state;

    close(s->fd);
    g_rw_lock_clear(&s->rmw);
}

static bool file_open(BlockNode *node, const BlockOpen *open_args, Error **errp)
{
    FileState *s = node->state;
    const char *aio = bdrv_opt(open_args, "aio");
    int flags = (node->flags.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC
              | (node->flags.direct ? O_DIRECT : 0);

    if (!open_args->filename) {
        error_setg(errp, "%s: driver %s needs %sfilename=", optdict_option(open_args->opts),
                   node->drv->name, open_args->prefix);
        return false;
    }
    if (aio && !g_str_equal(aio, "threads")) {
        error_setg(errp, "%s: %saio='%s' is not supported; use aio=threads",
                   optdict_option(open_args->opts), open_args->prefix, aio);
        return false;
    }
    s->fd = open(open_args->filename, flags);
    if (s->fd < 0) {
        explain_open_error(open_args, open_args->filename, node->flags, errno, errp);
        return false;
    }
    g_rw_lock_init(&s->rmw);
    if (!set_length(node, open_args, errp)
        || !lock_file(s->fd, open_args, node->filename, !node->flags.read_only, errp)) {
        file_close(node);
        return false;
    }
    return true;
}

/* --- I/O ------------------------------------------------------------------ */

typedef ssize_t VectorFn(int fd, const struct iovec *iov, int niov, off_t offset);

/* Moves the whole vector, in as many calls as it takes. Returns the bytes moved, fewer
 * only at the end of the file, or a negative errno. */
static int64_t transfer(const FileState *s, VectorFn *fn, int64_t offset, const struct iovec *iov,
                        int niov)
{
    size_t len = iov_size(iov, niov), done = 0;
    g_autofree struct iovec *rest = g_new(struct iovec, niov);

    while (done < len) {
        int n = iov_slice(iov, niov, done, len - done, rest);
        ssize_t ret = fn(s->fd, rest, MIN(n, IOV_MAX), offset + done);
        if (ret < 0 && errno == EINTR) {
            continue;
        }
        if (ret < 0) {
            return -errno;
        }
        done += ret;
        if (ret == 0 || ret % s->align) {
            break;
        }
    }
    return done;
}

static bool is_aligned(const FileState *s, int64_t offset, const struct iovec *iov, int niov)
{
    bool aligned = offset % s->align == 0;

    for (int i = 0; i < niov && aligned; i++) {
        aligned = (uintptr_t)iov[i].iov_base % s->align == 0 && iov[i].iov_len % s->align == 0;
    }
    return aligned;
}

/* A page-aligned buffer for [*start, *start + *size), which covers the request in whole
 * blocks. Free the returned allocation with free(). */
static void *bounce_alloc(const FileState *s, int64_t offset, size_t len, int64_t *start,
                          size_t *size)
{
    void *buf = NULL;

    *start = offset - offset % s->align;
    *size = (offset + len - *start + s->align - 1) / s->align * s->align;
    return posix_memalign(&buf, 4096, *size) == 0 ? buf : NULL;
}

static int64_t read_bounced(const FileState *s, int64_t offset, const struct iovec *iov, int niov)
{
    size_t len = iov_size(iov, niov), size;
    int64_t start;
    void *buf = bounce_alloc(s, offset, len, &start, &size);
    struct iovec whole = { buf, size };

    if (!buf) {
        return -ENOMEM;
    }
    int64_t ret = transfer(s, preadv, start, &whole, 1);
    if (ret >= 0) {
        size_t head = offset - start;
        ret = CLAMP(ret - (int64_t)head, 0, (int64_t)len);
        iov_from_buf(iov, niov, 0, (uint8_t *)buf + head, ret);
    }
    free(buf);
    return ret;
}

/* From the host's page cache. The end of the file is left to the others. */
static int read_cached(FileState *s, int64_t offset, const struct iovec *iov, int niov)
{
    if (s->align > 1 || niov > IOV_MAX || g_atomic_int_get(&s->must_wait)) {
        return -EAGAIN;
    }
    ssize_t ret = preadv2(s->fd, iov, niov, offset, RWF_NOWAIT);
    if (ret < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
        g_atomic_int_set(&s->must_wait, 1);
    }
    return ret == (ssize_t)iov_size(iov, niov) ? 0 : -EAGAIN;
}

static int file_preadv(BlockNode *node, int64_t offset, const struct iovec *iov, int niov,
                       BlockWait wait)
{
    FileState *s = node->state;
    size_t len = iov_size(iov, niov);
    int64_t ret;

    if (wait == BDRV_NO_WAIT) {
        return read_cached(s, offset, iov, niov);
    }
    if (is_aligned(s, offset, iov, niov)) {
        ret = transfer(s, preadv, offset, iov, niov);
    } else {
        ret = read_bounced(s, offset, iov, niov);
    }
    if (ret < 0) {
        return ret;
    }
    iov_memset(iov, niov, ret, 0, len - ret); /* past the end of the file */
    return 0;
}

/* Reads the blocks, changes the part, writes them back; keeps the file's length. */
static int64_t write_bounced(const FileState *s, int64_t offset, const struct iovec *iov, int niov)
{
    size_t len = iov_size(iov, niov), size;
    int64_t start;
    uint8_t *buf = bounce_alloc(s, offset, len, &start, &size);
    struct iovec whole = { buf, size };
    struct stat st;

    if (!buf) {
        return -ENOMEM;
    }
    int64_t ret = fstat(s->fd, &st) < 0 ? -errno : transfer(s, preadv, start, &whole, 1);
    if (ret >= 0) {
        memset(buf + ret, 0, size - ret);
        iov_to_buf(iov, niov, 0, buf + (offset - start), len);
        ret = transfer(s, pwritev, start, &whole, 1);
    }
    int64_t end = MAX(offset + (int64_t)len, st.st_size);
    if (ret >= 0 && !s->is_device && end < start + (int64_t)size && ftruncate(s->fd, end) < 0) {
        ret = -errno;
    }
    free(buf);
    return ret < 0 || ret == (int64_t)size ? ret : -EIO;
}

static int file_pwritev(BlockNode *node, int64_t offset, const struct iovec *iov, int niov)
{
    FileState *s = node->state;
    int64_t ret;

    if (is_aligned(s, offset, iov, niov)) {
        g_rw_lock_reader_lock(&s->rmw);
        ret = transfer(s, pwritev, offset, iov, niov);
        g_rw_lock_reader_unlock(&s->rmw);
        if (ret >= 0 && ret < (int64_t)iov_size(iov, niov)) {
            ret = -ENOSPC;
        }
    } else {
        g_rw_lock_writer_lock(&s->rmw);
        ret = write_bounced(s, offset, iov, niov);
        g_rw_lock_writer_unlock(&s->rmw);
    }
    return ret < 0 ? ret : 0;
}

/* The kernel reports a failed write-back once and then forgets it; the pages may be gone. So
 * the first failure is final. */
static int file_flush(BlockNode *node)
{
    FileState *s = node->state;
    int err = g_atomic_int_get(&s->flush_errno);

    if (!err && fdatasync(s->fd) < 0) {
        err = errno;
        trace(file_flush_failed, node->filename, err);
        g_atomic_int_set(&s->flush_errno, err);
    }
    return -err;
}

static int file_discard(BlockNode *node, int64_t offset, int64_t len)
{
    FileState *s = node->state;
    uint64_t range[2] = { offset, len };
    int ret = s->is_device ? ioctl(s->fd, BLKDISCARD, range)
                           : fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                       offset, len);

    /* A discard is advice: a host that cannot do it has lost nothing. */
    return ret == 0 || errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL ? 0 : -errno;
}

static int file_truncate(BlockNode *node, int64_t length)
{
    FileState *s = node->state;

    if (s->is_device) {
        return length <= node->length ? 0 : -ENOSPC;
    }
    if (ftruncate(s->fd, length) < 0) {
        return -errno;
    }
    node->length = length;
    return 0;
}

static void file_info(const BlockNode *node, BlockNodeInfo *info)
{
    const FileState *s = node->state;
    struct stat st;

    if (fstat(s->fd, &st) == 0) {
        info->allocated = (int64_t)st.st_blocks * 512;
    }
    info->dirty_known = true;
}

#define FILE_DRIVER(nm)                                                        \
    { .name = (nm), .is_protocol = true, .state_size = sizeof(FileState),      \
      .open = file_open, .close = file_close, .preadv = file_preadv,           \
      .pwritev = file_pwritev, .flush = file_flush, .discard = file_discard,   \
      .truncate = file_truncate, .info = file_info }

static const BlockDriver file_driver = FILE_DRIVER("file");
static const BlockDriver host_device_driver = FILE_DRIVER("host_device");
block_driver_init(file_driver)
block_driver_init(host_device_driver)
