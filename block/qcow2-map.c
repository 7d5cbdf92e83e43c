/*
 * qcow2: the tables that map guest clusters. See qcow2-int.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "block/qcow2-int.h"
#include <errno.h>
#include <string.h>

enum { L2_CACHE_BYTES = 32 << 20, L2_CACHE_MIN = 16 };

int qcow2_read_be64(BlockNode *node, uint64_t offset, uint64_t *out, size_t n)
{
    int ret = bdrv_pread(node->file, offset, out, n * sizeof(*out));

    for (size_t i = 0; i < n; i++) {
        out[i] = GUINT64_FROM_BE(out[i]);
    }
    return ret;
}

int qcow2_write_be64(BlockNode *node, uint64_t offset, const uint64_t *in, size_t n)
{
    g_autofree uint64_t *buf = g_new(uint64_t, n);

    for (size_t i = 0; i < n; i++) {
        buf[i] = GUINT64_TO_BE(in[i]);
    }
    return bdrv_pwrite(node->file, offset, buf, n * sizeof(*buf));
}

bool qcow2_map_open(BlockNode *node, Error **errp)
{
    Qcow2State *s = node->state;

    s->l2 = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
    s->l2_max = MAX(L2_CACHE_BYTES >> s->cluster_bits, L2_CACHE_MIN);
    s->to_free = g_array_new(FALSE, FALSE, sizeof(Qcow2Free));
    s->l1 = g_new0(uint64_t, s->l1_size + 1);
    int ret = qcow2_read_be64(node, s->l1_offset, s->l1, s->l1_size);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "its L1 table cannot be read");
    }
    return ret == 0;
}

void qcow2_map_close(BlockNode *node)
{
    Qcow2State *s = node->state;

    g_clear_pointer(&s->l2, g_hash_table_unref);
    g_clear_pointer(&s->to_free, g_array_unref);
    g_clear_pointer(&s->l1, g_free);
}

/* --- flush ---------------------------------------------------------------- */

static int write_l2_tables(BlockNode *node)
{
    Qcow2State *s = node->state;
    GHashTableIter iter;
    gpointer value;
    int ret = 0;

    g_hash_table_iter_init(&iter, s->l2);
    while (ret == 0 && g_hash_table_iter_next(&iter, NULL, &value)) {
        Qcow2L2 *table = value;
        if (table->dirty) {
            ret = qcow2_write_be64(node, table->offset, table->entries, 1u << s->l2_bits);
            table->dirty = ret < 0;
        }
    }
    return ret;
}

static bool any_dirty(const Qcow2State *s)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, s->l2);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (((Qcow2L2 *)value)->dirty) {
            return true;
        }
    }
    return s->l1_dirty || s->to_free->len;
}

static int write_l1(BlockNode *node)
{
    Qcow2State *s = node->state;

    if (!s->l1_dirty) {
        return 0;
    }
    int ret = bdrv_flush(node->file);
    if (ret == 0) {
        ret = qcow2_write_be64(node, s->l1_offset, s->l1, s->l1_size);
    }
    s->l1_dirty = ret < 0;
    return ret;
}

static int free_unreferenced(BlockNode *node)
{
    Qcow2State *s = node->state;
    int ret = s->to_free->len ? bdrv_flush(node->file) : 0;

    while (ret == 0 && s->to_free->len) {
        Qcow2Free f = g_array_index(s->to_free, Qcow2Free, s->to_free->len - 1);
        g_array_set_size(s->to_free, s->to_free->len - 1);
        ret = qcow2_unref_clusters(node, f.cluster, f.count);
    }
    return ret;
}

int qcow2_flush_tables(BlockNode *node)
{
    if (!any_dirty(node->state)) {
        return 0;
    }
    int ret = bdrv_flush(node->file); /* data and counts before what points to them */
    if (ret == 0) {
        ret = write_l2_tables(node);
    }
    if (ret == 0) {
        ret = write_l1(node);
    }
    return ret == 0 ? free_unreferenced(node) : ret;
}

/* --- L2 tables ------------------------------------------------------------ */

static Qcow2L2 *new_l2(const Qcow2State *s, uint64_t offset)
{
    Qcow2L2 *table = g_malloc0(sizeof(*table) + s->cluster_size);
    table->offset = offset;
    return table;
}

/* Makes room; what is dropped is in the image. */
static int keep_l2(BlockNode *node, uint64_t index, Qcow2L2 *table)
{
    Qcow2State *s = node->state;

    if (g_hash_table_size(s->l2) >= s->l2_max) {
        int ret = qcow2_flush_tables(node);
        if (ret < 0) {
            g_free(table);
            return ret;
        }
        g_hash_table_remove_all(s->l2);
    }
    g_hash_table_insert(s->l2, GSIZE_TO_POINTER(index), table);
    return 0;
}

/* *table is NULL if the L1 entry is empty. */
static int load_l2(BlockNode *node, uint64_t index, Qcow2L2 **table)
{
    Qcow2State *s = node->state;
    uint64_t offset = s->l1[index] & QCOW2_OFFSET_MASK;

    *table = g_hash_table_lookup(s->l2, GSIZE_TO_POINTER(index));
    if (*table || !offset) {
        return 0;
    }
    if (offset % s->cluster_size) {
        return -EIO;
    }
    Qcow2L2 *loaded = new_l2(s, offset);
    int ret = qcow2_read_be64(node, offset, loaded->entries, 1u << s->l2_bits);
    if (ret < 0) {
        g_free(loaded);
        return ret;
    }
    *table = loaded;
    return keep_l2(node, index, loaded);
}

static void give_up(Qcow2State *s, uint64_t offset, uint64_t bytes)
{
    uint64_t first = offset >> s->cluster_bits, last = (offset + bytes - 1) >> s->cluster_bits;
    Qcow2Free f = { first, last - first + 1 };

    g_array_append_val(s->to_free, f);
}

/* A table of this image alone: new, or a copy of one shared with a snapshot. */
static int own_l2(BlockNode *node, uint64_t index, Qcow2L2 **out)
{
    Qcow2State *s = node->state;
    uint64_t old = s->l1[index] & QCOW2_OFFSET_MASK, offset;
    int ret = load_l2(node, index, out);

    if (ret < 0 || (*out && (s->l1[index] & QCOW2_COPIED))) {
        return ret;
    }
    ret = qcow2_alloc_cluster(node, &offset);
    if (ret < 0) {
        return ret;
    }
    Qcow2L2 *table = new_l2(s, offset);
    if (*out) {
        memcpy(table->entries, (*out)->entries, s->cluster_size);
    }
    g_hash_table_remove(s->l2, GSIZE_TO_POINTER(index));
    ret = keep_l2(node, index, table);
    if (ret < 0) {
        return ret;
    }
    table->dirty = true;
    s->l1[index] = offset | QCOW2_COPIED;
    s->l1_dirty = true;
    if (old) {
        give_up(s, old, s->cluster_size);
    }
    *out = table;
    return 0;
}

static uint64_t l1_index(const Qcow2State *s, uint64_t offset)
{
    return offset >> (s->l2_bits + s->cluster_bits);
}

static uint64_t l2_index(const Qcow2State *s, uint64_t offset)
{
    return offset >> s->cluster_bits & ((1u << s->l2_bits) - 1);
}

int qcow2_get_entry(BlockNode *node, uint64_t offset, uint64_t *entry)
{
    Qcow2State *s = node->state;
    Qcow2L2 *table;
    int ret = load_l2(node, l1_index(s, offset), &table);

    *entry = ret == 0 && table ? table->entries[l2_index(s, offset)] : 0;
    return ret;
}

bool qcow2_entries_loaded(BlockNode *node, uint64_t offset, uint64_t len)
{
    Qcow2State *s = node->state;
    bool loaded = true;

    for (uint64_t i = l1_index(s, offset); loaded && i <= l1_index(s, offset + len - 1); i++) {
        loaded = !(s->l1[i] & QCOW2_OFFSET_MASK) || g_hash_table_contains(s->l2,
                                                                       GSIZE_TO_POINTER(i));
    }
    return loaded;
}

static void give_up_entry(Qcow2State *s, uint64_t entry)
{
    unsigned shift = 62 - (s->cluster_bits - 8);

    if (entry & QCOW2_COMPRESSED) {
        uint64_t at = entry & ((UINT64_C(1) << shift) - 1);
        uint64_t sectors = (entry >> shift & ((1u << (s->cluster_bits - 8)) - 1)) + 1;
        give_up(s, at, sectors * 512 - at % 512);
    } else if (entry & QCOW2_OFFSET_MASK) {
        give_up(s, entry & QCOW2_OFFSET_MASK, s->cluster_size);
    }
}

int qcow2_set_entry(BlockNode *node, uint64_t offset, uint64_t host)
{
    Qcow2State *s = node->state;
    Qcow2L2 *table;
    int ret = own_l2(node, l1_index(s, offset), &table);

    if (ret < 0) {
        return ret;
    }
    uint64_t *entry = &table->entries[l2_index(s, offset)];
    if ((*entry & QCOW2_OFFSET_MASK) != host || (*entry & QCOW2_COMPRESSED)) {
        give_up_entry(s, *entry);
    }
    *entry = host | QCOW2_COPIED;
    table->dirty = true;
    return 0;
}
