/*
 * "udp": each write is a datagram to the peer; what comes in is a stream.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>
#include "chardev/char-int.h"
#include "chardev/sock-addr.h"
#include "util/module.h"

enum { UDP_DATAGRAM = 65536 };

typedef struct UdpChardev {
    Chardev parent;
    int fd;
    guint watch;
    int have, given;               /* bytes in datagram, and of them read by the front end */
    uint8_t datagram[UDP_DATAGRAM];
} UdpChardev;

static void udp_deliver(UdpChardev *udp)
{
    int room;

    while (udp->given < udp->have && (room = chr_be_can_write(&udp->parent)) > 0) {
        int n = MIN(room, udp->have - udp->given);
        udp->given += n;
        chr_be_write(&udp->parent, udp->datagram + udp->given - n, n);
    }
}

static gboolean udp_ready(gint fd, GIOCondition cond, gpointer opaque)
{
    UdpChardev *udp = opaque;
    ssize_t n = recv(fd, udp->datagram, sizeof(udp->datagram), MSG_DONTWAIT);

    udp->given = 0;
    udp->have = MAX(n, 0);
    udp_deliver(udp);
    if (udp->given < udp->have) {
        udp->watch = 0; /* until the front end has taken this one */
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static void udp_update_read(Chardev *chr)
{
    UdpChardev *udp = (UdpChardev *)chr;

    udp_deliver(udp);
    if (udp->given == udp->have && !udp->watch) {
        udp->watch = g_unix_fd_add(udp->fd, G_IO_IN, udp_ready, udp);
    }
}

static void udp_write(Chardev *chr, const uint8_t *buf, int len)
{
    if (send(((UdpChardev *)chr)->fd, buf, len, MSG_DONTWAIT) < 0) {
        return; /* UDP promises nothing */
    }
}

static bool udp_connect(UdpChardev *udp, GArray *local, GArray *remote, Error **errp)
{
    const SockAddr *from = &g_array_index(local, SockAddr, 0);
    const SockAddr *to = &g_array_index(remote, SockAddr, 0);
    g_autofree char *from_text = sock_addr_text(from), *to_text = sock_addr_text(to);

    udp->fd = socket(to->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (udp->fd < 0 || bind(udp->fd, &from->sa, from->len) < 0 ||
        connect(udp->fd, &to->sa, to->len) < 0) {
        error_setg_errno(errp, errno, "chardev %s: UDP from %s to %s", udp->parent.label, from_text,
                         to_text);
        return false;
    }
    chardev_set_filename(&udp->parent, "udp:%s", to_text);
    return true;
}

static bool udp_open(Chardev *chr, OptDict *opts, Error **errp)
{
    UdpChardev *udp = (UdpChardev *)chr;
    const char *host = optdict_get(opts, "host"), *local_host = optdict_get(opts, "localaddr");
    const char *local_port = optdict_get(opts, "localport");
    const char *port = chardev_require(chr, opts, "port", errp);
    g_autoptr(GArray) remote = NULL, local = NULL;

    udp->fd = -1;
    if (!port) {
        return false;
    }
    remote = sock_addr_resolve(host && *host ? host : "localhost", port, SOCK_DGRAM, AF_UNSPEC,
                               false, errp);
    if (!remote) {
        return false;
    }
    local = sock_addr_resolve(local_host ? local_host : "", local_port ? local_port : "0",
                              SOCK_DGRAM, g_array_index(remote, SockAddr, 0).sa.sa_family, true,
                              errp);
    if (!local || !udp_connect(udp, local, remote, errp)) {
        return false;
    }
    chr_be_event(chr, CHR_EVENT_OPENED);
    udp_update_read(chr);
    return true;
}

static void udp_close(Chardev *chr)
{
    UdpChardev *udp = (UdpChardev *)chr;

    if (udp->watch) {
        g_source_remove(udp->watch);
    }
    if (udp->fd >= 0) {
        close(udp->fd);
    }
}

static const ChardevInfo udp_info = {
    .name = "udp",
    .desc = "UDP datagrams (host=, port=, localaddr=, localport=)",
    .size = sizeof(UdpChardev),
    .open = udp_open,
    .close = udp_close,
    .write = udp_write,
    .update_read = udp_update_read,
};
CHARDEV_TYPE(udp_info)
