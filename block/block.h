/*
 * The block layer: images as devices see them.
 *
 * A BlockBackend (blk_*) is what a device holds: a named drive with a root
 * node, removable or not. A BlockNode (bdrv_*) is one open image: a format
 * driver (raw, ...) on top of a protocol driver (file, ...).
 *
 * Promises about data:
 *   - A write that completed is visible to every later read.
 *   - It is on stable storage only after a later flush completed, or at once
 *     with cache=writethrough (the layer flushes after each write).
 *   - Requests in flight at the same time have no order; a flush covers all
 *     writes that completed before it was submitted.
 *   - A read-only node is never written; a broken image is refused and never
 *     written to.
 *
 * Drivers' operations are ordinary blocking functions; they run on a pool of
 * worker threads. A read that need not wait, for the host has the data in its
 * page cache, is done at once by the thread that submits it. Completion
 * callbacks run with the big lock, never from inside the submitting call: on
 * the main thread, or on the submitting one before it releases the lock.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "util/error.h"
#include "util/option.h"

enum { BDRV_SECTOR_BITS = 9, BDRV_SECTOR_SIZE = 1 << BDRV_SECTOR_BITS };

typedef struct BlockBackend BlockBackend;
typedef struct BlockNode BlockNode;
typedef struct BlockRequest BlockRequest;
typedef struct BlockRegistry BlockRegistry; /* a machine's drives and named nodes */

typedef void BlockCompletionFn(void *opaque, int ret); /* ret: 0 or negative errno */

/* -drive options that are not the image's. */
typedef enum DriveInterface { DRIVE_IF_NONE, DRIVE_IF_IDE, DRIVE_IF_FLOPPY, DRIVE_IF_VIRTIO,
                              DRIVE_IF_PFLASH, DRIVE_IF_SCSI, DRIVE_IF_COUNT } DriveInterface;
typedef struct DriveInfo {
    BlockBackend *blk;
    char *id;
    DriveInterface interface;
    int bus, unit;
    bool is_cdrom;
    char *serial;
    uint32_t cyls, heads, secs; /* 0: guess */
} DriveInfo;

BlockRegistry *block_registry_new(void);
void block_registry_free(BlockRegistry *reg);
/* -drive / -blockdev / -hda. False with errp set; the options stay the caller's. */
bool block_drive_add(BlockRegistry *reg, OptDict *opts, Error **errp);
bool block_node_add(BlockRegistry *reg, OptDict *opts, Error **errp);
/* NULL if there is none. The drive is then taken: a second taker is an error. */
DriveInfo *block_drive_get(BlockRegistry *reg, DriveInterface iface, int bus, int unit);
BlockBackend *block_backend_find(BlockRegistry *reg, const char *id); /* drive id or node-name */
/* A backend without a medium and without a name. */
BlockBackend *block_backend_new_empty(BlockRegistry *reg);
/* The -drive that a backend comes from; NULL for one made for a node. */
DriveInfo *block_drive_of(BlockRegistry *reg, const BlockBackend *blk);
/* Removes a drive: its name is free again, its image is flushed and closed. A device that has
 * it keeps a drive without a medium. */
void block_drive_del(BlockRegistry *reg, BlockBackend *blk);
/* Calls fn for every backend: query-block, flush at exit. */
void block_foreach(BlockRegistry *reg, void (*fn)(BlockBackend *blk, void *opaque), void *opaque);
/* Drives that -drive if=X named but no device took: an error naming the first. */
bool block_check_orphans(BlockRegistry *reg, Error **errp);

/* What a node is, for monitors; the texts belong to the node. */
typedef struct BlockNodeInfo {
    const char *name;        /* "#block..." if the user gave none */
    const char *filename, *driver;
    int64_t length;          /* bytes */
    int64_t allocated;       /* bytes on the host's disk; -1: unknown */
    bool dirty_known;        /* the driver can tell whether the image was left unclean (it was not) */
    bool read_only, direct, no_flush;
    bool internal;           /* made by the block layer itself: the overlay of snapshot=on */
    const BlockNode *file, *backing;
    uint32_t cluster_size;   /* 0: the format has none */
    struct { unsigned version, refcount_bits; bool lazy_refcounts; } qcow2; /* version 0: is none */
} BlockNodeInfo;
void bdrv_get_info(const BlockNode *node, BlockNodeInfo *info);
/* Calls fn once for every open node: the media, what is below them, and unused named nodes. */
typedef void BlockNodeFn(BlockNode *node, void *opaque);
void block_node_foreach(BlockRegistry *reg, BlockNodeFn *fn, void *opaque);
/* Closes a named node that nothing uses. */
bool block_node_del(BlockRegistry *reg, const char *name, Error **errp);
/* fn hears of requests that fail, with a negative errno. Main thread. */
typedef void BlockErrorFn(void *opaque, BlockBackend *blk, bool is_read, int error, bool ignored);
void block_set_error_hook(BlockRegistry *reg, BlockErrorFn *fn, void *opaque);

const char *blk_name(const BlockBackend *blk);
bool blk_is_inserted(BlockBackend *blk);
bool blk_is_writable(BlockBackend *blk);
bool blk_is_removable(BlockBackend *blk);
/* Every write is flushed before it completes (cache=writethrough). */
bool blk_is_writethrough(const BlockBackend *blk);
/* Bytes; 0 without a medium. */
uint64_t blk_getlength(BlockBackend *blk);
/* The image's name and format; NULL without a medium. */
const char *blk_filename(const BlockBackend *blk);
const char *blk_format(const BlockBackend *blk);
typedef enum BlockOp { BLOCK_OP_READ, BLOCK_OP_WRITE, BLOCK_OP_FLUSH, BLOCK_OP_DISCARD,
                       BLOCK_OP_COUNT } BlockOp;
typedef struct BlockStats {
    uint64_t ops[BLOCK_OP_COUNT], bytes[BLOCK_OP_COUNT], failed[BLOCK_OP_COUNT];
} BlockStats;
const BlockStats *blk_stats(const BlockBackend *blk);
/* A device takes the backend (only one may) and says what to call when the medium changes. */
typedef struct BlockDevOps {
    void (*change_media)(void *dev, bool load);
    void (*eject_request)(void *dev, bool force);
    bool (*is_tray_open)(void *dev);
    bool (*is_medium_locked)(void *dev);
    void (*set_tray)(void *dev, bool open); /* NULL: the drive has no tray that moves */
} BlockDevOps;
bool blk_attach(BlockBackend *blk, void *dev, const BlockDevOps *ops, Error **errp);
void blk_detach(BlockBackend *blk, void *dev);
/* What the attached device says; NULL and false without one. */
void *blk_dev(const BlockBackend *blk);
bool blk_dev_is_tray_open(BlockBackend *blk);
bool blk_dev_is_medium_locked(BlockBackend *blk);
void blk_dev_eject_request(BlockBackend *blk, bool force);
/* The medium's node; NULL without a medium. */
BlockNode *blk_root(const BlockBackend *blk);
bool blk_writes_through(const BlockBackend *blk);
/* Drives with trays. A tray that opens keeps its medium. */
bool blk_has_tray(const BlockBackend *blk);
void blk_set_tray(BlockBackend *blk, bool open);
/* The steps of a medium change; the device hears of it when the tray closes, or from
 * blk_tell_device(). */
bool blk_insert_node(BlockBackend *blk, const char *name, Error **errp);
void blk_remove_medium(BlockBackend *blk);
/* Opens an image as the drive's next medium; blk_insert_opened() takes over the node, or
 * block_node_close() closes it. */
bool blk_open_medium(BlockBackend *blk, const char *filename, const char *format, bool read_only,
                     BlockNode **node, Error **errp);
void blk_insert_opened(BlockBackend *blk, BlockNode *node);
void block_node_close(BlockNode *node);
void blk_tell_device(BlockBackend *blk, bool load);
/* Medium change from the monitor or the guest's own eject. */
void blk_eject(BlockBackend *blk);
bool blk_insert_file(BlockBackend *blk, const char *filename, const char *format, bool read_only,
                     Error **errp);

/* Asynchronous requests. offset and lengths in bytes, any alignment; the iov
 * must stay valid until completion. Out of range fails with -EIO. */
BlockRequest *blk_aio_preadv(BlockBackend *blk, int64_t offset, const struct iovec *iov, int niov,
                             BlockCompletionFn *fn, void *opaque);
BlockRequest *blk_aio_pwritev(BlockBackend *blk, int64_t offset, const struct iovec *iov, int niov,
                              BlockCompletionFn *fn, void *opaque);
BlockRequest *blk_aio_flush(BlockBackend *blk, BlockCompletionFn *fn, void *opaque);
BlockRequest *blk_aio_discard(BlockBackend *blk, int64_t offset, int64_t len,
                              BlockCompletionFn *fn, void *opaque);
/* The callback will not be called; the iov may be used by a worker until blk_drain(). */
void blk_aio_cancel(BlockRequest *req);
/* Waits until nothing is in flight, running completions. */
void blk_drain(BlockBackend *blk);
/* Blocking forms, for start-up and tools: 0 or negative errno. */
int blk_pread(BlockBackend *blk, int64_t offset, void *buf, size_t len);
int blk_pwrite(BlockBackend *blk, int64_t offset, const void *buf, size_t len);
int blk_flush(BlockBackend *blk);

#endif
