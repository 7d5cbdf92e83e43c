/*
 * qcow2: compressed clusters. See qcow2-int.h.
 *
 * A guest reads a cluster in many pieces, and unpacking it takes much longer than reading one: the
 * clusters unpacked last are kept. They cannot get old: nothing here writes compressed clusters.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "block/qcow2-int.h"
#include <errno.h>
#include <zlib.h>
#include "util/iov.h"

void qcow2_compressed_open(BlockNode *node)
{
    Qcow2State *s = node->state;

    g_mutex_init(&s->unpacked_lock);
}

void qcow2_compressed_close(BlockNode *node)
{
    Qcow2State *s = node->state;

    for (unsigned i = 0; i < QCOW2_UNPACKED; i++) {
        g_clear_pointer(&s->unpacked[i].data, g_free);
    }
    g_mutex_clear(&s->unpacked_lock);
}

static int inflate_cluster(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
    z_stream z = { .next_in = (uint8_t *)in, .avail_in = in_len, .next_out = out,
                   .avail_out = out_len };

    if (inflateInit2(&z, -12) != Z_OK) {
        return -EIO;
    }
    int ret = inflate(&z, Z_FINISH);
    bool whole = z.avail_out == 0 && (ret == Z_STREAM_END || ret == Z_BUF_ERROR);
    inflateEnd(&z);
    return whole ? 0 : -EIO;
}

/* A compressed entry: offset below bit x = 62 - (cluster_bits - 8), above it the number of
 * further 512-byte sectors. */
static int unpack(BlockNode *node, uint64_t entry, uint8_t *cluster)
{
    Qcow2State *s = node->state;
    unsigned shift = 62 - (s->cluster_bits - 8);
    uint64_t at = entry & ((UINT64_C(1) << shift) - 1);
    size_t len = ((entry >> shift & ((1u << (s->cluster_bits - 8)) - 1)) + 1) * 512 - at % 512;
    g_autofree uint8_t *in = g_malloc(len);
    int ret = bdrv_pread(node->file, at, in, len);

    return ret < 0 ? ret : inflate_cluster(in, len, cluster, s->cluster_size);
}

/* Copies from a cluster that is kept; false if it is not. */
static bool read_kept(Qcow2State *s, uint64_t entry, uint32_t in_cluster, const struct iovec *iov,
                      int niov)
{
    bool found = false;

    g_mutex_lock(&s->unpacked_lock);
    for (unsigned i = 0; i < QCOW2_UNPACKED && !found; i++) {
        const Qcow2Unpacked *kept = &s->unpacked[i];
        found = kept->data && kept->entry == entry;
        if (found) {
            iov_from_buf(iov, niov, 0, kept->data + in_cluster, iov_size(iov, niov));
        }
    }
    g_mutex_unlock(&s->unpacked_lock);
    return found;
}

/* Takes over data. */
static void keep(Qcow2State *s, uint64_t entry, uint8_t *data)
{
    g_mutex_lock(&s->unpacked_lock);
    Qcow2Unpacked *place = &s->unpacked[s->unpacked_next++ % QCOW2_UNPACKED];
    g_free(place->data);
    *place = (Qcow2Unpacked){ entry, data };
    g_mutex_unlock(&s->unpacked_lock);
}

int qcow2_read_compressed(BlockNode *node, uint64_t entry, uint32_t in_cluster,
                          const struct iovec *iov, int niov, BlockWait wait)
{
    Qcow2State *s = node->state;

    if (read_kept(s, entry, in_cluster, iov, niov)) {
        return 0;
    }
    if (wait == BDRV_NO_WAIT) {
        return -EAGAIN; /* too much work for a vCPU */
    }
    g_autofree uint8_t *cluster = g_malloc(s->cluster_size);
    int ret = unpack(node, entry, cluster);
    if (ret == 0) {
        iov_from_buf(iov, niov, 0, cluster + in_cluster, iov_size(iov, niov));
        keep(s, entry, g_steal_pointer(&cluster));
    }
    return ret;
}
