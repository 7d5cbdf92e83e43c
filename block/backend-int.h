/*
 * Inside the block layer: backends and the registry that owns them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_BACKEND_INT_H
#define BLOCK_BACKEND_INT_H

#include "block/block-int.h"
#include "util/main-loop.h"

struct BlockBackend {
    BlockRegistry *reg;
    char *name;            /* drive id; "" for a backend made for a named node */
    BlockNode *root;       /* NULL: no medium */
    BlockFlags flags;      /* for the next medium */
    bool read_only;        /* the drive's own property while it is empty */
    bool writethrough;
    bool ignore_read_errors, ignore_write_errors;
    void *dev;
    const BlockDevOps *dev_ops;
    BlockStats stats;      /* with the big lock */

    GMutex lock;           /* the rest */
    GCond cond;            /* signalled for each finished request */
    GQueue completed;      /* of BlockRequest */
    unsigned in_flight;    /* submitted and not yet handed to finish_request() */
    BH *bh;                /* blk_run_completions() */
};

BlockBackend *blk_new(BlockRegistry *reg, const char *name);
/* Drains and flushes. */
void blk_free(BlockBackend *blk);
/* Takes over the reference; NULL removes the medium. */
void blk_set_root(BlockBackend *blk, BlockNode *root);
void blk_run_completions(void *opaque);
/* The pool's function, for a BlockRequest. */
void blk_run_on_worker(void *opaque, void *unused);
/* The media and the named nodes, some perhaps twice. */
GPtrArray *block_registry_roots(BlockRegistry *reg);
void block_report_error(BlockBackend *blk, bool is_read, int error, bool ignored);
void block_registry_push(BlockRegistry *reg, BlockRequest *req);

#endif
