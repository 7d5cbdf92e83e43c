/*
 * "socket": a stream over a unix or TCP socket, as server or client.
 *
 * One peer at a time. A server listens again when its peer has gone; a client
 * with reconnect=N tries every N seconds. While nobody is connected, output
 * vanishes.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>
#include "chardev/char-int.h"
#include "chardev/sock-addr.h"
#include "chardev/telnet.h"
#include "util/module.h"
#include "util/trace.h"

TRACE_EVENT(socket_connect_failed, "%s: %s");

typedef struct SocketChardev {
    Chardev parent;
    CharIO io;
    GArray *addrs;          /* of SockAddr; NULL with fd= */
    char *where;            /* "unix:/path" or "tcp:host:port" */
    char *unlink_path;      /* a server's socket file */
    bool server, wait, is_telnet, nodelay;
    uint64_t reconnect;     /* seconds; 0: never */
    int listen_fd;          /* server */
    guint listen_watch;
    int pending_fd;         /* client whose connect() is under way */
    guint pending_watch, reconnect_timer;
    Telnet telnet;
} SocketChardev;

static void listen_again(SocketChardev *s);
static void schedule_reconnect(SocketChardev *s);

/* --- connection ---------------------------------------------------------------------- */

static void show_disconnected(SocketChardev *s)
{
    chardev_set_filename(&s->parent, "disconnected:%s%s", s->where,
                         s->server ? ",server=on" : "");
}

static void show_connected(SocketChardev *s, int fd)
{
    const char *server = s->server ? ",server=on" : "";
    SockAddr addr = { .len = sizeof(addr.storage) };

    if (getsockname(fd, &addr.sa, &addr.len) == 0 && addr.sa.sa_family == AF_UNIX) {
        chardev_set_filename(&s->parent, "%s%s", s->where, server);
    } else {
        g_autofree char *local = sock_local_text(fd), *peer = sock_peer_text(fd);
        chardev_set_filename(&s->parent, "%s:%s%s <-> %s", s->is_telnet ? "telnet" : "tcp", local,
                             server, peer);
    }
}

static bool is_unix_socket(int fd)
{
    SockAddr addr = { .len = sizeof(addr.storage) };
    return getsockname(fd, &addr.sa, &addr.len) == 0 && addr.sa.sa_family == AF_UNIX;
}

static void connected(SocketChardev *s, int fd)
{
    if (s->nodelay) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    }
    show_connected(s, fd);
    s->io.passes_fds = is_unix_socket(fd);
    char_io_attach(&s->io, fd, fd);
    if (s->is_telnet) {
        s->telnet = (Telnet){ 0 };
        char_io_write(&s->io, telnet_greeting, sizeof(telnet_greeting));
    }
    chr_be_event(&s->parent, CHR_EVENT_OPENED);
    char_io_update(&s->io);
}

static void socket_hangup(Chardev *chr)
{
    SocketChardev *s = (SocketChardev *)chr;

    char_io_detach(&s->io);
    show_disconnected(s);
    chr_be_event(chr, CHR_EVENT_CLOSED);
    if (s->server) {
        listen_again(s);
    } else if (s->reconnect) {
        schedule_reconnect(s);
    }
}

static int socket_filter(Chardev *chr, uint8_t *buf, int len)
{
    SocketChardev *s = (SocketChardev *)chr;
    bool brk;
    int kept = telnet_filter(&s->telnet, buf, len, &brk);

    if (brk) {
        chr_be_event(chr, CHR_EVENT_BREAK);
    }
    return kept;
}

/* --- server -------------------------------------------------------------------------- */

static gboolean accept_ready(gint listen_fd, GIOCondition cond, gpointer opaque)
{
    SocketChardev *s = opaque;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) {
        return G_SOURCE_CONTINUE;
    }
    s->listen_watch = 0;
    connected(s, fd);
    return G_SOURCE_REMOVE;
}

static void listen_again(SocketChardev *s)
{
    if (!s->listen_watch) {
        s->listen_watch = g_unix_fd_add(s->listen_fd, G_IO_IN, accept_ready, s);
    }
}

static int listen_on(const SockAddr *addr)
{
    int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (bind(fd, &addr->sa, addr->len) < 0 || listen(fd, 1) < 0) {
        int err = errno;
        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

static void set_port(SockAddr *addr, unsigned port)
{
    if (addr->sa.sa_family == AF_INET6) {
        ((struct sockaddr_in6 *)&addr->storage)->sin6_port = htons(port);
    } else {
        ((struct sockaddr_in *)&addr->storage)->sin_port = htons(port);
    }
}

static unsigned get_port(const SockAddr *addr)
{
    return addr->sa.sa_family == AF_INET6
               ? ntohs(((const struct sockaddr_in6 *)&addr->storage)->sin6_port)
               : ntohs(((const struct sockaddr_in *)&addr->storage)->sin_port);
}

/* The first address that can be bound, with ports up to last_port (to=) tried in turn. */
static bool start_listening(SocketChardev *s, uint64_t last_port, Error **errp)
{
    for (guint i = 0; i < s->addrs->len && s->listen_fd < 0; i++) {
        SockAddr addr = g_array_index(s->addrs, SockAddr, i);
        s->listen_fd = listen_on(&addr);
        if (addr.sa.sa_family == AF_UNIX) {
            continue;
        }
        for (uint64_t port = get_port(&addr) + 1; s->listen_fd < 0 && port <= last_port; port++) {
            set_port(&addr, port);
            s->listen_fd = listen_on(&addr);
        }
    }
    if (s->listen_fd < 0) {
        error_setg_errno(errp, errno, "chardev %s: cannot listen on %s", s->parent.label,
                         s->where);
    }
    return s->listen_fd >= 0;
}

static void show_bound_port(SocketChardev *s)
{
    g_autofree char *text = sock_local_text(s->listen_fd);

    if (!g_str_has_prefix(s->where, "unix:")) {
        g_free(s->where);
        s->where = g_strdup_printf("%s:%s", s->is_telnet ? "telnet" : "tcp", text);
    }
    show_disconnected(s);
}

static bool wait_for_peer(SocketChardev *s, Error **errp)
{
    int fd;

    fprintf(stderr, "%s: waiting for connection on: %s\n", g_get_prgname() ?: "doppel",
            s->parent.filename);
    do {
        fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        error_setg_errno(errp, errno, "chardev %s: %s", s->parent.label, s->where);
        return false;
    }
    connected(s, fd);
    return true;
}

static bool open_server(SocketChardev *s, uint64_t last_port, Error **errp)
{
    if (s->unlink_path) {
        unlink(s->unlink_path); /* left over from an emulator that did not end well */
    }
    if (s->listen_fd < 0 && !start_listening(s, last_port, errp)) {
        g_clear_pointer(&s->unlink_path, g_free);
        return false;
    }
    show_bound_port(s);
    if (s->wait) {
        return wait_for_peer(s, errp);
    }
    g_unix_set_fd_nonblocking(s->listen_fd, TRUE, NULL);
    listen_again(s);
    return true;
}

/* --- client -------------------------------------------------------------------------- */

static bool connect_blocking(SocketChardev *s, Error **errp)
{
    int err = 0;

    for (guint i = 0; i < s->addrs->len; i++) {
        SockAddr *addr = &g_array_index(s->addrs, SockAddr, i);
        int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, &addr->sa, addr->len) == 0) {
            connected(s, fd);
            return true;
        }
        err = errno;
        if (fd >= 0) {
            close(fd);
        }
    }
    error_setg_errno(errp, err, "chardev %s: cannot connect to %s", s->parent.label, s->where);
    return false;
}

static void connect_failed(SocketChardev *s, int err)
{
    trace(socket_connect_failed, s->parent.label, g_strerror(err));
    if (s->pending_fd >= 0) {
        close(s->pending_fd);
        s->pending_fd = -1;
    }
    schedule_reconnect(s);
}

static gboolean connect_done(gint fd, GIOCondition cond, gpointer opaque)
{
    SocketChardev *s = opaque;
    socklen_t len = sizeof(int);
    int err = 0;

    s->pending_watch = 0;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
    if (err) {
        connect_failed(s, err);
    } else {
        s->pending_fd = -1;
        connected(s, fd);
    }
    return G_SOURCE_REMOVE;
}

/* One attempt, without blocking, at the first address. */
static gboolean connect_attempt(gpointer opaque)
{
    SocketChardev *s = opaque;
    SockAddr *addr = &g_array_index(s->addrs, SockAddr, 0);
    int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    s->reconnect_timer = 0;
    s->pending_fd = fd;
    if (fd >= 0 && connect(fd, &addr->sa, addr->len) == 0) {
        s->pending_fd = -1;
        connected(s, fd);
    } else if (fd >= 0 && errno == EINPROGRESS) {
        s->pending_watch = g_unix_fd_add(fd, G_IO_OUT | G_IO_ERR | G_IO_HUP, connect_done, s);
    } else {
        connect_failed(s, errno);
    }
    return G_SOURCE_REMOVE;
}

static void schedule_reconnect(SocketChardev *s)
{
    s->reconnect_timer = g_timeout_add_seconds(s->reconnect, connect_attempt, s);
}

static bool open_client(SocketChardev *s, Error **errp)
{
    show_disconnected(s);
    if (!s->reconnect) {
        return connect_blocking(s, errp);
    }
    connect_attempt(s);
    return true;
}

/* --- options ------------------------------------------------------------------------- */

static bool parse_unix(SocketChardev *s, OptDict *opts, const char *path, Error **errp)
{
    bool abstract = false, tight = true;
    SockAddr addr;

    if (!optdict_get_bool(opts, "abstract", &abstract, errp) ||
        !optdict_get_bool(opts, "tight", &tight, errp) ||
        !sock_addr_unix(&addr, path, abstract, errp)) {
        return false;
    }
    if (abstract && !tight) {
        addr.len = sizeof(struct sockaddr_un);
    }
    s->where = g_strdup_printf("unix:%s%s", path,
                               !abstract ? "" : tight ? ",abstract=on" : ",abstract=on,tight=off");
    s->unlink_path = s->server && !abstract ? g_strdup(path) : NULL;
    s->addrs = g_array_new(FALSE, TRUE, sizeof(SockAddr));
    g_array_append_val(s->addrs, addr);
    return true;
}

static bool parse_inet(SocketChardev *s, OptDict *opts, Error **errp)
{
    const char *host = optdict_get(opts, "host");
    const char *port = chardev_require(&s->parent, opts, "port", errp);
    bool ipv4 = true, ipv6 = true;

    if (!port || !optdict_get_bool(opts, "ipv4", &ipv4, errp) ||
        !optdict_get_bool(opts, "ipv6", &ipv6, errp)) {
        return false;
    }
    if (optdict_get(opts, "ipv4") && ipv4 && !optdict_get(opts, "ipv6")) {
        ipv6 = false;
    } else if (optdict_get(opts, "ipv6") && ipv6 && !optdict_get(opts, "ipv4")) {
        ipv4 = false;
    }
    host = host ? host : "";
    s->where = g_strdup_printf("%s:%s:%s", s->is_telnet ? "telnet" : "tcp", host, port);
    s->addrs = sock_addr_resolve(host, port, SOCK_STREAM,
                                 ipv4 && ipv6 ? AF_UNSPEC : ipv4 ? AF_INET : AF_INET6, s->server,
                                 errp);
    return s->addrs != NULL;
}

static bool parse_address(SocketChardev *s, OptDict *opts, Error **errp)
{
    const char *path = optdict_get(opts, "path");

    if (path && optdict_get(opts, "host")) {
        error_setg(errp, "chardev %s: path= and host= exclude each other", s->parent.label);
        return false;
    }
    return path ? parse_unix(s, opts, path, errp) : parse_inet(s, opts, errp);
}

static bool parse_flags(SocketChardev *s, OptDict *opts, Error **errp)
{
    bool delay = true;

    if (!optdict_get_bool(opts, "server", &s->server, errp) ||
        !optdict_get_bool(opts, "telnet", &s->is_telnet, errp) ||
        !optdict_get_bool(opts, "nodelay", &s->nodelay, errp) ||
        !optdict_get_bool(opts, "delay", &delay, errp) ||
        !optdict_get_u64(opts, "reconnect", &s->reconnect, errp)) {
        return false;
    }
    s->nodelay |= !delay;
    s->wait = s->server;
    if (!optdict_get_bool(opts, "wait", &s->wait, errp)) {
        return false;
    }
    if (s->wait && !s->server) {
        error_setg(errp, "chardev %s: wait=on needs server=on", s->parent.label);
    } else if (s->reconnect && s->server) {
        error_setg(errp, "chardev %s: reconnect= is for clients, it excludes server=on",
                   s->parent.label);
    } else if (s->reconnect > G_MAXUINT / 1000) {
        error_setg(errp, "chardev %s: reconnect=%" PRIu64 " is in seconds", s->parent.label,
                   s->reconnect);
    } else {
        return true;
    }
    return false;
}

/* fd=N: a socket that the parent process opened; it listens if server=on. */
static bool open_fd(SocketChardev *s, uint64_t fd, Error **errp)
{
    int type = 0;
    socklen_t len = sizeof(type);

    if (fd > INT_MAX || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
        type != SOCK_STREAM || s->reconnect) {
        error_setg(errp, "chardev %s: fd=%" PRIu64 " must be an open stream socket, without "
                   "reconnect=", s->parent.label, fd);
        return false;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    s->where = sock_local_text(fd);
    if (s->server) {
        g_autofree char *text = s->where;
        s->where = g_strdup_printf("%s%s", *text == '/' ? "unix:" : "tcp:", text);
        s->listen_fd = fd;
        return open_server(s, 0, errp);
    }
    connected(s, fd);
    return true;
}

static bool socket_open(Chardev *chr, OptDict *opts, Error **errp)
{
    SocketChardev *s = (SocketChardev *)chr;
    bool has_fd = optdict_get(opts, "fd") != NULL;
    uint64_t fd = 0, last_port = 0;

    s->listen_fd = s->pending_fd = -1;
    char_io_init(&s->io, chr);
    s->io.hangup = socket_hangup;
    if (!parse_flags(s, opts, errp) || !optdict_get_u64(opts, "fd", &fd, errp) ||
        !optdict_get_u64(opts, "to", &last_port, errp)) {
        return false;
    }
    s->io.filter = s->is_telnet ? socket_filter : NULL;
    if (has_fd) {
        return open_fd(s, fd, errp);
    }
    if (!parse_address(s, opts, errp) || !optdict_check_all_used(opts, errp)) {
        return false;
    }
    return s->server ? open_server(s, MIN(last_port, 65535), errp) : open_client(s, errp);
}

static void remove_source(guint source)
{
    if (source) {
        g_source_remove(source);
    }
}

static void socket_close(Chardev *chr)
{
    SocketChardev *s = (SocketChardev *)chr;

    remove_source(s->listen_watch);
    remove_source(s->pending_watch);
    remove_source(s->reconnect_timer);
    char_io_free(&s->io);
    if (s->listen_fd >= 0) {
        close(s->listen_fd);
    }
    if (s->pending_fd >= 0) {
        close(s->pending_fd);
    }
    if (s->unlink_path && s->listen_fd >= 0) {
        unlink(s->unlink_path);
    }
    g_clear_pointer(&s->addrs, g_array_unref);
    g_free(s->unlink_path);
    g_free(s->where);
}

static void socket_write(Chardev *chr, const uint8_t *buf, int len)
{
    SocketChardev *s = (SocketChardev *)chr;

    if (s->is_telnet) {
        g_autoptr(GByteArray) escaped = g_byte_array_sized_new(len);
        telnet_escape(escaped, buf, len);
        char_io_write(&s->io, escaped->data, escaped->len);
    } else {
        char_io_write(&s->io, buf, len);
    }
}

static void socket_update_read(Chardev *chr)
{
    char_io_update(&((SocketChardev *)chr)->io);
}

static void socket_flush(Chardev *chr)
{
    char_io_flush(&((SocketChardev *)chr)->io);
}

static int socket_take_fd(Chardev *chr)
{
    return char_io_take_fd(&((SocketChardev *)chr)->io);
}

static bool socket_add_client(Chardev *chr, int fd, Error **errp)
{
    SocketChardev *s = (SocketChardev *)chr;

    if (!s->server || chr->be_open) {
        error_setg(errp, "chardev '%s' %s", chr->label,
                   s->server ? "has a client already" : "is itself a client");
        return false;
    }
    remove_source(s->listen_watch);
    s->listen_watch = 0;
    connected(s, fd);
    return true;
}

/* The peer's end and our own reads see the connection end. */
static void socket_yank(Chardev *chr)
{
    SocketChardev *s = (SocketChardev *)chr;

    if (s->io.in_fd >= 0) {
        shutdown(s->io.in_fd, SHUT_RDWR);
    }
}

static const ChardevInfo socket_info = {
    .name = "socket",
    .desc = "unix or TCP stream (path= or host=,port= or fd=; server=, wait=, reconnect=, telnet=)",
    .size = sizeof(SocketChardev),
    .open = socket_open,
    .close = socket_close,
    .write = socket_write,
    .update_read = socket_update_read,
    .flush = socket_flush,
    .take_fd = socket_take_fd,
    .add_client = socket_add_client,
    .yank = socket_yank,
};
CHARDEV_TYPE(socket_info)
