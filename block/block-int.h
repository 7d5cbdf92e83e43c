/*
 * Inside the block layer: nodes and the drivers behind them.
 *
 * A node is one open image. A protocol driver (file, null-co) talks to the
 * host; a format driver (raw, ...) interprets the bytes of its node `file`; a
 * copy-on-write node also has a `backing` node that it reads from and never
 * writes.
 *
 * Driver operations are blocking functions. They are called from any number
 * of worker threads at once, without the big lock; a driver guards its own
 * metadata. The exception is a read that may not wait, which comes with the
 * big lock held. offset and length are inside the node (checked by the caller),
 * except that a protocol node may be written past its end, which extends it,
 * and reads zeros there. All return 0 or a negative errno.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_BLOCK_INT_H
#define BLOCK_BLOCK_INT_H

#include <glib.h>
#include <inttypes.h>
#include "block/block.h"
#include "util/module.h"

typedef struct BlockDriver BlockDriver;

/* Whether a read may wait for the host's disk or for another thread. */
typedef enum BlockWait { BDRV_WAIT, BDRV_NO_WAIT } BlockWait;

/* A length in bytes rounded up to whole sectors. */
#define ROUND_UP_SECTOR(len) (((len) + BDRV_SECTOR_SIZE - 1) / BDRV_SECTOR_SIZE * BDRV_SECTOR_SIZE)

/* How a node is to be opened; a child inherits its parent's flags. */
typedef struct BlockFlags {
    bool read_only;
    bool direct;       /* cache.direct: O_DIRECT */
    bool no_flush;     /* cache.no-flush: flush does nothing */
    bool writethrough; /* flush after each write; used by the backend only */
    bool unmap;        /* discard=unmap */
    bool snapshot;     /* writes go to a temporary overlay */
} BlockFlags;

struct BlockNode {
    const BlockDriver *drv;
    char *name;            /* node-name; "#block..." if the user gave none */
    char *filename;        /* for messages and queries; never NULL */
    BlockFlags flags;
    int64_t length;        /* bytes; a multiple of BDRV_SECTOR_SIZE for what a device sees */
    BlockNode *file;       /* a format's data */
    BlockNode *backing;    /* read where this node has no data of its own */
    void *state;           /* drv->state_size bytes */
    bool probed;           /* the format was guessed, not given */
    void *user;            /* whoever holds it exclusively: a backend or a parent node */
    gint ref;
};

/* What open() gets: its part of the options ("file." keys for a child). */
typedef struct BlockOpen {
    BlockRegistry *reg;
    OptDict *opts;
    const char *prefix;    /* of this node's keys in opts: "", "file.", "file.file." */
    const char *filename;  /* NULL: from the key "filename", or none */
    unsigned depth;        /* in a chain of backing files */
} BlockOpen;

struct BlockDriver {
    const char *name;      /* "raw" */
    bool is_protocol;
    bool internal;         /* not to be named by the user */
    size_t state_size;
    /* Likelihood 0..100 that these first bytes of an image are of this format. */
    int (*probe)(const uint8_t *head, size_t len);
    /* Sets node->length; node->file is open if the driver is a format. */
    bool (*open)(BlockNode *node, const BlockOpen *open, Error **errp);
    void (*close)(BlockNode *node);
    /* BDRV_NO_WAIT: -EAGAIN, with any contents of the buffers, unless it can be done at once. */
    int (*preadv)(BlockNode *node, int64_t offset, const struct iovec *iov, int niov,
                  BlockWait wait);
    int (*pwritev)(BlockNode *node, int64_t offset, const struct iovec *iov, int niov);
    int (*flush)(BlockNode *node);                              /* NULL: nothing to do */
    int (*discard)(BlockNode *node, int64_t offset, int64_t len); /* NULL: ignored */
    int (*truncate)(BlockNode *node, int64_t length);           /* NULL: -ENOTSUP */
    /* Adds what it knows: allocated, cluster_size and so on. NULL: nothing. */
    void (*info)(const BlockNode *node, BlockNodeInfo *info);
};

/* Drivers register themselves: block_driver_init(file_driver) at file scope. */
void bdrv_register(const BlockDriver *drv);
#define block_driver_init(drv)                                                 \
    static void drv##_register(void)                                           \
    {                                                                          \
        bdrv_register(&drv);                                                   \
    }                                                                          \
    block_init(drv##_register)
/* NULL if there is none of this name. */
const BlockDriver *bdrv_find_driver(const char *name);
/* "raw, file, null-co": for messages. Caller frees. */
char *bdrv_driver_names(bool formats_only);
/* The format that the first bytes of an image speak for; at worst raw. */
const BlockDriver *bdrv_probe_format(const uint8_t *head, size_t len);
/* A well-known format that has no driver here, by its magic; NULL if none. */
const char *bdrv_probe_foreign(const uint8_t *head, size_t len);

/*
 * Opens a node with what is below it. format NULL: from the key "driver", or
 * by probing. The new node has one reference.
 */
BlockNode *bdrv_open(const BlockOpen *open, const char *format, BlockFlags flags, Error **errp);
/* A temporary copy-on-write node above base; takes over the caller's reference to base. */
BlockNode *bdrv_open_overlay(BlockNode *base, Error **errp);
BlockNode *bdrv_new(const BlockDriver *drv, const char *filename, BlockFlags flags);
BlockNode *bdrv_ref(BlockNode *node);
void bdrv_unref(BlockNode *node); /* NULL is allowed */
/* A named node of the registry, or NULL. */
/* A name for a node that the user did not name. */
char *block_registry_new_name(BlockRegistry *reg);
BlockNode *block_registry_find_node(BlockRegistry *reg, const char *name);

/* This node's option, with its prefix; NULL if not given. */
const char *bdrv_opt(const BlockOpen *open, const char *key);
bool bdrv_opt_bool(const BlockOpen *open, const char *key, bool *out, Error **errp);
bool bdrv_opt_size(const BlockOpen *open, const char *key, uint64_t *out, Error **errp);

/* I/O on a node, from any thread. It blocks, but for reads with BDRV_NO_WAIT. */
int bdrv_preadv(BlockNode *node, int64_t offset, const struct iovec *iov, int niov,
                BlockWait wait);
int bdrv_pwritev(BlockNode *node, int64_t offset, const struct iovec *iov, int niov);
int bdrv_pread(BlockNode *node, int64_t offset, void *buf, size_t len);
int bdrv_pwrite(BlockNode *node, int64_t offset, const void *buf, size_t len);
int bdrv_flush(BlockNode *node);
int bdrv_discard(BlockNode *node, int64_t offset, int64_t len);
int bdrv_truncate(BlockNode *node, int64_t length);

#endif
