/*
 * qcow2: reference counts of host clusters. See qcow2-int.h.
 *
 * The reference table points to blocks of one cluster; a block holds the
 * counts of as many clusters as fit. Where there is no block, all counts are 0.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "block/qcow2-int.h"
#include <errno.h>
#include <string.h>

enum { MAX_REFTABLE_BYTES = 8 << 20, HEADER_REFTABLE = 48 };
#define REFTABLE_OFFSET_MASK UINT64_C(0xfffffffffffffe00)

static uint64_t counts_per_block(const Qcow2State *s)
{
    return (uint64_t)s->cluster_size * 8 >> s->refcount_order;
}

bool qcow2_refcount_open(BlockNode *node, uint64_t offset, uint32_t clusters, Error **errp)
{
    Qcow2State *s = node->state;

    if (!clusters || clusters > (uint64_t)MAX_REFTABLE_BYTES >> s->cluster_bits || !offset
        || offset % s->cluster_size) {
        error_setg(errp, "its reference count table is not valid");
        return false;
    }
    s->reftable_offset = offset;
    s->reftable_size = (uint64_t)clusters * s->cluster_size / 8;
    s->reftable = g_new(uint64_t, s->reftable_size);
    s->refblock = g_malloc(s->cluster_size);
    int ret = qcow2_read_be64(node, offset, s->reftable, s->reftable_size);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "its reference count table cannot be read");
    }
    return ret == 0;
}

void qcow2_refcount_close(BlockNode *node)
{
    Qcow2State *s = node->state;

    g_clear_pointer(&s->reftable, g_free);
    g_clear_pointer(&s->refblock, g_free);
}

/* --- one count in the block at hand --------------------------------------- */

static uint64_t get_count(const Qcow2State *s, uint64_t index)
{
    unsigned bits = 1u << s->refcount_order;
    uint64_t val = 0;

    if (bits < 8) {
        unsigned shift = index * bits % 8;
        return s->refblock[index * bits / 8] >> shift & ((1u << bits) - 1);
    }
    for (unsigned i = 0; i < bits / 8; i++) {
        val = val << 8 | s->refblock[index * (bits / 8) + i];
    }
    return val;
}

static void put_count(Qcow2State *s, uint64_t index, uint64_t val)
{
    unsigned bits = 1u << s->refcount_order;

    if (bits < 8) {
        unsigned shift = index * bits % 8;
        uint8_t *byte = &s->refblock[index * bits / 8];
        *byte = (*byte & ~(((1u << bits) - 1) << shift)) | val << shift;
        return;
    }
    for (unsigned i = bits / 8; i-- > 0; val >>= 8) {
        s->refblock[index * (bits / 8) + i] = val;
    }
}

/* Writes the bytes of the block that hold the count. */
static int store_count(BlockNode *node, uint64_t index, uint64_t val)
{
    Qcow2State *s = node->state;
    unsigned bits = 1u << s->refcount_order;
    uint64_t at = index * bits / 8;

    put_count(s, index, val);
    return bdrv_pwrite(node->file, s->refblock_offset + at, s->refblock + at, MAX(bits / 8, 1));
}

/* Brings the block of a cluster into refblock; -ENOENT if there is none. */
static int load_block(BlockNode *node, uint64_t cluster)
{
    Qcow2State *s = node->state;
    uint64_t i = cluster / counts_per_block(s);
    uint64_t offset = i < s->reftable_size ? s->reftable[i] & REFTABLE_OFFSET_MASK : 0;

    if (!offset) {
        return -ENOENT;
    }
    if (offset % s->cluster_size) {
        return -EIO;
    }
    if (offset == s->refblock_offset) {
        return 0;
    }
    s->refblock_offset = 0;
    int ret = bdrv_pread(node->file, offset, s->refblock, s->cluster_size);
    if (ret == 0) {
        s->refblock_offset = offset;
    }
    return ret;
}

/* --- growth --------------------------------------------------------------- */

/* A block that begins by counting itself and, behind it, extra clusters. */
static int write_new_block(BlockNode *node, uint64_t cluster, uint64_t extra)
{
    Qcow2State *s = node->state;
    uint64_t first = cluster % counts_per_block(s);

    memset(s->refblock, 0, s->cluster_size);
    for (uint64_t i = 0; i <= extra; i++) {
        put_count(s, first + i, 1);
    }
    s->refblock_offset = cluster << s->cluster_bits;
    return bdrv_pwrite(node->file, s->refblock_offset, s->refblock, s->cluster_size);
}

static int add_block(BlockNode *node, uint64_t cluster)
{
    Qcow2State *s = node->state;
    uint64_t i = cluster / counts_per_block(s);
    int ret = write_new_block(node, cluster, 0);

    if (ret == 0) {
        ret = bdrv_flush(node->file);
    }
    if (ret == 0) {
        s->reftable[i] = s->refblock_offset;
        ret = qcow2_write_be64(node, s->reftable_offset + 8 * i, &s->reftable[i], 1);
    }
    return ret;
}

static int switch_table(BlockNode *node, uint64_t *table, uint64_t offset, uint64_t entries)
{
    Qcow2State *s = node->state;
    uint64_t old = s->reftable_offset >> s->cluster_bits;
    uint64_t old_clusters = s->reftable_size * 8 >> s->cluster_bits;
    uint64_t header_offset = GUINT64_TO_BE(offset);
    uint32_t header_clusters = GUINT32_TO_BE(entries * 8 >> s->cluster_bits);
    uint8_t header[12];
    int ret;

    memcpy(header, &header_offset, 8);
    memcpy(header + 8, &header_clusters, 4);
    ret = bdrv_pwrite(node->file, HEADER_REFTABLE, header, sizeof(header));
    if (ret < 0) {
        g_free(table);
        return ret;
    }
    g_free(s->reftable);
    s->reftable = table;
    s->reftable_offset = offset;
    s->reftable_size = entries;
    ret = bdrv_flush(node->file);
    return ret < 0 ? ret : qcow2_unref_clusters(node, old, old_clusters);
}

/* The table is full: one twice as large, behind the first block that needs it. */
static int grow_table(BlockNode *node, uint64_t cluster)
{
    Qcow2State *s = node->state;
    uint64_t entries = s->reftable_size * 2, clusters = entries * 8 >> s->cluster_bits;
    uint64_t offset = (cluster + 1) << s->cluster_bits;

    if (entries * 8 > (uint64_t)MAX_REFTABLE_BYTES
        || cluster % counts_per_block(s) + clusters >= counts_per_block(s)) {
        return -EFBIG;
    }
    uint64_t *table = g_new0(uint64_t, entries);
    memcpy(table, s->reftable, s->reftable_size * 8);
    table[cluster / counts_per_block(s)] = cluster << s->cluster_bits;
    int ret = write_new_block(node, cluster, clusters);
    if (ret == 0) {
        ret = qcow2_write_be64(node, offset, table, entries);
    }
    if (ret == 0) {
        ret = bdrv_flush(node->file);
    }
    if (ret < 0) {
        g_free(table);
        return ret;
    }
    return switch_table(node, table, offset, entries);
}

/* --- allocation ----------------------------------------------------------- */

int qcow2_alloc_cluster(BlockNode *node, uint64_t *host)
{
    Qcow2State *s = node->state;

    for (uint64_t cluster = s->free_hint;; cluster++) {
        int ret = load_block(node, cluster);
        if (ret == -ENOENT) {
            bool fits = cluster / counts_per_block(s) < s->reftable_size;
            ret = fits ? add_block(node, cluster) : grow_table(node, cluster);
            if (ret == 0) {
                ret = load_block(node, cluster);
            }
        }
        if (ret < 0) {
            return ret;
        }
        if (get_count(s, cluster % counts_per_block(s)) == 0) {
            s->free_hint = cluster + 1;
            *host = cluster << s->cluster_bits;
            return store_count(node, cluster % counts_per_block(s), 1);
        }
    }
}

int qcow2_unref_clusters(BlockNode *node, uint64_t cluster, uint64_t count)
{
    Qcow2State *s = node->state;
    int ret = 0;

    for (; count && ret == 0; cluster++, count--) {
        uint64_t index = cluster % counts_per_block(s);
        ret = load_block(node, cluster);
        uint64_t refs = ret == 0 ? get_count(s, index) : 0;
        if (!refs) { /* the image contradicts itself: better leak than free twice */
            return ret == -ENOENT ? 0 : ret;
        }
        ret = store_count(node, index, refs - 1);
        if (refs == 1) {
            s->free_hint = MIN(s->free_hint, cluster);
        }
    }
    return ret;
}
