/*
 * Socket addresses of character back ends: from options to sockaddr, and as text.
 * For chardev/ only.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CHARDEV_SOCK_ADDR_H
#define CHARDEV_SOCK_ADDR_H

#include <sys/socket.h>
#include "util/error.h"

typedef struct SockAddr {
    socklen_t len;
    union {
        struct sockaddr sa;
        struct sockaddr_storage storage;
    };
} SockAddr;

/* A path in the file system, or a name in the abstract space. */
bool sock_addr_unix(SockAddr *addr, const char *path, bool abstract, Error **errp);
/* Every address that host ("" is any) and port stand for; type is SOCK_STREAM or SOCK_DGRAM,
 * family AF_UNSPEC, AF_INET or AF_INET6. A GArray of SockAddr, or NULL. */
GArray *sock_addr_resolve(const char *host, const char *port, int type, int family, bool passive,
                          Error **errp);
/* "127.0.0.1:80", "[::1]:80" or a path; caller frees. */
char *sock_addr_text(const SockAddr *addr);
/* The address that a socket has, or its peer's. */
char *sock_local_text(int fd);
char *sock_peer_text(int fd);

#endif
