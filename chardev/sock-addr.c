/*
 * Socket addresses: see sock-addr.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "chardev/sock-addr.h"
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

bool sock_addr_unix(SockAddr *addr, const char *path, bool abstract, Error **errp)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&addr->storage;
    size_t len = strlen(path);

    *addr = (SockAddr){ 0 };
    if (!len || len >= sizeof(un->sun_path) - 1) {
        error_setg(errp, "path=%s: a socket path has 1 to %zu characters", path,
                   sizeof(un->sun_path) - 2);
        return false;
    }
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path + abstract, path, len);
    addr->len = offsetof(struct sockaddr_un, sun_path) + len + 1;
    return true;
}

GArray *sock_addr_resolve(const char *host, const char *port, int type, int family, bool passive,
                          Error **errp)
{
    struct addrinfo hints = { .ai_flags = passive ? AI_PASSIVE : AI_ADDRCONFIG,
                              .ai_family = family, .ai_socktype = type };
    struct addrinfo *list;
    GArray *addrs;
    int err = getaddrinfo(*host ? host : NULL, port, &hints, &list);

    if (err) {
        error_setg(errp, "host=%s,port=%s: %s", host, port, gai_strerror(err));
        return NULL;
    }
    addrs = g_array_new(FALSE, TRUE, sizeof(SockAddr));
    for (struct addrinfo *ai = list; ai; ai = ai->ai_next) {
        SockAddr addr = { .len = ai->ai_addrlen };
        memcpy(&addr.storage, ai->ai_addr, ai->ai_addrlen);
        g_array_append_val(addrs, addr);
    }
    freeaddrinfo(list);
    return addrs;
}

static char *unix_text(const SockAddr *addr)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&addr->storage;
    size_t len = addr->len - offsetof(struct sockaddr_un, sun_path);

    if (addr->len <= offsetof(struct sockaddr_un, sun_path)) {
        return g_strdup(""); /* the client's end has no name */
    }
    return un->sun_path[0] ? g_strndup(un->sun_path, len) : g_strndup(un->sun_path + 1, len - 1);
}

char *sock_addr_text(const SockAddr *addr)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (addr->sa.sa_family == AF_UNIX) {
        return unix_text(addr);
    }
    if (getnameinfo(&addr->sa, addr->len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV)) {
        return g_strdup("unknown");
    }
    return g_strdup_printf(addr->sa.sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

char *sock_local_text(int fd)
{
    SockAddr addr = { .len = sizeof(addr.storage) };
    return getsockname(fd, &addr.sa, &addr.len) == 0 ? sock_addr_text(&addr) : g_strdup("unknown");
}

char *sock_peer_text(int fd)
{
    SockAddr addr = { .len = sizeof(addr.storage) };
    return getpeername(fd, &addr.sa, &addr.len) == 0 ? sock_addr_text(&addr) : g_strdup("unknown");
}
