/*
 * Inside the qcow2 driver: image layout, mapping (qcow2-map.c), compressed
 * clusters (qcow2-compressed.c) and reference counts (qcow2-refcount.c). The format is described in QEMU's
 * docs/interop/qcow2.txt.
 *
 * All numbers in the image are big-endian. Guest offsets go through two
 * levels of tables:
 *
 *      63          l1            l2         cluster_bits   0
 *     |  L1 index   |  L2 index   |   offset in cluster     |
 *
 *     L1 entry  63 COPIED | 55..9 offset of the L2 table
 *     L2 entry  63 COPIED | 62 compressed | 55..9 offset of the cluster | 0 reads as zeros
 *
 * COPIED says that the reference count is 1: the target may be written in
 * place.
 *
 * Order of writes. Data and raised reference counts go out at once; L2 and L1
 * entries stay in memory until a flush, which writes them after a flush of
 * what they point to; counts fall only after that. So a crash at any moment
 * loses what was not flushed and at worst leaks clusters.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_QCOW2_INT_H
#define BLOCK_QCOW2_INT_H

#include "block/block-int.h"

#define QCOW2_OFFSET_MASK UINT64_C(0x00fffffffffffe00)
#define QCOW2_COPIED (UINT64_C(1) << 63)
#define QCOW2_COMPRESSED (UINT64_C(1) << 62)
#define QCOW2_ZERO UINT64_C(1)

/* Incompatible features, version 3 */
enum { QCOW2_DIRTY = 1, QCOW2_CORRUPT = 2 };

typedef struct Qcow2L2 {
    uint64_t offset;      /* of the table in the image */
    bool dirty;
    uint64_t entries[];   /* host order */
} Qcow2L2;

/* A reference to give up once nothing on disk holds it. */
typedef struct Qcow2Free {
    uint64_t cluster, count;
} Qcow2Free;

/* A compressed cluster's contents. */
typedef struct Qcow2Unpacked {
    uint64_t entry; /* of the L2 table */
    uint8_t *data;  /* NULL: none */
} Qcow2Unpacked;

enum { QCOW2_UNPACKED = 4 }; /* more than files and tables that are read at the same time */

typedef struct Qcow2State {
    GMutex lock;          /* for all of this but the end, and the metadata; not for data of
                           * mapped clusters */
    unsigned version, cluster_bits, refcount_order;
    uint32_t cluster_size;
    bool lazy_refcounts;  /* as the header says; the tables are kept right all the same */
    unsigned l2_bits;     /* entries of an L2 table */

    uint64_t *l1;         /* host order */
    uint32_t l1_size;
    uint64_t l1_offset;
    bool l1_dirty;
    GHashTable *l2;       /* L1 index -> Qcow2L2 */
    unsigned l2_max;      /* tables kept in memory */

    uint64_t *reftable;   /* host order */
    uint64_t reftable_offset, reftable_size; /* entries */
    uint8_t *refblock;    /* the reference block used last, as in the image */
    uint64_t refblock_offset; /* 0: none */
    uint64_t free_hint;   /* no free cluster below */
    GArray *to_free;      /* Qcow2Free */

    GMutex unpacked_lock; /* for the rest */
    Qcow2Unpacked unpacked[QCOW2_UNPACKED];
    unsigned unpacked_next;
} Qcow2State;

/* --- qcow2-map.c ---------------------------------------------------------- */

bool qcow2_map_open(BlockNode *node, Error **errp);
void qcow2_map_close(BlockNode *node);
/* The L2 entry of a guest offset, 0 if there is none; a negative errno. */
int qcow2_get_entry(BlockNode *node, uint64_t offset, uint64_t *entry);
/* With the lock: whether the entries of this range can be had without reading the image. */
bool qcow2_entries_loaded(BlockNode *node, uint64_t offset, uint64_t len);
/* Points a guest cluster at a new host cluster, and gives the old one up. */
int qcow2_set_entry(BlockNode *node, uint64_t offset, uint64_t host);
/* Writes what is pending, in order; with the lock. */
int qcow2_flush_tables(BlockNode *node);

/* --- qcow2-compressed.c --------------------------------------------------- */

void qcow2_compressed_open(BlockNode *node);
void qcow2_compressed_close(BlockNode *node);
/* Reads from in_cluster on what fits the vector, all inside the cluster of a compressed entry. With
 * BDRV_NO_WAIT only if it was unpacked lately. With or without the lock. */
int qcow2_read_compressed(BlockNode *node, uint64_t entry, uint32_t in_cluster,
                          const struct iovec *iov, int niov, BlockWait wait);

/* --- qcow2-refcount.c ----------------------------------------------------- */

bool qcow2_refcount_open(BlockNode *node, uint64_t offset, uint32_t clusters, Error **errp);
void qcow2_refcount_close(BlockNode *node);
/* One free cluster, its count raised to 1; *host is its offset. */
int qcow2_alloc_cluster(BlockNode *node, uint64_t *host);
/* Lowers the count of clusters that nothing on disk refers to any more. */
int qcow2_unref_clusters(BlockNode *node, uint64_t cluster, uint64_t count);

/* Reads n numbers of the image into host order. */
int qcow2_read_be64(BlockNode *node, uint64_t offset, uint64_t *out, size_t n);
int qcow2_write_be64(BlockNode *node, uint64_t offset, const uint64_t *in, size_t n);

#endif
