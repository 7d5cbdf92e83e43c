/*
 * Where a VNC server listens, and the addresses that QMP tells of. See vnc.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "ui/vnc.h"

enum { BACKLOG = 16 };

/* host, service and family of an address, as VncBasicInfo has them. */
static json_object *address_info(const struct sockaddr *addr, socklen_t len, bool websocket)
{
    json_object *info = json_object_new_object();
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
    const char *family = addr->sa_family == AF_INET6 ? "ipv6"
                       : addr->sa_family == AF_UNIX ? "unix" : "ipv4";

    if (addr->sa_family == AF_UNIX) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)addr;
        g_strlcpy(service, len > offsetof(struct sockaddr_un, sun_path) ? un->sun_path : "",
                  sizeof(service));
    } else {
        getnameinfo(addr, len, host, sizeof(host), service, sizeof(service),
                    NI_NUMERICHOST | NI_NUMERICSERV);
    }
    json_add_str(info, "host", host);
    json_add_str(info, "service", service);
    json_add_str(info, "family", family);
    json_add_bool(info, "websocket", websocket);
    return info;
}

static gboolean accept_client(gint fd, GIOCondition condition, gpointer opaque)
{
    VncSocket *sock = opaque;
    struct sockaddr_storage peer = { 0 };
    socklen_t len = sizeof(peer);
    int client = accept4(fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);

    if (client >= 0) {
        vnc_client_new(sock->vnc, client,
                       address_info((struct sockaddr *)&peer, len, sock->websocket));
    }
    return G_SOURCE_CONTINUE;
}

static void add_socket(VncServer *vnc, int fd, bool websocket)
{
    VncSocket *sock = g_new0(VncSocket, 1);
    struct sockaddr_storage addr = { 0 };
    socklen_t len = sizeof(addr);

    listen(fd, BACKLOG);
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    getsockname(fd, (struct sockaddr *)&addr, &len);
    *sock = (VncSocket){ vnc, fd, g_unix_fd_add(fd, G_IO_IN, accept_client, sock), websocket,
                         address_info((struct sockaddr *)&addr, len, websocket) };
    g_ptr_array_add(vnc->sockets, sock);
}

void vnc_socket_free(gpointer opaque)
{
    VncSocket *sock = opaque;
    const char *path = json_member_str(sock->address, "service");

    g_source_remove(sock->watch);
    close(sock->fd);
    if (g_str_equal(json_member_str(sock->address, "family"), "unix")) {
        unlink(path);
    }
    json_object_put(sock->address);
    g_free(sock);
}

static bool listen_unix(VncServer *vnc, const char *path, Error **errp)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path)) >= sizeof(addr.sun_path)) {
        error_setg(errp, "-vnc unix:%s: the path is too long for a socket", path);
    } else if (unlink(path) && errno != ENOENT) {
        error_setg_errno(errp, errno, "-vnc unix:%s", path);
    } else if (bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
        error_setg_errno(errp, errno, "-vnc unix:%s", path);
    } else {
        add_socket(vnc, fd, false);
        return true;
    }
    close(fd);
    return false;
}

/* Binds every address of host; -1 with errno set if one is taken. */
static int bind_all(VncServer *vnc, const struct addrinfo *list, bool websocket)
{
    guint before = vnc->sockets->len;
    int one = 1;

    for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
        int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            continue; /* no IPv6 on this host */
        }
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (ai->ai_family == AF_INET6) {
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
        }
        if (bind(fd, ai->ai_addr, ai->ai_addrlen)) {
            int saved = errno;
            close(fd);
            g_ptr_array_set_size(vnc->sockets, (gint)before);
            errno = saved;
            return -1;
        }
        add_socket(vnc, fd, websocket);
    }
    return vnc->sockets->len > before ? 0 : -1;
}

int vnc_listen_tcp(VncServer *vnc, const char *host, unsigned first, unsigned last, bool websocket,
                   Error **errp)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *list;

    for (unsigned port = first; port <= last; port++) {
        g_autofree char *service = g_strdup_printf("%u", port);
        int err = getaddrinfo(*host ? host : NULL, service, &hints, &list);
        if (err) {
            error_setg(errp, "-vnc: cannot find the address of '%s': %s", host, gai_strerror(err));
            return -1;
        }
        int failed = bind_all(vnc, list, websocket);
        freeaddrinfo(list);
        if (!failed) {
            return (int)port;
        }
    }
    error_setg_errno(errp, errno, "-vnc: cannot listen on port %u%s", first,
                     last > first ? " or those after it" : "");
    return -1;
}

bool vnc_listen(VncServer *vnc, const char *where, unsigned to, int *display, Error **errp)
{
    const char *colon = strrchr(where, ':');
    uint64_t number;

    *display = -1;
    if (g_str_has_prefix(where, "unix:")) {
        return listen_unix(vnc, where + strlen("unix:"), errp);
    }
    if (!colon || !parse_u64("-vnc", colon + 1, &number, NULL) ||
        number + VNC_PORT_BASE > UINT16_MAX) {
        error_setg(errp, "-vnc %s: write HOST:D, :D for port %d+D, or unix:PATH", where,
                   VNC_PORT_BASE);
        return false;
    }
    g_autofree char *host = g_strndup(where, colon - where);
    if (host[0] == '[' && g_str_has_suffix(host, "]")) {
        memmove(host, host + 1, strlen(host)); /* [::1] */
        host[strlen(host) - 1] = 0;
    }
    unsigned first = (unsigned)number + VNC_PORT_BASE, last = MAX(first, to + VNC_PORT_BASE);
    int port = vnc_listen_tcp(vnc, host, first, to ? MIN(last, UINT16_MAX) : first, false, errp);
    *display = port - VNC_PORT_BASE;
    return port >= 0;
}
