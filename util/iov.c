/*
 * Scatter/gather vectors: see iov.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/iov.h"
#include <stdint.h>
#include <string.h>

int iov_slice(const struct iovec *iov, int niov, size_t offset, size_t len, struct iovec *out)
{
    int n = 0;

    for (int i = 0; i < niov && len; i++) {
        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        size_t part = MIN(iov[i].iov_len - offset, len);
        out[n++] = (struct iovec){ (uint8_t *)iov[i].iov_base + offset, part };
        len -= part;
        offset = 0;
    }
    return n;
}

typedef void PieceFn(void *piece, size_t len, size_t done, void *opaque);

static size_t for_each_piece(const struct iovec *iov, int niov, size_t offset, size_t len,
                             PieceFn *fn, void *opaque)
{
    size_t done = 0;

    for (int i = 0; i < niov && done < len; i++) {
        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        size_t part = MIN(iov[i].iov_len - offset, len - done);
        fn((uint8_t *)iov[i].iov_base + offset, part, done, opaque);
        done += part;
        offset = 0;
    }
    return done;
}

static void piece_to_buf(void *piece, size_t len, size_t done, void *opaque)
{
    memcpy((uint8_t *)opaque + done, piece, len);
}

static void piece_from_buf(void *piece, size_t len, size_t done, void *opaque)
{
    memcpy(piece, (const uint8_t *)opaque + done, len);
}

static void piece_set(void *piece, size_t len, size_t done, void *opaque)
{
    memset(piece, *(int *)opaque, len);
}

size_t iov_to_buf(const struct iovec *iov, int niov, size_t offset, void *buf, size_t len)
{
    return for_each_piece(iov, niov, offset, len, piece_to_buf, buf);
}

size_t iov_from_buf(const struct iovec *iov, int niov, size_t offset, const void *buf, size_t len)
{
    return for_each_piece(iov, niov, offset, len, piece_from_buf, (void *)buf);
}

size_t iov_memset(const struct iovec *iov, int niov, size_t offset, int byte, size_t len)
{
    return for_each_piece(iov, niov, offset, len, piece_set, &byte);
}
