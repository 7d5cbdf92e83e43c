/*
 * Scatter/gather vectors: the few operations that the block layer, the
 * network and devices share.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_IOV_H
#define UTIL_IOV_H

#include <glib.h>
#include <stddef.h>
#include <sys/uio.h>

static inline size_t iov_size(const struct iovec *iov, int niov)
{
    size_t len = 0;
    for (int i = 0; i < niov; i++) {
        len += iov[i].iov_len;
    }
    return len;
}

/* Copies up to len bytes at offset of the vector to or from buf; returns how many fitted. */
size_t iov_to_buf(const struct iovec *iov, int niov, size_t offset, void *buf, size_t len);
size_t iov_from_buf(const struct iovec *iov, int niov, size_t offset, const void *buf, size_t len);
size_t iov_memset(const struct iovec *iov, int niov, size_t offset, int byte, size_t len);
/* Describes bytes [offset, offset+len) of the vector in out, which has room for niov
 * elements; returns the number used. */
int iov_slice(const struct iovec *iov, int niov, size_t offset, size_t len, struct iovec *out);

#endif
